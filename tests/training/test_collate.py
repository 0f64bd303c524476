from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from training.collate import Sample, collate

SIZE = (8, 16)


def _sample(value: int, **changes: object) -> Sample:
    plane = np.full(SIZE, value, np.uint8)
    frame = np.stack([plane, plane + 1, plane + 2, plane + 3], axis=-1)
    sample = Sample(
        frame=frame, alpha=plane, trust=plane, weight=0.5, band_weight=0.25, group=1, kind="empty", before=None,
        before_alpha=None, shown=plane, second=None, painted=None,
    )  # fmt: skip
    return replace(sample, **changes)


def test_channels_come_first_and_samples_keep_their_order() -> None:
    batch = collate([_sample(10), _sample(20, kind="minor")], looks_back=False)
    assert batch.frames.shape == (2, 4, *SIZE) and batch.frames[:, :, 0, 0].tolist() == [
        [10, 11, 12, 13],
        [20, 21, 22, 23],
    ]
    assert batch.alpha.shape == (2, 1, *SIZE) and batch.alpha[:, 0, 0, 0].tolist() == [10, 20]
    assert batch.weight.tolist() == [0.5, 0.5] and batch.group.tolist() == [1, 1]
    assert batch.carried.tolist() == [False, True]


def test_what_nobody_asked_for_has_no_rows() -> None:
    batch = collate([_sample(0)], looks_back=False)
    for name in ("before", "earlier", "second", "foreground"):
        assert getattr(batch, name).shape == (0, 4, *SIZE), name
    assert batch.earlier_alpha.shape == (0, 1, *SIZE) and batch.own.shape == (0,)


def test_own_priors_point_at_their_samples_and_frames_before_at_all() -> None:
    before = np.full((*SIZE, 4), 7, np.uint8)
    alpha = np.full(SIZE, 9, np.uint8)
    samples = [
        _sample(1, before=before, before_alpha=alpha),
        _sample(2, kind="own", before=before + 1, before_alpha=alpha + 1),
    ]
    batch = collate(samples, looks_back=True)
    assert batch.own.tolist() == [1] and batch.before.shape == (1, 4, *SIZE) and batch.before.unique().tolist() == [8]
    assert torch.equal(batch.earlier[1], batch.before[0]) and batch.earlier[0].unique().tolist() == [7]
    assert batch.earlier_alpha[:, 0, 0, 0].tolist() == [9, 10]
