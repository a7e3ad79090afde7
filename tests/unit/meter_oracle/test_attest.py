"""MeterOracle.attest and attestP256: what is verified, and the error that names the record. Each test runs for both schemes."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from flexbond.hashing import ZERO_ADDRESS
from flexbond.model.types import Grid, P256Record, SignerScheme
from flexbond.records import record_hash
from flexbond.signing.keys import development_device, development_p256_device
from flexbond.signing.sign import record_digest
from flexbond.signing.signers import P256_ORDER, P256Signer, RecoverableSignature, recover
from flexbond.trees import BatchTree, climb_batch
from tests.support.evm import reverts
from tests.support.world import DAY, GRID, SEED, World

if TYPE_CHECKING:
    from flexbond.model.types import SignedRecord
    from tests.unit.meter_oracle.conftest import Meters


def recovered_from(meters: Meters, signed: SignedRecord | P256Record, head: int, commitment: bytes) -> str:
    """Whom the oracle finds behind a record that its device did not sign: nobody for P-256."""
    if isinstance(signed, P256Record):
        return ZERO_ADDRESS
    parity = signed.vs[0] >> 7
    signature = RecoverableSignature(r=signed.r, s=bytes([signed.vs[0] & 0x7F]) + signed.vs[1:], parity=parity)
    return recover(record_digest(meters.world.domain("MeterOracle"), head, commitment), signature)


# ------------------------------------------------------------------ what is kept


@pytest.mark.parametrize("count", [1, 2, 3])
def test_keeps_one_root_with_its_time(meters: Meters, count: int) -> None:
    """Given a batch of signed records, when anyone brings it, its root is kept with the time, and logged."""
    records = [meters.record(home) for home in meters.homes[:count]]
    receipt = meters.attest(meters.signed(count))

    tree = BatchTree.of([record.struct_hash for record in records])
    assert receipt.value == tree.root
    assert tuple(meters.world.oracle.standing.call(tree.root)) == (
        meters.world.evm.time,
        meters.world.evm.time,
        ZERO_ADDRESS,
    )
    event = receipt.only("RecordsAttested")
    assert (event.batch_root, event.records) == (tree.root, count)
    assert event.sender == meters.world.accounts.relayer.address
    for place, record in enumerate(records):
        assert climb_batch(record.struct_hash, tree.path(place)) == tree.root


def test_the_order_of_a_batch_counts(meters: Meters) -> None:
    """Given three records, in another order they have another root."""
    signed = meters.signed(3)
    assert meters.attest(signed).value != meters.attest([signed[2], signed[0], signed[1]]).value


def test_the_same_batch_again_changes_nothing(meters: Meters) -> None:
    """Given an attested batch, when it comes again later, its time stays and nothing is logged."""
    signed = meters.signed(2)
    first = meters.attest(signed)
    since = meters.world.evm.time
    meters.world.evm.time += 100
    again = meters.attest(signed)
    assert again.value == first.value
    assert again.events == []
    assert tuple(meters.world.oracle.standing.call(first.value)) == (since, since, ZERO_ADDRESS)


def test_signing_again_gives_the_same_batch(meters: Meters) -> None:
    """Given the same readings signed anew, the batch is the same."""
    assert meters.attest(meters.signed(3)).value == meters.attest(meters.signed(3)).value


def test_one_device_may_have_many_records(meters: Meters) -> None:
    """Given two days of one device and one record twice in a batch, all are accepted."""
    home = meters.homes[0]
    days = [meters.sign(home, meters.record(home, slot_start=meters.day + day * DAY)) for day in (0, 1, 0)]
    assert meters.attest(days).only("RecordsAttested").records == 3


def test_records_of_several_grids(meters: Meters) -> None:
    """Given homes on different grids in turn, each is held to its own."""
    world = meters.world
    half_hours = Grid(period_seconds=1_800, readings_per_slot=48, offset_seconds=3_600)
    world.devices.publishGrid.send(half_hours, sender=world.accounts.market_operator)
    home, other = meters.homes[0], replace(meters.homes[1], number=77)
    world.state(other, world.statement(other, grid_id=2, valid_from=meters.day))

    def shifted(start: int) -> Any:
        record = meters.record(other).of(
            metering_point=other.metering_point,
            slot_start=start,
            period_seconds=1_800,
            readings_milli_wh=[5] * 48,
            secret=other.secret,
        )
        return meters.sign(other, record)

    first, second = (meters.sign(home, meters.record(home, slot_start=meters.day + day * DAY)) for day in (0, 1))
    assert meters.attest([first, shifted(meters.day + 3_600), second]).only("RecordsAttested").records == 3
    with reverts("MeterOracle_OffGrid", 1, other.metering_point, meters.day):
        meters.attest([first, shifted(meters.day)])


def test_refuses_an_empty_batch(meters: Meters) -> None:
    """Given no records, there is nothing to attest."""
    with reverts("MeterOracle_EmptyBatch", 0):
        meters.attest([])


# ------------------------------------------------------------------ what is refused, in the order of the checks


@pytest.mark.parametrize("bit", [0, 39])
def test_refuses_a_malformed_head(meters: Meters, bit: int) -> None:
    """Given a bit beyond the head's fields, the record is malformed, whatever else is wrong with it."""
    signed = meters.signed(2)
    head = signed[1].head | 1 << bit
    with reverts("MeterOracle_Malformed", 1, head):
        meters.attest([signed[0], replace(signed[1], head=head)])


def test_refuses_an_unregistered_point(meters: Meters) -> None:
    """Given a point that was never stated, its record is refused."""
    stranger = replace(meters.homes[0], number=99)
    signed = meters.sign(stranger, meters.record(stranger))
    with reverts("MeterOracle_Unregistered", 2, stranger.metering_point):
        meters.attest([*meters.signed(2), signed])


def test_refuses_a_suspended_device(meters: Meters) -> None:
    """Given a suspended device, its record is refused until it is stated anew."""
    world, home = meters.world, meters.homes[1]
    world.devices.suspend.send(home.metering_point, sender=world.accounts.meter_operator)
    with reverts("MeterOracle_Suspended", 1, home.metering_point):
        meters.attest(meters.signed(2))
    world.state(home, world.statement(home, sequence=2, valid_from=meters.day))
    meters.attest(meters.signed(2))


def test_refuses_a_void_statement(meters: Meters) -> None:
    """Given a void statement, its key's records are refused."""
    world, home = meters.world, meters.homes[0]
    world.devices.voidStatement.send(home.metering_point, sender=home.customer)
    with reverts("MeterOracle_Unstated", 0, home.metering_point, meters.day):
        meters.attest(meters.signed(1))


@pytest.mark.parametrize(("begins", "ends"), [(1, 2 * DAY), (0, DAY - 1), (DAY, 2 * DAY)])
def test_refuses_a_statement_not_valid_over_the_whole_slot(meters: Meters, begins: int, ends: int) -> None:
    """Given a statement that begins after the slot's start or ends before its end, the record is refused."""
    world, home = meters.world, meters.homes[0]
    world.evm.time = meters.day + DAY - 2  # while the statement still may be made
    world.state(home, world.statement(home, sequence=2, valid_from=meters.day + begins, valid_until=meters.day + ends))
    world.evm.time = meters.day + 2 * DAY
    with reverts("MeterOracle_Unstated", 0, home.metering_point, meters.day):
        meters.attest(meters.signed(1))


def test_accepts_a_statement_just_as_long_as_the_slot(meters: Meters) -> None:
    """Given a statement valid from the slot's start to its end, the record is accepted, also after it has run out."""
    world, home = meters.world, meters.homes[0]
    world.evm.time = meters.day + DAY - 1
    world.state(home, world.statement(home, sequence=2, valid_from=meters.day, valid_until=meters.day + DAY))
    world.evm.time = meters.day + 2 * DAY
    meters.attest(meters.signed(1))


def test_refuses_what_is_off_the_grid(meters: Meters) -> None:
    """Given another start, period or number of readings than the grid's, the record is refused."""
    home = meters.homes[0]
    records = [
        meters.record(home, slot_start=meters.day + 900),
        meters.record(home, slot_start=meters.day + 1),
        meters.record(home, count=95),
        replace(meters.record(home), head=replace(meters.record(home).head, period_seconds=450)),
        replace(meters.record(home), head=replace(meters.record(home).head, readings=0)),
        replace(meters.record(home), head=replace(meters.record(home).head, period_seconds=0)),
    ]
    for record in records:
        with reverts("MeterOracle_OffGrid", 0, home.metering_point, record.head.slot_start):
            meters.attest([meters.sign(home, record)])


def test_refuses_a_slot_before_the_grid_begins(meters: Meters) -> None:
    """Given a grid that begins an hour after the epoch, a slot at the epoch is off it."""
    world = meters.world
    later = Grid(period_seconds=900, readings_per_slot=96, offset_seconds=3_600)
    world.devices.publishGrid.send(later, sender=world.accounts.market_operator)
    home = meters.homes[0]
    world.state(home, world.statement(home, sequence=2, valid_from=0, grid_id=2))
    with reverts("MeterOracle_OffGrid", 0, home.metering_point, 0):
        meters.attest([meters.sign(home, meters.record(home, slot_start=0))])


def test_refuses_a_slot_that_is_not_over(meters: Meters) -> None:
    """Given a slot that ends in a second, it is refused; at its end it is accepted."""
    world, home = meters.world, meters.homes[0]
    today = meters.day + 2 * DAY
    signed = meters.sign(home, meters.record(home, slot_start=today))
    world.evm.time = today + GRID.slot_seconds - 1
    with reverts("MeterOracle_NotYetOver", 0, today + GRID.slot_seconds, world.evm.time):
        meters.attest([signed])
    world.evm.time = today + GRID.slot_seconds
    meters.attest([signed])


def test_refuses_the_other_scheme(meters: Meters) -> None:
    """Given a device stated for the other scheme, its record is refused, though the key signed it."""
    world = meters.world
    other = SignerScheme.P256 if meters.scheme is SignerScheme.SECP256K1 else SignerScheme.SECP256K1
    stated = world.home(5, scheme=other)
    world.state(stated, world.statement(stated, valid_from=meters.day))
    pretender = world.home(5, scheme=meters.scheme)
    with reverts("MeterOracle_WrongScheme", 0, stated.metering_point):
        meters.attest([meters.sign(pretender, meters.record(pretender))])


def test_refuses_another_devices_signature(meters: Meters) -> None:
    """Given a record that another device signed, the error says whose signature it is."""
    home, other = meters.homes[0], meters.homes[1]
    with reverts("MeterOracle_WrongSigner", 0, home.metering_point, other.device):
        meters.attest([meters.sign(other, meters.record(home))])


def test_refuses_what_was_changed_after_signing(meters: Meters) -> None:
    """Given another commitment or revision than was signed, the signature is not the device's."""
    home = meters.homes[0]
    signed = meters.signed(1)[0]
    forged = meters.record(home, value=999).commitment
    revised = meters.record(home, revision=1).head.pack()
    for changed in (replace(signed, commitment=forged), replace(signed, head=revised)):
        found = recovered_from(meters, changed, changed.head, changed.commitment)
        with reverts("MeterOracle_WrongSigner", 0, home.metering_point, found):
            meters.attest([changed])


def test_refuses_a_signature_for_another_chain(meters: Meters) -> None:
    """Given a record signed for the same oracle on another chain, it is refused."""
    world, home = meters.world, meters.homes[0]
    record = meters.record(home)
    elsewhere = replace(world.domain("MeterOracle"), chain_id=1)
    digest = record_digest(elsewhere, record.head.pack(), record.commitment)
    signed = meters.signed(1)[0]
    if isinstance(home.device, P256Signer):
        r, s = home.device.sign_pair(digest)
        foreign = replace(signed, r=r, s=s)
    else:
        signature = home.device.sign_recoverable(digest)
        foreign = replace(signed, r=signature.r, vs=signature.vs)
    found = recovered_from(meters, foreign, foreign.head, foreign.commitment)
    with reverts("MeterOracle_WrongSigner", 0, home.metering_point, found):
        meters.attest([foreign])


def test_refuses_the_signature_of_a_key_that_was_rotated(meters: Meters) -> None:
    """Given a rotated key, records of the old one are refused, those of the new one accepted."""
    world, home = meters.world, meters.homes[0]
    make = development_p256_device if meters.scheme is SignerScheme.P256 else development_device
    rotated = replace(home, device=make(SEED, 500))
    world.state(rotated, world.statement(rotated, sequence=2, valid_from=meters.day))
    with reverts("MeterOracle_WrongSigner", 0, home.metering_point, home.device):
        meters.attest(meters.signed(1))
    meters.attest([meters.sign(rotated, meters.record(rotated))])


def test_refuses_a_signature_that_is_none(meters: Meters) -> None:
    """Given zeros or the highest numbers as signature, nobody signed it."""
    home = meters.homes[0]
    signed = meters.signed(1)[0]
    field = "s" if isinstance(signed, P256Record) else "vs"
    for word in (bytes(32), b"\xff" * 32):
        with reverts("MeterOracle_WrongSigner", 0, home.metering_point, ZERO_ADDRESS):
            meters.attest([replace(signed, r=word, **{field: word})])


def test_p256_refuses_a_high_s_and_a_point_off_the_curve(world: World) -> None:
    """Given the other s of a P-256 signature, or a key that is on no curve, nobody signed it."""
    home = world.home(0, scheme=SignerScheme.P256)
    world.state(home)
    day = world.tomorrow()
    world.evm.time = day + DAY
    signed = world.sign(home, world.record(home, day, [1] * 96))
    high = (P256_ORDER - int.from_bytes(signed.s, "big")).to_bytes(32, "big")
    for changed in (replace(signed, s=high), replace(signed, y=bytes(32)), replace(signed, x=b"\xff" * 32)):
        with reverts("MeterOracle_WrongSigner", 0, home.metering_point, ZERO_ADDRESS):
            world.oracle.attestP256.send([changed], sender=world.accounts.relayer)


def test_the_index_is_the_records_place(meters: Meters) -> None:
    """Given two bad records, the first is named, by its place."""
    signed = meters.signed(3)
    batch = [signed[0], replace(signed[1], r=bytes(32)), replace(signed[2], head=signed[2].head | 1)]
    with reverts("MeterOracle_WrongSigner", 1, meters.homes[1].metering_point, ZERO_ADDRESS):
        meters.attest(batch)
    with reverts("MeterOracle_Malformed", 0, batch[2].head):
        meters.attest(batch[::-1])


# ------------------------------------------------------------------ views


def test_record_digest_is_the_models(meters: Meters) -> None:
    """Given a head and a commitment, the digest is that which the device signs."""
    record = meters.record(meters.homes[0], revision=3)
    expected = record_digest(meters.world.domain("MeterOracle"), record.head.pack(), record.commitment)
    assert meters.world.oracle.recordDigest.call(record.head.pack(), record.commitment) == expected
    assert record.struct_hash == record_hash(record.head.pack(), record.commitment)


def test_constructor_refuses_the_zero_address(world: World) -> None:
    """Given no registry, when it is deployed, it is refused."""
    with reverts("Flexbond_ZeroAddress", "devices"):
        world.evm.deploy("MeterOracle", ZERO_ADDRESS, sender=world.accounts.attacker)
