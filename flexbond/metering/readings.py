"""Readings of many devices as a table that keeps revisions apart."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import polars as pl

from flexbond.metering.errors import SeriesError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from flexbond.metering.series import IntervalSeries

COLUMNS: Final[dict[str, pl.DataType]] = {
    "device": pl.String(),
    "start": pl.Int64(),
    "seconds": pl.Int64(),
    "milli_wh": pl.Int64(),
    "estimated": pl.Boolean(),
    "revision": pl.Int64(),
    "received": pl.Int64(),
    "source": pl.Int64(),
    "number": pl.Int64(),
}
"""Columns of a table of readings.

`start` is the start of the period in UTC seconds, `seconds` its length, `milli_wh` its energy (`+`
import), `estimated` whether somebody made the reading up, `revision` 0 for the first statement.
`received` is when that revision was received, in UTC seconds; null: when its period ended.
`source` is an index into `Readings.files` and `number` the line, row or element there.
"""

_IDENTITY: Final = ("device", "start", "revision")
_NEEDED: Final = ("device", "start", "seconds", "milli_wh")
_DEFAULTS: Final = {"estimated": False, "revision": 0, "received": None, "source": None, "number": None}


@dataclass(frozen=True, kw_only=True)
class Readings:
    """Readings of any number of devices, one row a device, period and revision."""

    frame: pl.DataFrame = field(repr=False)
    """The rows with exactly `COLUMNS`, sorted by device, start and revision."""
    files: tuple[str, ...] = ()
    """Paths that `source` counts from 0, as the caller gave them."""

    @classmethod
    def of(cls, frame: pl.DataFrame, files: Sequence[str] = ()) -> Readings:
        """Readings of a table that has at least device, start, seconds and milli_wh.

        Absent columns become: not estimated, revision 0, received when the period ended. Raises
        SeriesError for absent or empty columns, and for two readings of one device, period and
        revision.
        """
        missing = [name for name in _NEEDED if name not in frame.columns]
        if missing:
            raise SeriesError(f"a table of readings has no column {missing[0]!r}.")
        absent = [pl.lit(value).alias(name) for name, value in _DEFAULTS.items() if name not in frame.columns]
        whole = frame.with_columns(absent).select(pl.col(name).cast(kind) for name, kind in COLUMNS.items())
        whole = whole.with_columns(pl.col("estimated").fill_null(False), pl.col("revision").fill_null(0))
        if whole.select(pl.any_horizontal(pl.col(_NEEDED).is_null().any())).item():
            raise SeriesError("a table of readings has empty fields among device, start, seconds and milli_wh.")
        if whole.select((pl.col("seconds") <= 0).any()).item():
            raise SeriesError("a table of readings has a period of no length.")
        whole = whole.sort(_IDENTITY)
        same = pl.all_horizontal(pl.col(name) == pl.col(name).shift(1) for name in _IDENTITY)
        twice = whole.filter(same).head(1)
        if twice.height:
            row = twice.row(0, named=True)
            raise SeriesError(
                f"{row['device']} has two readings of {row['start']} in revision {row['revision']}.",
                advice="Read files with read_all, which lists duplicates, before building a table.",
            )
        return cls(frame=whole, files=tuple(files))

    @classmethod
    def of_series(cls, series: Iterable[IntervalSeries]) -> Readings:
        """Readings of strict series, as revision 0. Raises SeriesError for a device given twice."""
        parts = [
            pl.DataFrame(
                {
                    "device": pl.Series([one.metering_point], dtype=pl.String).new_from_index(0, len(one.readings)),
                    "start": pl.int_range(one.start, one.end, one.period_seconds, dtype=pl.Int64, eager=True),
                    "seconds": pl.Series([one.period_seconds], dtype=pl.Int64).new_from_index(0, len(one.readings)),
                    "milli_wh": pl.Series(one.readings, dtype=pl.Int64),
                    "estimated": pl.Series(one.estimated, dtype=pl.Boolean),
                }
            )
            for one in series
        ]
        return cls.of(pl.concat(parts)) if parts else cls.nothing()

    @classmethod
    def nothing(cls) -> Readings:
        """No reading at all."""
        return cls(frame=pl.DataFrame(schema=COLUMNS))

    @classmethod
    def join(cls, parts: Iterable[Readings]) -> Readings:
        """All readings of the parts. Raises SeriesError if two hold the same reading."""
        frames: list[pl.DataFrame] = []
        files: list[str] = []
        for part in parts:
            frames.append(part.frame.with_columns(pl.col("source") + len(files)))
            files.extend(part.files)
        return cls.of(pl.concat(frames), files) if frames else cls.nothing()

    def as_of(self, time: int | None = None) -> pl.DataFrame:
        """One row a device and period: its highest revision received before `time` (UTC seconds).

        With None the highest of all. Columns device, start, seconds, milli_wh, estimated, revision;
        sorted by device and start.
        """
        return self.standing(time).select("device", "start", "seconds", "milli_wh", "estimated", "revision")

    def standing(self, time: int | None = None) -> pl.DataFrame:
        """As `as_of`, with all `COLUMNS`."""
        frame = self.frame
        if time is not None:
            known = pl.coalesce(pl.col("received"), pl.col("start") + pl.col("seconds"))
            frame = frame.filter(known < time)
        last = (pl.col("device") != pl.col("device").shift(-1)) | (pl.col("start") != pl.col("start").shift(-1))
        return frame.filter(last.fill_null(True))

    @property
    def devices(self) -> list[str]:
        """Names of the devices, sorted."""
        return self.frame["device"].unique().sort().to_list()

    @property
    def span(self) -> tuple[int, int]:
        """Start of the first and end of the last period, UTC seconds. Raises SeriesError if there is none."""
        if not self.frame.height:
            raise SeriesError("there is no reading, so no span.")
        first, last = self.frame.select(pl.col("start").min(), end=(pl.col("start") + pl.col("seconds")).max()).row(0)
        return first, last

    @property
    def periods(self) -> dict[str, int]:
        """Length of each device's periods in s; the shortest if they differ."""
        return dict(self.frame.group_by("device").agg(pl.col("seconds").min()).sort("device").iter_rows())

    def only(self, devices: Iterable[str]) -> Readings:
        """The readings of those devices."""
        return Readings(frame=self.frame.filter(pl.col("device").is_in(list(devices))), files=self.files)

    def within(self, start: int, end: int) -> Readings:
        """The readings whose periods lie whole in `[start, end)`, UTC seconds."""
        inside = (pl.col("start") >= start) & (pl.col("start") + pl.col("seconds") <= end)
        return Readings(frame=self.frame.filter(inside), files=self.files)
