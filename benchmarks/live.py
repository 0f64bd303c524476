"""What the live student costs beside its bare network, and what each way of saving or sharpening does to the alpha.

    python benchmarks/live.py --project DIR [--height 720] [--limit N]

On the keyed clip (exact alpha) and the val split (curated labels): the bare network, then whole frames in and out with
linear and with guided upsampling, and both with the skip rule, all in turns on every frame, on one core, in CPU time of
the thread that does the work (so that other work on the machine does not count). Bursts are 8 frames, too short to show
what skipping saves: that is told from the footage of the project, whole, beside the alphas of a student that looks at
every frame.

The last line is JSON: `sets`, set to way to milliseconds and metrics, and `streams`, video to what skipping saved.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from statistics import fmean

import cv2
import numpy as np

from datasets.images import Grey, Image
from datasets.media import is_video
from datasets.video import read_frames
from pipeline.shards import shards_of
from qa.matte_metrics import mad
from qa.metrics import iou
from training.evaluation_set import EvaluationShards, MeasuredBurst, find_keyed, find_test, read_keyed, read_test
from training.letterbox import resize
from training.live import Live
from training.live_config import LiveConfig
from training.scores import BurstScores, mean_scores, score_burst

WAYS = {
    "linear": LiveConfig(skip=False, upsample="linear"),
    "guided": LiveConfig(skip=False, upsample="guided"),
    "skip": LiveConfig(skip=True, upsample="linear"),
    "skip, guided": LiveConfig(skip=True, upsample="guided"),
}
BARE = "bare network"
COLUMNS = ("iou", "boundary_f", "mad_t", "dtssd")


@dataclass
class Measured:
    """One way on one set: CPU milliseconds of every frame, alphas of the burst in hand, scores of those before."""

    milliseconds: list[float] = field(default_factory=list)
    alphas: list[Grey] = field(default_factory=list)
    scores: list[BurstScores] = field(default_factory=list)


def main() -> None:
    options = parser().parse_args()
    cv2.setNumThreads(1)
    student = options.student or options.project / "data" / "export" / "student.onnx"
    shards = EvaluationShards(
        frames=[shard.path for shard in shards_of("ingest", options.project)],
        curated=[shard.path for shard in shards_of("curate", options.project)],
    )
    sets = {
        "keyed": read_keyed(shards, _first(find_keyed(shards), options.limit)),
        "val": read_test(shards, _first(find_test(shards, max_frames=200, split="val"), options.limit)),
    }
    found = {name: measure(student, bursts, options.height) for name, bursts in sets.items()}
    for name, rows in found.items():
        print_set(name, rows)
    footage = [path for path in sorted((options.project / "data" / "raw").rglob("*")) if is_video(path)]
    streams = {path.name: stream(student, path, options.frames, options.height) for path in footage}
    print_streams(streams)
    print(json.dumps({"sets": found, "streams": streams}))


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--project", type=Path, required=True, metavar="DIR", help="a project whose stages have run")
    made.add_argument("--student", type=Path, metavar="FILE", help="default: the exported one of the project")
    made.add_argument("--height", type=int, default=0, help="enlarge frames to so many rows first; 0: as stored")
    made.add_argument("--limit", type=int, default=0, help="bursts of each set; 0: all")
    made.add_argument("--frames", type=int, default=300, help="of each video (default: %(default)s)")
    return made


def measure(student: Path, bursts: Iterator[MeasuredBurst], height: int) -> dict[str, dict[str, float]]:
    """Way to `ms`, `skipped` (share of the frames) and the scores over all bursts."""
    lives = {name: Live(student, config) for name, config in WAYS.items()}
    measured = {name: Measured() for name in (BARE, *WAYS)}
    for live in lives.values():  # the first calls of a session are slow
        live(np.zeros((144, 256, 3), np.uint8))
        live.frames = live.inferred = 0
    for burst in bursts:
        images = [_enlarged(image, height) for image in burst.images]
        truths = [_enlarged(truth, height) for truth in burst.truths]
        for live in lives.values():
            live.reset()
        for image in images:
            inputs = lives["linear"].student.inputs(image)
            measured[BARE].milliseconds.append(_timed(lambda: _bare(lives["linear"], inputs))[0])  # noqa: B023
            for name, live in lives.items():
                spent, alpha = _timed(lambda: live(image))  # noqa: B023
                measured[name].milliseconds.append(spent)
                measured[name].alphas.append(alpha)
        for name in WAYS:
            measured[name].scores.append(score_burst(measured[name].alphas, truths, images))
            measured[name].alphas.clear()
    rows: dict[str, dict[str, float]] = {BARE: {"ms": fmean(measured[BARE].milliseconds)}}
    for name, live in lives.items():
        scores = mean_scores(measured[name].scores)
        rows[name] = {
            "ms": fmean(measured[name].milliseconds),
            "skipped": 1 - live.inferred / live.frames,
            **{metric: scores[metric] for metric in COLUMNS if metric in scores},
        }
    return rows


def stream(student: Path, path: Path, frames: int, height: int) -> dict[str, float]:
    """A whole video: share of frames skipped, CPU milliseconds with and without, and how far the alphas lie apart."""
    every, skipping = Live(student, WAYS["linear"]), Live(student, WAYS["skip"])
    told: dict[str, list[float]] = defaultdict(list)
    for _, image in islice(read_frames(path), frames):
        image = _enlarged(image, height)
        without, alpha = _timed(lambda: every(image))  # noqa: B023
        spent, kept = _timed(lambda: skipping(image))  # noqa: B023
        values = {"ms_every": without, "ms_skip": spent, "iou": iou(kept, alpha), "mad": mad(kept, alpha)}
        for name, value in values.items():
            told[name].append(value)
    means = {name: fmean(values) for name, values in told.items()}
    worst = {"iou_least": min(told["iou"]), "skipped": 1 - skipping.inferred / skipping.frames}
    return {**means, **worst, "frames": skipping.frames}


def print_set(name: str, rows: dict[str, dict[str, float]]) -> None:
    print(f"\n{name}\n{'':14}{'ms':>8}{'skipped':>9}{'IoU':>8}{'bF':>8}{'MAD-T':>8}{'dtSSD':>8}")
    for way, row in rows.items():
        skipped = f"{row['skipped']:9.0%}" if "skipped" in row else " " * 9
        scores = "".join(f"{row[metric]:8.4f}" if metric in row else " " * 8 for metric in COLUMNS[:2])
        scores += "".join(f"{row[metric]:8.1f}" if metric in row else " " * 8 for metric in COLUMNS[2:3])
        scores += "".join(f"{row[metric]:8.2f}" if metric in row else " " * 8 for metric in COLUMNS[3:])
        print(f"{way:14}{row['ms']:8.2f}{skipped}{scores}")


def print_streams(streams: dict[str, dict[str, float]]) -> None:
    head = f"{'frames':>7}{'skipped':>9}{'ms':>8}{'ms, skip':>10}{'IoU':>8}{'least':>8}{'MAD':>8}"
    print(f"\nwhole videos: alphas with skipping beside those without\n{'':18}{head}")
    for name, row in streams.items():
        times = f"{row['ms_every']:8.2f}{row['ms_skip']:10.2f}"
        apart = f"{row['iou']:8.4f}{row['iou_least']:8.4f}{row['mad']:8.2f}"
        print(f"{name:18}{row['frames']:7.0f}{row['skipped']:9.0%}{times}{apart}")


def _timed(call: Callable[[], Grey]) -> tuple[float, Grey]:
    start = time.thread_time()
    result = call()
    return (time.thread_time() - start) * 1e3, result


def _bare(live: Live, inputs: Mapping[str, np.ndarray]) -> Grey:
    return live.student.session.run(None, inputs)[0]


def _enlarged(pixels: Image | Grey, height: int) -> Image | Grey:
    if not height:
        return pixels
    return resize(pixels, (height, round(pixels.shape[1] * height / pixels.shape[0])))


def _first(bursts: list, limit: int) -> list:
    return bursts[:limit] if limit else bursts


if __name__ == "__main__":
    main()
