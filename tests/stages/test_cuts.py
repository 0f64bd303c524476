import numpy as np
import pytest

from datasets.images import Image
from stages.cuts import CutDetector


def scene(seed: int, shape: tuple[int, int] = (90, 120)) -> Image:
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (6, 8, 3), dtype=np.uint8)
    return np.kron(coarse, np.ones((shape[0] // 6, shape[1] // 8, 1), np.uint8))


def test_a_cut_is_found_at_its_frame_and_nowhere_else() -> None:
    first, second = scene(1), scene(2)
    frames = [np.roll(first, shift, axis=1) for shift in range(5)] + [np.roll(second, s, axis=1) for s in range(5)]
    detector = CutDetector(27.0)
    assert [detector.starts_shot(frame) for frame in frames] == [True, *[False] * 4, True, *[False] * 4]


def test_pictures_of_unlike_shapes_are_compared() -> None:
    detector = CutDetector(27.0)
    assert detector.starts_shot(scene(1))
    assert not detector.starts_shot(scene(1, (180, 240)))
    assert detector.starts_shot(scene(3, (240, 160)))


@pytest.mark.parametrize(("threshold", "cut"), [(15.0, True), (40.0, False)])
def test_the_threshold_decides(threshold: float, cut: bool) -> None:
    dark, bright = np.full((64, 64, 3), 60, np.uint8), np.full((64, 64, 3), 150, np.uint8)
    detector = CutDetector(threshold)  # hue and saturation stay, brightness changes by 90: a mean change of 30
    detector.starts_shot(dark)
    assert detector.starts_shot(bright) is cut
