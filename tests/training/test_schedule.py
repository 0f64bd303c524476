from __future__ import annotations

import pytest

from training.config import TrainConfig
from training.schedule import learning_rate, training_size


def test_the_rate_rises_and_falls(tiny: TrainConfig) -> None:
    config = tiny.model_copy(update={"steps": 110, "warmup_steps": 10, "learning_rate": 1.0})
    assert learning_rate(0, config) == pytest.approx(0.1)
    assert learning_rate(9, config) == learning_rate(10, config) == pytest.approx(1.0)
    assert learning_rate(60, config) == pytest.approx(0.505)
    assert learning_rate(110, config) == pytest.approx(0.01)


def test_frames_are_halved_at_first(tiny: TrainConfig) -> None:
    assert [training_size(step, tiny) for step in (2, 3)] == [(16, 32), (32, 64)]
