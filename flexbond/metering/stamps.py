"""Stamps to UTC seconds: ISO-8601 text with its offset, or local time of a stated zone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

import polars as pl

from flexbond.metering.errors import (
    AmbiguousTimeError,
    BadTimeError,
    NonexistentTimeError,
    TimeWithoutZoneError,
    ZoneContradictionError,
)
from flexbond.metering.values import shown

if TYPE_CHECKING:
    from collections.abc import Callable
    from zoneinfo import ZoneInfo

    from flexbond.metering.judge import Judge, Row

_OFFSET: Final = r"(Z|[+-][0-9]{2}:[0-9]{2})$"
_STAMP: Final = (
    r"^[0-9]{4}-[0-9]{2}-[0-9]{2}[T ]([01][0-9]|2[0-3]):[0-5][0-9]"
    r"(:[0-5][0-9](\.0{1,9})?)?(Z|[+-](0[0-9]|1[0-4]):[0-5][0-9])?$"
)
_DAY: Final = 86_400
_LATEST: Final = 253_370_764_800  # 9999-01-01, so that neighbouring days can be looked at


def parse_stamps(frame: pl.DataFrame, zone: ZoneInfo | None, judge: Judge) -> pl.DataFrame:
    """Rows with `utc`, the UTC seconds that each stamp names.

    The repeated hour at the end of summer time is told apart by order: of two equal local times
    of a device (and its `stream` and `version`, where the rows have them) the first in the file is
    the earlier. The judge gets BadTimeError, TimeWithoutZoneError, ZoneContradictionError,
    AmbiguousTimeError, NonexistentTimeError.
    """
    if "instant" in frame.columns:
        outside = ~pl.col("instant").is_between(0, _LATEST)
        frame = judge(frame, outside, BadTimeError, lambda row: f"{shown(row['instant'])} is not a time since 1970.")
        return frame.with_columns(utc=pl.col("instant"))
    frame = _parse(frame, judge)
    local = pl.col("offset").is_null()
    if zone is None:
        frame = judge(frame, local, TimeWithoutZoneError, _says("has no offset, and no zone is stated"))
        frame = frame.with_columns(utc=pl.col("local") - pl.col("offset"))
    else:
        with_offset = _check_offsets(frame.filter(~local), zone, judge)
        placed = _place(frame.filter(local), zone, judge)
        frame = pl.concat([with_offset, placed]).sort("number", maintain_order=True)
    return judge(frame, pl.col("utc") < 0, BadTimeError, _says("is before 1970 in UTC")).drop("local", "offset")


def _parse(frame: pl.DataFrame, judge: Judge) -> pl.DataFrame:
    """Rows with `local` (seconds of the clock since 1970) and `offset` (seconds, null if none)."""
    stamp = pl.col("stamp")
    frame = judge(frame, ~stamp.str.contains(_STAMP), BadTimeError, _says("is not a stamp"))
    seconds = pl.when(stamp.str.slice(16, 1) == ":").then(stamp.str.slice(17, 2)).otherwise(pl.lit("00"))
    offset = stamp.str.extract(_OFFSET, 1)
    minutes = offset.str.slice(1, 2).cast(pl.Int64, strict=False) * 60 + offset.str.slice(4, 2).cast(
        pl.Int64, strict=False
    )
    signed = pl.when(offset.str.starts_with("-")).then(-minutes).otherwise(minutes) * 60
    days = stamp.str.slice(0, 10).str.to_date("%Y-%m-%d", strict=False).cast(pl.Int64)
    clock = (
        stamp.str.slice(11, 2).cast(pl.Int64) * 3600
        + stamp.str.slice(14, 2).cast(pl.Int64) * 60
        + seconds.cast(pl.Int64)
    )
    frame = frame.with_columns(
        local=days * _DAY + clock,
        offset=pl.when(offset == "Z").then(pl.lit(0, dtype=pl.Int64)).otherwise(signed),
    )
    outside = ~pl.col("local").is_between(0, _LATEST)
    return judge(frame, outside, BadTimeError, _says("is not a time of the calendar"))


def _check_offsets(frame: pl.DataFrame, zone: ZoneInfo, judge: Judge) -> pl.DataFrame:
    """Rows with `utc`; those whose offset is not the zone's at that time go to the judge."""

    def probe(instant: int) -> tuple[int, int]:
        found = _seconds(datetime.fromtimestamp(instant, zone).utcoffset())
        return found, found

    frame = frame.with_columns(utc=pl.col("local") - pl.col("offset"))
    probed = _probe_all(frame["utc"], probe)
    frame = frame.join(probed, left_on="utc", right_on="at", how="left", maintain_order="left")
    wrong = pl.col("offset") != pl.col("first")
    frame = judge(frame, wrong, ZoneContradictionError, _says(f"has an offset that {zone.key} has not"))
    return frame.drop("first", "second")


def _place(frame: pl.DataFrame, zone: ZoneInfo, judge: Judge) -> pl.DataFrame:
    """Rows with `utc`, the UTC seconds of local times of the zone."""

    def probe(local: int) -> tuple[int, int]:
        clock = datetime.fromtimestamp(local, UTC)
        first = clock.replace(tzinfo=zone, fold=0).utcoffset()
        second = clock.replace(tzinfo=zone, fold=1).utcoffset()
        return _seconds(first), _seconds(second)

    probed = _probe_all(frame["local"], probe)
    frame = frame.join(probed, left_on="local", right_on="at", how="left", maintain_order="left")
    skipped = pl.col("first") < pl.col("second")
    frame = judge(frame, skipped, NonexistentTimeError, _says(f"does not exist in {zone.key}"))
    repeated = pl.col("first") > pl.col("second")
    same = ["device", "local", *(name for name in ("stream", "version") if name in frame.columns)]
    frame = frame.with_columns(times=pl.len().over(same), earlier=pl.col("number").cum_count().over(same) == 1)
    once = repeated & (pl.col("times") == 1)
    frame = judge(frame, once, AmbiguousTimeError, _says(f"occurs twice in {zone.key}, here only once"))
    offset = pl.when(repeated & ~pl.col("earlier")).then("second").otherwise("first")
    return frame.with_columns(utc=pl.col("local") - offset).drop("first", "second", "times", "earlier")


def _probe_all(times: pl.Series, probe: Callable[[int], tuple[int, int]]) -> pl.DataFrame:
    """`at`, `first`, `second` for every distinct time; asks once a day where nothing changes."""
    unique = times.unique().sort().alias("at").to_frame()
    unique = unique.with_columns(day=pl.col("at") // _DAY)
    days: list[tuple[int, int, int]] = []
    for day in unique["day"].unique().sort():
        offsets = {probe(day * _DAY + moment) for moment in (0, _DAY // 2, _DAY)}
        first, second = next(iter(offsets))
        if len(offsets) == 1 and first == second:
            days.append((day, first, second))
    schema = {"first": pl.Int64, "second": pl.Int64}
    quiet = pl.DataFrame(days, schema={"day": pl.Int64, **schema}, orient="row")
    rest = unique.join(quiet, on="day", how="anti")["at"]
    asked = pl.DataFrame([(at, *probe(at)) for at in rest], schema={"at": pl.Int64, **schema}, orient="row")
    known = unique.join(quiet, on="day").select("at", "first", "second")
    return pl.concat([known, asked])


def _says(why: str) -> Callable[[Row], str]:
    """Describes a row by its stamp."""
    return lambda row: f"{shown(row['stamp'])} {why}."


def _seconds(offset: timedelta | None) -> int:
    return (offset or timedelta()) // timedelta(seconds=1)
