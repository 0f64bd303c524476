"""Which frames people are asked about, worst first, and everything that is to be shown of one."""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from datasets.clips import read_clips
from datasets.reviews import Decision, label_digest
from datasets.schema import FrameRow, LabelRow, QualityRow
from datasets.shards import read_rows
from pipeline.params import Params
from pipeline.shards import Shard, shards_of
from qa.audit import draw
from qa.review import GAIN

FrameKey = tuple[str, int]


@dataclass(frozen=True)
class Queued:
    """A frame that waits for a person: its key, what reviewing it is worth (`qa.review`), and its shard's index.

    `drawn`: it is in the audit's sample.
    """

    key: FrameKey
    gain: float
    shard: int
    drawn: bool


@dataclass(frozen=True)
class Shown:
    """A frame as it is to be shown, with its neighbours in the burst."""

    frame: FrameRow
    label: LabelRow
    quality: QualityRow
    before: FrameRow | None
    after: FrameRow | None


class Scored:
    """The scored frames of a project, shard by shard, with the frames and labels that belong to them.

    Raises FileNotFoundError where `ingest`, `fuse` or `score` have not run.
    """

    def __init__(self, root: Path, params: Params) -> None:
        self._params = params
        self.scores, frames, labels = (shards_of(stage, root) for stage in ("score", "ingest", "fuse"))
        self._frames: Callable[[int], list[Shard]] = self.scores.of_same_source(frames)
        self._labels: Callable[[int], list[Shard]] = self.scores.of_same_source(labels)

    def queue(
        self,
        decisions: Mapping[FrameKey, Decision],
        *,
        limit: int,
        audit: bool,
        also: Collection[FrameKey] = (),
        progress: Callable[[int, int, str], None] = lambda done, total, what: None,
    ) -> tuple[list[Queued], list[Queued]]:
        """The frames to ask about, worst first, and those of `also` that are none of them.

        Asked about are the `limit` doubtful labels (`score.doubtful_below`) with the most to gain, and, with `audit`,
        every frame of the audit's sample. What a person or a keyed screen vouches for needs nobody.
        """
        flagged: list[Queued] = []
        drawn: list[Queued] = []
        others: dict[FrameKey, Queued] = {}
        for index in range(len(self.scores)):
            rows = list(read_rows(self.scores[index].path, QualityRow))
            sample = draw([(r.source, r.clip, r.burst, r.time_us) for r in rows], self._params.curate.audit)
            doubtful = {row.frame_key for row in rows if row.quality < self._params.score.doubtful_below}
            asked = doubtful | sample if audit else doubtful
            asked -= self._settled(index, decisions, asked) if asked else set()
            for row in rows:
                key = row.frame_key
                place = Queued(key, row.signals.get(GAIN, 0.0), index, key in sample)
                if key in asked:
                    (drawn if audit and place.drawn else flagged).append(place)
                if key in also:
                    others[key] = place
            if len(flagged) > 4 * limit:
                flagged = heapq.nsmallest(limit, flagged, key=_worst_first)
            progress(index + 1, len(self.scores), "looking for doubtful labels")
        chosen = sorted(drawn + heapq.nsmallest(limit, flagged, key=_worst_first), key=_worst_first)
        names = {place.key for place in chosen}
        return chosen, [others[key] for key in sorted(others) if key not in names]

    def show(self, places: Iterable[Queued]) -> Iterator[Shown]:
        """These frames as they are to be shown, shard by shard: one burst in memory."""
        wanted: dict[int, set[FrameKey]] = defaultdict(set)
        for place in places:
            wanted[place.shard].add(place.key)
        for index, keys in sorted(wanted.items()):
            paths = [shard.path for shard in (self.scores[index], *self._labels(index), *self._frames(index))]
            for clip in read_clips(paths, primary=QualityRow):
                for at, (quality, frame, label) in enumerate(
                    zip(clip.qualities, clip.frames, clip.labels, strict=True)
                ):
                    if quality is None or frame is None or label is None or frame.frame_key not in keys:
                        continue
                    before = clip.frames[at - 1] if at else None
                    after = clip.frames[at + 1] if at + 1 < len(clip) else None
                    yield Shown(frame, label, quality, before, after)

    def _settled(
        self, index: int, decisions: Mapping[FrameKey, Decision], asked: Collection[FrameKey]
    ) -> set[FrameKey]:
        """Frames of a shard that nobody needs to look at (any more)."""
        done = {
            key for key in asked if key in decisions and (decisions[key].verdict != "accept" or decisions[key].mask)
        }
        unsure = {key for key in asked if key in decisions} - done
        for shard in self._frames(index):
            columns = ["source", "time_us", "role"]
            done |= {row.frame_key for row in read_rows(shard.path, FrameRow, columns=columns) if row.role != "footage"}
        for shard in self._labels(index):
            columns = ["source", "time_us", "keyed", *(["alpha"] if unsure else [])]
            for row in read_rows(shard.path, LabelRow, columns=columns):
                accepted = row.frame_key in unsure and decisions[row.frame_key].label in ("", label_digest(row.alpha))
                if row.keyed or accepted:
                    done.add(row.frame_key)
        return done


def _worst_first(place: Queued) -> tuple[float, FrameKey]:
    return -place.gain, place.key
