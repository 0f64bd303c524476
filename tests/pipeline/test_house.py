from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from datasets.schema import Row
from pipeline.house import FRAME_STAGES, RESULT_STAGES, UPSTREAM, ChainError, check_chain, stage_class, stage_specs
from pipeline.params import Params

REPOSITORY = Path(__file__).parents[2]


@pytest.mark.parametrize("stage", FRAME_STAGES)
def test_a_stage_is_named_as_the_house_names_it(stage):
    assert stage_class(stage).name == stage
    assert issubclass(stage_class(stage).produces, Row)


@pytest.mark.parametrize("stage", UPSTREAM)
def test_what_a_stage_consumes_is_produced_before_it(stage):
    check_chain(stage)
    assert all(FRAME_STAGES.index(before) < FRAME_STAGES.index(stage) for before in UPSTREAM[stage])


def test_a_broken_chain_is_found_before_any_worker_starts(monkeypatch):
    monkeypatch.setitem(UPSTREAM, "fuse", ("ingest", "detect"))
    with pytest.raises(ChainError, match=r"fuse consumes .*VoteRow.*but"):
        check_chain("fuse")
    monkeypatch.setitem(UPSTREAM, "score", ("ingest", "fuse", "detect", "vote"))
    with pytest.raises(ChainError, match="score consumes"):
        check_chain("score")


def test_only_enabled_teachers_vote():
    names = [name for name, _ in stage_specs("vote", Params(), Path())]
    assert "selfie" in names and "isnet" not in names


def test_dvc_knows_the_same_house():
    stages = yaml.safe_load((REPOSITORY / "dvc.yaml").read_text())["stages"]
    assert set(stages) == {"fetch", *FRAME_STAGES, *RESULT_STAGES}
    for name in (*FRAME_STAGES, *RESULT_STAGES):
        assert stages[name]["cmd"] == f"exec autoroto run {name}"
        for before in UPSTREAM.get(name, ()):
            assert f"data/{before}" in stages[name]["deps"], f"{name} reads {before}"
