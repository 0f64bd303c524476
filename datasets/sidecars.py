"""Sidecars: what a person says about footage, in a YAML file beside it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

YAML_SUFFIXES = (".yaml", ".yml")
FOLDER_SIDECAR = "sidecar"
MAX_BYTES = 1 << 20
"""A sidecar holds a handful of lines; what is larger is something else."""

_NOT_YAML = (yaml.YAMLError, ValueError, LookupError, AttributeError, RecursionError)
"""What the reader raises: its own errors, those of the 45th of May, `!!bool maybe` and `!!timestamp x`, no UTF-8."""


class SidecarError(ValueError):
    """A sidecar cannot be used. The message names the file and the cure."""


class Keying(BaseModel):
    """The keyed test clip: its screen and what to cut off.

    Attributes:
        screen: colour of the screen; `auto` takes whichever is found.
        crop: pixels cut off at the left, top, right and bottom.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    screen: Literal["auto", "blue", "green"] = "auto"
    crop: tuple[int, int, int, int] = (0, 0, 0, 0)

    @field_validator("crop")
    @classmethod
    def _not_negative(cls, crop: tuple[int, int, int, int]) -> tuple[int, int, int, int]:
        if min(crop) < 0:
            raise ValueError("must be four numbers of pixels >= 0: [left, top, right, bottom]")
        return crop


class Sidecar(BaseModel):
    """What is known about a video, a photo or a folder of images; every key is optional.

    Attributes:
        subject: who is in the footage; "" stands for the source's own hash. One subject is in one split only.
        licence: SPDX identifiers (a single one may be written without a list).
        source: where the footage came from, for people.
        masks: masks that came with the footage: a folder of PNGs, one PNG (for a photo), or a COCO JSON file; in YAML
            relative to the sidecar's folder, here absolute. See `datasets.masks`.
        split: pins the split.
        role: `background` for pictures without people.
        keyed: makes this video the keyed test clip: composited on reserved backgrounds, used for tests only.
        stills: images of this folder are unrelated photos, not frames of a sequence.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    subject: str = ""
    licence: tuple[str, ...] = ()
    source: str = ""
    masks: Path | None = None
    split: Literal["", "train", "val", "test"] = ""
    role: Literal["footage", "background"] = "footage"
    keyed: Keying | None = None
    stills: bool = Field(default=False, strict=True)

    @field_validator("licence", mode="before")
    @classmethod
    def _one_or_many(cls, licence: Any) -> Any:
        return (licence,) if isinstance(licence, str) else licence

    @field_validator("subject", "source", "licence")
    @classmethod
    def _writable(cls, value: Any) -> Any:
        for text in (value,) if isinstance(value, str) else value:
            if any("\ud800" <= letter <= "\udfff" for letter in text):  # what YAML makes of "\uD800"
                raise ValueError("holds half a character, which cannot be written to a shard")
        return value

    @field_validator("keyed", mode="before")
    @classmethod
    def _yes_or_settings(cls, keyed: Any) -> Any:
        return {True: {}, False: None}.get(keyed, keyed) if isinstance(keyed, bool) else keyed


def sidecar_paths(path: Path, root: Path) -> tuple[Path, ...]:
    """The existing sidecars that speak for `path` (a file or folder), the most general first.

    For each folder from `root` down: `FOLDER.yaml` beside it, then `FOLDER/sidecar.yaml`; then `NAME.yaml` beside the
    file. A path outside `root` has only its own folder's and its own.
    """
    bases: list[Path] = []
    for place in _lineage(path, root):
        folder = place.is_dir()
        if place != root:
            bases.append(place if folder else place.with_name(place.stem))
        if folder:
            bases.append(place / FOLDER_SIDECAR)
    candidates = [base.with_name(base.name + suffix) for base in bases for suffix in YAML_SUFFIXES]
    return tuple(candidate for candidate in candidates if _is_file(candidate))


def load_sidecar(path: Path, root: Path) -> Sidecar:
    """What the sidecars say about `path`, the nearest one winning key by key.

    Raises:
        SidecarError: a sidecar is not YAML, no mapping, or holds an unknown key or a bad value.
    """
    values: dict[str, Any] = {}
    for sidecar in sidecar_paths(path, root):
        values |= _read(sidecar)
    return Sidecar(**values)


def masks_named_by(sidecar: Path) -> Path | None:
    """The masks that one sidecar file names, as a path; None when it names none.

    Raises:
        SidecarError: as `load_sidecar`.
    """
    masks = _read(sidecar).get("masks")
    return masks if isinstance(masks, Path) else None


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:
        return False  # its footage's name leaves no room for a suffix


def _lineage(path: Path, root: Path) -> list[Path]:
    """`root`, the folders below it, and `path` itself, outermost first."""
    if not path.is_relative_to(root):
        return [path.parent, path]
    return [p for p in (*reversed(path.parents), path) if p.is_relative_to(root)]


def _read(path: Path) -> dict[str, Any]:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise SidecarError(f"{path}: larger than {MAX_BYTES} bytes, so it is no sidecar; rename or remove it")
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SidecarError(f"{path}: cannot be read ({error.strerror}); give the right to read it") from error
    except _NOT_YAML as error:
        raise SidecarError(f"{path}: not YAML ({error}); write `key: value` lines") from error
    values = {} if values is None else values
    if not isinstance(values, dict):
        raise SidecarError(f"{path}: holds a {type(values).__name__}; write `key: value` lines")
    if isinstance(values.get("masks"), str):
        values["masks"] = _masks_path(path, values["masks"])
    try:
        Sidecar(**values)
    except (ValidationError, TypeError) as error:
        problems = _problems(error)
        raise SidecarError(f"{path}: {problems}; known keys are {', '.join(Sidecar.model_fields)}") from error
    return values


def _masks_path(sidecar: Path, masks: str) -> Path:
    """Where a sidecar's masks lie.

    Raises:
        SidecarError: no path, or a folder that the sidecar itself lies in: all its footage would pass for masks.
    """
    path = sidecar.parent / masks
    try:
        path.stat()
        around = path.resolve() in (sidecar.parent.resolve(), *sidecar.parent.resolve().parents)
    except FileNotFoundError:
        return path  # `open_masks` says so
    except (OSError, ValueError, RuntimeError) as error:
        raise SidecarError(f"{sidecar}: masks: {masks[:80]!r} is no path here ({error}); correct it") from error
    if around:
        raise SidecarError(f"{sidecar}: masks: {masks!r} is a folder around the footage; give masks one of their own")
    return path


def _problems(error: ValidationError | TypeError) -> str:
    if isinstance(error, TypeError):
        return f"keys must be words ({error})"
    return "; ".join(
        f"unknown key {'.'.join(map(str, p['loc']))!r}"
        if p["type"] == "extra_forbidden"
        else f"{'.'.join(map(str, p['loc']))}: {p['msg']}"
        for p in error.errors()
    )
