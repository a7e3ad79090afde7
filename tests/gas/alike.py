"""The submission of any number of devices that all did the same: its tree, its leaves, and what a liar makes of one of them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Final

import numpy as np

from flexbond.fleet.keccak import keccak_rows
from flexbond.fleet.tree import FleetTree, leaf_hashes
from flexbond.hashing import keccak
from flexbond.ids import claim_of, responses_hash, totals_hash
from flexbond.model.types import Leaf, NeighboursClaim, Totals, WeightClaim
from flexbond.trees import climb, leaf, word

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from flexbond.model.types import Answer, Claim, EventKey

CHUNK: Final = 1 << 16
"""Leaves whose columns are hashed at once."""


@dataclass(frozen=True, kw_only=True)
class Alike:
    """An honest submission, the same answer at every place."""

    answer: Answer
    leaves: int

    @property
    def totals(self) -> Totals:
        """What is submitted beside the root."""
        answer, count = self.answer, self.leaves
        return Totals(
            columns=tuple(count * entry for entry in answer.columns),
            weight=count * answer.weight,
            baseline_milli_wh=tuple(count * energy for energy in answer.baseline_milli_wh),
            metered_milli_wh=tuple(count * energy for energy in answer.metered_milli_wh),
        )

    @cached_property
    def tree(self) -> FleetTree:
        """Over all leaves."""
        hashed = np.concatenate([self._columns_hashes(first) for first in range(0, self.leaves, CHUNK)])
        return FleetTree.of(leaf_hashes(_words(self.answer.weight, np.arange(self.leaves, dtype=np.uint64)), hashed))

    @property
    def root(self) -> bytes:
        """Of the tree."""
        return self.tree.root

    @property
    def claim(self) -> Claim:
        """As it is shown when it is checked."""
        return claim_of(self.root, self.totals)

    def leaf(self, place: int) -> Leaf:
        """A leaf as it is shown."""
        *columns, weight = [word(entry, (place + 1) * entry) for entry in self._entries]
        return Leaf(
            place=place,
            weight_word=weight,
            columns=b"".join([item.to_bytes(32, "big") for item in columns]),
            path=self.tree.path(place),
        )

    def holder(self, column: int, at: int) -> int:
        """The place of the leaf that holds a point."""
        return at // self._entries[column]

    def weight_claim(self, key: EventKey, currency: str, place: int, responses: Sequence[int]) -> WeightClaim:
        """A leaf's claim to its share of the event's pool."""
        shown = self.leaf(place)
        return WeightClaim(
            key=key,
            currency=currency,
            index=place,
            weight_word=shown.weight_word,
            columns_hash=keccak(shown.columns),
            path=shown.path,
            total_weight=self.totals.weight,
            totals_hash=totals_hash(self.totals),
            responses_hash=responses_hash(responses),
        )

    def run_claim(
        self, key: EventKey, currency: str, first: int, count: int, responses: Sequence[int]
    ) -> NeighboursClaim:
        """The claim of neighbouring leaves."""
        shown = [self.leaf(place) for place in range(first, first + count)]
        return NeighboursClaim(
            key=key,
            currency=currency,
            first=first,
            weight_words=tuple(one.weight_word for one in shown),
            columns_hashes=tuple(keccak(one.columns) for one in shown),
            path=self.tree.run_path(first, count),
            total_weight=self.totals.weight,
            totals_hash=totals_hash(self.totals),
            responses_hash=responses_hash(responses),
        )

    @property
    def _entries(self) -> tuple[int, ...]:
        return *self.answer.columns, self.answer.weight

    def _columns_hashes(self, first: int) -> NDArray[np.uint8]:
        """Those of a chunk of leaves."""
        places = np.arange(first, min(first + CHUNK, self.leaves), dtype=np.uint64)
        return keccak_rows(np.concatenate([_words(entry, places) for entry in self.answer.columns], axis=1))


@dataclass(frozen=True, kw_only=True)
class Lie:
    """The same submission with something else in one place."""

    honest: Alike
    place: int
    hash: bytes
    """What stands there."""
    shown: Leaf
    """What is shown of it."""

    @classmethod
    def of(cls, honest: Alike, place: int, by: int) -> Lie:
        """A leaf whose first entry and prefix are greater by as much; nothing follows them."""
        true = honest.leaf(place)
        first = int.from_bytes(true.columns[:32], "big") + word(by, by)
        shown = replace(true, columns=first.to_bytes(32, "big") + true.columns[32:])
        return cls(honest=honest, place=place, hash=leaf(place, shown.weight_word, keccak(shown.columns)), shown=shown)

    @property
    def root(self) -> bytes:
        """Of the tree."""
        return climb(self.hash, self.place, self.shown.path)

    @property
    def claim(self) -> Claim:
        """As it is shown when it is checked."""
        return claim_of(self.root, self.honest.totals)

    @property
    def totals(self) -> Totals:
        """Those of the honest one."""
        return self.honest.totals

    @property
    def neighbour(self) -> Leaf:
        """The honest leaf beside it, the other child of their parent."""
        beside = self.honest.leaf(self.place ^ 1)
        return replace(beside, path=(self.hash, *beside.path[1:]))


def _words(entry: int, places: NDArray[np.uint64]) -> NDArray[np.uint8]:
    """A column's word of every leaf, `(n, 32)`."""
    words = np.zeros((len(places), 4), dtype=">u8")
    words[:, 1] = entry
    words[:, 3] = (places + np.uint64(1)) * np.uint64(entry)
    return words.view(np.uint8)
