import csv
import json
import shutil
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pyarrow.parquet as pq
import pytest
import torch

from datasets.images import decode_grey, encode_jpeg, encode_png
from datasets.schema import CuratedRow, FrameRow, LabelRow, VoteRow
from datasets.shards import write_rows
from training import evaluate as evaluate_module
from training.config import EvaluateConfig, HourglassConfig
from training.evaluate import EvaluationShards, evaluate
from training.evaluation_set import find_keyed, find_test, read_keyed
from training.models.hourglass import Hourglass
from training.weights import load_student, save_student

SIZE = (32, 64)


def _alpha(time: int) -> np.ndarray:
    alpha = np.zeros(SIZE, np.uint8)
    cv2.ellipse(alpha, (24 + time, 24), (9, 14), 0, 0, 360, 255, -1)
    return alpha


def _image(time: int) -> bytes:
    image = np.random.default_rng(0).integers(0, 90, (*SIZE, 3), dtype=np.uint8)
    image[_alpha(time) > 0] = 220
    return encode_jpeg(image)


def _key(burst: int, time: int) -> dict[str, object]:
    return {"source": "keyed", "clip": 0, "burst": burst, "time_us": (burst * 100 + time) * 40_000}


def _frame(burst: int, time: int, role: str) -> FrameRow:
    return FrameRow(
        **_key(burst, time), path="k.mp4", name="n", width=SIZE[1], height=SIZE[0], source_width=SIZE[1],
        source_height=SIZE[0], image=_image(time), blur=1.0, duplicate=64.0, subject="k", licences=["MIT"], origin="",
        split="test", role=role, mask=b"", truth=encode_png(_alpha(time)) if role == "keyed" else b"",
    )  # fmt: skip


def _vote(teacher: str, burst: int, time: int) -> VoteRow:
    speaks = teacher != "keyer" and not (teacher == "crop" and time == 0)
    alpha = cv2.resize(_alpha(time), (32, 16), interpolation=cv2.INTER_AREA)
    return VoteRow(
        **_key(burst, time), teacher=teacher, windows=[[0.0, 0.0, 1.0, 1.0]] if speaks else [],
        maps=[encode_png(alpha)] if speaks else [],
    )  # fmt: skip


def _label(burst: int, time: int) -> LabelRow:
    return LabelRow(
        **_key(burst, time), width=SIZE[1], height=SIZE[0], alpha=encode_png(_alpha(time)), trust=b"", foreground=b"",
        strategy="weighted", keyed=False, unknown=0.0, teachers=[],
    )  # fmt: skip


def _curated(burst: int, time: int, role: str) -> CuratedRow:
    return CuratedRow(
        **{**_key(burst, time), "source": "real"}, path="r.mp4", name="n", width=SIZE[1], height=SIZE[0],
        image=_image(time), alpha=encode_png(_alpha(time)), trust=b"", foreground=b"", group="silver", split="test",
        role=role, label_source="fused", quality=1.0, error="", subject="r", licences=["MIT"], truth=b"",
        scenarios=[] if time == 1 else ["dark"],
    )  # fmt: skip


@pytest.fixture
def shards(tmp_path: Path) -> EvaluationShards:
    keys = [(burst, time) for burst in range(2) for time in range(3)]
    write_rows(
        tmp_path / "frames.parquet", [_frame(*key, "keyed") for key in keys] + [_frame(9, 0, "footage")], FrameRow
    )
    write_rows(tmp_path / "labels.parquet", [_label(*key) for key in keys], LabelRow)
    for teacher in ("selfie_landscape", "crop", "keyer"):
        write_rows(tmp_path / f"{teacher}.parquet", [_vote(teacher, *key) for key in keys], VoteRow)
    rows = [_curated(burst, time, "keyed" if burst == 4 else "footage") for burst in range(5) for time in range(3)]
    write_rows(tmp_path / "curated.parquet", rows, CuratedRow)
    return EvaluationShards(
        frames=[tmp_path / "frames.parquet"],
        curated=[tmp_path / "curated.parquet"],
        labels=[tmp_path / "labels.parquet"],
        votes={name: [tmp_path / f"{name}.parquet"] for name in ("selfie_landscape", "crop", "keyer")},
    )


@pytest.fixture
def student(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    config = HourglassConfig(height=32, width=64, channels=(8, 12, 16, 16), squeeze=(4, 4, 8, 8), depths=(1, 1, 1, 1))
    save_student(tmp_path / "student", Hourglass(config), {})
    return tmp_path / "student"


def test_keyed_bursts_come_with_truth_votes_and_label(shards: EvaluationShards) -> None:
    bursts = list(read_keyed(shards, find_keyed(shards)))
    assert [len(burst.images) for burst in bursts] == [3, 3]
    first = bursts[0]
    assert set(first.methods) == {"selfie_landscape", "crop", "label"}  # the keyer abstained everywhere
    assert np.array_equal(first.truths[1], _alpha(1))
    assert all(alpha is not None and alpha.shape == SIZE for alpha in first.methods["selfie_landscape"])
    abstained = first.methods["crop"][0]
    assert abstained is not None and abstained.max() == 0


def test_keyed_frames_have_the_scenarios_that_curate_found(shards: EvaluationShards, tmp_path: Path) -> None:
    row = _curated(0, 1, "keyed").as_dict() | {"source": "keyed", "scenarios": ["dark", "blurred"]}
    write_rows(tmp_path / "keyed.parquet", [CuratedRow(**row)], CuratedRow)
    known = replace(shards, curated=[*shards.curated, tmp_path / "keyed.parquet"])
    first, second = read_keyed(known, find_keyed(known))
    assert first.scenarios == ((), ("dark", "blurred"), ()) and second.scenarios == ((), (), ())
    assert first.clip == second.clip == ("keyed", 0)


def test_the_test_split_is_thinned_evenly_and_leaves_the_keyed_clip_out(shards: EvaluationShards) -> None:
    assert len(find_test(shards, max_frames=100)) == 4
    thinned = find_test(shards, max_frames=6)
    assert len(thinned) == 2
    assert [burst[0][1] for burst in thinned] == [0, 300 * 40_000]


def test_everything_is_measured_and_written(
    shards: EvaluationShards, student: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(evaluate_module, "milliseconds", lambda *_, **__: {"student": 2.0, "selfie_landscape": 2.5})
    out = tmp_path / "out"
    seen: list[tuple[int, int]] = []
    evaluate(
        config=EvaluateConfig(samples=1), student=student, shards=shards, out=out,
        progress=lambda done, total: seen.append((done, total)),
    )  # fmt: skip
    metrics = json.loads((out / "metrics.json").read_text())
    assert set(metrics) == {"keyed", "test", "milliseconds", "intervals", "scenarios", "prior"}
    assert set(metrics["prior"]) == {"keyed", "test"}
    assert metrics["prior"]["keyed"]["frames"] == 4  # of two bursts of three: a burst's first frame has no prior
    assert set(metrics["keyed"]) == {"student", "selfie_landscape", "crop", "label"}
    assert set(metrics["test"]) == {"student"}
    expected = {
        "iou", "boundary_f", "mad", "mse", "mad_t", "grad", "conn", "dtssd", "flicker", "frames",
        "boundary_iou", "boundary_iou_inside", "flicker_static", "miou2_dataset",
    }  # fmt: skip
    assert set(metrics["keyed"]["student"]) == expected
    assert metrics["keyed"]["label"]["iou"] == 1 and metrics["keyed"]["label"]["frames"] == 6
    assert metrics["keyed"]["selfie_landscape"]["iou"] > 0.85
    assert metrics["keyed"]["crop"]["iou"] == pytest.approx(
        metrics["keyed"]["selfie_landscape"]["iou"] * 2 / 3, abs=0.02
    )
    assert seen[-1] == (6, 6)
    keyed = metrics["intervals"]["keyed"]
    assert (keyed["unit"], keyed["units"]) == ("burst", 2)  # one keyed clip of two bursts
    landscape = keyed["methods"]["selfie_landscape"]["iou"]
    assert landscape["mean"] == pytest.approx(metrics["keyed"]["selfie_landscape"]["iou"])
    assert landscape["low"] <= landscape["mean"] + 1e-9 and landscape["mean"] <= landscape["high"] + 1e-9
    assert set(keyed["student_minus"]) == {"selfie_landscape", "label"}
    assert metrics["scenarios"]["test"]["dark"]["frames"] == 8  # every other frame of the four test bursts
    assert metrics["scenarios"]["test"]["in_no_scenario"]["frames"] == 4
    with (out / "scenarios.csv").open() as file:
        assert {(row["set"], row["scenario"]) for row in csv.DictReader(file)} == {
            ("keyed", "in_no_scenario"), ("test", "dark"), ("test", "in_no_scenario"),
        }  # fmt: skip
    with (out / "frames.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 6 * 4 + 12
    samples = pq.read_table(out / "samples.parquet").to_pylist()
    assert [sample["set"] for sample in samples] == ["keyed", "test"]
    assert samples[0]["label"] and not samples[1]["label"]
    replay = pq.read_table(out / "keyed_clip.parquet").to_pylist()
    assert [row["time_us"] for row in replay] == sorted({int(row["time_us"]) for row in rows if row["set"] == "keyed"})
    assert replay[0]["iou_label"] == 1 and decode_grey(replay[0]["truth"]).shape == SIZE
    with (out / "plots" / "keyed_iou.csv").open() as file:
        assert {row["frame"] for row in csv.DictReader(file)} == {str(index) for index in range(6)}


def test_a_retrained_student_is_measured_beside_the_one_it_started_from(
    shards: EvaluationShards, student: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(evaluate_module, "milliseconds", lambda *_, **__: {"student": 2.0})
    shutil.copytree(student, tmp_path / "data" / "students" / "old")
    model = load_student(student)
    torch.nn.init.constant_(model.head.bias, 9.0)  # everything is a person now
    save_student(student, model, {"config": {"init_from": "data/students/old"}})
    evaluate(config=EvaluateConfig(), student=student, shards=shards, out=tmp_path / "out", root=tmp_path)
    metrics = json.loads((tmp_path / "out" / "metrics.json").read_text())
    assert {"student", "earlier"} <= set(metrics["keyed"])
    gained = metrics["retraining"]["keyed"]["iou"]
    assert (
        gained["now"] == metrics["keyed"]["student"]["iou"] and gained["earlier"] == metrics["keyed"]["earlier"]["iou"]
    )
    assert gained["gained"] == pytest.approx(gained["now"] - gained["earlier"]) and gained["gained"] != 0
    assert {"keyed", "test", "test: dark"} <= set(metrics["retraining"]), "scenario by scenario too"


def test_nothing_to_measure_on_says_what_to_pin(student: Path, tmp_path: Path) -> None:
    write_rows(tmp_path / "frames.parquet", [_frame(0, 0, "footage")], FrameRow)
    shards = EvaluationShards(frames=[tmp_path / "frames.parquet"], curated=[])
    with pytest.raises(ValueError, match="split: test"):
        evaluate(config=EvaluateConfig(), student=student, shards=shards, out=tmp_path / "out")
