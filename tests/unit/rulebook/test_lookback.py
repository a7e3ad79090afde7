"""Rulebook.publish of rules that look back on past days."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from flexbond.ids import calendar_id, lookback_hash, rule_id
from flexbond.model.calendar import PAGE
from flexbond.model.rules import RuleError, check_rule
from flexbond.model.types import NO_LOOKBACK, Adjustment, BaselineMethod, ClampLevel, DaySelection, Lookback
from tests.support.calendars import WEEKEND, WORKDAYS, day_class, london, lookback, under
from tests.support.evm import reverts
from tests.support.world import DAY, World

ADDITIVE = {"adjustment": Adjustment.ADDITIVE, "adjustment_periods": 4}


@pytest.fixture
def dated(world: World) -> World:
    """A world with London's calendar."""
    world.publish_calendar(london())
    return world


@pytest.mark.parametrize("clamp", list(ClampLevel))
def test_publishes_a_rule_with_its_look_back(dated: World, clamp: ClampLevel) -> None:
    """Given a rule of past days and its look-back, when they are published, both are in the log, whole."""
    of = lookback()
    rule = under(dated.rule(clamp_level=clamp), of)
    receipt = dated.rulebook.publish.send(rule, of, sender=dated.accounts.market_operator)
    assert receipt.value == rule_id(rule)
    event = receipt.only("RulePublished")
    assert (event.rule_id, event.rule, event.lookback) == (rule_id(rule), rule, of)
    assert dated.rulebook.terms.call(rule_id(rule)).baseline is BaselineMethod.X_OF_Y


def test_the_log_of_another_rule_has_the_empty_look_back(world: World) -> None:
    """Given a rule without past days, the look-back in its log is the empty one."""
    receipt = world.rulebook.publish.send(world.rule(spot_checks=7), NO_LOOKBACK, sender=world.accounts.market_operator)
    assert receipt.only("RulePublished").lookback == NO_LOOKBACK


OUT_OF_BOUNDS: list[tuple[str, int, dict[str, Any]]] = [
    ("lookBackDays", 0, {"look_back_days": 0}),
    ("lookBackDays", 121, {"look_back_days": 121}),
    ("maxExcludedDays", 46, {"max_excluded_days": 46}),
    ("minEventBps", 0, {"min_event_bps": 0}),
    ("minEventBps", 10_001, {"min_event_bps": 10_001}),
    ("minEventBps", 10_001, {"max_excluded_days": 0, "min_event_bps": 10_001}),
    ("classes", 0, {"classes": ()}),
    ("classes", 9, {"classes": tuple(day_class(1 << bit % 8) for bit in range(9))}),
    ("classes.kinds", 0, {"classes": (day_class(0), day_class(255))}),
    ("classes.kinds", 255, {"classes": (day_class(), day_class(255))}),
    ("classes.kinds", 31, {"classes": (day_class(),)}),
    ("classes.y", 0, {"classes": (day_class(255, y=0),)}),
    ("classes.y", 21, {"classes": (day_class(255, y=21),)}),
    ("classes.x", 0, {"classes": (day_class(255, x=0),)}),
    ("classes.x", 11, {"classes": (day_class(255, x=11),)}),
    ("classes.minDays", 0, {"classes": (day_class(WORKDAYS), day_class(WEEKEND, min_days=0))}),
    ("classes.minDays", 11, {"classes": (day_class(255, min_days=11),)}),
    ("adjustmentPeriods", 0, {**ADDITIVE, "adjustment_periods": 0}),
    ("adjustmentPeriods", 97, {**ADDITIVE, "adjustment_periods": 97}),
    ("adjustmentLead", 901, {**ADDITIVE, "adjustment_lead": 901}),
    ("adjustmentLead", DAY + 900, {**ADDITIVE, "adjustment_lead": DAY + 900}),
    ("adjustmentCapBps", 100_001, {**ADDITIVE, "adjustment_cap_bps": 100_001}),
]


@pytest.mark.parametrize(("field", "value", "changes"), OUT_OF_BOUNDS)
def test_refuses_a_value_out_of_bounds(world: World, field: str, value: int, changes: dict[str, Any]) -> None:
    """Given one field of the look-back out of its bounds, the error names the field and the value; the model says the same."""
    of = lookback(**changes)
    rule = under(world.rule(), of)
    with reverts("Rulebook_OutOfBounds", field, value):
        world.publish(rule, of)
    with pytest.raises(RuleError) as caught:
        check_rule(rule, of)
    assert caught.value.values == (field, value)


INCONSISTENT: list[tuple[str, str, dict[str, Any]]] = [
    ("lookBackDays", "classes.y", {"look_back_days": 9, "max_excluded_days": 9}),
    ("holidaysEligible", "classes.kinds", {"classes": (day_class(127), day_class(128))}),
    ("adjustmentPeriods", "adjustment", {"adjustment_periods": 1}),
    ("adjustmentLead", "adjustment", {"adjustment_lead": 900}),
    ("adjustmentCapBps", "adjustment", {"adjustment_cap_bps": 1}),
]


@pytest.mark.parametrize(("field", "other", "changes"), INCONSISTENT)
def test_refuses_fields_that_do_not_fit_each_other(
    world: World, field: str, other: str, changes: dict[str, Any]
) -> None:
    """Given two fields of the look-back that contradict each other, the error names both; the model says the same."""
    of = lookback(**changes)
    rule = under(world.rule(), of)
    with reverts("Rulebook_Inconsistent", field, other):
        world.publish(rule, of)
    with pytest.raises(RuleError) as caught:
        check_rule(rule, of)
    assert caught.value.values == (field, other)


WRONG_RULE: list[tuple[str, str, dict[str, Any], Lookback]] = [
    ("lookbackHash", "lookback", {"lookback_hash": bytes(32)}, lookback()),
    ("lookbackHash", "lookback", {}, lookback(look_back_days=46)),
    ("baselinePeriods", "baseline", {"baseline_periods": 1}, lookback()),
    ("lookbackHash", "baseline", {"baseline": BaselineMethod.METER_BEFORE, "baseline_periods": 1}, lookback()),
    (
        "lookback",
        "baseline",
        {"baseline": BaselineMethod.REFERENCE_LEVEL, "lookback_hash": bytes(32)},
        lookback(),
    ),
    (
        "lookback",
        "baseline",
        {"baseline": BaselineMethod.REFERENCE_LEVEL, "lookback_hash": bytes(32)},
        replace(NO_LOOKBACK, adjustment_cap_bps=1),
    ),
]


@pytest.mark.parametrize(("field", "other", "changes", "of"), WRONG_RULE)
def test_refuses_a_look_back_that_is_not_the_rules(
    world: World, field: str, other: str, changes: dict[str, Any], of: Lookback
) -> None:
    """Given a look-back that the rule does not bind, or a rule that has none, the error names both; the model says the same."""
    rule = replace(under(world.rule(), lookback()), **changes)
    with reverts("Rulebook_Inconsistent", field, other):
        world.publish(rule, of)
    with pytest.raises(RuleError) as caught:
        check_rule(rule, of)
    assert caught.value.values == (field, other)


def test_a_window_of_adjustment_fits_a_day(dated: World) -> None:
    """Given hourly periods, an adjustment window of a day passes and one of 25 hours does not."""
    hourly = dated.rule(period_seconds=3_600)
    for periods in (24, 25):
        of = lookback(adjustment=Adjustment.MULTIPLICATIVE, adjustment_periods=periods, adjustment_lead=DAY)
        if periods == 24:
            dated.publish(under(hourly, of), of)
            continue
        with reverts("Rulebook_OutOfBounds", "adjustmentPeriods", 25):
            dated.publish(under(hourly, of), of)


EDGES: list[dict[str, Any]] = [
    {"classes": tuple(day_class(1 << bit, x=20, y=20, min_days=1) for bit in range(8)), "holidays_eligible": True},
    {"classes": (day_class(255, x=1, y=1, min_days=1),), "look_back_days": 1, "max_excluded_days": 1},
    {"look_back_days": 120, "max_excluded_days": 120, "min_event_bps": 10_000},
    {"max_excluded_days": 0, "min_event_bps": 0},
    {"adjustment": Adjustment.ADDITIVE, "adjustment_periods": 96, "adjustment_cap_bps": 100_000},
    {"adjustment": Adjustment.MULTIPLICATIVE, "adjustment_periods": 1, "adjustment_lead": DAY},
    {"classes": (day_class(255, selection=DaySelection.MID),)},
]


@pytest.mark.parametrize("changes", EDGES)
def test_accepts_what_is_just_within_bounds(dated: World, changes: dict[str, Any]) -> None:
    """Given values on the edge of their bounds, when the rule is published, it stands."""
    of = lookback(**changes)
    rule = under(dated.rule(), of)
    assert dated.rulebook.isPublished.call(dated.publish(rule, of))
    check_rule(rule, of)


def test_needs_its_calendar(world: World) -> None:
    """Given a calendar that was never published, the rule is refused; day 0 says so."""
    of = lookback()
    with reverts("Rulebook_CalendarUnknown", of.calendar_id, 0):
        world.publish(under(world.rule(), of), of)


def test_past_periods_lie_on_the_grid(world: World) -> None:
    """Given a summer time of half an hour, half-hourly periods pass and hourly ones do not."""
    days = london()
    half = replace(days, calendar=replace(days.calendar, summer_seconds=1_800))
    of = lookback(calendar_id=world.publish_calendar(half))
    world.publish(under(world.rule(period_seconds=1_800), of), of)
    with reverts("Rulebook_Inconsistent", "periodSeconds", "calendar.summerSeconds"):
        world.publish(under(world.rule(period_seconds=3_600), of), of)


def test_the_calendar_begins_before_anything_is_looked_back_on(world: World) -> None:
    """Given a calendar that began 50 days ago, a rule that looks back on 51 is refused until tomorrow."""
    first = (world.evm.time // DAY // PAGE + 1) * PAGE
    length = 50
    world.evm.time = (first + length) * DAY
    calendar = london().calendar
    operator = world.accounts.market_operator
    world.rulebook.publishCalendar.send(calendar, first, sender=operator)
    of = lookback(calendar_id=calendar_id(calendar), look_back_days=length + 1, max_excluded_days=0)
    rule = under(world.rule(), of)
    assert rule.lookback_hash == lookback_hash(of)
    with reverts("Rulebook_CalendarUnknown", of.calendar_id, first - 1):
        world.publish(rule, of)
    world.evm.time += DAY
    world.publish(rule, of)
