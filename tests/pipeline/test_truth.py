"""Truth folders: found, checked, and read in bursts as ingest reads footage."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from datasets.images import decode_grey
from pipeline.truth import TruthError, read_bursts, truth_sets
from stages.ingest import IngestConfig


def write_pair(parent: Path, frames: int, *, masks: int | None = None) -> None:
    """A moving grey square and its masks as `00000.png` and so on."""
    for index in range(frames):
        mask = np.zeros((40, 60), np.uint8)
        mask[10:30, 10 + index : 30 + index] = 255
        for folder, pixels in (("images", mask // 2 + 60), ("masks", mask)):
            (parent / folder).mkdir(parents=True, exist_ok=True)
            if folder == "images" or masks is None or index < masks:
                cv2.imwrite(str(parent / folder / f"{index:05d}.png"), pixels)


def test_a_root_with_sets_and_sub_folders(tmp_path: Path) -> None:
    write_pair(tmp_path / "photos", 1)
    write_pair(tmp_path / "films" / "b", 1)
    write_pair(tmp_path / "films" / "a", 1)
    sets = truth_sets(tmp_path)
    assert {name: [pair.images.parent.name for pair in pairs] for name, pairs in sets.items()} == {
        "films": ["a", "b"],
        "photos": ["photos"],
    }


def test_a_root_that_is_itself_a_pair(tmp_path: Path) -> None:
    write_pair(tmp_path / "mine", 1)
    assert list(truth_sets(tmp_path / "mine")) == ["mine"]


def test_an_image_without_mask_is_named(tmp_path: Path) -> None:
    write_pair(tmp_path / "mine", 3, masks=2)
    with pytest.raises(TruthError, match=r"no PNG mask for 1 images, the first is 00002\.png"):
        truth_sets(tmp_path)


def test_a_folder_without_pairs_is_refused(tmp_path: Path) -> None:
    for root in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(TruthError, match="found no `images` folder"):
            truth_sets(root)


def test_bursts_hold_every_frame_with_its_own_mask(tmp_path: Path) -> None:
    write_pair(tmp_path / "film", 11)
    (pairs,) = truth_sets(tmp_path).values()
    bursts = list(read_bursts(pairs[0], IngestConfig(burst_frames=4)))
    assert [len(burst.frames) for burst in bursts] == [4, 4, 3]
    for burst in bursts:
        for frame, mask in zip(burst.frames, burst.truths, strict=True):
            assert np.flatnonzero(decode_grey(mask)[20])[0] == 10 + int(frame.name)
