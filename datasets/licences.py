"""Licences as sets of SPDX identifiers: normalised, united through composites, checked against an allow-list."""

from __future__ import annotations

import re
from collections.abc import Iterable

UNKNOWN = "NOASSERTION"
"""SPDX's word for "nobody has said": what footage without a licence gets, and what an allow-list must name to allow."""

# fmt: off
_KNOWN = (
    "0BSD", "AGPL-3.0-only", "AGPL-3.0-or-later", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "CC0-1.0",
    "CC-BY-2.0", "CC-BY-3.0", "CC-BY-4.0", "CC-BY-NC-4.0", "CC-BY-NC-ND-4.0", "CC-BY-NC-SA-4.0", "CC-BY-ND-4.0",
    "CC-BY-SA-3.0", "CC-BY-SA-4.0", "CC-PDDC", "GPL-2.0-only", "GPL-2.0-or-later", "GPL-3.0-only",
    "GPL-3.0-or-later", "ISC", "LGPL-2.1-only", "LGPL-2.1-or-later", "LGPL-3.0-only", "LGPL-3.0-or-later", "MIT",
    "MPL-2.0", "PDDL-1.0", "Unlicense", UNKNOWN,
)
# fmt: on
_ALIASES = {
    "agpl-3.0": "AGPL-3.0-only",
    "apache 2.0": "Apache-2.0",
    "cc0": "CC0-1.0",
    "gpl-2.0": "GPL-2.0-only",
    "gpl-3.0": "GPL-3.0-only",
    "lgpl-2.1": "LGPL-2.1-only",
    "lgpl-3.0": "LGPL-3.0-only",
    "unknown": UNKNOWN,
    "": UNKNOWN,
}
_CANONICAL = {name.lower(): name for name in _KNOWN} | _ALIASES
_IDENTIFIER = re.compile(r"[A-Za-z0-9][A-Za-z0-9.+-]*")


class LicenceError(ValueError):
    """A licence is malformed, or is not on the allow-list. The message names it and the file."""


def normalise(licence: str) -> str:
    """The SPDX identifier in its official spelling (`cc by 4.0` → `CC-BY-4.0`).

    Identifiers this module does not list (`LicenseRef-…`, rare ones) pass as they are written.

    Raises:
        LicenceError: it is no single identifier; an `A OR B` must be chosen from by whoever adds the footage.
    """
    name = licence.strip()
    for spelling in (name, re.sub(r"[\s_]+", "-", name)):
        if spelling.lower() in _CANONICAL:
            return _CANONICAL[spelling.lower()]
    if not _IDENTIFIER.fullmatch(name):
        raise LicenceError(
            f"{licence!r} is no SPDX identifier; write one per list entry (https://spdx.org/licenses), "
            "or LicenseRef-NAME for terms of your own"
        )
    return name


def union(*sets: Iterable[str]) -> list[str]:
    """Every licence that any of the parts carries, normalised and sorted: a composite must honour them all."""
    return sorted({normalise(licence) for licences in sets for licence in licences})


def check_allowed(licences: Iterable[str], *, allowed: Iterable[str], what: str) -> None:
    """Raise LicenceError that names `what` (a file) and each of its licences that is not on the allow-list.

    An empty set counts as `NOASSERTION`: silence is no permission.
    """
    refused = sorted(set(union(licences) or [UNKNOWN]) - set(union(allowed)))
    if refused:
        raise LicenceError(
            f"{what}: licence {', '.join(refused)} is not on the allow-list ({', '.join(union(allowed)) or 'empty'}); "
            "leave this footage out, or allow the licence if its terms suit your use"
        )
