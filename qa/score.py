"""Stage `score`: is a label right? Signals without truth, an overall quality, the likeliest error and where it lies."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import ClassVar

from pydantic import Field

from datasets.clips import Clip
from datasets.schema import BoxRow, FrameRow, LabelRow, QualityRow, Row, VoteRow
from qa.annotations import DOUBT, AnnotationJudge, Verdict, judge_annotations
from qa.annotations import FITTED as SHIPPED_ANNOTATION_JUDGE
from qa.burst_signals import burst_signals
from qa.errors import Finding, find_error
from qa.judge import FITTED as SHIPPED_JUDGE
from qa.judge import Judge, samples_of
from qa.review import GAIN, review_gains
from qa.scenarios import scenarios_of
from qa.temporal_signals import tracks_of
from qa.view import View, view_of
from stages.base import ClipStage, Config


class ScoreConfig(Config):
    """Configuration of the stage.

    Attributes:
        side: longest side in pixels of the working size; signals are normalised, so it trades detail for time.
        annotators: teachers that are imported annotations: judged by the others, so never counted among them.
        doubtful_below: a label of lower quality gets an error type and a box.
        judge: file of the fitted judge, relative to the project's root; empty: the one that ships.
        annotation_judge: file of the fitted judge of imported masks; likewise.
    """

    side: int = Field(default=256, ge=64)
    annotators: tuple[str, ...] = ("annotation",)
    doubtful_below: float = Field(default=0.6, ge=0, le=1)
    judge: str = ""
    annotation_judge: str = ""


class Score(ClipStage[QualityRow]):
    """Scores the labels of a burst. Truth is never looked at: keyed test frames are scored like any other."""

    name: ClassVar[str] = "score"
    consumes: ClassVar[tuple[type[Row], ...]] = (LabelRow, FrameRow, BoxRow, VoteRow)
    produces: ClassVar[type[Row]] = QualityRow

    config: ScoreConfig

    def weights(self) -> Sequence[str]:
        return (
            self.config.judge or str(SHIPPED_JUDGE),
            self.config.annotation_judge or str(SHIPPED_ANNOTATION_JUDGE),
        )

    @cached_property
    def judge(self) -> Judge:
        """The fitted judge."""
        return Judge.read(self.root / self.weights()[0])

    @cached_property
    def annotation_judge(self) -> AnnotationJudge:
        """The fitted judge of imported masks."""
        return AnnotationJudge.read(self.root / self.weights()[1])

    def process(self, item: Clip) -> Iterable[QualityRow]:
        config = self.config
        views = [view_of(item, i, side=config.side, annotators=config.annotators) for i in range(len(item))]
        tracks = tracks_of(views)
        signals = burst_signals(views, tracks=tracks)
        samples = samples_of(signals, self.judge.signals)
        qualities, errors = self.judge.probabilities(samples).tolist(), self.judge.errors(samples)
        gains = review_gains(views, self.judge.expected_errors(signals).tolist(), tracks)
        verdicts = judge_annotations(views, self.annotation_judge, tracks)
        for index, (row, frame, view) in enumerate(zip(item.rows, item.frames, views, strict=True)):
            assert frame is not None  # view_of has refused bursts with missing frames
            verdict = verdicts[index]
            known = signals[index] | {GAIN: gains[index]} | ({DOUBT: verdict.doubt} if verdict else {})
            error = errors[index] if qualities[index] < config.doubtful_below else None
            finding = None if error is None else find_error(view, signals[index], error)
            yield _quality_row(row, frame, view, known, qualities[index], finding, verdict)


def _quality_row(
    row: Row,
    frame: FrameRow,
    view: View,
    signals: dict[str, float],
    quality: float,
    finding: Finding | None,
    verdict: Verdict | None,
) -> QualityRow:
    doubted = verdict.finding if verdict else None
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
        annotation="" if view.annotation is None else doubted.error if doubted else "good",
    )
