from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from datasets.schema import ClipRow, CuratedRow
from training.data import find_rows
from training.validate import ValidationClip, read_validation, validation_iou


class Echo(nn.Module):
    """Marks as person what is red, or was marked in the prior."""

    def __init__(self) -> None:
        super().__init__()
        self.unused = nn.Parameter(torch.zeros(1))

    def forward(self, frame: Tensor) -> Tensor:
        return (torch.maximum(frame[:, :1], frame[:, 3:]) - 0.5) * 50


def _clip(reds: list[int], truths: list[int], trusted: int = 8) -> ValidationClip:
    """Frames 8 pixels wide: the first `red` are red, the first `truth` a person, the first `trusted` trusted."""
    images = np.zeros((len(reds), 1, 8, 3), np.uint8)
    alphas, trusts = np.zeros((2, len(reds), 1, 8), np.uint8)
    for time, (red, truth) in enumerate(zip(reds, truths, strict=True)):
        images[time, 0, :red, 0] = 255
        alphas[time, 0, :truth] = 255
    trusts[..., :trusted] = 255
    return ValidationClip(images, alphas, trusts)


def test_the_own_output_is_the_next_prior() -> None:
    # The second frame shows nothing; the prior alone keeps the four pixels of the first.
    assert validation_iou(Echo(), [_clip([4, 0], [4, 4])]) == pytest.approx(1.0)


def test_each_clip_begins_with_an_empty_prior_and_lengths_may_differ() -> None:
    clips = [_clip([4], [4]), _clip([2, 2, 2], [4, 4, 4])]
    assert validation_iou(Echo(), clips) == pytest.approx((1 + 3 * 0.5) / 4)


def test_distrusted_pixels_do_not_count_and_empty_against_empty_is_right() -> None:
    assert validation_iou(Echo(), [_clip([4], [2], trusted=2)]) == pytest.approx(1.0)
    assert validation_iou(Echo(), [_clip([0], [0])]) == pytest.approx(1.0)


def test_synthetic_clips_and_real_bursts_are_both_read(shards: tuple[Path, Path]) -> None:
    weights = {"gold": 1.0, "silver": 1.0}
    clips = find_rows([shards[0]], ClipRow, split="val", weights=weights)
    curated = find_rows([shards[1]], CuratedRow, split="val", weights=weights)
    found = read_validation(clips, curated, (32, 64), limit=4)
    assert [len(clip.images) for clip in found] == [3, 3, 3, 4]
    assert found[0].images.shape == (3, 32, 64, 3) and found[-1].alphas.shape == (4, 32, 64)
