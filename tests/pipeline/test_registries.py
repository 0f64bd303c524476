"""The real clients against packages made here: a folder of wheels for pip, a registry on the loopback for npm."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import tarfile
import threading
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from pipeline.archives import open_archive
from pipeline.assets import Asset, Package
from pipeline.registries import RegistryError, download

FILE = Asset(name="net", path="net.bin", sha256="0" * 64, licence="MIT", source="test", target="models/net.bin")


def package(**changes: str) -> Package:
    return Package(**{"kind": "pypi", "name": "demo-weights", "version": "1.0", "files": (FILE,), **changes})


def make_wheel(folder: Path, tag: str, version: str = "1.0", requires_python: str = ">=3.8") -> None:
    info = f"demo_weights-{version}.dist-info"
    with zipfile.ZipFile(folder / f"demo_weights-{version}-{tag}.whl", "w") as wheel:
        wheel.writestr("net.bin", f"for {tag}")
        wheel.writestr(
            f"{info}/METADATA",
            f"Metadata-Version: 2.1\nName: demo-weights\nVersion: {version}\nRequires-Python: {requires_python}\n"
            "Requires-Dist: a-package-that-nobody-has\n",
        )
        wheel.writestr(f"{info}/WHEEL", f"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: {tag}\n")
        wheel.writestr(f"{info}/RECORD", "")


def member(archive: Path, name: str) -> str:
    with open_archive(archive) as open_member, open_member(name) as file:
        return file.read().decode()


@pytest.fixture
def wheels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "wheels"
    folder.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    return folder


def test_pip_takes_a_wheel_that_refuses_this_python_and_leaves_dependencies(wheels: Path, tmp_path: Path) -> None:
    make_wheel(wheels, "py3-none-any", requires_python="<3.0")
    (tmp_path / "out").mkdir()
    archive = download(package(), tmp_path / "out")
    assert member(archive, "net.bin") == "for py3-none-any"


def test_pip_takes_the_tagged_wheel_whatever_runs_here(wheels: Path, tmp_path: Path) -> None:
    for tag in ("cp39-cp39-macosx_11_0_arm64", "cp311-cp311-manylinux_2_28_x86_64", "py3-none-any"):
        make_wheel(wheels, tag)
    (tmp_path / "out").mkdir()
    archive = download(package(wheel="cp39-cp39-macosx_11_0_arm64"), tmp_path / "out")
    assert member(archive, "net.bin") == "for cp39-cp39-macosx_11_0_arm64"


def test_pip_says_why_in_one_line(wheels: Path, tmp_path: Path) -> None:
    make_wheel(wheels, "py3-none-any", version="2.0")
    (tmp_path / "out").mkdir()
    with pytest.raises(RegistryError, match=r"^No matching distribution found for demo-weights==1\.0$"):
        download(package(), tmp_path / "out")


class _Registry(BaseHTTPRequestHandler):
    """Serves one version of `@demo/weights`: its description and its tarball."""

    tarball: bytes = b""

    def do_GET(self) -> None:
        if self.path == "/weights-1.0.0.tgz":
            self._answer(200, self.tarball)
        elif self.path.lower() == "/@demo%2fweights":
            integrity = "sha512-" + base64.b64encode(hashlib.sha512(self.tarball).digest()).decode()
            url = f"http://127.0.0.1:{self.server.server_address[1]}/weights-1.0.0.tgz"
            version = {"name": "@demo/weights", "version": "1.0.0", "dist": {"tarball": url, "integrity": integrity}}
            description = {"name": "@demo/weights", "dist-tags": {"latest": "1.0.0"}, "versions": {"1.0.0": version}}
            self._answer(200, json.dumps(description).encode())
        else:
            self._answer(404, b"{}")

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Silent."""


@pytest.fixture
def npm_registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    manifest = b'{"name": "@demo/weights", "version": "1.0.0", "scripts": {"prepack": "exit 1"}}'
    path = tmp_path / "weights.tgz"
    with tarfile.open(path, "w:gz") as archive:
        for name, content in {"package/package.json": manifest, "package/net.bin": b"weights"}.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    handler = type("Registry", (_Registry,), {"tarball": path.read_bytes()})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("npm_config_registry", f"http://127.0.0.1:{server.server_address[1]}/")
    monkeypatch.setenv("npm_config_cache", str(tmp_path / "npm-cache"))
    monkeypatch.setenv("npm_config_noproxy", "127.0.0.1")
    monkeypatch.setenv("npm_config_userconfig", "/dev/null")
    yield
    server.shutdown()
    server.server_close()


def test_npm_packs_a_scoped_package(npm_registry: None, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    archive = download(package(kind="npm", name="@demo/weights", version="1.0.0"), tmp_path / "out")
    assert member(archive, "package/net.bin") == "weights"


def test_npm_says_why_in_one_line(npm_registry: None, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    with pytest.raises(RegistryError, match=r"^ETARGET: No matching version found for @demo/weights@2\.0\.0\.$"):
        download(package(kind="npm", name="@demo/weights", version="2.0.0"), tmp_path / "out")


def test_a_client_that_hangs_is_ended(wheels: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.registries.TIMEOUT_S", 0.01)
    (tmp_path / "out").mkdir()
    with pytest.raises(RegistryError, match="no end after"):
        download(package(), tmp_path / "out")
