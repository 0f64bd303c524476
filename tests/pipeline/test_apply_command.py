"""`autoroto apply` from the command line, with a small exported student."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from typer.testing import CliRunner

from datasets.video import read_frames, write_video
from pipeline.cli import app
from training.export import write_onnx


class Bright(nn.Module):
    """Who is bright is a person; `layers` convolutions cost time and change nothing."""

    def __init__(self, layers: int) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.layers = nn.Sequential(*(nn.Conv2d(4, 4, 3, padding=1) for _ in range(layers)))

    def forward(self, frame: Tensor) -> Tensor:
        return (frame[:, :1] > 0.5).float() + 0 * self.layers(frame)[:, :1].clamp(0, 1)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("params.yaml", "dvc.yaml"):
        (tmp_path / name).write_text("")
    (tmp_path / "data" / "export").mkdir(parents=True)
    write_onnx(Bright(1), tmp_path / "data" / "export" / "student.onnx", (32, 64), opset=17)
    image = np.full((64, 128, 3), 30, np.uint8)
    image[16:, 40:80] = 240
    write_video(tmp_path / "in.mp4", [image] * 20, fps=10)
    monkeypatch.delenv("DVC_ROOT", raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """What the command wrote for people; an error is raised."""
    result = CliRunner().invoke(app, ["apply", *arguments], catch_exceptions=False, standalone_mode=False)
    assert result.exception is None, result.exception
    return " ".join((result.output + capsys.readouterr().err).split())


def test_a_video_is_written_and_what_was_kept_is_told(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said = run(capsys, "in.mp4", "--out", "out.mp4", "--background", "#00ff00")
    frames = [image for _, image in read_frames(project / "out.mp4")]
    assert len(frames) == 20
    assert frames[10][40, 60].min() > 200 and frames[10][40, 110, 1] > 200 and frames[10][40, 110, 0] < 50
    # Looked at: frames 0, 1 and 16.
    assert "out.mp4: 20 frames at" in said and "17 kept the alpha before them" in said


def test_options_and_params_reach_the_student(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "kept" not in run(capsys, "in.mp4", "-o", "out.mp4", "--no-skip", "--upsample", "guided")
    (project / "params.yaml").write_text("apply: {refresh: 5}")
    assert "15 kept" in run(capsys, "in.mp4", "-o", "out.mp4")  # looked at: 0, 1, 6, 11, 16
    (project / "params.yaml").write_text("apply: {skip: false}")
    assert "kept" not in run(capsys, "in.mp4", "-o", "out.mp4")
    assert "17 kept" in run(capsys, "in.mp4", "-o", "out.mp4", "--skip")


def test_of_several_tiers_one_is_picked_and_told(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_onnx(Bright(30), project / "data" / "export" / "student_l.onnx", (64, 128), opset=17)
    (project / "params.yaml").write_text("apply: {budget_ms: 100000, benchmark_ms: 50}")
    assert "tier l: l " in run(capsys, "in.mp4", "-o", "out.mp4")
    assert "tier" not in run(capsys, "in.mp4", "-o", "out.mp4", "--tier", "student")
    with pytest.raises(ValueError, match="no tier 'xl'; there are l, student, or `auto`"):
        CliRunner().invoke(app, ["apply", "in.mp4", "-o", "out.mp4", "--tier", "xl"], catch_exceptions=False)


def test_mistakes_are_explained(project: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"gone\.mp4: no such video or photo"):
        CliRunner().invoke(app, ["apply", "gone.mp4", "-o", "out.mp4"], catch_exceptions=False)
    (project / "data" / "export" / "student.onnx").unlink()
    with pytest.raises(FileNotFoundError, match="dvc repro export"):
        CliRunner().invoke(app, ["apply", "in.mp4", "-o", "out.mp4"], catch_exceptions=False)
    wrong = CliRunner().invoke(app, ["apply", "in.mp4", "-o", "out.mp4", "--upsample", "cubic"])
    assert wrong.exit_code == 2


def test_the_help_teaches() -> None:
    said = " ".join(CliRunner().invoke(app, ["apply", "--help"], env={"COLUMNS": "200", "TERM": "dumb"}).output.split())
    for words in ("--background", "blur:STRENGTH", "--tier", "--upsample", "--no-skip", "autoroto apply me.jpg"):
        assert words in said, words
