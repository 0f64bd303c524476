"""The Objectron SSD: anchors and box code as published, and a person found in a photo."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from datasets.images import decode_rgb
from stages.detectors.base import intersection_over_union
from stages.detectors.ssd import SSDConfig, decode, ssd_anchors

ASTRONAUT = np.array([0.02, 0.02, 0.74, 1.0])


def test_anchors_are_those_of_the_model() -> None:
    anchors = ssd_anchors()
    assert anchors.shape == (1917, 4)
    assert anchors[0] == pytest.approx([0.5 / 19, 0.5 / 19, 0.1, 0.1])
    assert anchors[1] == pytest.approx([0.5 / 19, 0.5 / 19, 0.2 * 2**0.5, 0.2 / 2**0.5])
    assert anchors[1083] == pytest.approx([0.05, 0.05, 0.35, 0.35])  # the second map's first square
    assert anchors[1088] == pytest.approx([0.05, 0.05, (0.35 * 0.5) ** 0.5, (0.35 * 0.5) ** 0.5])
    assert anchors[-1] == pytest.approx([0.5, 0.5, 0.95**0.5, 0.95**0.5])


def test_box_code_by_hand() -> None:
    anchor = np.array([[0.5, 0.5, 0.2, 0.4]])
    assert decode(np.zeros((1, 4), np.float32), anchor)[0] == pytest.approx([0.4, 0.3, 0.6, 0.7])
    encoding = np.array([[1, -2, 5 * np.log(2), 0]], np.float32)  # y, x, h, w
    assert decode(encoding, anchor)[0] == pytest.approx([0.36, 0.14, 0.56, 0.94], abs=1e-6)


def test_finds_the_astronaut(asset: Callable[[str], Path]) -> None:
    detector = SSDConfig(file=str(asset("objectron_ssd"))).open(Path(), threads=1)
    found = detector.detect(decode_rgb(asset("astronaut").read_bytes()))
    assert found.scores[0] > 0.4
    assert intersection_over_union(ASTRONAUT, found.boxes)[0] > 0.85


def test_finds_nobody_in_an_empty_picture(asset: Callable[[str], Path]) -> None:
    detector = SSDConfig(file=str(asset("objectron_ssd"))).open(Path(), threads=1)
    found = detector.detect(np.full((120, 160, 3), 128, np.uint8))
    assert found.boxes.shape == (0, 4) and found.scores.shape == (0,)
