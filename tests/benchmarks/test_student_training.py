"""A training of several parts: rates by part, later parts on whole frames, and a card that tells of all of them."""

from __future__ import annotations

import hashlib
import importlib
import itertools
import json
from pathlib import Path
from types import ModuleType

import pytest

from pipeline.params import Params
from training.train import TrainResult

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def making(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(BENCHMARKS)
    return importlib.import_module("student_training")


@pytest.mark.parametrize(("text", "part"), [("20000", (20000, 1.0)), ("24000:.15", (24000, 0.15))])
def test_a_part_is_steps_and_a_share_of_the_rates(making: ModuleType, text: str, part: tuple[int, float]) -> None:
    assert making.Part.parse(text) == part


def test_a_part_without_steps_is_refused(making: ModuleType) -> None:
    with pytest.raises(ValueError, match="invalid literal"):
        making.Part.parse(":.15")


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


def test_a_card_tells_of_the_parts_before_it(making: ModuleType, tmp_path: Path) -> None:
    folders = [tmp_path / name for name in ("stranger", "part1", "part2")]
    parts = {folders[1]: making.Part(40), folders[2]: making.Part(20, 0.25)}
    for folder in folders:
        folder.mkdir()
        (folder / making.WEIGHTS).write_bytes(folder.name.encode())
    for start, folder in itertools.pairwise(folders):
        config = making.config_for(Params(), parts[folder], first=False)
        result = TrainResult(steps=config.steps, best_iou=0.87654, best_step=config.steps, stopped_early=False)
        making._write_card(
            folder, parts[folder], config, result, data={"synthetic_clips": 7}, code="abc", init_from=start
        )
    card = json.loads((folders[2] / making.CARD).read_text())
    stranger, one, two = card["parts"]
    assert stranger == {"weights": hashlib.sha256(b"stranger").hexdigest()}, "of a student without a card no more"
    assert (one["steps"], one["rates"], one["val_iou"]) == (40, 1.0, 0.8765)
    assert (two["steps"], two["rates"], two["weights"]) == (20, 0.25, hashlib.sha256(b"part2").hexdigest())
    assert card["data"] == {"synthetic_clips": 7}
    assert card["train"]["steps"] == 20
