"""Ingest: footage files to sampled, encoded frames."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

from pydantic import Field

from datasets.masks import open_masks
from datasets.media import MediaError, is_photo, is_video, read_photo, why_unreadable
from datasets.schema import FrameRow
from datasets.shards import file_digest
from datasets.sidecars import Sidecar, SidecarError, load_sidecar
from datasets.sources import folder_digest, folder_frames, label_of, printable
from datasets.video import decode
from stages.base import Config, Drop, Fail, Stage
from stages.bursts import BurstSampler, Place, Sampling
from stages.cuts import CutDetector
from stages.frames import Footage, RowWriter, Storage
from stages.keyed import KeyedConfig, composite_clip

FOLDER_STEP_US = 40_000
"""Images of a folder carry no time: they are given 25 frames a second."""
GLANCE = 128
"""Frames are compared for cuts at this longest side."""


class IngestConfig(Config):
    """What is sampled of footage and how it is stored.

    Attributes:
        raw: folder of the footage, relative to the project's root; paths and sidecars are relative to it.
        longest_side: frames are averaged down to this many pixels, never enlarged.
        format, jpeg_quality: encoding of the stored frames.
        burst_frames, burst_every_s: a burst of so many consecutive frames every so many seconds of a clip.
        every_frame: keep all frames of videos, in bursts that follow each other.
        max_clip_frames: longer shots are split into clips of so many native frames.
        cut_threshold: see `stages.cuts`.
        stills: images of a folder are unrelated photos (as `stills: true` in a sidecar, for all folders).
        bucket_digits: photos are worked on in 16 to this power buckets, by the first digits of their SHA-256.
        keyed: how the keyed test clip is made.
    """

    raw: str = "data/raw"
    longest_side: int = Field(default=1280, ge=16)
    format: Literal["jpeg", "png"] = "jpeg"
    jpeg_quality: int = Field(default=95, ge=1, le=100)
    burst_frames: int = Field(default=8, ge=1)
    burst_every_s: float = Field(default=2.0, gt=0)
    every_frame: bool = False
    max_clip_frames: int = Field(default=300, ge=1)
    cut_threshold: float = Field(default=27.0, gt=0)
    stills: bool = False
    bucket_digits: int = Field(default=1, ge=0, le=8)
    keyed: KeyedConfig = KeyedConfig()


_CHANGED = "changed while it was read; wait until it is copied whole and run again"


@dataclass(frozen=True)
class Item:
    """One video, photo or folder.

    `others`: reserved backgrounds for a keyed video, the original for a copy, the path itself where it is unreadable.
    """

    path: Path
    others: tuple[Path, ...] = ()

    @property
    def is_unreadable(self) -> bool:
        return self.others == (self.path,)

    @property
    def is_copy(self) -> bool:
        return any(other.is_dir() or is_video(other) or is_photo(self.path) for other in self.others)


class Ingest(Stage[Item, FrameRow]):
    """Decodes footage by timestamp, finds clips, samples bursts and stores frames; streams, so length is no matter.

    A folder of images keeps every image: whoever cut footage into images has sampled it. A photo is a clip of one
    frame. A file that breaks off keeps the frames before the break; one that yields none is a Fail.
    """

    name: ClassVar[str] = "ingest"
    consumes: ClassVar = ()
    produces: ClassVar[type[FrameRow]] = FrameRow
    libraries = ("numpy", "opencv-python-headless", "av", "scenedetect-headless", "pycocotools")
    streams: ClassVar[bool] = True
    config: IngestConfig

    def items(self, inputs: Sequence[Path]) -> Iterator[Item]:
        """Items of one source, see `datasets.sources.Source.inputs`; of photos with the same bytes, one original."""
        if not is_photo(inputs[0]) or tuple(inputs[1:]) == (inputs[0],):
            yield Item(inputs[0], tuple(inputs[1:]))
            return
        originals: dict[str, Path] = {}
        for path in inputs:
            try:
                original = originals.setdefault(file_digest(path), path)
            except OSError:
                original = path  # gone since it was found: `process` says so
            yield Item(path, () if original is path else (original,))

    def size(self, item: Item) -> int:
        return 1

    def describe(self, item: Item) -> str:
        return label_of(item.path, self._raw)

    def process(self, item: Item) -> Iterable[FrameRow | Drop | Fail]:
        if item.is_unreadable:
            why = why_unreadable(item.path)
            yield Fail("unreadable", printable(f"{item.path}: {why or _CHANGED}"), retryable=why is None)
            return
        if item.is_copy:
            yield Drop("duplicate_file")
            return
        try:
            before = _version(item.path)
            yield from self._rows(item)
            if _version(item.path) != before:
                yield Fail("still_changing", printable(f"{item.path}: {_CHANGED}"), retryable=True)
        except MediaError as error:
            yield Fail(error.reason, _detail(item, error))
        except SidecarError as error:
            yield Fail("bad_sidecar", _detail(item, error))
        except OSError as error:  # it could be read when it was found: a share that went away may come back
            detail = printable(f"{item.path}: cannot be read any more ({error.strerror}); see that it is there")
            yield Fail("unreadable", detail, retryable=True)

    @property
    def _raw(self) -> Path:
        return self.root / self.config.raw

    @property
    def _storage(self) -> Storage:
        return Storage(self.config.longest_side, self.config.format, self.config.jpeg_quality)

    def _rows(self, item: Item) -> Iterator[FrameRow]:
        sidecar = load_sidecar(item.path, self._raw)
        if item.path.is_dir():
            yield from self._folder_rows(item.path, sidecar)
        elif is_photo(item.path):
            yield from self._photo_rows(item.path, sidecar)
        elif sidecar.keyed is not None and not self.config.every_frame:
            yield from self._keyed_rows(item, sidecar)
        else:
            yield from self._video_rows(item.path, sidecar)

    def _footage(self, path: Path, source: str, sidecar: Sidecar) -> Footage:
        keyed = sidecar.keyed is not None and not self.config.every_frame
        return Footage(
            source=source,
            path=label_of(path, self._raw),
            subject=sidecar.subject or source,
            licences=sidecar.licence,
            origin=sidecar.source,
            split="test" if keyed else sidecar.split,
            role="keyed" if keyed else sidecar.role,
        )

    def _photo_rows(self, path: Path, sidecar: Sidecar) -> Iterator[FrameRow]:
        image = read_photo(path)
        masks = open_masks(sidecar.masks, ordered=False) if sidecar.masks else None
        writer = RowWriter(self._footage(path, file_digest(path), sidecar), self._storage)
        mask = masks(path.stem, 0) if masks else None
        yield writer.row(image, Place(0, 0, True), time_us=0, name=printable(path.stem), mask=mask)

    def _folder_rows(self, folder: Path, sidecar: Sidecar) -> Iterator[FrameRow]:
        frames = folder_frames(folder)
        masks = open_masks(sidecar.masks, ordered=False) if sidecar.masks else None
        source = folder_digest([file_digest(path) for path in frames])
        writer = RowWriter(self._footage(folder, source, sidecar), self._storage)
        cuts, sampler = CutDetector(self.config.cut_threshold), BurstSampler(self._sampling(every_frame=True))
        broken = MediaError("unreadable", f"{folder}: none of its images can be read; give the right to, or remove it")
        shape: tuple[int, ...] = ()
        kept = 0
        for index, path in enumerate(frames):
            try:
                image = read_photo(path)
            except MediaError as error:
                broken = error
                continue
            time_us = index * FOLDER_STEP_US
            cut = cuts.starts_shot(image)
            place = sampler.place(time_us, starts_shot=cut or image.shape != shape)  # a clip's frames are of one size
            shape = image.shape
            if place is not None:
                mask = masks(path.stem, index) if masks else None
                yield writer.row(image, place, time_us=time_us, name=printable(path.stem), mask=mask)
                kept += 1
        if kept == 0:
            raise broken

    def _video_rows(self, video: Path, sidecar: Sidecar) -> Iterator[FrameRow]:
        masks = open_masks(sidecar.masks, ordered=True) if sidecar.masks else None
        writer = RowWriter(self._footage(video, file_digest(video), sidecar), self._storage)
        cuts = CutDetector(self.config.cut_threshold)
        sampler = BurstSampler(self._sampling(every_frame=self.config.every_frame))
        size: tuple[int, int] | None = None
        for index, frame in enumerate(decode(video)):
            cut = cuts.starts_shot(frame.thumbnail(GLANCE))
            place = sampler.place(frame.time_us, starts_shot=cut or frame.size != size)
            size = frame.size
            if place is not None:
                name = _time_name(frame.time_us)
                mask = masks(name, index) if masks else None
                yield writer.row(frame.rgb(), place, time_us=frame.time_us, name=name, mask=mask)

    def _keyed_rows(self, item: Item, sidecar: Sidecar) -> Iterator[FrameRow]:
        if sidecar.keyed is None or not item.others:
            raise MediaError(
                "no_reserved_background",
                f"{item.path}: nothing to composite it on; give photos sidecars with `role: background`, `split: test`",
            )
        source = file_digest(item.path)
        writer = RowWriter(self._footage(item.path, source, sidecar), self._storage)
        licences = [load_sidecar(path, self._raw).licence for path in item.others]
        for frame in composite_clip(
            item.path,
            sidecar.keyed,
            item.others,
            source=source,
            burst_frames=self.config.burst_frames,
            config=self.config.keyed,
        ):
            yield writer.row(
                frame.image,
                frame.place,
                time_us=frame.time_us,
                name=_time_name(frame.time_us),
                licences=licences[frame.background],
                truth=frame.alpha,
            )

    def _sampling(self, *, every_frame: bool) -> Sampling:
        spacing = 0 if every_frame else round(self.config.burst_every_s * 1_000_000)
        return Sampling(self.config.burst_frames, spacing, self.config.max_clip_frames)


def _detail(item: Item, error: Exception) -> str:
    """The error, which may name a mask or sidecar only, with the footage that it costs."""
    text = str(error)
    return printable(text if text.startswith(str(item.path)) else f"{item.path}: {text}")


def _version(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_size, status.st_mtime_ns


def _time_name(time_us: int) -> str:
    return f"{time_us:012d}"
