"""The keyer votes before a screen, and only on people."""

from pathlib import Path

import numpy as np
import pytest

from stages.teachers.keyer import KeyerConfig

BOX = (0.3, 0.2, 0.7, 1.0)


def _studio(screen: tuple[int, int, int]) -> tuple[np.ndarray, np.ndarray]:
    """A skin-coloured figure before an even screen with a little noise, and the figure's mask."""
    y, x = np.mgrid[:144, :192]
    person = (np.hypot(x - 96, y - 60) < 28) | ((np.abs(x - 96) < 34) & (y > 95))
    image = np.where(person[..., None], (190, 140, 110), screen) + np.random.default_rng(0).normal(0, 2, (144, 192, 3))
    return np.clip(np.rint(image), 0, 255).astype(np.uint8), person


@pytest.mark.parametrize("screen", [(30, 60, 200), (40, 190, 60)])
def test_the_vote_is_the_keyed_alpha(screen: tuple[int, int, int]) -> None:
    image, person = _studio(screen)
    ((window, alpha),) = KeyerConfig().open(Path()).predict(image, [BOX])
    assert window == (0, 0, 1, 1) and alpha.shape == person.shape
    found = alpha > 127
    assert np.logical_and(found, person).sum() / np.logical_or(found, person).sum() > 0.97


def test_without_a_screen_it_abstains() -> None:
    image = np.random.default_rng(0).integers(90, 160, (144, 192, 3), np.uint8)
    assert KeyerConfig().open(Path()).predict(image, [BOX]) == []


def test_a_screen_without_people_is_a_sky() -> None:
    image, _ = _studio((30, 60, 200))
    teacher = KeyerConfig().open(Path())
    assert teacher.predict(image, []) == []
    assert teacher.predict(image, [(0.0, 0.0, 0.2, 0.3)]) == []
