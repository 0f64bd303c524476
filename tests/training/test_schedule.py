from __future__ import annotations

import pytest

from training.config import TrainConfig
from training.schedule import rate_share, training_size


def test_the_rate_rises_stays_and_falls(tiny: TrainConfig) -> None:
    config = tiny.model_copy(update={"steps": 130, "coarse_steps": 30, "warmup_steps": 10})
    assert rate_share(0, config) == pytest.approx(0.1)
    assert rate_share(9, config) == rate_share(29, config) == rate_share(30, config) == pytest.approx(1.0)
    assert rate_share(80, config) == pytest.approx(0.505)
    assert rate_share(130, config) == pytest.approx(0.01)


def test_without_coarse_steps_the_rate_falls_after_the_warm_up(tiny: TrainConfig) -> None:
    config = tiny.model_copy(update={"steps": 110, "coarse_steps": 0, "warmup_steps": 10})
    assert rate_share(10, config) == pytest.approx(1.0)
    assert rate_share(60, config) == pytest.approx(0.505)


def test_frames_are_halved_at_first(tiny: TrainConfig) -> None:
    assert [training_size(step, tiny) for step in (2, 3)] == [(16, 32), (32, 64)]
