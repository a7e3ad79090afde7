"""Calendars and look-backs for tests. The chain's time begins in November 2023."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

from flexbond.calendars import build
from flexbond.ids import calendar_id, lookback_hash
from flexbond.model.types import (
    Adjustment,
    BaselineMethod,
    CalendarDays,
    DayClass,
    DaySelection,
    Lookback,
    Rule,
)

WORKDAYS = 0b0001_1111
WEEKEND = 0b1110_0000
"""Saturday, Sunday and holidays."""


@cache
def london() -> CalendarDays:
    """England, 2022 until 2025, in whole pages."""
    return build("Europe/London", "GB-ENG", 2022, 2025)


def nameless(days: CalendarDays) -> CalendarDays:
    """As the Rulebook gives them: the names of a calendar are in the log alone."""
    return replace(days, calendar=replace(days.calendar, zone=bytes(32), holidays=bytes(32)))


def day_class(kinds: int = WORKDAYS, **changes: Any) -> DayClass:
    """High 5 of 10, all of them complete, or one that differs."""
    return replace(DayClass(kinds=kinds, selection=DaySelection.HIGH, x=5, y=10, min_days=10), **changes)


def lookback(**changes: Any) -> Lookback:
    """High 5 of 10 on workdays and 2 of 4 else, within 45 days of London, or one that differs."""
    usual = Lookback(
        calendar_id=calendar_id(london().calendar),
        classes=(day_class(), day_class(WEEKEND, x=2, y=4, min_days=4)),
        holidays_eligible=False,
        look_back_days=45,
        max_excluded_days=45,
        min_event_bps=1,
        adjustment=Adjustment.NONE,
        adjustment_periods=0,
        adjustment_lead=0,
        adjustment_cap_bps=0,
    )
    return replace(usual, **changes)


def under(rule: Rule, of: Lookback) -> Rule:
    """The rule with this look-back as its baseline."""
    return replace(rule, baseline=BaselineMethod.X_OF_Y, baseline_periods=0, lookback_hash=lookback_hash(of))
