"""Row schemas: what one row of each stage's shards holds. Arrow types are derived from the annotations."""

from __future__ import annotations

import dataclasses
import functools
import typing
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import pyarrow as pa

FORMAT_VERSION = 1
"""Enters every shard key in place of the code of `datasets/`. Raise it when the meaning or bytes of a shard change."""

SPLITS = ("train", "val", "test")
ROLES = ("footage", "background", "keyed")
GROUPS = ("gold", "silver", "bronze", "reject")
ERROR_TYPES = ("missed_region", "over_segmentation", "wrong_object", "jagged_edge", "lag", "flicker")

_ARROW: dict[Any, pa.DataType] = {
    str: pa.string(),
    int: pa.int64(),
    float: pa.float64(),
    bool: pa.bool_(),
    bytes: pa.large_binary(),
    list[str]: pa.list_(pa.string()),
    list[int]: pa.list_(pa.int64()),
    list[float]: pa.list_(pa.float64()),
    list[bytes]: pa.list_(pa.large_binary()),
    list[list[float]]: pa.list_(pa.list_(pa.float64())),
    dict[str, float]: pa.map_(pa.string(), pa.float64()),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One frame of one source, and what a stage knows of it. The frame key is `(source, time_us)`.

    Attributes:
        source: SHA-256 (hex) of the video or photo file; of the sorted file digests for a folder cut like a video.
        clip: index of the clip within its source.
        burst: index of the burst within its clip.
        time_us: presentation time in microseconds since the source's first frame (0 for a photo).
    """

    source: str
    clip: int
    burst: int
    time_us: int

    SCHEMA_NAME: ClassVar[str] = "row"

    @property
    def frame_key(self) -> tuple[str, int]:
        """`(source, time_us)`: names a frame in every stage and every run."""
        return self.source, self.time_us

    @classmethod
    @functools.cache
    def arrow_schema(cls) -> pa.Schema:
        """The Arrow schema derived from the annotations; metadata name the row type and the format version.

        Raises:
            TypeError: a field's annotation has no Arrow type.
        """
        hints = typing.get_type_hints(cls)
        fields = []
        for field in dataclasses.fields(cls):
            if hints[field.name] not in _ARROW:
                raise TypeError(f"{cls.__name__}.{field.name}: no Arrow type for {hints[field.name]!r}")
            fields.append(pa.field(field.name, _ARROW[hints[field.name]], nullable=False))
        return pa.schema(fields, metadata={"row": cls.__name__, "format": str(FORMAT_VERSION)})

    @classmethod
    def from_arrow(cls, values: dict[str, Any]) -> Self:
        """A row from one dictionary of `pa.Table.to_pylist()` (maps arrive as lists of pairs)."""
        maps = _map_fields(cls)  # type: ignore[arg-type]  # mypy: a class is hashable
        fields: dict[str, Any] = {name: dict(value) if name in maps else value for name, value in values.items()}
        return cls(**fields)

    def as_dict(self) -> dict[str, Any]:
        """Field values by name, without copying the bytes."""
        return {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}


@functools.cache
def _map_fields(cls: Hashable) -> frozenset[str]:
    return frozenset(name for name, hint in typing.get_type_hints(cls).items() if hint == dict[str, float])


@dataclass(frozen=True, kw_only=True, slots=True)
class FrameRow(Row):
    """`ingest`: one decoded frame.

    Attributes:
        path: the source's path relative to `data/raw`, with `/`.
        name: the frame's own name: a file's stem for images, the zero-padded time in microseconds for videos.
        width, height: stored size in pixels. source_width, source_height: size in the source, after rotation.
        image: encoded JPEG or PNG, RGB when decoded with `datasets.images.decode_rgb`.
        blur: variance of the Laplacian of the grey image (higher is sharper).
        duplicate: difference-hash distance to the previous frame of the burst in bits 0-64; 64 for a first frame.
        subject: who is in the footage. licences: SPDX identifiers. origin: where it came from, for people.
        split: pinned split (`train`, `val`, `test`) or "".
        role: `footage`, `background` (person-free) or `keyed` (the keyed test clip on reserved backgrounds).
        mask: annotation that came with the footage, 8-bit grey PNG at the stored size, or b"".
        truth: exact alpha, 8-bit grey PNG at the stored size, or b"". Used only to measure.
    """

    path: str
    name: str
    width: int
    height: int
    source_width: int
    source_height: int
    image: bytes
    blur: float
    duplicate: float
    subject: str
    licences: list[str]
    origin: str
    split: str
    role: str
    mask: bytes
    truth: bytes


@dataclass(frozen=True, kw_only=True, slots=True)
class BoxRow(Row):
    """`detect`: person boxes of one frame, best first.

    Attributes:
        boxes: `[x0, y0, x1, y1]` each, as fractions 0-1 of the frame's width and height.
        scores: merged confidence 0-1 per box.
        support: how many detectors saw each box.
    """

    boxes: list[list[float]]
    scores: list[float]
    support: list[int]


@dataclass(frozen=True, kw_only=True, slots=True)
class VoteRow(Row):
    """`vote`: one teacher's foreground probability for one frame, at the teacher's own resolution.

    Attributes:
        teacher: its name in `params.yaml`.
        windows: where each map lies, `[x0, y0, x1, y1]` as fractions of the frame; may reach outside 0-1 (padding).
            Whole-frame teachers have one window `[0, 0, 1, 1]`; crop teachers one per person; none means "abstains".
        maps: 8-bit grey PNG per window, 255 = foreground.
    """

    teacher: str
    windows: list[list[float]]
    maps: list[bytes]


@dataclass(frozen=True, kw_only=True, slots=True)
class LabelRow(Row):
    """`fuse`: the fused label of one frame, at label resolution.

    Attributes:
        width, height: label size in pixels.
        alpha: 8-bit grey PNG, 255 = foreground.
        trust: 8-bit grey PNG, 255 = sure, 0 = ignore in training.
        foreground: JPEG of the estimated foreground colours, label size.
        strategy: the fusion strategy, or `keyer` where the frame keyed itself.
        keyed: the alpha comes from a keyed screen (gold).
        unknown: fraction of the pixels that lay in the unknown band of the trimap.
        teachers: the teachers whose votes were read.
    """

    width: int
    height: int
    alpha: bytes
    trust: bytes
    foreground: bytes
    strategy: str
    keyed: bool
    unknown: float
    teachers: list[str]


@dataclass(frozen=True, kw_only=True, slots=True)
class QualityRow(Row):
    """`score`: what is known about a label without truth.

    Attributes:
        signals: signal name to value.
        quality: overall quality 0-1, an estimate of P(label is good).
        error: "" or one of `ERROR_TYPES`: the likeliest error of a doubtful label.
        error_box: `[x0, y0, x1, y1]` as fractions of the frame: where to look; empty without an error.
        scenarios: names of scenario groups this frame belongs to (`dark`, `several_people`, …).
        annotation: "" without imported annotation; else `good` or the error type found in it.
    """

    signals: dict[str, float]
    quality: float
    error: str
    error_box: list[float]
    scenarios: list[str]
    annotation: str


@dataclass(frozen=True, kw_only=True, slots=True)
class CuratedRow(Row):
    """`curate`: one frame of the curated data set, self-contained.

    Attributes: as in `FrameRow`, `LabelRow` and `QualityRow`, and
        group: `gold`, `silver`, `bronze` or `reject`.
        split: `train`, `val` or `test`.
        label_source: `fused`, `keyed`, `annotation`, `reviewed` or `propagated`.
        truth: exact alpha (keyed test clip), PNG, or b"".
    """

    path: str
    name: str
    width: int
    height: int
    image: bytes
    alpha: bytes
    trust: bytes
    foreground: bytes
    group: str
    split: str
    role: str
    label_source: str
    quality: float
    error: str
    scenarios: list[str]
    subject: str
    licences: list[str]
    truth: bytes


@dataclass(frozen=True, kw_only=True, slots=True)
class BackgroundRow(Row):
    """`plate`: one person-free picture to composite on; of person-free footage one row a frame.

    Attributes:
        path: the source's path relative to `data/raw`.
        kind: `photo`, `clean_plate` (temporal median of a static clip) or `video` (one frame of person-free footage;
            the rows of one burst are frames that follow each other).
        coverage: fraction of the picture that was seen without a person (1 but for plates); the rest was inpainted.
    """

    path: str
    kind: str
    width: int
    height: int
    image: bytes
    coverage: float
    split: str
    subject: str
    licences: list[str]


@dataclass(frozen=True, kw_only=True, slots=True)
class ClipRow(Row):
    """`synthesize`: one composited clip of k frames. `source`, `clip`, `burst`, `time_us` are the person's frame.

    Attributes:
        seed: of the recipe's random draws; recipe: JSON with every draw: the same recipe and seed give the same bytes.
        background: source digest of the background; background_path: its path.
        images: k JPEGs. alphas, trusts: k 8-bit grey PNGs. All `width` x `height`.
        group, quality: of the person's label.
        licences: union over person and background.
    """

    seed: int
    recipe: str
    background: str
    background_path: str
    path: str
    subject: str
    split: str
    group: str
    quality: float
    width: int
    height: int
    images: list[bytes]
    alphas: list[bytes]
    trusts: list[bytes]
    licences: list[str]
