"""What a file's numbers mean: sign, stamp, unit, zone and period, always stated by somebody."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

from flexbond.metering.errors import (
    ContradictoryConventionError,
    MissingConventionError,
    Place,
    UnknownConventionError,
    UnknownZoneError,
    WrongUnitError,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

MAX_PERIOD_SECONDS: Final = 366 * 86_400


class Sign(StrEnum):
    """Which direction the file counts as positive. Inside Flexbond import is positive."""

    IMPORT_POSITIVE = "import-positive"
    EXPORT_POSITIVE = "export-positive"


class Stamp(StrEnum):
    """Which end of its period a stamp names. Inside Flexbond it is the start."""

    START = "start"
    END = "end"


class Unit(StrEnum):
    """Unit of the readings; the averages are mean power over the period."""

    MILLI_WH = "mWh"
    WH = "Wh"
    KWH = "kWh"
    MWH = "MWh"
    W_AVERAGE = "W-average"
    KW_AVERAGE = "kW-average"

    @property
    def decimals(self) -> int:
        """Power of ten from the unit to the milliwatt-hour, or to the milliwatt of an average."""
        return {"mWh": 0, "Wh": 3, "kWh": 6, "MWh": 9, "W-average": 3, "kW-average": 6}[self]

    @property
    def is_average(self) -> bool:
        """Whether the reading is power and becomes energy by its period."""
        return self.value.endswith("-average")


UNITS_OF_COLUMN: Final = {
    "wh": (Unit.WH,),
    "kwh": (Unit.KWH,),
    "mwh": (Unit.MILLI_WH, Unit.MWH),
    "w": (Unit.W_AVERAGE,),
    "kw": (Unit.KW_AVERAGE,),
}
"""Units that a column may hold by the last part of its name. A name never states the unit."""


@dataclass(frozen=True, kw_only=True)
class Conventions:
    """What the caller knows about a file; None where the file itself must say it."""

    sign: Sign | None = None
    """Direction counted as positive in the file."""
    stamp: Stamp | None = None
    """Whether stamps name the start or the end of their period."""
    unit: Unit | None = None
    """Unit of the readings in the file."""
    zone: str | None = None
    """IANA zone of the stamps; may stay None where every stamp carries its offset."""
    period_seconds: int | None = None
    """Length of one period in s; may stay None where it follows from two readings."""


@dataclass(frozen=True, kw_only=True)
class Stated:
    """Conventions with nothing left open that the reader needs."""

    sign: Sign
    """Direction counted as positive in the file."""
    stamp: Stamp
    """Whether stamps name the start or the end of their period."""
    unit: Unit
    """Unit of the readings in the file."""
    zone: ZoneInfo | None
    """Zone of stamps without offset; None where no zone is stated."""
    period_seconds: int | None
    """Length of one period in s, where stated."""


def parse_statement(key: str, value: str, *, place: Place | None = None) -> Conventions:
    """One `key=value` of a file or a command line. Raises UnknownConventionError."""
    try:
        match key:
            case "sign":
                return Conventions(sign=Sign(value))
            case "stamp":
                return Conventions(stamp=Stamp(value))
            case "unit":
                return Conventions(unit=Unit(value))
            case "zone":
                return Conventions(zone=value)
            case "period":
                return Conventions(period_seconds=_period(value))
    except ValueError:
        raise UnknownConventionError(
            f"{key}={value[:80]!r} is not a value of {key}.", place=place, advice=_allowed(key)
        ) from None
    raise UnknownConventionError(f"{key[:80]!r} is not a convention.", place=place)


def merge(stated: Iterable[tuple[Conventions, str, Place | None]]) -> Conventions:
    """All statements as one. Raises ContradictoryConventionError if two differ."""
    merged = Conventions()
    origin: dict[str, str] = {}
    for conventions, who, place in stated:
        for field in fields(Conventions):
            value, known = getattr(conventions, field.name), getattr(merged, field.name)
            if value is None:
                continue
            if known is not None and known != value:
                name = field.name.removesuffix("_seconds")
                raise ContradictoryConventionError(
                    f"{who} says {name}={value}, but {origin[field.name]} says {name}={known}.",
                    place=place,
                )
            if known is None:
                merged = replace(merged, **{field.name: value})
                origin[field.name] = who
    return merged


def complete(conventions: Conventions, *, column: str, place: Place) -> Stated:
    """Conventions ready for reading `column`.

    Raises MissingConventionError, WrongUnitError, UnknownZoneError, UnknownConventionError.
    """
    sign, stamp, unit = conventions.sign, conventions.stamp, conventions.unit
    if sign is None or stamp is None or unit is None:
        name = "sign" if sign is None else "stamp" if stamp is None else "unit"
        raise MissingConventionError(
            f"the {name} of the readings is stated neither in the file nor by the caller.",
            place=place,
            advice=f"{_allowed(name)} Write it into the first line (`# {name}=...`) or say it by option.",
        )
    named = UNITS_OF_COLUMN.get(column.lower().rsplit("_", 1)[-1])
    if named is not None and unit not in named:
        raise WrongUnitError(
            f"the stated unit is {unit}, but the column is named {column!r}.",
            place=place,
        )
    period = conventions.period_seconds
    if period is not None and not 0 < period <= MAX_PERIOD_SECONDS:
        raise UnknownConventionError(f"a period of {period} s does not exist.", place=place, advice=_allowed("period"))
    return Stated(
        sign=sign,
        stamp=stamp,
        unit=unit,
        zone=None if conventions.zone is None else load_zone(conventions.zone, place=place),
        period_seconds=period,
    )


def load_zone(name: str, *, place: Place | None = None) -> ZoneInfo:
    """The IANA zone of that name. Raises UnknownZoneError."""
    try:
        return ZoneInfo(name)
    except (LookupError, ValueError, OSError):
        raise UnknownZoneError(f"{name[:80]!r} is not a time zone.", place=place) from None


def _period(value: str) -> int:
    if not (value.isascii() and value.isdigit() and 0 < len(value) <= 9 and int(value) > 0):
        raise ValueError(value)
    return int(value)


def _allowed(key: str) -> str:
    kinds: dict[str, type[StrEnum]] = {"sign": Sign, "stamp": Stamp, "unit": Unit}
    if key in kinds:
        return f"Use {key}={' or '.join(kinds[key])}."
    return "State the period in whole seconds, such as period=900."
