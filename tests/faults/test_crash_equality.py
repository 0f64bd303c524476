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

LONG = ("train", "evaluate", "export")
"""Stages that open torch and a student at every start: seconds a kill. `test_crash_dvc` kills each of them too."""

CASES = [
    pytest.param(stage, time, marks=[pytest.mark.exhaustive] if time == "first" or stage in LONG else [])
    for stage in STAGES
    for time in ("last", "first")
]


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize(("stage", "time"), CASES)
def test_killed_the_first_or_last_time_it_passes_each_point_a_stage_goes_on(
    stage: str, time: str, faulty: FaultyProject, record_property
) -> None:
    """Points that are passed once are killed as the last time."""
    expected = repeatable(faulty.bytes_of(stage))
    faulty.forget(stage)
    passed = faulty.passed(stage)
    assert passed.keys() >= LEAST.get(stage, set()), stage
    assert repeatable(faulty.bytes_of(stage)) == expected, "the stage does not repeat itself even undisturbed"
    units = faulty.finish(stage)["reused"] if stage in FRAME_STAGES else 0
    if time == "last":
        kills = [f"{name}:{count}" for name, count in sorted(passed.items())]
    else:
        kills = [f"{name}:1" for name, count in sorted(passed.items()) if count > 1]
    for kill in kills:
        faulty.forget(stage)
        assert faulty.run(stage, kill=kill) == -signal.SIGKILL, kill
        done = faulty.committed(stage)
        summary = faulty.finish(stage)
        assert repeatable(faulty.bytes_of(stage)) == expected, kill
        if stage in FRAME_STAGES:
            assert summary == {"computed": units - done, "reused": done}, kill
    record_property("stages", 1)
    record_property("kills", len(kills))
    record_property("bytes compared", len(kills) * faulty.size_of(stage))
