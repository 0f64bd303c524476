import subprocess
from pathlib import Path

import pytest

from training.history import write_history

HISTORY = [{"step": 10, "loss": 0.5, "val_iou": 0.25}, {"step": 20, "loss": 1 / 3, "val_iou": 0.75}]


def test_the_table_and_the_plots_hold_every_validation(tmp_path: Path) -> None:
    write_history(tmp_path, HISTORY)
    lines = (tmp_path / "history.csv").read_text().splitlines()
    assert lines == ["step,loss,val_iou", "10,0.5,0.25", f"20,{1 / 3!r},0.75"]
    plot = (tmp_path / "dvclive" / "plots" / "metrics" / "val_iou.tsv").read_text().splitlines()
    assert [line.split("\t") for line in plot] == [["step", "val_iou"], ["10", "0.25"], ["20", "0.75"]]


def test_written_again_it_is_the_same_and_not_longer(tmp_path: Path) -> None:
    for _ in range(2):
        write_history(tmp_path, HISTORY)
    assert len((tmp_path / "dvclive" / "plots" / "metrics" / "loss.tsv").read_text().splitlines()) == 3


def test_no_dvc_project_appears_in_a_plain_git_repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    monkeypatch.chdir(tmp_path)
    write_history(tmp_path, HISTORY)
    assert not (tmp_path / ".dvc").exists() and not (tmp_path / ".dvcignore").exists()
