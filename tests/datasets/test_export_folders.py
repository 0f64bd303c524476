import json
from pathlib import Path

from datasets.export_folders import FolderWriter
from datasets.exports import export
from datasets.masks import open_masks
from tests.datasets.curated import WEIGHTS, alpha_of, curated, write_shards


def test_pictures_are_the_same_bytes_and_the_index_finds_them(tmp_path: Path) -> None:
    rows = [curated(number) for number in range(7)]
    out = tmp_path / "out"
    export(write_shards(tmp_path / "shards", rows), out, FolderWriter, allowed=["MIT"], weights=WEIGHTS)
    lines = [json.loads(line) for line in (out / "frames.jsonl").read_text(encoding="utf-8").splitlines()]
    assert len(lines) == 7
    for row, line in zip(rows, lines, strict=True):
        assert (line["source"], line["time_us"], line["path"]) == (*row.frame_key, row.path)
        for name in ("image", "alpha", "trust"):
            assert (out / line[name]).read_bytes() == getattr(row, name)
        assert ("truth" in line) == bool(row.truth)
        assert line["weight"] == (1.0 if row.group == "gold" else 0.8)
    files = {str(path.relative_to(out)) for path in out.rglob("*") if path.is_file()}
    named = {line[name] for line in lines for name in ("image", "alpha", "trust", "truth") if name in line}
    assert files == named | {"frames.jsonl", "README.md"}
    readme = (out / "README.md").read_text()
    assert "| MIT | 7 |" in readme and "| train | 3 |" in readme


def test_the_alphas_can_be_masks_of_footage_again(tmp_path: Path) -> None:
    export(write_shards(tmp_path, [curated(3)]), tmp_path / "out", FolderWriter, allowed=["MIT"], weights=WEIGHTS)
    stem = next((tmp_path / "out" / "train" / "images").iterdir()).stem
    mask = open_masks(tmp_path / "out" / "train" / "alphas", ordered=False)(stem, 0)
    assert mask is not None and mask.tolist() == alpha_of(3).tolist()
