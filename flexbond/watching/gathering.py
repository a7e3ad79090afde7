"""Records from all sources as the files that a fleet's submission is built from, with nothing taken on trust.

When a root came and which revisions there are is asked of the chain; that a record is under its root, and that its readings are those
that were committed to, is computed again. Signatures are checked when the files are built from.
"""

from __future__ import annotations

import shutil
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from flexbond.errors import FlexbondError
from flexbond.fleet.exporting import export_book
from flexbond.fleet.hashing import commitments_of, struct_hashes
from flexbond.fleet.keccak import keccak_rows
from flexbond.fleet.roots import KeptRoot, load_roots
from flexbond.fleet.tables import ROOTS, SHOWN_HISTORY, SHOWN_RECORDS, Ragged, hashes, open_table
from flexbond.operations.history import logs_of
from flexbond.operations.recordbook import RecordBook
from flexbond.records import BLOCK, FLAG_BYTES, MAX_READINGS, READING_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from flexbond.chain.suite import Suite
    from flexbond.fleet.exporting import Places
    from flexbond.fleet.submission import FleetFiles
    from flexbond.watching.shelf import Shelf

_LIMIT: Final = 1 << (8 * READING_BYTES - 1)
_NUMBERS: Final = ("slot_start", "period_seconds", "count", "revision")
UNREADABLE: Final = (FlexbondError, pa.ArrowException, OSError, ValueError, OverflowError)
"""What reading a file of somebody else's may raise."""


@dataclass(kw_only=True)
class Gathered:
    """What was made of all sources."""

    files: FleetFiles
    rows: int
    """Records that may count."""
    notes: list[str]
    """What could not be read."""


def gather(places: Places, shelf: Shelf, folder: Path) -> Gathered:
    """Writes all records into files of a folder. What cannot be read is left out and named. Raises NodeUnreachableError."""
    notes: list[str] = []
    records, history, roots = list(shelf.records), list(shelf.history), list(shelf.roots)
    for number, path in enumerate(shelf.books):
        mine = folder / f"book-{number}.parquet", folder / f"book-{number}-roots.parquet"
        try:
            # A copy: opening a book takes off a last line that its owner may just be writing.
            copy = shutil.copyfile(path, folder / f"book-{number}.jsonl")
            book = RecordBook.open(copy, oracle=places.asked.oracle, create=False)
        except UNREADABLE as error:
            notes.append(f"The record book {path} was not used: {error}")
            continue
        export_book(places, book, *mine)
        records.append(mine[0])
        roots.append(mine[1])
    sieve = _Sieve.of(places, folder, (*records, *history), roots, notes)
    kept = (
        tuple(sieve.pass_on(records, SHOWN_RECORDS, "records")),
        tuple(sieve.pass_on(history, SHOWN_HISTORY, "history")),
    )
    sieve.save_roots(folder / "roots.parquet")
    moments = {point: (at,) for point, at in sieve.moments.items()}
    files = places.save(folder, moments, records=kept[0], history=kept[1], roots=(folder / "roots.parquet",))
    return Gathered(files=files, rows=sieve.rows, notes=notes)


@dataclass(kw_only=True)
class _Sieve:
    """What lets records pass, and what passed."""

    folder: Path
    deadline: int
    notice: int
    standing: Mapping[bytes, tuple[int, int]]
    """Of every root that the oracle has: when it came, and when it was attested."""
    roots: Mapping[bytes, KeptRoot]
    """Those of which all leaves are there."""
    members: Mapping[bytes, frozenset[bytes]]
    """The struct hashes under each of them."""
    revised: Mapping[tuple[bytes, int], list[tuple[int, int]]]
    """Of every slot that was revised: times and revisions."""
    notes: list[str]
    moments: dict[bytes, int] = field(default_factory=dict)
    """When the newest record of each metering point came that is judged as anchored, UTC seconds."""
    rows: int = 0
    seen: set[tuple[bytes, bytes]] = field(default_factory=set)
    """Roots and records that passed."""

    @classmethod
    def of(cls, places: Places, folder: Path, files: Iterable[Path], roots: list[Path], notes: list[str]) -> _Sieve:
        suite, wanted = places.suite, set[bytes]()
        for path in files:
            try:
                with open_table(path, pa.schema([ROOTS.field("root")])) as file:
                    wanted.update(file.read(["root"]).column("root").unique().drop_null().to_pylist())
            except UNREADABLE as error:
                notes.append(f"{path} was not used: {error}")
        asked = sorted(wanted)
        told = suite.oracle.read_many("standing", [(root,) for root in asked])
        standing = {root: (one.at, one.attested_at) for root, one in zip(asked, told, strict=True) if one.at}
        kept = _kept_roots(roots, set(standing), notes)
        return cls(
            folder=folder,
            deadline=places.asked.deadline,
            notice=places.asked.question.first_notice,
            standing=standing,
            roots=kept,
            members={root: frozenset(bytes(one) for one in tree.records) for root, tree in kept.items()},
            revised=_revisions(suite),
            notes=notes,
        )

    def pass_on(self, paths: Iterable[Path], schema: pa.Schema, name: str) -> Iterable[Path]:
        """Writes what passes of every file into one of the folder's."""
        for number, path in enumerate(paths):
            target = self.folder / f"{name}-{number}.parquet"
            try:
                with open_table(path, schema) as file, pq.ParquetWriter(target, schema) as out:
                    for group in range(file.num_row_groups):
                        table = file.read_row_group(group, schema.names).cast(schema).drop_null().combine_chunks()
                        out.write_table(self._sifted(table, str(path), is_history=schema is SHOWN_HISTORY))
            except UNREADABLE as error:
                self.notes.append(f"{path} was not used from where it cannot be read: {error}")
            if target.exists():
                target.chmod(0o600)
                yield target

    def save_roots(self, path: Path) -> None:
        """All leaves of the roots, each root once."""
        with pq.ParquetWriter(path, ROOTS) as out:
            for root, kept in self.roots.items():
                leaves = [
                    kept.records[first:end].tobytes()
                    for first, end in zip(kept.starts[:-1], kept.starts[1:], strict=True)
                ]
                out.write_table(pa.Table.from_pydict({"root": [root] * len(leaves), "records": leaves}, schema=ROOTS))

    # ------------------------------------------------------------------ one table

    def _sifted(self, table: pa.Table, place: str, *, is_history: bool) -> pa.Table:
        structs = history_structs(table, place) if is_history else record_structs(table, place)
        under = table.column("root").to_pylist()
        good = []
        for row, struct in enumerate(structs):
            key = under[row], struct
            if struct and key not in self.seen and struct in self.members.get(under[row], ()):
                self.seen.add(key)
                good.append(row)
        kept = table.take(pa.array(good, pa.int64()))
        self.rows += len(good)
        if len(good) < len(structs):
            self.notes.append(
                f"{len(structs) - len(good)} rows of {place} count for nothing: there before, not as committed to, or "
                "under no root of which the oracle and a file of roots know."
            )
        times = [self.standing[under[row]] for row in good]
        slots = list(zip(kept.column("metering_point").to_pylist(), kept.column("slot_start").to_pylist(), strict=True))
        columns: dict[str, list[Any]] = {
            "at": [at for at, _ in times],
            "attested_at": [attested for _, attested in times],
            "latest_revision": [self._latest(slot, self.deadline) for slot in slots],
            "latest_before_notice": [self._latest(slot, self.notice) for slot in slots],
        }
        for (point, _), (at, attested) in zip(slots, times, strict=True):
            if at != attested and at < self.deadline:
                self.moments[point] = max(at, self.moments.get(point, 0))
        for name, values in columns.items():
            kept = kept.set_column(kept.schema.get_field_index(name), name, pa.array(values, pa.int64()))
        return kept

    def _latest(self, slot: tuple[bytes, int], before: int) -> int:
        return max((revision for at, revision in self.revised.get(slot, ()) if at < before), default=0)


def _kept_roots(paths: Iterable[Path], wanted: set[bytes], notes: list[str]) -> dict[bytes, KeptRoot]:
    """The wanted roots of which some file lists all leaves; the first file that does counts."""
    found: dict[bytes, KeptRoot] = {}
    for path in paths:
        missing = wanted - set(found)
        try:
            found |= load_roots([path], missing)
        except UNREADABLE:
            # One root that is listed wrongly says nothing of the others.
            for root in missing:
                try:
                    found |= load_roots([path], {root})
                except UNREADABLE as error:
                    notes.append(f"{path} was not used for a root: {error}")
    return found


def _revisions(suite: Suite) -> dict[tuple[bytes, int], list[tuple[int, int]]]:
    revised: dict[tuple[bytes, int], list[tuple[int, int]]] = defaultdict(list)
    for item in logs_of(suite, "MeterOracle", "RecordRevised"):
        revised[item.metering_point, item.slot_start].append((item.timestamp, item.revision))
    return dict(revised)


def record_structs(table: pa.Table, place: str) -> list[bytes]:
    """Struct hash of every row; empty where its readings are not what was committed to, or nothing a record could hold."""
    numbers = [_column(table, name) for name in _NUMBERS]
    counts = numbers[2]
    readings, flags = Ragged.of(table, "readings", place), Ragged.of(table, "flags", place)
    salts, stated = hashes(table, "salt", place), hashes(table, "commitment", place)
    good = np.zeros(len(table), dtype=bool)
    for count in np.unique(counts[(counts > 0) & (counts <= MAX_READINGS)]).tolist():
        width = FLAG_BYTES * -(-count // BLOCK)
        rows = np.flatnonzero((counts == count) & (readings.lengths == count) & (flags.lengths == width))
        if len(rows):
            values = readings.rows(rows, count)
            fits = (commitments_of(salts[rows], values, flags.rows(rows, width)) == stated[rows]).all(axis=1)
            good[rows] = fits & ((values >= -_LIMIT) & (values < _LIMIT)).all(axis=1)
    good &= _are_heads(numbers)
    structs = struct_hashes(hashes(table, "metering_point", place), numbers, stated)
    return [structs[row].tobytes() if good[row] else b"" for row in range(len(table))]


def history_structs(table: pa.Table, place: str) -> list[bytes]:
    """Struct hash of every row; empty where its head and its blocks do not give the one that it states."""
    numbers = [_column(table, name) for name in _NUMBERS]
    points, stated, blocks = (
        hashes(table, "metering_point", place),
        hashes(table, "record", place),
        Ragged.of(table, "blocks", place),
    )
    good = np.zeros(len(table), dtype=bool)
    for length in np.unique(blocks.lengths).tolist():
        rows = np.flatnonzero(blocks.lengths == length)
        committed = keccak_rows(blocks.rows(rows, length))
        found = struct_hashes(points[rows], [values[rows] for values in numbers], committed)
        good[rows] = (found == stated[rows]).all(axis=1)
    good &= _are_heads(numbers)
    return [stated[row].tobytes() if good[row] else b"" for row in range(len(table))]


def _column(table: pa.Table, name: str) -> NDArray[np.int64]:
    values: NDArray[np.int64] = table.column(name).combine_chunks().to_numpy(zero_copy_only=False).astype(np.int64)
    return values


def _are_heads(numbers: list[NDArray[np.int64]]) -> NDArray[np.bool_]:
    """Whether slot start, period, readings and revision fit a record's head."""
    limits = (1 << 40, 1 << 24, MAX_READINGS + 1, 1 << 16)
    good = np.ones(len(numbers[0]), dtype=bool)
    for values, limit in zip(numbers, limits, strict=True):
        good &= (values >= 0) & (values < limit)
    return good
