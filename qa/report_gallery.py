"""The report's pictures: which labels to show, and each as JPEG data URIs with its alpha, trust and votes."""

from __future__ import annotations

import base64
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from datasets.images import Grey, Image, decode_grey, decode_rgb, encode_jpeg
from datasets.schema import CuratedRow, FrameRow, LabelRow, VoteRow
from datasets.shards import R, read_rows
from qa.report_data import FRAME_COLUMNS, FrameInfo, Key
from stages.paste import paste

SIDE = 320
"""Longest side of a thumbnail in pixels."""
CONTOUR = (255, 214, 10)
"""RGB of the label's outline: light yellow over black, so that it shows on any picture, without colour vision too."""


@dataclass(frozen=True)
class View:
    """One picture of a frame: its name, its JPEG data URI and its size in pixels."""

    name: str
    uri: str
    width: int
    height: int


@dataclass(frozen=True)
class Tile:
    """One label of the gallery. `views` are further pictures, a click away: frame, alpha, trust, one a teacher."""

    frame: FrameInfo
    overlay: View
    views: tuple[View, ...]

    @property
    def bytes(self) -> int:
        """What it adds to the page."""
        return sum(len(view.uri) for view in (self.overlay, *self.views))


@dataclass(frozen=True)
class Sample:
    """One test frame as `evaluate` saw it: captions and pictures side by side, in the file's column order."""

    caption: str
    views: tuple[View, ...]


def choose(frames: Sequence[FrameInfo], limit: int) -> list[FrameInfo]:
    """At most `limit` frames, worst first: the lowest of each burst, then frames spread over every clip.

    At most two thirds go to the worst, so that the good ones can be seen too; neighbours in a burst look alike.
    """
    ranked = sorted(frames, key=lambda frame: (frame.quality, frame.key))
    taken: dict[Key, FrameInfo] = {}
    bursts: set[tuple[str, int, int]] = set()
    for frame in ranked:
        if len(taken) >= limit * 2 // 3:
            break
        burst = frame.key[0], frame.clip, frame.burst
        if burst not in bursts:
            bursts.add(burst)
            taken[frame.key] = frame
    for frame in _spread([frame for frame in frames if frame.key not in taken]):
        if len(taken) >= limit:
            break
        taken[frame.key] = frame
    return sorted(taken.values(), key=lambda frame: (frame.quality, frame.key))


def _spread(frames: Sequence[FrameInfo]) -> Iterator[FrameInfo]:
    """Frames clip by clip in turn, each clip in halving steps, so that any first few are spread over it."""
    clips: dict[tuple[str, int], list[FrameInfo]] = defaultdict(list)
    for frame in frames:
        clips[frame.key[0], frame.clip].append(frame)
    queues = [[clip[index] for index in _halving(len(clip))] for _, clip in sorted(clips.items())]
    for turn in range(max(map(len, queues), default=0)):
        yield from (queue[turn] for queue in queues if turn < len(queue))


def _halving(count: int) -> list[int]:
    """0 to count-1 in van der Corput's order: the first, the middle, the quarters, the eighths, …"""
    bits = max(count - 1, 1).bit_length()
    return sorted(range(count), key=lambda index: f"{index:0{bits}b}"[::-1])


def tiles(
    chosen: Sequence[FrameInfo],
    *,
    frames: Sequence[Path],
    labels: Sequence[Path],
    curated: Sequence[Path],
    votes: Mapping[str, Sequence[Path]],
    detailed: int,
    budget: int,
) -> list[Tile]:
    """Tiles of the chosen frames in their order; the first `detailed` carry more views; stops at `budget` bytes.

    A curated frame shows its curated label, any other one the fused label; frames without pictures are passed over.
    """
    keys = {frame.key for frame in chosen}
    deep = {frame.key for frame in chosen[:detailed]}
    ballots: dict[Key, dict[str, VoteRow]] = defaultdict(dict)
    for teacher, shards in sorted(votes.items()):
        for vote in _rows(shards, VoteRow, deep, ("teacher", "windows", "maps")):
            ballots[vote.frame_key][teacher] = vote
    made: dict[Key, tuple[View, tuple[View, ...]]] = {}
    for key, image, alpha, trust in _pictures(keys, frames=frames, labels=labels, curated=curated):
        more = _views(image, alpha, trust, ballots[key]) if key in deep else ()
        made[key] = (_view("label", overlay(image, alpha, trust)), more)
    kept, spent = [], 0
    for frame in chosen:
        if frame.key in made:
            tile = Tile(frame, *made[frame.key])
            spent += tile.bytes
            if spent > budget:
                break
            kept.append(tile)
    return kept


def overlay(image: Image, alpha: Grey, trust: Grey) -> Image:
    """The label drawn on its frame: background grey and dark, outline at alpha 0.5, stripes where trust is below half.

    Args:
        image: `(H, W, 3)` uint8 RGB. alpha, trust: `(H, W)` uint8, 255 = foreground, sure.
    """
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)[..., None].astype(np.float32)
    share = alpha[..., None].astype(np.float32) / 255
    drawn = share * image + (1 - share) * (grey * 0.45)
    ys, xs = np.indices(alpha.shape)
    stripes = (trust < 128) & ((xs + ys) % 8 < 3)
    drawn[stripes] = drawn[stripes] * 0.35 + 255 * 0.65
    canvas = np.ascontiguousarray(drawn.round().astype(np.uint8))
    # Traced on a wider canvas, so that no outline runs along the picture's border where the person goes on.
    wider = cv2.copyMakeBorder((alpha >= 128).astype(np.uint8), 4, 4, 4, 4, cv2.BORDER_REPLICATE)
    outlines, _ = cv2.findContours(wider, cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
    cv2.drawContours(canvas, outlines, -1, (0, 0, 0), 3, offset=(-4, -4))
    cv2.drawContours(canvas, outlines, -1, CONTOUR, 1, offset=(-4, -4))
    return np.asarray(canvas, dtype=np.uint8)


def read_samples(path: Path, limit: int) -> list[Sample]:
    """Up to `limit` of evaluate's samples, spread over the file: text columns caption, binary columns are pictures.

    Masks are shown as they are, white is foreground. A row group is in memory at a time.
    """
    with pq.ParquetFile(path) as file:
        schema, count = file.schema_arrow, file.metadata.num_rows
        wanted = {round(index * (count - 1) / max(limit - 1, 1)) for index in range(limit)} if count > limit else None
        texts = [field.name for field in schema if pa.types.is_string(field.type)]
        pictures = [f.name for f in schema if pa.types.is_binary(f.type) or pa.types.is_large_binary(f.type)]
        samples, start = [], 0
        for index in range(file.num_row_groups):
            rows = file.read_row_group(index, columns=[*texts, *pictures]).to_pylist()
            for offset, row in enumerate(rows):
                if wanted is None or start + offset in wanted:
                    views = (_view(name, _fitted(decode_rgb(row[name]))) for name in pictures if row[name])
                    samples.append(Sample(" · ".join(row[name] for name in texts if row[name]), tuple(views)))
            start += len(rows)
    return samples


def _views(image: Image, alpha: Grey, trust: Grey, votes: Mapping[str, VoteRow]) -> tuple[View, ...]:
    height, width = alpha.shape
    views = [_view("frame", image), _view("alpha", alpha), _view("trust", trust)]
    for teacher, vote in votes.items():
        pasted = paste(vote, width, height)
        if pasted is not None:
            views.append(_view(teacher, pasted))
    return tuple(views)


def _pictures(
    keys: Collection[Key], *, frames: Sequence[Path], labels: Sequence[Path], curated: Sequence[Path]
) -> Iterator[tuple[Key, Image, Grey, Grey]]:
    """Key and thumbnails of picture, alpha and trust of each frame that has a label."""
    rest = set(keys)
    for row in _rows(curated, CuratedRow, keys, ("image", "alpha", "trust")):
        rest.discard(row.frame_key)
        yield row.frame_key, *_thumbnails(row.image, row.alpha, row.trust)
    images = {row.frame_key: row.image for row in _rows(frames, FrameRow, rest, ("image",))}
    for label in _rows(labels, LabelRow, images, ("alpha", "trust")):
        yield label.frame_key, *_thumbnails(images[label.frame_key], label.alpha, label.trust)


def _thumbnails(picture: bytes, alpha: bytes, trust: bytes) -> tuple[Image, Grey, Grey]:
    image = _fitted(decode_rgb(picture))
    size = image.shape[1], image.shape[0]
    greys = (cv2.resize(decode_grey(data), size, interpolation=cv2.INTER_AREA) for data in (alpha, trust))
    small_alpha, small_trust = (np.asarray(grey, dtype=np.uint8) for grey in greys)
    return image, small_alpha, small_trust


def _fitted(image: Image) -> Image:
    """The image with its longest side at most SIDE; never enlarged."""
    height, width = image.shape[:2]
    scale = min(1.0, SIDE / max(height, width))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)


def _view(name: str, pixels: Image | Grey) -> View:
    colours = pixels if pixels.ndim == 3 else np.repeat(pixels[..., None], 3, axis=2)
    data = encode_jpeg(colours, quality=80)
    uri = f"data:image/jpeg;base64,{base64.b64encode(data).decode('ascii')}"
    return View(name, uri, width=pixels.shape[1], height=pixels.shape[0])


def _rows(shards: Sequence[Path], row_type: type[R], keys: Collection[Key], columns: Sequence[str]) -> Iterator[R]:
    """Rows with one of the keys; shards that hold none are not read beyond their key columns."""
    for path in sorted(shards):
        if any(row.frame_key in keys for row in read_rows(path, row_type, columns=FRAME_COLUMNS)):
            for row in read_rows(path, row_type, columns=[*FRAME_COLUMNS, *columns]):
                if row.frame_key in keys:
                    yield row
