"""A drawn person who walks before a textured wall: bursts with votes and truth."""

from __future__ import annotations

import cv2
import numpy as np

from datasets.clips import Clip
from datasets.images import encode_jpeg, encode_png
from datasets.schema import BoxRow, FrameRow, VoteRow
from pipeline.judge_data import KnownClip
from stages.fuse import FuseConfig
from stages.matting import MattingConfig
from stages.temporal import TemporalConfig

CONFIG = FuseConfig(matting=MattingConfig(enabled=False), temporal=TemporalConfig(enabled=False))
"""Without matting, whose kernels take a minute to compile: the drawn person has no hair. Nor does it flicker."""


def person(x: int) -> np.ndarray:
    mask = np.zeros((96, 128), np.uint8)
    cv2.ellipse(mask, (x, 56), (18, 36), 0, 0, 360, 255, -1)
    return mask


def walker(name: str, frames: int, *, wrong: bool = False, step: int = 3) -> KnownClip:
    """A person who walks before a textured wall; three teachers that are right, or wrong by a third of the person."""
    wall = np.random.default_rng(0).integers(60, 110, (96, 128, 1), np.uint8)
    rows, boxes, truths = [], [], []
    votes: dict[str, list[VoteRow]] = {"a": [], "b": [], "c": []}
    for index in range(frames):
        key = {"source": name, "clip": 0, "burst": 0, "time_us": index}
        mask = person(50 + step * index)
        image = np.where(mask[..., None] > 0, 200, wall).repeat(3, axis=2).astype(np.uint8)
        rows.append(
            FrameRow(
                **key, path=name, name=str(index), width=128, height=96, source_width=128, source_height=96,
                image=encode_jpeg(image), blur=9.0, duplicate=64.0, subject=name, licences=[], origin="", split="",
                role="footage", mask=b"", truth=b"",
            )
        )  # fmt: skip
        x, y, wide, high = cv2.boundingRect(mask)
        box = [x / 128, y / 96, (x + wide) / 128, (y + high) / 96]
        boxes.append(BoxRow(**key, boxes=[box], scores=[0.9], support=[2]))
        seen = mask.copy()
        if wrong:
            seen[60:] = 0
        for teacher, ballot in votes.items():
            ballot.append(VoteRow(**key, teacher=teacher, windows=[[0.0, 0.0, 1.0, 1.0]], maps=[encode_png(seen)]))
        truths.append(encode_png(mask))
    clip = Clip(tuple(rows), {BoxRow: tuple(boxes)}, {name: tuple(ballot) for name, ballot in votes.items()})
    return KnownClip("toys", name, clip, tuple(truths))
