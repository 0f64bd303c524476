"""Masks that came with the footage vote as they are."""

from pathlib import Path

import numpy as np

from stages.paste import paste_maps
from stages.teachers.annotation import AnnotationConfig


def test_the_mask_is_the_vote() -> None:
    teacher = AnnotationConfig().open(Path())
    image = np.zeros((6, 8, 3), np.uint8)
    mask = np.random.default_rng(0).integers(0, 256, (6, 8), np.uint8)
    pasted = paste_maps(teacher.predict(image, [], mask), 8, 6)
    assert pasted is not None and np.array_equal(pasted, mask)


def test_without_a_mask_it_abstains() -> None:
    assert AnnotationConfig().open(Path()).predict(np.zeros((6, 8, 3), np.uint8), [(0, 0, 1, 1)]) == []
