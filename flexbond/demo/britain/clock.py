"""British local time for people: the hour that comes twice is told apart."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from flexbond.demo.text import Clock
from flexbond.model.calendar import date_of

if TYPE_CHECKING:
    from flexbond.model.calendar import LocalCalendar


class BritishClock(Clock):
    """`17:30`, and `01:30 BST` or `01:30 GMT` where both are."""

    def __init__(self, calendar: LocalCalendar) -> None:
        super().__init__(self._local)
        self._calendar = calendar

    def at(self, seconds: int) -> str:
        """Local wall clock of UTC seconds."""
        day, wall = self._calendar.wall_of(seconds)
        shown = f"{wall // 3_600:02d}:{wall // 60 % 60:02d}"
        repeated = self._calendar.days.calendar.summer_seconds
        if self._calendar.time_of(day, wall) != seconds:
            return f"{shown} GMT"
        return f"{shown} BST" if self._calendar.wall_of(seconds + repeated) == (day, wall) else shown

    def _local(self, seconds: int) -> datetime:
        day, wall = self._calendar.wall_of(seconds)
        return datetime.combine(date_of(day), datetime.min.time()) + timedelta(seconds=wall)
