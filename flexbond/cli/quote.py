"""`flexbond quote`: what events would pay, before any money moves. Needs no node."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from flexbond import rules
from flexbond.cli import analysis
from flexbond.cli.command import Answer, command
from flexbond.cli.dispatches import EventId
from flexbond.cli.quantities import OptionError, chosen
from flexbond.cli.sources import Source, with_source
from flexbond.operations.history import find_events
from flexbond.operations.inputfiles import write_inputs
from flexbond.operations.inputs import inputs_of
from flexbond.quoting.calls import KnownCall, call_of, read_calls
from flexbond.quoting.money import quote_event
from flexbond.quoting.nullevents import quote_null_events
from flexbond.quoting.orders import read_orders
from flexbond.quoting.plots import Line, Panel, draw
from flexbond.quoting.tell import null_tables, portfolio_levels, quote_tables
from flexbond.units import format_money, format_time

if TYPE_CHECKING:
    from flexbond.cli.analysis import Material
    from flexbond.cli.desk import Desk
    from flexbond.quoting.measure import Measuring
    from flexbond.quoting.money import QuotedEvent
    from flexbond.quoting.nullevents import NullEvents
    from flexbond.quoting.orders import Currency, OrderedEvent, Orders
    from flexbond.quoting.terms import Terms

MOST_PANELS: Final = 12
"""Events with a panel of their own in a plot."""


def add_to(app: typer.Typer) -> None:
    """Adds the commands."""
    command(app, "quote")(with_source(quote))


def quote(
    desk: "Desk",
    source: Source,
    orders: Annotated[Path, typer.Option(help="YAML or JSON file of events with their rights and dispatches.")],
    null_events: Annotated[
        bool, typer.Option("--null-events", help="What it would have paid on every day of the data without an event.")
    ] = False,
    event: Annotated[str | None, typer.Option(help="Only this event of the orders, by its name.")] = None,
    per_device: Annotated[bool, typer.Option("--per-device", help="Also every device's periods.")] = False,
) -> Answer:
    """Show what events would pay under a rule, period by period, from interval data alone. Needs no chain."""
    analysis.check_out(source)
    of_rule = rules.find(source.rule).rule
    asked = read_orders(orders, of_rule)
    material = analysis.load_material(
        desk, source, period_seconds=of_rule.period_seconds, stated=asked.least_readings_bps
    )
    terms, _ = analysis.load_terms(source, _times(asked, material))
    known = [*(read_calls(source.calls) if source.calls else ()), *_calls(asked, material)]
    wanted = _wanted(asked, event)
    quotes = []
    with analysis.measuring(source, len(material.devices), desk.progress) as measuring:
        if null_events:
            null = _pretend(desk, source, terms, asked, wanted, material, known, measuring)
            return _null_answer(source, terms, asked, null, material)
        for item in wanted:
            given = (item, material.devices, material.readings, known)
            quotes.append(quote_event(terms, asked, *given, measuring=measuring))
            desk.progress(f"{item.name}: done.")
    plot = source.plot
    return analysis.answer(
        quote_tables(terms, quotes, asked.currency, material.refused, per_device=per_device),
        {"rule": terms.name, "currency": asked.currency, "events": [_summary(item) for item in quotes]},
        material,
        source,
        heading=[line for item in quotes for line in _heading(item, asked.currency)],
        written=lambda: () if plot is None else [_plot(terms, quotes, plot)],
    )


def inputs(
    desk: "Desk",
    event: EventId,
    records: Annotated[Path, typer.Option("--records", help="The provider's record book.")],
    out: Annotated[Path, typer.Option("--out", help="Folder for the files.")],
) -> Answer:
    """Write what a settled event was measured and paid from as the files that `flexbond quote` reads. The readings are private."""
    identity = chosen(event, find_events(desk.suite), name="event")
    written = write_inputs(inputs_of(desk.suite, identity, desk.book(records)), out)
    readings = " ".join(str(path) for path in written if path.name.startswith("readings"))
    again = f"flexbond quote {readings} --rule {out / 'rule.yaml'} --devices {out / 'devices.csv'} --orders {out / 'orders.json'}"
    if any(path.name == "calendar.json" for path in written):
        again += f" --calendar {out / 'calendar.json'} --calls {out / 'calls.csv'}"
    lines = [*(f"Written: {path}" for path in written), f"Quote it with: {again}"]
    return Answer(value={"eventId": identity, "files": [str(path) for path in written], "command": again}, lines=lines)


def _times(orders: "Orders", material: "Material") -> list[int]:
    times = [time for item in orders.events for time in (item.key.window_start, item.key.window_end, item.first_notice)]
    return [*times, *material.readings.span]


def _calls(orders: "Orders", material: "Material") -> list[KnownCall]:
    """What the events of the file are for each other."""
    found = [call_of(item, material.devices) for item in orders.events]
    return [item for item in found if item is not None]


def _wanted(orders: "Orders", name: str | None) -> "list[OrderedEvent]":
    if name is None:
        return list(orders.events)
    found = [item for item in orders.events if item.name == name]
    if not found:
        known = ", ".join(item.name for item in orders.events[:5])
        raise OptionError(f"The orders have no event {name[:60]!r}.", f"Give one of {known}.")
    return found


# ------------------------------------------------------------------ events


def _summary(item: "QuotedEvent") -> dict[str, Any]:
    """The sums of an event, base units."""
    return {
        "event": item.ordered.name,
        "windowStart": format_time(item.ordered.key.window_start),
        "windowEnd": format_time(item.ordered.key.window_end),
        "firstNotice": format_time(item.ordered.first_notice),
        "isMeasured": item.measured is not None,
        "responsesMilliWh": [] if item.measured is None else list(item.measured.responses_milli_wh),
        "totalWeight": 0 if item.measured is None else item.measured.weight,
        "byCapacity": item.by_capacity,
        "pay": item.pay,
        "availability": item.availability,
        "penalty": item.penalty,
        "pool": item.pool,
        "remainder": item.remainder,
        "dispatches": [{"dispatch": of.ordered.name, "settled": of.outcome.settled} for of in item.dispatches],
        "shares": [
            {"index": of.index, "device": of.device.name, "ofEvent": of.of_event, "ofRights": of.of_rights}
            for of in item.shares
        ],
    }


def _heading(item: "QuotedEvent", currency: "Currency") -> list[str]:
    def show(amount: int) -> str:
        return format_money(amount, decimals=currency.decimals, symbol=currency.symbol)

    window = f"{format_time(item.ordered.key.window_start)} to {format_time(item.ordered.key.window_end)}"
    first = f"{item.ordered.name}, {window}: pay {show(item.pay)}, availability {show(item.availability)}, penalty {show(item.penalty)}."
    silent = [] if item.measured is None else [of for of in item.measured.devices if of.silence]
    counted = "" if item.measured is None else f" {len(item.measured.devices)} devices, {len(silent)} silent."
    return [first, f"Customers' pools {show(item.pool + sum(of.pool for of in item.rights))}.{counted}"]


def _plot(terms: "Terms", quotes: "list[QuotedEvent]", path: Path) -> Path:
    """Baseline and meter of the portfolio over the ordered periods of the first events."""
    length = terms.rule.period_seconds
    panels = []
    for item in quotes[:MOST_PANELS]:
        if item.measured is None:
            continue
        key, of = item.ordered.key, item.ordered
        levels = portfolio_levels(terms, key, item.measured, of.ordered_mask, of.schedule_milli_wh)
        starts = list(range(key.window_start, key.window_end, length))
        pairs = [levels.get(period, (None, None)) for period in range(len(starts))]
        lines = (
            Line(label="baseline", colour="baseline", values=[baseline for baseline, _ in pairs]),
            Line(label="metered", colour="metered", values=[metered for _, metered in pairs]),
        )
        panels.append(Panel(title=of.name, starts=starts, seconds=length, lines=lines))
    if not panels:
        raise OptionError("No event was measured, so there is nothing to plot.", "Leave out --plot.")
    draw(panels, path, title=f"Events under {terms.name}")
    return path


# ------------------------------------------------------------------ events that never were


def _pretend(
    desk: "Desk",
    source: Source,
    terms: "Terms",
    asked: "Orders",
    wanted: "list[OrderedEvent]",
    material: "Material",
    known: "list[KnownCall]",
    measuring: "Measuring",
) -> "tuple[OrderedEvent, NullEvents]":
    template = next((item for item in wanted if item.dispatches), None)
    if template is None:
        raise OptionError("No event of the orders has a dispatch to pretend.", "Add one.")
    zone = analysis.local_time(terms, source.local)
    null = quote_null_events(
        *(terms, asked, template, material.devices, material.readings, known, zone),
        progress=desk.progress,
        measuring=measuring,
    )
    return template, null


def _null_answer(
    source: Source, terms: "Terms", asked: "Orders", made: "tuple[OrderedEvent, NullEvents]", material: "Material"
) -> Answer:
    template, null = made
    plot = source.plot
    return analysis.answer(
        null_tables(null, asked.currency),
        {"rule": terms.name, "currency": asked.currency, "template": template.name, "pay": null.pay, "net": null.net},
        material,
        source,
        heading=[_null_heading(null, template, asked.currency)],
        written=lambda: () if plot is None else [_plot_null(null, asked.currency, plot)],
    )


def _null_heading(null: "NullEvents", template: "OrderedEvent", currency: "Currency") -> str:
    mean = format_money(null.pay.mean, decimals=currency.decimals, symbol=currency.symbol)
    return (
        f"{template.name} pretended on {null.pay.days} of {len(null.days)} days: on average {mean} would have been paid "
        f"to a portfolio that did nothing, on {null.pay.above_zero_bps / 100:.2f} % of the days something."
    )


def _plot_null(null: "NullEvents", currency: "Currency", path: Path) -> Path:
    measured = [item.quote for item in null.days if item.quote is not None]
    panels = [
        Panel(
            title=title,
            starts=[item.ordered.key.window_start for item in measured],
            seconds=86_400,
            bars=[item.pay if title == "Pay" else item.net for item in measured],
            bar_scale=10**currency.decimals,
            bar_unit=currency.symbol,
        )
        for title in ("Pay", "Pay and availability less penalty")
    ]
    draw(panels, path, title="Events that never were")
    return path
