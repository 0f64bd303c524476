"""Views of imported masks before any label is fused: at the size of labels."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import pytest

from datasets.clips import Clip
from datasets.images import encode_jpeg, encode_png
from datasets.schema import FrameRow
from qa.annotation_views import truth_masks, views_of, with_masks

SIZE = (96, 128)


def person(x: int) -> np.ndarray:
    canvas = np.zeros(SIZE, np.uint8)
    cv2.ellipse(canvas, (x, 60), (16, 30), 0, 0, 360, 1, -1)
    return canvas > 0


def test_views_have_the_size_of_labels_and_the_masks_that_are_imported(frame: Callable[..., FrameRow]) -> None:
    picture = encode_jpeg(np.full((*SIZE, 3), 90, np.uint8))
    frames = tuple(frame(time_us=40 * i, width=SIZE[1], height=SIZE[0], image=picture) for i in range(2))
    views = views_of(Clip(frames), [person(60), person(64)], side=64)
    assert [view.shape for view in views] == [(48, 64)] * 2 and all(view.annotation is None for view in views)
    other = with_masks(views, [person(60), person(30)])
    assert other[0].annotation is not None and other[1].annotation is not None
    assert (other[0].annotation == views[0].label.mask).all()
    assert (other[1].annotation != views[1].label.mask).any()


def test_masks_are_drawn_at_the_size_of_labels(frame: Callable[..., FrameRow]) -> None:
    large = np.kron(person(60), np.ones((8, 8), np.bool_))
    row = frame(width=1024, height=768, image=b"")
    (mask,) = truth_masks((row,), (encode_png(large.astype(np.uint8) * 255),), longest_side=640)
    assert mask.shape == (480, 640) and mask.mean() == pytest.approx(large.mean(), abs=0.01)
