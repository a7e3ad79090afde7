"""Holidays by name: a country, a country and a part of it, NERC's, or none."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Final

import holidays as known

from flexbond.calendars.errors import CalendarHolidaysError

NERC: Final = "NERC"
"""The six holidays of the North American power markets; one on a Sunday is kept on Monday, one on a Saturday is not moved."""
_NERC_NAMES: Final = frozenset(
    ("New Year's Day", "Memorial Day", "Independence Day", "Labor Day", "Thanksgiving Day", "Christmas Day")
)
_SUNDAY: Final = 6
_ADVICE: Final = "Use a country such as GB, a part of one such as GB-ENG, NERC, or an empty name for none."


def holidays_of(name: str, first: date, until: date) -> dict[date, str]:
    """Name of each holiday from `first` until before `until`, by its date. An empty name: none. Raises CalendarHolidaysError."""
    if not name:
        return {}
    years = range(first.year, until.year + 1)
    found = _nerc(years) if name == NERC else _national(name, years)
    return {day: called for day, called in sorted(found.items()) if first <= day < until}


def _nerc(years: range) -> dict[date, str]:
    found = {}
    for day, called in _country("US", None, years, observed=False).items():
        if called in _NERC_NAMES:
            found[day + timedelta(days=1) if day.weekday() == _SUNDAY else day] = called
    return found


def _national(name: str, years: range) -> dict[date, str]:
    country, _, part = name.partition("-")
    return _country(country, part or None, years, observed=True)


def _country(country: str, part: str | None, years: range, *, observed: bool) -> dict[date, str]:
    name = f"{country}-{part}" if part else country
    try:
        calendar = known.country_holidays(country, subdiv=part, observed=observed, language="en_US")
    except NotImplementedError as error:
        raise CalendarHolidaysError(f"The holidays of {name!r} are not known.", _ADVICE) from error
    if years[0] < calendar.start_year or years[-1] > calendar.end_year:
        raise CalendarHolidaysError(
            f"The holidays of {name} are known from {calendar.start_year} until {calendar.end_year}, "
            f"not from {years[0]} until {years[-1]}.",
            "Take years within.",
        )
    for year in years:
        calendar.get(date(year, 1, 1))  # the years are filled in when they are asked for
    return dict(calendar.items())
