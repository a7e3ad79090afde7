"""What each device did in an event, from readings in place of records; the rules are those of `flexbond.model.delivery`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import polars as pl

from flexbond.model.baseline import baseline_starts, clamp_milli_wh, device_baseline, response_milli_wh
from flexbond.model.delivery import measure_device, periods_of, plan_of, responses_of, sums_before
from flexbond.model.shown import ShownRecord
from flexbond.model.types import BaselineMethod, ClampLevel, Question, Silence
from flexbond.quoting.calls import calls_by_device
from flexbond.records import RecordHead

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from flexbond.metering.readings import Readings
    from flexbond.model.baseline import DeviceBaseline
    from flexbond.model.types import Answer, Call, EventKey, PortfolioSums, Rule
    from flexbond.quoting.calls import KnownCall
    from flexbond.quoting.devices import Device
    from flexbond.quoting.terms import Terms

Energies = Mapping[int, tuple[int, bool]]
"""Start of a settlement period (UTC seconds) -> energy (mWh, `+` import) and whether any of it is estimated."""


@dataclass(frozen=True, kw_only=True)
class Ask:
    """What is asked about a portfolio."""

    key: EventKey
    first_notice: int
    """UTC seconds."""
    ordered_mask: int
    """Bit p: period p of the window was ordered."""
    schedule_milli_wh: tuple[int, ...] = ()
    """As nominated, `+` import."""
    calls: tuple[KnownCall, ...] = ()
    """All that are known; those made before the first notice count."""


Measuring = Callable[["Terms", "Sequence[Device]", "Readings", Ask], "Measured"]
"""How a portfolio is measured: `measure`, or a whole fleet at once."""


@dataclass(frozen=True, kw_only=True)
class DeviceResult:
    """What one device did."""

    device: Device
    silence: Silence
    baseline_milli_wh: tuple[int, ...] | None
    """Per ordered period, mWh, `+` import; None if silent or where the baseline is the portfolio's."""
    metered_milli_wh: tuple[int, ...] | None
    """Per ordered period, mWh, `+` import; None if silent."""
    responses_milli_wh: tuple[int, ...] | None
    """Per ordered period as it counts, mWh; None where the baseline is the portfolio's."""
    weight: int
    """Of its share of the event's pool."""
    detail: DeviceBaseline | None = None
    """How its baseline came about; None if it has none."""
    during: Mapping[int, int] | None = None
    """Start of a period (UTC seconds) -> energy as it stood at the reading deadline, mWh, where it is known."""


@dataclass(frozen=True, kw_only=True)
class Measured:
    """What a portfolio did."""

    devices: tuple[DeviceResult, ...]
    """Of every place of the portfolio up to the first notice, in order."""
    sums: PortfolioSums
    responses_milli_wh: tuple[int, ...]
    """Of every period of the window, mWh; 0 where nothing was ordered."""

    @property
    def weight(self) -> int:
        """Of all devices."""
        return sum(item.weight for item in self.devices)


def measure(terms: Terms, devices: Sequence[Device], readings: Readings, ask: Ask) -> Measured:
    """What a portfolio did, device by device. Raises UnknownDayError where the calendar ends too early."""
    sums = sums_before([device.entry for device in devices], ask.first_notice)
    places = devices[: sums.entries]
    questions = _questions(terms, places, ask)
    past, event = _needed(terms.rule, questions.values())
    deadline = ask.key.window_end + terms.rule.reading_deadline
    length = terms.rule.period_seconds
    before = energies(readings, past, length, ask.first_notice)
    during = energies(readings, event, length, deadline)
    results, columns = [], [0] * len(periods_of(ask.ordered_mask))
    for device in places:
        question = questions[device.name]
        known = before.get(device.name, {}), during.get(device.name, {})
        shown = _records(device, known, length, (ask.first_notice, deadline))
        answer = measure_device(terms.rule, question, device.entry, device.point, shown)
        columns = [total + entry for total, entry in zip(columns, answer.columns, strict=True)]
        results.append(_result(terms, device, question, answer, known))
    responses = responses_of(terms.rule, ask.key, ask.ordered_mask, columns, sums, ask.schedule_milli_wh)
    return Measured(devices=tuple(results), sums=sums, responses_milli_wh=responses)


def energies(
    readings: Readings, starts: frozenset[int], length: int, time: int
) -> dict[str, dict[int, tuple[int, bool]]]:
    """By device the energy of those settlement periods that have all their readings, as it stood at `time`, UTC seconds."""
    if not starts:
        return {}
    near = readings.within(min(starts), max(starts) + length).as_of(time)
    period = pl.col("start") - pl.col("start") % length
    whole = (
        near.with_columns(period=period)
        .filter(pl.col("period").is_in(sorted(starts)))
        .group_by("device", "period")
        .agg(pl.col("milli_wh").sum(), pl.col("seconds").sum(), pl.col("estimated").any())
        .filter(pl.col("seconds") == length)
        .sort("device", "period")
    )
    found: dict[str, dict[int, tuple[int, bool]]] = {}
    for device, start, energy, _, estimated in whole.iter_rows():
        found.setdefault(device, {})[start] = (energy, estimated)
    return found


def _questions(terms: Terms, devices: Sequence[Device], ask: Ask) -> dict[str, Question]:
    """What is asked of each device, by name: they differ by the calls it was in."""
    plain = Question(key=ask.key, first_notice=ask.first_notice, ordered_mask=ask.ordered_mask)
    if terms.calendar is None or terms.rule.baseline is not BaselineMethod.X_OF_Y:
        return {device.name: plain for device in devices}
    base = replace(plain, lookback=terms.lookback, calendar=terms.calendar.days)
    calls = calls_by_device(ask.calls, devices)
    same: dict[tuple[Call, ...], Question] = {of: replace(base, calls=of) for of in set(calls.values())}
    return {device.name: same[calls[device.name]] for device in devices}


def _needed(rule: Rule, questions: Iterable[Question]) -> tuple[frozenset[int], frozenset[int]]:
    """Starts of the settlement periods of past days, and of the others, UTC seconds."""
    past: set[int] = set()
    event: set[int] = set()
    for question in set(questions):
        window = range(question.key.window_start, question.key.window_end, rule.period_seconds)
        event.update(window)
        plan = plan_of(rule, question)
        if plan is not None:
            event.update(plan.adjustment_starts)
            rows = (*plan.starts, *plan.past_adjustment_starts)
            past.update(start for row in rows for start in row if start is not None)
        elif rule.baseline is BaselineMethod.METER_BEFORE:
            event.update(baseline_starts(rule, question.first_notice))
    return frozenset(past), frozenset(event)


def _records(
    device: Device, known: tuple[Energies, Energies], length: int, times: tuple[int, int]
) -> list[ShownRecord]:
    """A record for each settlement period: of past days as it stood at the notice, else as at the reading deadline."""
    shown = {
        start: ShownRecord(
            head=RecordHead(
                metering_point=device.metering_point, slot_start=start, period_seconds=length, readings=1, revision=0
            ),
            kept_at=time - 1,
            opened={0: reading},
        )
        for of, time in zip(known, times, strict=True)
        for start, reading in of.items()
    }
    return [shown[start] for start in sorted(shown)]


def _result(
    terms: Terms, device: Device, question: Question, answer: Answer, known: tuple[Energies, Energies]
) -> DeviceResult:
    rule, is_silent = terms.rule, answer.silence is not Silence.OK
    responses: tuple[int, ...] | None = None
    if terms.is_of_device:
        limit = clamp_milli_wh(device.capacity_w, rule.period_seconds)
        silent = silent_response(rule, device.capacity_w, answer.silence)
        pairs = zip(answer.baseline_milli_wh, answer.metered_milli_wh, strict=True)
        responses = tuple(
            silent if is_silent else response_milli_wh(baseline, metered, question.key.direction, limit)
            for baseline, metered in pairs
        )
    return DeviceResult(
        device=device,
        silence=answer.silence,
        baseline_milli_wh=None if is_silent or not terms.is_of_device else answer.baseline_milli_wh,
        metered_milli_wh=None if is_silent else answer.metered_milli_wh,
        responses_milli_wh=responses,
        weight=answer.weight,
        detail=_detail(terms, question, known),
        during={start: energy for start, (energy, _) in known[1].items()},
    )


def silent_response(rule: Rule, capacity_w: int, silence: Silence) -> int:
    """How a silent device counts in a period, mWh."""
    if rule.clamp_level is ClampLevel.DEVICE or silence is Silence.INACTIVE:
        return 0
    return -clamp_milli_wh(capacity_w, rule.period_seconds)


def _detail(terms: Terms, question: Question, known: tuple[Energies, Energies]) -> DeviceBaseline | None:
    if not terms.is_of_device:
        return None
    allowed = terms.rule.estimated_allowed
    before, during = (
        {start: energy for start, (energy, estimated) in of.items() if allowed or not estimated} for of in known
    )
    return device_baseline(
        rule=terms.rule,
        lookback=terms.lookback,
        calendar=terms.calendar,
        window=(question.key.window_start, question.key.window_end),
        first_notice=question.first_notice,
        direction=question.key.direction,
        calls=question.calls,
        before=before,
        during=during,
    )
