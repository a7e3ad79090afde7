"""MeterOracle.recordStanding: whether a record counts whose root was only anchored. Each test runs for both schemes."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flexbond.model.types import Grid, SignerScheme, Silence
from flexbond.signing.keys import development_device, development_p256_device
from tests.support.world import DAY, SEED, Home

if TYPE_CHECKING:
    from flexbond.records import MeterRecord
    from tests.unit.meter_oracle.conftest import Meters


def signature(meters: Meters, home: Home, record: MeterRecord) -> bytes:
    """A device's signature as it is shown."""
    return b"".join(meters.sign(home, record).as_tuple()[2:])


def ask(meters: Meters, record: MeterRecord, shown: bytes, at: int) -> Silence:
    """What the oracle says of a record anchored at a time."""
    return Silence(meters.world.oracle.recordStanding.call(record.head.pack(), record.commitment, shown, at))


def rotated(meters: Meters, home: Home) -> Home:
    """The home with another key."""
    make = development_p256_device if meters.scheme is SignerScheme.P256 else development_device
    return replace(home, device=make(SEED, 500))


def test_counts_from_the_end_of_its_slot(meters: Meters) -> None:
    """Given a record anchored just when its slot ended, it counts; a second sooner it was too early."""
    home = meters.homes[0]
    record = meters.record(home)
    shown = signature(meters, home, record)
    assert ask(meters, record, shown, meters.day + DAY) is Silence.OK
    assert ask(meters, record, shown, meters.day + DAY - 1) is Silence.TOO_EARLY
    assert ask(meters, record, shown, 2**40 - 1) is Silence.OK
    assert ask(meters, record, shown, 0) is Silence.TOO_EARLY


def test_refuses_other_signatures(meters: Meters) -> None:
    """Given another device's signature, zeros, or one of another record, nobody stated signed it."""
    home, other = meters.homes[:2]
    record, at = meters.record(home), meters.day + DAY
    size = 128 if meters.scheme is SignerScheme.P256 else 64
    for shown in (
        signature(meters, other, record),
        signature(meters, home, meters.record(home, value=7)),
        bytes(size),
        b"\xff" * size,
    ):
        assert ask(meters, record, shown, at) is Silence.WRONG_SIGNER


def test_refuses_signatures_of_another_length(meters: Meters) -> None:
    """Given a signature cut, prolonged, missing or of the other scheme's length, the opening is bad."""
    home = meters.homes[0]
    record, at = meters.record(home), meters.day + DAY
    whole = signature(meters, home, record)
    for shown in (b"", whole[:-1], whole + b"\0", bytes(65), bytes(192 - len(whole)), bytes(1_000)):
        assert ask(meters, record, shown, at) is Silence.BAD_OPENING


@pytest.mark.parametrize("bit", [0, 39])
def test_refuses_a_malformed_head(meters: Meters, bit: int) -> None:
    """Given a bit beyond the head's fields, the opening is bad."""
    home = meters.homes[0]
    record = meters.record(home)
    found = meters.world.oracle.recordStanding.call(
        record.head.pack() | 1 << bit, record.commitment, signature(meters, home, record), meters.day + DAY
    )
    assert Silence(found) is Silence.BAD_OPENING


def test_a_revision_counts_only_attested(meters: Meters) -> None:
    """Given a revision under an anchored root, however well signed, it does not count: it left no mark."""
    home = meters.homes[0]
    record = meters.record(home, revision=1)
    assert ask(meters, record, signature(meters, home, record), meters.day + DAY) is Silence.NOT_ATTESTED


def test_refuses_what_was_never_stated(meters: Meters) -> None:
    """Given a metering point that nobody stated, its record is refused."""
    stranger = replace(meters.homes[0], number=99)
    record = meters.record(stranger)
    assert ask(meters, record, signature(meters, stranger, record), meters.day + DAY) is Silence.UNSTATED


def test_refuses_what_is_off_the_grid(meters: Meters) -> None:
    """Given another start, period or number of readings than the grid's, the record is refused."""
    home = meters.homes[0]
    for record in (
        meters.record(home, slot_start=meters.day + 900),
        meters.record(home, count=95),
        replace(meters.record(home), head=replace(meters.record(home).head, period_seconds=0)),
    ):
        assert ask(meters, record, signature(meters, home, record), meters.day + 2 * DAY) is Silence.OFF_GRID


@pytest.mark.parametrize(("begins", "ends"), [(1, 2 * DAY), (0, DAY - 1), (DAY, 2 * DAY)])
def test_refuses_a_statement_not_valid_over_the_whole_slot(meters: Meters, begins: int, ends: int) -> None:
    """Given a statement that begins after the slot's start or ends before its end, the record is refused."""
    world, home = meters.world, meters.homes[0]
    world.evm.time = meters.day + DAY - 2  # while the statement still may be made
    world.state(home, world.statement(home, sequence=2, valid_from=meters.day + begins, valid_until=meters.day + ends))
    record = meters.record(home)
    assert ask(meters, record, signature(meters, home, record), meters.day + DAY) is Silence.UNSTATED


@pytest.mark.parametrize("how", ["voided", "suspended", "replaced"])
def test_a_key_counts_until_it_ends(meters: Meters, how: str) -> None:
    """Given a record anchored before its key was voided, suspended or replaced, it counts; anchored in that second it does not."""
    world, home = meters.world, meters.homes[0]
    record = meters.record(home)
    shown = signature(meters, home, record)
    ended = world.evm.time
    if how == "voided":
        world.devices.voidStatement.send(home.metering_point, sender=home.customer)
    elif how == "suspended":
        world.devices.suspend.send(home.metering_point, sender=world.accounts.meter_operator)
    else:
        new = rotated(meters, home)
        world.state(new, world.statement(new, sequence=2, valid_from=meters.day))
    after = Silence.WRONG_SIGNER if how == "replaced" else Silence.UNSTATED
    assert ask(meters, record, shown, ended - 1) is Silence.OK
    assert ask(meters, record, shown, ended) is after
    assert ask(meters, record, shown, ended + DAY) is after


def test_a_new_key_counts_from_its_statement_on(meters: Meters) -> None:
    """Given a rotated key, records signed by it count if anchored since, whatever the slot, and not before."""
    world, home = meters.world, meters.homes[0]
    new = rotated(meters, home)
    since = world.evm.time
    world.state(new, world.statement(new, sequence=2, valid_from=meters.day))
    record = meters.record(new)
    assert ask(meters, record, signature(meters, new, record), since) is Silence.OK
    assert ask(meters, record, signature(meters, new, record), since - 1) is Silence.WRONG_SIGNER


def test_an_anchor_before_the_first_statement_spoils_nothing(meters: Meters) -> None:
    """Given a root that somebody anchored just before the device was first stated, its records count."""
    world = meters.world
    home = replace(meters.homes[0], number=50)
    anchored = world.evm.time
    world.evm.time += 12
    world.state(home, world.statement(home, valid_from=meters.day))
    record = meters.record(home)
    assert ask(meters, record, signature(meters, home, record), anchored) is Silence.OK


def test_each_record_is_held_to_the_grid_of_its_time(meters: Meters) -> None:
    """Given a device stated anew on another grid, older anchors are judged on the old one."""
    world, home = meters.world, meters.homes[0]
    world.devices.publishGrid.send(
        Grid(period_seconds=1_800, readings_per_slot=48, offset_seconds=0), sender=world.accounts.market_operator
    )
    record = meters.record(home)
    shown, moved = signature(meters, home, record), world.evm.time
    world.state(home, world.statement(home, sequence=2, valid_from=meters.day, grid_id=2))
    assert ask(meters, record, shown, moved - 1) is Silence.OK
    assert ask(meters, record, shown, moved) is Silence.OFF_GRID


@given(
    head=st.integers(0, 2**256 - 1),
    known=st.booleans(),
    commitment=st.binary(min_size=32, max_size=32),
    shown=st.one_of(
        st.binary(max_size=130), st.binary(min_size=64, max_size=64), st.binary(min_size=128, max_size=128)
    ),
    at=st.integers(0, 2**40 - 1),
)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_never_reverts(meters: Meters, head: int, known: bool, commitment: bytes, shown: bytes, at: int) -> None:
    """Given any head, of a known device or not, any signature and any time, there is an answer, and it is not Ok."""
    if known:
        good = meters.record(meters.homes[0]).head.pack()
        head = (good >> 128 << 128) | (head & (1 << 128) - 1) if head & 1 else good
    found = meters.world.oracle.recordStanding.call(head, commitment, shown, at)
    assert Silence(found) is not Silence.OK
