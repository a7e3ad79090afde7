"""Charts of a baseline's days: which ones were taken, and what each of them was like over the window."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from flexbond.demo.svg import LEFT, WIDTH, bounds, drawing, grid_lines, line, scale, shade, stairs, text

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

NAMES_WIDTH: Final = 150
"""Room for the names of curves at their right ends."""
NAME_HEIGHT: Final = 14
CELL: Final = 84
"""Width of a day in the strip."""


@dataclass(frozen=True, kw_only=True)
class Curve:
    """A level for every place; mWh, `+` import."""

    name: str
    css: str
    before: Sequence[int]
    """At the places of the adjustment window; empty: not drawn there."""
    window: Sequence[int]
    """At the places of the service window."""


@dataclass(frozen=True, kw_only=True)
class Cell:
    """A day of the strip."""

    day: str
    reason: str
    css: str


def days_chart(
    curves: Sequence[Curve], *, before: Sequence[str], window: Sequence[str], ends: tuple[str, str], title: str
) -> str:
    """Past days, baselines and what was metered, place by place, mWh per settlement period.

    `before` and `window` are the local times at which the places of the adjustment window and of the service window begin; `ends` those
    at which the two end.
    """
    height, top, bottom = 330, 34, 36
    gap = 1 if before else 0
    first = len(before) + gap
    right = WIDTH - NAMES_WIDTH
    values = [value for curve in curves for value in (*curve.before, *curve.window)]
    low, high, step = bounds(min([*values, 0]), max([*values, 0]))
    y = scale(low, high, height - bottom, top)
    x = scale(0, first + len(window), LEFT, right)
    body = [shade(x, (first, first + len(window)), top, height - bottom, "window", "service window")]
    if before:
        body.append(shade(x, (0, len(before)), top, height - bottom, "before", "adjustment window"))
        body += _ticks(x, 0, [*before, ends[0]], height - bottom)
    body += _ticks(x, first, [*window, ends[1]], height - bottom)
    body += grid_lines(low, high, step, y, right=right)
    for curve in curves:
        if curve.before:
            body.append(stairs(curve.before, x, y, curve.css, tip=curve.name))
        body.append(stairs(curve.window, x, y, curve.css, first=first, tip=curve.name))
    body += _names(curves, y, right, height - bottom)
    body.append(text(LEFT - 46, 14, "kWh per half-hour, + import", "tick", "start"))
    return drawing(WIDTH, height, title, body)


def strip_chart(cells: Sequence[Cell], *, title: str) -> str:
    """The days that were looked at, oldest first, and the event's own at the end."""
    width = min(CELL, (WIDTH - 8) // max(1, len(cells)))
    body: list[str] = []
    for place, cell in enumerate(cells):
        left = 4 + place * width
        body.append(f'<rect x="{left}" y="4" width="{width - 4}" height="46" rx="4" class="cell {cell.css}"/>')
        middle = left + (width - 4) // 2
        body.append(text(middle, 23, cell.day, "tick strong", "middle"))
        body.append(text(middle, 40, cell.reason, "tick", "middle"))
    return drawing(WIDTH, 54, title, body)


def _ticks(x: Callable[[int], int], first: int, labels: Sequence[str], base: int) -> list[str]:
    """Local times under the borders of places."""
    drawn = []
    for place, label in enumerate(labels, first):
        drawn.append(line(x(place), base, x(place), base + 5, "zero"))
        drawn.append(text(x(place), base + 19, label, "tick", "middle"))
    return drawn


def _names(curves: Sequence[Curve], y: Callable[[int], int], left: int, base: int) -> list[str]:
    """Names at the right ends of the curves, moved apart where they would meet."""
    wanted = sorted((y(curve.window[-1]), curve.name, curve.css) for curve in curves)
    lowest = base - NAME_HEIGHT * len(wanted)
    drawn: list[str] = []
    last = -NAME_HEIGHT
    for place, (at, name, css) in enumerate(wanted):
        last = max(last + NAME_HEIGHT, min(at + 4, lowest + NAME_HEIGHT * (place + 1)))
        drawn.append(line(left + 2, at, left + 12, last - 4, f"pointer {css}"))
        drawn.append(text(left + 16, last, name, "tick", "start"))
    return drawn
