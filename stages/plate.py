"""Plate: person-free pictures to composite on: background photos, static clips, and footage without people."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import ClassVar

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from datasets.clips import Clip, read_clips
from datasets.images import decode_grey, decode_rgb, encode_jpeg
from datasets.schema import BackgroundRow, BoxRow, FrameRow, LabelRow, Row
from stages.base import Config, Drop, Stage
from stages.clean_plate import MIN_SEEN, clean_plate

FAINT = 13
"""Label alpha (of 255) from which a pixel counts as person: hair and motion blur must not enter the median."""
UNTRUSTED = 128
"""Label trust (of 255) below which nobody knows, so the pixel counts as person."""
MISSED = 0.1
"""A person box whose mean alpha is below this was missed by the label, and counts as person altogether."""
SPECKS = 0.001
"""Share of a label that may be person where nobody is."""


class PlateConfig(Config):
    """When a picture is person-free.

    Attributes:
        person_score: a background photo with a person box of this score is dropped; in footage such a box is believed.
        max_frames: frames of a clip that the median is taken over, evenly spread.
        margin: people are grown by this fraction of the diagonal, for halos and shadows.
        min_coverage: fraction of the picture that must have been seen; the rest is inpainted.
        max_moving: fraction of the background pixels that may change before the camera counts as moving.
        video_frames: of every burst of person-free footage so many frames are kept, in order; 1: a photo.
    """

    person_score: float = Field(default=0.5, ge=0, le=1)
    max_frames: int = Field(default=48, ge=MIN_SEEN)
    margin: float = Field(default=0.02, ge=0, le=0.2)
    min_coverage: float = Field(default=0.75, ge=0, le=1)
    max_moving: float = Field(default=0.03, ge=0, le=1)
    video_frames: int = Field(default=8, ge=1)


Bursts = tuple[Clip, ...]
"""All bursts of one clip, in time order."""


class Plate(Stage[Bursts, BackgroundRow]):
    """Makes a background of each person-free photo, each burst of person-free footage and each clip that stands still.

    Footage is person-free when its sidecar says `role: background` and no box in the burst contradicts, or when no
    detector sees anybody, however faintly, and no label shows anybody, in any frame of the clip.
    """

    name: ClassVar[str] = "plate"
    consumes: ClassVar[tuple[type[Row], ...]] = (FrameRow, BoxRow, LabelRow)
    produces: ClassVar[type[BackgroundRow]] = BackgroundRow
    config: PlateConfig

    def items(self, inputs: Sequence[Path]) -> Iterator[Bursts]:
        """All bursts of a clip at once: a clip is bounded by `ingest.max_clip_frames`, and its frames are encoded."""
        bursts = read_clips(inputs, primary=FrameRow)
        for _, group in itertools.groupby(bursts, key=lambda burst: (burst.rows[0].source, burst.rows[0].clip)):
            yield tuple(group)

    def size(self, item: Bursts) -> int:
        return sum(len(burst) for burst in item)

    def describe(self, item: Bursts) -> str:
        return item[0].describe()

    def process(self, item: Bursts) -> Drop | Sequence[BackgroundRow | Drop]:
        frames = [(f, b, a) for burst in item for f, b, a in _aligned(burst)]
        first = frames[0][0]
        if first.role == "keyed":
            return Drop("keyed_test_clip")
        if first.role == "background":
            return [value for burst in item for value in self._declared(burst)]
        labelled = [(frame, box, label) for frame, box, label in frames if label is not None]
        if len(labelled) < MIN_SEEN:
            return Drop("too_few_labelled_frames")
        chosen = [labelled[i] for i in _spread(len(labelled), self.config.max_frames)]
        plate = clean_plate(
            [decode_rgb(frame.image) for frame, _, _ in chosen],
            [self._people(frame, box, label) for frame, box, label in chosen],
        )
        covered = plate.coverage < self.config.min_coverage
        if not covered and plate.moving <= self.config.max_moving:
            return [_background(first, "clean_plate", encode_jpeg(plate.image), coverage=plate.coverage)]
        if _nobody(frames):
            return [row for burst in item for row in self._frames(burst)]
        return Drop("person_covers_too_much" if covered else "camera_moves")

    def _declared(self, burst: Clip) -> Sequence[BackgroundRow | Drop]:
        """A burst of a background, of one frame where it is a photo, unless there is somebody in any of its frames."""
        if any(max(boxes.scores, default=0.0) >= self.config.person_score for boxes in burst.boxes if boxes):
            return [Drop("person_in_background", len(burst))]
        return self._frames(burst)

    def _frames(self, burst: Clip) -> list[BackgroundRow]:
        """The first frames of a burst, as they are stored: a photo if there is one, else a video."""
        shown = [frame for frame in burst.frames if frame is not None][: self.config.video_frames]
        kind = "video" if len(shown) > 1 else "photo"
        return [_background(frame, kind, frame.image, coverage=1.0) for frame in shown]

    def _people(self, frame: FrameRow, boxes: BoxRow | None, label: LabelRow) -> NDArray[np.bool_]:
        """`(H, W)` at the frame's size: true where a person may be."""
        size = (frame.width, frame.height)
        alpha = cv2.resize(decode_grey(label.alpha), size, interpolation=cv2.INTER_LINEAR)
        trust = cv2.resize(decode_grey(label.trust), size, interpolation=cv2.INTER_LINEAR)
        people = ((alpha >= FAINT) | (trust < UNTRUSTED)).astype(np.uint8)
        for (x0, y0, x1, y1), score in zip(boxes.boxes, boxes.scores, strict=True) if boxes else ():
            rows = slice(max(0, int(y0 * frame.height)), max(1, int(np.ceil(y1 * frame.height))))
            columns = slice(max(0, int(x0 * frame.width)), max(1, int(np.ceil(x1 * frame.width))))
            if score >= self.config.person_score and alpha[rows, columns].mean() < MISSED * 255:
                people[rows, columns] = 1
        radius = round(self.config.margin * float(np.hypot(frame.width, frame.height)))
        kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
        return np.asarray(cv2.dilate(people, kernel), np.bool_)


Known = tuple[FrameRow, BoxRow | None, LabelRow | None]
"""A frame, and what is known of it."""


def _nobody(frames: Iterable[Known]) -> bool:
    """Whether nobody is in any frame: not one box, and nothing in the labels. A frame that nobody looked at may show
    somebody."""
    return all(
        boxes is not None
        and not boxes.boxes
        and (label is None or float(np.mean(decode_grey(label.alpha) >= 128)) <= SPECKS)
        for _, boxes, label in frames
    )


def _aligned(burst: Clip) -> Iterator[Known]:
    for frame, boxes, label in zip(burst.frames, burst.boxes, burst.labels, strict=True):
        if frame is not None:
            yield frame, boxes, label


def _spread(count: int, wanted: int) -> list[int]:
    """At most `wanted` indices below `count`, evenly spread, first and last included."""
    return sorted({int(index) for index in np.linspace(0, count - 1, min(count, wanted)).round()})


def _background(frame: FrameRow, kind: str, image: bytes, *, coverage: float) -> BackgroundRow:
    return BackgroundRow(
        source=frame.source,
        clip=frame.clip,
        burst=frame.burst,
        time_us=frame.time_us,
        path=frame.path,
        kind=kind,
        width=frame.width,
        height=frame.height,
        image=image,
        coverage=coverage,
        split=frame.split,
        subject=frame.subject,
        licences=frame.licences,
    )
