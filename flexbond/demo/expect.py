"""What must come out of an occasion of the Fontana chapter, from the readings on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from flexbond.demo.homes import DAY_HOURS, HOUR, local_time
from flexbond.demo.outcome import Expected, Place, Sold, settle
from flexbond.model.delivery import MeasuredEvent, measure_event
from flexbond.model.shown import ShownRecord
from flexbond.model.types import Question
from flexbond.records import RecordHead

if TYPE_CHECKING:
    from flexbond.demo.homes import Homes
    from flexbond.demo.plan import Metered, Occasion


@dataclass(frozen=True, kw_only=True)
class Case(Sold):
    """An occasion with all that its outcome follows from; its places are in the order of the homes."""

    occasion: Occasion
    homes: Homes
    metered: Metered
    schedule: tuple[int, ...]
    """As nominated, mWh per period, `+` import; empty where each home has its own baseline."""


def expect(case: Case, *, customer_share_bps: int) -> Expected:
    """How the occasion must end, from what the meters show and what was called."""
    return settle(case, _measured(case) if case.calls else None, customer_share_bps=customer_share_bps)


def _measured(case: Case) -> MeasuredEvent:
    """What every home did, and the portfolio."""
    question = Question(
        key=case.product.event_key,
        first_notice=case.first_notice,
        ordered_mask=case.ordered_mask,
    )
    return measure_event(
        rule=case.rule,
        question=question,
        entries=[place.entry for place in case.places],
        points={place.entry.metering_point: place.point for place in case.places},
        shown=[_shown(case, number, place) for number, place in enumerate(case.places)],
        schedule_milli_wh=case.schedule,
    )


def _shown(case: Case, number: int, place: Place) -> tuple[ShownRecord, ...]:
    """The home's record of the day, opened whole; none if nobody ever receives it."""
    occasion, homes = case.occasion, case.homes
    if homes.names[number] in occasion.silent:
        return ()
    head = RecordHead(
        metering_point=place.entry.metering_point,
        slot_start=local_time(occasion.day, 0),
        period_seconds=HOUR,
        readings=DAY_HOURS,
        revision=0,
    )
    first = homes.index(occasion.day, 0)
    day = case.metered.readings[number][first : first + DAY_HOURS]
    return (ShownRecord(head=head, kept_at=head.slot_end, opened={at: (value, False) for at, value in enumerate(day)}),)
