"""What is kept of a frame of known truth."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from datasets.schema import FrameRow
from stages.fuse import Evidence
from stages.reliability import Expertise, Shot
from stages.teacher_signals import SIGNALS, edge_strength, teacher_signals
from training.known_frames import KnownFrame, known_frame

TEACHERS = ["pose", "selfie", "u2netp"]


@pytest.fixture
def kept(frame: Callable[..., FrameRow]) -> KnownFrame:
    """A perfect teacher, one four pixels off, a silent one."""
    truth = np.zeros((48, 64), np.uint8)
    truth[10:40, 20:44] = 255
    image = np.repeat(truth[..., None] // 2, 3, axis=2)
    votes = np.stack([truth, np.roll(truth, 4, axis=1), np.zeros_like(truth)]).astype(np.float32) / 255
    box = (20 / 64, 0.0, 44 / 64, 1.0)
    signals = teacher_signals(votes, edge_strength(image), [box])
    weights = np.full(3, 1 / 3, np.float32)
    evidence = Evidence(frame(width=64, height=48), image, [box], Shot(0, 1, 0), TEACHERS, votes, signals, weights)
    return known_frame(evidence, truth, group="g", collection="set", side=32)


def test_a_frame_keeps_what_was_measured_at_full_size(kept: KnownFrame) -> None:
    assert kept.votes.shape == (3, 24, 32) and kept.truth.shape == (24, 32) and kept.votes.dtype == np.uint8
    assert kept.ious == pytest.approx((1, 20 / 28, 0))
    fits, inside = kept.signals[:, SIGNALS.index("edge_fit")], kept.signals[:, SIGNALS.index("inside_boxes")]
    assert fits[0] > fits[1] > fits[2] == 0
    assert inside == pytest.approx((1, 20 / 24, 0))
    assert np.array_equal(kept.votes[0], kept.truth)
    assert kept.maps().max() == 1


def test_weights_come_from_signals_and_expertise(kept: KnownFrame) -> None:
    shares = np.exp(4 * kept.signals[:, SIGNALS.index("edge_fit")]) * [1, 0.5, 0.5]
    weights = kept.weights({"pose": Expertise(figure=1)}, {"edge_fit": 4})
    assert weights == pytest.approx(shares / shares.sum())
