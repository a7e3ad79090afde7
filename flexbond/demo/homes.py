"""The demonstration's real input: sixty summer days of seventeen homes, by local day and hour."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Final

from flexbond.chain.node import clone_root
from flexbond.errors import FlexbondError
from flexbond.metering import IntervalSeries, read_csv

if TYPE_CHECKING:
    from pathlib import Path

HOUR: Final = 3_600
DAY_HOURS: Final = 24
OFFSET_SECONDS: Final = 7 * HOUR
"""Local midnight in UTC: the extract lies whole in Pacific summer time, UTC-7."""

SOURCE: Final = "CityLearn Challenge 2022 (in the wheel of CityLearn 2.1.2)"
SOURCE_AUTHORS: Final = (
    "Jose Ramon Vazquez-Canteli, Kingsley Nweye and Zoltan Nagy, Intelligent Environments Laboratory"
)
SOURCE_LICENCE: Final = "MIT licence, copyright (c) 2020 Jose Ramon Vazquez-Canteli"


class HomesError(FlexbondError):
    """The data are not those that the demonstration is about."""


def local_time(day: date, hour: int) -> int:
    """UTC seconds of an hour of a local day; hour 24 is the next midnight."""
    midnight = datetime(day.year, day.month, day.day, tzinfo=UTC) - datetime(1970, 1, 1, tzinfo=UTC)
    return midnight.days * DAY_HOURS * HOUR + OFFSET_SECONDS + hour * HOUR


def local_clock(seconds: int) -> datetime:
    """Local wall clock of UTC seconds, without zone."""
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds - OFFSET_SECONDS)).replace(tzinfo=None)


@dataclass(frozen=True, kw_only=True)
class Homes:
    """Hourly net load of all homes over the same whole local days."""

    names: tuple[str, ...]
    """`home-01` and so on."""
    first_day: date
    """First local day."""
    readings: tuple[tuple[int, ...], ...]
    """Of each home, energy of every hour from the first day's midnight, mWh, `+` import, `-` export."""

    @property
    def days(self) -> tuple[date, ...]:
        """All local days, in order."""
        return tuple(self.first_day + timedelta(days=i) for i in range(len(self.readings[0]) // DAY_HOURS))

    def index(self, day: date, hour: int) -> int:
        """Place of a local hour in the readings."""
        return (day - self.first_day).days * DAY_HOURS + hour

    def total(self, day: date, hour: int) -> int:
        """Net load of all homes in a local hour, mWh, `+` import, `-` export."""
        place = self.index(day, hour)
        return sum(readings[place] for readings in self.readings)


def load_homes(path: Path | None = None) -> Homes:
    """The homes of the extract in the clone, or of a file like it.

    Raises the errors of `flexbond.metering`, and HomesError if the homes do not cover the same whole local days by the hour.
    """
    series = read_csv(path or clone_root() / "data" / "fontana" / "homes.csv", value_column="wh")
    first = series[0]
    if any(not _fits(one, first) for one in series):
        raise HomesError("The homes do not cover the same whole local days by the hour.", "Cut the extract anew.")
    return Homes(
        names=tuple(one.metering_point for one in series),
        first_day=local_clock(first.start).date(),
        readings=tuple(one.readings for one in series),
    )


def _fits(series: IntervalSeries, first: IntervalSeries) -> bool:
    """Whether a series is hourly, starts at local midnight, ends at one, and is as long as the first."""
    day = DAY_HOURS * HOUR
    whole = (series.start - OFFSET_SECONDS) % day == 0 and (series.end - OFFSET_SECONDS) % day == 0
    return whole and series.period_seconds == HOUR and (series.start, series.end) == (first.start, first.end)
