"""Makes the calendar and the days of a zone and its holidays, in whole pages, ready to be published."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Final

from flexbond.calendars.clock import clock_of, prove, summer_days, zone_of
from flexbond.calendars.errors import CalendarError, CalendarSpanError
from flexbond.calendars.holidays import holidays_of
from flexbond.model.calendar import PAGE, date_of, day_of_date
from flexbond.model.types import Calendar, CalendarDays

if TYPE_CHECKING:
    from collections.abc import Iterable

LEAST_YEAR: Final = 1971
"""The first page begins on 1970-09-14."""
GREATEST_YEAR: Final = 2100
"""Beyond it no database of zones or holidays says anything."""
NAME_BYTES: Final = 32


def build(zone: str, holidays: str, from_year: int, until_year: int) -> CalendarDays:
    """The calendar of an IANA zone with named holidays, from 1 January of one year until that of another, in whole pages.

    The pages around the span are whole: every day of them is as true as those asked for. `holidays` is a country (GB), a part of one
    (GB-ENG), NERC, or empty for none. Raises CalendarZoneError, CalendarHolidaysError, CalendarSpanError, OddClockError.
    """
    first, until = span(from_year, until_year)
    clock = clock_of(zone_of(zone), first, until)
    calendar = Calendar(
        zone=_name(zone),
        holidays=_name(holidays),
        offset_seconds=clock.offset_seconds,
        summer_seconds=clock.summer_seconds,
        spring_at=clock.spring_at,
        autumn_at=clock.autumn_at,
    )
    return days_of(calendar, first, until)


def days_of(calendar: Calendar, first_day: int, until_day: int) -> CalendarDays:
    """The days of a calendar, from its zone and its holidays; both ends multiples of 256. Raises as `build`.

    For further days of a calendar that stands: its clock stays what it is, and OddClockError says so if the zone's is another by then.
    """
    if first_day % PAGE or until_day % PAGE or first_day >= until_day:
        raise CalendarSpanError(
            f"From day {first_day} until day {until_day} there are no whole pages.",
            f"Give two different multiples of {PAGE}.",
        )
    zone = zone_of(named(calendar.zone))
    free = holidays_of(named(calendar.holidays), date_of(first_day), date_of(until_day))
    days = CalendarDays(
        calendar=calendar,
        first_day=first_day,
        summer=_words(summer_days(zone, calendar, first_day, until_day), first_day, until_day),
        holidays=_words((day_of_date(day) for day in free), first_day, until_day),
    )
    prove(zone, days)
    return days


def span(from_year: int, until_year: int) -> tuple[int, int]:
    """First day, and first day after the last, of the pages that hold these years; `until_year` is not among them.

    Raises CalendarSpanError.
    """
    if not LEAST_YEAR <= from_year < until_year <= GREATEST_YEAR:
        raise CalendarSpanError(
            f"From {from_year} until {until_year} is no span of years.",
            f"Give years from {LEAST_YEAR} to {GREATEST_YEAR}, the later one last; it is not included.",
        )
    first, until = day_of_date(date(from_year, 1, 1)), day_of_date(date(until_year, 1, 1))
    return first // PAGE * PAGE, -(-until // PAGE) * PAGE


def named(field: bytes) -> str:
    """The name that a field of a calendar holds. Raises CalendarError if it is no ASCII text."""
    try:
        return field.rstrip(b"\0").decode("ascii")
    except UnicodeDecodeError as error:
        raise CalendarError(f"0x{field.hex()} is no name.", "Check the calendar's id.") from error


def _name(text: str) -> bytes:
    encoded = text.encode("ascii", "replace")
    if len(encoded) > NAME_BYTES:
        raise CalendarError(f"{text!r} is longer than {NAME_BYTES} characters.", "Use a name that is shorter.")
    return encoded.ljust(NAME_BYTES, b"\0")


def _words(days: Iterable[int], first_day: int, until_day: int) -> tuple[int, ...]:
    words = [0] * ((until_day - first_day) // PAGE)
    for day in days:
        words[(day - first_day) // PAGE] |= 1 << day % PAGE
    return tuple(words)
