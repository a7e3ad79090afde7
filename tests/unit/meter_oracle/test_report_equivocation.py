"""MeterOracle.reportEquivocation and reportEquivocationP256: two records of one slot and revision suspend the device."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from flexbond.hashing import ZERO_ADDRESS
from flexbond.model.types import SignerScheme
from tests.support.evm import reverts
from tests.support.world import DAY

if TYPE_CHECKING:
    from typing import Any

    from tests.unit.meter_oracle.conftest import Meters


def pair(meters: Meters, **changes: Any) -> tuple[Any, Any]:
    """Two contradicting records of the first home, both signed."""
    home = meters.homes[0]
    first, second = (meters.sign(home, meters.record(home, value=value, **changes)) for value in (1, 2))
    return first, second


def test_suspends_the_device(meters: Meters) -> None:
    """Given two different records of one slot and revision, when anyone reports them, the device is suspended."""
    home = meters.homes[0]
    receipt = meters.report(*pair(meters, revision=4))
    event = receipt.only("Equivocated")
    assert (event.metering_point, event.slot_start, event.revision) == (home.metering_point, meters.day, 4)
    suspended = receipt.only("DeviceSuspended")
    assert (suspended.metering_point, suspended.by) == (home.metering_point, meters.world.oracle.address)
    assert meters.world.devices.signer.call(home.metering_point).scheme is SignerScheme.SUSPENDED
    with reverts("MeterOracle_Suspended", 0, home.metering_point):
        meters.attest(meters.signed(1))


def test_voiding_the_statement_does_not_help(meters: Meters) -> None:
    """Given equivocation, when the customer voids the statement before the report, the device is suspended all the same."""
    world, home = meters.world, meters.homes[0]
    contradiction = pair(meters)
    world.devices.voidStatement.send(home.metering_point, sender=home.customer)
    meters.report(*contradiction)
    assert world.devices.meteringPoint.call(home.metering_point).suspended_at == world.evm.time


def test_refuses_what_is_no_contradiction(meters: Meters) -> None:
    """Given the same record twice, or records of different slots, revisions or points, there is none."""
    home, other = meters.homes[0], meters.homes[1]
    record = meters.sign(home, meters.record(home))
    others = (
        record,
        meters.sign(home, meters.record(home, value=2, slot_start=meters.day + DAY)),
        meters.sign(home, meters.record(home, value=2, revision=1)),
        meters.sign(other, meters.record(other, value=2)),
    )
    for second in others:
        with reverts("MeterOracle_NoEquivocation", home.metering_point):
            meters.report(record, second)


def test_refuses_a_forged_second_record(meters: Meters) -> None:
    """Given one record of the device and one that another signed, nobody is framed, in either order."""
    home, other = meters.homes[0], meters.homes[1]
    good = meters.sign(home, meters.record(home))
    forged = meters.sign(other, meters.record(home, value=2))
    with reverts("MeterOracle_WrongSigner", 1, home.metering_point, other.device):
        meters.report(good, forged)
    with reverts("MeterOracle_WrongSigner", 0, home.metering_point, other.device):
        meters.report(forged, good)
    with reverts("MeterOracle_WrongSigner", 1, home.metering_point, ZERO_ADDRESS):
        meters.report(good, replace(forged, r=bytes(32)))


def test_refuses_records_that_could_not_be_attested(meters: Meters) -> None:
    """Given records that are malformed, unregistered, unstated, off the grid or of the future, they prove nothing."""
    world, home = meters.world, meters.homes[0]
    a, b = pair(meters)
    with reverts("MeterOracle_Malformed", 0, a.head | 1):
        meters.report(replace(a, head=a.head | 1), replace(b, head=b.head | 1))
    stranger = replace(home, number=99)
    with reverts("MeterOracle_Unregistered", 0, stranger.metering_point):
        meters.report(*(meters.sign(stranger, meters.record(stranger, value=value)) for value in (1, 2)))
    before = meters.day - 3 * DAY
    with reverts("MeterOracle_Unstated", 0, home.metering_point, before):
        meters.report(*pair(meters, slot_start=before))
    with reverts("MeterOracle_OffGrid", 0, home.metering_point, meters.day + 900):
        meters.report(*pair(meters, slot_start=meters.day + 900))
    tomorrow = meters.day + 2 * DAY
    with reverts("MeterOracle_NotYetOver", 0, tomorrow + DAY, world.evm.time):
        meters.report(*pair(meters, slot_start=tomorrow))


def test_refuses_a_second_report(meters: Meters) -> None:
    """Given a suspended device, a further report changes nothing, also if its statement was voided since."""
    world, home = meters.world, meters.homes[0]
    contradiction = pair(meters)
    meters.report(*contradiction)
    with reverts("MeterOracle_Suspended", 0, home.metering_point):
        meters.report(*contradiction)
    world.devices.voidStatement.send(home.metering_point, sender=home.customer)
    with reverts("DeviceRegistry_Suspended", home.metering_point):
        meters.report(*contradiction)


def test_refuses_the_other_scheme(meters: Meters) -> None:
    """Given a device stated for the other scheme, a key of this scheme proves nothing about it."""
    world = meters.world
    other = SignerScheme.P256 if meters.scheme is SignerScheme.SECP256K1 else SignerScheme.SECP256K1
    stated = world.home(5, scheme=other)
    world.state(stated, world.statement(stated, valid_from=meters.day))
    pretender = world.home(5, scheme=meters.scheme)
    with reverts("MeterOracle_WrongScheme", 0, stated.metering_point):
        meters.report(*(meters.sign(pretender, meters.record(pretender, value=value)) for value in (1, 2)))
