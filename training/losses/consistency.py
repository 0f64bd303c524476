"""Two views of one frame are to be answered alike."""

from torch import Tensor
from torch.nn import functional


def consistency(logits: Tensor, second: Tensor) -> Tensor:
    """Mean over pixels of `KL(p || q)`, p of the plainer view (held fixed), q of the more disturbed one; a scalar.

    No label enters, so every pixel counts, trusted or not.

    Source: Zhang et al., "PortraitNet", 2019, section 3.3 (temperature 1).

    Args:
        logits, second: `(B, 1, H, W)` float, of the two views.
    """
    wanted = logits.detach()
    probability = wanted.sigmoid()
    cross = functional.binary_cross_entropy_with_logits(second, probability)
    return cross - functional.binary_cross_entropy_with_logits(wanted, probability)
