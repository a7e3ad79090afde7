"""Baselines, trees and records, in the contracts' libraries and in Python."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flexbond import trees
from flexbond.model import baseline
from flexbond.model.openings import Inclusion
from flexbond.model.rounding import div_down, div_up
from flexbond.model.types import DeviceProof, Direction, Silence
from flexbond.records import MeterRecord, RecordError, RecordHead, opened_readings, record_hash
from tests.support.evm import ANYONE, Contract, Evm

hashes = st.binary(min_size=32, max_size=32)
directions = st.sampled_from(Direction)
energies = st.integers(-(2**60), 2**60)


@pytest.fixture(scope="module")
def process() -> Evm:
    """A chain for the libraries."""
    return Evm()


@pytest.fixture(scope="module")
def maths(process: Evm) -> Contract:
    """BaselineMath, callable."""
    return process.deploy("BaselineMathHarness", sender=ANYONE)


@pytest.fixture(scope="module")
def growing(process: Evm) -> Contract:
    """DeliveryTree, callable."""
    return process.deploy("DeliveryTreeHarness", sender=ANYONE)


@pytest.fixture(scope="module")
def records(process: Evm) -> Contract:
    """MeterRecords, callable."""
    return process.deploy("MeterRecordsHarness", sender=ANYONE)


@pytest.fixture(scope="module")
def periods(process: Evm) -> Contract:
    """Periods and Rounding, callable."""
    return process.deploy("PeriodsHarness", sender=ANYONE)


# ------------------------------------------------------------------ baselines


@given(values=st.lists(energies, min_size=1, max_size=96), direction=directions)
def test_mean(maths: Contract, values: list[int], direction: Direction) -> None:
    """Given any readings, both round their mean against the provider."""
    assert maths.mean.call(sum(values), len(values), direction) == baseline.mean(values, direction)


@given(level=st.integers(-(2**39), 2**39 - 1), seconds=st.integers(60, 86_400), direction=directions)
def test_level_and_clamp(maths: Contract, level: int, seconds: int, direction: Direction) -> None:
    """Given any level and period, both give the same energy."""
    assert maths.levelMilliWh.call(level, seconds, direction) == baseline.level_milli_wh(level, seconds, direction)
    assert maths.clampDown.call(abs(level), seconds) == baseline.clamp_milli_wh(abs(level), seconds)


@given(before=energies, metered=energies, direction=directions, limit=st.integers(0, 2**60))
def test_response(maths: Contract, before: int, metered: int, direction: Direction, limit: int) -> None:
    """Given any baseline and reading, both give the same response within the clamp."""
    chain = maths.response.call(before, metered, direction, limit)
    assert chain == baseline.response_milli_wh(before, metered, direction, limit)


@given(
    column=st.integers(0, 2**100),
    connection=st.integers(0, 2**63),
    seconds=st.integers(60, 86_400),
    direction=directions,
)
def test_metered_from_column(maths: Contract, column: int, connection: int, seconds: int, direction: Direction) -> None:
    """Given any total of a column, both read the same metered energy out of it."""
    chain = maths.meteredFromColumn.call(column, connection, seconds, direction)
    assert chain == baseline.metered_from_column(column, connection, seconds, direction)


@given(a=st.integers(-(2**254), 2**254), b=st.integers(1, 2**200))
def test_rounding(periods: Contract, a: int, b: int) -> None:
    """Given any numerator and divisor, both round the same way."""
    assert periods.divDown.call(a, b) == div_down(a, b)
    assert periods.divUp.call(a, b) == div_up(a, b)
    assert periods.divDownUnsigned.call(abs(a), b) == div_down(abs(a), b)
    assert periods.divUpUnsigned.call(abs(a), b) == div_up(abs(a), b)


# ------------------------------------------------------------------ trees


@given(leaves=st.lists(hashes, min_size=1, max_size=33))
def test_submission_tree(growing: Contract, leaves: list[bytes]) -> None:
    """Given any leaves, both grow the same frontier to the same root, and paths lead there."""
    tree = trees.SubmissionTree.of(leaves)
    frontier = trees.empty_frontier(len(leaves))
    for index, leaf in enumerate(leaves):
        frontier = trees.append(frontier, index, leaf)
    grown, root = growing.grow.call(leaves)
    assert tuple(grown) == frontier
    assert root == tree.root == trees.frontier_root(frontier, len(leaves))
    assert growing.depth.call(len(leaves)) == trees.depth_of(len(leaves))
    index = len(leaves) // 2
    assert growing.rootOf.call(leaves[index], index, tree.path(index)) == tree.root


def test_empty_tree(growing: Contract) -> None:
    """Given no leaves, both have a frontier of one place and the root zero."""
    frontier, root = growing.grow.call([])
    assert (tuple(frontier), root) == (trees.empty_frontier(0), trees.SubmissionTree.of([]).root)


@given(index=st.integers(0, 2**40 - 1), entry=st.integers(0, 2**127 - 1), before=st.integers(0, 2**127), columns=hashes)
def test_leaf(growing: Contract, index: int, entry: int, before: int, columns: bytes) -> None:
    """Given any entry and prefix, both pack the same word and hash the same leaf."""
    word = trees.word(entry, entry + before)
    assert growing.word.call(entry, entry + before) == word
    assert growing.leaf.call(index, word, columns) == trees.leaf(index, word, columns)


# ------------------------------------------------------------------ records


@given(
    point=st.binary(min_size=16, max_size=16),
    fields=st.tuples(
        st.integers(0, 2**40 - 1), st.integers(0, 2**24 - 1), st.integers(0, 255), st.integers(0, 2**16 - 1)
    ),
    commitment=hashes,
)
def test_head(records: Contract, point: bytes, fields: tuple[int, int, int, int], commitment: bytes) -> None:
    """Given any fields, both pack, unpack and hash them alike."""
    start, seconds, count, revision = fields
    head = RecordHead(metering_point=point, slot_start=start, period_seconds=seconds, readings=count, revision=revision)
    packed = records.pack.call(point, *fields)
    assert packed == head.pack()
    assert tuple(records.unpack.call(packed)) == (point, start, head.slot_end, seconds, count, revision, True)
    assert records.unpack.call(packed | 1)[-1] is False
    from flexbond.records import record_hash

    assert records.structHash.call(packed, commitment) == record_hash(packed, commitment)


@given(
    readings=st.lists(st.integers(-(2**39), 2**39 - 1), min_size=1, max_size=100),
    data=st.data(),
)
def test_opening(records: Contract, readings: list[int], data: st.DataObject) -> None:
    """Given any record opened anywhere, shown as any other one, both read the same; and both refuse the same."""
    places = st.sets(st.integers(0, len(readings) - 1), min_size=1)
    record = MeterRecord.of(
        metering_point=bytes(16),
        slot_start=0,
        period_seconds=900,
        readings_milli_wh=readings,
        estimated=data.draw(places),
        secret=bytes(32),
    )
    opening = record.opening(data.draw(places))
    if data.draw(st.booleans()):
        opening = replace(opening, head=opening.head ^ 1 << data.draw(st.integers(24, 64)))
    proof = DeviceProof(
        inclusions=(Inclusion(batch_root=record_hash(opening.head, opening.commitment), path=()),), records=(opening,)
    )
    found = records.recordsOf.call(proof, bytes(16))
    try:
        expected = opened_readings(opening)
    except RecordError:
        assert found.silence in (Silence.BAD_OPENING, Silence.WRONG_POINT, Silence.NOT_ATTESTED)
        assert found.shown == b""
        return
    assert (found.silence, found.shown[:32]) == (Silence.OK, opening.head.to_bytes(32, "big"))
    blocks = b"".join(opening.blocks)
    shown = records.shownOf.call(opening.head, blocks)
    assert {place for place in range(100) if shown.shown >> place & 1} == set(expected)
    for place, (reading, flagged) in expected.items():
        read = records.readingAt.call(opening.head, blocks, place)
        assert (read, bool(shown.estimated >> place & 1)) == (reading, flagged)
