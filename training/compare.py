"""The student beside what it competes with: the same frames for accuracy, the same seconds for speed."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from datasets.images import Grey, Image
from stages.litert_model import LiteRTModel
from training.evaluation_set import MeasuredBurst
from training.letterbox import resize
from training.runtime import Student

STUDENT, LANDSCAPE = "student", "selfie_landscape"


def run_student(student: Student, burst: MeasuredBurst) -> tuple[Grey, ...]:
    """The student's alphas of a burst, at the frames' size: an empty prior first, then its own output."""
    student.reset()
    return tuple(student(image) for image in burst.images)


def milliseconds(student: Student, landscape: Path, image: Image, *, rounds: int) -> dict[str, float]:
    """Median milliseconds a frame inside each model on one core, both timed in turns in the same run.

    Turn and turn about, so that whatever else the machine does slows both alike.

    Raises:
        FileNotFoundError: the landscape model is missing.
    """
    model = LiteRTModel(landscape, threads=1)
    _, height, width, _ = model.input_shape
    inputs = student.inputs(image)
    picture = resize(image, (height, width))[None].astype(np.float32) * np.float32(1 / 255)
    return interleaved_medians(
        {
            STUDENT: lambda: student.session.run(None, inputs),
            LANDSCAPE: lambda: model(picture),
        },
        rounds=rounds,
    )


def interleaved_medians(calls: Mapping[str, Callable[[], object]], *, rounds: int, warmup: int = 5) -> dict[str, float]:
    """Median wall milliseconds of each call over `rounds` rounds of all of them, after `warmup` untimed rounds.

    Their order is drawn anew each round: who always followed the largest model would always find the caches cold.
    """
    seconds: dict[str, list[float]] = {name: [] for name in calls}
    order, rng = list(calls), np.random.default_rng(0)
    for index in range(warmup + rounds):
        rng.shuffle(order)
        for name in order:
            start = time.perf_counter()
            calls[name]()
            if index >= warmup:
                seconds[name].append(time.perf_counter() - start)
    return {name: statistics.median(values) * 1e3 for name, values in seconds.items()}
