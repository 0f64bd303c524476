"""Cross entropy of every pixel."""

from torch import Tensor
from torch.nn import functional


def cross_entropy(logits: Tensor, alpha: Tensor) -> Tensor:
    """`(B, 1, H, W)` binary cross entropy of logits with a soft target 0-1; weighing and averaging come later."""
    return functional.binary_cross_entropy_with_logits(logits, alpha, reduction="none")
