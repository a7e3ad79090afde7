"""MeterRecords and SignerWord, against the model's encodings; an opening that is malformed never reverts."""

from __future__ import annotations

from dataclasses import replace
from itertools import accumulate
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flexbond.hashing import keccak
from flexbond.model.openings import Inclusion, RecordOpening
from flexbond.model.types import DeviceKind, DeviceProof, SignerScheme, SignerState, Silence, Statement
from flexbond.records import (
    RECORD_TYPE_HASH,
    MeterRecord,
    RecordHead,
    opened_readings,
    record_hash,
)
from flexbond.signing.keys import development_signer
from flexbond.trees import HISTORY_TAG, MAX_HISTORY, history_leaf, pair
from tests.support.evm import Contract, Evm
from tests.support.proofs import cut, tampered

if TYPE_CHECKING:
    from collections.abc import Sequence

SIGNER = development_signer(0)
SECRET = bytes(range(32))
POINT = bytes(range(16))
LEAST, GREATEST = -(2**39), 2**39 - 1


@pytest.fixture(scope="module")
def library() -> Contract:
    """The libraries behind functions."""
    return Evm().deploy("MeterRecordsHarness", sender=SIGNER)


def record(readings: Sequence[int], estimated: Sequence[int] = ()) -> MeterRecord:
    """A record of quarter hours."""
    return MeterRecord.of(
        metering_point=POINT,
        slot_start=1_700_000_100,
        period_seconds=900,
        readings_milli_wh=readings,
        secret=SECRET,
        estimated=estimated,
    )


def body(shown: RecordOpening) -> bytes:
    """Its blocks as they are shown."""
    return b"".join(shown.blocks)


def told(*shown: RecordOpening) -> bytes:
    """What the oracle is told of records: head, struct hash and signature of each."""
    return b"".join(
        one.head.to_bytes(32, "big") + record_hash(one.record_head, one.commitment) + one.signature for one in shown
    )


def found(library: Contract, *shown: RecordOpening, inclusions: Sequence[Inclusion] | None = None) -> Any:
    """What the library finds of records, each under a root of its own unless told otherwise."""
    heads = [replace(one, head=one.head & ~0xFF00 | number << 8) for number, one in enumerate(shown)]
    own = [Inclusion(batch_root=record_hash(one.record_head, one.commitment), path=()) for one in shown]
    proof = DeviceProof(inclusions=tuple(own if inclusions is None else inclusions), records=tuple(heads))
    return library.recordsOf.call(proof, POINT)


# ------------------------------------------------------------------ heads


@given(
    point=st.binary(min_size=16, max_size=16),
    start=st.integers(0, 2**40 - 1),
    period=st.integers(0, 2**24 - 1),
    readings=st.integers(0, 255),
    revision=st.integers(0, 2**16 - 1),
)
@settings(max_examples=200, deadline=None)
def test_head(library: Contract, point: bytes, start: int, period: int, readings: int, revision: int) -> None:
    """Given any fields, packing and unpacking agree with the model, and the struct hash does."""
    head = RecordHead(
        metering_point=point, slot_start=start, period_seconds=period, readings=readings, revision=revision
    )
    word = head.pack()
    assert library.pack.call(point, start, period, readings, revision) == word
    assert library.unpack.call(word) == (point, start, head.slot_end, period, readings, revision, True)
    assert library.structHash.call(word, SECRET) == record_hash(word, SECRET)


@pytest.mark.parametrize("bit", [0, 17, 39])
def test_bits_beyond_the_fields(library: Contract, bit: int) -> None:
    """Given a bit below the fields, the head is not well formed."""
    assert not library.unpack.call(record([1]).head.pack() | 1 << bit).is_well_formed


# ------------------------------------------------------------------ openings


@given(data=st.data())
@settings(max_examples=200, deadline=None)
def test_open(library: Contract, data: st.DataObject) -> None:
    """Given any record opened at any places, exactly the readings of the opened blocks are shown, as the model says."""
    readings = data.draw(st.lists(st.integers(LEAST, GREATEST), min_size=1, max_size=100))
    places = st.lists(st.integers(0, len(readings) - 1), unique=True)
    made = record(readings, data.draw(places))
    shown = made.opening(data.draw(places), signature=bytes(data.draw(st.sampled_from([0, 64, 128]))))

    result = found(library, shown)
    assert (result.silence, result.shown, len(result.begins)) == (Silence.OK, told(shown), 1)
    assert result.shown[32:64] == made.struct_hash
    expected = opened_readings(shown)
    seen = library.shownOf.call(shown.head, body(shown))
    assert seen.shown == sum(1 << place for place in expected)
    assert seen.estimated == sum(1 << place for place, (_, flagged) in expected.items() if flagged)
    if expected:
        assert (seen.first, seen.end) == (min(expected), max(expected) + 1)
    else:
        assert seen.first >= seen.end
    for place, (reading, _) in expected.items():
        assert library.readingAt.call(shown.head, body(shown), place) == reading


@given(data=st.data())
@settings(max_examples=200, deadline=None)
def test_read_in_a_row(library: Contract, data: st.DataObject) -> None:
    """Given readings that follow each other and are shown, over however many blocks, they come out with their sum."""
    readings = data.draw(st.lists(st.integers(LEAST, GREATEST), min_size=1, max_size=100))
    first = data.draw(st.integers(0, len(readings) - 1))
    count = data.draw(st.integers(1, len(readings) - first))
    more = data.draw(st.lists(st.integers(0, len(readings) - 1), max_size=3))
    shown = record(readings).opening([*range(first, first + count), *more])
    limit = data.draw(st.integers(0, GREATEST))
    result = library.readInto.call(shown.head, body(shown), first, count, limit)
    wanted = readings[first : first + count]
    assert (result.milli_wh, result.energy) == (tuple(wanted), sum(wanted))
    assert result.beyond == any(abs(reading) > limit for reading in wanted)


def test_several_records_are_found(library: Contract) -> None:
    """Given records of one metering point, all are found in their order, with their signatures one after the other."""
    made = [record([number] * (number + 7)) for number in range(4)]
    shown = [one.opening([0], signature=bytes([7]) * (64 * number)) for number, one in enumerate(made)]
    numbered = [replace(one, head=one.head | number << 8) for number, one in enumerate(shown)]
    result = found(library, *shown)
    assert (result.silence, result.shown) == (Silence.OK, told(*numbered))
    assert result.begins == tuple(accumulate((len(one.packed) for one in shown[:-1]), initial=0))


def test_flags_beyond_the_readings_mean_nothing(library: Contract) -> None:
    """Given a last block of two readings with all sixteen flags set, two readings are estimated."""
    shown = record([1, 2]).opening([0])
    flagged = replace(shown, blocks=(shown.blocks[0][:32] + b"\xff\xff" + shown.blocks[0][34:],))
    result = library.shownOf.call(flagged.head, body(flagged))
    assert (result.shown, result.estimated) == (0b11, 0b11)


def malformed() -> list[RecordOpening]:
    """Openings of which none may count."""
    made = record(range(36))
    shown = made.opening([0, 16, 32])
    head = made.head
    where = shown.head & (1 << 40) - 1
    return [
        cut(shown),
        replace(shown, blocks=shown.blocks[:2]),
        replace(shown, blocks=()),
        replace(shown, head=shown.head | 1 << 24 + 3),  # opened beyond its blocks
        replace(shown, head=shown.head | 1 << 39),
        replace(shown, head=shown.head + (1 << 16)),  # longer by a signature that is not there
        replace(shown, head=replace(head, readings=0).pack() | where),
        replace(shown, head=replace(head, readings=0).pack(), blocks=()),
        replace(shown, head=replace(head, readings=40).pack() | where),  # the last block is longer than it was
        replace(shown, head=replace(head, readings=101).pack(), blocks=(bytes(32),) * 7),
        replace(shown, head=replace(head, readings=255).pack(), blocks=(bytes(32),) * 16),
    ]


@pytest.mark.parametrize("shown", malformed())
def test_what_is_malformed_is_refused(library: Contract, shown: RecordOpening) -> None:
    """Given a malformed opening, it is refused, and nothing reverts; what came before it is found."""
    good = record([1]).opening([0])
    result = found(library, good, shown)
    assert (result.silence, result.shown, len(result.begins)) == (Silence.BAD_OPENING, told(good), 1)


def test_a_record_is_found_only_where_it_is(library: Contract) -> None:
    """Given a changed bit, another point, no inclusion, another root or another path, the record is not found."""
    made = record(range(20))
    shown = made.opening([0])
    for bit in (0, 39, 40, 41, 640, 911):
        assert found(
            library, tampered(shown, bit), inclusions=[Inclusion(batch_root=made.struct_hash, path=())]
        ).silence is (Silence.NOT_ATTESTED)
    other = replace(shown, head=shown.head ^ 1 << 255)
    assert found(library, other).silence is Silence.WRONG_POINT
    root = pair(made.struct_hash, bytes(32))
    for inclusion in ([], [Inclusion(batch_root=bytes(32), path=())], [Inclusion(batch_root=root, path=())]):
        assert found(library, shown, inclusions=inclusion).silence is Silence.NOT_ATTESTED
    assert found(library, shown, inclusions=[Inclusion(batch_root=root, path=(bytes(32),))]).silence is Silence.OK


def test_inclusions_that_are_cut_off_are_not_there(library: Contract) -> None:
    """Given packed inclusions cut anywhere, those that are whole remain; one whose history is not under it has no root."""
    hashes = (b"\1" * 32, b"\2" * 32)
    leaf = history_leaf(hashes)
    known = [
        Inclusion(batch_root=b"\5" * 32, path=(b"\6" * 32,)),
        Inclusion(batch_root=pair(leaf, bytes(32)), path=(bytes(32),), history=hashes),
        Inclusion(batch_root=leaf, path=(bytes(32),), history=hashes),
    ]
    roots = (known[0].batch_root, known[1].batch_root, bytes(32))
    packed = [inclusion.packed for inclusion in known]
    whole = b"".join(packed)
    ends = [sum(map(len, packed[:count])) for count in range(4)]
    for length in range(len(whole) + 1):
        assert library.underOf.call(whole[:length]) == roots[: sum(end <= length for end in ends) - 1]


@given(junk=st.binary(max_size=400), inclusions=st.binary(max_size=100))
@settings(max_examples=300, deadline=None)
def test_finding_never_reverts(library: Contract, junk: bytes, inclusions: bytes) -> None:
    """Given any bytes at all, nothing is found in them, and nothing reverts."""
    result = library.recordsOf.call((inclusions, POINT + junk, []), POINT)
    assert result.silence is not Silence.OK
    assert (result.shown, result.begins) == (b"", ())


@given(st.lists(st.binary(min_size=32, max_size=32), min_size=1, max_size=MAX_HISTORY))
@settings(max_examples=50, deadline=None)
def test_history_leaf(library: Contract, hashes: list[bytes]) -> None:
    """Given the struct hashes of some records, their leaf is the model's, and depends on their order and number."""
    leaf = library.historyLeaf.call(b"".join(hashes))
    assert leaf == history_leaf(hashes)
    assert library.historyLeaf.call(b"".join([*hashes, hashes[0]])) != leaf
    if hashes != hashes[::-1]:
        assert library.historyLeaf.call(b"".join(hashes[::-1])) != leaf


def test_a_history_leaf_is_neither_a_node_nor_a_record(library: Contract) -> None:
    """Given a node of a tree whose one leaf is the tag, or a history as long as a record, neither passes for the other."""
    made = record([1] * 8)
    leaf = made.struct_hash
    # What tag and hash would give if they were only joined: the node of a tree that anyone could anchor.
    assert library.historyLeaf.call(leaf) != pair(HISTORY_TAG, leaf)
    assert library.historyLeaf.call(leaf) != leaf
    # Four hashes make the leaf cover 224 bytes, as a record's struct hash does, with another first word.
    assert HISTORY_TAG != RECORD_TYPE_HASH
    assert library.historyLeaf.call(leaf * 4) == keccak(
        HISTORY_TAG + (64).to_bytes(32, "big") + (4).to_bytes(32, "big") + leaf * 4
    )


# ------------------------------------------------------------------ signers


@given(
    start=st.integers(0, 2**40 - 1),
    end=st.integers(0, 2**40 - 1),
    grid=st.integers(0, 255),
    scheme=st.sampled_from(SignerScheme),
)
@settings(max_examples=100, deadline=None)
def test_signer_word(library: Contract, start: int, end: int, grid: int, scheme: SignerScheme) -> None:
    """Given any statement, what it says of its signer goes into one word and comes out of it."""
    state = SignerState(signer=SIGNER.address, valid_from=start, valid_until=end, grid_id=grid, scheme=scheme)
    statement = Statement(
        metering_point=POINT,
        customer=SIGNER.address,
        scheme=scheme,
        signer=SIGNER.address,
        kind=DeviceKind.DEVICE,
        capacity_w=2**48 - 1,
        connection_w=2**48 - 1,
        grid_id=grid,
        valid_from=start,
        valid_until=end,
        sequence=2**32 - 1,
    )
    word = library.signerWord.call(statement)
    assert word == int(SIGNER.address, 16) | start << 160 | end << 200 | grid << 240 | scheme << 248
    assert word == state.word
    assert library.unpackSigner.call(word) == state
