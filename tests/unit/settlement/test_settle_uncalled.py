"""Settlement.settleUncalled: availability of what was never called, once the window is over."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from flexbond.ids import rule_id
from flexbond.model.types import Funding, LockReason
from tests.support.evm import reverts
from tests.unit.story import AVAILABILITY, COLLATERAL, MONEY_OF, Story, tell

if TYPE_CHECKING:
    from tests.support.world import World


def test_pays_availability_and_frees_collateral(story: Story) -> None:
    """Given a right never called, the provider earns its availability, less the customers' part, and its collateral."""
    world = story.world
    story.sell(6)
    receipt = story.settle_uncalled()

    earned = 6 * AVAILABILITY
    pool = earned * 6 // 10
    log = receipt.only("RightSettled")
    assert (log.right_id, log.event_id, log.provider) == (story.right, story.event, story.provider.address)
    assert (log.availability, log.pool, log.released) == (earned, pool, 6 * COLLATERAL)
    opened = receipt.only("PoolOpened")
    assert (opened.pool_id, opened.event_id, opened.by_capacity) == (story.right, story.event, True)
    assert world.payouts.pool.call(story.right) == (pool, world.evm.time, True)
    assert world.free(story.provider) == MONEY_OF + earned - pool
    assert world.free(story.buyer) == MONEY_OF - earned
    assert story.locked(LockReason.POOL, story.right) == pool
    assert story.backed() == 0


def test_the_customers_part_is_rounded_down(world: World) -> None:
    """Given 60 % of 40 001, the customers get 24 000."""
    story = tell(world, availability_per_mwhour=40_001_000)
    story.sell(1)
    assert story.settle_uncalled().only("RightSettled").pool == 24_000


def test_of_a_right_called_in_part(story: Story) -> None:
    """Given four of six units called, the other two are settled here, whatever becomes of the event."""
    story.sell(6)
    story.close_gate()
    story.call(4)
    log = story.settle_uncalled().only("RightSettled")
    assert (log.availability, log.released) == (2 * AVAILABILITY, 2 * COLLATERAL)
    assert story.backed() == 4 * (COLLATERAL + AVAILABILITY)


def test_released_units_earn_their_availability(story: Story) -> None:
    """Given units given up while the provider was available, they earn, and their collateral is free already."""
    story.sell(6)
    story.world.rights.release.send(story.product, story.buyer, 2, sender=story.buyer)
    log = story.settle_uncalled().only("RightSettled")
    assert (log.availability, log.released) == (6 * AVAILABILITY, 4 * COLLATERAL)


def test_unavailable_earns_only_what_was_released_before(story: Story) -> None:
    """Given an unavailable provider, only units given up before it said so earn."""
    story.sell(6)
    rights = story.world.rights
    rights.release.send(story.product, story.buyer, 2, sender=story.buyer)
    rights.declareUnavailable.send(story.product.event_key, sender=story.provider)
    rights.release.send(story.product, story.buyer, 1, sender=story.buyer)
    log = story.settle_uncalled().only("RightSettled")
    assert (log.availability, log.released) == (2 * AVAILABILITY, 3 * COLLATERAL)
    assert story.backed() == 3 * AVAILABILITY


def test_not_before_the_window_is_over(story: Story) -> None:
    """Given the window's last second, it is too early."""
    story.sell(6)
    story.world.evm.time = story.product.window_end - 1
    with reverts("Settlement_TooEarly", story.product.window_end, story.product.window_end - 1):
        story.world.settlement.settleUncalled.send(story.product, story.rule, sender=story.provider)


def test_only_with_its_rule(story: Story) -> None:
    """Given another rule, it is refused."""
    story.sell(6)
    story.world.evm.time = story.product.window_end
    other = replace(story.rule, collateral_bps=20_000)
    with reverts("Settlement_RuleDiffers", rule_id(other)):
        story.world.settlement.settleUncalled.send(story.product, other, sender=story.provider)


def test_a_statement_moves_only_collateral(world: World) -> None:
    """Given a rule without the buyer's money, what is earned is logged and no pool is made."""
    story = tell(world, world.rule(funding=Funding.STATEMENT))
    story.sell(6)
    log = story.settle_uncalled().only("RightSettled")
    assert (log.availability, log.pool) == (6 * AVAILABILITY, 6 * AVAILABILITY * 6 // 10)
    assert world.free(story.provider) == MONEY_OF
    assert world.free(story.buyer) == MONEY_OF
    assert world.payouts.pool.call(story.right) == (0, 0, False)


def test_no_pool_without_a_share(world: World) -> None:
    """Given a portfolio that gives its customers nothing, there is no pool."""
    story = tell(world, world.rule(min_customer_share_bps=0), (world.home(0),), share_bps=5_000)
    free_of_charge = replace(story.product, availability_per_mwhour=0)
    story.sell(3, product=free_of_charge)
    receipt = story.settle_uncalled(free_of_charge)
    assert receipt.only("RightSettled").pool == 0
    assert not receipt.all("PoolFunded")
