"""Pieces of the report's charts: inline SVG, made of whole numbers. Colours and type come from the report's style sheet by class."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from xml.sax.saxutils import escape

from flexbond.demo.text import kwh

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

WIDTH: Final = 860
LEFT: Final = 56
RIGHT: Final = 14
KWH: Final = 10**6
"""mWh in a kWh."""
STEPS: Final = tuple(size * 10**power * KWH // 10 for power in range(8) for size in (1, 2, 5))
"""Between grid lines, mWh."""


# ------------------------------------------------------------------ scales


def scale(low: int, high: int, start: int, end: int) -> Callable[[int], int]:
    """Whole pixels from values, linearly."""
    span = max(1, high - low)

    def place(value: int) -> int:
        return start + (value - low) * (end - start) // span

    return place


def bounds(least: int, greatest: int) -> tuple[int, int, int]:
    """Round bounds around values in mWh, and the step between grid lines."""
    span = max(STEPS[0], greatest - least)
    step = next(size for size in STEPS if span <= size * 8)
    return least // step * step, -(-greatest // step) * step, step


# ------------------------------------------------------------------ pieces


def drawing(width: int, height: int, title: str, body: Sequence[str]) -> str:
    """A whole drawing with its title."""
    return (
        f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="{_quoted(title)}" xmlns="http://www.w3.org/2000/svg">'
        f"<title>{escape(title)}</title>{''.join(body)}</svg>"
    )


def _quoted(text: str) -> str:
    return escape(text, {'"': "&quot;"})


def text(x: int, y: int, content: str, css: str, anchor: str) -> str:
    """A text; `anchor` is which end of it stands at x."""
    return f'<text x="{x}" y="{y}" class="{css}" text-anchor="{anchor}">{escape(content)}</text>'


def line(x1: int, y1: int, x2: int, y2: int, css: str) -> str:
    """A straight line."""
    return f'<line x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}" class="{css}"/>'


def dot(x: int, y: int, tip: str, css: str) -> str:
    """A dot that says what it is."""
    return f'<circle cx="{x}" cy="{y}" r="3" class="{css}"><title>{escape(tip)}</title></circle>'


def shade(x: Callable[[int], int], span: tuple[int, int], top: int, bottom: int, css: str, label: str) -> str:
    """A shaded span of the x axis with its label above."""
    left, right = x(span[0]), x(span[1])
    box = f'<rect x="{left}" y="{top}" width="{right - left}" height="{bottom - top}" class="{css}"/>'
    return box + text((left + right) // 2, top - 6, label, "tick", "middle")


def grid_lines(low: int, high: int, step: int, y: Callable[[int], int], *, right: int = WIDTH - RIGHT) -> list[str]:
    """Horizontal lines with their labels in kWh."""
    lines: list[str] = []
    for value in range(low, high + 1, step):
        lines.append(line(LEFT, y(value), right, y(value), "zero" if value == 0 else "grid"))
        lines.append(text(LEFT - 8, y(value) + 4, kwh(value, 0 if step >= KWH else 1), "tick", "end"))
    return lines


def stairs(
    values: Sequence[int], x: Callable[[int], int], y: Callable[[int], int], css: str, *, first: int = 0, tip: str = ""
) -> str:
    """A level for every place of the x axis, one after the other from `first` on; `tip` says what it is."""
    points = " ".join(f"{x(place)},{y(value)} {x(place + 1)},{y(value)}" for place, value in enumerate(values, first))
    if not tip:
        return f'<polyline points="{points}" class="{css}"/>'
    return f'<polyline points="{points}" class="{css}"><title>{escape(tip)}</title></polyline>'
