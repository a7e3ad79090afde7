"""The worked numbers of docs/presets.md, read from the page and computed by the model under the packaged presets."""

from __future__ import annotations

import re
from datetime import date
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from flexbond.calendars import build
from flexbond.model.baseline import device_baseline
from flexbond.model.calendar import LocalCalendar, day_of_date
from flexbond.model.settlement import curve_bps, settle_dispatch
from flexbond.model.types import Direction, Silence
from flexbond.rules import names, preset
from tests.python.model.strategies import dispatch, product

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flexbond.rules import RuleFile

PAGE = (Path(__file__).parents[3] / "docs/presets.md").read_text(encoding="utf-8")
KW = 10**6
"""mWh in an hour"""
UNIT = 10**6
WEEK = {"Wednesday": date(2024, 6, 12), "Saturday": date(2024, 6, 15), "Sunday": date(2024, 6, 16)}
"""Event days; no holiday of any of the calendars."""
HOUR = 3_600
FROM, UNTIL, NOTICE = 17 * HOUR, 18 * HOUR, 16 * HOUR
"""Local times of day."""


def rows(pattern: str) -> list[tuple[str, ...]]:
    """All rows of the page's tables of this form."""
    return re.findall(rf"^\| {pattern} \|$", PAGE, flags=re.MULTILINE)


NUMBER = r"(-?[0-9.]+)"
BASELINES = rows(rf"`([a-z0-9-]+)` \| (\w+day) \| {NUMBER} kW \| {NUMBER} kW \| {NUMBER} kW")
MONEY = rows(rf"`([a-z0-9-]+)` \| {NUMBER} \| {NUMBER} \| {NUMBER} kW \| {NUMBER} kW \| {NUMBER} \| {NUMBER}")
STEPS = rows(rf"{NUMBER} kWh \| (\d+) bps \| (\d+)")


def of(text: str, unit: int) -> int:
    """A number of the page in whole units; it must be exact."""
    value = Fraction(text) * unit
    assert value.denominator == 1
    return value.numerator


def test_every_preset_is_worked() -> None:
    """Given the page, when its tables are read, then every preset has at least one row and is in the list of presets."""
    worked = {row[0] for row in (*BASELINES, *MONEY)} | {"ds3-availability"}
    assert worked == set(names())
    assert {row[0] for row in re.findall(r"^\| `([a-z0-9-]+)` \|()", PAGE, flags=re.MULTILINE)} == set(names())
    assert (len(BASELINES), len(MONEY), len(STEPS)) == (15, 12, 7)


def past_days(file: RuleFile, calendar: LocalCalendar, event: int) -> Iterator[int]:
    """The days that may count for an event's day, the latest first."""
    kinds = next(item.kinds for item in file.lookback.classes if item.kinds >> calendar.kind_of(event) & 1)
    for day in range(event - 1, event - 1 - file.lookback.look_back_days, -1):
        kind = calendar.kind_of(day)
        if kinds >> kind & 1 and (kind != 7 or file.lookback.holidays_eligible):
            yield day


def loads(file: RuleFile, calendar: LocalCalendar, event: int, until_notice: int) -> dict[int, int]:
    """The device's energy per settlement period (mWh) from the page's powers (mW)."""
    period = file.rule.period_seconds
    powers = {day: (10 + i) * KW for i, day in enumerate(past_days(file, calendar, event), start=1)}
    found: dict[int, int] = {}
    for day in range(event - file.lookback.look_back_days, event + 1):
        for wall in range(0, 24 * HOUR, period):
            start = calendar.time_of(day, wall)
            if start is None or (day == event and wall >= NOTICE):
                continue
            power = powers.get(day, 99 * KW) if FROM <= wall < UNTIL else 10 * KW
            energy = (until_notice if day == event else power) * period
            assert energy % HOUR == 0
            found[start] = energy // HOUR
    return found


@pytest.mark.parametrize("row", BASELINES, ids=" ".join)
def test_baselines(row: tuple[str, ...]) -> None:
    """Given a row of the page, when the model takes the preset's baseline, then it is the one printed, before and after adjustment."""
    name, weekday, until_notice, raw, expected = row
    file = preset(name)
    calendar = LocalCalendar(build(file.zone, file.holidays, 2024, 2025))
    event = day_of_date(WEEK[weekday])
    readings = loads(file, calendar, event, of(until_notice, KW))
    start, end, notice = (calendar.time_of(event, wall) for wall in (FROM, UNTIL, NOTICE))
    assert start is not None
    assert end is not None
    assert notice is not None
    result = device_baseline(
        rule=file.rule,
        lookback=file.lookback,
        calendar=calendar,
        window=(start, end),
        first_notice=notice,
        direction=Direction.SHED,
        calls=(),
        before=readings,
        during=readings,
    )
    period = file.rule.period_seconds
    assert result.silence is Silence.OK
    assert result.baseline_milli_wh == (of(expected, KW) * period // HOUR,) * (HOUR // period)
    chosen = [Fraction(readings[calendar.time_of(day, FROM) or 0] * HOUR, period) for day in result.chosen]
    assert sum(chosen) / len(chosen) == of(raw, KW)


@pytest.mark.parametrize("row", MONEY, ids=" ".join)
def test_money(row: tuple[str, ...]) -> None:
    """Given a row of the page, when the model settles one period under the preset, then pay and penalty are those printed."""
    name, utilisation, shortfall, ordered, response, pay, penalty = row
    rule = preset(name).rule
    begin = product().window_start
    sold = product(
        lot_w=10**6,
        window_start=begin,
        window_end=begin + rule.period_seconds,
        utilisation_per_mwh=of(utilisation, UNIT),
        shortfall_per_mwh=of(shortfall, UNIT),
        availability_per_mwhour=0,
    )
    order_w = of(ordered, 1000)
    called = dispatch(units=order_w // 10**6, orders_w=(order_w,))
    settled = settle_dispatch(
        product=sold,
        rule=rule,
        dispatch=called,
        responses_milli_wh=(of(response, KW) * rule.period_seconds // HOUR,),
        event_orders_w=called.orders_w,
        customer_share_bps=0,
    ).settled
    assert (settled.pay, settled.penalty) == (of(pay, UNIT), of(penalty, UNIT))


@pytest.mark.parametrize("row", STEPS, ids=" ".join)
def test_availability(row: tuple[str, ...]) -> None:
    """Given a row of the page, when DS3's steps are read, then they give the share of the availability printed."""
    delivered, ratio, share = row
    rule = preset("ds3-availability").rule
    assert int(ratio) == of(delivered, KW) * 10_000 // (30 * KW)
    assert curve_bps(rule.availability_curve_kind, rule.availability_curve, int(ratio)) == int(share) * 100


def test_no_event_day_is_a_holiday() -> None:
    """Given the event days of the page, when the presets' calendars are asked, then each is of its own weekday's kind."""
    for file in map(preset, names()):
        if file.calendar is not None:
            calendar = LocalCalendar(build(file.zone, file.holidays, 2024, 2025))
            for named in WEEK.values():
                assert calendar.kind_of(day_of_date(named)) == named.weekday()
