"""The report's charts as inline SVG, made of whole numbers. Colours and type come from the report's style sheet by class."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from xml.sax.saxutils import escape

from flexbond.demo.text import MINUS, kwh

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

WIDTH: Final = 860
LEFT: Final = 56
RIGHT: Final = 14
KWH: Final = 10**6
"""mWh in a kWh."""


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
    low, high, step = _bounds(min(values), max(values))
    y = _scale(low, high, height - bottom, top)
    x = _scale(0, len(real), LEFT, WIDTH - RIGHT)
    body = [_shade(x, window, top, height - bottom, "window", "service window")]
    if before is not None:
        body.append(_shade(x, before, top, height - bottom, "before", "baseline"))
    body += _grid_lines(low, high, step, y)
    for hour in range(0, len(real) + 1, 3):
        anchor = "end" if hour == len(real) else "middle"
        body.append(_text(x(hour), height - bottom + 18, f"{hour:02d}:00", "tick", anchor))
    body.append(_stairs(real, x, y, "real"))
    body.append(_stairs(metered, x, y, "metered"))
    for mark in marks:
        body.append(_line(x(mark.first), y(mark.level), x(mark.last), y(mark.level), mark.css))
    body.append(_text(LEFT - 46, 14, "kWh per hour, + import", "tick", "start"))
    return _svg(WIDTH, height, title, body)


def drift_chart(points: Sequence[tuple[str, Sequence[int], bool]], *, title: str) -> str:
    """One column of dots per day: its label, its values in mWh, and whether it is marked."""
    height, top, bottom = 220, 26, 26
    values = [value for _, of, _ in points for value in of]
    low, high, step = _bounds(min([*values, 0]), max([*values, 0]))
    y = _scale(low, high, height - bottom, top)
    x = _scale(0, len(points), LEFT, WIDTH - RIGHT)
    body = _grid_lines(low, high, step, y)
    for place, (label, of, marked) in enumerate(points):
        centre = (x(place) + x(place + 1)) // 2
        body.append(_line(centre, y(min(of)), centre, y(max(of)), "stem chosen" if marked else "stem"))
        body += [_dot(centre, y(value), f"{label}: {kwh(value, 1)} kWh", "chosen" if marked else "dot") for value in of]
        if marked:
            body.append(_text(centre, height - 8, label, "tick strong", _anchor(points, place)))
    body.append(_text(LEFT - 46, 12, "kWh per hour", "tick", "start"))
    return _svg(WIDTH, height, title, body)


def bar_rows(rows: Sequence[tuple[str, Sequence[Part]]], *, show: Callable[[int], str], title: str) -> str:
    """Rows of bars, one behind the other on a common scale; each part carries its amount where it has room."""
    label_width, row, bar = 150, 30, 18
    most = max([sum(part.value for part in parts) for _, parts in rows] + [1])
    x = _scale(0, most, label_width, WIDTH - 120)
    body: list[str] = []
    for place, (label, parts) in enumerate(rows):
        top = place * row + 8
        body.append(_text(label_width - 12, top + 13, label, "label", "end"))
        at = 0
        for part in parts:
            left, right = x(at), x(at + part.value)
            at += part.value
            if part.value:
                body.append(_bar(left, top, max(1, right - left), bar, part, show(part.value)))
        body.append(_text(x(at) + 8, top + 13, show(at), "label number", "start"))
    return _svg(WIDTH, len(rows) * row + 8, title, body)


def _anchor(points: Sequence[tuple[str, Sequence[int], bool]], place: int) -> str:
    """Which end of a marked label stands under its dots, so that it does not run into the next or the last one."""
    near = 5
    if any(marked for _, _, marked in points[place + 1 : place + near]):
        return "end"
    if any(marked for _, _, marked in points[max(0, place - near + 1) : place]):
        return "start"
    return "middle"


# ------------------------------------------------------------------ scales


def _scale(low: int, high: int, start: int, end: int) -> Callable[[int], int]:
    """Whole pixels from values, linearly."""
    span = max(1, high - low)

    def place(value: int) -> int:
        return start + (value - low) * (end - start) // span

    return place


def _bounds(least: int, greatest: int) -> tuple[int, int, int]:
    """Round bounds around values in mWh, and the step between grid lines."""
    span = max(KWH, greatest - least)
    step = next(size * KWH for size in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000) if span <= size * KWH * 8)
    return least // step * step, -(-greatest // step) * step, step


# ------------------------------------------------------------------ pieces


def _svg(width: int, height: int, title: str, body: Sequence[str]) -> str:
    return (
        f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="{_quoted(title)}" xmlns="http://www.w3.org/2000/svg">'
        f"<title>{escape(title)}</title>{''.join(body)}</svg>"
    )


def _quoted(text: str) -> str:
    return escape(text, {'"': "&quot;"})


def _text(x: int, y: int, text: str, css: str, anchor: str) -> str:
    return f'<text x="{x}" y="{y}" class="{css}" text-anchor="{anchor}">{escape(text)}</text>'


def _line(x1: int, y1: int, x2: int, y2: int, css: str) -> str:
    return f'<line x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}" class="{css}"/>'


def _dot(x: int, y: int, tip: str, css: str) -> str:
    return f'<circle cx="{x}" cy="{y}" r="3" class="{css}"><title>{escape(tip)}</title></circle>'


def _bar(x: int, y: int, width: int, height: int, part: Part, amount: str) -> str:
    tip = f"<title>{escape(f'{part.label} {amount}'.strip())}</title>"
    drawn = f'<rect x="{x}" y="{y}" width="{width}" height="{height}" class="{part.css}">{tip}</rect>'
    inside = f"{part.label} {amount}"
    if not part.label or len(inside) * 7 + 8 > width:
        return drawn
    return drawn + _text(x + 6, y + 13, inside, "inside", "start")


def _shade(x: Callable[[int], int], span: tuple[int, int], top: int, bottom: int, css: str, label: str) -> str:
    left, right = x(span[0]), x(span[1])
    box = f'<rect x="{left}" y="{top}" width="{right - left}" height="{bottom - top}" class="{css}"/>'
    return box + _text((left + right) // 2, top - 6, label, "tick", "middle")


def _grid_lines(low: int, high: int, step: int, y: Callable[[int], int]) -> list[str]:
    lines: list[str] = []
    for value in range(low, high + 1, step):
        lines.append(_line(LEFT, y(value), WIDTH - RIGHT, y(value), "zero" if value == 0 else "grid"))
        whole = value // KWH
        lines.append(_text(LEFT - 8, y(value) + 4, f"{MINUS if whole < 0 else ''}{abs(whole)}", "tick", "end"))
    return lines


def _stairs(values: Sequence[int], x: Callable[[int], int], y: Callable[[int], int], css: str) -> str:
    points = " ".join(f"{x(hour)},{y(value)} {x(hour + 1)},{y(value)}" for hour, value in enumerate(values))
    return f'<polyline points="{points}" class="{css}"/>'
