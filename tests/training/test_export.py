import json
from pathlib import Path

import onnx
import pytest
import torch

from training.config import ExportConfig, HourglassConfig
from training.export import Matte, export, parity, write_onnx
from training.models.hourglass import Hourglass
from training.weights import save_student

SMALL = HourglassConfig(height=32, width=64, channels=(8, 12, 16, 16), squeeze=(4, 4, 8, 8), depths=(1, 1, 1, 1))


@pytest.fixture
def student(tmp_path: Path) -> Path:
    torch.manual_seed(1)
    model = Hourglass(SMALL)
    model.train()
    for _ in range(3):
        model(torch.rand(4, 4, 32, 64))  # moves the running statistics off their start
    save_student(tmp_path / "student", model, {})
    return tmp_path / "student"


def test_the_file_computes_what_the_network_does(student: Path, tmp_path: Path) -> None:
    result = export(config=ExportConfig(), student=student, out=tmp_path / "out")
    assert result.difference < 1e-4
    stored = json.loads((tmp_path / "out" / "parity.json").read_text())
    assert stored["difference"] == result.difference and stored["parameters"] == result.parameters


def test_the_graph_is_fixed_small_and_folded(student: Path, tmp_path: Path) -> None:
    export(config=ExportConfig(), student=student, out=tmp_path)
    graph = onnx.load(tmp_path / "student.onnx").graph
    assert [d.dim_value for d in graph.input[0].type.tensor_type.shape.dim] == [1, 4, 32, 64]
    operators = {node.op_type for node in graph.node}
    assert not operators & {"BatchNormalization", "GridSample", "Gather", "Loop", "If"}


def test_the_same_student_gives_the_same_file(student: Path, tmp_path: Path) -> None:
    for name in ("a", "b"):
        export(config=ExportConfig(), student=student, out=tmp_path / name)
    assert (tmp_path / "a" / "student.onnx").read_bytes() == (tmp_path / "b" / "student.onnx").read_bytes()


def test_a_difference_beyond_tolerance_is_an_error(student: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"export\.tolerance"):
        export(config=ExportConfig(tolerance=1e-12), student=student, out=tmp_path)


def test_parity_sees_another_network(tmp_path: Path) -> None:
    torch.manual_seed(0)
    first, second = Matte(Hourglass(SMALL)).eval(), Matte(Hourglass(SMALL)).eval()
    torch.nn.init.constant_(second.student.head.bias, 3.0)
    write_onnx(first, tmp_path / "first.onnx", (32, 64), opset=17)
    assert parity(second, tmp_path / "first.onnx", (32, 64), frames=1) > 0.1


def test_a_folder_without_student_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="train stage"):
        export(config=ExportConfig(), student=tmp_path, out=tmp_path)
