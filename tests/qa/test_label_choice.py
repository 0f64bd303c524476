from datetime import UTC, datetime

import numpy as np
import pytest

from datasets.images import decode_grey, decode_rgb, encode_jpeg, encode_png
from datasets.reviews import Decision, label_digest
from datasets.schema import FrameRow, LabelRow, QualityRow
from qa.label_choice import Choice, choose_label

KEY = {"source": "s", "clip": 0, "burst": 0, "time_us": 0}
NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


def plane(height: int, width: int, columns: int) -> np.ndarray:
    """A mask of the first `columns` columns."""
    mask = np.zeros((height, width), np.uint8)
    mask[:, :columns] = 255
    return mask


FUSED, GIVEN = plane(30, 40, 20), plane(30, 40, 24)
FRAME = FrameRow(
    **KEY, path="a.mp4", name="0", width=40, height=30, source_width=80, source_height=60,
    image=encode_jpeg(np.full((30, 40, 3), 200, np.uint8)), blur=1.0, duplicate=64.0, subject="s", licences=[],
    origin="", split="", role="footage", mask=encode_png(GIVEN), truth=b"",
)  # fmt: skip
QUALITY = QualityRow(**KEY, signals={}, quality=0.9, error="", error_box=[], scenarios=[], annotation="")


def label(*, keyed: bool = False, size: tuple[int, int] = (30, 40)) -> LabelRow:
    height, width = size
    return LabelRow(
        **KEY, width=width, height=height, alpha=encode_png(plane(height, width, width // 2)),
        trust=encode_png(np.full(size, 100, np.uint8)), foreground=encode_jpeg(np.full((*size, 3), 50, np.uint8)),
        strategy="mean", keyed=keyed, unknown=0.0, teachers=[],
    )  # fmt: skip


def decide(verdict: str, *, mask: np.ndarray | None = None, seen: str = "") -> Decision:
    png = b"" if mask is None else encode_png(mask)
    return Decision(source="s", time_us=0, verdict=verdict, mask=png, label=seen, reviewer="eve", decided_at=NOON)


def choose(
    row: LabelRow | None = None,
    *,
    verdict: str = "",
    doubt: float | None = None,
    decision: Decision | None = None,
    annotations: str = "replace",
) -> Choice | None:
    signals = {} if doubt is None else {"annotation_doubt": doubt}
    quality = QualityRow(**{**QUALITY.as_dict(), "annotation": verdict, "signals": signals})
    return choose_label(FRAME, row or label(), quality, decision, annotations=annotations)


def test_without_anything_else_the_votes_speak():
    choice = choose()
    assert choice == Choice(label().alpha, label().trust, label().foreground, "fused", 0.9, proven=False)


def test_a_keyed_label_is_proven():
    choice = choose(label(keyed=True), verdict="wrong_object", annotations="drop")
    assert choice is not None and (choice.source, choice.proven) == ("keyed", True)


def test_a_good_annotation_is_kept_as_it_came():
    choice = choose(verdict="good")
    assert choice is not None and (choice.source, choice.alpha, choice.error) == ("annotation", FRAME.mask, "")
    assert choice.cleared and not choose().cleared


def test_an_annotation_has_the_quality_that_its_own_judge_gave_it():
    for verdict, way, cleared in (("good", "replace", True), ("lag", "keep", False)):
        choice = choose(verdict=verdict, annotations=way, doubt=0.3)
        assert choice is not None and (choice.quality, choice.cleared) == (pytest.approx(0.7), cleared)
    replaced = choose(verdict="lag", doubt=0.9)
    assert replaced is not None and replaced.quality == 0.9 and not replaced.cleared


def test_a_bad_annotation_is_replaced_dropped_or_kept():
    replaced, kept = choose(verdict="lag"), choose(verdict="lag", annotations="keep")
    assert replaced is not None and replaced.source == "fused"
    assert choose(verdict="lag", annotations="drop") is None
    assert kept is not None and (kept.source, kept.alpha, kept.error) == ("annotation", FRAME.mask, "lag")


def test_an_accepted_label_is_proven_until_it_changes():
    seen = label_digest(label().alpha)
    for decision in (decide("accept"), decide("accept", seen=seen)):
        choice = choose(decision=decision, verdict="lag")
        assert choice is not None and (choice.source, choice.proven) == ("reviewed", True)
        assert choice.alpha == label().alpha
    stale = choose(decision=decide("accept", seen="0" * 64))
    assert stale is not None and (stale.source, stale.proven) == ("fused", False)


def test_an_accepted_mask_outlives_its_label():
    mask = plane(60, 80, 40)
    same = choose(decision=decide("accept", mask=mask, seen=label_digest(label().alpha)))
    assert same is not None and (same.alpha, same.trust) == (label().alpha, label().trust)
    later = choose(decision=decide("accept", mask=mask, seen="0" * 64))
    assert later is not None and (later.source, later.proven) == ("reviewed", True)
    assert (decode_grey(later.alpha) == plane(30, 40, 20)).all()


def test_a_fix_brings_its_own_mask_and_the_frames_colours_where_it_adds():
    choice = choose(decision=decide("fix", mask=plane(60, 80, 60)), verdict="good")
    assert choice is not None and (choice.source, choice.proven) == ("reviewed", True)
    np.testing.assert_array_equal(decode_grey(choice.alpha), plane(30, 40, 30))
    assert (decode_grey(choice.trust) == 255).all()
    colours = decode_rgb(choice.foreground)
    assert abs(int(colours[15, 5, 0]) - 50) < 3 and abs(int(colours[15, 28, 0]) - 200) < 3


def test_a_fix_of_another_size_names_the_decision():
    with pytest.raises(ValueError, match=r"a\.mp4 .*mask is 40x30, the source 80x60"):
        choose(decision=decide("fix", mask=FUSED))


def test_a_label_of_another_size_is_brought_to_the_frames():
    for size in ((60, 80), (15, 20)):
        choice = choose(label(size=size))
        assert choice is not None
        assert decode_grey(choice.alpha).shape == decode_grey(choice.trust).shape == (30, 40)
        assert decode_rgb(choice.foreground).shape == (30, 40, 3)
        assert abs(np.mean(decode_grey(choice.alpha)) - np.mean(FUSED)) < 3
