"""The bulk engine against the one-device reference, to the last digit, on generated fleets."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings

from flexbond.model.types import Adjustment, BaselineMethod, Direction, Silence
from tests.python.bulk.cases import Case, british_night, expected, expected_days
from tests.python.bulk.generated import cases

if TYPE_CHECKING:
    from flexbond.metering.bulk import Engine, FleetResult


def measured(engine: Engine, case: Case) -> FleetResult:
    """What the engine says of a fleet."""
    return engine.measure(
        case.plan(), engine.frame(case.readings_frame()), engine.frame(case.devices_frame()), days=True
    )


def check(result: FleetResult, case: Case) -> None:
    """Every column of every device and period, every day, and the portfolio's sums."""
    wanted = expected(case)
    assert result.periods.select(wanted.columns).rows() == wanted.rows()
    if result.days is not None:
        assert result.days.select("device", "local_day", "complete", "chosen").rows() == expected_days(case)
    ordered = wanted.filter("ordered")
    sums = ordered.group_by("place").agg(
        pl.col("baseline_milli_wh", "metered_milli_wh").sum(),
        portfolio_milli_wh=pl.col("response_milli_wh").sum(),
        device_milli_wh=pl.col("response_milli_wh").clip(0).sum(),
        devices=pl.len().cast(pl.Int64),
        silent=(pl.col("silence") != Silence.OK).sum().cast(pl.Int64),
    )
    assert result.portfolio.select(sums.columns).rows() == sums.sort("place").rows()


@pytest.mark.parametrize("method", [BaselineMethod.METER_BEFORE, BaselineMethod.X_OF_Y])
def test_generated_fleets_come_out_as_the_reference_says(duckdb: Engine, method: BaselineMethod) -> None:
    """Given any event and readings with gaps, revisions, estimates and exports, it equals the reference."""

    @settings(max_examples=8 if method is BaselineMethod.METER_BEFORE else 20, suppress_health_check=list(HealthCheck))
    @given(case=cases(method=method))
    def holds(case: Case) -> None:
        check(measured(duckdb, case), case)

    holds()


@pytest.mark.parametrize("direction", Direction)
@pytest.mark.parametrize("adjustment", Adjustment)
def test_the_night_of_25_hours_comes_out_as_the_reference_says(
    duckdb: Engine, direction: Direction, adjustment: Adjustment
) -> None:
    """Given a window over the repeated hour, called days and every kind of defect, it equals the reference."""
    if adjustment is Adjustment.NONE:
        night = british_night(direction, Adjustment.ADDITIVE)
        case = replace(
            night, lookback=replace(night.lookback, adjustment=adjustment, adjustment_periods=0, adjustment_cap_bps=0)
        )
    else:
        case = british_night(direction, adjustment)
    result = measured(duckdb, case)
    check(result, case)
    assert {Silence.OK, Silence.MISSING_READING, Silence.ESTIMATED} & set(result.periods["silence"])


def test_nobody_is_measured_where_there_are_no_readings(duckdb: Engine) -> None:
    """Given devices and not a single reading, all are silent for want of records."""
    case = replace(british_night(Direction.SHED, Adjustment.ADDITIVE), rows=())
    result = measured(duckdb, case)
    check(result, case)
    assert set(result.periods["silence"]) == {Silence.NO_RECORD}


def test_twice_the_same_reading_is_none(duckdb: Engine) -> None:
    """Given a reading of the event that stands there twice, the device is silent: nobody knows which is true."""
    case = british_night(Direction.SHED, Adjustment.ADDITIVE)
    frame = case.readings_frame().filter(pl.col("revision") == 0)
    heard = measured(duckdb, case).periods.filter(pl.col("silence") == Silence.OK)["device"][0]
    own = frame.filter((pl.col("device") == heard) & (pl.col("start") == case.window[0]))
    twice = duckdb.frame(pl.concat([frame, own]))
    periods = duckdb.measure(case.plan(), twice, duckdb.frame(case.devices_frame())).periods
    assert set(periods.filter(pl.col("device") == heard)["silence"]) == {Silence.MISSING_READING}


def test_the_order_of_devices_and_readings_changes_nothing(duckdb: Engine) -> None:
    """Given the same rows in another order, the result is the same."""
    case = british_night(Direction.ABSORB, Adjustment.MULTIPLICATIVE)
    turned = replace(case, devices=case.devices[::-1], rows=case.rows[::-1])
    assert measured(duckdb, turned).periods.rows() == measured(duckdb, case).periods.rows()


def test_without_any_day_everybody_is_silent(duckdb: Engine) -> None:
    """Given a look-back that holds no day before the notice, no device that was metered has a baseline."""
    night = british_night(Direction.SHED, Adjustment.MULTIPLICATIVE)
    case = replace(night, lookback=replace(night.lookback, look_back_days=1))
    result = measured(duckdb, case)
    check(result, case)
    assert Silence.TOO_FEW_DAYS in result.periods["silence"]
    assert Silence.OK not in result.periods["silence"]
