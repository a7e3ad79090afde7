"""What happened in plain sentences with its sums, for the terminal and for the report alike."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from flexbond.demo.text import FONTANA, Clock, kw, kwh, listed, percent
from flexbond.model.types import Direction

if TYPE_CHECKING:
    from flexbond.demo.result import ChapterResult, DispatchLine, FontanaResult, SettledLine
    from flexbond.demo.window import Window
    from flexbond.operations.common import Token

REPORT: Final = "report.html"
EVENTS: Final = "events.jsonl"
MODELLED: Final = (
    "Every reading is a real meter's hour with one exception: the homes' batteries are modelled, "
    "and what the meters show is the real net load plus the modelled battery."
)


def sold(occasion: Window) -> str:
    """Who bought what."""
    what = "less demand" if occasion.direction is Direction.SHED else "more demand"
    buyers = listed([f"{sale.units:,} kW by the {sale.buyer}" for sale in occasion.sales])
    return f"Bought for this window: {what}, {buyers}, under rule {occasion.rules}."


def story(event: SettledLine, token: Token, clock: Clock = FONTANA) -> list[str]:
    """What happened, and who paid whom."""
    if not event.dispatches:
        return [*_uncalled(event, token), _pool(event, token)]
    calls = [_dispatch(line, token, clock) for line in event.dispatches]
    return [_delivered(event, clock), *calls, _pool(event, token)]


def window(number: int, occasion: Window, event: SettledLine, token: Token, clock: Clock = FONTANA) -> list[str]:
    """A window with all its sentences, for the terminal."""
    return [
        "",
        f"{number}. {occasion.title}: {clock.heading(occasion.start, occasion.end)}.",
        f"{sold(occasion)} {occasion.course}",
        *story(event, token, clock),
    ]


def narrate_fontana(result: FontanaResult) -> list[str]:
    """The whole chapter, a line each, an empty one between its parts."""
    lines = ["Fontana, California", MODELLED]
    for number, event in enumerate(result.events, start=1):
        lines += window(number, event.occasion, event, result.token)
        lines.append(f"Why this day: {event.occasion.why}")
    return [*lines, "", *balance(result), compared(result)]


def compared(result: ChapterResult) -> str:
    """How much was compared."""
    return f"{result.comparisons:,} values of the chain were compared with the reference model and the event log: all are equal."


def balance(result: FontanaResult) -> list[str]:
    """The end of the story."""
    show = result.token.show
    homes = sum(party.earned for party in result.parties if party.role == "home")
    aggregator = sum(party.earned for party in result.parties if party.role == "aggregator")
    end = (
        f"earned {show(aggregator)}"
        if aggregator >= 0
        else f"lost {show(-aggregator)}, its penalties being greater than its pay"
    )
    return [f"Over all five windows the homes earned {show(homes)}; the aggregator {end}.", deposits(result)]


def deposits(result: ChapterResult) -> str:
    """What was brought, and where it is."""
    show = result.token.show
    free = sum(party.free for party in result.parties)
    locked = sum(party.locked for party in result.parties)
    return (
        f"Deposited {show(result.deposited)} = withdrawn {show(result.withdrawn)} + free {show(free)} + locked {show(locked)}, "
        "to the base unit."
    )


def _delivered(event: SettledLine, clock: Clock) -> str:
    parts = []
    for line in event.periods:
        if line.response is not None:
            share = f"{kwh(line.response)} of {kwh(line.ordered)} kWh"
            parts.append(f"{share} from {clock.hours(line.start, line.end)}")
    silent = [home.name for home in event.homes if home.silence]
    tail = ""
    if silent:
        reason = next(home.silence for home in event.homes if home.silence)
        tail = f" {listed(silent)} {'was' if len(silent) == 1 else 'were'} silent ({reason}), which counts as its whole capacity against "
        tail += "the portfolio."
    return f"Against its baseline the portfolio gave {listed(parts)}.{tail}"


def _dispatch(line: DispatchLine, token: Token, clock: Clock) -> str:
    settled = line.settled
    stopped = " and took back its order for the second hour" if line.stopped else ""
    refund = settled.utilisation_refund + settled.availability_refund
    returned = f" {token.show(refund)} of what it had locked came back." if refund else ""
    return (
        f"The {line.buyer} called {kw(max(line.orders_w))} kW at {clock.at(line.notice_at)}{stopped}; it was served "
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


def _uncalled(event: SettledLine, token: Token) -> list[str]:
    return [
        f"Nobody called. The availability of {token.show(event.uncalled_availability)} is due all the same, and the aggregator's "
        "collateral is free again."
    ]


def _pool(event: SettledLine, token: Token) -> str:
    if not event.pool.amount:
        return "The homes' pool stays empty."
    own = event.periods and not event.schedule and any(home.weight for home in event.homes)
    split = "by what each delivered" if own else "by capacity"
    return (
        f"The homes' pool of {token.show(event.pool.amount)} is split {split}; {token.show(event.pool.remainder)} is left over "
        "by rounding."
    )
