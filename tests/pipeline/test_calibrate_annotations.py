"""Masks to fit on: at the labels' size, imported into views of the burst, signals from the votes."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import pytest

from datasets.clips import Clip
from datasets.images import encode_jpeg, encode_png
from datasets.schema import BoxRow, FrameRow, VoteRow
from pipeline import calibrate_annotations
from pipeline.calibration_data import Known
from pipeline.truth import Burst
from qa.annotators import Annotation

SIZE = (96, 128)


def person(x: int) -> np.ndarray:
    canvas = np.zeros(SIZE, np.uint8)
    cv2.ellipse(canvas, (x, 60), (16, 30), 0, 0, 360, 1, -1)
    return canvas > 0


def burst_of(frame: Callable[..., FrameRow], masks: list[np.ndarray]) -> tuple[FrameRow, ...]:
    frames = []
    for index, mask in enumerate(masks):
        picture = np.where(mask[..., None], (190, 80, 70), (60, 120, 80)).astype(np.uint8)
        frames.append(frame(time_us=40 * index, width=SIZE[1], height=SIZE[0], image=encode_jpeg(picture)))
    return tuple(frames)


def voted(frames: tuple[FrameRow, ...], masks: list[np.ndarray]) -> Clip:
    keys = [{"source": one.source, "clip": one.clip, "burst": one.burst, "time_us": one.time_us} for one in frames]
    votes = {
        name: tuple(
            VoteRow(**key, teacher=name, windows=[[0.0, 0.0, 1.0, 1.0]], maps=[encode_png(mask.astype(np.uint8) * 255)])
            for key, mask in zip(keys, masks, strict=True)
        )
        for name in "abc"
    }
    boxes = tuple(BoxRow(**key, boxes=[[0.2, 0.2, 0.8, 0.9]], scores=[0.9], support=[2]) for key in keys)
    return Clip(frames, {BoxRow: boxes}, votes)


def test_every_mask_of_every_draw_is_a_sample(frame: Callable[..., FrameRow], monkeypatch: pytest.MonkeyPatch) -> None:
    masks = [person(60), person(64)]
    frames = burst_of(frame, masks)

    class Votes:
        def clip(self, given: tuple[FrameRow, ...]) -> Clip:
            assert given == frames
            return voted(frames, masks)

    monkeypatch.setattr(calibrate_annotations._Worker, "ensemble", Votes(), raising=False)
    monkeypatch.setattr(calibrate_annotations._Worker, "side", 96, raising=False)
    truths = tuple(encode_png(mask.astype(np.uint8) * 255) for mask in masks)
    known = Known("films", "films/walk", Burst(frames, truths))
    draws = [
        [Annotation(masks[0]), Annotation(person(30), "lag")],
        [Annotation(masks[0]), Annotation(masks[1])],
    ]
    samples = calibrate_annotations._samples(known, masks, draws)
    assert [one.bad for one in samples] == [False, True, False, False]
    assert {(one.collection, one.source) for one in samples} == {("films", "films/walk")}
    offs = [one.signals["off"] for one in samples]
    assert offs[1] > 0.5 and max(offs[0], offs[2], offs[3]) < 0.05
