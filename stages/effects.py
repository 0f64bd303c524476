"""Effects that need more than one finished frame: light from behind, a moving shutter, a video codec."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import cast

import cv2
import numpy as np

from datasets.images import Grey, Image

_SPREAD = 0.02
"""Standard deviation of the light that wraps around a person, as a fraction of the height."""
_ENCODER = "libx264"


class CodecError(RuntimeError):
    """This installation cannot encode H.264. The message says what to do."""


@dataclass(frozen=True)
class Effects:
    """What a recipe has drawn; the defaults change nothing.

    Attributes:
        wrap: 0-1, how much of the light behind a person spills over their rim.
        shutter: 0-1, part of the time between two frames during which the shutter is open.
        h264: constant rate factor 1-51 of an H.264 encoder, higher is worse; 0: none.
    """

    wrap: float = 0.0
    shutter: float = 0.0
    h264: int = 0


NO_EFFECTS = Effects()


def wrap_light(image: Image, alpha: Grey, background: Image, strength: float) -> Image:
    """The person's rim, brightened by the light behind it (veiling glare and translucent hair).

    C' = C + s·w·max(B̃ − C, 0) with w = α·(1 − α̃), where a tilde is a Gaussian blur: w is 0 without a person and deep
    inside one, and about one half along the rim. Only ever adds light: dark rooms do not darken a person.

    Args:
        image, background: `(H, W, 3)` uint8. alpha: `(H, W)` uint8.
        strength: s, 0-1.
    """
    sigma = max(1.0, _SPREAD * image.shape[0])
    opaque = alpha.astype(np.float32) / 255
    weight = strength * opaque * (1 - cv2.GaussianBlur(opaque, (0, 0), sigma))
    lighter = cv2.subtract(cv2.GaussianBlur(background, (0, 0), sigma), image)
    return np.asarray(cv2.add(image, cv2.multiply(lighter, cv2.merge([weight] * 3), dtype=cv2.CV_8U)), dtype=np.uint8)


def through_h264(frames: Sequence[Image], rate_factor: int) -> list[Image]:
    """Frames of one size after H.264, encoded as one stream in memory: the same build gives the same pixels.

    Without the encoder's assembly: on a busy processor with AVX-512, x264 (core 165) gave other bytes for the same
    frames in 81 of 10,000 encodings, and in none with `asm=0`, `AVX2` or `SSE4.2`. Only the first is there on every
    processor; four frames of 256x144 take 5 ms longer.

    Args:
        frames: `(H, W, 3)` uint8 RGB each; odd sides are padded by one pixel for the codec.
        rate_factor: CRF, 1-51.

    Raises:
        CodecError: PyAV was built without an H.264 encoder.
    """
    import av  # which is slow to import, and needed by few clips

    if _ENCODER not in av.codecs_available:
        raise CodecError(
            f"this PyAV has no {_ENCODER}: install its wheel (`pip install --force-reinstall av`), or set "
            "`h264_probability: 0` in params.yaml under synthesize.recipe"
        )
    height, width = frames[0].shape[:2]
    coded = io.BytesIO()
    with av.open(coded, "w", format="matroska") as container:
        stream = cast(av.VideoStream, container.add_stream(_ENCODER, rate=Fraction(25)))
        stream.width, stream.height, stream.pix_fmt = width + width % 2, height + height % 2, "yuv420p"
        stream.codec_context.thread_count = 1
        stream.options = {"crf": str(rate_factor), "preset": "veryfast", "bf": "0", "x264-params": "asm=0"}
        for frame in frames:
            even = cv2.copyMakeBorder(frame, 0, height % 2, 0, width % 2, cv2.BORDER_REPLICATE)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(np.asarray(even, np.uint8), format="rgb24")))
        container.mux(stream.encode(None))
    coded.seek(0)
    with av.open(coded, "r", format="matroska") as container:
        decoded = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    return [np.ascontiguousarray(frame[:height, :width]) for frame in decoded]
