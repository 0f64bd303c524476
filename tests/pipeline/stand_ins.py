"""The house with cheap work: everything that decides *what* is computed is real, what is computed is not.

Run as a process whose PYTHONPATH holds a copy of the code. It answers each line of its input, a request, with a line:
which units every stage computed. Each request is answered by a fork, which has digested no code yet, so an edit of
the copy counts as it does for a stage that DVC starts. `ingest` does its real work; of the stages after it `setup` and
`process` are replaced here, in memory, which leaves the files that are digested alone.
"""

from __future__ import annotations

import functools
import gc
import json
import os
import sys
import traceback
import typing
from collections.abc import Callable, Iterator
from dataclasses import fields, replace
from pathlib import Path

import cv2

import training.evaluate  # for the forks, as everything below
import training.export
import training.train  # noqa: F401
from datasets.clips import Clip
from datasets.receipt import Receipt
from datasets.schema import Row
from pipeline import code_digest, keys, results
from pipeline.dispatch import dispatch
from pipeline.house import FRAME_STAGES, stage_class
from pipeline.params import load_params
from stages.base import Drop

STAGES = (*FRAME_STAGES, "train", "evaluate", "export")
_NOTHING: dict[object, object] = {
    str: "", int: 0, float: 0.0, bool: False, bytes: b"", list[str]: [], list[int]: [], list[float]: [],
    list[bytes]: [], list[list[float]]: [], dict[str, float]: {},
}  # fmt: skip


def row_of(row_type: type[Row], like: Row, **values: object) -> Row:
    """A row with the fields that `like` has too, and nothing in the others."""
    hints = typing.get_type_hints(row_type)
    made = {f.name: getattr(like, f.name, _NOTHING[hints[f.name]]) for f in fields(row_type)}
    return row_type(**(made | values))


def on_frames(self, item: Clip) -> Iterator[Row | Drop]:
    """A row a frame, as `detect`, `vote`, `fuse`, `score` and `curate` make them: no votes or labels of backgrounds."""
    special = {"vote": {"teacher": getattr(self.config, "name", "")}, "curate": {"group": "silver"}}.get(self.name, {})
    for frame in item.frames:
        if frame.role == "background" and self.name in ("vote", "fuse"):
            yield Drop("background", count=1)
        else:
            yield row_of(self.produces, frame, **special)


def on_clips(self, item: tuple[Clip, ...]) -> Drop | list[Row]:
    """As `plate`: one background of each person-free picture."""
    frame = item[0].frames[0]
    return [row_of(self.produces, frame)] if frame.role == "background" else Drop("camera_moves")


def on_scenes(self, item) -> Drop | list[Row]:
    """As `synthesize`: a clip of each curated burst that is trained on."""
    first = item.clip.rows[0]
    return Drop("test") if first.split == "test" else [row_of(self.produces, first)]


def with_cheap_make(build: Callable[..., results.Result]) -> Callable[..., results.Result]:
    """A result stage whose files hold its key: other inputs, other bytes."""

    def built(*arguments: object) -> results.Result:
        def make(folder: Path, key: str) -> None:
            for name in ("student.safetensors", "student.json"):
                (folder / name).write_text(json.dumps({"key": key}))

        return replace(build(*arguments), make=make)

    return built


def replace_the_work() -> None:
    """Make every stage but `ingest` cheap, and commits too: no power will fail here."""
    os.fsync = lambda descriptor: None
    for stage in FRAME_STAGES[1:]:
        kind = stage_class(stage)
        kind.setup = lambda self: None
        kind.process = {"plate": on_clips, "synthesize": on_scenes}.get(stage, on_frames)
    for stage, build in results.RESULTS.items():
        results.RESULTS[stage] = with_cheap_make(build)


_real_version = functools.cache(keys.version)


def warm_up() -> None:
    """Read every module and version once, for all forks, then forget where modules lie and what they import.

    What stays is remembered by a file's text, so that an edited file is read anew.
    """
    code_digest.code_digest(*(stage_class(stage).__module__ for stage in FRAME_STAGES))
    code_digest.code_digest("training.train", "training.evaluate", "training.export", "stages.teachers.registry")
    for cached in (code_digest._imports, code_digest._exists, code_digest._path):
        cached.cache_clear()
    for name in {name for stage in FRAME_STAGES for name in stage_class(stage).libraries}:
        _real_version(name)


def repro(root: Path, versions: dict[str, str]) -> dict[str, dict[str, list[str]]]:
    """Run every stage; `{stage: {"computed": units, "reused": units}}`, with `vote/TEACHER` as stages of their own."""
    keys.version = results.version = lambda name: versions.get(name) or _real_version(name)
    params, found = load_params(root / "params.yaml"), {}
    cv2.setNumThreads(1)
    for stage in STAGES:
        folder = root / ".autoroto" / "store" / stage
        before = set(folder.glob("*.json"))
        summary = dispatch(stage, params, root)
        new = [Receipt.from_json(path.read_text()) for path in sorted({*folder.glob("*.json")} - before)]
        if len(new) != summary.computed:  # a unit was computed under a key that the store had already
            raise AssertionError(f"{stage}: {len(new)} new receipts, but {summary.computed} units computed")
        for receipt in new:
            found.setdefault("/".join(filter(None, (stage, receipt.folder))), []).append(receipt.label)
        found.setdefault("reused", {})[stage] = summary.reused
    return found


def main() -> None:
    """Answer requests until the input ends."""
    replace_the_work()
    warm_up()
    gc.disable()  # or every fork would copy what it only reads
    for line in sys.stdin:
        request = json.loads(line)
        child = os.fork()
        if child == 0:
            status = 1
            try:
                print(json.dumps(repro(Path(request["root"]), request["versions"])), flush=True)
                status = 0
            except BaseException:
                traceback.print_exc()
            finally:
                os._exit(status)
        if os.waitpid(child, 0)[1]:
            print(json.dumps({"error": "see the error output"}), flush=True)


if __name__ == "__main__":
    main()
