"""The leaves that a provider published of a submission, taken for nothing more than what leads to the submitted root."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import pyarrow as pa

from flexbond.fleet.errors import FleetError
from flexbond.fleet.keccak import keccak_rows
from flexbond.fleet.submission import LEAVES, LEAVES_FILE, TREE
from flexbond.fleet.tables import Ragged, hashes, open_table
from flexbond.fleet.tree import FleetTree
from flexbond.hashing import keccak
from flexbond.model.types import Claim, Leaf

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

_WORD: Final = 32
_HOLES: Final = {"place": -1, "weight_word": bytes(32), "columns": b"", "columns_hash": bytes(32)}
"""What stands in empty rows."""
_SHOWN: Final = pa.schema([LEAVES.field(name) for name in ("place", "weight_word", "columns", "columns_hash")])


@dataclass(frozen=True, kw_only=True)
class Malformed:
    """What the hash in a leaf's place is over, where it is no leaf."""

    body: bytes
    """Empty: the hash is zero."""
    columns: bytes = b""
    """What the hash of columns within is over, where their length is what is wrong."""


@dataclass(frozen=True, kw_only=True)
class Published:
    """All leaves under a submitted root."""

    folder: Path
    claim: Claim
    tree: FleetTree
    words: NDArray[np.uint8]
    """Of every leaf and column, the weight last, `(n, columns + 1, 32)`; zero where a leaf is not known."""
    known: NDArray[np.bool_]
    """Whether what is published of a leaf is what its hash is over."""
    malformed: dict[int, Malformed]
    """Places in which no leaf stands, as far as that can be shown."""

    @classmethod
    def load(cls, folder: Path, claim: Claim, leaves: int) -> Published:
        """The leaves of a folder. Raises FleetError unless they lead to the claim's root, or the files cannot be read."""
        path, columns = folder / LEAVES_FILE, len(claim.columns)
        with open_table(path, _SHOWN) as file:
            if file.metadata.num_rows != leaves:
                raise _foreign(path, f"has {file.metadata.num_rows} leaves of {leaves}")
            table = file.read(_SHOWN.names)
        for at, name in enumerate(_SHOWN.names):
            # A hole makes one leaf unknown, and hides no other.
            hole = pa.scalar(_HOLES[name], _SHOWN.field(name).type)
            table = table.set_column(at, name, table.column(name).cast(hole.type).fill_null(hole))
        place = str(path)
        stated: NDArray[np.int64] = table.column("place").combine_chunks().to_numpy(zero_copy_only=False)
        weights = hashes(table, "weight_word", place)
        shown, given = Ragged.of(table, "columns", place), hashes(table, "columns_hash", place)
        body = np.zeros((leaves, 3 * _WORD), dtype=np.uint8)
        body[:, _WORD - 8 : _WORD] = stated.astype(">u8").view(np.uint8).reshape(-1, 8)
        body[:, _WORD : 2 * _WORD], body[:, 2 * _WORD :] = weights, given
        hashed = keccak_rows(body)
        tree = _tree_of(folder, hashed, claim.root)
        if tree is None:
            raise _foreign(path, "does not lead to the submitted root")
        fits, own = shown.lengths == _WORD * columns, (hashed == tree.levels[0]).all(axis=1)
        words = np.zeros((leaves, columns + 1, _WORD), dtype=np.uint8)
        rows = np.flatnonzero(fits)
        words[rows, :-1] = shown.rows(rows, _WORD * columns).reshape(len(rows), columns, _WORD)
        words[:, -1] = weights
        right = np.zeros(leaves, dtype=bool)
        right[rows] = (keccak_rows(words[rows, :-1].reshape(len(rows), -1)) == given[rows]).all(axis=1)
        known = own & right & (stated == np.arange(leaves))
        malformed = {int(at): Malformed(body=b"") for at in np.flatnonzero(~tree.levels[0].any(axis=1)) if at < leaves}
        for at in np.flatnonzero(own & (stated != np.arange(leaves))).tolist():
            malformed[at] = Malformed(body=bytes(body[at]))
        for at in np.flatnonzero(own & ~fits & (stated == np.arange(leaves))).tolist():
            whole = bytes(shown.values[shown.starts[at] : shown.starts[at + 1]])
            if keccak(whole) == bytes(given[at]):
                malformed[at] = Malformed(body=bytes(body[at]), columns=whole)
        words[~known] = 0
        return cls(folder=folder, claim=claim, tree=tree, words=words, known=known, malformed=malformed)

    def __len__(self) -> int:
        return len(self.known)

    def leaf(self, place: int) -> Leaf:
        """One leaf as contracts take it; it must be known."""
        row = self.words[place]
        return Leaf(
            place=place,
            weight_word=int.from_bytes(bytes(row[-1]), "big"),
            columns=row[:-1].tobytes(),
            path=self.tree.path(place),
        )

    @property
    def entries(self) -> NDArray[np.uint8]:
        """Of every leaf and column, 128 bits, `(n, columns + 1, 16)`."""
        return self.words[:, :, : _WORD // 2]

    def jumps(self) -> NDArray[np.int64]:
        """Places whose prefixes do not follow those of the leaf before, where both are known."""
        entry_high, entry_low, high, low = np.moveaxis(self.words.view(">u8").astype(np.uint64), 2, 0)
        sum_low = low[:-1] + entry_low[1:]
        carry = (sum_low < low[:-1]).astype(np.uint64)
        sum_high = high[:-1] + entry_high[1:]
        beyond = sum_high < high[:-1]
        total = sum_high + carry
        beyond |= total < sum_high
        follows = ((sum_low == low[1:]) & (total == high[1:]) & ~beyond).all(axis=1)
        return 1 + np.flatnonzero(~follows & self.known[1:] & self.known[:-1])


def _tree_of(folder: Path, hashed: NDArray[np.uint8], root: bytes) -> FleetTree | None:
    """The tree that gives the root: over the published leaves, or over the hashes that are kept beside them."""
    tree = FleetTree.of(hashed)
    if tree.root == root:
        return tree
    path, size = folder / TREE, len(hashed) * _WORD
    if not path.exists() or path.stat().st_size < size:
        return None
    kept = np.fromfile(path, dtype=np.uint8, count=size).reshape(-1, _WORD)
    tree = FleetTree.of(kept)
    return tree if tree.root == root else None


def _foreign(path: Path, why: str) -> FleetError:
    return FleetError(
        f"{path} {why}: its leaves do not belong to this submission.",
        "Ask the provider for the leaves that it submitted, or have a buyer demand some.",
    )
