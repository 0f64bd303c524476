"""How much label error does a reviewer remove who sees 1, 2, 5 or 10 % of the frames, in which order?

Truth plays the reviewer: a reviewed frame's label becomes the truth, and the fix spreads to its burst along the optical
flow (`qa.fix_spread`), a frame taking it from the nearest reviewed one. Orders: `ours` (`qa.queue`), `random` (mean of
400), `cleanlab` (segmentation softmin on the labels and the mean of the votes), `truth` (greedy by the error that a fix
really removes, spreading included). `stills` are photos, `video` the sequences and the keyed clip.

Labels and expected errors are the pipeline's, but for what it was fitted on (`held_out.py`): neither `fuse` nor the
judge saw the source that is measured or, `left_out`, its set; the keyed clip is in no fit. The last line is JSON:
`removed`, `video` and `stills` to share reviewed to order to label error removed (the sum of 1 − IoU over the frames,
at label size), and `left_out`, the same.
"""

from __future__ import annotations

import itertools
import json
import multiprocessing
import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import cv2
import numpy as np
from held_out import HeldOut, expectations, softmin
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table
from truth import truth_parser

from datasets.images import Grey, decode_grey, decode_rgb
from datasets.schema import LabelRow
from pipeline.folds import REGIMES, fit_for
from pipeline.judge_data import KnownClip, cut
from pipeline.params import load_params
from pipeline.progress import stage_progress
from qa.burst_signals import burst_signals
from qa.examples import AlphaFuse, fused
from qa.expected_error import ExpectedError, held_areas
from qa.fix_spread import reaches, spread_fix
from qa.judge import samples_of
from qa.metrics import Mask, as_mask, iou
from qa.queue import BurstErrors, nearest_fixes, review_order
from qa.review import doubt_map
from qa.temporal_signals import tracks_of
from qa.view import view_of
from stages.flow import track_pair
from stages.fuse import FuseConfig, resized

STILLS = ("ccp",)
"""Sets of unrelated photos: a few look alike enough to be read as a burst."""
BUDGETS = (0.01, 0.02, 0.05, 0.1)
RANDOM_ORDERS = 400


@dataclass(frozen=True)
class Known:
    """A burst of N frames with all that the orders need.

    Attributes:
        collection, group: as of `KnownClip`. signals: of each label.
        reach: `(N, N)`, see `qa.queue.BurstErrors`.
        cleanlab: `(N,)`, its score: low is bad.
        errors: `(N,)`, 1 − IoU of each label with truth. after: `(N, N)`, that of frame j once frame i was fixed.
    """

    collection: str
    group: str
    signals: Sequence[Mapping[str, float]]
    reach: NDArray[np.float64]
    cleanlab: NDArray[np.float64]
    errors: NDArray[np.float64]
    after: NDArray[np.float64]


Frame = tuple[int, int]
"""Index of the burst and of the frame in it."""


def main() -> None:
    """Measure, print a table, and one line of JSON."""
    options = truth_parser(__doc__, needed=False).parse_args()
    cv2.setNumThreads(1)
    console = Console(stderr=not os.isatty(1))
    params = load_params(options.params)
    footage = HeldOut.read(options, params, console)
    fitted = expectations(footage.names, footage.natural(), footage.dealt)
    reports = {}
    for regime in REGIMES:
        bursts = known_bursts(footage, regime)
        reports[regime] = report(bursts, expected_errors(bursts, fitted, regime, footage.dealt), console, regime)
    print(json.dumps({"removed": reports["sets"], "left_out": reports["leave_one_out"]}))


def known_bursts(footage: HeldOut, regime: str) -> list[Known]:
    """Every measured burst, fused by who did not see it; photos one by one."""
    work = [
        (footage.configs[regime][part.group], part)
        for clip in footage.clips
        for part in (cut(clip, 1) if clip.collection in STILLS else [clip])
    ]
    measure = partial(known, side=footage.params.score.side, cache=footage.options.cache)
    found: list[Known] = []
    pool = ProcessPoolExecutor(footage.options.jobs, multiprocessing.get_context("spawn"))
    with pool, stage_progress(f"fixes, {regime}", footage.console) as progress:
        for done, one in enumerate(pool.map(measure, work, chunksize=4), start=1):
            found.append(one)
            progress(done, len(work), one.group)
    return found


def known(work: tuple[FuseConfig, KnownClip], *, side: int, cache: Path) -> Known:
    """Everything that is measured once per burst."""
    cv2.setNumThreads(1)
    config, one = work
    clip = fused(AlphaFuse(config, root=cache), one.clip)
    labels = [row for row in clip.labels if row is not None]
    views = [view_of(clip, index, side=side) for index in range(len(clip))]
    steps = tracks_of(views)
    masks = [as_mask(decode_grey(label.alpha)) for label in labels]
    truths = [_sized(decode_grey(truth), label) for truth, label in zip(one.truths, labels, strict=True)]
    images = [resized(decode_rgb(frame.image), *masks[0].shape[::-1]) for frame in clip.frames if frame]
    tracks = [track_pair(first, second) for first, second in itertools.pairwise(images)]
    after = np.zeros((len(clip), len(clip)))
    for index, truth in enumerate(truths):
        mended = spread_fix(masks, index, truth, tracks)
        after[index] = [1 - iou(mask, exact) for mask, exact in zip(mended, truths, strict=True)]
    return Known(
        one.collection,
        one.group,
        burst_signals(views, tracks=steps),
        reaches([doubt_map(view) for view in views], steps),
        np.asarray([softmin(view) for view in views]),
        np.asarray([1 - iou(mask, truth) for mask, truth in zip(masks, truths, strict=True)]),
        after,
    )


def _sized(truth: Grey, label: LabelRow) -> Mask:
    """Truth at the size of the label."""
    if truth.shape == (label.height, label.width):
        return as_mask(truth)
    return as_mask(np.asarray(cv2.resize(truth, (label.width, label.height), interpolation=cv2.INTER_AREA), np.uint8))


def expected_errors(
    bursts: Sequence[Known], fitted: Mapping[str, ExpectedError], regime: str, dealt: dict[str, int]
) -> list[NDArray[np.float64]]:
    """Per burst what the fit expects that has not seen its source, or its set."""
    return [
        fitted[fit_for(burst, regime, dealt)].of(samples_of(burst.signals), held_areas(burst.signals))
        for burst in bursts
    ]


def report(
    bursts: Sequence[Known], expected: Sequence[NDArray[np.float64]], console: Console, way: str
) -> dict[str, dict[str, dict[str, float]]]:
    """Error removed by budget and order, of video and of stills; sets without any are left out."""
    removed = {}
    both = list(zip(bursts, expected, strict=True))
    for name, pairs in (
        ("video", [pair for pair in both if pair[0].collection not in STILLS]),
        ("stills", [pair for pair in both if pair[0].collection in STILLS]),
    ):
        if not pairs:
            continue
        part = [burst for burst, _ in pairs]
        orders = {
            "ours": our_order(part, [errors for _, errors in pairs]),
            "cleanlab": cleanlab_order(part),
            "truth": truth_order(part, max(BUDGETS)),
        }
        removed[name] = {str(budget): {} for budget in BUDGETS}
        total = float(sum(burst.errors.sum() for burst in part))
        table = Table("budget", "ours", "random", "cleanlab", "truth", title=f"{way}, {name}: {total:.2f} in all")
        for budget in BUDGETS:
            count = max(1, round(budget * sum(len(burst.errors) for burst in part)))
            found = {order: error_removed(part, frames[:count]) for order, frames in orders.items()}
            found["random"] = random_removed(part, count)
            removed[name][str(budget)] = {
                order: round(found[order], 4) for order in ("ours", "random", "cleanlab", "truth")
            }
            table.add_row(f"{budget:.0%}", *(f"{value:.3f}" for value in removed[name][str(budget)].values()))
        console.print(table)
    return removed


def our_order(bursts: Sequence[Known], expected: Sequence[NDArray[np.float64]]) -> list[Frame]:
    """As `qa.queue` has it, for labels of these expected errors."""
    doubts = [
        BurstErrors([(str(number), frame) for frame in range(len(errors))], errors, burst.reach)
        for number, (burst, errors) in enumerate(zip(bursts, expected, strict=True))
    ]
    return [(int(place.key[0]), place.key[1]) for place in review_order(doubts)]


def cleanlab_order(bursts: Sequence[Known]) -> list[Frame]:
    """By cleanlab's score, the lowest first."""
    scores = {
        (number, frame): score for number, burst in enumerate(bursts) for frame, score in enumerate(burst.cleanlab)
    }
    return sorted(scores, key=lambda frame: scores[frame])


def truth_order(bursts: Sequence[Known], share: float) -> list[Frame]:
    """Greedy: next the frame whose fix removes most error, given those before it; as many as the share needs."""
    gone: dict[int, list[int]] = {number: [] for number in range(len(bursts))}
    order: list[Frame] = []

    def best(number: int) -> tuple[float, int]:
        taken = gone[number]
        free = [frame for frame in range(len(bursts[number].errors)) if frame not in taken]
        if not free:
            return -np.inf, -1
        before = burst_error(bursts[number], taken)
        return max((before - burst_error(bursts[number], [*taken, frame]), -frame) for frame in free)

    gains = {number: best(number) for number in gone}
    for _ in range(max(1, round(share * sum(len(burst.errors) for burst in bursts)))):
        number = max(gains, key=lambda one: gains[one][0])
        frame = -gains[number][1]
        order.append((number, frame))
        gone[number].append(frame)
        gains[number] = best(number)
    return order


def burst_error(burst: Known, fixed: Sequence[int]) -> float:
    """Label error of a burst, summed over its frames, once these were fixed."""
    if not fixed:
        return float(burst.errors.sum())
    sources = nearest_fixes(len(burst.errors), fixed)
    return float(burst.after[sources, np.arange(len(sources))].sum())


def error_removed(bursts: Sequence[Known], frames: Sequence[Frame]) -> float:
    """Label error that reviewing these frames removes, summed over all."""
    chosen: dict[int, list[int]] = {}
    for number, frame in frames:
        chosen.setdefault(number, []).append(frame)
    return sum(burst_error(bursts[number], []) - burst_error(bursts[number], fixed) for number, fixed in chosen.items())


def random_removed(bursts: Sequence[Known], count: int) -> float:
    """Mean of `RANDOM_ORDERS` orders."""
    frames = [(number, frame) for number, burst in enumerate(bursts) for frame in range(len(burst.errors))]
    rng = np.random.default_rng(0)
    draws = (rng.permutation(len(frames))[:count] for _ in range(RANDOM_ORDERS))
    return float(np.mean([error_removed(bursts, [frames[index] for index in drawn]) for drawn in draws]))


if __name__ == "__main__":
    main()
