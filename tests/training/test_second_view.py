import numpy as np

from training.config import AppearanceConfig
from training.second_view import second_view


def test_shapes_stay_where_they_are_and_looks_change() -> None:
    image = np.full((40, 60, 3), 60, np.uint8)
    image[10:30, 20:40] = (200, 180, 160)
    views = [second_view(image, np.random.default_rng(seed), AppearanceConfig()) for seed in range(20)]
    for view in views:
        assert view.shape == image.shape and view.dtype == np.uint8 and not np.array_equal(view, image)
        grey = view.astype(float).mean(axis=2)
        assert grey[12:28, 22:38].mean() > grey[:8].mean() + 30, "the bright square is where it was"
    assert len({view.tobytes() for view in views}) == 20


def test_the_same_draws_give_the_same_view() -> None:
    image = np.random.default_rng(0).integers(0, 256, (16, 16, 3), dtype=np.uint8)
    first, again = (second_view(image, np.random.default_rng(5), AppearanceConfig()) for _ in range(2))
    assert np.array_equal(first, again)
