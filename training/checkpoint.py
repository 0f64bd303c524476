"""Checkpoints of a training run: one safetensors file each, written atomically, resumed exactly."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from datasets.faults import fault_point

FILE = "checkpoint.safetensors"


@dataclass
class Progress:
    """The scalars of a run: JSON in the checkpoint.

    Attributes:
        step: steps done. best_iou, best_step: of the best validation so far. stale: validations since then.
        history: one row a validation. totals, counted: losses summed since the last one, over how many steps.
        identity: of configuration and data; a checkpoint of another run is not resumed.
    """

    identity: str
    step: int = 0
    best_iou: float = -1.0
    best_step: int = 0
    stale: int = 0
    history: list[dict[str, float]] = field(default_factory=list)
    totals: dict[str, float] = field(default_factory=dict)
    counted: int = 0


def save_checkpoint(folder: Path, tensors: Mapping[str, Mapping[str, Tensor]], progress: Progress) -> None:
    """Replace the folder's checkpoint. `tensors` maps a section (`model`, `optimizer`, …) to its named tensors."""
    folder.mkdir(parents=True, exist_ok=True)
    flat = {
        f"{section}/{name}": tensor.detach().cpu().contiguous().clone()
        for section, named in tensors.items()
        for name, tensor in named.items()
    }
    unfinished = folder / f"{FILE}.{os.getpid()}.tmp"
    save_file(flat, unfinished, metadata={"progress": json.dumps(vars(progress))})
    with unfinished.open("rb") as file:
        os.fsync(file.fileno())
    fault_point("checkpoint.temporary")
    unfinished.replace(folder / FILE)
    fault_point("checkpoint.renamed")


def load_checkpoint(folder: Path, identity: str) -> tuple[dict[str, dict[str, Tensor]], Progress] | None:
    """Tensors by section and progress of the run `identity`; None when the folder holds no checkpoint of it.

    Raises:
        ValueError: the file is damaged.
    """
    path = folder / FILE
    if not path.is_file():
        return None
    sections: dict[str, dict[str, Tensor]] = {}
    try:
        with safe_open(path, framework="pt") as file:
            progress = Progress(**json.loads(file.metadata()["progress"]))
            if progress.identity != identity:
                return None
            for key in file.keys():  # noqa: SIM118 - safe_open is no mapping
                section, name = key.split("/", 1)
                sections.setdefault(section, {})[name] = file.get_tensor(key)
    except (SafetensorError, KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path}: damaged checkpoint ({error}); delete it to train from the start") from error
    return sections, progress


def optimizer_tensors(optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """The optimizer's state as flat named tensors, `index.name`."""
    state: dict[int, dict[str, Any]] = optimizer.state_dict()["state"]
    return {f"{index}.{name}": torch.as_tensor(value) for index, row in state.items() for name, value in row.items()}


def restore_optimizer(optimizer: torch.optim.Optimizer, tensors: Mapping[str, Tensor]) -> None:
    """Undo `optimizer_tensors`; hyper-parameters stay as they are configured."""
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    state: dict[int, dict[str, Tensor]] = {}
    for key, tensor in tensors.items():
        index, name = key.split(".", 1)
        parameter = parameters[int(index)]
        if tensor.shape == parameter.shape:
            # A fused optimizer walks through memory: state must lie there as its parameter does (channels last).
            tensor = torch.empty_like(parameter).copy_(tensor)
        state.setdefault(int(index), {})[name] = tensor.detach()
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})
