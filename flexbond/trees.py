"""The two Merkle trees of `docs/encodings.md`: a submission's, bound to positions, and that over records, of sorted pairs."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import zip_longest
from typing import TYPE_CHECKING, Final

from sha3 import keccak_256

from flexbond.errors import FlexbondError
from flexbond.hashing import ZERO_HASH, keccak

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

MAX_DEPTH: Final = 40
"""Greatest depth of a submission tree: an index has 40 bits."""

HISTORY_TAG: Final = keccak(b"Flexbond history of meter records")
"""Begins what a history leaf hashes."""
MAX_HISTORY: Final = 100
"""Most records under one history leaf."""

_WORD_LIMIT: Final = 1 << 128
_ARRAY_AT: Final = (64).to_bytes(32, "big")


class TreeError(FlexbondError):
    """Leaves, an index or a path that belong to no tree."""


def node(left: bytes, right: bytes) -> bytes:
    """Hash of two neighbours of a submission tree, in order."""
    return keccak(left + right)


def _zeros() -> Iterator[bytes]:
    empty = ZERO_HASH
    for _ in range(MAX_DEPTH + 1):
        yield empty
        empty = node(empty, empty)


ZEROS: Final = tuple(_zeros())
"""Root of an empty subtree of each height."""


def word(entry: int, prefix: int) -> int:
    """One column of a leaf: its entry and the running total with it. Raises TreeError unless both fit 128 bits."""
    if not (0 <= entry <= prefix < _WORD_LIMIT):
        raise TreeError(
            f"A leaf cannot hold the entry {entry} with the running total {prefix}.",
            next_step="Entries are never negative, their running total includes them and fits 128 bits.",
        )
    return entry << 128 | prefix


def columns_hash(words: Iterable[int]) -> bytes:
    """Hash over the words of a leaf's ordered periods, ascending."""
    return keccak(b"".join([item.to_bytes(32, "big") for item in words]))


def leaf(index: int, weight_word: int, columns: bytes) -> bytes:
    """Leaf `index` of a submission tree, from the word of its weight and the hash of its other columns."""
    return keccak(index.to_bytes(32, "big") + weight_word.to_bytes(32, "big") + columns)


def depth_of(leaves: int) -> int:
    """Depth of the tree of so many leaves, `ceil(log2(leaves))`; 0 for none. Raises TreeError for too many."""
    if not 0 <= leaves <= 1 << MAX_DEPTH:
        raise TreeError(f"A tree has no {leaves} leaves.", next_step=f"Give at most 2^{MAX_DEPTH} leaves.")
    return max(0, leaves - 1).bit_length()


@dataclass(frozen=True, kw_only=True)
class SubmissionTree:
    """All levels of a submission tree; padding is not kept."""

    levels: tuple[tuple[bytes, ...], ...]
    """From the leaves to the root; a level holds no empty subtrees."""

    @classmethod
    def of(cls, leaves: Sequence[bytes]) -> SubmissionTree:
        """The tree over the leaves, in order; an empty portfolio's is zero."""
        levels = [tuple(leaves) or (ZERO_HASH,)]
        for height in range(depth_of(len(leaves))):
            level = levels[-1]
            pairs = zip_longest(level[::2], level[1::2], fillvalue=ZEROS[height])
            levels.append(tuple([keccak_256(left + right).digest() for left, right in pairs]))
        return cls(levels=tuple(levels))

    @property
    def root(self) -> bytes:
        """The tree's root."""
        return self.levels[-1][0]

    def path(self, index: int) -> tuple[bytes, ...]:
        """The siblings of leaf `index`, lowest first. Raises TreeError if there is no such leaf."""
        if not 0 <= index < len(self.levels[0]):
            raise TreeError(
                f"The tree of {len(self.levels[0])} leaves has no leaf {index}.", next_step="Count leaves from 0."
            )
        siblings = []
        for height, level in enumerate(self.levels[:-1]):
            place = (index >> height) ^ 1
            siblings.append(level[place] if place < len(level) else ZEROS[height])
        return tuple(siblings)

    def run_path(self, first: int, count: int) -> tuple[bytes, ...]:
        """The siblings of the `count` neighbouring leaves from `first` on: `run_root` has their order.

        Padding is among them, as in `path`. Raises TreeError unless all of the leaves, at least one, are in the tree.
        """
        if not (0 <= first < first + count <= len(self.levels[0])):
            raise TreeError(
                f"The tree of {len(self.levels[0])} leaves has no {count} leaves from {first} on.",
                next_step="Give at least one leaf, all of them within the tree; count from 0.",
            )
        siblings = []
        begin, end = first, first + count - 1
        for height, level in enumerate(self.levels[:-1]):
            if begin & 1:
                siblings.append(level[begin - 1])
            if not end & 1:
                siblings.append(level[end + 1] if end + 1 < len(level) else ZEROS[height])
            begin, end = begin >> 1, end >> 1
        return tuple(siblings)


def climb(leaf_hash: bytes, index: int, path: Iterable[bytes]) -> bytes:
    """The root that a leaf at `index` gives with its siblings."""
    current = leaf_hash
    for height, sibling in enumerate(path):
        current = node(sibling, current) if index >> height & 1 else node(current, sibling)
    return current


def verify(root: bytes, leaves: int, leaf_hash: bytes, index: int, path: Sequence[bytes]) -> bool:
    """Whether the leaf stands at `index` of the tree of so many leaves."""
    return 0 <= index < leaves and len(path) == depth_of(leaves) and climb(leaf_hash, index, path) == root


def run_root(leaves: Sequence[bytes], first: int, depth: int, path: Sequence[bytes]) -> bytes:
    """The root that neighbouring leaves from `first` on give with their path, in a tree of that depth.

    The path has, per level from the lowest, the sibling left of the run if the run begins at an odd place, then the one
    right of it if it ends at an even place. Raises TreeError if the run is empty or leaves the padded tree, or if the
    path is not of its length.
    """
    if not (0 <= first < first + len(leaves) <= 1 << depth):
        raise TreeError(
            f"A tree of depth {depth} has no {len(leaves)} leaves from {first} on.",
            next_step="Give at least one leaf, all of them within the tree; count from 0.",
        )
    last = first + len(leaves) - 1
    needed = sum((first >> height & 1) + 1 - (last >> height & 1) for height in range(depth))
    if len(path) != needed:
        raise TreeError(
            f"A path of {len(path)} siblings does not lead from leaves {first} to {last} to a root of depth {depth}.",
            next_step=f"Give its {needed} siblings.",
        )
    siblings = iter(path)
    level = list(leaves)
    for height in range(depth):
        if first >> height & 1:
            level.insert(0, next(siblings))
        if len(level) & 1:
            level.append(next(siblings))
        level = [node(left, right) for left, right in zip(level[::2], level[1::2], strict=True)]
    return level[0]


def empty_frontier(leaves: int) -> tuple[bytes, ...]:
    """The frontier with which proving of so many leaves starts."""
    return (ZERO_HASH,) * (depth_of(leaves) + 1)


def append(frontier: Sequence[bytes], count: int, leaf_hash: bytes) -> tuple[bytes, ...]:
    """The frontier of `count` leaves with the next one appended. Raises TreeError if it is full."""
    places = list(frontier)
    height, current = 0, leaf_hash
    while count >> height & 1:
        if height + 1 >= len(places):
            raise TreeError(f"A frontier of {len(places)} places holds no leaf {count}.", next_step="Check the count.")
        current = node(places[height], current)
        places[height] = ZERO_HASH
        height += 1
    places[height] = current
    return tuple(places)


def frontier_root(frontier: Sequence[bytes], count: int) -> bytes:
    """The root of the tree of `count` leaves, from their frontier. Raises TreeError if its length is not theirs."""
    depth = depth_of(count)
    if len(frontier) != depth + 1:
        raise TreeError(
            f"A frontier of {len(frontier)} places is not one of {count} leaves.", next_step=f"It has {depth + 1}."
        )
    if count >> depth & 1:
        return frontier[depth]
    current = ZERO_HASH
    started = False
    for height in range(depth):
        if count >> height & 1:
            current = node(frontier[height], current if started else ZEROS[height])
            started = True
        elif started:
            current = node(current, ZEROS[height])
    return current


def history_leaf(hashes: Sequence[bytes]) -> bytes:
    """One leaf over several records, from their struct hashes, in order. Raises TreeError for none or too many.

    It covers at least 128 bytes and begins with its tag: it passes neither for a node (64 bytes) nor for a record.
    """
    if not 1 <= len(hashes) <= MAX_HISTORY:
        raise TreeError(f"A history leaf of {len(hashes)} records.", next_step=f"It holds 1 to {MAX_HISTORY}.")
    return keccak(HISTORY_TAG + _ARRAY_AT + len(hashes).to_bytes(32, "big") + b"".join(hashes))


def pair(first: bytes, second: bytes) -> bytes:
    """Hash of two neighbours of a tree over records, the lower one first."""
    return keccak(first + second if first < second else second + first)


@dataclass(frozen=True, kw_only=True)
class BatchTree:
    """All levels of the tree over a batch of records, or over whatever else an anchored root holds."""

    levels: tuple[tuple[bytes, ...], ...]
    """From the leaves to the root."""

    @classmethod
    def of(cls, leaves: Sequence[bytes]) -> BatchTree:
        """The tree over records' struct hashes and history leaves, in order. Raises TreeError for none."""
        if not leaves:
            raise TreeError("A batch of no records has no tree.", next_step="Give at least one record.")
        levels = [tuple(leaves)]
        while len(levels[-1]) > 1:
            level = levels[-1]
            # `pair`, without its calls: an anchored tree may have a million leaves.
            above = [
                keccak_256(first + second if first < second else second + first).digest()
                for first, second in zip(level[::2], level[1::2], strict=False)
            ]
            above.extend(level[2 * len(above) :])
            levels.append(tuple(above))
        return cls(levels=tuple(levels))

    @property
    def root(self) -> bytes:
        """What the oracle keeps."""
        return self.levels[-1][0]

    def path(self, index: int) -> tuple[bytes, ...]:
        """The siblings of leaf `index`, lowest first; none on a level where it was carried up. Raises TreeError."""
        if not 0 <= index < len(self.levels[0]):
            raise TreeError(
                f"The batch of {len(self.levels[0])} records has no record {index}.", next_step="Count from 0."
            )
        siblings = []
        for height, level in enumerate(self.levels[:-1]):
            place = (index >> height) ^ 1
            if place < len(level):
                siblings.append(level[place])
        return tuple(siblings)


def climb_batch(leaf_hash: bytes, path: Iterable[bytes]) -> bytes:
    """The root that a leaf gives with its siblings."""
    current = leaf_hash
    for sibling in path:
        current = pair(current, sibling)
    return current
