"""The command line: `autoroto --help` teaches it. Heavy packages are imported by the command that needs them."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from pipeline.house import FRAME_STAGES, RESULT_STAGES
from pipeline.lifetime import die_with_dvc
from pipeline.review.commands import app as review_app
from pipeline.store_commands import app as store_app
from pipeline.terminal import plain

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_show_locals=False,
    help="Raw footage in; a curated portrait-matting data set and a real-time student out.\n\n"
    "`autoroto repro` rebuilds whatever changed and nothing else. `autoroto label` labels files once, without DVC. "
    "`autoroto apply` puts the trained student to its use.",
)
app.add_typer(review_app, name="review", help="Doubtful labels to people in Label Studio, and their decisions back.")
app.add_typer(store_app, name="store", help="Look after the cache of finished work.")
console = Console(stderr=True)


def main() -> None:
    """Entry point of the console command: known errors become one clear message and exit code 1."""
    from pipeline.errors import explained

    try:
        app()
    except KeyboardInterrupt:
        console.print("\nStopped. Finished work is kept: run the same command to go on.")
        sys.exit(130)
    except Exception as error:
        if os.environ.get("AUTOROTO_DEBUG") or not explained(error):
            raise
        console.print(Text.assemble(("error:", "bold red"), " ", plain(str(error))), highlight=False)
        sys.exit(1)


def project_root() -> Path:
    """The project's folder: DVC names it for its stages, otherwise the folder with `params.yaml` above this one.

    Raises:
        FileNotFoundError: there is none.
    """
    if "DVC_ROOT" in os.environ:
        return Path(os.environ["DVC_ROOT"]).resolve()
    here = Path.cwd().resolve()
    for folder in (here, *here.parents):
        if (folder / "params.yaml").exists() and (folder / "dvc.yaml").exists():
            return folder
    raise FileNotFoundError(f"{here} is in no autoroto project: go to the folder that holds params.yaml and dvc.yaml")


@app.command()
def run(
    stage: Annotated[str, typer.Argument(help=f"One of: {', '.join((*FRAME_STAGES, *RESULT_STAGES))}.")],
    runner: Annotated[str, typer.Option(help="`ray` or `local`, instead of pipeline.runner.")] = "",
) -> None:
    """Bring the out of one stage up to date. `dvc repro` calls this for every stage that changed.

    Only units of work that are not in the store are computed; a killed run goes on where it was.
    """
    die_with_dvc()
    from pipeline.dispatch import dispatch
    from pipeline.params import load_params
    from pipeline.progress import stage_progress
    from pipeline.run_log import log_summary

    if stage not in (*FRAME_STAGES, *RESULT_STAGES):
        raise typer.BadParameter(f"no stage {stage!r}; one of {', '.join((*FRAME_STAGES, *RESULT_STAGES))}")
    root = project_root()
    params = load_params(root / "params.yaml")
    if runner:
        params = params.with_runner(runner)
    with stage_progress(stage, console) as progress:
        summary = dispatch(stage, params, root, progress=progress)
    log_summary(summary, root)
    console.print(summary.sentence(), highlight=False)


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def repro(context: typer.Context) -> None:
    """Start a local Ray for all stages, run `dvc repro`, and say where the report is.

    Extra arguments go to `dvc repro` (for example `--force` or a stage's name). With RAY_ADDRESS set, that cluster
    is used and no Ray is started.
    """
    from pipeline.repro import repro as run_repro

    sys.exit(run_repro(project_root(), context.args, console))


@app.command()
def fetch(
    names: Annotated[
        list[str] | None, typer.Argument(help="Assets to fetch; default: those that params.yaml needs.")
    ] = None,
) -> None:
    """Fetch the pinned models and the demo footage of `assets.yaml`: verified, cached, resumable.

    The cache is `~/.cache/autoroto`, or the folder that AUTOROTO_CACHE names.
    """
    die_with_dvc()
    from pipeline.fetch_command import run_fetch

    run_fetch(project_root(), names, console)


@app.command()
def verify() -> None:
    """Read every shard of the store and of the outs, and set aside those whose bytes are not what their digests say.

    What was damaged lies in the store's `quarantine/` afterwards; the next `dvc repro` computes it again.
    """
    from pipeline.verify_command import run_verify

    sys.exit(run_verify(project_root(), console))


@app.command()
def label(
    paths: Annotated[list[Path], typer.Argument(help="Videos, photos or folders of frames.", exists=True)],
    output: Annotated[Path, typer.Option("-o", "--output", help="Folder for alphas, trust maps and labels.parquet.")],
    stills: Annotated[bool, typer.Option(help="Frames of a folder are unrelated photos.")] = False,
    runner: Annotated[str, typer.Option(help="`ray` (all cores) or `local`.")] = "ray",
) -> None:
    """Label any footage once, without DVC: an 8-bit alpha PNG and a trust map for every frame.

    Writes `OUT/<source>/alpha/<frame>.png` and `OUT/<source>/trust/<frame>.png` in the source frame's size, and
    `OUT/labels.parquet` with score, group and flags.
    """
    from pipeline.label import run_label

    run_label(paths, output, root=project_root(), stills=stills, runner=runner, console=console)


@app.command()
def calibrate(
    truth: Annotated[
        Path,
        typer.Option(help="Holds images/ and masks/ with equal stems, or sub-folders that do.", exists=True),
    ],
    names: Annotated[
        list[str] | None,
        typer.Argument(help="What to fit; default: everything. `reliability`, `judge`, `annotations`."),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", help="Folder for the fitted files; default: where those that ship lie."),
    ] = None,
) -> None:
    """Fit what labels depend on anew, on frames whose truth you know, for example your own reviewed labels.

    Sub-folders of DIR are collections, which count alike. In a folder of photos every photo is a source of its own;
    any other folder is one sequence. Votes are kept in `.autoroto/calibrate`, so a second fit of the
    expertise costs minutes. For the judge every frame is labelled many times over, with errors put in: an hour.
    """
    from pipeline.calibrate import run_calibrate

    run_calibrate(project_root(), truth, output=output, names=names or [], console=console)


@app.command()
def audit() -> None:
    """Turn what people said of a random sample of the labels into silver's threshold and the groups' weights.

    `curate.audit` draws the sample (at most 5 % of the frames). The drawn labels that nobody has decided on are listed
    for review: until they have a verdict they count as bad. The table is `data/reviews/audit.json`; commit it with the
    decisions. The next `autoroto repro` curates by it.
    """
    from pipeline.audit_command import run_audit

    run_audit(project_root(), console)


@app.command(name="audit-clips")
def audit_clips(
    share: Annotated[float, typer.Option(min=0.0, max=1.0, help="Share of the clips that are made again.")] = 1.0,
) -> None:
    """Look for what must not be in backgrounds and composited clips; exit code 1 where anything is found.

    **person**: detectors and teachers look at every background once more. **split**: no subject, source or background
    is in two splits. **regenerate**: every clip is made again from its recipe, and must have the same bytes. **seam**:
    the edge of pasted people is measured beside that of real ones. What to do stands beside every finding.

    `autoroto audit-clips --share 0.1` makes one clip in ten again, the same ones every time.
    """
    from pipeline.clip_audit_command import run_clip_audit

    sys.exit(run_clip_audit(project_root(), console, share=share))


@app.command()
def apply(
    source: Annotated[Path, typer.Argument(help="The video or photo to work on.", metavar="VIDEO_OR_PHOTO")],
    output: Annotated[
        Path, typer.Option("-o", "--out", "--output", help="What to write: .mp4, .mov, .mkv; of a photo .png, .jpg.")
    ],
    background: Annotated[
        str, typer.Option(help="`blur`, `blur:STRENGTH` (1-100), a colour `#rrggbb`, or a picture's or a video's path.")
    ] = "blur",
    student: Annotated[
        Path | None, typer.Option(help="A student.onnx, or a folder of several; default: data/export.")
    ] = None,
    tier: Annotated[
        str, typer.Option(help="Which of several students: a name, or `auto`: the best that is quick enough here.")
    ] = "auto",
    upsample: Annotated[
        str, typer.Option(help="To the frame's size: `linear`, or `guided` by the picture. Default: params.yaml.")
    ] = "",
    skip: Annotated[
        bool | None, typer.Option(help="Keep the alpha where nothing on its edge has changed. Default: params.yaml.")
    ] = None,
) -> None:
    """Replace the background of a video or a photo with the trained student.

    `autoroto apply talk.mp4 --out talk-blurred.mp4` blurs what is behind the person.

    `autoroto apply talk.mp4 --out talk-sea.mp4 --background sea.mp4` puts a video there; it runs along, over and over.

    `autoroto apply me.jpg --out me.png --background "#00b140"` makes a green screen.

    The sound is not kept. What else can be turned is under `apply` in params.yaml; docs/student.md explains it.
    """
    from pipeline.apply_command import run_apply

    if upsample not in ("", "linear", "guided"):
        raise typer.BadParameter(f"no upsampling {upsample!r}; `linear` or `guided`", param_hint="--upsample")
    changed = {"upsample": upsample or None, "skip": skip}
    run_apply(
        source, output, background=background, student=student, tier=tier, root=project_root(), console=console,
        changed={name: value for name, value in changed.items() if value is not None},
    )  # fmt: skip


@app.command()
def export(
    form: Annotated[str, typer.Option("--format", help="`coco`, `parquet` or `folders`.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="The folder to make; it must not be there yet.")],
    allow: Annotated[
        list[str] | None, typer.Option(help="A licence (SPDX) that may go out. Repeat it for each; nothing is assumed.")
    ] = None,
    split: Annotated[list[str] | None, typer.Option(help="`train`, `val` or `test`; default: all.")] = None,
    leave_out: Annotated[
        bool, typer.Option("--leave-out", help="Leave out what is not allowed, instead of refusing.")
    ] = False,
) -> None:
    """Write the curated data set for other tools. (The student as ONNX is a stage: `autoroto run export`.)

    **coco** has RLE masks for pycocotools, **parquet** the layout that Hugging Face's loader reads, **folders** images,
    alphas and trust maps as files. Split, group, weights, subject and licences go with every frame. A frame with a
    licence that is not allowed is refused by name: call it without `--allow` to see what there is.

    `autoroto export --format coco -o exported --allow MIT --allow CC-BY-4.0`
    """
    from pipeline.export_command import run_export

    run_export(
        project_root(), form, output, allowed=allow or [], splits=split or [], leave_out=leave_out, console=console
    )


@app.command()
def times() -> None:
    """Where the time went: stage, seconds, frames, frames/s, seconds inside models, from the last runs."""
    from pipeline.run_log import last_runs
    from pipeline.times import times_table

    Console().print(times_table(last_runs(project_root())))
