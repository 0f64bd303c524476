"""The rows of the ablation: the whole training, and that training less one thing each."""

from __future__ import annotations

import json
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path

from student_rows import Figures, Row, fixed_steps, shards_in

from pipeline.params import Params
from pipeline.run_stage import run_stage
from training.config import TrainConfig

FULL, DEFAULT = "full", "default"
WITHOUT = (
    "no_prior", "no_synthesis", "no_tps", "no_group_weights", "no_distillation", "no_consistency", "no_temporal"
)  # fmt: skip
ROWS = (FULL, DEFAULT, *WITHOUT)
SUGGESTED = {"distillation": 0.5, "consistency": 1.0, "temporal": 1.0}
"""Weights in `full` of the losses that the params leave out: what is off cannot be taken away."""
NOISE = 2.0
"""A row differs when its difference is more than so many standard errors of the seeds."""


def ablation_rows(
    names: Sequence[str], params: Params, project: Path, no_tps: Path | None, *, steps: int, seed: int
) -> list[Row]:
    """The named rows for one seed. `full` has every loss; each row without something differs from it in that alone.

    `default` is the training of the params as they are. A student without prior learns and works with an empty fourth
    channel. Without thin plates neither synthesis nor the crops of training bend anything.

    Args:
        no_tps: a project whose clips were made without thin-plate deformation; None: there is no row for it.

    Raises:
        ValueError: a row is not known, or needs `no_tps`.
    """
    clips, curated, weights = shards_in(project)
    full = with_all_losses(params.train)
    rows = []
    for name in names:
        config, update = (params.train if name == DEFAULT else full), _change(name, full)
        found = clips
        if name == "no_synthesis":
            found = ()
        elif name == "no_tps":
            if no_tps is None:
                raise ValueError("no_tps needs a project whose clips were made without thin plates")
            found = shards_in(no_tps)[0]
        rows.append(
            Row(
                name=name,
                config=fixed_steps(config, steps, seed, update=update),
                clips=found,
                curated=curated,
                weights=None if name == "no_group_weights" else weights,
                forgets=name == "no_prior",
            )
        )
    return rows


def with_all_losses(config: TrainConfig) -> TrainConfig:
    """The training with the losses of `SUGGESTED` where the params leave them out."""
    added = {name: weight for name, weight in SUGGESTED.items() if not getattr(config.loss, name)}
    return config.model_copy(update={"loss": config.loss.model_copy(update=added)})


def without_tps(project: Path, params: Params, folder: Path) -> Path:
    """A project at `folder` that shares the labels and plates of `project`, its clips made without thin plates."""
    data = folder / "data"
    data.mkdir(parents=True, exist_ok=True)
    for stage in ("ingest", "curate", "plate"):
        link = data / stage
        if not link.exists():
            link.symlink_to((project / "data" / stage).resolve(), target_is_directory=True)
    values = json.loads(params.model_dump_json())
    values["synthesize"]["recipe"]["bend_probability"] = 0.0
    values["pipeline"] |= {"runner": "local", "store": str((folder / "store").resolve())}
    run_stage("synthesize", Params.model_validate(values), folder)
    return folder


def _change(name: str, full: TrainConfig) -> Mapping[str, object]:
    """What a row changes in `full`."""
    if name == "no_prior":
        return {"prior": {"empty": 1.0, "minor": 0.0, "wrong": 0.0, "own": 0.0}}
    if name == "no_tps":
        return {"crop": full.crop.model_copy(update={"bend": 0.0})}
    lost = name.removeprefix("no_")
    if lost in SUGGESTED:
        return {"loss": full.loss.model_copy(update={lost: 0.0})}
    if name not in ROWS:
        raise ValueError(f"no row {name!r}; expected some of {', '.join(ROWS)}")
    return {}


def summary(found: Mapping[str, Sequence[Figures]]) -> dict[str, dict]:
    """Row to seeds, mean and standard deviation of each figure, and what the row loses against `full`.

    `lost` is full's mean IoU over the sets less the row's: above 0, what was left out helps. `verdict` says `helps`,
    `harms` or `within noise`; with one seed a side there is no noise to compare with, and it is `one seed`.
    """
    qualities = {name: [mean_iou(figures) for figures in seeds] for name, seeds in found.items() if seeds}
    rows: dict[str, dict] = {}
    for name, values in qualities.items():
        rows[name] = {
            "seeds": len(values),
            "mean_iou": statistics.fmean(values),
            "sd": _sd(values) if len(values) > 1 else None,
            **_means(found[name]),
        }
        if name != FULL and FULL in qualities:
            lost = statistics.fmean(qualities[FULL]) - rows[name]["mean_iou"]
            rows[name] |= {"lost": lost, "verdict": _verdict(lost, qualities[FULL], values)}
    return rows


def mean_iou(figures: Figures) -> float:
    """Mean over the measured sets."""
    return statistics.fmean(scores["iou"] for scores in figures.scores.values())


def _means(seeds: Sequence[Figures]) -> dict[str, dict[str, float]]:
    return {
        name: {
            metric: statistics.fmean(each.scores[name][metric] for each in seeds) for metric in seeds[0].scores[name]
        }
        for name in seeds[0].scores
    }


def _verdict(lost: float, full: Sequence[float], row: Sequence[float]) -> str:
    if len(full) < 2 or len(row) < 2:
        return "one seed"
    error = (_sd(full) ** 2 / len(full) + _sd(row) ** 2 / len(row)) ** 0.5
    if abs(lost) <= NOISE * error:
        return "within noise"
    return "helps" if lost > 0 else "harms"


def _sd(values: Sequence[float]) -> float:
    return statistics.stdev(values)
