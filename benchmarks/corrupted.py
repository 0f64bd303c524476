"""Footage with truth whose labels are damaged as annotators and old models damage them, and what becomes of them."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

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
from qa.weighting import annotation_trust
from stages.fuse import Fuse
from training.fitting_views import is_view
from training.letterbox import resize

SIDE = 384
"""Longest side in pixels of frames and labels: four times the student's height is plenty."""
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


@dataclass(frozen=True, eq=False)
class Labelled:
    """One frame, what is true of it, what the teachers say, and the label to learn from.

    Attributes:
        frame: with a small image, without mask and truth. truth, alpha: `(H, W)` uint8, exact and learnt from.
        fused: label of the undamaged votes. boxes, votes: what it was made from.
        damage: type of the damage in `alpha`, or "". quality: of `alpha`, by the judge; None before it was asked.
    """

    frame: FrameRow
    truth: Grey
    alpha: Grey
    fused: LabelRow
    boxes: BoxRow
    votes: Mapping[str, VoteRow | None]
    damage: str = ""
    quality: QualityRow | None = None

    @property
    def iou(self) -> float:
        """Of the label with the truth."""
        return iou(self.alpha, self.truth)

    @property
    def trust(self) -> Grey:
        """`(H, W)` uint8: how far the teachers back each pixel of the label."""
        return annotation_trust(self.alpha, decode_grey(self.fused.alpha), decode_grey(self.fused.trust))

    @property
    def row(self) -> LabelRow:
        """The label as a row, in place of the fused one."""
        return replace(self.fused, alpha=encode_png(self.alpha), trust=encode_png(self.trust))


def small_frame(frame: FrameRow, *, subject: str) -> FrameRow:
    """The frame at `SIDE`, without mask and truth."""
    scale = min(1.0, SIDE / max(frame.width, frame.height))
    width, height = round(frame.width * scale), round(frame.height * scale)
    image = encode_jpeg(resize(decode_rgb(frame.image), (height, width)))
    return replace(
        frame, image=image, width=width, height=height, source_width=width, source_height=height, mask=b"", truth=b"",
        subject=subject, split="train", role="footage",
    )  # fmt: skip


def labelled(known: Iterable[Known], ensemble: Ensemble, params: Params) -> list[Labelled]:
    """Every frame that a teacher votes on, labelled with its truth; sorted by burst.

    Votes are fused by `weighted`, by expertise by design: a fitted one may have seen the truth of these frames.
    """
    matting = params.fuse.matting.model_copy(update={"enabled": False})
    update = {"longest_side": SIDE, "strategy": "weighted", "fitted": "", "matting": matting}
    config = params.fuse.model_copy(update=update)
    fuse, found = Fuse(config), []
    for one in known:
        burst, voted = one.burst, ensemble.clip(one.burst.frames)
        frames = tuple(small_frame(frame, subject=one.group) for frame in burst.frames)
        if is_view(frames[0]):  # it has the key of the frame that it shows
            frames = tuple(replace(frame, source=f"{frame.source}-{frame.name}") for frame in frames)
        fused = list(fuse.process(Clip(frames, voted.joined, voted.votes)))
        for index, (frame, label, boxes) in enumerate(zip(frames, fused, voted.boxes, strict=True)):
            if isinstance(label, LabelRow) and boxes is not None:
                truth = resize(decode_grey(burst.truths[index]), (frame.height, frame.width))
                votes = {teacher: rows[index] for teacher, rows in voted.votes.items()}
                found.append(Labelled(frame, truth, truth, label, boxes, votes))
    return sorted(found, key=lambda entry: _burst(entry.frame))


def corrupted(footage: Sequence[Labelled], level: float, seed: int, params: Params) -> list[Labelled]:
    """The footage with a share `level` of its labels damaged (see `qa.annotators`), and every label judged."""
    rng = np.random.default_rng([seed, round(100 * level)])
    bursts = [list(group) for _, group in itertools.groupby(footage, key=lambda entry: _burst(entry.frame))]
    found = annotate([[as_mask(entry.truth) for entry in burst] for burst in bursts], level, rng)
    damaged = [
        replace(entry, alpha=redrawn(entry.truth, one.mask), damage=one.kind)
        for burst, drawn in zip(bursts, found, strict=True)
        for entry, one in zip(burst, drawn, strict=True)
    ]
    return judged(damaged, params)


def redrawn(truth: Grey, mask: Mask) -> Grey:
    """`(H, W)` uint8: the truth, wholly 0 or 255 where the mask is on the other side of one half."""
    return np.where(as_mask(truth) == mask, truth, np.where(mask, 255, 0)).astype(np.uint8)


def judged(labels: Sequence[Labelled], params: Params) -> list[Labelled]:
    """The labels, sorted by burst, with their quality."""
    score, found = Score(params.score), []
    for _, group in itertools.groupby(labels, key=lambda entry: _burst(entry.frame)):
        burst = list(group)
        rows = tuple(entry.row for entry in burst)
        joined: dict[type[Row], tuple[Row | None, ...]] = {
            FrameRow: tuple(entry.frame for entry in burst),
            BoxRow: tuple(entry.boxes for entry in burst),
        }
        votes = {teacher: tuple(entry.votes[teacher] for entry in burst) for teacher in burst[0].votes}
        qualities = score.process(Clip(rows, joined, votes))
        found += [replace(entry, quality=quality) for entry, quality in zip(burst, qualities, strict=True)]
    return found


def student_row(frame: FrameRow, alpha: Grey, *, trust: Grey | None = None, split: str = "train") -> CuratedRow:
    """A row to learn from or to measure on; without `trust` every pixel is believed."""
    return CuratedRow(
        source=frame.source, clip=frame.clip, burst=frame.burst, time_us=frame.time_us, path=frame.path,
        name=frame.name, width=frame.width, height=frame.height, image=frame.image, alpha=encode_png(alpha),
        trust=encode_png(np.full_like(alpha, 255) if trust is None else trust), foreground=b"", group="gold",
        split=split, role="footage", label_source="annotation", quality=1.0, error="", scenarios=[],
        subject=frame.subject, licences=frame.licences, truth=b"",
    )  # fmt: skip


def believed(labels: Sequence[Labelled], *, least_quality: float = 0.0, trust: bool = False) -> list[CuratedRow]:
    """Rows of the labels of at least that quality, all of one weight; trusted everywhere, or as the teachers do."""
    return [
        student_row(entry.frame, entry.alpha, trust=entry.trust if trust else None)
        for entry in labels
        if entry.quality is None or entry.quality.quality >= least_quality
    ]


def curated(labels: Sequence[Labelled], params: Params, root: Path, *, trust: bool = True) -> list[CuratedRow]:
    """Rows that stage `curate` makes of the scored labels, after an audit; `root` becomes a project's folder.

    The weights of the groups lie in `root/data/curate/weights.parquet`. Without `trust` every pixel is believed.
    """
    config = params.curate.model_copy(update={"required_splits": ("train",), "duplicate_distance": 0})
    shards = {QualityRow: root / "score.parquet", FrameRow: root / "frames.parquet", LabelRow: root / "labels.parquet"}
    write_rows(shards[QualityRow], [entry.quality for entry in labels if entry.quality], QualityRow)
    write_rows(shards[FrameRow], [entry.frame for entry in labels], FrameRow)
    write_rows(shards[LabelRow], [entry.row for entry in labels], LabelRow)
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
        good = entry.iou >= config.good_iou and boundary_f(entry.alpha, entry.truth) >= config.good_f
        yield Decision(
            source=entry.frame.source,
            time_us=entry.frame.time_us,
            verdict="accept" if good else "fix",
            mask=b"" if good else encode_png(entry.truth),
            label=label_digest(entry.row.alpha),
            reviewer="truth",
            decided_at=NOON,
        )


def composition(rows: Sequence[CuratedRow], labels: Sequence[Labelled]) -> str:
    """How many labels, and how many damaged ones, are in each group, and left out."""
    groups = {(row.source, row.time_us): row.group for row in rows}
    found = Counter((groups.get(entry.frame.frame_key, "left out"), bool(entry.damage)) for entry in labels)
    names = [name for name in ("gold", "silver", "bronze", "left out") if found[name, False] + found[name, True]]
    return ", ".join(f"{name} {found[name, False]} + {found[name, True]} damaged" for name in names)


def weights_of(root: Path) -> Path:
    """The weights that `curated` wrote."""
    return root / "data" / "curate" / WEIGHTS


def _burst(frame: FrameRow) -> tuple[str, int, int]:
    return frame.source, frame.clip, frame.burst
