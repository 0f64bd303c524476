"""Views of truth: other kinds of shot of the same people, with their exact masks."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from datasets.images import encode_png
from training.fitting_views import largest_person, views

PERSON = np.array([210, 150, 90], np.uint8)
GROUND = np.array([20, 60, 120], np.uint8)


def standing() -> tuple[np.ndarray, np.ndarray]:
    """A standing figure 300 pixels tall in a frame of 400 by 300."""
    truth = np.zeros((400, 300), np.uint8)
    cv2.ellipse(truth, (150, 200), (50, 150), 0, 0, 360, 255, -1)
    return np.where(truth[..., None] > 0, PERSON, GROUND), truth


SCENES = [encode_png(np.full((360, 640, 3), 70, np.uint8))]


@pytest.mark.parametrize("seed", range(6))
def test_masks_lie_on_the_person_in_every_view(seed: int) -> None:
    image, truth = standing()
    found = list(views(image, truth, SCENES, np.random.default_rng(seed), names=("portrait", "figure", "distant")))
    assert [view.name for view in found] == ["portrait", "figure", "distant"]
    for view in found:
        assert view.image.shape[:2] == view.truth.shape
        core = cv2.erode(view.truth, np.ones((5, 5), np.uint8)) == 255
        outside = cv2.dilate(view.truth, np.ones((5, 5), np.uint8)) == 0
        assert core.any() and outside.any()
        assert np.abs(view.image[core].astype(int) - PERSON).max() <= 2
        assert np.abs(view.image[outside].astype(int) - PERSON).max() > 20


@pytest.mark.parametrize("seed", range(6))
def test_a_portrait_is_cut_by_the_lower_side_and_a_figure_is_whole(seed: int) -> None:
    image, truth = standing()
    portrait, figure = views(image, truth, [], np.random.default_rng(seed), names=("portrait", "figure", "distant"))
    assert portrait.truth[-1].any() and not portrait.truth[0].any()
    assert not figure.truth[-1].any() and (figure.truth >= 128).sum() == (truth >= 128).sum()


@pytest.mark.parametrize("seed", range(6))
def test_a_distant_person_is_a_third_to_two_thirds_of_the_scene(seed: int) -> None:
    image, truth = standing()
    (view,) = views(image, truth, SCENES, np.random.default_rng(seed), names=("distant",))
    _, top, _, bottom = largest_person(view.truth)
    assert 0.32 <= (bottom - top) / 360 <= 0.68


def test_frames_without_a_person_and_tiny_people_have_no_views() -> None:
    image, truth = standing()
    rng = np.random.default_rng(0)
    assert list(views(image, np.zeros_like(truth), SCENES, rng, names=("portrait",))) == []
    speck = np.zeros_like(truth)
    speck[200:220, 100:110] = 255
    assert list(views(image, speck, SCENES, rng, names=("portrait", "distant"))) == []


def test_the_largest_component_is_the_person() -> None:
    truth = np.zeros((20, 30), np.uint8)
    truth[2:4, 2:4] = 255
    truth[5:15, 10:18] = 255
    assert largest_person(truth) == (10, 5, 18, 15)
    assert largest_person(np.zeros((4, 4), np.uint8)) is None
