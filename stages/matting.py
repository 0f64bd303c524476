"""Closed-form matting of the unknown band only, and the foreground's own colours.

Source: A. Levin, D. Lischinski, Y. Weiss, "A closed-form solution to natural image matting", IEEE TPAMI 30(2), 2008;
foreground colours: T. Germer et al., "Fast multi-level foreground estimation", ICPR 2020 (both through pymatting).
The first import of pymatting on a machine compiles its kernels with numba (75 seconds of one core). They are kept
beside the package or in `NUMBA_CACHE_DIR`; later processes import them in a second, and only those that matte do.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from datasets.images import Grey, Image
from stages.base import Config
from stages.trimap import FOREGROUND, UNKNOWN

_REGULARISATION = 1e-5
"""Closed form's epsilon: colour variance below which a 3×3 window counts as flat. Video noise and JPEG need more than
the paper's 1e-7, which follows every compression block."""
_MARGIN = 2
"""A pixel takes part in 3×3 windows whose members lie up to two pixels away."""
_TOLERANCE = 1e-5
"""Relative residual of the solver: leaves alpha within an 8-bit step of the exact solution."""
_FILL = 100
"""Non-zeros per unknown pixel that the preconditioner may have; about 20 are used."""


class MattingConfig(Config):
    """Refinement of alpha in the unknown band.

    Attributes:
        enabled: without it alpha is the fused probability in the band.
        prior_weight: pull towards the fused probability; larger follows the votes, smaller follows the picture.
        max_unknown: unknown pixels above which the band is solved at a lower resolution (the cost is linear in them).
    """

    enabled: bool = True
    prior_weight: float = Field(default=0.1, gt=0)
    max_unknown: int = Field(default=60_000, ge=1)


def prepare() -> None:
    """Load the compiled kernels and keep them to one thread: every worker has its own core.

    Results do not depend on the number of threads. On a busy machine numba's threads mostly wait for each other.
    """
    import numba
    import pymatting  # noqa: F401 - its import loads (or, the first time, compiles) every kernel

    numba.set_num_threads(1)


def matte(image: Image, trimap: Grey, prior: NDArray[np.float32], config: MattingConfig) -> NDArray[np.float32]:
    """Alpha `(H, W)` float32 in 0-1: 0 and 1 where the trimap is sure, closed form in the unknown band.

    The prior alpha (the fused probability) enters with the small weight w = `prior_weight`: over the unknown pixels
    `αᵀLα + w·Σ(α − prior)²` is least, the sure ones being constraints. Where colours tell nothing the votes decide;
    where there is an edge in the picture alpha follows it.

    Args:
        image: `(H, W, 3)` uint8 RGB. trimap: `(H, W)` uint8, see `stages.trimap`.
        prior: `(H, W)`, 0-1.
    """
    alpha = np.where(trimap == UNKNOWN, prior, trimap == FOREGROUND).astype(np.float32)
    unknown = trimap == UNKNOWN
    count = int(unknown.sum())
    if count == 0 or not config.enabled:
        return alpha
    top, bottom, left, right = _bounds(unknown)
    crop = np.s_[top:bottom, left:right]
    scale = min(1.0, (config.max_unknown / count) ** 0.5)
    solved = _solve_at(scale, image[crop], unknown[crop], alpha[crop], config.prior_weight)
    alpha[crop][unknown[crop]] = solved[unknown[crop]]
    return alpha


def foreground_colours(image: Image, alpha: NDArray[np.float32]) -> Image:
    """Foreground colours `(H, W, 3)` uint8 RGB, the background taken out of mixed pixels: composites have no halo.

    Without any foreground, the image itself.
    """
    if not (alpha > 0).any():
        return image
    from pymatting.foreground.estimate_foreground_ml import estimate_foreground_ml

    estimate = estimate_foreground_ml(image.astype(np.float32) / 255, alpha.astype(np.float32))
    return np.asarray(np.rint(np.clip(estimate, 0, 1) * 255), np.uint8)


def _bounds(unknown: NDArray[np.bool_]) -> tuple[int, int, int, int]:
    rows, columns = np.flatnonzero(unknown.any(axis=1)), np.flatnonzero(unknown.any(axis=0))
    height, width = unknown.shape
    return (
        max(0, int(rows[0]) - _MARGIN),
        min(height, int(rows[-1]) + 1 + _MARGIN),
        max(0, int(columns[0]) - _MARGIN),
        min(width, int(columns[-1]) + 1 + _MARGIN),
    )


def _solve_at(
    scale: float,
    image: Image,
    unknown: NDArray[np.bool_],
    alpha: NDArray[np.float32],
    prior_weight: float,
) -> NDArray[np.float32]:
    height, width = unknown.shape
    size = (max(3, round(width * scale)), max(3, round(height * scale)))
    if size != (width, height):
        image = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
        small = np.asarray(cv2.resize(alpha, size, interpolation=cv2.INTER_AREA), np.float32)
        band = cv2.resize(unknown.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST).astype(bool)
        solved = _solve(image, band, small, prior_weight)
        return np.asarray(cv2.resize(solved, (width, height), interpolation=cv2.INTER_LINEAR), np.float32)
    return _solve(image, unknown, alpha, prior_weight)


def _solve(
    image: Image, unknown: NDArray[np.bool_], alpha: NDArray[np.float32], prior_weight: float
) -> NDArray[np.float32]:
    """Alpha with the unknown pixels solved for; `alpha` holds the constraints and, in the band, the prior."""
    from pymatting.laplacian.cf_laplacian import cf_laplacian
    from pymatting.preconditioner.ichol import ichol
    from pymatting.solver.cg import cg

    laplacian = cf_laplacian(image.astype(np.float64) / 255, _REGULARISATION, 1, ~unknown)
    free = np.flatnonzero(unknown)
    rows = laplacian[free]
    values = alpha.astype(np.float64).ravel()
    known = values.copy()
    known[free] = 0
    system = rows[:, free]
    system.sum_duplicates()
    system.setdiag(system.diagonal() + prior_weight)
    right = prior_weight * values[free] - rows @ known
    preconditioner = ichol(system.tocsc(), discard_threshold=1e-3, max_nnz=1000 + _FILL * len(free))
    values[free] = cg(system, right, x0=values[free], rtol=_TOLERANCE, M=preconditioner)
    return np.clip(values, 0, 1).reshape(alpha.shape).astype(np.float32)
