"""Photos as short bursts: what a camera that pans across them would see, votes and truth included."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from datasets.clips import Clip
from datasets.images import decode_grey, decode_rgb, encode_jpeg, encode_png
from datasets.schema import BoxRow, FrameRow, Row, VoteRow


def panned(
    clip: Clip, truths: Sequence[bytes], rng: np.random.Generator, *, frames: int = 4, side: int = 400
) -> tuple[Clip, list[bytes]]:
    """A photo with its votes as a short burst: a window of it that moves on a straight way, as a camera would pan.

    Votes are exact where they are (their windows move), so nothing is voted anew. The burst is of `frames` frames with
    the longest side `side`. Where footage is scarce this is what lag and flicker are learnt on.
    """
    (frame,), (boxes,) = clip.frames, clip.boxes
    assert frame is not None
    image, exact = decode_rgb(frame.image), decode_grey(truths[0])
    share = float(rng.uniform(0.75, 0.88))
    room, speed = 1 - share, float(rng.uniform(0.2, 1.0))
    angle = float(rng.uniform(0, 2 * np.pi))
    steps = np.linspace(-0.5, 0.5, frames)[:, None] * speed * np.asarray([np.cos(angle), np.sin(angle)]) * room
    corners = np.clip(room / 2 + steps, 0, room)
    rows: list[FrameRow] = []
    seen: list[BoxRow] = []
    votes: dict[str, list[VoteRow | None]] = {name: [] for name in clip.votes}
    cut_truths: list[bytes] = []
    for step, (x, y) in enumerate(corners):
        window = (float(x), float(y), float(x) + share, float(y) + share)
        scale = min(1.0, side / (share * max(frame.width, frame.height)))
        width, height = round(share * scale * frame.width), round(share * scale * frame.height)
        shown = _cut(image, window, width, height)
        row = replace(frame, time_us=step * 40_000, width=width, height=height, image=encode_jpeg(shown))
        rows.append(row)
        cut_truths.append(encode_png(_cut(exact, window, width, height)))
        if boxes is not None:
            seen.append(_moved_boxes(boxes, row, window))
        for name, ballot in clip.votes.items():
            vote = ballot[0]
            votes[name].append(
                None
                if vote is None
                else replace(vote, time_us=row.time_us, windows=[_into(one, window) for one in vote.windows])
            )
    joined: dict[type[Row], tuple[Row | None, ...]] = {BoxRow: tuple(seen)} if seen else {}
    return Clip(tuple(rows), joined, {name: tuple(found) for name, found in votes.items()}), cut_truths


def _moved_boxes(boxes: BoxRow, row: FrameRow, window: Sequence[float]) -> BoxRow:
    moved = [np.clip(_into(box, window), 0, 1).tolist() for box in boxes.boxes]
    kept = [index for index, box in enumerate(moved) if box[2] - box[0] > 0.02 and box[3] - box[1] > 0.02]
    return replace(
        boxes,
        time_us=row.time_us,
        boxes=[moved[index] for index in kept],
        scores=[boxes.scores[index] for index in kept],
        support=[boxes.support[index] for index in kept],
    )


def _into(box: Sequence[float], window: Sequence[float]) -> list[float]:
    """A box in fractions of the frame as fractions of a window of it."""
    x, y, wide, high = window[0], window[1], window[2] - window[0], window[3] - window[1]
    return [(box[0] - x) / wide, (box[1] - y) / high, (box[2] - x) / wide, (box[3] - y) / high]


def _cut(pixels: NDArray[np.uint8], window: Sequence[float], width: int, height: int) -> NDArray[np.uint8]:
    """The window's pixels at `width` × `height`, without a shift: centres lie at half-integers."""
    rows, columns = pixels.shape[:2]
    scale_x, scale_y = (window[2] - window[0]) * columns / width, (window[3] - window[1]) * rows / height
    matrix = np.asarray(
        [
            [scale_x, 0, window[0] * columns + 0.5 * scale_x - 0.5],
            [0, scale_y, window[1] * rows + 0.5 * scale_y - 0.5],
        ]
    )
    if scale_x > 1:
        pixels = np.asarray(cv2.GaussianBlur(pixels, (0, 0), 0.4 * scale_x), np.uint8)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return np.asarray(cv2.warpAffine(pixels, matrix, (width, height), flags=flags, borderMode=cv2.BORDER_REPLICATE))
