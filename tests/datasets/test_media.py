import os
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from datasets.images import encode_jpeg, encode_png
from datasets.media import MAX_IMAGE_BYTES, MediaError, fit, natural_key, read_photo, why_unreadable

IMAGE = np.random.default_rng(0).integers(0, 256, (40, 60, 3), dtype=np.uint8)


def exif_rotated(jpeg: bytes, orientation: int) -> bytes:
    """The JPEG with an EXIF orientation tag and, inside the same header, a thumbnail's end marker."""
    entry = b"\x12\x01\x03\x00\x01\x00\x00\x00" + bytes([orientation, 0, 0, 0])
    body = b"Exif\x00\x00II*\x00\x08\x00\x00\x00\x01\x00" + entry + b"\x00\x00\x00\x00" + b"\xff\xd8\xff\xd9"
    return jpeg[:2] + b"\xff\xe1" + (len(body) + 2).to_bytes(2, "big") + body + jpeg[2:]


def test_a_photo_is_turned_upright(tmp_path: Path) -> None:
    marked = np.zeros((40, 60, 3), np.uint8)
    marked[:, :30] = (255, 0, 0)  # red on the left; orientation 6 shows the left side at the top
    path = tmp_path / "phone.jpg"
    path.write_bytes(exif_rotated(encode_jpeg(marked), 6))
    image = read_photo(path)
    assert image.shape == (60, 40, 3)
    assert image[5, 20, 0] > 240
    assert image[-5, 20].max() < 15


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty_file"),
        (b"no image at all", "not_an_image"),
        (encode_jpeg(IMAGE)[:-400], "truncated"),
        (exif_rotated(encode_jpeg(IMAGE), 1)[:-400], "truncated"),
        (encode_png(IMAGE)[:-400], "truncated"),
    ],
)
def test_unreadable_photos_say_why(tmp_path: Path, data: bytes, reason: str) -> None:
    path = tmp_path / "broken.jpg"
    path.write_bytes(data)
    with pytest.raises(MediaError, match=r"broken\.jpg") as caught:
        read_photo(path)
    assert caught.value.reason == reason


def test_bytes_after_the_end_marker_do_no_harm(tmp_path: Path) -> None:
    path = tmp_path / "motion.jpg"
    path.write_bytes(encode_jpeg(IMAGE) + b"a film of three seconds")
    assert read_photo(path).shape == IMAGE.shape


def test_sixteen_bit_pngs_are_reduced_to_eight(tmp_path: Path) -> None:
    path = tmp_path / "deep.png"
    ok, data = cv2.imencode(".png", np.full((8, 8, 3), 257 * 100, np.uint16))
    assert ok
    path.write_bytes(bytes(data))
    assert np.abs(read_photo(path).astype(int) - 100).max() <= 1


@given(st.integers(1, 300), st.integers(1, 300), st.integers(16, 200))
def test_fit_shrinks_only_and_keeps_the_shape(height: int, width: int, longest: int) -> None:
    fitted = fit(np.zeros((height, width, 3), np.uint8), longest)
    assert max(fitted.shape[:2]) == min(longest, max(height, width))
    scale = max(fitted.shape[:2]) / max(height, width)
    assert abs(fitted.shape[0] - height * scale) <= 1
    assert abs(fitted.shape[1] - width * scale) <= 1


def test_natural_order() -> None:
    names = ["frame10.png", "frame2.png", "a.png", "10.png", "9.png"]
    assert [p.name for p in sorted(map(Path, names), key=natural_key)] == [
        "9.png",
        "10.png",
        "a.png",
        "frame2.png",
        "frame10.png",
    ]


def test_a_photo_that_announces_more_than_fits_is_refused_before_it_is_decoded(tmp_path: Path) -> None:
    bomb = bytearray(encode_png(IMAGE))
    bomb[16:24] = (60_000).to_bytes(4, "big") * 2
    (tmp_path / "bomb.png").write_bytes(bomb)
    with (tmp_path / "long.png").open("wb") as file:
        file.truncate(MAX_IMAGE_BYTES + 1)
    for name in ("bomb.png", "long.png"):
        with pytest.raises(MediaError, match=name) as caught:
            read_photo(tmp_path / name)
        assert caught.value.reason == "too_large"


@pytest.mark.timeout(20)
def test_what_cannot_be_read_says_why_and_never_blocks(tmp_path: Path) -> None:
    (tmp_path / "file.mp4").write_bytes(b"")
    os.mkfifo(tmp_path / "pipe.mp4")
    (tmp_path / "loop.mp4").symlink_to("loop.mp4")
    (tmp_path / "gone.mp4").symlink_to("nowhere.mp4")
    (tmp_path / "zeros.mp4").symlink_to("/dev/zero")
    (tmp_path / "folder.mp4").mkdir()
    (tmp_path / "link").symlink_to("folder.mp4")
    found = {path.name: why_unreadable(path) for path in tmp_path.iterdir()}
    assert found.pop("file.mp4") is None
    said = {"pipe.mp4": "a pipe", "loop.mp4": "leads back", "gone.mp4": "nowhere.mp4, where nothing is"}
    said |= {"zeros.mp4": "device", "folder.mp4": "named like a file", "link": "a link to a folder"}
    assert found.keys() == said.keys()
    assert all(words in (found[name] or "") for name, words in said.items()), found
