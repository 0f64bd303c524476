"""Masks and sidecars that are broken, do not fit their footage, or try to run something."""

from __future__ import annotations

import json
import zlib
from functools import partial
from pathlib import Path

import numpy as np

from datasets.images import encode_png
from tests.faults.hostile.cases import Hostile, case, photo_case, plain, raw_bytes, scene
from tests.faults.hostile.files import pipe
from tests.faults.hostile.images import png


def masked(mask: bytes | None, folder: Path) -> None:
    """A photo whose sidecar names one mask."""
    raw_bytes("photo.png", encode_png(scene(folder.name)), folder)
    raw_bytes("photo.yaml", b"masks: masks/photo.png\n", folder)
    (folder / "masks").mkdir()
    if mask is not None:
        raw_bytes("photo.png", mask, folder / "masks")


def piped_masks(folder: Path) -> None:
    """A video with a folder of masks, one of which is a pipe."""
    plain("film.mp4", folder)
    raw_bytes("film.yaml", b"masks: masks\n", folder)
    (folder / "masks").mkdir()
    raw_bytes("0.png", encode_png(np.full((48, 64), 255, np.uint8)), folder / "masks")
    pipe("1.png", folder / "masks")


def coco(content: object, folder: Path) -> None:
    raw_bytes("photo.png", encode_png(scene(folder.name)), folder)
    raw_bytes("photo.yaml", b"masks: masks.json\n", folder)
    text = content if isinstance(content, str) else json.dumps(content)
    raw_bytes("masks.json", text.encode(), folder)


def coco_of(height: int, width: int) -> dict[str, object]:
    return {
        "images": [{"id": 1, "file_name": "photo.png", "height": height, "width": width}],
        "categories": [{"id": 1, "name": "person"}],
        "annotations": [{"image_id": 1, "category_id": 1, "segmentation": [[1, 1, 9, 1, 9, 9]]}],
    }


def sidecar(text: bytes, folder: Path) -> None:
    plain("film.mp4", folder)
    raw_bytes("film.yaml", text, folder)


def locked_sidecar(folder: Path) -> None:
    sidecar(b"subject: anna\n", folder)
    (folder / "film.yaml").chmod(0)


def _laughs() -> bytes:
    lines = ["a: &a [ha, ha, ha, ha, ha, ha, ha, ha, ha]"]
    lines += [f"{b}: &{b} [{', '.join(['*' + a] * 9)}]" for a, b in zip("abcdefghijk", "bcdefghijkl", strict=True)]
    return "\n".join([*lines, "licence: *l"]).encode()


def sidecar_case(name: str, text: bytes, end: str = "bad_sidecar") -> Hostile:
    return Hostile(name, partial(sidecar, text), {"film.mp4": end})


MASKS = [
    photo_case("mask_of_another_shape", partial(masked, encode_png(np.zeros((64, 48), np.uint8))), "bad_mask"),
    photo_case("mask_of_half_the_size", partial(masked, encode_png(np.zeros((24, 32), np.uint8)))),
    photo_case("mask_of_one_pixel", partial(masked, encode_png(np.zeros((1, 1), np.uint8))), "bad_mask"),
    photo_case("mask_of_text", partial(masked, b"no mask"), "bad_mask"),
    photo_case("mask_cut_off", partial(masked, encode_png(scene("png"))[:-30]), "bad_mask"),
    photo_case("mask_missing", partial(masked, None), "bad_mask"),
    photo_case("mask_bomb", partial(masked, png(2**20, 2**20, zlib.compress(b""))), "bad_mask"),
    photo_case("coco_broken", partial(coco, '{"images": ['), "bad_mask"),
    photo_case("coco_too_deep", partial(coco, "[" * 100_000), "bad_mask"),
    photo_case("coco_of_other_things", partial(coco, [1, 2, 3]), "bad_mask"),
    photo_case("coco_bomb", partial(coco, coco_of(10**6, 10**6)), "bad_mask"),
    case("mask_pipe", "film.mp4", piped_masks),
]

SIDECARS = [
    sidecar_case("sidecar_no_yaml", b"subject: [anna\n: }{"),
    sidecar_case("sidecar_binary", bytes(range(256))),
    sidecar_case("sidecar_python_object", b"subject: !!python/object/apply:os.system ['touch pwned']\n"),
    sidecar_case("sidecar_billion_laughs", _laughs()),
    sidecar_case("sidecar_too_deep", b"[" * 100_000),
    sidecar_case("sidecar_list", b"- anna\n- bert\n"),
    sidecar_case("sidecar_unknown_key", b"subjcet: anna\n"),
    sidecar_case("sidecar_45th_of_may", b"subject: 2024-05-45\n"),
    sidecar_case("sidecar_no_unicode", b'subject: "\\ud800"\n'),
    sidecar_case("sidecar_of_megabytes", b"#" * (2 << 20)),
    sidecar_case("sidecar_masks_everything", b"masks: .\n"),
    sidecar_case("sidecar_masks_root", b"masks: /\n"),
    sidecar_case("sidecar_masks_nul", b'masks: "a\\0b"\n'),
    sidecar_case("sidecar_masks_too_long", b"masks: " + b"m" * 5000 + b"\n"),
    sidecar_case("sidecar_masks_is_the_film", b"masks: film.mp4/masks\n"),
    Hostile("sidecar_locked", locked_sidecar, {"film.mp4": "bad_sidecar"}),
]
