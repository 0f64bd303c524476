"""YAML holds plain values: tags do nothing, and what is made to break the reader is an error."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from datasets.sidecars import SidecarError, load_sidecar
from datasets.sources import find_sources
from pipeline.assets import AssetLock, LockError
from pipeline.params import ParamsError, load_params

TAGS = (
    "!!python/object/apply:os.mkdir ['{canary}']",
    "subject: !!python/object/apply:os.mkdir ['{canary}']",
    "subject: !!python/name:os.mkdir",
    "subject: !!python/module:antigravity",
    "? !!python/object/apply:os.mkdir ['{canary}']\n: 1",
    "licence: [&a !!python/object/apply:os.mkdir ['{canary}'], *a]",
)


@pytest.mark.parametrize("text", TAGS)
def test_a_tag_in_a_sidecar_does_nothing_and_is_an_error(text: str, tmp_path: Path) -> None:
    canary, sidecar = tmp_path / "canary", tmp_path / "clip.yaml"
    sidecar.write_text(text.format(canary=canary))
    if "{canary}" in text:
        yaml.unsafe_load(sidecar.read_text())
        assert canary.is_dir(), "the tag is a dud"
        canary.rmdir()
    with pytest.raises(SidecarError, match=r"clip\.yaml: not YAML"):
        load_sidecar(tmp_path / "clip.mp4", tmp_path)
    assert not canary.exists()


@pytest.mark.parametrize("text", TAGS)
def test_a_tag_in_the_params_or_the_lock_does_nothing_and_is_an_error(text: str, tmp_path: Path) -> None:
    canary, path = tmp_path / "canary", tmp_path / "params.yaml"
    tagged = text.format(canary=canary)
    lines = "".join(f"      {line}\n" for line in tagged.splitlines())
    for content in (tagged, f"vote:\n  teachers:\n    evil:\n{lines}"):
        path.write_text(content)
        with pytest.raises(ParamsError, match=r"params\.yaml is not YAML.*python/"):
            load_params(path)
        with pytest.raises(LockError, match=r"params\.yaml: not a valid asset lock.*python/"):
            AssetLock.read(path)
    assert not canary.exists()


def laughs() -> str:
    """Ten levels of ten: ten thousand million elements in 400 bytes."""
    levels = ["a0: &a0 [lol, lol]", *(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 11))]
    return "\n".join([*levels, "subject: *a10", "licence: *a10", "keyed: *a10"])


@pytest.mark.parametrize(
    "text",
    [
        laughs(), "subject: " + "[" * 1000, "- " * 100_000, "subject: " + "9" * 5000,
        "subject: 2024-05-45", "split: &a [*a]",
        "subject: !!int x", "subject: !!bool maybe", "subject: !!timestamp x", "subject: !!int ''",
        "subject: 2020-01-01 00:00:00 +99:99", 'subject: "\\uD800"', 'licence: ["\\uDFFF"]', 'source: "\\uD800"',
    ],
)  # fmt: skip
def test_a_sidecar_made_to_break_the_reader_is_an_error_of_that_clip(text: str, tmp_path: Path) -> None:
    (tmp_path / "clip.mp4").write_bytes(b"not looked into")
    (tmp_path / "clip.yaml").write_text(text)
    with pytest.raises(SidecarError, match=r"clip\.yaml: ") as caught:
        load_sidecar(tmp_path / "clip.mp4", tmp_path)
    assert len(str(caught.value)) < 20_000
    assert [source.label for source in find_sources(tmp_path)] == ["clip.mp4"]  # planning goes on without it
