"""Killed at every write, link, rename and manifest step of every stage, the next run ends with the same bytes."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest

from pipeline.house import FRAME_STAGES
from tests.faults.conftest import STAGES, FaultyProject, repeatable

LEAST = {
    **{
        stage: {"work.item", "commit.receipt", "write.renamed", "link.renamed", "publish.linked"}
        for stage in FRAME_STAGES
    },
    "fetch": {"fetch.partial", "fetch.renamed", "write.temporary"},
    "train": {"checkpoint.temporary", "checkpoint.renamed", "commit.placed", "link.renamed"},
    "report": {"write.temporary", "write.renamed"},
}
"""Points that a stage must pass: a point that is lost would take its tests with it."""


def kills(passed: dict[str, int]) -> Iterator[str]:
    """`NAME:COUNT` for the first and the last time each point is passed."""
    for name, count in sorted(passed.items()):
        for time in sorted({1, count}):
            yield f"{name}:{time}"


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("stage", STAGES)
def test_a_killed_stage_goes_on_and_ends_with_the_same_bytes(
    stage: str, faulty: FaultyProject, record_property
) -> None:
    expected = repeatable(faulty.bytes_of(stage))
    faulty.forget(stage)
    passed = faulty.passed(stage)
    assert passed.keys() >= LEAST.get(stage, set()), stage
    assert repeatable(faulty.bytes_of(stage)) == expected, "the stage does not repeat itself even undisturbed"
    units = faulty.finish(stage)["reused"] if stage in FRAME_STAGES else 0
    tried = 0
    for kill in kills(passed):
        faulty.forget(stage)
        assert faulty.run(stage, kill=kill) == -signal.SIGKILL, kill
        done = faulty.committed(stage)
        summary = faulty.finish(stage)
        assert repeatable(faulty.bytes_of(stage)) == expected, kill
        if stage in FRAME_STAGES:
            assert summary == {"computed": units - done, "reused": done}, kill
        tried += 1
    record_property("killed", tried)
    print(f"\n{stage}: killed {tried} times at {len(passed)} points, {len(expected)} files the same")
