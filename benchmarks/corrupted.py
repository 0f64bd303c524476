"""Footage with truth, its annotations damaged as annotators and old models do it, and what the pipeline makes of it."""

from __future__ import annotations

import itertools
import multiprocessing
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import cv2
import numpy as np
from annotated import heard

from datasets.clips import Clip
from datasets.images import Grey, decode_grey, decode_rgb, encode_jpeg, encode_png
from datasets.reviews import Decision, append_decisions, label_digest, latest
from datasets.schema import BoxRow, CuratedRow, FrameRow, LabelRow, QualityRow, Row, VoteRow
from datasets.shards import write_rows
from pipeline.calibration_data import Known
from pipeline.ensemble import Ensemble
from pipeline.params import Params
from qa.annotators import annotate
from qa.audit import FILE, AuditConfig, draw, write_audit
from qa.audited import audited_labels, take_audit
from qa.curate import REVIEWS, Curate
from qa.curate_tables import WEIGHTS, finish
from qa.metrics import Mask, as_mask, boundary_f, iou
from qa.score import Score
from stages.fuse import Fuse
from training.fitting_views import is_view
from training.letterbox import resize

SIDE = 384
"""Longest side in pixels of frames and labels: four times the student's height is plenty."""
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


@dataclass(frozen=True, eq=False)
class Labelled:
    """One frame, what is true of it, what the teachers say, and the annotation that came with it.

    Attributes:
        frame: with a small image, without truth; its mask is the annotation. truth, alpha: `(H, W)` uint8, exact and
            the annotation.
        boxes, votes: the teachers', the annotation is none of them.
        damage: type of the damage in `alpha`, or "".
        label: fused from the votes, the annotation's among them. quality: of both; None before the pipeline was asked.
    """

    frame: FrameRow
    truth: Grey
    alpha: Grey
    boxes: BoxRow
    votes: Mapping[str, VoteRow | None]
    damage: str = ""
    label: LabelRow | None = None
    quality: QualityRow | None = None

    @property
    def iou(self) -> float:
        """Of the annotation with the truth."""
        return iou(self.alpha, self.truth)

    @property
    def doubted(self) -> bool:
        """Whether the judge found something wrong with the annotation."""
        return self.quality is not None and self.quality.annotation != "good"


def small_frame(frame: FrameRow, *, subject: str) -> FrameRow:
    """The frame at `SIDE`, without mask and truth."""
    scale = min(1.0, SIDE / max(frame.width, frame.height))
    width, height = round(frame.width * scale), round(frame.height * scale)
    image = encode_jpeg(resize(decode_rgb(frame.image), (height, width)))
    return replace(
        frame, image=image, width=width, height=height, source_width=width, source_height=height, mask=b"", truth=b"",
        subject=subject, split="train", role="footage",
    )  # fmt: skip


def labelled(known: Iterable[Known], ensemble: Ensemble) -> list[Labelled]:
    """Every frame that a teacher votes on, annotated with its truth; sorted by burst."""
    found = []
    for one in known:
        burst, voted = one.burst, ensemble.clip(one.burst.frames)
        for index, (frame, boxes) in enumerate(zip(burst.frames, voted.boxes, strict=True)):
            votes = {teacher: rows[index] for teacher, rows in voted.votes.items()}
            if boxes is None or not any(vote and vote.maps for vote in votes.values()):
                continue
            small = small_frame(frame, subject=one.group)
            if is_view(frame):  # it has the key of the frame that it shows
                small = replace(small, source=f"{small.source}-{small.name}")
            truth = resize(decode_grey(burst.truths[index]), (small.height, small.width))
            found.append(Labelled(small, truth, truth, boxes, votes))
    return sorted(found, key=lambda entry: _burst(entry.frame))


def corrupted(footage: Sequence[Labelled], level: float, seed: int) -> list[Labelled]:
    """The footage with a share `level` of its annotations damaged (see `qa.annotators`)."""
    rng = np.random.default_rng([seed, round(100 * level)])
    bursts = _bursts(footage)
    found = annotate([[as_mask(entry.truth) for entry in burst] for burst in bursts], level, rng)
    return [
        replace(entry, alpha=redrawn(entry.truth, one.mask), damage=one.kind)
        for burst, drawn in zip(bursts, found, strict=True)
        for entry, one in zip(burst, drawn, strict=True)
    ]


def redrawn(truth: Grey, mask: Mask) -> Grey:
    """`(H, W)` uint8: the truth, wholly 0 or 255 where the mask is on the other side of one half."""
    return np.where(as_mask(truth) == mask, truth, np.where(mask, 255, 0)).astype(np.uint8)


def judged(footage: Sequence[Labelled], params: Params, *, jobs: int = 1) -> list[Labelled]:
    """The footage as `fuse` and `score` see it: annotations imported, voting, and judged; sorted by burst.

    Votes are fused by `weighted`, by expertise by design: a fitted one may have seen the truth of these frames.
    """
    bursts = _bursts(footage)
    if jobs == 1:
        return [entry for burst in bursts for entry in _judged(burst, params)]
    pool = ProcessPoolExecutor(jobs, multiprocessing.get_context("spawn"), initializer=cv2.setNumThreads, initargs=(1,))
    with pool:
        found = pool.map(_judged, bursts, itertools.repeat(params), chunksize=4)
        return [entry for burst in found for entry in burst]


def _judged(burst: Sequence[Labelled], params: Params) -> list[Labelled]:
    fuse, score = _stages(params.model_dump_json())
    frames = tuple(entry.frame for entry in burst)
    votes = {teacher: tuple(entry.votes[teacher] for entry in burst) for teacher in burst[0].votes}
    boxes: dict[type[Row], tuple[Row | None, ...]] = {BoxRow: tuple(entry.boxes for entry in burst)}
    clip = heard(Clip(frames, boxes, votes), [encode_png(entry.alpha) for entry in burst])
    labels = tuple(row for row in fuse.process(clip) if isinstance(row, LabelRow))
    qualities = score.process(Clip(labels, {**clip.joined, FrameRow: clip.rows}, clip.votes))
    return [
        replace(entry, frame=frame, label=label, quality=quality)
        for entry, frame, label, quality in zip(burst, clip.frames, labels, qualities, strict=True)
        if frame is not None
    ]


@cache
def _stages(params: str) -> tuple[Fuse, Score]:
    """The two stages for params as JSON; each process opens them once."""
    given = Params.model_validate_json(params)
    matting = given.fuse.matting.model_copy(update={"enabled": False})
    update = {"longest_side": SIDE, "strategy": "weighted", "fitted": "", "matting": matting}
    return Fuse(given.fuse.model_copy(update=update)), Score(given.score)


def student_row(frame: FrameRow, alpha: Grey, *, trust: Grey | None = None, split: str = "train") -> CuratedRow:
    """A row to learn from or to measure on; without `trust` every pixel is believed."""
    return CuratedRow(
        source=frame.source, clip=frame.clip, burst=frame.burst, time_us=frame.time_us, path=frame.path,
        name=frame.name, width=frame.width, height=frame.height, image=frame.image, alpha=encode_png(alpha),
        trust=encode_png(np.full_like(alpha, 255) if trust is None else trust), foreground=b"", group="gold",
        split=split, role="footage", label_source="annotation", quality=1.0, error="", scenarios=[],
        subject=frame.subject, licences=frame.licences, truth=b"",
    )  # fmt: skip


def believed(labels: Sequence[Labelled]) -> list[CuratedRow]:
    """Rows of the annotations, all of one weight and trusted everywhere."""
    return [student_row(entry.frame, entry.alpha) for entry in labels]


def curated(
    labels: Sequence[Labelled], params: Params, root: Path, *, annotations: str = "replace", trust: bool = True
) -> list[CuratedRow]:
    """Rows that stage `curate` makes of judged footage, after an audit; `root` becomes a project's folder.

    `annotations`: what becomes of doubted ones, as in `CurateConfig`. The weights of the groups lie in
    `root/data/curate/weights.parquet`. Without `trust` every pixel is believed.
    """
    update = {"required_splits": ("train",), "duplicate_distance": 0, "annotations": annotations}
    config = params.curate.model_copy(update=update)
    shards = {QualityRow: root / "score.parquet", FrameRow: root / "frames.parquet", LabelRow: root / "labels.parquet"}
    write_rows(shards[QualityRow], [entry.quality for entry in labels if entry.quality], QualityRow)
    write_rows(shards[FrameRow], [entry.frame for entry in labels], FrameRow)
    write_rows(shards[LabelRow], [entry.label for entry in labels if entry.label], LabelRow)
    reviews = root / REVIEWS
    decisions = list(reviewed(labels, config.audit))
    reviews.mkdir(parents=True)
    if decisions:
        append_decisions(reviews, decisions)
    stage = Curate(config, root=root)
    clips = list(stage.items(list(shards.values())))
    drawn = audited_labels(clips, latest(decisions), config.audit, annotations=config.annotations)
    write_audit(reviews / FILE, take_audit(drawn, config.groups, config.audit))
    rows = []
    for clip in stage.items(list(shards.values())):  # once more: now there is an audit to go by
        for row in stage.process(clip):
            if isinstance(row, CuratedRow):
                full = encode_png(np.full((row.height, row.width), 255, np.uint8))
                rows.append(replace(row, foreground=b"", trust=row.trust if trust else full))
    out = root / "data" / "curate"
    out.mkdir(parents=True)
    write_rows(root / "made.parquet", rows, CuratedRow)
    finish([root / "made.parquet"], out, config)
    return rows


def reviewed(labels: Sequence[Labelled], config: AuditConfig) -> Iterator[Decision]:
    """The audit's decisions: truth accepts what is good by the judge's definition and fixes the rest."""
    drawn = draw([(*_burst(entry.frame), entry.frame.time_us) for entry in labels], config)
    for entry in labels:
        if entry.frame.frame_key not in drawn:
            continue
        assert entry.label is not None
        shown = decode_grey(entry.label.alpha)  # a reviewer is shown the fused label
        good = iou(shown, entry.truth) >= config.good_iou and boundary_f(shown, entry.truth) >= config.good_f
        yield Decision(
            source=entry.frame.source,
            time_us=entry.frame.time_us,
            verdict="accept" if good else "fix",
            mask=b"" if good else encode_png(entry.truth),
            label=label_digest(entry.label.alpha),
            reviewer="truth",
            decided_at=NOON,
        )


def composition(rows: Sequence[CuratedRow], labels: Sequence[Labelled]) -> str:
    """How many labels are in each group and left out, where the annotation was right and where it was damaged."""
    groups = {(row.source, row.time_us): row.group for row in rows}
    replaced = {(row.source, row.time_us) for row in rows if row.label_source == "fused"}
    keys = [(entry.frame.frame_key, bool(entry.damage)) for entry in labels]
    found = Counter((groups.get(key, "left out"), damage) for key, damage in keys)
    names = [name for name in ("gold", "silver", "bronze", "left out") if found[name, False] + found[name, True]]
    shown = [f"{name} {found[name, False]} + {found[name, True]} damaged" for name in names]
    right, wrong = (sum(key in replaced for key, damage in keys if damage is hurt) for hurt in (False, True))
    return ", ".join([*shown, f"replaced {right} + {wrong} damaged"])


def weights_of(root: Path) -> Path:
    """The weights that `curated` wrote."""
    return root / "data" / "curate" / WEIGHTS


def _bursts(footage: Iterable[Labelled]) -> list[list[Labelled]]:
    return [list(group) for _, group in itertools.groupby(footage, key=lambda entry: _burst(entry.frame))]


def _burst(frame: FrameRow) -> tuple[str, int, int]:
    return frame.source, frame.clip, frame.burst
