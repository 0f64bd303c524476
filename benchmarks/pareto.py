"""Which students are worth having: quality against milliseconds, the Pareto front, and a plot of both."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import escape

from qa.charts import round_ticks, short

WIDTH, HEIGHT = 640, 400
LEFT, RIGHT, TOP, BOTTOM = 64, 120, 20, 48


@dataclass(frozen=True)
class Point:
    """One student: milliseconds a frame, quality (more is better), and how large it is."""

    name: str
    milliseconds: float
    quality: float
    parameters: int


def pareto_front(points: Sequence[Point]) -> list[Point]:
    """Those that no other beats in both, quickest first: of equal ones the first named."""
    front: list[Point] = []
    for point in sorted(points, key=lambda point: (point.milliseconds, -point.quality, point.name)):
        if not front or point.quality > front[-1].quality:
            front.append(point)
    return front


def pareto_svg(points: Sequence[Point], *, quality: str) -> str:
    """An SVG picture of its own: the front as a line, disks by size, hollow where another student is better in both."""
    if not points:
        raise ValueError("no students to draw")
    front = pareto_front(points)
    x_ticks = round_ticks(0.0, max(point.milliseconds for point in points), 6)
    qualities = [point.quality for point in points]
    y_ticks = round_ticks(min(qualities), max(qualities), 5)
    largest = max(point.parameters for point in points)

    def at(point: Point) -> tuple[float, float]:
        x = LEFT + point.milliseconds / x_ticks[-1] * (WIDTH - LEFT - RIGHT)
        y = HEIGHT - BOTTOM - (point.quality - y_ticks[0]) / (y_ticks[-1] - y_ticks[0]) * (HEIGHT - TOP - BOTTOM)
        return x, y

    parts = [f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>']
    for tick in y_ticks:
        y = at(Point("", 0.0, tick, 0))[1]
        parts.append(f'<path d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}" stroke="#ddd"/>')
        parts.append(f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{short(tick)}</text>')
    for tick in x_ticks:
        x = at(Point("", tick, y_ticks[0], 0))[0]
        parts.append(f'<text x="{x:.1f}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">{short(tick)}</text>')
    middle = (LEFT + WIDTH - RIGHT) / 2
    parts.append(f'<text x="{middle}" y="{HEIGHT - 8}" text-anchor="middle">milliseconds a frame, one core</text>')
    parts.append(f'<text x="8" y="{TOP - 6}">{escape(quality)}</text>')
    line = "L".join(f"{x:.1f} {y:.1f}" for x, y in map(at, front))
    parts.append(f'<path d="M{line}" fill="none" stroke="#1f5fa8" stroke-width="1.5"/>')
    for point in points:
        x, y = at(point)
        radius = 3 + 6 * (point.parameters / largest) ** 0.5
        fill = "#1f5fa8" if point in front else "#fff"
        parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius:.1f}" fill="{fill}" stroke="#1f5fa8"/>')
        parts.append(f'<text x="{x + radius + 4:.1f}" y="{y + 4:.1f}">{escape(point.name)}</text>')
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" '
        f'font-size="12">{"".join(parts)}</svg>\n'
    )
