"""How good the student is while it learns: foreground IoU on whole clips, each begun with an empty prior."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pyarrow.parquet as pq
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from datasets.images import decode_grey, decode_rgb
from training.data import Place
from training.letterbox import letterbox
from training.models import States, advance

T = TypeVar("T")


@dataclass(frozen=True)
class ValidationClip:
    """Frames in time order, letterboxed: `images (T, H, W, 3)`, `alphas (T, H, W)`, `trusts`, all uint8."""

    images: NDArray[np.uint8]
    alphas: NDArray[np.uint8]
    trusts: NDArray[np.uint8]


def read_validation(
    clips: Sequence[Place], curated: Sequence[Place], size: tuple[int, int], *, limit: int
) -> list[ValidationClip]:
    """At most about `limit` clips, spread evenly over the synthetic clips and, half of them, the real bursts."""
    bursts = list(_bursts(curated))
    some_bursts = _spread(bursts, limit // 2 if clips else limit)
    return [_read_clip(place, size) for place in _spread(clips, limit - len(some_bursts))] + [
        _read_burst(burst, size) for burst in some_bursts
    ]


@torch.no_grad()
def validation_iou(model: nn.Module, clips: Sequence[ValidationClip], *, batch: int = 32) -> float:
    """Mean over all frames of the foreground IoU at 0.5 over trusted pixels; empty against empty is 1.

    The student's own output is the prior of the next frame, and a recurrent one remembers. The model is
    left in evaluation mode.
    """
    model.eval()
    device = next(model.parameters()).device
    scores: list[float] = []
    longest_first = sorted(clips, key=lambda clip: -len(clip.images))
    for start in range(0, len(longest_first), batch):
        group = longest_first[start : start + batch]
        prior = torch.zeros((len(group), 1, *group[0].alphas.shape[1:]), device=device)
        states: States = ()
        for time in range(len(group[0].images)):
            # Sorted by length: those that have ended are at the end.
            group = [clip for clip in group if len(clip.images) > time]
            images = _stack([clip.images[time] for clip in group]).permute(0, 3, 1, 2).to(device) / 255
            states = tuple(state[: len(group)] for state in states)
            logits, states = advance(model, torch.cat([images, prior[: len(group)]], dim=1), states)
            prior = torch.sigmoid(logits)
            truth = _stack([clip.alphas[time] for clip in group]).to(device) > 127
            trusted = _stack([clip.trusts[time] for clip in group]).to(device) > 127
            scores += _ious(prior[:, 0] > 0.5, truth, trusted)
    return float(np.mean(scores))


def _ious(found: Tensor, truth: Tensor, trusted: Tensor) -> list[float]:
    both = (found & truth & trusted).sum(dim=(1, 2)).double()
    either = ((found | truth) & trusted).sum(dim=(1, 2)).double()
    ratios: list[float] = torch.where(either > 0, both / either.clamp_min(1), torch.ones_like(both)).tolist()
    return ratios


def _stack(arrays: Sequence[NDArray[np.uint8]]) -> Tensor:
    return torch.from_numpy(np.stack(arrays))


def _bursts(places: Sequence[Place]) -> list[list[Place]]:
    """Rows of curated shards grouped by burst."""
    keyed: dict[tuple[str, int, int], list[Place]] = {}
    for (path, row_group), rows in itertools.groupby(places, key=lambda place: (place.path, place.row_group)):
        columns = _read(path, row_group, ["source", "clip", "burst"])
        for place in rows:
            row = columns[place.row]
            keyed.setdefault((row["source"], row["clip"], row["burst"]), []).append(place)
    return list(keyed.values())


def _read_clip(place: Place, size: tuple[int, int]) -> ValidationClip:
    row = _read(place.path, place.row_group, ["images", "alphas", "trusts"])[place.row]
    return _resized(row["images"], row["alphas"], row["trusts"], size)


def _read_burst(burst: Sequence[Place], size: tuple[int, int]) -> ValidationClip:
    rows = [_read(place.path, place.row_group, ["image", "alpha", "trust"])[place.row] for place in burst]
    return _resized([r["image"] for r in rows], [r["alpha"] for r in rows], [r["trust"] for r in rows], size)


def _resized(images: list[bytes], alphas: list[bytes], trusts: list[bytes], size: tuple[int, int]) -> ValidationClip:
    decoded = [decode_rgb(data) for data in images]
    return ValidationClip(
        np.stack([letterbox(image, size) for image in decoded]),
        np.stack([letterbox(decode_grey(data), size) for data in alphas]),
        np.stack([letterbox(decode_grey(data), size) for data in trusts]),
    )


def _read(path: Path, row_group: int, columns: list[str]) -> list[dict[str, Any]]:
    with pq.ParquetFile(path) as file:
        rows: list[dict[str, Any]] = file.read_row_group(row_group, columns=columns).to_pylist()
    return rows


def _spread(values: Sequence[T], count: int) -> list[T]:
    picks = np.unique(np.linspace(0, len(values) - 1, min(count, len(values))).round().astype(int)) if values else []
    return [values[index] for index in picks]
