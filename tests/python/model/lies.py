"""Submissions with a lie in them, and how far what they claim can be proven."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from itertools import accumulate
from math import prod
from typing import TYPE_CHECKING

import numpy as np

from flexbond.model.sampling import line_length
from flexbond.model.types import Claim, Leaf

if TYPE_CHECKING:
    from collections.abc import Sequence

LEAVES, PERIODS = 1_000, 4
"""of the fleet that lies; its columns are the periods and the weight"""


@dataclass(frozen=True, kw_only=True)
class Submitted:
    """Columns as submitted, the weight last: what each leaf holds, and what the totals say."""

    true: tuple[tuple[int, ...], ...]
    """By column and leaf: what the records give."""
    entries: tuple[tuple[int, ...], ...]
    prefixes: tuple[tuple[int, ...], ...]
    totals: tuple[int, ...]

    @property
    def claim(self) -> Claim:
        """As the draws see it."""
        return Claim(root=bytes(32), weight=self.totals[-1], columns=self.totals[:-1], energies_hash=bytes(32))

    @cached_property
    def proven(self) -> tuple[bool, ...]:
        """Which leaves can be proven: those that are true in every column."""
        pairs = zip(zip(*self.entries, strict=True), zip(*self.true, strict=True), strict=True)
        return tuple(entry == true for entry, true in pairs)

    @cached_property
    def support(self) -> tuple[tuple[tuple[int, int], ...], ...]:
        """By column: the parts `[from, until)` that leaves which can be proven hold, disjoint and ascending."""
        columns = []
        for entries, prefixes, total in zip(self.entries, self.prefixes, self.totals, strict=True):
            held = zip(entries, prefixes, self.proven, strict=True)
            parts = sorted((max(0, prefix - entry), min(prefix, total)) for entry, prefix, proven in held if proven)
            merged: list[tuple[int, int]] = []
            for start, end in parts:
                if merged and start <= merged[-1][1]:
                    merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
                elif start < end:
                    merged.append((start, end))
            columns.append(tuple(merged))
        return tuple(columns)

    @cached_property
    def _starts(self) -> tuple[tuple[int, ...], ...]:
        return tuple(tuple(start for start, _ in column) for column in self.support)

    def leaf(self, place: int) -> Leaf:
        """A leaf as it is shown, but for its path."""
        *columns, weight = [
            entries[place] << 128 | prefixes[place]
            for entries, prefixes in zip(self.entries, self.prefixes, strict=True)
        ]
        packed = b"".join(word.to_bytes(32, "big") for word in columns)
        return Leaf(place=place, weight_word=weight, columns=packed, path=())

    def meets(self, column: int, at: int) -> bool:
        """Whether some leaf that can be proven holds the point."""
        place = bisect_right(self._starts[column], at) - 1
        return place >= 0 and at < self.support[column][place][1]

    @property
    def unsupported(self) -> tuple[int, ...]:
        """By column: how much of it nothing supports."""
        held = [sum(end - start for start, end in column) for column in self.support]
        return tuple(total - part for total, part in zip(self.totals, held, strict=True))

    @property
    def share(self) -> Fraction:
        """How much of the line nothing supports."""
        return Fraction(sum(self.unsupported), line_length(self.claim))

    @property
    def excess(self) -> int:
        """By how much columns say more than all records give, those that say less aside."""
        return sum(max(0, total - sum(true)) for total, true in zip(self.totals, self.true, strict=True))

    def escape(self, points: int) -> Fraction:
        """How likely every one of so many points is met, exactly: one is drawn from each part of the line."""
        length = line_length(self.claim)
        ends = [number * length // points for number in range(points + 1)]
        before = [0, *accumulate(self.totals)]
        held = [(before[c] + start, before[c] + end) for c, column in enumerate(self.support) for start, end in column]
        supported = [0] * points
        for start, end in held:
            part = bisect_right(ends, start) - 1
            while part < points and ends[part] < end:
                supported[part] += min(end, ends[part + 1]) - max(start, ends[part])
                part += 1
        return prod(Fraction(supported[part], ends[part + 1] - ends[part]) for part in range(points))


def submitted(
    true: Sequence[Sequence[int]],
    entries: Sequence[Sequence[int]] | None = None,
    *,
    prefixes: Sequence[Sequence[int]] | None = None,
    totals: Sequence[int] | None = None,
) -> Submitted:
    """What is not given follows honestly: entries from the records, prefixes from entries, totals from prefixes."""
    claimed = tuple(map(tuple, true if entries is None else entries))
    running = tuple(tuple(accumulate(column)) for column in claimed) if prefixes is None else prefixes
    last = tuple(column[-1] for column in running)
    return Submitted(
        true=tuple(map(tuple, true)),
        entries=claimed,
        prefixes=tuple(map(tuple, running)),
        totals=last if totals is None else tuple(totals),
    )


def fleet() -> list[list[int]]:
    """What the records of the fleet give, clamp Device: mWh of each period, some of them 0, and their sum as the weight."""
    random = np.random.default_rng(4)
    made = random.integers(1, 1_250_000, (PERIODS, LEAVES)) * (random.random((PERIODS, LEAVES)) < 0.9)
    return [*made.tolist(), made.sum(axis=0).tolist()]


def weighed(columns: Sequence[Sequence[int]]) -> list[list[int]]:
    """Entries of periods with the weight that follows from them."""
    return [*map(list, columns), [sum(row) for row in zip(*columns, strict=True)]]


def few_a_lot() -> Submitted:
    """A lie by index: 8 of the leaves say five times what they measured."""
    true = fleet()
    return submitted(true, weighed([[c * 5 if i % 125 == 3 else c for i, c in enumerate(row)] for row in true[:-1]]))


def many_a_little() -> Submitted:
    """A lie by value: one leaf in twelve says 2 % more."""
    true = fleet()
    claimed = [[c + c // 50 if i % 12 == 5 else c for i, c in enumerate(row)] for row in true[:-1]]
    return submitted(true, weighed(claimed))


def moved_between_periods() -> Submitted:
    """A lie between periods: 4 % of the leaves say of the first period's energy that it was the last one's. Sums stay."""
    true = fleet()
    first, *middle, last = [list(row) for row in true[:-1]]
    for i in range(0, LEAVES, 25):
        first[i], last[i] = 0, last[i] + first[i]
    return submitted(true, [first, *middle, last, true[-1]])


def shifted(column: Sequence[int], place: int, by: int) -> list[int]:
    """A column's prefixes with a jump from one leaf on."""
    return [prefix + (by if i >= place else 0) for i, prefix in enumerate(accumulate(column))]


def gap(column: int = 1, part: int = 5) -> Submitted:
    """A jump of a prefix: every leaf is true, but between two of them lies an amount, a fifth of the column, that no leaf holds."""
    true = fleet()
    prefixes = [list(accumulate(row)) for row in true]
    prefixes[column] = shifted(true[column], LEAVES // 3, sum(true[column]) // part)
    return submitted(true, prefixes=prefixes)


def gap_moved() -> Submitted:
    """A gap in one period and an overlap of the same size in another: the sum of all totals is true."""
    true = fleet()
    prefixes = [list(accumulate(row)) for row in true]
    amount = sum(true[0]) // 4
    prefixes[0] = shifted(true[0], LEAVES // 2, -amount)
    prefixes[2] = shifted(true[2], LEAVES // 2, amount)
    return submitted(true, prefixes=prefixes)


def overlap() -> Submitted:
    """A jump back: two leaves hold the same points, and the total is too small."""
    true = fleet()
    prefixes = [list(accumulate(row)) for row in true]
    prefixes[1] = shifted(true[1], LEAVES // 2, -sum(true[1]) // 10)
    return submitted(true, prefixes=prefixes)


def false_totals() -> Submitted:
    """Leaves as measured under totals that are an eighth larger in every period."""
    true = fleet()
    totals = [sum(row) + sum(row) // 8 for row in true[:-1]]
    return submitted(true, totals=[*totals, sum(true[-1])])


def false_weight() -> Submitted:
    """One leaf in fifty takes three times its part of the customers' pool; its periods are true."""
    true = fleet()
    weight = [c * 3 if i % 50 == 7 else c for i, c in enumerate(true[-1])]
    return submitted(true, [*true[:-1], weight])


LIES = (few_a_lot, many_a_little, moved_between_periods, gap, gap_moved, false_totals, false_weight)
