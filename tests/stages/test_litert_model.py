"""A LiteRT model says what it takes, and refuses everything else by name."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from stages.litert_model import LiteRTModel


def test_runs_a_model_and_returns_every_output(asset: Callable[[str], Path]) -> None:
    model = LiteRTModel(asset("selfie_landscape"))
    assert model.input_shape == (1, 144, 256, 3) and model.outputs == 1
    (output,) = model(np.zeros(model.input_shape, np.float32))
    assert output.shape == (1, 144, 256, 1) and output.dtype == np.float32


def test_outputs_do_not_change_under_the_next_call(asset: Callable[[str], Path]) -> None:
    model = LiteRTModel(asset("selfie_landscape"))
    (first,) = model(np.zeros(model.input_shape, np.float32))
    kept = first.copy()
    model(np.full(model.input_shape, 0.7, np.float32))
    assert np.array_equal(first, kept)


def test_another_shape_is_an_error_with_both_shapes(asset: Callable[[str], Path]) -> None:
    with pytest.raises(ValueError, match=r"\(1, 144, 256, 3\).*\(1, 3, 144, 256\)"):
        LiteRTModel(asset("selfie_landscape"))(np.zeros((1, 3, 144, 256), np.float32))


def test_a_missing_file_says_how_to_get_it(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"nothing\.tflite.*autoroto fetch"):
        LiteRTModel(tmp_path / "nothing.tflite")


def test_a_file_that_is_no_model_is_named(tmp_path: Path) -> None:
    (tmp_path / "page.tflite").write_bytes(b"<html>not found</html>" * 10)
    with pytest.raises(ValueError, match=r"page\.tflite: not a model"):
        LiteRTModel(tmp_path / "page.tflite")
