"""Students by family: every one takes frames with a prior and answers logits, see `base.StudentModel`."""

from __future__ import annotations

from training.model_config import FamilyConfig, HourglassConfig, MobileNetUNetConfig, RecurrentConfig
from training.models.base import States, StudentModel, advance
from training.models.hourglass import Hourglass
from training.models.mobilenet_unet import MobileNetUNet
from training.models.recurrent import Recurrent

__all__ = ["States", "StudentModel", "advance", "make_model"]


def make_model(config: FamilyConfig) -> StudentModel:
    """An untrained student of the family that `config` describes, from torch's global random state."""
    if isinstance(config, HourglassConfig):
        return Hourglass(config)
    if isinstance(config, MobileNetUNetConfig):
        return MobileNetUNet(config)
    assert isinstance(config, RecurrentConfig), f"no network for {type(config).__name__}"
    return Recurrent(config)
