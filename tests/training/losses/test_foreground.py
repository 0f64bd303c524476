import pytest
import torch

from training.losses.foreground import foreground


def test_by_hand_over_pixels_with_a_person_and_a_known_colour() -> None:
    truth = torch.zeros(1, 3, 1, 4)
    found = truth.clone()
    found[0, 0, 0, 0] = 0.6  # one colour of three
    found[0, :, 0, 1] = 0.1
    found[0, :, 0, 2:] = 0.9  # nobody there; not known
    alpha = torch.tensor([1.0, 0.2, 0.0, 1.0]).view(1, 1, 1, 4)
    weights = torch.tensor([1.0, 3.0, 1.0, 0.0]).view(1, 1, 1, 4)
    assert foreground(found, truth, alpha, weights).item() == pytest.approx((0.2 + 3 * 0.1) / 4)


def test_without_a_person_it_is_zero() -> None:
    nobody = torch.zeros(1, 1, 2, 2)
    assert foreground(torch.ones(1, 3, 2, 2), torch.zeros(1, 3, 2, 2), nobody, nobody + 1).item() == 0
