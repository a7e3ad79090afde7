"""What the rule of past days asks for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flexbond.model.calendar import LocalCalendar
from flexbond.model.lookback import DayPlan, plan_days
from flexbond.model.types import NO_LOOKBACK, BaselineMethod
from tests.invariant.cast import DAYS, PAST

if TYPE_CHECKING:
    from flexbond.model.types import Lookback, Rule
    from tests.invariant.ghost import Event


def lookback_of(rule: Rule) -> Lookback:
    """What is published and proven with a rule."""
    return PAST if rule.baseline is BaselineMethod.X_OF_Y else NO_LOOKBACK


def plan_of(event: Event) -> DayPlan:
    """The days that it looks back on if there was no call before."""
    return plan_days(
        lookback=PAST,
        calendar=LocalCalendar(DAYS),
        period_seconds=event.rule.period_seconds,
        window=(event.key.window_start, event.key.window_end),
        first_notice=event.first_notice,
        calls=(),
    )


def due(event: Event, slot_end: int) -> int:
    """By when a record that ends at a time must be known, UTC seconds: one of past days before the notice."""
    if event.rule.baseline is BaselineMethod.X_OF_Y and slot_end <= plan_of(event).boundary:
        return event.first_notice
    return event.key.window_end + event.rule.reading_deadline
