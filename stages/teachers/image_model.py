"""Teachers that are one image-to-map network, whatever its runtime: what goes in, what comes out, where it looks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, field_validator

from datasets.images import Grey, Image, Reduction, reduction_to
from stages.paste import Window
from stages.teachers.base import Ballot, TeacherConfig
from stages.teachers.windows import PixelWindow, clipped, cut, frame_window, gated, person_window, widened

Tensor = NDArray[np.float32]
Network = Callable[[Tensor], Tensor]
"""From the input tensor, batch of one, to the chosen output."""
Channels = tuple[float, float, float]


class ImageModelConfig(TeacherConfig):
    """A network that takes one RGB image and answers a foreground map.

    Attributes:
        file: the model, relative to the project's root.
        size: `[height, width]` of its input, or one number for a square.
        layout: order of the input's (and output's) axes after the batch: `nchw` or `nhwc`.
        colour: order of the channels.
        divide_by: 255, 1 (the model takes 0-255) or `max` (the image's largest value, as U²-Net was trained).
        mean, std: per channel in the given order, applied after the division: (x - mean) / std.
        output: index among the model's outputs. channel: of an output with several; -1 is the last.
        activation: what turns the output into a probability; `softmax` runs over the channels.
        region: `frame`, or `crop`: one window per person box; without a box the teacher abstains.
        padding: how many times a person's window is larger than the box.
        fit: `stretch` the region, clipped to the frame, to the input; or `pad`: widen it to the input's shape so that
            nothing is distorted, over the frame's sides if need be, where border pixels are repeated.
        gate: `boxes` zeroes the vote outside the person boxes (grown by `padding`) and abstains without a box: models
            that find salient objects also find chairs.
        flip: look at every region mirrored too, and answer the mean of both, as the winner of DAVIS-2020 does. Takes
            twice the time.
        max_people: windows per frame at most, best boxes first.
        threads: of the runtime, within one operation.
    """

    file: str
    size: tuple[int, int]
    layout: Literal["nchw", "nhwc"]
    colour: Literal["rgb", "bgr"] = "rgb"
    divide_by: Literal[1, 255, "max"] = 255
    mean: Channels = (0.0, 0.0, 0.0)
    std: Channels = (1.0, 1.0, 1.0)
    output: int = Field(default=0, ge=0)
    channel: int = -1
    activation: Literal["none", "sigmoid", "softmax"] = "none"
    region: Literal["frame", "crop"] = "frame"
    padding: float = Field(default=1.25, ge=1)
    fit: Literal["stretch", "pad"] = "stretch"
    gate: Literal["none", "boxes"] = "none"
    flip: bool = False
    max_people: int = Field(default=6, ge=1)
    threads: int = Field(default=1, ge=1)

    @field_validator("size", mode="before")
    @classmethod
    def _square(cls, value: object) -> object:
        return (value, value) if isinstance(value, int) else value

    @property
    def files(self) -> tuple[str, ...]:
        return (self.file,)

    @property
    def input_shape(self) -> tuple[int, int, int, int]:
        """Shape of the input tensor."""
        height, width = self.size
        return (1, 3, height, width) if self.layout == "nchw" else (1, height, width, 3)


class ImageModelTeacher:
    """A network's vote per region of the frame."""

    def __init__(self, config: ImageModelConfig, network: Network) -> None:
        self._config, self._network = config, network

    def reduction(self, width: int, height: int, boxes: Sequence[Window]) -> Reduction:
        """As far as every region still holds the pixels of the network's input."""
        if self._config.gate == "boxes" and not boxes:
            return 8
        rows, columns = self._config.size
        surpluses = [
            min((region.bottom - region.top) / rows, (region.right - region.left) / columns)
            for region in self._regions(boxes, width, height)
        ]
        return reduction_to(width, height, min(surpluses, default=8))

    def predict(self, image: Image, boxes: Sequence[Window], mask: Grey | None = None) -> Ballot:
        """One map per region, at the resolution of the network's output."""
        height, width = image.shape[:2]
        if self._config.gate == "boxes" and not boxes:
            return []
        ballot: Ballot = []
        for region in self._regions(boxes, width, height):
            grey, window = self._map(cut(image, region, self._config.size)), region.fractions(width, height)
            if self._config.gate == "boxes":
                grey = gated(grey, window, boxes, margin=self._config.padding)
            ballot.append((window, grey))
        return ballot

    def _map(self, tile: Image) -> Grey:
        """The network's answer on an image of its input size."""
        grey = to_map(self._network(to_tensor(tile, self._config)), self._config)
        if not self._config.flip:
            return grey
        mirrored = to_map(self._network(to_tensor(tile[:, ::-1], self._config)), self._config)[:, ::-1]
        return ((grey.astype(np.uint16) + mirrored + 1) // 2).astype(np.uint8)

    def _regions(self, boxes: Sequence[Window], width: int, height: int) -> list[PixelWindow]:
        config = self._config
        if config.region == "frame":
            regions = [frame_window(width, height)]
        else:
            regions = [person_window(box, width, height, padding=config.padding) for box in boxes[: config.max_people]]
        if config.fit == "pad":
            return [widened(region, config.size[1] / config.size[0]) for region in regions]
        return [clipped(region, width, height) for region in regions]


def to_tensor(image: Image, config: ImageModelConfig) -> Tensor:
    """An `(h, w, 3)` uint8 RGB image as the network takes it: `(1, 3, h, w)` or `(1, h, w, 3)` float32."""
    pixels = np.ascontiguousarray(image[..., ::-1] if config.colour == "bgr" else image)
    largest = max(int(image.max()), 1) if config.divide_by == "max" else config.divide_by
    # (x / largest - mean) / std; row by row, as NumPy is slow along an axis of three
    height, width = image.shape[:2]
    scale = np.tile(1 / (largest * np.array(config.std)), width).astype(np.float32)
    tensor = np.multiply(pixels.reshape(height, -1), scale, dtype=np.float32)
    if any(config.mean):
        tensor -= np.tile(np.array(config.mean) / np.array(config.std), width).astype(np.float32)
    tensor = tensor.reshape(1, height, width, 3)
    return np.ascontiguousarray(tensor.transpose(0, 3, 1, 2)) if config.layout == "nchw" else tensor


def to_map(output: Tensor, config: ImageModelConfig) -> Grey:
    """The network's output, with or without batch and channel axes, as `(h, w)` uint8 probability.

    Raises:
        ValueError: the output is no map, has no such channel, or is no probability.
    """
    logits = _channels_first(output, config)
    if not -logits.shape[0] <= config.channel < logits.shape[0]:
        raise ValueError(f"{config.file}: output {config.output} has {logits.shape[0]} channels, not {config.channel}")
    if config.activation == "softmax":
        shifted = np.exp(logits - logits.max(axis=0))
        probability = (shifted / shifted.sum(axis=0))[config.channel]
    elif config.activation == "sigmoid":
        probability = 1 / (1 + np.exp(-np.clip(logits[config.channel], -80, 80)))
    else:
        probability = logits[config.channel]
    low, high = float(probability.min()), float(probability.max())
    if not (low >= -0.5 and high <= 1.5):  # mattes may overshoot a little; also true for NaN
        raise ValueError(
            f"{config.file}: output {config.output} ranges over {low:.3g} to {high:.3g}, which is no probability; "
            "set `activation: sigmoid` or `softmax`, or choose another `output`"
        )
    return np.asarray(np.rint(np.clip(probability, 0, 1) * 255), dtype=np.uint8)


def _channels_first(output: Tensor, config: ImageModelConfig) -> Tensor:
    maps = output[0] if output.ndim >= 3 and output.shape[0] == 1 else output
    if maps.ndim == 2:
        return maps[None]
    if maps.ndim == 3:
        return maps if config.layout == "nchw" else maps.transpose(2, 0, 1)
    raise ValueError(f"{config.file}: output {config.output} has shape {output.shape}, expected one map per channel")
