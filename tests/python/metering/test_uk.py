"""The committed extract of two British homes is the one that its README describes."""

from __future__ import annotations

import csv
import hashlib
from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest

from flexbond.metering import read
from flexbond.metering.errors import DuplicateReadingError
from flexbond.units import utc_seconds

FOLDER = Path(__file__).parents[3] / "data" / "uk"
HASHES = {
    "autumn-2012.csv": "200ca4c53f9054a6bad4a8d8558916b2980d682b436e1574de0c8c3f89db7e85",
    "autumn-2013.csv": "535468a8152f53cd9eb32d1ad8f372dade24474b3fae434e13dfdc954668f707",
}
HALF_HOUR = 1800
TOTALS_WH = {
    "autumn-2012.csv": {"uk-1": 804_538, "uk-2": 1_530_332},
    "autumn-2013.csv": {"uk-1": 1_110_216, "uk-2": 1_549_436},
}


def rows(name: str) -> list[tuple[str, int, int]]:
    """Device, start and Wh of every line, by Python's own reader."""
    with (FOLDER / name).open(encoding="utf-8") as file:
        lines = (line for line in file if not line.startswith("#"))
        return [(row["device"], utc_seconds(row["start"]), int(row["wh"])) for row in csv.DictReader(lines)]


@pytest.mark.parametrize("name", sorted(HASHES))
def test_files_are_the_ones_the_script_writes(name: str) -> None:
    """Given the committed file, then its sha256 is the script's, and the README states it."""
    found = hashlib.sha256((FOLDER / name).read_bytes()).hexdigest()
    assert found == HASHES[name]
    assert f"{found}  {name}" in (FOLDER / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", sorted(HASHES))
def test_energy_totals(name: str) -> None:
    """Given the file, then the homes' totals are those of the README."""
    totals: Counter[str] = Counter()
    for device, _, wh in rows(name):
        totals[device] += wh
    assert totals == TOTALS_WH[name]


@pytest.mark.parametrize(("name", "duplicates"), [("autumn-2012.csv", 2), ("autumn-2013.csv", 3)])
def test_duplicates_are_kept_and_equal(name: str, duplicates: int) -> None:
    """Given the file, then each home has its duplicates, each with one value."""
    for home in ("uk-1", "uk-2"):
        readings = [(start, wh) for device, start, wh in rows(name) if device == home]
        assert len(readings) - len({start for start, _ in readings}) == duplicates
        assert len(set(readings)) == len({start for start, _ in readings})


def test_gaps_of_2012_are_kept() -> None:
    """Given the autumn of 2012, then the missing half-hours are those of the README."""
    missing = {}
    for home in ("uk-1", "uk-2"):
        starts = sorted({start for device, start, _ in rows("autumn-2012.csv") if device == home})
        steps = [later - earlier for earlier, later in pairwise(starts)]
        missing[home] = [step // HALF_HOUR - 1 for step in steps if step != HALF_HOUR]
    assert missing == {"uk-1": [1, 1, 48, 1], "uk-2": [96, 96]}


def test_the_local_day_of_25_hours_is_whole() -> None:
    """Given 27 October 2013 in London, then each home has its fifty half-hours, and one of them twice."""
    start, end = utc_seconds("2013-10-27T00:00+01:00"), utc_seconds("2013-10-28T00:00Z")
    for home in ("uk-1", "uk-2"):
        day = Counter(at for device, at, _ in rows("autumn-2013.csv") if device == home and start <= at < end)
        assert sorted(day) == list(range(start, end, HALF_HOUR))
        assert len(day) == 50
        assert day[utc_seconds("2013-10-27T00:00Z")] == 2


@pytest.mark.parametrize("name", sorted(HASHES))
def test_the_strict_reader_refuses_the_duplicate(name: str) -> None:
    """Given what is to be signed, when a file with a duplicate is read, then the line is named and nothing comes back."""
    with pytest.raises(DuplicateReadingError, match="line"):
        read(FOLDER / name)
