"""An event of today against past days of small numbers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from flexbond.model.baseline import device_baseline
from flexbond.model.calendar import LocalCalendar
from flexbond.model.types import BaselineMethod, CalendarDays, Call, Direction, Lookback
from tests.python.model.strategies import MIDNIGHT, rule
from tests.support.lookbacks import calendar_days, day_class, lookback

HOUR = 3600
DAY = 86_400
TODAY = MIDNIGHT // DAY
"""a Tuesday"""
HOURLY = rule(period_seconds=HOUR, baseline=BaselineMethod.X_OF_Y, baseline_periods=0)
SHED, ABSORB = Direction.SHED, Direction.ABSORB


@dataclass(kw_only=True)
class Case:
    """An event of today from 18:00 to 20:00, noticed at 16:30, against past days whose hours are all alike."""

    past: Lookback = field(default_factory=lambda: lookback(bytes(32), day_class(x=2, y=3), look_back_days=10))
    days: CalendarDays = field(default_factory=lambda: calendar_days(TODAY))
    start: int = MIDNIGHT + 18 * HOUR
    hours: int = 2
    notice: int = MIDNIGHT + 16 * HOUR + 1800
    calls: tuple[Call, ...] = ()
    levels: dict[int, int] = field(default_factory=dict)
    """Energy of an hour, mWh, by day back from today."""
    before: dict[int, int] = field(default_factory=dict)
    """Changes of single hours, by their start."""
    without: tuple[int, ...] = ()
    """Starts of hours that are absent."""
    during: dict[int, int] = field(default_factory=dict)

    def baseline(self, direction: Direction = SHED) -> Any:
        """What comes out."""
        known = {hour(back, at): level for back, level in self.levels.items() for at in range(24)}
        known.update(self.before)
        return device_baseline(
            rule=HOURLY,
            lookback=self.past,
            calendar=LocalCalendar(self.days),
            window=(self.start, self.start + self.hours * HOUR),
            first_notice=self.notice,
            direction=direction,
            calls=self.calls,
            before={start: value for start, value in known.items() if start not in self.without},
            during=self.during,
        )


def hour(back: int, at: int) -> int:
    """The start of an hour of a past day, UTC."""
    return (TODAY - back) * DAY + at * HOUR


def call(back: int, at: int = 10, *, bps: int = 10_000, length: int = HOUR) -> Call:
    """A window that was called."""
    start = hour(back, at)
    return Call(window_start=start, window_end=start + length, first_notice=start - HOUR, called_bps=bps)


def backs(days: tuple[int, ...]) -> list[int]:
    """Days as days back from today."""
    return [TODAY - day for day in days]
