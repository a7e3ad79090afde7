"""Roles that act with a delay: announced, waited for, done."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from eth_abi.abi import encode

from flexbond.chain.config import load_config
from flexbond.chain.development import development_accounts
from flexbond.chain.plan import GOVERNED, Role, check
from flexbond.hashing import keccak
from tests.support.evm import reverts
from tests.support.world import GRID, ROOT, InProcess, World

PEOPLE = development_accounts()
CONFIG = load_config("example-rollup", ROOT / "config")
ADMIN = CONFIG.admin.account
OPERATOR = CONFIG.market_operators[0].account
DELAY = CONFIG.market_operators[0].delay_seconds
ADMIN_DELAY = CONFIG.admin.delay_seconds
SETBACK = 5 * 86_400


@pytest.fixture(scope="module")
def deployed() -> World:
    return World(CONFIG)


@pytest.fixture
def slow(deployed: World) -> Iterator[World]:
    """The suite under a configuration of a real network."""
    with deployed.evm.rollback():
        yield deployed


def operation(caller: str, target: str, data: bytes) -> bytes:
    return keccak(encode(["address", "address", "bytes"], [caller, target, data]))


def test_check_passes(slow: World) -> None:
    """Given delays, when the deployment is checked, now and after they took effect, it passes."""
    executor = InProcess(slow.evm, PEOPLE.deployer.address)
    check(CONFIG, executor, slow.addresses)
    slow.evm.time += SETBACK
    check(CONFIG, executor, slow.addresses)
    for name in GOVERNED:
        assert slow.governance.getTargetAdminDelay.call(slow.addresses[name]) == ADMIN_DELAY


def test_unannounced_is_refused(slow: World) -> None:
    """Given an operator with a delay, when it acts at once, it is refused."""
    data = slow.devices.publishGrid.encode(GRID)
    with reverts("AccessManagerNotScheduled", operation(OPERATOR, slow.devices.address, data)):
        slow.devices.publishGrid.send(GRID, sender=OPERATOR)


def test_too_early_is_refused(slow: World) -> None:
    """Given an announced operation, when it is done a second too early, it is refused."""
    data = slow.devices.publishGrid.encode(GRID)
    slow.governance.schedule.send(slow.devices.address, data, 0, sender=OPERATOR)
    slow.evm.time += DELAY - 1
    with reverts("AccessManagerNotReady", operation(OPERATOR, slow.devices.address, data)):
        slow.devices.publishGrid.send(GRID, sender=OPERATOR)


def test_announced_cannot_be_sooner_than_the_delay(slow: World) -> None:
    """Given an operator with a delay, when it announces for an earlier moment, it is refused."""
    data = slow.devices.publishGrid.encode(GRID)
    soon = slow.evm.time + DELAY - 1
    selector = slow.devices.publishGrid.function.selector
    with reverts("AccessManagerUnauthorizedCall", OPERATOR, slow.devices.address, selector):
        slow.governance.schedule.send(slow.devices.address, data, soon, sender=OPERATOR)


@pytest.mark.parametrize("through_governance", [False, True])
def test_after_the_delay_it_is_done_once(slow: World, through_governance: bool) -> None:
    """Given an announced operation, when its delay is over, it can be done, directly or by `execute`, and once."""
    data = slow.devices.publishGrid.encode(GRID)
    slow.governance.schedule.send(slow.devices.address, data, 0, sender=OPERATOR)
    slow.evm.time += DELAY
    if through_governance:
        slow.governance.execute.send(slow.devices.address, data, sender=OPERATOR)
    else:
        slow.devices.publishGrid.send(GRID, sender=OPERATOR)
    assert slow.devices.grid.call(1) == GRID
    with reverts("AccessManagerNotScheduled", operation(OPERATOR, slow.devices.address, data)):
        slow.devices.publishGrid.send(GRID, sender=OPERATOR)


def test_announced_can_be_cancelled(slow: World) -> None:
    """Given an announced operation, when the admin cancels it, it cannot be done."""
    data = slow.devices.publishGrid.encode(GRID)
    slow.governance.schedule.send(slow.devices.address, data, 0, sender=OPERATOR)
    slow.governance.cancel.send(OPERATOR, slow.devices.address, data, sender=ADMIN)
    slow.evm.time += DELAY
    with reverts("AccessManagerNotScheduled", operation(OPERATOR, slow.devices.address, data)):
        slow.devices.publishGrid.send(GRID, sender=OPERATOR)


def test_announced_expires(slow: World) -> None:
    """Given an announced operation, when a week has passed since it was due, it can no longer be done."""
    data = slow.devices.publishGrid.encode(GRID)
    slow.governance.schedule.send(slow.devices.address, data, 0, sender=OPERATOR)
    slow.evm.time += DELAY + 7 * 86_400
    with reverts("AccessManagerExpired", operation(OPERATOR, slow.devices.address, data)):
        slow.devices.publishGrid.send(GRID, sender=OPERATOR)


def test_guardian_acts_at_once(slow: World) -> None:
    """Given a guardian without delay, when it pauses, it is done at once."""
    guardian = CONFIG.guardians[1].account
    slow.rights.setPaused.send(True, sender=guardian)
    slow.devices.setPaused.send(True, sender=guardian)


def test_admin_waits_too(slow: World) -> None:
    """Given an admin with a delay, when it grants a role at once, it is refused, and done after the delay."""
    grant = slow.governance.grantRole
    given = (Role.MARKET_OPERATOR, PEOPLE.attacker.address, 0)
    data = grant.encode(*given)
    with reverts("AccessManagerNotScheduled", operation(ADMIN, slow.governance.address, data)):
        grant.send(*given, sender=ADMIN)
    slow.governance.schedule.send(slow.governance.address, data, 0, sender=ADMIN)
    slow.evm.time += ADMIN_DELAY
    grant.send(*given, sender=ADMIN)
    assert tuple(slow.governance.hasRole.call(Role.MARKET_OPERATOR, PEOPLE.attacker)) == (True, 0)


def test_tokens_of_the_configuration_are_listed(slow: World) -> None:
    """Given a real network, it lists the configured tokens and brings no mock."""
    assert all(slow.escrow.isListed.call(token) for token in CONFIG.tokens)
    assert "MockStablecoin" not in slow.addresses
