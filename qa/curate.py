"""Stage `curate`: a scored label becomes a frame of the curated set, with its group and split, or a counted drop."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import ClassVar, Literal

from pydantic import Field

from datasets.clips import Clip
from datasets.licences import union
from datasets.reviews import Decision, latest, read_decisions
from datasets.schema import SPLITS, CuratedRow, FrameRow, LabelRow, QualityRow, Row
from datasets.shards import read_rows, shard_row_type
from datasets.splits import assign_split
from qa.audit import FILE, AuditConfig, read_audit
from qa.audited import with_audit
from qa.groups import GroupConfig, group_of
from qa.label_choice import choose_label, propagated
from qa.propagation import mended_labels
from stages.base import ClipStage, Config, Drop

REVIEWS = Path("data") / "reviews"
"""Where people's decisions lie, relative to the project's root."""


class CurateConfig(Config):
    """Configuration of the stage.

    Attributes:
        groups: what a label needs to be gold, silver or bronze.
        audit: how a random sample of labels is drawn for people to look at, and what it must prove.
        annotations: what becomes of an imported annotation that scores badly: `replace` it with the fused label, `drop`
            the frame, or `keep` it.
        duplicate_distance: training frames that differ in fewer difference-hash bits (of 64) from the last one kept are
            dropped; 0 keeps all. Bits are summed from frame to frame, so that slow motion adds up.
        ratios, salt: shares of the splits and the salt of the subjects' hash.
        required_splits: splits that must not be empty.
    """

    groups: GroupConfig = GroupConfig()
    audit: AuditConfig = AuditConfig()
    annotations: Literal["replace", "drop", "keep"] = "replace"
    duplicate_distance: int = Field(default=0, ge=0, le=64)
    ratios: dict[str, float] = Field(default={"train": 0.8, "val": 0.1, "test": 0.1})
    salt: str = "autoroto"
    required_splits: tuple[str, ...] = SPLITS


class Curate(ClipStage[CuratedRow]):
    """Curates a burst. The keyed test clip is never thinned out: its truth is exact, however bad its label."""

    name: ClassVar[str] = "curate"
    consumes: ClassVar[tuple[type[Row], ...]] = (QualityRow, FrameRow, LabelRow)
    produces: ClassVar[type[Row]] = CuratedRow

    config: CurateConfig

    def __init__(self, config: CurateConfig, *, root: Path = Path()) -> None:
        super().__init__(config, root=root)
        self._decisions: Mapping[tuple[str, int], Decision] = {}
        self._groups = config.groups

    def weights(self) -> Sequence[str]:
        """The audit table, where there is one: another table, another key."""
        return (str(REVIEWS / FILE),) if (self.root / REVIEWS / FILE).exists() else ()

    def items(self, inputs: Sequence[Path]) -> Iterator[Clip]:
        scored = [path for path in inputs if shard_row_type(path) == QualityRow.__name__]
        sources = {row.source for path in scored for row in read_rows(path, QualityRow, columns=["source"])}
        self._decisions = latest(read_decisions(self.root / REVIEWS, sources=sources))
        self._groups = with_audit(self.config.groups, read_audit(self.root / REVIEWS / FILE))
        yield from super().items(inputs)

    def process(self, item: Clip) -> Iterable[CuratedRow | Drop]:
        moved = 0.0
        mended = mended_labels(item, self._decisions)
        for index, (quality, frame, label) in enumerate(zip(item.qualities, item.frames, item.labels, strict=True)):
            if quality is None or frame is None or label is None:
                raise ValueError(f"{item.describe()}: a scored frame lacks its frame or label; run `dvc repro` again")
            split = self._split(frame)
            moved += frame.duplicate
            if split == "train" and moved < self.config.duplicate_distance:
                yield Drop("near_duplicate", 1)
                continue
            result = self._curate(frame, label, quality, split, mended.get(index))
            moved = 0.0 if isinstance(result, CuratedRow) else moved
            yield result

    def _split(self, frame: FrameRow) -> str:
        if frame.role == "keyed":
            return "test"
        return assign_split(frame.subject, pinned=frame.split, ratios=self.config.ratios, salt=self.config.salt)

    def _curate(
        self, frame: FrameRow, label: LabelRow, quality: QualityRow, split: str, mended: LabelRow | None
    ) -> CuratedRow | Drop:
        """`mended`: the label with the correction of a fixed neighbour, which counts where the fused label would."""
        decision = self._decisions.get(frame.frame_key)
        if decision and decision.verdict == "reject":
            return Drop("reject:reviewed", 1)
        choice = choose_label(frame, label, quality, decision, annotations=self.config.annotations)
        if choice is None:
            return Drop(f"annotation:{quality.annotation}", 1)
        group = group_of(
            choice.quality,
            quality.signals,
            self._groups,
            proven=choice.proven,
            cleared=choice.cleared,
            known_error=bool(choice.error),
        )
        if mended is not None and choice.source == "fused":
            choice = propagated(frame, mended, quality)
            group = "bronze" if group == "reject" else group  # never gold: nobody has seen this very frame
        if group == "reject" and frame.role != "keyed":
            return Drop(f"reject:{quality.error or 'no_votes'}", 1)
        return CuratedRow(
            source=frame.source,
            clip=frame.clip,
            burst=frame.burst,
            time_us=frame.time_us,
            path=frame.path,
            name=frame.name,
            width=frame.width,
            height=frame.height,
            image=frame.image,
            alpha=choice.alpha,
            trust=choice.trust,
            foreground=choice.foreground,
            group=group,
            split=split,
            role=frame.role,
            label_source=choice.source,
            quality=choice.quality,
            error=choice.error or ("" if choice.proven or choice.cleared else quality.error),
            scenarios=quality.scenarios,
            subject=frame.subject,
            licences=union(frame.licences),
            truth=frame.truth,
        )
