"""DeviceRegistry.enrol and leave."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from flexbond.hashing import ZERO_ADDRESS, keccak
from flexbond.signing.eip712 import digest
from flexbond.signing.keys import development_signer
from flexbond.signing.sign import sign_consent
from tests.support.evm import reverts
from tests.support.world import DAY, Home, World

if TYPE_CHECKING:
    from tests.unit.device_registry.conftest import Lone

PAYEE = development_signer(30)


@pytest.fixture
def home(world: World) -> Home:
    """A stated home."""
    made = world.home(0)
    world.state(made)
    return made


@pytest.fixture
def portfolio(world: World) -> bytes:
    """An empty portfolio with a customers' share of 6 000 basis points."""
    return world.create_portfolio()


def test_enrols_on_the_customers_consent(world: World, home: Home, portfolio: bytes) -> None:
    """Given a stated home, when the provider's operator brings the consent, it has the next place, nonce and sums."""
    other = world.home(1)
    world.enrol_home(other, portfolio)
    world.evm.time += 5
    consent = world.consent(home, portfolio, payee=PAYEE.address)
    receipt = world.enrol(home, consent, sender=world.accounts.provider_operator)

    assert receipt.value == 1
    event = receipt.only("Joined")
    assert (event.portfolio_id, event.metering_point, event.index) == (portfolio, home.metering_point, 1)
    assert (event.payee, event.capacity_w, event.connection_w) == (PAYEE.address, 5_000, 15_000)
    entry = world.devices.entry.call(portfolio, 1)
    assert (entry.metering_point, entry.joined_at, entry.left_at) == (home.metering_point, world.evm.time, 0)
    assert (entry.capacity_w, entry.connection_w, entry.payee) == (5_000, 15_000, PAYEE.address)
    point = world.devices.meteringPoint.call(home.metering_point)
    assert (point.portfolio_id, point.entry_index) == (portfolio, 1)
    assert world.devices.sums.call(portfolio).as_tuple() == (2, 10_000, 30_000)
    assert world.devices.nonces.call(home.customer) == 1


def test_sums_are_read_just_before_a_moment(world: World, home: Home, portfolio: bytes) -> None:
    """Given a home that joins at a moment, it counts from the next second on, and never before."""
    world.enrol(home, world.consent(home, portfolio))
    joined = world.evm.time
    assert world.devices.sumsBefore.call(portfolio, 0).as_tuple() == (0, 0, 0)
    assert world.devices.sumsBefore.call(portfolio, joined).as_tuple() == (0, 0, 0)
    assert world.devices.sumsBefore.call(portfolio, joined + 1).as_tuple() == (1, 5_000, 15_000)


def test_refuses_an_expired_consent(world: World, home: Home, portfolio: bytes) -> None:
    """Given a deadline of now, exclusive, it is expired; a second later would do."""
    now = world.evm.time
    with reverts("Flexbond_SignatureExpired", now, now):
        world.enrol(home, world.consent(home, portfolio, deadline=now))
    world.enrol(home, world.consent(home, portfolio, deadline=now + 1))


def test_refuses_a_signature_that_is_not_the_customers(world: World, home: Home, portfolio: bytes) -> None:
    """Given another's signature, one of another consent or domain, or none, it is refused."""
    consent, domain = world.consent(home, portfolio), world.domain("DeviceRegistry")
    signatures = (
        sign_consent(world.accounts.provider, domain, consent),
        sign_consent(home.customer, domain, replace(consent, payee=PAYEE.address)),
        sign_consent(home.customer, domain, replace(consent, customer_share_bps=0)),
        sign_consent(home.customer, replace(domain, chain_id=1), consent),
        sign_consent(home.customer, world.domain("FlexibilityMarket"), consent),
        b"",
    )
    for signature in signatures:
        with reverts("Flexbond_BadSignature", home.customer, digest(domain, consent)):
            world.devices.enrol.send(consent, signature, sender=world.accounts.provider)


def test_refuses_a_consent_used_before(world: World, home: Home, portfolio: bytes) -> None:
    """Given a consent on which a home was enrolled, when it left, the same consent does not bring it back."""
    consent = world.consent(home, portfolio)
    world.enrol(home, consent)
    world.devices.leave.send(home.metering_point, sender=home.customer)
    with reverts("InvalidAccountNonce", home.customer, 1):
        world.enrol(home, consent)


def test_refuses_a_consent_out_of_order(world: World, home: Home, portfolio: bytes) -> None:
    """Given a nonce that is not the customer's next, it is refused and nothing is used up."""
    with reverts("InvalidAccountNonce", home.customer, 0):
        world.enrol(home, world.consent(home, portfolio, nonce=1))
    assert world.devices.nonces.call(home.customer) == 0


def test_a_customer_may_be_a_contract(world: World, portfolio: bytes) -> None:
    """Given a contract wallet as customer, its owner's signature is its consent, a stranger's is not."""
    owner = development_signer(32)
    wallet = world.evm.deploy("MockWallet", owner.address, sender=owner)
    home = world.home(3)
    world.state(home, world.statement(home, customer=wallet.address))
    consent = world.consent(home, portfolio, customer=wallet.address, payee=wallet.address)
    domain = world.domain("DeviceRegistry")
    forged = sign_consent(world.accounts.attacker, domain, consent)
    with reverts("Flexbond_BadSignature", wallet, digest(domain, consent)):
        world.devices.enrol.send(consent, forged, sender=world.accounts.provider)
    world.devices.enrol.send(consent, sign_consent(owner, domain, consent), sender=world.accounts.provider)
    assert world.devices.entry.call(portfolio, 0).payee == wallet.address


def test_refuses_anyone_but_the_provider(world: World, home: Home, portfolio: bytes) -> None:
    """Given a consent, when a stranger, the customer or the meter operator brings it, it is refused."""
    consent = world.consent(home, portfolio)
    for account in (world.accounts.attacker, home.customer, world.accounts.meter_operator):
        with reverts("Flexbond_NotAllowed", account, world.accounts.provider):
            world.enrol(home, consent, sender=account)


def test_refuses_a_point_that_is_not_stated(world: World, home: Home, portfolio: bytes) -> None:
    """Given a point that is unknown, void, or whose statement has run out, it is refused."""
    unknown = world.home(7)
    with reverts("DeviceRegistry_Unstated", unknown.metering_point):
        world.enrol(unknown, world.consent(unknown, portfolio))

    short = world.home(8)
    world.state(short, world.statement(short, valid_until=world.evm.time + 10))
    world.evm.time += 10
    with reverts("DeviceRegistry_Unstated", short.metering_point):
        world.enrol(short, world.consent(short, portfolio))

    world.devices.voidStatement.send(home.metering_point, sender=home.customer)
    with reverts("DeviceRegistry_Unstated", home.metering_point):
        world.enrol(home, world.consent(home, portfolio))


def test_refuses_a_suspended_device(world: World, home: Home, portfolio: bytes) -> None:
    """Given a suspended device, it is refused."""
    world.devices.suspend.send(home.metering_point, sender=world.accounts.meter_operator)
    with reverts("DeviceRegistry_Suspended", home.metering_point):
        world.enrol(home, world.consent(home, portfolio))


def test_refuses_a_customer_who_is_not_the_points(world: World, home: Home, portfolio: bytes) -> None:
    """Given a consent of somebody who is not the point's customer, duly signed, it is refused."""
    attacker = world.accounts.attacker
    consent = world.consent(home, portfolio, customer=attacker.address, payee=attacker.address, nonce=0)
    signature = sign_consent(attacker, world.domain("DeviceRegistry"), consent)
    with reverts("DeviceRegistry_WrongCustomer", home.metering_point, attacker):
        world.devices.enrol.send(consent, signature, sender=world.accounts.provider)


def test_refuses_a_point_that_is_enrolled(world: World, home: Home, portfolio: bytes) -> None:
    """Given an enrolled point, it can be enrolled neither here again nor elsewhere."""
    world.enrol(home, world.consent(home, portfolio))
    elsewhere = world.create_portfolio(salt=keccak(b"elsewhere"))
    for target in (portfolio, elsewhere):
        with reverts("DeviceRegistry_AlreadyEnrolled", home.metering_point, portfolio):
            world.enrol(home, world.consent(home, target))


def test_refuses_a_share_below_the_customers(world: World, home: Home, portfolio: bytes) -> None:
    """Given a portfolio that gives 6 000, a customer who wants 6 001 is not enrolled until it is raised."""
    consent = world.consent(home, portfolio, customer_share_bps=6_001)
    with reverts("DeviceRegistry_ShareTooLow", 6_000, 6_001):
        world.enrol(home, consent)
    world.devices.raiseCustomerShare.send(portfolio, 6_001, sender=world.accounts.provider)
    world.enrol(home, consent)


def test_refuses_no_payee_and_no_portfolio(world: World, home: Home, portfolio: bytes) -> None:
    """Given no payee, or a portfolio that is none, it is refused."""
    with reverts("Flexbond_ZeroAddress", "payee"):
        world.enrol(home, world.consent(home, portfolio, payee=ZERO_ADDRESS))
    unknown = keccak(b"no portfolio")
    with reverts("DeviceRegistry_PortfolioUnknown", unknown):
        world.enrol(home, world.consent(home, unknown))


def test_refuses_while_paused(world: World, home: Home, portfolio: bytes) -> None:
    """Given that enrolment is paused, it is refused, and leaving is not."""
    other = world.home(1)
    world.enrol_home(other, portfolio)
    world.devices.setPaused.send(True, sender=world.accounts.guardian)
    with reverts("EnforcedPause"):
        world.enrol(home, world.consent(home, portfolio))
    world.devices.leave.send(other.metering_point, sender=other.customer)
    world.devices.setPaused.send(False, sender=world.accounts.guardian)
    world.enrol(home, world.consent(home, portfolio))


# ------------------------------------------------------------------ leaving


@pytest.mark.parametrize("who", ["customer", "provider", "provider_operator"])
def test_leaves(world: World, home: Home, portfolio: bytes, who: str) -> None:
    """Given an enrolled home, when its customer, the provider or its operator says so, it is out from now on."""
    world.enrol(home, world.consent(home, portfolio))
    joined = world.evm.time
    world.evm.time += 5
    sender = home.customer if who == "customer" else getattr(world.accounts, who)
    event = world.devices.leave.send(home.metering_point, sender=sender).only("Left")

    assert (event.portfolio_id, event.metering_point, event.index) == (portfolio, home.metering_point, 0)
    entry = world.devices.entry.call(portfolio, 0)
    assert (entry.joined_at, entry.left_at) == (joined, joined + 5)
    point = world.devices.meteringPoint.call(home.metering_point)
    assert (point.portfolio_id, point.committed_until) == (bytes(32), 0)
    assert world.devices.sums.call(portfolio).as_tuple() == (1, 0, 0)
    # Just before it left, it was in.
    assert world.devices.sumsBefore.call(portfolio, world.evm.time).as_tuple() == (1, 5_000, 15_000)


def test_leaving_refuses_strangers(world: World, home: Home, portfolio: bytes) -> None:
    """Given a stranger, the payee or the meter operator, none of them can take a home out."""
    world.enrol(home, world.consent(home, portfolio, payee=PAYEE.address))
    for account in (world.accounts.attacker, PAYEE, world.accounts.meter_operator):
        with reverts("Flexbond_NotAllowed", account, world.accounts.provider):
            world.devices.leave.send(home.metering_point, sender=account)


def test_leaving_refuses_who_is_not_in(world: World, home: Home) -> None:
    """Given a home that is in no portfolio, or a point that is unknown, there is nothing to leave."""
    for point in (home.metering_point, bytes(16)):
        with reverts("DeviceRegistry_NotEnrolled", point):
            world.devices.leave.send(point, sender=home.customer)


def test_joined_and_left_within_a_second_was_never_in(world: World, home: Home, portfolio: bytes) -> None:
    """Given a home that joins and leaves within one second, the sums never held it."""
    world.enrol(home, world.consent(home, portfolio))
    world.devices.leave.send(home.metering_point, sender=home.customer)
    now = world.evm.time
    assert world.devices.sumsBefore.call(portfolio, now).as_tuple() == (0, 0, 0)
    assert world.devices.sumsBefore.call(portfolio, now + 1).as_tuple() == (1, 0, 0)


def test_may_come_back(world: World, home: Home, portfolio: bytes) -> None:
    """Given a home that left, on a new consent it has a new place."""
    world.enrol(home, world.consent(home, portfolio))
    world.devices.leave.send(home.metering_point, sender=home.customer)
    assert world.enrol(home, world.consent(home, portfolio)).value == 1
    assert world.devices.sums.call(portfolio).as_tuple() == (2, 5_000, 15_000)


# ------------------------------------------------------------------ committed


def test_a_point_stays_committed_to_what_was_notified(lone: Lone) -> None:
    """Given a notified window, when a home leaves, until the window's end it can only come back where it was."""
    world, home = lone.world, lone.world.home(0)
    first, second = world.create_portfolio(), world.create_portfolio(salt=keccak(b"second"))
    world.enrol_home(home, first)
    until = world.evm.time + 100
    lone.registry.commit.send(first, until, sender=lone.measurement)
    world.devices.leave.send(home.metering_point, sender=home.customer)
    assert world.devices.meteringPoint.call(home.metering_point).committed_until == until

    with reverts("DeviceRegistry_StillCommitted", home.metering_point, until):
        world.enrol(home, world.consent(home, second))
    world.enrol(home, world.consent(home, first))
    world.devices.leave.send(home.metering_point, sender=home.customer)
    world.evm.time = until - 1
    with reverts("DeviceRegistry_StillCommitted", home.metering_point, until):
        world.enrol(home, world.consent(home, second))
    world.evm.time = until
    world.enrol(home, world.consent(home, second))
    assert world.devices.meteringPoint.call(home.metering_point).portfolio_id == second


def test_a_new_customer_is_bound_by_the_old_ones_window(lone: Lone) -> None:
    """Given a notified window, when another customer is stated, the point is committed as if it had left."""
    world, home = lone.world, lone.world.home(0)
    first, second = world.create_portfolio(), world.create_portfolio(salt=keccak(b"second"))
    world.enrol_home(home, first)
    until = world.evm.time + 100
    lone.registry.commit.send(first, until, sender=lone.measurement)
    moved_in = replace(home, customer=development_signer(33))
    world.state(moved_in, world.statement(moved_in, sequence=2))
    with reverts("DeviceRegistry_StillCommitted", home.metering_point, until):
        world.enrol(moved_in, world.consent(moved_in, second))
    world.enrol(moved_in, world.consent(moved_in, first))


def test_an_earlier_commitment_is_not_forgotten(lone: Lone) -> None:
    """Given a home committed elsewhere until later, when it leaves a portfolio with none, the later time holds."""
    world, home = lone.world, lone.world.home(0)
    first = world.create_portfolio()
    world.enrol_home(home, first)
    until = world.evm.time + 2 * DAY
    lone.registry.commit.send(first, until, sender=lone.measurement)
    world.devices.leave.send(home.metering_point, sender=home.customer)
    world.evm.time = until
    second = world.create_portfolio(salt=keccak(b"second"))
    world.enrol(home, world.consent(home, second))
    world.devices.leave.send(home.metering_point, sender=home.customer)
    assert world.devices.meteringPoint.call(home.metering_point).committed_until == until
    world.evm.time += 1
    world.enrol(home, world.consent(home, first))


def test_a_point_cannot_change_the_portfolio_within_a_second(lone: Lone) -> None:
    """Given a home that has just left, in the same second it can only come back; a second later it may go elsewhere."""
    world, home = lone.world, lone.world.home(0)
    first, second = world.create_portfolio(), world.create_portfolio(salt=keccak(b"second"))
    world.enrol_home(home, first)
    world.evm.time += 10
    world.devices.leave.send(home.metering_point, sender=home.customer)
    with reverts("DeviceRegistry_StillCommitted", home.metering_point, world.evm.time + 1):
        world.enrol(home, world.consent(home, second))
    world.evm.time += 1
    world.enrol(home, world.consent(home, second))


def test_a_notice_in_the_second_of_leaving_binds(lone: Lone) -> None:
    """Given a home that leaves just ahead of a notice, in the same second, it is counted and so committed."""
    world, home = lone.world, lone.world.home(0)
    first, second = world.create_portfolio(), world.create_portfolio(salt=keccak(b"second"))
    world.enrol_home(home, first)
    world.evm.time += 10
    notice, until = world.evm.time, world.evm.time + 100
    world.devices.leave.send(home.metering_point, sender=world.accounts.provider)
    lone.registry.commit.send(first, until, sender=lone.measurement)
    assert world.devices.sumsBefore.call(first, notice).capacity_w == home.capacity_w

    for moment in (notice, notice + 1, until - 1):
        world.evm.time = moment
        with reverts("DeviceRegistry_StillCommitted", home.metering_point, until):
            world.enrol(home, world.consent(home, second, deadline=until + 10))
    world.evm.time = until
    world.enrol(home, world.consent(home, second))


def test_a_notice_after_leaving_does_not_bind(lone: Lone) -> None:
    """Given a home that left a second before a notice, or before one that another leaver saw, it is free to go."""
    world, home, other = lone.world, lone.world.home(0), lone.world.home(1)
    first, second = world.create_portfolio(), world.create_portfolio(salt=keccak(b"second"))
    for member in (home, other):
        world.enrol_home(member, first)
    world.evm.time += 10
    world.devices.leave.send(home.metering_point, sender=home.customer)
    world.evm.time += 1
    world.devices.leave.send(other.metering_point, sender=other.customer)
    until = world.evm.time + 100
    lone.registry.commit.send(first, until, sender=lone.measurement)

    world.enrol(home, world.consent(home, second))
    world.evm.time += 1
    with reverts("DeviceRegistry_StillCommitted", other.metering_point, until):
        world.enrol(other, world.consent(other, second))


def test_coming_back_does_not_shake_a_commitment_off(lone: Lone) -> None:
    """Given a home bound by a notice in the second of leaving, when it comes back and leaves again, it still is bound."""
    world, home = lone.world, lone.world.home(0)
    first, second = world.create_portfolio(), world.create_portfolio(salt=keccak(b"second"))
    world.enrol_home(home, first)
    world.devices.leave.send(home.metering_point, sender=home.customer)
    until = world.evm.time + 100
    lone.registry.commit.send(first, until, sender=lone.measurement)
    world.evm.time += 1
    world.enrol(home, world.consent(home, first))
    world.devices.leave.send(home.metering_point, sender=home.customer)
    world.evm.time += 1
    with reverts("DeviceRegistry_StillCommitted", home.metering_point, until):
        world.enrol(home, world.consent(home, second))
