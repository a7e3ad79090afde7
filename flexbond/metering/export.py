"""Readings as a file that says all of its conventions, revisions and times of receipt included."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

import polars as pl

from flexbond.metering.errors import MixedPeriodsError, Place, SeriesError, UnreadableFileError

if TYPE_CHECKING:
    from flexbond.metering.readings import Readings

_ISO: Final = "%Y-%m-%dT%H:%M:%SZ"


def write_readings(path: str | Path, readings: Readings) -> None:
    """Write readings of one period so that `read_all` returns them equal, by the end of the file's name.

    Columns device, start, mwh, estimated, revision, received: energy in mWh, `+` import, times in UTC,
    received empty where it is unknown. CSV has the conventions in its first line, Parquet in its
    metadata. Raises SeriesError (nothing to write), MixedPeriodsError, UnreadableFileError.
    """
    periods = set(readings.periods.values())
    if not periods:
        raise SeriesError("there is no reading to write.", advice="Check why all devices were refused.")
    if len(periods) > 1:
        raise MixedPeriodsError(f"readings of periods {sorted(periods)} s cannot share a file.")
    stated = {"sign": "import-positive", "stamp": "start", "unit": "mWh", "zone": "UTC", "period": str(periods.pop())}
    frame = readings.frame.select("device", "start", "milli_wh", "estimated", "revision", "received")
    frame = frame.rename({"milli_wh": "mwh"})
    times = pl.from_epoch(pl.col("start", "received"), time_unit="s")
    target = Path(path)
    if target.suffix.lower() == ".parquet":
        frame.with_columns(times.dt.replace_time_zone("UTC")).write_parquet(target, metadata=stated)
    elif target.suffix.lower() == ".csv":
        line = " ".join(f"{key}={value}" for key, value in stated.items())
        rows = frame.with_columns(times.dt.strftime(_ISO)).write_csv()
        target.write_text(f"# {line}\n{rows}", encoding="utf-8", newline="")
    else:
        raise UnreadableFileError(
            "readings are written as .csv or .parquet.", place=Place(file=str(path)), advice="Name such a file."
        )
