"""Numbers as the story and the report show them; whole numbers all the way, floats nowhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from flexbond.demo.homes import local_clock
from flexbond.units import format_money

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import date, datetime

MINUS: Final = "\N{MINUS SIGN}"


def decimal(value: int, *, exponent: int, places: int) -> str:
    """`value / 10^exponent` with so many decimals, ties to even, with a true minus sign."""
    step = 10 ** (exponent - places)
    count, rest = divmod(value, step)
    count += 2 * rest > step or (2 * rest == step and count % 2 == 1)
    whole, fraction = divmod(abs(count), 10**places)
    return f"{MINUS if count < 0 else ''}{whole:,}{f'.{fraction:0{places}d}' if places else ''}"


def kwh(milli_wh: int, places: int = 2) -> str:
    """Energy in kWh, without the unit."""
    return decimal(milli_wh, exponent=6, places=places)


def kw(power_w: int) -> str:
    """Power in kW, as few decimals as are exact, without the unit."""
    text = decimal(power_w, exponent=3, places=3)
    return text.rstrip("0").rstrip(".")


def percent(bps: int) -> str:
    """Basis points in percent: `62.35 %`, `100 %`."""
    text = decimal(bps, exponent=2, places=2)
    return f"{text.rstrip('0').rstrip('.')}\N{NO-BREAK SPACE}%"


def money(amount: int, *, decimals: int, symbol: str = "") -> str:
    """Base units, exact, with all decimals so that columns line up."""
    text = decimal(amount, exponent=decimals, places=decimals)
    return f"{text} {symbol}" if symbol else text


def short_money(amount: int, *, decimals: int, symbol: str) -> str:
    """Base units, exact, without needless zeros: for sentences."""
    return format_money(amount, decimals=decimals, symbol=symbol)


def long_day(day: date) -> str:
    """`Tuesday 23 August 2016`."""
    return f"{day:%A} {day.day} {day:%B %Y}"


def short_day(day: date) -> str:
    """`23 Aug`."""
    return f"{day.day} {day:%b}"


class Clock:
    """Times as the people of a place read them."""

    def __init__(self, local: Callable[[int], datetime]) -> None:
        self.local = local
        """Local wall clock, without zone, of UTC seconds."""

    def at(self, seconds: int) -> str:
        """Local wall clock of UTC seconds: `19:05`."""
        return f"{self.local(seconds):%H:%M}"

    def hours(self, start: int, end: int) -> str:
        """`20:00-22:00` with an en dash."""
        return f"{self.at(start)}\N{EN DASH}{self.at(end)}"

    def heading(self, start: int, end: int) -> str:
        """`Tuesday 23 August 2016, 20:00-22:00`."""
        return f"{long_day(self.local(start).date())}, {self.hours(start, end)}"


FONTANA: Final = Clock(local_clock)


def listed(names: Sequence[str]) -> str:
    """`a, b and c`."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
