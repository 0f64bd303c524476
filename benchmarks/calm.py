"""A training whose frames change less than the default's: for footage with enough people, learnt for long enough.

The default is for a demo of few people and a training of minutes, where strong changes stand in for people not seen.
With more people a student was no better on photos it had learnt from than on others: short of time, not of variety.
"""

from __future__ import annotations

from training.config import TrainConfig

CROPS = {"bend": 0.0, "aspect": 0.1}
LOOKS = {
    "redress": 0.1,
    "cloth": 0.0,
    "scene": 0.1,
    "filter": 0.0,
    "relight": 0.3,
    "scene_hue_deg": 10.0,
    "hue_deg": 4.0,
    "blur": 0.1,
    "noise": 0.15,
    "jpeg": 0.15,
}
EMA = 0.998


def calmed(config: TrainConfig) -> TrainConfig:
    """The training with calmer looks and crops, and a longer memory of its weights."""
    return config.model_copy(
        update={
            "ema": EMA,
            "crop": config.crop.model_copy(update=CROPS),
            "appearance": config.appearance.model_copy(update=LOOKS),
        }
    )
