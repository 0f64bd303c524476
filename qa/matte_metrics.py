"""Matte metrics of one alpha against an exact one: MAD, MSE, Grad, Conn and MAD in the unknown band.

Alphas are `(H, W)`: uint8 0-255, float 0-1 or bool. Nothing is stretched to 0-1 first (RVM does at low resolution).
"""

from __future__ import annotations

import functools
import math

import cv2
import numpy as np
from numpy.typing import NDArray

from qa.metrics import Alpha, Mask, as_unit, check_shapes

GRAD_SIGMA = 1.4
CONN_STEP = 0.1
CONN_CUT = 0.15
BAND_KERNEL = 10


def mad(pred: Alpha, truth: Alpha) -> float:
    """Mean absolute difference × 1e3."""
    check_shapes(pred, truth)
    return float(np.mean(np.abs(as_unit(pred) - as_unit(truth)), dtype=np.float64)) * 1e3


def mse(pred: Alpha, truth: Alpha) -> float:
    """Mean squared error × 1e3."""
    check_shapes(pred, truth)
    return float(np.mean(np.square(as_unit(pred) - as_unit(truth)), dtype=np.float64)) * 1e3


def mad_t(pred: Alpha, truth: Alpha) -> float:
    """Mean absolute difference × 1e3 inside the truth's unknown band: the error of the edge alone.

    0 where the truth has no band (an empty or a full alpha).
    """
    check_shapes(pred, truth)
    band = unknown_band(truth)
    if not band.any():
        return 0.0
    return float(np.mean(np.abs(as_unit(pred) - as_unit(truth))[band], dtype=np.float64)) * 1e3


def unknown_band(truth: Alpha) -> Mask:
    """`(H, W)` bool: pixels in the dilation of alpha > 0 but not in the erosion of alpha = 1 (10 × 10 ellipse)."""
    unit = as_unit(truth)
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (BAND_KERNEL, BAND_KERNEL))
    outer = cv2.dilate((unit > 0).astype(np.uint8), kernel)
    inner = cv2.erode((unit >= 1).astype(np.uint8), kernel)
    return np.asarray((outer > 0) & (inner == 0))


def grad(pred: Alpha, truth: Alpha) -> float:
    """Gradient error Σ(|∇p| − |∇g|)² / 1000, ∇ by Gaussian derivatives with σ = 1.4.

    Source: Rhemann et al., "A Perceptually Motivated Online Benchmark for Image Matting", CVPR 2009.
    """
    check_shapes(pred, truth)
    difference = _gradient_magnitude(as_unit(pred)) - _gradient_magnitude(as_unit(truth))
    return float(np.sum(np.square(difference), dtype=np.float64)) / 1000


def conn(pred: Alpha, truth: Alpha) -> float:
    """Connectivity error Σ|φ(p) − φ(g)| / 1000.

    l is, pixel by pixel, the highest level (in steps of 0.1) at which it still belongs to the largest 4-connected
    component of `min(p, g) ≥ level`; φ(a) = 1 − d where d = a − l is at least 0.15, else 1.

    Source: Rhemann et al., CVPR 2009.
    """
    check_shapes(pred, truth)
    p, g = as_unit(pred), as_unit(truth)
    shared = np.minimum(p, g)
    level = np.ones_like(p)
    open_pixels = np.ones(p.shape, dtype=np.bool_)
    for step in range(1, round(1 / CONN_STEP) + 1):
        # 3 * 0.1 lies above the float32 0.3: without the slack an alpha of exactly 0.3 would miss its level.
        omega = _largest_component(shared >= step * CONN_STEP - 1e-6)
        level[open_pixels & ~omega] = (step - 1) * CONN_STEP
        open_pixels &= omega
    return float(np.sum(np.abs(_connectivity(p - level) - _connectivity(g - level)), dtype=np.float64)) / 1000


def _connectivity(distance: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(1 - distance * (distance >= CONN_CUT), dtype=np.float32)


def _largest_component(mask: Mask) -> Mask:
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=4)
    if count < 2:
        return np.zeros(mask.shape, dtype=np.bool_)
    return np.asarray(labels == 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA])))


def _gradient_magnitude(unit: NDArray[np.float32]) -> NDArray[np.float64]:
    smooth, slope = _derivative_kernels(GRAD_SIGMA)
    pixels = unit.astype(np.float64)
    along_x = cv2.sepFilter2D(pixels, cv2.CV_64F, slope, smooth, borderType=cv2.BORDER_REPLICATE)
    along_y = cv2.sepFilter2D(pixels, cv2.CV_64F, smooth, slope, borderType=cv2.BORDER_REPLICATE)
    return np.hypot(along_x, along_y)


@functools.cache
def _derivative_kernels(sigma: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Gaussian and its derivative, cut where the Gaussian falls below 1e-2, so that their product has unit L2 norm."""
    half = math.ceil(sigma * math.sqrt(-2 * math.log(math.sqrt(2 * math.pi) * sigma * 1e-2)))
    x = np.arange(-half, half + 1, dtype=np.float64)
    smooth = np.exp(-(x**2) / (2 * sigma**2)) / (sigma * math.sqrt(2 * math.pi))
    slope = -x * smooth / sigma**2
    return smooth / np.linalg.norm(smooth), slope / np.linalg.norm(slope)
