"""Baselines in columns against the one-device reference: absent values, ties, other clocks, numbers of any size."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flexbond.fleet.event import FleetEvent
from flexbond.fleet.measuring import Energies, measure
from flexbond.fleet.tables import DEVICES, Devices
from flexbond.model.baseline import clamp_milli_wh, device_baseline, response_milli_wh
from flexbond.model.calendar import LocalCalendar
from flexbond.model.types import (
    Adjustment,
    BaselineMethod,
    Call,
    ClampLevel,
    DaySelection,
    Direction,
    EventKey,
    Question,
    Silence,
)
from tests.python.fleet.cases import DAY, GRIDS, ORACLE
from tests.python.model.strategies import MIDNIGHT, PORTFOLIO, rule
from tests.support.calendars import day_class, london, lookback, under

CHANGE = 1_711_843_200
"""31 March 2024, 00:00 UTC: London's clocks go forward at 01:00"""
COMMON = 10_000
HUGE = 2**44


@st.composite
def events(draw: st.DrawFn) -> FleetEvent:
    """X of Y days, some of them called, an hour of half-hours around a change of clocks or far from one."""
    midnight = draw(st.sampled_from([MIDNIGHT, CHANGE, CHANGE + 2 * DAY]))
    start = midnight + draw(st.sampled_from([0, 3600, 18 * 3600]))
    adjustment = draw(st.sampled_from(Adjustment))
    adjusted = adjustment is not Adjustment.NONE
    y = draw(st.integers(1, 5))
    past = lookback(
        classes=(
            day_class(
                0xFF,
                selection=draw(st.sampled_from(DaySelection)),
                x=draw(st.integers(1, y)),
                y=y,
                min_days=draw(st.integers(1, y)),
            ),
        ),
        holidays_eligible=True,
        look_back_days=draw(st.integers(y, 9)),
        adjustment=adjustment,
        adjustment_periods=draw(st.integers(1, 3)) if adjusted else 0,
        adjustment_lead=1800 if adjusted else 0,
        adjustment_cap_bps=draw(st.sampled_from([0, 1, 2000])) if adjusted else 0,
    )
    terms = under(rule(period_seconds=1800, clamp_level=ClampLevel.DEVICE, estimated_allowed=draw(st.booleans())), past)
    key = EventKey(
        portfolio_id=PORTFOLIO,
        window_start=start,
        window_end=start + 7200,
        rule_id=bytes(32),
        direction=draw(st.sampled_from(Direction)),
        reference_w=0,
    )
    called = Call(
        window_start=start - 2 * DAY, window_end=start - 2 * DAY + 1800, first_notice=start - 3 * DAY, called_bps=9
    )
    question = Question(
        key=key,
        first_notice=start - draw(st.sampled_from([1, 5400, DAY])),
        ordered_mask=draw(st.integers(1, 15)),
        lookback=past,
        calendar=london(),
    )
    return FleetEvent(oracle=ORACLE, rule=terms, question=question, groups=((), (called,)), grids=GRIDS)


def devices_of(count: int, connection_w: int) -> Devices:
    """Devices of both groups in turn."""
    numbers = {name: np.zeros(count, dtype=np.int64) for name in DEVICES.names}
    numbers["capacity_w"] += 3_001
    numbers["connection_w"] += connection_w
    numbers["group"] = np.arange(count) % 2
    return Devices(points=np.zeros((count, 16), np.uint8), signers=np.zeros((count, 20), np.uint8), numbers=numbers)


@given(events(), st.integers(0, 2**32), st.sampled_from([4, COMMON, HUGE]))
@settings(max_examples=150, deadline=None)
def test_every_device_is_measured_as_alone(event: FleetEvent, seed: int, most: int) -> None:
    rng, count = np.random.default_rng(seed), 6
    starts = np.array(sorted({start for group in (0, 1) for start in event.needed(group)}))
    shape = (count, len(starts))
    energies = Energies(
        starts=starts,
        milli_wh=rng.integers(-most, most, shape, endpoint=True),
        whole=rng.random(shape) < rng.choice([0.9, 1.0]),
        estimated=rng.random(shape) < rng.choice([0.0, 0.05]),
    )
    energies = replace(energies, estimated=energies.estimated & energies.whole)
    devices = devices_of(count, most // 400 + 1 if rng.random() < 0.3 else 2**40)
    measured = measure(event, devices, np.arange(count), energies)
    for index in range(count):
        silence, baseline, metered = _alone(event, devices, energies, index)
        assert Silence(measured.silence[index]) is silence
        assert measured.baseline[index].tolist() == baseline
        assert measured.metered[index].tolist() == metered
        limit = clamp_milli_wh(3_001, 1800)
        expected = [
            response_milli_wh(level, value, event.question.key.direction, limit) if silence is Silence.OK else -limit
            for level, value in zip(baseline, metered, strict=True)
        ]
        assert measured.responses[index].tolist() == expected


def _alone(event: FleetEvent, devices: Devices, energies: Energies, index: int) -> tuple[Silence, list[int], list[int]]:
    question, key, allowed = event.question, event.question.key, event.rule.estimated_allowed
    group = int(devices["group"][index])
    needed = set(event.needed(group))
    rows = zip(
        energies.starts.tolist(),
        energies.milli_wh[index].tolist(),
        energies.whole[index],
        energies.estimated[index],
        strict=True,
    )
    known = {start: (value, bool(flag)) for start, value, whole, flag in rows if whole and start in needed}
    own_day = {start for start in needed if start >= event.boundary}
    before = {start: value for start, (value, flag) in known.items() if start not in own_day and (allowed or not flag)}
    answer = device_baseline(
        rule=event.rule,
        lookback=question.lookback,
        calendar=LocalCalendar(question.calendar),
        window=(key.window_start, key.window_end),
        first_notice=question.first_notice,
        direction=key.direction,
        calls=event.groups[group],
        before=before,
        during={start: value for start, (value, _) in known.items()},
    )
    values = [known[start][0] for start in own_day & known.keys()] + list(before.values())
    silence = answer.silence
    if own_day - known.keys():
        silence = Silence.MISSING_READING
    elif not allowed and any(known[start][1] for start in own_day):
        silence = Silence.ESTIMATED
    elif any(abs(value) * 3600 > int(devices["connection_w"][index]) * 1800 * 1000 for value in values):
        silence = Silence.OUT_OF_RANGE
    if silence is not Silence.OK:
        return silence, [0] * len(event.ordered), [0] * len(event.ordered)
    baseline = [answer.baseline_milli_wh[place] for place in event.ordered]
    return silence, baseline, [known[key.window_start + place * 1800][0] for place in event.ordered]


@pytest.mark.parametrize("direction", list(Direction))
def test_the_mean_before_the_notice_is_rounded_against_the_provider(direction: Direction) -> None:
    terms = rule(period_seconds=1800, baseline=BaselineMethod.METER_BEFORE, baseline_periods=3)
    start = MIDNIGHT + 18 * 3600
    key = EventKey(
        portfolio_id=PORTFOLIO,
        window_start=start,
        window_end=start + 1800,
        rule_id=bytes(32),
        direction=direction,
        reference_w=0,
    )
    question = Question(key=key, first_notice=start, ordered_mask=1)
    event = FleetEvent(oracle=ORACLE, rule=terms, question=question, grids=GRIDS)
    values = np.array([[1, -1, 1, 7], [-1, -1, 0, 7]])
    whole = np.ones(values.shape, dtype=bool)
    energies = Energies(starts=np.array(event.needed(0)), milli_wh=values, whole=whole, estimated=~whole)
    measured = measure(event, devices_of(2, 10**6), np.arange(2), energies)
    # Means of 1/3 and -2/3 mWh.
    assert measured.baseline[:, 0].tolist() == ([0, -1] if direction is Direction.SHED else [1, 0])
