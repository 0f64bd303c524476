from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from datasets.images import encode_png
from datasets.media import MediaError
from datasets.sidecars import Keying
from datasets.video import write_video
from stages.keyed import Composite, KeyedConfig, blend, composite_clip, cover

SCREEN, SKIN = (48, 124, 245), (200, 150, 120)
DISK = np.count_nonzero(cv2.circle(np.zeros((96, 128), np.uint8), (60, 60), 20, 1, -1))


@pytest.fixture
def footage(tmp_path: Path) -> tuple[Path, list[Path]]:
    """A disk moving before a blue screen, with a dark bar to crop at the left; three plain backgrounds."""
    frames = []
    for index in range(40):
        frame = np.full((96, 128, 3), SCREEN, np.uint8)
        cv2.circle(frame, (60 + index // 2, 60), 20, SKIN, -1)
        frame[:, :8] = 10
        frames.append(frame)
    video = tmp_path / "blue.mp4"
    write_video(video, frames, fps=20, crf=5)
    backgrounds = []
    for index, grey in enumerate((40, 120, 220)):
        backgrounds.append(tmp_path / f"{index}.png")
        backgrounds[-1].write_bytes(encode_png(np.full((200, 300, 3), grey, np.uint8)))
    return video, backgrounds


KEYING = Keying(screen="blue", crop=(8, 0, 0, 0))


def run(footage: tuple[Path, list[Path]], **config: int) -> list[Composite]:
    video, backgrounds = footage
    settings = KeyedConfig(**config)
    return list(composite_clip(video, KEYING, backgrounds, source="s", burst_frames=4, config=settings))


def test_bursts_are_spread_over_the_clip_with_one_background_each(footage: tuple[Path, list[Path]]) -> None:
    found = run(footage, frames=16)
    assert len(found) == 16
    assert [c.time_us for c in found if c.place.first] == [0, 500_000, 1_000_000, 1_500_000]
    by_burst: dict[int, set[int]] = {}
    for composite in found:
        by_burst.setdefault(composite.place.burst, set()).add(composite.background)
    assert all(len(backgrounds) == 1 for backgrounds in by_burst.values())
    assert {min(backgrounds) for backgrounds in by_burst.values()} == {0, 1, 2}


def test_pixels_are_exactly_background_where_alpha_is_zero(footage: tuple[Path, list[Path]]) -> None:
    for composite in run(footage, frames=12):
        assert composite.image.shape == (96, 120, 3)
        grey = (40, 120, 220)[composite.background]
        assert (composite.image[composite.alpha == 0] == grey).all()
        inside = composite.image[composite.alpha == 255].astype(int)
        assert np.abs(inside.mean(axis=0) - SKIN).max() < 10
        area = (composite.alpha > 127).sum()
        assert area == pytest.approx(DISK, rel=0.05)


def test_the_same_seed_gives_the_same_pixels_and_another_seed_others(footage: tuple[Path, list[Path]]) -> None:
    first, again = run(footage, frames=8), run(footage, frames=8)
    for a, b in zip(first, again, strict=True):
        np.testing.assert_array_equal(a.image, b.image)
    orders = {tuple(c.background for c in run(footage, frames=8, seed=seed)) for seed in range(4)}
    assert len(orders) > 1


def test_a_clip_without_the_wanted_screen_is_refused(footage: tuple[Path, list[Path]]) -> None:
    video, backgrounds = footage

    def first(keying: Keying) -> Composite:
        config = KeyedConfig(frames=8)
        return next(composite_clip(video, keying, backgrounds, source="", burst_frames=4, config=config))

    with pytest.raises(MediaError, match=r"blue\.mp4.*a blue screen") as caught:
        first(Keying(screen="green", crop=KEYING.crop))
    assert caught.value.reason == "no_screen"
    with pytest.raises(MediaError, match="leaves nothing"):
        first(Keying(crop=(200, 0, 0, 0)))


def test_blending_by_hand() -> None:
    foreground, background = np.full((1, 3, 3), 200, np.uint8), np.full((1, 3, 3), 100, np.uint8)
    blended = blend(foreground, np.array([[0, 51, 255]], np.uint8), background)
    assert blended[0, :, 0].tolist() == [100, 120, 200]


@given(st.integers(5, 80), st.integers(5, 80), st.integers(5, 60), st.integers(5, 60), st.integers(0, 9))
def test_covering_fills_the_frame_and_keeps_proportions(
    picture_height: int, picture_width: int, height: int, width: int, seed: int
) -> None:
    rows, columns = np.mgrid[0:picture_height, 0:picture_width].astype(np.float32)
    picture = np.dstack([rows, columns, rows]).astype(np.uint8)
    filled = cover(picture, width, height, np.random.default_rng(seed))
    assert filled.shape == (height, width, 3)
    assert filled[..., 0].max() < picture_height + 1
    if min(height, width) >= 20 and min(picture_height, picture_width) >= 20:
        slope_rows = (int(filled[-1, 0, 0]) - int(filled[0, 0, 0])) / (height - 1)
        slope_columns = (int(filled[0, -1, 1]) - int(filled[0, 0, 1])) / (width - 1)
        assert slope_rows == pytest.approx(slope_columns, abs=0.25)
