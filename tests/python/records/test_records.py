"""Records, from their head to an opening in parts."""

from __future__ import annotations

from dataclasses import replace

import pytest
from eth_abi.abi import encode
from hypothesis import given
from hypothesis import strategies as st

from flexbond.hashing import keccak
from flexbond.model.types import Grid
from flexbond.records import (
    BLOCK,
    RECORD_TYPE,
    MeterRecord,
    RecordError,
    RecordHead,
    opened_readings,
    record_hash,
    slot_of,
    slots_between,
)

POINT = bytes(range(16))
SECRET = b"\x05" * 32
readings = st.lists(st.integers(-(2**39), 2**39 - 1), min_size=1, max_size=100)


def record(values: list[int], **changes: object) -> MeterRecord:
    """A record of quarter hours."""
    given_: dict[str, object] = {"estimated": (), "revision": 0, "secret": SECRET}
    return MeterRecord.of(
        metering_point=POINT,
        slot_start=86_400,
        period_seconds=900,
        readings_milli_wh=values,
        **{**given_, **changes},  # type: ignore[arg-type]
    )


@given(
    st.binary(min_size=16, max_size=16),
    st.integers(0, 2**40 - 1),
    st.integers(0, 2**24 - 1),
    st.integers(0, 255),
    st.integers(0, 2**16 - 1),
)
def test_head_round_trip(point: bytes, start: int, period: int, count: int, revision: int) -> None:
    """Given any fields, the word gives them back and hashes as EIP-712 has it."""
    head = RecordHead(metering_point=point, slot_start=start, period_seconds=period, readings=count, revision=revision)
    packed = head.pack()
    assert RecordHead.unpack(packed) == head
    assert packed & 2**40 - 1 == 0
    commitment = keccak(point)
    types = ["bytes32", "bytes16", "uint40", "uint24", "uint8", "uint16", "bytes32"]
    values = [keccak(RECORD_TYPE.encode()), point, start, period, count, revision, commitment]
    assert record_hash(packed, commitment) == keccak(encode(types, values))


@given(readings, st.data())
def test_opening_shows_the_wanted_readings(values: list[int], data: st.DataObject) -> None:
    """Given any record opened at any places, those readings come out with their flags, and only their blocks."""
    places = st.integers(0, len(values) - 1)
    flagged, wanted = data.draw(st.sets(places)), data.draw(st.sets(places))
    whole = record(values, estimated=flagged)
    opening = whole.opening(wanted)
    shown = opened_readings(opening)
    assert set(shown) == {p for p in range(len(values)) if p // BLOCK in {w // BLOCK for w in wanted}}
    assert all(shown[place] == (values[place], place in flagged) for place in shown)
    assert opening.commitment == whole.commitment


@given(readings)
def test_signing_again_gives_the_same_record(values: list[int]) -> None:
    """Given the same readings and secret, the record is the same; another secret, revision or flag changes it."""
    first = record(values)
    assert record(values) == first
    assert record(values).struct_hash == first.struct_hash
    for other in (record(values, secret=b"\x06" * 32), record(values, revision=1), record(values, estimated=(0,))):
        assert other.commitment != first.commitment


def test_blocks_are_salted() -> None:
    """Given equal readings in two blocks, their hashes differ."""
    blocks = record([7] * 2 * BLOCK).blocks
    assert len(blocks) == 2
    assert blocks[0] != blocks[1]


def test_tampered_openings_are_refused() -> None:
    """Given an opening that was changed, it is refused."""
    opening = record(list(range(40))).opening([0, 17])
    first, second, third = opening.blocks
    for wrong in (
        replace(opening, blocks=(first, second, third[:-1])),
        replace(opening, blocks=(first, second[:-1], third)),
        replace(opening, blocks=(first, third, second)),
        replace(opening, blocks=(first, second)),
        replace(opening, blocks=(first, second, third, third)),
        replace(opening, head=opening.head | 1 << 24 + 2),
        replace(opening, head=opening.head | 1 << 24 + 3),
        replace(opening, head=opening.head & ~(0xFF << 56)),
    ):
        with pytest.raises(RecordError):
            opened_readings(wrong)


def test_where_a_record_is_kept_is_no_part_of_it() -> None:
    """Given an opening that names an inclusion and a place there, what it opens is that of the record."""
    whole = record(list(range(40)))
    opening = whole.opening([0, 17], inclusion=7, place=99, signature=bytes(64))
    assert (opening.record_head, opening.inclusion, opening.place) == (whole.head.pack(), 7, 99)
    assert opened_readings(opening) == opened_readings(whole.opening([0, 17]))


def test_what_no_record_holds() -> None:
    """Given readings or fields out of range, they are refused."""
    for values, changes in (
        ([], {}),
        ([0] * 101, {}),
        ([2**39], {}),
        ([-(2**39) - 1], {}),
        ([1], {"estimated": (1,)}),
        ([1], {"secret": b"short"}),
        ([1], {"revision": 2**16}),
    ):
        with pytest.raises(RecordError):
            record(values, **changes)
    with pytest.raises(RecordError):
        record([1]).opening([1])
    with pytest.raises(RecordError):
        RecordHead(metering_point=b"", slot_start=0, period_seconds=900, readings=1, revision=0)


def test_place_of_a_period() -> None:
    """Given a time, its place in the record is found, if a reading starts there."""
    day = record([0] * 96)
    assert day.place_of(86_400) == 0
    assert day.place_of(86_400 + 95 * 900) == 95
    assert day.place_of(86_400 + 96 * 900) is None
    assert day.place_of(86_400 - 900) is None
    assert day.place_of(86_401) is None
    assert day.head.slot_end == 2 * 86_400


def test_slots_of_a_grid() -> None:
    """Given a grid that starts at seven, its slots hold what they should."""
    grid = Grid(period_seconds=3600, readings_per_slot=24, offset_seconds=7 * 3600)
    start = 10 * 86_400 + 7 * 3600
    assert slot_of(grid, start) == start
    assert slot_of(grid, start - 1) == start - 86_400
    assert list(slots_between(grid, start - 3600, start + 3600)) == [start - 86_400, start]
    assert list(slots_between(grid, start, start)) == []
