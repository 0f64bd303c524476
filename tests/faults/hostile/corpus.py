"""All cases of bad input: every one is a folder of its own with the files that the table promises."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from tests.faults.hostile.cases import Hostile
from tests.faults.hostile.files import FILES, NAMES
from tests.faults.hostile.images import IMAGES
from tests.faults.hostile.masks import MASKS, SIDECARS
from tests.faults.hostile.videos import VIDEOS

CORPUS = {case.name: case for case in (*IMAGES, *VIDEOS, *NAMES, *FILES, *MASKS, *SIDECARS)}

QUICK = (
    "zero_bytes_mp4", "cut_mid_gop_mkv", "sound_only", "odd_size_video", "ten_bit", "cmyk_jpg", "exif_6",
    "png_header_bomb", "name_newline", "name_no_utf8_photo", "name_255_bytes_video", "link_to_itself",
    "pipe_as_video", "locked_photo", "mask_of_another_shape", "sidecar_python_object", "sidecar_billion_laughs",
)  # fmt: skip
"""The dozen that runs with the quick tests."""


def make_corpus(raw: Path, cases: Iterable[Hostile]) -> dict[str, str]:
    """Write the cases under `raw`, a folder each; the expected end of every file by its path relative to `raw`."""
    ends: dict[str, str] = {}
    for case in cases:
        folder = raw / case.name
        folder.mkdir(parents=True)
        case.make(folder)
        ends |= {str(Path(case.name) / name): end for name, end in case.ends.items()}
    return ends
