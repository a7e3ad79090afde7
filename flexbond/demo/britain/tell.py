"""The British chapter in plain sentences with its sums, for the terminal and for the report alike."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from flexbond.demo import tell
from flexbond.demo.text import kwh, listed
from flexbond.model.lookback import PassedOver

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from flexbond.demo.britain.result import BritishResult, HomeDays, WindowLine
    from flexbond.operations.common import Token

MODELLED: Final = (
    "Every reading is a real meter's half-hour with two exceptions: the homes' batteries are modelled, and the late revision is invented. "
    "Two of the four meters are the same two homes a year earlier, moved by 52 weeks."
)
TOLD: Final = (PassedOver.CALLED.value, PassedOver.HOLIDAY.value)
"""Reasons for which a day of the right class is passed over."""


def narrate(result: BritishResult) -> list[str]:
    """The whole chapter, a line each, an empty one between its parts."""
    lines = ["", "Great Britain", MODELLED]
    for number, line in enumerate(result.windows, start=1):
        lines += tell.window(number, line.window, line, result.token, result.homes.clock)
        lines += [*past_days(line), *what_if(line, result.token), line.window.why]
    return [*lines, "", *balance(result), tell.compared(result)]


def balance(result: BritishResult) -> list[str]:
    """The end of the month."""
    show = result.token.show
    earned = {party.name: party.earned for party in result.parties}
    homes = sum(party.earned for party in result.parties if party.role == "home")
    pools = sum(party.locked for party in result.parties if party.role == "pools")
    return [
        f"October earned the homes {show(homes)}, and the aggregator {show(earned['Aggregator'])} after its penalties.",
        f"{tell.deposits(result)} Of it {show(pools)} are what rounding left in the homes' pools.",
        f"{len(result.statements)} statements were written, and their lines add up with the balances before and after.",
    ]


def past_days(line: WindowLine) -> list[str]:
    """Which days the baseline came from, and how far the day's own load moved it."""
    if line.axis is None:
        return []
    heard = [home for home in line.days if not home.silence]
    days = [day.day for day in heard[0].days]
    sentences = [f"The baseline looks back on {_dated(days)}.{_passed(line)}"]
    if not line.axis.adjusting:
        return [
            *sentences,
            "It is the mean of those days; the day's own load before the notice is another day's, and moves nothing.",
        ]
    moved = sum(_shift(home) for home in heard)
    way = "up" if moved >= 0 else "down"
    span = f"{line.axis.adjusting[0]} to {line.axis.adjusting_end}"
    return [
        *sentences,
        f"From {span} the homes took {'more' if moved >= 0 else 'less'} than on those days, which moves it {way} by "
        f"{kwh(abs(moved))} kWh a half-hour.",
    ]


def what_if(line: WindowLine, token: Token) -> list[str]:
    """What a revision would have changed, had it been in time."""
    other = line.what_if
    if other is None:
        return []
    home = next(home for home in line.days if home.name == other.home)
    own, mine = sum(home.baseline), sum(other.baseline)
    pay = sum(one.settled.pay for one in line.dispatches)
    penalty = sum(one.settled.penalty for one in line.dispatches)
    return [
        f"The revision came after the notice: {other.told}. It does not count.",
        f"Counted, it would have lifted the baseline of {other.home} from {kwh(own)} to {kwh(mine)} kWh over the window, and the pay from "
        f"{token.show(pay)} to {token.show(other.pay)}; the penalty would have been {token.show(other.penalty)} instead of "
        f"{token.show(penalty)}.",
    ]


def _shift(home: HomeDays) -> int:
    """How far the adjustment moves a home's baseline in each period, mWh, about."""
    return (sum(home.baseline) - sum(home.raw)) // len(home.raw)


def _passed(line: WindowLine) -> str:
    told = [f"{short(day)} ({reason})" for day, reason in line.passed_over if reason in TOLD]
    return f" Passed over: {listed(told)}." if told else ""


def _dated(days: Sequence[date]) -> str:
    return listed([short(day) for day in days])


def short(day: date) -> str:
    """`Tue 22 Oct`."""
    return f"{day:%a} {day.day} {day:%b}"
