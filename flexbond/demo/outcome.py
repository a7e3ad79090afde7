"""What a window must come to, by the reference model alone: from what was measured and called to the base unit, without any chain."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from flexbond.demo.terms import LOT_W, NOTICE_SECONDS, RAMP_SECONDS
from flexbond.model.settlement import (
    DispatchOutcome,
    availability_per_unit,
    collateral_per_unit,
    pool_of,
    settle_dispatch,
    share_of_pool,
    utilisation_lock,
)
from flexbond.model.types import Product

if TYPE_CHECKING:
    from collections.abc import Sequence

    from flexbond.demo.window import Window
    from flexbond.model.delivery import MeasuredEvent
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
class Sold:
    """What was sold and called of a window."""

    product: Product
    rule: Rule
    units: int
    """Sold, all buyers together."""
    places: tuple[Place, ...]
    """In the order of the portfolio."""
    calls: tuple[Call, ...]
    """Empty: never called."""

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
    """How a window ends. Money in base units."""

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
    window: Window, rule: Rule, *, provider: str, portfolio_id: bytes, zone: bytes, rule_id: bytes
) -> Product:
    """The product that the window's buyers buy."""
    return Product(
        provider=provider,
        portfolio_id=portfolio_id,
        zone=zone,
        direction=window.direction,
        window_start=window.start,
        window_end=window.end,
        notice_seconds=NOTICE_SECONDS,
        ramp_seconds=RAMP_SECONDS,
        min_run_seconds=rule.period_seconds,
        max_run_seconds=window.end - window.start,
        lot_w=LOT_W,
        availability_per_mwhour=window.tariff.availability_per_mwhour,
        utilisation_per_mwh=window.tariff.utilisation_per_mwh,
        shortfall_per_mwh=window.tariff.shortfall_per_mwh,
        currency=rule.currency,
        rule_id=rule_id,
        transferable=False,
    )


def settle(sold: Sold, measured: MeasuredEvent | None, *, customer_share_bps: int) -> Expected:
    """How a window must end, from what was measured; None: it was never called."""
    if measured is None:
        return _uncalled(sold, customer_share_bps)
    outcomes = tuple(
        settle_dispatch(
            product=sold.product,
            rule=sold.rule,
            dispatch=call.last,
            responses_milli_wh=measured.responses_milli_wh,
            event_orders_w=sold.orders_w,
            customer_share_bps=customer_share_bps,
            utilisation_locked=utilisation_lock(sold.product, sold.rule, call.first.orders_w),
        )
        for call in sold.calls
    )
    pool = sum(outcome.settled.pool for outcome in outcomes)
    weights = tuple(answer.weight for answer in measured.answers)
    if not measured.totals.weight:
        weights = sold.capacities_w(sold.product.window_start)
    return Expected(
        measured=measured,
        outcomes=outcomes,
        uncalled=0,
        released=0,
        pool=pool,
        weights=weights,
        credited=_split(pool, weights),
    )


def _uncalled(sold: Sold, customer_share_bps: int) -> Expected:
    availability = sold.units * availability_per_unit(sold.product)
    pool = pool_of(availability, customer_share_bps)
    weights = sold.capacities_w(sold.product.window_start)
    return Expected(
        measured=None,
        outcomes=(),
        uncalled=availability,
        released=sold.units * collateral_per_unit(sold.product, sold.rule.collateral_bps),
        pool=pool,
        weights=weights,
        credited=_split(pool, weights),
    )


def _split(pool: int, weights: Sequence[int]) -> tuple[int, ...]:
    return tuple(share_of_pool(pool, weight, sum(weights)) for weight in weights)
