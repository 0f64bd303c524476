import hashlib
import os
from pathlib import Path

import numpy as np
import pytest

from datasets.images import encode_png
from datasets.sources import Source, find_sources, folder_digest, folder_frames, label_of


def photo(path: Path, seed: int) -> str:
    """Writes a photo; returns its SHA-256."""
    path.parent.mkdir(parents=True, exist_ok=True)
    data = encode_png(np.random.default_rng(seed).integers(0, 256, (4, 4, 3), dtype=np.uint8))
    path.write_bytes(data)
    return hashlib.sha256(data).hexdigest()


def film(path: Path, content: bytes = b"film") -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return hashlib.sha256(content).hexdigest()


def by_label(sources: list[Source]) -> dict[str, Source]:
    return {source.label: source for source in sources}


def photos_in(sources: list[Source]) -> set[str]:
    return {path.name for source in sources if source.kind == "photos" for path in source.inputs}


def test_videos_folders_and_photos_are_told_apart(tmp_path: Path) -> None:
    digest = film(tmp_path / "demo" / "a.mp4")
    photo(tmp_path / "demo" / "beside-a-video.png", 1)
    photo(tmp_path / "demo" / "also.png", 2)
    frames = [photo(tmp_path / "walk" / f"{index}.png", 10 + index) for index in (2, 10)]
    photo(tmp_path / "single" / "one.png", 3)
    photo(tmp_path / "root1.png", 4)
    photo(tmp_path / "root2.png", 5)
    for ignored in ("README.md", ".gitignore", "a.mp4.dvc", "notes.json", ".hidden/x.png", "README.png"):
        film(tmp_path / ignored)
    sources = find_sources(tmp_path)
    found = by_label(sources)
    assert found["demo/a.mp4"].digests == (f"demo/a.mp4:{digest}",)
    assert found["walk"].kind == "folder"
    assert found["walk"].inputs == (tmp_path / "walk",)
    assert f"walk:{folder_digest(frames)}" in found["walk"].digests
    assert [p.name for p in folder_frames(tmp_path / "walk")] == ["2.png", "10.png"]
    assert photos_in(sources) == {"beside-a-video.png", "also.png", "one.png", "root1.png", "root2.png"}
    assert [s.label for s in sources] == sorted(s.label for s in sources)


@pytest.mark.parametrize("digits", [0, 1, 2])
def test_photos_share_buckets_by_hash_so_a_new_one_touches_one(tmp_path: Path, digits: int) -> None:
    for seed in range(40):
        photo(tmp_path / f"{seed}.png", seed)
    before = by_label(find_sources(tmp_path, bucket_digits=digits))
    digest = photo(tmp_path / "new.png", 99)
    after = by_label(find_sources(tmp_path, bucket_digits=digits))
    changed = {label for label in after if before.get(label) != after[label]}
    assert changed == {f"photos-{digest[:digits]}"}
    for label, source in after.items():
        digests = [hashlib.sha256(path.read_bytes()).hexdigest() for path in source.inputs]
        assert digests == sorted(digests)
        assert {d[:digits] for d in digests} == {label.removeprefix("photos-")}


@pytest.mark.parametrize("how", ["stills", "background", "own sidecar", "parameter"])
def test_folders_of_unrelated_photos(tmp_path: Path, how: str) -> None:
    for seed in range(2):
        photo(tmp_path / "set" / f"{seed}.png", seed)
    if how == "stills":
        (tmp_path / "set.yaml").write_text("stills: true")
    if how == "background":
        (tmp_path / "set" / "sidecar.yaml").write_text("role: background")
    if how == "own sidecar":
        (tmp_path / "set" / "1.yaml").write_text("subject: anna")
    sources = find_sources(tmp_path, stills=how == "parameter")
    assert photos_in(sources) == {"0.png", "1.png"}
    assert all(source.kind == "photos" for source in sources)


def test_keyed_videos_depend_on_the_reserved_backgrounds(tmp_path: Path) -> None:
    film(tmp_path / "blue.mp4")
    (tmp_path / "blue.yaml").write_text("keyed: {screen: blue}")
    for name, split in (("a", "test"), ("b", "train"), ("c", "test")):
        photo(tmp_path / "rooms" / f"{name}.png", ord(name))
        (tmp_path / "rooms" / f"{name}.yaml").write_text(f"role: background\nsplit: {split}")
    source = by_label(find_sources(tmp_path))["blue.mp4"]
    assert source.inputs[0].name == "blue.mp4"
    assert {path.name for path in source.inputs[1:]} == {"a.png", "c.png"}
    names = {entry.split(":")[0] for entry in source.digests}
    assert names == {"blue.mp4", "blue.yaml", "rooms/a.png", "rooms/a.yaml", "rooms/c.png", "rooms/c.yaml"}


def test_masks_are_no_footage_but_enter_the_key(tmp_path: Path) -> None:
    film(tmp_path / "a.mp4")
    (tmp_path / "a.yaml").write_text("masks: a-masks")
    photo(tmp_path / "a-masks" / "0.png", 1)
    photo(tmp_path / "a-masks" / "1.png", 2)
    before = find_sources(tmp_path)
    assert [source.label for source in before] == ["a.mp4"]
    photo(tmp_path / "a-masks" / "1.png", 3)
    assert find_sources(tmp_path)[0].digests != before[0].digests


def test_a_copy_points_to_its_original(tmp_path: Path) -> None:
    film(tmp_path / "a.mp4")
    film(tmp_path / "b.mp4")
    found = by_label(find_sources(tmp_path))
    assert found["a.mp4"].inputs == (tmp_path / "a.mp4",)
    assert found["b.mp4"].inputs == (tmp_path / "b.mp4", tmp_path / "a.mp4")


def test_a_broken_sidecar_is_left_for_ingest(tmp_path: Path) -> None:
    film(tmp_path / "a.mp4")
    (tmp_path / "a.yaml").write_text("subjcet: anna")
    assert [entry.split(":")[0] for entry in find_sources(tmp_path)[0].digests] == ["a.mp4", "a.yaml"]


def test_unchanged_files_are_hashed_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    film(tmp_path / "a.mp4")
    digests: dict[str, str] = {}
    first = find_sources(tmp_path, digests=digests)
    assert len(digests) == 1
    monkeypatch.setattr("datasets.sources.file_digest", lambda path: pytest.fail(f"{path} was hashed again"))
    assert find_sources(tmp_path, digests=digests) == first


def test_chosen_paths_outside_the_raw_folder(tmp_path: Path) -> None:
    raw, other = tmp_path / "raw", tmp_path / "other"
    film(raw / "inside.mp4")
    film(other / "clip.mp4", b"another")
    photo(other / "frames" / "0.png", 0)
    photo(other / "frames" / "1.png", 1)
    sources = find_sources(raw, [other / "clip.mp4", other / "frames"])
    assert [(source.kind, source.label) for source in sources] == [("video", "clip.mp4"), ("folder", "frames")]
    assert label_of(other / "clip.mp4", raw) == "clip.mp4"


def test_no_footage_is_no_error(tmp_path: Path) -> None:
    assert find_sources(tmp_path / "nowhere") == []


@pytest.mark.timeout(20)
def test_what_cannot_be_read_is_a_source_of_its_own_and_not_forgotten(tmp_path: Path) -> None:
    film(tmp_path / "good.mp4")
    os.mkfifo(tmp_path / "pipe.mp4")
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "loop.mp4").symlink_to("loop.mp4")
    (tmp_path / "up").symlink_to(".")
    (tmp_path / "folder.mp4").mkdir()
    for seed in range(2):
        photo(tmp_path / "walk" / f"{seed}.png", seed)
    os.mkfifo(tmp_path / "walk" / "2.png")
    os.mkfifo(tmp_path / "notes.txt")
    found = by_label(find_sources(tmp_path))
    unreadable = {"pipe.mp4", "pipe.png", "loop.mp4", "up", "folder.mp4", "walk/2.png"}
    assert found.keys() == unreadable | {"good.mp4", "walk"}
    for label in unreadable:
        assert found[label].inputs == (tmp_path / label, tmp_path / label)
        assert found[label].size == 0
    assert found["good.mp4"].size == 4
    assert [frame.name for frame in folder_frames(tmp_path / "walk")] == ["0.png", "1.png"]


def test_a_source_that_can_be_read_again_gets_another_key(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").symlink_to("later.bin")
    before = find_sources(tmp_path)
    film(tmp_path / "later.bin")
    after = find_sources(tmp_path)
    assert before[0].digests != after[0].digests
    assert after[0].inputs == (tmp_path / "a.mp4",)


def test_names_that_are_no_utf8_become_labels_that_are(tmp_path: Path) -> None:
    film(tmp_path / os.fsdecode(b"caf\xe9.mp4"))
    (source,) = find_sources(tmp_path)
    assert source.label == "caf\\udce9.mp4"
    assert source.digests[0].encode().startswith(b"caf")
