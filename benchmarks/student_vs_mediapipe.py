"""Is the student better than what a user would pick instead? One run, the same frames, one core.

Measured on: the keyed clip (`keyed`: its alpha known exactly), a fifth of the photos of the truth folder (`ccp`), its
sequences (`davis`). Compared: the student, MediaPipe's selfie segmenters (landscape and general), the fused label and
each teacher. Foreground IoU, boundary F at 0.8 % of the diagonal, MAD in the unknown band, dtSSD and flicker of video,
all at the frame's own size; milliseconds on one core inside the model and from frame to alpha, all in turns.

Without `--train` the student is `benchmarks/students/student_s.onnx`; its card lies beside it. With `--train` it is
made anew: the demo footage, the clips of `--clips` and the other photos *without their masks* are labelled by the
pipeline with a combiner and a judge fitted neither on anything measured nor on the photos that they label
(`unseen_fits.py`), synthesized and learnt, in parts: each goes on from the one before at lower rates (`--init-from`
gives the first another student to start from). Finished work is kept in `--cache` and `--project`: a run that was
stopped goes on.

The last line is JSON: `ms_ratio` (student's by landscape's milliseconds inside the model), `iou`, `bf` and `dtssd` by
set and method.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from competitors import GENERAL, LANDSCAPE, STUDENT, Values, means, measure, milliseconds
from keyed_clip import keyed_bursts
from labels import spread
from rich.console import Console
from rich.table import Table
from student_training import Part, make_student
from truth import truth_parser
from unseen_fits import BOTH, dealt_truth, fit_fuses

from datasets.images import decode_rgb
from pipeline.calibration_data import Known
from pipeline.ensemble import link_models
from pipeline.folds import KEYED
from pipeline.params import load_params

ROOT = Path(__file__).resolve().parents[1]
SHIPPED = ROOT / "benchmarks" / "students" / "student_s.onnx"
CLIPS = ROOT.parent / "shared" / "footage"
STILLS = "ccp"
METHODS = (STUDENT, LANDSCAPE, GENERAL)
METRICS = {"iou": 4, "bf": 4, "mad_t": 1, "dtssd": 3, "flicker": 3}
"""To the digits they are printed with."""
PARTS = (Part(20000), Part(24000, lr_scale=0.15), Part(6500, lr_scale=0.05))
"""Of the training: at whole peaks what was learnt before would be forgotten, so an earlier student skips the first."""


def main() -> None:
    """Train if asked, measure, print tables and one line of JSON."""
    options = _options()
    console = Console(stderr=not os.isatty(1))
    params = load_params(options.params)
    link_models(params, options.cache)
    dealt = dealt_truth(options, params, STILLS)
    fits = fit_fuses(dealt, params, options.cache, jobs=options.jobs, console=console)
    student = options.student
    if options.train:
        make_student(options, dealt, fits, params, out=student, console=console)
    bursts = [*(Known(KEYED, KEYED, burst) for burst in keyed_bursts(params.ingest)), *dealt.measured]
    if options.frames:
        bursts = spread(bursts, options.frames)
    found = means(measure(bursts, student, fits[BOTH], params, options.cache, jobs=options.jobs, console=console))
    image = decode_rgb(bursts[-1].burst.frames[0].image)
    # alone in a new process: what this one has in its caches and arenas by now is nobody's model
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as alone:
        spent = alone.submit(milliseconds, student, options.cache, image, rounds=options.rounds).result()
    for name, methods in found.items():
        console.print(_table(name, methods))
    console.print(_times(spent, image.shape[:2]))
    print(json.dumps(summarise(found, spent["model"])))


def summarise(found: Mapping[str, Mapping[str, Values]], spent: Mapping[str, float]) -> dict[str, object]:
    """The last line: metric to set to method to value, `dtssd` where there is video."""
    tables = {
        metric: {
            name: {method: round(methods[method][metric], 4) for method in METHODS}
            for name, methods in sorted(found.items())
            if metric in methods[STUDENT]
        }
        for metric in ("iou", "bf", "dtssd")
    }
    return {"ms_ratio": round(spent[STUDENT] / spent[LANDSCAPE], 3), **tables}


def _table(name: str, methods: Mapping[str, Values]) -> Table:
    table = Table("method", title=name)
    metrics = [metric for metric in METRICS if metric in methods[STUDENT]]
    for metric in metrics:
        table.add_column(metric, justify="right")
    for method, values in methods.items():
        cells = [f"{values[metric]:.{METRICS[metric]}f}" for metric in metrics]
        table.add_row(method, *cells, style="bold" if method == STUDENT else None)
    return table


def _times(spent: Mapping[str, Mapping[str, float]], size: Sequence[int]) -> Table:
    table = Table("method", title=f"milliseconds on one core; a frame of {size[1]}×{size[0]}")
    for column in spent:
        table.add_column(column, justify="right")
    for method in METHODS:
        table.add_row(method, *(f"{values[method]:.2f}" for values in spent.values()))
    return table


def _options() -> argparse.Namespace:
    parser = truth_parser(__doc__)
    parser.add_argument("--student", type=Path, default=SHIPPED, metavar="FILE", help="default: %(default)s")
    parser.add_argument("--train", action="store_true", help="make the student anew, at --student")
    parser.add_argument(
        "--clips",
        type=Path,
        default=CLIPS if CLIPS.is_dir() else None,
        metavar="DIR",
        help="videos to train on besides",
    )
    parser.add_argument(
        "--project",
        type=Path,
        default=ROOT / ".autoroto" / "bench" / "student",
        metavar="DIR",
        help="where footage is labelled and the student trained (default: %(default)s)",
    )
    parser.add_argument(
        "--parts",
        type=Part.parse,
        nargs="+",
        metavar="STEPS[:LR_SCALE]",
        help="of the training, each with a factor on the params' learning rates (default: "
        + " ".join(f"{part.steps}:{part.lr_scale:g}" for part in PARTS)
        + "; without the first after --init-from)",
    )
    parser.add_argument(
        "--init-from", type=Path, metavar="DIR", help="the student to go on from: a folder `part<n>` of a --project"
    )
    parser.add_argument("--frames", type=int, default=0, help="measure about so many frames a set; 0: all")
    parser.add_argument("--rounds", type=int, default=300, help="of the timing (default: %(default)s)")
    options = parser.parse_args()
    options.parts = options.parts or (PARTS if options.init_from is None else PARTS[1:])
    return options


if __name__ == "__main__":
    main()
