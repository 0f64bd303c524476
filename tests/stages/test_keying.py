import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from datasets.images import Grey, Image
from stages.keying import BAND, Screen, estimate_screen, key, screen_difference

BLUE, GREEN = (48, 124, 245), (20, 190, 60)
SKIN = (200, 150, 120)


def person(shape: tuple[int, int] = (160, 200), softness: float = 1.5) -> Grey:
    """A soft disk on a body that leaves at the lower edge."""
    height, width = shape
    mask = np.zeros(shape, np.uint8)
    cv2.circle(mask, (width // 2, height // 2), height // 4, 255, -1)
    cv2.rectangle(mask, (width // 4, height * 3 // 4), (width * 3 // 4, height), 255, -1)
    return np.asarray(cv2.GaussianBlur(mask, (0, 0), softness), np.uint8)


def shot(alpha: Grey, screen: tuple[int, int, int], foreground: Image | tuple[int, int, int] = SKIN) -> Image:
    share = alpha[..., None] / 255
    return np.asarray(np.rint(share * np.asarray(foreground) + (1 - share) * np.asarray(screen)), np.uint8)


def test_screen_difference_by_hand() -> None:
    image = np.array([[[10, 20, 200], [200, 90, 30]]], np.uint8)
    np.testing.assert_array_equal(screen_difference(image, 2), [[180, -170]])
    np.testing.assert_array_equal(screen_difference(image, 1), [[-180, -110]])


@pytest.mark.parametrize(("colour", "rgb", "level"), [("blue", BLUE, 121), ("green", GREEN, 130)])
def test_screens_are_found_with_their_level(colour: str, rgb: tuple[int, int, int], level: float) -> None:
    screen = estimate_screen(shot(person(), rgb))
    assert screen is not None
    assert (screen.colour, screen.level) == (colour, level)
    assert screen.coverage == pytest.approx((person() < 30).mean(), abs=0.05)


def room() -> Image:
    rng = np.random.default_rng(0)
    return np.asarray(cv2.resize(rng.integers(0, 256, (8, 10, 3), dtype=np.uint8), (200, 160)), np.uint8)


def blue_shirt() -> Image:
    image = np.full((160, 200, 3), 140, np.uint8)
    image[80:, 50:150] = BLUE
    return image


def pale_sky() -> Image:
    image = np.full((160, 200, 3), (90, 80, 60), np.uint8)
    image[:100] = (150, 185, 225)
    return image


@pytest.mark.parametrize("make", [room, blue_shirt, pale_sky])
def test_rooms_shirts_and_skies_are_no_screens(make: object) -> None:
    assert callable(make)
    assert estimate_screen(make()) is None


@pytest.mark.parametrize("rgb", [BLUE, GREEN])
def test_alpha_and_colours_are_recovered(rgb: tuple[int, int, int]) -> None:
    alpha = person()
    image = shot(alpha, rgb)
    screen = estimate_screen(image)
    assert screen is not None
    keyed = key(image, screen)
    assert (keyed.alpha[alpha == 0] == 0).all()
    assert (keyed.alpha[alpha == 255] == 255).all()
    edge = (alpha > 0) & (alpha < 255)
    assert np.abs(keyed.alpha[edge].astype(int) - alpha[edge]).mean() < 16
    assert np.abs(keyed.foreground[alpha > 64].astype(int) - SKIN).mean() < 8


def test_uneven_light_on_the_screen_leaves_no_haze() -> None:
    alpha = person()
    shade = np.linspace(1.0, 0.72, alpha.shape[1])[None, :, None] * np.ones((*alpha.shape, 1))
    image = shot(alpha, BLUE)
    image = np.where(alpha[..., None] < 255, image * shade, image).astype(np.uint8)
    screen = estimate_screen(image)
    assert screen is not None
    assert key(image, screen).alpha[alpha == 0].max() == 0


def spilled(foreground: NDArray[np.uint8], alpha: Grey) -> Image:
    """The screen's light on the person's rim: more blue where alpha just reached 1."""
    inner = cv2.erode((alpha == 255).astype(np.uint8), np.ones((5, 5), np.uint8))
    rim = (alpha == 255) & (inner == 0)
    tinted = np.broadcast_to(foreground, (*alpha.shape, 3)).astype(np.float32)
    tinted[rim] += (-40, -20, 60)
    return np.asarray(np.clip(tinted, 0, 255), np.uint8)


def test_spill_on_the_rim_is_removed() -> None:
    alpha = person()
    image = shot(alpha, BLUE, spilled(np.array(SKIN, np.uint8), alpha))
    screen = estimate_screen(image)
    assert screen is not None
    foreground = key(image, screen).foreground
    assert screen_difference(foreground, 2).max() <= 0
    assert np.abs(foreground[alpha > 128].astype(int) - SKIN).mean() < 12


def test_bluish_cloth_away_from_the_screen_is_solid() -> None:
    alpha = np.zeros((160, 200), np.uint8)
    alpha[40:, 40:160] = 255
    cloth = np.full((160, 200, 3), SKIN, np.uint8)
    cloth[90:120, 80:120] = (90, 100, 150)  # d = 50: nearly half the screen's level
    image = shot(alpha, BLUE, cloth)
    screen = estimate_screen(image)
    assert screen is not None
    assert BAND * np.hypot(160, 200) < 40
    assert key(image, screen).alpha[90:120, 80:120].min() == 255


def test_a_frame_without_screen_pixels_is_all_foreground() -> None:
    image = np.full((20, 30, 3), SKIN, np.uint8)
    keyed = key(image, Screen(2, 120.0, 0.5, 1.0))
    assert keyed.alpha.min() == 255
    np.testing.assert_array_equal(keyed.foreground, image)


def test_a_frame_of_nothing_but_screen_is_empty() -> None:
    image = np.full((20, 30, 3), BLUE, np.uint8)
    assert key(image, Screen(2, 121.0, 1.0, 1.0)).alpha.max() == 0
