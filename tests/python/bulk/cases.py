"""Fleets for the bulk engine, and what the one-device reference says of them."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from functools import cache

import polars as pl

from flexbond.calendars import build
from flexbond.metering.bulk import FleetPlan, plan_fleet
from flexbond.model.baseline import clamp_milli_wh, device_baseline, response_milli_wh
from flexbond.model.calendar import DAY, LocalCalendar
from flexbond.model.lookback import plan_days
from flexbond.model.types import (
    NO_LOOKBACK,
    Adjustment,
    BaselineMethod,
    Call,
    DayClass,
    DaySelection,
    Direction,
    Lookback,
    Rule,
    Silence,
)
from tests.python.model.strategies import rule

ALL_KINDS = 0xFF
WORKING, RESTING = 0b0001_1111, 0b1110_0000
CHANGE = 16_005
"""local day 2013-10-27 in London: 25 hours"""


@cache
def london() -> LocalCalendar:
    """Britain's local time and English holidays of 2013 and 2014."""
    return LocalCalendar(build("Europe/London", "GB-ENG", 2013, 2015))


@dataclass(frozen=True, kw_only=True)
class Row:
    """One statement of one reading."""

    device: str
    start: int
    seconds: int
    milli_wh: int
    estimated: bool = False
    revision: int = 0
    received: int | None = None

    @property
    def known_at(self) -> int:
        """When it was received."""
        return self.start + self.seconds if self.received is None else self.received


@dataclass(frozen=True, kw_only=True)
class Device:
    """A device of the fleet."""

    name: str
    capacity_w: int
    connection_w: int
    group: int = 0


@dataclass(frozen=True, kw_only=True)
class Case:
    """A fleet in an event."""

    rule: Rule
    window: tuple[int, int]
    first_notice: int
    direction: Direction
    devices: tuple[Device, ...]
    rows: tuple[Row, ...]
    lookback: Lookback = NO_LOOKBACK
    calendar: LocalCalendar | None = None
    groups: dict[int, tuple[Call, ...]] = field(default_factory=dict)
    ordered_mask: int | None = None

    def plan(self) -> FleetPlan:
        """The plan of the event."""
        return plan_fleet(
            rule=self.rule,
            window=self.window,
            first_notice=self.first_notice,
            direction=self.direction,
            lookback=self.lookback,
            calendar=self.calendar,
            groups=self.groups or None,
            ordered_mask=self.ordered_mask,
        )

    def readings_frame(self) -> pl.DataFrame:
        """The readings as a table."""
        kinds = {
            "device": pl.String,
            "start": pl.Int64,
            "seconds": pl.Int64,
            "milli_wh": pl.Int64,
            "estimated": pl.Boolean,
            "revision": pl.Int64,
            "received": pl.Int64,
        }
        return pl.DataFrame([{name: getattr(row, name) for name in kinds} for row in self.rows], schema=kinds)

    def devices_frame(self) -> pl.DataFrame:
        """The devices as a table."""
        return pl.DataFrame(
            {
                "device": [device.name for device in self.devices],
                "capacity_w": [device.capacity_w for device in self.devices],
                "connection_w": [device.connection_w for device in self.devices],
                "group": [device.group for device in self.devices],
            }
        )


# ------------------------------------------------------------------ the reference


@dataclass(kw_only=True)
class _Energies:
    """Energy of whole settlement periods as it stood at a time, and those of which a reading was estimated."""

    milli_wh: dict[int, int]
    estimated: set[int]


def _energies(case: Case, name: str, until: int) -> _Energies:
    latest: dict[int, Row] = {}
    for row in case.rows:
        fits = row.start % row.seconds == 0 and case.rule.period_seconds % row.seconds == 0
        newer = row.start not in latest or latest[row.start].revision < row.revision
        if row.device == name and fits and row.known_at < until and newer:
            latest[row.start] = row
    parts: dict[int, list[Row]] = {}
    for row in latest.values():
        parts.setdefault(row.start - row.start % case.rule.period_seconds, []).append(row)
    whole = {
        start: rows for start, rows in parts.items() if sum(row.seconds for row in rows) == case.rule.period_seconds
    }
    return _Energies(
        milli_wh={start: sum(row.milli_wh for row in rows) for start, rows in whole.items()},
        estimated={start for start, rows in whole.items() if any(row.estimated for row in rows)},
    )


def _needed(case: Case, device: Device) -> tuple[set[int], set[int]]:
    """Starts of the settlement periods that a device needs: of past days, and its own."""
    count = (case.window[1] - case.window[0]) // case.rule.period_seconds
    mask = (1 << count) - 1 if case.ordered_mask is None else case.ordered_mask
    own = {case.window[0] + place * case.rule.period_seconds for place in range(count) if mask >> place & 1}
    if case.rule.baseline is BaselineMethod.METER_BEFORE:
        end = case.first_notice - case.first_notice % case.rule.period_seconds
        own |= {end - (n + 1) * case.rule.period_seconds for n in range(case.rule.baseline_periods)}
        return set(), own
    plan = plan_days(
        lookback=case.lookback,
        calendar=case.calendar,
        period_seconds=case.rule.period_seconds,
        window=case.window,
        first_notice=case.first_notice,
        calls=case.groups.get(device.group, ()),
    )
    past = {start for row in (*plan.starts, *plan.past_adjustment_starts) for start in row if start is not None}
    return past, own | set(plan.adjustment_starts)


def expected_device(case: Case, device: Device) -> list[dict[str, int | None]]:
    """By period of the window, what the reference says of a device."""
    past, own = _needed(case, device)
    before = _energies(case, device.name, case.first_notice)
    during = _energies(case, device.name, case.window[1] + case.rule.reading_deadline)
    if not case.rule.estimated_allowed:
        before.milli_wh = {start: v for start, v in before.milli_wh.items() if start not in before.estimated}
    answer = device_baseline(
        rule=case.rule,
        lookback=case.lookback,
        calendar=case.calendar,
        window=case.window,
        first_notice=case.first_notice,
        direction=case.direction,
        calls=case.groups.get(device.group, ()),
        before=before.milli_wh,
        during=during.milli_wh,
    )
    silence = answer.silence
    if own - during.milli_wh.keys():
        known = (case.first_notice, case.window[1] + case.rule.reading_deadline)
        seen = any(
            row.start - row.start % case.rule.period_seconds in needed and row.known_at < until
            for row in case.rows
            if row.device == device.name
            and row.start % row.seconds == 0
            and case.rule.period_seconds % row.seconds == 0
            for needed, until in zip((past, own), known, strict=True)
        )
        silence = Silence.MISSING_READING if seen else Silence.NO_RECORD
    elif own & during.estimated and not case.rule.estimated_allowed:
        silence = Silence.ESTIMATED
    else:
        values = [during.milli_wh[start] for start in own]
        values += [before.milli_wh[start] for start in past & before.milli_wh.keys()]
        limit = device.connection_w * case.rule.period_seconds * 1000
        if any(abs(value) * 3600 > limit for value in values):
            silence = Silence.OUT_OF_RANGE
    most = clamp_milli_wh(device.capacity_w, case.rule.period_seconds)
    result = []
    for place, start in enumerate(range(*case.window, case.rule.period_seconds)):
        ordered = case.ordered_mask is None or bool(case.ordered_mask >> place & 1)
        baseline = metered = None
        if silence is Silence.OK:
            baseline = answer.baseline_milli_wh[place]
            metered = during.milli_wh[start] if ordered else None
        response = None
        if ordered:
            response = -most if baseline is None else response_milli_wh(baseline, metered, case.direction, most)
        adjusted = answer.adjustment if silence is Silence.OK and answer.adjustment else (None, None)
        result.append(
            {
                "device": device.name,
                "place": place,
                "start": start,
                "ordered": ordered,
                "baseline_milli_wh": baseline,
                "metered_milli_wh": metered,
                "response_milli_wh": response,
                "silence": int(silence),
                "adjustment_milli_wh": adjusted[0],
                "past_adjustment_milli_wh": adjusted[1],
            }
        )
    return result


def expected(case: Case) -> pl.DataFrame:
    """What the reference says of the whole fleet, in the order of devices and periods."""
    rows = [row for device in sorted(case.devices, key=lambda one: one.name) for row in expected_device(case, device)]
    return pl.DataFrame(rows, infer_schema_length=None).with_columns(
        pl.col("^.*_milli_wh$").cast(pl.Int64), pl.col("place", "start", "silence").cast(pl.Int64)
    )


def expected_days(case: Case) -> list[tuple[str, int, bool, bool]]:
    """Device, local day, whether it is complete, whether it is in the mean: of devices that are not silent."""
    found = []
    for device in case.devices:
        before = _energies(case, device.name, case.first_notice)
        if not case.rule.estimated_allowed:
            before.milli_wh = {start: v for start, v in before.milli_wh.items() if start not in before.estimated}
        answer = device_baseline(
            rule=case.rule,
            lookback=case.lookback,
            calendar=case.calendar,
            window=case.window,
            first_notice=case.first_notice,
            direction=case.direction,
            calls=case.groups.get(device.group, ()),
            before=before.milli_wh,
            during=_energies(case, device.name, case.window[1] + case.rule.reading_deadline).milli_wh,
        )
        if expected_device(case, device)[0]["silence"] == Silence.OK:
            found += [(device.name, day, day in answer.complete, day in answer.chosen) for day in answer.days]
    return sorted(found)


# ------------------------------------------------------------------ fleets


def british_night(direction: Direction, adjustment: Adjustment) -> Case:
    """Twelve devices of two groups in the early hours of the day of 25 hours, half-hourly, with defects of every kind."""
    source = random.Random(27)
    start = london().start_of(CHANGE) + 1800
    window, notice = (start, start + 6 * 1800), start - 9000
    lookback = Lookback(
        calendar_id=bytes(32),
        classes=(DayClass(kinds=ALL_KINDS, selection=DaySelection.MID, x=4, y=7, min_days=3),),
        holidays_eligible=True,
        look_back_days=20,
        max_excluded_days=2,
        min_event_bps=5_000,
        adjustment=adjustment,
        adjustment_periods=2,
        adjustment_lead=0,
        adjustment_cap_bps=2_000,
    )
    begins = [start - days * DAY for days in (2, 3, 5)]
    called = tuple(
        Call(window_start=begin, window_end=begin + 3600, first_notice=begin - 3600, called_bps=6_000)
        for begin in begins
    )
    devices = tuple(a_device(source, index, [0, 1]) for index in range(12))
    span = (start - 22 * DAY, window[1])
    return Case(
        rule=rule(period_seconds=1800, baseline=BaselineMethod.X_OF_Y, baseline_periods=0),
        window=window,
        first_notice=notice,
        direction=direction,
        devices=devices,
        rows=tuple(row for device in devices for row in some_rows(source, device, span, 1800, notice, window[1])),
        lookback=lookback,
        calendar=london(),
        groups={0: (), 1: called},
    )


def meter_before(direction: Direction) -> Case:
    """Six devices of quarter hours under METER_BEFORE, three of four periods ordered."""
    source = random.Random(6)
    start = london().start_of(CHANGE) + 18 * 3600
    notice, window = start - 3601, (start, start + 3600)
    devices = tuple(a_device(source, index, []) for index in range(6))
    span = (start - 3 * 3600, window[1])
    return Case(
        rule=rule(baseline_periods=3),
        window=window,
        first_notice=notice,
        direction=direction,
        devices=devices,
        rows=tuple(row for device in devices for row in some_rows(source, device, span, 900, notice, window[1])),
        ordered_mask=0b1101,
    )


def a_device(source: random.Random, index: int, groups: list[int]) -> Device:
    connection = source.choice([3_000, 17_001, 2_000_000])
    return Device(
        name=f"meter-{index:02d}",
        capacity_w=source.randint(1, connection),
        connection_w=connection,
        group=source.choice(groups) if groups else 0,
    )


def some_rows(
    source: random.Random, device: Device, span: tuple[int, int], period: int, notice: int, end: int
) -> list[Row]:
    """Readings of a device; some fleets are clean, some have gaps, estimates, revisions and exports."""
    step = source.choice([period, period, period // 2, period // 3])
    most = device.connection_w * step * 1000 // 3600
    low = source.choice([0, 0, -most])
    few = source.choice([3, most])
    gap, estimate, revision, beyond = (source.choice([0, 0, chance]) for chance in (0.02, 0.01, 0.05, 0.0005))
    if source.random() < 0.08:
        return []
    rows = []
    for start in range(span[0] - span[0] % period, span[1], step):
        if source.random() < gap:
            continue
        value = source.randint(low, few) if source.random() >= beyond else most * 5
        flagged = source.random() < estimate
        rows.append(Row(device=device.name, start=start, seconds=step, milli_wh=max(value, -most), estimated=flagged))
        if source.random() < revision:
            received = source.choice([None, notice - 1, notice, end + 10, end + 3600, end + 5 * DAY])
            rows.append(
                Row(
                    device=device.name,
                    start=start,
                    seconds=step,
                    milli_wh=source.randint(low, few),
                    estimated=source.random() < 0.2,
                    revision=source.choice([1, 2]),
                    received=received,
                )
            )
    return rows
