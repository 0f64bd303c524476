from pathlib import Path

import pytest

from datasets.sidecars import MAX_BYTES, Keying, Sidecar, SidecarError, load_sidecar, sidecar_paths


def test_nearest_sidecar_wins_key_by_key(tmp_path: Path) -> None:
    folder = tmp_path / "shoot"
    folder.mkdir()
    (tmp_path / "shoot.yaml").write_text("subject: everyone\nlicence: CC0-1.0\nsplit: train\n")
    (folder / "sidecar.yaml").write_text("subject: crew\n")
    (folder / "anna.v2.yaml").write_text("subject: anna\nsource: from a friend\n")
    clip = folder / "anna.v2.mp4"
    clip.touch()
    sidecar = load_sidecar(clip, tmp_path)
    assert sidecar.subject == "anna"
    assert sidecar.licence == ("CC0-1.0",)
    assert sidecar.split == "train"
    assert sidecar.source == "from a friend"
    assert load_sidecar(folder, tmp_path).subject == "crew"
    assert [p.name for p in sidecar_paths(clip, tmp_path)] == ["shoot.yaml", "sidecar.yaml", "anna.v2.yaml"]


def test_a_path_outside_the_root_has_its_own_sidecar(tmp_path: Path) -> None:
    (tmp_path / "clip.yml").write_text("licence: [MIT, CC-BY-4.0]\n")
    clip = tmp_path / "clip.mp4"
    clip.touch()
    assert load_sidecar(clip, tmp_path / "elsewhere").licence == ("MIT", "CC-BY-4.0")


def test_without_sidecars_everything_has_a_default(tmp_path: Path) -> None:
    assert load_sidecar(tmp_path / "clip.mp4", tmp_path) == Sidecar()


def test_masks_are_relative_to_the_sidecar(tmp_path: Path) -> None:
    (tmp_path / "photo.yaml").write_text("masks: annotations/masks\n")
    assert load_sidecar(tmp_path / "photo.jpg", tmp_path).masks == tmp_path / "annotations" / "masks"


@pytest.mark.parametrize(("text", "keyed"), [("true", Keying()), ("{crop: [26, 0, 0, 0]}", Keying(crop=(26, 0, 0, 0)))])
def test_keyed_is_yes_or_settings(tmp_path: Path, text: str, keyed: Keying) -> None:
    (tmp_path / "a.yaml").write_text(f"keyed: {text}\n")
    assert load_sidecar(tmp_path / "a.mp4", tmp_path).keyed == keyed


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("subjcet: anna", "unknown key 'subjcet'"),
        ("split: trian", "split"),
        ("keyed: {crop: [-1, 0, 0, 0]}", "keyed.crop"),
        ("stills: maybe", "stills"),
        ("- a\n- b", "holds a list"),
        ("subject: [", "not YAML"),
        ("1: 2", "known keys are subject"),
        ("subject: 2024-05-45", "not YAML"),
        ("[" * 50_000, "not YAML"),
        ("subject: !!python/object/apply:os.getcwd []", "not YAML"),
        ("#" * (MAX_BYTES + 1), "larger than"),
        ("masks: .", "a folder around the footage"),
        ("masks: /", "a folder around the footage"),
        ('masks: "a\\0b"', "no path here"),
        ("masks: " + "m" * 300, "no path here"),
        ("masks: clip.yaml/masks", "no path here"),
    ],
)
def test_errors_name_the_file_and_the_cure(tmp_path: Path, text: str, named: str) -> None:
    (tmp_path / "clip.yaml").write_text(text)
    with pytest.raises(SidecarError, match=r"clip\.yaml") as caught:
        load_sidecar(tmp_path / "clip.mp4", tmp_path)
    assert named in str(caught.value)


def test_a_name_that_leaves_no_room_for_a_suffix_has_no_sidecar(tmp_path: Path) -> None:
    assert sidecar_paths(tmp_path / ("v" * 251 + ".mp4"), tmp_path) == ()
