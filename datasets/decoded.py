"""Frames that were decoded lately: teachers that share a worker look at the same shard one after the other."""

from __future__ import annotations

from collections import OrderedDict

from datasets.images import Image, Reduction, decode_rgb

LIMIT = 256 * 2**20
"""Bytes of pixels that are kept: 64 frames of 720p fit."""


class DecodedFrames:
    """A memory of `decode_rgb`, the longest unused frames forgotten first."""

    def __init__(self, limit: int = LIMIT) -> None:
        self._limit, self._bytes = limit, 0
        self._frames: OrderedDict[tuple[bytes, Reduction], Image] = OrderedDict()

    def decode(self, data: bytes, reduction: Reduction = 1) -> Image:
        """As `decode_rgb`, whose bytes decide; the array is read-only, as others may hold it too."""
        key = data, reduction
        image = self._frames.get(key)
        if image is not None:
            self._frames.move_to_end(key)
            return image
        image = decode_rgb(data, reduction=reduction)
        image.flags.writeable = False
        self._frames[key] = image
        self._bytes += image.nbytes + len(data)
        while self._bytes > self._limit and len(self._frames) > 1:
            (old, _), forgotten = self._frames.popitem(last=False)
            self._bytes -= forgotten.nbytes + len(old)
        return image


LATELY = DecodedFrames()
"""This process's."""
