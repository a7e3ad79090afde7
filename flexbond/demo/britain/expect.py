"""What must come out of a window of the British chapter, by the reference model alone, and which past days it came from."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING

from flexbond.demo.britain.homes import DAY, HALF_HOUR
from flexbond.demo.britain.stage import CUSTOMER_SHARE_BPS, SLOT_READINGS
from flexbond.demo.outcome import Expected, Sold, settle
from flexbond.model import types as model
from flexbond.model.baseline import DeviceBaseline, device_baseline
from flexbond.model.calendar import LocalCalendar
from flexbond.model.delivery import MeasuredEvent, measure_device, measure_event
from flexbond.model.lookback import DayPlan, plan_days
from flexbond.model.rounding import div_up
from flexbond.model.shown import ShownRecord
from flexbond.model.types import BPS, Adjustment, Question, Silence
from flexbond.records import RecordHead

if TYPE_CHECKING:
    from flexbond.demo.britain.plan import Metered, Revision, Window
    from flexbond.model.types import CalendarDays, Lookback


@dataclass(frozen=True, kw_only=True)
class Late:
    """A revision and when it came, UTC seconds."""

    revision: Revision
    at: int


@dataclass(frozen=True, kw_only=True)
class Case(Sold):
    """A window with all that its outcome follows from; its places are those of its homes, in their order."""

    window: Window
    metered: Metered
    lookback: Lookback
    calendar_days: CalendarDays
    earlier: tuple[model.Call, ...]
    """The portfolio's earlier calls."""
    revisions: tuple[Late, ...] = field(default=())

    @cached_property
    def calendar(self) -> LocalCalendar:
        """Local days and times."""
        return LocalCalendar(self.calendar_days)

    @property
    def as_call(self) -> model.Call:
        """What later windows know of this one."""
        capacity = sum(self.capacities_w(self.first_notice))
        return model.Call(
            window_start=self.product.window_start,
            window_end=self.product.window_end,
            first_notice=self.first_notice,
            called_bps=div_up(max(self.orders_w) * BPS, capacity),
        )

    def calls_of(self, number: int) -> tuple[model.Call, ...]:
        """The earlier calls that a home was in."""
        entry = self.places[number].entry
        return tuple(call for call in self.earlier if entry.was_in_before(call.first_notice))

    def known(self, number: int, before: int) -> dict[int, int]:
        """What a home's records said before a moment (UTC seconds), by start of the half-hour, mWh."""
        readings = dict(self.metered.recorded[number])
        for late in self.revisions:
            if late.at < before and late.revision.home == self.window.homes[number]:
                readings |= late.revision.readings
        return readings

    def plan(self, number: int) -> DayPlan:
        """The past days of a home that was called, and the readings that are needed of them."""
        key = self.product.event_key
        return plan_days(
            lookback=self.lookback,
            calendar=self.calendar,
            period_seconds=self.rule.period_seconds,
            window=(key.window_start, key.window_end),
            first_notice=self.first_notice,
            calls=self.calls_of(number),
        )

    def question(self, number: int) -> Question:
        """What is asked of a home."""
        return Question(
            key=self.product.event_key,
            first_notice=self.first_notice,
            ordered_mask=self.ordered_mask,
            lookback=self.lookback,
            calendar=self.calendar_days,
            calls=self.calls_of(number),
        )


def expect(case: Case) -> Expected:
    """How the window must end, from what the meters show and what was called."""
    return settle(case, _measured(case) if case.calls else None, customer_share_bps=CUSTOMER_SHARE_BPS)


def if_in_time(case: Case) -> Case:
    """The same window, had every revision come before its notice."""
    moved = tuple(replace(late, at=case.first_notice - 1) for late in case.revisions)
    return replace(case, revisions=moved)


def baseline_of(case: Case, number: int, *, adjusted: bool = True) -> DeviceBaseline:
    """A home's baseline with the days it is made of, by the one-device reference."""
    key = case.product.event_key
    lookback = case.lookback
    if not adjusted:
        lookback = replace(lookback, adjustment=Adjustment.NONE, adjustment_periods=0, adjustment_lead=0)
    return device_baseline(
        rule=case.rule,
        lookback=lookback,
        calendar=case.calendar,
        window=(key.window_start, key.window_end),
        first_notice=case.first_notice,
        direction=key.direction,
        calls=case.calls_of(number),
        before=case.known(number, case.first_notice),
        during=case.known(number, key.window_end + case.rule.reading_deadline),
    )


def _measured(case: Case) -> MeasuredEvent:
    return measure_event(
        rule=case.rule,
        question=case.question(0),
        entries=[place.entry for place in case.places],
        points={place.entry.metering_point: place.point for place in case.places},
        shown=[_shown(case, number) for number in range(len(case.places))],
        calls=[case.calls_of(number) for number in range(len(case.places))],
    )


def _shown(case: Case, number: int) -> tuple[ShownRecord, ...]:
    """A home's records of the days that its baseline needs, opened whole; none if they would not count."""
    place, question = case.places[number], case.question(number)
    plan = case.plan(number)
    rows = (*plan.starts, plan.adjustment_starts, *plan.past_adjustment_starts)
    starts = {start for row in rows for start in row if start is not None} | set(case.window.starts)
    slots = sorted({start // DAY * DAY for start in starts})
    records = [record for slot in slots for record in _records(case, number, slot)]
    answer = measure_device(case.rule, question, place.entry, place.point, records)
    return tuple(records) if answer.silence is Silence.OK else ()


def _records(case: Case, number: int, slot: int) -> list[ShownRecord]:
    """The record of a day of UTC as it stood before the notice, or, if that day was not over then, as it came afterwards."""
    known = case.known(number, max(case.first_notice, slot + DAY))
    if slot not in known:
        return []
    name = case.window.homes[number]
    came = [late.at for late in case.revisions if (late.revision.home, late.revision.slot_start) == (name, slot)]
    before = sum(at < case.first_notice for at in came)
    head = RecordHead(
        metering_point=case.places[number].entry.metering_point,
        slot_start=slot,
        period_seconds=HALF_HOUR,
        readings=SLOT_READINGS,
        revision=before,
    )
    opened = {place: (known[slot + place * HALF_HOUR], False) for place in range(SLOT_READINGS)}
    return [
        ShownRecord(
            head=head,
            kept_at=slot + DAY,
            latest_revision=len(came),
            latest_before_notice=before,
            opened=opened,
        )
    ]
