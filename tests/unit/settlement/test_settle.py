"""Settlement.settle: each dispatch ends exactly once, and money in equals money out, to the base unit."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from flexbond.hashing import ZERO_HASH
from flexbond.model.types import LockReason, Settled
from tests.unit.settlement.figures import FULL, KWH_HALF, MISSING, name, total
from tests.unit.story import AVAILABILITY, COLLATERAL, MONEY_OF, QUARTER, Story, nominated, tell

if TYPE_CHECKING:
    from tests.support.world import World


# ------------------------------------------------------------------ measured


def test_a_full_delivery(story: Story) -> None:
    """Given all that was ordered delivered, pay and availability are whole, and 60 % of both are the customers'."""
    world = story.world
    owed = total(world)
    dispatch = story.called()
    _, responses = story.deliver(375_000)
    assert responses == (1_500_000,) * 4
    receipt = story.settle(dispatch, responses)

    pay, availability = 24 * FULL, 6 * AVAILABILITY
    settled = Settled(
        pay=pay,
        availability=availability,
        penalty=0,
        pool=(pay + availability) * 6 // 10,
        utilisation_refund=0,
        availability_refund=0,
        released=6 * COLLATERAL,
    )
    assert receipt.value == settled
    log = receipt.only("DispatchSettled")
    assert (log.dispatch_id, log.event_id, log.right_id) == (name(dispatch), story.event, story.right)
    assert (log.holder, log.provider, log.measured) == (story.buyer.address, story.provider.address, True)
    assert log.settled == settled
    assert world.settlement.dispatchHash.call(name(dispatch)) == ZERO_HASH
    assert world.settlement.pending.call(story.event) == 0
    assert world.free(story.buyer) == MONEY_OF - pay - availability
    assert world.free(story.provider) == MONEY_OF + pay + availability - settled.pool
    assert story.locked(LockReason.POOL, story.event) == settled.pool
    assert story.locked(LockReason.UTILISATION, name(dispatch)) == story.backed() == 0
    assert total(world) == owed


def test_a_short_delivery(story: Story) -> None:
    """Given a third delivered, a third is paid, two thirds are penalised, refunds go to the holder."""
    dispatch = story.called()
    _, responses = story.deliver(125_000)
    settled = story.settle(dispatch, responses).value
    assert settled == Settled(
        pay=8 * FULL,
        availability=6 * AVAILABILITY * 3_333 // 10_000,
        penalty=16 * MISSING,
        pool=(8 * FULL + 6 * AVAILABILITY * 3_333 // 10_000) * 6 // 10,
        utilisation_refund=16 * FULL,
        availability_refund=6 * AVAILABILITY - 6 * AVAILABILITY * 3_333 // 10_000,
        released=6 * COLLATERAL - 16 * MISSING,
    )
    paid = settled.pay + settled.availability
    assert story.world.free(story.buyer) == MONEY_OF - paid + settled.penalty
    assert story.world.free(story.provider) == MONEY_OF + paid - settled.pool - settled.penalty


def test_the_worst_delivery_costs_the_stop_loss(world: World) -> None:
    """Given homes that did the opposite and an uncapped deficiency, the penalty ends at the stop-loss."""
    story = tell(world, world.rule(deficiency_uncapped=True, stop_loss_bps=8_000))
    dispatch = story.called()
    _, responses = story.deliver(-500_000)
    assert responses == (-2_000_000,) * 4
    settled = story.settle(dispatch, responses).value
    assert (settled.pay, settled.availability, settled.pool) == (0, 0, 0)
    assert settled.penalty == 6 * COLLATERAL * 8 // 10
    assert settled.released == 6 * COLLATERAL - settled.penalty


def test_a_stopped_dispatch_is_paid_for_what_it_ordered(story: Story) -> None:
    """Given an order cut to two periods, two are paid and what was locked for the others comes back."""
    dispatch = story.called()
    log = story.world.settlement.stop.send(story.product, story.rule, dispatch, 2, sender=story.buyer)
    stopped = log.only("DispatchChanged").dispatch
    _, responses = story.deliver(375_000)
    settled = story.settle(stopped, responses).value
    assert (settled.pay, settled.utilisation_refund, settled.penalty) == (12 * FULL, 12 * FULL, 0)
    assert settled.availability == 6 * AVAILABILITY


@pytest.mark.parametrize("measured", [True, False])
def test_a_cancelled_dispatch_earns_its_availability(story: Story, measured: bool) -> None:
    """Given an order taken back whole, its availability is whole and nothing is penalised, measured or not."""
    dispatch = story.called()
    receipt = story.world.settlement.cancel.send(story.product, story.rule, dispatch, sender=story.buyer)
    cancelled = receipt.only("DispatchChanged").dispatch
    responses: tuple[int, ...] = ()
    if measured:
        _, responses = story.deliver(-125_000)
    else:
        story.fail()
    settled = story.settle(cancelled, responses).value
    assert (settled.pay, settled.utilisation_refund) == (0, 24 * FULL)
    assert (settled.availability, settled.availability_refund) == (6 * AVAILABILITY, 0)
    assert (settled.penalty, settled.released) == (0, 6 * COLLATERAL)
    # measured with weights or not, the pool can be collected
    assert story.world.payouts.pool.call(story.event)[2] is not measured


def test_excused_periods_cost_nothing(story: Story) -> None:
    """Given nothing delivered and two of four periods excused, the other two are penalised."""
    dispatch = story.called()
    receipt = story.world.settlement.excuse.send(story.product, dispatch, 0b0101, sender=story.buyer)
    excused = receipt.only("DispatchChanged").dispatch
    _, responses = story.deliver(0)
    settled = story.settle(excused, responses).value
    assert (settled.pay, settled.availability, settled.penalty) == (0, 0, 12 * MISSING)


# ------------------------------------------------------------------ unmeasured


def test_never_measured_costs_the_full_deficiency(story: Story) -> None:
    """Given no submission, nothing is paid and all that was ordered counts as missing."""
    dispatch = story.called(6, [3_000, 0, 6_000, 0])
    story.fail()
    receipt = story.settle(dispatch)
    assert receipt.only("DispatchSettled").measured is False
    settled = receipt.value
    assert (settled.pay, settled.availability, settled.pool) == (0, 0, 0)
    assert settled.penalty == 9 * MISSING
    assert (settled.utilisation_refund, settled.availability_refund) == (9 * FULL, 6 * AVAILABILITY)
    assert story.world.free(story.buyer) == MONEY_OF + 9 * MISSING
    assert story.world.free(story.provider) == MONEY_OF - 9 * MISSING


def test_never_measured_deducts_no_tolerance(world: World) -> None:
    """Given a tolerance, it does not help who never submitted."""
    story = tell(world, world.rule(tolerance_bps=5_000))
    dispatch = story.called()
    story.fail()
    assert story.settle(dispatch).value.penalty == 24 * MISSING


def test_never_measured_and_uncapped_costs_the_stop_loss(world: World) -> None:
    """Given a deficiency without cap that nobody measured, the stop-loss is due, unless all is excused."""
    story = tell(world, world.rule(deficiency_uncapped=True, stop_loss_bps=9_000))
    dispatch = story.called(6, [1_000, 0, 0, 0])
    receipt = world.settlement.excuse.send(story.product, dispatch, 0b0001, sender=story.buyer)
    excused = receipt.only("DispatchChanged").dispatch
    story.fail()
    assert story.settle(excused).value.penalty == 0


def test_never_measured_and_uncapped_with_an_order_that_counts(world: World) -> None:
    """Given one ordered period that is not excused, the whole stop-loss is due."""
    story = tell(world, world.rule(deficiency_uncapped=True, stop_loss_bps=9_000))
    dispatch = story.called(6, [1_000, 1_000, 0, 0])
    receipt = world.settlement.excuse.send(story.product, dispatch, 0b0001, sender=story.buyer)
    excused = receipt.only("DispatchChanged").dispatch
    story.fail()
    assert story.settle(excused).value.penalty == 6 * COLLATERAL * 9 // 10


# ------------------------------------------------------------------ published cases


@pytest.mark.parametrize(("metered", "result"), [(7, 14), (8, 14), (9, -4), (10, -22), (11, -33)])
def test_the_settle_table_of_usef(world: World, metered: int, result: int) -> None:
    """Given 10 MW nominated, 2 MW ordered at 7 and 11 per MW for an hour, the table of UFTP's settle phase comes out."""
    rule = nominated(world, period_seconds=3_600, deficiency_uncapped=True, collateral_bps=15_000)
    plant = world.home(0, capacity_w=4_000_000, connection_w=15_000_000)
    story = tell(
        world,
        rule,
        (plant,),
        lot_w=1_000_000,
        utilisation_per_mwh=7 * 10**6,
        shortfall_per_mwh=11 * 10**6,
        availability_per_mwhour=0,
    )
    schedule = (10 * 10**9,)
    world.measurement.nominate.send(story.product.event_key, schedule, sender=story.provider)
    dispatch = story.called(2)
    quarter = metered * 10**9 // 4
    _, responses = story.measure({plant: lambda _start: quarter}, schedule)
    assert responses == (max(-4, min(4, 10 - metered)) * 10**9,)

    settled = story.settle(dispatch, responses).value
    assert settled.pay - settled.penalty == result * 10**6
    assert settled.utilisation_refund == 14 * 10**6 - settled.pay


def test_two_buyers_of_one_portfolio_that_delivers_half(story: Story) -> None:
    """Given two buyers who ordered 6 and 4 kW of homes that delivered 5, each is paid and compensated for its half."""
    world, second = story.world, story.world.accounts.second_buyer
    story.sell(6)
    story.sell(4, second)
    story.close_gate()
    first, other = story.call(6), story.call(4, holder=second)
    _, responses = story.deliver(312_500)
    assert responses == (1_250_000,) * 4
    for dispatch, units in ((first, 6), (other, 4)):
        settled = story.settle(dispatch, responses).value
        assert settled.pay == units * 4 * FULL // 2
        assert settled.penalty == units * 4 * MISSING // 2
        assert settled.availability == units * AVAILABILITY // 2
    assert world.free(second) == MONEY_OF - 8 * FULL - 2 * AVAILABILITY + 8 * MISSING


def test_shares_are_those_of_each_period(world: World) -> None:
    """Given 20 periods in which two buyers order differently, each is paid its share of what was delivered in every one of them."""
    start = world.tomorrow()
    story = tell(world, window_start=start, window_end=start + 20 * QUARTER)
    story.sell(8)
    story.close_gate()
    orders = [[2_000] * 9 + [6_000] * 11, [2_000] * 10 + [0] * 6 + [2_000] * 4]
    called = [story.call(6, orders[0]), story.call(2, orders[1])]
    _, responses = story.deliver(62_500)
    assert responses == (250_000,) * 20
    for dispatch, order in zip(called, orders, strict=True):
        totals = [sum(pair) for pair in zip(*orders, strict=True)]
        share = sum(250_000 * own // whole * 6 // 10 for own, whole in zip(order, totals, strict=True))
        assert story.settle(dispatch, responses).value.pay == share


def test_two_products_of_one_event_are_paid_from_one_measurement(story: Story) -> None:
    """Given two rights at two prices in one window, both get the same share of what was delivered."""
    cheap = replace(story.product, utilisation_per_mwh=300 * 10**6)
    story.sell(6)
    story.sell(6, product=cheap)
    story.close_gate()
    dear, other = story.call(6), story.call(6, product=cheap)
    _, responses = story.deliver(375_000)
    assert story.settle(dear, responses).value.pay == 12 * FULL
    assert story.settle(other, responses, cheap).value.pay == 6 * FULL


def test_the_provider_bears_the_rounding(story: Story) -> None:
    """Given a response that does not divide, shares are rounded against the provider and never exceed it."""
    story.sell(20)
    story.close_gate()
    called = [story.call(units) for units in (7, 7, 6)]
    lone = dict.fromkeys(story.homes, story.readings(KWH_HALF, KWH_HALF))
    lone[story.homes[0]] = story.readings(KWH_HALF, KWH_HALF - 1)
    _, responses = story.measure(lone)
    assert responses == (1,) * 4
    settled = [story.settle(dispatch, responses).value for dispatch in called]
    assert [item.pay for item in settled] == [0, 0, 0]
    assert [item.penalty for item in settled] == [28 * MISSING, 28 * MISSING, 24 * MISSING]
