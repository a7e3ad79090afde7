"""FlexibilityMarket.take: rights and money change hands in one transaction or not at all."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from flexbond.hashing import ZERO_ADDRESS
from flexbond.ids import token_id
from flexbond.signing.eip712 import digest
from flexbond.signing.sign import sign_offer
from tests.support.evm import reverts
from tests.support.world import FOREVER
from tests.unit.story import AVAILABILITY, COLLATERAL, MONEY_OF, Story, tell

if TYPE_CHECKING:
    from flexbond.model.types import Offer
    from tests.support.evm import Receipt
    from tests.support.world import World

PREMIUM = 50_000
MOST = 2**32 - 2


def take(story: Story, offer: Offer, units: int = 6, **changes: Any) -> Receipt:
    """By the buyer, signed by the provider, unless told otherwise."""
    world = story.world
    signer = changes.get("signer", story.provider)
    signature = changes.get("signature") or sign_offer(
        changes.get("key", signer), world.domain("FlexibilityMarket"), offer
    )
    buyer = changes.get("buyer", story.buyer)
    return world.market.take.send(
        offer, signer.address, signature, buyer.address, units, 0, sender=changes.get("sender", buyer)
    )


# ------------------------------------------------------------------ what happens


def test_everything_in_one_transaction(story: Story) -> None:
    """Given a signed offer, when a buyer takes a part, premium, locks and units change hands, and the fill is kept."""
    world = story.world
    offer = world.offer(story.product, 10)
    receipt = take(story, offer)

    assert receipt.value == story.right
    log = receipt.only("OfferTaken")
    assert log.offer_hash == digest(world.domain("FlexibilityMarket"), offer)
    assert log.offer_hash == world.market.offerDigest.call(offer)
    assert (log.right_id, log.buyer, log.nonce) == (story.right, story.buyer.address, offer.nonce)
    assert (log.units, log.premium) == (6, 6 * PREMIUM)
    assert world.market.filled.call(story.provider, offer.nonce) == 6
    assert world.rights.balanceOf.call(story.buyer, token_id(story.right)) == 6
    assert world.free(story.buyer) == MONEY_OF - 6 * (PREMIUM + AVAILABILITY)
    assert world.free(story.provider) == MONEY_OF - 6 * COLLATERAL + 6 * PREMIUM


def test_is_all_or_nothing(story: Story) -> None:
    """Given an issue that fails, neither premium nor fill remains."""
    offer = story.world.offer(story.product, 30)
    with reverts("FlexibilityRights_CapacityExceeded", story.portfolio, 20_000, 21_000):
        take(story, offer, 21)
    assert story.world.market.filled.call(story.provider, offer.nonce) == 0
    assert story.world.free(story.buyer) == MONEY_OF


def test_the_premium_may_back_the_promise(story: Story) -> None:
    """Given a provider without money, the premium it is paid at that moment counts for its collateral."""
    world = story.world
    world.escrow.withdraw.send(world.token.address, story.provider, MONEY_OF, sender=story.provider)
    take(story, world.offer(story.product, 1, premium_per_unit=COLLATERAL), 1)
    assert world.free(story.provider) == 0
    assert story.backed() == COLLATERAL + AVAILABILITY


# ------------------------------------------------------------------ who


def test_an_operator_takes_for_its_buyer(story: Story) -> None:
    """Given the buyer's operator, it takes; a stranger does not."""
    people = story.world.accounts
    offer = story.world.offer(story.product, 6)
    with reverts("Flexbond_NotAllowed", people.relayer, story.buyer):
        take(story, offer, sender=people.relayer)
    story.world.participants.appointOperator.send(people.relayer, FOREVER, sender=story.buyer)
    take(story, offer, sender=people.relayer)
    assert story.world.rights.balanceOf.call(story.buyer, token_id(story.right)) == 6


def test_an_operator_signs_for_its_provider(story: Story) -> None:
    """Given an offer signed by the provider's operator, it stands while the operator is appointed."""
    people = story.world.accounts
    offer = story.world.offer(story.product, 6)
    take(story, offer, 3, signer=people.provider_operator)
    story.world.participants.appointOperator.send(people.provider_operator, 0, sender=story.provider)
    with reverts("Flexbond_NotAllowed", people.provider_operator, story.provider):
        take(story, offer, 3, signer=people.provider_operator)


def test_an_offer_may_name_its_buyer(story: Story) -> None:
    """Given an offer to one buyer, no other takes it."""
    second = story.world.accounts.second_buyer
    offer = story.world.offer(story.product, 6, buyer=story.buyer.address)
    with reverts("FlexibilityMarket_OfferForOther", story.buyer, second):
        take(story, offer, buyer=second)
    take(story, offer)


def test_needs_the_signature_of_these_terms(story: Story) -> None:
    """Given another signer, or other terms than signed, the offer is refused."""
    world, people = story.world, story.world.accounts
    offer = world.offer(story.product, 6)
    digest = world.market.offerDigest.call(offer)
    with reverts("Flexbond_BadSignature", story.provider, digest):
        take(story, offer, key=people.attacker)
    with reverts("Flexbond_BadSignature", story.provider, digest):
        take(story, offer, signature=b"\x01" * 65)
    with reverts("Flexbond_BadSignature", story.provider, digest):
        take(story, offer, signature=b"\x01")
    signature = sign_offer(story.provider, world.domain("FlexibilityMarket"), offer)
    changes = (
        {"product": replace(story.product, shortfall_per_mwh=1)},
        {"product": replace(story.product, external_ref=b"\x01" * 32)},
        {"units": 7},
        {"premium_per_unit": 0},
        {"buyer": story.buyer.address},
        {"expiry": offer.expiry + 1},
        {"nonce": offer.nonce + 1},
    )
    for change in changes:
        other = replace(offer, **change)
        with reverts("Flexbond_BadSignature", story.provider, world.market.offerDigest.call(other)):
            take(story, other, signature=signature)


def test_a_contract_signs_and_buys(world: World) -> None:
    """Given contract wallets on both sides, the offer is checked by ERC-1271 and the units arrive."""
    people = world.accounts
    seller = world.evm.deploy("MockWallet", people.provider.address, sender=people.relayer)
    taker = world.evm.deploy("MockWallet", people.buyer.address, sender=people.relayer)
    world.qualify(seller, provider=True)
    world.qualify(taker, buyer=True)
    for wallet in (seller, taker):
        world.token.mint.send(people.relayer, MONEY_OF, sender=people.relayer)
        world.token.approve.send(world.escrow.address, MONEY_OF, sender=people.relayer)
        world.escrow.deposit.send(world.token.address, wallet.address, MONEY_OF, sender=people.relayer)
    created = world.devices.createPortfolio.encode(seller.address, b"\x02" * 32, 6_000, bytes(32))
    story = tell(world)
    portfolio = seller.execute.send(world.devices.address, created, sender=people.relayer).value[-32:]
    appointed = world.participants.appointOperator.encode(people.provider, FOREVER)
    seller.execute.send(world.participants.address, appointed, sender=people.relayer)
    home = world.home(7)
    world.enrol_home(home, portfolio)
    world.evm.time += 1
    product = replace(story.product, provider=seller.address, portfolio_id=portfolio, zone=b"\x02" * 32)
    offer = world.offer(product, 4)
    signature = sign_offer(people.provider, world.domain("FlexibilityMarket"), offer)
    call = world.market.take.encode(offer, seller.address, signature, taker.address, 4, 0)
    right = taker.execute.send(world.market.address, call, sender=people.relayer).only("OfferTaken").right_id
    assert world.rights.balanceOf.call(taker.address, token_id(right)) == 4
    other = sign_offer(people.attacker, world.domain("FlexibilityMarket"), offer)
    call = world.market.take.encode(offer, seller.address, other, taker.address, 4, 0)
    with reverts("Flexbond_BadSignature", seller, world.market.offerDigest.call(offer)):
        taker.execute.send(world.market.address, call, sender=people.relayer)


# ------------------------------------------------------------------ how much, how long


def test_an_offer_is_taken_in_parts_up_to_its_units(story: Story) -> None:
    """Given an offer of ten, it is taken by several and no further."""
    offer = story.world.offer(story.product, 10)
    take(story, offer, 6)
    take(story, offer, 3, buyer=story.world.accounts.second_buyer)
    with reverts("FlexibilityMarket_Overfilled", story.provider, offer.nonce, 1, 2):
        take(story, offer, 2)
    take(story, offer, 1)
    with reverts("FlexibilityMarket_Overfilled", story.provider, offer.nonce, 0, 1):
        take(story, offer, 1)


def test_offers_of_one_nonce_share_their_fill(story: Story) -> None:
    """Given two offers of one nonce, taking one uses up the other, even a smaller one."""
    first = story.world.offer(story.product, 10)
    smaller = replace(first, units=5, product=replace(story.product, transferable=True))
    take(story, first, 6)
    with reverts("FlexibilityMarket_Overfilled", story.provider, first.nonce, 0, 1):
        take(story, smaller, 1)


def test_nonces_of_one_word_are_kept_apart(story: Story) -> None:
    """Given eight nonces in a word, each has its own fill."""
    for nonce in range(9):
        take(story, story.world.offer(story.product, 2, nonce=nonce), 1 + nonce % 2)
    fills = [story.world.market.filled.call(story.provider, nonce) for nonce in range(10)]
    assert fills == [1, 2, 1, 2, 1, 2, 1, 2, 1, 0]


def test_no_fill_reads_as_cancelled(story: Story) -> None:
    """Given an offer of more units than fit a fill, one less than the sign of cancellation can be taken."""
    offer = story.world.offer(story.product, 2**40)
    with reverts("FlexibilityMarket_Overfilled", story.provider, offer.nonce, MOST, MOST + 1):
        take(story, offer, MOST + 1)


def test_an_offer_expires(story: Story) -> None:
    """Given an offer's last second, it is taken; at its expiry it is not."""
    offer = story.world.offer(story.product, 6, expiry=story.world.evm.time + 100)
    story.world.evm.time = offer.expiry - 1
    take(story, offer, 3)
    story.world.evm.time = offer.expiry
    with reverts("FlexibilityMarket_OfferExpired", offer.expiry, offer.expiry):
        take(story, offer, 3)


def test_a_premium_beyond_all_money_is_refused(story: Story) -> None:
    """Given a premium that no balance could pay, the error is no panic."""
    offer = story.world.offer(story.product, 6, premium_per_unit=2**96)
    with reverts("Flexbond_Overflow", 2**96, 96):
        take(story, offer)


def test_the_premium_must_be_there(story: Story) -> None:
    """Given less free money than the premium and the availability, the offer is not taken."""
    world = story.world
    needed = 2 * (PREMIUM + AVAILABILITY)
    world.escrow.withdraw.send(world.token.address, story.buyer, MONEY_OF - needed + 1, sender=story.buyer)
    with reverts("CollateralEscrow_InsufficientFree", world.token.address, story.buyer, needed - 1, needed):
        take(story, world.offer(story.product, 6), 2)


@pytest.mark.parametrize("name", ["participants", "rights"])
def test_needs_its_neighbours(story: Story, name: str) -> None:
    """Given a zero address in the constructor, the contract is not made."""
    names = ("participants", "rights")
    arguments = [ZERO_ADDRESS if name == other else story.provider.address for other in names]
    with reverts("Flexbond_ZeroAddress", name):
        story.world.evm.deploy("FlexibilityMarket", *arguments, sender=story.provider)


# ------------------------------------------------------------------ receivers that call back


def receiver(story: Story) -> Any:
    """A qualified buyer that is a contract, with money, and with the relayer as its operator."""
    world, relayer = story.world, story.world.accounts.relayer
    made = world.evm.deploy("ReentrantReceiver", sender=relayer)
    world.qualify(made, buyer=True)
    world.token.mint.send(relayer, MONEY_OF, sender=relayer)
    world.token.approve.send(world.escrow.address, MONEY_OF, sender=relayer)
    world.escrow.deposit.send(world.token.address, made.address, MONEY_OF, sender=relayer)
    appointed = world.participants.appointOperator.encode(relayer, FOREVER)
    made.execute.send(world.participants.address, appointed, sender=relayer)
    return made


def test_a_receiver_takes_again_no_more_than_is_offered(story: Story) -> None:
    """Given a buyer that takes the offer again whenever its units arrive, each is a take of its own, up to the offer's units."""
    world, made = story.world, receiver(story)
    offer = world.offer(story.product, 6)
    signature = sign_offer(story.provider, world.domain("FlexibilityMarket"), offer)
    again = world.market.take.encode(offer, story.provider.address, signature, made.address, 2, 0)
    made.arm.send(world.market.address, again, sender=world.accounts.relayer)
    receipt = take(story, offer, 2, buyer=made, sender=world.accounts.relayer)
    # the fourth take, in the third receipt, is one too many
    assert (made.calls.call(), len(receipt.all("OfferTaken"))) == (3, 3)
    assert world.market.filled.call(story.provider, offer.nonce) == 6
    assert world.rights.balanceOf.call(made.address, token_id(story.right)) == 6
    assert world.rights.right.call(story.right)[:2] == (6, 6)
    assert story.backed() == 6 * (COLLATERAL + AVAILABILITY)
    assert world.free(made) == MONEY_OF - 6 * (PREMIUM + AVAILABILITY)
    assert world.free(story.provider) == MONEY_OF + 6 * (PREMIUM - COLLATERAL)


def test_the_zero_address_signs_nothing(story: Story) -> None:
    """Given an operator that is the zero address, a signature of nobody is not its own."""
    world = story.world
    world.participants.appointOperator.send(ZERO_ADDRESS, FOREVER, sender=story.provider)
    offer = world.offer(story.product, 6)
    with reverts("Flexbond_BadSignature", ZERO_ADDRESS, digest(world.domain("FlexibilityMarket"), offer)):
        world.market.take.send(offer, ZERO_ADDRESS, bytes(65), story.buyer.address, 1, 0, sender=story.buyer)


def test_a_receiver_may_release_at_once(story: Story) -> None:
    """Given a buyer that gives its units up while they arrive, nothing but these units is concerned."""
    world, made = story.world, receiver(story)
    story.sell(4)
    release = world.rights.release.encode(story.product, made.address, 3)
    made.arm.send(world.rights.address, release, sender=world.accounts.relayer)
    take(story, world.offer(story.product, 6), 3, buyer=made, sender=world.accounts.relayer)
    assert (made.calls.call(), made.succeeded.call()) == (1, True)
    assert world.rights.right.call(story.right)[:3] == (7, 4, 3)
    assert story.backed() == 4 * COLLATERAL + 7 * AVAILABILITY


def test_an_operator_cannot_withdraw(story: Story) -> None:
    """Given a buyer's operator, the buyer's money is out of its reach."""
    world, relayer = story.world, story.world.accounts.relayer
    world.participants.appointOperator.send(relayer, FOREVER, sender=story.buyer)
    with reverts("CollateralEscrow_InsufficientFree", world.token.address, relayer, 0, 1):
        world.escrow.withdraw.send(world.token.address, relayer, 1, sender=relayer)
