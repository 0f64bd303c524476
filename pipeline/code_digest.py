"""Digests of code: which statements compute a shard. Comments, docstrings and line breaks do not count."""

from __future__ import annotations

import ast
import functools
import hashlib
import importlib.util
from collections.abc import Iterable, Iterator
from pathlib import Path

FLOORS = ("stages", "qa", "training")
"""Packages whose code enters a key. `datasets/` enters by `FORMAT_VERSION`; `pipeline/` moves no pixels."""


def code_digest(*modules: str) -> str:
    """SHA-256 over the syntax trees of `modules` and of everything they import from `stages/`, `qa/` and `training/`.

    Raises:
        ModuleNotFoundError: a module does not exist.
    """
    digest = hashlib.sha256()
    for name in sorted(_closure(modules)):
        digest.update(f"{name}\n{normalised(_path(name))}\n".encode())
    return digest.hexdigest()


def normalised(path: Path) -> str:
    """The file's statements without docstrings and comments, in one canonical layout."""
    return _normalised(path.read_text(), str(path))


@functools.cache  # stages share modules
def _normalised(text: str, filename: str) -> str:
    tree = ast.parse(text, filename=filename)
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            # strings that stand alone as statements: docstrings, and attribute docstrings after assignments
            node.body = [child for child in node.body if not _is_text(child)] or [ast.Pass()]
    return ast.unparse(tree)


def _is_text(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def _closure(modules: Iterable[str]) -> set[str]:
    found: set[str] = set()
    waiting = list(modules)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += _imports(name)
    return found


@functools.cache
def _imports(module: str) -> tuple[str, ...]:
    path = _path(module)
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    mentioned = _mentioned(path.read_text(), str(path), package)
    names = {name for name in mentioned if name.split(".")[0] in FLOORS and _exists(name)}
    parents = {name.rpartition(".")[0] for name in names} - {""}  # importing a.b runs a/__init__.py
    return tuple(sorted(names | {parent for parent in parents if _exists(parent)}))


@functools.cache
def _mentioned(text: str, filename: str, package: str) -> frozenset[str]:
    tree = ast.parse(text, filename=filename)
    return frozenset(name for node in ast.walk(tree) for name in _imported(node, package))


def _imported(node: ast.AST, package: str) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        base = node.module or ""
        if node.level:
            parent = ".".join(package.split(".")[: len(package.split(".")) - node.level + 1])
            base = f"{parent}.{base}".rstrip(".")
        yield base
        yield from (f"{base}.{alias.name}" for alias in node.names)  # a name may be a submodule


@functools.cache
def _exists(module: str) -> bool:
    try:
        spec = importlib.util.find_spec(module)
    except ModuleNotFoundError:
        return False
    return spec is not None and spec.origin is not None


@functools.cache
def _path(module: str) -> Path:
    spec = importlib.util.find_spec(module)
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(f"no source file for module {module}")
    return Path(spec.origin)
