"""The student on disk: safetensors for the numbers, JSON for what they mean. No pickle."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors.torch import load_file, save_file
from torch import Tensor

from training.model_config import model_config
from training.models import StudentModel, make_model

WEIGHTS = "student.safetensors"
DESCRIPTION = "student.json"


def save_student(folder: Path, model: StudentModel, description: Mapping[str, Any]) -> None:
    """Write `student.safetensors` and `student.json` (the architecture and `description`) into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    save_file(
        {name: tensor.detach().cpu().contiguous() for name, tensor in model.state_dict().items()}, folder / WEIGHTS
    )
    text = json.dumps({"architecture": model.config.model_dump(), **description}, indent=2, sort_keys=True)
    (folder / DESCRIPTION).write_text(text + "\n")


def load_student(folder: Path) -> StudentModel:
    """The student that `save_student` wrote, on the CPU, in evaluation mode.

    Raises:
        FileNotFoundError: the folder holds no student.
        ValueError: the weights do not fit the architecture that the JSON states.
    """
    for name in (WEIGHTS, DESCRIPTION):
        if not (folder / name).is_file():
            raise FileNotFoundError(f"{folder / name}: missing; expected a student written by the train stage")
    model = make_model(model_config(json.loads((folder / DESCRIPTION).read_text())["architecture"]))
    _fill(model, load_file(folder / WEIGHTS), folder)
    return model.eval()


def start_from(model: StudentModel, folder: Path) -> None:
    """Fill `model` with the weights in `folder`, which may be a shallower student's.

    Blocks that it lacks keep the weights they have. They start as nothing (`model.deepens_by`), so the deeper student
    answers as the shallower one did.

    Raises:
        ValueError: they belong to another architecture.
    """
    known = load_file(folder / WEIGHTS)
    blocks = [f"{name}." for name, module in model.named_modules() if isinstance(module, model.deepens_by)]
    lacking = tuple(block for block in blocks if not any(name.startswith(block) for name in known))
    own = {name: tensor for name, tensor in model.state_dict().items() if name.startswith(lacking)}
    _fill(model, {**own, **known}, folder)


def _fill(model: StudentModel, weights: Mapping[str, Tensor], folder: Path) -> None:
    try:
        model.load_state_dict(weights)
    except RuntimeError as error:
        raise ValueError(
            f"{folder / WEIGHTS}: does not fit the architecture {model.config!r}; "
            "set train.model to the architecture of that student"
        ) from error
