"""Bad input ends as labelled frames or as a Fail that names the file and the cure; memory and the disk stay bounded."""

from __future__ import annotations

import json
import os
import re
import stat
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from datasets.images import Image, decode_rgb, encode_png
from datasets.media import MAX_IMAGE_PIXELS
from datasets.schema import FrameRow
from datasets.shards import file_digest, read_rows
from datasets.sources import printable
from tests.faults.hostile.cases import ROWS, Hostile, marked, noisy, scene
from tests.faults.hostile.corpus import CORPUS, QUICK, make_corpus

MEMORY = 2 * 3 * MAX_IMAGE_PIXELS + 700 * 2**20
"""Peak memory of a worker in bytes (2.3 GB): the largest image that is let in, decoded and once more while its channels
are swapped, and 700 MB for the interpreter, the libraries and a video decoder's frames."""
CURES = re.compile(r"; (copy|convert|remove|correct|write|known keys|export|give|make|put|rename|save|move)")
"""What a Fail says after its reason: what to do."""
LOST = {"duplicate_file"}
"""Reasons that are Drops: wanted losses, counted without a message."""
COLOUR_TOLERANCE = 24
"""Of 255: what chroma subsampling, ten bits and CMYK may change in flat colours."""


@dataclass(frozen=True)
class Ingested:
    """A project on whose raw folder ingest was let loose, and what came of it."""

    root: Path
    ends: dict[str, str]
    found: dict[str, Any]

    def rows(self) -> dict[str, list[FrameRow]]:
        """The stored frames by the path of their footage."""
        rows: dict[str, list[FrameRow]] = {}
        for shard in sorted((self.root / "data" / "ingest").glob("*-*.parquet")):
            for row in read_rows(shard, FrameRow):
                rows.setdefault(row.path, []).append(row)
        return rows


def run(scenario: str, root: Path) -> Any:
    """A scenario of `hostile_child` in a process whose working folder, home and temporary folder are elsewhere."""
    outside = root.parent
    for name in ("home", "tmp", "here"):
        (outside / name).mkdir(exist_ok=True)
    report = outside / "here" / "report.json"
    repository = str(Path(__file__).parents[2])
    done = subprocess.run(
        [sys.executable, "-m", "tests.faults.hostile_child", scenario, str(root), str(report)],
        cwd=outside / "here",
        env={
            **os.environ, "PYTHONPATH": repository, "HOME": str(outside / "home"), "TMPDIR": str(outside / "tmp"),
        },
        capture_output=True, text=True, timeout=280,
    )  # fmt: skip
    if not report.exists():
        raise RuntimeError(f"{scenario}: exit {done.returncode}\n{done.stderr[-4000:]}")
    found = json.loads(report.read_text())
    report.unlink()
    return found


def project(root: Path, **pipeline: object) -> Path:
    """An empty project; returns its raw folder."""
    raw = root / "data" / "raw"
    raw.mkdir(parents=True)
    values = {"pipeline": {"runner": "local", **pipeline}, "ingest": {"longest_side": 320}}
    (root / "params.yaml").write_text(yaml.safe_dump(values))
    return raw


def listing(folder: Path) -> dict[str, tuple[int, int, int]]:
    """Everything below a folder with its kind and rights, size and time of change; folders by kind only."""
    found = {}
    for place, folders, names in os.walk(folder):
        for name in (*folders, *names):
            path = Path(place) / name
            status = path.lstat()
            size = (0, 0) if stat.S_ISDIR(status.st_mode) else (status.st_size, status.st_mtime_ns)
            found[str(path)] = (status.st_mode, *size)
    return found


def let_loose(outside: Path, cases: Iterable[Hostile]) -> Ingested:
    """Ingest the cases all at once and check what holds for every one of them."""
    root = outside / "project"
    ends = make_corpus(project(root, max_fail_fraction=1.0), cases)
    (outside / "neighbour.txt").write_text("not ours")
    (root / "data" / "reviews").mkdir()
    for name in ("home", "tmp", "here"):
        (outside / name).mkdir()
    before = listing(outside)
    ingested = Ingested(root, ends, run("watched", root))
    check_surroundings(root, before, listing(outside))
    check_ends(ingested)
    return ingested


def check_surroundings(root: Path, before: dict[str, Any], after: dict[str, Any]) -> None:
    ours = (str(root / "data" / "ingest"), str(root / ".autoroto"))
    assert {path: after.get(path) for path in before} == before, "something that was there has changed"
    assert [path for path in after.keys() - before.keys() if not path.startswith(ours)] == []


def check_ends(ingested: Ingested) -> None:
    """Every file ended as promised, is counted once, and every Fail names its file and a cure."""
    found, raw = ingested.found, ingested.root / "data" / "raw"
    assert found["error"] == ""
    assert found["written_outside"] == []
    assert found["started"] == []
    ends = {printable(name).removesuffix("/."): end for name, end in ingested.ends.items()}
    rows = ingested.rows()
    assert {name for name, end in ends.items() if end == ROWS} == rows.keys()
    failed = {name: end for name, end in ends.items() if end != ROWS and end not in LOST}
    assert sorted(found["reasons"]) == sorted(failed.values())
    assert sorted(found["drops"]) == sorted(end for end in ends.values() if end in LOST)
    for name in failed:
        told = [detail for detail in found["details"] if detail.startswith(f"{raw}/{name}: ")]
        assert len(told) == 1, (name, told)
        assert CURES.search(told[0].removeprefix(f"{raw}/{name}: ")), told
    assert len(found["details"]) == len(failed)
    assert found["inputs"] == found["done"] + found["dropped"] + found["failed"] == len(ends)
    assert found["done"] == len(rows)
    assert found["peak_bytes"] < MEMORY


def near(image: Image, expected: Image) -> bool:
    """Whether two images agree but for coding noise, away from the borders between colours."""
    difference = np.abs(image.astype(int) - expected.astype(int)).max(axis=2)
    return image.shape == expected.shape and float(np.quantile(difference, 0.9)) < COLOUR_TOLERANCE


def grey(image: Image) -> Image:
    """The brightness (BT.601) of an RGB image, in three channels."""
    return np.repeat((image @ [0.299, 0.587, 0.114]).round().astype(np.uint8)[..., None], 3, axis=2)


def test_there_are_enough_bad_inputs() -> None:
    assert len(CORPUS) >= 60
    assert CORPUS.keys() >= set(QUICK)


@pytest.fixture(scope="module")
def quick(tmp_path_factory: pytest.TempPathFactory) -> Ingested:
    return let_loose(tmp_path_factory.mktemp("quick"), [CORPUS[name] for name in QUICK])


def test_bad_input_ends_as_frames_or_as_a_fail_with_a_cure(quick: Ingested) -> None:
    rows = quick.rows()
    assert near(decode_rgb(rows["exif_6/photo.jpg"][0].image), marked())
    assert near(decode_rgb(rows["ten_bit/film.mp4"][0].image), marked())
    assert rows["odd_size_video/film.mp4"][0].source_width == 63
    assert not (quick.root.parent / "here" / "pwned").exists()


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_all_bad_input_at_once(tmp_path: Path, record_property) -> None:
    ingested = let_loose(tmp_path, CORPUS.values())
    rows = ingested.rows()
    images = {name: decode_rgb(of[0].image) for name, of in rows.items()}

    for orientation in range(1, 9):
        assert near(images[f"exif_{orientation}/photo.jpg"], marked()), orientation
    for degrees, turns in ((90, 1), (180, 2), (270, 3)):  # counter-clockwise
        assert near(images[f"turned_{degrees}/film.mp4"], np.rot90(marked(), turns)), degrees
    for name in (
        "ten_bit/film.mp4", "twelve_bit/film.mkv", "alpha_qtrle/film.mov", "alpha_prores/film.mov",
        "cmyk_jpg/photo.jpg", "alpha_png_video/film.mov", "alpha_png/photo.png", "alpha_webp/photo.webp",
        "progressive_jpg/photo.jpg",
    ):  # fmt: skip
        assert near(images[name], marked()), (name, images[name][5, 5], images[name][-5, -5])
    for name in ("grey_video/film.mp4", "grey_ten_bit/film.mp4", "grey_alpha_png/photo.png"):
        assert near(images[name], grey(marked())), (name, images[name][5, 5], images[name][-5, -5])
    assert near(images["odd_size_video/film.mp4"], scene("odd video", 47, 63))
    assert near(images["odd_size_photo/photo.png"], scene("odd", 47, 63))
    assert near(images["deep_png/photo.png"], np.full((48, 64, 3), 100, np.uint8))
    assert np.abs(images["one_pixel/photo.png"].astype(int) - 77).max() <= 2
    assert images["one_pixel_video/film.mov"].shape == (1, 1, 3)
    assert (rows["photo_16k/photo.png"][0].source_width, images["photo_16k/photo.png"].shape) == (16384, (320, 320, 3))
    assert rows["mask_of_half_the_size/photo.png"][0].mask != b""

    times = {name: [row.time_us // 1000 for row in of] for name, of in rows.items()}
    assert times["variable_rate/film.mkv"] == [0, 40, 200, 210, 900]
    assert times["negative_times_ts/film.ts"] == [0, 200, 300, 400, 440]
    assert times["days_between_frames/film.mkv"] == [0, 40, 864_000_000]
    assert times["ages_between_frames/film.mkv"] == [0, 40]
    assert times["ten_hours_header/long.mp4"] == [40 * index for index in range(8)]
    assert {row.source_width: row.clip for row in rows["two_sizes_ts/both.ts"]} == {64: 0, 96: 1}
    for name in ("cut_mid_gop_mp4/film.mp4", "cut_mid_gop_mkv/film.mkv"):
        assert times[name] == [40 * index for index in range(len(times[name]))], name
        assert 5 < len(times[name]) < 40, name
    assert all(earlier < later for of in times.values() for earlier, later in pairwise(of))

    again = run("watched", ingested.root)
    assert (again["error"], again["computed"]) == ("", 0), "a bad file is tried once and then remembered"
    assert again["details"] == ingested.found["details"]
    record_property("inputs", len(ingested.ends))
    print(f"\n{len(CORPUS)} cases, {len(ingested.ends)} files, {ingested.found['failed']} failed by name, "
          f"peak {ingested.found['peak_bytes'] / 2**20:.0f} MiB")  # fmt: skip


def photos(raw: Path, count: int) -> None:
    """Loose photos of noise, 200 kB each."""
    for index in range(count):
        noise = np.random.default_rng(index).integers(0, 256, (256, 256, 3), dtype=np.uint8)
        (raw / f"{index}.png").write_bytes(encode_png(noise))


def published(root: Path) -> dict[str, str]:
    return {path.name: file_digest(path) for path in (root / "data" / "ingest").iterdir()}


def needs_mounts() -> None:
    tried = subprocess.run(
        ["unshare", "--mount", "mount", "-t", "tmpfs", "none", "/mnt"], capture_output=True, text=True
    )
    if tried.returncode != 0:
        pytest.skip(f"no disk can be mounted here: {tried.stderr.strip()}")


@pytest.mark.slow
def test_a_file_that_grows_while_it_is_read_is_read_again(tmp_path: Path) -> None:
    raw = project(tmp_path / "project")
    noisy("growing.mkv", raw)
    photos(raw, 1)
    first, second = run("growing", tmp_path / "project")
    assert first["error"].startswith("StageError")
    assert f"{raw}/growing.mkv: changed while it was read; wait" in first["error"]
    assert (second["error"], second["done"], second["computed"]) == ("", 2, 1), "the photo was kept"


@pytest.mark.slow
def test_a_disk_that_fills_up_costs_nothing_but_time(tmp_path: Path) -> None:
    needs_mounts()
    photos(project(tmp_path / "small"), 20)
    photos(project(tmp_path / "large"), 20)
    first, second = run("full_disk", tmp_path / "small")
    assert first["error"].startswith("StoreError"), first
    assert f"{tmp_path}/small/.autoroto/store: the disk is full; free some space" in first["error"]
    assert first["left"] == []
    assert (second["error"], second["done"], second["failed"]) == ("", 20, 0)
    assert second["reused"] > 0, "what was finished was kept"
    assert run("watched", tmp_path / "large")["error"] == ""
    assert published(tmp_path / "small") == published(tmp_path / "large")


@pytest.mark.slow
def test_a_store_made_read_only_says_so_and_still_gives(tmp_path: Path) -> None:
    needs_mounts()
    root = tmp_path / "project"
    photos(project(root), 3)
    (root / "late.png").write_bytes(encode_png(scene("late")))
    locked, opened, reused, late = run("read_only", root)
    for found in (locked, late):
        assert found["error"].startswith("StoreError"), found
        assert f"{root}/.autoroto/store: the disk is read-only; mount it writable" in found["error"]
    assert (opened["error"], opened["done"]) == ("", 3)
    assert (reused["error"], reused["done"], reused["computed"]) == ("", 3, 0)
