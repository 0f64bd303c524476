"""Which units a change recomputes: exactly those that depend on it. One row of the table is one change."""

from __future__ import annotations

import ast
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from datasets.images import encode_png
from datasets.reviews import Decision, append_decisions
from datasets.shards import file_digest
from datasets.video import write_video
from tests.tiny import REPOSITORY

CODE = ("datasets", "stages", "qa", "training", "pipeline")
STAND_INS = Path(__file__).with_name("stand_ins.py")

# The footage: anna.mp4 (two clips, a shard each), ben.mp4, screen.mp4 (the keyed test clip), and two backgrounds:
# wall.mp4, and the photo shelf.png, which is reserved for the keyed clip.
VIDEOS = {"anna.mp4": 16, "ben.mp4": 8, "screen.mp4": 8, "wall.mp4": 8}
SIDECARS = {
    "anna": {"subject": "anna", "split": "train"},
    "ben": {"subject": "ben", "split": "val"},
    "screen": {"subject": "carl", "keyed": True},
    "wall": {"role": "background", "split": "train"},
    "shelf": {"role": "background", "split": "test"},
}
PARAMS: dict[str, Any] = {
    "pipeline": {"runner": "local", "shard_frames": 4},
    "ingest": {"burst_frames": 4, "burst_every_s": 9.0, "max_clip_frames": 8, "keyed": {"frames": 4}},
    "curate": {"required_splits": ["train", "test"]},
    "vote": {
        "teachers": {
            "selfie": {"runtime": "litert", "file": "models/selfie.tflite", "size": 256},
            "u2netp": {"runtime": "onnx", "file": "models/u2netp.onnx", "size": 320},
        }
    },
}
MODELS = ("objectron_ssd.tflite", "pose_detection.tflite", "selfie.tflite", "u2netp.onnx", "selfie_landscape.tflite")

Units = dict[str, list[str]]
Expected = Mapping[str, str]

# What is recomputed, as "stages": "units". Units of ingest are files, those of other stages are shards.
PEOPLE = "anna0 anna1 ben screen"
ALL = f"{PEOPLE} wall shelf"
NOTHING: Expected = {}
RESULTS: Expected = {"train evaluate export": "all"}
AFTER_SCORE: Expected = {"curate synthesize": PEOPLE} | RESULTS
AFTER_FUSE: Expected = {"score plate": PEOPLE} | AFTER_SCORE
AFTER_VOTE: Expected = {"fuse": PEOPLE} | AFTER_FUSE  # backgrounds have no votes: their fuse and plate do not change
AFTER_DETECT: Expected = {"vote/selfie vote/u2netp fuse plate": ALL, "score curate synthesize": PEOPLE} | RESULTS
EVERYTHING: Expected = {"ingest": "anna ben screen wall shelf", "detect": ALL} | AFTER_DETECT


def path_of(*units: str) -> Expected:
    """A file's own way through the house, and the results."""
    shards = " ".join(units)
    stages = "detect vote/selfie vote/u2netp fuse score curate plate synthesize"
    return {"ingest": " ".join(sorted({unit.strip("01") for unit in units})), stages: shards} | RESULTS


@dataclass(frozen=True)
class House:
    """A project, and the copy of the code that its stages run and are digested from."""

    root: Path
    code: Path

    def params(self) -> dict[str, Any]:
        values: dict[str, Any] = yaml.safe_load((self.root / "params.yaml").read_text())
        return values

    def files(self) -> dict[str, str]:
        """Digests of all that DVC could watch: footage, reviews, models and code."""
        inputs = [self.root / "data" / "raw", self.root / "data" / "reviews", self.root / "models"]
        found = {path: self.root for folder in inputs for path in folder.rglob("*") if path.is_file()}
        found |= dict.fromkeys(self.code.rglob("*.py"), self.code)
        return {path.relative_to(base).as_posix(): file_digest(path) for path, base in found.items()}


# --- ways to change something --------------------------------------------------------------------------------------

Change = Callable[[House], None]


def film(name: str, frames: int, *, pixel: bool = False) -> Change:
    """Write a video of a grey square that wanders before a green screen; `pixel` makes one pixel of it another."""

    def change(house: House) -> None:
        pictures = np.full((frames, 48, 64, 3), (20, 200, 30), np.uint8)
        for index, picture in enumerate(pictures):
            picture[24:, 20 + index : 40 + index] = 60 + sum(name.encode()) % 64
        pictures[0, 40, 30, 1] ^= 128 if pixel else 0
        write_video(house.root / "data" / "raw" / name, pictures, fps=25, crf=0)  # without loss: a pixel stays

    return change


def sidecar(name: str, **values: object) -> Change:
    return lambda house: write(house.root / "data" / "raw" / f"{name}.yaml", yaml.safe_dump(values))


def shelf(grey: int) -> Change:
    picture = np.full((48, 64, 3), grey, np.uint8)
    return lambda house: (house.root / "data" / "raw" / "shelf.png").write_bytes(encode_png(picture)) and None


def param(dotted: str, value: object) -> Change:
    """Set one entry of `params.yaml`; None removes it."""

    def change(house: House) -> None:
        params = house.params()
        *sections, last = dotted.split(".")
        section = params
        for name in sections:
            section = section.setdefault(name, {})
        section.pop(last, None)
        if value is not None:
            section[last] = value
        write(house.root / "params.yaml", yaml.safe_dump(params))

    return change


def byte_of(model: str) -> Change:
    """The last byte of a weight file is another; size and name are the same."""

    def change(house: House) -> None:
        path = house.root / "models" / model
        data = bytearray(path.read_bytes())
        data[-1] ^= 1
        path.write_bytes(data)

    return change


def statement(module: str) -> Change:
    """One more statement in a file that exists."""

    def change(house: House) -> None:
        path = house.code / module
        path.write_text(path.read_text() + "\n_ANOTHER = 1\n")

    return change


def comments(*modules: str) -> Change:
    """Other docstrings and comments, and a comment more, in these files."""

    def change(house: House) -> None:
        for module in modules:
            path = house.code / module
            before = path.read_text()
            after = re.sub(r'^(\s*)"""(?=\w)', r'\1"""Said otherwise. ', before, flags=re.MULTILINE)
            after = re.sub(r"  # (?=[a-z])", "  # that is, ", after) + "\n# the end\n"
            assert after != before and ast.parse(after)
            path.write_text(after)

    return change


def everywhere(house: House) -> list[str]:
    """All modules of the three floors that enter keys."""
    paths = [path for floor in ("stages", "qa", "training") for path in (house.code / floor).rglob("*.py")]
    return sorted(path.relative_to(house.code).as_posix() for path in paths)


def unrelated(house: House) -> None:
    """Files that nothing reads, beside each kind of file that something does."""
    for place in ("data/raw/README.md", "data/raw/.hidden.mp4", "data/reviews/notes.txt", "models/note.md", "TODO"):
        write(house.root / place, "unrelated")
    for place in ("stages/unused.py", "qa/unused.py", "training/unused.py", "stages/notes.txt"):
        write(house.code / place, "X = 1\n")


def touched(house: House) -> None:
    """Every input has another modification time, and the same bytes."""
    for path in [*(house.root / "data" / "raw").iterdir(), *(house.root / "models").iterdir()]:
        os.utime(path, ns=(0, 0))


def removed(name: str) -> Change:
    def change(house: House) -> None:
        (house.root / "data" / "raw" / f"{name}.mp4").unlink()
        (house.root / "data" / "raw" / f"{name}.yaml").unlink()

    return change


def review(name: str, time_us: int) -> Change:
    """A person rejects the frame of a video at a time."""

    def change(house: House) -> None:
        source = file_digest(house.root / "data" / "raw" / f"{name}.mp4")
        decided = datetime(2025, 1, 1, tzinfo=UTC)
        decision = Decision(source=source, time_us=time_us, verdict="reject", reviewer="eve", decided_at=decided)
        append_decisions(house.root / "data" / "reviews", [decision])

    return change


def both(*changes: Change) -> Change:
    def change(house: House) -> None:
        for one in changes:
            one(house)

    return change


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def nothing(house: House) -> None:
    """The project moved to another folder, that is all."""


# --- the table -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Case:
    """One row: a change, what is computed again, and versions of libraries that are faked."""

    name: str
    change: Change
    recomputed: Expected
    versions: Mapping[str, str] = field(default_factory=dict)


def library(name: str, recomputed: Expected) -> Case:
    return Case(f"library {name}", nothing, recomputed, {name: "99.0"})


ANNOTATION = {"runtime": "annotation"}
NEW_VIDEO = both(film("dora.mp4", 8), sidecar("dora", subject="dora", split="train"))
NEW_WALL = both(film("door.mp4", 8), sidecar("door", role="background", split="train"))

TABLE = [
    # what changes                             how                                          what is computed again
    Case("nothing", nothing, NOTHING),
    Case("modification times", touched, NOTHING),
    Case("unrelated files", unrelated, NOTHING),
    # footage
    Case("a pixel of a video", film("ben.mp4", 8, pixel=True), path_of("ben")),
    Case("a pixel of a video of two shards", film("anna.mp4", 16, pixel=True), path_of("anna0", "anna1")),
    Case("a pixel of a background", film("wall.mp4", 8, pixel=True),
         {"ingest detect vote/selfie vote/u2netp fuse plate": "wall", "synthesize": PEOPLE} | RESULTS),
    Case("the keyed clip's background", shelf(91),
         {"ingest detect vote/selfie vote/u2netp fuse plate": "shelf screen", "score curate": "screen",
          "synthesize": PEOPLE} | RESULTS),
    Case("a new video", NEW_VIDEO, path_of("dora")),
    Case("a removed video", removed("ben"), RESULTS),
    Case("a new background", NEW_WALL,
         {"ingest detect vote/selfie vote/u2netp fuse plate": "door", "synthesize": PEOPLE} | RESULTS),
    Case("a sidecar", sidecar("ben", subject="benjamin", split="val"), path_of("ben")),
    # params
    Case("param of ingest", param("ingest.jpeg_quality", 90), EVERYTHING),
    Case("param of detect", param("detect.iou", 0.6), {"detect": ALL} | AFTER_DETECT),
    Case("param of all teachers", param("vote.min_box_score", 0.3), {"vote/selfie vote/u2netp": ALL} | AFTER_VOTE),
    Case("param of a teacher", param("vote.teachers.selfie.size", 128), {"vote/selfie": ALL} | AFTER_VOTE),
    Case("param of fuse", param("fuse.box_margin", 1.5), {"fuse": ALL} | AFTER_FUSE),
    Case("param of score", param("score.side", 128), {"score": PEOPLE} | AFTER_SCORE),
    Case("param of curate", param("curate.duplicate_distance", 2), AFTER_SCORE),
    Case("param of plate", param("plate.margin", 0.03), {"plate": ALL, "synthesize": PEOPLE} | RESULTS),
    Case("param of synthesize", param("synthesize.seed", 1), {"synthesize": PEOPLE} | RESULTS),
    Case("param of train", param("train.seed", 1), RESULTS),
    Case("param of evaluate", param("evaluate.samples", 2), {"evaluate": "all"}),
    Case("param of export", param("export.opset", 18), {"export": "all"}),
    Case("params of the run", param("pipeline.max_fail_fraction", 0.9), NOTHING),
    # teachers
    Case("a teacher added", param("vote.teachers.annotation", ANNOTATION), {"vote/annotation": ALL} | AFTER_VOTE),
    Case("a teacher removed", param("vote.teachers.u2netp", None), AFTER_VOTE),
    Case("a teacher disabled", param("vote.teachers.u2netp.enabled", False), AFTER_VOTE),
    # weights
    Case("a byte of a teacher", byte_of("selfie.tflite"), {"vote/selfie": ALL} | AFTER_VOTE),
    Case("a byte of a detector", byte_of("objectron_ssd.tflite"), {"detect": ALL} | AFTER_DETECT),
    Case("a byte of the model compared with", byte_of("selfie_landscape.tflite"), {"evaluate": "all"}),
    # code
    Case("comments and docstrings", comments("stages/fuse.py", "stages/matting.py"), NOTHING),
    Case("a stage's module", statement("stages/fuse.py"), {"fuse": ALL} | AFTER_FUSE),
    Case("a module it imports", statement("stages/matting.py"), {"fuse": ALL} | AFTER_FUSE),
    Case("the contract", statement("stages/base.py"), EVERYTHING),
    Case("a teacher's runtime", statement("stages/teachers/onnx.py"), {"vote/u2netp": ALL} | AFTER_VOTE),
    Case("what teachers and detectors run on", statement("stages/litert_model.py"),
         {"detect": ALL} | AFTER_DETECT),
    Case("a signal", statement("qa/signals.py"), {"score": PEOPLE} | AFTER_SCORE),
    Case("a metric, of score and evaluate", statement("qa/metrics.py"), {"score": PEOPLE} | AFTER_SCORE),
    Case("a loss", statement("training/losses/dice.py"), RESULTS),
    Case("the comparison", statement("training/compare.py"), {"evaluate": "all"}),
    Case("the report", statement("qa/report.py"), NOTHING),
    Case("the formats, told by FORMAT_VERSION", statement("datasets/clips.py"), NOTHING),
    Case("the orchestration", statement("pipeline/work.py"), NOTHING),
    # libraries
    library("av", EVERYTHING),
    library("ai-edge-litert", {"detect": ALL} | AFTER_DETECT),
    library("onnxruntime", {"vote/u2netp": ALL} | AFTER_VOTE),
    library("pymatting", {"fuse": ALL} | AFTER_FUSE),
    library("torch", RESULTS),
    library("onnx", {"evaluate export": "all"}),
    library("typer", NOTHING),
    # people
    Case("a review decision", review("anna", 40_000), {"curate synthesize": "anna0"} | RESULTS),
    Case("a decision on the second shard", review("anna", 320_000), {"curate synthesize": "anna1"} | RESULTS),
    Case("a decision on a frame that is not sampled", review("anna", 200_000), NOTHING),
]  # fmt: skip


# --- running it ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Runner:
    """The process that runs the stages, from a copy of the code, and a project where every stage is done."""

    done: House
    first: Units
    process: subprocess.Popen[str]

    def repro(self, house: House, versions: Mapping[str, str]) -> dict[str, Any]:
        return request(self.process, house, versions)


def request(process: subprocess.Popen[str], house: House, versions: Mapping[str, str]) -> dict[str, Any]:
    """Run every stage of the project: the units computed by stage, and under `reused` how many were not."""
    assert process.stdin and process.stdout
    print(json.dumps({"root": str(house.root), "versions": dict(versions)}), file=process.stdin, flush=True)
    answer: dict[str, Any] = json.loads(process.stdout.readline())
    assert "error" not in answer, (house.code / "errors.log").read_text()[-4000:]
    return answer


@pytest.fixture(scope="module")
def runner(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runner]:
    house = House(tmp_path_factory.mktemp("done"), tmp_path_factory.mktemp("code"))
    for folder in CODE:
        shutil.copytree(REPOSITORY / folder, house.code / folder, ignore=shutil.ignore_patterns("__pycache__"))
    (house.root / "data" / "raw").mkdir(parents=True)
    write(house.root / "params.yaml", yaml.safe_dump(PARAMS))
    for name, frames in VIDEOS.items():
        film(name, frames)(house)
    for name, values in SIDECARS.items():
        sidecar(name, **values)(house)
    shelf(90)(house)
    for name in MODELS:
        write(house.root / "models" / name, f"weights of {name}")
    with (house.code / "errors.log").open("w") as errors:
        process = subprocess.Popen(
            [sys.executable, str(STAND_INS)], env=os.environ | {"PYTHONPATH": str(house.code)},
            cwd=house.code, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True,
        )  # fmt: skip
        with process:
            yield Runner(house, request(process, house, {}), process)
            assert process.stdin
            process.stdin.close()  # it ends with its input


@pytest.fixture
def house(runner: Runner, tmp_path: Path) -> Iterator[House]:
    """A copy of the finished project. The code is one for all, so what a test changed in it is undone."""
    root, code = tmp_path / "project", runner.done.code
    shutil.copytree(runner.done.root, root)
    before = {path: path.read_bytes() for path in code.rglob("*.py")}
    yield House(root, code)
    for path in code.rglob("*.py"):
        if path not in before:
            path.unlink()
        elif path.read_bytes() != before[path]:
            path.write_bytes(before[path])


def unit_name(label: str) -> str:
    """`anna.mp4 [1]` is anna1; the one bucket of photos is the shelf."""
    name, _, part = label.partition(" [")
    return "shelf" if name.startswith("photos-") else name.removesuffix(".mp4") + part.rstrip("]")


def computed(answer: Mapping[str, Any]) -> dict[str, set[str]]:
    found = {stage: {unit_name(label) for label in units} for stage, units in answer.items() if stage != "reused"}
    return {stage: {"all"} if units == {stage} else units for stage, units in found.items()}


def expected(table: Expected) -> dict[str, set[str]]:
    """Stage to units, from a row of the table."""
    found: dict[str, set[str]] = {}
    for stages, units in table.items():
        for stage in stages.split():
            found.setdefault(stage, set()).update(units.split())
    return found


def entered_by_dvc(before: House, house: House, files: set[str]) -> set[str]:
    """The stages that `dvc repro` enters: one of these files, an out or a param that `dvc.yaml` names is another."""
    changed = files | {path.parent.relative_to(house.root).as_posix() for path in outs_that_differ(before, house)}
    found, old, new = set(), before.params(), house.params()
    for stage, entry in yaml.safe_load((REPOSITORY / "dvc.yaml").read_text())["stages"].items():
        deps = [dep for dep in entry["deps"] if any(f"{path}/".startswith(f"{dep}/") for path in changed)]
        params = [name for name in entry.get("params", ()) if value_of(old, name) != value_of(new, name)]
        if deps or params:
            found.add(stage)
    return found


def outs_that_differ(before: House, house: House) -> list[Path]:
    """Manifests and students that are not the same bytes as in the other project."""
    made = [*(house.root / "data").glob("*/manifest.parquet"), *(house.root / "data").glob("*/student.json")]
    return [path for path in made if path.read_bytes() != (before.root / path.relative_to(house.root)).read_bytes()]


def value_of(params: Mapping[str, Any], dotted: str) -> Any:
    found: Any = params
    for name in dotted.split("."):
        found = found.get(name, {})
    return found


def test_at_first_everything_is_computed(runner):
    assert computed(runner.first) == expected(EVERYTHING)


@pytest.mark.parametrize("case", TABLE, ids=lambda case: case.name)
def test_what_depends_on_a_change_is_computed_again_and_nothing_else(runner, house, case):
    files = house.files()
    case.change(house)
    changed = {path for path, _ in files.items() ^ house.files().items()}
    answer = runner.repro(house, case.versions)
    assert computed(answer) == expected(case.recomputed)
    if not case.versions:  # DVC watches files and params: it does not see that another library is installed
        stages = {stage.partition("/")[0] for stage in computed(answer)}
        assert stages <= entered_by_dvc(runner.done, house, changed)


def test_stages_that_dvc_enters_for_docstrings_and_comments_everywhere_end_without_work(runner, house):
    files = house.files()
    comments(*everywhere(house))(house)
    changed = {path for path, _ in files.items() ^ house.files().items()}
    answer = runner.repro(house, {})
    assert entered_by_dvc(runner.done, house, changed) >= set(answer["reused"])
    assert all(answer["reused"].values()) and computed(answer) == {}


def test_what_is_changed_back_comes_from_the_store(runner, house):
    video = house.root / "data" / "raw" / "ben.mp4"
    before = video.read_bytes()
    film("ben.mp4", 8, pixel=True)(house)
    assert computed(runner.repro(house, {})) == expected(path_of("ben"))
    video.write_bytes(before)
    assert computed(runner.repro(house, {})) == {}
