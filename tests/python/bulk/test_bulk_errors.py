"""What the bulk engine refuses, and what it says then."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import ibis
import polars as pl
import pytest

from flexbond.metering.bulk import BulkError, open_engine, plan_fleet
from flexbond.metering.bulk.engines import check_java
from flexbond.model.types import Adjustment, BaselineMethod, Direction, Silence
from tests.python.bulk.cases import british_night, meter_before
from tests.python.bulk.test_bulk_equality import measured
from tests.python.model.strategies import rule

if TYPE_CHECKING:
    from pathlib import Path

    from flexbond.metering.bulk import Engine

CASE = meter_before(Direction.SHED)


def test_a_baseline_of_the_portfolio_has_no_devices() -> None:
    """Given NOMINATED, or X_OF_Y without a calendar, there is nothing to compute by device."""
    for method in (BaselineMethod.NOMINATED, BaselineMethod.X_OF_Y):
        under = rule(baseline=method, baseline_periods=0)
        with pytest.raises(BulkError, match=f"own under {method.name}"):
            plan_fleet(rule=under, window=CASE.window, first_notice=CASE.first_notice, direction=Direction.SHED)


@pytest.mark.parametrize(("start", "end"), [(1, 0), (0, 1), (0, -3600)])
def test_a_window_is_made_of_whole_periods(start: int, end: int) -> None:
    """Given a window off the grid, or empty, it is refused."""
    window = (CASE.window[0] + start, CASE.window[1] + end)
    with pytest.raises(BulkError, match="whole periods of 900 s"):
        plan_fleet(rule=CASE.rule, window=window, first_notice=CASE.first_notice, direction=Direction.SHED)


def test_a_missing_or_wrong_column_is_named(duckdb: Engine) -> None:
    """Given readings or devices without a column that is needed, or with one of floats, it is named."""
    readings, devices = CASE.readings_frame(), CASE.devices_frame()
    with pytest.raises(BulkError, match="readings have no column milli_wh"):
        duckdb.measure(CASE.plan(), duckdb.frame(readings.drop("milli_wh")), duckdb.frame(devices))
    with pytest.raises(BulkError, match="devices have no column connection_w"):
        duckdb.measure(CASE.plan(), duckdb.frame(readings), duckdb.frame(devices.drop("connection_w")))
    floats = readings.with_columns(pl.col("milli_wh").cast(pl.Float64))
    with pytest.raises(BulkError, match="milli_wh of the readings holds float64, not integers"):
        duckdb.measure(CASE.plan(), duckdb.frame(floats), duckdb.frame(devices))


def test_a_device_is_listed_once_and_its_group_has_calls(duckdb: Engine) -> None:
    """Given a device twice, or one of a group the plan does not know, it is named."""
    night = british_night(Direction.SHED, Adjustment.ADDITIVE)
    devices, readings = night.devices_frame(), duckdb.frame(night.readings_frame())
    with pytest.raises(BulkError, match="meter-03 is listed twice"):
        duckdb.measure(night.plan(), readings, duckdb.frame(pl.concat([devices, devices[3:4]])))
    stray = devices.with_columns(group=pl.when(pl.col("device") == "meter-00").then(9).otherwise("group"))
    with pytest.raises(BulkError, match="group of meter-00"):
        duckdb.measure(night.plan(), readings, duckdb.frame(stray))


def test_files_that_cannot_be_read_are_named(duckdb: Engine, tmp_path: Path) -> None:
    """Given no file, or one that is not Parquet, the error names it."""
    other = tmp_path / "other.parquet"
    other.write_text("device,start\n")
    for path in (other, tmp_path / "none.parquet"):
        with pytest.raises(BulkError, match=path.name):
            duckdb.parquet([path])


def test_a_sum_beyond_64_bits_is_refused(duckdb: Engine) -> None:
    """Given readings whose sum no 64-bit integer holds, the engine fails instead of wrapping round."""
    frame = CASE.readings_frame().filter(pl.col("device") == "meter-00", pl.col("revision") == 0)
    frame = frame.with_columns(milli_wh=pl.lit(2**62), estimated=pl.lit(False))
    devices = CASE.devices_frame().head(1).with_columns(connection_w=pl.lit(2**40))
    with pytest.raises(BulkError, match=r"duckdb could not compute it: .*(INT64|BIGINT)"):
        duckdb.measure(CASE.plan(), duckdb.frame(frame), duckdb.frame(devices))


def test_progress_is_told(duckdb: Engine) -> None:
    """Given somebody who wants to know, the percentage comes while a query runs."""
    told: list[float] = []
    watched = replace(duckdb, progress=told.append)
    with watched._watched():
        a, b = (ibis.range(12_000).unnest().name(name).as_table() for name in "ab")
        pairs = a.cross_join(b)
        duckdb.fetch(pairs.agg(s=(pairs.a * pairs.b % 7).sum()))
    assert told
    assert all(0 <= percent <= 100 for percent in told)


def test_columns_that_may_be_absent_are_not_needed(duckdb: Engine) -> None:
    """Given readings without flag and revision and devices without group, all is measured and not estimated."""
    readings = CASE.readings_frame().filter(pl.col("revision") == 0)
    result = duckdb.measure(
        CASE.plan(),
        duckdb.frame(readings.drop("estimated", "revision", "received")),
        duckdb.frame(CASE.devices_frame().drop("group")),
    )
    assert Silence.ESTIMATED not in result.periods["silence"]
    full = measured(duckdb, replace(CASE, rule=replace(CASE.rule, estimated_allowed=True)))
    assert set(result.periods.columns) == set(full.periods.columns)


@pytest.mark.parametrize(("shown", "said"), [("", "and there is none"), ('openjdk version "25.0.2"', "is Java 25")])
def test_spark_wants_a_java_it_runs_on(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, shown: str, said: str) -> None:
    """Given no Java or one that Spark does not run on, the next step is named."""
    if shown:
        java = tmp_path / "bin" / "java"
        java.parent.mkdir()
        java.write_text(f"#!/bin/sh\necho '{shown}' >&2\n")
        java.chmod(0o755)
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    with pytest.raises(BulkError, match=said) as caught:
        check_java()
    assert "set JAVA_HOME" in caught.value.next_step
    with pytest.raises(BulkError, match=said), open_engine("spark"):
        pass
