"""LiteRT teachers: the selfie and pose models find the astronaut."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from datasets.images import decode_rgb
from stages.paste import paste_maps
from stages.teachers.litert import LiteRTConfig

BOX = (0.02, 0.02, 0.74, 1.0)


def assert_finds_the_astronaut(config: LiteRTConfig, photo: np.ndarray) -> None:
    """Face and suit are foreground, flag and shuttle are not."""
    pasted = paste_maps(config.open(Path()).predict(photo, [BOX]), 512, 512)
    assert pasted is not None
    assert pasted[110, 225] > 230 and pasted[400, 160] > 230
    assert pasted[60, 30] < 60 and pasted[120, 440] < 60


def test_selfie(asset: Callable[[str], Path]) -> None:
    photo = decode_rgb(asset("astronaut").read_bytes())
    assert_finds_the_astronaut(LiteRTConfig(file=str(asset("selfie")), size=(256, 256)), photo)
    assert_finds_the_astronaut(LiteRTConfig(file=str(asset("selfie_landscape")), size=(144, 256)), photo)


def test_pose_output_in_person_crops(asset: Callable[[str], Path]) -> None:
    config = LiteRTConfig(
        file=str(asset("pose_landmark_full")), size=(256, 256), output=2, activation="sigmoid", region="crop", fit="pad"
    )
    assert_finds_the_astronaut(config, decode_rgb(asset("astronaut").read_bytes()))


def test_a_declaration_that_does_not_fit_the_file_says_so(asset: Callable[[str], Path]) -> None:
    with pytest.raises(ValueError, match=r"takes \(1, 256, 256, 3\).*\(1, 144, 256, 3\)"):
        LiteRTConfig(file=str(asset("selfie")), size=(144, 256)).open(Path())
    with pytest.raises(ValueError, match="1 outputs"):
        LiteRTConfig(file=str(asset("selfie")), size=(256, 256), output=1).open(Path())


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"none\.tflite"):
        LiteRTConfig(file="none.tflite", size=(4, 4)).open(tmp_path)
