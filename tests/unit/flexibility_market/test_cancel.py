"""FlexibilityMarket.cancel and cancelAll: offers taken back one by one or all at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.support.evm import reverts

if TYPE_CHECKING:
    from tests.unit.story import Story

CANCELLED = 2**32 - 1


def test_one_nonce(story: Story) -> None:
    """Given a half taken offer, when its nonce is cancelled, it is taken no further, and others of its word are."""
    world = story.world
    first, second = world.offer(story.product, 6, nonce=3), world.offer(story.product, 6, nonce=4)
    world.take(first, buyer=story.buyer, units=2)
    receipt = world.market.cancel.send(story.provider, 3, sender=story.provider)

    log = receipt.only("OfferCancelled")
    assert (log.provider, log.nonce) == (story.provider.address, 3)
    assert world.market.filled.call(story.provider, 3) == CANCELLED
    with reverts("FlexibilityMarket_OfferCancelled", story.provider, 3):
        world.take(first, buyer=story.buyer, units=1)
    world.take(second, buyer=story.buyer)


def test_all_below_a_nonce(story: Story) -> None:
    """Given offers, when all below a nonce are cancelled, those are, and it never goes back."""
    world = story.world
    offers = [world.offer(story.product, 2, nonce=nonce) for nonce in (4, 5)]
    receipt = world.market.cancelAll.send(story.provider, 5, sender=story.provider)
    log = receipt.only("OffersCancelled")
    assert (log.provider, log.below_nonce) == (story.provider.address, 5)

    lower = world.market.cancelAll.send(story.provider, 4, sender=story.provider)
    assert lower.events == []
    assert world.market.minNonce.call(story.provider) == 5
    with reverts("FlexibilityMarket_OfferCancelled", story.provider, 4):
        world.take(offers[0], buyer=story.buyer)
    world.take(offers[1], buyer=story.buyer)


def test_only_by_the_provider_or_its_operator(story: Story) -> None:
    """Given anyone else, cancelling is refused; the operator may."""
    people, market = story.world.accounts, story.world.market
    with reverts("Flexbond_NotAllowed", people.attacker, story.provider):
        market.cancel.send(story.provider, 1, sender=people.attacker)
    with reverts("Flexbond_NotAllowed", people.attacker, story.provider):
        market.cancelAll.send(story.provider, 1, sender=people.attacker)
    market.cancel.send(story.provider, 1, sender=people.provider_operator)
    market.cancelAll.send(story.provider, 1, sender=people.provider_operator)
