"""`autoroto repro`: one local Ray for all stages, `dvc repro`, and the address of the report."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

from rich.console import Console

from pipeline.memory import PeakMemory
from pipeline.params import load_params
from pipeline.ray_head import local_ray
from pipeline.run_log import last_runs
from pipeline.times import times_table


def repro(root: Path, arguments: Sequence[str], console: Console) -> int:
    """Run `dvc repro` with the given extra arguments; returns its exit code."""
    scripts = Path(sys.executable).parent
    environment = os.environ | {"PATH": f"{scripts}{os.pathsep}{os.environ.get('PATH', '')}"}
    attached = "RAY_ADDRESS" in os.environ or load_params(root / "params.yaml").pipeline.runner == "local"
    ray: AbstractContextManager[dict[str, str]]
    ray = nullcontext({}) if attached else local_ray(root / ".autoroto" / "ray.log")
    with PeakMemory() as peak, ray as address:
        environment |= address
        code = subprocess.run([str(scripts / "dvc"), "repro", *arguments], cwd=root, env=environment).returncode
    if code == 0:
        console.print(times_table(last_runs(root)))
        console.print(f"Peak memory of all processes, Ray included: {peak.bytes / 2**30:.1f} GiB", highlight=False)
        console.print(f"The report: {root / 'data' / 'report' / 'report.html'}", highlight=False)
    return code
