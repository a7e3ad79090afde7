"""One query for all devices gives what one device after the other gives, to the last digit."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import TYPE_CHECKING

import polars as pl
import pytest

from flexbond.calendars import build
from flexbond.ids import calendar_id, lookback_hash
from flexbond.metering.bulk.engines import open_engine
from flexbond.metering.readings import Readings
from flexbond.model.calendar import LocalCalendar
from flexbond.model.types import (
    Adjustment,
    BaselineMethod,
    Call,
    ClampLevel,
    DayClass,
    DaySelection,
    DeviceKind,
    Direction,
    EventKey,
    Lookback,
)
from flexbond.quoting.calls import KnownCall
from flexbond.quoting.fleet import measure_fleet
from flexbond.quoting.measure import Ask, measure
from flexbond.quoting.terms import Terms
from tests.python.quoting.cases import DAY, HOUR, KWH, NOTICE, START, WINDOW, device, rule, terms

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flexbond.metering.bulk.engines import Engine
    from flexbond.quoting.devices import Device

DAYS = build("Europe/London", "GB-ENG", 2016, 2017)
LOOKBACK = Lookback(
    calendar_id=calendar_id(DAYS.calendar),
    classes=(
        DayClass(kinds=0b0001_1111, selection=DaySelection.MID, x=4, y=7, min_days=4),
        DayClass(kinds=0b1110_0000, selection=DaySelection.LOW, x=2, y=3, min_days=2),
    ),
    holidays_eligible=True,
    look_back_days=25,
    max_excluded_days=3,
    min_event_bps=100,
    adjustment=Adjustment.MULTIPLICATIVE,
    adjustment_periods=2,
    adjustment_lead=2 * HOUR,
    adjustment_cap_bps=2_500,
)
BY_DAYS = Terms(
    name="days",
    rule=rule(baseline=BaselineMethod.X_OF_Y, baseline_periods=0, lookback_hash=lookback_hash(LOOKBACK)),
    lookback=LOOKBACK,
    calendar=LocalCalendar(DAYS),
)
CALLS = tuple(
    KnownCall(
        call=Call(window_start=start, window_end=start + HOUR, first_notice=start - HOUR, called_bps=share), device=of
    )
    for start, share, of in (
        (START - 3 * DAY + 17 * HOUR, 5_000, ""),
        (START - 4 * DAY + 17 * HOUR, 99, ""),
        (START - 5 * DAY + 17 * HOUR, 5_000, "d-3"),
        (START - 6 * DAY + 17 * HOUR, 5_000, "d-3"),
    )
)


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    """DuckDB."""
    with open_engine("duckdb", threads=1, memory_mb=500) as opened:
        yield opened


def fleet(seed: int) -> tuple[list[Device], Readings]:
    """Sixteen devices of half-hourly readings over four weeks, with gaps, estimates, revisions, and much that makes silent."""
    chosen = random.Random(seed)
    devices = [device(f"d-{number}") for number in range(16)]
    devices[1] = replace(devices[1], kind=DeviceKind.DATA_COLLECTOR)
    devices[2] = replace(devices[2], suspended_at=START)
    devices[6] = replace(devices[6], left_at=NOTICE - 5)
    devices.append(device("d-6", joined_at=NOTICE - 4))
    devices.append(device("new", joined_at=NOTICE - 2))
    devices.append(device("late", joined_at=NOTICE))
    rows = []
    for item in devices[:15]:
        for start in range(START - 27 * DAY, START + DAY, HOUR // 2):
            if chosen.random() < 0.004:
                continue
            value = chosen.randint(-2 * KWH, 4 * KWH) if chosen.random() > 0.0002 else 20 * KWH
            rows.append((item.name, start, HOUR // 2, value, chosen.random() < 0.0005, 0, None))
            if chosen.random() < 0.02:
                late = chosen.choice((NOTICE - 1, NOTICE, START + 3 * DAY))
                rows.append((item.name, start, HOUR // 2, value // 2, False, 1, max(late, start + HOUR)))
    names = ("device", "start", "seconds", "milli_wh", "estimated", "revision", "received")
    return devices, Readings.of(pl.DataFrame(rows, schema=names, orient="row"))


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("direction", list(Direction))
@pytest.mark.parametrize("level", list(ClampLevel))
@pytest.mark.parametrize("method", [BaselineMethod.METER_BEFORE, BaselineMethod.X_OF_Y])
def test_a_fleet_is_its_devices(
    engine: Engine, seed: int, direction: Direction, level: ClampLevel, method: BaselineMethod
) -> None:
    """Given a portfolio of odd devices, when it is measured at once, then every figure is that of one after the other."""
    of = BY_DAYS if method is BaselineMethod.X_OF_Y else terms()
    of = replace(of, rule=replace(of.rule, clamp_level=level, min_assurance=DeviceKind.GATEWAY))
    devices, readings = fleet(seed)
    key = EventKey(
        portfolio_id=bytes(32),
        window_start=WINDOW[0],
        window_end=WINDOW[1],
        rule_id=bytes(32),
        direction=direction,
        reference_w=0,
    )
    ask = Ask(key=key, first_notice=NOTICE, ordered_mask=0b01 if seed == 1 else 0b11, calls=CALLS)
    single, whole = measure(of, devices, readings, ask), measure_fleet(engine, of, devices, readings, ask)
    assert whole.responses_milli_wh == single.responses_milli_wh
    assert whole.sums == single.sums
    for mine, other in zip(whole.devices, single.devices, strict=True):
        told = (mine.silence, mine.baseline_milli_wh, mine.metered_milli_wh, mine.responses_milli_wh, mine.weight)
        assert told == (
            *(other.silence, other.baseline_milli_wh, other.metered_milli_wh, other.responses_milli_wh),
            other.weight,
        ), mine.device.name
        if mine.detail is not None and other.detail is not None:
            assert replace(mine.detail, excluded={}) == replace(other.detail, excluded={}), mine.device.name
    silences = {item.silence.name for item in single.devices}
    assert silences >= {"OK", "INACTIVE", "SUSPENDED", "LOW_ASSURANCE", "NO_RECORD"}
