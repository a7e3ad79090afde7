"""MeterOracle.judge: all that it says of several records is what it says of each. Each test runs for both schemes."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from flexbond.hashing import ZERO_HASH, keccak
from flexbond.model.types import Grid, SignerScheme, Silence
from flexbond.signing.keys import development_device, development_p256_device
from flexbond.trees import BatchTree
from tests.support.world import DAY, SEED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from flexbond.records import MeterRecord
    from tests.support.world import Home
    from tests.unit.meter_oracle.conftest import Meters


class Judged(NamedTuple):
    """One record as it was judged."""

    silence: Silence
    came: int
    before_notice: int
    before_deadline: int


class Shown(NamedTuple):
    """One record as it is asked about."""

    record: MeterRecord
    root: int
    signature: bytes = b""


def signature(meters: Meters, home: Home, record: MeterRecord) -> bytes:
    """A device's signature as it is shown."""
    return b"".join(meters.sign(home, record).as_tuple()[2:])


def judge(
    meters: Meters, roots: Sequence[bytes], shown: Sequence[Shown], *, notice: int = 0, deadline: int = 0, cut: int = 0
) -> list[Judged]:
    """What the oracle says of records of the first home; the signatures perhaps cut short."""
    told = b"".join(
        (item.record.head.pack() | len(item.signature) // 32 << 16 | item.root << 8).to_bytes(32, "big")
        + item.record.struct_hash
        + item.signature
        for item in shown
    )
    words = meters.world.oracle.judge.call(
        (
            meters.homes[0].metering_point,
            notice,
            deadline,
            list(roots),
            told[: len(told) - cut],
        )
    )
    assert not [word for word in words if word >> 80]
    return [
        Judged(Silence(word & 0xFF), word >> 8 & 2**40 - 1, word >> 48 & 0xFFFF, word >> 64 & 0xFFFF) for word in words
    ]


def anchor(meters: Meters, *records: MeterRecord) -> bytes:
    """The root of some records, anchored now."""
    root = BatchTree.of([record.struct_hash for record in records]).root
    meters.world.oracle.anchor.send(root, sender=meters.world.accounts.attacker)
    return root


def test_nothing_is_said_of_nothing(meters: Meters) -> None:
    """Given no records, there are no words."""
    assert judge(meters, [], []) == []


def test_tells_each_record_by_its_root(meters: Meters) -> None:
    """Given records attested, anchored and unseen, each is told by its own root, and by its signature if it is shown with one."""
    evm, home = meters.world.evm, meters.homes[0]
    attested, anchored = meters.record(home), meters.record(home, value=2)
    meters.attest([meters.sign(home, attested)])
    attested_at = evm.time
    evm.time = meters.day + DAY
    roots = [attested.struct_hash, anchor(meters, anchored), ZERO_HASH, keccak(b"nobody's")]
    good, bad = signature(meters, home, anchored), bytes(len(signature(meters, home, anchored)))
    found = judge(
        meters,
        roots,
        [
            Shown(attested, 0),
            Shown(anchored, 1, good),
            Shown(attested, 0, bad),
            Shown(anchored, 1),
            Shown(anchored, 1, bad),
            Shown(anchored, 2, good),
            Shown(anchored, 3, good),
            Shown(anchored, 4, good),
            Shown(anchored, 1, good),
        ],
    )
    assert [item.silence for item in found] == [
        Silence.OK,
        Silence.OK,
        Silence.WRONG_SIGNER,
        Silence.BAD_OPENING,
        Silence.WRONG_SIGNER,
        Silence.NOT_ATTESTED,
        Silence.NOT_ATTESTED,
        Silence.NOT_ATTESTED,
        Silence.OK,
    ]
    assert [found[index].came for index in (0, 1, 2, 8)] == [attested_at, evm.time, attested_at, evm.time]


def test_an_attestation_says_nothing_of_the_time_before(meters: Meters) -> None:
    """Given a root anchored and then attested, a record counts from the anchor only with a signature of who signed then."""
    world, home = meters.world, meters.homes[0]
    first, second = meters.record(home), meters.record(home, value=2, revision=1)
    world.evm.time = anchored_at = meters.day + DAY
    roots = [anchor(meters, record) for record in (first, second)]
    world.evm.time += 60
    for record in (first, second):
        meters.attest([meters.sign(home, record)])
    asked = [
        Shown(first, 0),
        Shown(first, 0, signature(meters, home, first)),
        Shown(first, 0, signature(meters, home, second)),
        Shown(second, 1),
        Shown(second, 1, signature(meters, home, second)),
    ]
    assert [item[:2] for item in judge(meters, roots, asked)] == [
        (Silence.OK, world.evm.time),
        (Silence.OK, anchored_at),
        (Silence.WRONG_SIGNER, anchored_at),
        (Silence.OK, world.evm.time),
        (Silence.NOT_ATTESTED, anchored_at),
    ]


def test_missing_signatures_are_bad_openings(meters: Meters) -> None:
    """Given fewer bytes than the heads say, a record without its signature is opened badly, and one without its hash is not there."""
    home = meters.homes[0]
    first, second = meters.record(home), meters.record(home, value=2)
    meters.world.evm.time = meters.day + DAY
    root = anchor(meters, first, second)
    shown = [Shown(record, 0, signature(meters, home, record)) for record in (first, second)]
    size = len(shown[0].signature)
    for cut, silences in (
        (0, [Silence.OK, Silence.OK]),
        (1, [Silence.OK, Silence.BAD_OPENING]),
        (size, [Silence.OK, Silence.BAD_OPENING]),
        (size + 1, [Silence.OK]),
        (size + 64, [Silence.OK]),
        (size + 65, [Silence.BAD_OPENING]),
        (2 * size + 64, [Silence.BAD_OPENING]),
        (2 * size + 65, []),
    ):
        assert [item.silence for item in judge(meters, [root], shown, cut=cut)] == silences


def test_each_record_is_held_to_the_statement_of_its_time(meters: Meters) -> None:
    """Given records alike but for their slots, anchored before and after a new statement, each is judged by its own statement."""
    world, home = meters.world, meters.homes[0]
    world.devices.publishGrid.send(
        Grid(period_seconds=1_800, readings_per_slot=48, offset_seconds=0), sender=world.accounts.market_operator
    )
    first, second, third, fourth = (meters.record(home, value=value) for value in range(4))
    early = meters.record(home, slot_start=meters.day - 3 * DAY)
    between = meters.record(home, slot_start=meters.day - 900)
    late = meters.record(home, slot_start=meters.day + 2 * DAY)
    before = anchor(meters, first, second, early, between, late)
    world.evm.time += 12
    world.state(home, world.statement(home, sequence=2, valid_from=meters.day, grid_id=2))
    after = anchor(meters, third, fourth)
    records = (
        (first, 0),
        (early, 0),
        (first, 0),
        (between, 0),
        (late, 0),
        (second, 0),
        (third, 1),
        (fourth, 1),
        (first, 0),
    )
    shown = [Shown(record, root, signature(meters, home, record)) for record, root in records]
    assert [item.silence for item in judge(meters, [before, after], shown)] == [
        Silence.OK,
        Silence.UNSTATED,
        Silence.OK,
        Silence.OFF_GRID,
        Silence.TOO_EARLY,
        Silence.OK,
        Silence.OFF_GRID,
        Silence.OFF_GRID,
        Silence.OK,
    ]


def test_each_record_is_held_to_the_end_of_the_statement(meters: Meters) -> None:
    """Given records alike but for their slots, one that ends after the statement does not count, whatever was shown before it."""
    world, home = meters.world, meters.homes[0]
    until = world.evm.time - world.evm.time % DAY + DAY
    world.state(home, world.statement(home, sequence=2, valid_from=until - 2 * DAY, valid_until=until))
    records = [meters.record(home, slot_start=until + place * DAY) for place in (-2, -1, 0)]
    world.evm.time = until + DAY
    root = anchor(meters, *records)
    shown = [Shown(record, 0, signature(meters, home, record)) for record in records]
    found = judge(meters, [root], shown)
    assert [item.silence for item in found] == [Silence.OK, Silence.OK, Silence.UNSTATED]


def test_refuses_records_of_another_point(meters: Meters) -> None:
    """Given a good record of another metering point among them, it alone is refused."""
    home, other = meters.homes[:2]
    mine, strange = meters.record(home), meters.record(other)
    meters.world.evm.time = meters.day + DAY
    root = anchor(meters, mine, strange)
    found = judge(
        meters,
        [root],
        [
            Shown(strange, 0, signature(meters, other, strange)),
            Shown(mine, 0, signature(meters, home, mine)),
        ],
    )
    assert [item.silence for item in found] == [Silence.WRONG_POINT, Silence.OK]


def test_each_signature_is_of_who_signed_when_its_root_came(meters: Meters) -> None:
    """Given a key replaced between two anchors, each record counts under the key that was in force, in either order."""
    world, old = meters.world, meters.homes[0]
    make = development_p256_device if meters.scheme is SignerScheme.P256 else development_device
    new = replace(old, device=make(SEED, 500))
    record = meters.record(old)
    world.evm.time = meters.day + DAY
    sooner = anchor(meters, record)
    world.evm.time += 1
    world.state(new, world.statement(new, sequence=2, valid_from=meters.day, valid_until=meters.day + 2 * DAY))
    later = anchor(meters, record, record)
    by_old, by_new = signature(meters, old, record), signature(meters, new, record)
    asked = [(0, by_old), (1, by_old), (0, by_new), (1, by_new), (0, by_old)]
    found = judge(meters, [sooner, later], [Shown(record, root, signed) for root, signed in asked])
    good, bad = Silence.OK, Silence.WRONG_SIGNER
    assert [item.silence for item in found] == [good, bad, bad, good, good]


def test_tells_revisions_before_notice_and_deadline(meters: Meters) -> None:
    """Given revised days with others between and around them, each has its own two revisions, whoever brought them in what order."""
    evm, home = meters.world.evm, meters.homes[0]
    world = meters.world
    days = [meters.day + place * DAY for place in range(-2, 3)]
    world.state(home, world.statement(home, sequence=2, valid_from=days[0], valid_until=days[-1] + 9 * DAY))
    evm.time = notice = days[-1] + DAY
    for start, revision in ((days[2], 3), (days[3], 1), (days[1], 2)):
        evm.time += 10
        meters.attest([meters.sign(home, meters.record(home, revision=revision, slot_start=start))])
    records = [meters.record(home, slot_start=start) for start in days]
    root = anchor(meters, *records)
    shown = [Shown(record, 0, signature(meters, home, record)) for record in records]
    for first_notice, deadline in ((0, 0), (notice, evm.time + 1), (notice + 11, notice + 21), (2**40 - 1, 0)):
        found = judge(meters, [root], shown, notice=first_notice, deadline=deadline)
        assert [item.silence for item in found] == [Silence.OK] * 5
        for item, start in zip(found, days, strict=True):
            for said, moment in ((item.before_notice, first_notice), (item.before_deadline, deadline)):
                assert said == world.oracle.revisionBefore.call(home.metering_point, start, moment)
    assert [item.before_deadline for item in judge(meters, [root], shown, deadline=evm.time + 1)] == [0, 2, 3, 1, 0]
