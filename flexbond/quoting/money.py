"""The money of an event, as the contracts would move it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from flexbond.model.delivery import sums_before
from flexbond.model.settlement import (
    availability_per_unit,
    collateral_per_unit,
    pool_of,
    settle_dispatch,
    share_of_pool,
    utilisation_lock,
)
from flexbond.model.types import Funding
from flexbond.quoting.measure import Ask, measure
from flexbond.quoting.orders import check_orders

if TYPE_CHECKING:
    from collections.abc import Sequence

    from flexbond.metering.readings import Readings
    from flexbond.model.settlement import DispatchOutcome
    from flexbond.quoting.calls import KnownCall
    from flexbond.quoting.devices import Device
    from flexbond.quoting.measure import Measured, Measuring
    from flexbond.quoting.orders import OrderedDispatch, OrderedEvent, OrderedRight, Orders
    from flexbond.quoting.terms import Terms


@dataclass(frozen=True, kw_only=True)
class QuotedDispatch:
    """How a dispatch would end."""

    ordered: OrderedDispatch
    outcome: DispatchOutcome


@dataclass(frozen=True, kw_only=True)
class QuotedRight:
    """What units that were never called would earn."""

    ordered: OrderedRight
    units: int
    availability: int
    """Base units, to the provider and its customers."""
    pool: int
    """The customers' part of it, base units."""
    refund: int
    """Availability back to the holders, base units: only where the provider declared itself unavailable."""
    released: int
    """Collateral back to the provider, base units."""


@dataclass(frozen=True, kw_only=True)
class Share:
    """What one place of the portfolio could collect."""

    index: int
    """In the file of devices, from 0."""
    device: Device
    of_event: int
    """Of the event's pool, base units."""
    of_rights: int
    """Of the pools of units never called, base units."""


@dataclass(frozen=True, kw_only=True)
class QuotedEvent:
    """An event, measured and paid."""

    ordered: OrderedEvent
    measured: Measured | None
    """None where nothing was called, or nothing was measured."""
    dispatches: tuple[QuotedDispatch, ...]
    rights: tuple[QuotedRight, ...]
    """Those with units that were never called."""
    shares: tuple[Share, ...]
    """Of every place of the portfolio; none where the buyers pay off chain."""
    by_capacity: bool
    """Whether the event's pool is split by capacity, as nothing has a weight."""

    @property
    def pay(self) -> int:
        """Utilisation of all dispatches, base units."""
        return sum(item.outcome.settled.pay for item in self.dispatches)

    @property
    def penalty(self) -> int:
        """Of all dispatches, base units."""
        return sum(item.outcome.settled.penalty for item in self.dispatches)

    @property
    def availability(self) -> int:
        """Of all dispatches and of what was never called, base units."""
        called = sum(item.outcome.settled.availability for item in self.dispatches)
        return called + sum(item.availability for item in self.rights)

    @property
    def pool(self) -> int:
        """The customers' part of the dispatches, base units."""
        return sum(item.outcome.settled.pool for item in self.dispatches)

    @property
    def net(self) -> int:
        """Pay and availability less penalty, base units."""
        return self.pay + self.availability - self.penalty

    @property
    def remainder(self) -> int:
        """What the split of all pools leaves, base units."""
        pools = self.pool + sum(item.pool for item in self.rights)
        return pools - sum(item.of_event + item.of_rights for item in self.shares) if self.shares else 0


def quote_event(
    terms: Terms,
    orders: Orders,
    event: OrderedEvent,
    devices: Sequence[Device],
    readings: Readings,
    calls: Sequence[KnownCall],
    *,
    measuring: Measuring = measure,
) -> QuotedEvent:
    """An event, measured from the readings and paid by the rule. Raises OrderRefusedError."""
    check_orders(event, terms.rule)
    measured = None
    if event.dispatches and event.is_measured:
        ask = Ask(
            key=event.key,
            first_notice=event.first_notice,
            ordered_mask=event.ordered_mask,
            schedule_milli_wh=event.schedule_milli_wh,
            calls=tuple(calls),
        )
        measured = measuring(terms, devices, readings, ask)
    return pay_event(terms, orders, event, devices, measured)


def pay_event(
    terms: Terms, orders: Orders, event: OrderedEvent, devices: Sequence[Device], measured: Measured | None
) -> QuotedEvent:
    """The money of an event from what was measured; None: it never was."""
    responses = None if measured is None else measured.responses_milli_wh
    dispatches = tuple(
        QuotedDispatch(
            ordered=item,
            outcome=settle_dispatch(
                product=item.right.product,
                rule=terms.rule,
                dispatch=item.dispatch,
                responses_milli_wh=responses,
                event_orders_w=event.orders_w,
                customer_share_bps=orders.customer_share_bps,
                utilisation_locked=utilisation_lock(item.right.product, terms.rule, item.noticed_w),
            ),
        )
        for item in event.dispatches
    )
    rights = tuple(_uncalled(terms, orders, event, item) for item in event.rights if item.uncalled)
    weight = 0 if measured is None else measured.weight
    pools = sum(item.outcome.settled.pool for item in dispatches), tuple(item.pool for item in rights)
    escrowed = terms.rule.funding is Funding.ESCROWED
    return QuotedEvent(
        ordered=event,
        measured=measured,
        dispatches=dispatches,
        rights=rights,
        shares=_shares(event, devices, measured, weight, pools) if escrowed else (),
        by_capacity=weight == 0,
    )


def _uncalled(terms: Terms, orders: Orders, event: OrderedEvent, right: OrderedRight) -> QuotedRight:
    whole = right.uncalled * availability_per_unit(right.product)
    earned = 0 if event.is_unavailable else whole
    escrowed = terms.rule.funding is Funding.ESCROWED
    return QuotedRight(
        ordered=right,
        units=right.uncalled,
        availability=earned,
        pool=pool_of(earned, orders.customer_share_bps),
        refund=whole - earned if escrowed else 0,
        released=right.uncalled * collateral_per_unit(right.product, terms.rule.collateral_bps),
    )


def _shares(
    event: OrderedEvent,
    devices: Sequence[Device],
    measured: Measured | None,
    weight: int,
    pools: tuple[int, tuple[int, ...]],
) -> tuple[Share, ...]:
    """By weight; what has none, and what was never called, by capacity as it stood just before the window."""
    start = event.key.window_start
    capacity = sums_before([device.entry for device in devices], start).capacity_w
    weights = [] if measured is None else [item.weight for item in measured.devices]
    shares = []
    for index, device in enumerate(devices):
        present = device.capacity_w if device.entry.was_in_before(start) else 0
        part, total = (present, capacity) if weight == 0 else (weights[index] if index < len(weights) else 0, weight)
        shares.append(
            Share(
                index=index,
                device=device,
                of_event=share_of_pool(pools[0], part, total) if part else 0,
                of_rights=sum(share_of_pool(pool, present, capacity) for pool in pools[1]) if present else 0,
            )
        )
    return tuple(shares)
