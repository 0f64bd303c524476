"""A training of several parts: each goes on from the one before, and a card tells of all of them."""

from __future__ import annotations

import argparse
import hashlib
import importlib
import json
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest
from rich.console import Console

from pipeline.params import Params
from training.config import TrainConfig
from training.train import TrainResult

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def making(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(BENCHMARKS)
    return importlib.import_module("student_training")


@pytest.mark.parametrize(("text", "part"), [("20000", (20000, 1.0)), ("24000:.15", (24000, 0.15))])
def test_a_part_is_steps_and_a_factor_on_the_rates(making: ModuleType, text: str, part: tuple[int, float]) -> None:
    assert making.Part.parse(text) == part


@pytest.mark.parametrize("text", [":.15", "0", "20:0", "20:-1", "20:nan", "many"])
def test_a_part_that_cannot_be_is_refused(making: ModuleType, text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match=f"'{text}' is not STEPS"):
        making.Part.parse(text)


def test_a_later_part_has_lower_rates_whole_frames_and_its_last_average(making: ModuleType) -> None:
    params = Params()
    first = making.config_for(params, making.Part(1000), first=True)
    later = making.config_for(params, making.Part(400, 0.25), first=False)
    assert (first.steps, first.coarse_steps, first.learning_rate) == (1000, 300, params.train.learning_rate)
    assert first.validate_every == params.train.validate_every
    assert first.patience == 1000, "it is not stopped on the way"
    assert (later.steps, later.coarse_steps, later.validate_every) == (400, 0, 400)
    assert later.learning_rate == params.train.learning_rate / 4
    assert later.kernel_learning_rate == params.train.kernel_learning_rate / 4
    assert later.ema > first.ema


class Made:
    """`make_student` with no more than its order: every training writes its config as weights."""

    def __init__(self, making: ModuleType, monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
        self.making, self.folder, self.code = making, folder, "first"
        self.trained: list[tuple[str, str, int]] = []
        monkeypatch.setattr(making, "fit_judges", lambda *_, **__: {})
        monkeypatch.setattr(making, "build", lambda *_, **__: [])
        monkeypatch.setattr(making, "composition", lambda _: {"synthetic_clips": 7})
        monkeypatch.setattr(making, "commit", lambda: self.code)
        monkeypatch.setattr(making, "_train", self._train)
        monkeypatch.setattr(making, "export", self._export)

    def _train(
        self, config: TrainConfig, projects: object, *, out: Path, init_from: Path | None, console: Console
    ) -> TrainResult:
        self.trained.append((init_from.name if init_from else "", out.name, config.steps))
        out.mkdir(parents=True, exist_ok=True)
        (out / self.making.WEIGHTS).write_text(f"{config.steps} at {config.learning_rate}")
        return TrainResult(steps=config.steps, best_iou=0.87654, best_step=config.steps, stopped_early=False)

    def _export(self, *, config: object, student: Path, out: Path) -> None:
        (out / self.making.MODEL).write_text(f"of {(student / self.making.WEIGHTS).read_text()}")

    def __call__(self, *parts: tuple[int, float], init_from: Path | None = None) -> dict:
        """The card."""
        out = self.folder / "out" / "student.onnx"
        options = SimpleNamespace(
            jobs=1, cache=self.folder, project=self.folder / "project", clips=None, init_from=init_from,
            parts=[self.making.Part(*part) for part in parts],
        )  # fmt: skip
        self.making.make_student(options, None, {}, Params(), out=out, console=Console(quiet=True))
        card: dict = json.loads(out.with_suffix(".json").read_text())
        assert card["sha256"] == hashlib.sha256(out.read_bytes()).hexdigest()
        assert card["command"] == card["parts"][-1]["command"] and card["data"] == {"synthetic_clips": 7}
        assert out.read_text().startswith(f"of {card['parts'][-1]['steps']} at")
        return card


@pytest.fixture
def made(making: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Made:
    return Made(making, monkeypatch, tmp_path)


def test_each_part_goes_on_from_the_one_before(made: Made) -> None:
    card = made((40, 1.0), (20, 0.25), (10, 0.1))
    assert made.trained == [("", "part1", 40), ("part1", "part2", 20), ("part2", "part3", 10)]
    assert [(part["steps"], part["lr_scale"], part["val_iou"]) for part in card["parts"]] == [
        (40, 1.0, 0.8765), (20, 0.25, 0.8765), (10, 0.1, 0.8765)
    ]  # fmt: skip
    assert card["train"]["steps"] == 10


def test_a_part_that_was_finished_before_keeps_its_entry(made: Made) -> None:
    made((40, 1.0), (20, 0.25))
    made.code = "second"
    card = made((40, 1.0), (20, 0.25), (10, 0.1))
    assert [part["commit"] for part in card["parts"]] == ["first", "first", "second"]
    changed = made((40, 1.0), (20, 0.5))
    assert [part["commit"] for part in changed["parts"]] == ["first", "second"], "other weights are another part"


def test_a_student_that_is_gone_on_from_is_not_overwritten(made: Made, tmp_path: Path) -> None:
    made((40, 1.0), (20, 0.25))
    before = (tmp_path / "project" / "part2" / made.making.WEIGHTS).read_text()
    card = made((10, 0.1), init_from=tmp_path / "project" / "part2")
    assert made.trained[-1] == ("part2", "part3", 10)
    assert [part["steps"] for part in card["parts"]] == [40, 20, 10]
    assert (tmp_path / "project" / "part2" / made.making.WEIGHTS).read_text() == before


def test_of_a_student_without_a_card_only_its_weights_are_known(made: Made, tmp_path: Path) -> None:
    stranger = tmp_path / "stranger"
    stranger.mkdir()
    (stranger / made.making.WEIGHTS).write_bytes(b"of somebody")
    card = made((10, 0.1), init_from=stranger)
    assert made.trained == [("stranger", "part2", 10)]
    assert card["parts"][0] == {"weights": hashlib.sha256(b"of somebody").hexdigest()}
    assert card["parts"][1]["steps"] == 10
