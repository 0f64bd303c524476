"""`autoroto apply`: the student on a video or a photo, with a progress bar and its speed."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from rich.console import Console

from pipeline.params import load_params
from pipeline.progress import stage_progress
from training.live_config import ApplyConfig


def run_apply(
    source: Path,
    output: Path,
    *,
    background: str,
    student: Path | None,
    tier: str,
    root: Path,
    console: Console,
    changed: dict[str, Any],
) -> None:
    """Write `output`: `source` with its background replaced.

    Args:
        student: an ONNX file, or a folder of tiers; default: what `export` wrote.
        tier: a name of `training.tiers.find_tiers`, or `auto`.
        changed: what of `apply` in params.yaml is to be otherwise.
    """
    from training.apply import apply
    from training.tiers import find_tiers, pick_tier

    config = load_params(root / "params.yaml").apply
    config = ApplyConfig.model_validate(config.model_dump() | changed)
    chosen = pick_tier(
        find_tiers(student or root / "data" / "export"),
        tier,
        budget_ms=config.budget_ms,
        benchmark_ms=config.benchmark_ms,
        threads=config.threads,
    )
    if chosen.milliseconds:
        times = ", ".join(f"{name} {value:.1f} ms" for name, value in sorted(chosen.milliseconds.items()))
        console.print(f"tier {chosen.name}: {times} a frame, {config.budget_ms:g} ms are free", highlight=False)
    start = time.perf_counter()
    with stage_progress("apply", console) as progress:
        done = apply(
            source=source,
            student=chosen.path,
            background=background,
            out=output,
            config=config,
            progress=lambda frames, total: progress(frames, total, source.name),
        )
    rate = done.frames / (time.perf_counter() - start)
    kept = done.frames - done.inferred
    console.print(
        f"{output}: {done.frames} frames at {rate:.0f} frames/s, decoding and encoding included"
        + (f"; {kept} kept the alpha before them" if kept else ""),
        highlight=False, markup=False, soft_wrap=True,
    )  # fmt: skip
