"""Calendars from the IANA time zone database and from the holidays of countries, proven before they are handed out.

days = build("Europe/London", "GB-ENG", 2016, 2019)
LocalCalendar(days).wall_of(1_477_789_200)
"""

from __future__ import annotations

from flexbond.calendars.build import LEAST_YEAR, build, days_of, named, span
from flexbond.calendars.errors import (
    CalendarError,
    CalendarHolidaysError,
    CalendarSpanError,
    CalendarZoneError,
    OddClockError,
)
from flexbond.calendars.holidays import NERC, holidays_of

__all__ = [
    "LEAST_YEAR",
    "NERC",
    "CalendarError",
    "CalendarHolidaysError",
    "CalendarSpanError",
    "CalendarZoneError",
    "OddClockError",
    "build",
    "days_of",
    "holidays_of",
    "named",
    "span",
]
