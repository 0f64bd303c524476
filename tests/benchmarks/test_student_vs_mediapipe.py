"""Nothing that is measured or learnt from is fitted on, means are over frames, and the last line has its shape."""

from __future__ import annotations

import importlib
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from datasets.images import encode_jpeg
from datasets.schema import FrameRow
from pipeline.calibration_data import Known
from pipeline.truth import Burst

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture(autouse=True)
def on_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(BENCHMARKS)


def module(name: str) -> ModuleType:
    return importlib.import_module(name)


def known(collection: str, group: str, frames: int = 1) -> Known:
    image = np.full((24, 32, 3), 90, np.uint8)
    rows = tuple(
        FrameRow(
            source=group, clip=0, burst=0, time_us=time, path="p", name=f"{group}-{time}", width=32, height=24,
            source_width=32, source_height=24, subject=group, split="", role="footage", licences=["MIT"],
            blur=0.0, duplicate=0, origin="",
            image=encode_jpeg(image, quality=90), truth=b"", mask=b"",
        )
        for time in range(frames)
    )  # fmt: skip
    return Known(collection, group, Burst(rows, (b"",) * frames))


def test_photos_are_dealt_once_and_sequences_are_only_measured() -> None:
    photos = [known("ccp", f"ccp/{index}") for index in range(23)]
    sequences = [known("davis", name, frames=3) for name in ("hike", "lucia")]
    dealt = module("unseen_fits").deal([*photos, *sequences], "ccp")
    groups = [{one.group for one in part} for part in (dealt.measured, *dealt.halves.values())]
    assert set.union(*groups) == {one.group for one in (*photos, *sequences)}
    assert sum(map(len, groups)) == 25, "nobody is in two parts"
    assert {"hike", "lucia"} < groups[0]
    assert len(groups[0]) - 2 in (4, 5), "a fifth of the photos is measured"
    assert abs(len(groups[1]) - len(groups[2])) <= 2


def test_too_few_photos_are_an_error_that_names_the_set() -> None:
    with pytest.raises(ValueError, match="2 photos in set 'ccp'"):
        module("unseen_fits").deal([known("ccp", "a"), known("ccp", "b"), known("davis", "c")], "ccp")


def test_each_half_is_labelled_by_what_the_other_was_fitted_on() -> None:
    fits = module("unseen_fits")
    assert set(fits.OTHER) == set(fits.HALVES) == set(fits.OTHER.values())
    assert all(fits.OTHER[name] != name for name in fits.HALVES)
    parts = [part for half in fits.HALVES.values() for part in half]
    assert sorted([*parts, fits.MEASURED]) == list(range(fits.PARTS))


def test_the_project_of_a_half_has_the_others_fit_and_judge(tmp_path: Path) -> None:
    params = importlib.import_module("pipeline.params").Params()
    fuse = params.fuse.model_copy(update={"fitted": "", "slopes": {"area": 0.5}})
    values = module("student_data")._params_of(params, tmp_path, fuse, tmp_path / "judge.json", splits=("train",))
    written = importlib.import_module("pipeline.params").Params.model_validate(values)
    assert written.fuse == fuse
    assert written.score.judge == str(tmp_path / "judge.json")
    assert written.curate.required_splits == ("train",)


def test_masks_do_not_reach_the_project(tmp_path: Path) -> None:
    photo = known("ccp", "seven")
    module("student_data")._write_photos(tmp_path, [photo])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["seven-0.jpg", "sidecar.yaml"]
    assert (tmp_path / "seven-0.jpg").read_bytes() == photo.burst.frames[0].image
    assert "masks" not in (tmp_path / "sidecar.yaml").read_text()


def test_values_of_a_burst_by_hand() -> None:
    competitors = module("competitors")
    image = np.zeros((20, 20, 3), np.uint8)
    truth = np.zeros((20, 20), np.uint8)
    truth[:, :10] = 255
    half = np.zeros_like(truth)
    half[:, :5] = 255
    values = competitors.values_of([truth, half], [truth, truth], [image, image])
    assert values["iou"] == (1.0, 0.5)
    # the error goes from 0 to 1 on a quarter of the pixels: sqrt(1/4) = .5
    assert values["dtssd"] == pytest.approx((50.0,))
    assert "dtssd" not in competitors.values_of([truth], [truth], [image])


def test_means_are_over_frames_and_not_over_bursts() -> None:
    competitors = module("competitors")
    measured = [
        competitors.Measured("davis", "student", {"iou": (1.0, 1.0, 1.0), "dtssd": (2.0,)}),
        competitors.Measured("davis", "student", {"iou": (0.2,), "dtssd": (4.0,)}),
    ]
    assert competitors.means(measured) == {"davis": {"student": {"iou": pytest.approx(0.8), "dtssd": 3.0}}}


def test_the_last_line_has_one_shape_for_every_set() -> None:
    main = module("student_vs_mediapipe")
    video = {"iou": 0.91234, "bf": 0.8, "mad_t": 90.0, "dtssd": 1.5, "flicker": 2.0}
    still = {name: video[name] for name in ("iou", "bf", "mad_t")}
    found = {
        "keyed": dict.fromkeys(main.METHODS, video),
        "davis": dict.fromkeys(main.METHODS, video),
        "ccp": dict.fromkeys(main.METHODS, still),
    }
    line = main.summarise(found, {"student": 1.5, "mp_landscape": 2.0, "mp_general": 4.0})
    assert line["ms_ratio"] == 0.75
    assert list(line["iou"]) == list(line["bf"]) == ["ccp", "davis", "keyed"]
    assert list(line["dtssd"]) == ["davis", "keyed"]
    assert line["iou"]["keyed"] == dict.fromkeys(("student", "mp_landscape", "mp_general"), 0.9123)
