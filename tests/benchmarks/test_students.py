"""The table of students and the ablation: rows differ in what their name says, fronts and verdicts by hand."""

from __future__ import annotations

import importlib
import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest

from pipeline.params import Params
from training.config import TrainConfig

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
CLIPS, CURATED, WEIGHTS = (Path("clips.parquet"),), (Path("curated.parquet"),), Path("weights.parquet")
FLAT = (Path("flat.parquet"),)


@pytest.fixture(autouse=True)
def _beside(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(BENCHMARKS)


@pytest.fixture
def rows() -> ModuleType:
    return importlib.import_module("student_rows")


@pytest.fixture
def ablation(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    module = importlib.import_module("ablation")
    monkeypatch.setattr(
        module, "shards_in", lambda project: ((FLAT if project.name == "flat" else CLIPS), CURATED, WEIGHTS)
    )
    return module


def _flat(values: object, path: str = "") -> dict[str, object]:
    if not isinstance(values, dict):
        return {path: values}
    return {name: value for key, each in values.items() for name, value in _flat(each, f"{path}.{key}").items()}


def _changed(row, default) -> dict[str, object]:
    mine, whole = (_flat(each.config.model_dump()) for each in (row, default))
    return {name.lstrip("."): mine[name] for name in mine if mine[name] != whole[name]}


def test_every_row_differs_from_the_default_in_what_its_name_says(ablation: ModuleType) -> None:
    made = ablation.ablation_rows(ablation.ROWS, Params(), Path("project"), Path("flat"), steps=200, seed=3)
    found = {row.name: row for row in made}
    assert tuple(found) == ablation.ROWS
    default = found["default"]
    assert default.config.steps == 200 and default.config.seed == 3 and default.config.patience == 200
    assert default.config.loss == Params().train.loss
    expected = {
        "no_prior": {"prior.empty": 1.0, "prior.minor": 0.0, "prior.wrong": 0.0, "prior.own": 0.0},
        "no_synthesis": {},
        "no_tps": {"crop.bend": 0.0},
        "no_group_weights": {},
        **{f"with_{name}": {f"loss.{name}": weight} for name, weight in ablation.SUGGESTED.items()},
    }
    assert {name: _changed(row, default) for name, row in found.items() if name != "default"} == expected
    others = {name: replace(row, name="", config=default.config) for name, row in found.items()}
    whole = others.pop("default")
    assert others.pop("no_synthesis") == replace(whole, clips=())
    assert others.pop("no_tps") == replace(whole, clips=FLAT)
    assert others.pop("no_group_weights") == replace(whole, weights=None)
    assert others.pop("no_prior") == replace(whole, forgets=True)
    assert all(other == whole for other in others.values())


def test_a_row_that_is_not_known_or_lacks_its_clips_is_named(ablation: ModuleType) -> None:
    with pytest.raises(ValueError, match="no row 'no_luck'"):
        ablation.ablation_rows(["no_luck"], Params(), Path("p"), None, steps=2, seed=0)
    with pytest.raises(ValueError, match="without thin plates"):
        ablation.ablation_rows(["no_tps"], Params(), Path("p"), None, steps=2, seed=0)
    steady = Params.model_validate({"train": {"loss": {"temporal": 3.0}}})
    with pytest.raises(ValueError, match="the loss 'temporal' already"):
        ablation.ablation_rows(["with_temporal"], steady, Path("p"), None, steps=2, seed=0)


def _figures(rows: ModuleType, iou: float):
    scores = {"keyed": {"iou": iou + 0.01, "boundary_f": 0.5}, "test": {"iou": iou - 0.01, "boundary_f": 0.5}}
    return rows.Figures(parameters=1, steps=1, data_wait=0.0, val=0.5, scores=scores, model="m")


def test_verdicts_by_hand(ablation: ModuleType, rows: ModuleType) -> None:
    found = {
        "default": [_figures(rows, iou) for iou in (0.90, 0.92)],
        "no_prior": [_figures(rows, iou) for iou in (0.80, 0.82)],
        "no_tps": [_figures(rows, iou) for iou in (0.89, 0.93)],
        "with_temporal": [_figures(rows, iou) for iou in (0.95, 0.96)],
        "with_consistency": [_figures(rows, iou) for iou in (0.85, 0.86)],
        "no_synthesis": [_figures(rows, 0.5)],
    }
    told = ablation.summary(found)
    assert told["default"]["mean_iou"] == pytest.approx(0.91) and told["default"]["sd"] == pytest.approx(0.02**0.5 / 10)
    assert told["no_prior"]["gain"] == pytest.approx(0.10) and told["no_prior"]["verdict"] == "helps"
    assert told["no_tps"]["gain"] == pytest.approx(0.0) and told["no_tps"]["verdict"] == "within noise"
    assert told["with_temporal"]["gain"] == pytest.approx(0.045) and told["with_temporal"]["verdict"] == "helps"
    assert told["with_consistency"]["verdict"] == "harms"
    assert told["no_synthesis"]["verdict"] == "one seed" and told["no_synthesis"]["sd"] is None
    assert told["default"]["keyed"]["iou"] == pytest.approx(0.92)


def test_a_finished_row_is_not_trained_again_and_another_config_is(
    rows: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    trained = []

    def stopped(**given):
        trained.append(given["config"].seed)
        raise RuntimeError("training")

    monkeypatch.setattr(rows, "train", stopped)
    monkeypatch.setattr(rows, "run_identity", lambda config, *_: config.model_dump_json())
    row = rows.Row("default", TrainConfig(), CLIPS, CURATED, None)
    folder = tmp_path / f"default-0-{row.identity[:12]}"
    folder.mkdir()
    (folder / "figures.json").write_text(
        '{"parameters": 1, "steps": 4, "data_wait": 0.1, "val": 0.5, "scores": {}, "model": "m"}'
    )
    assert rows.finished(row, tmp_path, measuring=None).steps == 4
    with pytest.raises(RuntimeError, match="training"):
        rows.finished(replace(row, config=TrainConfig(seed=1)), tmp_path, measuring=None)
    with pytest.raises(RuntimeError, match="training"):
        rows.finished(replace(row, forgets=True), tmp_path, measuring=None)
    assert trained == [1, 0]


def test_steps_are_shortened_in_proportion(rows: ModuleType) -> None:
    config = rows.fixed_steps(TrainConfig(steps=2000, coarse_steps=1200), 4, 7, update={"loss": {"temporal": 1.0}})
    assert (config.steps, config.coarse_steps, config.warmup_steps, config.validate_every) == (4, 2, 0, 4)
    assert config.seed == 7 and config.loss.temporal == 1.0


def test_the_front_by_hand_and_its_picture() -> None:
    pareto = importlib.import_module("pareto")
    points = [
        pareto.Point("slow & good", 4.0, 0.95, 400),
        pareto.Point("quick", 1.0, 0.90, 100),
        pareto.Point("beaten", 2.0, 0.90, 200),
        pareto.Point("middle", 2.0, 0.93, 200),
    ]
    assert [point.name for point in pareto.pareto_front(points)] == ["quick", "middle", "slow & good"]
    picture = ET.fromstring(pareto.pareto_svg(points, quality="mean IoU"))
    disks = picture.findall("{http://www.w3.org/2000/svg}circle")
    assert [disk.get("fill") for disk in disks].count("#fff") == 1 and len(disks) == 4
    x = {point.name: float(disk.get("cx", 0)) for point, disk in zip(points, disks, strict=True)}
    y = {point.name: float(disk.get("cy", 0)) for point, disk in zip(points, disks, strict=True)}
    assert x["quick"] < x["middle"] < x["slow & good"] and y["slow & good"] < y["middle"] < y["quick"]
    one = pareto.pareto_svg(points[:1], quality="q")  # no span to divide by
    assert "nan" not in one


def test_models_are_named_by_family_tier_and_size() -> None:
    students = importlib.import_module("students")
    config = students.named_model("recurrent-L@288x512")
    assert (config.family, config.tier, config.height, config.width) == ("recurrent", "L", 288, 512)
    assert students.named_model("hourglass-S") == TrainConfig().model
    with pytest.raises(ValueError, match="hourglass-S or recurrent-L@288x512"):
        students.named_model("hourglass-M")
    assert [students.named_model(name) for name in students.MODELS.split(",")]
