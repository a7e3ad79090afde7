"""Real meters: seventeen homes in California, two in Britain."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl
import pytest

from flexbond.calendars import build
from flexbond.metering import read_csv
from flexbond.model.calendar import DAY, LocalCalendar
from flexbond.model.types import Adjustment, BaselineMethod, Call, DayClass, DaySelection, Direction, Lookback, Silence
from tests.python.bulk.cases import CHANGE, RESTING, WORKING, Case, Device, Row, london
from tests.python.bulk.test_bulk_equality import check, measured
from tests.python.model.strategies import rule

if TYPE_CHECKING:
    from flexbond.metering.bulk import Engine

DATA = Path(__file__).resolve().parents[3] / "data"
AUGUST_31 = 17_044
"""local day 2016-08-31"""


def lookback(selection: DaySelection, adjustment: Adjustment) -> Lookback:
    """Five of ten working days or two of four others, adjusted by at most 20 %."""
    classes = tuple(
        DayClass(kinds=kinds, selection=selection, x=x, y=2 * x, min_days=min_days)
        for kinds, x, min_days in ((WORKING, 5, 9), (RESTING, 2, 3))
    )
    adjusted = adjustment is not Adjustment.NONE
    return Lookback(
        calendar_id=bytes(32),
        classes=classes,
        holidays_eligible=False,
        look_back_days=30,
        max_excluded_days=3,
        min_event_bps=0,
        adjustment=adjustment,
        adjustment_periods=2 if adjusted else 0,
        adjustment_lead=7200 if adjusted else 0,
        adjustment_cap_bps=2_000 if adjusted else 0,
    )


@pytest.mark.parametrize(
    ("selection", "adjustment", "direction"),
    [
        (DaySelection.HIGH, Adjustment.ADDITIVE, Direction.SHED),
        (DaySelection.MID, Adjustment.MULTIPLICATIVE, Direction.ABSORB),
        (DaySelection.LOW, Adjustment.NONE, Direction.SHED),
    ],
)
def test_seventeen_homes_with_sun(
    duckdb: Engine, selection: DaySelection, adjustment: Adjustment, direction: Direction
) -> None:
    """Given an evening in August after two called days, every home that exports by day comes out as the reference says."""
    calendar = LocalCalendar(build("America/Los_Angeles", "US-CA", 2016, 2017))
    start = calendar.start_of(AUGUST_31) + 16 * 3600
    begins = (start - 2 * DAY, start - 5 * DAY)
    calls = tuple(
        Call(window_start=at, window_end=at + 7200, first_notice=at - 3600, called_bps=9_000) for at in begins
    )
    series = read_csv(DATA / "fontana" / "homes.csv")
    case = Case(
        rule=rule(period_seconds=3600, baseline=BaselineMethod.X_OF_Y, baseline_periods=0),
        window=(start, start + 5 * 3600),
        first_notice=start - 4000,
        direction=direction,
        devices=tuple(Device(name=one.metering_point, capacity_w=3_000, connection_w=24_000) for one in series),
        rows=tuple(
            Row(device=one.metering_point, start=one.start + at * 3600, seconds=3600, milli_wh=reading)
            for one in series
            for at, reading in enumerate(one.readings)
        ),
        lookback=lookback(selection, adjustment),
        calendar=calendar,
        groups={0: calls},
    )
    result = measured(duckdb, case)
    check(result, case)
    assert set(result.periods["silence"]) == {Silence.OK}
    assert result.days is not None
    assert not {calendar.day_of(at) for at in begins} & set(result.days["local_day"])


def test_two_homes_over_the_repeated_hour(duckdb: Engine) -> None:
    """Given the night of 27 October 2013, 00:30 to 02:30 local, the repeated hour is compared with the first."""
    frame = pl.read_csv(DATA / "uk" / "autumn-2013.csv", comment_prefix="#").unique(maintain_order=True)
    start = london().start_of(CHANGE) + 1800
    stamps = pl.col("start").str.to_datetime("%Y-%m-%dT%H:%MZ").dt.epoch("s")
    rows = [
        Row(device=device, start=stamp, seconds=1800, milli_wh=wh * 1000)
        for device, stamp, wh in frame.select("device", stamps, "wh").iter_rows()
    ]
    case = Case(
        rule=rule(period_seconds=1800, baseline=BaselineMethod.X_OF_Y, baseline_periods=0),
        window=(start, start + 6 * 1800),
        first_notice=start - 7200,
        direction=Direction.SHED,
        devices=tuple(Device(name=f"uk-{n}", capacity_w=2_000, connection_w=18_000) for n in (1, 2)),
        rows=tuple(rows),
        lookback=lookback(DaySelection.HIGH, Adjustment.NONE),
        calendar=london(),
        groups={0: ()},
    )
    result = measured(duckdb, case)
    check(result, case)
    home = result.periods.filter(pl.col("device") == "uk-1")["baseline_milli_wh"].to_list()
    # 00:30, 01:00, 01:30, again 01:00 and 01:30, 02:00.
    assert home[1:3] == home[3:5] != [None, None]
