"""Rows of a file as some reader found them, and what they mean: energy of a device's periods."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

import polars as pl

from flexbond.metering.assemble import to_energy
from flexbond.metering.conventions import MAX_PERIOD_SECONDS
from flexbond.metering.errors import (
    BadTimeError,
    NotANumberError,
    PeriodUnknownError,
    Place,
    counts_of,
)
from flexbond.metering.findings import CODE_OF_ERROR, Code, Finding, Findings, Severity
from flexbond.metering.stamps import parse_stamps
from flexbond.metering.values import DEVICE_NAME, check_devices, parse_flags, parse_values, shown

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from flexbond.metering.conventions import Stated
    from flexbond.metering.errors import MeteringError
    from flexbond.metering.findings import Say
    from flexbond.metering.judge import Describe, Judge, Row

PARSED: Final[dict[str, pl.DataType]] = {
    "device": pl.String(),
    "stream": pl.String(),
    "start": pl.Int64(),
    "seconds": pl.Int64(),
    "milli_wh": pl.Int64(),
    "estimated": pl.Boolean(),
    "revision": pl.Int64(),
    "received": pl.Int64(),
    "number": pl.Int64(),
    "source": pl.Int64(),
}
"""Columns of rows that are understood; `revision` and `received` are null where the file is silent."""

_WHOLE: Final = r"^[0-9]{1,6}$"


@dataclass(frozen=True, kw_only=True)
class Batch:
    """Rows that share their conventions.

    `frame` has `number`, `device`, `value` (text), and `stamp` (text) or `instant` (UTC seconds). It
    may have `flag` (text), `stream` (text: a channel of the device, all of which are added up),
    `direction` (1 or -1), `seconds`, `revision` (text), `received` (text with offset or zone) or
    `received_at` (UTC seconds).
    """

    file: str
    """The file's path as the caller gave it."""
    stated: Stated
    """What the numbers mean."""
    frame: pl.DataFrame = field(repr=False)
    """The rows."""


class Reader:
    """Understands batches, one after the other, and lists what it could not."""

    def __init__(self, *, rounding: bool) -> None:
        self.findings = Findings()
        self.files: list[str] = []
        self._rounding = rounding
        self._frames: list[pl.DataFrame] = []

    @property
    def rows(self) -> pl.DataFrame:
        """All rows that are understood, with the columns of `PARSED`."""
        return pl.concat(self._frames) if self._frames else pl.DataFrame(schema=PARSED)

    def place(self, row: Row) -> Place | None:
        """Where an understood row stands."""
        source = row.get("source")
        if source is None:
            return None
        return Place(file=self.files[source], number=row.get("number"), counts=counts_of(self.files[source]))

    def _source(self, file: str) -> int:
        """The number of a file among those read."""
        if file not in self.files:
            self.files.append(file)
        return self.files.index(file)

    def judge(self, file: str) -> Judge:
        """A judge that lists a file's bad rows and leaves them out."""

        def judge(frame: pl.DataFrame, bad: pl.Expr, kind: type[MeteringError], describe: Describe) -> pl.DataFrame:
            frame = frame.with_columns(_bad=bad.fill_null(True))
            self.refuse(frame.filter("_bad"), file, kind, describe)
            return frame.filter(~pl.col("_bad")).drop("_bad")

        return judge

    def refuse(self, bad: pl.DataFrame, file: str, kind: type[MeteringError], describe: Describe) -> None:
        """List rows that are left out for the error at which the strict reader would end."""
        self.note(bad, CODE_OF_ERROR[kind], file, lambda row: (describe(row), kind.advice))

    def note(self, bad: pl.DataFrame, code: Code, file: str, say: Say) -> None:
        """List rows that are left out; what is NOT_USED by its nature is no fault."""
        named = pl.col("device").cast(pl.String) if "device" in bad.columns else pl.lit(None, dtype=pl.String)
        bad = bad.with_columns(
            device=pl.when(named.str.contains(DEVICE_NAME)).then(named)
        )  # other text is not passed on
        if not {"start", "seconds"} <= set(bad.columns):
            bad = bad.drop("start", "seconds", strict=False)
        self.findings.rows(
            bad.sort("number"),
            code,
            Severity.WARNING if code is Code.NOT_USED else Severity.DROPPED,
            lambda row: Place(file=file, number=row["number"], counts=counts_of(file)),
            say,
        )

    def take(self, batch: Batch) -> None:
        """The rows of one batch that can be understood."""
        source = self._source(batch.file)
        judge = self.judge(batch.file)
        frame = check_devices(batch.frame, judge)
        frame = parse_values(frame, batch.stated.unit, judge, rounding=self._rounding)
        frame = parse_flags(frame, judge)
        frame = _revisions(frame, judge)
        frame = _received(frame, batch.stated.zone, judge)
        frame = parse_stamps(frame, batch.stated.zone, judge)
        frame = _with_period(frame, batch.stated, judge)
        frame = to_energy(frame, batch.stated, judge, rounding=self._rounding)
        frame = frame.with_columns(start=pl.col("utc"), seconds=pl.col("period"), source=pl.lit(source))
        frame = judge(frame, pl.col("start") < 0, BadTimeError, lambda _: "the period begins before 1970.")
        self._list_rounded(frame)
        if "stream" not in frame.columns:
            frame = frame.with_columns(stream=pl.lit(""))
        self._frames.append(frame.select(pl.col(name).cast(kind) for name, kind in PARSED.items()))

    def _list_rounded(self, frame: pl.DataFrame) -> None:
        """One finding a device for all readings that were rounded."""
        first = pl.col("number", "source", "value").first()
        spanned = {"start": pl.col("start").min(), "end": (pl.col("start") + pl.col("seconds")).max()}
        grouped = frame.filter("rounded").group_by("device", maintain_order=True)
        for row in grouped.agg(first, rows=pl.len(), **spanned).iter_rows(named=True):
            self.findings.add(
                Finding(
                    code=Code.ROUNDED,
                    severity=Severity.WARNING,
                    device=row["device"],
                    start=row["start"],
                    end=row["end"],
                    count=row["rows"],
                    place=self.place(row),
                    detail=f"{row['rows']} readings are finer than 1 mWh, such as {shown(row['value'])}; "
                    "they were rounded, half to even.",
                    next_step="Round at the source if that is not meant.",
                )
            )


def _revisions(frame: pl.DataFrame, judge: Judge) -> pl.DataFrame:
    """Rows with `revision` as a number, null where the file has none."""
    if "revision" not in frame.columns:
        return frame.with_columns(revision=pl.lit(None, dtype=pl.Int64))
    whole = pl.col("revision").str.contains(_WHOLE)
    frame = judge(frame, ~whole, NotANumberError, lambda row: f"{shown(row['revision'])} is not a revision.")
    return frame.with_columns(pl.col("revision").cast(pl.Int64))


def _received(frame: pl.DataFrame, zone: ZoneInfo | None, judge: Judge) -> pl.DataFrame:
    """Rows with `received` in UTC seconds, null where unstated, and the `version` that stamps go by."""
    if "received_at" in frame.columns:
        frame = frame.with_columns(received=pl.col("received_at"))
    elif "received" in frame.columns:
        text = frame["received"].fill_null("").unique()
        known = pl.DataFrame(
            {"_text": text, "_time": [_instant(item, zone) for item in text]},
            schema={"_text": pl.String, "_time": pl.Int64},
        )
        frame = frame.with_columns(_text=pl.col("received").fill_null(""))
        frame = frame.join(known, on="_text", how="left", maintain_order="left")
        bad = pl.col("_time").is_null() & (pl.col("_text") != "")
        frame = judge(frame, bad, BadTimeError, lambda row: f"{shown(row['received'])} is not a time of receipt.")
        frame = frame.with_columns(received=pl.col("_time")).drop("_text", "_time")
    else:
        frame = frame.with_columns(received=pl.lit(None, dtype=pl.Int64))
    version = pl.struct(pl.col("revision").fill_null(-1), pl.col("received").fill_null(-1))
    return frame.with_columns(version=version)


def _instant(text: str, zone: ZoneInfo | None) -> int | None:
    """UTC seconds of a time of receipt; of two local times that read the same, the later one."""
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        return None
    if time.tzinfo is None:
        if zone is None:
            return None
        time = time.replace(tzinfo=zone, fold=1)
    elapsed = time - datetime(1970, 1, 1, tzinfo=UTC)
    return None if elapsed < timedelta() else -(-elapsed // timedelta(seconds=1))


def _with_period(frame: pl.DataFrame, stated: Stated, judge: Judge) -> pl.DataFrame:
    """Rows with `period`: as the row or the file states it, or the device's most frequent step."""
    if "seconds" in frame.columns:
        none = ~pl.col("seconds").is_between(1, MAX_PERIOD_SECONDS)
        frame = judge(frame, none, PeriodUnknownError, lambda _: "its period has no length that a period can have.")
        return frame.with_columns(period=pl.col("seconds"))
    if stated.period_seconds is not None:
        return frame.with_columns(period=pl.lit(stated.period_seconds, dtype=pl.Int64))
    keys = ["device", "stream"] if "stream" in frame.columns else ["device"]
    steps = frame.select(*keys, "utc").unique().sort(*keys, "utc")
    steps = steps.with_columns(period=pl.col("utc").diff().over(keys)).drop_nulls("period")
    counted = steps.group_by("device", "period").len().sort("len", "period", descending=[True, False])
    first = counted.group_by("device", maintain_order=True).agg(pl.col("period").first())
    frame = frame.join(first, on="device", how="left", maintain_order="left")
    return judge(
        frame,
        pl.col("period").is_null(),
        PeriodUnknownError,
        lambda row: f"{row['device']} has one reading, from which no period follows.",
    )
