"""The report: one self-contained HTML page of what went in, what came out, which labels are doubtful, how good it is.

No server, no external request, no time of day: equal inputs give equal bytes. What has not run yet is said in words.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from datasets.schema import ERROR_TYPES, GROUPS, SPLITS
from datasets.store import write_atomically
from qa.charts import Bar, bar_chart, line_chart, share_bar, swatch
from qa.report_changes import Changes, changes, figures
from qa.report_data import (
    LEFT_OUT,
    UNGROUPED,
    FrameInfo,
    SourceInfo,
    clip_summaries,
    read_frames,
    read_sources,
)
from qa.report_disagreement import clip_heats, pair_table, scenario_table
from qa.report_findings import prior_sentences, retraining_rows
from qa.report_gallery import choose, read_samples, tiles
from qa.report_groups import audit_sentence, group_weights, scenario_rows
from qa.report_intervals import METHODS, scenario_scores, sure_table
from qa.report_items import ERROR_HELP, FULL_FLICKER, clip_strip, flicker_strip, tile_data
from qa.report_memory import Snapshot, label_states, remember, run_before
from qa.report_player import read_player
from qa.report_queue import review_rows
from qa.report_run import read_curves, read_json, read_times, stage_counts
from qa.report_scores import BASELINE, STUDENT, method_name, metric_table, miss_bars, score, time_bars
from qa.report_words import duration, flattened, megabytes, percent, words

TEMPLATES = Path(__file__).parent / "templates"
TILES, SAMPLES, CLIPS, PROBLEMS = 160, 16, 60, 200
"""How many labels, test samples, clips and failed units the page shows at most."""
PICTURE_BYTES, PLAYER_BYTES = 8_500_000, 3_500_000
"""What gallery and player may take of the page's 15 MB."""

ALL_GROUPS = (*GROUPS, LEFT_OUT, UNGROUPED)


@dataclass(frozen=True, kw_only=True)
class ReportInputs:
    """Files that the report reads. All are optional: a missing one becomes a sentence in the page.

    Attributes:
        manifests: stage name to its manifest, in the order of the pipeline.
        frames, labels, quality, curated: shards of `ingest`, `fuse`, `score`, `curate`. votes: teacher to its shards.
        metrics, samples, keyed_clip: what `evaluate` wrote. history: what `train` wrote, CSV.
        parity: what `export` wrote, JSON.
        run_log: JSON lines of wall times. params: the parameters of the run.
        memory: folder in which `write_report` keeps what the next run is compared with.
    """

    manifests: Mapping[str, Path] = field(default_factory=dict)
    frames: Sequence[Path] = ()
    labels: Sequence[Path] = ()
    quality: Sequence[Path] = ()
    curated: Sequence[Path] = ()
    votes: Mapping[str, Sequence[Path]] = field(default_factory=dict)
    metrics: Path | None = None
    history: Path | None = None
    samples: Path | None = None
    keyed_clip: Path | None = None
    run_log: Path | None = None
    parity: Path | None = None
    params: Mapping[str, Any] = field(default_factory=dict)
    memory: Path | None = None


def write_report(*, inputs: ReportInputs, out: Path) -> None:
    """Write the page of `inputs` to `out`, replacing it in one step.

    Raises:
        ShardError, ValueError: an input is not what it should be; the message names the file and the cure.
    """
    page, now = _page(inputs)
    write_atomically(out, page.encode("utf-8"))
    if inputs.memory is not None and (now.labels or now.figures):
        remember(inputs.memory, now)


def render(inputs: ReportInputs) -> str:
    """The page as text."""
    return _page(inputs)[0]


def _page(inputs: ReportInputs) -> tuple[str, Snapshot]:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        words=words, duration=duration, megabytes=megabytes, percent=percent, method_name=method_name
    )
    environment.globals.update(
        share_bar=share_bar,
        swatch=swatch,
        bar_chart=bar_chart,
        clip_strip=clip_strip,
        flicker_strip=flicker_strip,
        isfinite=math.isfinite,
    )
    metrics = _json(inputs.metrics)
    frames = read_frames(inputs.frames, inputs.quality, inputs.curated)
    now = Snapshot(figures(frames, metrics), dict(flattened(inputs.params)), label_states(frames))
    context = {**_static(), **_pipeline(inputs), **_labels(inputs, frames), **_student(inputs, metrics)}
    context |= {"params": sorted(now.params.items()), "changes": _changes(inputs, now)}
    return environment.get_template("report.html.j2").render(context), now


def _changes(inputs: ReportInputs, now: Snapshot) -> Changes | None:
    before = run_before(inputs.memory, now) if inputs.memory is not None else None
    return changes(before, now) if before is not None else None


def _json(path: Path | None) -> Mapping[str, Any]:
    return read_json(path) if path is not None and path.exists() else {}


def _static() -> dict[str, Any]:
    """The page's fixed words."""
    return {
        "groups": ALL_GROUPS,
        "splits": SPLITS,
        "full_flicker": FULL_FLICKER,
        "error_help": {error: ERROR_HELP[error] for error in ERROR_TYPES},
    }


def _pipeline(inputs: ReportInputs) -> dict[str, Any]:
    """Conservation and times."""
    counts = stage_counts(inputs.manifests)
    problems = [(stage, problem) for stage in counts for problem in stage.problems]
    times = read_times(inputs.run_log) if inputs.run_log and inputs.run_log.exists() else []
    return {
        "counts": counts,
        "missing_stages": [stage for stage, path in inputs.manifests.items() if not path.exists()],
        "problems": problems[:PROBLEMS],
        "further_problems": max(0, len(problems) - PROBLEMS),
        "times": times,
        "total_seconds": math.fsum(time.seconds for time in times),
        "total_model_seconds": math.fsum(time.model_wall for time in times),
        "longest": max((time.seconds for time in times), default=0.0),
    }


def _labels(inputs: ReportInputs, frames: list[FrameInfo]) -> dict[str, Any]:
    """Footage, groups, clips and the gallery."""
    sources = read_sources(inputs.frames)
    clips = [clip for clip in clip_summaries(frames) if len(clip.frames) > 1]
    chosen = choose(frames, TILES)
    gallery = tiles(
        chosen,
        frames=inputs.frames,
        labels=inputs.labels,
        curated=inputs.curated,
        votes=inputs.votes,
        budget=PICTURE_BYTES,
    )
    errors = Counter(frame.error for frame in frames if frame.error)
    scenarios = Counter(scenario for frame in frames for scenario in frame.scenarios)
    return {
        "sources": sources,
        "footage": [source for source in sources if source.role != "background"],
        "seconds": math.fsum(source.seconds for source in sources),
        "frames": frames,
        "group_counts": [(group, count) for group, count in _groups(frames) if count],
        "split_rows": [_split(split, frames) for split in SPLITS],
        "licence_rows": _licences(sources, frames),
        "error_bars": _bars(errors),
        "scenario_rows": scenario_rows(frames),
        "scenario_bars": _bars(scenarios),
        **_weights(inputs),
        "clips": clips[:CLIPS],
        "clip_total": len(clips),
        "single_frames": len(frames) - sum(len(clip.frames) for clip in clips),
        "review_rows": review_rows(frames),
        "tiles": gallery,
        "detailed": sum(bool(tile.views) for tile in gallery),
        "clip_heats": clip_heats(gallery),
        "pair_table": pair_table(gallery),
        "scenario_table": scenario_table(gallery),
        "tile_data": [tile_data(tile) for tile in gallery],
        "tile_errors": sorted({tile.frame.error for tile in gallery if tile.frame.error}),
        "tile_scenarios": sorted({scenario for tile in gallery for scenario in tile.frame.scenarios}),
        "tile_sources": sorted({tile.frame.path for tile in gallery}),
    }


def _weights(inputs: ReportInputs) -> dict[str, Any]:
    """The groups' weights; they lie beside the manifest of `curate`."""
    rows = group_weights(inputs.manifests["curate"].parent) if "curate" in inputs.manifests else []
    return {"weight_rows": rows, "audit": audit_sentence(inputs.manifests["curate"].parent) if rows else ""}


def _student(inputs: ReportInputs, metrics: Mapping[str, Any]) -> dict[str, Any]:
    """Scores, curves, samples, the player and the export."""
    parity = _json(inputs.parity)
    clip = inputs.keyed_clip
    player = read_player(clip, PLAYER_BYTES) if clip is not None and clip.exists() else None
    curves = read_curves(inputs.history) if inputs.history and inputs.history.exists() else []
    keyed, test, milliseconds = (metrics.get(key) or {} for key in ("keyed", "test", "milliseconds"))
    sets = [("Keyed test clip", keyed), ("Test split", test)]
    intervals, scenarios = (metrics.get(key) or {} for key in ("intervals", "scenarios"))
    lines = player.curves() if player else []
    return {
        "player": player,
        "player_lines": lines,
        "player_chart": line_chart(lines, name="IoU along the keyed test clip", x_label="frame", width=800),
        "score_sets": [(name, metric_table(scores), miss_bars(scores)) for name, scores in sets if scores],
        "confidence": [
            (name, sure_table(intervals.get(key) or {}), scenario_scores(scenarios.get(key) or {}))
            for key, name in (("keyed", "Keyed test clip"), ("test", "Test split"))
        ],
        "confidence_methods": METHODS,
        "prior_sentences": prior_sentences(metrics),
        "retraining": retraining_rows(metrics),
        "student_iou": score(keyed, STUDENT, "iou"),
        "baseline_iou": score(keyed, BASELINE, "iou"),
        "student_ms": score({"ms": milliseconds}, "ms", STUDENT),
        "baseline_ms": score({"ms": milliseconds}, "ms", BASELINE),
        "time_bars": time_bars(milliseconds),
        "parity": sorted(flattened(parity)),
        "curves": [
            (quantity, series, line_chart(series, name=f"{quantity} over training", x_label=x_name))
            for quantity, x_name, series in curves
        ],
        "samples": read_samples(inputs.samples, SAMPLES) if inputs.samples and inputs.samples.exists() else [],
    }


def _split(split: str, frames: Sequence[FrameInfo]) -> dict[str, Any]:
    chosen = [frame for frame in frames if frame.split == split]
    return {
        "split": split,
        "frames": len(chosen),
        "sources": len({frame.key[0] for frame in chosen}),
        "subjects": len({frame.subject for frame in chosen}),
        "groups": _groups(chosen),
    }


def _groups(frames: Sequence[FrameInfo]) -> list[tuple[str, int]]:
    """Frames by group, in the order of `ALL_GROUPS`."""
    counts = Counter(frame.group for frame in frames)
    return [(group, counts[group]) for group in ALL_GROUPS]


def _licences(sources: Sequence[SourceInfo], frames: Sequence[FrameInfo]) -> list[tuple[str, int, int]]:
    """`(licence, sources, curated frames)` by name."""
    by_source = Counter(licence for source in sources for licence in source.licences)
    by_frame = Counter(licence for frame in frames if frame.split for licence in frame.licences)
    return [(licence, by_source[licence], by_frame[licence]) for licence in sorted({*by_source, *by_frame})]


def _bars(counts: Counter[str]) -> list[Bar]:
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return [Bar(words(name), count, f"{count:,}") for name, count in ranked]
