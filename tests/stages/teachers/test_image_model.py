"""What goes into a network, what comes out, and that nothing moves on the way."""

import functools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datasets.images import decode_rgb, encode_jpeg
from stages.paste import paste_maps
from stages.teachers.base import Teacher
from stages.teachers.image_model import ImageModelConfig, ImageModelTeacher, Tensor, to_map, to_tensor

BOX = (0.15, 0.1, 0.85, 0.95)


class Declared(ImageModelConfig):
    """A declaration without a runtime: tests bring the network."""

    file: str = "models/test.bin"
    layout: str = "nhwc"  # type: ignore[assignment]

    def open(self, root: Path) -> Teacher:
        raise NotImplementedError


def _config(**values: Any) -> Declared:
    return Declared(**({"size": (64, 64)} | values))


def _identity(tensor: Tensor) -> Tensor:
    """Answers the first channel of its input."""
    return tensor[..., :1]


@functools.cache
def _scene(width: int, height: int) -> tuple[np.ndarray, np.ndarray]:
    """An ellipse with a notch, anti-aliased: the picture and its mask."""
    fine = 4
    y, x = np.mgrid[: height * fine, : width * fine]
    u, v = (x + 0.5) / (width * fine), (y + 0.5) / (height * fine)
    shape = (((u - 0.5) / 0.3) ** 2 + ((v - 0.55) / 0.38) ** 2 < 1) & ~((u > 0.6) & (v < 0.4))
    grey = shape.reshape(height, fine, width, fine).mean(axis=(1, 3))
    return np.repeat(np.uint8(255 * grey)[..., None], 3, axis=2), grey > 0.5


def _iou(a: np.ndarray, b: np.ndarray) -> float:
    return np.logical_and(a, b).sum() / np.logical_or(a, b).sum()


@pytest.mark.parametrize("frame", [(400, 300), (176, 144), (301, 502)])
@pytest.mark.parametrize("size", [(256, 256), (144, 256)])
@pytest.mark.parametrize("region", ["frame", "crop"])
@pytest.mark.parametrize("fit", ["stretch", "pad"])
def test_an_identity_networks_map_lands_on_the_same_pixels(
    frame: tuple[int, int], size: tuple[int, int], region: str, fit: str
) -> None:
    image, mask = _scene(*frame)
    teacher = ImageModelTeacher(_config(size=size, region=region, fit=fit), _identity)
    ballot = teacher.predict(image, [BOX])
    assert all(grey.shape == size and grey.dtype == np.uint8 for _, grey in ballot)
    pasted = paste_maps(ballot, *frame)
    assert pasted is not None and _iou(pasted > 127, mask) > 0.99


def test_a_teacher_that_flips_answers_the_mean_of_both_looks() -> None:
    def left(tensor: Tensor) -> Tensor:
        """Takes the left half of whatever it sees for foreground."""
        answer = np.zeros_like(tensor[..., :1])
        answer[:, :, : tensor.shape[2] // 2] = 1
        return answer

    image = np.zeros((8, 8, 3), np.uint8)
    ((_, once),) = ImageModelTeacher(_config(size=(4, 4)), left).predict(image, [])
    assert once.tolist() == [[255, 255, 0, 0]] * 4
    ((_, twice),) = ImageModelTeacher(_config(size=(4, 4), flip=True), left).predict(image, [])
    assert twice.tolist() == [[128] * 4] * 4


def test_a_flip_comes_back_to_the_pixels_it_was_made_from() -> None:
    image = np.random.default_rng(0).integers(0, 256, (24, 32, 3), dtype=np.uint8)
    looks = [ImageModelTeacher(_config(size=(24, 32), flip=flip), _identity) for flip in (False, True)]
    (plain,), (flipped,) = (teacher.predict(image, []) for teacher in looks)
    assert np.array_equal(plain[1], flipped[1])


@settings(max_examples=12, deadline=None)
@given(st.floats(0, 0.2), st.floats(0, 0.15), st.floats(0.8, 1), st.floats(0.94, 1), st.floats(1, 2))
def test_whatever_the_crop_the_map_lands_on_the_same_pixels(
    x0: float, y0: float, x1: float, y1: float, padding: float
) -> None:
    image, mask = _scene(320, 240)
    teacher = ImageModelTeacher(_config(size=(256, 256), region="crop", padding=padding, fit="pad"), _identity)
    pasted = paste_maps(teacher.predict(image, [(x0, y0, x1, y1)]), 320, 240)
    assert pasted is not None and _iou(pasted > 127, mask) > 0.985


def test_one_window_per_person_and_best_boxes_first() -> None:
    image, _ = _scene(100, 80)
    people = [(0.1, 0.1, 0.3, 0.9), (0.5, 0.1, 0.7, 0.9), (0.8, 0.1, 0.9, 0.9)]
    teacher = ImageModelTeacher(_config(region="crop", padding=1.0, max_people=2), _identity)
    windows = [window for window, _ in teacher.predict(image, people)]
    assert windows == [pytest.approx(people[0]), pytest.approx(people[1])]


def test_crop_teachers_abstain_without_people_and_frame_teachers_do_not() -> None:
    image, _ = _scene(40, 30)
    assert ImageModelTeacher(_config(region="crop"), _identity).predict(image, []) == []
    assert len(ImageModelTeacher(_config(), _identity).predict(image, [])) == 1


@pytest.mark.parametrize(
    ("values", "boxes", "expected"),
    [
        ({}, [], 8),  # 720 / 64 = 11
        ({"size": (256, 256)}, [], 2),  # 720 / 256 = 2.8
        ({"size": (144, 256)}, [], 4),  # 1280 / 256 = 5, 720 / 144 = 5
        ({"size": (721, 64)}, [], 1),
        ({"size": (128, 128), "region": "crop", "padding": 1.0}, [(0, 0, 1, 1)], 4),  # 720 / 128 = 5.6
        ({"size": (128, 128), "region": "crop", "padding": 1.0}, [(0, 0, 1, 1), (0, 0, 0.2, 1)], 2),  # 256 / 128
        ({"size": (128, 128), "region": "crop", "padding": 1.25}, [(0, 0, 0.1, 1)], 1),  # 144 / 128
        ({"region": "crop"}, [], 8),
        ({"size": (256, 256), "gate": "boxes"}, [], 8),
        ({"size": (256, 256), "gate": "boxes"}, [BOX], 2),
    ],
)
def test_a_frame_is_decoded_no_smaller_than_any_region_needs(
    values: dict[str, Any], boxes: list[Any], expected: int
) -> None:
    assert ImageModelTeacher(_config(**values), _identity).reduction(1280, 720, boxes) == expected


@pytest.mark.parametrize("region", ["frame", "crop"])
@pytest.mark.parametrize("fit", ["stretch", "pad"])
def test_a_reduced_frame_gives_the_map_of_the_whole_one(region: str, fit: str) -> None:
    image, _ = _scene(640, 480)
    half = decode_rgb(encode_jpeg(image), reduction=2)
    teacher = ImageModelTeacher(_config(region=region, fit=fit), _identity)
    assert teacher.reduction(640, 480, [BOX]) >= 2
    whole, small = (paste_maps(teacher.predict(view, [BOX]), 640, 480) for view in (image, half))
    assert whole is not None and small is not None
    assert np.abs(whole.astype(int) - small).mean() < 1 and _iou(whole > 127, small > 127) > 0.99


def test_a_gated_teacher_votes_inside_the_boxes_only_and_abstains_without() -> None:
    image = np.full((60, 60, 3), 255, np.uint8)
    teacher = ImageModelTeacher(_config(gate="boxes", padding=1.0), _identity)
    assert teacher.predict(image, []) == []
    ((window, grey),) = teacher.predict(image, [(0.25, 0.5, 0.75, 1.0)])
    expected = np.zeros((64, 64), bool)
    expected[32:, 16:48] = True
    assert window == (0, 0, 1, 1) and np.array_equal(grey == 255, expected)


def test_normalisation_by_hand() -> None:
    image = np.array([[[10, 100, 200]]], np.uint8)
    config = _config(size=(1, 1), mean=(0.1, 0.2, 0.3), std=(0.5, 0.25, 0.2))
    expected = [(10 / 255 - 0.1) / 0.5, (100 / 255 - 0.2) / 0.25, (200 / 255 - 0.3) / 0.2]
    assert to_tensor(image, config).ravel() == pytest.approx(expected, abs=1e-6)
    assert to_tensor(image, _config(divide_by="max")).ravel() == pytest.approx([0.05, 0.5, 1.0])
    assert to_tensor(image, _config(divide_by=1)).ravel() == pytest.approx([10, 100, 200])
    assert to_tensor(image, _config(colour="bgr", divide_by=1)).ravel() == pytest.approx([200, 100, 10])


def test_a_black_image_divided_by_its_largest_value_stays_finite() -> None:
    assert np.all(to_tensor(np.zeros((2, 2, 3), np.uint8), _config(divide_by="max")) == 0)


def test_layouts() -> None:
    image = np.random.default_rng(0).integers(0, 256, (4, 6, 3), np.uint8)
    last, first = to_tensor(image, _config(layout="nhwc")), to_tensor(image, _config(layout="nchw"))
    assert last.shape == (1, 4, 6, 3) and first.shape == (1, 3, 4, 6)
    assert np.array_equal(first[0].transpose(1, 2, 0), last[0]) and first.flags.c_contiguous


def test_activations_by_hand() -> None:
    logits = np.zeros((1, 2, 1, 2), np.float32)
    logits[0, 1] = np.log(3)
    config = {"layout": "nchw"}
    assert to_map(logits, _config(activation="softmax", **config)).tolist() == [[191, 191]]  # 3 / 4
    assert to_map(logits, _config(activation="softmax", channel=0, **config)).tolist() == [[64, 64]]
    assert to_map(logits, _config(activation="sigmoid", **config)).tolist() == [[191, 191]]
    assert to_map(logits[:, :1] + 0.2, _config(**config)).tolist() == [[51, 51]]


@pytest.mark.parametrize("shape", [(4, 6), (1, 4, 6), (1, 4, 6, 1), (4, 6, 1)])
def test_outputs_with_and_without_batch_and_channel(shape: Sequence[int]) -> None:
    output = np.arange(24, dtype=np.float32).reshape(shape) / 24
    assert to_map(output, _config()).shape == (4, 6)


def test_huge_logits_do_not_overflow() -> None:
    logits = np.array([[[[-1e30, 1e30]]]], np.float32)
    assert to_map(logits, _config(layout="nchw", activation="sigmoid")).tolist() == [[0, 255]]


@pytest.mark.parametrize("value", [-8.0, 9.0, float("nan")])
def test_an_output_that_is_no_probability_says_what_to_set(value: float) -> None:
    output = np.full((1, 3, 3, 1), value, np.float32)
    with pytest.raises(ValueError, match=r"models/test\.bin.*activation: sigmoid"):
        to_map(output, _config())


def test_a_missing_channel_and_a_vector_are_errors() -> None:
    with pytest.raises(ValueError, match="1 channels, not 3"):
        to_map(np.zeros((1, 4, 4, 1), np.float32), _config(channel=3))
    with pytest.raises(ValueError, match=r"shape \(117,\)"):
        to_map(np.zeros(117, np.float32), _config())


def test_a_number_declares_a_square() -> None:
    assert _config(size=320).size == (320, 320) and _config(size=[144, 256]).input_shape == (1, 144, 256, 3)
