from __future__ import annotations

import cv2
import numpy as np
import pytest

from datasets.images import Grey, Image
from qa.prior import PRIORS
from training.evaluation_set import MeasuredBurst
from training.prior_lock import BURSTS, SpreadBursts, described, prior_lock

SIZE = (48, 64)


class Toy:
    """Sees a person where it is red, and believes its prior by a share, which fades from frame to frame."""

    def __init__(self, belief: float) -> None:
        self.belief = belief
        self.reset()

    def reset(self) -> None:
        self.prior = np.zeros(SIZE, np.float32)

    def prime(self, prior: Grey) -> None:
        self.prior = prior / np.float32(255)

    def __call__(self, image: Image) -> Grey:
        seen = (image[..., 0] > 127).astype(np.float32)
        self.prior = (1 - self.belief) * seen + self.belief * self.prior
        return np.rint(self.prior * 255).astype(np.uint8)


class Copier(Toy):
    """Repeats its prior once there is one."""

    def __call__(self, image: Image) -> Grey:
        return np.rint(self.prior * 255).astype(np.uint8) if self.prior.any() else super().__call__(image)


def _burst(index: int, count: int = 6) -> MeasuredBurst:
    images, truths = [], []
    for time in range(count):
        truth = np.zeros(SIZE, np.uint8)
        cv2.circle(truth, (12 + 11 * index % 40 + time, 24), 9, 255, -1)
        image = np.zeros((*SIZE, 3), np.uint8)
        image[..., 0] = truth
        images.append(image)
        truths.append(truth)
    return MeasuredBurst("test", f"{index}", tuple(range(count)), tuple(images), tuple(truths), {})


BURST_LIST = [_burst(index) for index in range(4)]


def test_a_student_that_ignores_its_prior_fails() -> None:
    lock = prior_lock(Toy(0.0), BURST_LIST)
    assert lock.verdict == "ignores" and lock.effect == 0 and lock.recovery == 0
    assert set(lock.iou.values()) == {1.0}


def test_a_student_that_copies_its_prior_fails() -> None:
    lock = prior_lock(Copier(0.0), BURST_LIST)
    assert lock.verdict == "worships"
    assert lock.iou["stranger"] < 0.5 and lock.iou["ones"] < 0.2
    assert lock.recovery == 6  # never


def test_a_student_that_is_slow_after_a_cut_fails_though_each_answer_is_good() -> None:
    class Stuck(Toy):
        """Robust to a prior set from outside, but lost after a cut: a jump of its own output freezes it."""

        def reset(self) -> None:
            super().reset()
            self.last: Grey | None = None
            self.frozen: Grey | None = None

        def __call__(self, image: Image) -> Grey:
            answer = super().__call__(image)
            if self.last is not None and self.frozen is None and _iou(self.last, answer) < 0.5:
                self.frozen = self.last
            self.last = answer
            return answer if self.frozen is None else self.frozen

    stuck = Stuck(0.3)
    lock = prior_lock(stuck, BURST_LIST)
    assert lock.loss < 0.1 and lock.recovery > 5 and lock.verdict == "worships"


def _iou(first: Grey, second: Grey) -> float:
    either = ((first > 127) | (second > 127)).sum()
    return float(((first > 127) & (second > 127)).sum() / max(either, 1))


def test_a_student_that_weighs_its_prior_is_fine() -> None:
    lock = prior_lock(Toy(0.3), BURST_LIST)
    assert lock.verdict == "fine" and lock.frames == 20 and lock.cuts == 3
    told = described(lock)
    assert tuple(told["iou"]) == PRIORS and told["verdict"] == "fine"


def test_one_burst_has_no_cut_and_no_stranger_but_its_mirror_image() -> None:
    lock = prior_lock(Toy(0.3), BURST_LIST[:1])
    assert lock.cuts == 0 and described(lock)["recovery_frames"] is None
    with pytest.raises(ValueError, match="no bursts"):
        prior_lock(Toy(0.3), [])


def test_bursts_are_spread_evenly_and_kept_small() -> None:
    count = 4 * BURSTS
    kept = SpreadBursts({"test": count, "keyed": 0})
    for index in range(count):
        kept.add(_burst(index, count=1))
    assert [int(burst.name) for burst in kept.kept["test"]] == list(range(0, count, 4))
    large = MeasuredBurst(
        "test", "l", (0,), (np.zeros((720, 1280, 3), np.uint8),), (np.zeros((720, 1280), np.uint8),), {}
    )
    kept = SpreadBursts({"test": 1})
    kept.add(large)
    assert kept.kept["test"][0].images[0].shape == (288, 512, 3)
