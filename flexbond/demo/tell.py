"""The story in plain sentences with its sums, for the terminal and for the report alike."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from flexbond.demo.text import clock, hours, kw, kwh, listed, long_day, percent
from flexbond.model.types import Direction

if TYPE_CHECKING:
    from pathlib import Path

    from flexbond.demo.plan import Occasion
    from flexbond.demo.result import DemoResult, DispatchLine, EventLine
    from flexbond.operations.common import Token

REPORT: Final = "report.html"
EVENTS: Final = "events.jsonl"
MODELLED: Final = (
    "Every reading is a real meter's hour with one exception: the homes' batteries are modelled, "
    "and what the meters show is the real net load plus the modelled battery."
)


def heading(occasion: Occasion) -> str:
    """`Tuesday 23 August 2016, 20:00-22:00`."""
    return f"{long_day(occasion.day)}, {hours(occasion.start, occasion.end)}"


def sold(occasion: Occasion) -> str:
    """Who bought what."""
    what = "less demand" if occasion.direction is Direction.SHED else "more demand"
    buyers = listed([f"{sale.units} kW by the {sale.buyer}" for sale in occasion.sales])
    return f"Bought for this window: {what}, {buyers}, under rule {occasion.rules}."


def story(event: EventLine, token: Token) -> list[str]:
    """What happened, and who paid whom."""
    if not event.dispatches:
        return [*_uncalled(event, token), _pool(event, token)]
    return [_delivered(event), *(_dispatch(line, token) for line in event.dispatches), _pool(event, token)]


def narrate(result: DemoResult, out: Path) -> list[str]:
    """The whole story, a line each, an empty one between its parts; report and log stand in `out`."""
    lines = [MODELLED]
    for number, event in enumerate(result.events, start=1):
        lines += ["", f"{number}. {event.occasion.title}: {heading(event.occasion)}."]
        lines += [f"{sold(event.occasion)} {event.occasion.course}", *story(event, result.token)]
        lines.append(f"Why this day: {event.occasion.why}")
    compared = sum(check.count for check in result.checks)
    return [
        *lines,
        "",
        *balance(result),
        f"{compared:,} values of the chain were compared with the reference model and the event log: all are equal.",
        f"Read {out / REPORT}; the event log is {out / EVENTS}.",
    ]


def balance(result: DemoResult) -> list[str]:
    """The end of the story."""
    show = result.token.show
    homes = sum(party.earned for party in result.parties if party.role == "home")
    aggregator = sum(party.earned for party in result.parties if party.role == "aggregator")
    free = sum(party.free for party in result.parties)
    locked = sum(party.locked for party in result.parties)
    end = (
        f"earned {show(aggregator)}"
        if aggregator >= 0
        else f"lost {show(-aggregator)}, its penalties being greater than its pay"
    )
    return [
        f"Over all five windows the homes earned {show(homes)}; the aggregator {end}.",
        f"Deposited {show(result.deposited)} = withdrawn {show(result.withdrawn)} + free {show(free)} + locked {show(locked)}, "
        "to the base unit.",
    ]


def _delivered(event: EventLine) -> str:
    parts = []
    for line in event.periods:
        if line.response is not None:
            share = f"{kwh(line.response)} of {kwh(line.ordered)} kWh"
            parts.append(f"{share} from {hours(line.start, line.end)}")
    silent = [home.name for home in event.homes if home.silence]
    tail = ""
    if silent:
        reason = next(home.silence for home in event.homes if home.silence)
        tail = f" {listed(silent)} {'was' if len(silent) == 1 else 'were'} silent ({reason}), which counts as its whole capacity against "
        tail += "the portfolio."
    return f"Against its baseline the portfolio gave {listed(parts)}.{tail}"


def _dispatch(line: DispatchLine, token: Token) -> str:
    settled = line.settled
    stopped = " and took back its order for the second hour" if line.stopped else ""
    refund = settled.utilisation_refund + settled.availability_refund
    returned = f" {token.show(refund)} of what it had locked came back." if refund else ""
    return (
        f"The {line.buyer} called {kw(max(line.orders_w))} kW at {clock(line.notice_at)}{stopped}; it was served "
        f"{percent(line.delivered_bps)} of its order. It paid {token.show(settled.pay)} for energy and "
        f"{token.show(settled.availability)} for availability.{returned}{_penalty(line, token)}"
    )


def _penalty(line: DispatchLine, token: Token) -> str:
    penalty = line.settled.penalty
    if not penalty:
        return ""
    capped = (
        f"; the stop-loss keeps it from {token.show(line.penalty_uncapped)}" if penalty < line.penalty_uncapped else ""
    )
    return f" The aggregator's collateral paid it a penalty of {token.show(penalty)}{capped}."


def _uncalled(event: EventLine, token: Token) -> list[str]:
    return [
        f"Nobody called. The availability of {token.show(event.uncalled_availability)} is due all the same, and the aggregator's "
        "collateral is free again."
    ]


def _pool(event: EventLine, token: Token) -> str:
    if not event.pool.amount:
        return "The homes' pool stays empty."
    own = event.periods and not event.schedule and any(home.weight for home in event.homes)
    split = "by what each delivered" if own else "by capacity"
    return (
        f"The homes' pool of {token.show(event.pool.amount)} is split {split}; {token.show(event.pool.remainder)} is left over "
        "by rounding."
    )
