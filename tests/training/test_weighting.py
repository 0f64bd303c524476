from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from datasets.schema import GROUPS, ClipRow, CuratedRow
from datasets.shards import read_rows, write_rows
from training.collate import Batch
from training.config import TrainConfig, WeightingConfig
from training.train import train
from training.weighting import GroupWeighting, factors, group_gradients

GOLD, SILVER, BRONZE, REJECT = range(len(GROUPS))
LEARN = WeightingConfig(learn=True, every=1, memory=0.0, least=0.25)


def test_factors_by_hand() -> None:
    # gold points along x; silver at 45 degrees, bronze at 60, reject away
    gradients = torch.tensor([[2.0, 0.0], [1.0, 1.0], [1.0, 3**0.5], [-1.0, 0.0]])
    known = torch.tensor([True, True, True, True])
    found = factors(gradients, known, 0.25)
    assert found.tolist() == pytest.approx([1.0, 1.0, 0.5 * 2**0.5, 0.25])
    assert factors(gradients, known, 0.8).tolist() == pytest.approx([1.0, 1.0, 0.8, 0.8])


def test_factors_do_not_depend_on_the_length_of_gradients() -> None:
    gradients = torch.randn(4, 5, generator=torch.Generator().manual_seed(0))
    lengths = torch.tensor([3.0, 0.1, 7.0, 2.0])[:, None]
    known = torch.ones(4, dtype=torch.bool)
    assert torch.allclose(factors(gradients, known, 0.1), factors(gradients * lengths, known, 0.1))


def test_without_gold_or_where_nothing_agrees_with_it_weights_stay() -> None:
    gradients = torch.tensor([[1.0, 0.0], [-1.0, 0.0], [-1.0, 1.0], [0.0, 0.0]])
    for known in ([False, True, True, False], [True, False, False, False], [True, True, True, False]):
        assert factors(gradients, torch.tensor(known), 0.25).tolist() == [1, 1, 1, 1]


def test_the_gradient_of_a_group_is_of_its_own_frames() -> None:
    head = nn.Conv2d(1, 1, 1)
    features = torch.randn(3, 1, 2, 2, generator=torch.Generator().manual_seed(1))
    alpha, trust = torch.zeros(3, 1, 2, 2), torch.ones(3, 1, 2, 2)
    group = torch.tensor([GOLD, BRONZE, GOLD])
    found = group_gradients(head(features), alpha, trust, group, list(head.parameters()))
    assert sorted(found) == [GOLD, BRONZE]
    # of the cross entropy against 0 the gradient by the logit is its sigmoid
    sigmoid = torch.sigmoid(head(features[1:2]))
    by_hand = torch.stack([(sigmoid * features[1:2]).mean(), sigmoid.mean()])
    assert torch.allclose(found[BRONZE], by_hand.detach(), atol=1e-6)


def batch(group: list[int]) -> Batch:
    empty = torch.zeros(0)
    weight = torch.full((len(group),), 0.8)
    return Batch(empty, empty, empty, weight, weight / 2, torch.tensor(group), *[empty] * 7)


def follow(weighting: GroupWeighting, head: nn.Module, labels: dict[int, float], steps: int) -> None:
    """Toy footage: two features, the person is where the first is positive; `labels` turns the truth by an angle."""
    generator = torch.Generator().manual_seed(3)
    for step in range(steps):
        features = torch.randn(len(labels), 2, 16, 16, generator=generator)
        angles = torch.tensor(list(labels.values()))[:, None, None]
        alpha = (torch.cos(angles) * features[:, 0] + torch.sin(angles) * features[:, 1] > 0).float()[:, None]
        weighting.follow(step, head(features), alpha, torch.ones_like(alpha), torch.tensor(list(labels)))


def test_a_group_whose_labels_are_turned_counts_less() -> None:
    head = nn.Conv2d(2, 1, 1)
    nn.init.zeros_(head.weight)
    weighting = GroupWeighting(LEARN.model_copy(update={"memory": 0.9}), head)
    follow(weighting, head, {GOLD: 0.0, SILVER: 0.2, BRONZE: 1.2, REJECT: 3.0}, steps=9)
    assert weighting.factors.tolist() == [1, 1, 1, 1]  # nothing is known yet
    follow(weighting, head, {GOLD: 0.0, SILVER: 0.2, BRONZE: 1.2, REJECT: 3.0}, steps=30)
    gold, silver, bronze, reject = weighting.factors.tolist()
    assert (gold, silver, reject) == (1, 1, 0.25)
    assert bronze == pytest.approx(torch.cos(torch.tensor(1.2)).item() / torch.cos(torch.tensor(0.2)).item(), abs=0.1)
    weight, band_weight = weighting.weigh(batch([BRONZE, GOLD]))
    assert weight.tolist() == pytest.approx([0.8 * bronze, 0.8])
    assert torch.allclose(band_weight, weight / 2)


def test_unless_asked_nothing_follows() -> None:
    head = nn.Conv2d(2, 1, 1)
    weighting = GroupWeighting(WeightingConfig(), head)
    follow(weighting, head, {GOLD: 0.0, SILVER: 3.0}, steps=30)
    assert not weighting.seen.any() and weighting.factors.tolist() == [1, 1, 1, 1]
    weight, _ = weighting.weigh(batch([SILVER]))
    assert weight.item() == pytest.approx(0.8)


def test_state_survives_a_checkpoint() -> None:
    head = nn.Conv2d(2, 1, 1)
    first, second = (GroupWeighting(LEARN, head) for _ in range(2))
    follow(first, head, {GOLD: 0.0, SILVER: 0.4, BRONZE: 1.0}, steps=3)
    second.restore(first.tensors())
    assert torch.equal(first.factors, second.factors) and first.factors.min() < 1


class _Killed(Exception):
    pass


def test_killed_it_ends_with_the_same_bytes_while_weights_follow(
    shards: tuple[Path, Path], tiny: TrainConfig, tmp_path: Path
) -> None:
    """Some clips are bronze, so that there is something to follow."""
    mixed = tmp_path / "mixed.parquet"
    rows = [
        replace(row, group=("gold", "silver", "bronze")[index % 3] if row.group != "reject" else "reject")
        for index, row in enumerate(read_rows(shards[0], ClipRow))
    ]
    write_rows(mixed, rows, ClipRow)
    config = tiny.model_copy(update={"weighting": LEARN})

    def run(folder: Path, kill_at: int = 0) -> Path:
        def stop(step: int, steps: int, losses: object) -> None:
            if step == kill_at:
                raise _Killed

        train(
            config=config, clips=[mixed], curated=[shards[1]], weights=None, out=folder / "out",
            checkpoints=folder / "checkpoints", progress=stop,
        )  # fmt: skip
        return folder / "out" / "student.safetensors"

    whole = run(tmp_path / "whole").read_bytes()
    with pytest.raises(_Killed):
        run(tmp_path / "broken", kill_at=5)
    assert run(tmp_path / "broken").read_bytes() == whole
    plain = tmp_path / "plain"
    train(
        config=tiny, clips=[mixed], curated=[shards[1]], weights=None, out=plain / "out",
        checkpoints=plain / "checkpoints",
    )  # fmt: skip
    assert (plain / "out" / "student.safetensors").read_bytes() != whole
    assert next(iter(read_rows(shards[1], CuratedRow))).group == "gold"


def test_gradients_are_taken_only_now_and_then() -> None:
    head = nn.Conv2d(2, 1, 1)
    weighting = GroupWeighting(LEARN.model_copy(update={"every": 4}), head)
    follow(weighting, head, {GOLD: 0.0, SILVER: 0.4}, steps=9)
    assert weighting.seen.tolist() == [3, 3, 0, 0]
