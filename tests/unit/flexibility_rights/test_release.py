"""FlexibilityRights.release: units given up, before and after the provider declared itself unavailable."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flexbond.ids import token_id
from flexbond.model.types import Funding
from tests.support.evm import reverts
from tests.unit.story import AVAILABILITY, COLLATERAL, MONEY_OF, Story, tell

if TYPE_CHECKING:
    from tests.support.world import World


def release(story: Story, units: int) -> None:
    """By the buyer."""
    story.world.rights.release.send(story.product, story.buyer, units, sender=story.buyer)


def declare(story: Story) -> None:
    """The provider declares itself unavailable."""
    story.world.rights.declareUnavailable.send(story.product.event_key, sender=story.provider)


def test_frees_collateral_and_capacity(story: Story) -> None:
    """Given units, when some are given up, their collateral and capacity are free, and their availability stays due."""
    story.sell(6)
    receipt = story.world.rights.release.send(story.product, story.buyer, 2, sender=story.buyer)

    log = receipt.only("RightReleased")
    assert (log.right_id, log.holder, log.units) == (story.right, story.buyer.address, 2)
    assert story.world.rights.right.call(story.right) == (6, 4, 2, False, False)
    assert story.world.rights.balanceOf.call(story.buyer, token_id(story.right)) == 4
    assert story.world.rights.window.call(story.portfolio, story.product.window_start)[2] == 4_000
    assert story.backed() == 4 * COLLATERAL + 6 * AVAILABILITY
    assert story.world.free(story.provider) == MONEY_OF - 4 * COLLATERAL


def test_an_operator_may(story: Story) -> None:
    """Given the holder's operator, it releases; a stranger does not."""
    story.sell(6)
    people = story.world.accounts
    with reverts("Flexbond_NotAllowed", people.attacker, story.buyer):
        story.world.rights.release.send(story.product, story.buyer, 1, sender=people.attacker)
    story.world.participants.appointOperator.send(people.attacker, 2**40 - 1, sender=story.buyer)
    story.world.rights.release.send(story.product, story.buyer, 1, sender=people.attacker)


def test_needs_units_that_are_held(story: Story) -> None:
    """Given no units, too many, or a right never issued, releasing is refused."""
    with reverts("FlexibilityRights_Unknown", story.right):
        release(story, 1)
    story.sell(6)
    with reverts("FlexibilityRights_ZeroUnits", story.right):
        release(story, 0)
    with reverts("FlexibilityRights_InsufficientUnits", story.right, story.buyer, 6, 7):
        release(story, 7)


def test_unavailable_pays_back(story: Story) -> None:
    """Given an unavailable provider, the holder gets its availability back, and only what was released before is earned."""
    story.sell(6)
    release(story, 1)
    declare(story)
    release(story, 2)

    assert story.world.rights.right.call(story.right)[:3] == (6, 3, 1)
    assert story.world.free(story.buyer) == MONEY_OF - 4 * AVAILABILITY
    assert story.backed() == 3 * COLLATERAL + 4 * AVAILABILITY


def test_unavailable_pays_back_even_after_the_right_expired(story: Story) -> None:
    """Given an unavailable window that was settled, holders still get back what they paid, and nothing is left."""
    story.sell(6)
    declare(story)
    story.settle_uncalled()
    assert story.backed() == 6 * AVAILABILITY

    release(story, 6)
    assert story.world.free(story.buyer) == MONEY_OF
    assert story.world.free(story.provider) == MONEY_OF
    assert story.backed() == 0


def test_not_after_the_right_expired(story: Story) -> None:
    """Given a right settled as never called, there is nothing to give up."""
    story.sell(6)
    story.settle_uncalled()
    with reverts("FlexibilityRights_AlreadyExpired", story.right):
        release(story, 1)


def test_a_statement_pays_nothing_back(world: World) -> None:
    """Given a rule without the buyer's money, an unavailable provider costs nothing here."""
    story = tell(world, world.rule(funding=Funding.STATEMENT))
    story.sell(6)
    declare(story)
    release(story, 6)
    assert world.free(story.buyer) == MONEY_OF
    assert world.free(story.provider) == MONEY_OF
