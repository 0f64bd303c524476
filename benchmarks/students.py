"""Families and tiers of students on one project: quality, milliseconds, parameters; and what each part of it is for.

`--models` names FAMILY-TIER or FAMILY-TIER@HEIGHTxWIDTH. Each is trained for the same fixed steps on the project's
curated frames and clips (the last average is the student: nothing is chosen by validation), exported, and run as it
ships over the keyed test clip and the curated frames of split test. Milliseconds are medians on one core by
onnxruntime, all models in turns in this process. A plot (SVG) shows the Pareto front.

`--ablate` trains student-S (or the params' model) instead: the params' `default`, that less one thing each, and that
with one loss more each (at the weights of `ablation.SUGGESTED`). `--rows` picks some, and `--seeds` 0,1,2 says how
often: a verdict needs two seeds.

The project is only read. Finished rows are kept in `--cache`, by all that they depend on; a killed run goes on.

The last line is JSON: `{"steps", "models": {NAME: {"iou": {SET: …}, "val", "ms", "parameters", "front", …}}}`, or with
`--ablate` `{"steps", "rows": {NAME: {"mean_iou", "sd", "seeds", "gain", "verdict", SET: {…}}}}`.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
from ablation import ROWS, ablation_rows, mean_iou, summary, without_tps
from pareto import Point, pareto_front, pareto_svg
from rich.console import Console
from rich.table import Table
from student_rows import Figures, Measuring, Row, finished, fixed_steps, milliseconds, shards_in

from pipeline.params import Params, load_params
from training.model_config import FAMILIES, FamilyConfig, model_config

ROOT = Path(__file__).resolve().parents[1]
MODELS = "hourglass-XS,hourglass-S,hourglass-L,mobilenet_unet-S,recurrent-S"


def main() -> None:
    """Train what is missing, measure, print a table and one line of JSON."""
    options = _options()
    console = Console(stderr=not os.isatty(1))
    cv2.setNumThreads(1)
    params = load_params(options.params or options.project / "params.yaml")
    measuring = Measuring(options.project, max_frames=params.evaluate.max_frames)
    if options.ablate:
        found = _ablate(options, params, measuring, console)
        console.print(_ablation_table(found))
        print(json.dumps({"steps": options.steps, "rows": found}))
        return
    found = _compare(options, params, measuring, console)
    console.print(_students_table(found))
    print(json.dumps({"steps": options.steps, "models": found}))


def named_model(name: str) -> FamilyConfig:
    """The shape that `FAMILY-TIER` or `FAMILY-TIER@HEIGHTxWIDTH` names.

    Raises:
        ValueError: it names nothing.
    """
    match = re.fullmatch(rf"({'|'.join(FAMILIES)})-(XS|S|L)(?:@(\d+)x(\d+))?", name)
    if not match:
        raise ValueError(
            f"no model {name!r}; expected e.g. hourglass-S or recurrent-L@288x512, of {', '.join(FAMILIES)}"
        )
    family, tier, height, width = match.groups()
    size = {"height": int(height), "width": int(width)} if height else {}
    return model_config({"family": family, "tier": tier, **size})


def _compare(
    options: argparse.Namespace, params: Params, measuring: Measuring, console: Console
) -> dict[str, dict[str, Any]]:
    clips, curated, weights = shards_in(options.project)
    found: dict[str, list[Figures]] = {}
    for name in options.models.split(","):
        for seed in options.seeds:
            config = fixed_steps(params.train, options.steps, seed, update={"model": named_model(name).model_dump()})
            row = Row(name.replace("@", "-"), config, clips, curated, weights)
            found.setdefault(name, []).append(_told(row, options, measuring, console))
    files = {name: options.cache / seeds[0].model for name, seeds in found.items()}
    times = milliseconds(files, rounds=options.rounds)
    points = [
        Point(name, times[name], statistics.fmean(map(mean_iou, seeds)), seeds[0].parameters)
        for name, seeds in found.items()
    ]
    plot = options.plot or options.cache / "students.svg"
    plot.write_text(pareto_svg(points, quality="mean IoU over the sets"))
    console.print(f"plot: {plot}", highlight=False)
    front = {point.name for point in pareto_front(points)}
    return {
        name: {
            "iou": {place: _mean(seeds, place, "iou") for place in seeds[0].scores},
            "boundary_f": {place: _mean(seeds, place, "boundary_f") for place in seeds[0].scores},
            "dtssd": {place: _mean(seeds, place, "dtssd") for place in seeds[0].scores},
            "val": statistics.fmean(figures.val for figures in seeds),
            "ms": times[name],
            "parameters": seeds[0].parameters,
            "data_wait": max(figures.data_wait for figures in seeds),
            "seeds": len(seeds),
            "front": name in front,
        }
        for name, seeds in found.items()
    }


def _ablate(
    options: argparse.Namespace, params: Params, measuring: Measuring, console: Console
) -> dict[str, dict[str, Any]]:
    names = options.rows.split(",")
    no_tps = options.no_tps_project
    if "no_tps" in names and no_tps is None:
        console.print("clips without thin plates", highlight=False)
        no_tps = without_tps(options.project, params, options.cache / "no_tps")
    found: dict[str, list[Figures]] = {name: [] for name in names}
    for seed in options.seeds:  # one whole comparison after the other
        for row in ablation_rows(names, params, options.project, no_tps, steps=options.steps, seed=seed):
            found[row.name].append(_told(row, options, measuring, console))
    return summary(found)


def _told(row: Row, options: argparse.Namespace, measuring: Measuring, console: Console) -> Figures:
    figures = finished(row, options.cache, measuring)
    shown = ", ".join(f"{name} {scores['iou']:.4f}" for name, scores in figures.scores.items())
    console.print(f"{row.name} seed {row.config.seed}: {shown}, waited {figures.data_wait:.1%}", highlight=False)
    return figures


def _mean(seeds: Sequence[Figures], place: str, metric: str) -> float | None:
    values = [figures.scores[place].get(metric) for figures in seeds]
    return statistics.fmean(values) if all(value is not None for value in values) else None


def _students_table(found: Mapping[str, Mapping[str, Any]]) -> Table:
    sets = list(next(iter(found.values()))["iou"])
    table = Table("student", "parameters", "ms", *(f"IoU {name}" for name in sets), "IoU val", "on the front")
    for name, row in found.items():
        ious = [f"{row['iou'][place]:.4f}" for place in sets]
        front = "yes" if row["front"] else ""
        table.add_row(name, f"{row['parameters']:,}", f"{row['ms']:.2f}", *ious, f"{row['val']:.4f}", front)
    return table


def _ablation_table(found: Mapping[str, Mapping[str, Any]]) -> Table:
    sets = [name for name in ("keyed", "test") if name in next(iter(found.values()))]
    table = Table("row", "seeds", "mean IoU", "sd", *(f"IoU {name}" for name in sets), "gain", "verdict")
    for name, row in found.items():
        ious = [f"{row[place]['iou']:.4f}" for place in sets]
        gain = f"{row['gain']:+.4f}" if "gain" in row else ""
        figures = (f"{row['mean_iou']:.4f}", "" if row["sd"] is None else f"{row['sd']:.4f}")
        table.add_row(name, str(row["seeds"]), *figures, *ious, gain, row.get("verdict", ""))
    return table


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--project", type=Path, required=True, metavar="DIR", help="its stages up to synthesize have run"
    )
    parser.add_argument("--params", type=Path, metavar="FILE", help="default: the project's params.yaml")
    parser.add_argument("--models", default=MODELS, help="default: %(default)s")
    parser.add_argument("--ablate", action="store_true", help="the parts of training instead of the models")
    parser.add_argument("--rows", default=",".join(ROWS), help="of the ablation (default: %(default)s)")
    parser.add_argument("--no-tps-project", type=Path, metavar="DIR", help="clips without thin plates; else made anew")
    parser.add_argument("--steps", type=int, default=1500, help="of every training (default: %(default)s)")
    parser.add_argument(
        "--seeds", type=lambda text: [int(seed) for seed in text.split(",")], default=[0], help="e.g. 0,1,2"
    )
    parser.add_argument("--rounds", type=int, default=100, help="frames each model is timed on (default: %(default)s)")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="SVG (default: students.svg in the cache)")
    parser.add_argument(
        "--cache", type=Path, default=ROOT / ".autoroto" / "bench" / "students", metavar="DIR",
        help="where finished rows are kept (default: %(default)s)",
    )  # fmt: skip
    options = parser.parse_args()
    options.cache.mkdir(parents=True, exist_ok=True)
    return options


if __name__ == "__main__":
    main()
