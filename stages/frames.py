"""From pixels to a frame row: stored size, encoding, blur and near-duplicate statistics."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from datasets.images import Grey, Image, encode_jpeg, encode_png
from datasets.media import MediaError, fit
from datasets.schema import FrameRow
from stages.bursts import Place

HASH_BITS = 64
ASPECT_TOLERANCE = 0.02
"""A mask of another size than its frame is stretched to it, unless their shapes differ by more than this."""


@dataclass(frozen=True)
class Storage:
    """How frames are kept: never larger than `longest_side`, as `jpeg` of `quality` or as `png`."""

    longest_side: int
    format: Literal["jpeg", "png"]
    quality: int

    def encode(self, image: Image) -> bytes:
        return encode_png(image) if self.format == "png" else encode_jpeg(image, quality=self.quality)


@dataclass(frozen=True)
class Footage:
    """What all frames of one source share; fields as in `FrameRow`."""

    source: str
    path: str
    subject: str
    licences: tuple[str, ...]
    origin: str
    split: str
    role: str


def difference_hash(image: Image) -> NDArray[np.bool_]:
    """`(8, 8)` bits: is each of 9 × 8 brightness samples darker than its left neighbour (dHash, N. Krawetz, 2013)."""
    grey = cv2.resize(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), (9, 8), interpolation=cv2.INTER_AREA)
    return np.asarray(grey[:, 1:] < grey[:, :-1], np.bool_)


def sharpness(image: Image) -> float:
    """Variance of the Laplacian of the grey image: low means blurred (Pech-Pacheco et al., ICPR 2000)."""
    return float(cv2.Laplacian(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), cv2.CV_32F).var())


class RowWriter:
    """Makes the frame rows of one source, in order; remembers the previous frame's hash only."""

    def __init__(self, footage: Footage, storage: Storage) -> None:
        self._footage, self._storage = footage, storage
        self._previous: NDArray[np.bool_] | None = None

    def row(
        self,
        image: Image,
        place: Place,
        *,
        time_us: int,
        name: str,
        licences: tuple[str, ...] = (),
        mask: Grey | None = None,
        truth: Grey | None = None,
    ) -> FrameRow:
        """The row of an upright frame `(H, W, 3)` at its source's size; `licences` are added to the source's.

        `mask` (any size of the same shape) is resized by nearest neighbour, `truth` `(H, W)` by area.

        Raises:
            MediaError: `bad_mask`: the mask's shape is not the frame's.
        """
        footage = self._footage
        stored = fit(image, self._storage.longest_side)
        height, width = stored.shape[:2]
        bits = difference_hash(stored)
        repeats = not place.first and self._previous is not None
        distance = int(np.count_nonzero(bits != self._previous)) if repeats else HASH_BITS
        self._previous = bits
        return FrameRow(
            source=footage.source,
            clip=place.clip,
            burst=place.burst,
            time_us=time_us,
            path=footage.path,
            name=name,
            width=width,
            height=height,
            source_width=image.shape[1],
            source_height=image.shape[0],
            image=self._storage.encode(stored),
            blur=sharpness(stored),
            duplicate=float(distance),
            subject=footage.subject,
            licences=sorted({*footage.licences, *licences}),
            origin=footage.origin,
            split=footage.split,
            role=footage.role,
            mask=b"" if mask is None else encode_png(self._mask_at(mask, image, (width, height), name)),
            truth=b"" if truth is None else encode_png(fit(truth, self._storage.longest_side)),
        )

    def _mask_at(self, mask: Grey, image: Image, size: tuple[int, int], name: str) -> Grey:
        stretch = (mask.shape[1] / mask.shape[0]) / (image.shape[1] / image.shape[0])
        if abs(stretch - 1) > ASPECT_TOLERANCE:
            raise MediaError(
                "bad_mask",
                f"{self._footage.path} frame {name}: its mask is {mask.shape[1]}x{mask.shape[0]}, "
                f"the frame {image.shape[1]}x{image.shape[0]}; give masks of the frame's shape",
            )
        return np.asarray(cv2.resize(mask, size, interpolation=cv2.INTER_NEAREST), np.uint8)
