from __future__ import annotations

import numpy as np
import pytest

from pipeline.review.interface import verdict_region
from pipeline.review.regions import NOT_PERSON, AnnotationError, brush_of, brush_region, painted_mask

MASK = np.zeros((6, 8), np.bool_)
MASK[1:4, 2:7] = True


def test_a_mask_goes_and_comes_back():
    region = brush_region(brush_of(MASK), 8, 6)
    assert (painted_mask([region], 8, 6) == MASK).all()
    assert painted_mask([verdict_region("fix")], 8, 6) is None
    other = np.roll(MASK, 3, axis=0)
    both = painted_mask([region, brush_region(brush_of(other), 8, 6)], 8, 6)
    assert (both == (MASK | other)).all()


def test_regions_are_laid_over_each_other_in_their_order():
    over = np.zeros_like(MASK)
    over[0:3, 0:5] = True
    add, take = brush_region(brush_of(MASK), 8, 6), brush_region(brush_of(over), 8, 6, NOT_PERSON)
    assert (painted_mask([add, verdict_region("fix"), take], 8, 6) == (MASK & ~over)).all()
    assert (painted_mask([take, add], 8, 6) == MASK).all()
    assert (painted_mask([add, take, add], 8, 6) == MASK).all()
    assert not painted_mask([add, take | {"value": add["value"] | {"brushlabels": [NOT_PERSON]}}], 8, 6).any()
    assert painted_mask([take], 8, 6) is None  # the mask was deleted: an oversight, not a decision
    assert (painted_mask([add | {"value": {"rle": add["value"]["rle"]}}], 8, 6) == MASK).all()  # its label removed


def test_a_smooth_brush_counts_from_more_than_half():
    from datasets.brush_rle import encode_mask

    values = np.array([[0, 127, 128, 255]], np.uint8)
    assert painted_mask([brush_region(encode_mask(values), 4, 1)], 4, 1).tolist() == [[False, False, True, True]]


def test_masks_that_are_none_are_refused():
    brush = brush_of(MASK)
    with pytest.raises(AnnotationError, match="the mask is 8x6, the picture 6x8"):
        painted_mask([brush_region(brush, 8, 6)], 6, 8)
    with pytest.raises(AnnotationError, match="cannot be read"):
        painted_mask([brush_region(brush[:6], 8, 6)], 8, 6)
    with pytest.raises(AnnotationError, match="cannot be read"):
        painted_mask([brush_region(b"", 8, 6)], 8, 6)
    with pytest.raises(AnnotationError, match="no brush stroke"):
        painted_mask([brush_region(brush, 8, 6) | {"value": None}], 8, 6)


def touch(kind: str, points: list[float], width: float) -> dict:
    return {"type": kind, "relativePoints": points, "relativeStrokeWidth": width, "points": [], "strokeWidth": 3}


def test_a_draft_keeps_strokes_instead_of_pixels():
    """As Label Studio 1.23 writes drafts: per cent of the picture, whatever its size on the screen."""
    stroke = brush_region(b"", 200, 100) | {"value": {"format": "rle", "brushlabels": ["person"]}}
    stroke["value"]["touches"] = [touch("add", [10, 50, 90, 50, 90, 50], 5)]
    mask = painted_mask([stroke], 200, 100)
    y, x = np.nonzero(mask)
    assert abs(x.min() - 15) <= 1 and abs(x.max() - 185) <= 1  # round ends
    assert abs(y.min() - 45) <= 1 and abs(y.max() - 55) <= 1
    stroke["value"]["touches"].append(touch("eraser", [50, 0, 50, 100], 10))
    assert (painted_mask([stroke], 200, 100) == (mask & ~mask_of_columns(90, 110))).all()
    known = brush_region(brush_of(mask_of_columns(0, 30)), 200, 100)
    known["value"]["touches"] = [touch("eraser", [0, 0, 0, 100], 10)]
    assert (painted_mask([known], 200, 100) == mask_of_columns(11, 30)).mean() > 0.99
    stroke["value"]["touches"] = [{"type": "add"}]
    with pytest.raises(AnnotationError, match="cannot be read"):
        painted_mask([stroke], 200, 100)


def mask_of_columns(start: int, end: int) -> np.ndarray:
    mask = np.zeros((100, 200), np.bool_)
    mask[:, start : end + 1] = True
    return mask
