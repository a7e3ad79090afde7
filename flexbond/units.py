"""The only place where watts, watt-hours and money in decimals become integers, and back.

| quantity | integer of | sign |
| --- | --- | --- |
| power | watt | never negative |
| energy | milliwatt-hour | `+` import from the grid, `-` export |
| money | base unit of the token | never negative where an amount is read |
| price of energy | base units per MWh | never negative |
| price of availability | base units per MW and hour | never negative |
| time | UTC seconds since 1970 | never negative |

Text is read with decimal point, without thousands separators, and with its unit; whatever the
integer cannot hold exactly is an error and never rounded. Floats are refused everywhere.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final

from flexbond.errors import FlexbondError

POWER_UNITS: Final = {"W": 0, "kW": 3, "MW": 6, "GW": 9}
"""Power unit to its power of ten in watts."""

ENERGY_UNITS: Final = {"mWh": 0, "Wh": 3, "kWh": 6, "MWh": 9, "GWh": 12}
"""Energy unit to its power of ten in milliwatt-hours. `mWh` and `MWh` differ by their case only."""

_PER_MWH: Final = {"Wh": 6, "kWh": 3, "MWh": 0}
_PER_MW_HOUR: Final = {"W/h": 6, "kW/h": 3, "MW/h": 0}
_MAX_DECIMALS: Final = 36
_MAX_TEXT: Final = 80

_QUANTITY = re.compile(r"([+-]?)([0-9]+)(?:\.([0-9]+))?\s*([^\s0-9].*)?", re.ASCII)
_TIME = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(?::[0-9]{2})?)(Z|[+-][0-9]{2}:[0-9]{2})?")


class UnitError(FlexbondError):
    """A quantity that cannot become an exact integer of its unit."""


class FloatRefusedError(UnitError):
    """A float where text, an integer or a Decimal is needed."""


class NotAQuantityError(UnitError):
    """Text that is not a plain decimal number followed by a unit."""


class UnknownUnitError(UnitError):
    """A unit that is missing or does not belong to the quantity."""


class InexactValueError(UnitError):
    """A value with more digits than its integer unit holds."""


class NegativeValueError(UnitError):
    """A value below zero where the sign has no meaning."""


def watts(text: str) -> int:
    """Power in W from text such as `"20 kW"`; never negative.

    Raises FloatRefusedError, NotAQuantityError, UnknownUnitError, InexactValueError (more than a
    watt can hold), NegativeValueError.
    """
    return _quantity(text, POWER_UNITS, base="W", signed=False)


def milliwatt_hours(text: str) -> int:
    """Energy in mWh from text such as `"12.5 kWh"`; `+` import, `-` export.

    Raises FloatRefusedError, NotAQuantityError, UnknownUnitError, InexactValueError.
    """
    return _quantity(text, ENERGY_UNITS, base="mWh", signed=True)


def money(amount: str | int | Decimal, *, decimals: int) -> int:
    """Base units of a token of `decimals` decimals from a number of whole tokens; never negative.

    `money("7.5", decimals=6)` is 7 500 000. Raises FloatRefusedError, NotAQuantityError,
    InexactValueError, NegativeValueError.
    """
    text = _text(amount)
    _check_decimals(decimals)
    number, unit = _split(text)
    if unit:
        raise NotAQuantityError(
            f"{text!r} is not an amount of money.",
            next_step="Give the number alone, such as 7.5; the currency is stated elsewhere.",
        )
    return _scaled(number, decimals, text=text, base="base unit of the token", signed=False)


def price_per_mwh(text: str, *, decimals: int) -> int:
    """Base units per MWh from text such as `"220/MWh"` or `"0.22 per kWh"`; never negative.

    Raises FloatRefusedError, NotAQuantityError, UnknownUnitError, InexactValueError,
    NegativeValueError.
    """
    return _price(text, _PER_MWH, decimals=decimals, base="base unit per MWh", example="220/MWh")


def price_per_mw_hour(text: str, *, decimals: int) -> int:
    """Base units per MW and hour from `"7/MW/h"` or `"7 per MW and hour"`; never negative.

    Raises FloatRefusedError, NotAQuantityError, UnknownUnitError, InexactValueError,
    NegativeValueError.
    """
    base = "base unit per MW and hour"
    return _price(text, _PER_MW_HOUR, decimals=decimals, base=base, example="7/MW/h")


def period_energy(power_w: int, period_seconds: int) -> int:
    """Energy in mWh of a constant power in W over a period in s, with the sign of the power.

    Exactly `power_w * period_seconds * 1000 / 3600`. Raises FloatRefusedError, NegativeValueError
    (period not above zero), InexactValueError (not a whole number of mWh).
    """
    _check_integer(power_w, "power")
    _check_integer(period_seconds, "period")
    if period_seconds <= 0:
        raise NegativeValueError(
            f"The period of {period_seconds} s is not above zero.",
            next_step="Give the length of the period in seconds, such as 900.",
        )
    energy, rest = divmod(power_w * period_seconds * 10, 36)
    if rest:
        raise InexactValueError(
            f"{power_w} W over {period_seconds} s is not a whole number of mWh.",
            next_step="Choose a power and a period whose product in W*s is a multiple of 3.6.",
        )
    return energy


def utc_seconds(text: str) -> int:
    """UTC seconds since 1970 from ISO-8601 text with its offset: `2016-08-01T00:00-07:00`, `...Z`.

    Raises FloatRefusedError, NotAQuantityError (not a time, no offset, before 1970).
    """
    matched = _TIME.fullmatch(_text(text))
    if matched is None or matched[2] is None:
        raise NotAQuantityError(
            f"{text!r} is not an ISO-8601 time with its offset from UTC.",
            next_step="Write it like 2016-08-01T19:00-07:00 or 2016-08-02T02:00Z.",
        )
    try:
        since = datetime.fromisoformat(text) - datetime(1970, 1, 1, tzinfo=UTC)
    except (ValueError, OverflowError) as error:
        raise NotAQuantityError(
            f"{text!r} is not a time of the calendar.", next_step="Check day, hour and offset."
        ) from error
    if since < timedelta(0):
        raise NotAQuantityError(f"{text!r} is before 1970.", next_step="Check the year.")
    return since.days * 86_400 + since.seconds


def format_time(seconds: int) -> str:
    """ISO-8601 text in UTC of UTC seconds: `2016-08-02T02:00:00Z`. Raises FloatRefusedError."""
    _check_integer(seconds, "time")
    return f"{datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds):%Y-%m-%dT%H:%M:%SZ}"


def format_power(power_w: int, *, places: int | None = None) -> str:
    """Power in W for people, in the largest unit that leaves a digit before the point: `20 kW`.

    Exact without `places`; see `format_energy` for what `places` does.
    """
    _check_integer(power_w, "power")
    return _format(power_w, POWER_UNITS, places)


def format_energy(milli_wh: int, *, places: int | None = None) -> str:
    """Energy in mWh for people: `12.5 kWh`, with `-` for export.

    Exact without `places`. With `places` decimals are limited to that many, ties to even, and a
    text that had to be rounded begins with `~`, so that it can never be read back as a value.
    """
    _check_integer(milli_wh, "energy")
    return _format(milli_wh, ENERGY_UNITS, places)


def format_money(amount: int, *, decimals: int, symbol: str = "") -> str:
    """Base units for people: `1,234.50 USDC`; exact, two decimals at least, commas by thousands."""
    _check_integer(amount, "amount")
    _check_decimals(decimals)
    whole, fraction = divmod(abs(amount), 10**decimals)
    digits = f"{fraction:0{decimals}d}" if decimals else ""
    kept = digits.rstrip("0").ljust(min(2, decimals), "0")
    number = f"{'-' if amount < 0 else ''}{whole:,}{'.' if kept else ''}{kept}"
    return f"{number} {symbol}" if symbol else number


def _text(value: object) -> str:
    """The value as text; floats and booleans are refused."""
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, Decimal) and value.is_finite() and abs(value.adjusted()) <= _MAX_TEXT:
        return f"{value:f}"
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if isinstance(value, float):
        raise FloatRefusedError(
            f"{value!r} is a float, which does not hold decimals exactly.",
            next_step='Give text such as "7.5", an int or a Decimal.',
        )
    raise NotAQuantityError(f"{value!r} is not a quantity.", next_step='Give text such as "7.5", an int or a Decimal.')


def _check_integer(value: object, name: str) -> None:
    if isinstance(value, int) and not isinstance(value, bool):
        return
    kind = FloatRefusedError if isinstance(value, float) else NotAQuantityError
    raise kind(f"The {name} {value!r} is not an int.", next_step="Give an integer.")


def _check_decimals(decimals: int) -> None:
    _check_integer(decimals, "number of decimals")
    if not 0 <= decimals <= _MAX_DECIMALS:
        raise NotAQuantityError(
            f"A token of {decimals} decimals does not exist.",
            next_step=f"Give the token's decimals, 0 to {_MAX_DECIMALS}.",
        )


def _split(text: str) -> tuple[re.Match[str], str]:
    """The matched number and the unit behind it, which may be empty."""
    matched = _QUANTITY.fullmatch(text) if len(text) <= _MAX_TEXT else None
    if matched is None:
        shown = text if len(text) <= _MAX_TEXT else f"{text[:_MAX_TEXT]}..."
        raise NotAQuantityError(
            f"{shown!r} is not a plain decimal number with a unit.",
            next_step="Write digits with a decimal point, no thousands separator and no exponent.",
        )
    return matched, (matched[4] or "").strip()


def _quantity(text: str, units: dict[str, int], *, base: str, signed: bool) -> int:
    """The integer of the base unit that the text states with one of the units."""
    text = _text(text)
    number, unit = _split(text)
    if unit not in units:
        raise UnknownUnitError(
            f"{text!r} has no unit." if not unit else f"{text!r} has the unknown unit {unit!r}.",
            next_step=f"Use one of {', '.join(units)} (case matters).",
        )
    return _scaled(number, units[unit], text=text, base=base, signed=signed)


def _price(text: str, units: dict[str, int], *, decimals: int, base: str, example: str) -> int:
    """The integer price that the text states per one of the units."""
    text = _text(text)
    _check_decimals(decimals)
    number, unit = _split(text)
    named = re.sub(r"^(/|per\b)\s*", "", unit)
    named = re.sub(r"\s*(/\s*h|and hour)$", "/h", named)
    if named == unit or named not in units:
        raise UnknownUnitError(f"{text!r} does not say what the price is per.", next_step=f"Write it like {example}.")
    return _scaled(number, decimals + units[named], text=text, base=base, signed=False)


def _scaled(number: re.Match[str], exponent: int, *, text: str, base: str, signed: bool) -> int:
    """The matched number times ten to the exponent, exactly."""
    sign, whole, fraction = number[1], number[2], (number[3] or "").rstrip("0")
    if len(fraction) > exponent:
        raise InexactValueError(
            f"{text!r} has more digits than a whole {base} holds.",
            next_step=f"Give at most {exponent} decimals.",
        )
    value = int(whole + fraction.ljust(exponent, "0"))
    if sign == "-" and value and not signed:
        raise NegativeValueError(
            f"{text!r} is below zero.", next_step="Give it without sign; direction is stated apart."
        )
    return -value if sign == "-" else value


def _format(value: int, units: dict[str, int], places: int | None) -> str:
    """The value in the largest unit that leaves a digit before the point."""
    size = len(str(abs(value))) - 1
    unit, exponent = next((item for item in reversed(units.items()) if item[1] <= size), next(iter(units.items())))
    mark = ""
    if places is not None and exponent > places:
        step = 10 ** (exponent - places)
        rounded = _nearest(value, step) * step
        mark, value = ("~" if rounded != value else ""), rounded
    whole, fraction = divmod(abs(value), 10**exponent)
    digits = f"{fraction:0{exponent}d}".rstrip("0") if exponent else ""
    sign = "-" if value < 0 else ""
    return f"{mark}{sign}{whole}{'.' if digits else ''}{digits} {unit}"


def _nearest(value: int, step: int) -> int:
    """The whole number of steps nearest to the value, ties to even."""
    count, rest = divmod(value, step)
    return count + (2 * rest > step or (2 * rest == step and count % 2 == 1))
