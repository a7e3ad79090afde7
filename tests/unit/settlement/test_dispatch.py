"""Settlement.dispatch: what a notice does, and every reason to refuse it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from eth_abi.abi import encode

from flexbond.hashing import ZERO_ADDRESS, keccak
from flexbond.ids import dispatch_hash, dispatch_id, rule_id
from flexbond.model.types import DispatchKind, EventStatus, Funding, LockReason, PayBase
from tests.support.evm import reverts
from tests.support.world import FOREVER
from tests.unit.story import AVAILABILITY, MONEY_OF, QUARTER, Story, tell

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.support.evm import Receipt
    from tests.support.world import World

FULL = 150_000
"""Utilisation of a kW over a quarter hour, base units."""


def send(story: Story, units: int, orders_w: Sequence[int], **changes: Any) -> Receipt:
    """By the buyer, unless told otherwise."""
    return story.world.settlement.dispatch.send(
        changes.get("product", story.product),
        changes.get("rule", story.rule),
        changes.get("holder", story.buyer),
        units,
        list(orders_w),
        changes.get("kind", DispatchKind.LIVE),
        sender=changes.get("sender", story.buyer),
    )


@pytest.fixture
def ready(story: Story) -> Story:
    """Six units sold, the gate closed."""
    story.sell(6)
    story.close_gate()
    return story


# ------------------------------------------------------------------ what happens


def test_calls_units(ready: Story) -> None:
    """Given units and a notice in time, the dispatch is logged and kept as a hash, and its utilisation locked."""
    world = ready.world
    receipt = send(ready, 4, [4_000, 4_000, 0, 2_000], kind=DispatchKind.TEST)

    log = receipt.only("Dispatched")
    assert log.dispatch_id == receipt.value == dispatch_id(ready.right, ready.buyer.address, 0)
    assert (log.event_id, log.right_id) == (ready.event, ready.right)
    called = log.dispatch
    assert (called.right_id, called.holder, called.units, called.number) == (ready.right, ready.buyer.address, 4, 0)
    assert (called.kind, called.notice_at) == (DispatchKind.TEST, world.evm.time)
    assert (called.orders_w, called.excused_mask) == ((4_000, 4_000, 0, 2_000), 0)
    assert log.utilisation_locked == 10 * FULL
    assert world.settlement.dispatchHash.call(log.dispatch_id) == dispatch_hash(called)
    assert [world.settlement.orderedW.call(ready.event, p) for p in range(5)] == [4_000, 4_000, 0, 2_000, 0]
    assert world.settlement.pending.call(ready.event) == 1
    assert ready.locked(LockReason.UTILISATION, log.dispatch_id) == 10 * FULL
    assert world.free(ready.buyer) == MONEY_OF - 6 * AVAILABILITY - 10 * FULL
    state = world.measurement.eventState.call(ready.event)
    assert (state.status, state.first_notice, state.ordered_mask) == (EventStatus.CALLED, world.evm.time, 0b1011)


def test_dispatches_of_an_event_add_up(ready: Story) -> None:
    """Given two buyers of two products of one window, their orders add up, and the first notice stays."""
    second, other = ready.world.accounts.second_buyer, replace(ready.product, utilisation_per_mwh=1)
    ready.sell(8, second, other)
    first = ready.world.evm.time
    ready.call(6)
    ready.world.evm.time += 60
    log = send(ready, 8, [0, 0, 8_000, 8_000], product=other, holder=second, sender=second).only("Dispatched")
    assert log.dispatch.number == 1
    assert [ready.world.settlement.orderedW.call(ready.event, p) for p in range(4)] == [6_000, 6_000, 14_000, 14_000]
    assert ready.world.settlement.pending.call(ready.event) == 2
    state = ready.world.measurement.eventState.call(ready.event)
    assert (state.first_notice, state.ordered_mask) == (first, 0b1111)


def test_orders_over_many_words(world: World) -> None:
    """Given a window of 96 periods, orders are kept for each of them, through several dispatches."""
    start = world.tomorrow()
    story = tell(world, window_start=start, window_end=start + 96 * QUARTER)
    story.sell(8)
    story.close_gate()
    orders = [1_000 * (p % 4) for p in range(96)]
    story.call(3, orders)
    story.call(5, [0] * 95 + [5_000])
    wanted = [*orders[:95], orders[95] + 5_000]
    assert [world.settlement.orderedW.call(story.event, p) for p in range(96)] == wanted


@pytest.mark.parametrize("period", range(8))
def test_no_sum_runs_into_the_next_period(world: World, period: int) -> None:
    """Given all the power that a window may promise, ordered twice in one period, its neighbours keep their orders."""
    most = 2**30 - 1
    plant = world.home(0, capacity_w=most, connection_w=most)
    start = world.tomorrow(18)
    free: dict[str, Any] = {"availability_per_mwhour": 0, "utilisation_per_mwh": 0, "shortfall_per_mwh": 0}
    story = tell(world, members=(plant,), window_start=start, window_end=start + 8 * QUARTER, lot_w=1, **free)
    story.sell(most)
    story.close_gate()
    half = most // 2
    story.call(half, [half if p == period else 7 for p in range(8)])
    story.call(most - half, [most - half if p == period else 5 for p in range(8)])
    wanted = [most if p == period else 12 for p in range(8)]
    assert [world.settlement.orderedW.call(story.event, p) for p in range(8)] == wanted
    assert world.settlement.pending.call(story.event) == 2


def test_no_more_dispatches_than_are_counted(ready: Story) -> None:
    """Given as many pending dispatches as there are numbers for, one more is refused."""
    settlement, most = ready.world.settlement, 2**16 - 1
    ready.call(3)
    slot = int.from_bytes(keccak(encode(["bytes32", "uint256"], [ready.event, 1])), "big")
    orders = ready.world.evm.word(settlement.address, slot) % 2**240
    ready.world.evm.put_word(settlement.address, slot, most << 240 | orders)
    assert settlement.pending.call(ready.event) == most
    with reverts("Flexbond_Overflow", most + 1, 16):
        send(ready, 3, [3_000] * 4)


def test_the_most_is_locked(world: World) -> None:
    """Given pay for delivery up to 120 % of the order, that much is locked."""
    story = tell(world, world.rule(over_delivery_cap_bps=12_000))
    story.sell(1)
    story.close_gate()
    log = story.world.dispatch(story.product, units=1, orders_w=[1_000] * 4, rule=story.rule)
    assert log.utilisation_locked == 4 * FULL * 12 // 10


def test_ordered_pay_locks_the_order(world: World) -> None:
    """Given pay for what was ordered, over-delivery is not locked for."""
    story = tell(world, world.rule(pay_base=PayBase.ORDERED, over_delivery_cap_bps=12_000))
    story.sell(1)
    story.close_gate()
    log = story.world.dispatch(story.product, units=1, orders_w=[1_000] * 4, rule=story.rule)
    assert log.utilisation_locked == 4 * FULL


def test_no_fraction_is_locked(world: World) -> None:
    """Given 1 W, 250 mWh a period, of which 100.01 % is paid for just below one base unit a mWh, 249 are locked."""
    story = tell(world, world.rule(over_delivery_cap_bps=10_001), utilisation_per_mwh=10**9 - 1)
    story.sell(1)
    story.close_gate()
    assert (
        story.world.dispatch(story.product, units=1, orders_w=[1, 0, 0, 0], rule=story.rule).utilisation_locked == 249
    )


def test_a_statement_locks_nothing(world: World) -> None:
    """Given a rule without the buyer's money, nothing of it is locked."""
    story = tell(world, world.rule(funding=Funding.STATEMENT))
    story.sell(6)
    story.close_gate()
    log = story.world.dispatch(story.product, units=6, orders_w=[6_000] * 4, rule=story.rule)
    assert log.utilisation_locked == 0
    assert world.free(story.buyer) == MONEY_OF


# ------------------------------------------------------------------ who, and of what


def test_only_the_holder_or_its_operator(ready: Story) -> None:
    """Given a stranger, it cannot call; an operator can."""
    people = ready.world.accounts
    with reverts("Flexbond_NotAllowed", people.attacker, ready.buyer):
        send(ready, 6, [6_000] * 4, sender=people.attacker)
    ready.world.participants.appointOperator.send(people.attacker, FOREVER, sender=ready.buyer)
    send(ready, 6, [6_000] * 4, sender=people.attacker)


def test_the_rule_must_be_the_products(ready: Story) -> None:
    """Given another rule, it is refused by its id."""
    other = replace(ready.rule, stop_loss_bps=1)
    with reverts("Settlement_RuleDiffers", rule_id(other)):
        send(ready, 6, [6_000] * 4, rule=other)


def test_a_product_nobody_issued_has_no_units(ready: Story) -> None:
    """Given terms better than those sold, nobody holds units of them."""
    better = replace(ready.product, shortfall_per_mwh=10**12)
    with reverts("FlexibilityRights_InsufficientUnits", ..., ready.buyer, 0, 6):
        send(ready, 6, [6_000] * 4, product=better)


def test_the_money_must_be_there(ready: Story) -> None:
    """Given less free money than the utilisation, nothing is called."""
    world, token = ready.world, ready.world.token.address
    world.escrow.withdraw.send(token, ready.buyer, world.free(ready.buyer) - 1, sender=ready.buyer)
    with reverts("CollateralEscrow_InsufficientFree", token, ready.buyer, 1, 24 * FULL):
        send(ready, 6, [6_000] * 4)
    assert world.settlement.pending.call(ready.event) == 0


# ------------------------------------------------------------------ when


def test_not_before_the_gate(story: Story) -> None:
    """Given a second before the gate closes, it is too early."""
    story.sell(6)
    gate = story.product.window_start - 3_600
    story.world.evm.time = gate - 1
    with reverts("Settlement_TooEarly", gate, gate - 1):
        send(story, 6, [6_000] * 4)


@pytest.mark.parametrize("first", [0, 2])
def test_until_notice_and_ramp_before_the_first_order(world: World, first: int) -> None:
    """Given 900 s of notice and 600 s of ramp, the last moment counts from the first ordered period."""
    story = tell(world, ramp_seconds=600)
    story.sell(6)
    latest = story.product.window_start + first * QUARTER - 1_500
    orders = [6_000 if p >= first else 0 for p in range(4)]
    world.evm.time = latest + 1
    with reverts("Settlement_TooLate", latest, latest + 1):
        send(story, 6, orders)
    world.evm.time = latest
    send(story, 6, orders)


def test_never_before_the_beginning_of_time(story: Story) -> None:
    """Given a window that nobody could be noticed of since 1970, it is too late, as for any other."""
    first = replace(story.product, window_start=0, window_end=4 * QUARTER)
    with reverts("Settlement_TooLate", 0, story.world.evm.time):
        send(story, 6, [6_000] * 4, product=first)


# ------------------------------------------------------------------ how much


@pytest.mark.parametrize("count", [0, 3, 5])
def test_an_order_for_every_period(ready: Story, count: int) -> None:
    """Given more or fewer orders than periods, they are refused."""
    with reverts("Settlement_OrdersLength", count, 4):
        send(ready, 6, [6_000] * count)


def test_no_order_above_the_units(ready: Story) -> None:
    """Given an order above the units' power, it is refused by its period."""
    with reverts("Settlement_OrderTooLarge", 1, 4_001, 4_000):
        send(ready, 4, [4_000, 4_001, 0, 0])


def test_orders_are_whole_milliwatt_hours(world: World) -> None:
    """Given periods of a minute, an order of 1 W is no whole mWh."""
    story = tell(world, world.rule(period_seconds=60), lot_w=60)
    story.sell(6)
    story.close_gate()
    with reverts("Settlement_OrderInexact", 7, 1):
        send(story, 6, [60 if p < 7 else 1 for p in range(60)])


def test_something_must_be_ordered(ready: Story) -> None:
    """Given zero in every period, there is no dispatch."""
    with reverts("Settlement_NothingOrdered", ready.right):
        send(ready, 6, [0] * 4)


@pytest.mark.parametrize(
    ("orders", "error"),
    [
        ([1, 0, 1, 1], ("Settlement_RunTooShort", 0, 900, 1_800)),
        ([1, 1, 0, 1], ("Settlement_RunTooShort", 3, 900, 1_800)),
        ([1, 1, 1, 1], ("Settlement_RunTooLong", 0, 3_600, 2_700)),
        ([0, 1, 1, 1], None),
        ([1, 1, 0, 0], None),
    ],
)
def test_runs_are_kept(world: World, orders: list[int], error: tuple[Any, ...] | None) -> None:
    """Given two to three quarter hours a run, any other row of orders is refused where it begins."""
    story = tell(world, min_run_seconds=1_800, max_run_seconds=2_700)
    story.sell(6)
    story.close_gate()
    sized = [order * 6_000 for order in orders]
    if error is None:
        send(story, 6, sized)
        return
    with reverts(*error):
        send(story, 6, sized)


@pytest.mark.parametrize("place", range(7))
def test_needs_its_neighbours(story: Story, place: int) -> None:
    """Given a zero address in the constructor, the contract is not made."""
    names = ("participants", "devices", "escrow", "rights", "measurement", "payouts", "spotChecks")
    arguments = [story.provider.address] * 7
    arguments[place] = ZERO_ADDRESS
    with reverts("Flexbond_ZeroAddress", names[place]):
        story.world.evm.deploy("Settlement", *arguments, sender=story.provider)
