"""Bursts with imported masks: damaged ones among them, and voting where they are heard."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import cv2
import numpy as np
import pytest

from datasets.clips import Clip
from datasets.images import decode_grey
from datasets.schema import FrameRow

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def annotated(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The module."""
    monkeypatch.syspath_prepend(BENCHMARKS)
    return importlib.import_module("annotated")


def person(x: int) -> np.ndarray:
    canvas = np.zeros((120, 160), np.uint8)
    cv2.ellipse(canvas, (x, 80), (18, 34), 0, 0, 360, 1, -1)
    return canvas > 0


def test_masks_and_kinds_come_frame_by_frame(annotated: ModuleType) -> None:
    bursts = [annotated.Labelled("set", f"set/{i}", Clip(()), (person(60 + i), person(64 + i))) for i in range(6)]
    found = annotated.imported(bursts, 0.5, np.random.default_rng(0))
    assert [one.labelled for one in found] == bursts
    pairs = [
        (kind, bool((mask == truth).all()))
        for one in found
        for kind, mask, truth in zip(one.kinds, one.masks, one.labelled.truths, strict=True)
    ]
    assert len(pairs) == 12 and sum(bool(kind) for kind, _ in pairs) == 6
    assert all(same == (kind == "") for kind, same in pairs)


def test_a_heard_mask_is_the_frame_s_and_a_vote_on_all_of_it(
    annotated: ModuleType, frame: Callable[..., FrameRow]
) -> None:
    masks = person(60), person(70)
    labelled = annotated.Labelled("set", "set/0", Clip((frame(time_us=0), frame(time_us=40))), masks)
    clip = annotated.Annotated(labelled, masks, ("", "")).heard()
    for index, mask in enumerate(masks):
        vote = clip.votes["annotation"][index]
        assert vote.frame_key == clip.frames[index].frame_key and vote.windows == [[0.0, 0.0, 1.0, 1.0]]
        assert np.array_equal(decode_grey(vote.maps[0]) == 255, mask)
        assert clip.frames[index].mask == vote.maps[0]
