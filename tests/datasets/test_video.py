from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest

from datasets.images import Image
from datasets.media import MediaError
from datasets.video import MAX_FRAME_PIXELS, decode, probe, read_frames, write_video


def ramp(count: int, shape: tuple[int, int] = (48, 64)) -> list[Image]:
    return [np.full((*shape, 3), 20 + 10 * index, np.uint8) for index in range(count)]


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    path = tmp_path / "clip.mp4"
    write_video(path, ramp(20), fps=25)
    return path


def test_frames_come_back_in_order_at_their_times(clip: Path) -> None:
    frames = list(read_frames(clip))
    assert [time for time, _ in frames] == [index * 40_000 for index in range(20)]
    assert [round(float(image.mean()), -1) for _, image in frames] == [20 + 10 * index for index in range(20)]
    info = probe(clip)
    assert (info.width, info.height, info.rotation, info.fps, info.duration_us) == (64, 48, 0, 25.0, 800_000)


def test_ntsc_times_are_exact_to_the_microsecond(tmp_path: Path) -> None:
    path = tmp_path / "ntsc.mp4"
    write_video(path, ramp(5), fps=30000 / 1001)
    assert [f.time_us for f in decode(path)] == [round(Fraction(1001, 30000) * i * 1_000_000) for i in range(5)]


def test_rotation_metadata_turns_frames_upright(tmp_path: Path) -> None:
    path = tmp_path / "phone.mp4"
    marked = np.zeros((48, 64, 3), np.uint8)
    marked[:24, :32] = (255, 0, 0)
    write_video(path, [marked] * 3, fps=25, rotation=-90)  # turned clockwise for display: top left goes top right
    info = probe(path)
    assert (info.width, info.height, info.rotation) == (48, 64, 3)
    for frame in decode(path):
        assert frame.size == (48, 64)
        image = frame.rgb()
        assert image.shape == (64, 48, 3)
        assert image[8, 40, 0] > 200
        assert max(image[8, 8, 0], image[56, 40, 0]) < 50
        assert frame.thumbnail(32).shape == (32, 24, 3)


def test_variable_frame_rate_keeps_the_stored_times(tmp_path: Path) -> None:
    path = tmp_path / "vfr.mkv"
    times = [100, 140, 300, 310, 1000, 2**61]  # the last one is broken: no number of microseconds in 64 bits
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=1000)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        stream.codec_context.time_base = Fraction(1, 1000)
        for time, image in zip(times, ramp(6), strict=True):
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            frame.pts, frame.time_base = time, Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    assert [frame.time_us for frame in decode(path)] == [0, 40_000, 200_000, 210_000, 900_000]


def test_frames_are_shrunk_on_request_and_odd_sizes_survive(tmp_path: Path) -> None:
    path = tmp_path / "odd.mp4"
    write_video(path, ramp(2, (47, 63)), fps=10)
    assert [image.shape for _, image in read_frames(path, longest_side=32)] == [(24, 32, 3)] * 2


def test_a_file_that_breaks_off_keeps_the_frames_before(tmp_path: Path) -> None:
    path = tmp_path / "cut.mkv"
    noise = np.random.default_rng(0).integers(0, 256, (30, 48, 64, 3), dtype=np.uint8)
    write_video(path, noise, fps=25)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    times = [frame.time_us for frame in decode(path)]
    assert 5 <= len(times) < 30
    assert all(a < b for a, b in pairwise(times))


@pytest.mark.parametrize("kind", ["empty", "text", "cut_off", "sound"])
def test_unreadable_videos_say_why(tmp_path: Path, clip: Path, kind: str) -> None:
    path = tmp_path / "broken.mp4"
    path.write_bytes({"empty": b"", "text": b"hello" * 99, "cut_off": clip.read_bytes()[:200], "sound": b""}[kind])
    if kind == "sound":
        with av.open(str(path), "w") as container:
            stream = container.add_stream("aac", rate=44100)
            silence = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
            silence.sample_rate = 44100
            container.mux(stream.encode(silence))
            container.mux(stream.encode())
    reasons = {"empty": "empty_file", "text": "not_a_video", "cut_off": "truncated", "sound": "no_video_stream"}
    with pytest.raises(MediaError, match=r"broken\.mp4") as caught:
        list(decode(path))
    assert caught.value.reason == reasons[kind]


def test_the_writer_refuses_nothing_and_mixed_sizes(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no frames"):
        write_video(tmp_path / "a.mp4", [], fps=25)
    with pytest.raises(ValueError, match="frame 1 is 32x32"):
        write_video(tmp_path / "a.mp4", [*ramp(1), *ramp(1, (32, 32))], fps=25)


def test_frames_beyond_the_limit_are_refused_before_they_are_decoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "large.mov"
    with av.open(str(path), "w") as container:  # as PNG, the container does not know how large its frames are
        stream = container.add_stream("png", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "rgb24"
        container.mux(stream.encode(av.VideoFrame.from_ndarray(ramp(1)[0], format="rgb24")))
        container.mux(stream.encode())
    assert len(list(decode(path))) == 1
    monkeypatch.setattr("datasets.video._LIMITS", {"max_pixels": "3000"})
    with pytest.raises(MediaError, match=f"more than {MAX_FRAME_PIXELS} pixels") as caught:
        list(decode(path))
    assert caught.value.reason == "too_large"
    with pytest.raises(MediaError):
        probe(path)


def test_a_list_of_other_files_is_not_followed(tmp_path: Path, clip: Path) -> None:
    path = tmp_path / "list.mp4"
    path.write_text(f"ffconcat version 1.0\nfile {clip.name}\n")
    with pytest.raises(MediaError, match=r"list\.mp4: only a list of other files") as caught:
        list(decode(path))
    assert caught.value.reason == "not_a_video"


def test_a_colon_in_a_name_is_no_protocol(tmp_path: Path, clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    clip.rename(tmp_path / "http:clip.mp4")
    assert len(list(decode(Path("http:clip.mp4")))) == 20
