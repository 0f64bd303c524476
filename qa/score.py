"""Stage `score`: is a label right? Signals without truth, an overall quality, the likeliest error and where it lies."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import ClassVar

from pydantic import Field

from datasets.clips import Clip
from datasets.schema import BoxRow, FrameRow, LabelRow, QualityRow, Row, VoteRow
from qa.burst_signals import burst_signals
from qa.errors import find_error, judge_annotation
from qa.judge import FITTED, Judge
from qa.scenarios import scenarios_of
from qa.view import View, view_of
from stages.base import ClipStage, Config


class ScoreConfig(Config):
    """Configuration of the stage.

    Attributes:
        side: longest side in pixels of the working size; signals are normalised, so it trades detail for time.
        annotators: teachers that are imported annotations: judged by the others, so never counted among them.
        doubtful_below: a label of lower quality gets an error type and a box.
        annotation_iou, annotation_f: agreement with the teachers' majority from which an imported mask is good.
        annotation_region: a wrong region above this share of the foreground makes an imported mask bad.
        judge: file of the fitted judge, relative to the project's root; empty: the one that ships.
    """

    side: int = Field(default=256, ge=64)
    annotators: tuple[str, ...] = ("annotation",)
    doubtful_below: float = Field(default=0.6, ge=0, le=1)
    annotation_iou: float = Field(default=0.85, ge=0, le=1)
    annotation_f: float = Field(default=0.6, ge=0, le=1)
    annotation_region: float = Field(default=0.02, ge=0, le=1)
    judge: str = ""


class Score(ClipStage[QualityRow]):
    """Scores the labels of a burst. Truth is never looked at: keyed test frames are scored like any other."""

    name: ClassVar[str] = "score"
    consumes: ClassVar[tuple[type[Row], ...]] = (LabelRow, FrameRow, BoxRow, VoteRow)
    produces: ClassVar[type[Row]] = QualityRow

    config: ScoreConfig

    def weights(self) -> Sequence[str]:
        return (self.config.judge or str(FITTED),)

    @cached_property
    def judge(self) -> Judge:
        """The fitted judge."""
        return Judge.read(self.root / self.weights()[0])

    def process(self, item: Clip) -> Iterable[QualityRow]:
        config = self.config
        views = [view_of(item, i, side=config.side, annotators=config.annotators) for i in range(len(item))]
        for row, frame, view, signals in zip(item.rows, item.frames, views, burst_signals(views), strict=True):
            assert frame is not None  # view_of has refused bursts with missing frames
            yield self._score(row, frame, view, signals)

    def _score(self, row: Row, frame: FrameRow, view: View, signals: dict[str, float]) -> QualityRow:
        quality = self.judge.probability(signals)
        finding = find_error(view, signals) if quality < self.config.doubtful_below else None
        return QualityRow(
            source=row.source,
            clip=row.clip,
            burst=row.burst,
            time_us=row.time_us,
            signals=dict(sorted(signals.items())),
            quality=quality,
            error=finding.error if finding else "",
            error_box=finding.box if finding else [],
            scenarios=scenarios_of(view, signals, blur=frame.blur),
            annotation=self._annotation(view),
        )

    def _annotation(self, view: View) -> str:
        if view.annotation is None:
            return ""
        finding = judge_annotation(
            view,
            min_iou=self.config.annotation_iou,
            min_f=self.config.annotation_f,
            min_region=self.config.annotation_region,
        )
        return finding.error if finding else "good"
