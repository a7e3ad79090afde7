"""FlexibilityRights.setPaused: only the guardian, and only new business stops."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.evm import reverts

if TYPE_CHECKING:
    from tests.unit.story import Story


@pytest.mark.parametrize("who", ["deployer", "market_operator", "meter_operator", "provider", "attacker"])
def test_only_the_guardian(story: Story, who: str) -> None:
    """Given anyone else, pausing is refused."""
    account = getattr(story.world.accounts, who)
    with reverts("AccessManagedUnauthorized", account):
        story.world.rights.setPaused.send(True, sender=account)


def test_what_is_under_way_goes_on(story: Story) -> None:
    """Given paused issue, rights are still released, called and settled."""
    story.sell(6)
    story.world.rights.setPaused.send(True, sender=story.world.accounts.guardian)
    story.world.rights.release.send(story.product, story.buyer, 1, sender=story.buyer)
    story.close_gate()
    dispatch = story.call(4)
    story.fail()
    story.settle(dispatch)
    story.settle_uncalled()
