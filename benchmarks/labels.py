"""How good are the labels? Every teacher, every fusion strategy and the whole of `fuse`, measured against truth.

Sets: `keyed` (the blue-screen clip composited on reserved backgrounds, its alpha known exactly, voted without the
keyer) and each set of the truth folder. Methods: `default` (stage `fuse` with the project's params), `median` (plain
per-pixel median of the same votes), `best_teacher` (best on average over the set), `oracle` (the best teacher of each
frame, chosen by truth), every teacher and every strategy by name (votes fused per frame, unrefined). Mean IoU at one
half and boundary F at 0.8 % of the diagonal, both at the truth's own size. The last line is JSON.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import cv2
import numpy as np
from ensemble import Ensemble, link_models
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table
from truth import DEFAULT, Burst, read_bursts, truth_sets

from datasets.clips import Clip
from datasets.images import Grey, decode_grey
from datasets.schema import FrameRow, LabelRow
from datasets.shards import file_digest
from datasets.sidecars import Keying
from pipeline.assets import AssetLock
from pipeline.fetch import fetch_asset
from pipeline.params import Params, load_params
from pipeline.progress import stage_progress
from qa.metrics import boundary_f, iou
from stages.frames import Footage, RowWriter, Storage
from stages.fuse import Evidence, Fuse, pasted_votes
from stages.ingest import IngestConfig
from stages.keyed import composite_clip
from stages.strategies import STRATEGIES

ROOT = Path(__file__).resolve().parents[1]
QUICK_FRAMES = 16
"""Frames a set with `--quick`."""

Scores = dict[str, tuple[float, float]]
"""Method to (IoU, boundary F) on one frame."""


def main() -> None:
    """Measure, print a table, and one line of JSON."""
    options = _options()
    console = Console(stderr=not os.isatty(1))
    params = load_params(options.params)
    link_models(params, options.cache)
    sets = {"keyed": list(keyed_bursts(params.ingest))}
    if options.truth is not None:
        for name, folders in truth_sets(options.truth).items():
            sets[name] = [burst for folder in folders for burst in read_bursts(folder, params.ingest)]
    if options.quick:
        sets = {name: spread(bursts, QUICK_FRAMES) for name, bursts in sets.items()}
    teachers = Ensemble(params, options.cache).teachers
    scores = measure(sets, params, options.cache, options.jobs, console)
    summary = {name: summarise(frames, teachers) for name, frames in scores.items()}
    for name, methods in summary.items():
        console.print(_table(name, len(scores[name]), methods))
    mean_iou = float(np.mean([methods["default"]["iou"] for methods in summary.values()]))
    console.print(f"mean IoU of the default over {len(summary)} sets: {mean_iou:.4f}")
    print(json.dumps({"sets": summary, "mean_iou": round(mean_iou, 4), "teachers": teachers}))


def keyed_bursts(config: IngestConfig) -> Iterator[Burst]:
    """The keyed test clip on the reserved backgrounds of the lock, as `ingest` composites it."""
    lock = {asset.name: asset for asset in AssetLock.read()}
    (clip,) = (asset for asset in lock.values() if "keyed" in asset.sidecar)
    reserved = [
        fetch_asset(asset.name)
        for asset in lock.values()
        if asset.sidecar.get("role") == "background" and asset.sidecar.get("split") == "test"
    ]
    reserved.sort(key=file_digest)  # the order in which `ingest` hands rooms to bursts
    video = fetch_asset(clip.name)
    footage = Footage(file_digest(video), clip.target, clip.name, clip.licence, clip.source, "test", "keyed")
    writer = RowWriter(footage, Storage(config.longest_side, config.format, config.jpeg_quality))
    frames: list[FrameRow] = []
    for frame in composite_clip(
        video,
        Keying(**clip.sidecar["keyed"]),
        reserved,
        source=footage.source,
        burst_frames=config.burst_frames,
        config=config.keyed,
    ):
        if frame.place.first and frames:
            yield Burst(tuple(frames), tuple(row.truth for row in frames))
            frames = []
        name = f"{frame.time_us:012d}"
        frames.append(writer.row(frame.image, frame.place, time_us=frame.time_us, name=name, truth=frame.alpha))
    yield Burst(tuple(frames), tuple(row.truth for row in frames))


def spread(bursts: Sequence[Burst], frames: int) -> list[Burst]:
    """Bursts spread evenly over all, with about so many frames together."""
    size = sum(len(burst.frames) for burst in bursts) / len(bursts)
    count = min(len(bursts), max(1, round(frames / size)))
    return [bursts[int((index + 0.5) * len(bursts) / count)] for index in range(count)]


def measure(
    sets: dict[str, list[Burst]], params: Params, cache: Path, jobs: int, console: Console
) -> dict[str, list[Scores]]:
    """Scores of every frame of every set."""
    scores: dict[str, list[Scores]] = {name: [] for name in sets}
    work = [(name, burst) for name, bursts in sets.items() for burst in bursts]
    pool = ProcessPoolExecutor(
        jobs, multiprocessing.get_context("spawn"), initializer=_open_worker, initargs=(params, cache)
    )
    with pool, stage_progress("labels", console) as progress:
        for done, ((name, _), found) in enumerate(zip(work, pool.map(_score, work), strict=True), start=1):
            scores[name] += found
            progress(done, len(work), name)
    return scores


class _Worker:
    """What one process keeps open."""

    ensemble: Ensemble
    fuse: Fuse


def _open_worker(params: Params, cache: Path) -> None:
    cv2.setNumThreads(1)
    _Worker.ensemble = Ensemble(params, cache)
    _Worker.fuse = Fuse(params.fuse, root=cache)
    _Worker.fuse.setup()


def _score(work: tuple[str, Burst]) -> list[Scores]:
    """Scores of every frame of a burst."""
    _, burst = work
    clip = _Worker.ensemble.clip(burst.frames)
    labels = list(_Worker.fuse.process(clip))
    scores = []
    for index, truth in enumerate(burst.truths):
        exact = decode_grey(truth)
        label = labels[index]
        default = decode_grey(label.alpha) if isinstance(label, LabelRow) else np.zeros_like(exact)
        answers = {"default": _enlarged(default, exact.shape), **_answers(clip, index, exact.shape)}
        scores.append({method: (iou(mask, exact), boundary_f(mask, exact)) for method, mask in answers.items()})
    return scores


def _answers(clip: Clip, index: int, shape: tuple[int, ...]) -> dict[str, Grey]:
    """Every teacher's and strategy's mask at the truth's size; nothing where a teacher abstains."""
    height, width = shape
    answers = {teacher: np.zeros((height, width), np.uint8) for teacher in clip.votes}
    votes = pasted_votes({teacher: rows[index] for teacher, rows in clip.votes.items()}, width, height)
    answers |= {teacher: _bytes(vote) for teacher, vote in votes.items()}
    evidence = _Worker.fuse.weigh(clip, index)
    if isinstance(evidence, Evidence):
        stack = np.stack(list(votes.values()))
        answers |= {name: _bytes(strategy(stack, evidence.weights)) for name, strategy in STRATEGIES.items()}
    else:
        answers |= {name: np.zeros((height, width), np.uint8) for name in STRATEGIES}
    return answers


def summarise(frames: Sequence[Scores], teachers: Sequence[str]) -> dict[str, dict[str, float]]:
    """Means over a set, and those of the best teacher on average and of the best per frame."""
    means = {method: _mean([scores[method] for scores in frames]) for method in frames[0]}
    best = max(teachers, key=lambda teacher: means[teacher]["iou"])
    chosen = [max((scores[teacher] for teacher in teachers), key=lambda pair: pair[0]) for scores in frames]
    first = {
        "default": means["default"],
        "median": means["median"],
        "best_teacher": means[best],
        "oracle": _mean(chosen),
    }
    return first | means


def _mean(pairs: Sequence[tuple[float, float]]) -> dict[str, float]:
    found, fitted = np.mean(pairs, axis=0)
    return {"iou": round(float(found), 4), "bf": round(float(fitted), 4)}


def _enlarged(mask: Grey, shape: tuple[int, ...]) -> Grey:
    return np.asarray(cv2.resize(mask, (shape[1], shape[0]), interpolation=cv2.INTER_LINEAR), np.uint8)


def _bytes(values: NDArray[np.float32]) -> Grey:
    return np.asarray(np.rint(values * 255), np.uint8)


def _table(name: str, frames: int, methods: dict[str, dict[str, float]]) -> Table:
    table = Table("method", title=f"{name}: {frames} frames")
    table.add_column("IoU", justify="right")
    table.add_column("boundary F", justify="right")
    for method, values in sorted(methods.items(), key=lambda entry: -entry[1]["iou"]):
        style = "bold" if method == "default" else None
        table.add_row(method, f"{values['iou']:.4f}", f"{values['bf']:.4f}", style=style)
    return table


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help=f"about {QUICK_FRAMES} frames a set")
    parser.add_argument(
        "--truth",
        type=Path,
        default=DEFAULT if DEFAULT.is_dir() else None,
        metavar="DIR",
        help="holds images/ and masks/ with equal stems, or sub-folders that do (default: %(default)s)",
    )
    parser.add_argument(
        "--params", type=Path, default=ROOT / "params.yaml", metavar="FILE", help="default: %(default)s"
    )
    parser.add_argument(
        "--cache",
        type=Path,
        default=ROOT / ".autoroto" / "bench" / "labels",
        metavar="DIR",
        help="where boxes and votes are kept between runs (default: %(default)s)",
    )
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes (default: %(default)s)")
    return parser.parse_args()


if __name__ == "__main__":
    main()
