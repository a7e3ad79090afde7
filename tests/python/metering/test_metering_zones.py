"""Local time: the repeated hour is told apart by order, the skipped one does not exist."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from flexbond.metering import Conventions, IntervalSeries, Sign, Stamp, Unit, errors, read
from flexbond.units import utc_seconds

if TYPE_CHECKING:
    from pathlib import Path

ZONES = [
    "UTC",
    "Europe/Berlin",
    "Europe/Dublin",
    "America/Los_Angeles",
    "America/Sao_Paulo",
    "America/St_Johns",
    "Asia/Kathmandu",
    "Asia/Beirut",
    "Australia/Lord_Howe",
    "Africa/Casablanca",
    "Pacific/Apia",
]


def _read(path: Path, stamps: list[str], zone: str | None, *, stamp: Stamp = Stamp.START) -> IntervalSeries:
    lines = [f"a,{text},{index}" for index, text in enumerate(stamps)]
    path.write_text("\n".join(["device,time,wh", *lines, ""]), encoding="utf-8")
    conventions = Conventions(sign=Sign.IMPORT_POSITIVE, stamp=stamp, unit=Unit.WH, zone=zone)
    return read(path, conventions)[0]


def _local(start: int, period: int, count: int, zone: str) -> list[str]:
    times = (datetime.fromtimestamp(start + index * period, ZoneInfo(zone)) for index in range(count))
    return [f"{at:%Y-%m-%dT%H:%M:%S}" for at in times]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where a test's file is written."""
    return tmp_path / "zone.csv"


def test_the_repeated_hour_is_told_apart_by_order(path: Path) -> None:
    """Given quarter hours of 25 October 2026 in Berlin, when they are read, then the day has 100."""
    start = utc_seconds("2026-10-25T00:00+02:00")
    series = _read(path, _local(start, 900, 100, "Europe/Berlin"), "Europe/Berlin")
    assert (series.start, series.end) == (start, utc_seconds("2026-10-26T00:00+01:00"))


def test_the_repeated_hour_works_for_stamps_at_the_end(path: Path) -> None:
    """Given the same day stamped at the ends, when it is read, then it is the same day."""
    start = utc_seconds("2026-10-25T00:00+02:00")
    stamps = _local(start + 900, 900, 100, "Europe/Berlin")
    assert _read(path, stamps, "Europe/Berlin", stamp=Stamp.END).start == start


def test_the_skipped_hour_is_no_gap(path: Path) -> None:
    """Given the 23 hours of 29 March 2026 in Berlin, when they are read, then they are one series."""
    start = utc_seconds("2026-03-29T00:00+01:00")
    series = _read(path, _local(start, 3600, 23, "Europe/Berlin"), "Europe/Berlin")
    assert (len(series.readings), series.end) == (23, utc_seconds("2026-03-30T00:00+02:00"))


def test_a_single_repeated_time_is_ambiguous(path: Path) -> None:
    """Given 02:00 once on the day it happens twice, when it is read, then nobody knows which it is."""
    stamps = ["2026-10-25T01:00", "2026-10-25T02:00", "2026-10-25T03:00"]
    with pytest.raises(errors.AmbiguousTimeError) as caught:
        _read(path, stamps, "Europe/Berlin")
    assert caught.value.place == errors.Place(file=str(path), number=3)


def test_a_third_repeated_time_is_a_duplicate(path: Path) -> None:
    """Given 02:00 three times, when it is read, then the third is one too many."""
    stamps = ["2026-10-25T01:00", "2026-10-25T02:00", "2026-10-25T02:00", "2026-10-25T02:00"]
    with pytest.raises(errors.ConflictingReadingError, match="line 5"):
        _read(path, stamps, "Europe/Berlin")


def test_a_skipped_time_does_not_exist(path: Path) -> None:
    """Given 02:30 on the day without it, when it is read, then the error says so."""
    with pytest.raises(errors.NonexistentTimeError) as caught:
        _read(path, ["2026-03-29T01:30", "2026-03-29T02:30"], "Europe/Berlin")
    assert caught.value.place == errors.Place(file=str(path), number=3)


def test_offsets_need_no_zone(path: Path) -> None:
    """Given the repeated hour with offsets, when no zone is stated, then it is read."""
    stamps = ["2026-10-25T02:00+02:00", "2026-10-25T02:00+01:00"]
    assert _read(path, stamps, None).period_seconds == 3600


def test_offsets_that_the_zone_has_agree_with_it(path: Path) -> None:
    """Given the repeated hour with offsets, when their zone is stated, then it is read."""
    stamps = ["2026-10-25T02:00+02:00", "2026-10-25T02:00+01:00"]
    assert _read(path, stamps, "Europe/Berlin").period_seconds == 3600


def test_an_offset_of_the_other_half_of_the_year_contradicts_the_zone(path: Path) -> None:
    """Given a winter stamp with the summer offset, when the zone is stated, then they contradict."""
    with pytest.raises(errors.ZoneContradictionError, match="line 3"):
        _read(path, ["2026-12-25T02:00+01:00", "2026-12-25T03:00+02:00"], "Europe/Berlin")


@settings(deadline=None, max_examples=100)
@given(
    zone=st.sampled_from(ZONES),
    day=st.integers(0, 366 * 30),
    period=st.sampled_from([900, 1800, 3600]),
    count=st.integers(1, 200),
)
def test_any_whole_local_days_are_read_back(
    tmp_path_factory: pytest.TempPathFactory, zone: str, day: int, period: int, count: int
) -> None:
    """Given local times from a UTC noon on, when they are read, then they start where they began.

    Only a file that begins or ends inside a repeated hour may be refused, as ambiguous. Lord Howe
    repeats half an hour, in which hourly readings have but one stamp.
    """
    assume(zone != "Australia/Lord_Howe" or period < 3600)
    start = utc_seconds("2000-01-01T12:00Z") + day * 86_400
    stamps = _local(start, period, count + 1, zone)
    try:
        series = _read(tmp_path_factory.getbasetemp() / "days.csv", stamps, zone)
    except errors.AmbiguousTimeError:
        ends = [datetime.fromtimestamp(at, UTC).astimezone(ZoneInfo(zone)) for at in (start, start + count * period)]
        assert any(at.replace(fold=0).utcoffset() != at.replace(fold=1).utcoffset() for at in ends)
    else:
        assert (series.start, series.period_seconds, len(series.readings)) == (start, period, count + 1)
