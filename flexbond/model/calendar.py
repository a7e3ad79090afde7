"""Local days and times of a calendar, integers only, as `contracts/libraries/Calendars.sol` has them.

Day d is the d-th local day after 1970-01-01. A wall time is what a local clock shows, seconds after midnight. Times are UTC seconds.
On the day on which summer time begins some wall times do not exist; on the day on which it ends some occur twice and mean their
first occurrence.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Final

from flexbond.errors import FlexbondError
from flexbond.ids import calendar_id

if TYPE_CHECKING:
    from flexbond.model.types import CalendarDays

__all__ = ["DAY", "HOLIDAY", "PAGE", "LocalCalendar", "UnknownDayError", "calendar_id", "date_of", "day_of_date"]

DAY: Final = 86_400
PAGE: Final = 256
"""Days in a page."""
HOLIDAY: Final = 7
"""Kind of a holiday; the others are 0 Monday to 6 Sunday."""
_THURSDAY: Final = 3
"""Weekday of 1970-01-01."""
_EPOCH: Final = date(1970, 1, 1)


class UnknownDayError(FlexbondError):
    """A day that the calendar does not hold. `day` is its number; `error` and `values` are the contract's."""

    def __init__(self, calendar: bytes, name: str, day: int) -> None:
        self.day = day
        self.error = "Rulebook_CalendarUnknown"
        self.values = (calendar, day)
        super().__init__(
            f"The calendar of {name} does not hold day {day} ({_shown(day)}).",
            next_step="Extend the calendar, or take a time within it.",
        )


def date_of(day: int) -> date:
    """The local date of a day."""
    return _EPOCH + timedelta(days=day)


def day_of_date(local: date) -> int:
    """The day of a local date."""
    return (local - _EPOCH).days


class LocalCalendar:
    """The arithmetic of a calendar on the days that are given. Every method raises UnknownDayError beyond them."""

    def __init__(self, days: CalendarDays) -> None:
        self.days = days
        self._calendar = days.calendar
        self._first = days.first_day
        self._until = days.first_day + PAGE * len(days.summer)
        self._summer = _joined(days.summer)
        self._holidays = _joined(days.holidays)

    @property
    def first_day(self) -> int:
        """The first known day."""
        return self._first

    @property
    def until_day(self) -> int:
        """The first day after those known."""
        return self._until

    def known(self, day: int) -> bool:
        """Whether the calendar holds the day."""
        return self._first <= day < self._until

    def start_of(self, day: int) -> int:
        """When the day begins, UTC seconds."""
        return self._standard_start(day) - (self._calendar.summer_seconds if self._is_summer(day) else 0)

    def day_of(self, utc: int) -> int:
        """The day that a moment lies in. Needs the day known, and the next one where summer time could begin it before midnight."""
        day = (utc + self._calendar.offset_seconds) // DAY
        earliest = self._standard_start(day + 1) - self._calendar.summer_seconds
        if utc >= earliest and utc >= self.start_of(day + 1):
            day += 1
        self._place(day)
        return day

    def wall_of(self, utc: int) -> tuple[int, int]:
        """Day and wall time of a moment. Needs the day and the next one known."""
        day = self.day_of(utc)
        standard = utc - self._standard_start(day)
        before, after = self._is_summer(day), self._is_summer(day + 1)
        if before == after:
            summer = before
        elif after:
            summer = standard >= self._calendar.spring_at
        else:
            summer = standard < self._calendar.autumn_at
        return day, standard + (self._calendar.summer_seconds if summer else 0)

    def time_of(self, day: int, wall: int) -> int | None:
        """The moment of a wall time, UTC seconds; None if it does not exist on that day. Needs the day and the next one known."""
        added = self._calendar.summer_seconds
        before, after = self._is_summer(day), self._is_summer(day + 1)
        if before == after:
            summer = before
        elif after:
            summer = wall >= self._calendar.spring_at
            if summer and wall < self._calendar.spring_at + added:
                return None
        else:
            summer = wall < self._calendar.autumn_at + added
        return self._standard_start(day) + wall - (added if summer else 0)

    def kind_of(self, day: int) -> int:
        """HOLIDAY, or 0 Monday to 6 Sunday."""
        if self._holidays >> self._place(day) & 1:
            return HOLIDAY
        return (day + _THURSDAY) % 7

    def _standard_start(self, day: int) -> int:
        return day * DAY - self._calendar.offset_seconds

    def _is_summer(self, day: int) -> bool:
        return bool(self._summer >> self._place(day) & 1)

    def _place(self, day: int) -> int:
        if not self.known(day):
            zone = self._calendar.zone.rstrip(b"\0").decode("ascii", "backslashreplace")
            raise UnknownDayError(calendar_id(self._calendar), zone, day)
        return day - self._first


def _joined(words: tuple[int, ...]) -> int:
    """One integer of all words, the first lowest."""
    return sum(word << PAGE * place for place, word in enumerate(words))


def _shown(day: int) -> str:
    try:
        return date_of(day).isoformat()
    except OverflowError:
        return "no date"
