"""INV-19 to INV-22: what no role, no deployer and no stranger can do; beside what the machine tries."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from flexbond.chain.plan import MOVERS, Role
from flexbond.hashing import keccak
from flexbond.ids import event_id, lock_id, right_id, token_id
from flexbond.model.types import NO_LOOKBACK, EventStatus, LockReason
from tests.support.evm import reverts
from tests.support.world import DAY, FOREVER, World


@dataclass(frozen=True)
class Evening:
    """An event under way."""

    world: World
    product: Any
    dispatch: Any
    dispatch_id: bytes
    homes: list[Any]

    def reading(self) -> list[Any]:
        """All that no role may change: balances, locks, the event, the dispatch, units, places."""
        world, people = self.world, self.world.accounts
        token, right, event = world.token.address, right_id(self.product), event_id(self.product.event_key)
        places = (
            (LockReason.RIGHTS, event),
            (LockReason.UTILISATION, self.dispatch_id),
        )
        portfolio = self.product.portfolio_id
        return [
            *[world.free(account) for account in (people.provider, people.buyer, people.second_buyer)],
            *[world.escrow.lockOf.call(lock_id(token, *place)) for place in places],
            world.escrow.owed.call(token),
            world.measurement.eventState.call(event),
            world.settlement.dispatchHash.call(self.dispatch_id),
            world.rights.right.call(right),
            world.rights.balanceOf.call(people.buyer, token_id(right)),
            world.devices.portfolio.call(portfolio),
            *[world.devices.entry.call(portfolio, index) for index in range(len(self.homes))],
            world.rulebook.terms.call(self.product.rule_id),
        ]


@pytest.fixture
def evening(world: World) -> Evening:
    """Six of eight units are called for this evening."""
    homes = [world.home(number) for number in range(2)]
    product = world.product(world.portfolio_of(homes))
    world.buy(product, units=8)
    world.evm.time = product.window_start - 3_600
    called = world.dispatch(product, units=6, orders_w=[6_000] * 4)
    return Evening(world, product, called.dispatch, called.dispatch_id, homes)


def test_inv_19_a_rule_is_published_once_and_a_share_only_rises(evening: Evening) -> None:
    """given a published rule and a portfolio, when they are to be changed, that is refused"""
    world, people = evening.world, evening.world.accounts
    with reverts("Rulebook_AlreadyPublished", evening.product.rule_id):
        world.publish(world.rule())
    portfolio = evening.product.portfolio_id
    with reverts("DeviceRegistry_ShareLowered", 6_000, 5_999):
        world.devices.raiseCustomerShare.send(portfolio, 5_999, sender=people.provider)
    world.devices.raiseCustomerShare.send(portfolio, 6_001, sender=people.provider)
    with reverts("DeviceRegistry_ShareLowered", 6_001, 6_001):
        world.devices.raiseCustomerShare.send(portfolio, 6_001, sender=people.provider)


@pytest.mark.parametrize(
    "who", ["deployer", "admin", "market_operator", "meter_operator", "guardian", "provider_operator"]
)
def test_inv_20_nobody_moves_what_is_not_theirs(evening: Evening, who: str) -> None:
    """given locked and free money, when any role calls what moves it, that is refused"""
    world = evening.world
    caller, right = getattr(world.accounts, who), right_id(evening.product)
    escrow, token, before = world.escrow, world.token.address, evening.reading()
    reason = LockReason.RIGHTS
    attempts = (
        (escrow.lock, (token, world.accounts.buyer, reason, right, 1)),
        (escrow.purchase, (token, world.accounts.buyer, caller, right, 1, 0, 0)),
        (escrow.divide, (token, reason, right, caller, 1, 0, right, 0)),
        (escrow.divideAll, (token, reason, right, caller, 1, right, 0)),
        (escrow.release, (token, reason, right)),
        (escrow.pay, (token, reason, right, caller, 1)),
    )
    for method, args in attempts:
        with reverts("Flexbond_NotMover", caller):
            method.send(*args, sender=caller)
    with reverts("CollateralEscrow_InsufficientFree", token, caller, 0, 1):
        escrow.withdraw.send(token, caller, 1, sender=caller)
    assert evening.reading() == before, "INV-20: money moved"


def test_inv_21_no_role_touches_what_is_under_way(evening: Evening) -> None:
    """given an event under way, when every role does all it may, then nothing of it changes"""
    world, people = evening.world, evening.world.accounts
    before = evening.reading()
    world.escrow.listToken.send(world.token.address, False, sender=people.market_operator)
    world.qualify(people.provider)
    world.qualify(people.buyer)
    world.devices.publishGrid.send((1_800, 48, 0), sender=people.market_operator)
    world.devices.suspend.send(evening.homes[0].metering_point, sender=people.meter_operator)
    world.devices.voidStatement.send(evening.homes[1].metering_point, sender=people.meter_operator)
    world.devices.setPaused.send(True, sender=people.guardian)
    world.rights.setPaused.send(True, sender=people.guardian)
    world.governance.grantRole.send(Role.GUARDIAN, people.attacker, 0, sender=people.admin)
    assert evening.reading() == before, "INV-21: a role changed what is under way"


def test_inv_21_pausing_stops_new_business_alone(evening: Evening) -> None:
    """given everything paused, when an event goes on, it is measured, settled, collected and withdrawn"""
    world, people, product = evening.world, evening.world.accounts, evening.product
    world.devices.setPaused.send(True, sender=people.guardian)
    world.rights.setPaused.send(True, sender=people.guardian)
    for account in (people.provider, people.buyer):
        world.qualify(account)
    world.escrow.listToken.send(world.token.address, False, sender=people.market_operator)

    with reverts("EnforcedPause"):
        world.buy(product, units=1)
    further = world.dispatch(product, units=2, orders_w=[2_000] * 4)
    window = range(product.window_start, product.window_end)
    batch = world.attest_readings(
        product, {home: lambda start: 0 if start in window else 10**6 for home in evening.homes}
    )
    submission = world.submission(product, batch)
    world.submit(submission)
    responses = world.prove(submission)
    assert all(response > 0 for response in responses)
    for dispatch in (evening.dispatch, further.dispatch):
        assert world.settle(product, dispatch, responses).value.pay > 0
    amount = world.collect(submission, index=0).value
    customer = evening.homes[0].customer
    world.escrow.withdraw.send(world.token.address, customer, amount, sender=customer)
    assert world.measurement.eventState.call(event_id(product.event_key)).status is EventStatus.MEASURED
    assert world.token.balanceOf.call(customer) == amount, "INV-21: a pause stops what is under way"


def test_inv_22_the_deployer_keeps_nothing(world: World) -> None:
    """given a deployment, when the deployer tries what it was allowed while deploying, it is a stranger"""
    deployer = world.accounts.deployer
    for role in Role:
        assert not world.governance.hasRole.call(role, deployer)[0], f"INV-22: the deployer is {role.name}"
    assert not world.escrow.isMover.call(deployer), "INV-22: the deployer is a mover"
    movers = {name for name, address in world.addresses.items() if world.escrow.isMover.call(address)}
    assert movers == set(MOVERS), "INV-22: other movers than planned"
    for account in (world.accounts.provider, world.accounts.buyer):
        assert not world.participants.mayAct.call(account, deployer), "INV-22: the deployer is an operator"
    for attempt in (
        lambda: world.escrow.listToken.send(world.token.address, False, sender=deployer),
        lambda: world.participants.qualify.send(deployer, True, True, keccak(b""), FOREVER, sender=deployer),
        lambda: world.rulebook.publish.send(world.rule(spot_checks=9), NO_LOOKBACK, sender=deployer),
        lambda: world.rights.setPaused.send(True, sender=deployer),
    ):
        with reverts("AccessManagedUnauthorized", deployer):
            attempt()
    with reverts("AccessManagerUnauthorizedAccount", deployer, Role.ADMIN):
        world.governance.grantRole.send(Role.GUARDIAN, deployer, 0, sender=deployer)


def test_inv_22_time_gives_nothing_back(world: World) -> None:
    """given a deployment, when a year has passed, the deployer is still a stranger"""
    world.evm.time += 365 * DAY
    with reverts("AccessManagedUnauthorized", world.accounts.deployer):
        world.rights.setPaused.send(True, sender=world.accounts.deployer)
