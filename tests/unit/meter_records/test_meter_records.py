"""MeterRecords and SignerWord, against the model's encodings; an opening that is malformed never reverts."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flexbond.hashing import keccak
from flexbond.model.types import RecordOpening, SignerScheme, SignerState
from flexbond.records import BLOCK, MeterRecord, RecordError, RecordHead, opened_readings, record_hash
from flexbond.signing.keys import development_signer
from tests.support.evm import Contract, Evm

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


def opening(made: MeterRecord, places: Sequence[int]) -> RecordOpening:
    """The record opened at some places."""
    return made.opening(places, batch_root=bytes(32), batch_path=())


def opened(library: Contract, shown: RecordOpening) -> Any:
    """What the library makes of an opening."""
    return library.open.call(shown.head, shown.blocks, shown.opened)


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
    shown = opening(made, data.draw(places))

    result = opened(library, shown)
    expected = opened_readings(shown)
    assert result.ok
    assert result.shown == sum(1 << place for place in expected)
    assert result.estimated == sum(1 << place for place, (_, flagged) in expected.items() if flagged)
    assert result.milli_wh == tuple(expected[k][0] if k in expected else 0 for k in range(len(readings)))
    assert library.commitmentOf.call(shown.blocks) == made.commitment


def test_open_extremes(library: Contract) -> None:
    """Given the least and greatest reading and both signs of one, they come out as they went in."""
    readings = (LEAST, -1, 0, 1, GREATEST)
    assert opened(library, opening(record(readings), [0])).milli_wh == readings


def test_open_nothing(library: Contract) -> None:
    """Given no opened block, the opening is well formed and shows nothing."""
    result = opened(library, opening(record([1, 2, 3]), []))
    assert (result.ok, result.shown, result.estimated, result.milli_wh) == (True, 0, 0, (0, 0, 0))


def test_flags_beyond_the_readings_mean_nothing(library: Contract) -> None:
    """Given a last block of two readings with all eight flags set, and its hash, two readings are estimated."""
    made = record([1, 2])
    shown = opening(made, [0])
    flagged = shown.opened[:33] + b"\xff" + shown.opened[34:]
    other = replace(shown, opened=flagged, blocks=(keccak(flagged[1:]),))
    result = opened(library, other)
    assert (result.ok, result.shown, result.estimated) == (True, 0b11, 0b11)


def malformed() -> list[RecordOpening]:
    """Openings of which none may count."""
    made = record(range(20))
    shown = opening(made, [0, 8, 16])
    size = 34 + 5 * BLOCK
    first, second, third = shown.opened[:size], shown.opened[size : 2 * size], shown.opened[2 * size :]
    head = made.head
    return [
        replace(shown, opened=shown.opened[:-1]),  # cut
        replace(shown, opened=shown.opened + b"\0"),  # too long, another block's beginning
        replace(shown, opened=shown.opened + b"\3"),  # an index that is none
        replace(shown, opened=b"\0"),
        replace(shown, opened=b"\0" * 33),
        replace(shown, opened=second + first),  # descending
        replace(shown, opened=first + first),  # twice
        replace(shown, opened=b"\1" + first[1:]),  # another block's place
        replace(shown, opened=b"\xff" + first[1:]),
        replace(shown, opened=first[:-1] + bytes([first[-1] ^ 1])),  # another reading
        replace(shown, opened=first[:33] + b"\1" + first[34:]),  # another flag
        replace(shown, opened=first[:1] + bytes(32) + first[33:]),  # another salt
        replace(shown, opened=third + bytes(20)),
        replace(shown, blocks=shown.blocks[:2]),  # too few blocks
        replace(shown, blocks=(*shown.blocks, bytes(32))),  # too many
        replace(shown, blocks=()),
        replace(shown, head=replace(head, readings=0).pack()),
        replace(shown, head=replace(head, readings=24).pack()),  # the last block is longer than it was
        replace(shown, head=replace(head, readings=101).pack(), blocks=(bytes(32),) * 13, opened=b""),
        replace(shown, head=replace(head, readings=255).pack(), blocks=(bytes(32),) * 32, opened=b""),
    ]


@pytest.mark.parametrize("shown", malformed())
def test_open_refuses_what_is_malformed(library: Contract, shown: RecordOpening) -> None:
    """Given a malformed opening, it is not ok, and nothing reverts; the model refuses it too."""
    assert not opened(library, shown).ok
    with pytest.raises(RecordError):
        opened_readings(shown)


@given(
    junk=st.binary(max_size=300),
    readings=st.integers(0, 255),
    blocks=st.lists(st.binary(min_size=32, max_size=32), max_size=14),
)
@settings(max_examples=300, deadline=None)
def test_open_never_reverts(library: Contract, junk: bytes, readings: int, blocks: list[bytes]) -> None:
    """Given any bytes at all, it says ok or not, and never reverts."""
    head = replace(record([1]).head, readings=readings).pack()
    result = library.open.call(head, blocks, junk)
    assert result.ok == (not junk and 1 <= readings <= 100 and len(blocks) == -(-readings // BLOCK))


# ------------------------------------------------------------------ signers


@given(
    start=st.integers(0, 2**40 - 1),
    end=st.integers(0, 2**40 - 1),
    grid=st.integers(0, 255),
    scheme=st.sampled_from(SignerScheme),
)
@settings(max_examples=100, deadline=None)
def test_signer_word(library: Contract, start: int, end: int, grid: int, scheme: SignerScheme) -> None:
    """Given any state of a signer, it goes into one word and comes out of it."""
    state = SignerState(signer=SIGNER.address, valid_from=start, valid_until=end, grid_id=grid, scheme=scheme)
    word = library.packSigner.call(state)
    assert word == int(SIGNER.address, 16) | start << 160 | end << 200 | grid << 240 | scheme << 248
    assert library.unpackSigner.call(word) == state
