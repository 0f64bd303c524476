from __future__ import annotations

import itertools

import numpy as np
import pytest

from qa.queue import BurstErrors, nearest_fixes, review_order


def burst(name: str, errors: list[float], reach: list[list[float]] | None = None) -> BurstErrors:
    matrix = np.eye(len(errors)) if reach is None else np.asarray(reach)
    return BurstErrors([(name, i) for i in range(len(errors))], np.asarray(errors), matrix)


def test_a_still_is_worth_its_error():
    order = review_order([burst("sure", [0.1]), burst("bad", [0.8]), burst("mild", [0.5])])
    assert [place.key[0] for place in order] == ["bad", "mild", "sure"]
    assert [place.gain for place in order] == pytest.approx([0.8, 0.5, 0.1])


def test_a_key_frame_stands_for_its_neighbours():
    # .8 of its own, or .6 of its own and half of two neighbours' .6
    video = burst("video", [0.6, 0.6, 0.6], [[1, 0.1, 0], [0.5, 1, 0.5], [0, 0.1, 1]])
    order = review_order([burst("still", [0.8]), video])
    assert [place.key for place in order[:2]] == [("video", 1), ("still", 0)]
    assert order[0].gain == pytest.approx(1.2)
    # half of its .6 was removed by the fix of frame 1 already
    assert order[2].key == ("video", 0) and order[2].gain == pytest.approx(0.3)


def test_a_burst_is_not_reviewed_twice_while_another_waits():
    whole = np.ones((4, 4)).tolist()
    first, second = (burst(name, [error] * 4, whole) for name, error in (("a", 0.7), ("b", 0.3)))
    order = review_order([first, second])
    assert [place.key[0] for place in order[:2]] == ["a", "b"]
    assert order[2].gain == pytest.approx(0)


def test_the_nearest_fix_counts_and_of_two_as_near_the_earlier():
    assert nearest_fixes(6, [4, 0]) == [0, 0, 0, 4, 4, 4]
    with pytest.raises(ValueError, match="reviewed"):
        nearest_fixes(3, [])


def test_greedy_over_bursts_is_greedy_over_all():
    rng = np.random.default_rng(3)
    bursts = []
    for name in "abcde":
        reach = rng.uniform(0, 1, (4, 4))
        np.fill_diagonal(reach, 1)
        bursts.append(burst(name, rng.uniform(0, 1, 4).tolist(), reach.tolist()))

    def left(taken: list[tuple[str, int]]) -> float:
        total = 0.0
        for one in bursts:
            fixed = [frame for name, frame in taken if name == one.keys[0][0]]
            source = nearest_fixes(4, fixed) if fixed else None
            total += sum(one.errors[j] * (1 - one.reach[source[j], j] if source else 1) for j in range(4))
        return total

    taken: list[tuple[str, int]] = []
    for place in review_order(bursts):
        free = [key for one in bursts for key in one.keys if key not in taken]
        best = min(left([*taken, key]) for key in free)
        assert left([*taken, place.key]) == pytest.approx(best)
        assert place.gain == pytest.approx(left(taken) - best)
        taken.append(place.key)
    assert len(set(taken)) == 20


def test_a_limit_is_the_head_of_the_whole_order():
    rng = np.random.default_rng(0)
    stills = [burst(str(i), [float(rng.random())]) for i in range(30)]
    assert review_order(stills, limit=7) == review_order(stills)[:7]
    gains = [place.gain for place in review_order(stills)]
    assert all(a >= b for a, b in itertools.pairwise(gains))


def test_shapes_must_fit():
    with pytest.raises(ValueError, match="2 frames"):
        BurstErrors([("a", 0), ("a", 1)], np.zeros(2), np.eye(3))
