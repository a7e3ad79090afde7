"""Rows of a fleet's files that are shown: the records of some metering points, opened as the verifier takes them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pyarrow as pa

from flexbond.fleet.tables import SHOWN_HISTORY, SHOWN_RECORDS, hashes, integers, open_table
from flexbond.model.openings import WORD, RecordOpening
from flexbond.records import BLOCK, FLAG_BYTES, READING_BYTES, MeterRecord, RecordHead, record_hash

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from flexbond.fleet.submission import FleetFiles


@dataclass(frozen=True, kw_only=True)
class ShownRows:
    """All rows of some metering points; rows are counted over the records and then the history."""

    records: pa.Table
    history: pa.Table
    place: Path
    """Named where a value is wrong."""

    @classmethod
    def of(cls, files: FleetFiles, points: NDArray[np.uint8]) -> Self:
        """From the files, of metering points `(n, 16)`. Raises FleetError, also where a column is missing that proofs need."""
        return cls(
            records=_rows_of(files.records, SHOWN_RECORDS, points),
            history=_rows_of(files.history, SHOWN_HISTORY, points),
            place=files.records[0] if files.records else files.devices,
        )

    @property
    def points(self) -> NDArray[np.uint8]:
        """Metering point of every row, `(n, 16)`."""
        tables = (self.records, self.history)
        return np.concatenate([hashes(table, "metering_point", str(self.place)) for table in tables])

    def numbers(self, names: Iterable[str]) -> dict[str, NDArray[np.int64]]:
        """Some columns of every row."""
        tables = (self.records, self.history)
        return {name: np.concatenate([integers(table, name, str(self.place)) for table in tables]) for name in names}

    def root(self, row: int) -> bytes:
        """What a row's times are of."""
        return bytes(self._value(row, "root"))

    def struct_hash(self, row: int) -> bytes:
        """Of a row's record."""
        if self._is_history(row):
            return bytes(self._value(row, "record"))
        return record_hash(self._head(row).pack(), self._value(row, "commitment"))

    def revisions(self, row: int) -> tuple[int, int]:
        """The highest revision of its slot attested before the reading deadline, and before the first notice."""
        return self._value(row, "latest_revision"), self._value(row, "latest_before_notice")

    def opening(
        self, row: int, starts: Iterable[int], seconds: int, *, home: tuple[int, int], is_signed: bool
    ) -> RecordOpening:
        """A row's record, opened where it holds settlement periods that begin at `starts`; one of past days as it is in its file.

        `seconds` is the settlement period; `home` the number of the inclusion and the place in its history.
        """
        signature = self._value(row, "signature") if is_signed else b""
        if not self._is_history(row):
            record = self._record(row)
            places = _places(record.head, starts, seconds)
            return record.opening(places, inclusion=home[0], place=home[1], signature=signature)
        head, blocks = self._head(row), self._value(row, "blocks")
        shown = [blocks[at : at + WORD] for at in range(0, len(blocks), WORD)]
        opened = self._value(row, "opened")
        bits = 0
        while opened:
            block = opened[0]
            end = 1 + WORD + FLAG_BYTES + READING_BYTES * min(BLOCK, head.readings - block * BLOCK)
            shown[block], opened = opened[1:end], opened[end:]
            bits |= 1 << block
        where = bits << 24 | len(signature) // WORD << 16 | home[0] << 8 | home[1]
        return RecordOpening(head=head.pack() | where, blocks=tuple(shown), signature=signature)

    # ------------------------------------------------------------------ inside

    def _is_history(self, row: int) -> bool:
        return bool(row >= self.records.num_rows)

    def _value(self, row: int, name: str) -> Any:
        first = self.records.num_rows
        table, at = (self.records, row) if row < first else (self.history, row - first)
        return table.column(name)[at].as_py()

    def _head(self, row: int) -> RecordHead:
        return RecordHead(
            metering_point=self._value(row, "metering_point"),
            slot_start=self._value(row, "slot_start"),
            period_seconds=self._value(row, "period_seconds"),
            readings=self._value(row, "count"),
            revision=self._value(row, "revision"),
        )

    def _record(self, row: int) -> MeterRecord:
        readings, flags = self._value(row, "readings"), self._value(row, "flags")
        estimated = [
            bool(int.from_bytes(flags[FLAG_BYTES * block : FLAG_BYTES * (block + 1)], "big") >> at & 1)
            for block, at in (divmod(place, BLOCK) for place in range(len(readings)))
        ]
        return MeterRecord(
            head=self._head(row),
            readings_milli_wh=tuple(readings),
            estimated=tuple(estimated),
            salt=self._value(row, "salt"),
        )


def _places(head: RecordHead, starts: Iterable[int], seconds: int) -> list[int]:
    """Places of a record's readings in the settlement periods that begin at `starts`."""
    step, end = head.period_seconds, head.slot_end
    found: set[int] = set()
    for start in starts:
        first, last = max(start, head.slot_start), min(start + seconds, end)
        found.update(range(-(-(first - head.slot_start) // step), -(-(last - head.slot_start) // step)))
    return sorted(found)


def _rows_of(paths: Sequence[Path], schema: pa.Schema, points: NDArray[np.uint8]) -> pa.Table:
    """All rows of some metering points. Raises FleetError."""
    wanted = _begun(points)
    found = [schema.empty_table()]
    for path in paths:
        with open_table(path, schema) as file:
            for group in range(file.num_row_groups):
                given = hashes(file.read_row_group(group, ["metering_point"]), "metering_point", str(path))
                rows = np.flatnonzero(np.isin(_begun(given), wanted))
                if len(rows):
                    found.append(file.read_row_group(group, schema.names).take(pa.array(rows)).cast(schema))
    return pa.concat_tables(found).combine_chunks()


def _begun(points: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """First half of metering points `(n, 16)`: enough to pass over nearly all others."""
    halves: NDArray[np.uint64] = np.ascontiguousarray(points).view(np.uint64)[:, 0]
    return halves
