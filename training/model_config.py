"""Shapes of the student: one config a family, each in three tiers. Imports no torch."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Discriminator, Field, Tag, TypeAdapter, model_validator

from stages.base import Config

Tier = Literal["XS", "S", "L"]
FAMILIES = ("hourglass", "mobilenet_unet", "recurrent")


class FamilyConfig(Config):
    """What every family has. A number of the network that is not given is that of its tier.

    Attributes:
        tier: size of the network: XS, S or L.
        height, width: of the frame the student sees, in pixels; 144x256 and 288x512 are the usual two.
    """

    TIERS: ClassVar[dict[str, dict[str, Any]]] = {}

    tier: Tier = "S"
    height: int = Field(144, ge=32)
    width: int = Field(256, ge=32)

    @model_validator(mode="before")
    @classmethod
    def _of_its_tier(cls, values: Any) -> Any:
        if not isinstance(values, dict):
            return values
        # null in params.yaml means the tier's; of another family's numbers too, so that `family` can be turned alone
        numbers = {name for family in FamilyConfig.__subclasses__() for name in family.model_fields}
        given = {name: value for name, value in values.items() if value is not None or name not in numbers}
        return {**cls.TIERS.get(given.get("tier", "S"), {}), **given}

    @model_validator(mode="after")
    def _fits_the_strides(self) -> FamilyConfig:
        if self.height % 8 or self.width % 8:
            raise ValueError(
                f"height and width must be multiples of 8 (stride 4, halved frames): {self.height}x{self.width}"
            )
        return self


class HourglassConfig(FamilyConfig):
    """Shape of the hourglass. The four levels lie at strides 4, 8, 16 and 32.

    All numbers of channels are multiples of 16: a vector of the CPU holds so many, and onnxruntime runs a convolution
    of 8 channels at the price of one of 16, and slower still. The deep levels have few pixels, and wide channels there
    cost next to no time.

    Attributes:
        channels, squeeze, depths: per level: channels, channels inside its bottlenecks, and how many of those.
        refinements, growth: dense layers at stride 4 and the channels each adds.
    """

    TIERS: ClassVar[dict[str, dict[str, Any]]] = {
        "XS": {"channels": (16, 16, 48, 80), "squeeze": (16, 16, 16, 32), "depths": (1, 2, 3, 3), "refinements": 1},
        "L": {"channels": (32, 64, 128, 192), "squeeze": (16, 32, 64, 96), "depths": (1, 2, 4, 4)},
    }

    family: Literal["hourglass"] = "hourglass"
    channels: tuple[int, int, int, int] = (16, 32, 96, 160)
    squeeze: tuple[int, int, int, int] = (16, 16, 48, 64)
    depths: tuple[int, int, int, int] = (1, 4, 4, 3)
    refinements: int = Field(2, ge=0)
    growth: int = Field(16, ge=1)


class MobileNetUNetConfig(FamilyConfig):
    """Shape of the MobileNetV2 U-Net. The five levels lie at strides 2, 4, 8, 16 and 32; channels as in the hourglass.

    Attributes:
        channels, depths: per level: channels and inverted residuals (the first level is the stem's convolution alone).
        expansion: channels inside an inverted residual, times those outside.
    """

    TIERS: ClassVar[dict[str, dict[str, Any]]] = {
        "XS": {"channels": (16, 16, 16, 32, 48), "depths": (1, 1, 2, 2), "expansion": 2},
        "L": {"channels": (16, 32, 48, 64, 96), "expansion": 4},
    }

    family: Literal["mobilenet_unet"] = "mobilenet_unet"
    channels: tuple[int, int, int, int, int] = (16, 16, 32, 48, 80)
    depths: tuple[int, int, int, int] = (1, 2, 3, 3)
    expansion: int = Field(3, ge=1)


class RecurrentConfig(FamilyConfig):
    """Shape of the recurrent network. Its levels lie at strides 2, 4, 8 and 16 of a frame shrunk `shrink` times.

    Attributes:
        channels, depths: per level: channels and inverted residuals (the first level is the stem's convolution alone).
        context: channels of the pooled context at the deepest level.
        decoder: channels of the decoder at strides 8, 4, 2 and 1; half of all but the last remember.
        expansion: channels inside an inverted residual, times those outside.
        shrink: how much smaller the network sees the frame than its output is; a guided filter makes good the rest.
        foreground: whether it learns the person's own colours too (`loss.foreground`); the exported student does not.
    """

    TIERS: ClassVar[dict[str, dict[str, Any]]] = {
        "XS": {"channels": (8, 12, 20, 32), "depths": (1, 1, 2), "context": 32, "decoder": (20, 16, 12, 8)},
        "L": {"channels": (16, 24, 48, 72), "depths": (2, 2, 3), "context": 64, "decoder": (48, 32, 24, 12)},
    }

    family: Literal["recurrent"] = "recurrent"
    channels: tuple[int, int, int, int] = (12, 16, 32, 48)
    depths: tuple[int, int, int] = (1, 2, 2)
    context: int = Field(48, ge=2, multiple_of=2)
    decoder: tuple[int, int, int, int] = (32, 24, 16, 8)
    expansion: int = Field(4, ge=1)
    shrink: Literal[1, 2, 4] = 2
    foreground: bool = False

    @model_validator(mode="after")
    def _half_remembers(self) -> RecurrentConfig:
        if any(channels % 2 for channels in self.decoder[:3]):
            raise ValueError(f"half the decoder's channels remember, so the first three must be even: {self.decoder}")
        return self


def _family(values: Any) -> str:
    """An older `student.json` or `params.yaml` names no family: it is an hourglass."""
    return str(values.get("family", "hourglass") if isinstance(values, dict) else getattr(values, "family", ""))


ModelConfig = Annotated[
    Annotated[HourglassConfig, Tag("hourglass")]
    | Annotated[MobileNetUNetConfig, Tag("mobilenet_unet")]
    | Annotated[RecurrentConfig, Tag("recurrent")],
    Discriminator(
        _family,
        custom_error_type="family",
        custom_error_message=f"no such family of students; expected one of {', '.join(FAMILIES)}",
    ),
]
"""The shape of a student of any family, told apart by `family`."""

_ADAPTER: TypeAdapter[HourglassConfig | MobileNetUNetConfig | RecurrentConfig] = TypeAdapter(ModelConfig)


def model_config(values: dict[str, Any]) -> HourglassConfig | MobileNetUNetConfig | RecurrentConfig:
    """The shape that a JSON object, as `student.json` holds it, or a few keys such as `family` and `tier` describe.

    Raises:
        pydantic.ValidationError: an unknown family or key, or a value out of range.
    """
    return _ADAPTER.validate_python(values)
