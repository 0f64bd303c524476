import numpy as np
import pytest

from training.appearance import draw_colour, draw_look, recolour, restyle
from training.config import AppearanceConfig

NEUTRAL = AppearanceConfig(
    gamma=0, contrast=0, brightness=0, white_balance=0, saturation=0, hue_deg=0, scene_hue_deg=0, grey=0,
    relight=0, redress=0, cloth=0, scene=0, absent=0, filter=0, blur=0, noise=0, jpeg=0,
)  # fmt: skip


@pytest.fixture
def image() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (24, 32, 3), dtype=np.uint8)


@pytest.fixture
def alpha() -> np.ndarray:
    alpha = np.zeros((24, 32), np.uint8)
    alpha[6:, 10:22] = 255
    return alpha


@pytest.fixture
def depth() -> np.ndarray:
    """Of the person in `alpha`: 0 in row 6, 1 at row 24."""
    rows = (np.arange(24, dtype=np.float32) - 6) / 18
    return np.ascontiguousarray(np.broadcast_to(rows[:, None], (24, 32)))


def test_a_neutral_look_changes_nothing(image: np.ndarray, alpha: np.ndarray, depth: np.ndarray) -> None:
    look = draw_look(np.random.default_rng(0), depth, None, NEUTRAL)
    assert np.abs(restyle(image, alpha, look).astype(int) - image).max() <= 1


def test_the_same_draw_gives_the_same_bytes(image: np.ndarray, alpha: np.ndarray, depth: np.ndarray) -> None:
    everything = AppearanceConfig(relight=1, redress=1, cloth=1, scene=1, filter=1, blur=1, noise=1, jpeg=1)
    looks = [draw_look(np.random.default_rng(7), depth, (image, alpha), everything) for _ in range(2)]
    first, second = (restyle(image, alpha, look) for look in looks)
    assert np.array_equal(first, second)
    assert first.shape == image.shape and first.dtype == np.uint8


def test_relighting_leaves_the_person_and_redressing_the_head(
    image: np.ndarray, alpha: np.ndarray, depth: np.ndarray
) -> None:
    relit = NEUTRAL.model_copy(update={"relight": 1.0, "scene_hue_deg": 180.0})
    found = restyle(image, alpha, draw_look(np.random.default_rng(1), depth, None, relit))
    assert np.abs(found.astype(int) - image)[alpha == 255].max() <= 1
    assert np.abs(found.astype(int) - image)[alpha == 0].max() > 10
    redressed = NEUTRAL.model_copy(update={"redress": 1.0})
    found = restyle(image, alpha, draw_look(np.random.default_rng(1), depth, None, redressed))
    changed = np.abs(found.astype(int) - image).max(axis=(1, 2))
    assert changed[11:13].max() <= 1  # the face: below any hairline, above any neckline
    assert changed[-1] > 10
    closeup = draw_look(np.random.default_rng(1), depth * np.float32(0.3), None, redressed)
    changed = np.abs(restyle(image, alpha, closeup).astype(int) - image).max(axis=(1, 2))
    assert changed[-4:].max() <= 1  # a close-up shows the face alone, and a face wears no clothes


def test_a_texture_can_cover_the_whole_person(image: np.ndarray, alpha: np.ndarray, depth: np.ndarray) -> None:
    donor = (np.full((24, 32, 3), 128, np.uint8), np.zeros((24, 32), np.uint8))
    dressed = NEUTRAL.model_copy(update={"cloth": 1.0})
    starts = {
        int(np.flatnonzero(draw_look(np.random.default_rng(seed), depth, donor, dressed).neckline[:, 0] > 127)[0])
        for seed in range(30)
    }
    assert min(starts) in (6, 7) and max(starts) > 12


def test_a_borrowed_scene_holds_no_person(alpha: np.ndarray, depth: np.ndarray) -> None:
    donor = np.full((24, 32, 3), 50, np.uint8)
    donor[alpha == 255] = 250
    look = draw_look(np.random.default_rng(0), depth, (donor, alpha), NEUTRAL.model_copy(update={"scene": 1.0}))
    assert look.scene is not None and look.scene.max() == 50
    gone = NEUTRAL.model_copy(update={"scene": 1.0, "absent": 1.0})
    look = draw_look(np.random.default_rng(0), depth, (donor, alpha), gone)
    assert look.absent and np.abs(restyle(donor, alpha, look).astype(int) - 50).max() <= 1
    crowded = np.full((24, 32), 255, np.uint8)
    look = draw_look(np.random.default_rng(0), depth, (donor, crowded), NEUTRAL.model_copy(update={"scene": 1.0}))
    assert look.scene is None


def test_hue_turn_keeps_grey_grey_and_no_saturation_makes_grey() -> None:
    grey = np.full((2, 2, 3), 90, np.uint8)
    turned = recolour(grey, draw_colour(np.random.default_rng(0), NEUTRAL, hue_deg=180))
    assert np.abs(turned.astype(int) - 90).max() <= 1
    colourless = draw_colour(np.random.default_rng(0), NEUTRAL.model_copy(update={"grey": 1.0}), hue_deg=0)
    red = recolour(np.full((2, 2, 3), (200, 10, 10), np.uint8), colourless)
    assert np.ptp(red.astype(int), axis=2).max() <= 2
