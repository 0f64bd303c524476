"""Alpha is to change from frame to frame as the truth does: neither flicker nor lag."""

from torch import Tensor

from training.losses.mean import weighted_mean

SCALE = 5.0


def temporal(alpha: Tensor, earlier: Tensor, truth: Tensor, earlier_truth: Tensor, weights: Tensor) -> Tensor:
    """`5 mean(w ((a - a') - (g - g'))^2)`, a scalar.

    Source: Lin et al., "Robust High-Resolution Video Matting with Temporal Guidance", WACV 2022, equation 3.

    Args:
        alpha, earlier: `(B, 1, H, W)` float 0-1, of a frame and the one before. truth, earlier_truth: the same.
        weights: `(B, 1, H, W)` >= 0.
    """
    change = (alpha - earlier) - (truth - earlier_truth)
    return SCALE * weighted_mean(change.square(), weights)
