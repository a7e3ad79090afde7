"""FlexibilityRights.consume and expire: only Settlement, and what it finds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from flexbond.ids import token_id
from tests.support.evm import reverts
from tests.unit.story import Story, tell

if TYPE_CHECKING:
    from tests.support.world import World


def test_a_dispatch_burns_its_units(story: Story) -> None:
    """Given units, when some are called, they are burnt and no longer open."""
    story.sell(6)
    story.close_gate()
    receipt = story.world.settlement.dispatch.send(
        story.product, story.rule, story.buyer, 4, [4_000] * 4, 0, sender=story.buyer
    )
    log = receipt.only("RightConsumed")
    assert (log.right_id, log.holder, log.units) == (story.right, story.buyer.address, 4)
    assert story.world.rights.right.call(story.right)[:3] == (6, 2, 0)
    assert story.world.rights.balanceOf.call(story.buyer, token_id(story.right)) == 2
    assert story.world.rights.window.call(story.portfolio, story.product.window_start)[2] == 6_000


def test_only_settlement_consumes_and_expires(story: Story) -> None:
    """Given anyone but Settlement, both are refused."""
    story.sell(6)
    rights, settlement = story.world.rights, story.world.settlement.address
    with reverts("Flexbond_NotAllowed", story.buyer, settlement):
        rights.consume.send(
            story.right, story.portfolio, story.product.window_start, story.buyer, 1, 1, 1, sender=story.buyer
        )
    with reverts("Flexbond_NotAllowed", story.provider, settlement):
        rights.expire.send(story.product, sender=story.provider)


def test_no_more_units_than_held(story: Story) -> None:
    """Given fewer units than called, the dispatch is refused, whatever others hold."""
    story.sell(6)
    story.sell(6, story.world.accounts.second_buyer)
    story.close_gate()
    with reverts("FlexibilityRights_InsufficientUnits", story.right, story.buyer, 6, 7):
        story.call(7)


def test_the_least_size_is_of_all_that_was_issued(world: World) -> None:
    """Given at least a quarter of ten units, and five of them called, two of the other five are too few."""
    story = tell(world, world.rule(min_dispatch_bps=2_500))
    story.sell(10)
    story.close_gate()
    story.call(5)
    with reverts("FlexibilityRights_BelowMinimum", story.right, 2, 3):
        story.call(2)


@pytest.mark.parametrize(("units", "allowed"), [(2, False), (3, True), (10, True)])
def test_a_dispatch_has_a_least_size(world: World, units: int, allowed: bool) -> None:
    """Given at least a quarter of the ten units issued, two are too few, three are enough."""
    story = tell(world, world.rule(min_dispatch_bps=2_500))
    story.sell(10)
    story.close_gate()
    if allowed:
        story.call(units)
        return
    with reverts("FlexibilityRights_BelowMinimum", story.right, units, 3):
        story.call(units)


def test_all_that_is_open_may_be_called(world: World) -> None:
    """Given one unit left of ten, it may be called though it is below the minimum."""
    story = tell(world, world.rule(min_dispatch_bps=2_500))
    story.sell(10)
    story.close_gate()
    story.call(9)
    story.call(1)
    assert world.rights.right.call(story.right)[1] == 0


def test_a_right_expires_once(story: Story) -> None:
    """Given a window that is over, the right expires with what is open, and not again."""
    story.sell(6)
    story.world.rights.release.send(story.product, story.buyer, 1, sender=story.buyer)
    receipt = story.settle_uncalled()
    log = receipt.only("RightExpired")
    assert (log.right_id, log.units) == (story.right, 5)
    assert story.world.rights.right.call(story.right) == (6, 5, 1, False, True)
    with reverts("FlexibilityRights_AlreadyExpired", story.right):
        story.settle_uncalled()


def test_an_unknown_right_does_not_expire(story: Story) -> None:
    """Given a right never issued, there is nothing to expire."""
    with reverts("FlexibilityRights_Unknown", story.right):
        story.settle_uncalled()
