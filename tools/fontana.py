"""Cut `data/fontana/` out of the wheel of CityLearn 2.1.2.

    python tools/fontana.py                 downloads the wheel with pip, then writes the extract
    python tools/fontana.py --wheel PATH    takes a wheel that is already there
    python tools/fontana.py --out FOLDER    writes somewhere else, for comparison

The same wheel always gives the same bytes. What the columns mean, and why the dates are what they
are, is in `data/fontana/README.md`.
"""

from __future__ import annotations

import csv
import io
import json
import sys
import zipfile
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from extracts import ExtractError, Wheel, run, write

if TYPE_CHECKING:
    from collections.abc import Iterator

WHEEL = Wheel(
    package="citylearn==2.1.2",
    file="CityLearn-2.1.2-py3-none-any.whl",
    sha256="95730b1deed73b1f5a4d17eb8334be3c99efa4aef8677822378d62d8359511dd",
)
FOLDER = "citylearn/data/citylearn_challenge_2022_phase_all"

HOMES = 17
DAYS = 60
HOURS = 24 * DAYS
ZONE = ZoneInfo("America/Los_Angeles")
FIRST_HOUR = datetime(2016, 8, 1, tzinfo=ZONE)

LOAD = "Equipment Electric Power [kWh]"
SOLAR = "Solar Generation [W/kW]"
PRICE = "Electricity Pricing [$/kWh]"
CARBON = "kg_CO2/kWh"


def rows(archive: zipfile.ZipFile, name: str) -> list[dict[str, str]]:
    """The first HOURS rows of one CSV of the challenge, as strings."""
    text = archive.read(f"{FOLDER}/{name}").decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text)))[:HOURS]


def whole(value: Decimal) -> int:
    """The nearest whole number, ties to even: the only rounding in this extract."""
    return int(value.quantize(Decimal(1), rounding=ROUND_HALF_EVEN))


def starts() -> list[str]:
    """Start of every hour of the extract, in UTC, as `YYYY-MM-DDTHH:MMZ`."""
    first = FIRST_HOUR.astimezone(UTC)
    return [f"{first + timedelta(hours=hour):%Y-%m-%dT%H:%MZ}" for hour in range(HOURS)]


def check_calendar(table: list[dict[str, str]], name: str) -> None:
    """Raise ExtractError unless month, hour and weekday of every row fit the assumed dates.

    The files call midnight `hour 24` of the day before, so a row is compared one minute earlier
    for month and weekday. Weekdays run from 1 (Monday) to 7.
    """
    for index, row in enumerate(table):
        local = (FIRST_HOUR.astimezone(UTC) + timedelta(hours=index)).astimezone(ZONE)
        day = local - timedelta(minutes=1)
        expected = (day.month, local.hour or 24, day.isoweekday())
        found = tuple(int(Decimal(row[key])) for key in ("Month", "Hour", "Day Type"))
        if found != expected:
            raise ExtractError(f"{name} row {index + 1} is {found}, expected {expected}")


def home_rows(archive: zipfile.ZipFile, schema: dict[str, Any]) -> Iterator[list[str | int]]:
    """Rows `device, start, wh, load_wh, pv_wh`, home after home, hour after hour."""
    for number in range(1, HOMES + 1):
        building = schema["buildings"][f"Building_{number}"]
        pv_kw = building["pv"]["attributes"]["nominal_power"]
        table = rows(archive, building["energy_simulation"])
        check_calendar(table, building["energy_simulation"])
        for start, row in zip(starts(), table, strict=True):
            load_wh = whole(Decimal(row[LOAD]) * 1000)
            pv_wh = whole(Decimal(row[SOLAR]) * Decimal(str(pv_kw)))
            yield [f"home-{number:02d}", start, load_wh - pv_wh, load_wh, pv_wh]


def price_rows(archive: zipfile.ZipFile) -> Iterator[list[str | int]]:
    """Rows `start, micro_usd_per_mwh, gram_co2_per_mwh`, hour after hour."""
    prices, carbon = rows(archive, "pricing.csv"), rows(archive, "carbon_intensity.csv")
    for start, price, intensity in zip(starts(), prices, carbon, strict=True):
        micro_usd = Decimal(price[PRICE]) * 1000 * 10**6
        if micro_usd != int(micro_usd):
            raise ExtractError(f"price {price[PRICE]} at {start} is not whole in micro-dollars")
        yield [start, int(micro_usd), whole(Decimal(intensity[CARBON]) * 10**6)]


def extract(wheel: Path, out: Path) -> list[str]:
    """Write `homes.csv` and `prices.csv`."""
    with zipfile.ZipFile(wheel) as archive:
        schema = json.loads(archive.read(f"{FOLDER}/schema.json"))
        write(
            out / "homes.csv",
            "sign=import-positive stamp=start unit=Wh zone=UTC period=3600",
            ["device", "start", "wh", "load_wh", "pv_wh"],
            home_rows(archive, schema),
        )
        write(
            out / "prices.csv",
            "stamp=start zone=UTC period=3600",
            ["start", "micro_usd_per_mwh", "gram_co2_per_mwh"],
            price_rows(archive),
        )
    return ["homes.csv", "prices.csv"]


if __name__ == "__main__":
    sys.exit(run(WHEEL, Path("data/fontana"), extract))
