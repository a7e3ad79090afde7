"""The checks of validation, each a rule in whole numbers on one device's own readings, or on all devices."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

import polars as pl

from flexbond.metering.errors import Place, counts_of
from flexbond.metering.findings import Code, Finding, Severity
from flexbond.units import format_energy

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from zoneinfo import ZoneInfo

    from flexbond.metering.judge import Row
    from flexbond.metering.validation import Seen

_DAY: Final = 86_400
_HOUR: Final = 3_600


def find_gaps(seen: Seen) -> None:
    """GAP: periods of the span without a reading, a finding for each run of them."""
    begin, finish = seen.span
    frame = seen.frame.select("device", "start", "seconds", "source", "number")
    ends = frame.group_by("device").agg(
        pl.col("seconds").first(),
        first=pl.col("start").min(),
        last=(pl.col("start") + pl.col("seconds")).max(),
    )
    before = ends.select("device", "seconds", start=pl.lit(begin, dtype=pl.Int64), end="first")
    after = ends.select("device", "seconds", start="last", end=pl.lit(finish, dtype=pl.Int64))
    between = frame.with_columns(
        end=pl.col("start"), start=(pl.col("start") + pl.col("seconds")).shift(1).over("device")
    ).drop_nulls("start")
    columns = ["device", "seconds", "start", "end"]
    places = pl.lit(None, dtype=pl.Int64)
    outer = pl.concat([before, after]).with_columns(source=places, number=places)
    gaps = pl.concat([between.select(*columns, "source", "number"), outer.select(*columns, "source", "number")])
    gaps = gaps.with_columns(count=(pl.col("end") - pl.col("start")) // pl.col("seconds"))
    for row in gaps.filter(pl.col("count") > 0).sort("device", "start").iter_rows(named=True):
        seen.findings.add(
            Finding(
                code=Code.GAP,
                severity=Severity.WARNING,
                device=row["device"],
                start=row["start"],
                end=row["end"],
                count=row["count"],
                place=_place(seen, row),
                detail=f"{row['count']} reading{'s are' if row['count'] > 1 else ' is'} missing.",
                next_step="Obtain them, or name a method of estimation.",
            )
        )


def find_negatives(seen: Seen, import_only: Collection[str] | bool) -> None:
    """NEGATIVE: a device that cannot export has exported. The device is refused."""
    if import_only is False:
        return
    negative = seen.frame.filter(pl.col("milli_wh") < 0)
    if import_only is not True:
        negative = negative.filter(pl.col("device").is_in(list(import_only)))
    _rows(
        seen,
        negative,
        Code.NEGATIVE,
        Severity.ERROR,
        lambda row: (
            f"{format_energy(row['milli_wh'])} is export, and the device is said to import only.",
            "Check the sign convention and the direction of the meter.",
        ),
    )


def find_registers(seen: Seen) -> None:
    """REGISTER: values of a register that only counts up, given as energy of intervals; and its resets.

    A day or more of readings, never negative, of which at most one step in a hundred goes down and at least half go
    up, and whose first is ten times the median step. The device is refused.
    """
    step = pl.col("milli_wh").diff().over("device")
    frame = seen.frame.with_columns(step=step)
    told = frame.group_by("device").agg(
        pl.col("source", "number", "start", "seconds").first(),
        n=pl.len(),
        negative=(pl.col("milli_wh") < 0).any(),
        down=(pl.col("step") < 0).sum(),
        up=(pl.col("step") > 0).sum(),
        first=pl.col("milli_wh").first(),
        median=pl.col("step").drop_nulls().abs().sort().gather(pl.col("step").drop_nulls().len() // 2).first(),
    )
    register = (
        (pl.col("n") >= seen.limits.register_least)
        & (pl.col("n") * pl.col("seconds") >= _DAY)
        & ~pl.col("negative")
        & (pl.col("down") * 100 <= pl.col("n"))
        & (pl.col("up") * 2 >= pl.col("n"))
        & (pl.col("first") >= 10 * pl.col("median"))
    )
    found = told.filter(register)
    _rows(
        seen,
        found,
        Code.REGISTER,
        Severity.ERROR,
        lambda row: (
            f"the values only rise ({row['up']} of {row['n'] - 1} steps, {row['down']} fall): they are a register's.",
            "Give the energy of each period, which is the difference of two values.",
        ),
    )
    reset = frame.filter(pl.col("device").is_in(found["device"].implode()) & (pl.col("step") < 0))
    _rows(
        seen,
        reset,
        Code.REGISTER_RESET,
        Severity.ERROR,
        lambda row: (
            f"the register falls by {format_energy(-row['step'])}: it was reset, replaced, or ran over.",
            "Take no difference across it.",
        ),
    )


def find_unit_changes(seen: Seen) -> None:
    """UNIT_CHANGED: from one day to the next, or over a mixed day, all readings become `unit_factor` times larger or smaller.

    Days are of UTC, readings of 0 left out. The median of one day is that many times the other's, and
    its least reading is more than the other's greatest. The device is refused.
    """
    days = seen.frame.filter(pl.col("size") > 0).with_columns(day=pl.col("start") // _DAY)
    days = days.group_by("device", "day").agg(
        pl.col("source", "number", "start", "seconds").first(),
        median=_median(pl.col("size")),
        least=pl.col("size").min(),
        most=pl.col("size").max(),
    )
    days = days.sort("device", "day").with_columns(
        next=_another_unit(1, seen.limits.unit_factor), over=_another_unit(2, seen.limits.unit_factor)
    )
    known = pl.col("next").shift(1).over("device").fill_null(False)
    mixed = pl.col("over") & ~known
    before = pl.when("next").then(_before("median", 1)).otherwise(_before("median", 2))
    _rows(
        seen,
        days.with_columns(before=before).filter(pl.col("next") | mixed),
        Code.UNIT_CHANGED,
        Severity.ERROR,
        lambda row: (
            f"the median of a day goes from {format_energy(row['before'])} to {format_energy(row['median'])}, "
            "and no reading is of the size of the earlier ones.",
            "Find out where the unit changes, and read the parts as separate files.",
        ),
    )


def _another_unit(days: int, factor: int) -> pl.Expr:
    """Whether a day's readings are in another unit than those of so many days before."""
    larger = (pl.col("median") >= factor * _before("median", days)) & (pl.col("least") > _before("most", days))
    smaller = (_before("median", days) >= factor * pl.col("median")) & (_before("least", days) > pl.col("most"))
    return (larger | smaller).fill_null(False)


def _before(name: str, days: int) -> pl.Expr:
    """What a device had so many days before, among those that it has."""
    return pl.col(name).shift(days).over("device")


def find_unit_suspects(seen: Seen) -> None:
    """UNIT_SUSPECT: a device's median power is `unit_factor` times that of the devices' median, or the reverse."""
    power = pl.col("size") * _HOUR // pl.col("seconds")
    medians = (
        seen.frame.filter(pl.col("size") > 0)
        .with_columns(power=power)
        .group_by("device")
        .agg(pl.col("source", "number", "start").first(), median=_median(pl.col("power")))
        .sort("device")
    )
    if medians.height < seen.limits.unit_least_devices:
        return
    middle = medians.select(_median(pl.col("median"))).item()
    factor = seen.limits.unit_factor
    far = (pl.col("median") >= factor * middle) | (middle >= factor * pl.col("median"))
    _rows(
        seen,
        medians.filter(far),
        Code.UNIT_SUSPECT,
        Severity.WARNING,
        lambda row: (
            f"its median power is {row['median']} mW, that of all devices {middle} mW.",
            "Check the unit, unless the device is that much larger or smaller.",
        ),
    )


def find_spikes(seen: Seen) -> None:
    """SPIKE: more than `spike_factor` times the device's 95th percentile, and than a floor of power."""
    limits = seen.limits
    sizes = seen.frame.filter(pl.col("size") > 0).group_by("device")
    rank = (pl.len() * 95 + 99) // 100 - 1  # nearest rank, counted from 0
    known = sizes.agg(n=pl.len(), p95=pl.col("size").sort().gather(rank).first())
    frame = seen.frame.join(known.filter(pl.col("n") >= limits.spike_least), on="device")
    floor = limits.spike_floor_w * pl.col("seconds") * 1_000 // _HOUR
    spike = (pl.col("size") > limits.spike_factor * pl.col("p95")) & (pl.col("size") > floor)
    _rows(
        seen,
        frame.filter(spike).sort("device", "start"),
        Code.SPIKE,
        Severity.WARNING,
        lambda row: (
            f"{format_energy(row['milli_wh'])} is more than {limits.spike_factor} times the device's "
            f"95th percentile of {format_energy(row['p95'])}.",
            "Ask the meter's operator whether it happened.",
        ),
    )


def find_stuck(seen: Seen) -> None:
    """STUCK: one and the same reading for a day, or 0 for a week, without a gap."""
    follows = pl.col("start") == (pl.col("start") + pl.col("seconds")).shift(1).over("device")
    same = (pl.col("milli_wh") == pl.col("milli_wh").shift(1).over("device")) & follows
    runs = (
        seen.frame.with_columns(run=(~same.fill_null(False)).cum_sum())
        .group_by("run", maintain_order=True)
        .agg(
            pl.col("device", "start", "milli_wh", "source", "number").first(),
            seconds=pl.col("seconds").sum(),
            n=pl.len(),
        )
    )
    least = pl.when(pl.col("milli_wh") == 0).then(seen.limits.zero_seconds).otherwise(seen.limits.stuck_seconds)
    stuck = runs.filter((pl.col("seconds") >= least) & (pl.col("n") > 1))
    _rows(
        seen,
        stuck,
        Code.STUCK,
        Severity.WARNING,
        lambda row: (
            f"{row['n']} readings in a row are {format_energy(row['milli_wh'])}.",
            "Check that the meter counts and that nothing filled a gap.",
        ),
    )


def find_local_stamps(seen: Seen, zone: ZoneInfo) -> None:
    """LOCAL_AS_UTC: exactly the hour that the local clock skips in spring is missing, read as UTC.

    Refused are devices that lack this hour at every beginning of summer time that lies within their readings.
    """
    begin, finish = seen.span
    skipped = [
        (at, until)
        for at, until in _skipped_hours(begin, finish, zone)
        if at - _DAY >= begin and until + _DAY <= finish
    ]
    if not skipped:
        return
    frame = seen.frame
    lacking: list[pl.DataFrame] = []
    for at, until in skipped:
        around = frame.filter(pl.col("start").is_between(at - _DAY, until + _DAY, closed="left"))
        counted = around.group_by("device").agg(
            pl.col("seconds").first(),
            inside=pl.col("start").is_between(at, until, closed="left").sum(),
            outside=(~pl.col("start").is_between(at, until, closed="left")).sum(),
        )
        full = pl.col("outside") * pl.col("seconds") == 2 * _DAY
        lacking.append(counted.filter(full).select("device", lacks=pl.col("inside") == 0))
    told = pl.concat(lacking).group_by("device").agg(pl.col("lacks").all()).filter("lacks")
    at, until = skipped[0]
    bad = told.sort("device").with_columns(start=pl.lit(at), seconds=pl.lit(until - at))
    _rows(
        seen,
        bad,
        Code.LOCAL_AS_UTC,
        Severity.ERROR,
        lambda _: (
            f"the hour that {zone.key} skips is missing from stamps that are said to be UTC.",
            f"State zone={zone.key} if the stamps are local time.",
        ),
    )


def _skipped_hours(begin: int, finish: int, zone: ZoneInfo) -> list[tuple[int, int]]:
    """Local times that do not exist within a span, as if they were UTC seconds."""
    found = []
    for day in range(begin // _DAY, finish // _DAY + 1):
        before, after = (_offset(at, zone) for at in (day * _DAY, (day + 1) * _DAY))
        if after <= before:
            continue
        low, high = day * _DAY, (day + 1) * _DAY
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (low, middle) if _offset(middle, zone) == after else (middle, high)
        found.append((high + before, high + after))
    return found


def _offset(at: int, zone: ZoneInfo) -> int:
    """Seconds by which the zone is ahead of UTC."""
    found = datetime.fromtimestamp(at, UTC).astimezone(zone).utcoffset() or timedelta()
    return found // timedelta(seconds=1)


def _median(values: pl.Expr) -> pl.Expr:
    """The upper median."""
    return values.sort().gather(values.len() // 2).first()


def _place(seen: Seen, row: Row) -> Place | None:
    """Where a reading stands, if it came from a file."""
    source, files = row.get("source"), seen.readings.files
    if source is None or source >= len(files):
        return None
    return Place(file=files[source], number=row.get("number"), counts=counts_of(files[source]))


def _rows(seen: Seen, bad: pl.DataFrame, code: Code, severity: Severity, say: Callable[[Row], tuple[str, str]]) -> None:
    """A finding for each row."""
    seen.findings.rows(bad, code, severity, lambda row: _place(seen, row), say)
