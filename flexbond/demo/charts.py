"""The report's charts as inline SVG, made of whole numbers. Colours and type come from the report's style sheet by class."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

from flexbond.demo.svg import (
    LEFT,
    RIGHT,
    WIDTH,
    bounds,
    dot,
    drawing,
    grid_lines,
    line,
    scale,
    shade,
    stairs,
    text,
)
from flexbond.demo.text import kwh

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


@dataclass(frozen=True, kw_only=True)
class Mark:
    """A level drawn over some hours of a day."""

    first: int
    """Local hour."""
    last: int
    """Local hour, exclusive."""
    level: int
    """mWh per hour, `+` import, `-` export."""
    css: str


@dataclass(frozen=True, kw_only=True)
class Part:
    """A part of a bar."""

    value: int
    label: str
    css: str


def day_chart(
    *,
    real: Sequence[int],
    metered: Sequence[int],
    marks: Sequence[Mark],
    window: tuple[int, int],
    before: tuple[int, int] | None,
    title: str,
) -> str:
    """Net load of a local day by the hour, mWh, with and without battery.

    `window` is the service window and `before` the hours that give the baseline, both as local hours, shaded.
    """
    height, top, bottom = 300, 30, 34
    values = [*real, *metered, *(mark.level for mark in marks), 0]
    low, high, step = bounds(min(values), max(values))
    y = scale(low, high, height - bottom, top)
    x = scale(0, len(real), LEFT, WIDTH - RIGHT)
    body = [shade(x, window, top, height - bottom, "window", "service window")]
    if before is not None:
        body.append(shade(x, before, top, height - bottom, "before", "baseline"))
    body += grid_lines(low, high, step, y)
    for hour in range(0, len(real) + 1, 3):
        anchor = "end" if hour == len(real) else "middle"
        body.append(text(x(hour), height - bottom + 18, f"{hour:02d}:00", "tick", anchor))
    body.append(stairs(real, x, y, "real"))
    body.append(stairs(metered, x, y, "metered"))
    for mark in marks:
        body.append(line(x(mark.first), y(mark.level), x(mark.last), y(mark.level), mark.css))
    body.append(text(LEFT - 46, 14, "kWh per hour, + import", "tick", "start"))
    return drawing(WIDTH, height, title, body)


def drift_chart(points: Sequence[tuple[str, Sequence[int], bool]], *, title: str) -> str:
    """One column of dots per day: its label, its values in mWh, and whether it is marked."""
    height, top, bottom = 220, 26, 26
    values = [value for _, of, _ in points for value in of]
    low, high, step = bounds(min([*values, 0]), max([*values, 0]))
    y = scale(low, high, height - bottom, top)
    x = scale(0, len(points), LEFT, WIDTH - RIGHT)
    body = grid_lines(low, high, step, y)
    for place, (label, of, marked) in enumerate(points):
        centre = (x(place) + x(place + 1)) // 2
        body.append(line(centre, y(min(of)), centre, y(max(of)), "stem chosen" if marked else "stem"))
        body += [dot(centre, y(value), f"{label}: {kwh(value, 1)} kWh", "chosen" if marked else "dot") for value in of]
        if marked:
            body.append(text(centre, height - 8, label, "tick strong", _anchor(points, place)))
    body.append(text(LEFT - 46, 12, "kWh per hour", "tick", "start"))
    return drawing(WIDTH, height, title, body)


def bar_rows(rows: Sequence[tuple[str, Sequence[Part]]], *, show: Callable[[int], str], title: str) -> str:
    """Rows of bars, one behind the other on a common scale; each part carries its amount where it has room."""
    label_width, row, bar = 150, 30, 18
    most = max([sum(part.value for part in parts) for _, parts in rows] + [1])
    x = scale(0, most, label_width, WIDTH - 120)
    body: list[str] = []
    for place, (label, parts) in enumerate(rows):
        top = place * row + 8
        body.append(text(label_width - 12, top + 13, label, "label", "end"))
        at = 0
        for part in parts:
            left, right = x(at), x(at + part.value)
            at += part.value
            if part.value:
                body.append(_bar(left, top, max(1, right - left), bar, part, show(part.value)))
        body.append(text(x(at) + 8, top + 13, show(at), "label number", "start"))
    return drawing(WIDTH, len(rows) * row + 8, title, body)


def _anchor(points: Sequence[tuple[str, Sequence[int], bool]], place: int) -> str:
    """Which end of a marked label stands under its dots, so that it does not run into the next or the last one."""
    near = 5
    if any(marked for _, _, marked in points[place + 1 : place + near]):
        return "end"
    if any(marked for _, _, marked in points[max(0, place - near + 1) : place]):
        return "start"
    return "middle"


def _bar(x: int, y: int, width: int, height: int, part: Part, amount: str) -> str:
    tip = f"<title>{escape(f'{part.label} {amount}'.strip())}</title>"
    drawn = f'<rect x="{x}" y="{y}" width="{width}" height="{height}" class="{part.css}">{tip}</rect>'
    inside = f"{part.label} {amount}"
    if not part.label or len(inside) * 7 + 8 > width:
        return drawn
    return drawn + text(x + 6, y + 13, inside, "inside", "start")
