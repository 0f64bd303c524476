"""The lock: what it refuses, what it selects, and that the project's own lock keeps its promises."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
import yaml

from datasets.sidecars import Keying, Sidecar
from pipeline.assets import LOCK, Asset, AssetLock, LockError


def entry(name: str = "clip", **changes: Any) -> dict[str, Any]:
    values: dict[str, Any] = {
        "name": name,
        "path": f"package/{name}.mp4",
        "sha256": "a" * 64,
        "licence": "MIT",
        "source": "made for the test",
        "target": f"data/raw/demo/{name}.mp4",
    }
    return values | changes


def read(folder: Path, *files: dict[str, Any], **package: Any) -> AssetLock:
    content = {"packages": [{"kind": "npm", "name": "demo", "version": "1.0.0", "files": list(files), **package}]}
    path = folder / "assets.yaml"
    path.write_text(yaml.safe_dump(content))
    return AssetLock.read(path)


def test_one_licence_and_one_member_may_be_written_without_a_list(tmp_path: Path) -> None:
    (asset,) = read(tmp_path, entry())
    assert asset.licence == ("MIT",)
    assert asset.path == ("package/clip.mp4",)
    assert asset.sidecar_target is None


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"target": "../clip.mp4"}, "plain relative path"),
        ({"target": "data/raw/demo/../../clip.mp4"}, "plain relative path"),
        ({"target": "/data/raw/demo/clip.mp4"}, "plain relative path"),
        ({"target": "data/raw/clip.mp4"}, "outside"),
        ({"target": "models"}, "outside"),
        ({"sha256": "A" * 64}, "sha256"),
        ({"licence": []}, "licence"),
        ({"licence": "MIT or so"}, "licence"),
        ({"path": []}, "path"),
        ({"path": ["a", "b"], "offset": 3}, "slice"),
        ({"target": "models/net.onnx", "sidecar": {"subject": "nobody"}}, "sidecar"),
        ({"license": "MIT"}, "license"),
        ({"name": "../clip"}, "name"),
    ],
)
def test_a_wrong_entry_is_refused_and_named(tmp_path: Path, changes: dict[str, Any], complaint: str) -> None:
    with pytest.raises(LockError, match=r"assets\.yaml: not a valid asset lock") as error:
        read(tmp_path, entry() | changes)
    assert complaint in str(error.value)


@pytest.mark.parametrize(
    "other",
    [
        entry("clip", target="data/raw/demo/other.mp4"),
        entry("other", target="data/raw/demo/clip.mp4"),
        entry("other", target="data/raw/demo/clip.png", sidecar={"split": "val"}),  # the same clip.yaml
    ],
)
def test_nothing_is_named_twice(tmp_path: Path, other: dict[str, Any]) -> None:
    with pytest.raises(LockError, match="named twice"):
        read(tmp_path, entry("clip", sidecar={"split": "train"}), other)


def test_only_pypi_packages_have_wheels(tmp_path: Path) -> None:
    with pytest.raises(LockError, match="only PyPI"):
        read(tmp_path, entry(), wheel="cp311-cp311-linux_x86_64")


def test_broken_yaml_names_the_file(tmp_path: Path) -> None:
    (tmp_path / "assets.yaml").write_text("packages: [")
    with pytest.raises(LockError, match=r"assets\.yaml"):
        AssetLock.read(tmp_path / "assets.yaml")


def test_select_and_needed(tmp_path: Path) -> None:
    big = entry("big", target="models/big.onnx", default=False)
    lock = read(tmp_path, entry("a"), big, entry("b"))
    assert [asset.name for asset in lock.select()] == ["a", "b"]
    assert [asset.name for asset in lock.select(["b", "big"])] == ["big", "b"]
    assert lock.needed() == ["a", "b"]
    assert lock.needed(["models/big.onnx", "models/the_users_own.onnx"]) == ["a", "big", "b"]
    with pytest.raises(LockError, match=r"no asset named c, d in the lock; it has a, big, b"):
        lock.select(["d", "c", "a"])


def test_sidecar_bytes_do_not_depend_on_the_order_of_keys() -> None:
    one = Asset(**entry(sidecar={"subject": "Zoë", "split": "val"}))
    other = Asset(**entry(sidecar={"split": "val", "subject": "Zoë"}))
    assert one.sidecar_bytes() == other.sidecar_bytes()
    assert one.sidecar_target == "data/raw/demo/clip.yaml"
    assert yaml.safe_load(one.sidecar_bytes()) == {
        "subject": "Zoë",
        "split": "val",
        "licence": ["MIT"],
        "source": "made for the test",
    }


def test_the_projects_lock_keeps_test_subjects_and_reserved_backgrounds_apart() -> None:
    lock = AssetLock.read()
    splits, backgrounds = defaultdict(set), defaultdict(list)
    for asset in lock:
        if asset.sidecar.get("role") == "background":
            backgrounds[asset.sidecar["split"]].append(asset.name)
        elif asset.sidecar:
            splits[asset.sidecar["subject"]].add(asset.sidecar["split"])
    assert all(len(of_one_subject) == 1 for of_one_subject in splits.values())
    assert splits["franck"] == {"test"}
    assert len(backgrounds["test"]) >= 4
    assert len(backgrounds["val"]) >= 2
    assert sum(map(len, backgrounds.values())) >= 8 + 3


def test_ingest_understands_the_projects_sidecars() -> None:
    sidecars = {
        asset.name: Sidecar(**yaml.safe_load(asset.sidecar_bytes())) for asset in AssetLock.read() if asset.sidecar
    }
    assert sidecars["franck"].keyed == Keying(screen="blue", crop=(26, 0, 0, 0))
    assert sidecars["kitchen"].role == "background"


def test_the_projects_large_models_are_off_by_default() -> None:
    lock = AssetLock.read()
    assert {"u2net", "isnet"}.isdisjoint(lock.needed())
    assert {"u2net", "isnet"} <= set(lock.needed(["models/u2net.onnx", "models/isnet.onnx"]))


def test_the_documented_table_is_the_lock() -> None:
    document = (LOCK.parent / "docs" / "assets.md").read_text(encoding="utf-8")
    rows = [line for line in document.splitlines() if line.startswith("| `") and line.count("|") == 6]
    lock = AssetLock.read()
    expected = {
        f"| `{asset.name}` | {package} | {', '.join(asset.licence)} |"
        for package in lock.packages
        for asset in package.files
    }
    assert {"|".join(row.split("|")[:4]) + "|" for row in rows} == expected
