from __future__ import annotations

from datetime import UTC, datetime
from xml.etree import ElementTree

import numpy as np
import pytest

from datasets.schema import ERROR_TYPES
from pipeline.review.interface import (
    ERRORS,
    annotations_of,
    labelling_interface,
    prediction,
    verdict_of,
    verdict_region,
)
from pipeline.review.regions import NOT_PERSON, PERSON, AnnotationError, brush_of, brush_region

MASK = np.zeros((6, 8), np.bool_)
MASK[1:4, 2:7] = True


@pytest.mark.parametrize("assisted", [False, True])
def test_the_interface_has_a_mask_a_verdict_and_the_reason(assisted: bool):
    tree = ElementTree.fromstring(labelling_interface(assisted=assisted))
    names = {tag.get("name"): tag for tag in tree.iter() if tag.get("name")}
    assert {"mask", "verdict", "image", "context", "where"} <= names.keys()
    assert [choice.get("value") for choice in names["verdict"]] == ["accept", "fix", "reject"]
    values = {tag.get("value") for tag in tree.iter()}
    assert {"$image", "$context", "$reason", "$name"} <= values
    assert ERRORS.keys() == set(ERROR_TYPES)


def test_an_assisted_brush_asks_and_takes_away():
    plain, assisted = (
        next(ElementTree.fromstring(labelling_interface(assisted=one)).iter("BrushLabels")) for one in (False, True)
    )
    assert [label.get("value") for label in plain] == [PERSON] and plain.get("smart") is None
    assert [label.get("value") for label in assisted] == [PERSON, NOT_PERSON] and assisted.get("smart") == "true"


def test_an_empty_mask_is_no_region():
    assert brush_of(np.zeros((3, 3), np.bool_)) == b""
    assert prediction(b"", 3, 3, 0.5)["result"] == []
    assert prediction(brush_of(MASK), 8, 6, 0.25) == {
        "model_version": "autoroto",
        "score": 0.25,
        "result": [brush_region(brush_of(MASK), 8, 6)],
    }


def test_verdicts():
    assert verdict_of([verdict_region("fix"), brush_region(b"", 1, 1)]) == "fix"
    assert verdict_of([]) == ""
    with pytest.raises(AnnotationError, match="'maybe'"):
        verdict_of([verdict_region("maybe")])


def test_annotations_of_an_export_come_in_order():
    noon = "2026-11-22T12:00:00.5Z"
    exported = {
        "id": 4,
        "annotations": [
            {"id": 9, "completed_by": {"id": 1, "email": "eve@example.com"}, "updated_at": noon, "lead_time": None},
            {"id": 7, "completed_by": 3, "updated_at": noon, "was_cancelled": True, "result": [{}], "lead_time": 2},
        ],
    }
    first, second = annotations_of(exported)
    assert (first.id, first.reviewer, first.skipped, first.seconds) == (7, "user 3", True, 2.0)
    assert (second.reviewer, second.result, second.task) == ("eve@example.com", [], 4)
    assert second.updated_at == datetime(2026, 11, 22, 12, 0, 0, 500_000, UTC)
    assert annotations_of({"id": 1}) == []
