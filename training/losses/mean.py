"""The mean that trusts and weights enter."""

from torch import Tensor


def weighted_mean(values: Tensor, weights: Tensor) -> Tensor:
    """`sum(w v) / sum(w)`, a scalar; 0 when every weight is 0."""
    return (values * weights).sum() / weights.sum().clamp_min(1e-6)
