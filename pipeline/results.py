"""The stages that turn many shards into one result (`train`, `evaluate`, `export`): keyed and stored like shards.

So re-entering one of them, whatever DVC thought had changed, never retrains for nothing.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from datasets.receipt import Receipt, StoredFile
from datasets.schema import FORMAT_VERSION
from datasets.shards import file_digest
from datasets.store import Store
from pipeline.code_digest import code_digest
from pipeline.digests import DigestCache
from pipeline.keys import hash_of
from pipeline.params import Params
from pipeline.publish import clear
from pipeline.run_log import Summary
from pipeline.shards import Shard, shards_of
from pipeline.verify import check_shards
from stages.base import Config

_COMMON = ("torch", "onnxruntime", "numpy", "opencv-python-headless")
LIBRARIES = {
    "train": _COMMON,
    "evaluate": (*_COMMON, "onnx", "ai-edge-litert"),
    "export": (*_COMMON, "onnx"),
}
"""Distributions whose versions make each stage's numbers; they enter its key."""

Progress = Callable[[int, int, str], None]


@dataclass(frozen=True)
class Result:
    """One keyed result: what it depends on, the shards it reads, and how to make its files in a folder."""

    stage: str
    module: str
    config: Config
    inputs: tuple[str, ...]
    shards: tuple[Shard, ...]
    make: Callable[[Path, str], None]  # (folder to write into, key)


def run_result(stage: str, params: Params, root: Path, *, progress: Progress | None = None) -> Summary:
    """Bring `data/<stage>/` up to date for a stage with one result.

    Raises:
        FileNotFoundError: an earlier stage has not run.
        StageError: a shard it would read is damaged.
    """
    started, clock = time.time(), time.perf_counter()
    digests = DigestCache(root / ".autoroto" / "digests.json")
    result = RESULTS[stage](params, root, digests, progress)
    digests.save()
    key = hash_of(
        {
            "stage": stage,
            "code": code_digest(result.module),
            "params": json.loads(result.config.model_dump_json()),
            "libraries": {name: version(name) for name in LIBRARIES[stage]},
            "format": FORMAT_VERSION,
            "device": _device(),
            "inputs": list(result.inputs),
        }
    )
    store = Store(root / params.pipeline.store)
    receipt = store.lookup(stage, key)
    computed = receipt is None
    if receipt is None:
        check_shards(stage, result.shards, store, root)
        receipt = _compute(result, key, store)
    out = root / "data" / stage
    out.mkdir(parents=True, exist_ok=True)
    clear(out, {file.name.removeprefix(f"{key}/") for file in receipt.files})
    store.link(receipt, out)
    seconds = time.perf_counter() - clock
    return Summary(
        stage=stage, started=started, seconds=seconds, start_seconds=0.0, units=1, computed=int(computed),
        reused=int(not computed), frames=0, inputs=1, done=1, dropped=0, failed=0,
        worker_seconds=seconds, model_seconds=seconds if computed else 0.0, workers=1,
    )  # fmt: skip


def _compute(result: Result, key: str, store: Store) -> Receipt:
    with store.staging() as staged:
        folder = staged / key
        folder.mkdir()
        result.make(folder, key)
        names = sorted(str(path.relative_to(staged)) for path in folder.rglob("*") if path.is_file())
        files = tuple(StoredFile(name, "", 0) for name in names)
        receipt = Receipt(result.stage, "", key, result.stage, "", files, inputs=1, done=1)
        return store.commit(staged, receipt)


def _train(params: Params, root: Path, digests: DigestCache, progress: Progress | None) -> Result:
    clips, curated = shards_of("synthesize", root), shards_of("curate", root)
    weights = root / "data" / "curate" / "weights.parquet"
    start = root / params.train.init_from if params.train.init_from else None
    inputs = [shard.name for shard in (*clips, *curated)] + [file_digest(weights)]
    inputs += [digests.of(start / "student.safetensors")] if start else []

    def make(folder: Path, key: str) -> None:
        from training.train import train

        def told(step: int, steps: int, figures: Mapping[str, float]) -> None:
            if progress:
                progress(step, steps, " ".join(f"{name} {value:.3f}" for name, value in figures.items()))

        train(
            config=params.train,
            clips=[shard.path for shard in clips],
            curated=[shard.path for shard in curated],
            weights=weights,
            out=folder,
            checkpoints=root / ".autoroto" / "checkpoints" / key,
            init_from=start,
            progress=told,
        )

    return Result("train", "training.train", params.train, tuple(inputs), (*clips, *curated), make)


def _evaluate(params: Params, root: Path, digests: DigestCache, progress: Progress | None) -> Result:
    from training.evaluate import EvaluationShards, evaluate
    from training.retraining import earlier_student

    student = root / "data" / "train"
    of_student = _digests(student, digests)
    earlier = earlier_student(student, root)
    of_earlier = _digests(earlier, digests) if earlier else ()
    paths = {stage: shards_of(stage, root) for stage in ("ingest", "detect", "vote", "fuse", "curate")}
    votes: dict[str, list[Path]] = {}
    for shard in paths["vote"]:
        votes.setdefault(shard.path.parent.name, []).append(shard.path)
    names = [shard.name for shards in paths.values() for shard in shards]
    shards = EvaluationShards(
        frames=[shard.path for shard in paths["ingest"]],
        boxes=[shard.path for shard in paths["detect"]],
        votes=votes,
        labels=[shard.path for shard in paths["fuse"]],
        curated=[shard.path for shard in paths["curate"]],
    )

    def told(done: int, total: int) -> None:
        if progress:
            progress(done, total, "")

    def make(folder: Path, key: str) -> None:
        evaluate(
            config=params.evaluate,
            student=student,
            shards=shards,
            out=folder,
            root=root,
            progress=told,
        )

    inputs = (*names, *of_student, *of_earlier, digests.of(root / params.evaluate.landscape))
    read = tuple(shard for shards in paths.values() for shard in shards)
    return Result("evaluate", "training.evaluate", params.evaluate, inputs, read, make)


def _export(params: Params, root: Path, digests: DigestCache, progress: Progress | None) -> Result:
    student = root / "data" / "train"

    def make(folder: Path, key: str) -> None:
        from training.export import export

        export(config=params.export, student=student, out=folder)

    return Result("export", "training.export", params.export, _digests(student, digests), (), make)


RESULTS: dict[str, Callable[[Params, Path, DigestCache, Progress | None], Result]] = {
    "train": _train,
    "evaluate": _evaluate,
    "export": _export,
}


def _digests(student: Path, digests: DigestCache) -> tuple[str, ...]:
    files = [student / "student.safetensors", student / "student.json"]
    for file in files:
        if not file.exists():
            raise FileNotFoundError(f"{file} is missing: run `dvc repro train` first")
    return tuple(digests.of(file) for file in files)


def _device() -> str:
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"
