"""`dvc plots show` without a network: the page carries its own scripts."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.chromium import outside, page_of

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

REPOSITORY = Path(__file__).resolve().parents[1]
HISTORY = "step,loss,val_iou\n150,0.79,0.54\n300,0.55,0.61\n450,0.46,0.70\n"
METHODS = "set,method,iou\nkeyed,student,0.92\nkeyed,selfie_landscape,0.945\n"


def test_the_plots_are_drawn_and_nothing_is_asked_for(tmp_path: Path) -> None:
    for name in (".dvc/config", ".dvc/plots.html", "dvc.yaml", "params.yaml"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(REPOSITORY / name, tmp_path / name)
    (tmp_path / ".dvc" / "tmp").mkdir()
    for name, text in (("train/history.csv", HISTORY), ("evaluate/plots/methods.csv", METHODS)):
        path = tmp_path / "data" / name
        path.parent.mkdir(parents=True)
        path.write_text(text)
    subprocess.run(["git", "init", "--quiet"], cwd=tmp_path, check=True)
    shown = subprocess.run(
        [sys.executable, "-m", "dvc", "plots", "show"], cwd=tmp_path, check=True, capture_output=True, text=True
    )
    html = tmp_path / "dvc_plots" / "index.html"
    assert html.exists(), shown
    with page_of(html) as (page, seen):
        page.wait_for_function("document.querySelectorAll('canvas, svg.marks').length === 3")
    assert [alarm for alarm in seen.alarms if not alarm.startswith("warning")] == []  # Vega warns of empty axes
    assert outside(seen.requests, html) == []
