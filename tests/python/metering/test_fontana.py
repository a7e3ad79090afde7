"""The committed extract of Fontana is the one that its README describes."""

from __future__ import annotations

import csv
import hashlib
from pathlib import Path

import pytest

from flexbond.metering import Grid, IntervalSeries, read, slots
from flexbond.units import utc_seconds

FOLDER = Path(__file__).parents[3] / "data" / "fontana"
HASHES = {
    "homes.csv": "f4fef813514d15e5c8358e413fccf252b64cd246b18b267eb3b7491e57da68fa",
    "prices.csv": "ce7e20d3afa3d1199358e1653b130d5b993c7030da5e4d560c61b9998d57be94",
}
HOURS = 60 * 24


@pytest.fixture(scope="module")
def homes() -> tuple[IntervalSeries, ...]:
    """The net load of all homes, read with nothing but what the file says about itself."""
    return read(FOLDER / "homes.csv")


@pytest.mark.parametrize("name", sorted(HASHES))
def test_files_are_the_ones_the_script_writes(name: str) -> None:
    """Given the committed file, then its sha256 is the script's, and the README states it."""
    found = hashlib.sha256((FOLDER / name).read_bytes()).hexdigest()
    assert found == HASHES[name]
    assert f"{found}  {name}" in (FOLDER / "README.md").read_text(encoding="utf-8")


def test_the_extract_is_small() -> None:
    """Given the committed files, then together they are below one MiB."""
    assert sum((FOLDER / name).stat().st_size for name in HASHES) < 2**20


def test_seventeen_homes_of_sixty_days(homes: tuple[IntervalSeries, ...]) -> None:
    """Given the file, when it is read, then it has 17 homes with 1 440 hours each."""
    names = [home.metering_point for home in homes]
    assert names == [f"home-{number:02d}" for number in range(1, 18)]
    assert {(home.period_seconds, len(home.readings)) for home in homes} == {(3600, HOURS)}


def test_days_are_whole_local_days(homes: tuple[IntervalSeries, ...]) -> None:
    """Given a grid of local days at UTC-7, when a home is cut, then 60 slots are complete."""
    cut = slots(homes[0], Grid(period_seconds=3600, readings_per_slot=24, offset_seconds=7 * 3600))
    assert (len(cut.complete), cut.incomplete) == (60, ())
    assert cut.complete[0].start == utc_seconds("2016-08-01T00:00-07:00")


def test_energy_totals(homes: tuple[IntervalSeries, ...]) -> None:
    """Given all homes, then the net is the one of the README, and load less PV."""
    load = read(FOLDER / "homes.csv", value_column="load_wh")
    solar = read(FOLDER / "homes.csv", value_column="pv_wh")
    totals = [sum(sum(home.readings) for home in series) for series in (homes, load, solar)]
    assert totals == [13_570_596_000, 31_382_552_000, 17_811_956_000]
    assert totals[0] == totals[1] - totals[2]


def test_midday_exports_and_evenings_import(homes: tuple[IntervalSeries, ...]) -> None:
    """Given the mean of all homes by local hour, then 13:00 exports and 19:00 imports."""
    by_hour = [sum(sum(home.readings[hour::24]) for home in homes) // 60 for hour in range(24)]
    assert by_hour.index(min(by_hour)) == 13
    assert by_hour.index(max(by_hour)) == 19
    assert by_hour[13] < -13_000_000
    assert by_hour[19] > 29_000_000


def test_prices_cover_the_same_hours() -> None:
    """Given the prices, then there is one an hour, dearest on weekdays from 16:00 to 21:00."""
    with (FOLDER / "prices.csv").open(encoding="utf-8", newline="") as file:
        next(file)
        rows = list(csv.DictReader(file))
    first = utc_seconds("2016-08-01T00:00-07:00")
    assert [utc_seconds(row["start"]) for row in rows] == [first + 3600 * hour for hour in range(HOURS)]
    prices = [int(row["micro_usd_per_mwh"]) for row in rows]
    assert [hour for hour in range(24) if prices[hour] == 540_000_000] == [16, 17, 18, 19, 20]
    assert set(prices) == {220_000_000, 400_000_000, 540_000_000}
