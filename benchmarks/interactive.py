"""What a reviewer's scribbles repair: simulated strokes against truth, on the fused labels that need it most.

Every frame of the truth sets is fused with the project's params; the `--frames` labels with the lowest IoU are kept.
Then, three times: a stroke inside the largest wrong region (adding or taking away), one round of `stages.scribbles`,
IoU with the truth. The votes are kept in `--cache`, as `benchmarks/labels.py` does, and are read from there. segment
anything answers where params.yaml enables it, graph cut otherwise. `ceiling` is what a reviewer who repairs the whole
of the largest wrong region in every round would reach, `stroke` what the strokes alone would, without any backend.
The last line is JSON: mean IoU `iou_before`, and `iou_after` 1, 2 and 3 rounds.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from rich.console import Console
from rich.table import Table
from truth import ROOT, truth_parser

from datasets.images import Image, decode_grey, decode_rgb, encode_png
from datasets.schema import LabelRow
from pipeline.assist import Way, way_of
from pipeline.calibration_data import Known, known_bursts
from pipeline.ensemble import Ensemble, link_models
from pipeline.params import Params, load_params
from pipeline.progress import stage_progress
from qa.metrics import Mask, as_mask, iou
from qa.scribbling import Stroke, largest_wrong, next_stroke
from stages.fuse import Fuse
from stages.scribbles import fix

ROUNDS = 3
QUICK_EVERY = 8
"""With `--quick`, one of so many bursts."""

Step = Callable[[Image, Mask, Mask], Mask]
"""`(picture, mask, truth)` to the mask after a round."""


@dataclass(frozen=True)
class Frame:
    """A fused label and its truth, encoded."""

    name: str
    iou: float
    image: bytes
    alpha: bytes
    truth: bytes


def main() -> None:
    """Measure, print tables, and one line of JSON."""
    options = _options()
    cv2.setNumThreads(1)
    console = Console(stderr=not os.isatty(1))
    params = load_params(options.params)
    link_models(params, options.cache)
    known = known_bursts(options.truth, params.ingest)[:: QUICK_EVERY if options.quick else 1]
    frames = sorted(fused(known, params, options.cache, options.jobs, console), key=lambda one: (one.iou, one.name))
    worst = frames[: options.frames]
    way = way_of(params, ROOT)
    name = way.name
    idle = Way(lambda image, mask, stroke: stroke, way.side, "stroke")
    steps: dict[str, Step] = {
        name: lambda image, mask, truth: scribbled(image, mask, next_stroke(mask, truth), way),
        "stroke": lambda image, mask, truth: scribbled(image, mask, next_stroke(mask, truth), idle),
        "ceiling": lambda image, mask, truth: mask ^ largest_wrong(mask, truth)[0],
    }
    started = time.perf_counter()
    ious, seconds = {}, {}
    for method, step in steps.items():
        with stage_progress(method, console) as progress:
            ious[method] = np.array(
                [_rounds(one, step, progress, place, len(worst)) for place, one in enumerate(worst)]
            )
        seconds[method] = (time.perf_counter() - started) / (ROUNDS * len(worst))
        started = time.perf_counter()
    console.print(_table(ious, len(worst), len(frames)))
    worse = int((ious[name][:, -1] < ious[name][:, 0]).sum())
    console.print(
        f"{name}: {seconds[name]:.2f} s a round; {worse} of {len(worst)} frames are worse after {ROUNDS} rounds"
    )
    before, *after = ious[name].mean(axis=0)
    print(
        json.dumps(
            {
                "iou_before": round(float(before), 4),
                "iou_after": {str(number): round(float(value), 4) for number, value in enumerate(after, start=1)},
            }
        )
    )


def scribbled(image: Image, mask: Mask, stroke: Stroke | None, way: Way) -> Mask:
    """The mask after one stroke; unchanged where nothing is wrong."""
    if stroke is None:
        return mask
    none = np.zeros_like(mask)
    add, remove = (stroke.mask, none) if stroke.adds else (none, stroke.mask)
    return fix(image, mask, add, remove, grow=way.grow, side=way.side)


def _rounds(one: Frame, step: Step, progress: Callable[[int, int, str], None], place: int, count: int) -> list[float]:
    image, truth, mask = decode_rgb(one.image), as_mask(decode_grey(one.truth)), as_mask(decode_grey(one.alpha))
    found = [iou(mask, truth)]
    for _ in range(ROUNDS):
        mask = step(image, mask, truth)
        found.append(iou(mask, truth))
    progress(place + 1, count, one.name)
    return found


def fused(known: Sequence[Known], params: Params, cache: Path, jobs: int, console: Console) -> list[Frame]:
    """Every frame with its fused label, at the truth's size."""
    frames: list[Frame] = []
    pool = ProcessPoolExecutor(
        jobs, multiprocessing.get_context("spawn"), initializer=_open_worker, initargs=(params, cache)
    )
    with pool, stage_progress("fuse", console) as progress:
        for done, found in enumerate(pool.map(_fuse, known), start=1):
            frames += found
            progress(done, len(known), known[done - 1].group)
    return frames


class _Worker:
    """What one process keeps open."""

    ensemble: Ensemble
    fuse: Fuse


def _open_worker(params: Params, cache: Path) -> None:
    cv2.setNumThreads(1)
    _Worker.ensemble, _Worker.fuse = Ensemble(params, cache), Fuse(params.fuse, root=cache)
    _Worker.fuse.setup()


def _fuse(known: Known) -> list[Frame]:
    burst = known.burst
    frames = []
    labels = list(_Worker.fuse.process(_Worker.ensemble.clip(burst.frames)))
    for row, label, encoded in zip(burst.frames, labels, burst.truths, strict=True):
        truth = decode_grey(encoded)
        alpha = decode_grey(label.alpha) if isinstance(label, LabelRow) else np.zeros_like(truth)
        alpha = np.asarray(cv2.resize(alpha, truth.shape[::-1], interpolation=cv2.INTER_LINEAR), np.uint8)
        name = f"{known.group} {row.name}"
        frames.append(Frame(name, iou(alpha, truth), row.image, encode_png(alpha), encoded))
    return frames


def _table(ious: dict[str, np.ndarray], worst: int, count: int) -> Table:
    table = Table("method", title=f"mean IoU on the worst {worst} of {count} fused labels")
    for column in ("before", *(f"round {number + 1}" for number in range(ROUNDS))):
        table.add_column(column, justify="right")
    for method, values in ious.items():
        table.add_row(method, *(f"{value:.4f}" for value in values.mean(axis=0)))
    return table


def _options() -> argparse.Namespace:
    parser = truth_parser(__doc__)
    parser.add_argument("--quick", action="store_true", help=f"looks at one of {QUICK_EVERY} bursts")
    parser.add_argument(
        "--frames", type=int, default=60, metavar="N", help="scribbles on the worst N labels (default: %(default)s)"
    )
    return parser.parse_args()


if __name__ == "__main__":
    main()
