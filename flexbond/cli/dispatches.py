"""Schedules and notices."""

from typing import TYPE_CHECKING, Annotated

import typer

from flexbond.cli.command import Answer, command
from flexbond.cli.quantities import OptionError, chosen
from flexbond.cli.shown import full
from flexbond.model.types import DispatchKind
from flexbond.operations import dispatching
from flexbond.operations.history import find_events, logs_of, product_of, products_of, rule_of
from flexbond.units import format_power, milliwatt_hours, utc_seconds, watts

if TYPE_CHECKING:
    from flexbond.cli.desk import Desk
    from flexbond.model.types import Product

DispatchId = Annotated[str, typer.Argument(metavar="DISPATCH", help="Id of the dispatch, or its beginning.")]
EventId = Annotated[str, typer.Argument(metavar="EVENT", help="Id of the event, or its beginning.")]
Begin = Annotated[
    str | None, typer.Option("--from", help="From when, ISO-8601 with zone; the window's start by default.")
]
End = Annotated[str | None, typer.Option("--to", help="Until when, ISO-8601 with zone; the window's end by default.")]


def add_to(app: typer.Typer) -> None:
    """Adds the commands."""
    command(app, "nominate", sends=True)(nominate)
    command(app, "unavailable", sends=True)(unavailable)
    command(app, "dispatch", sends=True)(dispatch)
    command(app, "stop", sends=True)(stop)
    command(app, "cancel", sends=True)(cancel)
    command(app, "excuse", sends=True)(excuse)


def nominate(
    desk: "Desk",
    event: EventId,
    energy: Annotated[
        list[str], typer.Argument(help="Energy of each period, such as '12 kWh' ('-3 kWh': export), after --.")
    ],
) -> Answer:
    """Commit, as provider, the portfolio's schedule for a window, before the gate closes."""
    identity = chosen(event, find_events(desk.suite), name="event")
    schedule = [milliwatt_hours(item) for item in energy]
    dispatching.nominate(desk.suite, desk.sender, identity, schedule, progress=desk.progress)
    return Answer(
        value={"eventId": identity, "scheduleMilliWh": schedule},
        lines=[f"The schedule of {full(identity)} is committed."],
    )


def unavailable(desk: "Desk", event: EventId) -> Answer:
    """Declare, as provider, the portfolio unavailable for a window, before the gate closes."""
    identity = chosen(event, find_events(desk.suite), name="event")
    dispatching.declare_unavailable(desk.suite, desk.sender, identity, progress=desk.progress)
    return Answer(value={"eventId": identity}, lines=[f"Event {full(identity)}: the portfolio is unavailable."])


def dispatch(
    desk: "Desk",
    right: Annotated[str, typer.Argument(help="Id of the right, or its beginning.")],
    units: Annotated[int, typer.Option(help="Units called.", min=1)],
    power: Annotated[
        str | None, typer.Option(help="Ordered power, such as '20 kW'; all of the units' by default.")
    ] = None,
    begin: Begin = None,
    end: End = None,
    test: Annotated[bool, typer.Option("--test", help="A test, not a live call.")] = False,
    again: Annotated[bool, typer.Option("--again", help="Call once more what was called just so already.")] = False,
    holder: Annotated[str | None, typer.Option(help="For whom; yourself by default.")] = None,
) -> Answer:
    """Give notice: call units of a right for whole settlement periods."""
    identity = chosen(right, products_of(desk.suite), name="right")
    product = product_of(desk.suite, identity)
    ordered = units * product.lot_w if power is None else watts(power)
    count, periods = _periods(desk, product, begin, end)
    called = dispatching.dispatch(
        desk.suite,
        desk.sender,
        identity,
        units=units,
        orders_w=[ordered if period in periods else 0 for period in range(count)],
        holder=desk.account(holder, name="--holder"),
        kind=DispatchKind.TEST if test else DispatchKind.LIVE,
        again=again,
        progress=desk.progress,
    )
    return Answer(
        value=called,
        lines=[
            f"Dispatch {full(called.dispatch_id)} of event {full(called.event_id)}: "
            f"{format_power(ordered)} in {len(periods)} periods."
        ],
    )


def stop(
    desk: "Desk",
    dispatch_id: DispatchId,
    begin: Annotated[str, typer.Option("--from", help="From when nothing more is ordered, ISO-8601 with zone.")],
) -> Answer:
    """Take back the order of a dispatch from a moment on."""
    identity, product = _dispatch(desk, dispatch_id)
    _, periods = _periods(desk, product, begin, None)
    called = dispatching.stop(desk.suite, desk.sender, identity, from_period=periods.start, progress=desk.progress)
    return Answer(value=called, lines=[f"Ordered now: {_orders(called.dispatch.orders_w)}."])


def cancel(desk: "Desk", dispatch_id: DispatchId) -> Answer:
    """Take back the whole order of a dispatch before it begins; its availability stays due."""
    identity, _ = _dispatch(desk, dispatch_id)
    called = dispatching.cancel(desk.suite, desk.sender, identity, progress=desk.progress)
    return Answer(value=called, lines=[f"Ordered now: {_orders(called.dispatch.orders_w)}."])


def excuse(desk: "Desk", dispatch_id: DispatchId, begin: Begin = None, end: End = None) -> Answer:
    """Excuse periods of a dispatch: no penalty for them."""
    identity, product = _dispatch(desk, dispatch_id)
    _, periods = _periods(desk, product, begin, end)
    called = dispatching.excuse(desk.suite, desk.sender, identity, periods=list(periods), progress=desk.progress)
    return Answer(value=called, lines=[f"Periods {periods.start} to {periods.stop - 1} are excused."])


def _dispatch(desk: "Desk", text: str) -> tuple[bytes, "Product"]:
    known = {item.dispatch_id: item.right_id for item in logs_of(desk.suite, "Settlement", "Dispatched")}
    identity = chosen(text, known, name="dispatch")
    return identity, product_of(desk.suite, known[identity])


def _periods(desk: "Desk", product: "Product", begin: str | None, end: str | None) -> tuple[int, range]:
    """How many periods the window has, and those between two moments, which must be borders of periods."""
    length = rule_of(desk.suite, product.rule_id).period_seconds
    count = (product.window_end - product.window_start) // length
    places = [0, count]
    for side, text in enumerate((begin, end)):
        if text is None:
            continue
        place, rest = divmod(utc_seconds(text) - product.window_start, length)
        if rest or not 0 <= place <= count:
            raise OptionError(f"{text} is no border of a period of the window.", f"Its periods last {length} s each.")
        places[side] = place
    if places[0] >= places[1]:
        raise OptionError("No period lies between these times.", "Let --from be before --to.")
    return count, range(places[0], places[1])


def _orders(orders_w: tuple[int, ...]) -> str:
    return ", ".join(map(format_power, orders_w))
