"""Stage `score`: is a label right? Signals without truth, an overall quality, the likeliest error and where it lies."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import ClassVar

from pydantic import Field

from datasets.clips import Clip
from datasets.schema import BoxRow, FrameRow, LabelRow, QualityRow, Row, VoteRow
from qa.annotations import FITTED as SHIPPED_ANNOTATION_JUDGE
from qa.annotations import AnnotationJudge, judge_annotations
from qa.errors import Finding, find_error
from qa.quality import Logistic, Term, quality_of
from qa.review import GAIN, review_gains
from qa.scenarios import scenarios_of
from qa.signals import frame_signals
from qa.temporal_signals import temporal_signals
from qa.view import View, view_of
from stages.base import ClipStage, Config

HAND_SET = Logistic(
    intercept=-0.8,
    terms={
        "label_iou": Term(weight=0.8, centre=0.92, spread=0.05),
        "teacher_f": Term(weight=0.4, centre=0.75, spread=0.15),
        "core_doubt": Term(weight=-0.4, centre=0.05, spread=0.05),
        "band_doubt": Term(weight=-0.6, centre=0.08, spread=0.04),
        "region_largest": Term(weight=-0.3, centre=0.1, spread=0.4),
        "edge_fit": Term(weight=0.5, centre=0.67, spread=0.06),
        "box_filled": Term(weight=0.3, centre=0.5, spread=0.1),
        "box_outside": Term(weight=-0.4, centre=0.01, spread=0.05),
        "stray_area": Term(weight=-0.4, centre=0.0, spread=0.01),
        "hole_area": Term(weight=-0.2, centre=0.005, spread=0.02),
        "flow_iou_best": Term(weight=0.5, centre=0.96, spread=0.04),
        "area_jump": Term(weight=-0.4, centre=0.01, spread=0.05),
    },
)
"""The starting coefficients: signs from what each signal means, centres and spreads from some hundred labels."""


class ScoreConfig(Config):
    """Configuration of the stage.

    Attributes:
        side: longest side in pixels of the working size; signals are normalised, so it trades detail for time.
        annotators: teachers that are imported annotations: judged by the others, so never counted among them.
        doubtful_below: a label of lower quality gets an error type and a box.
        annotation_judge: file of the fitted judge of imported masks, relative to the root; empty: the one that ships.
        logistic: signals to quality. Set by hand after a look at frames with truth; calibrated in a later version.
    """

    side: int = Field(default=256, ge=64)
    annotators: tuple[str, ...] = ("annotation",)
    doubtful_below: float = Field(default=0.6, ge=0, le=1)
    annotation_judge: str = ""
    logistic: Logistic = HAND_SET


class Score(ClipStage[QualityRow]):
    """Scores the labels of a burst. Truth is never looked at: keyed test frames are scored like any other."""

    name: ClassVar[str] = "score"
    consumes: ClassVar[tuple[type[Row], ...]] = (LabelRow, FrameRow, BoxRow, VoteRow)
    produces: ClassVar[type[Row]] = QualityRow

    config: ScoreConfig

    def weights(self) -> Sequence[str]:
        return (self.config.annotation_judge or str(SHIPPED_ANNOTATION_JUDGE),)

    @cached_property
    def annotation_judge(self) -> AnnotationJudge:
        """The fitted judge of imported masks."""
        return AnnotationJudge.read(self.root / self.weights()[0])

    def process(self, item: Clip) -> Iterable[QualityRow]:
        config = self.config
        views = [view_of(item, i, side=config.side, annotators=config.annotators) for i in range(len(item))]
        signals = [
            frame_signals(view) | temporal for view, temporal in zip(views, temporal_signals(views), strict=True)
        ]
        qualities = [quality_of(found, config.logistic) for found in signals]
        gains = review_gains(views, qualities)
        verdicts = judge_annotations(views, self.annotation_judge)
        for index, (row, frame, view) in enumerate(zip(item.rows, item.frames, views, strict=True)):
            assert frame is not None  # view_of has refused bursts with missing frames
            known = signals[index] | {GAIN: gains[index]}
            yield self._score(row, frame, view, known, qualities[index], verdicts[index])

    def _score(
        self,
        row: Row,
        frame: FrameRow,
        view: View,
        signals: dict[str, float],
        quality: float,
        verdict: Finding | None,
    ) -> QualityRow:
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
            annotation="" if view.annotation is None else verdict.error if verdict else "good",
        )
