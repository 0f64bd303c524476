"""A run over hostile names with secrets in its environment, and its report in a real browser.

One project is labelled for real (DVC, Ray, every stage up to the curated labels), then looked at from all sides.
"""

from __future__ import annotations

import csv
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from datasets.images import encode_jpeg
from datasets.manifest import read_manifest, write_manifest
from pipeline.params import load_params
from pipeline.ray_head import local_ray
from pipeline.report import run_report
from qa.report_words import words
from tests.chromium import outside, page_of
from tests.tiny import FILES, REPOSITORY, slice_of, small_lock, tiny_params

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

CODE = ("datasets", "stages", "qa", "training", "pipeline")
THROUGH_DVC = ("fetch", "ingest", "detect")
IN_PROCESS = ("vote", "fuse", "score", "curate", "report")

CANARIES = {
    "LABEL_STUDIO_API_KEY": "canary-1f0c2b57-label-studio",
    "AWS_ACCESS_KEY_ID": "canary-8e1d93ac-access-key",
    "AWS_SECRET_ACCESS_KEY": "canary-5b7a60de-secret-key",
    "AWS_SESSION_TOKEN": "canary-c94f1e08-session-token",
}
REMOTE = {
    "access_key_id": "canary-0d31b7f2-remote-access-key",
    "secret_access_key": "canary-77a4e9c6-remote-secret-key",
    "session_token": "canary-e2158fb9-remote-session-token",
}
SECRETS = (*CANARIES.values(), *REMOTE.values())

PEOPLE = {
    "$(touch pwned).mp4": "train",
    "; touch pwned;.mp4": "train",
    "`touch pwned` & touch pwned | touch pwned #.mp4": "val",
    "<script>window.pwned=1<": "test",  # a folder, whose file ends the tag
}
IN_FOLDER = "script>.mp4"
PHOTO = "astronaut"
"""The one asset beside the models: `fetch` has to leave a folder of footage."""
BROKEN = (
    "'\"><img src=x onerror=window.pwned=1>.mp4",
    "[bold red]${pwned} {{7*7}} %s\\n.mp4",
    "-rf --output=pwned $HOME && touch pwned.png",
)
MARKUP = "<img src='http://127.0.0.1:9/x' onerror=window.pwned=1>"


@dataclass(frozen=True)
class Run:
    """The finished project, everything its commands printed, and the folder that Ray kept its logs in."""

    root: Path
    printed: str
    temporary: Path
    ray_logs: dict[str, bytes]

    @property
    def report(self) -> Path:
        return self.root / "data" / "report" / "report.html"


def write_project(root: Path, clip: Path) -> None:
    """Footage with hostile names and sidecars; only models are fetched."""
    for folder in CODE:
        shutil.copytree(REPOSITORY / folder, root / folder, ignore=shutil.ignore_patterns("__pycache__"))
    for name in FILES:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(REPOSITORY / name, root / name)
    lock = small_lock()
    for package in lock["packages"]:
        package["files"] = [
            file for file in package["files"] if file["target"].startswith("models/") or file["name"] == PHOTO
        ]
    lock["packages"] = [package for package in lock["packages"] if package["files"]]
    (root / "assets.yaml").write_text(yaml.safe_dump(lock))
    params = tiny_params()
    params["vote"]["teachers"] = {"selfie": params["vote"]["teachers"]["selfie"]}
    params["ingest"] |= {"burst_frames": 2, "max_clip_frames": 8}
    params["pipeline"] |= {"max_fail_fraction": 1.0}
    params["curate"] |= {"required_splits": []}
    (root / "params.yaml").write_text(yaml.safe_dump(params))
    raw = root / "data" / "raw"
    for number, (name, split) in enumerate(PEOPLE.items()):
        path = raw / name / IN_FOLDER if name.endswith("<") else raw / name
        path.parent.mkdir(exist_ok=True)
        slice_of(clip, path, start=100 * number, count=6)
        sidecar = {"subject": f"{MARKUP} {split}", "licence": [MARKUP], "source": f"</td>{MARKUP}", "split": split}
        path.with_suffix(".yaml").write_text(yaml.safe_dump(sidecar))
    for name in BROKEN:
        (raw / name).write_bytes(f"no picture in {name}".encode())


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, asset) -> Iterator[Run]:
    """The project labelled: `autoroto repro` with DVC and a Ray of its own, the later stages one after the other."""
    root = tmp_path_factory.mktemp("hostile")
    write_project(root, asset("cap12"))
    with tempfile.TemporaryDirectory(prefix="s-", dir="/tmp") as temporary:  # Ray's sockets want a short path
        scripts = Path(sys.executable).parent
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("RAY_", "DVC_"))}
        environment |= CANARIES | {
            "PATH": f"{scripts}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": str(root),
            "TMPDIR": temporary,
            "DVC_SITE_CACHE_DIR": str(root / ".dvc-site"),
            "DVC_NO_ANALYTICS": "1",
        }
        printed = []

        def call(*command: str, succeeds: bool = True) -> None:
            done = subprocess.run(
                [str(scripts / command[0]), *command[1:]],
                cwd=root, env=environment, capture_output=True, text=True, errors="replace", check=False,
            )  # fmt: skip
            printed.append(done.stdout + done.stderr)
            assert (done.returncode == 0) == succeeds, f"{command}: {printed[-1][-4000:]}"

        call("dvc", "init", "--no-scm", "-q")
        (root / ".dvc" / "config.local").write_text(
            "[core]\n    remote = secret\n    analytics = false\n[cache]\n    type = hardlink,copy\n"
            "['remote \"secret\"']\n    url = s3://no-such-bucket/autoroto\n    endpointurl = http://127.0.0.1:9\n"
            + "".join(f"    {name} = {value}\n" for name, value in REMOTE.items())
        )
        call("autoroto", "repro", "--verbose", "detect")
        logs = ray_logs(root, Path(temporary), environment, call)
        call("python", "-c", LATER, *IN_PROCESS)
        call("dvc", "push", "--verbose", succeeds=False)  # there is no such bucket
        call("autoroto", "run", "nonsense", succeeds=False)
        yield Run(root, "\n".join(printed), Path(temporary), logs)


def ray_logs(root: Path, temporary: Path, environment: dict[str, str], call: Callable[..., None]) -> dict[str, bytes]:
    """Name to bytes of the logs of a Ray as `repro` starts one, which takes them away when it ends, after a stage."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in CANARIES.items():
            patch.setenv(name, value)
        patch.setattr(tempfile, "tempdir", str(temporary))
        with local_ray(root / ".autoroto" / "second.log") as ray:
            environment.update(ray)
            shutil.rmtree(root / ".autoroto" / "store" / "detect")
            call("autoroto", "run", "detect")
            files = [path for path in temporary.rglob("*") if "logs" in path.parts and path.is_file()]
            found = {path.name: path.read_bytes() for path in files}
    for name in ray:
        del environment[name]
    return found


LATER = """
import sys
from pathlib import Path
from pipeline.dispatch import dispatch
from pipeline.params import load_params
from pipeline.run_log import log_summary

root = Path.cwd()
params = load_params(root / "params.yaml").with_runner("local")
for stage in sys.argv[1:]:
    log_summary(dispatch(stage, params, root), root)
"""


# ── names ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_every_hostile_name_was_labelled_or_named_as_failed(run: Run) -> None:
    receipts = read_manifest(run.root / "data" / "ingest" / "manifest.parquet")
    people = {name if not name.endswith("<") else f"{name}/{IN_FOLDER}" for name in PEOPLE}
    assert {receipt.label for receipt in receipts if receipt.done and not receipt.label.startswith("photos-")} == people
    failed = "\n".join(detail for receipt in receipts for detail in receipt.details)
    assert sum(sum(receipt.failed.values()) for receipt in receipts) == len(BROKEN)
    assert all(name in failed for name in BROKEN)
    assert (run.root / "data" / "curate" / "weights.parquet").exists()


def test_no_name_reached_a_shell(run: Run) -> None:
    for folder in (run.root, run.root.parent, run.temporary, Path.home(), Path("/")):
        assert not (folder / "pwned").exists(), folder
    assert list(run.root.rglob("pwned*")) == []
    lock = yaml.safe_load((run.root / "dvc.lock").read_text())
    commands = {name: stage["cmd"] for name, stage in lock["stages"].items()}
    assert commands == {
        "fetch": "exec autoroto fetch", "ingest": "exec autoroto run ingest", "detect": "exec autoroto run detect",
    }  # fmt: skip
    assert set(commands) == set(THROUGH_DVC)


# ── secrets ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def files_with_secrets(root: Path) -> set[str]:
    """Files below a folder that hold one of the secrets, in their name or their bytes."""
    pattern = re.compile("|".join(map(re.escape, SECRETS)).encode())
    return {
        path.relative_to(root).as_posix()
        for path in root.rglob("*")
        if path.is_file() and not path.is_symlink() and pattern.search(os.fsencode(path) + b"\0" + path.read_bytes())
    }


def test_no_secret_is_in_any_file_of_the_project(run: Run) -> None:
    assert files_with_secrets(run.root) == {".dvc/config.local"}  # where the user wrote them, and nowhere else
    looked_at = {path.relative_to(run.root).as_posix() for path in run.root.rglob("*") if path.is_file()}
    assert looked_at >= {
        "dvc.lock", ".autoroto/ray.log", ".autoroto/runs.jsonl", "data/curate/manifest.parquet",
        "data/report/report.html",
    }  # fmt: skip
    assert any(name.startswith(".dvc/cache/") for name in looked_at)


def test_no_secret_is_in_the_logs_of_ray(run: Run) -> None:
    logs = run.ray_logs
    assert len(logs) > 5 and any(name.startswith("worker-") for name in logs), "Ray kept its logs elsewhere"
    assert not [name for name, data in logs.items() if any(secret.encode() in data for secret in SECRETS)]
    assert files_with_secrets(run.temporary) == set()


def test_no_secret_was_printed(run: Run) -> None:
    assert "Running stage 'detect'" in run.printed and "s3" in run.printed
    assert [secret for secret in SECRETS if secret in run.printed] == []


# ── the report in a browser ───────────────────────────────────────────────────────────────────────────────────────────


def test_the_browser_notes_what_a_page_with_foreign_code_does(tmp_path: Path) -> None:
    """The next test would pass if nothing were ever noted."""
    html = tmp_path / "evil.html"
    html.write_text(f"<!doctype html><title>x</title><script>window.pwned=1</script>{MARKUP}")
    with page_of(html) as (page, seen):
        assert page.evaluate("window.pwned") == 1
        assert outside(seen.requests, html) == ["http://127.0.0.1:9/x"]
        assert seen.alarms


@pytest.fixture(scope="module")
def hostile_report(run: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of the same run, with markup also where our own code writes: reasons, stages, methods, captions."""
    root = tmp_path_factory.mktemp("markup")
    shutil.copytree(run.root / "data", root / "data")
    for name in ("params.yaml", "assets.yaml"):
        shutil.copy(run.root / name, root / name)
    manifest = root / "data" / "ingest" / "manifest.parquet"
    receipts = [
        replace(receipt, failed={MARKUP: n}, details=(f"</script>{MARKUP}",)) if (n := sum(receipt.failed.values()))
        else replace(receipt, inputs=receipt.inputs + 1, dropped={f"'\"></td>{MARKUP}": 1})
        for receipt in read_manifest(manifest)
    ]  # fmt: skip
    manifest.unlink()  # it may share its bytes with the store
    write_manifest(manifest, receipts)
    (root / ".autoroto").mkdir()
    log = (run.root / ".autoroto" / "runs.jsonl").read_text().splitlines()
    (root / ".autoroto" / "runs.jsonl").write_text(json.dumps(json.loads(log[0]) | {"stage": f"\"'{MARKUP}"}) + "\n")
    for stage in ("train", "evaluate", "export"):
        (root / "data" / stage).mkdir()
    with (root / "data" / "train" / "history.csv").open("w", newline="") as file:
        csv.writer(file).writerows([[f"step{MARKUP}", f"{MARKUP}_loss", "b_loss"], [1, 0.5, 0.4], [2, 0.3, 0.2]])
    scores = {name: {"iou": 0.5, "mae": 0.1} for name in ("student", MARKUP, f"'\">{MARKUP}")}
    metrics = {"keyed": scores, "test": scores, "milliseconds": {"student": 1.0, MARKUP: 2.0}}
    (root / "data" / "evaluate" / "metrics.json").write_text(json.dumps(metrics))
    (root / "data" / "export" / "parity.json").write_text(json.dumps({MARKUP: {"</dd>": MARKUP}}))
    picture = encode_jpeg(np.zeros((8, 8, 3), np.uint8))
    samples = pa.table({"path": [f"'\">{MARKUP}"], f'">{MARKUP}': pa.array([picture], pa.large_binary())})
    pq.write_table(samples, root / "data" / "evaluate" / "samples.parquet")
    run_report(load_params(root / "params.yaml"), root)
    return root / "data" / "report" / "report.html"


HANDLERS = "[...document.querySelectorAll('*')].filter((e) => e.getAttributeNames().some((n) => /^on/i.test(n))).length"
FOREIGN = "[...document.querySelectorAll('img, iframe, object, embed, base, link')].map((e) => e.src || e.href || '')"


def test_the_report_shows_hostile_names_and_runs_none_of_them(run: Run) -> None:
    text = open_and_use(run.report)
    assert "<script>window.pwned=1</script>.mp4" in text
    assert all(name in text for name in (*BROKEN, *(name for name in PEOPLE if name.endswith(".mp4"))))


def test_no_text_that_the_report_reads_is_taken_for_markup(hostile_report: Path) -> None:
    text = open_and_use(hostile_report)
    assert f"</script>{MARKUP}" in text and words(f"'\"></td>{MARKUP}") in text  # a failure's message, a drop's reason
    assert text.count(MARKUP) > 20


def open_and_use(html: Path) -> str:
    """Open a report, use all of it, and return what it reads; fails if any text of it became a part of the page."""
    with page_of(html) as (page, seen):
        for summary in page.locator("summary").all():
            if summary.is_visible():
                summary.click()
        text = page.inner_text("body")
        assert MARKUP in text and f"</td>{MARKUP}" in text  # licence and source of the sidecars
        tiles = page.locator("#gallery button.tile")
        assert tiles.count() >= 4
        read = ""
        for index in range(tiles.count()):
            tiles.nth(index).click()
            read += page.inner_text("#facts")
            for view in page.locator("#views button").all():
                view.click()
            page.keyboard.press("Escape")
        assert "<script>window.pwned=1</script>.mp4" in read
        for option in page.locator("select[data-filter=source] option").all():
            page.select_option("select[data-filter=source]", option.get_attribute("value"))
            assert tiles.count() >= 1
        page.wait_for_timeout(300)  # a picture that cannot be had says so after a moment
        assert page.evaluate("window.pwned") is None
        assert page.evaluate(HANDLERS) == 0
        assert {source[:5] for source in page.evaluate(FOREIGN)} <= {"data:"}
    assert outside(seen.requests, html) == []
    assert seen.alarms == []
    return text
