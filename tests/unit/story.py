"""One event from sale to collection, as far as a test needs it.

Four homes of 5 kW each, in one portfolio of the provider with 60 % for its customers. A unit is 1 kW, tomorrow from
18:00 to 19:00 in quarter hours; per unit the collateral is 900 000 and the availability 40 000 base units; a quarter
hour of 1 kW is 250 000 mWh, earns 150 000 and costs 225 000 if it is missing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from flexbond.ids import event_id, right_id
from flexbond.model.types import BaselineMethod, Dispatch, LockReason
from flexbond.signing.sign import sign_offer
from tests.support.world import DAY, MONEY, Submission, World

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from flexbond.model.types import Product, Rule
    from tests.support.evm import Receipt
    from tests.support.world import Home, Reading

MONEY_OF: Final = MONEY
"""What each party has in the escrow at first, base units."""
COLLATERAL: Final = 900_000
"""Of a unit, base units."""
AVAILABILITY: Final = 40_000
"""Of a unit, base units."""
KWH: Final = 1_000_000
"""mWh"""
QUARTER: Final = 900
"""Seconds."""
HOUR: Final = 3_600
GATE: Final = 3_600
"""Before the window, seconds."""


@dataclass(frozen=True)
class Story:
    """A product of a portfolio under a rule, and what becomes of it."""

    world: World
    rule: Rule
    homes: tuple[Home, ...]
    portfolio: bytes
    product: Product

    @property
    def buyer(self) -> Any:
        """Who buys."""
        return self.world.accounts.buyer

    @property
    def provider(self) -> Any:
        """Who promises."""
        return self.world.accounts.provider

    @property
    def right(self) -> bytes:
        """The product's right."""
        return right_id(self.product)

    @property
    def event(self) -> bytes:
        """The product's event."""
        return event_id(self.product.event_key)

    # ---------------------------------------------------------------- before the window

    def issue(self, product: Product, units: int, to: Any = None, previous: int = 0, signer: Any = None) -> Receipt:
        """Issues as the market does: an offer without premium, taken with this hint."""
        world, buyer, who = self.world, to or self.buyer, signer or self.provider
        offer = world.offer(product, max(units, 1), premium_per_unit=0)
        return world.market.take.send(
            offer,
            who.address,
            sign_offer(who, world.domain("FlexibilityMarket"), offer),
            buyer.address,
            units,
            previous,
            sender=buyer,
        )

    def sell(self, units: int = 6, buyer: Any = None, product: Product | None = None) -> None:
        """Sells without a premium, in whatever window."""
        of = product or self.product
        previous = self.world.rights.previousWindow.call(of.portfolio_id, of.window_start)
        self.issue(of, units, buyer, previous)

    def close_gate(self) -> None:
        """To the moment from which notices can be given."""
        self.world.evm.time = self.product.window_start - self.rule.gate_seconds

    def call(
        self,
        units: int = 6,
        orders_w: Sequence[int] | None = None,
        holder: Any = None,
        product: Product | None = None,
    ) -> Dispatch:
        """Calls units for all periods, or as ordered."""
        of = product or self.product
        periods = (of.window_end - of.window_start) // self.rule.period_seconds
        orders = [units * of.lot_w] * periods if orders_w is None else orders_w
        log = self.world.dispatch(of, units=units, orders_w=orders, rule=self.rule, holder=holder)
        called: Dispatch = log.dispatch
        return called

    def called(self, units: int = 6, orders_w: Sequence[int] | None = None) -> Dispatch:
        """Sold and called at the gate."""
        self.sell(units)
        self.close_gate()
        return self.call(units, orders_w)

    # ---------------------------------------------------------------- after the window

    def readings(self, before: int, during: int) -> Reading:
        """What a meter reads before the window and from its start on, mWh per quarter hour."""
        return lambda start: before if start < self.product.window_start else during

    def submit(
        self, readings: Mapping[Home, Reading], schedule: Sequence[int] = (), silent: Sequence[Home] = ()
    ) -> Submission:
        """Attests the readings and submits what follows from them."""
        batch = self.world.attest_readings(self.product, readings, rule=self.rule)
        submission = self.world.submission(self.product, batch, rule=self.rule, schedule=schedule, silent=silent)
        self.world.submit(submission)
        return submission

    def measure(
        self, readings: Mapping[Home, Reading], schedule: Sequence[int] = ()
    ) -> tuple[Submission, tuple[int, ...]]:
        """Submits and proves; the responses, mWh per period."""
        submission = self.submit(readings, schedule)
        return submission, self.world.prove(submission)

    def deliver(self, response: int) -> tuple[Submission, tuple[int, ...]]:
        """Every home shows the same response in every period, mWh."""
        return self.measure({home: self.readings(KWH, KWH - response) for home in self.homes})

    def fail(self) -> None:
        """Nothing is submitted in time."""
        self.world.evm.time = self.product.window_end + self.rule.submission_deadline
        self.world.measurement.fail.send(self.product.event_key, sender=self.world.accounts.relayer)

    def settle(self, dispatch: Dispatch, responses: Sequence[int] = (), product: Product | None = None) -> Receipt:
        """Settles; the receipt."""
        return self.world.settle(product or self.product, dispatch, responses, rule=self.rule)

    def settle_uncalled(self, product: Product | None = None) -> Receipt:
        """Settles what was never called, after the window."""
        of = product or self.product
        self.world.evm.time = max(self.world.evm.time, of.window_end)
        return self.world.settlement.settleUncalled.send(of, self.rule, sender=self.world.accounts.relayer)

    # ---------------------------------------------------------------- money

    def backed(self) -> int:
        """What the lock of the event's rights holds, base units."""
        return self.locked(LockReason.RIGHTS, self.event)

    def locked(self, reason: LockReason, key: bytes) -> int:
        """What a lock holds, base units."""
        escrow = self.world.escrow
        return int(escrow.lockOf.call(escrow.lockId.call(self.world.token.address, reason, key))[1])


def tell(
    world: World,
    rule: Rule | None = None,
    members: Sequence[Home] | None = None,
    share_bps: int = 6_000,
    **product: Any,
) -> Story:
    """A story under the default rule or another, which is published, with four homes or others."""
    chosen = rule or world.rule()
    if chosen != world.rule():
        world.publish(chosen)
    homes = tuple(members or (world.home(number) for number in range(4)))
    portfolio = world.portfolio_of(homes, share_bps=share_bps)
    return Story(
        world=world,
        rule=chosen,
        homes=homes,
        portfolio=portfolio,
        product=world.product(portfolio, rule=chosen, **product),
    )


def nominated(world: World, **changes: Any) -> Rule:
    """A rule whose baseline is the provider's schedule."""
    return replace(world.rule(baseline=BaselineMethod.NOMINATED, baseline_periods=0), **changes)


def reference_level(world: World, **changes: Any) -> Rule:
    """A rule whose baseline is a contracted level."""
    return replace(world.rule(baseline=BaselineMethod.REFERENCE_LEVEL, baseline_periods=0), **changes)


__all__ = [
    "AVAILABILITY",
    "COLLATERAL",
    "DAY",
    "GATE",
    "HOUR",
    "KWH",
    "MONEY_OF",
    "QUARTER",
    "Story",
    "nominated",
    "reference_level",
    "tell",
]
