"""Stamps to UTC seconds: ISO-8601 text with its offset, or local time of a stated zone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

import polars as pl

from flexbond.metering.errors import (
    AmbiguousTimeError,
    BadTimeError,
    MeteringError,
    NonexistentTimeError,
    TimeWithoutZoneError,
    ZoneContradictionError,
)
from flexbond.metering.values import shown

if TYPE_CHECKING:
    from collections.abc import Callable
    from zoneinfo import ZoneInfo

    from flexbond.metering.table import RawTable

_OFFSET: Final = r"(Z|[+-][0-9]{2}:[0-9]{2})$"
_STAMP: Final = (
    r"^[0-9]{4}-[0-9]{2}-[0-9]{2}[T ]([01][0-9]|2[0-3]):[0-5][0-9]"
    r"(:[0-5][0-9](\.0{1,9})?)?(Z|[+-](0[0-9]|1[0-4]):[0-5][0-9])?$"
)
_DAY: Final = 86_400
_LATEST: Final = 253_370_764_800  # 9999-01-01, so that neighbouring days can be looked at


def parse_stamps(table: RawTable, zone: ZoneInfo | None) -> pl.Series:
    """The UTC seconds that each stamp names.

    The repeated hour at the end of summer time is told apart by order: of two equal local times
    of a device the first in the file is the earlier. Raises BadTimeError, TimeWithoutZoneError,
    ZoneContradictionError, AmbiguousTimeError, NonexistentTimeError.
    """
    if "instant" in table.frame.columns:
        _refuse(table, table.frame, ~pl.col("instant").is_between(0, _LATEST), BadTimeError, "")
        return table.frame["instant"].alias("utc")
    frame = _parse(table)
    local = pl.col("offset").is_null()
    if zone is None:
        _refuse(table, frame, local, TimeWithoutZoneError, "has no offset, and no zone is stated")
        utc = pl.col("local") - pl.col("offset")
    else:
        _check_offsets(table, frame.filter(~local), zone)
        placed = _place(table, frame.filter(local), zone)
        frame = frame.join(placed, on="number", how="left", maintain_order="left")
        utc = pl.coalesce(pl.col("local") - pl.col("offset"), pl.col("placed"))
    frame = frame.with_columns(utc.alias("utc"))
    early = "is before 1970 in UTC"
    _refuse(table, frame, pl.col("utc") < 0, BadTimeError, early)
    return frame["utc"]


def _parse(table: RawTable) -> pl.DataFrame:
    """Rows with `local` (seconds of the clock since 1970) and `offset` (seconds, null if none)."""
    stamp = pl.col("stamp")
    plain = stamp.str.contains(_STAMP)
    _refuse(table, table.frame, ~plain, BadTimeError, "is not a stamp")
    seconds = pl.when(stamp.str.slice(16, 1) == ":").then(stamp.str.slice(17, 2)).otherwise(pl.lit("00"))
    offset = stamp.str.extract(_OFFSET, 1)
    minutes = offset.str.slice(1, 2).cast(pl.Int64, strict=False) * 60 + offset.str.slice(4, 2).cast(
        pl.Int64, strict=False
    )
    signed = pl.when(offset.str.starts_with("-")).then(-minutes).otherwise(minutes) * 60
    frame = table.frame.select(
        "number",
        "device",
        "stamp",
        days=stamp.str.slice(0, 10).str.to_date("%Y-%m-%d", strict=False).cast(pl.Int64),
        clock=stamp.str.slice(11, 2).cast(pl.Int64) * 3600
        + stamp.str.slice(14, 2).cast(pl.Int64) * 60
        + seconds.cast(pl.Int64),
        offset=pl.when(offset == "Z").then(pl.lit(0, dtype=pl.Int64)).otherwise(signed),
    ).with_columns(local=pl.col("days") * _DAY + pl.col("clock"))
    outside = ~pl.col("local").is_between(0, _LATEST)
    _refuse(table, frame, outside, BadTimeError, "is not a time of the calendar")
    return frame.drop("days", "clock")


def _check_offsets(table: RawTable, frame: pl.DataFrame, zone: ZoneInfo) -> None:
    """Raise ZoneContradictionError if a stamp's offset is not the zone's at that time."""

    def probe(instant: int) -> tuple[int, int]:
        found = _seconds(datetime.fromtimestamp(instant, zone).utcoffset())
        return found, found

    frame = frame.with_columns(instant=pl.col("local") - pl.col("offset"))
    frame = frame.join(_probe_all(frame["instant"], probe), left_on="instant", right_on="at")
    wrong = pl.col("offset") != pl.col("first")
    _refuse(table, frame, wrong, ZoneContradictionError, f"has an offset that {zone.key} has not")


def _place(table: RawTable, frame: pl.DataFrame, zone: ZoneInfo) -> pl.DataFrame:
    """UTC seconds (`placed`) of local times of the zone, by `number`."""

    def probe(local: int) -> tuple[int, int]:
        clock = datetime.fromtimestamp(local, UTC)
        first = clock.replace(tzinfo=zone, fold=0).utcoffset()
        second = clock.replace(tzinfo=zone, fold=1).utcoffset()
        return _seconds(first), _seconds(second)

    frame = frame.join(_probe_all(frame["local"], probe), left_on="local", right_on="at", how="left").sort("number")
    skipped = pl.col("first") < pl.col("second")
    _refuse(table, frame, skipped, NonexistentTimeError, f"does not exist in {zone.key}")
    repeated = pl.col("first") > pl.col("second")
    frame = frame.with_columns(
        times=pl.len().over("device", "local"),
        earlier=pl.col("number").cum_count().over("device", "local") == 1,
    )
    once = repeated & (pl.col("times") == 1)
    _refuse(table, frame, once, AmbiguousTimeError, f"occurs twice in {zone.key}, here only once")
    offset = pl.when(repeated & ~pl.col("earlier")).then("second").otherwise("first")
    return frame.select("number", placed=pl.col("local") - offset)


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


def _refuse(table: RawTable, frame: pl.DataFrame, bad: pl.Expr, error: type[MeteringError], why: str) -> None:
    """Raise the error for the first row of the frame for which the expression is true or null."""
    found = frame.filter(bad.fill_null(True)).sort("number").head(1)
    if not found.height:
        return
    row = found.row(0, named=True)
    text = shown(row["stamp"] if "stamp" in row else row["instant"])
    raise error(f"{text} {why or 'is not a time since 1970'}.", place=table.place(row["number"]))


def _seconds(offset: timedelta | None) -> int:
    return (offset or timedelta()) // timedelta(seconds=1)
