"""How much label error does a reviewer remove who sees 1, 2, 5 or 10 % of the frames, in which order?

Truth plays the reviewer: a reviewed frame's label becomes the truth, and the fix spreads to its burst along the optical
flow (`qa.fix_spread`), a frame taking it from the nearest reviewed one. Orders: `ours` (`qa.queue`), `random` (mean of
400), `cleanlab` (segmentation softmin on the labels and the mean of the votes), `truth` (greedy by the error that a fix
really removes, spreading included). `stills` are photos, `video` the sequences and the keyed clip.

P(good) is a judge's that is fitted on these labels, without the source that is measured (other photos, other sequences)
or, `left_out`, without its set; the keyed clip is in no fit. The last line is JSON: label error removed, the sum of
1 − IoU over the frames, at label size.
"""

from __future__ import annotations

import itertools
import json
import os
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from fused import STILLS, TEST_ONLY, FusedSets, Labelled, fold_of_source, label_mask
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table
from truth import truth_parser

from datasets.images import decode_rgb
from pipeline.params import load_params
from qa.burst_signals import burst_signals
from qa.fix_spread import reaches, spread_fix
from qa.judge import samples_of
from qa.judge_fit import fit_judge
from qa.metrics import boundary_f, iou
from qa.queue import BurstDoubt, nearest_fixes, review_order
from qa.review import doubt_map
from qa.standard import is_good
from qa.temporal_signals import tracks_of
from qa.view import view_of
from stages.flow import track_pair
from stages.fuse import resized

ROOT = Path(__file__).resolve().parents[1]
BUDGETS = (0.01, 0.02, 0.05, 0.1)
RANDOM_ORDERS = 400
CALIBRATION_FOLDS = 3
"""Parts of a fit's sources, by which its probabilities are calibrated."""


@dataclass(frozen=True)
class Known:
    """A burst of N frames with all that the orders need.

    Attributes:
        set_name, source: see `fused.Labelled`. signals: of each label. good: `(N,)` bool, by the judge's definition.
        reach: `(N, N)`, see `qa.queue.BurstDoubt`.
        cleanlab: `(N,)`, its score: low is bad.
        errors: `(N,)`, 1 − IoU of each label with truth. after: `(N, N)`, that of frame j once frame i was fixed.
    """

    set_name: str
    source: str
    signals: Sequence[Mapping[str, float]]
    good: NDArray[np.bool_]
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
    sets = FusedSets(params, options.cache)
    bursts = [known(one, params.score.side) for one in sets.read(options.truth)]
    reports = {way: report(bursts, p_good(bursts, way), console, way) for way in ("cross", "left_out")}
    print(json.dumps({"removed": reports["cross"], "left_out": reports["left_out"]}))


def known(labelled: Labelled, side: int) -> Known:
    """Everything that is measured once per burst."""
    clip = labelled.clip
    views = [view_of(clip, index, side=side) for index in range(len(clip))]
    steps = tracks_of(views)
    masks = [label_mask(label, truth) for label, truth in zip(clip.labels, labelled.truths, strict=True)]
    images = [resized(decode_rgb(frame.image), *masks[0].shape[::-1]) for frame in clip.frames if frame]
    tracks = [track_pair(first, second) for first, second in itertools.pairwise(images)]
    after = np.zeros((len(clip), len(clip)))
    for index, truth in enumerate(labelled.truths):
        mended = spread_fix(masks, index, truth, tracks)
        after[index] = [1 - iou(mask, exact) for mask, exact in zip(mended, labelled.truths, strict=True)]
    return Known(
        labelled.set_name,
        labelled.source,
        burst_signals(views, tracks=steps),
        np.asarray([is_good(iou(m, t), boundary_f(m, t)) for m, t in zip(masks, labelled.truths, strict=True)]),
        reaches([doubt_map(view) for view in views], steps),
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


def p_good(bursts: Sequence[Known], way: str) -> list[NDArray[np.float64]]:
    """Per burst the probabilities of a judge that has not seen it, fitted on all other sources or sets."""
    folds = [fold_of_source(burst.set_name, burst.source, way) for burst in bursts]
    found = {}
    for fold in sorted(set(folds)):
        seen = [one for one, own in zip(bursts, folds, strict=True) if own != fold and one.set_name not in TEST_ONLY]
        judge = fit_judge(
            samples_of([signals for one in seen for signals in one.signals]),
            np.concatenate([one.good for one in seen]),
            np.ones(sum(len(one.good) for one in seen), np.bool_),
            np.asarray([zlib.crc32(one.source.encode()) % CALIBRATION_FOLDS for one in seen for _ in one.good]),
        )
        found |= {
            index: judge.probabilities(samples_of(one.signals))
            for index, (one, own) in enumerate(zip(bursts, folds, strict=True))
            if own == fold
        }
    return [found[index] for index in range(len(bursts))]


def report(
    bursts: Sequence[Known], probabilities: Sequence[NDArray[np.float64]], console: Console, way: str
) -> dict[str, dict[str, dict[str, float]]]:
    """Error removed by budget and order, of video and of stills; sets without any are left out."""
    removed = {}
    both = list(zip(bursts, probabilities, strict=True))
    for name, pairs in (
        ("video", [pair for pair in both if pair[0].set_name not in STILLS]),
        ("stills", [pair for pair in both if pair[0].set_name in STILLS]),
    ):
        if not pairs:
            continue
        part = [burst for burst, _ in pairs]
        orders = {
            "ours": our_order(part, [good for _, good in pairs]),
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


def our_order(bursts: Sequence[Known], probabilities: Sequence[NDArray[np.float64]]) -> list[Frame]:
    """As `qa.queue` has it, for labels of these P(good)."""
    doubts = [
        BurstDoubt([(str(number), frame) for frame in range(len(good))], good, burst.reach)
        for number, (burst, good) in enumerate(zip(bursts, probabilities, strict=True))
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
