"""Cut `data/uk/` out of the wheel of opendsm 1.2.7.

    python tools/uk.py                 downloads the wheel with pip, then writes the extract
    python tools/uk.py --wheel PATH    takes a wheel that is already there
    python tools/uk.py --out FOLDER    writes somewhere else, for comparison

The same wheel always gives the same bytes. What the columns mean is in `data/uk/README.md`.
"""

from __future__ import annotations

import csv
import gzip
import sys
import zipfile
from decimal import ROUND_HALF_EVEN, Decimal
from pathlib import Path
from typing import TYPE_CHECKING

from extracts import ExtractError, Wheel, run, write

if TYPE_CHECKING:
    from collections.abc import Iterator

WHEEL = Wheel(
    package="opendsm==1.2.7",
    file="opendsm-1.2.7-py3-none-any.whl",
    sha256="3c4637bdefb2b40b4d1ec6ae6308c42b03e491769e93cb5ee397ef2b86856780",
)
SAMPLES = "opendsm/eemeter/samples"
METERS = {"uk-1": "uk-electricity-hdd-only-hourly-sample-1", "uk-2": "uk-electricity-hdd-only-hourly-sample-2"}
SPANS = {"autumn-2012.csv": ("2012-10-12", "2012-12-16"), "autumn-2013.csv": ("2013-09-01", "2013-12-01")}
# Wh; the source has three decimals of a kWh, some of them through a 32-bit float, as 1.3430001.
WH = Decimal(1)
FARTHEST = Decimal("0.001")


def readings(archive: zipfile.ZipFile, device: str, since: str, until: str) -> Iterator[list[str | int]]:
    """Rows `device, start, wh` of one meter as the source has them: in its order, with its duplicates and gaps."""
    text = gzip.decompress(archive.read(f"{SAMPLES}/{METERS[device]}.csv.gz")).decode()
    for row in csv.DictReader(text.splitlines()):
        if not since <= row["start"] < until:
            continue
        exact = Decimal(row["value"]) * 1000
        wh = exact.quantize(WH, rounding=ROUND_HALF_EVEN)
        if abs(exact - wh) > FARTHEST:
            raise ExtractError(f"{device} at {row['start']} has {row['value']} kWh, which is no whole Wh")
        yield [device, f"{row['start'][:10]}T{row['start'][11:16]}Z", int(wh)]


def extract(wheel: Path, out: Path) -> list[str]:
    """Write a file for each span, and the licence beside them."""
    with zipfile.ZipFile(wheel) as archive:
        for name, (since, until) in SPANS.items():
            rows = (row for device in METERS for row in readings(archive, device, since, until))
            write(
                out / name,
                "sign=import-positive stamp=start unit=Wh zone=UTC period=1800",
                ["device", "start", "wh"],
                rows,
            )
        (out / "LICENSE").write_bytes(archive.read("opendsm-1.2.7.dist-info/licenses/LICENSE"))
    return [*SPANS, "LICENSE"]


if __name__ == "__main__":
    sys.exit(run(WHEEL, Path("data/uk"), extract))
