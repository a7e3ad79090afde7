"""Settlement.settle: what goes to the customers, what is left where an event has ended, and funding by statement."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from eth_abi.abi import encode

from flexbond.hashing import ZERO_HASH, keccak
from flexbond.model.types import ClampLevel, Funding, LockReason, Settled
from tests.support.evm import reverts
from tests.unit.settlement.figures import FULL, MISSING, name, total
from tests.unit.story import MONEY_OF, QUARTER, Story, tell

if TYPE_CHECKING:
    from tests.support.world import World


def test_the_pool_comes_out_of_the_pay_first(world: World) -> None:
    """Given a portfolio that gives its customers everything, pay and availability both become pool."""
    story = tell(world, share_bps=10_000)
    dispatch = story.called()
    _, responses = story.deliver(375_000)
    settled = story.settle(dispatch, responses).value
    assert settled.pool == settled.pay + settled.availability
    assert story.locked(LockReason.POOL, story.event) == settled.pool
    assert world.free(story.provider) == MONEY_OF


def test_the_share_is_that_of_the_settlement(story: Story) -> None:
    """Given a share raised after the event, the customers get the raised one."""
    dispatch = story.called()
    _, responses = story.deliver(375_000)
    story.world.devices.raiseCustomerShare.send(story.portfolio, 7_500, sender=story.provider)
    settled = story.settle(dispatch, responses).value
    assert settled.pool == (settled.pay + settled.availability) * 3 // 4


def test_the_pool_opens_with_the_last_settlement(story: Story) -> None:
    """Given two dispatches, the pool is funded twice and opens with the second, with the sum."""
    story.sell(12)
    story.close_gate()
    called = [story.call(6), story.call(6)]
    _, responses = story.deliver(750_000)
    first = story.settle(called[0], responses)
    assert first.only("PoolFunded").amount == first.value.pool
    assert not first.all("PoolOpened")
    assert story.world.payouts.pool.call(story.event) == (0, 0, False)

    last = story.settle(called[1], responses)
    log = last.only("PoolOpened")
    assert (log.pool_id, log.event_id, log.opened_at, log.by_capacity) == (
        story.event,
        story.event,
        story.world.evm.time,
        False,
    )
    assert story.world.payouts.pool.call(story.event) == (
        first.value.pool + last.value.pool,
        story.world.evm.time,
        False,
    )


def test_the_last_settlement_says_what_it_adds(story: Story) -> None:
    """Given one dispatch, what it gives to the pool is told before the pool is opened with it."""
    dispatch = story.called()
    _, responses = story.deliver(375_000)
    receipt = story.settle(dispatch, responses)
    funded = receipt.only("PoolFunded")
    assert (funded.pool_id, funded.event_id, funded.amount) == (story.event, story.event, receipt.value.pool)


def test_who_adds_nothing_to_the_pool_says_nothing(story: Story) -> None:
    """Given two dispatches and nothing delivered, neither tells of a pool."""
    story.sell(12)
    story.close_gate()
    called = [story.call(6), story.call(6)]
    _, responses = story.deliver(0)
    for dispatch in called:
        assert story.settle(dispatch, responses).all("PoolFunded") == []


def test_nor_does_the_last_that_adds_nothing(story: Story) -> None:
    """Given two dispatches and delivery in the period of the first alone, the second opens the pool and tells of nothing more."""
    story.sell(12)
    story.close_gate()
    called = [story.call(6, [6_000, 0, 0, 0]), story.call(6, [0, 0, 0, 6_000])]
    start = story.product.window_start

    def metered(at: int) -> int:
        return 500_000 if at != start else 125_000

    _, responses = story.measure(dict.fromkeys(story.homes, metered))
    assert story.settle(called[0], responses).value.pool > 0
    last = story.settle(called[1], responses)
    assert [event.name for event in last.events if event.name.startswith("Pool")] == ["PoolOpened"]


def test_a_settled_dispatch_is_over(story: Story) -> None:
    """Given a settled dispatch, it is not settled, changed, accepted or used for a demand again, and nothing is left of it."""
    dispatch = story.called()
    _, responses = story.deliver(375_000)
    story.settle(dispatch, responses)
    over = (story.product, story.rule, dispatch)
    for function, arguments in (
        ("stop", (*over, 3)),
        ("cancel", over),
        ("excuse", (story.product, dispatch, 1)),
        ("demandProof", (story.product, dispatch, 0)),
        ("accept", (story.product, dispatch, ZERO_HASH)),
        ("settle", (*over, ZERO_HASH, responses)),
    ):
        with reverts("Settlement_DispatchDiffers", name(dispatch)):
            getattr(story.world.settlement, function).send(*arguments, sender=story.buyer)


def test_an_event_that_ended_is_not_called_again(story: Story) -> None:
    """Given units that nobody called of a settled event, they cannot be called, so that no dispatch gets the number of a settled one."""
    story.sell(12)
    story.close_gate()
    dispatch = story.call(6)
    _, responses = story.deliver(375_000)
    story.settle(dispatch, responses)
    order = (story.product, story.rule, story.buyer, 6, [0, 0, 0, 6_000], 0)
    with reverts("Settlement_TooLate"):
        story.world.settlement.dispatch.send(*order, sender=story.buyer)


def test_the_last_settlement_clears_the_orders(world: World) -> None:
    """Given two dispatches of 20 periods, the orders stay until the last is settled, which clears the words that it ordered in."""
    start = world.tomorrow()
    story = tell(world, window_start=start, window_end=start + 20 * QUARTER)
    story.sell(6)
    story.close_gate()
    called = [story.call(3, [3_000] * 20), story.call(3, [0, 3_000] + [0] * 14 + [3_000] * 4)]
    slot = int.from_bytes(keccak(encode(["bytes32", "uint256"], [story.event, 1])), "big")

    def words() -> list[bool]:
        return [world.evm.word(world.settlement.address, slot + place) != 0 for place in range(4)]

    story.fail()
    story.settle(called[0])
    assert words() == [True, True, True, False]
    assert world.settlement.orderedW.call(story.event, 1) == 6_000
    story.settle(called[1])
    assert words() == [False, True, False, False]
    assert [world.settlement.orderedW.call(story.event, p) for p in range(20)] == [0] * 20


def test_a_statement_is_final_and_moves_only_collateral(world: World) -> None:
    """Given a rule without the buyer's money, pay is logged, and the penalty is real."""
    story = tell(world, world.rule(funding=Funding.STATEMENT))
    dispatch = story.called()
    _, responses = story.deliver(125_000)
    settled = story.settle(dispatch, responses).value
    assert (settled.pay, settled.penalty) == (8 * FULL, 16 * MISSING)
    assert settled.pool == (settled.pay + settled.availability) * 6 // 10
    assert (settled.utilisation_refund, settled.availability_refund) == (0, 0)
    assert world.free(story.buyer) == MONEY_OF + settled.penalty
    assert world.free(story.provider) == MONEY_OF - settled.penalty
    assert story.locked(LockReason.POOL, story.event) == 0
    assert world.payouts.pool.call(story.event) == (0, 0, False)


@pytest.mark.parametrize(
    ("level", "responses", "pay"),
    [
        (ClampLevel.DEVICE, 125_000, 2),
        (ClampLevel.PORTFOLIO, -62_500, 0),
    ],
)
def test_the_clamp_level_decides_what_is_paid(world: World, level: ClampLevel, responses: int, pay: int) -> None:
    """Given two homes, 30 -> 40 and 50 -> 20 the other way round, the level of the clamp decides."""
    pair = (world.home(0), world.home(1))
    story = tell(world, world.rule(clamp_level=level), pair)
    dispatch = story.called(1)
    rises, falls = story.readings(125_000, 312_500), story.readings(500_000, 375_000)
    _, found = story.measure({pair[0]: rises, pair[1]: falls})
    assert found == (responses,) * 4
    assert story.settle(dispatch, found).value.pay == pay * FULL


def test_dust_is_nobodys(world: World) -> None:
    """Given prices of one base unit a MWh, everything rounds to nothing but the penalty, and the sums still balance."""
    story = tell(world, utilisation_per_mwh=1, availability_per_mwhour=1, shortfall_per_mwh=1)
    owed = total(world)
    dispatch = story.called(1, [1_000, 0, 0, 0])
    _, responses = story.deliver(0)
    settled = story.settle(dispatch, responses).value
    assert settled == Settled(
        pay=0, availability=0, penalty=1, pool=0, utilisation_refund=0, availability_refund=0, released=0
    )
    assert total(world) == owed
