"""`autoroto apply`: the student on a video, with a progress bar and its speed."""

from __future__ import annotations

import time
from pathlib import Path

from rich.console import Console

from pipeline.progress import stage_progress


def run_apply(
    video: Path, output: Path, *, background: str, student: Path | None, root: Path, console: Console
) -> None:
    """Write `output` with the background of `video` replaced; the student defaults to the exported one."""
    from training.apply import apply

    model = student or root / "data" / "export" / "student.onnx"
    start = time.perf_counter()
    with stage_progress("apply", console) as progress:
        frames = apply(
            video=video,
            student=model,
            background=background,
            out=output,
            progress=lambda done, total: progress(done, total, video.name),
        )
    rate = frames / (time.perf_counter() - start)
    console.print(f"{frames} frames at {rate:.0f} frames/s, decoding and encoding included: {output}", highlight=False)
