"""DeviceRegistry.voidStatement and suspend."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flexbond.model.types import SignerScheme
from tests.support.evm import reverts
from tests.support.world import World

if TYPE_CHECKING:
    from tests.unit.device_registry.conftest import Lone


def test_the_customer_voids(world: World) -> None:
    """Given a stated point, when its customer voids the statement, its scheme is none and its signer stays."""
    home = world.home(0)
    world.state(home)
    event = world.devices.voidStatement.send(home.metering_point, sender=home.customer).only("StatementVoided")
    assert (event.metering_point, event.by) == (home.metering_point, home.customer.address)
    signer = world.devices.signer.call(home.metering_point)
    assert (signer.scheme, signer.signer) == (SignerScheme.NONE, home.device.address)


def test_the_meter_operator_voids(world: World) -> None:
    """Given a stated point, the meter operator voids it; stated anew, it counts again."""
    home, operator = world.home(0), world.accounts.meter_operator
    world.state(home)
    event = world.devices.voidStatement.send(home.metering_point, sender=operator).only("StatementVoided")
    assert event.by == operator.address
    world.state(home, world.statement(home, sequence=2))
    assert world.devices.signer.call(home.metering_point).scheme is SignerScheme.SECP256K1


def test_voiding_refuses_strangers(world: World) -> None:
    """Given a stranger, the provider or the device, none of them can void."""
    home = world.home(0)
    world.portfolio_of([home])
    for account in (world.accounts.attacker, world.accounts.provider, home.device):
        with reverts("Flexbond_NotAllowed", account, home.customer):
            world.devices.voidStatement.send(home.metering_point, sender=account)


def test_voiding_refuses_what_is_not_stated(world: World) -> None:
    """Given a point that is unknown, or void already, there is nothing to void."""
    home = world.home(0)
    with reverts("DeviceRegistry_Unstated", home.metering_point):
        world.devices.voidStatement.send(home.metering_point, sender=home.customer)
    world.state(home)
    world.devices.voidStatement.send(home.metering_point, sender=home.customer)
    with reverts("DeviceRegistry_Unstated", home.metering_point):
        world.devices.voidStatement.send(home.metering_point, sender=home.customer)


def test_the_meter_operator_suspends(world: World) -> None:
    """Given an enrolled device, when it is suspended, it is so from now, and its place stays."""
    home, operator = world.home(0), world.accounts.meter_operator
    portfolio = world.portfolio_of([home])
    event = world.devices.suspend.send(home.metering_point, sender=operator).only("DeviceSuspended")
    assert (event.metering_point, event.by) == (home.metering_point, operator.address)
    assert world.devices.signer.call(home.metering_point).scheme is SignerScheme.SUSPENDED
    point = world.devices.meteringPoint.call(home.metering_point)
    assert (point.suspended_at, point.portfolio_id) == (world.evm.time, portfolio)


def test_the_oracle_suspends(lone: Lone) -> None:
    """Given a stated device, the oracle suspends it."""
    home = lone.world.home(0)
    lone.world.state(home)
    event = lone.registry.suspend.send(home.metering_point, sender=lone.oracle).only("DeviceSuspended")
    assert event.by == lone.oracle.address


def test_suspending_refuses_everyone_else(lone: Lone) -> None:
    """Given any other account, Measurement and the customer included, it cannot suspend."""
    home = lone.world.home(0)
    lone.world.state(home)
    for account in (lone.measurement, home.customer, lone.world.accounts.admin, lone.world.accounts.provider):
        with reverts("DeviceRegistry_NotMeterOperator", account):
            lone.registry.suspend.send(home.metering_point, sender=account)


def test_suspending_refuses_the_unknown_and_the_suspended(world: World) -> None:
    """Given a point that is unknown, or suspended already, it is refused, and the time of suspension stays."""
    home, operator = world.home(0), world.accounts.meter_operator
    with reverts("DeviceRegistry_Unstated", home.metering_point):
        world.devices.suspend.send(home.metering_point, sender=operator)
    world.state(home)
    world.devices.suspend.send(home.metering_point, sender=operator)
    since = world.evm.time
    world.evm.time += 10
    with reverts("DeviceRegistry_Suspended", home.metering_point):
        world.devices.suspend.send(home.metering_point, sender=operator)
    assert world.devices.meteringPoint.call(home.metering_point).suspended_at == since


def test_voiding_does_not_end_a_suspension(world: World) -> None:
    """Given a suspended device, when its customer voids the statement, it stays suspended."""
    home, operator = world.home(0), world.accounts.meter_operator
    world.state(home)
    world.devices.suspend.send(home.metering_point, sender=operator)
    world.devices.voidStatement.send(home.metering_point, sender=home.customer)
    assert world.devices.meteringPoint.call(home.metering_point).suspended_at == world.evm.time
    with reverts("DeviceRegistry_Suspended", home.metering_point):
        world.enrol(home, world.consent(home, world.create_portfolio()))


def test_a_new_statement_ends_a_suspension(world: World) -> None:
    """Given a suspended device, when the operator states it anew, it is suspended no more."""
    home, operator = world.home(0), world.accounts.meter_operator
    world.state(home)
    world.devices.suspend.send(home.metering_point, sender=operator)
    world.state(home, world.statement(home, sequence=2))
    assert world.devices.meteringPoint.call(home.metering_point).suspended_at == 0
    assert world.devices.signer.call(home.metering_point).scheme is SignerScheme.SECP256K1
