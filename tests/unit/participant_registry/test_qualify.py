"""ParticipantRegistry.qualify and what it says of an account."""

from __future__ import annotations

from flexbond.hashing import ZERO_ADDRESS, keccak
from tests.support.evm import reverts
from tests.support.world import World

SEEN = keccak(b"credentials")


def test_qualifies_until_the_expiry(world: World) -> None:
    """Given an account qualified as provider, it is one until its expiry, exclusive, and no buyer."""
    account, operator = world.accounts.attacker, world.accounts.market_operator
    expiry = world.evm.time + 100
    event = world.participants.qualify.send(account, False, True, SEEN, expiry, sender=operator).only(
        "ParticipantQualified"
    )

    assert (event.account, event.buyer, event.provider) == (account.address, False, True)
    assert (event.credential_hash, event.expiry) == (SEEN, expiry)
    assert world.participants.participant.call(account) == (False, True, expiry, SEEN)
    assert not world.participants.isBuyer.call(account)
    world.evm.time = expiry - 1
    assert world.participants.isProvider.call(account)
    world.evm.time = expiry
    assert not world.participants.isProvider.call(account)


def test_qualifies_as_both(world: World) -> None:
    """Given an account qualified as buyer and provider, it is both."""
    account = world.accounts.attacker
    world.qualify(account, buyer=True, provider=True)
    assert world.participants.isBuyer.call(account)
    assert world.participants.isProvider.call(account)


def test_removes_with_both_flags_false(world: World) -> None:
    """Given a qualified buyer, when both flags are set to false, with an expiry in the past, it is none any more."""
    buyer, operator = world.accounts.buyer, world.accounts.market_operator
    event = world.participants.qualify.send(buyer, False, False, SEEN, 0, sender=operator).only("ParticipantQualified")
    assert (event.buyer, event.provider, event.expiry) == (False, False, 0)
    assert not world.participants.isBuyer.call(buyer)


def test_refuses_an_expiry_that_is_not_in_the_future(world: World) -> None:
    """Given an expiry now or before, when a flag is set, it is refused."""
    account, operator, now = world.accounts.attacker, world.accounts.market_operator, world.evm.time
    for buyer, provider, expiry in ((True, False, now), (False, True, now - 1), (True, True, 0)):
        with reverts("ParticipantRegistry_BadExpiry", expiry, now):
            world.participants.qualify.send(account, buyer, provider, SEEN, expiry, sender=operator)


def test_refuses_the_zero_address(world: World) -> None:
    """Given the zero address, it cannot be qualified."""
    operator = world.accounts.market_operator
    with reverts("Flexbond_ZeroAddress", "account"):
        world.participants.qualify.send(ZERO_ADDRESS, True, True, SEEN, world.evm.time + 1, sender=operator)


def test_refuses_anyone_but_the_market_operator(world: World) -> None:
    """Given another account, when it qualifies itself, it is not authorised."""
    for account in (world.accounts.attacker, world.accounts.admin, world.accounts.guardian):
        with reverts("AccessManagedUnauthorized", account):
            world.participants.qualify.send(account, True, True, SEEN, world.evm.time + 1, sender=account)


def test_require_parties(world: World) -> None:
    """Given a provider and a buyer, both qualified, it passes; else the error names who is not."""
    people = world.accounts
    world.participants.requireParties.call(people.provider, people.buyer)
    with reverts("ParticipantRegistry_NotProvider", people.buyer):
        world.participants.requireParties.call(people.buyer, people.second_buyer)
    with reverts("ParticipantRegistry_NotBuyer", people.attacker):
        world.participants.requireParties.call(people.provider, people.attacker)


def test_constructor_refuses_the_zero_address(world: World) -> None:
    """Given no governance, when it is deployed, it is refused."""
    with reverts("Flexbond_ZeroAddress", "governance"):
        world.evm.deploy("ParticipantRegistry", ZERO_ADDRESS, sender=world.accounts.attacker)
