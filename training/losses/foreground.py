"""The person's own colours, without what shines through from behind."""

from torch import Tensor

from training.losses.mean import weighted_mean


def foreground(found: Tensor, truth: Tensor, alpha: Tensor, weights: Tensor) -> Tensor:
    """Weighted mean over pixels with alpha above 0 of `|F - F*|`, averaged over the colours; a scalar.

    Where there is no person there is no foreground to be right about.

    Source: Lin et al., "Robust High-Resolution Video Matting with Temporal Guidance", WACV 2022, equation 4.

    Args:
        found, truth: `(B, 3, H, W)` float 0-1, RGB. alpha, weights: `(B, 1, H, W)`; weight 0 where truth is not known.
    """
    return weighted_mean((found - truth).abs().mean(dim=1, keepdim=True), weights * (alpha > 0))
