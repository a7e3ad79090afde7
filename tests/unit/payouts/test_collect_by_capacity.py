"""Payouts.collectByCapacity: rights never called, and events without weight."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from flexbond.ids import responses_hash, totals_hash
from flexbond.model.types import CapacityClaim, LockReason
from tests.support.evm import reverts
from tests.unit.story import KWH, Story, nominated, tell

if TYPE_CHECKING:
    from tests.support.evm import Receipt
    from tests.support.world import World

EMPTY = bytes(32)


def collect(story: Story, index: int, pool: bytes | None = None, **changes: Any) -> Receipt:
    """By anyone; of the right's pool unless told otherwise."""
    claim = CapacityClaim(
        pool_id=pool or story.right,
        key=changes.pop("key", story.product.event_key),
        currency=changes.pop("currency", story.rule.currency),
        index=index,
        root=changes.pop("root", EMPTY),
        total_weight=changes.pop("total_weight", 0),
        totals_hash=changes.pop("hashed", EMPTY),
        responses_hash=changes.pop("responses", EMPTY),
    )
    return story.world.payouts.collectByCapacity.send(claim, sender=story.world.accounts.attacker)


@pytest.fixture
def uneven(world: World) -> Story:
    """Homes of 1, 2 and 4 kW; three units sold, never called, settled."""
    homes = [world.home(number, capacity_w=1_000 << number) for number in range(3)]
    story = tell(world, members=homes)
    story.sell(3)
    story.settle_uncalled()
    return story


def test_splits_by_capacity(uneven: Story) -> None:
    """Given a right never called, every home gets its part by capacity, and the remainder stays."""
    pool = uneven.world.payouts.pool.call(uneven.right)[0]
    for index, home in enumerate(uneven.homes):
        receipt = collect(uneven, index)
        amount = pool * (1 << index) // 7
        log = receipt.only("Collected")
        assert (log.pool_id, log.index, log.payee, log.amount) == (
            uneven.right,
            index,
            home.customer.address,
            amount,
        )
        assert uneven.world.free(home.customer) == amount == receipt.value
    assert 0 <= uneven.locked(LockReason.POOL, uneven.right) < 3


def test_once(uneven: Story) -> None:
    """Given a place that collected, it does not again."""
    collect(uneven, 0)
    with reverts("Payouts_AlreadyCollected", uneven.right, 0):
        collect(uneven, 0)


def test_only_who_was_in_just_before_the_window(world: World) -> None:
    """Given a home that left before the window and one that joined with it, they get nothing; one that left with it does."""
    story = tell(world)
    story.sell(1)
    world.devices.leave.send(story.homes[0].metering_point, sender=story.homes[0].customer)
    world.evm.time = story.product.window_start
    world.enrol_home(world.home(9), story.portfolio)
    world.devices.leave.send(story.homes[1].metering_point, sender=story.homes[1].customer)
    story.settle_uncalled()
    pool = world.payouts.pool.call(story.right)[0]
    for index in (0, 4):
        with reverts("Payouts_NothingToCollect", story.right, index):
            collect(story, index)
    assert [collect(story, index).value for index in (1, 2, 3)] == [pool // 3] * 3
    with reverts("DeviceRegistry_EntryUnknown", story.portfolio, 5):
        collect(story, 5)


def test_who_joins_with_the_window_takes_nothing_from_the_others(world: World) -> None:
    """Given a home that joined as the window began, the pool is split among those that were in before."""
    story = tell(world)
    story.sell(1)
    world.evm.time = story.product.window_start
    world.enrol_home(world.home(9), story.portfolio)
    story.settle_uncalled()
    assert collect(story, 0).value == world.payouts.pool.call(story.right)[0] // 4


def test_only_with_the_rights_event(uneven: Story) -> None:
    """Given another event's key, the claim is refused."""
    key = replace(uneven.product.event_key, window_start=1)
    with reverts("Payouts_BadProof", uneven.right, 0):
        collect(uneven, 0, key=key)


def test_only_of_an_open_pool(story: Story) -> None:
    """Given no pool, there is nothing."""
    with reverts("Payouts_NotOpen", story.right):
        collect(story, 0)


def test_another_currency_holds_no_pool(uneven: Story) -> None:
    """Given a claim in another token, there is no money."""
    with reverts("CollateralEscrow_InsufficientLock", ..., 0, ...):
        collect(uneven, 0, currency="0x" + "11" * 20)


# ------------------------------------------------------------------ events


def test_an_event_without_weight(story: Story) -> None:
    """Given an event in which no leaf has weight but a cancelled dispatch earned, its pool is split by capacity."""
    story.sell(6)
    story.close_gate()
    first, second = story.call(3), story.call(3)
    receipt = story.world.settlement.cancel.send(story.product, story.rule, second, sender=story.buyer)
    cancelled = receipt.only("DispatchChanged").dispatch
    submission, responses = story.deliver(0)
    story.settle(first, responses)
    pool = story.settle(cancelled, responses).value.pool
    assert pool > 0
    measured = submission.measured
    assert measured.totals.weight == 0
    with reverts("Payouts_NothingToCollect", story.event, 0):
        story.world.collect(submission, index=0)
    shown = {
        "root": measured.tree.root,
        "hashed": totals_hash(measured.totals),
        "responses": responses_hash(measured.responses_milli_wh),
    }
    for index in range(4):
        assert collect(story, index, story.event, **shown).value == pool // 4
    for wrong in ({}, {**shown, "total_weight": 1}, {**shown, "root": EMPTY}, {**shown, "responses": EMPTY}):
        with reverts("Payouts_BadProof", story.event, 0):
            collect(story, 0, story.event, **wrong)


def test_an_event_with_weight_is_not_split_by_capacity(story: Story) -> None:
    """Given leaves with weight, nobody collects by capacity."""
    dispatch = story.called()
    submission, responses = story.deliver(375_000)
    story.settle(dispatch, responses)
    measured = submission.measured
    shown = {
        "root": measured.tree.root,
        "hashed": totals_hash(measured.totals),
        "responses": responses_hash(measured.responses_milli_wh),
    }
    for weight in (0, measured.totals.weight):
        with reverts("Payouts_BadProof", story.event, 0):
            collect(story, 0, story.event, total_weight=weight, **shown)


def test_an_event_never_measured(story: Story) -> None:
    """Given an event never measured in which a cancelled dispatch earned, its pool is split by capacity, not by weight."""
    dispatch = story.called()
    receipt = story.world.settlement.cancel.send(story.product, story.rule, dispatch, sender=story.buyer)
    submission = story.submit({home: story.readings(KWH, 0) for home in story.homes})
    story.world.evm.time += story.rule.proof_window
    story.world.measurement.fail.send(story.product.event_key, sender=story.buyer)
    settled = story.settle(receipt.only("DispatchChanged").dispatch)
    assert settled.only("PoolOpened").by_capacity is True
    with reverts("Payouts_BadProof", story.event, 0):
        story.world.collect(submission, index=0)
    assert collect(story, 0, story.event).value == settled.value.pool // 4


def test_a_portfolio_measured_as_a_whole_pays_by_capacity_of_who_is_not_silent(world: World) -> None:
    """Given a baseline of the portfolio, weights are capacities, and a silent home has none."""
    story = tell(world, nominated(world))
    schedule = (2 * KWH,) * 4
    world.measurement.nominate.send(story.product.event_key, schedule, sender=story.provider)
    dispatch = story.called()
    readings = {home: story.readings(0, -3_000_000) for home in story.homes}
    submission = story.submit(readings, schedule, silent=story.homes[:1])
    responses = world.prove(submission)
    pool = story.settle(dispatch, responses).value.pool
    assert pool > 0
    with reverts("Payouts_NothingToCollect", story.event, 0):
        world.collect(submission, index=0)
    assert [world.collect(submission, index=index).value for index in (1, 2, 3)] == [pool // 3] * 3
