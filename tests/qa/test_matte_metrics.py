import itertools

import cv2
import numpy as np
import pytest
import scipy.ndimage

from qa.matte_metrics import conn, grad, mad, mad_t, mse, unknown_band


def test_mad_and_mse_by_hand():
    truth = np.zeros((4, 4))
    pred = truth.copy()
    pred[0, 0], pred[3, 3] = 0.5, 1.0
    assert mad(pred, truth) == pytest.approx(1.5 / 16 * 1e3)
    assert mse(pred, truth) == pytest.approx(1.25 / 16 * 1e3)


def test_bytes_and_floats_agree():
    rng = np.random.default_rng(1)
    pred, truth = (rng.integers(0, 256, (20, 30), dtype=np.uint8) for _ in range(2))
    for metric in (mad, mse, mad_t, grad, conn):
        assert metric(pred, truth) == pytest.approx(metric(pred / 255, truth / 255), rel=1e-5)


def test_every_metric_is_zero_for_the_truth_itself():
    truth = cv2.GaussianBlur(np.pad(np.ones((20, 20), np.float32), 20), (0, 0), 3)
    for metric in (mad, mse, mad_t, grad, conn):
        assert metric(truth, truth) == 0


def test_unknown_band_is_the_ellipse_ring():
    truth = np.zeros((60, 60), np.uint8)
    truth[20:40, 20:40] = 255
    band = unknown_band(truth)
    # The 10 x 10 ellipse reaches 5 px to one side of its anchor and 4 px to the other.
    assert band[30].sum() == 2 * 9
    assert not band[30, 30] and not band[5, 5] and band[30, 20] and band[30, 18]


def test_mad_t_sees_only_the_band():
    truth = np.zeros((60, 60), np.uint8)
    truth[20:40, 20:40] = 255
    far, near = truth.copy(), truth.copy()
    far[0, 0] = near[30, 19] = 0
    far[0, 0] = 255
    near[30, 19] = 255
    assert mad_t(far, truth) == 0
    assert mad_t(near, truth) == pytest.approx(1e3 / unknown_band(truth).sum())
    assert mad_t(far, np.zeros_like(truth)) == 0


def test_grad_matches_the_dense_filter_of_the_reference():
    """The reference builds 9 x 9 kernels g(y) g'(x), of unit L2 norm, and filters with replicated sides."""
    rng = np.random.default_rng(2)
    pred, truth = (cv2.GaussianBlur(rng.random((40, 50)), (0, 0), 2) for _ in range(2))
    x = np.arange(-4, 5)
    gauss = np.exp(-(x**2) / (2 * 1.4**2)) / (1.4 * np.sqrt(2 * np.pi))
    kernel = np.outer(gauss, -x * gauss / 1.4**2)
    kernel /= np.sqrt((kernel**2).sum())

    def magnitude(alpha: np.ndarray) -> np.ndarray:
        dx = cv2.filter2D(alpha, -1, kernel, borderType=cv2.BORDER_REPLICATE)
        dy = cv2.filter2D(alpha, -1, kernel.T, borderType=cv2.BORDER_REPLICATE)
        return np.sqrt(dx**2 + dy**2)

    expected = ((magnitude(pred) - magnitude(truth)) ** 2).sum() / 1000
    assert grad(pred, truth) == pytest.approx(expected, rel=1e-5)


def test_grad_does_not_stretch_the_alpha():
    ramp = np.tile(np.linspace(0, 1, 50), (40, 1))
    # On a linear ramp the gradient is a constant g; at half the slope the squared difference is (g / 2)².
    assert grad(ramp / 2, ramp) == pytest.approx(grad(ramp * 0, ramp) / 4, rel=0.02)


def test_conn_by_hand():
    # A sure 2 x 2 block, and a lone pixel of 0.6 that the truth has and the prediction has as 0.4.
    truth = np.zeros((4, 4))
    truth[:2, :2] = 1
    pred = truth.copy()
    truth[3, 3], pred[3, 3] = 0.6, 0.4
    # The lone pixel joins the largest component at no level: l = 0, φ = 1 - 0.6 and 1 - 0.4.
    assert conn(pred, truth) == pytest.approx(0.2 / 1000)


def test_conn_cut_forgives_small_distances():
    # A 1 x 4 strip joined to the block: everything is connected at level 0.5, so d(0.6) = 0.1 < 0.15 is forgiven.
    truth, pred = np.ones((1, 4)), np.ones((1, 4))
    truth[0, 3], pred[0, 3] = 0.5, 0.6
    assert conn(pred, truth) == 0
    # At 0.7 the distance is 0.2 and counts in full.
    pred[0, 3] = 0.7
    assert conn(pred, truth) == pytest.approx(0.2 / 1000, rel=1e-5)


def test_conn_of_empty_alphas_is_zero():
    assert conn(np.zeros((4, 4)), np.zeros((4, 4))) == 0


def soft(seed: int) -> np.ndarray:
    """A random matte `(40, 50)` float64 with flat zeros, flat ones and soft edges."""
    noise = cv2.GaussianBlur(np.random.default_rng(seed).random((40, 50)), (0, 0), 4)
    return np.rint(255 * np.clip((noise - np.median(noise)) / noise.std() + 0.5, 0, 1)) / 255


def nearly(matte: np.ndarray, seed: int) -> np.ndarray:
    return np.rint(255 * np.clip(matte + 0.3 * (soft(seed) - 0.5), 0, 1)) / 255


MATTES = [(nearly(soft(seed), seed + 30), soft(seed)) for seed in range(3)]


def test_mad_mse_and_mad_t_agree_with_loops():
    ellipse = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (10, 10)).astype(bool)
    for pred, truth in MATTES:
        errors = [abs(p - g) for p, g in zip(pred.ravel(), truth.ravel(), strict=True)]
        assert mad(pred, truth) == pytest.approx(1e3 * sum(errors) / len(errors), rel=1e-5)
        assert mse(pred, truth) == pytest.approx(1e3 * sum(e * e for e in errors) / len(errors), rel=1e-5)
        # OpenCV anchors the even kernel at (5, 5) for both operations; scipy mirrors it for a dilation.
        outer = scipy.ndimage.binary_dilation(truth > 0, ellipse[::-1, ::-1], origin=-1)
        inner = scipy.ndimage.binary_erosion(truth >= 1, ellipse, border_value=1)
        band = outer & ~inner
        assert 0 < band.sum() < band.size
        np.testing.assert_array_equal(unknown_band(truth), band)
        assert mad_t(pred, truth) == pytest.approx(1e3 * np.abs(pred - truth)[band].mean(), rel=1e-5)


def test_conn_agrees_with_the_reference_written_with_scipy():
    """Level by level, as the evaluation code of Rhemann et al. and its Python ports have it."""
    for pred, truth in MATTES:
        level = np.full(truth.shape, -1.0)
        steps = np.arange(0, 1.01, 0.1)
        for before, step in itertools.pairwise(steps):
            shared = np.minimum(pred, truth) >= step - 1e-9
            labels, count = scipy.ndimage.label(shared)  # 4-connected by default
            omega = labels == 1 + np.argmax(scipy.ndimage.sum_labels(shared, labels, range(1, count + 1)))
            omega &= shared
            level[(level == -1) & ~omega] = before
        level[level == -1] = 1

        def phi(alpha: np.ndarray, level: np.ndarray = level) -> np.ndarray:
            distance = alpha - level
            return 1 - distance * (distance >= 0.15 - 1e-9)

        expected = np.abs(phi(pred) - phi(truth)).sum() / 1000
        assert expected > 0 and conn(pred, truth) == pytest.approx(expected, rel=1e-3)
