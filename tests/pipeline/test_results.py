from __future__ import annotations

import json
from pathlib import Path

import pytest

from pipeline import results
from pipeline.digests import DigestCache
from pipeline.params import Params
from pipeline.results import Result, run_result
from stages.base import Config


@pytest.fixture
def counted(tmp_path, monkeypatch):
    """A result stage that writes a file from its input and counts how often it is made."""
    made: list[str] = []
    state = {"inputs": ("a",)}

    def result(params, root, digests, progress):
        def make(folder: Path, key: str) -> None:
            made.append(key)
            (folder / "plots").mkdir()
            (folder / "plots" / "loss.csv").write_text(",".join(state["inputs"]))

        return Result("train", "training.losses", Config(), state["inputs"], (), make)

    monkeypatch.setitem(results.RESULTS, "train", result)
    return made, state


def test_a_result_is_made_once_for_the_same_inputs(counted, tmp_path):
    made, _ = counted
    first, second = (run_result("train", Params(), tmp_path) for _ in range(2))
    assert (first.computed, second.computed, second.reused) == (1, 0, 1)
    assert len(made) == 1
    assert (tmp_path / "data" / "train" / "plots" / "loss.csv").read_text() == "a"


def test_other_inputs_make_it_again_and_old_ones_come_back_from_the_store(counted, tmp_path):
    made, state = counted
    out = tmp_path / "data" / "train" / "plots" / "loss.csv"
    run_result("train", Params(), tmp_path)
    state["inputs"] = ("a", "b")
    run_result("train", Params(), tmp_path)
    assert (len(made), out.read_text()) == (2, "a,b")
    state["inputs"] = ("a",)
    run_result("train", Params(), tmp_path)
    assert (len(made), out.read_text()) == (2, "a")


def test_a_result_that_fails_leaves_nothing_in_the_store(counted, tmp_path, monkeypatch):
    def broken(params, root, digests, progress):
        def make(folder: Path, key: str) -> None:
            (folder / "half").write_text("x")
            raise RuntimeError("stopped")

        return Result("train", "training.losses", Config(), ("c",), (), make)

    monkeypatch.setitem(results.RESULTS, "train", broken)
    with pytest.raises(RuntimeError, match="stopped"):
        run_result("train", Params(), tmp_path)
    assert list((tmp_path / ".autoroto" / "store").rglob("half")) == []


def test_the_student_that_a_student_started_from_is_an_input_of_its_evaluation(tmp_path, monkeypatch):
    monkeypatch.setattr(results, "shards_of", lambda stage, root: ())
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "selfie_landscape.tflite").write_text("m")
    digests = DigestCache(tmp_path / "digests.json")

    def inputs(config: dict) -> tuple[str, ...]:
        _write_student(tmp_path / "data" / "train", config)
        return results.RESULTS["evaluate"](Params(), tmp_path, digests, None).inputs

    alone = inputs({})
    _write_student(tmp_path / "data" / "students" / "old", {"seed": 3})
    after = inputs({"init_from": "data/students/old"})
    assert len(after) == len(alone) + 2
    _write_student(tmp_path / "data" / "students" / "old", {"seed": 44})
    assert inputs({"init_from": "data/students/old"}) != after


def _write_student(folder: Path, config: dict) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "student.json").write_text(json.dumps({"config": config}))
    (folder / "student.safetensors").write_text("w")
