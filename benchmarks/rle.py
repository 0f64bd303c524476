"""Our brush RLE against Label Studio's SDK: the same bytes, and how much quicker.

`identical` says that over five hundred masks, and all those below, every encoded list of numbers equals the SDK's
(`label_studio_sdk.converter.brush.mask2rle`), every decoded mask the one that was encoded, and every decoded word the
one of the SDK's `decode_rle`. The masks: empty, full, one pixel, one row, one column, noise of two and of 256 values,
smooth and ragged discs, heads with thin strands of hair, of sizes odd and large; drawn anew from a fixed seed.

The ratios are the SDK's seconds by ours at 1920 x 1080 on a head with four hundred strands, anti-aliased. Both sides
start and end with the mask and with what Label Studio's JSON holds, a list of numbers; ours includes the turn from
list to bytes and back. They are measured in turns in this process, which has one thread, in seconds of processor (other
work on the machine does not count); medians. Beside them stands what no codec can do without: the turn alone, and one
copy of the RGBA picture that the RLE speaks of, at the speed of memory.

The kernels are compiled (or loaded) before the clock starts; `compile_seconds` is what that took. Needs nothing but
the environment.

The last line is JSON: `identical`, `encode_ratio` and `decode_ratio` (their time by ours), `masks`, `milliseconds` by
what is measured, `compile_seconds`.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import time
from collections.abc import Callable, Iterator

import cv2
import numpy as np
from label_studio_sdk.converter import brush as sdk
from rich.console import Console
from rich.table import Table

from datasets.brush_rle import decode_mask, decode_rle, encode_mask
from datasets.images import Grey

SIZE = (1080, 1920)
STRANDS = 400
SMALL = 520
"""Masks of up to `SIDE` pixels a side; the SDK takes about a microsecond a bit."""
SIDE = 97
LARGE = ((721, 1283), (1081, 1919), (2161, 3001))
SEED = 12


def main() -> None:
    """Compare, measure, print a table, and one line of JSON."""
    options = _options()
    console = Console(stderr=not os.isatty(1))
    start = time.process_time()
    encode_mask(decode_mask(encode_mask(np.zeros((2, 2), np.uint8)), 2, 2))
    compiled = time.process_time() - start
    rng = np.random.default_rng(SEED)
    different, count, kinds = 0, 0, set()
    for name, mask in masks(rng, options.masks):
        count += 1
        kinds.add(name)
        if not same(mask):
            different += 1
            console.print(f"different: {name}, {mask.shape[1]}x{mask.shape[0]}", style="red", highlight=False)
    console.print(f"{count} masks of {len(kinds)} kinds compared, {different} different", highlight=False)
    hair = hairy(*SIZE, rng, strands=STRANDS)
    different += not same(hair)
    times = measure(hair, options.rounds)
    console.print(_table(times, len(encode_mask(hair))))
    result = {
        "identical": different == 0,
        "encode_ratio": round(times["SDK encodes"] / times["we encode"], 1),
        "decode_ratio": round(times["SDK decodes"] / times["we decode"], 1),
        "masks": count + 1,
        "milliseconds": {name: round(seconds * 1000, 2) for name, seconds in times.items()},
        "compile_seconds": round(compiled, 2),
    }
    print(json.dumps(result))


def masks(rng: np.random.Generator, small: int) -> Iterator[tuple[str, Grey]]:
    """Kind and mask: `small` little ones of all kinds in turn, and a large one of each kind."""
    kinds = list(KINDS)
    for index in range(small):
        name = kinds[index % len(kinds)]
        yield name, KINDS[name](int(rng.integers(1, SIDE + 1)), int(rng.integers(1, SIDE + 1)), rng)
    for name, make in KINDS.items():
        if "noise" not in name:  # the SDK takes a minute a megapixel of it
            height, width = LARGE[len(name) % len(LARGE)]
            yield name, make(height, width, rng)


def same(mask: Grey) -> bool:
    """Whether bytes, mask and words are the SDK's."""
    height, width = mask.shape
    expected = sdk.mask2rle(mask)
    ours = encode_mask(mask)
    back = np.array_equal(decode_mask(expected, width, height), mask)
    if mask.size > SIDE * SIDE and mask.size != SIZE[0] * SIZE[1]:
        return list(ours) == expected and back  # its decoder alone would take minutes
    return list(ours) == expected and back and np.array_equal(decode_rle(expected), sdk.decode_rle(expected))


def hairy(height: int, width: int, rng: np.random.Generator, *, strands: int = 40) -> Grey:
    """A head with thin, curved, anti-aliased strands standing out all around it."""
    mask = np.zeros((height, width), np.uint8)
    centre = np.array([width, height]) / 2
    axes = np.array([width * 0.16, height * 0.3])
    cv2.ellipse(mask, centre.astype(int).tolist(), np.maximum(axes, 1).astype(int).tolist(), 0, 0, 360, 255, -1)
    for _ in range(strands):
        angle, bend, length = rng.uniform(0, 2 * np.pi), rng.normal(0, 0.4), rng.uniform(1.1, 1.6)
        along = np.linspace(0.9, length, 24)
        turned = angle + bend * (along - 0.9)
        points = centre + np.stack([np.cos(turned), np.sin(turned)], 1) * axes * along[:, None]
        cv2.polylines(mask, [points.round().astype(np.int32)], False, 255, 1, cv2.LINE_AA)
    return mask


def disc(height: int, width: int, rng: np.random.Generator, *, rough: float = 0.0) -> Grey:
    """A disc somewhere, its edge ragged by noise."""
    y, x = np.mgrid[:height, :width]
    middle = rng.uniform(0.2, 0.8, 2) * (height, width)
    distance = np.hypot(y - middle[0], x - middle[1]) + rough * rng.normal(size=(height, width))
    return np.asarray((distance < min(height, width) * rng.uniform(0.2, 0.6)) * 255, np.uint8)


def one(height: int, width: int, rng: np.random.Generator) -> Grey:
    """One pixel."""
    mask = np.zeros((height, width), np.uint8)
    mask[rng.integers(height), rng.integers(width)] = 255
    return mask


def stripe(height: int, width: int, rng: np.random.Generator) -> Grey:
    """One row or one column."""
    mask = np.zeros((height, width), np.uint8)
    if rng.integers(2):
        mask[rng.integers(height)] = 255
    else:
        mask[:, rng.integers(width)] = 255
    return mask


KINDS: dict[str, Callable[[int, int, np.random.Generator], Grey]] = {
    "empty": lambda height, width, rng: np.zeros((height, width), np.uint8),
    "full": lambda height, width, rng: np.full((height, width), 255, np.uint8),
    "one pixel": one,
    "stripe": stripe,
    "disc": disc,
    "ragged": lambda height, width, rng: disc(height, width, rng, rough=4),
    "hairy": hairy,
    "noise": lambda height, width, rng: np.asarray(rng.integers(0, 2, (height, width)) * 255, np.uint8),
    "grey noise": lambda height, width, rng: rng.integers(0, 256, (height, width), np.uint8),
}


def measure(mask: Grey, rounds: int) -> dict[str, float]:
    """Median seconds of each, in turns."""
    height, width = mask.shape
    numbers = sdk.mask2rle(mask)
    data = bytes(numbers)
    picture = np.repeat(mask[..., None], 4, 2)
    copy = np.empty_like(picture)
    contenders: dict[str, Callable[[], object]] = {
        "SDK encodes": lambda: sdk.mask2rle(mask),
        "we encode": lambda: list(encode_mask(mask)),
        "SDK decodes": lambda: sdk.decode_rle(numbers).reshape(height, width, 4)[:, :, 3],
        "we decode": lambda: decode_mask(numbers, width, height),
        "bytes to list": lambda: list(data),
        "list to bytes": lambda: bytes(numbers),
        "copy of the RGBA picture": lambda: np.copyto(copy, picture),
    }
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, call in contenders.items():
            start = time.process_time()
            call()
            seconds[name].append(time.process_time() - start)
    return {name: statistics.median(values) for name, values in seconds.items()}


def _table(times: dict[str, float], size: int) -> Table:
    table = Table(title=f"{SIZE[1]}x{SIZE[0]}, {STRANDS} strands: RLE of {size} bytes")
    table.add_column("what")
    table.add_column("ms", justify="right")
    for name, seconds in times.items():
        table.add_row(name, f"{seconds * 1000:.2f}")
    return table


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=9, help="default: %(default)s")
    parser.add_argument("--masks", type=int, default=SMALL, help="little masks to compare; default: %(default)s")
    return parser.parse_args()


if __name__ == "__main__":
    main()
