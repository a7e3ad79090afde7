"""DeviceRegistry.createPortfolio, raiseCustomerShare, commit, setPaused, and the constructor."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flexbond.hashing import ZERO_ADDRESS, keccak
from flexbond.ids import portfolio_id
from tests.support.evm import reverts
from tests.support.world import ZONE, World

if TYPE_CHECKING:
    from tests.unit.device_registry.conftest import Lone

SALT = keccak(b"salt")
UNKNOWN = keccak(b"no portfolio")


def test_create_portfolio(world: World) -> None:
    """Given a provider, when its operator creates a portfolio, it is the provider's and empty."""
    provider = world.accounts.provider
    receipt = world.devices.createPortfolio.send(provider, ZONE, 6_000, SALT, sender=world.accounts.provider_operator)

    identity = portfolio_id(provider.address, ZONE, SALT)
    assert receipt.value == identity
    event = receipt.only("PortfolioCreated")
    assert (event.portfolio_id, event.provider) == (identity, provider.address)
    assert (event.zone, event.customer_share_bps) == (ZONE, 6_000)
    stored = world.devices.portfolio.call(identity)
    assert world.devices.providerOf.call(identity) == stored.provider
    assert (stored.provider, stored.customer_share_bps) == (provider.address, 6_000)
    assert (stored.committed_until, stored.zone) == (0, ZONE)
    assert world.devices.sums.call(identity).as_tuple() == (0, 0, 0)


def test_create_portfolio_refuses_a_second_of_the_same_id(world: World) -> None:
    """Given a portfolio, when it is created again, it exists; with another salt it is another."""
    created = world.create_portfolio(salt=SALT)
    with reverts("DeviceRegistry_PortfolioExists", created):
        world.create_portfolio(salt=SALT, share_bps=1)
    assert world.create_portfolio(salt=UNKNOWN) != created


def test_create_portfolio_refuses_a_share_above_all(world: World) -> None:
    """Given a share of 10 001 basis points, it is refused; 10 000 is not."""
    with reverts("DeviceRegistry_ShareInvalid", 10_001):
        world.create_portfolio(share_bps=10_001)
    world.create_portfolio(share_bps=10_000)


def test_create_portfolio_refuses_strangers_and_nobody(world: World) -> None:
    """Given another's account, or the zero address, no portfolio can be created for it."""
    attacker, provider = world.accounts.attacker, world.accounts.provider
    with reverts("Flexbond_NotAllowed", attacker, provider):
        world.devices.createPortfolio.send(provider, ZONE, 0, SALT, sender=attacker)
    with reverts("Flexbond_ZeroAddress", "provider"):
        world.devices.createPortfolio.send(ZERO_ADDRESS, ZONE, 0, SALT, sender=attacker)


def test_raise_customer_share(world: World) -> None:
    """Given a share of 6 000, when the provider raises it, it is the new one."""
    created = world.create_portfolio(share_bps=6_000)
    receipt = world.devices.raiseCustomerShare.send(created, 6_001, sender=world.accounts.provider)
    event = receipt.only("CustomerShareRaised")
    assert (event.portfolio_id, event.customer_share_bps) == (created, 6_001)
    assert world.devices.portfolio.call(created).customer_share_bps == 6_001


def test_raise_customer_share_never_lowers(world: World) -> None:
    """Given a share of 6 000, when it is set to the same, to less or to more than all, it is refused."""
    provider = world.accounts.provider
    created = world.create_portfolio(share_bps=6_000)
    for proposed in (6_000, 5_999, 0):
        with reverts("DeviceRegistry_ShareLowered", 6_000, proposed):
            world.devices.raiseCustomerShare.send(created, proposed, sender=provider)
    with reverts("DeviceRegistry_ShareInvalid", 10_001):
        world.devices.raiseCustomerShare.send(created, 10_001, sender=provider)


def test_raise_customer_share_refuses_strangers_and_the_unknown(world: World) -> None:
    """Given a stranger, or a portfolio that is none, it is refused."""
    created = world.create_portfolio()
    attacker, provider = world.accounts.attacker, world.accounts.provider
    with reverts("Flexbond_NotAllowed", attacker, provider):
        world.devices.raiseCustomerShare.send(created, 9_000, sender=attacker)
    with reverts("DeviceRegistry_PortfolioUnknown", UNKNOWN):
        world.devices.raiseCustomerShare.send(UNKNOWN, 9_000, sender=provider)


def test_commit_never_lowers(lone: Lone) -> None:
    """Given a portfolio, when Measurement commits it until a time and then until an earlier one, the later holds."""
    created = lone.world.create_portfolio()
    until = lone.world.evm.time + 100
    event = lone.registry.commit.send(created, until, sender=lone.measurement).only("PortfolioCommitted")
    assert (event.portfolio_id, event.until) == (created, until)
    for earlier in (until, until - 1, 0):
        assert lone.registry.commit.send(created, earlier, sender=lone.measurement).events == []
    assert lone.registry.portfolio.call(created).committed_until == until


def test_commit_refuses_anyone_but_measurement(lone: Lone) -> None:
    """Given any other account, the oracle included, it cannot commit a portfolio."""
    created = lone.world.create_portfolio()
    for account in (lone.world.accounts.provider, lone.oracle, lone.world.accounts.meter_operator):
        with reverts("Flexbond_NotAllowed", account, lone.measurement):
            lone.registry.commit.send(created, 1, sender=account)


def test_set_paused(world: World) -> None:
    """Given the guardian, when it pauses and resumes, the registry says so; twice the same is refused."""
    guardian = world.accounts.guardian
    with reverts("ExpectedPause"):
        world.devices.setPaused.send(False, sender=guardian)
    assert world.devices.setPaused.send(True, sender=guardian).only("Paused").account == guardian.address
    with reverts("EnforcedPause"):
        world.devices.setPaused.send(True, sender=guardian)
    assert world.devices.setPaused.send(False, sender=guardian).only("Unpaused").account == guardian.address


def test_set_paused_refuses_anyone_but_the_guardian(world: World) -> None:
    """Given another account, when it pauses, it is not authorised."""
    for account in (world.accounts.attacker, world.accounts.market_operator, world.accounts.meter_operator):
        with reverts("AccessManagedUnauthorized", account):
            world.devices.setPaused.send(True, sender=account)


def test_unknown_portfolios_and_places(world: World) -> None:
    """Given an unknown portfolio, or a place that is none, reading it fails; its sums are zero."""
    with reverts("DeviceRegistry_PortfolioUnknown", UNKNOWN):
        world.devices.portfolio.call(UNKNOWN)
    with reverts("DeviceRegistry_PortfolioUnknown", UNKNOWN):
        world.devices.providerOf.call(UNKNOWN)
    with reverts("DeviceRegistry_EntryUnknown", UNKNOWN, 0):
        world.devices.entry.call(UNKNOWN, 0)
    assert world.devices.sums.call(UNKNOWN).as_tuple() == (0, 0, 0)
    assert world.devices.sumsBefore.call(UNKNOWN, 2**40 - 1).as_tuple() == (0, 0, 0)


def test_constructor_refuses_the_zero_address(world: World) -> None:
    """Given one of its neighbours as zero, when it is deployed, the error names which."""
    someone = world.accounts.attacker
    names = ("governance", "participants", "oracle", "measurement")
    for place, name in enumerate(names):
        arguments = [someone.address] * 4
        arguments[place] = ZERO_ADDRESS
        with reverts("Flexbond_ZeroAddress", name):
            world.evm.deploy("DeviceRegistry", *arguments, sender=someone)
