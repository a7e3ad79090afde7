"""Periods and Rounding by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.support.evm import Contract


@pytest.mark.parametrize(("start", "end", "count"), [(0, 3_600, 4), (900, 900, 0), (1_800, 900, 0), (0, 899, 0)])
def test_count(periods: Contract, start: int, end: int, count: int) -> None:
    """Given a window, its whole periods are counted, none where it ends before it starts."""
    assert periods.count.call(start, end, 900) == count


def test_index_and_start(periods: Contract) -> None:
    """Given a period, its start and the moments in it belong together."""
    assert periods.startOf.call(900, 3, 900) == 3_600
    assert [periods.indexOf.call(900, time, 900) for time in (900, 1_799, 1_800, 3_600)] == [0, 0, 1, 3]


@pytest.mark.parametrize(
    ("mask", "size", "first", "last"), [(1, 1, 0, 0), (0b1010, 2, 1, 3), (1 << 95, 1, 95, 95), (2**96 - 1, 96, 0, 95)]
)
def test_masks(periods: Contract, mask: int, size: int, first: int, last: int) -> None:
    """Given a set of periods, its size and its ends are found."""
    assert periods.size.call(mask) == size
    assert periods.first.call(mask) == first
    assert periods.last.call(mask) == last
    assert [p for p in range(97) if periods.has.call(mask, p)] == [p for p in range(96) if mask >> p & 1]


def test_the_empty_set(periods: Contract) -> None:
    """Given no period, the size is zero."""
    assert periods.size.call(0) == 0


@pytest.mark.parametrize(("a", "down", "up"), [(7, 2, 3), (-7, -3, -2), (6, 2, 2), (-6, -2, -2), (0, 0, 0)])
def test_rounding(periods: Contract, a: int, down: int, up: int) -> None:
    """Given signed values, down is toward minus infinity and up toward plus infinity."""
    assert (periods.divDown.call(a, 3), periods.divUp.call(a, 3)) == (down, up)
    if a >= 0:
        assert (periods.divDownUnsigned.call(a, 3), periods.divUpUnsigned.call(a, 3)) == (down, up)


def test_the_greatest_value(periods: Contract) -> None:
    """Given the greatest value, rounding up does not overflow."""
    assert periods.divUpUnsigned.call(2**256 - 1, 2) == 2**255
