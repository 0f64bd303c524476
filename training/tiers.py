"""Which of several students this machine can afford: timed for a fifth of a second, right here and now."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from training.runtime import Student

PREFIX = "student"
"""A tier's file is `student_NAME.onnx`; `student.onnx` alone is the tier `student`."""


@dataclass(frozen=True)
class Tier:
    """A student that was chosen: its name, its file, and what the choice was made from.

    Attributes:
        milliseconds: median time a frame of every tier that was timed; empty where nothing was.
    """

    name: str
    path: Path
    milliseconds: Mapping[str, float]


def find_tiers(place: Path) -> dict[str, Path]:
    """Tiers by name, of one ONNX file or of all in a folder.

    Raises:
        FileNotFoundError: there is none.
    """
    files = sorted(place.glob("*.onnx")) if place.is_dir() else [place] if place.is_file() else []
    if not files:
        what = "a folder without .onnx files" if place.is_dir() else "no such model"
        raise FileNotFoundError(f"{place}: {what}; `dvc repro export` writes the student's, --student names another")
    return {_name(file): file for file in files}


def pick_tier(
    tiers: Mapping[str, Path], wanted: str = "auto", *, budget_ms: float, benchmark_ms: float = 200, threads: int = 1
) -> Tier:
    """The tier `wanted`, or with `auto` the slowest within `budget_ms` a frame; the quickest if none is.

    Slower is taken for better: tiers are widths and resolutions of one family. A single one is not timed.

    Raises:
        ValueError: no tier is called so; the message lists them.
        FileNotFoundError, ValueError: as `training.runtime.Student`.
    """
    if wanted != "auto":
        if wanted not in tiers:
            raise ValueError(f"no tier {wanted!r}; there are {', '.join(sorted(tiers))}, or `auto`")
        return Tier(wanted, tiers[wanted], {})
    if len(tiers) == 1:
        ((name, path),) = tiers.items()
        return Tier(name, path, {})
    students = {name: Student(path, threads=threads) for name, path in tiers.items()}
    found = time_calls({name: _frame_of(student) for name, student in students.items()}, seconds=benchmark_ms / 1e3)
    name = choose(found, budget_ms)
    return Tier(name, tiers[name], found)


def choose(milliseconds: Mapping[str, float], budget_ms: float) -> str:
    """The slowest name within the budget, else the quickest; of equals the first by name.

    Raises:
        ValueError: there are none.
    """
    if not milliseconds:
        raise ValueError("no tier to choose from")
    affordable = sorted(name for name, value in milliseconds.items() if value <= budget_ms)
    if affordable:
        return max(affordable, key=lambda name: milliseconds[name])
    return min(sorted(milliseconds), key=lambda name: milliseconds[name])


def time_calls(
    calls: Mapping[str, Callable[[], object]],
    *,
    seconds: float,
    clock: Callable[[], float] = time.perf_counter,
) -> dict[str, float]:
    """Median milliseconds of each call, in turns, for `seconds` in all: one untimed call each, then one at least."""
    for call in calls.values():
        call()
    taken: dict[str, list[float]] = {name: [] for name in calls}
    begun = clock()
    while True:
        for name, call in calls.items():
            start = clock()
            call()
            taken[name].append(clock() - start)
        if clock() - begun >= seconds:
            return {name: statistics.median(values) * 1e3 for name, values in taken.items()}


def _frame_of(student: Student) -> Callable[[], object]:
    inputs = student.inputs(np.full((*student.size, 3), 128, np.uint8))
    return lambda: student.session.run(None, inputs)


def _name(file: Path) -> str:
    return file.stem.removeprefix(f"{PREFIX}_")
