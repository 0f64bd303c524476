"""How much label error does a reviewer remove who sees 1, 2, 5 or 10 % of the frames, in which order?

Truth plays the reviewer: a reviewed frame's label becomes the truth, and the fix spreads to its burst along the optical
flow (`qa.fix_spread`), a frame taking it from the nearest reviewed one. Orders: `ours` (`qa.queue`), `random` (mean of
200), `cleanlab` (segmentation softmin on the labels and the mean of the votes), `truth` (greedy by the error that a fix
really removes, spreading included). `stills` are photos, `video` the sequences and the keyed clip.

Expected errors are regressed without the source measured (`cross`: other photos, other sequences) or without its set
(`left_out`); the keyed clip is in no fit. P(good) is the shipped judge's. The last line is JSON: label error removed,
the sum of 1 − IoU over the frames, at label size.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from cleaning import fold_of_source, label_mask
from fused import STILLS, FusedSets, Labelled
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table
from truth import DEFAULT

from datasets.images import decode_rgb
from pipeline.params import Params, load_params
from qa.expected_error import SIGNS, ErrorModel, doubt_map, doubt_signals, expected_error
from qa.fix_spread import reaches, spread_fix
from qa.logistic_fit import fit_logistic
from qa.metrics import iou
from qa.quality import quality_of
from qa.queue import BurstDoubt, nearest_fixes, review_order
from qa.signals import frame_signals
from qa.temporal_signals import temporal_signals
from qa.view import view_of
from stages.fuse import resized
from stages.temporal import BurstTracks

ROOT = Path(__file__).resolve().parents[1]
BUDGETS = (0.01, 0.02, 0.05, 0.1)
RANDOM_ORDERS = 400
RIDGE = 1.0
TEST_ONLY = ("keyed",)
REFIT = "python benchmarks/review_budget.py --truth DIR --fit qa/expected_error.json"
WAYS = ("cross", "left_out")


@dataclass(frozen=True)
class Known:
    """A burst of N frames with all that the orders need.

    Attributes:
        set_name, source: see `fused.Labelled`.
        signals: of each label. p_good: `(N,)`. reach: `(N, N)`, see `qa.queue.BurstDoubt`.
        cleanlab: `(N,)`, its score: low is bad.
        errors: `(N,)`, 1 − IoU of each label with truth. after: `(N, N)`, that of frame j once frame i was fixed.
    """

    set_name: str
    source: str
    signals: list[dict[str, float]]
    p_good: NDArray[np.float64]
    reach: NDArray[np.float64]
    cleanlab: NDArray[np.float64]
    errors: NDArray[np.float64]
    after: NDArray[np.float64]


Frame = tuple[int, int]
"""Index of the burst and of the frame in it."""


def main() -> None:
    """Measure, print a table, and one line of JSON; or fit the regression that ships."""
    options = _options()
    cv2.setNumThreads(1)
    console = Console(stderr=not os.isatty(1))
    params = load_params(options.params)
    bursts = [known(one, params) for one in FusedSets(params, options.votes, options.cache).read(options.truth)]
    if options.fit:
        fitting = [burst for burst in bursts if burst.set_name not in TEST_ONLY]
        options.fit.write_text(fit_model(fitting, refit=REFIT).model_dump_json(indent=1) + "\n", encoding="utf-8")
        return
    reports = {way: report(bursts, way, console) for way in WAYS}
    print(json.dumps({"removed": reports["cross"], "left_out": reports["left_out"]}))


def known(labelled: Labelled, params: Params) -> Known:
    """Everything that is measured once per burst."""
    clip = labelled.clip
    views = [view_of(clip, index, side=params.score.side) for index in range(len(clip))]
    signals = [
        frame_signals(view) | temporal | doubt_signals(view)
        for view, temporal in zip(views, temporal_signals(views), strict=True)
    ]
    masks = [label_mask(label, truth) for label, truth in zip(clip.labels, labelled.truths, strict=True)]
    images = [resized(decode_rgb(frame.image), *masks[0].shape[::-1]) for frame in clip.frames if frame]
    tracks = BurstTracks(images)
    after = np.zeros((len(clip), len(clip)))
    for index, truth in enumerate(labelled.truths):
        mended = spread_fix(masks, index, truth, tracks)
        after[index] = [1 - iou(mask, exact) for mask, exact in zip(mended, labelled.truths, strict=True)]
    return Known(
        labelled.set_name,
        labelled.source,
        signals,
        np.asarray([quality_of(one, params.score.logistic) for one in signals]),
        reaches([doubt_map(view) for view in views], BurstTracks([view.image for view in views])),
        np.asarray([softmin(view.label.mask, list(view.votes.values())) for view in views]),
        np.asarray([1 - iou(mask, truth) for mask, truth in zip(masks, labelled.truths, strict=True)]),
        after,
    )


def softmin(label: NDArray[np.bool_], votes: Sequence[NDArray[np.uint8]]) -> float:
    """cleanlab's quality of one `(H, W)` label from the mean of its votes; low is bad."""
    from cleanlab.segmentation.rank import get_label_quality_scores

    person = np.mean(votes, axis=0) / 255 if votes else np.full(label.shape, 0.5)
    scores, _ = get_label_quality_scores(
        label[None].astype(np.int64), np.stack([1 - person, person])[None], method="softmin", verbose=False
    )
    return float(scores[0])


def fit_model(bursts: Sequence[Known], refit: str = "") -> ErrorModel:
    """The regression of 1 − IoU on these bursts. Every set counts alike, whatever its size."""
    sizes: dict[str, int] = {}
    for burst in bursts:
        sizes[burst.set_name] = sizes.get(burst.set_name, 0) + len(burst.errors)
    rows = [(signals, error, 1 / sizes[burst.set_name]) for burst in bursts
            for signals, error in zip(burst.signals, burst.errors, strict=True)]  # fmt: skip
    scale = len(rows) / len(sizes)
    logistic = fit_logistic(
        [row[0] for row in rows],
        [row[1] for row in rows],
        SIGNS,
        ridge=RIDGE,
        weights=[row[2] * scale for row in rows],
    )
    described = "; ".join(f"{name}: {count} frames" for name, count in sorted(sizes.items()))
    return ErrorModel(logistic=logistic, fitted_on=described, refit=refit)


def report(bursts: Sequence[Known], way: str, console: Console) -> dict[str, dict[str, dict[str, float]]]:
    """Error removed by budget and order, of video and of stills."""
    folds = {fold_of_source(burst.set_name, burst.source, way) for burst in bursts}
    models = {
        fold: fit_model([one for one in bursts if one.set_name not in TEST_ONLY
                         and fold_of_source(one.set_name, one.source, way) != fold])
        for fold in sorted(folds)
    }  # fmt: skip
    removed = {}
    for name, part in (
        ("video", [burst for burst in bursts if burst.set_name not in STILLS]),
        ("stills", [burst for burst in bursts if burst.set_name in STILLS]),
    ):
        orders = {
            "ours": our_order(part, lambda one: models[fold_of_source(one.set_name, one.source, way)]),
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


def our_order(bursts: Sequence[Known], model: Callable[[Known], ErrorModel]) -> list[Frame]:
    """By expected gain, with the error that a model which has not seen the burst expects."""
    doubts = [
        BurstDoubt(
            [(str(number), frame) for frame in range(len(burst.errors))],
            burst.p_good,
            np.asarray([expected_error(signals, model(burst)) for signals in burst.signals]),
            burst.reach,
        )
        for number, burst in enumerate(bursts)
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


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fit", type=Path, metavar="FILE", help="only fit the regression on all but the keyed clip")
    parser.add_argument("--truth", type=Path, default=DEFAULT if DEFAULT.is_dir() else None, metavar="DIR",
                        help="sets with truth, see benchmarks/labels.py (default: %(default)s)")  # fmt: skip
    parser.add_argument("--params", type=Path, default=ROOT / "params.yaml", metavar="FILE")
    parser.add_argument("--votes", type=Path, default=ROOT / ".autoroto" / "bench" / "labels", metavar="DIR",
                        help="where boxes and votes are kept between runs (default: %(default)s)")  # fmt: skip
    parser.add_argument("--cache", type=Path, default=ROOT / ".autoroto" / "bench" / "cleaning", metavar="DIR",
                        help="where fused labels are kept between runs (default: %(default)s)")  # fmt: skip
    return parser.parse_args()


if __name__ == "__main__":
    main()
