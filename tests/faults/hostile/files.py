"""Names that trip programs up; links, pipes, sockets and locked files where a file should be."""

from __future__ import annotations

import os
import socket
from functools import partial
from pathlib import Path

from datasets.images import encode_png
from tests.faults.hostile.cases import ROWS, Hostile, case, plain, raw_bytes, scene


def named_photo(name: str, folder: Path) -> None:
    raw_bytes(name, encode_png(scene(name.encode("utf-8", "backslashreplace").decode())), folder)


def named_film(name: str, folder: Path) -> None:
    data = plain("plain.mp4", folder)
    (folder / "plain.mp4").unlink()
    raw_bytes(name, data, folder)


def link(name: str, target: str, folder: Path) -> None:
    (folder / name).symlink_to(target)


def link_ring(folder: Path) -> None:
    link("a.mp4", "b.mp4", folder)
    link("b.mp4", "a.mp4", folder)


def pipe(name: str, folder: Path) -> None:
    os.mkfifo(folder / name)


def door(name: str, folder: Path) -> None:
    """A socket; bound by a relative name, as those may only be short."""
    here = Path.cwd()
    os.chdir(folder)
    try:
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(name)
    finally:
        os.chdir(here)


def empty_folder(name: str, folder: Path) -> None:
    (folder / name).mkdir()


def locked_file(name: str, folder: Path) -> None:
    named_photo(name, folder)
    (folder / name).chmod(0)


def locked_folder(folder: Path) -> None:
    (folder / "locked").mkdir()
    named_photo("in.png", folder / "locked")
    (folder / "locked").chmod(0)


def frames_with_a_pipe(folder: Path) -> None:
    """A folder cut from a video in which one frame is a pipe, one cut off, and one of another size."""
    for index in range(4):
        raw_bytes(f"{index}.png", encode_png(scene(f"frames{index}")), folder)
    raw_bytes("5.png", encode_png(scene("frames5", 90, 30)), folder)
    raw_bytes("6.png", encode_png(scene("frames6"))[:-30], folder)
    pipe("7.png", folder)


def named_case(name: str, file: str) -> Hostile:
    make = named_film if file.lower().endswith("mp4") else named_photo
    return Hostile(name, partial(make, file), {file: ROWS})


NAMES = [
    named_case("name_newline", "two\nlines.mp4"),
    named_case("name_quotes", 'it\'s "quoted" `date`.mp4'),
    named_case("name_shell", "; touch pwned; $(touch pwned) & .mp4"),
    named_case("name_dots", "a..b...mp4"),
    named_case("name_escaped_path", "a%2f..%2f..%2fetc%2fpasswd.png"),
    named_case("name_backslashes", "a\\..\\..\\windows.png"),
    named_case("name_emoji", "🎬 été 電影.mp4"),
    named_case("name_255_bytes_video", "v" * 251 + ".mp4"),
    named_case("name_255_bytes_photo", "é" * 125 + "p.png"),
    named_case("name_dash", "-rf.mp4"),
    named_case("name_no_utf8_photo", "caf\udce9.png"),
    named_case("name_no_utf8_video", "caf\udce9.mp4"),
    named_case("name_pattern", "frame%03d.mp4"),
    named_case("name_protocol", "http:evil.mp4"),
    named_case("name_script", "<script>alert(1)<&>.png"),
    named_case("name_markup", "[red]bold[] [x.mp4"),
    named_case("name_capitals", "FILM.MP4"),
    named_case("name_direction", "gpj.\u202efilm.mp4"),
]

FILES = [
    case("link_to_itself", "self.mp4", link, "self.mp4", "self.mp4", end="unreadable"),
    case("photo_link_to_itself", "self.png", link, "self.png", "self.png", end="unreadable"),
    Hostile("link_ring", link_ring, {"a.mp4": "unreadable", "b.mp4": "unreadable"}),
    case("link_to_nothing", "gone.mp4", link, "gone.mp4", "/nowhere/at/all.mp4", end="unreadable"),
    case("link_to_endless_zeros", "zeros.mp4", link, "zeros.mp4", "/dev/zero", end="unreadable"),
    case("photo_link_to_random", "noise.jpg", link, "noise.jpg", "/dev/urandom", end="unreadable"),
    case("folder_link_loop", "up", link, "up", "..", end="unreadable"),
    case("pipe_as_video", "pipe.mp4", pipe, "pipe.mp4", end="unreadable"),
    case("pipe_as_photo", "pipe.png", pipe, "pipe.png", end="unreadable"),
    case("socket_as_video", "door.mp4", door, "door.mp4", end="unreadable"),
    case("folder_as_video", "film.mp4", empty_folder, "film.mp4", end="unreadable"),
    case("locked_photo", "photo.png", locked_file, "photo.png", end="unreadable"),
    case("locked_folder", "locked", locked_folder, end="unreadable"),
    Hostile("frames_with_a_pipe", frames_with_a_pipe, {"": ROWS, "7.png": "unreadable"}),
]
