"""The student on disk: safetensors for the numbers, JSON for what they mean. No pickle."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors.torch import load_file, save_file

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
    load_into(model, folder)
    return model.eval()


def load_into(model: StudentModel, folder: Path) -> None:
    """Fill `model` with the weights in `folder`.

    Raises:
        ValueError: they belong to another architecture.
    """
    try:
        model.load_state_dict(load_file(folder / WEIGHTS))
    except RuntimeError as error:
        raise ValueError(
            f"{folder / WEIGHTS}: does not fit the architecture {model.config!r}; "
            "set train.model to the architecture of that student"
        ) from error
