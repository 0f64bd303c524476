"""The report: one self-contained HTML page of what went in, what came out, which labels are doubtful, how good it is.

No server, no external request, no time of day: equal inputs give equal bytes. What has not run yet is said in words.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from datasets.schema import ERROR_TYPES, GROUPS, SPLITS
from datasets.store import write_atomically
from qa.charts import Bar, Slot, bar_chart, line_chart, share_bar, strip, swatch
from qa.report_data import (
    LEFT_OUT,
    UNGROUPED,
    ClipSummary,
    FrameInfo,
    SourceInfo,
    clip_summaries,
    read_frames,
    read_sources,
)
from qa.report_gallery import Tile, choose, read_samples, tiles
from qa.report_groups import audit_sentence, group_weights, scenario_rows
from qa.report_queue import review_rows
from qa.report_run import read_curves, read_json, read_times, stage_counts
from qa.report_scores import BASELINE, STUDENT, metric_table, miss_bars, score, time_bars

TEMPLATES = Path(__file__).parent / "templates"
TILES, DETAILED_TILES, SAMPLES, CLIPS, PROBLEMS = 180, 30, 16, 60, 200
"""How many labels, labels with every vote, test samples, clips and failed units the page shows at most."""
PICTURE_BYTES = 9_000_000
"""What the gallery may take of the page's 15 MB."""

ALL_GROUPS = (*GROUPS, LEFT_OUT, UNGROUPED)

ERROR_HELP = {
    "missed_region": "a part of the person is not in the label",
    "over_segmentation": "background is in the label",
    "wrong_object": "the label is on something else than the person",
    "jagged_edge": "the outline does not follow the picture's edges",
    "lag": "the label is that of a neighbouring frame",
    "flicker": "the label changes where the picture does not",
}


@dataclass(frozen=True, kw_only=True)
class ReportInputs:
    """Files that the report reads. All are optional: a missing one becomes a sentence in the page.

    Attributes:
        manifests: stage name to its manifest, in the order of the pipeline.
        frames, labels, quality, curated: shards of `ingest`, `fuse`, `score`, `curate`. votes: teacher to its shards.
        metrics, samples: what `evaluate` wrote. history: what `train` wrote, CSV. parity: what `export` wrote, JSON.
        run_log: JSON lines of wall times. params: the parameters of the run.
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
    run_log: Path | None = None
    parity: Path | None = None
    params: Mapping[str, Any] = field(default_factory=dict)


def write_report(*, inputs: ReportInputs, out: Path) -> None:
    """Write the page of `inputs` to `out`, replacing it in one step.

    Raises:
        ShardError, ValueError: an input is not what it should be; the message names the file and the cure.
    """
    write_atomically(out, render(inputs).encode("utf-8"))


def render(inputs: ReportInputs) -> str:
    """The page as text."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(words=words, duration=duration, megabytes=megabytes, percent=percent)
    environment.globals.update(
        share_bar=share_bar, swatch=swatch, bar_chart=bar_chart, clip_strip=clip_strip, isfinite=math.isfinite
    )
    context = {**_static(), **_pipeline(inputs), **_labels(inputs), **_student(inputs)}
    context["params"] = sorted(flattened(inputs.params))
    return environment.get_template("report.html.j2").render(context)


def _static() -> dict[str, Any]:
    """The page's fixed words."""
    return {
        "groups": ALL_GROUPS,
        "splits": SPLITS,
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


def _labels(inputs: ReportInputs) -> dict[str, Any]:
    """Footage, groups, clips and the gallery."""
    sources = read_sources(inputs.frames)
    frames = read_frames(inputs.frames, inputs.quality, inputs.curated)
    clips = [clip for clip in clip_summaries(frames) if len(clip.frames) > 1]
    chosen = choose(frames, TILES)
    gallery = tiles(
        chosen,
        frames=inputs.frames,
        labels=inputs.labels,
        curated=inputs.curated,
        votes=inputs.votes,
        detailed=DETAILED_TILES,
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
        "tile_data": [_tile_data(tile) for tile in gallery],
        "tile_errors": sorted({tile.frame.error for tile in gallery if tile.frame.error}),
        "tile_scenarios": sorted({scenario for tile in gallery for scenario in tile.frame.scenarios}),
        "tile_sources": sorted({tile.frame.path for tile in gallery}),
    }


def _weights(inputs: ReportInputs) -> dict[str, Any]:
    """The groups' weights; they lie beside the manifest of `curate`."""
    rows = group_weights(inputs.manifests["curate"].parent) if "curate" in inputs.manifests else []
    return {"weight_rows": rows, "audit": audit_sentence(inputs.manifests["curate"].parent) if rows else ""}


def _student(inputs: ReportInputs) -> dict[str, Any]:
    """Scores, curves, samples and the export."""
    metrics = read_json(inputs.metrics) if inputs.metrics and inputs.metrics.exists() else {}
    parity = read_json(inputs.parity) if inputs.parity and inputs.parity.exists() else {}
    curves = read_curves(inputs.history) if inputs.history and inputs.history.exists() else []
    keyed, test, milliseconds = (metrics.get(key) or {} for key in ("keyed", "test", "milliseconds"))
    sets = [("Keyed test clip", keyed), ("Test split", test)]
    return {
        "score_sets": [(name, metric_table(scores), miss_bars(scores)) for name, scores in sets if scores],
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


def clip_strip(clip: ClipSummary) -> Markup:
    """Quality over the frames of a clip."""
    bursts = [frame.burst for frame in clip.frames]
    slots = [
        Slot(frame.quality, flagged=frame.flagged, starts_burst=index == 0 or bursts[index - 1] != frame.burst)
        for index, frame in enumerate(clip.frames)
    ]
    name = f"Quality of {clip.path} clip {clip.clip} over time: mean {clip.mean:.2f}, {clip.flagged} frames flagged"
    return strip(slots, name=name)


def _tile_data(tile: Tile) -> dict[str, Any]:
    """What the lightbox shows of a tile besides its picture."""
    frame = tile.frame
    facts = [
        ("Source", frame.path),
        ("Time", f"{frame.seconds:.2f} s, clip {frame.clip}, burst {frame.burst}"),
        ("Group", words(frame.group)),
        ("Quality", f"{frame.quality:.3f}"),
        ("Likely error", f"{words(frame.error)}: {ERROR_HELP.get(frame.error, '')}" if frame.error else "none named"),
        ("Label from", frame.label_source or "fused"),
        ("Split", frame.split or "none"),
        ("Scenarios", ", ".join(map(words, frame.scenarios)) or "none"),
    ]
    return {
        "facts": facts,
        "signals": [(words(name), f"{value:.3g}") for name, value in frame.signals],
        "views": [(view.name, view.uri) for view in tile.views],
    }


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
