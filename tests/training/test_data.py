from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from datasets.images import encode_jpeg, encode_png
from datasets.schema import ClipRow, CuratedRow
from datasets.shards import ShardError, read_rows, write_rows
from training.data import (
    MomentReader,
    Place,
    ShuffledRows,
    find_balanced_rows,
    find_rows,
    read_band_weights,
    read_weights,
)

Shards = tuple[Path, Path]


def test_rows_are_found_by_split_and_weight(shards: Shards) -> None:
    clips, curated = shards
    weights = read_weights(None)
    assert len(find_rows([clips], ClipRow, split="train", weights=weights)) == 40
    assert len(find_rows([clips], ClipRow, split="val", weights=weights)) == 4
    assert len(find_rows([curated], CuratedRow, split="train", weights=weights)) == 12
    assert find_rows([clips], ClipRow, split="train", weights={"gold": 1.0}) == []


def test_rare_subjects_are_repeated_within_limits(tmp_path: Path, shards: Shards) -> None:
    rows = list(read_rows(shards[0], ClipRow))[:12]
    mixed = [replace(row, subject="rare" if index < 2 else "common") for index, row in enumerate(rows)]
    write_rows(tmp_path / "mixed.parquet", mixed, ClipRow)
    for limit, expected in ((8, 10), (3, 6), (1, 2)):
        found = find_balanced_rows(
            [tmp_path / "mixed.parquet"], ClipRow, split="train", weights={"silver": 1.0}, max_repeats=limit
        )
        assert sum(place.row < 2 for place in found) == expected
        assert len(found) == 10 + expected


def test_a_shard_of_another_kind_is_named(shards: Shards) -> None:
    with pytest.raises(ShardError, match=r"curated-000\.parquet"):
        find_rows([shards[1]], ClipRow, split="train", weights={"gold": 1.0})


def test_weights_are_read_by_group(tmp_path: Path) -> None:
    path = tmp_path / "weights.parquet"
    pq.write_table(pa.table({"group": ["gold", "bronze"], "weight": [1.0, 0.25]}), path)
    assert read_weights(path) == {"gold": 1.0, "bronze": 0.25}
    assert read_band_weights(path) == {"gold": 1.0, "bronze": 0.25}
    pq.write_table(pa.table({"group": ["gold"], "weight": [1.0], "band_weight": [0.5]}), path)
    assert (read_weights(path), read_band_weights(path)) == ({"gold": 1.0}, {"gold": 0.5})
    assert read_band_weights(None) == read_weights(None)
    pq.write_table(pa.table({"group": ["gold"]}), path)
    with pytest.raises(ShardError, match="expected columns group and weight"):
        read_weights(path)


def test_every_epoch_visits_each_row_once_in_another_order() -> None:
    places = [Place(Path("a"), group, row) for group in range(5) for row in range(7)]
    order = ShuffledRows(places, seed=3, pool=2)
    epochs = [[order[epoch * 35 + index] for index in range(35)] for epoch in range(2)]
    for epoch in epochs:
        assert sorted(epoch, key=lambda place: (place.row_group, place.row)) == places
    assert epochs[0] != epochs[1]


def test_a_walk_needs_few_row_groups_at_a_time() -> None:
    places = [Place(Path("a"), group, row) for group in range(20) for row in range(8)]
    order = ShuffledRows(places, seed=0, pool=4)
    walk = [order[index].row_group for index in range(160)]
    assert all(len(set(walk[start : start + 32])) == 4 for start in range(0, 160, 32))


def test_any_position_can_be_asked_for_first() -> None:
    places = [Place(Path("a"), 0, row) for row in range(10)]
    assert ShuffledRows(places, seed=5, pool=1)[37] == [ShuffledRows(places, seed=5, pool=1)[i] for i in range(40)][37]


def test_the_previous_frame_is_the_one_before_and_never_of_another_burst(shards: Shards) -> None:
    read = MomentReader(CuratedRow, pool=1)
    rng = np.random.default_rng(0)
    second, first = (read(Place(shards[1], 0, row), rng, previous=True) for row in (5, 4))
    assert second.previous is not None and first.previous is not None
    assert np.array_equal(second.previous[0], first.image)
    assert np.array_equal(first.previous[0], first.image)
    assert read(Place(shards[1], 0, 5), rng, previous=False).previous is None


def test_a_clips_previous_frame_is_one_step_to_the_left(shards: Shards) -> None:
    read = MomentReader(ClipRow, pool=1)
    moments = [read(Place(shards[0], 0, 2), np.random.default_rng(seed), previous=True) for seed in range(12)]
    starts = set()
    for moment in moments:
        assert moment.previous is not None
        now, before = (int(np.flatnonzero((a > 127).any(axis=0))[0]) for a in (moment.alpha, moment.previous[1]))
        assert now - before in (0, 1)
        starts.add(now)
    assert len(starts) == 3


def test_large_photos_come_at_one_small_size_whatever_the_size_of_their_label(tmp_path: Path, shards: Shards) -> None:
    alpha = np.zeros((320, 640), np.uint8)
    alpha[:, 320:] = 255
    image = np.zeros((900, 1800, 3), np.uint8)
    image[:, 900:] = (250, 120, 10)
    row = replace(
        next(iter(read_rows(shards[1], CuratedRow))),
        width=1800,
        height=900,
        image=encode_jpeg(image),
        alpha=encode_png(alpha),
        trust=encode_png(alpha),
    )
    write_rows(tmp_path / "large.parquet", [row], CuratedRow)
    moment = MomentReader(CuratedRow, pool=1)(
        Place(tmp_path / "large.parquet", 0, 0), np.random.default_rng(0), previous=True
    )
    assert moment.image.shape == (256, 512, 3)
    assert moment.alpha.shape == moment.trust.shape == (256, 512)
    assert np.abs(moment.image[:, 300:].astype(int) - (250, 120, 10)).max() < 8
    assert moment.image[:, :200].max() < 8
    assert moment.previous is not None and np.array_equal(moment.previous[0], moment.image)
