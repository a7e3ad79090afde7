"""A built submission: what it says of the fleet, its files, and what shows one leaf of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from flexbond import trees
from flexbond.fleet.errors import FleetError
from flexbond.fleet.tables import open_table
from flexbond.fleet.tree import FleetTree
from flexbond.ids import commitment, event_id
from flexbond.model.types import Silence, Totals
from flexbond.operations.files import read_document, write_document
from flexbond.operations.structs import hex_bytes, integer, to_json

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from flexbond.fleet.event import FleetEvent

SCHEMA: Final = "flexbond/fleet-submission"
NAMES: Final = ("submission.json", "leaves.parquet", "tree.bin", "silent.csv")
"""Files of a folder: what is submitted, all leaves, the hashes of the tree, and who is silent."""
LEAVES: Final = pa.schema(
    {
        "index": pa.int64(),
        "metering_point": pa.binary(16),
        "silence": pa.int64(),
        "weight_word": pa.binary(32),
        "column_words": pa.large_binary(),
        "baseline_milli_wh": pa.list_(pa.int64()),
        "metered_milli_wh": pa.list_(pa.int64()),
    }
)
"""A row a leaf; a word is an entry and the running total with it, 16 bytes each."""

_GROUP: Final = 50_000
"""Leaves of a row group: what one leaf's proof reads."""


@dataclass(frozen=True, kw_only=True)
class LeafProof:
    """One leaf, and what shows that it stands where it stands."""

    index: int
    metering_point: bytes
    silence: Silence
    weight_word: int
    """Entry and running total, 128 bits each."""
    column_words: tuple[int, ...]
    """The same of every ordered period."""
    columns_hash: bytes
    path: tuple[bytes, ...]
    """Siblings, lowest first."""
    root: bytes


@dataclass(frozen=True, kw_only=True)
class Submission:
    """All that is submitted of a fleet."""

    event: FleetEvent
    points: NDArray[np.uint8]
    """`(n, 16)`."""
    reasons: NDArray[np.uint8]
    """Why each leaf is silent: what is wrong with its records, or else what is missing."""
    baseline: NDArray[np.int64]
    """`(n, ordered periods)`, mWh, `+` import; zero where silent."""
    metered: NDArray[np.int64]
    weight_words: NDArray[np.uint8]
    """`(n, 32)`."""
    column_words: NDArray[np.uint8]
    """`(n, 32 * ordered periods)`."""
    totals: Totals
    responses_milli_wh: tuple[int, ...]
    """The portfolio's, of every period of the window, mWh; 0 where nothing was ordered."""
    tree: FleetTree

    @property
    def counts(self) -> dict[Silence, int]:
        """Leaves by reason."""
        return {Silence(code): count for code, count in enumerate(np.bincount(self.reasons).tolist()) if count}

    def save(self, folder: Path) -> None:
        """Writes all files, `submission.json` last."""
        folder.mkdir(parents=True, exist_ok=True)
        summary, leaves, tree, silent = (folder / name for name in NAMES)
        summary.unlink(missing_ok=True)
        self._save_leaves(leaves)
        self.tree.save(tree)
        with silent.open("w", encoding="ascii", newline="") as file:
            file.write("index,meteringPoint,reason\n")
            for index in np.flatnonzero(self.reasons):
                file.write(f"{index},0x{bytes(self.points[index]).hex()},{Silence(self.reasons[index]).name}\n")
        write_document(summary, self.as_json(), schema=SCHEMA)

    def as_json(self) -> dict[str, Any]:
        """What is submitted and what it comes to."""
        question = self.event.question
        return {
            "eventId": "0x" + event_id(question.key).hex(),
            "key": to_json(question.key),
            "firstNotice": question.first_notice,
            "orderedMask": question.ordered_mask,
            "leaves": len(self.points),
            "root": "0x" + self.tree.root.hex(),
            "totals": to_json(self.totals),
            "commitment": "0x" + commitment(self.tree.root, self.totals).hex(),
            "responsesMilliWh": list(self.responses_milli_wh),
            "silence": {reason.name: count for reason, count in self.counts.items()},
        }

    def _save_leaves(self, path: Path) -> None:
        table = pa.Table.from_arrays(
            [
                pa.array(np.arange(len(self.points))),
                _fixed(self.points),
                pa.array(self.reasons.astype(np.int64)),
                _fixed(self.weight_words),
                _fixed(self.column_words).cast(pa.large_binary()),
                _lists(self.baseline),
                _lists(self.metered),
            ],
            schema=LEAVES,
        )
        pq.write_table(table, path, compression="zstd", row_group_size=_GROUP)


def _fixed(rows: NDArray[np.uint8]) -> pa.Array:
    data = pa.py_buffer(np.ascontiguousarray(rows))
    return pa.FixedSizeBinaryArray.from_buffers(pa.binary(rows.shape[1]), len(rows), [None, data])


def _lists(rows: NDArray[np.int64]) -> pa.Array:
    count, width = rows.shape
    starts = np.arange(0, count * width + 1, width, dtype=np.int32)
    return pa.ListArray.from_arrays(pa.array(starts), pa.array(rows.reshape(-1)))


def prove_leaf(folder: Path, index: int) -> LeafProof:
    """What shows one leaf of the submission in a folder. Raises DocumentError, FleetError, TreeError."""
    summary, leaves, tree_file, _ = (folder / name for name in NAMES)
    given = read_document(summary, schema=SCHEMA)
    count = integer(given.get("leaves"), place=f"{summary}, leaves", high=1 << trees.MAX_DEPTH)
    root = hex_bytes(given.get("root"), place=f"{summary}, root", size=32)
    tree = FleetTree.load(tree_file, count)
    path = tree.path(index)
    with open_table(leaves, LEAVES) as file:
        row = file.read_row_group(index // _GROUP).slice(index % _GROUP, 1).to_pylist()[0]
    words = [row["column_words"][at : at + 32] for at in range(0, len(row["column_words"]), 32)]
    proof = LeafProof(
        index=index,
        metering_point=row["metering_point"],
        silence=Silence(row["silence"]),
        weight_word=int.from_bytes(row["weight_word"], "big"),
        column_words=tuple(int.from_bytes(word, "big") for word in words),
        columns_hash=trees.columns_hash(int.from_bytes(word, "big") for word in words),
        path=path,
        root=root,
    )
    if not trees.verify(root, count, trees.leaf(index, proof.weight_word, proof.columns_hash), index, path):
        raise FleetError(f"Leaf {index} of {folder} is not under its root.", "Build the submission again.")
    return proof
