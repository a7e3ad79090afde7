"""Submissions of which not every leaf is proven: the line and its points, what a leaf shows against itself, and the bond.

What `SpotChecks` computes. The columns of a claim laid end to end, ordered periods first and the weight last and stretched, are one line.
A leaf holds `[prefix - entry, prefix)` of each column.
"""

from __future__ import annotations

from bisect import bisect_right
from itertools import accumulate
from typing import TYPE_CHECKING, Final

from flexbond.hashing import keccak
from flexbond.model.baseline import clamp_milli_wh
from flexbond.model.delivery import is_own_baseline, standing
from flexbond.model.rounding import div_down, div_up
from flexbond.model.types import BPS, ClampLevel, Fault, Silence

if TYPE_CHECKING:
    from collections.abc import Sequence

    from flexbond.model.types import Claim, Entry, Leaf, MeteringPoint, Question, Rule

DRAW_BLOCKS: Final = 256
"""Blocks for which a block's hash is known after it, and so can draw."""
WATTS_PER_MW: Final = 1_000_000
_HALF: Final = 128
_LOW: Final = (1 << _HALF) - 1
_SEED: Final = (1 << 96) - 1
_UNIT: Final = 3600
"""A column is energy in mWh times this where a shift keeps it from being negative: then every power gives a whole number."""


# ------------------------------------------------------------------ the line and its points


def totals_of(claim: Claim) -> tuple[int, ...]:
    """The total of every column of a claim, ordered periods ascending, then the weight."""
    return (*claim.columns, claim.weight)


def weight_scale(rule: Rule, columns: int) -> int:
    """How much of the line a unit of weight takes, so that the weight takes as much of it as the columns.

    Weight is energy in mWh, as are columns that clamp each device by itself; shifted ones are 3 600 of it; against a baseline of the
    portfolio the weight is power in W, which a column turns over in every period.
    """
    if not is_own_baseline(rule):
        return 1000 * rule.period_seconds * columns
    return 1 if rule.clamp_level is ClampLevel.DEVICE else _UNIT


def line_length(claim: Claim, scale: int = 1) -> int:
    """Length of a claim's line; `scale` as `weight_scale` gives it."""
    return sum(claim.columns) + claim.weight * scale


def points_of(claim: Claim, spot_checks: int, scale: int = 1) -> int:
    """How many points are drawn of a claim; 0: nothing is drawn."""
    return min(spot_checks, line_length(claim, scale))


def seed_of(block_hash: bytes, event_id: bytes) -> int:
    """What is drawn with, once the block's hash is known: an event is submitted once, before that block."""
    return int.from_bytes(keccak(block_hash + event_id), "big") & _SEED


def point_at(claim: Claim, seed: int, number: int, points: int, scale: int = 1) -> tuple[int, int]:
    """Column and place within it of point `number` of `points`, which are at most the length of the line."""
    return _place_of(_ends_of(claim, scale), seed, number, points, scale)


def draw(claim: Claim, seed: int, points: int, scale: int = 1) -> list[tuple[int, int]]:
    """Column and place within it of every point, ascending along the line."""
    ends = _ends_of(claim, scale)
    return [_place_of(ends, seed, number, points, scale) for number in range(points)]


def _ends_of(claim: Claim, scale: int) -> list[int]:
    return list(accumulate((*claim.columns, claim.weight * scale)))


def _place_of(ends: Sequence[int], seed: int, number: int, points: int, scale: int) -> tuple[int, int]:
    """Each point lies somewhere in its own of as many equal parts of the line."""
    low = div_down(number * ends[-1], points)
    high = div_down((number + 1) * ends[-1], points)
    drawn = int.from_bytes(keccak(seed.to_bytes(32, "big") + number.to_bytes(32, "big")), "big")
    at = low + drawn % (high - low)
    column = bisect_right(ends, at)
    within = at - (ends[column - 1] if column else 0)
    return column, div_down(within, scale) if column == len(ends) - 1 else within


# ------------------------------------------------------------------ what a leaf holds


def words_of(leaf: Leaf) -> tuple[int, ...]:
    """The word of every column of a shown leaf, ordered periods ascending, then the weight."""
    columns = [int.from_bytes(leaf.columns[at : at + 32], "big") for at in range(0, len(leaf.columns), 32)]
    return (*columns, leaf.weight_word)


def entries_of(leaf: Leaf) -> tuple[int, ...]:
    """Its entry of every column, the weight last."""
    return tuple(word >> _HALF for word in words_of(leaf))


def prefixes_of(leaf: Leaf) -> tuple[int, ...]:
    """Its running total of every column, its own entry included, the weight last."""
    return tuple(word & _LOW for word in words_of(leaf))


def holds(leaf: Leaf, column: int, at: int) -> bool:
    """Whether a point lies in the leaf's part of its column."""
    word = words_of(leaf)[column]
    prefix = word & _LOW
    return prefix - (word >> _HALF) <= at < prefix


# ------------------------------------------------------------------ what a leaf shows against itself


def silent_entries(rule: Rule, entry: Entry, columns: int) -> tuple[int, ...]:
    """Entries of a device that is silent and was in the portfolio: of so many columns, then the weight."""
    silent = 0
    if is_own_baseline(rule) and rule.clamp_level is ClampLevel.PORTFOLIO:
        limit = clamp_milli_wh(entry.capacity_w, rule.period_seconds)
        silent = 1000 * entry.capacity_w * rule.period_seconds - _UNIT * limit
    return (*(silent,) * columns, 0)


def is_possible(rule: Rule, entry: Entry, entries: Sequence[int]) -> bool:
    """Whether some records, or none, could give a device of the portfolio these entries, the weight last."""
    *columns, weight = entries
    is_own = is_own_baseline(rule)
    if not is_own and not any(entries):
        return True
    power = entry.capacity_w if is_own else entry.connection_w
    limit = clamp_milli_wh(power, rule.period_seconds)
    energies = columns
    if not is_own or rule.clamp_level is ClampLevel.PORTFOLIO:
        shifted = [column - 1000 * power * rule.period_seconds for column in columns]
        if any(value % _UNIT for value in shifted):
            return False
        energies = [value // _UNIT for value in shifted]
    if any(abs(energy) > limit for energy in energies):
        return False
    return weight == (sum(max(0, energy) for energy in energies) if is_own else entry.capacity_w)


def fault_of_leaf(
    *, rule: Rule, question: Question, claim: Claim, leaf: Leaf, leaves: int, entry: Entry, point: MeteringPoint
) -> Fault:
    """What a leaf of a claim over so many leaves shows against itself, as `challengeLeaf` finds it; NONE: nothing.

    `entry` is the leaf's place in the portfolio, `point` what is known of its metering point.
    """
    entries, prefixes = entries_of(leaf), prefixes_of(leaf)
    if leaf.place == 0 and prefixes != entries:
        return Fault.WRONG_START
    if leaf.place == leaves - 1 and prefixes != totals_of(claim):
        return Fault.WRONG_END
    why = standing(rule, question, entry, point)
    if why is Silence.OK:
        return Fault.NONE if is_possible(rule, entry, entries) else Fault.OUT_OF_RANGE
    columns = len(claim.columns)
    only = (0,) * (columns + 1) if why is Silence.INACTIVE else silent_entries(rule, entry, columns)
    return Fault.NONE if entries == only else Fault.NOT_SILENT


def is_jump(left: Leaf, right: Leaf) -> bool:
    """Whether two leaves are neighbours, and the prefixes of the right one do not follow those of the left one."""
    follows = tuple(before + entry for before, entry in zip(prefixes_of(left), entries_of(right), strict=True))
    return right.place == left.place + 1 and prefixes_of(right) != follows


# ------------------------------------------------------------------ the bond


def bond_of(capacity_w: int, bond_per_mw: int) -> int:
    """What a submission locks, base units, rounded up: for the portfolio's capacity just before the first notice, W."""
    return div_up(capacity_w * bond_per_mw, WATTS_PER_MW)


def bond_parts(bond: int, challenger_share_bps: int) -> tuple[int, int]:
    """A lost bond where somebody showed why: that one's part, rounded down, and the buyers'; base units."""
    reward = div_down(bond * challenger_share_bps, BPS)
    return reward, bond - reward


def bond_share(for_buyers: int, own_w: int, total_w: int) -> int:
    """A dispatch's share of the buyers' part, base units, rounded down.

    By the power that it ordered and that all dispatches of the event ordered, W, summed over the periods. The event's last settlement gets
    what is left instead.
    """
    return div_down(for_buyers * own_w, total_w) if total_w else 0
