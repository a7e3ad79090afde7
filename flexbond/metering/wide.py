"""Rows of whole local days to one row a period, days of 23 and 25 hours included."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Final

import polars as pl

from flexbond.metering.conventions import load_zone
from flexbond.metering.errors import BadTimeError
from flexbond.metering.findings import Code
from flexbond.metering.values import shown

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from flexbond.metering.batch import Reader
    from flexbond.metering.profiles import Profile

_DAY: Final = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"


def days_to_rows(reader: Reader, file: str, frame: pl.DataFrame, profile: Profile) -> pl.DataFrame:
    """One row a period with `instant` (its start) and `seconds`, of rows with `date` and the profile's values.

    Columns count the periods elapsed since local midnight, so a day of 23 hours leaves the last ones
    empty and a day of 25 hours needs more of them. A day with another number of values than it has
    periods is listed and left out, because nobody can tell which hour they mean. Empty fields of a
    day are missing readings.
    """
    period, zone = profile.conventions.period_seconds or 0, load_zone(profile.conventions.zone or "UTC")
    days = frame["date"].unique()
    bounds = pl.DataFrame(
        [(text, *_bounds(text, zone)) for text in days],
        schema={"date": pl.String, "begin": pl.Int64, "finish": pl.Int64},
        orient="row",
    )
    frame = frame.join(bounds, on="date", how="left", maintain_order="left")
    known = pl.col("begin").is_not_null()
    reader.refuse(frame.filter(~known), file, BadTimeError, lambda row: f"{shown(row['date'])} is not a day.")
    frame = frame.filter(known).with_columns(periods=(pl.col("finish") - pl.col("begin")) // period)
    frame = _whole_days(reader, file, frame, profile)
    kept = [name for name in frame.columns if name not in profile.values]
    rows = frame.unpivot(profile.values, index=kept, variable_name="_column", value_name="value")
    places = pl.DataFrame({"_column": list(profile.values), "place": range(len(profile.values))})
    rows = rows.join(places.cast({"place": pl.Int64}), on="_column").sort("number", "place")
    rows = rows.filter((pl.col("place") < pl.col("periods")) & (pl.col("value").fill_null("") != ""))
    rows = rows.with_columns(instant=pl.col("begin") + pl.col("place") * period, seconds=pl.lit(period, dtype=pl.Int64))
    if profile.quality_per_period:
        rows = rows.with_columns(quality=pl.col("quality").str.slice(pl.col("place"), 1))
    return rows.drop("_column", "date", "begin", "finish", "periods", "place")


def _whole_days(reader: Reader, file: str, frame: pl.DataFrame, profile: Profile) -> pl.DataFrame:
    """The days whose values stand where they can be told; the others are listed."""
    filled = [
        pl.when(pl.col(name).fill_null("") != "").then(index + 1).otherwise(0)
        for index, name in enumerate(profile.values)
    ]
    frame = frame.with_columns(_last=pl.max_horizontal(filled))
    wrong = (pl.col("_last") > pl.col("periods")) | (pl.col("periods") > len(profile.values))
    reader.note(
        frame.filter(wrong).with_columns(start="begin", seconds=pl.col("finish") - pl.col("begin")),
        Code.CLOCK_CHANGE_DAY,
        file,
        lambda row: (
            f"the day {row['date']} has {row['periods']} periods, the row {row['_last']} values in "
            f"{len(profile.values)} columns.",
            "Read the day from a file with a stamp for every reading.",
        ),
    )
    return frame.filter(~wrong).drop("_last")


def _bounds(text: str | None, zone: ZoneInfo) -> tuple[int | None, int | None]:
    """Start and end of a local day in UTC seconds; None if the text is no day from 1970 on."""
    try:
        day = date.fromisoformat(text or "")
        begin, finish = _midnight(day, zone), _midnight(day + timedelta(days=1), zone)
    except (ValueError, OverflowError):
        return None, None
    return (begin, finish) if begin >= 0 else (None, None)


def _midnight(day: date, zone: ZoneInfo) -> int:
    """Start of a local day in UTC seconds."""
    local = datetime(day.year, day.month, day.day, tzinfo=zone)
    return int((local - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(seconds=1))
