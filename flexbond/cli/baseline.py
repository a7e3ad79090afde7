"""`flexbond baseline`: what devices would have metered, and from which days. Needs no node."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from flexbond import rules
from flexbond.cli import analysis
from flexbond.cli.command import Answer, command
from flexbond.cli.quantities import OptionError, seconds
from flexbond.cli.sources import Source, with_source
from flexbond.model.types import EventKey, Silence
from flexbond.quoting.accuracy import accuracy as accuracy_of
from flexbond.quoting.calls import read_calls
from flexbond.quoting.measure import Ask
from flexbond.quoting.orders import DIRECTIONS
from flexbond.quoting.periods import local_window, parse_window
from flexbond.quoting.plots import Line, Panel, draw
from flexbond.quoting.tell import accuracy_table, baseline_tables
from flexbond.rules import Accuracy
from flexbond.units import format_time, utc_seconds

if TYPE_CHECKING:
    from flexbond.cli.analysis import Material
    from flexbond.cli.desk import Desk
    from flexbond.quoting.measure import Measured, Measuring
    from flexbond.quoting.tables import Table
    from flexbond.quoting.terms import Terms
    from flexbond.rules import RuleFile

MOST_PANELS: Final = 8
"""Devices with a panel of their own in a plot."""


def add_to(app: typer.Typer) -> None:
    """Adds the command."""
    command(app, "baseline")(with_source(baseline))


def baseline(
    desk: "Desk",
    source: Source,
    notice: Annotated[str, typer.Option(help="First notice: ISO-8601 with zone, or before the window, like '2 h'.")],
    window: Annotated[str | None, typer.Option(help="START/END, both ISO-8601 with zone.")] = None,
    day: Annotated[str | None, typer.Option(help="Local date of the window, in place of --window.")] = None,
    begin: Annotated[str | None, typer.Option("--from", help="Local time of day at which it begins: 17:30.")] = None,
    until: Annotated[str | None, typer.Option("--to", help="Local time of day at which it ends: 19:30.")] = None,
    direction: Annotated[str, typer.Option(help=f"{' or '.join(DIRECTIONS)}: says against whom is rounded.")] = "shed",
    accuracy: Annotated[
        bool, typer.Option("--accuracy", help="Also compare with the meter on every day without an event.")
    ] = False,
    max_bias_bps: Annotated[int | None, typer.Option(help="Threshold; by default the rule file's.", min=0)] = None,
    max_relative_error_bps: Annotated[
        int | None, typer.Option(help="Threshold; by default the rule file's.", min=0)
    ] = None,
) -> Answer:
    """Show the baseline of every device for a window, and how it came about. Needs no chain."""
    analysis.check_out(source)
    found = rules.find(source.rule)
    span = _window(window, day, begin, until, source.local or found.zone)
    material = analysis.load_material(desk, source, period_seconds=found.rule.period_seconds)
    terms, _ = analysis.load_terms(source, (*material.readings.span, *span))
    terms.require_of_device()
    # Nothing is ordered: a baseline is there whatever the window's own readings are.
    ask = Ask(
        key=_key(terms, span, direction),
        first_notice=_notice(notice, span[0]),
        ordered_mask=0,
        calls=read_calls(source.calls) if source.calls else (),
    )
    with analysis.measuring(source, len(material.devices), desk.progress) as measuring:
        measured = measuring(terms, material.devices, material.readings, ask)
        tables = baseline_tables(terms, ask.key, measured, material.refused)
        if accuracy:
            thresholds = _thresholds(found, max_bias_bps, max_relative_error_bps)
            tables.append(_accuracy(desk, source, terms, ask, material, thresholds, measuring))
    return _told(source, terms, ask, measured, material, tables)


def _told(
    source: Source, terms: "Terms", ask: Ask, measured: "Measured", material: "Material", tables: "list[Table]"
) -> Answer:
    start, end, plot = format_time(ask.key.window_start), format_time(ask.key.window_end), source.plot
    direction = ask.key.direction.name.lower()
    window = {"windowStart": start, "windowEnd": end, "firstNotice": format_time(ask.first_notice)}
    return analysis.answer(
        tables,
        {"rule": terms.name, **window, "direction": direction},
        material,
        source,
        heading=[f"Rule {terms.name}, {direction}, window {start} to {end}."],
        written=lambda: () if plot is None else [_plot(terms, ask.key, measured, plot)],
    )


def _accuracy(
    desk: "Desk",
    source: Source,
    terms: "Terms",
    ask: Ask,
    material: "Material",
    thresholds: Accuracy,
    measuring: "Measuring",
) -> "Table":
    lead, local = ask.key.window_start - ask.first_notice, analysis.local_time(terms, source.local)
    results = accuracy_of(
        *(terms, ask.key, lead, material.devices, material.readings, ask.calls, local),
        progress=desk.progress,
        measuring=measuring,
    )
    return accuracy_table(results, thresholds)


def _key(terms: "Terms", span: tuple[int, int], direction: str) -> EventKey:
    if direction not in DIRECTIONS:
        raise OptionError(f"--direction cannot be {direction[:40]!r}.", f"Use {' or '.join(DIRECTIONS)}.")
    length = terms.rule.period_seconds
    if span[0] % length or span[1] % length:
        raise OptionError(
            f"The window is not on the grid of {terms.name}, {length} s.",
            f"Start and end at whole multiples of {length} s.",
        )
    return EventKey(
        portfolio_id=bytes(32),
        window_start=span[0],
        window_end=span[1],
        rule_id=bytes(32),
        direction=DIRECTIONS[direction],
        reference_w=0,
    )


def _window(
    window: str | None, day: str | None, begin: str | None, until: str | None, zone: str | None
) -> tuple[int, int]:
    if window is not None:
        if (day, begin, until) != (None, None, None):
            raise OptionError("The window is given twice.", "Give --window, or --day with --from and --to.")
        return parse_window(window)
    if day is None or begin is None or until is None:
        raise OptionError("There is no window.", "Give --window START/END, or --day with --from and --to.")
    if not zone:
        raise OptionError("Nothing says in which zone the day is.", "Name it with --local, such as Europe/London.")
    return local_window(day, begin, until, zone)


def _notice(text: str, start: int) -> int:
    """A time, or how long before the window."""
    if "-" in text or ":" in text:
        return utc_seconds(text)
    return max(0, start - seconds(text))


def _thresholds(found: "RuleFile", bias: int | None, error: int | None) -> Accuracy:
    own = found.accuracy or Accuracy()
    given = {"max_bias_bps": bias, "max_relative_error_bps": error}
    return replace(own, **{name: value for name, value in given.items() if value is not None})


def _plot(terms: "Terms", key: EventKey, measured: "Measured", path: Path) -> Path:
    """A panel for each of the first devices that have a baseline."""
    length = terms.rule.period_seconds
    starts = list(range(key.window_start, key.window_end, length))
    panels = []
    for item in measured.devices:
        if item.silence is not Silence.OK or item.detail is None or item.detail.baseline_milli_wh is None:
            continue
        known = item.during or {}
        lines = (
            Line(label="baseline", colour="baseline", values=item.detail.baseline_milli_wh),
            Line(label="metered", colour="metered", values=[known.get(start) for start in starts]),
        )
        panels.append(Panel(title=item.device.name, starts=starts, seconds=length, lines=lines))
        if len(panels) == MOST_PANELS:
            break
    if not panels:
        raise OptionError("No device has a baseline to plot.", "See the reasons without --plot.")
    draw(panels, path, title=f"Baselines under {terms.name}")
    return path
