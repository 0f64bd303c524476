"""A Label Studio of one's own: installed apart by `make review`, started on loopback, ended with its parent."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import unquote, urlsplit

import httpx

from pipeline.review.access import FOLDER, Access, ReviewSetupError, own_access, read_access, write_access
from pipeline.review.smart_brush import mend_smart_brush

INSTALLED = Path(".autoroto") / "label-studio" / "bin" / "label-studio"
"""Label Studio's program, relative to the project's root."""
LOG = "server.log"
HOST = "127.0.0.1"
DATABASE = "AUTOROTO_REVIEW_DATABASE"
FIRST_START_SECONDS = 600
"""The first start makes the database: a minute on a quick disk, several on a slow one."""
_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


@contextmanager
def label_studio(
    root: Path,
    *,
    port: int = 8080,
    database: str = "",
    assisted: bool = False,
    program: Path | None = None,
    tell: Callable[[str], None] = print,
) -> Iterator[tuple[Access, subprocess.Popen[bytes]]]:
    """A running Label Studio: how to reach it, and its process, which is ended on leaving.

    Args:
        root: the project's root; everything is kept in its `.autoroto/review`.
        port: on loopback; 0 takes a free one.
        database: `postgresql://user:password@host:port/name`; empty for SQLite in that folder.
        assisted: an assistant on this machine may be connected to its projects (`pipeline.review.backend`).
        program: Label Studio's; default: the one that `make review` installed.

    Raises:
        ReviewSetupError: it is not installed, runs already, the port is taken, or it does not start.
    """
    program = program or root / INSTALLED
    if not program.exists():
        raise ReviewSetupError(f"Label Studio is not installed ({program} is missing): run `make review` first")
    mend_smart_brush(program)  # whether or not it is used: browsers keep the script
    _refuse_a_second(root)
    port = port or free_port()
    _refuse_a_taken_port(port)
    access = own_access(root, f"http://{HOST}:{port}")
    write_access(root, access)
    folder = root / FOLDER
    (folder / "data").mkdir(exist_ok=True, mode=0o700)
    Path(access.served).mkdir(exist_ok=True, mode=0o700)
    log = os.open(folder / LOG, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        process = subprocess.Popen(
            [str(program), "start", "--no-browser", "--internal-host", HOST, "--port", str(port)],
            cwd=folder, env=environment(access, folder / "data", database, assisted=assisted), stdin=subprocess.DEVNULL,
            stdout=log, stderr=log, process_group=0, preexec_fn=_die_with_parent,
        )  # fmt: skip
    finally:
        os.close(log)
    try:
        _wait(process, access.url, folder / LOG, tell)
        yield access, process
    finally:
        _end(process)


def environment(access: Access, data: Path, database: str = "", *, assisted: bool = False) -> dict[str, str]:
    """The variables that Label Studio is started with: secrets come this way, never on the command line.

    It serves the project's frames alone, signs nobody up, and reports nothing to its makers.

    Raises:
        ReviewSetupError: the database's address is none of PostgreSQL.
    """
    # Ours would let it import our `datasets`; another Label Studio's settings are no concern of this one.
    dropped = ("PYTHONPATH", "PYTHONHOME", "DJANGO_", "LABEL_STUDIO_", "POSTGRE_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(dropped)}
    return kept | {
        "LABEL_STUDIO_BASE_DATA_DIR": str(data.resolve()),
        "LABEL_STUDIO_USERNAME": access.email,
        "LABEL_STUDIO_PASSWORD": access.password,
        "LABEL_STUDIO_USER_TOKEN": access.token,
        "LABEL_STUDIO_ENABLE_LEGACY_API_TOKEN": "true",
        "LABEL_STUDIO_DISABLE_SIGNUP_WITHOUT_LINK": "true",
        "LABEL_STUDIO_LOCAL_FILES_SERVING_ENABLED": "true",
        "LABEL_STUDIO_LOCAL_FILES_DOCUMENT_ROOT": access.served,
        "COLLECT_ANALYTICS": "false",
        "LATEST_VERSION_CHECK": "false",
        "SENTRY_DSN": "",
        "FRONTEND_SENTRY_DSN": "",
        # it may call a backend on this machine: the assistant
        **({"ML_BLOCK_LOCAL_IP": "false"} if assisted else {}),
        **_unproxied(),
        **_database(database),
    }


def _unproxied() -> Mapping[str, str]:
    """What is on this machine is not looked for behind a proxy. Both spellings are in use, and the small one wins."""
    named = os.environ.get("no_proxy") or os.environ.get("NO_PROXY") or ""
    value = ",".join(dict.fromkeys(filter(None, (*named.split(","), HOST, "localhost"))))
    return {"NO_PROXY": value, "no_proxy": value}


def answers(url: str) -> bool:
    """Whether a Label Studio is up at `url`."""
    with contextlib.suppress(httpx.HTTPError, ValueError, AttributeError):
        return bool(httpx.get(f"{url}/health", timeout=5).json().get("status") == "UP")
    return False


def free_port() -> int:
    """A port of loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def _database(url: str) -> Mapping[str, str]:
    if not url:
        return {"DJANGO_DB": "sqlite"}
    parts = urlsplit(url)
    if parts.scheme not in ("postgresql", "postgres") or not parts.hostname or not parts.path.strip("/"):
        raise ReviewSetupError(
            f"the database's address begins with {parts.scheme or 'nothing'}://; it must be "
            "postgresql://user:password@host:port/name (or leave it out for SQLite)"
        )
    return {
        "DJANGO_DB": "default",
        "POSTGRE_USER": unquote(parts.username or "postgres"),
        "POSTGRE_PASSWORD": unquote(parts.password or ""),
        "POSTGRE_HOST": parts.hostname,
        "POSTGRE_PORT": str(parts.port or 5432),
        "POSTGRE_NAME": parts.path.strip("/"),
    }


def _refuse_a_second(root: Path) -> None:
    try:
        url = read_access(root).url
    except ReviewSetupError:
        return  # there is none yet
    if answers(url):
        raise ReviewSetupError(f"this project's Label Studio runs already at {url}: use it, or end it first")


def _refuse_a_taken_port(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise ReviewSetupError(
                f"port {port} is taken ({error.strerror}): name another with --port, or --port 0 for any free one"
            ) from error


def _wait(process: subprocess.Popen[bytes], url: str, log: Path, tell: Callable[[str], None]) -> None:
    start = told = time.monotonic()
    while not answers(url):
        if process.poll() is not None:
            raise ReviewSetupError(
                f"Label Studio ended by itself ({process.returncode}); {log} ends with:\n{_tail(log)}"
            )
        now = time.monotonic()
        if now - start > FIRST_START_SECONDS:
            raise ReviewSetupError(f"Label Studio does not answer at {url}; {log} ends with:\n{_tail(log)}")
        if now - told > 15:
            told = now
            tell(f"Label Studio is starting, {now - start:.0f} s (its first start makes the database, about a minute)")
        time.sleep(0.5)


def _tail(log: Path, lines: int = 8) -> str:
    return "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:])


def _end(process: subprocess.Popen[bytes]) -> None:
    for ask, seconds in ((signal.SIGINT, 10), (signal.SIGTERM, 5), (signal.SIGKILL, 5)):
        if process.poll() is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(ask)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(seconds)


def _die_with_parent() -> None:
    """In the child: the kernel ends it when its parent is gone, however that ended (Linux)."""
    if _LIBC is not None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
