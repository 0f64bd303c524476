"""The rows of the ablation: the training of the params, that less one thing each, and that with one loss more."""

from __future__ import annotations

import json
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path

from student_rows import Figures, Row, fixed_steps, shards_in

from pipeline.params import Params
from pipeline.run_stage import run_stage
from training.config import TrainConfig

DEFAULT = "default"
SUGGESTED = {"distillation": 0.5, "consistency": 1.0, "temporal": 1.0}
"""Losses that the params leave out, and the weights at which they are tried."""
ROWS = (
    DEFAULT, "no_prior", "no_synthesis", "no_tps", "no_group_weights", *(f"with_{name}" for name in SUGGESTED)
)  # fmt: skip
NOISE = 2.0
"""A row differs when its difference is more than so many standard errors of the seeds."""


def ablation_rows(
    names: Sequence[str], params: Params, project: Path, no_tps: Path | None, *, steps: int, seed: int
) -> list[Row]:
    """The named rows for one seed: `default` is the training of the params, and each other differs in one thing.

    A student without prior learns and works with an empty fourth channel. Without thin plates neither synthesis nor the
    crops of training bend anything.

    Args:
        no_tps: a project whose clips were made without thin-plate deformation; None: there is no row for it.

    Raises:
        ValueError: a row is not known, needs `no_tps`, or adds a loss that the params have.
    """
    clips, curated, weights = shards_in(project)
    rows = []
    for name in names:
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
                config=fixed_steps(params.train, steps, seed, update=_change(name, params.train)),
                clips=found,
                curated=curated,
                weights=None if name == "no_group_weights" else weights,
                forgets=name == "no_prior",
            )
        )
    return rows


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


def _change(name: str, config: TrainConfig) -> Mapping[str, object]:
    """What a row changes in the training."""
    if name not in ROWS:
        raise ValueError(f"no row {name!r}; expected some of {', '.join(ROWS)}")
    if name == "no_prior":
        return {"prior": {"empty": 1.0, "minor": 0.0, "wrong": 0.0, "own": 0.0}}
    if name == "no_tps":
        return {"crop": config.crop.model_copy(update={"bend": 0.0})}
    more = name.removeprefix("with_")
    if more not in SUGGESTED:
        return {}
    if getattr(config.loss, more):
        raise ValueError(f"the params have the loss {more!r} already: leave {name} out of --rows")
    return {"loss": config.loss.model_copy(update={more: SUGGESTED[more]})}


def summary(found: Mapping[str, Sequence[Figures]]) -> dict[str, dict]:
    """Row to seeds, mean and standard deviation of each figure, and what the thing in its name gains.

    `gain` is mean IoU over the sets with the thing less that without it; `default` is the one or the other. `verdict`
    says whether the thing `helps`, `harms` or is `within noise`; one seed a side has no noise to compare with, and it
    is `one seed`.
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
        if name != DEFAULT and DEFAULT in qualities:
            more = rows[name]["mean_iou"] - statistics.fmean(qualities[DEFAULT])
            gain = more if name.startswith("with_") else -more
            rows[name] |= {"gain": gain, "verdict": _verdict(gain, qualities[DEFAULT], values)}
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


def _verdict(gain: float, default: Sequence[float], row: Sequence[float]) -> str:
    if len(default) < 2 or len(row) < 2:
        return "one seed"
    error = (_sd(default) ** 2 / len(default) + _sd(row) ** 2 / len(row)) ** 0.5
    if abs(gain) <= NOISE * error:
        return "within noise"
    return "helps" if gain > 0 else "harms"


def _sd(values: Sequence[float]) -> float:
    return statistics.stdev(values)
