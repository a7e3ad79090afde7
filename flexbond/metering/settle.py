"""Understood rows to readings: nothing twice, one period a device, the channels of a device added up."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import polars as pl

from flexbond.metering.findings import Code, Findings, Severity
from flexbond.metering.readings import COLUMNS, Readings
from flexbond.units import format_time

if TYPE_CHECKING:
    from collections.abc import Callable

    from flexbond.metering.batch import Reader
    from flexbond.metering.errors import Place
    from flexbond.metering.judge import Row

_KEY: Final = ("device", "stream", "start", "revision")
_OWN: Final = ("seconds", "milli_wh", "estimated", "received")


def settle(reader: Reader) -> Readings:
    """The readings of everything a reader understood; what is left out is among its findings.

    Equal copies of a reading count once; of copies that contradict each other none counts. A device
    has one period, on one grid. Where it has several channels, their energy is added, and a period
    in which one of them is missing is missing.
    """
    rows, findings, place = reader.rows, reader.findings, reader.place
    rows = _numbered(rows, findings, place)
    rows = _distinct(rows, findings, place)
    rows = _one_grid(rows, findings, place)
    rows = _netted(rows, findings, place)
    return Readings.of(rows.select(*COLUMNS), reader.files)


def _numbered(rows: pl.DataFrame, findings: Findings, place: Callable[[Row], Place | None]) -> pl.DataFrame:
    """Rows with a revision each: as stated, or by the order in which the copies were received."""
    if rows.select(pl.all_horizontal(pl.col("revision", "received").is_null().all())).item():
        return rows.with_columns(revision=pl.lit(0, dtype=pl.Int64))
    end = pl.col("start") + pl.col("seconds")
    early = pl.col("received") < end
    findings.rows(
        rows.filter(early),
        Code.EARLY_RECEIPT,
        Severity.DROPPED,
        place,
        lambda row: (
            f"it was received {format_time(row['received'])}, before its period ended.",
            "Correct the time of receipt, its zone, or the stamps.",
        ),
    )
    rows = rows.filter(~early.fill_null(False))
    undated = (pl.col("revision") > 0) & pl.col("received").is_null()
    findings.rows(
        rows.filter(undated),
        Code.UNDATED_REVISION,
        Severity.DROPPED,
        place,
        lambda row: (
            f"revision {row['revision']} does not say when it was received.",
            "State the time of receipt, so that what came after a notice can be told apart.",
        ),
    )
    rows = rows.filter(~undated.fill_null(False))
    order = pl.coalesce("received", end).rank("dense").over("device", "stream", "start").cast(pl.Int64) - 1
    return rows.with_columns(revision=pl.coalesce("revision", order))


def _distinct(rows: pl.DataFrame, findings: Findings, place: Callable[[Row], Place | None]) -> pl.DataFrame:
    """Each reading once; none of those that contradict each other."""
    twice = pl.struct(_KEY).is_duplicated()
    again = rows.filter(twice)
    if not again.height:
        return rows
    same = pl.struct(_OWN).n_unique().over(_KEY) == 1
    first = pl.struct("source", "number").first().over(_KEY)
    again = again.with_columns(_same=same, _nth=pl.int_range(pl.len()).over(_KEY), _first=first)
    findings.rows(
        again.filter(pl.col("_same") & (pl.col("_nth") > 0)),
        Code.DUPLICATE,
        Severity.WARNING,
        place,
        lambda row: (
            f"the same reading stands in {place(row['_first'])} already; it counts once.",
            "Remove one of the two.",
        ),
    )
    findings.rows(
        again.filter(~pl.col("_same") & (pl.col("_nth") > 0)),
        Code.CONFLICT,
        Severity.DROPPED,
        place,
        lambda row: (
            f"another reading of this time stands in {place(row['_first'])}; neither counts.",
            "Find out which is true and remove the other, or state revisions and when they were received.",
        ),
    )
    kept = again.filter(pl.col("_same") & (pl.col("_nth") == 0)).select(rows.columns)
    return pl.concat([rows.filter(~twice), kept])


def _one_grid(rows: pl.DataFrame, findings: Findings, place: Callable[[Row], Place | None]) -> pl.DataFrame:
    """Rows of the device's most frequent period, at its most frequent offset."""
    advice = "Give each period, and each meter, a device name of its own."
    rows, others = _usual(rows, pl.col("seconds"))
    findings.rows(
        others,
        Code.MIXED_PERIODS,
        Severity.DROPPED,
        place,
        lambda row: (f"its period is {row['_is']} s, the device's is {row['_usual']} s.", advice),
    )
    rows, others = _usual(rows, pl.col("start") % pl.col("seconds"))
    findings.rows(
        others,
        Code.OFF_GRID,
        Severity.DROPPED,
        place,
        lambda row: (f"it begins {row['_is']} s past a whole period, the device's others {row['_usual']} s.", advice),
    )
    return rows


def _usual(rows: pl.DataFrame, value: pl.Expr) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The rows with the value most frequent for their device, of equals the least; and the others."""
    counted = rows.with_columns(_is=value).group_by("device", "_is").len()
    ranked = counted.sort("len", "_is", descending=[True, False])
    usual = ranked.group_by("device", maintain_order=True).agg(_usual=pl.col("_is").first(), _kinds=pl.len())
    if usual.select((pl.col("_kinds") == 1).all()).item():
        return rows, rows.clear()
    marked = rows.with_columns(_is=value).join(usual, on="device", how="left", maintain_order="left")
    other = pl.col("_is") != pl.col("_usual")
    return marked.filter(~other).select(rows.columns), marked.filter(other)


def _netted(rows: pl.DataFrame, findings: Findings, place: Callable[[Row], Place | None]) -> pl.DataFrame:
    """One row a device, period and revision: the sum of the device's channels."""
    streams = rows.group_by("device").agg(_streams=pl.col("stream").n_unique())
    several = streams.filter(pl.col("_streams") > 1)
    if not several.height:
        return rows
    single = rows.join(several, on="device", how="anti")
    many = rows.join(several, on="device")
    summed = _sum_versions(many)
    whole = summed.filter(pl.col("_have") == pl.col("_streams"))
    lone = many.join(whole.select("device", "start").unique(), on=["device", "start"], how="anti")
    findings.rows(
        lone,
        Code.ONE_DIRECTION,
        Severity.DROPPED,
        place,
        lambda row: (
            f"only some of the device's {row['_streams']} channels have a reading, {row['stream']} among them.",
            "Obtain the others, or read the channels as separate devices.",
        ),
    )
    return pl.concat([single.select(*COLUMNS), whole.select(*COLUMNS)])


def _sum_versions(many: pl.DataFrame) -> pl.DataFrame:
    """The sum of the latest reading of each channel, at each time at which one was received."""
    at = pl.coalesce("received", pl.col("start") + pl.col("seconds"))
    many = many.with_columns(_at=at)
    times = many.select("device", "start", "_at", "_streams").unique()
    channels = many.select("device", "stream").unique()
    wanted = times.join(channels, on="device").sort("_at")
    latest = wanted.join_asof(
        many.drop("_streams").sort("_at"),
        on="_at",
        by=["device", "start", "stream"],
        strategy="backward",
        check_sortedness=False,
    )
    found = latest.drop_nulls("milli_wh")
    summed = found.group_by("device", "start", "_at", "_streams").agg(
        pl.col("seconds", "source").first(),
        pl.col("number").min(),
        pl.col("milli_wh").sum(),
        pl.col("estimated").any(),
        pl.col("received").max(),
        _have=pl.len(),
    )
    whole = summed.filter(pl.col("_have") == pl.col("_streams"))
    order = pl.col("_at").rank("dense").over("device", "start").cast(pl.Int64) - 1
    return whole.with_columns(revision=order)
