"""Stage `fuse`: the votes on a frame become one alpha, its foreground colours, and a per-pixel trust."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import Field, field_validator

from datasets.clips import Clip
from datasets.images import Image, decode_rgb, encode_jpeg, encode_png
from datasets.schema import BoxRow, FrameRow, LabelRow, VoteRow
from stages.base import ClipStage, Config, Drop
from stages.fitted_reliability import FITTED, read_reliability
from stages.keying import estimate_screen, key
from stages.matting import MattingConfig, foreground_colours, matte, prepare
from stages.paste import Window, paste
from stages.reliability import BY_DESIGN, SLOPES, Expertise, Shot, shot_of, weigh
from stages.semantics import keep_people
from stages.strategies import STRATEGIES, Probability, Stack, Weights, disagreement, support
from stages.teacher_signals import Signals, edge_strength, teacher_signals
from stages.temporal import BurstTracks, TemporalConfig, fuse_neighbours, remove_flicker
from stages.trimap import UNKNOWN, TrimapConfig, trimap_from_votes
from stages.trust import TrustConfig, trust_map

KEYER = "keyer"
"""The teacher whose vote, where it does not abstain, is the label."""

Map = NDArray[np.float32]
"""`(H, W)` float32 in 0-1 at label resolution."""


class FuseConfig(Config):
    """Parameters of `fuse`.

    Attributes:
        strategy: a name of `stages.strategies.STRATEGIES`.
        longest_side: a label has its frame's stored size, limited to this many pixels.
        fitted: file of whom to trust, in `stages/fitted` or an absolute path; empty for none. `autoroto calibrate` fits
            it.
        expertise: teacher to how good it is at each kind of shot, by hand: counts more than the file, which counts more
            than `stages.reliability.BY_DESIGN`. A teacher that none of them names counts one half throughout.
        slopes: the same for the signals of `stages.teacher_signals`: a weight is expertise × exp(Σ slope · signal).
            They hold where a body is shown; on portraits `stages.reliability.SLOPES` do.
        min_box_score: person boxes below this confidence are not used.
        box_margin: foreground that touches no box enlarged this many times is no person.
        jpeg_quality: of the stored foreground colours.
    """

    strategy: str = "weighted"
    longest_side: int = Field(default=640, ge=16)
    fitted: str = "reliability.json"
    expertise: dict[str, Expertise] = Field(default_factory=dict)
    slopes: dict[str, float] = Field(default_factory=dict)
    min_box_score: float = Field(default=0.25, ge=0, le=1)
    box_margin: float = Field(default=1.25, ge=1)
    jpeg_quality: int = Field(default=95, ge=1, le=100)
    temporal: TemporalConfig = TemporalConfig()
    trimap: TrimapConfig = TrimapConfig()
    matting: MattingConfig = MattingConfig()
    trust: TrustConfig = TrustConfig()

    @field_validator("strategy")
    @classmethod
    def _known(cls, name: str) -> str:
        if name not in STRATEGIES:
            raise ValueError(f"no fusion strategy {name!r}; there are {', '.join(STRATEGIES)}")
        return name


@dataclass(frozen=True)
class Evidence:
    """What speaks for the label of one frame, at label resolution.

    Attributes:
        frame: its row. image: `(H, W, 3)` uint8 RGB.
        boxes: confident person boxes, as fractions. shot: the kind of shot.
        teachers: names of the T teachers that voted. votes: `(T, H, W)` float32 0-1.
        signals: `(T, S)`, what can be seen of the votes. weights: `(T,)`, sum 1.
    """

    frame: FrameRow
    image: Image
    boxes: list[Window]
    shot: Shot
    teachers: list[str]
    votes: Stack
    signals: Signals
    weights: Weights


class Fuse(ClipStage[LabelRow]):
    """Votes → probability → neighbours in time → people only → trimap → matting → colours and trust."""

    name = "fuse"
    consumes = (FrameRow, BoxRow, VoteRow)
    produces = LabelRow
    libraries = ("numpy", "opencv-python-headless", "pymatting", "scipy")
    config: FuseConfig

    def weights(self) -> Sequence[str]:
        return (str(self._fitted),) if self._fitted else ()

    def setup(self) -> None:
        prepare()
        _ = self.reliability  # a missing file is said before the first frame

    @property
    def _fitted(self) -> Path | None:
        return FITTED / self.config.fitted if self.config.fitted else None

    @cached_property
    def reliability(self) -> tuple[dict[str, Expertise], dict[str, float]]:
        """Expertise and slopes: by hand before fitted before known by design."""
        if self._fitted is None:
            return {**BY_DESIGN, **self.config.expertise}, {**SLOPES, **self.config.slopes}
        fitted = read_reliability(self._fitted)
        return {**BY_DESIGN, **fitted.expertise, **self.config.expertise}, {**fitted.slopes, **self.config.slopes}

    def process(self, item: Clip) -> Iterable[LabelRow | Drop]:
        """Labels of one burst in order; person-free backgrounds and frames without any vote are dropped."""
        outcomes: list[LabelRow | Drop | Evidence] = [self.weigh(item, index) for index in range(len(item))]
        labels = self._labels([outcome for outcome in outcomes if isinstance(outcome, Evidence)])
        return [next(labels) if isinstance(outcome, Evidence) else outcome for outcome in outcomes]

    def weigh(self, clip: Clip, index: int) -> LabelRow | Drop | Evidence:
        """The frame's evidence; or its label at once, where the keyer voted; or why there is none."""
        frame = clip.frames[index]
        assert frame is not None
        if frame.role == "background":
            return Drop("background", count=1)
        width, height = label_size(frame.width, frame.height, self.config.longest_side)
        votes = pasted_votes({teacher: rows[index] for teacher, rows in clip.votes.items()}, width, height)
        if not votes:
            return Drop("no_votes", count=1)
        image = resized(decode_rgb(frame.image), width, height)
        if KEYER in votes:
            return self._keyed_label(frame, image, votes[KEYER])
        boxes, scores = confident_boxes(clip.boxes[index], self.config.min_box_score)
        shot = shot_of(boxes, scores)
        stack = np.stack(list(votes.values()))
        signals = teacher_signals(stack, edge_strength(image), boxes)
        weights = weigh(signals, list(votes), shot, *self.reliability)
        return Evidence(frame, image, boxes, shot, list(votes), stack, signals, weights)

    def probability(self, evidence: Evidence) -> Probability:
        """The votes of one frame as one map, `(H, W)` 0-1, before time, people and edges are looked at."""
        return STRATEGIES[self.config.strategy](evidence.votes, evidence.weights)

    def _labels(self, burst: Sequence[Evidence]) -> Iterator[LabelRow]:
        config = self.config
        probabilities = [self.probability(one) for one in burst]
        tracks = BurstTracks([one.image for one in burst]) if config.temporal.enabled else None
        if tracks:
            probabilities = fuse_neighbours(probabilities, tracks, weight=config.temporal.neighbour)
        probabilities = [
            keep_people(probability, one.boxes, margin=config.box_margin)
            for one, probability in zip(burst, probabilities, strict=True)
        ]
        trimaps = [
            trimap_from_votes(probability, disagreement(one.votes, one.weights), config.trimap)
            for one, probability in zip(burst, probabilities, strict=True)
        ]
        with self.model_time():
            alphas = [
                matte(one.image, trimap, probability, config.matting)
                for one, trimap, probability in zip(burst, trimaps, probabilities, strict=True)
            ]
        if tracks:
            alphas = remove_flicker(alphas, tracks, threshold=config.temporal.flicker)
        for one, trimap, probability, alpha in zip(burst, trimaps, probabilities, alphas, strict=True):
            backing = support(one.votes, one.weights, alpha >= 0.5)
            trust = trust_map(alpha, probability, backing, trimap, config.trust)
            foreground = self.colours(one.image, alpha)
            unknown = float((trimap == UNKNOWN).mean())
            yield self._row(one.frame, alpha, trust, foreground, config.strategy, unknown, one.teachers)

    def colours(self, image: Image, alpha: Map) -> Image:
        """The foreground's own colours; who reads alphas alone may leave them as they are filmed."""
        with self.model_time():
            return foreground_colours(image, alpha)

    def _keyed_label(self, frame: FrameRow, image: Image, alpha: Map) -> LabelRow:
        """The keyer's alpha as it is, trusted everywhere, with colours freed from the screen's spill."""
        screen = estimate_screen(image)
        with self.model_time():
            foreground = key(image, screen).foreground if screen else foreground_colours(image, alpha)
        return self._row(frame, alpha, np.ones_like(alpha), foreground, KEYER, 0.0, [KEYER])

    def _row(
        self, frame: FrameRow, alpha: Map, trust: Map, foreground: Image, strategy: str, unknown: float, read: list[str]
    ) -> LabelRow:
        return LabelRow(
            source=frame.source,
            clip=frame.clip,
            burst=frame.burst,
            time_us=frame.time_us,
            width=alpha.shape[1],
            height=alpha.shape[0],
            alpha=encode_png(_bytes(alpha)),
            trust=encode_png(_bytes(trust)),
            foreground=encode_jpeg(foreground, quality=self.config.jpeg_quality),
            strategy=strategy,
            keyed=strategy == KEYER,
            unknown=unknown,
            teachers=read,
        )


def label_size(width: int, height: int, longest_side: int) -> tuple[int, int]:
    """`(width, height)` of a frame's label: the frame's own, shrunk so that no side exceeds `longest_side`."""
    scale = min(1.0, longest_side / max(width, height))
    return max(1, round(width * scale)), max(1, round(height * scale))


def pasted_votes(votes: Mapping[str, VoteRow | None], width: int, height: int) -> dict[str, Map]:
    """Every vote as an `(height, width)` map, by teacher in alphabetical order; those who abstained are left out."""
    pasted = {}
    for teacher, vote in sorted(votes.items()):
        grey = paste(vote, width, height) if vote is not None else None
        if grey is not None:
            pasted[teacher] = np.asarray(grey, np.float32) / np.float32(255)
    return pasted


def confident_boxes(people: BoxRow | None, min_score: float) -> tuple[list[Window], list[float]]:
    """Boxes with at least `min_score`, and their scores."""
    if people is None:
        return [], []
    kept = [(box, score) for box, score in zip(people.boxes, people.scores, strict=True) if score >= min_score]
    return [box for box, _ in kept], [score for _, score in kept]


def resized(image: Image, width: int, height: int) -> Image:
    """`image` at `width` × `height`, by area."""
    if image.shape[:2] == (height, width):
        return image
    return np.asarray(cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA), np.uint8)


def _bytes(values: Map) -> NDArray[np.uint8]:
    return np.rint(values * 255).astype(np.uint8)
