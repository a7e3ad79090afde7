"""Estimation: only by the method that is named, each reading flagged and listed, dated by what it is made of."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flexbond.metering import Code, Method, Readings, errors, estimate

DAY = 96
QUARTER = 900


def _readings(values: list[int | None], **extra: object) -> Readings:
    rows = [("a", place * QUARTER, QUARTER, value) for place, value in enumerate(values) if value is not None]
    frame = pl.DataFrame(rows, schema=["device", "start", "seconds", "milli_wh"], orient="row")
    return Readings.of(frame.with_columns(**{name: pl.lit(value) for name, value in extra.items()}))


def _filled(readings: Readings) -> list[tuple[int, int, bool]]:
    frame = readings.as_of().filter("estimated")
    return [
        (start // QUARTER, value, flag) for start, value, flag in frame.select("start", "milli_wh", "estimated").rows()
    ]


def test_no_method_fills_nothing() -> None:
    """Given a gap, when no method is named, then it stays."""
    readings = _readings([1, None, 3])
    assert estimate(readings, Method.NONE, max_gap=4) == (readings, ())


def test_linear_is_the_straight_line_rounded_down() -> None:
    """Given 10 and -1 around a gap of three, when filled, then 7, 4 and 1 (7.25, 4.5, 1.75) are listed as one."""
    done, findings = estimate(_readings([10, None, None, None, -1]), Method.LINEAR, max_gap=3)
    assert _filled(done) == [(1, 7, True), (2, 4, True), (3, 1, True)]
    (finding,) = findings
    assert (finding.code, finding.start, finding.end, finding.count) == (Code.ESTIMATED, QUARTER, 4 * QUARTER, 3)


def test_a_longer_gap_stays() -> None:
    """Given a gap of four, when three is the longest, then it stays and is listed."""
    readings = _readings([10, None, None, None, None, 0])
    done, (finding,) = estimate(readings, Method.LINEAR, max_gap=3)
    assert done is readings
    assert finding.code is Code.NOT_ESTIMATED
    assert "longer than 3" in finding.detail


def test_the_previous_day_is_taken_whole_or_not_at_all() -> None:
    """Given a gap of two, when the day before has both, then they are taken; with one missing there, none."""
    first: list[int | None] = list(range(DAY))
    second: list[int | None] = [place + 1_000 for place in range(DAY)]
    second[10] = second[11] = None
    done, _ = estimate(_readings(first + second), Method.PREVIOUS_DAY, max_gap=2)
    assert _filled(done) == [(DAY + 10, 10, True), (DAY + 11, 11, True)]
    first[11] = None
    done, findings = estimate(_readings(first + second), Method.PREVIOUS_DAY, max_gap=2)
    assert _filled(done) == []
    assert [one.code for one in findings] == [Code.NOT_ESTIMATED, Code.NOT_ESTIMATED]


def test_an_estimate_is_not_made_of_estimates() -> None:
    """Given a day before that was estimated, when filled by it, then nothing is."""
    values: list[int | None] = [*range(DAY), None, 5]
    done, _ = estimate(_readings(values, estimated=True), Method.PREVIOUS_DAY, max_gap=2)
    assert done.frame.height == DAY + 1


def test_a_gap_at_the_edge_has_no_line() -> None:
    """Given a span beyond the readings, when filled by a line, then the edges stay and are listed."""
    readings = _readings([5, 6])
    done, findings = estimate(readings, Method.LINEAR, max_gap=9, span=(0, 4 * QUARTER))
    assert done is readings
    assert [(one.code, one.start, one.count) for one in findings] == [(Code.NOT_ESTIMATED, 2 * QUARTER, 2)]


def test_an_estimate_stands_only_when_its_readings_were_there() -> None:
    """Given a reading after the gap that came late, when asked before, then the estimate is not known either."""
    readings = _readings([1, None, 3], received=50_000)
    done, _ = estimate(readings, Method.LINEAR, max_gap=1)
    assert done.as_of(50_000).height == 0
    assert done.as_of(50_001)["milli_wh"].to_list() == [1, 2, 3]


def test_a_negative_gap_is_refused() -> None:
    """Given a longest gap below 0, when estimating, then that is the error."""
    with pytest.raises(errors.SeriesError):
        estimate(_readings([1]), Method.LINEAR, max_gap=-1)


@settings(deadline=None, max_examples=60)
@given(
    values=st.lists(st.none() | st.integers(-(2**39), 2**39 - 1), min_size=1, max_size=40).filter(any),
    method=st.sampled_from(Method),
    most=st.integers(0, 5),
)
def test_nothing_measured_is_touched_and_all_is_listed(values: list[int | None], method: Method, most: int) -> None:
    """Given any gaps, when filled, then measured readings are as before and every period made is in a finding."""
    readings = _readings(values)
    done, findings = estimate(readings, method, max_gap=most)
    kept = done.frame.filter(~pl.col("estimated"))
    assert kept.equals(readings.frame)
    assert done.frame.height - kept.height == sum(one.count for one in findings if one.code is Code.ESTIMATED)
    assert all(one.count <= most for one in findings if one.code is Code.ESTIMATED)
