"""Tables of readings: what stood when, revisions kept apart, and files that give back what was written."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flexbond.metering import IntervalSeries, Readings, errors, read_all, write_readings

if TYPE_CHECKING:
    from pathlib import Path

ROW = st.fixed_dictionaries(
    {
        "device": st.sampled_from(["a", "b"]),
        "start": st.integers(0, 5).map(lambda place: place * 900),
        "revision": st.integers(0, 3),
        "milli_wh": st.integers(-(2**39), 2**39 - 1),
        "estimated": st.booleans(),
        "received": st.none() | st.integers(5_000, 20_000),
    }
)
ROWS = st.lists(ROW, max_size=30, unique_by=lambda row: (row["device"], row["start"], row["revision"]))


def _readings(rows: list[dict[str, Any]]) -> Readings:
    schema = {"device": pl.String, "start": pl.Int64, "revision": pl.Int64, "milli_wh": pl.Int64}
    frame = pl.DataFrame(rows, schema={**schema, "estimated": pl.Boolean, "received": pl.Int64})
    return Readings.of(frame.with_columns(seconds=pl.lit(900)))


@settings(deadline=None, max_examples=60)
@given(rows=ROWS, time=st.none() | st.integers(0, 21_000))
def test_as_of_is_the_highest_revision_known_before(rows: list[dict[str, Any]], time: int | None) -> None:
    """Given any revisions, when asked for a time, then each period has its highest received before it."""
    expected: dict[tuple[str, int], dict[str, Any]] = {}
    for row in sorted(rows, key=lambda row: row["revision"]):
        known = row["start"] + 900 if row["received"] is None else row["received"]
        if time is None or known < time:
            expected[row["device"], row["start"]] = row
    found = {(row["device"], row["start"]): row for row in _readings(rows).as_of(time).iter_rows(named=True)}
    assert found.keys() == expected.keys()
    assert all(
        found[key][name] == expected[key][name] for key in found for name in ("milli_wh", "revision", "estimated")
    )


def test_a_revision_received_at_the_very_time_does_not_stand_yet() -> None:
    """Given a revision received at 5000, when asked for 5000 and 5001, then only the latter has it."""
    base = {"device": "a", "start": 0, "estimated": False}
    readings = _readings(
        [
            {**base, "revision": 0, "milli_wh": 1, "received": None},
            {**base, "revision": 1, "milli_wh": 2, "received": 5_000},
        ]
    )
    assert [readings.as_of(time)["milli_wh"].to_list() for time in (900, 901, 5_000, 5_001, None)] == [
        [],
        [1],
        [1],
        [2],
        [2],
    ]


@settings(deadline=None, max_examples=30)
@given(rows=ROWS.filter(bool), suffix=st.sampled_from([".csv", ".parquet"]))
def test_what_is_written_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, rows: list[dict[str, Any]], suffix: str
) -> None:
    """Given any readings with dated revisions, when written and read, then they are the same."""
    dated = [row | {"received": row["received"] or (6_000 if row["revision"] else None)} for row in rows]
    readings = _readings(dated)
    path = tmp_path_factory.mktemp("readings") / f"file{suffix}"
    write_readings(path, readings)
    intake = read_all(path)
    assert intake.findings == ()
    columns = ["device", "start", "seconds", "milli_wh", "estimated", "revision", "received"]
    assert intake.readings.frame.select(columns).equals(readings.frame.select(columns))


def test_strict_series_become_readings() -> None:
    """Given a series, when it becomes readings, then they are its readings, unrevised."""
    series = IntervalSeries(
        metering_point="a", period_seconds=900, start=1_800, readings=(5, -6), estimated=(False, True)
    )
    readings = Readings.of_series([series])
    assert readings.as_of().rows() == [("a", 1_800, 900, 5, False, 0), ("a", 2_700, 900, -6, True, 0)]
    assert (readings.devices, readings.span, readings.periods) == (["a"], (1_800, 3_600), {"a": 900})


def test_parts_are_chosen_and_joined() -> None:
    """Given two devices, when one is chosen, cut and joined with the other, then nothing is lost or added."""
    rows = [
        {"device": name, "start": start, "revision": 0, "milli_wh": 1, "estimated": False, "received": None}
        for name in ("a", "b")
        for start in (0, 900, 1_800)
    ]
    readings = _readings(rows)
    cut = readings.only(["a"]).within(900, 2_699)
    assert cut.frame.select("device", "start").rows() == [("a", 900)]
    joined = Readings.join([cut, readings.only(["b"])])
    assert joined.frame.height == 4
    assert joined.devices == ["a", "b"]
    assert Readings.join([]).frame.height == 0


@pytest.mark.parametrize(
    ("frame", "said"),
    [
        (pl.DataFrame({"device": ["a"]}), "no column 'start'"),
        (pl.DataFrame({"device": ["a"], "start": [None], "seconds": [900], "milli_wh": [1]}), "empty fields"),
        (pl.DataFrame({"device": ["a"], "start": [0], "seconds": [0], "milli_wh": [1]}), "no length"),
        (
            pl.DataFrame({"device": ["a"] * 2, "start": [0] * 2, "seconds": [900] * 2, "milli_wh": [1, 2]}),
            "two readings",
        ),
    ],
)
def test_a_table_that_holds_no_readings_is_refused(frame: pl.DataFrame, said: str) -> None:
    """Given a table with a fault, when readings are made of it, then it is named."""
    with pytest.raises(errors.SeriesError, match=said):
        Readings.of(frame)


def test_nothing_has_no_span_and_no_file(tmp_path: Path) -> None:
    """Given no reading, when its span or a file is asked for, then there is none."""
    with pytest.raises(errors.SeriesError):
        _ = Readings.nothing().span
    with pytest.raises(errors.SeriesError):
        write_readings(tmp_path / "a.csv", Readings.nothing())
    one = Readings.of(pl.DataFrame({"device": ["a"], "start": [0], "seconds": [900], "milli_wh": [1]}))
    with pytest.raises(errors.UnreadableFileError):
        write_readings(tmp_path / "a.xlsx", one)
    two = Readings.of(pl.DataFrame({"device": ["a", "b"], "start": [0, 0], "seconds": [900, 60], "milli_wh": [1, 1]}))
    with pytest.raises(errors.MixedPeriodsError):
        write_readings(tmp_path / "a.csv", two)
