"""A small finished project for the report's tests: drawn people, their labels, votes, scores and counts."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from datasets.images import Grey, Image, encode_jpeg, encode_png
from datasets.manifest import write_manifest
from datasets.receipt import Receipt, StoredFile
from datasets.schema import ERROR_TYPES, CuratedRow, FrameRow, LabelRow, QualityRow, VoteRow
from datasets.shards import write_rows
from qa.report import ReportInputs

TEACHERS = ("pose", "selfie", "selfie_landscape", "u2netp")
STAGES = ("ingest", "detect", "vote", "fuse", "score", "curate")


@dataclass(frozen=True)
class Footage:
    """One drawn source."""

    path: str
    split: str
    role: str
    bursts: int
    licence: str
    quality: float


FOOTAGE = (
    Footage("demo/walk.mp4", "train", "footage", 2, "MIT", 0.9),
    Footage("demo/dance <script>alert(1)</script>.mp4", "train", "footage", 2, "CC-BY-4.0", 0.55),
    Footage("demo/portrait.png", "val", "footage", 0, "CC0-1.0", 0.8),
    Footage("demo/keyed.mp4", "test", "keyed", 1, "MIT", 0.99),
)


@pytest.fixture(scope="session")
def build_project() -> Callable[..., ReportInputs]:
    """`build(root, bursts=1, size=(96, 64))` writes the files of a finished project and names them."""
    return project


@pytest.fixture(scope="session")
def report_inputs(tmp_path_factory: pytest.TempPathFactory) -> ReportInputs:
    """The small finished project, shared by the tests that only read it."""
    return project(tmp_path_factory.mktemp("project"))


def project(root: Path, *, bursts: int = 1, size: tuple[int, int] = (96, 64)) -> ReportInputs:
    """Write a project whose longer sources have `bursts` times their usual bursts, frames of `(width, height)`."""
    frames: list[FrameRow] = []
    labels: list[LabelRow] = []
    curated: list[CuratedRow] = []
    scored: list[QualityRow] = []
    votes: dict[str, list[VoteRow]] = {teacher: [] for teacher in TEACHERS}
    for index, footage in enumerate(FOOTAGE):
        rng = np.random.default_rng(index)
        scene = _scene(rng, *size)
        for number, (burst, time_us) in enumerate(_times(footage.bursts * bursts)):
            image, alpha = _person(scene, index, number / 7)
            quality = float(np.clip(footage.quality + 0.25 * np.sin(number / 5 + index) - 0.15, 0.02, 0.995))
            base = {
                "source": hashlib.sha256(footage.path.encode()).hexdigest(),
                "clip": 0,
                "burst": burst,
                "time_us": time_us,
            }
            frames.append(_frame_row(base, footage, image, alpha))
            label, trust, error, box = _label(alpha, quality, number)
            scored.append(_quality_row(base, quality, error, box))
            labels.append(_label_row(base, label, trust))
            if quality > 0.4 or footage.role == "keyed":
                curated.append(_curated_row(base, footage, image, label, trust, scored[-1]))
            for teacher in TEACHERS[: 4 - number % 2]:
                shifted = np.roll(alpha, TEACHERS.index(teacher) - 1, axis=1)
                votes[teacher].append(
                    VoteRow(**base, teacher=teacher, windows=[[0.0, 0.0, 1.0, 1.0]], maps=[encode_png(shifted)])
                )
    shards = {
        "frames": _shard(root / "ingest" / "a-000.parquet", frames, FrameRow),
        "labels": _shard(root / "fuse" / "a-000.parquet", labels, LabelRow),
        "quality": _shard(root / "score" / "a-000.parquet", scored, QualityRow),
        "curated": _shard(root / "curate" / "a-000.parquet", curated, CuratedRow),
    }
    return ReportInputs(
        manifests=_manifests(root, len(frames)),
        votes={name: [_shard(root / "vote" / name / "a-000.parquet", rows, VoteRow)] for name, rows in votes.items()},
        metrics=_json(root / "metrics.json", _metrics()),
        history=_history(root / "history.csv"),
        samples=_samples(root / "samples.parquet", curated[:6]),
        keyed_clip=_keyed_clip(root / "keyed_clip.parquet", curated[:8]),
        run_log=_run_log(root / "runs.jsonl", len(frames)),
        parity=_json(root / "parity.json", {"max_abs_difference": 3.1e-6, "opset": 18, "file": "student.onnx"}),
        params={"ingest": {"long_side": 512, "burst_frames": 8}, "fuse": {"strategy": "weighted"}, "seed": 7},
        **{name: [path] for name, path in shards.items()},
    )


def _times(bursts: int) -> Iterator[tuple[int, int]]:
    yield from [(b, b * 2_000_000 + f * 40_000) for b in range(bursts) for f in range(8)] or [(0, 0)]


def _scene(rng: np.random.Generator, width: int, height: int) -> Image:
    tone = rng.integers(70, 190, 3)
    ramp = np.linspace(1.15, 0.7, height)[:, None, None]
    scene = np.clip(tone * ramp * np.ones((height, width, 1)), 0, 255).astype(np.uint8)
    for _ in range(5):
        corner = rng.integers(0, (width, height))
        colour = tuple(int(c) for c in rng.integers(40, 230, 3))
        cv2.rectangle(scene, corner.tolist(), (corner + rng.integers(10, width // 3, 2)).tolist(), colour, -1)
    return np.asarray(cv2.GaussianBlur(scene, (0, 0), width / 90), dtype=np.uint8)


def _person(scene: Image, who: int, phase: float) -> tuple[Image, Grey]:
    height, width = scene.shape[:2]
    x, y = round(width * (0.5 + 0.08 * np.sin(phase + who))), round(height * 0.42)
    image, alpha = scene.copy(), np.zeros((height, width), np.uint8)
    shirt = ((40, 70, 120), (150, 60, 60), (60, 110, 80), (90, 80, 130))[who % 4]
    for canvas, colours in ((image, (shirt, (205, 165, 140), (60, 45, 40))), (alpha, (255, 255, 255))):
        cv2.ellipse(canvas, (x, height), (width // 4, round(height * 0.38)), 0, 180, 360, colours[0], -1, cv2.LINE_AA)
        cv2.ellipse(canvas, (x, y), (width // 11, height // 5), 0, 0, 360, colours[1], -1, cv2.LINE_AA)
        hair = (x, y - height // 20)
        cv2.ellipse(canvas, hair, (width // 11, height // 6), 0, 180, 360, colours[2], -1, cv2.LINE_AA)
    return image, alpha


def _label(alpha: Grey, quality: float, number: int) -> tuple[Grey, Grey, str, list[float]]:
    """A label that is worse the lower its quality; the doubtful corner has no trust."""
    label, trust = alpha.copy(), np.full_like(alpha, 255)
    height, width = alpha.shape
    error, box = "", []
    if quality < 0.5:
        error, box = ERROR_TYPES[number % 3], [0.55, 0.6, 0.9, 1.0]
        region = np.s_[round(0.6 * height) :, round(0.55 * width) : round(0.9 * width)]
        label[region], trust[region] = (0 if error == "missed_region" else 255), 40
    edge = cv2.morphologyEx(label, cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8)) > 0
    trust[edge] = 120
    return label, trust, error, box


def _group(quality: float, role: str) -> str:
    if role == "keyed":
        return "gold"
    return "silver" if quality > 0.75 else "bronze"


def _frame_row(base: dict, footage: Footage, image: Image, alpha: Grey) -> FrameRow:
    return FrameRow(
        **base,
        path=footage.path,
        name=f"{base['time_us']:012d}",
        width=image.shape[1],
        height=image.shape[0],
        source_width=image.shape[1],
        source_height=image.shape[0],
        image=encode_jpeg(image),
        blur=120.0,
        duplicate=20.0,
        subject=footage.path[5:10],
        licences=[footage.licence],
        origin="drawn by the tests",
        split=footage.split,
        role=footage.role,
        mask=b"",
        truth=encode_png(alpha) if footage.role == "keyed" else b"",
    )


def _label_row(base: dict, label: Grey, trust: Grey) -> LabelRow:
    return LabelRow(
        **base,
        width=label.shape[1],
        height=label.shape[0],
        alpha=encode_png(label),
        trust=encode_png(trust),
        foreground=b"",
        strategy="weighted",
        keyed=False,
        unknown=0.05,
        teachers=list(TEACHERS),
    )


def _quality_row(base: dict, quality: float, error: str, box: list[float]) -> QualityRow:
    return QualityRow(
        **base,
        signals={"agreement": quality, "edge_fit": quality**2, "flicker": 1 - quality},
        quality=quality,
        error=error,
        error_box=box,
        scenarios=["hands", "motion"] if base["burst"] else ["dark"],
        annotation="",
    )


def _curated_row(
    base: dict, footage: Footage, image: Image, label: Grey, trust: Grey, scored: QualityRow
) -> CuratedRow:
    return CuratedRow(
        **base,
        path=footage.path,
        name=f"{base['time_us']:012d}",
        width=image.shape[1],
        height=image.shape[0],
        image=encode_jpeg(image),
        alpha=encode_png(label),
        trust=encode_png(trust),
        foreground=encode_jpeg(image),
        group=_group(scored.quality, footage.role),
        split=footage.split,
        role=footage.role,
        label_source="keyed" if footage.role == "keyed" else "fused",
        quality=scored.quality,
        error=scored.error,
        scenarios=scored.scenarios,
        subject=footage.path[5:10],
        licences=[footage.licence],
        truth=b"",
    )


def _shard(path: Path, rows: list, row_type: type) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_rows(path, rows, row_type)
    return path


def _manifests(root: Path, frames: int) -> dict[str, Path]:
    manifests = {}
    for stage in STAGES:
        path = root / stage / "manifest.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        manifests[stage] = path
        folders = TEACHERS if stage == "vote" else ("",)
        receipts = [_receipt(stage, folder, "demo/walk.mp4", frames, dropped={"background": 3}) for folder in folders]
        if stage == "ingest":
            failed = "demo/<b>broken</b>.mp4"
            receipts = [_receipt(stage, "", footage.path, 1) for footage in FOOTAGE]
            receipts.append(
                Receipt(stage, "", "f", failed, "", (), 1, 0, {}, {"unreadable": 1}, (f"{failed}: no video <stream>",))
            )
        write_manifest(path, receipts)
    return manifests | {"synthesize": root / "synthesize" / "manifest.parquet"}


def _receipt(stage: str, folder: str, label: str, done: int, *, dropped: dict[str, int] | None = None) -> Receipt:
    files = (StoredFile(f"{label}-000.parquet", "0" * 64, 123_456, done),)
    total = done + sum((dropped or {}).values())
    return Receipt(stage, folder, label, label, "", files, total, done, dropped or {}, {}, (), ("MIT",))


def _metrics() -> dict:
    methods = ("student", "selfie_landscape", "label", *TEACHERS)
    keyed = {
        name: {
            "iou": 0.951 - 0.012 * rank,
            "boundary_f": 0.902 - 0.02 * rank,
            "mad": 8.1 + rank,
            "mse": 5.2 + rank,
            "grad": 1.1 + 0.2 * rank,
            "conn": 2.0 + 0.1 * rank,
            "mad_t": 90.0 + 5 * rank,
            "dtssd": 3.0 + 0.3 * ((rank * 3) % 5),
            "frames": 104,
            "flicker": None if name == "label" else 11.0 + rank,
        }
        for rank, name in enumerate(dict.fromkeys(methods))
    }
    return {
        "keyed": keyed,
        "test": {name: {**values, "iou": values["iou"] - 0.02} for name, values in keyed.items() if name != "label"},
        "milliseconds": {"student": 2.31, "selfie_landscape": 2.74},
        "intervals": {
            "keyed": {
                "unit": "burst",
                "units": 13,
                "methods": {"student": {"iou": {"mean": 0.951, "low": 0.94, "high": 0.96}}},
                "student_minus": {"selfie_landscape": {"iou": {"mean": 0.012, "low": 0.004, "high": 0.02}}},
            }
        },
        "scenarios": {
            "test": {
                "dark": {
                    "frames": 16,
                    "clips": 2,
                    "methods": {"student": {"iou": 0.8}, "selfie_landscape": {"iou": 0.83}},
                    "student_minus": {"selfie_landscape": {"iou": {"mean": -0.03, "low": -0.05, "high": -0.01}}},
                }
            }
        },
    }


def _json(path: Path, values: dict) -> Path:
    path.write_text(json.dumps(values), encoding="utf-8")
    return path


def _history(path: Path) -> Path:
    lines = ["step,lr,loss,train_iou,val_iou"]
    for step in range(50, 1050, 50):
        fall = np.exp(-step / 300)
        lines.append(f"{step},{0.001 * fall:.6f},{0.2 + fall:.4f},{0.96 - 0.4 * fall:.4f},{0.93 - 0.45 * fall:.4f}")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def _run_log(path: Path, frames: int) -> Path:
    lines = []
    for number, stage in enumerate(STAGES):
        record = {"stage": stage, "seconds": 4.0 + 6 * number, "frames": frames, "computed": 1, "workers": 2}
        lines += [record | {"model_seconds": 5.0 * number}, record | {"model_seconds": 0.0, "computed": 0, "frames": 0}]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return path


def _keyed_clip(path: Path, rows: list[CuratedRow]) -> Path:
    """Two bursts of four frames; the student is worst on the fourth, the label has nothing for the first."""
    table = {
        "burst": [f"demo/keyed.mp4 clip 0 burst {index // 4}" for index in range(len(rows))],
        "time_us": [40_000 * index for index in range(len(rows))],
        "iou_student": [0.95 if index != 3 else 0.5 for index in range(len(rows))],
        "iou_selfie_landscape": [0.94] * len(rows),
        "iou_label": [None if index == 0 else 1.0 for index in range(len(rows))],
        "frame": [row.image for row in rows],
        "truth": [row.alpha for row in rows],
        "student": [row.alpha for row in rows],
        "selfie_landscape": [row.trust for row in rows],
        "label": [row.alpha if index else b"" for index, row in enumerate(rows)],
    }
    pq.write_table(pa.table(table), path)
    return path


def _samples(path: Path, rows: list[CuratedRow]) -> Path:
    table = {
        "set": ["keyed"] * len(rows),
        "frame_name": [f"{row.path}, {row.name}" for row in rows],
        "iou": ["student IoU 0.951"] * len(rows),
        "frame": [row.image for row in rows],
        "truth": [row.alpha for row in rows],
        "student": [row.trust for row in rows],
        "selfie_landscape": [row.alpha for row in rows],
        "label": [row.alpha if index else b"" for index, row in enumerate(rows)],
    }
    pq.write_table(pa.table(table), path)
    return path
