"""A record book as the files that a fleet's submission is built from: what the chain knows of the portfolio, beside the records."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from flexbond.fleet.event import FleetEvent
from flexbond.fleet.submission import FleetFiles
from flexbond.fleet.tables import DEVICES, ROOTS, SHOWN_RECORDS
from flexbond.operations.common import oracle_domain
from flexbond.operations.evidence import Past, entries_of
from flexbond.operations.history import grids_of
from flexbond.operations.meters import standings
from flexbond.operations.progress import Progress, silent
from flexbond.records import BLOCK, FLAG_BYTES

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from flexbond.chain.suite import Suite
    from flexbond.model.types import Call, Entry
    from flexbond.operations.history import EventHistory
    from flexbond.operations.recordbook import RecordBook
    from flexbond.records import Standing

AT_ONCE: Final = 50_000
"""Rows written at a time, and rows of a row group."""
_NEVER: Final = (bytes(32), 0, 0)
"""In place of a root and its times: of a record that was never kept."""


def export(
    suite: Suite, event: EventHistory, book: RecordBook, folder: Path, *, progress: Progress = silent
) -> FleetFiles:
    """Writes the files of an event into a folder. Past days are among the records; whoever reads them can open the readings.

    Raises UnknownError, NodeUnreachableError.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    places = Places.of(suite, event)
    ways = _Ways.of(suite, book)
    records, roots = folder / "records.parquet", folder / "roots.parquet"
    count = export_book(places, book, records, roots)
    moments = {
        entry.metering_point: [
            at
            for number in book.of_point(entry.metering_point)
            for _, at, attested in ways.of_record(number)
            if at != attested
        ]
        for entry in places.entries
    }
    files = places.save(folder, moments, records=(records,), roots=(roots,))
    progress(f"Wrote {len(places.entries)} places and {count} records of the book to {folder}.")
    return files


def export_book(places: Places, book: RecordBook, records: Path, roots: Path) -> int:
    """Writes the records of a book that may hold something that is needed, and the roots that they are under; how many."""
    ways = _Ways.of(places.suite, book)
    numbers = _numbers(places.asked, book, places.entries)
    _write(records, SHOWN_RECORDS, _records(places.suite, places.asked, book, ways, numbers))
    _write(roots, ROOTS, ways.leaves())
    return len(numbers)


@dataclass(frozen=True, kw_only=True)
class Places:
    """What the chain knows of an event and of the places of its portfolio."""

    suite: Suite
    asked: FleetEvent
    entries: list[Entry]
    groups: list[int]
    """Of every entry: which list of calls."""

    @classmethod
    def of(cls, suite: Suite, event: EventHistory) -> Places:
        """From the chain. Raises UnknownError, NodeUnreachableError."""
        sums = suite.devices.read("sumsBefore", event.key.portfolio_id, event.state.first_notice)
        entries = entries_of(suite, event.key.portfolio_id, sums.entries)
        groups = _Groups.of(suite, event, entries)
        asked = FleetEvent(
            oracle=oracle_domain(suite),
            rule=event.rule,
            question=groups.past.question_of_portfolio,
            groups=tuple(calls for calls, _ in groups.kinds),
            grids=grids_of(suite),
            schedule_milli_wh=event.schedule_milli_wh,
            calls_from=groups.past.calls_from,
            past_from=tuple(starts for _, starts in groups.kinds),
        )
        return cls(suite=suite, asked=asked, entries=entries, groups=groups.of_entry)

    def save(
        self,
        folder: Path,
        moments: Mapping[bytes, Collection[int]],
        *,
        records: tuple[Path, ...] = (),
        history: tuple[Path, ...] = (),
        roots: tuple[Path, ...] = (),
    ) -> FleetFiles:
        """Writes event and places; `moments`: when records of each metering point came that are judged as anchored, UTC seconds."""
        files = FleetFiles(
            event=folder / "event.json",
            devices=folder / "devices.parquet",
            records=records,
            history=history,
            roots=roots,
        )
        self.asked.save(files.event)
        _write(files.devices, DEVICES, self._rows(moments))
        return files

    def _rows(self, moments: Mapping[bytes, Collection[int]]) -> Iterator[dict[str, Any]]:
        suite, deadline = self.suite, self.asked.deadline
        points = suite.devices.read_many("meteringPoint", [(entry.metering_point,) for entry in self.entries])
        # The signer of the moment in which the newest record came that is judged as anchored.
        asked = [
            (point, max((at for at in moments.get(point, ()) if at < deadline), default=deadline))
            for point in (entry.metering_point for entry in self.entries)
        ]
        words = suite.devices.read_many("signerWordAt", asked)
        for entry, point, held, group in zip(self.entries, points, words, self.groups, strict=True):
            word = held.word
            yield {
                **{name: getattr(entry, name) for name in ("metering_point", "joined_at", "left_at", "capacity_w")},
                "connection_w": entry.connection_w,
                "kind": int(entry.kind),
                "suspended_at": point.suspended_at,
                "signer": (word & (1 << 160) - 1).to_bytes(20, "big"),
                "valid_from": word >> 160 & (1 << 40) - 1,
                "valid_until": word >> 200 & (1 << 40) - 1,
                "grid_id": word >> 240 & 0xFF,
                "scheme": word >> 248,
                "group": group,
            }


@dataclass(frozen=True, kw_only=True)
class _Groups:
    """Which metering points were in the same calls."""

    past: Past
    kinds: list[tuple[tuple[Call, ...], tuple[int, ...]]]
    """Calls, and from where those of earlier portfolios are gathered; the first is the portfolio's own."""
    of_entry: list[int]

    @classmethod
    def of(cls, suite: Suite, event: EventHistory, entries: Sequence[Entry]) -> _Groups:
        past = Past.of(suite, event)
        kinds: dict[tuple[tuple[Call, ...], tuple[int, ...]], int] = {(past.calls, ()): 0}
        found = []
        for index, entry in enumerate(entries):
            question, starts = past.question_of(index, entry)
            found.append(kinds.setdefault((question.calls, starts), len(kinds)))
        return cls(past=past, kinds=list(kinds), of_entry=found)


@dataclass(frozen=True, kw_only=True)
class _Ways:
    """The roots that the oracle has of the book's, and which records are under them."""

    book: RecordBook
    known: dict[bytes, Standing]

    @classmethod
    def of(cls, suite: Suite, book: RecordBook) -> _Ways:
        return cls(book=book, known=standings(suite, book))

    def of_record(self, number: int) -> list[tuple[bytes, int, int]]:
        """Every root that a record is under, when it came and when it was attested."""
        roots = [batch.root for batch, _ in self.book.batches_of(number)]
        roots += [anchor.root for anchor, _, _ in self.book.anchors_of(number)]
        known = [(root, self.known[root]) for root in dict.fromkeys(roots) if root in self.known]
        return [(root, standing.at, standing.attested_at) for root, standing in known] or [_NEVER]

    def leaves(self) -> Iterator[dict[str, Any]]:
        """All leaves of these roots, in order."""
        for batch in self.book.batches:
            if batch.root in self.known:
                for number in batch.records:
                    yield {"root": batch.root, "records": self.book.records[number].record.struct_hash}
        attested = {batch.root for batch in self.book.batches}
        for anchor in self.book.anchors:
            if anchor.root in self.known and anchor.root not in attested:
                for hashes in anchor.hashes:
                    yield {"root": anchor.root, "records": b"".join(hashes)}


def _numbers(asked: FleetEvent, book: RecordBook, entries: Sequence[Entry]) -> list[int]:
    """Numbers of the records that may hold something that is needed, by place of their device and by slot."""
    needed = [asked.needed(group) for group in range(len(asked.groups))]
    first = min(starts[0] for starts in needed)
    end = max(starts[-1] for starts in needed) + asked.rule.period_seconds
    found: list[int] = []
    for point in dict.fromkeys(entry.metering_point for entry in entries):
        heads = [(book.records[number].record.head, number) for number in book.of_point(point)]
        mine = [
            (head.slot_start, head.revision, n) for head, n in heads if head.slot_start < end and head.slot_end > first
        ]
        found.extend(number for _, _, number in sorted(mine))
    return found


def _records(
    suite: Suite, asked: FleetEvent, book: RecordBook, ways: _Ways, numbers: Sequence[int]
) -> Iterator[dict[str, Any]]:
    for first in range(0, len(numbers), AT_ONCE):
        part = numbers[first : first + AT_ONCE]
        heads = [book.records[number].record.head for number in part]
        slots = list(dict.fromkeys((head.metering_point, head.slot_start) for head in heads))
        limits = (asked.deadline, asked.question.first_notice)
        latest, before = (
            dict(zip(slots, suite.oracle.read_many("revisionBefore", [(*slot, limit) for slot in slots]), strict=True))
            for limit in limits
        )
        for number, head in zip(part, heads, strict=True):
            booked, slot = book.records[number], (head.metering_point, head.slot_start)
            record = booked.record
            common = {
                "metering_point": head.metering_point,
                "slot_start": head.slot_start,
                "period_seconds": head.period_seconds,
                "revision": head.revision,
                "count": head.readings,
                "latest_revision": latest[slot],
                "latest_before_notice": before[slot],
                "readings": list(record.readings_milli_wh),
                "flags": b"".join(record.payload(block)[:FLAG_BYTES] for block in range(-(-head.readings // BLOCK))),
                "salt": record.salt,
                "commitment": record.commitment,
                "signature": booked.signature_bytes,
            }
            for root, at, attested_at in ways.of_record(number):
                yield {**common, "root": root, "at": at, "attested_at": attested_at}


def _write(path: Path, schema: pa.Schema, rows: Iterable[dict[str, Any]]) -> None:
    """Writes rows into a Parquet file, some at a time, whole or not at all; only its owner can read it."""
    aside = path.with_suffix(".part")
    aside.touch(mode=0o600)
    with pq.ParquetWriter(aside, schema) as file:
        held: list[dict[str, Any]] = []
        for row in rows:
            held.append(row)
            if len(held) == AT_ONCE:
                file.write_table(pa.Table.from_pylist(held, schema=schema))
                held = []
        file.write_table(pa.Table.from_pylist(held, schema=schema))
    aside.replace(path)
