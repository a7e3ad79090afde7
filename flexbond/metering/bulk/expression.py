"""The baselines of a whole fleet as one expression: joins, filters, windows and sums, exact integers throughout.

It says what `flexbond.model.baseline.device_baseline` says of one device, for any number of them. Every step is linear in
the values that are needed; what is rare (an absent value, a device that lacks one) is worked on apart, so that the many
complete devices do not pay for it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import TYPE_CHECKING

import ibis

from flexbond.metering.bulk.exact import total, wide, with_quotient
from flexbond.metering.bulk.pastdays import past_days
from flexbond.metering.bulk.plan import EVENT_DAY
from flexbond.model.types import BPS, Adjustment, Direction, Silence

if TYPE_CHECKING:
    from collections.abc import Callable

    from ibis.expr.types import NumericValue, Table

    from flexbond.metering.bulk.pastdays import PastDays
    from flexbond.metering.bulk.plan import FleetPlan

_MILLI_WH_PER_WATT_HOUR = 1000
_HOUR = 3600


@dataclass(frozen=True, kw_only=True)
class FleetTables:
    """What came out for a fleet, as expressions that nothing has computed yet. Energies in mWh, `+` import."""

    periods: Table
    """A row a device and period of the window: device, place, start (UTC s), ordered, baseline_milli_wh (null if silent),
    metered_milli_wh (null if silent or not ordered), response_milli_wh (clamped; silent: minus the capacity; null if not
    ordered), silence (`flexbond.model.types.Silence`), complete_days, adjustment_milli_wh and past_adjustment_milli_wh
    (null where nothing is adjusted)."""
    days: Table | None
    """X_OF_Y, a row a device and day found: device, local_day, energy_milli_wh of its window with absent values filled,
    complete, chosen; of devices that are not silent. None for METER_BEFORE."""


def baselines(
    plan: FleetPlan, readings: Table, devices: Table, keep: Callable[[Table], Table] = lambda table: table
) -> FleetTables:
    """Baseline, metered energy and response of every device, by period.

    `readings`: device, start (UTC s), seconds, milli_wh (`+` import), unique by device and start; estimated if any may be.
    With revision (unique with them) the highest received in time counts; received is null where it was received when its
    period ended. A reading that does not divide the settlement period, or crosses its border, is none.
    `devices`: device (unique), capacity_w, connection_w, and group (of the plan's) unless all are of the only one.
    `keep` marks tables that are used more than once, for engines that would compute them again each time.
    """
    known = keep(_devices(plan, devices))
    cells = keep(_cells(plan, _energies(plan, readings, known), known))
    past = past_days(plan, cells, known, keep) if plan.groups else None
    sums = _level(plan, cells) if past is None else past.sums
    judged = keep(_judged(plan, known, cells, past))
    periods = _responses(plan, _with_baseline(plan, _grid(plan, judged, sums, cells)))
    return FleetTables(periods=periods, days=None if past is None else _days(judged, past))


def portfolio(periods: Table) -> Table:
    """A row an ordered period of the window: place, start, baseline_milli_wh and metered_milli_wh of devices that are not
    silent, and the response under either clamp level, portfolio_milli_wh and device_milli_wh; devices, silent: counts."""
    ordered = periods.filter(periods.ordered)
    response = ordered.response_milli_wh
    return (
        ordered.group_by("place", "start")
        .agg(
            baseline_milli_wh=total(ordered.baseline_milli_wh).fill_null(0),
            metered_milli_wh=total(ordered.metered_milli_wh).fill_null(0),
            portfolio_milli_wh=total(response),
            device_milli_wh=total(ibis.greatest(response, 0)),
            devices=ordered.count(),
            silent=(ordered.silence != Silence.OK).sum(),
        )
        .order_by("place")
    )


# ------------------------------------------------------------------ what was metered


def _devices(plan: FleetPlan, devices: Table) -> Table:
    """Devices by number, with what a reading and a response can be at most, mWh, and what holds for their group."""
    if "group" not in devices.columns:
        only = next(iter(plan.groups), 0)
        devices = devices.mutate(group=ibis.literal(only, "int64"))
    known = devices.select(
        "device",
        group=devices.group.cast("int64"),
        number=ibis.row_number().over(order_by=devices.device).cast("int64"),
        capacity_w=devices.capacity_w.cast("int64"),
        connection_w=devices.connection_w.cast("int64"),
    )
    scale = wide(plan.rule.period_seconds * _MILLI_WH_PER_WATT_HOUR)
    for name, power in (("clamp_milli_wh", "capacity_w"), ("most_milli_wh", "connection_w")):
        known = with_quotient(known, name, wide(known[power]) * scale, ibis.literal(_HOUR), Direction.SHED)
        known = known.mutate(known[name].cast("int64").name(name))
    return known.inner_join(ibis.memtable(plan.groups_table()), "group") if plan.groups else known


def _energies(plan: FleetPlan, readings: Table, known: Table) -> Table:
    """Energy of every settlement period that is needed: number, period, past, milli_wh, present, estimated."""
    length = plan.rule.period_seconds
    spans = [(readings.start >= start) & (readings.start < end) for start, end in plan.spans()]
    rows = readings.filter(reduce(or_, spans))
    rows = rows.filter(rows.start % rows.seconds == 0, ibis.literal(length) % rows.seconds == 0)
    rows = rows.inner_join(known.select("device", "number"), "device")
    flagged = rows.estimated.fill_null(False) if "estimated" in rows.columns else ibis.literal(False)
    ended = rows.start + rows.seconds
    rows = rows.mutate(
        period=rows.start - rows.start % length,
        flagged=flagged,
        known_at=rows.received.fill_null(ended) if "received" in rows.columns else ended,
    )
    rows = rows.inner_join(ibis.memtable(plan.periods_table()), "period")
    rows = rows.filter(rows.known_at < rows.known_until)
    if "revision" in rows.columns:
        latest = rows.revision.max().over(group_by=[rows.number, rows.start, rows.past])
        rows = rows.mutate(latest=latest)
        rows = rows.filter(rows.revision == rows.latest)
    energies = rows.group_by("number", "period", "past").agg(
        milli_wh=rows.milli_wh.sum(), covered=rows.seconds.sum(), estimated=rows.flagged.any()
    )
    whole = energies.covered == length
    if not plan.rule.estimated_allowed:
        # A past value that was made up is absent; the event's own makes the device silent.
        whole &= ~(energies.past & energies.estimated)
    return energies.mutate(present=whole).drop("covered")


def _cells(plan: FleetPlan, energies: Table, known: Table) -> Table:
    """What each device has of what it needs: number, day, place, milli_wh, present, estimated, beyond."""
    rows = energies.inner_join(known.select("number", "group", "most_milli_wh"), "number")
    rows = rows.inner_join(ibis.memtable(plan.cells_table()), ["group", "period", "past"])
    return rows.select(
        "number",
        "day",
        "place",
        "milli_wh",
        "present",
        "estimated",
        beyond=rows.present & (rows.milli_wh.abs() > rows.most_milli_wh),
    )


# ------------------------------------------------------------------ what follows


def _judged(plan: FleetPlan, known: Table, cells: Table, past: PastDays | None) -> Table:
    """Devices with the reason why they count as silent, and what their readings are like."""
    own = cells.present & (cells.day == EVENT_DAY)
    facts = cells.group_by("number").agg(
        own=own.sum(),
        estimated=(own & cells.estimated).any(),
        beyond=cells.beyond.any(),
        adjustment_milli_wh=total(cells.milli_wh, where=own & (cells.place >= plan.periods)),
    )
    rows = known.left_join(facts, "number").drop("number_right")
    if past is None:
        rows = rows.mutate(complete_days=ibis.literal(0, "int64"), min_days=ibis.literal(0, "int64"))
    else:
        rows = rows.left_join(past.complete, "number").drop("number_right")
        beside = past.sums.filter(past.sums.place >= plan.periods)
        beside = beside.group_by("number").agg(past_adjustment_milli_wh=total(beside.milli_wh))
        rows = rows.left_join(beside, "number").drop("number_right")
    wanted = sum(plan.ordered) + len(plan.beside)
    complete = rows.complete_days.fill_null(0)
    silence = ibis.cases(
        (rows.own.isnull(), int(Silence.NO_RECORD)),
        (rows.own < wanted, int(Silence.MISSING_READING)),
        (rows.estimated & ibis.literal(not plan.rule.estimated_allowed), int(Silence.ESTIMATED)),
        (rows.beyond, int(Silence.OUT_OF_RANGE)),
        (complete < rows.min_days, int(Silence.TOO_FEW_DAYS)),
        else_=int(Silence.OK),
    )
    return rows.mutate(complete_days=complete, silence=silence.cast("int64"))


def _grid(plan: FleetPlan, judged: Table, sums: Table, cells: Table) -> Table:
    """A row a device and period of the window, with what its baseline is made of and what was metered."""
    own = cells.filter(cells.day == EVENT_DAY, cells.present)
    own = own.select("number", "place", metered=wide(own.milli_wh).cast("int64"))
    rows = judged.cross_join(ibis.memtable(plan.window_table()))
    rows = rows.left_join(sums, ["number", "place"]).drop("number_right", "place_right")
    rows = rows.left_join(own, ["number", "place"]).drop("number_right", "place_right")
    heard = rows.silence == Silence.OK
    # Nulls from here on: whatever a silent device's readings hold is never computed with.
    return rows.mutate(
        sum_milli_wh=heard.ifelse(rows.milli_wh, None), metered_milli_wh=heard.ifelse(rows.metered, None)
    )


def _level(plan: FleetPlan, cells: Table) -> Table:
    """METER_BEFORE: energy of the periods before the notice together, the same for every place of the window."""
    before = cells.filter(cells.place >= plan.periods, cells.present)
    level = before.group_by("number").agg(milli_wh=total(before.milli_wh))
    return level.cross_join(ibis.memtable(plan.window_table()).select("place"))


def _with_baseline(plan: FleetPlan, rows: Table) -> Table:
    """The rows with `baseline_milli_wh`, rounded once, against the provider."""
    above, below = _adjusted(plan, rows)
    rows = with_quotient(rows, "baseline", above, below, plan.direction)
    cap = plan.lookback.adjustment_cap_bps
    if plan.groups and cap:
        for name, sign in (("low", -1), ("high", 1)):
            middle, room = wide(rows.sum_milli_wh) * wide(BPS), wide(rows.sum_milli_wh.abs()) * wide(sign * cap)
            rows = with_quotient(rows, name, middle + room, wide(rows["count"]) * wide(BPS), plan.direction)
        capped = ibis.least(ibis.greatest(rows.baseline, rows.low), rows.high)
        # Greatest and least pass nulls over; a silent device has none of the three.
        rows = rows.mutate(baseline=capped)
    return rows.mutate(baseline_milli_wh=rows.baseline.cast("int64"))


def _adjusted(plan: FleetPlan, rows: Table) -> tuple[NumericValue, NumericValue]:
    """The mean of every place as dividend and divisor, moved to the event's own day."""
    if not plan.groups:
        return wide(rows.sum_milli_wh), wide(len(plan.beside))
    energy, count = wide(rows.sum_milli_wh), wide(rows["count"])
    if plan.adjustment is Adjustment.NONE:
        return energy, count
    present, past = wide(rows.adjustment_milli_wh), wide(rows.past_adjustment_milli_wh)
    if plan.adjustment is Adjustment.ADDITIVE:
        periods = wide(len(plan.beside))
        return periods * energy + count * present - past, count * periods
    holds = (past > 0) & (present >= 0)
    return holds.ifelse(energy * present, energy), holds.ifelse(past, count)


def _responses(plan: FleetPlan, rows: Table) -> Table:
    """The rows as they are shown."""
    difference = rows.baseline_milli_wh - rows.metered_milli_wh
    response = difference if plan.direction is Direction.SHED else -difference
    most = rows.clamp_milli_wh
    clamped = ibis.greatest(ibis.least(response, most), -most)
    silent = rows.silence != Silence.OK
    adjusted = plan.adjustment is not Adjustment.NONE
    nothing = ibis.null("int64")
    return rows.select(
        "device",
        "place",
        "start",
        "ordered",
        "baseline_milli_wh",
        "metered_milli_wh",
        response_milli_wh=rows.ordered.ifelse(silent.ifelse(-most, clamped), nothing),
        silence=rows.silence,
        complete_days=rows.complete_days,
        adjustment_milli_wh=silent.ifelse(nothing, rows.adjustment_milli_wh) if adjusted else nothing,
        past_adjustment_milli_wh=silent.ifelse(nothing, rows.past_adjustment_milli_wh) if adjusted else nothing,
    )


def _days(judged: Table, past: PastDays) -> Table:
    """The days of devices that are not silent."""
    heard = judged.filter(judged.silence == Silence.OK).select("number", "device")
    rows = past.ranked.inner_join(heard, "number")
    return rows.select("device", "local_day", "complete", "chosen", energy_milli_wh="milli_wh")
