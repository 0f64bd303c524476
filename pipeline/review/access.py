"""Where the Label Studio of a project answers, and by which token: one's own, or one named by the environment."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

FOLDER = Path(".autoroto") / "review"
"""What a Label Studio of one's own keeps, and the frames it shows, relative to the project's root."""
ACCESS = "access.json"
"""In that folder: address, password and token. Only its owner can read it, and git ignores it."""
URL, TOKEN = "LABEL_STUDIO_URL", "LABEL_STUDIO_API_KEY"
SERVED, SERVED_THERE = "LABEL_STUDIO_LOCAL_FILES_DOCUMENT_ROOT", "AUTOROTO_REVIEW_DOCUMENT_ROOT"


class ReviewSetupError(RuntimeError):
    """There is no Label Studio to talk to, or not the right one. The message says what to do."""


@dataclass(frozen=True)
class Access:
    """How to reach a Label Studio.

    Attributes:
        url: without a slash at the end. token: of its API.
        email, password: of its first user; empty for one that was there before.
        served: the folder of this machine that it serves files from. served_there: the same folder as it sees it.
    """

    url: str
    token: str = field(repr=False)
    email: str = ""
    password: str = field(default="", repr=False)
    served: str = ""
    served_there: str = ""

    @property
    def own(self) -> bool:
        """Whether `autoroto review serve` started it."""
        return bool(self.password)


def find_access(root: Path) -> Access:
    """The Label Studio of the environment (`LABEL_STUDIO_URL` and `LABEL_STUDIO_API_KEY`), else one's own.

    Raises:
        ReviewSetupError: neither is set up.
    """
    url = os.environ.get(URL, "").rstrip("/")
    if not url:
        return read_access(root)
    if not os.environ.get(TOKEN):
        raise ReviewSetupError(
            f"{URL} names {url}, but {TOKEN} is not set: copy the access token from Label Studio's account settings"
        )
    served = os.environ.get(SERVED, "")
    if not served:
        raise ReviewSetupError(
            f"{URL} names {url}, but {SERVED} is not set: name the folder of this machine that it serves files from"
        )
    return Access(url, os.environ[TOKEN], served=served, served_there=os.environ.get(SERVED_THERE, served))


def read_access(root: Path) -> Access:
    """What `review serve` wrote down of one's own Label Studio.

    Raises:
        ReviewSetupError: it was never started, or the file is damaged.
    """
    path = root / FOLDER / ACCESS
    if not path.exists():
        raise ReviewSetupError(
            f"no Label Studio is set up: run `autoroto review serve` (or set {URL}, {TOKEN} and {SERVED} for one "
            "that is there already)"
        )
    try:
        return Access(**json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, TypeError) as error:
        raise ReviewSetupError(
            f"{path} is damaged ({error}): remove it; the next `autoroto review serve` makes a new user and password"
        ) from error


def write_access(root: Path, access: Access) -> Path:
    """Write it down, readable by its owner alone from the first byte on."""
    return write_secrets(root, ACCESS, asdict(access))


def write_secrets(root: Path, name: str, values: Mapping[str, str]) -> Path:
    """Write a JSON file of `FOLDER`, readable by its owner alone from the first byte on; there whole or not at all."""
    folder = root / FOLDER
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = folder / name
    unfinished = folder / f".{name}.{os.getpid()}"
    unfinished.unlink(missing_ok=True)
    with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(json.dumps(dict(values), indent=2) + "\n")
    unfinished.rename(path)
    return path


def own_access(root: Path, url: str) -> Access:
    """That of one's own Label Studio at `url`; with a user, a password and a token of its own on the first start."""
    served = str((root / FOLDER / "files").resolve())
    try:
        known = read_access(root)
    except ReviewSetupError:
        # another name than before, if there was one: Label Studio adds that user on its next start
        known = Access(url, secrets.token_hex(20), f"reviewer-{secrets.token_hex(3)}@example.com", _password())
    return Access(url, known.token, known.email, known.password, served, served)


def _password() -> str:
    return secrets.token_urlsafe(18)
