"""How the report writes names, shares, times and sizes for people."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any


def flattened(values: Mapping[str, Any], prefix: str = "") -> Iterable[tuple[str, str]]:
    """Nested mappings as `(dotted key, value as text)`."""
    for key, value in values.items():
        if isinstance(value, Mapping) and value:
            yield from flattened(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", f"{value:.3g}" if isinstance(value, float) else str(value)


def words(name: str) -> str:
    """A slug as words."""
    return {"iou": "IoU", "lr": "learning rate"}.get(name, name.replace("_", " ").replace(":", ": "))


def percent(share: float) -> str:
    """A share 0-1 as a whole percentage; never 0 or 100 unless it is exactly that."""
    rounded = round(share * 100)
    if rounded == 0 and share > 0:
        return "<1\u00a0%"
    return ">99\u00a0%" if rounded == 100 and share < 1 else f"{rounded}\u00a0%"


def duration(seconds: float) -> str:
    """Seconds for people: `8.4 s`, `12 min 5 s`, `3 h 20 min`."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def megabytes(size: int) -> str:
    """A size in MB (10⁶ bytes)."""
    return f"{size / 1e6:,.1f} MB"
