"""Plots of quotes and baselines: PNG, or a page of HTML with the drawing in it. Needs matplotlib (`flexbond[plot]`)."""

from __future__ import annotations

import io
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any, Final

from flexbond.quoting.errors import QuoteError
from flexbond.units import format_time

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

SUFFIXES: Final = (".png", ".html")
_KWH: Final = 10**6
_COLOURS: Final = {"baseline": "#1b6ca8", "metered": "#c2571a", "bar": "#3a7d44", "less": "#b23a48", "grid": "#d9d9d9"}


class PlotError(QuoteError):
    """A plot that cannot be made."""


@dataclass(frozen=True, kw_only=True)
class Line:
    """Energies of consecutive periods."""

    label: str
    colour: str
    """`baseline` or `metered`."""
    values: Sequence[int | None]
    """mWh a period; None where there is none."""


@dataclass(frozen=True, kw_only=True)
class Panel:
    """One diagram: lines over the periods of a window, or bars."""

    title: str
    starts: Sequence[int]
    """UTC seconds; one a period or bar."""
    seconds: int
    """Length of a period, s."""
    lines: Sequence[Line] = ()
    bars: Sequence[int] = ()
    """In the unit of `bar_unit`, times `bar_scale`."""
    bar_scale: int = 1
    bar_unit: str = ""


def check_plot_path(path: Path) -> None:
    """Refuses a file that no plot can be, before any work is done. Raises PlotError."""
    if path.suffix.lower() not in SUFFIXES:
        raise PlotError(f"{path} is neither .png nor .html.", "Choose one of the two endings.")
    _library()


def draw(panels: Sequence[Panel], path: Path, *, title: str) -> None:
    """Writes the panels, one below the other. Raises PlotError."""
    check_plot_path(path)
    figure_of, dates, rc_context = _library()
    figure = figure_of(figsize=(10, 1.2 + 3.1 * len(panels)), layout="constrained")
    figure.suptitle(title, parse_math=False)
    for place, panel in enumerate(panels, start=1):
        _panel(figure.add_subplot(len(panels), 1, place), panel, dates)
    content = io.BytesIO()
    is_png = path.suffix.lower() == ".png"
    # No dates or versions in the file: the same numbers give the same bytes.
    metadata = {"Software": None} if is_png else {"Date": None, "Creator": None}
    with rc_context({"svg.hashsalt": "flexbond"}):
        figure.savefig(content, format="png" if is_png else "svg", dpi=120, metadata=metadata)
    data = content.getvalue() if is_png else _page(content.getvalue().decode("utf-8"), title).encode("utf-8")
    try:
        path.write_bytes(data)
    except OSError as error:
        raise PlotError(f"{path} cannot be written: {error.strerror}.", "Choose another place.") from error


def _library() -> tuple[Any, Any, Any]:
    """What is needed of matplotlib, which draws into memory here and opens no window."""
    try:
        from matplotlib import dates, rc_context
        from matplotlib.figure import Figure
    except ImportError as error:
        raise PlotError(
            "Plots need matplotlib, which is not installed.", "Run: pip install 'flexbond[plot]'."
        ) from error
    return Figure, dates, rc_context


def _panel(axes: Any, panel: Panel, dates: Any) -> None:
    # Days since 1970, as matplotlib counts them; floats are only for the eye here.
    edges = [start / 86_400 for start in (*panel.starts, panel.starts[-1] + panel.seconds)]
    for line in panel.lines:
        values = [float("nan") if value is None else value / _KWH for value in line.values]
        axes.stairs(values, edges, baseline=None, label=line.label, color=_COLOURS[line.colour], linewidth=1.8)
    if panel.bars:
        heights = [bar / panel.bar_scale for bar in panel.bars]
        colours = [_COLOURS["bar" if bar >= 0 else "less"] for bar in panel.bars]
        axes.bar(edges[:-1], heights, width=0.8 * panel.seconds / 86_400, align="edge", color=colours)
        axes.axhline(0, color="black", linewidth=0.8)
    axes.set_title(panel.title, loc="left", fontsize=10, parse_math=False)
    axes.set_axisbelow(True)
    axes.set_ylabel(panel.bar_unit if panel.bars else "kWh a period, + import")
    axes.set_xlabel(f"UTC, from {format_time(panel.starts[0])}", fontsize=8)
    axes.grid(axis="y", color=_COLOURS["grid"], linewidth=0.6)
    locator = dates.AutoDateLocator(maxticks=10)
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(dates.ConciseDateFormatter(locator))
    if panel.lines:
        axes.legend(loc="best", fontsize=8, frameon=False)


def _page(svg: str, title: str) -> str:
    drawing = svg[svg.index("<svg") :]
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f"<title>{escape(title)}</title><style>body{{margin:2rem;font-family:sans-serif}}svg{{max-width:100%;height:auto}}</style>"
        f"</head><body>\n{drawing}</body></html>\n"
    )
