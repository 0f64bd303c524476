from __future__ import annotations

from pathlib import Path

import pytest

from pipeline import results
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
