"""`autoroto audit-clips` on a project with one planted fault of each kind."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import yaml
from rich.console import Console
from typer.testing import CliRunner

from datasets.images import decode_grey, decode_rgb, encode_jpeg, encode_png
from datasets.manifest import write_manifest
from datasets.receipt import Receipt, StoredFile
from datasets.schema import BackgroundRow, ClipRow, CuratedRow, Row
from datasets.shards import read_rows, write_rows
from pipeline.cli import app
from pipeline.clip_audit_command import run_clip_audit
from qa.background_audit import Sighting, Watch
from stages.synthesize import Synthesize, SynthesizeConfig

CALM = {"noise_probability": 0, "sharpen_probability": 0, "shrink_probability": 0, "jpeg_probability": 0}
"""So few clips of so few pixels are too little for an audit to know which of them noise and sharpening made steep."""
SIZE = SynthesizeConfig.model_validate({"width": 96, "height": 54, "frames": 2, "clips_per_burst": 12, "recipe": CALM})
TYPES: dict[str, type[Row]] = {"curate": CuratedRow, "plate": BackgroundRow, "synthesize": ClipRow}
MARK = 77
"""The stand-in for a person: a corner of this grey."""


def _person(source: str, time_us: int) -> CuratedRow:
    y, x = np.mgrid[0:90, 0:120]
    alpha = np.where((x - 60) ** 2 / 25**2 + (y - 90) ** 2 / 65**2 < 1, 255, 0).astype(np.uint8)
    alpha = cv2.GaussianBlur(alpha, (0, 0), 2.5)
    colours = np.full((90, 120, 3), (200, 150, 120), np.uint8)
    frame = (colours * (alpha[..., None] / 255) + 60 * (1 - alpha[..., None] / 255)).astype(np.uint8)
    return CuratedRow(
        source=source, clip=0, burst=0, time_us=time_us, path=f"{source}.mp4", name="0", width=120, height=90,
        image=encode_jpeg(frame), alpha=encode_png(alpha), trust=encode_png(np.full((90, 120), 255, np.uint8)),
        foreground=encode_jpeg(colours), group="silver", split="train" if source == "p" else "val", role="footage",
        label_source="fused", quality=0.9, error="", scenarios=[], subject=f"subject {source}", licences=["MIT"],
        truth=b"",
    )  # fmt: skip


def _background(source: str, split: str) -> BackgroundRow:
    rng = np.random.default_rng(len(source))
    picture = cv2.GaussianBlur(rng.integers(0, 256, (108, 192, 3), dtype=np.uint8), (0, 0), 6)
    return BackgroundRow(
        source=source, clip=0, burst=0, time_us=0, path=f"{source}.jpg", kind="photo", width=192, height=108,
        image=encode_jpeg(picture), coverage=1.0, split=split, subject="", licences=["CC0-1.0"],
    )  # fmt: skip


def _write(root: Path, stage: str, shards: dict[str, list[Row]]) -> None:
    out = root / "data" / stage
    out.mkdir(parents=True, exist_ok=True)
    receipts = []
    for name, rows in shards.items():
        path = out / f"{stage}-{name}-000.parquet"
        path.unlink(missing_ok=True)
        write_rows(path, rows, TYPES[stage])
        file = StoredFile(path.name, "0" * 64, 1, len(rows))
        receipts.append(Receipt(stage, "", f"{stage}-{name}", f"{name}.mp4", f"ingest-{name}", (file,), 1, 1))
    write_manifest(out / "manifest.parquet", receipts)


def _rows(root: Path, stage: str, name: str) -> list[Row]:
    return list(read_rows(root / "data" / stage / f"{stage}-{name}-000.parquet", TYPES[stage]))


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A subject in train and one in val, each on a background of its own split; one eye that knows people by MARK."""

    class Eye:
        def look(self, image: np.ndarray) -> Sighting:
            seen = abs(float(image[:20, :20].mean()) - MARK) < 1
            return Sighting(0.9 if seen else 0.0, [0, 0, 0.2, 0.2] if seen else [], int(seen), 1, 0.0)

    monkeypatch.setattr(Watch, "open", staticmethod(lambda *args, **options: Eye()))
    (tmp_path / "params.yaml").write_text(yaml.safe_dump({"synthesize": SIZE.model_dump(mode="json")}))
    (tmp_path / "dvc.yaml").write_text("")
    people = {name: [_person(name, 40_000 * index) for index in range(3)] for name in ("p", "q")}
    backgrounds = {"room": [_background("room", "train")], "street": [_background("street", "val")]}
    _write(tmp_path, "curate", people)  # type: ignore[arg-type]
    _write(tmp_path, "plate", backgrounds)  # type: ignore[arg-type]
    clips: dict[str, list[Row]] = {}
    for name in people:
        paths = [tmp_path / "data" / "curate" / f"curate-{name}-000.parquet"]
        paths += sorted((tmp_path / "data" / "plate").glob("plate-*"))
        stage = Synthesize(SIZE)
        clips[name] = [row for scene in stage.items(paths) for row in stage.process(scene) if isinstance(row, ClipRow)]
        assert len(clips[name]) == 12
    _write(tmp_path, "synthesize", clips)
    return tmp_path


def _audit(root: Path) -> tuple[int, str]:
    said = io.StringIO()
    code = run_clip_audit(root, Console(file=said, width=250))
    return code, said.getvalue()


def test_nothing_is_found_where_nothing_is_amiss(project: Path) -> None:
    code, said = _audit(project)
    assert (code, "24 clips: nothing found" in said) == (0, True)
    assert "Steepness of outlines" in said


def test_a_person_in_a_background_is_found(project: Path) -> None:
    (row,) = _rows(project, "plate", "street")
    picture = decode_rgb(row.image).copy()  # type: ignore[attr-defined]
    picture[:24, :24] = MARK
    rows = {"room": _rows(project, "plate", "room"), "street": [replace(row, image=encode_jpeg(picture))]}
    _write(project, "plate", rows)
    code, said = _audit(project)
    assert code == 1
    assert "street.jpg at 0 us (photo)" in said and "a person: box" in said


def test_a_person_in_one_frame_of_a_video_background_is_found(project: Path) -> None:
    (row,) = _rows(project, "plate", "street")
    video = [replace(row, kind="video", time_us=time) for time in range(5)]  # type: ignore[call-arg]
    picture = decode_rgb(row.image).copy()  # type: ignore[attr-defined]
    picture[:24, :24] = MARK
    video[3] = replace(video[3], image=encode_jpeg(picture))  # type: ignore[call-arg]
    _write(project, "plate", {"room": _rows(project, "plate", "room"), "street": video})
    code, said = _audit(project)
    assert (code, "street.jpg at 3 us (video)" in said) == (1, True)


def test_a_subject_in_two_splits_is_found(project: Path) -> None:
    people = {"p": _rows(project, "curate", "p")}
    people["q"] = [replace(row, subject="subject p") for row in _rows(project, "curate", "q")]
    _write(project, "curate", people)
    code, said = _audit(project)
    assert code == 1 and "subject subject p is in train and val" in said and "p.mp4 and q.mp4" in said


def test_a_background_in_two_splits_is_found(project: Path) -> None:
    clips = {"p": _rows(project, "synthesize", "p"), "q": _rows(project, "synthesize", "q")}
    clips["q"][3] = replace(clips["q"][3], background="room", background_path="room.jpg")
    _write(project, "synthesize", clips)
    code, said = _audit(project)
    assert code == 1 and "source room is in train and val" in said


def test_a_clip_that_cannot_be_made_again_is_found(project: Path) -> None:
    clips = {"p": _rows(project, "synthesize", "p"), "q": _rows(project, "synthesize", "q")}
    row = clips["q"][5]
    alpha = decode_grey(row.alphas[1]).copy()  # type: ignore[attr-defined]
    alpha[0, 0] ^= 1
    clips["q"][5] = replace(row, alphas=[row.alphas[0], encode_png(alpha)])  # type: ignore[attr-defined]
    _write(project, "synthesize", clips)
    code, said = _audit(project)
    assert code == 1 and "1 regenerate" in said and "alphas[1] has other bytes" in said


def test_a_hard_edged_paste_is_found(project: Path) -> None:
    clips = {"p": _rows(project, "synthesize", "p"), "q": _rows(project, "synthesize", "q")}
    row = clips["p"][2]
    images = []
    for data, grey in zip(row.images, row.alphas, strict=True):  # type: ignore[attr-defined]
        hard = decode_grey(grey)[..., None] >= 128
        images.append(encode_jpeg(np.where(hard, np.uint8(250), decode_rgb(data) // 3).astype(np.uint8), quality=98))
    clips["p"][2] = replace(row, images=images)
    _write(project, "synthesize", clips)
    code, said = _audit(project)
    assert code == 1 and "1 seam" in said and f"seed {row.seed}" in said.replace("\n", "")  # type: ignore[attr-defined]


def test_a_share_of_the_clips_may_be_made_again(project: Path) -> None:
    clips = {name: [replace(row, trusts=[b"", b""]) for row in _rows(project, "synthesize", name)] for name in "pq"}
    _write(project, "synthesize", clips)
    found = []
    for share in (0.0, 0.5, 1.0):
        said = io.StringIO()
        run_clip_audit(project, Console(file=said, width=250), share=share)
        found.append(said.getvalue().count("trusts[0] has other bytes"))
    assert found[0] == 0 < found[1] < found[2] == 24


def test_the_command_teaches_and_ends_with_its_findings(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(project)
    runner = CliRunner()
    assert "person" in runner.invoke(app, ["audit-clips", "--help"]).output
    assert runner.invoke(app, ["audit-clips"]).exit_code == 0
    clips = {name: [replace(row, seed=1) for row in _rows(project, "synthesize", name)] for name in "pq"}
    _write(project, "synthesize", clips)
    assert runner.invoke(app, ["audit-clips"]).exit_code == 1
