"""How often draws find lies: what the design promises, `(1 - share)^points`, against exact chances and against real draws."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction
from itertools import accumulate, pairwise
from math import isqrt
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flexbond.model.sampling import draw, holds, line_length, point_at, points_of
from tests.python.model.lies import LIES, Submitted, fleet, gap, overlap, submitted

if TYPE_CHECKING:
    from collections.abc import Callable

DRAWS = 5_000
"""of each lie, with the seeds 0, 1, 2 and so on: the same on every run"""
POINTS = 16


def bound(share: Fraction, points: int, length: int) -> Fraction:
    """The design's bound; parts of the line differ by one in length, which makes it larger by next to nothing."""
    return ((1 - share) * Fraction(length, points * (length // points))) ** points


def escaped(lie: Submitted, points: int) -> int:
    """How many of the draws a lie survives."""
    claim = lie.claim
    return sum(all(lie.meets(*point_at(claim, seed, j, points)) for j in range(points)) for seed in range(DRAWS))


def spread(chance: Fraction) -> int:
    """Five standard deviations of how often something of this chance happens, rounded up."""
    return 5 * (isqrt(int(DRAWS * chance * (1 - chance))) + 1)


def test_an_honest_submission_is_never_rejected() -> None:
    """Given a true submission, every point of every draw is held by a leaf that can be proven."""
    honest = submitted(fleet())
    assert (honest.share, honest.escape(256), honest.excess) == (0, 1, 0)
    assert all(honest.meets(*point) for seed in range(20) for point in draw(honest.claim, seed, 256))


@pytest.mark.parametrize("lie", LIES, ids=lambda lie: lie.__name__)
def test_lies_are_found_as_often_as_promised(lie: Callable[[], Submitted]) -> None:
    """Given a lie, it survives real draws as often as its exact chance says, and that is at most the design's bound."""
    told = lie()
    chance, most = told.escape(POINTS), bound(told.share, POINTS, line_length(told.claim))
    assert 0 < chance <= most
    assert float(most) == pytest.approx(float(1 - told.share) ** POINTS, rel=1e-6)
    assert abs(escaped(told, POINTS) - DRAWS * chance) <= spread(chance)


@pytest.mark.parametrize("lie", LIES, ids=lambda lie: lie.__name__)
def test_what_is_claimed_too_much_lacks_support(lie: Callable[[], Submitted]) -> None:
    """Given a lie, at least as much lies bare as its columns say too much, and more points find it more often."""
    told = lie()
    assert 0 < told.excess <= sum(told.unsupported)
    chances = [told.escape(points) for points in (1, 4, 16, 64, 256)]
    assert chances[0] == 1 - told.share
    assert all(more < less or more == less == 0 for less, more in pairwise(chances))


def test_false_leaves_lie_bare_with_all_they_hold() -> None:
    """Given many leaves that say a little more, not the little but all that they hold is bare: it is found far more easily."""
    told = next(lie() for lie in LIES if lie.__name__ == "many_a_little")
    assert sum(told.unsupported) > 50 * told.excess


def test_parts_find_a_lie_in_one_place_at_least_as_often_as_points_anywhere() -> None:
    """Given a gap of a part's length, one point for each part is sure to fall near it; anywhere, it would not."""
    told = gap(column=1, part=2)
    assert told.escape(8) < bound(told.share, 8, line_length(told.claim))
    whole = submitted([[10] * 8], totals=[100], prefixes=[[10 + 10 * i for i in range(8)]])
    assert (whole.share, whole.escape(5)) == (Fraction(1, 5), 0)
    assert bound(whole.share, 5, 100) > Fraction(3, 10)


def test_what_draws_do_not_find() -> None:
    """Given leaves that overlap, or say too little, every point has its leaf: draws pass, and the provider claims less."""
    true = fleet()
    lower = [[c // 2 if i % 7 == 0 else c for i, c in enumerate(row)] for row in true]
    for i in range(0, len(true[0]), 7):
        for row in lower:
            row[i] = 0
    for told in (overlap(), submitted(true, lower)):
        assert (told.share, told.escape(256), told.excess) == (0, 1, 0)
        assert sum(told.totals) < sum(map(sum, told.true))
        assert escaped(told, POINTS) == DRAWS


def test_points_fall_evenly() -> None:
    """Given many seeds, each point falls into its own part only, and into each tenth of that part equally often."""
    claim = submitted([[7_919] * 9, [104_729] * 9]).claim
    length, counts = line_length(claim), Counter[tuple[int, int]]()
    for seed in range(DRAWS):
        for number, (column, at) in enumerate(draw(claim, seed, POINTS)):
            place = at + (claim.columns[0] if column else 0)
            low, high = number * length // POINTS, (number + 1) * length // POINTS
            assert low <= place < high
            counts[number, (place - low) * 10 // (high - low)] += 1
    assert len(counts) == 10 * POINTS
    assert all(abs(count - DRAWS // 10) <= spread(Fraction(1, 10)) for count in counts.values())


def test_a_short_line_is_drawn_whole() -> None:
    """Given a line of fewer units than points, each of its units is drawn, and any lie is found."""
    told = submitted([[1, 0, 2], [1, 0, 2]], totals=[4, 3])
    assert points_of(told.claim, 256) == 7
    assert draw(told.claim, 5, 7) == [(0, 0), (0, 1), (0, 2), (0, 3), (1, 0), (1, 1), (1, 2)]
    assert told.escape(7) == 0


amounts = st.integers(0, 30)
rows = st.lists(st.tuples(amounts, amounts, amounts), min_size=1, max_size=6)


@given(st.lists(rows, min_size=2, max_size=3), st.data())
def test_no_tree_supports_more_than_the_records_give(
    columns: list[list[tuple[int, int, int]]], data: st.DataObject
) -> None:
    """Given any entries, prefixes and totals whatever, the design's two inequalities hold."""
    count = min(map(len, columns))
    true, entries, prefixes = ([[row[k] for row in column[:count]] for column in columns] for k in range(3))
    keep = data.draw(st.lists(st.booleans(), min_size=count, max_size=count))
    claimed = [
        [t if kept else e for t, e, kept in zip(*three, keep, strict=True)] for three in zip(true, entries, strict=True)
    ]
    totals = data.draw(st.lists(amounts, min_size=len(columns), max_size=len(columns)))
    told = submitted(true, claimed, prefixes=prefixes, totals=totals)
    length = line_length(told.claim)
    for bare, total, column in zip(told.unsupported, totals, true, strict=True):
        assert bare >= max(0, total - sum(column))
    for points in {points_of(told.claim, k) for k in (1, 2, 3, 5, 8)} - {0}:
        assert told.escape(points) <= bound(told.share, points, length)
    shown = [told.leaf(place) for place in range(count) if told.proven[place]]
    for column, at in ((c, at) for c, total in enumerate(totals) for at in range(total)):
        assert told.meets(column, at) == any(holds(leaf, column, at) for leaf in shown)


def test_prefixes_of_lies_are_what_they_say() -> None:
    """Given the lies of these tests, only those that jump have prefixes that do not follow."""
    for lie in LIES:
        told = lie()
        follows = all(
            list(accumulate(entries)) == list(prefixes)
            for entries, prefixes in zip(told.entries, told.prefixes, strict=True)
        )
        assert follows == (lie.__name__ not in ("gap", "gap_moved"))
