from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from stages.bursts import BurstSampler, Place, Sampling


def places(times: list[int], sampling: Sampling, cuts: frozenset[int] = frozenset()) -> list[Place | None]:
    sampler = BurstSampler(sampling)
    return [sampler.place(time, starts_shot=index in cuts) for index, time in enumerate(times)]


def test_bursts_begin_at_multiples_of_the_spacing_from_the_clip_start() -> None:
    kept = places([i * 40_000 for i in range(60)], Sampling(3, 1_000_000, 1000), frozenset({0, 30}))
    indices = [i for i, place in enumerate(kept) if place]
    assert indices == [0, 1, 2, 25, 26, 27, 30, 31, 32, 55, 56, 57]
    assert [(p.clip, p.burst) for p in kept if p and p.first] == [(0, 0), (0, 1), (1, 0), (1, 1)]


def test_variable_frame_rate_is_sampled_by_time_not_by_index() -> None:
    times = [0, 10_000, 20_000, 900_000, 1_100_000, 1_150_000, 2_600_000]
    kept = places(times, Sampling(2, 1_000_000, 1000))
    assert [i for i, place in enumerate(kept) if place] == [0, 1, 4, 5, 6]


def test_a_burst_ends_with_its_clip() -> None:
    kept = places([0, 1, 2, 3], Sampling(8, 1_000_000, 1000), frozenset({2}))
    assert kept == [Place(0, 0, True), Place(0, 0, False), Place(1, 0, True), Place(1, 0, False)]


def test_long_shots_are_split_into_clips() -> None:
    kept = places(list(range(7)), Sampling(2, 0, 3))
    assert [(p.clip, p.burst) for p in kept if p] == [(0, 0), (0, 0), (0, 1), (1, 0), (1, 0), (1, 1), (2, 0)]


@given(
    st.lists(st.integers(1, 200_000), min_size=1, max_size=80),
    st.integers(1, 9),
    st.integers(0, 500_000),
    st.integers(1, 30),
    st.frozensets(st.integers(0, 79), max_size=5),
)
def test_every_burst_is_consecutive_and_within_its_limits(
    gaps: list[int], size: int, every: int, longest: int, cuts: frozenset[int]
) -> None:
    times = [sum(gaps[:i]) for i in range(len(gaps))]
    kept = places(times, Sampling(size, every, longest), cuts)
    found = [(i, p) for i, p in enumerate(kept) if p]
    assert found[0][0] == 0
    for (i, a), (j, b) in pairwise(found):
        assert (a.clip, a.burst) <= (b.clip, b.burst)
        assert b.first == ((a.clip, a.burst) != (b.clip, b.burst))
        assert b.first or j == i + 1
    for key in {(p.clip, p.burst) for _, p in found}:
        assert sum((p.clip, p.burst) == key for _, p in found) <= size
    if every == 0:
        assert len(found) == len(times)
