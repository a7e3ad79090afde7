"""Baselines from past days, rule by rule, with small numbers."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from flexbond.model.baseline import NoDeviceBaselineError, device_baseline
from flexbond.model.calendar import UnknownDayError
from flexbond.model.lookback import PassedOver, choose
from flexbond.model.types import (
    NO_LOOKBACK,
    Adjustment,
    BaselineMethod,
    DaySelection,
    Direction,
    Lookback,
    Silence,
)
from tests.python.model.past import ABSORB, HOUR, SHED, TODAY, Case, backs, call, hour
from tests.python.model.strategies import MIDNIGHT, rule
from tests.support.lookbacks import OTHER_DAYS, WORKING_DAYS, calendar_days, day_class, lookback

# ------------------------------------------------------------------ which days


def test_highest_two_of_three() -> None:
    """Given days of 10, 30 and 21, the highest two give 25.5: down for Shed, up for Absorb."""
    case = Case(levels={1: 10, 2: 30, 3: 21})
    shed, absorb = case.baseline(), case.baseline(ABSORB)
    assert backs(shed.days) == [1, 2, 3]
    assert backs(shed.chosen) == [2, 3]
    assert shed.baseline_milli_wh == (25, 25)
    assert absorb.baseline_milli_wh == (26, 26)
    assert shed.complete == set(shed.days)


def test_exports_are_negative() -> None:
    """Given exporting days, the highest is the one that exports least, and rounding goes the same way."""
    case = Case(levels={1: -10, 2: -30, 3: -21})
    assert case.baseline().baseline_milli_wh == (-16, -16)
    assert case.baseline(ABSORB).baseline_milli_wh == (-15, -15)


@pytest.mark.parametrize(
    ("selection", "direction", "x", "chosen"),
    [
        (DaySelection.HIGH, SHED, 2, (1, 3)),
        (DaySelection.LOW, SHED, 2, (0, 4)),
        (DaySelection.MID, SHED, 3, (0, 2, 3)),
        (DaySelection.MID, SHED, 2, (0, 2)),
        (DaySelection.MID, ABSORB, 2, (2, 3)),
        (DaySelection.MID, SHED, 5, (0, 1, 2, 3, 4)),
        (DaySelection.MID, SHED, 9, (0, 1, 2, 3, 4)),
    ],
)
def test_selection(selection: DaySelection, direction: Direction, x: int, chosen: tuple[int, ...]) -> None:
    """Given five days, each selection takes its own; what MID drops oddly goes against the provider."""
    one = day_class(selection=selection, x=x, y=20)
    assert choose(one, direction, (20, 50, 30, 40, 10)) == chosen


def test_ties_rank_the_later_day_first() -> None:
    """Given equal days, the later ones are the higher ones."""
    assert choose(day_class(x=2, y=3), SHED, (7, 7, 7)) == (0, 1)
    assert choose(day_class(selection=DaySelection.LOW, x=1, y=3), SHED, (7, 7, 7)) == (2,)


def test_the_day_before_the_notice_is_the_last() -> None:
    """Given a notice on the evening before, that evening's day does not count."""
    case = Case(levels=dict.fromkeys(range(1, 6), 10), notice=MIDNIGHT - 3 * HOUR)
    assert backs(case.baseline().days) == [2, 3, 4]


def test_a_window_over_midnight() -> None:
    """Given a window into the next day, past windows too end before today, and their places follow them."""
    case = Case(
        start=MIDNIGHT + 23 * HOUR, levels={1: 100, 2: 10, 3: 20, 4: 30}, before={hour(2, 23): 1, hour(1, 0): 2}
    )
    found = case.baseline()
    assert backs(found.days) == [2, 3, 4]
    assert backs(found.chosen) == [3, 4]
    # the night of day 2 has 1 + 2, that of day 3 20 + 10, that of day 4 30 + 20
    assert found.baseline_milli_wh == (25, 15)


def test_day_classes_and_holidays() -> None:
    """Given classes, only days of the event day's class are found; holidays in it only if they are eligible."""
    levels = dict.fromkeys(range(1, 12), 10)
    classes = (day_class(WORKING_DAYS | 1 << 7, x=1, y=4), day_class(OTHER_DAYS ^ 1 << 7, x=1, y=1))
    days = calendar_days(TODAY, holidays={TODAY - 5})
    past = lookback(bytes(32), *classes, look_back_days=10, holidays_eligible=False)
    found = Case(past=past, days=days, levels=levels).baseline()
    assert backs(found.days) == [1, 4, 6, 7]
    assert {TODAY - day: why for day, why in found.excluded.items()} == {
        2: PassedOver.OTHER_CLASS,
        3: PassedOver.OTHER_CLASS,
        5: PassedOver.HOLIDAY,
    }
    eligible = Case(past=replace(past, holidays_eligible=True), days=days, levels=levels).baseline()
    assert backs(eligible.days) == [1, 4, 5, 6]
    on_holiday = Case(past=past, days=calendar_days(TODAY, holidays={TODAY, TODAY - 5}), levels=levels).baseline()
    assert backs(on_holiday.days) == [1, 4, 6, 7]


def test_called_days_up_to_a_maximum() -> None:
    """Given four called days and at most two that are passed over, the latest two are; a small call is none."""
    past = lookback(bytes(32), day_class(x=1, y=3), look_back_days=10, max_excluded_days=2, min_event_bps=5000)
    calls = (call(5), call(4), call(3), call(2, bps=4999), call(1))
    found = Case(past=past, calls=calls, levels=dict.fromkeys(range(1, 11), 10)).baseline()
    assert backs(found.days) == [2, 4, 5]
    assert [TODAY - day for day, why in found.excluded.items() if why is PassedOver.CALLED] == [1, 3]


def test_days_of_other_classes_use_up_nothing() -> None:
    """Given a call on a Sunday, it does not count against the maximum of a class of working days."""
    past = lookback(
        bytes(32),
        day_class(WORKING_DAYS, x=1, y=2),
        day_class(OTHER_DAYS, x=1, y=1),
        look_back_days=10,
        max_excluded_days=1,
        min_event_bps=1,
    )
    found = Case(past=past, calls=(call(1), call(2)), levels=dict.fromkeys(range(1, 11), 10)).baseline()
    assert backs(found.days) == [4, 5]


def test_a_call_meets_the_day_it_reaches_into() -> None:
    """Given a call that ends at midnight, it meets only the day before; one second longer, both."""
    past = lookback(bytes(32), day_class(x=1, y=1), look_back_days=10, max_excluded_days=9, min_event_bps=1)
    levels = dict.fromkeys(range(1, 11), 10)
    until_midnight = call(2, 20, length=4 * HOUR)
    assert backs(Case(past=past, calls=(until_midnight,), levels=levels).baseline().days) == [1]
    longer = replace(until_midnight, window_end=until_midnight.window_end + 1)
    assert backs(Case(past=past, calls=(longer,), levels=levels).baseline().days) == [3]


def test_a_call_counts_once_its_window_has_ended() -> None:
    """Given a call over midnight that ends with the second of the notice, it excludes the day before; a second longer, none."""
    past = lookback(bytes(32), day_class(x=1, y=1), look_back_days=10, max_excluded_days=9, min_event_bps=1)
    case = Case(past=past, levels=dict.fromkeys(range(1, 11), 10))
    ended = replace(call(1, 20), window_end=case.notice)
    longer = replace(ended, window_end=case.notice + 1)
    # neither the notice of the other call nor its size can be told before its window has ended
    assert backs(replace(case, calls=(ended,)).baseline().days) == [2]
    assert backs(replace(case, calls=(longer,)).baseline().days) == [1]


def test_no_further_back_than_the_rule_says() -> None:
    """Given two days to look at, two are found; a mean of three days is then one of two."""
    past = lookback(bytes(32), day_class(x=3, y=5, min_days=2), look_back_days=2)
    found = Case(past=past, levels={1: 10, 2: 21, 3: 99}).baseline()
    assert (backs(found.days), found.baseline_milli_wh) == ([1, 2], (15, 15))


# ------------------------------------------------------------------ what is absent


def test_an_absent_hour_takes_the_worst_of_the_complete_days() -> None:
    """Given a day that lacks an hour, it takes the least for Shed and the greatest for Absorb, at that hour."""
    past = lookback(bytes(32), day_class(x=3, y=3, min_days=2), look_back_days=10)
    case = Case(past=past, levels={1: 90, 2: 30, 3: 60}, without=(hour(1, 18),))
    assert case.baseline().baseline_milli_wh == (40, 60)
    assert case.baseline(ABSORB).baseline_milli_wh == (50, 60)
    assert backs(tuple(sorted(case.baseline().complete, reverse=True))) == [2, 3]


def test_too_few_complete_days() -> None:
    """Given fewer complete days than the rule demands, the device is silent; so with none found at all."""
    past = lookback(bytes(32), day_class(x=3, y=3, min_days=2), look_back_days=10)
    case = Case(past=past, levels={1: 90, 2: 30, 3: 60}, without=(hour(1, 18), hour(3, 19)))
    assert case.baseline().silence is Silence.TOO_FEW_DAYS
    assert Case(past=past).baseline().baseline_milli_wh is None
    early = Case(past=replace(past, look_back_days=1), notice=MIDNIGHT - 30 * HOUR, levels={1: 1})
    assert (early.baseline().days, early.baseline().silence) == ((), Silence.TOO_FEW_DAYS)


# ------------------------------------------------------------------ clocks


def test_a_day_of_23_hours() -> None:
    """Given that the window's first hour was skipped on a past day, it is absent there and takes the worst value."""
    # Clocks go from 1:00 to 2:00 on day 1; the window is from 1:00 to 3:00, all before it in winter time.
    days = calendar_days(TODAY, summer_seconds=HOUR, change_at=HOUR, summer={TODAY, TODAY + 1, TODAY + 2})
    past = lookback(bytes(32), day_class(x=2, y=2, min_days=1), look_back_days=10)
    start = MIDNIGHT - HOUR + HOUR
    case = Case(
        past=past, days=days, start=start, notice=start - 900, before={hour(1, 1): 50, hour(2, 1): 30, hour(2, 2): 70}
    )
    found = case.baseline()
    assert backs(found.days) == [1, 2]
    # day 1: no 1:00; its 2:00 is 01:00 UTC. Day 2: 1:00 and 2:00 are 01:00 and 02:00 UTC.
    assert found.baseline_milli_wh == (30, 60)
    assert backs(tuple(found.complete)) == [2]


def test_a_day_of_25_hours() -> None:
    """Given a repeated hour on a past day, its first occurrence is compared with."""
    # Clocks go from 2:00 back to 1:00 on day 1, at 01:00 UTC; 1:00 is first 00:00 UTC, then 01:00 UTC.
    days = calendar_days(TODAY, summer_seconds=HOUR, change_at=HOUR, summer=set(range(TODAY - 20, TODAY)))
    past = lookback(bytes(32), day_class(x=1, y=1), look_back_days=10)
    start = MIDNIGHT + HOUR
    case = Case(
        past=past, days=days, start=start, notice=start - 900, before={hour(1, 0): 5, hour(1, 1): 6, hour(1, 2): 7}
    )
    assert case.baseline().baseline_milli_wh == (5, 7)


def test_an_event_in_the_repeated_hour() -> None:
    """Given a window over both occurrences, both are compared with the same hour of the past day, and both rank it."""
    # Today clocks go back at 01:00 UTC: 1:00 is 00:00 and 01:00 UTC.
    days = calendar_days(TODAY, summer_seconds=HOUR, change_at=HOUR, summer=set(range(TODAY - 20, TODAY + 1)))
    past = lookback(bytes(32), day_class(x=1, y=2), look_back_days=10)
    case = Case(
        past=past,
        days=days,
        start=MIDNIGHT,
        hours=3,
        notice=MIDNIGHT - 900,
        before={hour(1, 0): 10, hour(1, 1): 0, hour(2, 0): 6, hour(2, 1): 7},
    )
    found = case.baseline()
    # day 1: 10 + 10 + 0, day 2: 6 + 6 + 7; once counted, day 2 would rank first
    assert (backs(found.chosen), found.baseline_milli_wh) == ([1], (10, 10, 0))


# ------------------------------------------------------------------ adjustment


def adjusted(kind: Adjustment, cap: int = 0, **changes: Any) -> Lookback:
    """Two of two days, moved by the two hours that end an hour before the window."""
    return lookback(
        bytes(32),
        day_class(x=2, y=2, min_days=1),
        look_back_days=10,
        adjustment=kind,
        adjustment_periods=2,
        adjustment_lead=changes.pop("lead", HOUR),
        adjustment_cap_bps=cap,
    )


def morning(first: int, second: int, at: int = 14) -> dict[int, int]:
    """What was metered in two hours of today."""
    return {hour(0, at): first, hour(0, at + 1): second}


@pytest.mark.parametrize(
    ("kind", "direction", "expected"),
    [
        # mean 150; today's two hours 130 + 141, on past days 100 + 100 and 200 + 200 (sum 600)
        (Adjustment.ADDITIVE, SHED, 135),  # (2 * 300 + 2 * 271 - 600) / 4 = 135.5
        (Adjustment.ADDITIVE, ABSORB, 136),
        (Adjustment.MULTIPLICATIVE, SHED, 135),  # 300 * 271 / 600 = 135.5
        (Adjustment.MULTIPLICATIVE, ABSORB, 136),
        (Adjustment.NONE, SHED, 150),
    ],
)
def test_adjustments(kind: Adjustment, direction: Direction, expected: int) -> None:
    """Given a notice at 16:30 and a lead of an hour, the window is from 14:00 to 16:00."""
    past = adjusted(kind) if kind else lookback(bytes(32), day_class(x=2, y=2), look_back_days=10)
    found = Case(past=past, levels={1: 100, 2: 200}, during=morning(130, 141), notice=hour(0, 16) + 1800).baseline(
        direction
    )
    assert found.baseline_milli_wh == (expected, expected)
    assert found.adjustment == ((271, 600) if kind else None)


def test_the_adjustment_window_ends_at_its_lead_or_at_the_notice() -> None:
    """Given a late notice, the lead decides; given an early one, the notice."""
    past = adjusted(Adjustment.ADDITIVE, lead=3 * HOUR)
    case = Case(past=past, levels={1: 100, 2: 100}, during=morning(110, 110, at=13), notice=hour(0, 17))
    assert case.baseline().baseline_milli_wh == (110, 110)
    early = replace(case, notice=hour(0, 12) + 60, during=morning(90, 90, at=10))
    assert early.baseline().baseline_milli_wh == (90, 90)
    early.during.popitem()
    assert early.baseline().silence is Silence.MISSING_READING


def test_no_adjustment_across_midnight() -> None:
    """Given an adjustment window that begins on the day before, or a notice of the day before, there is none."""
    past = adjusted(Adjustment.ADDITIVE, lead=0)
    for start, notice in ((hour(0, 2), hour(0, 2) - 60), (hour(0, 18), hour(1, 20))):
        case = Case(past=past, levels=dict.fromkeys(range(1, 4), 100), start=start, notice=notice)
        assert (case.baseline().baseline_milli_wh, case.baseline().adjustment) == ((100, 100), None)
    whole = Case(past=past, levels={1: 100, 2: 100}, start=hour(0, 2), notice=hour(0, 2), during=morning(1, 1, at=0))
    assert whole.baseline().adjustment == (2, 400)


@pytest.mark.parametrize(
    ("level", "today", "direction", "expected"),
    [
        (100, 1000, SHED, 120),
        (100, 0, SHED, 80),
        (101, 1000, SHED, 121),
        (101, 1000, ABSORB, 122),
        (101, 0, SHED, 80),
        (101, 0, ABSORB, 81),
        (-100, 1000, SHED, -80),
        (-100, -1000, SHED, -120),
        (100, 110, SHED, 110),
    ],
)
def test_capped_both_ways(level: int, today: int, direction: Direction, expected: int) -> None:
    """Given a cap of a fifth, the baseline stays within a fifth of the mean, either way, rounded like it."""
    past = adjusted(Adjustment.ADDITIVE, cap=2000)
    case = Case(past=past, levels={1: level, 2: level}, during=morning(today, today))
    assert case.baseline(direction).baseline_milli_wh == (expected, expected)


@pytest.mark.parametrize(("level", "today"), [(0, 50), (-20, 50), (100, -1)])
def test_no_ratio_where_there_is_none(level: int, today: int) -> None:
    """Given no import on past days, or export today, a ratio means nothing: the mean stays."""
    past = adjusted(Adjustment.MULTIPLICATIVE)
    case = Case(past=past, levels={1: level, 2: level}, during=morning(today, 0))
    assert case.baseline().baseline_milli_wh == (level, level)


def test_an_absent_adjustment_hour_takes_the_worst_too() -> None:
    """Given a past day without an adjustment hour, for Shed it takes the greatest, since it is deducted."""
    past, low = adjusted(Adjustment.ADDITIVE), {hour(2, 18): 100, hour(2, 19): 100}
    case = Case(
        past=past,
        levels={1: 100, 2: 200},
        before=low,
        during=morning(150, 150),
        without=(hour(1, 14),),
    )
    # day 1: 200 + 100, day 2: 200 + 200: (2 * 200 + 2 * 300 - 700) / 4
    assert case.baseline().baseline_milli_wh == (75, 75)
    assert case.baseline().adjustment == (300, 700)


# ------------------------------------------------------------------ hiding


def test_hiding_pays_only_where_days_may_be_missing() -> None:
    """Given 10-of-10 with five days enough, hiding the lowest day raises the baseline; with all ten needed it silences."""
    levels = dict(enumerate((20, 100, 110, 120, 130, 140, 150, 160, 170, 180), start=1))
    for minimum, hidden in ((5, 136), (10, None)):
        past = lookback(bytes(32), day_class(x=10, y=10, min_days=minimum), look_back_days=20)
        open_ = Case(past=past, levels=levels).baseline()
        assert open_.baseline_milli_wh == (128, 128)
        kept = {back: level for back, level in levels.items() if back != 1}
        found = Case(past=past, levels=kept).baseline()
        assert found.baseline_milli_wh == (hidden and (hidden, hidden))


# ------------------------------------------------------------------ other baselines


def test_meter_before() -> None:
    """Given two periods before the notice, their mean is the baseline of every period of the window."""
    given: dict[str, Any] = {
        "rule": rule(period_seconds=HOUR, baseline_periods=2),
        "lookback": NO_LOOKBACK,
        "calendar": None,
        "window": (hour(0, 18), hour(0, 21)),
        "first_notice": hour(0, 16) + 60,
        "direction": SHED,
        "calls": (),
        "before": {},
    }
    found = device_baseline(**given, during=morning(10, 21))
    assert (found.silence, found.baseline_milli_wh) == (Silence.OK, (15, 15, 15))
    assert device_baseline(**given, during={hour(0, 14): 1}).silence is Silence.MISSING_READING


def test_no_device_has_the_portfolios_baseline() -> None:
    """Given a baseline of the portfolio, none is made up for a device."""
    with pytest.raises(NoDeviceBaselineError, match="No device has a baseline of its own"):
        device_baseline(
            rule=rule(baseline=BaselineMethod.NOMINATED),
            lookback=NO_LOOKBACK,
            calendar=None,
            window=(0, 900),
            first_notice=0,
            direction=SHED,
            calls=(),
            before={},
            during={},
        )


def test_a_day_beyond_the_calendar() -> None:
    """Given a calendar that ends before the event, its day is named."""
    with pytest.raises(UnknownDayError):
        Case(days=calendar_days(TODAY - 600)).baseline()
