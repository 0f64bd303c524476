"""More frames to fit on: the people of truth, cut or put elsewhere so that every kind of shot is seen.

Street photos show whole figures and nothing else. The same people cut at the waist are portraits, and small before
another scene they are distant: what is fitted on one collection then knows the kinds of shot of others.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from datasets.images import Grey, Image, decode_grey, decode_rgb, encode_jpeg, encode_png
from datasets.schema import FrameRow
from stages.reliability import shot_of

SHOTS = ("portrait", "figure", "distant")
"""Kinds of shot; a view's name ends with its own."""
_LEAST = 48
"""Views with a side of fewer pixels, or people of less height, are left out."""
_LONGEST = 640


@dataclass(frozen=True)
class View:
    """A picture and its truth: `name` is `portrait`, `figure` or `distant`; `(H, W, 3)` and `(H, W)` uint8."""

    name: str
    image: Image
    truth: Grey


def other_shots(
    frame: FrameRow, truth: bytes, scenes: Sequence[bytes], rng: np.random.Generator
) -> Iterator[tuple[FrameRow, bytes]]:
    """The frame as one of the kinds of shot that it is not, drawn at random, with its truth; nothing if it allows none.

    Args:
        truth: the exact mask, PNG, of any size of the frame's shape. scenes: person-free pictures, JPEG or PNG.
    """
    image = decode_rgb(frame.image)
    exact = np.asarray(cv2.resize(decode_grey(truth), image.shape[1::-1], interpolation=cv2.INTER_AREA), np.uint8)
    person = largest_person(exact)
    if person is None:
        return
    height, width = exact.shape
    shot = shot_of([(person[0] / width, person[1] / height, person[2] / width, person[3] / height)], [1.0])
    kinds = {"portrait": shot.portrait, "figure": shot.figure, "distant": shot.distant}
    others = [name for name in kinds if name != max(kinds, key=kinds.__getitem__)]
    for view in views(image, exact, scenes, rng, names=[others[int(rng.integers(len(others)))]]):
        yield _row_of(view, frame), encode_png(view.truth)


def is_view(frame: FrameRow) -> bool:
    """Whether `other_shots` made this frame."""
    return frame.name.endswith(tuple(f"-{name}" for name in SHOTS))


def views(
    image: Image, truth: Grey, scenes: Sequence[bytes], rng: np.random.Generator, *, names: Sequence[str]
) -> Iterator[View]:
    """Views of one frame, those named that it allows.

    `portrait` cuts the largest person at the waist; `figure` cuts the frame about that person; `distant` puts them, at
    a third to two thirds of the height, before one of `scenes` (person-free pictures, JPEG or PNG), and needs some.
    """
    box = largest_person(truth)
    if box is None:
        return
    for name in names:
        if name == "portrait":
            found = _window(name, image, truth, _portrait(box, rng))
        elif name == "figure":
            found = _window(name, image, truth, _about(box, rng))
        else:
            found = _distant(image, truth, box, _drawn(scenes, rng), rng) if scenes else None
        if found is not None:
            yield found


def _drawn(scenes: Sequence[bytes], rng: np.random.Generator) -> Image:
    return decode_rgb(scenes[int(rng.integers(len(scenes)))])


def _row_of(view: View, frame: FrameRow) -> FrameRow:
    height, width = view.truth.shape
    return replace(
        frame,
        name=f"{frame.name}-{view.name}",
        width=width,
        height=height,
        source_width=width,
        source_height=height,
        image=encode_jpeg(view.image),
    )


def largest_person(truth: Grey) -> tuple[int, int, int, int] | None:
    """`(left, top, right, bottom)` in pixels of the largest component of `truth` `(H, W)`; None without one."""
    _, _, stats, _ = cv2.connectedComponentsWithStats((truth >= 128).astype(np.uint8), connectivity=8)
    if len(stats) < 2:
        return None
    left, top, width, height, _ = max(stats[1:], key=lambda row: int(row[cv2.CC_STAT_AREA]))
    return int(left), int(top), int(left + width), int(top + height)


Bounds = tuple[float, float, float, float]
"""`(left, top, right, bottom)` in pixels; may reach outside the frame."""


def _portrait(box: tuple[int, int, int, int], rng: np.random.Generator) -> Bounds:
    """Head to chest or waist of a standing person, as webcams see one."""
    left, top, right, bottom = box
    shown = (bottom - top) * rng.uniform(0.25, 0.45)
    above = shown * rng.uniform(0.05, 0.35)
    width = (shown + above) * rng.uniform(0.8, 1.5)
    middle = (left + right) / 2 + rng.uniform(-0.15, 0.15) * width
    return middle - width / 2, top - above, middle + width / 2, top + shown


def _about(box: tuple[int, int, int, int], rng: np.random.Generator) -> Bounds:
    left, top, right, bottom = box
    width, height = right - left, bottom - top
    sides = rng.uniform(0.04, 0.4, 4)
    return left - sides[0] * width, top - sides[1] * height, right + sides[2] * width, bottom + sides[3] * height


def _window(name: str, image: Image, truth: Grey, bounds: Bounds) -> View | None:
    height, width = truth.shape
    left, top = max(0, round(bounds[0])), max(0, round(bounds[1]))
    right, bottom = min(width, round(bounds[2])), min(height, round(bounds[3]))
    if right - left < _LEAST or bottom - top < _LEAST:
        return None
    part = np.s_[top:bottom, left:right]
    return View(name, np.ascontiguousarray(image[part]), np.ascontiguousarray(truth[part]))


def _distant(
    image: Image, truth: Grey, box: tuple[int, int, int, int], scene: Image, rng: np.random.Generator
) -> View | None:
    """The person, shrunk, before a scene; standing in it unless its frame cut it off below."""
    scale = _LONGEST / max(scene.shape[:2])
    scene = _resized(scene, scale)
    rows, columns = scene.shape[:2]
    left, top, right, bottom = box
    shrink = min(1.0, rows * rng.uniform(0.33, 0.67) / (bottom - top), 0.8 * columns / (right - left))
    part = np.s_[top:bottom, left:right]
    person, alpha = _resized(image[part], shrink), _resized(truth[part], shrink)
    tall, wide = alpha.shape
    if tall < _LEAST:
        return None
    cut_off = bottom >= truth.shape[0] - 2
    down = rows - tall if cut_off else int(rng.integers((rows - tall) // 2, rows - tall + 1))
    across = int(rng.integers(0, columns - wide + 1))
    # a camera blurs person and scene alike; a hard paste would show every teacher the edge
    share = cv2.GaussianBlur(alpha.astype(np.float32) / 255, (0, 0), 0.7)[..., None]
    picture, exact = scene.copy(), np.zeros((rows, columns), np.uint8)
    place = np.s_[down : down + tall, across : across + wide]
    picture[place] = np.rint(share * person + (1 - share) * picture[place]).astype(np.uint8)
    exact[place] = alpha
    return View("distant", picture, exact)


def _resized(values: NDArray[np.uint8], scale: float) -> NDArray[np.uint8]:
    size = (max(1, round(values.shape[1] * scale)), max(1, round(values.shape[0] * scale)))
    flag = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(values, size, interpolation=flag), np.uint8)
