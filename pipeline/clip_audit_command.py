"""`autoroto audit-clips`: what must not be in backgrounds and composited clips."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from rich.console import Console
from rich.table import Table

from datasets.images import decode_grey, decode_rgb
from datasets.schema import BackgroundRow, ClipRow, CuratedRow, Row
from datasets.shards import read_rows
from pipeline.params import Params, load_params
from pipeline.progress import stage_progress
from pipeline.shards import Shard, Shards, shards_of
from pipeline.terminal import plain
from qa.background_audit import Watch, person_in
from qa.clip_audit import Finding, FrameKey, background_of, in_two_splits, regenerated, uses
from qa.seams import SeamComparison, compare, real_steepness, seam_findings, steepness

SHOWN = 50
"""Findings that are listed; the rest is counted."""
REAL_FRAMES = 400
"""Real frames that composites are compared with, at most."""
_KEY = ["source", "time_us"]
_NAMES = ["source", "subject", "split", "path"]
"""Columns that say who is where: the audit of splits reads no pixels."""

Progress = Callable[[int, int, str], None]


def run_clip_audit(root: Path, console: Console, *, share: float = 1.0) -> int:
    """Audit the project in `root` and print what was found; the exit code, 1 where there are findings.

    Raises:
        FileNotFoundError: an earlier stage has not run, or a model is missing.
    """
    params = load_params(root / "params.yaml")
    curated, plates, clips = (shards_of(stage, root) for stage in ("curate", "plate", "synthesize"))
    with stage_progress("backgrounds", console) as progress:
        findings = audit_backgrounds(plates, params, root, progress)
    with stage_progress("splits", console) as progress:
        findings += audit_splits(curated, plates, clips, progress)
    with stage_progress("clips", console) as progress:
        again, comparison = audit_clips(curated, plates, clips, params, progress, share=share)
    findings += again
    console.print(_report(findings, comparison, clips), highlight=False)
    if not findings:
        return 0
    table = Table("audit", "where", "what")
    for finding in sorted(findings)[:SHOWN]:
        table.add_row(finding.audit, plain(finding.where), plain(finding.what))
    console.print(table)
    if len(findings) > SHOWN:
        console.print(f"and {len(findings) - SHOWN} more", highlight=False)
    return 1


def audit_backgrounds(plates: Shards, params: Params, root: Path, progress: Progress) -> list[Finding]:
    """Every background, looked at by detectors and teachers."""
    watch = Watch.open(params.detect, params.vote.teachers, root, faint=params.vote.min_box_score)
    found = []
    total = sum(shard.rows for shard in plates)
    for done, row in enumerate(row for shard in plates for row in read_rows(shard.path, BackgroundRow)):
        progress(done, total, row.path)
        finding = person_in(row, watch)
        if finding:
            found.append(finding)
    return found


def audit_splits(curated: Shards, plates: Shards, clips: Shards, progress: Progress) -> list[Finding]:
    """Every row of frames, backgrounds and clips; their pixels are not read."""
    kinds: list[tuple[Shard, type[Row], list[str]]] = [(shard, CuratedRow, _NAMES) for shard in curated]
    kinds += [(shard, BackgroundRow, _NAMES) for shard in plates]
    kinds += [(shard, ClipRow, [*_NAMES, "background", "background_path", "recipe"]) for shard in clips]

    def seen() -> Iterator[CuratedRow | BackgroundRow | ClipRow]:
        for done, (shard, row_type, columns) in enumerate(kinds):
            progress(done, len(kinds), shard.label)
            yield from read_rows(shard.path, row_type, columns=columns)  # type: ignore[misc]

    return in_two_splits(uses(seen()))


def audit_clips(
    curated: Shards, plates: Shards, clips: Shards, params: Params, progress: Progress, *, share: float
) -> tuple[list[Finding], SeamComparison]:
    """Make clips again, and measure the outlines of all of them."""
    people_of, total, done = clips.of_same_source(curated), sum(shard.rows for shard in clips), 0
    every = max(1, sum(shard.rows for shard in curated) // REAL_FRAMES)
    where = {row.frame_key: shard for shard in plates for row in read_rows(shard.path, BackgroundRow, columns=_KEY)}
    found: list[Finding] = []
    edges: dict[str, float] = {}
    real: list[float | None] = []
    for index, shard in enumerate(clips):
        people = {row.frame_key: row for part in people_of(index) for row in read_rows(part.path, CuratedRow)}
        backgrounds = _backgrounds(shard, where)
        real += [real_steepness(row, params.synthesize.height) for row in list(people.values())[::every]]
        for row in read_rows(shard.path, ClipRow):
            progress(done, total, row.path)
            done += 1
            finding = regenerated(row, people, backgrounds, params.synthesize) if _drawn(row, share) else None
            if finding:
                found.append(finding)
            edge = steepness(decode_rgb(row.images[0]), decode_grey(row.alphas[0]))
            if edge is not None:
                edges[f"{row.path} at {row.time_us} us, seed {row.seed}"] = edge
    comparison = compare([edge for edge in real if edge is not None], list(edges.values()))
    return found + seam_findings(edges, comparison), comparison


def _backgrounds(clips: Shard, where: Mapping[FrameKey, Shard]) -> dict[FrameKey, BackgroundRow]:
    """The backgrounds that the clips of one shard name, and no others: all of them would not fit into memory."""
    recipes = [row.recipe for row in read_rows(clips.path, ClipRow, columns=["recipe"])]
    wanted = {key for recipe in recipes for key in background_of(recipe) if key in where}
    shards = {where[key].name: where[key] for key in sorted(wanted)}
    return {
        row.frame_key: row
        for shard in shards.values()
        for row in read_rows(shard.path, BackgroundRow)
        if row.frame_key in wanted
    }


def _drawn(row: ClipRow, share: float) -> bool:
    digest = hashlib.sha256(f"{row.source}/{row.time_us}/{row.seed}".encode()).digest()
    return int.from_bytes(digest[:8], "big") < share * 2**64


def _report(findings: list[Finding], comparison: SeamComparison, clips: Shards) -> str:
    kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(Counter(f.audit for f in findings).items()))
    return (
        f"{sum(shard.rows for shard in clips)} clips: {kinds or 'nothing found'}. Steepness of outlines "
        f"{comparison.composite_mean:.2f}, of {comparison.real} real frames {comparison.real_mean:.2f} "
        f"(effect {comparison.effect:+.2f}, distance of the distributions {comparison.distance:.2f})"
    )
