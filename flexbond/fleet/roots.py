"""The trees that records are kept under: where in them a record is, and the path to it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np

from flexbond.fleet.errors import FleetError
from flexbond.fleet.keccak import HASH, keccak_rows
from flexbond.fleet.tables import ROOTS, Ragged, hashes, open_table
from flexbond.model.openings import Inclusion
from flexbond.trees import HISTORY_TAG, MAX_HISTORY

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from pathlib import Path

    from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True)
class KeptRoot:
    """One root that the oracle keeps, with all that is under it."""

    records: NDArray[np.uint8]
    """Struct hashes of all records, leaf after leaf, `(n, 32)`."""
    starts: NDArray[np.int64]
    """Where the records of each leaf begin; one more than leaves."""
    levels: tuple[NDArray[np.uint8], ...]
    """From the leaves to the root, `(n, 32)` each."""

    @classmethod
    def of(cls, records: NDArray[np.uint8], starts: NDArray[np.int64]) -> Self:
        """The tree over leaves of one record or of several, as `trees.BatchTree` has it."""
        levels = [_leaves(records, starts)]
        while len(levels[-1]) > 1:
            level = levels[-1]
            pairs = len(level) // 2
            left, right = level[: 2 * pairs : 2], level[1 : 2 * pairs : 2]
            swapped = _is_greater(left, right)[:, None]
            both = np.hstack((np.where(swapped, right, left), np.where(swapped, left, right)))
            levels.append(np.concatenate((keccak_rows(both), level[2 * pairs :])))
        return cls(records=records, starts=starts, levels=tuple(levels))

    @property
    def root(self) -> bytes:
        """What the oracle keeps."""
        return bytes(self.levels[-1][0])

    def find(self, wanted: Collection[bytes]) -> dict[bytes, tuple[int, int]]:
        """Leaf of each of these records, and its place in that leaf; those that are not under the root are left out."""
        begun = np.frombuffer(b"".join(wanted), dtype=np.uint64)[::4]
        rows = np.flatnonzero(np.isin(np.ascontiguousarray(self.records).view(np.uint64)[:, 0], begun))
        leaves = np.searchsorted(self.starts, rows, side="right") - 1
        known = {
            bytes(self.records[row]): (int(leaf), int(row - self.starts[leaf]))
            for row, leaf in zip(rows, leaves, strict=True)
        }
        return {one: known[one] for one in wanted if one in known}

    def inclusion(self, leaf: int) -> Inclusion:
        """What shows that the records of a leaf are under the root."""
        siblings = []
        for height, level in enumerate(self.levels[:-1]):
            place = (leaf >> height) ^ 1
            if place < len(level):
                siblings.append(bytes(level[place]))
        history = [bytes(one) for one in self.records[self.starts[leaf] : self.starts[leaf + 1]]]
        return Inclusion(batch_root=self.root, path=tuple(siblings), history=tuple(history) if len(history) > 1 else ())


def load_roots(paths: Iterable[Path], wanted: Collection[bytes]) -> dict[bytes, KeptRoot]:
    """Those of the wanted roots that files hold. Raises FleetError where leaves do not give the root that they are listed under."""
    records: dict[bytes, list[NDArray[np.uint8]]] = {}
    lengths: dict[bytes, list[NDArray[np.int64]]] = {}
    for path in paths:
        with open_table(path, ROOTS) as file:
            for group in range(file.num_row_groups):
                table = file.read_row_group(group)
                roots, held = hashes(table, "root", str(path)), Ragged.of(table, "records", str(path))
                _check_lengths(held, path)
                changes = np.flatnonzero((roots[1:] != roots[:-1]).any(axis=1)) + 1
                for first, end in zip([0, *changes], [*changes, len(roots)], strict=True):
                    root = bytes(roots[first]) if len(roots) else b""
                    if root in wanted:
                        part = held.values[held.starts[first] : held.starts[end]]
                        records.setdefault(root, []).append(part.reshape(-1, HASH))
                        lengths.setdefault(root, []).append(held.lengths[first:end] // HASH)
    found = {}
    for root, parts in records.items():
        starts = np.concatenate(([0], np.cumsum(np.concatenate(lengths[root]))))
        found[root] = KeptRoot.of(np.concatenate(parts), starts)
        if found[root].root != root:
            raise FleetError(
                f"The records listed under the root 0x{root.hex()} give 0x{found[root].root.hex()}.",
                "List all leaves of the root, in the order of its tree.",
            )
    return found


def _check_lengths(held: Ragged, path: Path) -> None:
    wrong = np.flatnonzero((held.lengths % HASH != 0) | (held.lengths == 0) | (held.lengths > HASH * MAX_HISTORY))
    if len(wrong):
        raise FleetError(
            f"{path}: a leaf of {held.lengths[wrong[0]]} bytes.", f"Give 1 to {MAX_HISTORY} hashes of {HASH} bytes."
        )


def _leaves(records: NDArray[np.uint8], starts: NDArray[np.int64]) -> NDArray[np.uint8]:
    """The leaves: a record's struct hash itself, or the hash over those of a history, as `trees.history_leaf`."""
    counts = np.diff(starts)
    leaves = records[starts[:-1]].copy()
    for count in np.unique(counts[counts > 1]).tolist():
        rows = np.flatnonzero(counts == count)
        begun = HISTORY_TAG + (2 * HASH).to_bytes(HASH, "big") + count.to_bytes(HASH, "big")
        head = np.broadcast_to(np.frombuffer(begun, dtype=np.uint8), (len(rows), len(begun)))
        held = records[starts[rows][:, None] + np.arange(count)].reshape(len(rows), -1)
        leaves[rows] = keccak_rows(np.hstack((head, held)))
    return leaves


def _is_greater(left: NDArray[np.uint8], right: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Whether each hash on the left is the greater one."""
    a, b = (np.ascontiguousarray(rows).view(">u8").reshape(-1, 4) for rows in (left, right))
    greater, equal = np.zeros(len(a), dtype=bool), np.ones(len(a), dtype=bool)
    for word in range(4):
        greater |= equal & (a[:, word] > b[:, word])
        equal &= a[:, word] == b[:, word]
    return greater
