"""Calendars and look-backs for tests."""

from __future__ import annotations

from typing import Any

from flexbond.model.types import Adjustment, Calendar, CalendarDays, DayClass, DaySelection, Lookback

PAGE = 256
EVERY_DAY = 0b1111_1111
WORKING_DAYS = 0b0001_1111
OTHER_DAYS = 0b1110_0000


def calendar_days(
    around: int,
    *,
    offset_seconds: int = 0,
    summer_seconds: int = 0,
    change_at: int = 0,
    summer: set[int] | frozenset[int] = frozenset(),
    holidays: set[int] | frozenset[int] = frozenset(),
) -> CalendarDays:
    """Three pages of local days, the day `around` in the middle one; `summer` and `holidays` name days.

    Clocks change at `change_at` in standard time, s of the day.
    """
    first = (around // PAGE - 1) * PAGE
    words = {"summer": [0] * 3, "holidays": [0] * 3}
    for name, days in (("summer", summer), ("holidays", holidays)):
        for day in days:
            words[name][(day - first) // PAGE] |= 1 << day % PAGE
    calendar = Calendar(
        zone=b"test".ljust(32, b"\0"),
        holidays=b"test".ljust(32, b"\0"),
        offset_seconds=offset_seconds,
        summer_seconds=summer_seconds,
        spring_at=change_at,
        autumn_at=change_at,
    )
    return CalendarDays(
        calendar=calendar, first_day=first, summer=tuple(words["summer"]), holidays=tuple(words["holidays"])
    )


def day_class(kinds: int = EVERY_DAY, **changes: Any) -> DayClass:
    """The highest 5 of 10 days, all of them complete."""
    given: dict[str, Any] = {"selection": DaySelection.HIGH, "x": 5, "y": 10, "min_days": changes.get("y", 10)}
    return DayClass(kinds=kinds, **{**given, **changes})


def lookback(calendar_id: bytes = bytes(32), *classes: DayClass, **changes: Any) -> Lookback:
    """One class of all days, none excluded, no adjustment, unless told otherwise."""
    given: dict[str, Any] = {
        "holidays_eligible": True,
        "look_back_days": 30,
        "max_excluded_days": 0,
        "min_event_bps": 0,
        "adjustment": Adjustment.NONE,
        "adjustment_periods": 0,
        "adjustment_lead": 0,
        "adjustment_cap_bps": 0,
    }
    return Lookback(calendar_id=calendar_id, classes=classes or (day_class(),), **{**given, **changes})
