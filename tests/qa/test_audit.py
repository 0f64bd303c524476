import itertools
import math
from pathlib import Path

import numpy as np
import pytest

from qa.audit import (
    Audit,
    AuditConfig,
    AuditError,
    GroupError,
    draw,
    group_errors,
    least_count,
    read_audit,
    silver_threshold,
    upper_bound,
    write_audit,
)

CONFIG = AuditConfig()
BY_HAND = {"gold": (0.01, 0.02), "silver": (0.03, 0.06), "bronze": (0.1, 0.2), "reject": (0.5, 0.5)}


def test_the_bound_by_hand():
    # none bad: (1 - p)^n = 0.1
    assert upper_bound(0, 10, 0.9) == pytest.approx(1 - 0.1**0.1)
    # one of two bad: P(at most one) = 1 - p² = 0.1
    assert upper_bound(1, 2, 0.9) == pytest.approx(math.sqrt(0.9))
    assert upper_bound(0, 0, 0.9) == upper_bound(3, 3, 0.9) == 1


@pytest.mark.parametrize(("bad", "count"), [(1, 20), (3, 50), (7, 30)])
def test_at_the_bound_so_few_bad_ones_are_as_rare_as_the_confidence_says(bad: int, count: int):
    p = upper_bound(bad, count, 0.9)
    tail = sum(math.comb(count, k) * p**k * (1 - p) ** (count - k) for k in range(bad + 1))
    assert tail == pytest.approx(0.1)


def test_forty_five_good_labels_prove_five_per_cent():
    assert least_count(0.05, 0.9) == 45
    assert upper_bound(0, 45, 0.9) <= 0.05 < upper_bound(0, 44, 0.9)


def test_the_threshold_by_hand():
    # 120 labels, quality falling from 1; the first test is of the better 60, then 72, 84, 96, 108, 120 of them
    qualities = [1 - index / 200 for index in range(120)]
    bad = [index in (70, 95, 97, 99, 100) for index in range(120)]
    # 60: none bad, bound .038; 72: one, .053 > .05: stop
    found = silver_threshold(qualities, bad, CONFIG)
    assert found is not None
    assert (found.count, found.bad, found.quality) == (60, 0, pytest.approx(1 - 59 / 200))
    # with the one at 90 instead: 84 none; 96: two, .055: stop
    moved = silver_threshold(qualities, [index in (90, 95) for index in range(120)], CONFIG)
    assert moved is not None and (moved.count, moved.bad) == (84, 0)
    assert moved.bound == pytest.approx(1 - 0.1 ** (1 / 84))
    # all good: everything is silver
    whole = silver_threshold(qualities, [False] * 120, CONFIG)
    assert whole is not None and whole.quality == qualities[-1]


def test_a_bad_first_half_or_too_few_labels_prove_nothing():
    qualities = [1 - index / 200 for index in range(120)]
    assert silver_threshold(qualities, [index % 10 == 0 for index in range(120)], CONFIG) is None
    assert silver_threshold([0.9] * 44, [False] * 44, CONFIG) is None
    assert silver_threshold([], [], CONFIG) is None


def test_equal_qualities_come_together():
    found = silver_threshold([0.9] * 30 + [0.8] * 50 + [0.1] * 20, [False] * 80 + [True] * 20, CONFIG)
    assert found is not None and (found.quality, found.count) == (0.8, 80)


def test_the_order_of_the_labels_does_not_matter():
    rng = np.random.default_rng(0)
    qualities, bad = rng.random(150), rng.random(150) < 0.01
    mixed = rng.permutation(150)
    assert silver_threshold(qualities.tolist(), bad.tolist(), CONFIG) == silver_threshold(
        qualities[mixed].tolist(), bad[mixed].tolist(), CONFIG
    )


def test_the_guarantee_holds_in_nine_of_ten_audits_however_many_thresholds_are_tried():
    """A judge whose quality is the true probability to be good: what silver really holds is known for any threshold."""
    rng = np.random.default_rng(1)
    grid = np.sort(rng.beta(6, 0.5, 100_000))[::-1]
    bad_from = np.cumsum(1 - grid) / np.arange(1, grid.size + 1)
    broken = proved = 0
    for _ in range(400):
        qualities = rng.beta(6, 0.5, 200)
        found = silver_threshold(qualities.tolist(), (rng.random(200) > qualities).tolist(), CONFIG)
        if found is not None:
            proved += 1
            broken += bad_from[max(int(np.searchsorted(-grid, -found.quality, side="right")) - 1, 0)] > CONFIG.bad
    assert proved > 100
    assert broken / 400 <= 0.1


def test_every_frame_has_the_same_chance():
    bursts = [("video", 0, burst, 1000 * burst + time) for burst in range(1000) for time in range(8)]
    photos = [(f"photo{index}", 0, 0, 0) for index in range(8000)]
    for frames in (bursts, photos):
        assert 0.045 < len(draw(frames, CONFIG)) / len(frames) < 0.055
    places = np.bincount([key[1] % 1000 for key in draw(bursts, CONFIG)], minlength=8)
    assert places.min() > 25  # about 400 drawn, 50 at each place of a burst


def test_the_draw_does_not_depend_on_what_else_is_there():
    frames = [("v", 0, burst, 1000 * burst + time) for burst in range(300) for time in range(8)]
    drawn = draw(frames, CONFIG)
    parts = set().union(*(draw(list(part), CONFIG) for _, part in itertools.groupby(frames, key=lambda f: f[:3])))
    assert drawn == parts == draw(frames[::-1], CONFIG)
    assert len({key[1] // 1000 for key in drawn}) == len(drawn)  # of a burst one at most
    assert drawn != draw(frames, AuditConfig(salt="another"))


def test_group_errors_start_from_the_numbers_by_hand():
    errors = group_errors(["silver", "silver"], [(0.0, 0.1), (0.2, 0.3)], BY_HAND, prior_frames=2)
    # (0.03 * 2 + 0.2) / 4 and (0.06 * 2 + 0.4) / 4
    assert errors["silver"].core == pytest.approx(0.065) and errors["silver"].band == pytest.approx(0.13)
    assert (errors["silver"].count, errors["bronze"]) == (2, GroupError(core=0.1, band=0.2, count=0))
    assert group_errors([], [], BY_HAND, prior_frames=0)["gold"].core == 0.01


def test_the_table_survives_the_disk(tmp_path: Path):
    audit = Audit(
        drawn=60, decided=58, verdict="held", silver_quality=0.7, silver_count=50, silver_bad=0, silver_bound=0.045,
        errors={"gold": GroupError(core=0.01, band=0.02, count=3)}, share=0.05, bad=0.05, confidence=0.9,
    )  # fmt: skip
    path = tmp_path / "audit.json"
    assert read_audit(path) is None
    write_audit(path, audit)
    assert read_audit(path) == audit
    path.write_text('{"drawn": "many"}')
    with pytest.raises(AuditError, match=r"audit\.json: not an audit table"):
        read_audit(path)
