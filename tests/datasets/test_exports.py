"""What may go out, what goes with it, and that a folder appears whole or not at all."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from datasets.export_coco import CocoWriter
from datasets.export_folders import FolderWriter
from datasets.exports import Exported, ExportError, export
from datasets.faults import KILL
from datasets.licences import LicenceError
from datasets.schema import CuratedRow
from tests.datasets.curated import WEIGHTS, curated, write_shards
from tests.tiny import REPOSITORY


class Recorder:
    """A writer that remembers."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.facts: list[dict[str, Any]] = []

    def add(self, row: CuratedRow, facts: dict[str, Any]) -> None:
        assert row.image and row.alpha
        self.facts.append(facts)

    def finish(self, exported: Exported) -> None:
        (self.folder / "facts.json").write_text(json.dumps(self.facts))


def recorded(shards: list[Path], output: Path, **options: Any) -> tuple[Exported, list[dict[str, Any]]]:
    exported = export(shards, output, Recorder, **{"allowed": ["MIT"], "weights": WEIGHTS} | options)
    return exported, json.loads((output / "facts.json").read_text())


def test_every_frame_goes_out_once_with_what_is_known_of_it(tmp_path: Path) -> None:
    rows = [curated(number) for number in range(12)]
    seen: list[tuple[int, int, str]] = []
    exported, found = recorded(
        write_shards(tmp_path / "shards", rows), tmp_path / "a" / "out", progress=lambda *now: seen.append(now)
    )
    assert [(one["source"], one["time_us"]) for one in found] == [row.frame_key for row in rows]
    assert exported.splits == {"train": 4, "val": 4, "test": 4}
    assert exported.licences == {("MIT",): 12} and not exported.left_out
    assert found[1] | {"quality": 0.5} == found[1]
    wanted = {"split": "val", "group": "gold", "weight": 1.0, "band_weight": 0.9, "licences": ["MIT"], "subject": "s1"}
    assert found[1].items() >= wanted.items()
    assert (found[2]["weight"], found[2]["band_weight"]) == (0.8, 0.5)
    assert seen[-1] == (12, 12, rows[-1].path) and len(seen) == 12


def test_only_the_splits_that_are_wanted(tmp_path: Path) -> None:
    shards = write_shards(tmp_path, [curated(number) for number in range(6)])
    exported, found = recorded(shards, tmp_path / "out", splits=["val"])
    assert exported.splits == {"val": 2} and {one["split"] for one in found} == {"val"}
    with pytest.raises(ExportError, match="no curated frame of split test"):
        recorded(write_shards(tmp_path / "one", [curated(0)]), tmp_path / "none", splits=["test"])


def test_what_is_not_allowed_is_refused_by_name(tmp_path: Path) -> None:
    rows = [curated(0), curated(1, licences=["MIT", "CC-BY-NC-4.0"]), curated(2, licences=[]), curated(5, licences=[])]
    shards = write_shards(tmp_path, rows)
    with pytest.raises(LicenceError) as caught:
        recorded(shards, tmp_path / "out")
    said = str(caught.value)
    assert "2 files" in said and "allowed: MIT" in said
    assert "val/café_1.mp4: CC-BY-NC-4.0 (1 frame)" in said and "test/café_2.mp4: NOASSERTION (2 frames)" in said
    assert "train/café_0.mp4" not in said and "Not allowed: CC-BY-NC-4.0, NOASSERTION." in said
    assert not list(tmp_path.glob("*out*"))


def test_what_is_not_allowed_is_left_out_if_so_wanted(tmp_path: Path) -> None:
    rows = [curated(0), curated(1, licences=["GPL-3.0-only"]), curated(2, licences=[])]
    shards = write_shards(tmp_path, rows)
    exported, found = recorded(shards, tmp_path / "out", allowed=["mit", "unknown"], leave_out=True)
    assert exported.left_out == {("val/café_1.mp4", "GPL-3.0-only"): 1}
    assert [one["licences"] for one in found] == [["MIT"], ["NOASSERTION"]]
    with pytest.raises(ExportError, match=r"3 are left out"):
        recorded(shards, tmp_path / "none", allowed=["ISC"], leave_out=True)


def test_a_long_list_of_refused_files_is_cut_and_counted(tmp_path: Path) -> None:
    shards = write_shards(tmp_path, [curated(number, path=f"{number:02d}.mp4") for number in range(25)])
    with pytest.raises(LicenceError, match=r"25 files .*allowed: none") as caught:
        recorded(shards, tmp_path / "out", allowed=[])
    assert "19.mp4: MIT" in str(caught.value) and "20.mp4" not in str(caught.value)
    assert "and 5 more" in str(caught.value)


@pytest.mark.parametrize("kind", ["folder", "file", "dangling link"])
def test_nothing_is_replaced(tmp_path: Path, kind: str) -> None:
    shards = write_shards(tmp_path / "shards", [curated(0)])
    output = tmp_path / "out"
    if kind == "folder":
        output.mkdir()
    elif kind == "file":
        output.write_text("mine")
    else:
        output.symlink_to(tmp_path / "nowhere")
    with pytest.raises(ExportError, match=r"out is there already"):
        recorded(shards, output)
    assert kind != "file" or output.read_text() == "mine"


class Failing(Recorder):
    """A writer whose disk fills up."""

    def add(self, row: CuratedRow, facts: dict[str, Any]) -> None:
        (self.folder / "part").write_text("half")
        raise OSError("no space left")


def test_what_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    shards = write_shards(tmp_path / "shards", [curated(0)])
    with pytest.raises(OSError, match="no space"):
        export(shards, tmp_path / "out", Failing, allowed=["MIT"], weights=WEIGHTS)
    assert [path.name for path in tmp_path.iterdir()] == ["shards"]


def test_what_a_killed_export_left_is_cleared_away(tmp_path: Path) -> None:
    shards = write_shards(tmp_path / "shards", [curated(0)])
    left = tmp_path / ".out.unfinished" / "images"
    left.mkdir(parents=True)
    (left / "old.jpg").write_text("old")
    recorded(shards, tmp_path / "out")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["facts.json"]
    assert not left.parent.exists()


KILLED = """
import sys
from pathlib import Path
from datasets.export_coco import CocoWriter
from datasets.exports import export
from tests.datasets.curated import WEIGHTS
shards, out = sorted(Path(sys.argv[1]).iterdir()), Path(sys.argv[2])
export(shards, out, CocoWriter, allowed=["MIT"], weights=WEIGHTS)
"""


@pytest.mark.parametrize("point", ["export.frame:1", "export.frame:7", "export.written:1", "export.renamed:1"])
def test_killed_anywhere_it_is_there_whole_or_not_at_all(tmp_path: Path, point: str) -> None:
    shards = write_shards(tmp_path / "shards", [curated(number) for number in range(7)])
    export(shards, tmp_path / "whole", CocoWriter, allowed=["MIT"], weights=WEIGHTS)
    script = [sys.executable, "-c", KILLED, str(tmp_path / "shards"), str(tmp_path / "out")]
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY)}
    ended = subprocess.run(script, env=environment | {KILL: point}, cwd=REPOSITORY, check=False)
    assert ended.returncode == -signal.SIGKILL
    assert (tmp_path / "out").exists() == point.startswith("export.renamed")
    if not (tmp_path / "out").exists():
        export(shards, tmp_path / "out", CocoWriter, allowed=["MIT"], weights=WEIGHTS)
    assert contents(tmp_path / "out") == contents(tmp_path / "whole")
    assert not (tmp_path / ".out.unfinished").exists()


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_two_exports_to_one_folder_do_not_mix(tmp_path: Path) -> None:
    shards = write_shards(tmp_path / "shards", [curated(0)])
    other = tmp_path / ".out.unfinished"
    other.mkdir()
    (other / "theirs").write_text("theirs")
    lock = os.open(other, os.O_RDONLY)
    fcntl.flock(lock, fcntl.LOCK_EX)
    try:
        with pytest.raises(ExportError, match="another export is writing"):
            recorded(shards, tmp_path / "out")
    finally:
        os.close(lock)
    assert (other / "theirs").read_text() == "theirs" and not (tmp_path / "out").exists()


def test_a_folder_that_appears_meanwhile_is_not_replaced(tmp_path: Path) -> None:
    shards = write_shards(tmp_path / "shards", [curated(0)])
    with pytest.raises(ExportError, match="appeared meanwhile"):
        recorded(shards, tmp_path / "out", progress=lambda *_: (tmp_path / "out").mkdir())
    assert not list((tmp_path / "out").iterdir())


def test_two_frames_of_one_name_are_an_error(tmp_path: Path) -> None:
    shards = write_shards(tmp_path / "shards", [curated(0), curated(0)])
    with pytest.raises(ExportError, match=r"two curated frames are named 0{16}-0{12}\.jpg"):
        export(shards, tmp_path / "out", FolderWriter, allowed=["MIT"], weights=WEIGHTS)
