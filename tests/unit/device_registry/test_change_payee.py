"""DeviceRegistry.changePayee: by the present payee alone, also after the point has left."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from flexbond.hashing import ZERO_ADDRESS, keccak
from flexbond.signing.eip712 import digest
from flexbond.signing.keys import development_signer
from flexbond.signing.messages import PayeeChange
from flexbond.signing.sign import sign_payee_change
from tests.support.evm import reverts
from tests.support.world import World

PAYEE, HEIR, THIRD = (development_signer(index) for index in (30, 31, 32))


@pytest.fixture
def portfolio(world: World) -> bytes:
    """A portfolio with one home, for which PAYEE collects."""
    created, home = world.create_portfolio(), world.home(0)
    world.state(home)
    world.enrol(home, world.consent(home, created, payee=PAYEE.address))
    return created


def change(world: World, portfolio: bytes, **changes: Any) -> PayeeChange:
    """PAYEE's word that HEIR collects."""
    message = PayeeChange(
        portfolio_id=portfolio,
        index=0,
        payee=HEIR.address,
        nonce=world.devices.nonces.call(PAYEE),
        deadline=world.evm.time + 10,
    )
    return replace(message, **changes)


def test_the_payee_itself(world: World, portfolio: bytes) -> None:
    """Given the payee as caller, it changes without signature, deadline or nonce."""
    receipt = world.devices.changePayee.send(portfolio, 0, HEIR, 0, b"", sender=PAYEE)
    event = receipt.only("PayeeChanged")
    assert (event.portfolio_id, event.index, event.payee) == (portfolio, 0, HEIR.address)
    assert world.devices.entry.call(portfolio, 0).payee == HEIR.address
    assert world.devices.nonces.call(PAYEE) == 0


def test_by_signature_whoever_brings_it(world: World, portfolio: bytes) -> None:
    """Given the payee's signature, anyone may bring it, once."""
    message = change(world, portfolio)
    signature = sign_payee_change(PAYEE, world.domain("DeviceRegistry"), message)
    arguments = (portfolio, 0, HEIR, message.deadline, signature)
    world.devices.changePayee.send(*arguments, sender=world.accounts.relayer)
    assert world.devices.entry.call(portfolio, 0).payee == HEIR.address
    assert world.devices.nonces.call(PAYEE) == 1

    # Once PAYEE collects again, its old word does not bring HEIR back.
    world.devices.changePayee.send(portfolio, 0, PAYEE, 0, b"", sender=HEIR)
    expected = digest(world.domain("DeviceRegistry"), replace(message, nonce=1))
    with reverts("Flexbond_BadSignature", PAYEE, expected):
        world.devices.changePayee.send(*arguments, sender=world.accounts.relayer)


def test_refuses_an_expired_signature(world: World, portfolio: bytes) -> None:
    """Given a deadline of now, exclusive, it is expired."""
    now = world.evm.time
    message = change(world, portfolio, deadline=now)
    signature = sign_payee_change(PAYEE, world.domain("DeviceRegistry"), message)
    with reverts("Flexbond_SignatureExpired", now, now):
        world.devices.changePayee.send(portfolio, 0, HEIR, now, signature, sender=HEIR)


def test_refuses_everyone_else(world: World, portfolio: bytes) -> None:
    """Given the signature of the customer, the provider or the heir, or one of another change, it is refused."""
    message, domain = change(world, portfolio), world.domain("DeviceRegistry")
    wrong = [
        *(sign_payee_change(who, domain, message) for who in (HEIR, world.home(0).customer, world.accounts.provider)),
        sign_payee_change(PAYEE, domain, replace(message, index=1)),
        sign_payee_change(PAYEE, domain, replace(message, payee=THIRD.address)),
        sign_payee_change(PAYEE, domain, replace(message, portfolio_id=keccak(b"other"))),
        sign_payee_change(PAYEE, domain, replace(message, nonce=1)),
        b"",
    ]
    for signature in wrong:
        with reverts("Flexbond_BadSignature", PAYEE, digest(domain, message)):
            world.devices.changePayee.send(portfolio, 0, HEIR, message.deadline, signature, sender=HEIR)


def test_a_payee_may_be_a_contract(world: World, portfolio: bytes) -> None:
    """Given a contract wallet as payee, its owner's signature serves."""
    wallet = world.evm.deploy("MockWallet", THIRD.address, sender=THIRD)
    world.devices.changePayee.send(portfolio, 0, wallet, 0, b"", sender=PAYEE)
    message = change(world, portfolio, nonce=0)
    signature = sign_payee_change(THIRD, world.domain("DeviceRegistry"), message)
    world.devices.changePayee.send(portfolio, 0, HEIR, message.deadline, signature, sender=world.accounts.relayer)
    assert world.devices.nonces.call(wallet) == 1
    assert world.devices.entry.call(portfolio, 0).payee == HEIR.address


def test_after_the_point_has_left(world: World, portfolio: bytes) -> None:
    """Given a place that was left, what it earned stays collectable, and its payee may still change."""
    home = world.home(0)
    world.devices.leave.send(home.metering_point, sender=home.customer)
    world.devices.changePayee.send(portfolio, 0, HEIR, 0, b"", sender=PAYEE)
    assert world.devices.entry.call(portfolio, 0).payee == HEIR.address


def test_refuses_nobody_and_no_place(world: World, portfolio: bytes) -> None:
    """Given the zero address as payee, or a place that is none, it is refused."""
    with reverts("Flexbond_ZeroAddress", "payee"):
        world.devices.changePayee.send(portfolio, 0, ZERO_ADDRESS, 0, b"", sender=PAYEE)
    with reverts("DeviceRegistry_EntryUnknown", portfolio, 1):
        world.devices.changePayee.send(portfolio, 1, HEIR, 0, b"", sender=PAYEE)
