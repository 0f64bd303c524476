"""Any ONNX model becomes a teacher by eight lines of YAML."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
import yaml
from onnx import TensorProto, helper

from datasets.clips import Clip
from datasets.images import decode_rgb, encode_png
from datasets.schema import FrameRow, VoteRow
from stages.paste import paste, paste_maps
from stages.teachers.onnx import OnnxConfig
from stages.teachers.registry import VoteConfig, default_teachers
from stages.vote import Vote

EIGHT_LINES = """
runtime: onnx
file: models/red_things.onnx
size: [96, 128]
colour: bgr
mean: [0.5, 0.5, 0.5]
std: [0.5, 0.5, 0.5]
output: 1
activation: softmax
"""


def _red_things(path: Path) -> None:
    """A segmenter of red things: BGR in -1..1 to (features, logits of background and red thing)."""
    weight = np.zeros((2, 3, 1, 1), np.float32)
    weight[1, :, 0, 0] = [-8, -8, 8]
    graph = helper.make_graph(
        [
            helper.make_node("Relu", ["image"], ["features"]),
            helper.make_node("Conv", ["image", "weight", "bias"], ["logits"]),
        ],
        "red_things",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["batch", 3, "height", "width"])],
        [
            helper.make_tensor_value_info("features", TensorProto.FLOAT, None),
            helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", 2, "height", "width"]),
        ],
        [
            helper.make_tensor("weight", TensorProto.FLOAT, weight.shape, weight.ravel()),
            helper.make_tensor("bias", TensorProto.FLOAT, [2], [0.0, -12.0]),
        ],
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), path)


def _picture() -> tuple[np.ndarray, np.ndarray]:
    """A red disk beside a blue one, and the red one's mask."""
    y, x = np.mgrid[:240, :320]
    image = np.full((240, 320, 3), 40, np.uint8)
    red, blue = np.hypot(x - 100, y - 130) < 70, np.hypot(x - 250, y - 60) < 40
    image[red], image[blue] = (255, 0, 0), (0, 0, 255)
    return image, red


def test_eight_lines_of_yaml_make_a_teacher(tmp_path: Path, frame: Callable[..., FrameRow]) -> None:
    assert len(EIGHT_LINES.strip().splitlines()) == 8
    _red_things(tmp_path / "models/red_things.onnx")
    config = VoteConfig.model_validate({"teachers": {"red": yaml.safe_load(EIGHT_LINES)}})
    image, red = _picture()
    stage = Vote(config.only("red"), root=tmp_path)
    assert list(stage.weights()) == ["models/red_things.onnx"] and "onnxruntime" in stage.libraries
    stage.setup()
    (vote,) = stage.process(Clip((frame(image=encode_png(image)),)))
    assert isinstance(vote, VoteRow) and vote.teacher == "red"
    pasted = paste(vote, 320, 240)
    assert pasted is not None
    found = pasted > 127
    assert np.logical_and(found, red).sum() / np.logical_or(found, red).sum() > 0.98
    assert pasted[60, 250] < 10 and pasted[130, 100] > 245


def test_the_same_input_gives_the_same_bytes_in_every_session(tmp_path: Path) -> None:
    _red_things(tmp_path / "m.onnx")
    image = np.random.default_rng(0).integers(0, 256, (50, 70, 3), np.uint8)
    config = OnnxConfig(file="m.onnx", size=(96, 128), output=1, activation="softmax")
    first, again = (config.open(tmp_path).predict(image, [])[0][1] for _ in range(2))
    several = config.model_copy(update={"threads": 2}).open(tmp_path).predict(image, [])[0][1]
    assert np.array_equal(first, again) and np.array_equal(first, several)


def test_u2netp_finds_the_astronaut_inside_the_boxes(asset: Callable[[str], Path]) -> None:
    config = default_teachers()["u2netp"].model_copy(update={"file": str(asset("u2netp"))})
    photo = decode_rgb(asset("astronaut").read_bytes())
    pasted = paste_maps(config.open(Path()).predict(photo, [(0.02, 0.02, 0.74, 1.0)]), 512, 512)
    assert pasted is not None
    assert pasted[110, 225] > 230 and pasted[400, 160] > 230 and pasted[60, 30] < 30
    assert not pasted[:, 440:].any()  # her helmet on the table is salient too, but lies outside the box


def test_declarations_that_do_not_fit_the_file_say_so(tmp_path: Path) -> None:
    _red_things(tmp_path / "m.onnx")
    with pytest.raises(ValueError, match="2 outputs, so there is no output 2"):
        OnnxConfig(file="m.onnx", size=(96, 128), output=2).open(tmp_path)
    with pytest.raises(ValueError, match=r"takes \['batch', 3, 'height', 'width'\].*\(1, 96, 128, 3\)"):
        OnnxConfig(file="m.onnx", size=(96, 128), layout="nhwc").open(tmp_path)
    with pytest.raises(FileNotFoundError, match=r"none\.onnx.*autoroto fetch"):
        OnnxConfig(file="none.onnx", size=(4, 4)).open(tmp_path)


def test_a_model_with_several_inputs_is_refused_with_their_names(tmp_path: Path) -> None:
    shape = [1, 3, 4, 4]
    graph = helper.make_graph(
        [helper.make_node("Add", ["image", "state"], ["out"])],
        "recurrent",
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name in ("image", "state")],
        [helper.make_tensor_value_info("out", TensorProto.FLOAT, shape)],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), tmp_path / "r.onnx")
    with pytest.raises(ValueError, match=r"one float32 image input.*image.*state"):
        OnnxConfig(file="r.onnx", size=(4, 4)).open(tmp_path)
