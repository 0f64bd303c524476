"""The teachers that `params.yaml` declares.

Apart from `stages/vote.py`, so that a shard's key holds the code of its own teacher only: a change to one runtime
recomputes the votes of that runtime alone.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from stages.base import Config
from stages.teachers.annotation import AnnotationConfig
from stages.teachers.keyer import KeyerConfig
from stages.teachers.litert import LiteRTConfig
from stages.teachers.onnx import OnnxConfig
from stages.teachers.sam import SamConfig
from stages.vote import NamedTeacher

AnyTeacher = Annotated[
    LiteRTConfig | OnnxConfig | SamConfig | KeyerConfig | AnnotationConfig, Field(discriminator="runtime")
]

IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def default_teachers() -> dict[str, AnyTeacher]:
    """Teachers whose weights come with pinned packages, the keyer, and the footage's own masks."""
    pose = LiteRTConfig(
        file="models/pose_landmark_full.tflite",
        size=(256, 256),
        output=2,
        activation="sigmoid",
        region="crop",
        fit="pad",
    )
    u2netp = OnnxConfig(
        file="models/u2netp.onnx",
        size=(320, 320),
        divide_by="max",
        mean=IMAGENET_MEAN,
        std=IMAGENET_STD,
        gate="boxes",
    )
    return {
        "selfie": LiteRTConfig(file="models/selfie.tflite", size=(256, 256)),
        "selfie_landscape": LiteRTConfig(file="models/selfie_landscape.tflite", size=(144, 256)),
        "pose": pose,
        "u2netp": u2netp,
        "u2netp_crop": u2netp.model_copy(update={"region": "crop", "gate": "none"}),
        "keyer": KeyerConfig(),
        "annotation": AnnotationConfig(),
    }


class VoteConfig(Config):
    """Parameters of `vote`.

    Attributes:
        teachers: by name.
        min_box_score: teachers that need boxes see those with at least this confidence.
    """

    teachers: dict[str, AnyTeacher] = Field(default_factory=default_teachers)
    min_box_score: float = Field(default=0.25, ge=0, le=1)

    def only(self, name: str) -> NamedTeacher:
        """What the stage of one teacher is built from.

        Raises:
            KeyError: no teacher has that name.
        """
        return NamedTeacher(name=name, teacher=self.teachers[name], min_box_score=self.min_box_score)
