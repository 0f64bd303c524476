"""Stage fuse: from synthetic votes to labels."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import pytest
from pydantic import ValidationError

from datasets.clips import Clip
from datasets.images import decode_grey, decode_rgb, encode_jpeg, encode_png
from datasets.schema import BoxRow, FrameRow, LabelRow, VoteRow
from stages.base import Drop
from stages.fuse import Fuse, FuseConfig, confident_boxes, label_size, pasted_votes
from stages.matting import MattingConfig
from stages.strategies import STRATEGIES

HEIGHT, WIDTH = 72, 96
BOX = [0.15, 0.1, 0.8, 1.0]  # wide enough to be wholly a portrait
MakeFrame = Callable[..., FrameRow]


def person(shift: int = 0) -> np.ndarray:
    """`(H, W)` uint8 mask: head and shoulders cut by the lower side."""
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    cv2.circle(mask, (44 + shift, 24), 13, 255, -1)
    cv2.ellipse(mask, (44 + shift, 76), (24, 38), 0, 0, 360, 255, -1)
    return mask


def picture(mask: np.ndarray) -> np.ndarray:
    """A bright textured person before a dark textured ground."""
    noise = np.random.default_rng(0).integers(0, 30, (HEIGHT, WIDTH, 3), dtype=np.uint8)
    noise = cv2.GaussianBlur(noise, (0, 0), 1)
    return noise + np.where(mask[..., None] > 127, np.array([190, 150, 120]), np.array([30, 60, 50])).astype(np.uint8)


def vote(frame: FrameRow, teacher: str, grey: np.ndarray | None) -> VoteRow:
    windows, maps = ([[0.0, 0.0, 1.0, 1.0]], [encode_png(grey)]) if grey is not None else ([], [])
    return VoteRow(
        source=frame.source, clip=0, burst=0, time_us=frame.time_us, teacher=teacher, windows=windows, maps=maps
    )


@pytest.fixture
def burst(frame: MakeFrame) -> Callable[..., Clip]:
    """A burst of the still person, voted by teachers that map a mask to their answer (None abstains)."""

    def make(teachers: dict[str, Callable[[np.ndarray], np.ndarray | None]], frames: int = 1, **values: object) -> Clip:
        mask = person()
        rows = tuple(
            frame(
                time_us=index * 40_000, width=WIDTH, height=HEIGHT, image=encode_jpeg(picture(mask)), **values
            )
            for index in range(frames)
        )  # fmt: skip
        boxes = tuple(
            BoxRow(source=row.source, clip=0, burst=0, time_us=row.time_us, boxes=[BOX], scores=[0.9], support=[2])
            for row in rows
        )
        votes = {name: tuple(vote(row, name, answer(mask)) for row in rows) for name, answer in teachers.items()}
        return Clip(rows, {BoxRow: boxes}, votes)

    return make


def right(mask: np.ndarray) -> np.ndarray:
    return cv2.resize(mask, (48, 36), interpolation=cv2.INTER_AREA)


def with_a_chair(mask: np.ndarray) -> np.ndarray:
    answer = mask.copy()
    answer[30:60, 76:94] = 255
    return answer


def face_only(mask: np.ndarray) -> np.ndarray:
    answer = mask.copy()
    answer[38:] = 0
    return answer


def overlap(label: LabelRow, mask: np.ndarray) -> float:
    found, truth = decode_grey(label.alpha) >= 128, mask >= 128
    return float((found & truth).sum() / (found | truth).sum())


def fused(clip: Clip, **config: object) -> list[LabelRow | Drop]:
    stage = Fuse(FuseConfig(**config))
    stage.setup()
    return list(stage.process(clip))


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_every_strategy_labels_what_teachers_agree_on(burst: Callable[..., Clip], strategy: str) -> None:
    (label,) = fused(burst({"selfie": right, "pose": right, "u2netp": right}), strategy=strategy)
    assert isinstance(label, LabelRow)
    assert (label.width, label.height, label.strategy, label.keyed) == (WIDTH, HEIGHT, strategy, False)
    assert label.teachers == ["pose", "selfie", "u2netp"]
    assert overlap(label, person()) > 0.97
    trust = decode_grey(label.trust)
    assert trust[60, 44] == 255 and trust[5, 90] == 255
    assert 0 < label.unknown < 0.3
    assert decode_rgb(label.foreground).shape == (HEIGHT, WIDTH, 3)


def test_on_a_portrait_the_minority_that_knows_portraits_wins_over_the_median(burst: Callable[..., Clip]) -> None:
    clip = burst({"selfie": right, "selfie_landscape": right, "pose": face_only, "u2netp": face_only, "x": face_only})
    (weighted,), (median,) = fused(clip), fused(clip, strategy="median")
    assert overlap(weighted, person()) > 0.95
    assert overlap(median, person()) < 0.6


def test_what_no_box_touches_is_no_person_and_a_disputed_region_is_not_trusted(burst: Callable[..., Clip]) -> None:
    (label,) = fused(burst({"a": with_a_chair, "b": with_a_chair, "c": right}))
    alpha, trust = decode_grey(label.alpha), decode_grey(label.trust)
    assert alpha[32:58, 80:92].max() == 0
    assert trust[36:54, 82:90].max() == 0


def test_the_keyers_vote_is_the_label_and_gold(burst: Callable[..., Clip]) -> None:
    alpha = cv2.GaussianBlur(person(), (0, 0), 2)
    (label,) = fused(burst({"selfie": face_only, "keyer": lambda mask: alpha}))
    assert label.keyed and label.strategy == "keyer" and label.teachers == ["keyer"]
    np.testing.assert_array_equal(decode_grey(label.alpha), alpha)
    assert decode_grey(label.trust).min() == 255


def test_a_keyer_that_abstains_changes_nothing(burst: Callable[..., Clip]) -> None:
    with_keyer, without = burst({"selfie": right, "keyer": lambda mask: None}), burst({"selfie": right})
    assert fused(with_keyer) == fused(without)


def test_an_annotation_is_one_more_voter(burst: Callable[..., Clip]) -> None:
    (label,) = fused(burst({"selfie": right, "annotation": person_at_zero}))
    assert label.teachers == ["annotation", "selfie"] and not label.keyed


def person_at_zero(mask: np.ndarray) -> np.ndarray:
    return mask


def test_without_votes_a_frame_is_dropped_and_the_others_keep_their_order(burst: Callable[..., Clip]) -> None:
    clip = burst({"selfie": right, "pose": right}, frames=3)
    silent = vote(clip.rows[1], "selfie", None)
    votes = {
        "selfie": (clip.votes["selfie"][0], silent, clip.votes["selfie"][2]),
        "pose": (*clip.votes["pose"][:1], None, None),
    }
    first, second, third = fused(Clip(clip.rows, clip.joined, votes))
    assert second == Drop("no_votes", count=1)
    assert (first.time_us, third.time_us) == (0, 80_000)
    assert first.teachers == ["pose", "selfie"] and third.teachers == ["selfie"]


def test_backgrounds_are_dropped(burst: Callable[..., Clip]) -> None:
    assert fused(burst({"selfie": right}, role="background")) == [Drop("background", count=1)]


def test_a_frame_without_a_person_gets_an_empty_trusted_label(burst: Callable[..., Clip]) -> None:
    (label,) = fused(burst({"selfie": np.zeros_like, "pose": np.zeros_like}))
    assert decode_grey(label.alpha).max() == 0 and decode_grey(label.trust).min() == 255
    assert label.unknown == 0


def test_one_teachers_bad_frame_is_healed_by_its_neighbours(burst: Callable[..., Clip]) -> None:
    clip = burst({"selfie": right}, frames=3)
    bad = vote(clip.rows[1], "selfie", face_only(person()))
    votes = {"selfie": (clip.votes["selfie"][0], bad, clip.votes["selfie"][2])}
    healed = fused(Clip(clip.rows, clip.joined, votes))[1]
    alone = fused(Clip(clip.rows, clip.joined, votes), temporal={"enabled": False})[1]
    assert overlap(healed, person()) > 0.95 > 0.6 > overlap(alone, person())


def test_same_burst_same_bytes(burst: Callable[..., Clip]) -> None:
    clip = burst({"selfie": right, "pose": with_a_chair, "u2netp": face_only}, frames=3)
    assert fused(clip) == fused(clip)


def test_label_is_limited_to_the_longest_side(burst: Callable[..., Clip]) -> None:
    (label,) = fused(burst({"selfie": right}), longest_side=48)
    assert (label.width, label.height) == (48, 36)
    assert decode_grey(label.alpha).shape == (36, 48)
    assert [label_size(*size, 640) for size in ((1280, 720), (640, 360), (1, 3000))] == [
        (640, 360),
        (640, 360),
        (1, 640),
    ]


def test_matting_time_counts_as_model_time(burst: Callable[..., Clip]) -> None:
    stage = Fuse(FuseConfig(matting=MattingConfig()))
    list(stage.process(burst({"selfie": right})))
    assert stage.model_seconds > 0


def test_votes_are_pasted_by_name_without_those_who_abstain(frame: MakeFrame) -> None:
    row = frame()
    votes = {"b": vote(row, "b", np.full((4, 4), 51, np.uint8)), "a": vote(row, "a", None), "c": None}
    pasted = pasted_votes(votes, 8, 6)
    assert list(pasted) == ["b"]
    np.testing.assert_allclose(pasted["b"], np.full((6, 8), 0.2), atol=1e-6)


def test_only_confident_boxes_count() -> None:
    people = BoxRow(
        source="s", clip=0, burst=0, time_us=0, boxes=[BOX, [0.0, 0.0, 0.1, 0.1]], scores=[0.8, 0.2], support=[2, 1]
    )
    assert confident_boxes(people, 0.25) == ([BOX], [0.8])
    assert confident_boxes(None, 0.25) == ([], [])


def test_an_unknown_strategy_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ValidationError, match="no fusion strategy 'best'; there are mean, median"):
        FuseConfig(strategy="best")
