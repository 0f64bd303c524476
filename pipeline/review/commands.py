"""`autoroto review`: serve, doctor, push, pull, status."""

from __future__ import annotations

import contextlib
import signal
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from pipeline.progress import stage_progress
from pipeline.terminal import plain

app = typer.Typer(no_args_is_help=True)
console = Console(stderr=True)

Title = Annotated[str, typer.Option("--project", help="Title of the project in Label Studio.")]


@app.command()
def serve(
    port: Annotated[int, typer.Option(help="Port on this machine; 0 takes a free one.")] = 8080,
    database: Annotated[
        str,
        typer.Option(
            envvar="AUTOROTO_REVIEW_DATABASE",
            help="postgresql://user:password@host:port/name; default: SQLite in .autoroto/review.",
            show_envvar=True,
        ),
    ] = "",
    assist: Annotated[
        bool, typer.Option("--assist", help="Also the assistant: scribbles of reviewers come back as regions.")
    ] = False,
) -> None:
    """Start Label Studio on this machine, and end it with Ctrl-C.

    `make review` installs it. The first start makes its database, a user, a password and a token (about a minute). They
    are kept in `.autoroto/review/access.json`, which only you can read. Nothing listens beyond this machine; reach it
    from elsewhere through a tunnel, for example `ssh -L 8080:localhost:8080 THIS_MACHINE`.
    """
    from pipeline.assist import Assistant, way_of
    from pipeline.cli import project_root
    from pipeline.params import load_params
    from pipeline.review.access import ACCESS, FOLDER
    from pipeline.review.backend import assisting
    from pipeline.review.client import Studio
    from pipeline.review.project import reconnect
    from pipeline.review.server import INSTALLED, label_studio
    from pipeline.review.smart_brush import mend_smart_brush

    root = project_root()
    way = way_of(load_params(root / "params.yaml"), root) if assist else None
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # leave through the contexts, which end the servers
    with contextlib.ExitStack() as running:
        server = label_studio(root, port=port, database=database, assisted=assist, tell=_say)
        access, process = running.enter_context(server)
        backend = running.enter_context(assisting(root, Assistant(Path(access.served), way))) if way else None
        with Studio(access) as studio:
            count = reconnect(studio, backend)  # to none where an assistant of an earlier start was left behind
        _say(f"Label Studio runs at {access.url}")
        _say(f"Sign in as {access.email}; the password is in {root / FOLDER / ACCESS}")
        if backend is not None and way is not None:
            _say(f"The assistant ({way.name}) runs at {backend.url}, connected to {count} projects; new ones follow")
            if not mend_smart_brush(root / INSTALLED):
                _say("!! The smart brush of this Label Studio is another one than 1.23's: it may not ask the assistant")
        _say("Next: `autoroto review push` in another terminal. Ctrl-C ends Label Studio.")
        code = process.wait()
    if code:
        _say(f"Label Studio ended with {code}; its log is {root / FOLDER / 'server.log'}")
        sys.exit(1)


@app.command()
def doctor(project: Title = "autoroto") -> None:
    """Say what stands in the way of a review and how to mend it: installation, server, token, project, frames."""
    from pipeline.cli import project_root
    from pipeline.review.doctor import examine

    well = True
    for finding in examine(project_root(), project):
        well &= finding.well
        _say(f"{'ok ' if finding.well else '!! '} {finding.text}")
    sys.exit(0 if well else 1)


@app.command()
def push(
    limit: Annotated[int, typer.Option(min=0, help="Doubtful labels to ask about, at most.")] = 200,
    audit: Annotated[bool, typer.Option(help="Also every frame of the audit's sample (see `autoroto audit`).")] = False,
    project: Title = "autoroto",
) -> None:
    """Make tasks of the labels that are worst off: frame, mask, what may be wrong, the frames before and after.

    Ordered by what a fix is expected to mend, the frame's own label and its neighbours'. Pushing twice changes nothing;
    a label that has changed since updates its task, unless somebody has worked on it.
    """
    from pipeline.cli import project_root
    from pipeline.params import load_params
    from pipeline.review.access import find_access
    from pipeline.review.client import Studio
    from pipeline.review.push import Push

    root = project_root()
    access = find_access(root)
    with Studio(access) as studio, stage_progress("push", console) as progress:
        studio.user()
        params = load_params(root / "params.yaml")
        done = Push(root, params, access, studio, project, limit, audit, progress).run()
    _say(done.sentence())


@app.command()
def pull(
    everything: Annotated[bool, typer.Option("--all", help="Look at all tasks, not only at changed ones.")] = False,
    project: Title = "autoroto",
) -> None:
    """Write what reviewers submitted into `data/reviews/`; the next `dvc repro` makes those frames gold.

    Decisions are only ever added: commit the new files. Pulling twice changes nothing; a killed pull goes on. When the
    last frame of the audit's sample is decided on, the audit is taken too (see `autoroto audit`).
    """
    from datasets.reviews import read_decisions
    from pipeline.cli import project_root
    from pipeline.review.access import find_access
    from pipeline.review.client import Studio
    from pipeline.review.pull import Pull
    from pipeline.review.sample import audit_if_complete
    from pipeline.review.status import disagreements
    from qa.agreement import pairs
    from qa.curate import REVIEWS

    root = project_root()
    with Studio(find_access(root)) as studio, stage_progress("pull", console) as progress:
        done = Pull(root, studio, project, everything, progress).run()
    _say(done.sentence())
    for line in done.unclear:
        _say(f"  {line}")
    sources = {source for source, _ in done.frames}
    seen = [one for one in read_decisions(root / REVIEWS, sources=sources) if one.key in done.frames]
    apart = [pair for pair in pairs(seen) if not pair.agree]
    for line in disagreements(apart):
        _say(f"  {line}")
    if done.decisions:
        left = audit_if_complete(root, done.frames, console)
        if left:
            _say(f"{left} frames of the audit's sample are undecided: `autoroto review push --audit` asks about them")
        _say("Next: `dvc repro`, and commit data/reviews")


@app.command()
def status(project: Title = "autoroto") -> None:
    """Count tasks and decisions, say whether reviewers agree, and estimate the labels' error before and after."""
    from pipeline.cli import project_root
    from pipeline.review.access import ReviewSetupError, find_access
    from pipeline.review.client import Studio, StudioError
    from pipeline.review.status import count_tasks, show_status

    root = project_root()
    tasks = None
    try:
        with Studio(find_access(root), timeout=60) as studio:
            tasks = count_tasks(studio, project)
    except (ReviewSetupError, StudioError) as error:
        _say(f"{error}; what follows is of data/reviews alone")
    show_status(root, tasks, console)


def _say(text: str | Path) -> None:
    console.print(plain(str(text)), highlight=False, markup=False, soft_wrap=True)
