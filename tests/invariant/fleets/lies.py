"""What a lying provider makes of an honest submission, and whether a submission is false."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import accumulate
from typing import TYPE_CHECKING, Any

from flexbond.hashing import ZERO_HASH, keccak
from flexbond.model.sampling import is_possible
from flexbond.trees import columns_hash, leaf
from tests.support.sampled import Sampled, halves

if TYPE_CHECKING:
    from collections.abc import Callable

    from flexbond.model.types import Entry
    from tests.invariant.moves import Draws

HALF = 1 << 128


@dataclass(frozen=True)
class Claimed:
    """A submission as it is made."""

    sampled: Sampled
    lie: str = ""
    """Empty: honest."""
    bodies: dict[int, tuple[bytes, bytes]] = field(default_factory=dict)
    """What the hashes are over that stand in the place of leaves: body and columns; empty where that is not what is wrong."""


def _place(draws: Draws, honest: Sampled) -> tuple[int, int]:
    return draws.below(len(honest.words)), draws.below(len(honest.words[0]))


def jump(draws: Draws, honest: Sampled, _: Any) -> Claimed:
    """One prefix is another; nothing follows it."""
    place, column = _place(draws, honest)
    prefix = max(0, honest.prefix(place, column) + draws.of((-3600, -1, 1, 3600, 10**6)))
    return Claimed(honest.with_words({(place, column): halves(honest.entry(place, column), prefix)}), "jump")


def wrapped(draws: Draws, honest: Sampled, _: Any) -> Claimed:
    """An entry so large that prefixes seem to follow once they wrap."""
    place, column = _place(draws, honest)
    less = draws.of((1, 3600, 12_345))
    prefix = (honest.prefix(place, column) - less) % HALF
    word = halves((honest.entry(place, column) - less) % HALF, prefix)
    return Claimed(honest.with_words({(place, column): word}), "wrapped")


def overstated(draws: Draws, honest: Sampled, entries: list[Entry]) -> Claimed:
    """A leaf claims more, within what its device could give; prefixes and totals follow."""
    place, _ = _place(draws, honest)
    rule = honest.submission.rule
    for by in draws.of(((3600 * 50_000, 3600), (3600, 1), (50_000, 1))):
        column = draws.below(len(honest.words[0]) - 1)
        claimed = honest.overstated(place, column, by)
        known = [word >> 128 for word in claimed.words[place]]
        for weight in (known[-1], known[-1] + by, known[-1] + by // 3600, entries[place].capacity_w):
            if is_possible(rule, entries[place], [*known[:-1], weight]):
                last = len(known) - 1
                return Claimed(claimed.overstated(place, last, weight - known[-1]), "overstated")
    return Claimed(claimed, "overstated")


def understated(draws: Draws, honest: Sampled, _: Any) -> Claimed:
    """A leaf claims nothing at all."""
    place, _column = _place(draws, honest)
    nothing = {(place, column): 0 for column in range(len(honest.words[0]))}
    return Claimed(honest.with_entries(nothing), "understated")


def beyond(draws: Draws, honest: Sampled, _: Any) -> Claimed:
    """A leaf claims what no record could give."""
    place, column = _place(draws, honest)
    return Claimed(honest.overstated(place, column, draws.of((1, 7, 10**9))), "beyond")


def total(draws: Draws, honest: Sampled, _: Any) -> Claimed:
    """A total that is not the last prefix."""
    totals, by = honest.totals, draws.of((1, 3600, 10**6))
    if draws.below(2):
        return Claimed(honest.with_totals(weight=totals.weight + by), "total")
    column = draws.below(len(totals.columns))
    columns = tuple(value + by * (place == column) for place, value in enumerate(totals.columns))
    return Claimed(honest.with_totals(columns=columns), "total")


def moved(draws: Draws, honest: Sampled, _: Any) -> Claimed:
    """An amount moves from one period of a leaf to another."""
    place, first = _place(draws, honest)
    columns = len(honest.words[0]) - 1
    given, taken = first % columns, (first + 1) % columns
    amount = min(honest.entry(place, given), draws.of((3600, 36_000, 1)))
    changes = {
        (place, given): honest.entry(place, given) - amount,
        (place, taken): honest.entry(place, taken) + amount,
    }
    return Claimed(honest.with_entries(changes), "moved")


def malformed(draws: Draws, honest: Sampled, _: Any) -> Claimed:
    """Something else stands in the place of a leaf."""
    place, _column = _place(draws, honest)
    row = honest.words[place]
    short = b"".join([word.to_bytes(32, "big") for word in row[:-1]])[: draws.of((31, 32 * (len(row) - 1) - 1, 0))]
    other = (place + 1) % len(honest.words)
    kinds: list[tuple[bytes, bytes]] = [
        (b"", b""),
        (keccak(b"left") + keccak(b"right"), b""),
        (_body(other, row), b""),
        (_body(place, row)[:-32] + keccak(short), short),
        (_body(place, row) + bytes(32), b""),
        (bytes(95), b""),
    ]
    body, columns = draws.of(kinds)
    hashes = {place: keccak(body) if body else ZERO_HASH}
    return Claimed(honest.with_hashes(hashes), "malformed", {place: (body, columns)})


def swapped(draws: Draws, honest: Sampled, _: Any) -> Claimed:
    """Two leaves stand in each other's place."""
    place, _column = _place(draws, honest)
    other = (place + 1 + draws.below(len(honest.words) - 1)) % len(honest.words)
    bodies = {place: (_body(other, honest.words[other]), b""), other: (_body(place, honest.words[place]), b"")}
    hashes = {at: keccak(body) for at, (body, _) in bodies.items()}
    return Claimed(honest.with_hashes(hashes), "swapped", bodies)


def _body(place: int, row: tuple[int, ...]) -> bytes:
    body = place.to_bytes(32, "big") + row[-1].to_bytes(32, "big") + columns_hash(row[:-1])
    assert keccak(body) == leaf(place, row[-1], columns_hash(row[:-1]))
    return body


LIES: tuple[Callable[[Draws, Sampled, list[Entry]], Claimed], ...] = (
    jump,
    wrapped,
    overstated,
    overstated,
    understated,
    beyond,
    total,
    moved,
    moved,
    malformed,
    swapped,
)


def told(claimed: Claimed, honest: Sampled) -> Claimed:
    """The claim; honest, if it is what the records give after all."""
    is_same = (
        not claimed.sampled.hashes and claimed.sampled.words == honest.words and claimed.sampled.totals == honest.totals
    )
    return Claimed(honest) if is_same else claimed


def is_broken(claimed: Sampled) -> bool:
    """Whether prefixes do not follow, totals are not the last ones, or leaves are none; told by adding up, not by challenging."""
    sums = zip(*([word >> 128 for word in row] for row in claimed.words), strict=True)
    wanted = list(zip(*(accumulate(column) for column in sums), strict=True))
    found = [tuple(word % HALF for word in row) for row in claimed.words]
    return bool(claimed.hashes) or wanted != found or (*claimed.totals.columns, claimed.totals.weight) != found[-1]


def entries_at(claimed: Sampled, place: int) -> tuple[int, ...]:
    """Entries of a leaf, the weight last."""
    return tuple(word >> 128 for word in claimed.words[place])


def with_measured(claimed: Sampled) -> Sampled:
    """The same with the claim in the place of what was measured, so that its leaves can be collected."""
    measured = replace(
        claimed.submission.measured,
        totals=claimed.totals,
        tree=claimed.tree,
        weight_words=tuple(row[-1] for row in claimed.words),
        columns_hashes=tuple(columns_hash(row[:-1]) for row in claimed.words),
    )
    return replace(claimed, submission=replace(claimed.submission, measured=measured))
