import json
from collections.abc import Mapping
from pathlib import Path

import pytest
import torch
from pydantic import ValidationError
from safetensors.torch import load_file

from training.config import LossConfig, TrainConfig
from training.model_config import model_config
from training.train import TrainResult, train

Shards = tuple[Path, Path]
STILL = {"learning_rate": 1e-12, "kernel_learning_rate": 1e-12}


class _Killed(Exception):
    pass


def _train(
    config: TrainConfig, shards: Shards, folder: Path, *, kill_at: int = 0, start: Path | None = None
) -> TrainResult:
    def progress(step: int, steps: int, losses: Mapping[str, float]) -> None:
        assert steps == config.steps and losses["loss"] > 0 and 0 <= losses["wait"] <= 1
        if step == kill_at:
            raise _Killed

    return train(
        config=config,
        clips=[shards[0]],
        curated=[shards[1]],
        weights=None,
        out=folder / "out",
        checkpoints=folder / "checkpoints",
        init_from=start,
        progress=progress,
    )


def test_killed_twice_it_ends_with_the_same_bytes(shards: Shards, tiny: TrainConfig, tmp_path: Path) -> None:
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    expected = _train(tiny, shards, whole)
    for kill_at in (5, 7):
        with pytest.raises(_Killed):
            _train(tiny, shards, broken, kill_at=kill_at)
    assert _train(tiny, shards, broken) == expected
    for name in ("student.safetensors", "student.json", "history.csv"):
        assert (broken / "out" / name).read_bytes() == (whole / "out" / name).read_bytes(), name


SMALLEST = {"height": 32, "width": 64, "tier": "XS"}
FURTHER = LossConfig(ohem=0.5, laplacian=0.5, distillation=0.5, temporal=0.5, consistency=0.5)


@pytest.mark.parametrize("family", ["hourglass", "mobilenet_unet", "recurrent"])
def test_with_every_family_and_loss_it_resumes_to_the_bit(
    family: str, shards: Shards, tiny: TrainConfig, tmp_path: Path
) -> None:
    config = tiny.model_copy(update={"model": model_config({"family": family, **SMALLEST}), "loss": FURTHER})
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    expected = _train(config, shards, whole)
    with pytest.raises(_Killed):
        _train(config, shards, broken, kill_at=5)
    assert _train(config, shards, broken) == expected
    for name in ("student.safetensors", "student.json", "history.csv"):
        assert (broken / "out" / name).read_bytes() == (whole / "out" / name).read_bytes(), name
    header = (whole / "out" / "history.csv").read_text().splitlines()[0]
    assert header == "step,lr,loss,bce,dice,band,ohem,laplacian,distillation,temporal,consistency,val_iou"
    assert json.loads((whole / "out" / "student.json").read_text())["architecture"]["family"] == family


@pytest.mark.parametrize("family", ["mobilenet_unet", "recurrent"])
def test_every_family_learns_to_find_the_person(family: str, shards: Shards, tiny: TrainConfig, tmp_path: Path) -> None:
    longer = {"steps": 80, "coarse_steps": 20, "validate_every": 20, "ema": 0.9}
    config = tiny.model_copy(update={"model": model_config({"family": family, **SMALLEST}), **longer})
    assert _train(config, shards, tmp_path).best_iou > 0.6


def test_a_student_that_paints_is_charged_for_its_colours(shards: Shards, tiny: TrainConfig, tmp_path: Path) -> None:
    values = {**tiny.model_dump(), "loss": {"foreground": 1.0}}
    paints = {"family": "recurrent", **SMALLEST, "foreground": True}
    _train(TrainConfig.model_validate({**values, "model": paints}), shards, tmp_path)
    lines = (tmp_path / "out" / "history.csv").read_text().splitlines()
    assert lines[0] == "step,lr,loss,bce,dice,band,foreground,val_iou"
    with pytest.raises(ValidationError, match=r"model\.foreground true"):
        TrainConfig.model_validate({**values, "model": {**paints, "foreground": False}})


def test_the_wait_for_data_is_told_and_logged_beside_the_checkpoint(
    shards: Shards, tiny: TrainConfig, tmp_path: Path
) -> None:
    result = _train(tiny, shards, tmp_path)
    assert 0 < result.data_wait < 1
    logged = json.loads((tmp_path / "checkpoints" / "data_wait.json").read_text())
    assert logged == {"steps": 8, "data_wait": round(result.data_wait, 4)}


def test_it_writes_what_it_promises(shards: Shards, tiny: TrainConfig, tmp_path: Path) -> None:
    result = _train(tiny, shards, tmp_path)
    out = tmp_path / "out"
    lines = (out / "history.csv").read_text().splitlines()
    assert lines[0] == "step,lr,loss,bce,dice,band,val_iou"
    assert [line.split(",")[0] for line in lines[1:]] == ["4", "8"]
    assert result.best_step in (4, 8)
    description = json.loads((out / "student.json").read_text())
    assert description["architecture"]["width"] == 64
    assert description["val_iou"] == result.best_iou and description["step"] == result.best_step
    assert (out / "dvclive" / "plots" / "metrics" / "val_iou.tsv").is_file()


def test_it_learns_to_find_the_person(shards: Shards, tiny: TrainConfig, tmp_path: Path) -> None:
    longer = tiny.model_copy(update={"steps": 80, "coarse_steps": 20, "validate_every": 20, "ema": 0.9})
    assert _train(longer, shards, tmp_path).best_iou > 0.6


def test_it_stops_when_validation_no_longer_improves(shards: Shards, tiny: TrainConfig, tmp_path: Path) -> None:
    flat = tiny.model_copy(
        update={"steps": 40, "coarse_steps": 0, **STILL, "ema": 0.0, "validate_every": 1, "patience": 2}
    )
    result = _train(flat, shards, tmp_path)
    assert result.stopped_early and result.steps < 40
    assert _train(flat, shards, tmp_path) == result


def test_it_starts_from_an_earlier_student(shards: Shards, tiny: TrainConfig, tmp_path: Path) -> None:
    _train(tiny, shards, tmp_path / "first")
    still = tiny.model_copy(update={"steps": 1, "coarse_steps": 0, **STILL, "validate_every": 1})
    _train(still, shards, tmp_path / "second", start=tmp_path / "first" / "out")
    first, second = (load_file(tmp_path / run / "out" / "student.safetensors") for run in ("first", "second"))
    kernels = [name for name, tensor in first.items() if tensor.ndim == 4]
    assert kernels and all(torch.allclose(first[name], second[name], atol=1e-5) for name in kernels)
    other = still.model_copy(update={"model": tiny.model.model_copy(update={"channels": (8, 12, 16, 24)})})
    with pytest.raises(ValueError, match=r"train\.model"):
        _train(other, shards, tmp_path / "third", start=tmp_path / "first" / "out")


def test_too_little_data_and_no_validation_say_what_to_do(shards: Shards, tiny: TrainConfig, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"52 rows of split train .*minimum_rows = 1000"):
        _train(tiny.model_copy(update={"minimum_rows": 1000}), shards, tmp_path)
    with pytest.raises(ValueError, match="no rows of split val"):
        train(
            config=tiny, clips=[], curated=[_without_validation(tmp_path)], weights=None,
            out=tmp_path / "o", checkpoints=tmp_path / "c",
        )  # fmt: skip


def _without_validation(folder: Path) -> Path:
    import numpy as np

    from datasets.images import encode_jpeg, encode_png
    from datasets.schema import CuratedRow
    from datasets.shards import write_rows

    grey = np.zeros((32, 64), np.uint8)
    rows = [
        CuratedRow(
            source="s", clip=0, burst=0, time_us=time, path="", name="", width=64, height=32,
            image=encode_jpeg(np.zeros((32, 64, 3), np.uint8)), alpha=encode_png(grey), trust=encode_png(grey),
            foreground=b"", group="gold", split="train", role="footage", label_source="fused", quality=1.0, error="",
            scenarios=[], subject="s", licences=[], truth=b"",
        )
        for time in range(10)
    ]  # fmt: skip
    write_rows(folder / "train-only.parquet", rows, CuratedRow)
    return folder / "train-only.parquet"
