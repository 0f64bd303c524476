from __future__ import annotations

import cv2
import numpy as np
import pytest

from qa.seams import compare, seam_findings, steepness, too_steep


def _ramp(width: int) -> tuple[np.ndarray, np.ndarray]:
    """Dark on the left, bright on the right, `width` equal steps in between; the person is the right half."""
    line = np.clip((np.arange(60) - 30 + (width - 1) // 2) * (120 // width) + 120 // width, 0, 120) + 60
    image = np.repeat(np.tile(line.astype(np.uint8), (40, 1))[..., None], 3, axis=2)
    alpha = np.zeros((40, 60), np.uint8)
    alpha[:, 30:] = 255
    return image, alpha


@pytest.mark.parametrize("width", [1, 2, 3, 4])
def test_a_step_of_w_pixels_has_steepness_one_by_w(width: int) -> None:
    assert steepness(*_ramp(width)) == pytest.approx(1 / width, abs=0.02)


def test_how_strong_the_step_is_does_not_matter() -> None:
    image, alpha = _ramp(3)
    assert steepness(image // 2, alpha) == pytest.approx(steepness(image, alpha), abs=0.03)


def test_an_outline_that_cannot_be_seen_is_not_measured() -> None:
    image, alpha = _ramp(1)
    assert steepness(np.full_like(image, 90), alpha) is None
    assert steepness(image, np.zeros_like(alpha)) is None


def test_distributions_are_compared_by_hand() -> None:
    same = compare([0.2, 0.4], [0.2, 0.4])
    assert (same.effect, same.distance) == (0.0, 0.0)
    apart = compare([0.2, 0.4], [0.5, 0.7])
    assert apart.effect == pytest.approx(0.3 / 0.1)
    assert apart.distance == 1.0
    assert compare([0.1, 0.2, 0.3, 0.4], [0.1, 0.2, 0.35, 0.4]).distance == pytest.approx(0.25)
    assert compare([], [0.3]).real == 0


def test_the_limit_is_the_median_and_some_spreads() -> None:
    values = [0.30, 0.32, 0.34, 0.36, 0.38]
    assert too_steep(values, spreads=4) == pytest.approx(0.34 + 4 * 0.034)  # quartiles are nearer than a tenth
    assert too_steep([0.1, 0.2, 0.3, 0.4, 0.5], spreads=2) == pytest.approx(0.3 + 2 * 0.2 / 1.35)


def test_a_hard_paste_among_soft_ones_is_found_and_nothing_else() -> None:
    rng = np.random.default_rng(0)
    edges = {}
    for index in range(12):
        alpha = np.zeros((90, 120), np.uint8)
        cv2.circle(alpha, (60, 70), int(rng.integers(25, 40)), 255, -1)
        scene = cv2.GaussianBlur(rng.integers(0, 256, (90, 120, 3), dtype=np.uint8), (0, 0), 5)
        soft = (alpha if index == 7 else cv2.GaussianBlur(alpha, (0, 0), 1.2))[..., None] / 255
        picture = (soft * 230 + (1 - soft) * scene).astype(np.uint8)
        edge = steepness(picture, alpha)
        assert edge is not None
        edges[f"clip {index}"] = edge
    found = seam_findings(edges, compare(list(edges.values()), list(edges.values())))
    assert [finding.where for finding in found] == ["clip 7"]


def test_a_few_in_a_thousand_are_no_fault_and_more_are() -> None:
    rng = np.random.default_rng(1)
    edges = {f"clip {index}": float(value) for index, value in enumerate(rng.normal(0.3, 0.02, 1000))}
    alike = compare(list(edges.values()), list(edges.values()))
    assert seam_findings(edges | {f"hat {index}": 0.6 for index in range(5)}, alike) == []
    assert len(seam_findings(edges | {f"paste {index}": 0.6 for index in range(8)}, alike)) == 8


def test_all_of_them_steeper_than_real_frames_is_a_finding_too() -> None:
    edges = {f"clip {index}": 0.5 + index / 100 for index in range(5)}
    real = [0.3, 0.32, 0.34]
    assert [f.where for f in seam_findings(edges, compare(real, list(edges.values())))] == ["all clips"]
    assert seam_findings({}, compare(real, [])) == []
