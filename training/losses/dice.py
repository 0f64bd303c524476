"""Dice distance of soft maps."""

from torch import Tensor


def soft_dice(probability: Tensor, alpha: Tensor, trust: Tensor) -> Tensor:
    """`(B,)` Dice distance `1 - 2 sum(pg) / (sum(p^2) + sum(g^2))` of each frame over its trusted pixels.

    Squares in the denominator make the distance 0 for equal *soft* maps too (Milletari et al., V-Net, 2016).
    """
    shared = (probability * alpha * trust).sum(dim=(1, 2, 3))
    total = ((probability.square() + alpha.square()) * trust).sum(dim=(1, 2, 3))
    # One pixel of smoothing: an empty frame, rightly seen as empty, costs nothing.
    return 1 - (2 * shared + 1) / (total + 1)
