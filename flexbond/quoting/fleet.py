"""The same as `flexbond.quoting.measure`, for many devices at once. Needs `flexbond[bulk]`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import polars as pl

from flexbond.metering.bulk import plan_fleet
from flexbond.model.baseline import DeviceBaseline
from flexbond.model.delivery import periods_of, responses_of, sums_before
from flexbond.model.types import ClampLevel, Silence
from flexbond.quoting.calls import calls_by_device
from flexbond.quoting.measure import DeviceResult, Measured, energies, measure, silent_response

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from flexbond.metering.bulk import FleetPlan
    from flexbond.metering.bulk.engines import Engine
    from flexbond.metering.readings import Readings
    from flexbond.model.types import Call
    from flexbond.quoting.devices import Device
    from flexbond.quoting.measure import Ask
    from flexbond.quoting.terms import Terms
COLUMNS: Final = ("device", "start", "seconds", "milli_wh", "estimated", "revision", "received")
"""Of the readings, those that matter here."""


def measure_fleet(engine: Engine, terms: Terms, devices: Sequence[Device], readings: Readings, ask: Ask) -> Measured:
    """What a portfolio did, by one query where each device has a baseline of its own. Raises BulkError, UnknownDayError."""
    if not terms.is_of_device:
        return measure(terms, devices, readings, ask)
    sums = sums_before([device.entry for device in devices], ask.first_notice)
    places = devices[: sums.entries]
    standing = [_standing(terms, device, ask) for device in places]
    active = [device for device, silence in zip(places, standing, strict=True) if silence is Silence.OK]
    calls = calls_by_device(ask.calls, places)
    found = _query(engine, terms, active, readings, ask, calls)
    results = [
        found[device.name]
        if silence is Silence.OK
        else _silent(terms, device, silence, ask.ordered_mask.bit_count(), {})
        for device, silence in zip(places, standing, strict=True)
    ]
    columns = [0] * len(periods_of(ask.ordered_mask))
    for item in results:
        columns = [total + entry for total, entry in zip(columns, _columns(terms, item), strict=True)]
    responses = responses_of(terms.rule, ask.key, ask.ordered_mask, columns, sums, ask.schedule_milli_wh)
    return Measured(devices=tuple(results), sums=sums, responses_milli_wh=responses)


def _standing(terms: Terms, device: Device, ask: Ask) -> Silence:
    """What makes a device silent whatever its readings say."""
    if not device.entry.was_in_before(ask.first_notice):
        return Silence.INACTIVE
    if device.suspended_at and device.suspended_at < ask.key.window_end + terms.rule.reading_deadline:
        return Silence.SUSPENDED
    return Silence.LOW_ASSURANCE if device.kind < terms.rule.min_assurance else Silence.OK


def _query(
    engine: Engine,
    terms: Terms,
    devices: Sequence[Device],
    readings: Readings,
    ask: Ask,
    calls: Mapping[str, tuple[Call, ...]],
) -> dict[str, DeviceResult]:
    if not devices:
        return {}
    numbers: dict[tuple[Call, ...], int] = {}
    groups = {device.name: numbers.setdefault(calls[device.name], len(numbers)) for device in devices}
    plan = plan_fleet(
        rule=terms.rule,
        window=(ask.key.window_start, ask.key.window_end),
        first_notice=ask.first_notice,
        direction=ask.key.direction,
        lookback=terms.lookback,
        calendar=terms.calendar,
        groups={number: of for of, number in numbers.items()},
        ordered_mask=ask.ordered_mask,
    )
    frame = pl.DataFrame(
        {
            "device": [device.name for device in devices],
            "capacity_w": [device.capacity_w for device in devices],
            "connection_w": [device.connection_w for device in devices],
            "group": [groups[device.name] if plan.groups else 0 for device in devices],
        }
    )
    result = engine.measure(plan, engine.frame(readings.frame.select(COLUMNS)), engine.frame(frame), days=True)
    window = frozenset(plan.window_starts)
    during = energies(readings, window, terms.rule.period_seconds, plan.reading_deadline)
    rows = _by_device(result.periods)
    days = {} if result.days is None else _by_device(result.days)
    return {
        device.name: _result(
            terms, plan, device, rows[device.name], days.get(device.name, []), during.get(device.name, {}), groups
        )
        for device in devices
    }


def _by_device(frame: pl.DataFrame) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for row in frame.iter_rows(named=True):
        found.setdefault(row["device"], []).append(row)
    return found


def _result(
    terms: Terms,
    plan: FleetPlan,
    device: Device,
    rows: Sequence[Mapping[str, Any]],
    days: Sequence[Mapping[str, Any]],
    during: Mapping[int, tuple[int, bool]],
    groups: Mapping[str, int],
) -> DeviceResult:
    silence = Silence(rows[0]["silence"])
    ordered = [row for row in rows if row["ordered"]]
    known = {start: energy for start, (energy, _) in during.items()}
    if silence is not Silence.OK:
        return _silent(terms, device, silence, len(ordered), known)
    responses = tuple(row["response_milli_wh"] for row in ordered)
    day_plan = plan.groups.get(groups[device.name]) if plan.groups else None
    adjusted = rows[0]["adjustment_milli_wh"], rows[0]["past_adjustment_milli_wh"]
    return DeviceResult(
        device=device,
        silence=silence,
        baseline_milli_wh=tuple(row["baseline_milli_wh"] for row in ordered),
        metered_milli_wh=tuple(row["metered_milli_wh"] for row in ordered),
        responses_milli_wh=responses,
        weight=sum(max(0, response) for response in responses),
        detail=DeviceBaseline(
            silence=silence,
            baseline_milli_wh=tuple(row["baseline_milli_wh"] for row in rows),
            days=() if day_plan is None else day_plan.days,
            chosen=tuple(row["local_day"] for row in reversed(days) if row["chosen"]),
            excluded={} if day_plan is None else day_plan.passed_over,
            complete=frozenset(row["local_day"] for row in days if row["complete"]),
            adjustment=None if None in adjusted else adjusted,
        ),
        during=known,
    )


def _silent(terms: Terms, device: Device, silence: Silence, count: int, known: Mapping[int, int]) -> DeviceResult:
    """A device that is silent in `count` ordered periods."""
    return DeviceResult(
        device=device,
        silence=silence,
        baseline_milli_wh=None,
        metered_milli_wh=None,
        responses_milli_wh=(silent_response(terms.rule, device.capacity_w, silence),) * count,
        weight=0,
        during=known,
    )


def _columns(terms: Terms, item: DeviceResult) -> list[int]:
    """The entries of the device's leaf."""
    responses = item.responses_milli_wh or ()
    if terms.rule.clamp_level is ClampLevel.DEVICE:
        return [max(0, response) for response in responses]
    shift = 0 if item.silence is Silence.INACTIVE else 1000 * item.device.capacity_w * terms.rule.period_seconds
    return [3600 * response + shift for response in responses]
