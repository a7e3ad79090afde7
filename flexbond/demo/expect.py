"""What must come out of an occasion, by the reference model alone: from the readings to the base unit, without any chain."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from flexbond.demo.homes import DAY_HOURS, HOUR, local_time
from flexbond.demo.terms import LOT_W, NOTICE_SECONDS, RAMP_SECONDS
from flexbond.model.delivery import MeasuredEvent, ShownRecord, measure_event
from flexbond.model.settlement import (
    DispatchOutcome,
    availability_per_unit,
    collateral_per_unit,
    pool_of,
    settle_dispatch,
    share_of_pool,
    utilisation_lock,
)
from flexbond.model.types import Product, Question
from flexbond.records import RecordHead

if TYPE_CHECKING:
    from collections.abc import Sequence

    from flexbond.demo.homes import Homes
    from flexbond.demo.plan import Metered, Occasion
    from flexbond.model.types import Dispatch, Entry, MeteringPoint, Rule


@dataclass(frozen=True, kw_only=True)
class Place:
    """A home's place in the portfolio."""

    entry: Entry
    point: MeteringPoint


@dataclass(frozen=True, kw_only=True)
class Call:
    """A dispatch as it stood at first and at last."""

    first: Dispatch
    last: Dispatch


@dataclass(frozen=True, kw_only=True)
class Case:
    """An occasion with all that its outcome follows from."""

    occasion: Occasion
    homes: Homes
    metered: Metered
    places: tuple[Place, ...]
    """In the order of the homes."""
    product: Product
    rule: Rule
    calls: tuple[Call, ...]
    """Empty: never called."""
    schedule: tuple[int, ...]
    """As nominated, mWh per period, `+` import; empty where each home has its own baseline."""

    @property
    def first_notice(self) -> int:
        """UTC seconds; 0: never called."""
        return min((call.first.notice_at for call in self.calls), default=0)

    @property
    def ordered_mask(self) -> int:
        """Bit p: period p was ordered by some call, whether or not it was taken back."""
        mask = 0
        for call in self.calls:
            for period, order_w in enumerate(call.first.orders_w):
                mask |= bool(order_w) << period
        return mask

    @property
    def orders_w(self) -> tuple[int, ...]:
        """What all calls together order at last, per period, W."""
        return tuple(sum(of) for of in zip(*(call.last.orders_w for call in self.calls), strict=True))

    def capacities_w(self, before: int) -> tuple[int, ...]:
        """Capacity of every home just before a moment, UTC seconds; 0 if it was not in."""
        entries = [place.entry for place in self.places]
        return tuple(entry.capacity_w if entry.was_in_before(before) else 0 for entry in entries)


@dataclass(frozen=True, kw_only=True)
class Expected:
    """How an occasion ends. Money in base units."""

    measured: MeasuredEvent | None
    """None: never called."""
    outcomes: tuple[DispatchOutcome, ...]
    """Of every dispatch, in order."""
    uncalled: int
    """Availability earned by what was never called."""
    released: int
    """Collateral of what was never called."""
    pool: int
    weights: tuple[int, ...]
    """What the pool is split by, of every home."""
    credited: tuple[int, ...]
    """Every home's part of the pool, rounded down."""


def product_of(
    occasion: Occasion, *, provider: str, portfolio_id: bytes, zone: bytes, currency: str, rule_id: bytes
) -> Product:
    """The product that the occasion's buyers buy."""
    return Product(
        provider=provider,
        portfolio_id=portfolio_id,
        zone=zone,
        direction=occasion.direction,
        window_start=occasion.start,
        window_end=occasion.end,
        notice_seconds=NOTICE_SECONDS,
        ramp_seconds=RAMP_SECONDS,
        min_run_seconds=HOUR,
        max_run_seconds=occasion.end - occasion.start,
        lot_w=LOT_W,
        availability_per_mwhour=occasion.tariff.availability_per_mwhour,
        utilisation_per_mwh=occasion.tariff.utilisation_per_mwh,
        shortfall_per_mwh=occasion.tariff.shortfall_per_mwh,
        currency=currency,
        rule_id=rule_id,
        transferable=False,
    )


def expect(case: Case, *, customer_share_bps: int) -> Expected:
    """How the occasion must end, from what the meters show and what was called."""
    if not case.calls:
        return _uncalled(case, customer_share_bps)
    measured = _measured(case)
    outcomes = tuple(
        settle_dispatch(
            product=case.product,
            rule=case.rule,
            dispatch=call.last,
            responses_milli_wh=measured.responses_milli_wh,
            event_orders_w=case.orders_w,
            customer_share_bps=customer_share_bps,
            utilisation_locked=utilisation_lock(case.product, case.rule, call.first.orders_w),
        )
        for call in case.calls
    )
    pool = sum(outcome.settled.pool for outcome in outcomes)
    weights = tuple(answer.weight for answer in measured.answers)
    if not measured.totals.weight:
        weights = case.capacities_w(case.product.window_start)
    return Expected(
        measured=measured,
        outcomes=outcomes,
        uncalled=0,
        released=0,
        pool=pool,
        weights=weights,
        credited=_split(pool, weights),
    )


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


def _uncalled(case: Case, customer_share_bps: int) -> Expected:
    units = case.occasion.units
    availability = units * availability_per_unit(case.product)
    pool = pool_of(availability, customer_share_bps)
    weights = case.capacities_w(case.product.window_start)
    return Expected(
        measured=None,
        outcomes=(),
        uncalled=availability,
        released=units * collateral_per_unit(case.product, case.rule.collateral_bps),
        pool=pool,
        weights=weights,
        credited=_split(pool, weights),
    )


def _split(pool: int, weights: Sequence[int]) -> tuple[int, ...]:
    return tuple(share_of_pool(pool, weight, sum(weights)) for weight in weights)


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
    return (
        ShownRecord(head=head, attested_at=head.slot_end, opened={at: (value, False) for at, value in enumerate(day)}),
    )
