"""Whom to trust, fitted on toy teachers whose worth is known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from qa.metrics import iou
from stages.reliability import BY_DESIGN, Expertise, Shot
from stages.strategies import weighted
from stages.teacher_signals import SIGNALS
from training.fit_reliability import FitConfig, FitError, fit_reliability, measured_expertise
from training.known_frames import KnownFrame

TEACHERS = ("pose", "selfie", "u2netp")
FIGURE, DISTANT, PORTRAIT = Shot(0, 1, 0), Shot(0, 0, 1), Shot(1, 0, 0)


def frame(shot: Shot, votes: list[np.ndarray], truth: np.ndarray, ious: tuple[float, ...] | None = None) -> KnownFrame:
    ious = ious or tuple(iou(vote, truth) for vote in votes)
    return KnownFrame(
        "g", "set", TEACHERS, np.stack(votes), truth, shot, np.zeros((len(votes), len(SIGNALS)), np.float32), ious
    )


def square(at: int = 8) -> np.ndarray:
    mask = np.zeros((32, 32), np.uint8)
    mask[8:24, at : at + 16] = 255
    return mask


def test_it_starts_from_the_inverse_error_by_kind_of_shot() -> None:
    same = [square()] * 3
    figures = [frame(FIGURE, same, square(), (0.99, 0.98, 0.89))] * 5
    distant = [frame(DISTANT, same, square(), (0.59, 0.89, 0.59))] * 5
    table = measured_expertise([*figures, *distant])
    # 1 / (error + .01): 1/.02, 1/.03, 1/.12 and 1/.42, 1/.12, 1/.42, best 1
    assert [table[name].figure for name in TEACHERS] == pytest.approx([1, 2 / 3, 1 / 6])
    assert [table[name].distant for name in TEACHERS] == pytest.approx([12 / 42, 1, 12 / 42])


def test_portraits_start_by_design_and_unseen_kinds_say_nothing() -> None:
    table = measured_expertise([frame(FIGURE, [square()] * 3, square())] * 5)
    for name, entry in table.items():
        assert entry.portrait == BY_DESIGN.get(name, Expertise()).portrait
    assert {entry.distant for entry in table.values()} == {0.5}


def test_without_steps_it_is_where_it_started() -> None:
    frames = [frame(FIGURE, [square(), square(10), square(12)], square())] * 5
    fitted, started = fit_reliability(frames, FitConfig(steps=0))[0], measured_expertise(frames)
    for name in TEACHERS:
        assert fitted[name].figure == pytest.approx(started[name].figure, abs=0.005)


def test_two_who_share_a_fault_lose_to_two_who_are_worse_but_wrong_elsewhere() -> None:
    """By their own errors the first two weigh most, and outvote the others; fitted, the four correct each other."""
    truth = square()
    wrong, no_top, no_bottom = truth.copy(), truth.copy(), truth.copy()
    wrong[8:24, 0:8] = 255  # IoU 2/3, twice the same stripe
    no_top[8:16], no_bottom[16:24] = 0, 0  # IoU 1/2
    votes, teachers = [wrong, wrong, no_top, no_bottom], ("a", "b", "c", "d")
    frames = [replace(frame(FIGURE, votes, truth), teachers=teachers)] * 6
    scores = []
    for table in (measured_expertise(frames), fit_reliability(frames, FitConfig(steps=150, pull=0.0))[0]):
        shares = np.array([table[name].figure for name in teachers], np.float32)
        scores.append(iou(weighted(frames[0].maps(), shares / shares.sum()), truth))
    assert scores == [pytest.approx(2 / 3), 1]


def test_the_pull_holds_it_back() -> None:
    frames = [frame(FIGURE, [square(), square(10), square(14)], square())] * 6
    started = measured_expertise(frames)["u2netp"].figure
    free, held = (fit_reliability(frames, FitConfig(steps=150, pull=pull))[0]["u2netp"].figure for pull in (0.0, 100.0))
    assert free < held <= started + 0.01


def test_the_same_frames_give_the_same_table_and_nobody_is_an_error() -> None:
    frames = [frame(FIGURE, [square(), square(10), square(14)], square())] * 6
    config = FitConfig(steps=20)
    assert fit_reliability(frames, config) == fit_reliability(frames, config)
    empty = np.zeros((32, 32), np.uint8)
    with pytest.raises(FitError, match="nothing to fit"):
        fit_reliability([frame(FIGURE, [empty] * 3, empty)], config)


def test_a_signal_that_tells_the_right_teacher_gets_a_slope_and_one_that_does_not_gets_none() -> None:
    """One of two equals is right on each frame; `sureness` says which, the other signals are the same for both."""
    truth, frames = square(), []
    for index in range(8):
        right = index % 2
        votes = [truth, np.zeros_like(truth)][:: 1 if right == 0 else -1]
        signals = np.zeros((2, len(SIGNALS)), np.float32)
        signals[right, SIGNALS.index("sureness")] = 0.1
        frames.append(KnownFrame("g", "set", ("a", "b"), np.stack(votes), truth, FIGURE, signals, (0.5, 0.5)))
    expertise, slopes = fit_reliability(frames, FitConfig(steps=150))
    assert expertise["a"].figure == pytest.approx(expertise["b"].figure, abs=0.1)
    assert slopes["sureness"] > 5 and slopes["inside_boxes"] == 0
    weights = frames[0].weights(expertise, slopes)
    assert weights[0] > 0.6
