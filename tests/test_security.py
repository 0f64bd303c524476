"""What comes from outside never runs: no pickle, no tags in YAML, no shell, nothing unpacked where an archive says."""

from __future__ import annotations

import ast
import io
import os
import pickle
import random
import re
import stat
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
import yaml
from safetensors.torch import save_file

from datasets.manifest import read_manifest
from datasets.masks import open_masks
from datasets.media import MediaError
from datasets.schema import FrameRow
from datasets.shards import ShardError, file_digest, read_rows, shard_row_type
from datasets.sidecars import SidecarError, load_sidecar
from datasets.sources import find_sources
from pipeline import archives
from pipeline.archives import ArchiveError, extract, open_archive
from pipeline.asset_cache import AssetCache
from pipeline.assets import Asset, AssetLock, LockError, Package
from pipeline.house import FRAME_STAGES, RESULT_STAGES
from pipeline.params import ParamsError, load_params
from stages.teachers.sam import load_weights
from training.checkpoint import FILE, load_checkpoint
from training.weights import load_student

REPOSITORY = Path(__file__).parents[1]
FOLDERS = ("pipeline", "training", "qa", "stages", "datasets", "benchmarks")

# ── the sources ───────────────────────────────────────────────────────────────────────────────────────────────────────

NEVER_IMPORTED = {
    "pickle", "cPickle", "_pickle", "dill", "cloudpickle", "marshal", "shelve", "joblib", "jsonpickle", "pty",
}  # fmt: skip
NEVER_NAMED = {
    "eval", "exec", "builtins.eval", "builtins.exec", "os.system", "os.popen", "subprocess.getoutput",
    "subprocess.getstatusoutput", "asyncio.create_subprocess_shell", "yaml.load", "yaml.load_all", "yaml.full_load",
    "yaml.full_load_all", "yaml.unsafe_load", "yaml.unsafe_load_all", "yaml.Loader", "yaml.UnsafeLoader",
    "yaml.FullLoader", "yaml.CLoader", "torch.save", "torch.jit.load", "torch.hub.load",
    "torch.package.PackageImporter", "pandas.read_pickle", "numpy.memmap", "tempfile.mktemp",
    "shutil.unpack_archive", "os.spawnlp", "code.interact",
}  # fmt: skip
NEVER_CALLED = {"extractall", "to_pickle", "read_pickle", "unpack_archive"}
"""Methods, whatever they belong to."""


def aliases(tree: ast.AST) -> dict[str, str]:
    """Names that imports bind, with what they stand for: `import numpy as np` binds `np` to `numpy`."""
    found: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {a.asname: a.name for a in node.names if a.asname}
            found |= {name: name for a in node.names if not a.asname for name in [a.name.split(".")[0]]}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {a.asname or a.name: f"{node.module}.{a.name}" for a in node.names}
    return found


def dotted(node: ast.AST, names: dict[str, str]) -> str:
    """`np.load` as `numpy.load`; "" for what is no dotted name."""
    if isinstance(node, ast.Name):
        return names.get(node.id, node.id)
    if isinstance(node, ast.Attribute) and (before := dotted(node.value, names)):
        return f"{before}.{node.attr}"
    return ""


def is_true(value: ast.AST) -> bool:
    return isinstance(value, ast.Constant) and value.value is True


def is_false(value: ast.AST) -> bool:
    return isinstance(value, ast.Constant) and value.value is False


def dangers(source: str) -> list[str]:
    """`line: what` for everything in a module that could run what it reads, or hand a string to a shell."""
    tree = ast.parse(source)
    names = aliases(tree)
    found: list[tuple[int, str]] = []
    checked: set[ast.AST] = set()
    for node in ast.walk(tree):  # a call comes before the name that it calls
        if isinstance(node, ast.Import | ast.ImportFrom):
            modules = [a.name for a in node.names] if isinstance(node, ast.Import) else [node.module or ""]
            found += [(node.lineno, name) for name in modules if name.split(".")[0] in NEVER_IMPORTED]
            if isinstance(node, ast.ImportFrom):
                full = [f"{node.module}.{a.name}" for a in node.names]
                found += [(node.lineno, name) for name in full if name in NEVER_NAMED | {"torch.load", "numpy.load"}]
        elif isinstance(node, ast.Call):
            name, words = dotted(node.func, names), {word.arg: word.value for word in node.keywords}
            if name == "torch.load" and "weights_only" in words and is_true(words["weights_only"]):
                checked.add(node.func)
            if name == "numpy.load" and None not in words and is_false(words.get("allow_pickle", ast.Constant(False))):
                checked.add(node.func)
            risky = [word for word in ("shell", "allow_pickle") if word in words and not is_false(words[word])]
            found += [(node.lineno, f"{word}=…") for word in risky]
            if "autoescape" in words and not is_true(words["autoescape"]):
                found.append((node.lineno, "autoescape"))
            if isinstance(node.func, ast.Attribute) and node.func.attr in NEVER_CALLED:
                found.append((node.lineno, node.func.attr))
            literals = [a.value for a in node.args if isinstance(a, ast.Constant) and isinstance(a.value, str)]
            if name in ("importlib.import_module", "__import__"):
                found += [(node.lineno, text) for text in literals if text.split(".")[0] in NEVER_IMPORTED]
        elif isinstance(node, ast.Name | ast.Attribute):
            name = dotted(node, names)
            if name in NEVER_NAMED or (name in ("torch.load", "numpy.load") and node not in checked):
                found.append((node.lineno, name))
    return [f"{line}: {what}" for line, what in sorted(set(found))]


@pytest.mark.parametrize(
    "source",
    [
        "import pickle", "from pickle import loads", "import cloudpickle as safe", "import os\nos.system(name)",
        "from os import system", "import torch\ntorch.load(path)", "from torch import load",
        "import torch as t\nt.load(path, weights_only=False)", "import torch\ntorch.load(path, weights_only=flag)",
        "import torch\nread = torch.load", "import torch\ntorch.save(model, path)",
        "import numpy as np\nnp.load(path, allow_pickle=True)",
        "import numpy as np\nnp.load(path, **options)", "import yaml\nyaml.load(text, Loader=yaml.SafeLoader)",
        "from yaml import unsafe_load", "import yaml\nread = yaml.full_load", "eval(text)", "run = exec",
        "import subprocess\nsubprocess.run(f'ffmpeg {name}', shell=True)", "subprocess.Popen(command, shell=flag)",
        "tarball.extractall(folder)", "frame.to_pickle(path)", "import importlib\nimportlib.import_module('pickle')",
        "Environment(autoescape=False)", "def f():\n    import marshal",
    ],
)  # fmt: skip
def test_the_search_finds_what_it_is_made_to_find(source: str) -> None:
    assert dangers(source)


@pytest.mark.parametrize(
    "source",
    [
        "model.eval()", "import torch\ntorch.load(path, map_location='cpu', weights_only=True)",
        "import numpy as np\nnp.load(path)", "import yaml\nyaml.safe_load(text)", "subprocess.run([program, name])",
        "tarball.extractfile(member)", "Environment(autoescape=True)", "subprocess.run(command, shell=False)",
    ],
)  # fmt: skip
def test_the_search_leaves_the_rest_alone(source: str) -> None:
    assert dangers(source) == []


def test_no_module_runs_what_it_reads_or_starts_a_shell() -> None:
    files = [path for folder in FOLDERS for path in sorted((REPOSITORY / folder).rglob("*.py"))]
    assert len(files) > 100
    found = {str(path.relative_to(REPOSITORY)): dangers(path.read_text()) for path in files}
    assert {name: lines for name, lines in found.items() if lines} == {}


def test_templates_mark_nothing_as_safe_but_their_own_words() -> None:
    templates = sorted((REPOSITORY / "qa" / "templates").glob("*.j2"))
    assert templates
    for template in templates:
        text = template.read_text()
        assert len(re.findall(r"\|\s*safe\b", text)) == len(re.findall(r"'[^'{}]*'\s*\|\s*safe\b", text)), template
        assert "autoescape" not in text, template


def test_the_commands_of_dvc_hold_no_name_from_outside() -> None:
    stages = yaml.safe_load((REPOSITORY / "dvc.yaml").read_text())["stages"]
    expected = {name: f"exec autoroto run {name}" for name in (*FRAME_STAGES, *RESULT_STAGES)}
    assert {name: stage["cmd"] for name, stage in stages.items()} == expected | {"fetch": "exec autoroto fetch"}


# ── pickle ────────────────────────────────────────────────────────────────────────────────────────────────────────────


class Bomb:
    """Unpickling it makes a folder."""

    def __init__(self, canary: Path) -> None:
        self.canary = canary

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return os.mkdir, (str(self.canary),)


@pytest.fixture
def bomb(tmp_path: Path) -> Iterator[bytes]:
    """A pickle that goes off when it is loaded; the test fails if it did."""
    canary = tmp_path / "canary"
    data = pickle.dumps(Bomb(canary), protocol=2)
    pickle.loads(data)
    assert canary.is_dir(), "the bomb is a dud"
    canary.rmdir()
    yield data
    assert not canary.exists(), "a pickle was loaded"


@pytest.mark.filterwarnings("ignore:'torch.load' received a zip file that looks like a TorchScript")
@pytest.mark.parametrize("kind", ["pickle", "zip", "legacy", "torchscript", "empty", "broken off", "a list", "an int"])
def test_a_pth_is_tensors_by_name_or_an_error(kind: str, bomb: bytes, tmp_path: Path) -> None:
    path, live = tmp_path / "sam.pth", Bomb(tmp_path / "canary")
    if kind in ("pickle", "empty"):
        path.write_bytes(bomb if kind == "pickle" else b"")
    elif kind == "torchscript":
        with pytest.warns(DeprecationWarning):
            torch.jit.save(torch.jit.script(torch.nn.Linear(1, 1)), str(path))
    else:
        content = {"a list": [torch.zeros(1)], "an int": {"a": 1}}.get(kind, {"a": torch.zeros(99), "b": live})
        torch.save(content, path, _use_new_zipfile_serialization=kind != "legacy")
        if kind == "broken off":
            path.write_bytes(path.read_bytes()[:400])
    with pytest.raises(ValueError, match=r"sam\.pth: a checkpoint may hold nothing but tensors by name; save the"):
        load_weights(path, file_digest(path))


def test_a_pth_of_tensors_is_read_and_one_of_another_digest_is_not_opened(bomb: bytes, tmp_path: Path) -> None:
    path = tmp_path / "sam.pth"
    torch.save({"a": torch.arange(3)}, path)
    assert load_weights(path, file_digest(path))["a"].tolist() == [0, 1, 2]
    digest = file_digest(path)
    path.write_bytes(bomb)
    with pytest.raises(ValueError, match="was not opened"):
        load_weights(path, digest)


@pytest.mark.parametrize("kind", ["pickle", "zip", "metadata", "no metadata", "names"])
def test_a_training_checkpoint_is_safetensors_or_an_error(kind: str, bomb: bytes, tmp_path: Path) -> None:
    path = tmp_path / FILE
    if kind == "pickle":
        path.write_bytes(bomb)
    elif kind == "zip":
        torch.save({"b": Bomb(tmp_path / "canary")}, path)
    else:
        progress = {"metadata": {"progress": "{"}, "names": {"progress": '{"identity": "run"}'}}.get(kind)
        save_file({"no section": torch.zeros(1)}, path, metadata=progress)
    with pytest.raises(ValueError, match=r"checkpoint\.safetensors: damaged checkpoint .* delete it"):
        load_checkpoint(tmp_path, "run")


def test_a_student_that_is_a_pickle_does_not_run(bomb: bytes, tmp_path: Path) -> None:
    path = tmp_path / "student.safetensors"
    path.write_bytes(bomb)
    with pytest.raises(Exception, match=r"(?i)header|safetensors|student"):
        load_student(path)


@pytest.mark.parametrize("name", ["shard.parquet", "frames.npy", "masks.npz"])
def test_a_shard_that_is_a_pickle_does_not_run(name: str, bomb: bytes, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(bomb)
    for read in (lambda: list(read_rows(path, FrameRow)), lambda: shard_row_type(path)):
        with pytest.raises(ShardError, match="not a readable shard"):
            read()
    with pytest.raises(ValueError, match=re.escape(name)):
        read_manifest(path)


def test_a_parquet_whose_schema_carries_a_pickle_does_not_run_it(bomb: bytes, tmp_path: Path) -> None:
    """Arrow once unpickled the metadata of an extension type when the file was opened (CVE-2023-47248)."""
    path = tmp_path / "shard.parquet"
    for name in ("arrow.py_extension_type", "pickle", "arrow.opaque"):
        extension = {"ARROW:extension:name": name, "ARROW:extension:metadata": bomb}
        schema = pa.schema([pa.field("a", pa.int64(), metadata=extension)], metadata={"row": bomb, "pandas": bomb})
        pq.write_table(pa.table({"a": [1]}, schema=schema), path)
        with pytest.raises((ShardError, UnicodeDecodeError), match=r"shard\.parquet|codec"):
            list(read_rows(path, FrameRow))


def test_masks_that_are_a_pickle_do_not_run(bomb: bytes, tmp_path: Path) -> None:
    for name in ("masks.npy", "masks.png", "masks.json", "masks.pkl"):
        (tmp_path / name).write_bytes(bomb)
        with pytest.raises(MediaError, match=re.escape(name)):
            open_masks(tmp_path / name, ordered=False)("frame", 0)


def test_footage_that_is_a_pickle_is_passed_over_or_named(bomb: bytes, tmp_path: Path) -> None:
    from stages.base import Fail
    from stages.ingest import Ingest, IngestConfig

    raw = tmp_path / "data" / "raw"
    raw.mkdir(parents=True)
    for name in ("a.npy", "b.pkl", "c.mp4", "d.png", "e.pth"):
        (raw / name).write_bytes(bomb)
    stage = Ingest(IngestConfig(), root=tmp_path)
    results = [
        result
        for source in find_sources(raw)
        for item in stage.items(source.inputs)
        for result in stage.process(item)  # type: ignore[union-attr] # ingest yields
    ]
    assert len(results) == 2 and all(isinstance(result, Fail) for result in results)
    assert [name for name in ("c.mp4", "d.png") if name in str(results)] == ["c.mp4", "d.png"]


# ── YAML ──────────────────────────────────────────────────────────────────────────────────────────────────────────────

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


# ── archives ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def wanted(path: str, sha256: str = "0" * 64, **changes: Any) -> Asset:
    return Asset(name="net", path=path, sha256=sha256, licence="MIT", source="test", target="models/net.bin", **changes)


def tarball(path: Path, *members: tuple[tarfile.TarInfo, bytes]) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for info, content in members:
            archive.addfile(info, io.BytesIO(content))
    return path


def entry(name: str, content: bytes = b"", **fields: Any) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.size = len(content)
    for field, value in fields.items():
        setattr(info, field, value)
    return info, content


def wheel(path: Path, name: str, content: bytes, mode: int = 0) -> Path:
    info = zipfile.ZipInfo(name)
    info.external_attr = mode << 16
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(info, content, zipfile.ZIP_DEFLATED)
    return path


def reasons(archive: Path, asset: Asset, cache: Path) -> dict[str, str]:
    """Why the asset cannot be had from this archive; the cache then holds no file."""
    package = Package(kind="pypi", name="p", version="1", files=(asset,))
    found = AssetCache(cache, lambda package, folder: archive).fill(package, [asset])
    files = [path for path in cache.rglob("*") if not path.is_dir() and path.suffix != ".lock"]
    assert bool(found) != bool(files), files
    return found


def tree(root: Path) -> set[str]:
    return {path.relative_to(root).as_posix() for path in root.rglob("*")}


NAMES = (
    "../climbed", "../../climbed", "a/../../climbed", "..\\climbed", "{root}/absolute", "~/home", "C:\\x", "$(touch p)",
)  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("kind", ["whl", "tgz"])
def test_a_member_lands_where_the_cache_says_whatever_its_name(kind: str, name: str, tmp_path: Path) -> None:
    name = name.format(root=tmp_path)
    made = tmp_path / f"a.{kind}"
    archive = wheel(made, name, b"x") if kind == "whl" else tarball(made, entry(name, b"x"))
    before = tree(tmp_path)
    digest = "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881"  # of "x"
    assert reasons(archive, wanted(name, digest), tmp_path / "cache") == {}
    left = {path for path in tree(tmp_path) - before if not path.endswith(".lock")}
    assert left == {"cache", "cache/partial", f"cache/net-{digest[:16]}.bin"}


@pytest.mark.parametrize(
    "fields",
    [
        {"type": tarfile.SYMTYPE, "linkname": "/etc/passwd"},
        {"type": tarfile.SYMTYPE, "linkname": "../../secret"},
        {"type": tarfile.LNKTYPE, "linkname": "/etc/passwd"},
        {"type": tarfile.LNKTYPE, "linkname": "../secret"},
        {"type": tarfile.CHRTYPE, "devmajor": 1, "devminor": 5},
        {"type": tarfile.BLKTYPE, "devmajor": 8, "devminor": 0},
        {"type": tarfile.FIFOTYPE},
        {"type": tarfile.DIRTYPE},
    ],
)
def test_links_and_devices_of_a_tarball_are_refused(fields: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("not yours")
    archive = tarball(tmp_path / "a.tgz", entry("package/x", **fields))
    assert "no regular file" in reasons(archive, wanted("package/x"), tmp_path / "cache")["net"]


@pytest.mark.parametrize("mode", [stat.S_IFLNK | 0o777, stat.S_IFCHR | 0o666, stat.S_IFIFO | 0o666])
def test_links_and_devices_of_a_wheel_are_refused(mode: int, tmp_path: Path) -> None:
    archive = wheel(tmp_path / "a.whl", "x", b"/etc/passwd", mode)
    assert "no regular file" in reasons(archive, wanted("x"), tmp_path / "cache")["net"]


def zeros(count: int) -> bytes:
    return bytes(count)


@pytest.mark.parametrize("kind", ["whl", "tgz"])
def test_a_bomb_is_not_unpacked(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "LEAST_LIMIT", 2**20)
    content, made = zeros(2**24), tmp_path / f"a.{kind}"
    archive = wheel(made, "x", content) if kind == "whl" else tarball(made, entry("x", content))
    assert archive.stat().st_size * archives.RATIO < len(content)
    assert "a bomb?" in reasons(archive, wanted("x"), tmp_path / "cache")["net"]


def test_what_grows_as_files_do_is_unpacked(tmp_path: Path) -> None:
    content = random.Random(0).randbytes(3 * archives.PIECE)
    archive = tarball(tmp_path / "a.tgz", entry("x", content), entry("y", b"y"))
    digest = "a1fce4363854ff888cff4b8e7875d600c2682390412a8cf79b37d0b11148b0fa"  # of "y"
    assert reasons(archive, wanted("y", digest), tmp_path / "cache") == {}
    with open_archive(archive) as open_member:
        extract(open_member, wanted("x", offset=7, length=2 * archives.PIECE), tmp_path / "out")
    assert (tmp_path / "out").read_bytes() == content[7 : 7 + 2 * archives.PIECE]


def test_a_wheel_member_larger_than_it_says_is_cut_and_refused(tmp_path: Path) -> None:
    archive = wheel(tmp_path / "a.whl", "x", zeros(2**22))
    data = bytearray(archive.read_bytes())
    for place in [match.start() for match in re.finditer(re.escape((2**22).to_bytes(4, "little")), bytes(data))]:
        data[place : place + 4] = (10).to_bytes(4, "little")  # the sizes in both headers
    archive.write_bytes(data)
    assert "CRC" in reasons(archive, wanted("x"), tmp_path / "cache")["net"]
    with open_archive(archive) as open_member, pytest.raises(zipfile.BadZipFile):
        extract(open_member, wanted("x"), tmp_path / "out")
    assert (tmp_path / "out").stat().st_size <= 10


def test_a_sparse_member_of_a_terabyte_is_refused(tmp_path: Path) -> None:
    info, content = entry("x", b"1\n0\n1\n".ljust(512, b"\0") + b"x".ljust(512, b"\0"))
    info.pax_headers = {"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.realsize": str(2**40)}
    info.pax_headers |= {"GNU.sparse.name": "x"}
    with tarfile.open(tmp_path / "a.tgz", "w:gz", format=tarfile.PAX_FORMAT) as archive:
        archive.addfile(info, io.BytesIO(content))
    assert "no regular file" in reasons(tmp_path / "a.tgz", wanted("x"), tmp_path / "cache")["net"]


def test_a_header_that_asks_for_memory_is_refused(tmp_path: Path) -> None:
    """The reader takes a long name or a table of attributes into memory as a whole."""
    long = tarball(tmp_path / "a.tgz", entry("x", zeros(archives.PIECE * 2), type=tarfile.GNUTYPE_LONGNAME), entry("x"))
    with pytest.raises(ArchiveError, match="a header of"), open_archive(long):
        pass
    assert "a header of" in reasons(long, wanted("x"), tmp_path / "cache")["net"]


def test_too_many_members_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "MEMBERS", 3)
    archive = tarball(tmp_path / "a.tgz", *(entry(f"x{n}") for n in range(4)))
    assert "more than 3 files" in reasons(archive, wanted("x0"), tmp_path / "cache")["net"]


@pytest.mark.parametrize("kind", ["whl", "tgz"])
def test_a_damaged_archive_is_a_reason_and_never_a_crash(kind: str, tmp_path: Path) -> None:
    made, content = tmp_path / f"a.{kind}", b"content " * 40
    archive = wheel(made, "x", content) if kind == "whl" else tarball(made, entry("é" * 120, b""), entry("x", content))
    data, dice = archive.read_bytes(), random.Random(kind)
    failed = 0
    for _ in range(150):
        broken = bytearray(data[: dice.choice((len(data), len(data), dice.randrange(len(data))))])
        for _ in range(dice.randrange(1, 4)):
            broken[dice.randrange(len(broken) or 1) : 0] = b"" if broken else b"?"
            if broken:
                broken[dice.randrange(len(broken))] = dice.randrange(256)
        archive.write_bytes(broken)
        failed += bool(reasons(archive, wanted("x"), tmp_path / "cache"))
    assert failed == 150  # the digest is wrong in any case


def test_targets_outside_the_outs_are_refused() -> None:
    for target in ("../x", "/etc/x", "models/../x", "models", "data/raw/x.mp4", "models/./x", ".git/config"):
        with pytest.raises(ValueError, match=r"plain relative path|lies outside"):
            Asset(name="net", path="x", sha256="0" * 64, licence="MIT", source="test", target=target)
