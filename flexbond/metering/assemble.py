"""Rows to interval series: one period a device, in order, nothing twice and nothing missing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import polars as pl

from flexbond.metering.conventions import Sign, Stamp, Stated
from flexbond.metering.errors import (
    ConflictingReadingError,
    DuplicateReadingError,
    EmptyFileError,
    GapError,
    HugeReadingError,
    InexactReadingError,
    MixedPeriodsError,
    OutOfOrderError,
    PeriodUnknownError,
)
from flexbond.metering.judge import strict
from flexbond.metering.series import MAX_READING, MIN_READING, IntervalSeries
from flexbond.metering.stamps import parse_stamps
from flexbond.metering.values import check_devices, huge, parse_flags, parse_values, shown
from flexbond.units import format_time

if TYPE_CHECKING:
    from flexbond.metering.judge import Judge
    from flexbond.metering.table import RawTable

_AVERAGE_TO_ENERGY: Final = 3600


def assemble(table: RawTable, stated: Stated) -> tuple[IntervalSeries, ...]:
    """The series of every device of the table, in the order of their first rows.

    Raises the error of the first row that is wrong; `flexbond.metering.errors` lists them.
    """
    if not table.frame.height:
        raise EmptyFileError("there is no reading.", place=table.place())
    judge = strict(table)
    frame = check_devices(table.frame, judge)
    frame = parse_flags(parse_values(frame, stated.unit, judge), judge)
    frame = parse_stamps(frame, stated.zone, judge)
    _check_distinct(table, frame)
    frame = frame.with_columns(step=pl.col("utc").diff().over("device"))
    _check_order(table, frame)
    frame = frame.join(
        _periods(table, frame, stated.period_seconds),
        on="device",
        how="left",
        maintain_order="left",
    )
    _check_steps(table, frame, known=stated.period_seconds is not None)
    return _series(to_energy(frame, stated, judge))


def _check_distinct(table: RawTable, frame: pl.DataFrame) -> None:
    """Raise DuplicateReadingError or ConflictingReadingError for the first time met again."""
    again = frame.filter(~pl.struct("device", "utc").is_first_distinct()).head(1)
    if not again.height:
        return
    row = again.row(0, named=True)
    same = (pl.col("device") == row["device"]) & (pl.col("utc") == row["utc"])
    first = frame.filter(same).row(0, named=True)
    equal = all(first[name] == row[name] for name in ("quantity", "estimated"))
    error = DuplicateReadingError if equal else ConflictingReadingError
    raise error(
        f"{row['device']} has a {'second' if equal else 'different'} reading of "
        f"{format_time(row['utc'])}, already on {table.counts} {first['number']}.",
        place=table.place(row["number"]),
    )


def _check_order(table: RawTable, frame: pl.DataFrame) -> None:
    """Raise OutOfOrderError for the first row earlier than the one before of its device."""
    late = frame.filter(pl.col("step") < 0).head(1)
    if late.height:
        row = late.row(0, named=True)
        raise OutOfOrderError(
            f"{row['device']} goes back by {-row['step']} s to {format_time(row['utc'])}.",
            place=table.place(row["number"]),
        )


def _periods(table: RawTable, frame: pl.DataFrame, stated: int | None) -> pl.DataFrame:
    """`device` and `period`: as stated, or the most frequent step, of equals the shorter."""
    if stated is not None:
        return frame.select("device").unique().with_columns(period=pl.lit(stated, dtype=pl.Int64))
    first = frame.group_by("device").agg(pl.col("number").min(), steps=pl.col("step").count())
    single = first.filter(pl.col("steps") == 0).sort("number").head(1)
    if single.height:
        row = single.row(0, named=True)
        raise PeriodUnknownError(
            f"{row['device']} has one reading, from which no period follows.",
            place=table.place(row["number"]),
        )
    counted = frame.drop_nulls("step").group_by("device", "step").len()
    ranked = counted.sort("len", "step", descending=[True, False])
    return ranked.group_by("device").agg(period=pl.col("step").first())


def _check_steps(table: RawTable, frame: pl.DataFrame, *, known: bool) -> None:
    """Raise GapError or MixedPeriodsError for the first step that is not the period."""
    other = pl.col("step") != pl.col("period")
    if not frame.select(other.any()).item():
        return
    step = pl.col("step")
    repeats = (step == step.shift(1)) | (step == step.shift(-1))
    marked = frame.with_columns(repeats=repeats.fill_null(False).over("device"))
    row = marked.filter(other).head(1).row(0, named=True)
    missing, rest = divmod(row["step"], row["period"])
    place = table.place(row["number"])
    if rest or (row["repeats"] and not known):
        raise MixedPeriodsError(
            f"{row['device']} has a period of {row['step']} s among periods of {row['period']} s.",
            place=place,
        )
    last = row["utc"] - row["step"]
    raise GapError(
        f"{missing - 1} reading{'s' if missing > 2 else ''} of {row['device']} missing between "
        f"{format_time(last)} and {format_time(row['utc'])}.",
        place=place,
    )


def to_energy(frame: pl.DataFrame, stated: Stated, judge: Judge, *, rounding: bool = False) -> pl.DataFrame:
    """Rows with `milli_wh`, `+` import, and `utc` at the start of each `period`.

    A column `direction` (1 or -1), where the rows have it, turns the sign once more. With
    `rounding`, energy that is no whole number of mWh is rounded half to even and marked in
    `rounded`. The judge gets HugeReadingError and InexactReadingError.
    """
    quantity, period = pl.col("quantity"), pl.col("period")
    factor, divisor = pl.lit(1), pl.lit(1)
    if stated.unit.is_average:
        factor, divisor = period, pl.lit(_AVERAGE_TO_ENERGY)
    if stated.sign is Sign.EXPORT_POSITIVE:
        quantity = -quantity
    if "direction" in frame.columns:
        quantity = quantity * pl.col("direction")
    low = -((-MIN_READING * divisor) // factor)
    high = (MAX_READING * divisor) // factor
    outside = (quantity < low) | (quantity > high)
    frame = judge(frame, outside, HugeReadingError, lambda row: huge(row, stated.unit))
    scaled = quantity * factor
    energy, rest = scaled // divisor, scaled % divisor
    if rounding:
        up = (rest * 2 > divisor) | ((rest * 2 == divisor) & (energy % 2 == 1))
        energy = energy + up.cast(pl.Int64)
        frame = frame.with_columns(rounded=pl.col("rounded") | (rest != 0))
    else:
        frame = judge(
            frame,
            rest != 0,
            InexactReadingError,
            lambda row: f"{shown(row['value'])} {stated.unit} over {row['period']} s is not a whole number of mWh.",
        )
    start = pl.col("utc") - period if stated.stamp is Stamp.END else pl.col("utc")
    return frame.with_columns(milli_wh=energy, utc=start)


def _series(frame: pl.DataFrame) -> tuple[IntervalSeries, ...]:
    """One series a device, in the order of their first rows."""
    grouped = frame.group_by("device", maintain_order=True).agg(
        pl.col("utc", "period").first(), pl.col("milli_wh", "estimated")
    )
    return tuple(
        IntervalSeries(
            metering_point=row["device"],
            period_seconds=row["period"],
            start=row["utc"],
            readings=tuple(row["milli_wh"]),
            estimated=tuple(row["estimated"]),
        )
        for row in grouped.iter_rows(named=True)
    )
