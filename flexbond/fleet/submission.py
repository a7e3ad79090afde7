"""A submission as it was built of a fleet: what it says, and the files that keep it."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from flexbond.fleet.tables import HASH, POINT, fixed_array, list_array
from flexbond.fleet.tree import FleetTree, leaf_hashes
from flexbond.ids import claim_of, commitment_of, event_id
from flexbond.model.types import Silence
from flexbond.operations.files import write_document
from flexbond.operations.structs import to_json

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from flexbond.fleet.event import FleetEvent
    from flexbond.model.types import Claim, Totals

SCHEMA: Final = "flexbond/fleet-submission"
INPUTS_SCHEMA: Final = "flexbond/fleet-inputs"
SUMMARY: Final = "submission.json"
EVENT: Final = "event.json"
INPUTS: Final = "inputs.json"
LEAVES_FILE: Final = "leaves.parquet"
TREE: Final = "tree.bin"
SILENT: Final = "silent.csv"
NAMES: Final = (EVENT, INPUTS, LEAVES_FILE, TREE, SILENT, SUMMARY)
"""Files of a folder, in the order in which they come there: without the last one there is no submission."""
LEAVES: Final = pa.schema(
    {
        "place": pa.int64(),
        "metering_point": POINT,
        "silence": pa.int64(),
        "reason": pa.int64(),
        "weight_word": HASH,
        "columns": pa.large_binary(),
        "columns_hash": HASH,
        "baseline_milli_wh": pa.list_(pa.int64()),
        "metered_milli_wh": pa.list_(pa.int64()),
    }
)
"""A row a leaf; a word is an entry and the running total with it, 16 bytes each, `columns` the words of the ordered periods."""
GROUP: Final = 50_000
"""Leaves of a row group: what is read to open one of them."""


@dataclass(frozen=True, kw_only=True)
class FleetFiles:
    """What a submission is built from; see docs/fleets.md."""

    event: Path
    devices: Path
    records: tuple[Path, ...]
    """Signed records, all that hold readings of the event's own time."""
    history: tuple[Path, ...] = ()
    """Records of past days, opened in parts."""
    roots: tuple[Path, ...] = ()
    """What the records are kept under; only proofs of records need it."""

    def as_json(self) -> dict[str, Any]:
        """Where the files are, the event apart, which is kept with the submission."""
        several = {
            name: [str(path.resolve()) for path in getattr(self, name)] for name in ("records", "history", "roots")
        }
        return {"devices": str(self.devices.resolve()), **several}


@dataclass(frozen=True, kw_only=True)
class Submission:
    """All that is submitted of a fleet."""

    event: FleetEvent
    points: NDArray[np.uint8]
    """`(n, 16)`."""
    silences: NDArray[np.uint8]
    """What the verifier says of each leaf where what does not count is not shown."""
    reasons: NDArray[np.uint8]
    """Why each leaf is silent: what is wrong with its records, or else what is missing."""
    baseline: NDArray[np.int64]
    """`(n, ordered periods)`, mWh, `+` import; zero where silent."""
    metered: NDArray[np.int64]
    weight_words: NDArray[np.uint8]
    """`(n, 32)`."""
    column_words: NDArray[np.uint8]
    """`(n, 32 * ordered periods)`."""
    columns_hashes: NDArray[np.uint8]
    """`(n, 32)`: of each leaf's column words."""
    totals: Totals
    responses_milli_wh: tuple[int, ...]
    """The portfolio's, of every period of the window, mWh; 0 where nothing was ordered."""

    @cached_property
    def tree(self) -> FleetTree:
        """Over all leaves."""
        return FleetTree.of(leaf_hashes(self.weight_words, self.columns_hashes))

    @property
    def counts(self) -> dict[Silence, int]:
        """Leaves by reason."""
        return {Silence(code): count for code, count in enumerate(np.bincount(self.reasons).tolist()) if count}

    @property
    def claim(self) -> Claim:
        """What is shown of the submission when it is checked."""
        return claim_of(self.tree.root, self.totals)

    def save(self, folder: Path, files: FleetFiles, *, aside: Path) -> None:
        """Writes all files into the folder `aside`, and moves them to `folder` when they are whole, `submission.json` last."""
        shutil.rmtree(aside, ignore_errors=True)
        aside.mkdir(parents=True)
        self.event.save(aside / EVENT)
        write_document(aside / INPUTS, files.as_json(), schema=INPUTS_SCHEMA)
        self._save_leaves(aside / LEAVES_FILE)
        self.tree.save(aside / TREE)
        self._save_silent(aside / SILENT)
        write_document(aside / SUMMARY, self.as_json(), schema=SCHEMA)
        for name in NAMES:
            _sync(aside / name)
        (folder / SUMMARY).unlink(missing_ok=True)
        for name in NAMES:
            (aside / name).replace(folder / name)
        _sync(folder)

    def as_json(self) -> dict[str, Any]:
        """What is submitted and what it comes to."""
        question = self.event.question
        claim = self.claim
        return {
            "eventId": "0x" + event_id(question.key).hex(),
            "key": to_json(question.key),
            "firstNotice": question.first_notice,
            "orderedMask": question.ordered_mask,
            "leaves": len(self.points),
            "claim": to_json(claim),
            "totals": to_json(self.totals),
            "commitment": "0x" + commitment_of(claim).hex(),
            "responsesMilliWh": list(self.responses_milli_wh),
            "silence": {reason.name: count for reason, count in self.counts.items()},
        }

    def _save_leaves(self, path: Path) -> None:
        table = pa.Table.from_arrays(
            [
                pa.array(np.arange(len(self.points))),
                fixed_array(self.points),
                pa.array(self.silences.astype(np.int64)),
                pa.array(self.reasons.astype(np.int64)),
                fixed_array(self.weight_words),
                fixed_array(self.column_words).cast(pa.large_binary()),
                fixed_array(self.columns_hashes),
                list_array(self.baseline),
                list_array(self.metered),
            ],
            schema=LEAVES,
        )
        pq.write_table(table, path, compression="zstd", row_group_size=GROUP)

    def _save_silent(self, path: Path) -> None:
        with path.open("w", encoding="ascii", newline="") as file:
            file.write("place,meteringPoint,reason\n")
            for place in np.flatnonzero(self.reasons):
                file.write(f"{place},0x{bytes(self.points[place]).hex()},{Silence(self.reasons[place]).name}\n")


def _sync(path: Path) -> None:
    """Waits until a file or a folder is on its disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
