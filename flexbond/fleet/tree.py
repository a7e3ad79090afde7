"""The trees of `flexbond.trees` over any number of leaves: the same hashes, kept as arrays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from flexbond import trees
from flexbond.fleet.keccak import HASH, keccak_rows

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True)
class FleetTree:
    """All levels of a submission tree; padding is not kept."""

    levels: tuple[NDArray[np.uint8], ...]
    """From the leaves to the root, `(n, 32)` each; a level holds no empty subtrees."""

    @classmethod
    def of(cls, leaves: NDArray[np.uint8]) -> FleetTree:
        """The tree over the leaves `(n, 32)`, in order; an empty portfolio's is zero. Raises TreeError for too many."""
        levels = [leaves if len(leaves) else np.zeros((1, HASH), dtype=np.uint8)]
        for height in range(trees.depth_of(len(leaves))):
            level = levels[-1]
            if len(level) % 2:
                empty = np.frombuffer(trees.ZEROS[height], dtype=np.uint8)
                level = np.concatenate((level, empty[None]))
            levels.append(keccak_rows(level.reshape(-1, 2 * HASH)))
        return cls(levels=tuple(levels))

    @classmethod
    def load(cls, path: Path, leaves: int) -> FleetTree:
        """The tree of so many leaves that `save` wrote, read from the file only where it is looked at. Raises TreeError."""
        sizes = [max(1, leaves)]
        while sizes[-1] > 1:
            sizes.append((sizes[-1] + 1) // 2)
        if not path.exists() or path.stat().st_size != sum(sizes) * HASH:
            raise trees.TreeError(
                f"{path} does not hold the tree of {leaves} leaves.", next_step="Build the submission again."
            )
        hashes = np.memmap(path, dtype=np.uint8, mode="r").reshape(-1, HASH)
        return cls(levels=tuple(np.split(hashes, np.cumsum(sizes)[:-1])))

    def save(self, path: Path) -> None:
        """Writes all levels to a file, the leaves first."""
        with path.open("wb") as file:
            for level in self.levels:
                file.write(level.tobytes())

    @property
    def root(self) -> bytes:
        """The tree's root."""
        return bytes(self.levels[-1][0])

    def path(self, index: int) -> tuple[bytes, ...]:
        """The siblings of leaf `index`, lowest first. Raises TreeError if there is no such leaf."""
        if not 0 <= index < len(self.levels[0]):
            raise trees.TreeError(
                f"The tree of {len(self.levels[0])} leaves has no leaf {index}.", next_step="Count leaves from 0."
            )
        siblings = []
        for height, level in enumerate(self.levels[:-1]):
            place = (index >> height) ^ 1
            siblings.append(bytes(level[place]) if place < len(level) else trees.ZEROS[height])
        return tuple(siblings)

    def run_path(self, first: int, count: int) -> tuple[bytes, ...]:
        """The siblings of neighbouring leaves, in the order of `trees.run_root`. Raises TreeError unless all are in the tree."""
        if not 0 <= first < first + count <= len(self.levels[0]):
            raise trees.TreeError(
                f"The tree of {len(self.levels[0])} leaves has no {count} leaves from {first} on.",
                next_step="Give at least one leaf, all of them within the tree; count from 0.",
            )
        siblings = []
        begin, end = first, first + count - 1
        for height, level in enumerate(self.levels[:-1]):
            if begin & 1:
                siblings.append(bytes(level[begin - 1]))
            if not end & 1:
                siblings.append(bytes(level[end + 1]) if end + 1 < len(level) else trees.ZEROS[height])
            begin, end = begin >> 1, end >> 1
        return tuple(siblings)


def leaf_hashes(weight_words: NDArray[np.uint8], columns_hashes: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Every leaf of a submission, from the words of its weight and the hashes of its other columns, `(n, 32)` each."""
    count = len(weight_words)
    message = np.zeros((count, 3 * HASH), dtype=np.uint8)
    message[:, 24:32] = np.arange(count, dtype=">u8").view(np.uint8).reshape(-1, 8)
    message[:, 32:64] = weight_words
    message[:, 64:] = columns_hashes
    return keccak_rows(message)
