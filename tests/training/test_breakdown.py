"""Intervals and scenarios from scored bursts, by hand."""

import pytest

from training.breakdown import Resampling, ScoredBurst, intervals, scenario_scores
from training.scores import BurstScores


def burst(clip: int, student: list[float | None], other: list[float | None], scenarios: list[str]) -> ScoredBurst:
    def scores(values: list[float | None], dtssd: float) -> BurstScores:
        frames = tuple(None if value is None else {"iou": value} for value in values)
        return BurstScores(frames, {"dtssd": dtssd})

    names = tuple((name,) if name else () for name in scenarios)
    return ScoredBurst(("s", clip), names, {"student": scores(student, 2.0), "selfie": scores(other, 3.0 + clip)})


# The student is .1 better on every frame that both have; clips differ by far more than that.
BURSTS = [
    burst(0, [0.9, 0.9], [0.8, 0.8], ["dark", ""]),
    burst(0, [0.9, 0.9], [0.8, None], ["dark", ""]),
    burst(1, [0.5, 0.5], [0.4, 0.4], ["", ""]),
]


def test_a_paired_difference_is_sure_where_the_two_intervals_overlap():
    found = intervals(BURSTS, Resampling())
    assert (found["unit"], found["units"]) == ("clip", 2)
    student, selfie = found["methods"]["student"]["iou"], found["methods"]["selfie"]["iou"]
    assert student == {"mean": pytest.approx(4.6 / 6), "low": 0.5, "high": 0.9}
    assert selfie["high"] > student["low"]
    minus = found["student_minus"]["selfie"]["iou"]
    assert minus == {"mean": pytest.approx(0.1), "low": pytest.approx(0.1), "high": pytest.approx(0.1)}


def test_metrics_of_a_burst_count_once_a_burst():
    minus = intervals(BURSTS, Resampling())["student_minus"]["selfie"]["dtssd"]
    assert minus["mean"] == pytest.approx((2 * -1 + -2) / 3)
    assert (minus["low"], minus["high"]) == (-2, -1)


def test_bursts_are_drawn_where_there_is_but_one_clip():
    found = intervals(BURSTS[:2], Resampling())
    assert (found["unit"], found["units"]) == ("burst", 2)
    assert intervals(BURSTS[:1], Resampling()) == {"unit": "burst", "units": 1, "methods": {}, "student_minus": {}}


def test_scenarios_by_hand():
    found = scenario_scores(BURSTS, Resampling())
    assert set(found) == {"dark", "in_no_scenario"}
    assert (found["dark"]["frames"], found["dark"]["clips"]) == (2, 1)
    assert found["dark"]["methods"] == {"student": {"iou": pytest.approx(0.9)}, "selfie": {"iou": pytest.approx(0.8)}}
    rest = found["in_no_scenario"]
    assert (rest["frames"], rest["clips"]) == (4, 2)
    assert rest["methods"]["student"]["iou"] == pytest.approx((0.9 + 0.9 + 0.5 + 0.5) / 4)
    assert rest["methods"]["selfie"]["iou"] == pytest.approx((0.8 + 0.4 + 0.4) / 3)
    assert rest["student_minus"]["selfie"]["iou"]["mean"] == pytest.approx(0.1)


def test_a_frame_in_two_scenarios_counts_in_each():
    both = ScoredBurst(("s", 0), (("dark", "blurred"),), {"student": BurstScores(({"iou": 0.7},), {})})
    found = scenario_scores([both], Resampling())
    assert {name: row["frames"] for name, row in found.items()} == {"dark": 1, "blurred": 1}
    assert found["dark"]["student_minus"] == {}
