"""Killed at every write, link, rename and manifest step of every stage, the next run ends with the same bytes."""

from __future__ import annotations

import signal

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


def crash(stage: str, which: int, faulty: FaultyProject) -> int:
    """Kill the stage when it passes each point for the last time (-1), or for the first of several (0); how often."""
    expected = repeatable(faulty.bytes_of(stage))
    faulty.forget(stage)
    passed = faulty.passed(stage)
    assert passed.keys() >= LEAST.get(stage, set()), stage
    assert repeatable(faulty.bytes_of(stage)) == expected, "the stage does not repeat itself even undisturbed"
    units = faulty.finish(stage)["reused"] if stage in FRAME_STAGES else 0
    kills = [f"{name}:{(1, count)[which]}" for name, count in sorted(passed.items()) if which == -1 or count > 1]
    for kill in kills:
        faulty.forget(stage)
        assert faulty.run(stage, kill=kill) == -signal.SIGKILL, kill
        done = faulty.committed(stage)
        summary = faulty.finish(stage)
        assert repeatable(faulty.bytes_of(stage)) == expected, kill
        if stage in FRAME_STAGES:
            assert summary == {"computed": units - done, "reused": done}, kill
    print(f"\n{stage}: killed {len(kills)} times, {len(expected)} files the same")
    return len(kills)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("stage", STAGES)
def test_killed_the_last_time_it_passes_each_point_a_stage_goes_on(stage: str, faulty: FaultyProject) -> None:
    assert crash(stage, -1, faulty) >= 1


@pytest.mark.slow
@pytest.mark.exhaustive
@pytest.mark.timeout(900)
@pytest.mark.parametrize("stage", STAGES)
def test_killed_the_first_time_it_passes_each_point_a_stage_goes_on(stage: str, faulty: FaultyProject) -> None:
    crash(stage, 0, faulty)
