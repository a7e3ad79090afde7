"""Local time of a zone, spreads of money, files of calls, and tables that spreadsheets and people read."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flexbond.calendars import build
from flexbond.errors import FlexbondError
from flexbond.model.calendar import LocalCalendar, day_of_date
from flexbond.quoting.calls import read_calls
from flexbond.quoting.clock import ZoneTime
from flexbond.quoting.errors import CallsFileError
from flexbond.quoting.nullevents import Spread
from flexbond.quoting.periods import local_window
from flexbond.quoting.tables import Column, Kind, Table, plain_decimal
from flexbond.units import utc_seconds

ZONES = ("Europe/London", "America/New_York", "Asia/Kolkata", "Europe/Berlin")
CALENDARS = {zone: LocalCalendar(build(zone, "", 2013, 2017)) for zone in ZONES}
CLOCKS = {zone: ZoneTime(ZoneInfo(zone)) for zone in ZONES}
FIRST, LAST = day_of_date(date(2013, 1, 1)), day_of_date(date(2016, 12, 30))


@given(zone=st.sampled_from(ZONES), day=st.integers(FIRST, LAST), wall=st.integers(0, 86_399))
def test_a_zone_is_its_calendar(zone: str, day: int, wall: int) -> None:
    """Given a wall time, when zone and calendar place it, then they agree, skipped and repeated hours included."""
    clock, calendar = CLOCKS[zone], CALENDARS[zone]
    moment = calendar.time_of(day, wall)
    assert clock.time_of(day, wall) == moment
    assert clock.start_of(day) == calendar.start_of(day)
    if moment is not None:
        assert clock.wall_of(moment) == calendar.wall_of(moment) == (day, wall)
        assert clock.day_of(moment) == day


def test_a_zone_that_skips_midnight() -> None:
    """Given a zone whose summer time begins at midnight, then the day begins with its first moment."""
    clock = ZoneTime(ZoneInfo("America/Sao_Paulo"))
    day = day_of_date(date(2016, 10, 16))
    assert clock.time_of(day, 0) is None
    assert clock.start_of(day) == utc_seconds("2016-10-16T03:00Z")
    assert clock.wall_of(clock.start_of(day)) == (day, 3_600)


@pytest.mark.parametrize(
    ("when", "window"),
    [
        (("2013-10-27", "00:30", "02:00"), ("2013-10-26T23:30Z", "2013-10-27T02:00Z")),
        (("2013-10-27", "01:30", "24:00"), ("2013-10-27T00:30Z", "2013-10-28T00:00Z")),
        (("2013-07-01", "23:00", "01:00"), ("2013-07-01T22:00Z", "2013-07-02T00:00Z")),
    ],
)
def test_local_windows(when: tuple[str, str, str], window: tuple[str, str]) -> None:
    """Given local times, also of the repeated hour and over midnight, then the window is in UTC."""
    assert local_window(*when, "Europe/London") == tuple(map(utc_seconds, window))


@pytest.mark.parametrize(
    "when",
    [
        ("2013-03-31", "01:30", "03:00", "Europe/London"),
        ("2013-13-01", "01:30", "03:00", "Europe/London"),
        ("2013-03-01", "1:30", "03:00", "Europe/London"),
        ("2013-03-01", "01:30", "24:30", "Europe/London"),
        ("2013-03-01", "01:30", "03:00", "Europe/Nowhere"),
    ],
)
def test_local_times_that_do_not_exist(when: tuple[str, str, str, str]) -> None:
    """Given a skipped hour, or what is no date, time or zone, then the error says what to do."""
    with pytest.raises(FlexbondError) as error:
        local_window(*when)
    assert error.value.next_step


@given(st.lists(st.integers(-(10**12), 10**12), min_size=1, max_size=60))
def test_a_spread_is_of_its_amounts(amounts: list[int]) -> None:
    """Given amounts, then every rank is one of them, in order, and the mean is rounded down."""
    spread = Spread.of(amounts)
    assert {spread.p5, spread.median, spread.p95} <= set(amounts)
    assert min(amounts) <= spread.p5 <= spread.median <= spread.p95 <= max(amounts)
    assert spread.mean * spread.days <= spread.total < (spread.mean + 1) * spread.days
    assert (spread.above_zero_bps == 10_000) is all(amount > 0 for amount in amounts)


def test_ranks_are_nearest_ranks() -> None:
    """Given a hundred amounts, then the percentiles are the fifth, the fiftieth and the ninety-fifth of them."""
    spread = Spread.of(list(range(100, 0, -1)))
    assert (spread.p5, spread.median, spread.p95, spread.mean) == (5, 50, 95, 50)
    assert Spread.of([7]) == Spread(days=1, total=7, mean=7, median=7, p5=7, p95=7, above_zero_bps=10_000)


@given(value=st.integers(-(10**30), 10**30), places=st.integers(0, 18))
def test_plain_decimals_lose_nothing(value: int, places: int) -> None:
    """Given an integer, when it is shown with decimals, then its digits give it back."""
    text = plain_decimal(value, places)
    assert int(text.replace(".", "")) == value
    assert len(text.partition(".")[2]) == places


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"])
def test_a_formula_stays_a_text(text: str) -> None:
    """Given a text that a spreadsheet would calculate, then CSV has it as text, and Parquet as it is."""
    table = Table(name="t", title="T", columns=(Column(name="name"), Column(name="energy_kwh", kind=Kind.ENERGY)))
    table.add(text, -1)
    assert f"'{text}" in table.csv()
    assert "-0.000001" in table.csv()
    assert table.frame()["name"][0] == text
    assert table.plain() == [{"name": text, "energy_kwh": "-0.000001"}]


def test_nothing_is_nothing() -> None:
    """Given a row without values, then every form of it is empty, and every kind of column keeps its type."""
    columns = tuple(Column(name=kind.name, kind=kind, decimals=6) for kind in Kind)
    table = Table(name="t", title="T", columns=columns)
    table.add(*(None for _ in columns))
    assert table.csv().splitlines()[1] == "," * (len(columns) - 1)
    assert table.frame().null_count().row(0) == (1,) * len(columns)
    assert table.frame().schema["MONEY"] == pl.Decimal(38, 6)
    with pytest.raises(ValueError, match="values for"):
        table.add(1)


@pytest.mark.parametrize(
    ("row", "error"),
    [
        ("2024-03-01T18:00Z,2024-03-01T18:00Z,2024-03-01T17:00Z,5000", "the window ends before it starts"),
        ("2024-03-01T18:00Z,2024-03-01T19:00Z,2024-03-01T19:00Z,5000", "the notice is not before the window's end"),
    ],
)
def test_calls_that_cannot_be(tmp_path: Path, row: str, error: str) -> None:
    """given a call whose times contradict each other, when the file is read, then its line and the contradiction are named"""
    path = tmp_path / "calls.csv"
    path.write_text(f"window_start,window_end,first_notice,called_bps\n{row}\n")
    with pytest.raises(CallsFileError, match=f"(?s)2.*{error}"):
        read_calls(path)
