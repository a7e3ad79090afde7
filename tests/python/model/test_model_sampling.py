"""Submissions of which not every leaf is proven: points of the line, what a leaf shows against itself, bonds."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise, product
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flexbond import trees
from flexbond.hashing import keccak
from flexbond.ids import claim_of, commitment, commitment_of
from flexbond.model.baseline import clamp_milli_wh
from flexbond.model.delivery import measure_device
from flexbond.model.sampling import (
    bond_of,
    bond_parts,
    bond_share,
    draw,
    entries_of,
    fault_of_leaf,
    holds,
    is_jump,
    is_possible,
    line_length,
    point_at,
    points_of,
    prefixes_of,
    seed_of,
    silent_entries,
    totals_of,
)
from flexbond.model.shown import ShownRecord
from flexbond.model.types import BPS, BaselineMethod, Claim, ClampLevel, DeviceKind, Direction, Fault, Leaf, Totals
from flexbond.records import RecordHead
from tests.python.model.fleets import ATTESTED, NOTICE, START, entry, fleets, point, question
from tests.python.model.strategies import rule

if TYPE_CHECKING:
    from flexbond.model.delivery import MeasuredEvent
    from flexbond.model.types import Entry, Rule
    from tests.python.model.fleets import Fleet

amounts = st.integers(0, 2**60) | st.integers(0, 50)
seeds = st.integers(0, 2**96 - 1)


def claim(*totals: int) -> Claim:
    """A claim with these totals of its columns, the weight last."""
    return Claim(root=bytes(32), weight=totals[-1], columns=totals[:-1], energies_hash=bytes(32))


claims = st.lists(amounts, min_size=2, max_size=9).map(lambda totals: claim(*totals))


# ------------------------------------------------------------------ points


def test_points_of_a_small_line() -> None:
    """Given columns of 5 and 3 and a weight of 4, the line has 12 parts, of which one in each third is drawn for three checks."""
    of = claim(5, 3, 4)
    assert line_length(of) == 12
    assert [points_of(of, checks) for checks in (0, 3, 12, 99)] == [0, 3, 12, 12]
    # With as many points as parts each is its own stratum, and no seed moves it.
    parts = [(0, 0), (0, 1), (0, 2), (0, 3), (0, 4), (1, 0), (1, 1), (1, 2), (2, 0), (2, 1), (2, 2), (2, 3)]
    assert draw(of, 7, 12) == draw(of, 8, 12) == parts
    assert [parts.index(drawn) // 4 for drawn in draw(of, 7, 3)] == [0, 1, 2]


@given(claims, seeds, st.integers(1, 40), st.integers(1, 5000))
def test_a_stretched_weight(of: Claim, seed: int, checks: int, scale: int) -> None:
    """Given a weight in another unit, points are those of the line on which it is as long as its scale says, told in its own unit."""
    stretched = replace(of, weight=of.weight * scale)
    points = points_of(of, checks, scale)
    assert points == points_of(stretched, checks)
    last = len(of.columns)
    expected = [(column, at // scale if column == last else at) for column, at in draw(stretched, seed, points)]
    assert draw(of, seed, points, scale) == expected
    assert all(at < of.weight for column, at in expected if column == last)


def test_worked_draw() -> None:
    """Given block and event, the seed and the points are those that anybody can compute by hand from the encoding."""
    seed = seed_of(keccak(b"block"), keccak(b"event"))
    whole = keccak(keccak(b"block") + keccak(b"event"))
    assert seed == int.from_bytes(whole[20:], "big")
    of = claim(600, 0, 400)
    words = [int.from_bytes(keccak(bytes(20) + whole[20:] + bytes(31) + bytes([number])), "big") for number in (0, 1)]
    assert draw(of, seed, 2) == [
        (0, words[0] % 500),
        (0, 500 + words[1] % 500) if words[1] % 500 < 100 else (2, words[1] % 500 - 100),
    ]


@given(claims, seeds, st.integers(0, 40))
def test_one_point_in_each_part(of: Claim, seed: int, checks: int) -> None:
    """Given any line, each point lies in its own part of it, parts cover the line, and a column's points lie within the column."""
    points, length, totals = points_of(of, checks), line_length(of), totals_of(of)
    drawn = draw(of, seed, points)
    assert drawn == [point_at(of, seed, number, points) for number in range(points)]
    assert all(0 <= at < totals[column] for column, at in drawn)
    line = [sum(totals[:column]) + at for column, at in drawn]
    for number, place in enumerate(line):
        assert number * length // points <= place < (number + 1) * length // points
    assert line == sorted(set(line))


def test_an_empty_line_draws_nothing() -> None:
    """Given a claim of nothing, no point is drawn."""
    assert points_of(claim(0, 0), 16) == 0
    assert draw(claim(0, 0), 1, 0) == []


def test_a_zero_column_is_never_drawn() -> None:
    """Given a column of nothing between others, no point lies in it."""
    assert {column for column, _ in draw(claim(10, 0, 10), 3, 20)} == {0, 2}


# ------------------------------------------------------------------ leaves and points


@given(fleets(), seeds)
@settings(max_examples=60)
def test_every_point_has_one_leaf(fleet: Fleet, seed: int) -> None:
    """Given an honest submission, every drawn point lies in exactly one leaf, and leaves ascend with the points of a column."""
    measured = fleet.measured()
    leaves = shown(measured)
    points = points_of(measured.claim, 16)
    holders = [
        (column, [leaf.place for leaf in leaves if holds(leaf, column, at)])
        for column, at in draw(measured.claim, seed, points)
    ]
    assert all(len(places) == 1 for _, places in holders)
    assert holders == sorted(holders)


@given(fleets())
@settings(max_examples=60)
def test_leaves_are_those_of_the_tree(fleet: Fleet) -> None:
    """Given a submission, a shown leaf hashes to its place in the tree, and the claim to what is committed to."""
    measured = fleet.measured()
    assert commitment_of(measured.claim) == commitment(measured.tree.root, measured.totals)
    for leaf in shown(measured):
        hashed = trees.leaf(leaf.place, leaf.weight_word, keccak(leaf.columns))
        assert trees.verify(measured.tree.root, len(measured.answers), hashed, leaf.place, leaf.path)
        answer = measured.answers[leaf.place]
        assert entries_of(leaf) == (*answer.columns, answer.weight)
    assert prefixes_of(shown(measured)[-1]) == totals_of(measured.claim)


def test_half_open() -> None:
    """Given a leaf with the entry 3 and the prefix 10, it holds 7, 8 and 9 of the column; with the entry 0 nothing."""
    leaf = leaf_of(1, [(3, 10), (0, 4)])
    assert [at for at in range(20) if holds(leaf, 0, at)] == [7, 8, 9]
    assert not any(holds(leaf, 1, at) for at in range(20))


# ------------------------------------------------------------------ honest answers, and changed ones


def shown(measured: MeasuredEvent) -> list[Leaf]:
    """All leaves of a submission."""
    return [measured.leaf(place) for place in range(len(measured.answers))]


def leaf_of(place: int, words: list[tuple[int, int]]) -> Leaf:
    """A leaf from entry and prefix of each column, the weight last; nothing is checked."""
    packed = [entry_ << 128 | prefix for entry_, prefix in words]
    return Leaf(
        place=place,
        weight_word=packed[-1],
        columns=b"".join([word.to_bytes(32, "big") for word in packed[:-1]]),
        path=(),
    )


def words_with(leaf: Leaf, column: int, *, entry_by: int = 0, prefix_by: int = 0) -> Leaf:
    """The leaf with one entry or prefix changed, modulo 2^128."""
    words = list(zip(entries_of(leaf), prefixes_of(leaf), strict=True))
    was = words[column]
    words[column] = (was[0] + entry_by) % 2**128, (was[1] + prefix_by) % 2**128
    return leaf_of(leaf.place, words)


def fault(fleet: Fleet, measured: MeasuredEvent, leaf: Leaf) -> Fault:
    """What a leaf of the fleet's submission shows against itself."""
    place = fleet.entries[leaf.place]
    return fault_of_leaf(
        rule=fleet.rule,
        question=fleet.question,
        claim=measured.claim,
        leaf=leaf,
        leaves=len(fleet.entries),
        entry=place,
        point=fleet.points[place.metering_point],
    )


@st.composite
def mixed(draw_: st.DrawFn) -> Fleet:
    """A fleet in which some devices are silent whatever their records say."""
    fleet = draw_(fleets())
    entries, points = list(fleet.entries), dict(fleet.points)
    for place, of in enumerate(entries):
        way = draw_(st.integers(0, 5))
        if way == 0:
            entries[place] = replace(of, left_at=NOTICE - 1)
        elif way == 1:
            points[of.metering_point] = replace(points[of.metering_point], suspended_at=START)
        elif way == 2:
            entries[place] = replace(of, kind=DeviceKind.DATA_COLLECTOR)
    under = replace(fleet.rule, min_assurance=DeviceKind.GATEWAY)
    return replace(fleet, rule=under, entries=tuple(entries), points=points)


@given(mixed())
@settings(max_examples=200)
def test_honest_leaves_show_nothing(fleet: Fleet) -> None:
    """Given what devices really did, silent ones, suspended ones and those that left included, no leaf shows a fault or a jump."""
    measured = fleet.measured()
    leaves = shown(measured)
    assert [fault(fleet, measured, leaf) for leaf in leaves] == [Fault.NONE] * len(leaves)
    assert not any(is_jump(left, right) for left, right in pairwise(leaves))


@given(mixed(), st.data())
@settings(max_examples=200)
def test_one_changed_half_is_found(fleet: Fleet, data: st.DataObject) -> None:
    """Given one entry or one prefix of a leaf changed alone, by whatever amount, the start, the end or a neighbour shows it."""
    measured = fleet.measured()
    leaves = shown(measured)
    place = data.draw(st.integers(0, len(leaves) - 1))
    column = data.draw(st.integers(0, len(measured.totals.columns)))
    by = data.draw(st.integers(1, 2**128 - 1) | st.integers(1, 4000))
    change = {"entry_by": by} if data.draw(st.booleans()) else {"prefix_by": by}
    leaves[place] = words_with(leaves[place], column, **change)
    own = fault(fleet, measured, leaves[place])
    around = [is_jump(left, right) for left, right in pairwise(leaves)]
    assert own in (Fault.WRONG_START, Fault.WRONG_END) or any(around)


def lied(measured: MeasuredEvent, place: int, column: int, by: int) -> tuple[Claim, list[Leaf]]:
    """The submission in which one entry is another and every prefix and total follows from it."""
    columns = [[*answer.columns, answer.weight] for answer in measured.answers]
    columns[place][column] += by
    sums = [0] * len(columns[0])
    leaves = []
    for number, entries in enumerate(columns):
        sums = [total + own for total, own in zip(sums, entries, strict=True)]
        leaves.append(leaf_of(number, list(zip(entries, sums, strict=True))))
    totals = replace(measured.totals, columns=tuple(sums[:-1]), weight=sums[-1])
    return claim_of(measured.tree.root, totals), leaves


@given(mixed(), st.data())
@settings(max_examples=300)
def test_one_moved_entry_is_found_where_it_cannot_be(fleet: Fleet, data: st.DataObject) -> None:
    """Given one entry that is another, all sums following it: what its own column or the weight rules out is a fault of that leaf alone."""
    measured = fleet.measured()
    place = data.draw(st.integers(0, len(measured.answers) - 1))
    column = data.draw(st.integers(0, len(measured.totals.columns)))
    entries = (*measured.answers[place].columns, measured.answers[place].weight)
    by = data.draw(st.integers(-entries[column], 10**12) | st.integers(-min(entries[column], 8000), 8000))
    claimed, leaves = lied(measured, place, column, by)
    of = replace(measured, totals=replace(measured.totals, columns=claimed.columns, weight=claimed.weight))
    faults = [fault(fleet, of, leaf) for leaf in leaves]
    assert all(found is Fault.NONE for number, found in enumerate(faults) if number != place)
    if by == 0:
        assert faults[place] is Fault.NONE
    elif is_silent_anyway(fleet, place):
        assert faults[place] is Fault.NOT_SILENT
    elif is_ruled_out(fleet, place, column, entries, by):
        assert faults[place] is Fault.OUT_OF_RANGE
    else:
        assert faults[place] is Fault.NONE


def is_silent_anyway(fleet: Fleet, place: int) -> bool:
    """Whether a device of the fleet is silent whatever its records say."""
    of = fleet.entries[place]
    suspended = fleet.points[of.metering_point].suspended_at != 0
    return of.left_at != 0 or suspended or of.kind is DeviceKind.DATA_COLLECTOR


def is_ruled_out(fleet: Fleet, place: int, column: int, entries: tuple[int, ...], by: int) -> bool:
    """Whether one changed entry of a device that may count cannot be, from what the change does to its one column."""
    under, of = fleet.rule, fleet.entries[place]
    own = under.baseline is BaselineMethod.METER_BEFORE
    power = of.capacity_w if own else of.connection_w
    full, limit = 1000 * power * under.period_seconds, clamp_milli_wh(power, under.period_seconds)
    is_weight = column == len(entries) - 1
    if not own and not any(entries):
        # Silent: only what claims an import of its whole power exactly, and its weight, could be metered.
        return not (is_weight and by == of.capacity_w and full % 3600 == 0)
    if is_weight:
        silent = not own and entries[-1] + by == 0 and not any(entries[:-1])
        return not silent
    changed = entries[column] + by
    if own and under.clamp_level is ClampLevel.DEVICE:
        # The weight is their sum.
        return True
    beyond = by % 3600 != 0 or not full - 3600 * limit <= changed <= full + 3600 * limit
    if own:
        return beyond or max(0, changed - full) != max(0, entries[column] - full)
    return beyond


# ------------------------------------------------------------------ every answer of a small device


PERIOD = 60
TINY = entry(0, 1, 1)
MOST = 16
"""What a watt turns over in a minute, mWh."""


def minute(start: int, reading: int) -> ShownRecord:
    """A record of one minute."""
    head = RecordHead(
        metering_point=TINY.metering_point, slot_start=start, period_seconds=PERIOD, readings=1, revision=0
    )
    return ShownRecord(head=head, kept_at=ATTESTED, opened={0: (reading, False)})


def tiny(method: BaselineMethod, clamp: ClampLevel) -> Rule:
    """A rule of minutes."""
    own = method is BaselineMethod.METER_BEFORE
    return rule(period_seconds=PERIOD, baseline=method, baseline_periods=1 if own else 0, clamp_level=clamp)


def answers(under: Rule, direction: Direction) -> set[tuple[int, int]]:
    """Entry and weight of the tiny device in one period, over all that it can meter before and in it, and silent."""
    asked = question(under, 1, direction)
    readings = range(-MOST, MOST + 1)
    befores = readings if under.baseline is BaselineMethod.METER_BEFORE else [0]
    records = [(minute(NOTICE - PERIOD, before), minute(START, now)) for before, now in product(befores, readings)]
    found = [measure_device(under, asked, TINY, point(TINY), of) for of in [*records, ()]]
    return {(answer.columns[0], answer.weight) for answer in found}


@pytest.mark.parametrize("direction", Direction)
@pytest.mark.parametrize(
    ("method", "clamp"),
    [
        (BaselineMethod.METER_BEFORE, ClampLevel.DEVICE),
        (BaselineMethod.METER_BEFORE, ClampLevel.PORTFOLIO),
        (BaselineMethod.NOMINATED, ClampLevel.PORTFOLIO),
    ],
)
def test_possible_is_what_some_records_give(method: BaselineMethod, clamp: ClampLevel, direction: Direction) -> None:
    """Given a device of one watt, when every entry and weight is tried, then exactly those are possible that some records give."""
    under = tiny(method, clamp)
    real = answers(under, direction)
    tried = {
        (column, weight)
        for column in range(2 * 60_000 + 3601)
        for weight in ((0, 1) if column % 100 else range(MOST + 2))
    }
    assert {pair for pair in tried | real if is_possible(under, TINY, pair)} == real


def test_worked_range() -> None:
    """Given 4001 W over a minute, clamped for the portfolio, the clamp is 66 683 mWh and a silent leaf has a rest of 1200."""
    under, of = tiny(BaselineMethod.METER_BEFORE, ClampLevel.PORTFOLIO), replace(TINY, capacity_w=4001)
    shift = 4001 * 60 * 1000
    assert silent_entries(under, of, 2) == (1200, 1200, 0) == (shift - 3600 * 66_683,) * 2 + (0,)
    assert is_possible(under, of, (1200, shift + 3600 * 66_683, 66_683))
    assert not is_possible(under, of, (1200, shift + 3600 * 66_684, 66_684))
    assert not is_possible(under, of, (1200, shift + 3600, 0))
    assert not is_possible(under, of, (1200, shift + 1, 0))


def test_leaves_of_another_kind_of_silence() -> None:
    """Given a place that was left, only zeros are right; given one suspended, only what silence gives."""
    under, direction = tiny(BaselineMethod.METER_BEFORE, ClampLevel.PORTFOLIO), Direction.SHED
    asked = question(under, 1, direction)
    silent = silent_entries(under, TINY, 1)

    def found(place: Entry, entries: tuple[int, ...], **changes: object) -> Fault:
        leaf = leaf_of(0, [(item, item) for item in entries])
        of = claim(*entries)
        known = point(place, **changes)
        return fault_of_leaf(rule=under, question=asked, claim=of, leaf=leaf, leaves=1, entry=place, point=known)

    gone = replace(TINY, left_at=NOTICE - 1)
    assert (found(gone, (0, 0)), found(gone, silent)) == (Fault.NONE, Fault.NOT_SILENT)
    deadline = asked.key.window_end + under.reading_deadline
    assert found(TINY, silent, suspended_at=deadline - 1) is Fault.NONE
    assert found(TINY, (60_000, 0), suspended_at=deadline - 1) is Fault.NOT_SILENT
    assert found(TINY, (60_000, 0), suspended_at=deadline) is Fault.NONE
    assert found(TINY, (0, 0)) is Fault.OUT_OF_RANGE


def test_start_and_end_come_first() -> None:
    """Given a leaf that is first and last, a wrong start is told before a wrong end, and both before its range."""
    under = tiny(BaselineMethod.METER_BEFORE, ClampLevel.DEVICE)
    asked, known = question(under, 1, Direction.SHED), point(TINY)

    def found(words: list[tuple[int, int]], of: Claim) -> Fault:
        leaf = leaf_of(0, words)
        return fault_of_leaf(rule=under, question=asked, claim=of, leaf=leaf, leaves=1, entry=TINY, point=known)

    assert found([(99, 98), (99, 99)], claim(97, 97)) is Fault.WRONG_START
    assert found([(99, 99), (99, 99)], claim(99, 98)) is Fault.WRONG_END
    assert found([(99, 99), (99, 99)], claim(99, 99)) is Fault.OUT_OF_RANGE
    assert found([(MOST, MOST), (MOST, MOST)], claim(MOST, MOST)) is Fault.NONE


def test_jumps_are_of_neighbours_and_do_not_wrap() -> None:
    """Given prefixes that follow only modulo 2^128, or leaves that are no neighbours, the one is a jump and the other is none."""
    left = leaf_of(3, [(0, 2**128 - 1), (0, 0)])
    assert is_jump(left, leaf_of(4, [(2, 1), (0, 0)]))
    assert not is_jump(left, leaf_of(4, [(0, 2**128 - 1), (0, 0)]))
    assert not is_jump(left, leaf_of(5, [(2, 1), (0, 0)]))
    assert is_jump(left, leaf_of(4, [(0, 2**128 - 1), (0, 1)]))


# ------------------------------------------------------------------ bonds


def test_worked_bond() -> None:
    """Given 5 MW and a watt at 1000.00 USDC per MW, the bond is 5000.001, of which a challenger gets half and rounding the buyers."""
    bond = bond_of(5_000_001, 1000 * 10**6)
    assert bond == 5_000_001_000
    assert bond_of(1, 1) == 1
    assert bond_parts(bond, 5000) == (2_500_000_500, 2_500_000_500)
    assert bond_parts(3, 5000) == (1, 2)
    assert (bond_share(10, 1, 3), bond_share(10, 2, 3), bond_share(10, 0, 0)) == (3, 6, 0)


@given(st.integers(0, 2**64), st.integers(1, 2**96 - 1), st.integers(0, BPS // 2))
def test_bonds_are_conserved(capacity_w: int, price: int, share_bps: int) -> None:
    """Given any bond, its parts are all of it, and the buyers' is at least half."""
    bond = bond_of(capacity_w, price)
    assert (bond - 1) * 10**6 < capacity_w * price <= bond * 10**6
    reward, rest = bond_parts(bond, share_bps)
    assert (reward + rest, reward <= rest) == (bond, True)


@given(st.integers(0, 2**96), st.lists(st.integers(0, 2**40), min_size=1, max_size=8))
def test_shares_of_a_bond_never_exceed_it(for_buyers: int, orders: list[int]) -> None:
    """Given any orders, the shares together are at most the buyers' part, and rounding leaves less than one unit a dispatch."""
    shares = [bond_share(for_buyers, order, sum(orders)) for order in orders]
    assert sum(shares) <= for_buyers
    assert not any(orders) or for_buyers - sum(shares) < len(orders)


def test_claims_bind_every_total() -> None:
    """Given totals, the commitment changes with the root, the weight, a column and each energy."""
    totals = Totals(columns=(1, 2), weight=3, baseline_milli_wh=(4, 5), metered_milli_wh=(6, 7))
    others = [
        commitment(keccak(b"other"), totals),
        commitment(bytes(32), replace(totals, weight=4)),
        commitment(bytes(32), replace(totals, columns=(2, 1))),
        commitment(bytes(32), replace(totals, baseline_milli_wh=(4, 6))),
        commitment(bytes(32), replace(totals, metered_milli_wh=(6, 8))),
        commitment(bytes(32), replace(totals, baseline_milli_wh=(6, 7), metered_milli_wh=(4, 5))),
    ]
    assert len({commitment(bytes(32), totals), *others}) == len(others) + 1
