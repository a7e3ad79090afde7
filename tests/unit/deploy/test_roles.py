"""Who may do what: each guarded function for its role and for nobody else."""

from __future__ import annotations

from typing import Any

import pytest

from flexbond.chain.development import development_accounts
from flexbond.chain.plan import GUARDED, Role
from flexbond.ids import calendar_id
from flexbond.model.types import NO_LOOKBACK
from tests.support.calendars import london
from tests.support.evm import reverts
from tests.support.world import FOREVER, GRID, World

PEOPLE = development_accounts()
HOLDERS = {Role.MARKET_OPERATOR: "market_operator", Role.GUARDIAN: "guardian"}
CASES = [(role, contract, function) for role, pairs in GUARDED.items() for contract, function in pairs]
OTHERS = ["deployer", "admin", "market_operator", "meter_operator", "guardian", "provider", "buyer", "attacker"]


def arguments(world: World, contract: str, function: str) -> tuple[Any, ...]:
    london_days = london()
    calendar, first_day = london_days.calendar, london_days.first_day
    if function == "extendCalendar":
        world.rulebook.publishCalendar.send(calendar, first_day, sender=PEOPLE.market_operator)
    given: dict[tuple[str, str], tuple[Any, ...]] = {
        ("Rulebook", "publish"): (world.rule(collect_period=90 * 86_400), NO_LOOKBACK),
        ("Rulebook", "publishCalendar"): (calendar, first_day),
        ("Rulebook", "extendCalendar"): (
            calendar_id(calendar),
            first_day,
            london_days.summer,
            london_days.holidays,
        ),
        ("ParticipantRegistry", "qualify"): (PEOPLE.relayer.address, True, False, bytes(32), FOREVER),
        ("DeviceRegistry", "publishGrid"): (GRID,),
        ("CollateralEscrow", "listToken"): (world.token.address, False),
        ("DeviceRegistry", "setPaused"): (True,),
        ("FlexibilityRights", "setPaused"): (True,),
    }
    return given[contract, function]


@pytest.mark.parametrize(("role", "contract", "function"), CASES)
def test_its_role_may(world: World, role: Role, contract: str, function: str) -> None:
    """Given a guarded function, when an account of its role calls it, it is done."""
    method = getattr(world.evm.at(contract, world.addresses[contract]), function)
    method.send(*arguments(world, contract, function), sender=getattr(PEOPLE, HOLDERS[role]))


@pytest.mark.parametrize("who", OTHERS)
@pytest.mark.parametrize(("role", "contract", "function"), CASES)
def test_no_other_may(world: World, role: Role, contract: str, function: str, who: str) -> None:
    """Given a guarded function, when anybody else calls it, admin and deployer included, it is refused."""
    if HOLDERS[role] == who:
        return
    caller = getattr(PEOPLE, who)
    method = getattr(world.evm.at(contract, world.addresses[contract]), function)
    with reverts("AccessManagedUnauthorized", caller):
        method.send(*arguments(world, contract, function), sender=caller)


def test_admin_may_dismiss(world: World) -> None:
    """Given an operator, when the admin revokes its role, it may do nothing more."""
    operator = PEOPLE.market_operator
    world.governance.revokeRole.send(Role.MARKET_OPERATOR, operator, sender=PEOPLE.admin)
    with reverts("AccessManagedUnauthorized", operator):
        world.devices.publishGrid.send(GRID, sender=operator)


def test_admin_cannot_add_a_mover(world: World) -> None:
    """Given the escrow's movers are sealed, when the admin maps `pay` to a role, its holder still is no mover."""
    selector = world.escrow.pay.function.selector
    world.governance.setTargetFunctionRole.send(
        world.escrow.address, [selector], Role.MARKET_OPERATOR, sender=PEOPLE.admin
    )
    operator = PEOPLE.market_operator
    with reverts("Flexbond_NotMover", operator):
        world.escrow.pay.send(world.token.address, 0, bytes(32), operator, 1, sender=operator)
