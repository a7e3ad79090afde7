"""Payouts.sweep, fund and open: what is never collected goes to the party that the rule names, in the end."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from flexbond.hashing import ZERO_ADDRESS
from flexbond.ids import rule_id
from flexbond.model.types import LockReason
from tests.support.evm import reverts
from tests.unit.story import DAY, Story

if TYPE_CHECKING:
    from tests.support.evm import Receipt
    from tests.support.world import Submission


@pytest.fixture
def settled(story: Story) -> tuple[Story, Submission, int]:
    """An event with its pool, of which one of four homes collected."""
    dispatch = story.called()
    submission, responses = story.deliver(375_000)
    pool = story.settle(dispatch, responses).value.pool
    story.world.collect(submission, index=0)
    return story, submission, pool


def sweep(story: Story, pool: bytes) -> Receipt:
    """By anyone."""
    return story.world.payouts.sweep.send(
        pool, story.product.event_key, story.rule, sender=story.world.accounts.attacker
    )


def test_the_rest_goes_where_the_rule_says(settled: tuple[Story, Submission, int]) -> None:
    """Given the collection period over, what is left goes to the party named, and the pool is closed."""
    story, submission, pool = settled
    world, to = story.world, story.world.accounts.unclaimed
    world.evm.time += 60 * DAY
    receipt = sweep(story, story.event)
    left = pool - pool // 4
    log = receipt.only("PoolSwept")
    assert (log.pool_id, log.to, log.amount) == (story.event, to.address, left)
    assert world.free(to) == left
    assert story.locked(LockReason.POOL, story.event) == 0
    assert world.payouts.pool.call(story.event) == (0, 0, False)
    with reverts("Payouts_NotOpen", story.event):
        world.collect(submission, index=1)
    with reverts("Payouts_NotOpen", story.event):
        sweep(story, story.event)


def test_not_before_the_period_is_over(settled: tuple[Story, Submission, int]) -> None:
    """Given the last second of the period, it is too early; customers collect until it is swept."""
    story, submission, _ = settled
    until = story.world.evm.time + 60 * DAY
    story.world.evm.time = until - 1
    with reverts("Payouts_PeriodNotOver", until, until - 1):
        sweep(story, story.event)
    story.world.evm.time = until + DAY
    story.world.collect(submission, index=1)
    sweep(story, story.event)


def test_of_a_right_never_called(story: Story) -> None:
    """Given a right's pool, it is swept by the right's id."""
    story.sell(6)
    story.settle_uncalled()
    pool = story.world.payouts.pool.call(story.right)[0]
    story.world.evm.time += 60 * DAY
    assert sweep(story, story.right).only("PoolSwept").amount == pool


def test_only_with_the_pools_event_and_rule(settled: tuple[Story, Submission, int]) -> None:
    """Given another event, or another rule, which might name another party, it is refused."""
    story, _, _ = settled
    world = story.world
    world.evm.time += 60 * DAY
    other = replace(story.rule, unclaimed_to=world.accounts.attacker.address)
    with reverts("Payouts_RuleDiffers", rule_id(other)):
        world.payouts.sweep.send(story.event, story.product.event_key, other, sender=world.accounts.attacker)
    key = replace(story.product.event_key, rule_id=rule_id(other))
    with reverts("Payouts_EventDiffers", story.event):
        world.payouts.sweep.send(story.event, key, other, sender=world.accounts.attacker)


def test_only_settlement_funds_and_opens(story: Story) -> None:
    """Given anyone else, both are refused."""
    payouts, settlement, key = story.world.payouts, story.world.settlement.address, story.product.event_key
    with reverts("Flexbond_NotAllowed", story.provider, settlement):
        payouts.fund.send(story.event, key, 1, sender=story.provider)
    with reverts("Flexbond_NotAllowed", story.provider, settlement):
        payouts.open.send(story.event, key, story.rule.currency, 1, True, sender=story.provider)


def test_a_pool_without_money_stays_shut(story: Story) -> None:
    """Given an event that earned nothing, no pool is opened."""
    dispatch = story.called()
    _, responses = story.deliver(0)
    receipt = story.settle(dispatch, responses)
    assert receipt.value.pool == 0
    assert not receipt.all("PoolOpened")
    with reverts("Payouts_NotOpen", story.event):
        sweep(story, story.event)


@pytest.mark.parametrize("place", range(4))
def test_needs_its_neighbours(story: Story, place: int) -> None:
    """Given a zero address in the constructor, the contract is not made."""
    names = ("devices", "measurement", "escrow", "settlement")
    arguments = [story.provider.address] * 4
    arguments[place] = ZERO_ADDRESS
    with reverts("Flexbond_ZeroAddress", names[place]):
        story.world.evm.deploy("Payouts", *arguments, sender=story.provider)
