"""Charts as SVG text: pure functions from numbers to markup, styled by the page's own CSS, readable without colour.

Series differ in dash pattern as well as in colour, bars carry their number, marks in a strip carry a tick below.
Every chart has an accessible name; every text is escaped. Sizes are in SVG user units, the page scales them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

SERIES_STYLES = 6
"""How many series the page's CSS tells apart by colour and dash."""


@dataclass(frozen=True)
class Series:
    """One line: `points` are `(x, y)` in rising x; not-a-number breaks the line."""

    name: str
    points: Sequence[tuple[float, float]]


@dataclass(frozen=True)
class Bar:
    """One horizontal bar: its label, its value, the text printed at its end, and whether it is the one to look at."""

    label: str
    value: float
    text: str
    emphasis: bool = False


@dataclass(frozen=True)
class Slot:
    """One frame in a strip: its value 0-1, whether it is flagged, and whether a burst begins with it."""

    value: float
    flagged: bool = False
    starts_burst: bool = False


def line_chart(series: Sequence[Series], *, name: str, x_label: str, width: int = 400, height: int = 220) -> Markup:
    """Lines over a common x, with ticks at round numbers. Empty markup without a finite point."""
    finite = [(x, y) for line in series for x, y in line.points if math.isfinite(y)]
    if not finite:
        return Markup("")
    left, right, top, bottom = 46, 10, 10, 38
    xs, ys = [x for x, _ in finite], [y for _, y in finite]
    x_ticks, y_ticks = round_ticks(min(xs), max(xs), 5), round_ticks(min(ys), max(ys), 4)
    x_low, x_high = min(xs), max(*xs, min(xs) + 1e-9)
    y_low, y_high = min(y_ticks[0], *ys), max(y_ticks[-1], *ys)

    def x_at(x: float) -> float:
        return left + (x - x_low) / (x_high - x_low) * (width - left - right)

    def y_at(y: float) -> float:
        return height - bottom - (y - y_low) / ((y_high - y_low) or 1) * (height - top - bottom)

    parts = []
    for y in y_ticks:
        parts.append(f'<line class="grid" x1="{left}" x2="{width - right}" y1="{y_at(y):.1f}" y2="{y_at(y):.1f}"/>')
        parts.append(f'<text class="tick" x="{left - 6}" y="{y_at(y) + 4:.1f}" text-anchor="end">{short(y)}</text>')
    for x in x_ticks:
        if x_low <= x <= x_high:
            at = height - bottom + 16
            parts.append(f'<text class="tick" x="{x_at(x):.1f}" y="{at}" text-anchor="middle">{short(x)}</text>')
    middle = (left + width - right) / 2
    parts.append(f'<text class="axis" x="{middle:.1f}" y="{height - 4}" text-anchor="middle">{escape(x_label)}</text>')
    for index, line in enumerate(series):
        style = index % SERIES_STYLES
        path = _path([(x_at(x), y_at(y)) for x, y in line.points])
        parts.append(f'<path class="line s{style}" d="{path}"/>')
        ends = [(x, y) for x, y in line.points if math.isfinite(y)][-1:]
        parts += [f'<circle class="dot s{style}" cx="{x_at(x):.1f}" cy="{y_at(y):.1f}" r="3"/>' for x, y in ends]
    return _svg("chart line-chart", width, height, name, parts)


def swatch(index: int) -> Markup:
    """The legend's sample of the line with this index, in the colour and dash of `line_chart`."""
    style = index % SERIES_STYLES
    return Markup(  # noqa: S704 - a number and fixed text
        '<svg class="swatch" viewBox="0 0 28 8" width="28" height="8" aria-hidden="true">'
        f'<path class="line s{style}" d="M1 4H27"/></svg>'
    )


def bar_chart(bars: Sequence[Bar], *, name: str, width: int = 400, label_width: int = 140) -> Markup:
    """Horizontal bars from zero, one a row, label before and number behind. Empty markup without bars."""
    if not bars:
        return Markup("")
    row, text_width = 26, 52
    largest = max((bar.value for bar in bars if math.isfinite(bar.value)), default=0.0) or 1.0
    parts = []
    for index, bar in enumerate(bars):
        y = index * row
        value = bar.value if math.isfinite(bar.value) else 0.0
        length = max(value / largest * (width - label_width - text_width), 1.0)
        strong = " strong" if bar.emphasis else ""
        parts.append(
            f'<text class="label{strong}" x="{label_width - 8}" y="{y + 17}" text-anchor="end">'
            f"<title>{escape(bar.label)}</title>{escape(_clipped(bar.label, label_width // 7))}</text>"
            f'<rect class="bar{strong}" x="{label_width}" y="{y + 5}" width="{length:.1f}" height="{row - 10}" rx="2"/>'
            f'<text class="value{strong}" x="{label_width + length + 6:.1f}" y="{y + 17}">{escape(bar.text)}</text>'
        )
    return _svg("chart bar-chart", width, row * len(bars), name, parts)


def strip(slots: Sequence[Slot], *, name: str, height: int = 40) -> Markup:
    """One thin bar a frame in the order of time, a gap between bursts; flagged frames are marked by a tick below.

    The picture may be stretched sideways by the page, so it holds no text. Empty markup without frames.
    """
    if not slots:
        return Markup("")
    lane, floor, step = 7, height - 8, 3
    good: list[str] = []
    bad: list[str] = []
    ticks: list[str] = []
    x = 1.5
    for index, slot in enumerate(slots):
        x += step + (step if slot.starts_burst and index else 0)
        top = floor - max(0.0, min(1.0, slot.value)) * (floor - 1)
        (bad if slot.flagged else good).append(f"M{x:g} {floor}V{top:.1f}")
        if slot.flagged:
            ticks.append(f"M{x:g} {floor + 2}v{lane - 1}")
    width = x + 1.5
    parts = [f'<path class="base" d="M0 {floor}H{width:g}"/>']
    marks = (("good", good), ("bad", bad), ("flag", ticks))
    parts += [f'<path class="{kind}" d="{"".join(path)}"/>' for kind, path in marks if path]
    return _svg("strip", round(width), height, name, parts, stretch=True)


def share_bar(parts: Sequence[tuple[str, int]], *, name: str) -> Markup:
    """One bar cut into named shares of a whole, each `(class suffix, count)`. Empty markup when nothing is counted.

    Boxes rather than SVG: the page tells the shares apart by a pattern, which must not be stretched with the bar.
    """
    total = sum(count for _, count in parts)
    if not total:
        return Markup("")
    drawn = "".join(
        f'<span class="share share-{escape(kind)}" style="flex-grow:{count}"></span>' for kind, count in parts if count
    )
    return Markup(f'<span class="share-bar" role="img" aria-label="{escape(name)}">{drawn}</span>')  # noqa: S704


def round_ticks(low: float, high: float, count: int) -> list[float]:
    """About `count` ticks, multiples of 1, 2, 2.5 or 5 times a power of ten, that enclose `low` to `high`."""
    span = high - low
    if span <= 0:
        span = abs(high) or 1.0
    raw = span / max(count, 1)
    scale = 10.0 ** math.floor(math.log10(raw))
    step = next(m * scale for m in (1, 2, 2.5, 5, 10) if m * scale >= raw * (1 - 1e-9))
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(index * step, 12) for index in range(first, max(last, first + 1) + 1)]


def short(value: float) -> str:
    """A number for a tick: four digits at most, thousands marked."""
    return f"{value:.4g}" if abs(value) < 1000 else f"{value:,.0f}"


def _path(points: Sequence[tuple[float, float]]) -> str:
    drawn, pen = [], "M"
    for x, y in points:
        if not math.isfinite(y):
            pen = "M"
            continue
        drawn.append(f"{pen}{x:.1f} {y:.1f}")
        pen = "L"
    return "".join(drawn)


def _clipped(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 1] + "…"


def _svg(kind: str, width: int, height: int, name: str, parts: Sequence[str], *, stretch: bool = False) -> Markup:
    aspect = ' preserveAspectRatio="none"' if stretch else ""
    return Markup(  # noqa: S704 - every text in `parts` was escaped where it was written
        f'<svg class="{kind}" viewBox="0 0 {width} {height}" role="img" aria-label="{escape(name)}"{aspect}>'
        + "".join(parts)
        + "</svg>"
    )
