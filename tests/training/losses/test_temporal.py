import pytest
import torch

from training.losses.temporal import temporal


def _row(*values: float) -> torch.Tensor:
    return torch.tensor(values).view(1, 1, 1, -1)


def test_changes_are_compared_by_hand() -> None:
    # Pixel 1 appears as it should; pixel 2 flickers by .4; pixel 3 stays wrong, which is no change; pixel 4 lags by 1.
    alpha, earlier = _row(1.0, 0.7, 1.0, 0.0), _row(0.0, 0.3, 1.0, 0.0)
    truth, earlier_truth = _row(1.0, 1.0, 0.0, 1.0), _row(0.0, 1.0, 0.0, 0.0)
    ones = torch.ones_like(alpha)
    assert temporal(alpha, earlier, truth, earlier_truth, ones).item() == pytest.approx(5 * (0.16 + 1) / 4)
    distrusted = _row(1.0, 1.0, 1.0, 0.0)
    assert temporal(alpha, earlier, truth, earlier_truth, distrusted).item() == pytest.approx(5 * 0.16 / 3)
