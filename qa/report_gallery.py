"""The report's pictures: which labels to show, and each as JPEG data URIs with its alpha, trust and votes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import cv2
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from datasets.images import Grey, Image, decode_grey, decode_rgb
from datasets.schema import CuratedRow, FrameRow, LabelRow, VoteRow
from datasets.shards import R, read_rows
from qa.report_data import FRAME_COLUMNS, FrameInfo, Key
from qa.report_heat import heat_view
from qa.report_pictures import View, fitted, overlay, view
from stages.paste import paste

VOTE_SIDE = 192
"""Longest side of a vote in pixels: teachers see little more."""


@dataclass(frozen=True)
class Tile:
    """One label of the gallery.

    Attributes:
        views: further pictures, a click away: frame, alpha, trust, disagreement, one a teacher.
        alpha: `(H, W)` uint8. votes: the same size, by teacher that did not abstain. Small: for tables, not to be seen.
    """

    frame: FrameInfo
    overlay: View
    views: tuple[View, ...]
    alpha: Grey = field(repr=False, compare=False)
    votes: Mapping[str, Grey] = field(repr=False, compare=False)

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
    budget: int,
) -> list[Tile]:
    """Tiles of the chosen frames in their order, at most `budget` bytes of pictures.

    A curated frame shows its curated label, any other one the fused label; frames without pictures are passed over.
    Where the budget is short the last tiles go without further views; where it does not reach for that, they are left
    out.
    """
    keys = {frame.key for frame in chosen}
    ballots: dict[Key, dict[str, VoteRow]] = defaultdict(dict)
    for teacher, shards in sorted(votes.items()):
        for vote in _rows(shards, VoteRow, keys, ("teacher", "windows", "maps")):
            ballots[vote.frame_key][teacher] = vote
    infos = {frame.key: frame for frame in chosen}
    made = {
        key: _tile(infos[key], image, alpha, trust, ballots.pop(key, {}))
        for key, image, alpha, trust in _pictures(keys, frames=frames, labels=labels, curated=curated)
    }
    return _within(budget, [made[frame.key] for frame in chosen if frame.key in made])


def _within(budget: int, made: Sequence[Tile]) -> list[Tile]:
    """As many tiles as the budget allows, then the views of as many of them."""
    kept: list[Tile] = []
    left = budget
    for tile in made:
        left -= len(tile.overlay.uri)
        if left < 0:
            break
        kept.append(tile)
    for index, tile in enumerate(kept):
        left -= tile.bytes - len(tile.overlay.uri)
        if left < 0:
            return [*kept[:index], *(replace(bare, views=()) for bare in kept[index:])]
    return kept


def _tile(frame: FrameInfo, image: Image, alpha: Grey, trust: Grey, ballots: Mapping[str, VoteRow]) -> Tile:
    small = fitted(alpha, VOTE_SIDE)
    height, width = small.shape
    pasted = {teacher: paste(vote, width, height) for teacher, vote in ballots.items()}
    votes = {teacher: vote for teacher, vote in pasted.items() if vote is not None}
    views = [view("frame", image), view("alpha", alpha), view("trust", trust)]
    if votes:
        views.append(heat_view(list(votes.values()), small))
    views += [view(teacher, vote) for teacher, vote in votes.items()]
    return Tile(frame, view("label", overlay(image, alpha, trust)), tuple(views), small, votes)


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
                    views = (view(name, fitted(decode_rgb(row[name]))) for name in pictures if row[name])
                    samples.append(Sample(" · ".join(row[name] for name in texts if row[name]), tuple(views)))
            start += len(rows)
    return samples


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
    image = fitted(decode_rgb(picture))
    size = image.shape[1], image.shape[0]
    greys = (cv2.resize(decode_grey(data), size, interpolation=cv2.INTER_AREA) for data in (alpha, trust))
    small_alpha, small_trust = (np.asarray(grey, dtype=np.uint8) for grey in greys)
    return image, small_alpha, small_trust


def _rows(shards: Sequence[Path], row_type: type[R], keys: Collection[Key], columns: Sequence[str]) -> Iterator[R]:
    """Rows with one of the keys; shards that hold none are not read beyond their key columns."""
    for path in sorted(shards):
        if any(row.frame_key in keys for row in read_rows(path, row_type, columns=FRAME_COLUMNS)):
            for row in read_rows(path, row_type, columns=[*FRAME_COLUMNS, *columns]):
                if row.frame_key in keys:
                    yield row
