from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from datasets.images import encode_jpeg
from datasets.schema import ClipRow, CuratedRow
from datasets.shards import read_rows, write_rows
from training.batches import BatchMaker, batches
from training.collate import Batch
from training.config import AppearanceConfig, LossConfig, PriorConfig, RecurrentConfig, TrainConfig
from training.data import find_rows, read_weights

Shards = tuple[Path, Path]


def _maker(shards: Shards, config: TrainConfig) -> BatchMaker:
    weights = {**read_weights(None), "gold": 1.0, "silver": 0.5}
    return BatchMaker(
        clips=find_rows([shards[0]], ClipRow, split="train", weights=weights),
        curated=find_rows([shards[1]], CuratedRow, split="train", weights=weights),
        weights=weights,
        size_at=lambda step: (32, 64),
        config=config,
    )


def _equal(first: Batch, second: Batch) -> bool:
    return all(torch.equal(value, getattr(second, name)) for name, value in vars(first).items())


def test_shapes_and_the_share_of_real_frames(shards: Shards, tiny: TrainConfig) -> None:
    batch = _maker(shards, tiny)(0)
    assert batch.frames.shape == (6, 4, 32, 64) and batch.frames.dtype == torch.uint8
    assert batch.alpha.shape == batch.trust.shape == (6, 1, 32, 64)
    assert batch.weight.tolist() == [0.5, 0.5, 0.5, 0.5, 1.0, 1.0]  # a quarter of 6 real frames, rounded
    assert torch.equal(batch.band_weight, batch.weight)
    assert batch.group.tolist() == [1, 1, 1, 1, 0, 0]  # of gold, silver, bronze, reject
    assert batch.before.shape == (len(batch.own), 4, 32, 64)


def test_a_batch_depends_on_its_number_alone(shards: Shards, tiny: TrainConfig) -> None:
    fresh, used = _maker(shards, tiny), _maker(shards, tiny)
    for step in range(3):
        used(step)
    assert _equal(fresh(3), used(3))
    assert not _equal(fresh(3), fresh(4))


def test_threads_do_not_change_the_order(shards: Shards, tiny: TrainConfig) -> None:
    maker = _maker(shards, tiny)
    threaded = list(batches(maker, 2, 7, config=tiny.batch.model_copy(update={"loaders": 3})))
    assert len(threaded) == 5
    assert all(_equal(batch, maker(step)) for step, batch in enumerate(threaded, start=2))


def test_where_the_person_has_left_the_label_is_empty_and_sure(shards: Shards, tiny: TrainConfig) -> None:
    look = tiny.appearance.model_copy(update={"scene": 1.0, "absent": 1.0})
    batch = _maker(shards, tiny.model_copy(update={"appearance": look}))(0)
    empty = [index for index in range(6) if not batch.alpha[index].any()]
    assert empty and 0 not in empty  # the first sample has no neighbour to borrow surroundings from
    assert all(batch.trust[index].min() == 255 for index in empty)


def test_priors_follow_the_mix(shards: Shards, tiny: TrainConfig) -> None:
    empty = tiny.model_copy(update={"prior": PriorConfig(empty=1, minor=0, wrong=0, own=0)})
    assert _maker(shards, empty)(0).frames[:, 3].sum() == 0
    own = tiny.model_copy(update={"prior": PriorConfig(empty=0, minor=0, wrong=0, own=1)})
    batch = _maker(shards, own)(0)
    assert batch.own.tolist() == list(range(6))
    assert batch.before[:, 3].sum() == 0 and batch.before[:, :3].sum() > 0


def test_without_rows_there_is_no_maker(shards: Shards, tiny: TrainConfig) -> None:
    with pytest.raises(ValueError, match="split train"):
        BatchMaker(clips=[], curated=[], weights={}, size_at=lambda step: (32, 64), config=tiny)


def test_the_frame_before_comes_with_every_sample_where_it_is_wanted(shards: Shards, tiny: TrainConfig) -> None:
    plain = _maker(shards, tiny)(0)
    assert plain.earlier.shape == (0, 4, 32, 64) and plain.earlier_alpha.shape == (0, 1, 32, 64)
    wanted = (
        tiny.model_copy(update={"loss": LossConfig(temporal=1)}),
        tiny.model_copy(update={"model": RecurrentConfig(height=32, width=64)}),
    )
    for config in wanted:
        batch = _maker(shards, config)(0)
        # Nothing else changes: the same draws give the same samples.
        assert all(torch.equal(getattr(plain, name), getattr(batch, name)) for name in ("frames", "alpha", "before"))
        assert batch.earlier.shape == (6, 4, 32, 64) and batch.earlier[:, 3].sum() == 0
        assert batch.earlier_alpha.shape == (6, 1, 32, 64)
        assert torch.equal(batch.earlier[batch.own], batch.before)
        # A moving person is elsewhere before, yet of about the same size.
        sizes = batch.alpha.float().sum(dim=(1, 2, 3)), batch.earlier_alpha.float().sum(dim=(1, 2, 3))
        assert not torch.equal(batch.alpha, batch.earlier_alpha)
        assert torch.allclose(*sizes, rtol=0.3)


def test_only_samples_with_an_empty_prior_are_first_frames(shards: Shards, tiny: TrainConfig) -> None:
    present = tiny.appearance.model_copy(update={"absent": 0.0})
    half = PriorConfig(empty=0.5, minor=0.5, wrong=0, own=0)
    batch = _maker(shards, tiny.model_copy(update={"prior": half, "appearance": present}))(0)
    assert batch.carried.tolist() == (batch.frames[:, 3].flatten(1).amax(dim=1) > 0).tolist()
    assert 0 < batch.carried.sum() < 6


def test_a_second_view_shows_the_same_in_another_light(shards: Shards, tiny: TrainConfig) -> None:
    plain = _maker(shards, tiny)(0)
    assert plain.second.shape == (0, 4, 32, 64)
    batch = _maker(shards, tiny.model_copy(update={"loss": LossConfig(consistency=1)}))(0)
    assert torch.equal(batch.frames, plain.frames)
    assert batch.second.shape == batch.frames.shape and torch.equal(batch.second[:, 3], batch.frames[:, 3])
    assert all(not torch.equal(batch.second[index, :3], batch.frames[index, :3]) for index in range(6))
    beyond = (batch.frames[:, :3] == 0).all(dim=1)  # black bars of narrow frames stay black
    columns = beyond.all(dim=1)
    assert columns.any() and (batch.second[:, :3].amax(dim=(1, 2))[columns] == 0).all()


def test_the_persons_own_colours_where_they_are_known(shards: Shards, tiny: TrainConfig, tmp_path: Path) -> None:
    plain = _maker(shards, tiny)(0)
    assert plain.foreground.shape == (0, 4, 32, 64)
    green = np.zeros((32, 64, 3), np.uint8)
    green[..., 1] = 200
    rows = [replace(row, foreground=encode_jpeg(green)) for row in read_rows(shards[1], CuratedRow)]
    write_rows(tmp_path / "painted.parquet", rows, CuratedRow)
    still = AppearanceConfig(**dict.fromkeys(AppearanceConfig.model_fields, 0.0))
    paints = {"loss": LossConfig(foreground=1.0), "appearance": still}
    batch = _maker((shards[0], tmp_path / "painted.parquet"), tiny.model_copy(update=paints))(0)
    assert batch.foreground.shape == (6, 4, 32, 64)
    known = batch.foreground[:, 3] > 0
    # Of clips, the first four, what is all person, in the frame's colours; of real frames all that the frame shows.
    assert torch.equal(known[:4], batch.alpha[:4, 0] == 255)
    assert torch.equal(batch.foreground[:4, :3], batch.frames[:4, :3])
    colours = batch.foreground[4:, :3].float().permute(0, 2, 3, 1)[known[4:]].mean(dim=0)
    assert known[4:].float().mean() > 0.3 and colours[1] > 150 and colours[0] < 30
