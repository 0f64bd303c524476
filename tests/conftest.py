"""Fixtures shared by all rooms."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from datasets.images import encode_jpeg
from datasets.schema import FrameRow

LONGEST = ("test_repro.py", "test_killed.py", "test_run_ray.py", "test_invalidation.py")
"""Files that take minutes. They are begun first, or one of two workers waits for the other at the end."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest files first, everything else in its order."""
    order = {name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: order.get(item.path.name, len(LONGEST)))


@pytest.fixture(scope="session")
def asset() -> Callable[[str], Path]:
    """A fetched model or clip of `assets.yaml` from the user's cache: `asset("selfie")`."""
    from pipeline.fetch import fetch_asset

    return fetch_asset


@pytest.fixture
def frame() -> Callable[..., FrameRow]:
    """Makes a FrameRow of noise; every field can be set."""

    def make(**values: object) -> FrameRow:
        height, width = 24, 32
        pixels = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
        defaults: dict[str, object] = {
            "source": "a" * 64, "clip": 0, "burst": 0, "time_us": 0, "path": "film.mp4", "name": "000000000000",
            "width": width, "height": height, "source_width": width, "source_height": height,
            "image": encode_jpeg(pixels), "blur": 100.0, "duplicate": 64.0, "subject": "anna", "licences": ["CC0-1.0"],
            "origin": "", "split": "", "role": "footage", "mask": b"", "truth": b"",
        }  # fmt: skip
        return FrameRow(**(defaults | values))  # type: ignore[arg-type]

    return make


@pytest.fixture
def in_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A fresh folder that is also the working folder."""
    monkeypatch.chdir(tmp_path)
    yield tmp_path
