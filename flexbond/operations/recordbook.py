"""The record book: every record a provider may have to prove, with its salt and signature, and the roots under which it was kept.

A file of JSON lines. The first states chain and oracle. Then come lines of three kinds, only ever appended: a record; a batch that
is attested, which lists records of the book by their number (from 0) in the order of the batch; and an anchored root, which lists the
records of each leaf, over as many lines as it needs. A root is written before it is sent, so that whatever became of the program, it
can be looked up on chain. A last line without its line break, or a root without its last line, was cut off while it was written: it is
dropped. Whoever holds the book can open the readings; keep it as private as they are.
"""

# JSON is anything until it is checked.

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

from flexbond.model.openings import Inclusion
from flexbond.operations.booked import BookedRecord, Key, contradict, equivocation, read_record, record_json
from flexbond.operations.errors import (
    DocumentDomainError,
    DocumentDuplicateError,
    DocumentFieldError,
    DocumentSyntaxError,
    DocumentTooLargeError,
    DocumentUnreadableError,
)
from flexbond.operations.files import (
    MAX_BOOK_BYTES,
    MAX_LINE_BYTES,
    check_schema,
    parse,
    read_bytes,
    require_keys,
    write_text,
)
from flexbond.operations.structs import address, hex_bytes, integer, listed
from flexbond.trees import MAX_HISTORY, BatchTree, history_leaf

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from flexbond.signing.eip712 import Domain

SCHEMA: Final = "flexbond/record-book"
VERSION: Final = 1
MAX_BATCH: Final = 4_096
"""Most records of a batch in the book, and of a line of an anchored root."""

_ANCHOR_KEYS: Final = {"anchor", "part", "parts", "leaves"}


@dataclass(frozen=True, kw_only=True)
class Batch:
    """Records that were or are to be attested together."""

    records: tuple[int, ...]
    """Their numbers in the book, in the order of the batch."""
    tree: BatchTree

    @property
    def root(self) -> bytes:
        """What the oracle keeps."""
        return self.tree.root

    def inclusion(self, place: int) -> Inclusion:
        """What shows that a record is in the batch."""
        return Inclusion(batch_root=self.root, path=self.tree.path(place), history=())


@dataclass(frozen=True, kw_only=True)
class Anchor:
    """Records that were or are to be anchored under one root."""

    leaves: tuple[tuple[int, ...], ...]
    """Of each leaf the numbers in the book: of one record, or of several of a history leaf, in their order."""
    hashes: tuple[tuple[bytes, ...], ...]
    """Their struct hashes."""
    tree: BatchTree

    @classmethod
    def of(cls, leaves: Sequence[tuple[int, ...]], hashes: Sequence[tuple[bytes, ...]]) -> Self:
        """The root over these leaves, in order. Raises TreeError."""
        tree = BatchTree.of([leaf[0] if len(leaf) == 1 else history_leaf(leaf) for leaf in hashes])
        return cls(leaves=tuple(leaves), hashes=tuple(hashes), tree=tree)

    @property
    def root(self) -> bytes:
        """What the oracle keeps."""
        return self.tree.root

    def inclusion(self, leaf: int) -> Inclusion:
        """What shows that the records of a leaf are under the root."""
        history = self.hashes[leaf]
        path = self.tree.path(leaf)
        return Inclusion(batch_root=self.root, path=path, history=() if len(history) == 1 else history)


class RecordBook:
    """Records of one oracle and the roots they are under, in a file that only grows."""

    def __init__(self, path: Path, *, chain_id: int, oracle: str) -> None:
        self.path = path
        self.chain_id = chain_id
        self.oracle = oracle
        self.records: list[BookedRecord] = []
        self.batches: list[Batch] = []
        self.anchors: list[Anchor] = []
        self._numbers: dict[Key, int] = {}
        self._by_slot: dict[tuple[bytes, int], list[int]] = {}
        self._by_point: dict[bytes, list[int]] = {}
        self._homes: dict[int, list[tuple[Batch, int]]] = {}
        self._anchored: dict[int, list[tuple[Anchor, int, int]]] = {}
        self._parts: list[list[tuple[int, ...]]] = []

    # -------------------------------------------------------------- opening

    @classmethod
    def open(cls, path: Path, *, oracle: Domain, create: bool = True) -> Self:
        """The book of a file, which is made if it is missing, unless `create` is false. Raises DocumentError."""
        if path.exists() or not create:
            book = cls.load(path)
            if (book.chain_id, book.oracle) != (oracle.chain_id, oracle.contract):
                raise DocumentDomainError(
                    f"The book is of oracle {book.oracle} on chain {book.chain_id}, not of {oracle.contract} on chain "
                    f"{oracle.chain_id}.",
                    "Name the book of this deployment, or begin a new one.",
                    place=str(path),
                )
            return book
        book = cls(path, chain_id=oracle.chain_id, oracle=oracle.contract)
        write_text(path, book._header())
        path.chmod(0o600)
        return book

    @classmethod
    def load(cls, path: Path) -> Self:
        """The book of a file that exists. Raises DocumentError, EquivocationError."""
        content = read_bytes(path, limit=MAX_BOOK_BYTES)
        whole = content.rfind(b"\n") + 1
        if whole == 0:
            raise DocumentSyntaxError("has no whole line.", "Name a record book.", place=str(path))
        lines = content[:whole].split(b"\n")[:-1]
        first = check_schema(_line(lines[0], f"{path}, line 1"), schema=SCHEMA, version=VERSION, place=str(path))
        require_keys(first, {"chainId", "oracle"}, place=f"{path}, line 1")
        book = cls(
            path,
            chain_id=integer(first["chainId"], place=f"{path}, chainId", low=1),
            oracle=address(first["oracle"], place=f"{path}, oracle"),
        )
        kept = end = len(lines[0]) + 1
        for number, line in enumerate(lines[1:], start=2):
            end += len(line) + 1
            if book._take(_line(line, f"{path}, line {number}"), place=f"{path}, line {number}"):
                kept = end
        if kept < len(content):
            book._cut(kept)
        return book

    # -------------------------------------------------------------- reading

    def find(self, key: Key) -> BookedRecord | None:
        """The record of a metering point, slot and revision."""
        number = self._numbers.get(key)
        return None if number is None else self.records[number]

    def number_of(self, key: Key) -> int:
        """The number in the book of a record that is in it."""
        return self._numbers[key]

    def revisions(self, metering_point: bytes, slot_start: int) -> list[int]:
        """Numbers of all records of a slot (UTC seconds), the highest revision first."""
        found = self._by_slot.get((metering_point, slot_start), [])
        return sorted(found, key=lambda number: -self.records[number].record.head.revision)

    def of_point(self, metering_point: bytes) -> list[int]:
        """Numbers of all records of a metering point."""
        return list(self._by_point.get(metering_point, ()))

    def batches_of(self, number: int) -> list[tuple[Batch, int]]:
        """Batches that hold a record, and its place in each."""
        return list(self._homes.get(number, ()))

    def anchors_of(self, number: int) -> list[tuple[Anchor, int, int]]:
        """Anchored roots that hold a record, its leaf in each and its place in that leaf."""
        return list(self._anchored.get(number, ()))

    @property
    def roots(self) -> list[bytes]:
        """All roots of the book, attested and anchored."""
        return list(dict.fromkeys([batch.root for batch in self.batches] + [anchor.root for anchor in self.anchors]))

    # -------------------------------------------------------------- writing

    def add(self, records: Iterable[BookedRecord]) -> int:
        """Appends those records that are not in the book yet; says how many. Raises EquivocationError.

        A record whose slot and revision are there with another content is refused: the device would equivocate.
        """
        new: dict[Key, BookedRecord] = {}
        for booked in records:
            known = self.find(booked.key) or new.get(booked.key)
            if known is None:
                new[booked.key] = booked
            elif contradict(known, booked):
                raise equivocation(booked.key)
        self._append(record_json(booked) for booked in new.values())
        for booked in new.values():
            self._keep(booked)
        return len(new)

    def plan(self, numbers: Sequence[int]) -> Batch:
        """The batch of these records in this order; written down unless it is in the book."""
        batch = self._batch(tuple(numbers))
        if all(known.root != batch.root for known in self.batches):
            self._append([{"batch": "0x" + batch.root.hex(), "records": list(batch.records)}])
            self._keep_batch(batch)
        return batch

    def anchor_of(self, leaves: Sequence[tuple[int, ...]]) -> Anchor:
        """The root over these leaves, each of one record or of several; nothing is written. Raises TreeError."""
        return Anchor.of(leaves, [tuple(self.records[number].record.struct_hash for number in leaf) for leaf in leaves])

    def plan_anchor(self, anchor: Anchor) -> None:
        """Writes an anchored root down unless it is in the book."""
        if all(known.root != anchor.root for known in self.anchors):
            self._append(_anchor_lines(anchor))
            self._keep_anchor(anchor)

    # -------------------------------------------------------------- inside

    def _header(self) -> str:
        fields = {"schema": SCHEMA, "version": VERSION, "chainId": self.chain_id, "oracle": self.oracle}
        return json.dumps(fields) + "\n"

    def _append(self, lines: Iterable[dict[str, Any]]) -> None:
        content = b"".join([json.dumps(line, separators=(",", ":")).encode("utf-8") + b"\n" for line in lines])
        if not content:
            return
        try:
            with self.path.open("ab") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise DocumentUnreadableError(
                f"cannot be written: {error.strerror}.", "Make room or choose another place.", place=str(self.path)
            ) from error

    def _cut(self, size: int) -> None:
        """Takes off what was not written whole."""
        self._parts.clear()
        with self.path.open("rb+") as file:
            file.truncate(size)

    def _take(self, content: dict[str, Any], *, place: str) -> bool:
        """Takes a line; whether it ends what it belongs to."""
        if "anchor" in content:
            return self._take_part(require_keys(content, _ANCHOR_KEYS, place=place), place)
        if self._parts:
            raise DocumentFieldError("stands among the lines of an anchored root.", "Remove the line.", place=place)
        if "batch" in content:
            self._take_batch(require_keys(content, {"batch", "records"}, place=place), place)
            return True
        booked = read_record(content, place)
        known = self.find(booked.key)
        if known is not None and contradict(known, booked):
            raise equivocation(booked.key)
        if known is not None:
            raise DocumentDuplicateError("is a record that the book already has.", "Remove the line.", place=place)
        self._keep(booked)
        return True

    def _take_part(self, content: dict[str, Any], place: str) -> bool:
        parts = integer(content["parts"], place=f"{place}, parts", low=1)
        if integer(content["part"], place=f"{place}, part") != len(self._parts) or parts <= len(self._parts):
            raise DocumentFieldError("is not the next line of its root.", "Remove the root's lines.", place=place)
        given = listed(content["leaves"], place=f"{place}, leaves", limit=MAX_BATCH)
        if not given:
            raise DocumentFieldError("lists no records.", "Remove the line.", place=place)
        self._parts.append([self._numbers_in(item, place=f"{place}, leaves", limit=MAX_HISTORY) for item in given])
        if len(self._parts) < parts:
            return False
        anchor = self.anchor_of([leaf for part in self._parts for leaf in part])
        self._parts.clear()
        if anchor.root != hex_bytes(content["anchor"], place=f"{place}, anchor", size=32):
            raise DocumentFieldError("has a root that its records do not give.", "Remove the line.", place=place)
        self._keep_anchor(anchor)
        return True

    def _take_batch(self, content: dict[str, Any], place: str) -> None:
        batch = self._batch(self._numbers_in(content["records"], place=f"{place}, records", limit=MAX_BATCH))
        if batch.root != hex_bytes(content["batch"], place=f"{place}, batch", size=32):
            raise DocumentFieldError("has a root that its records do not give.", "Remove the line.", place=place)
        self._keep_batch(batch)

    def _numbers_in(self, content: Any, *, place: str, limit: int) -> tuple[int, ...]:
        high = len(self.records) - 1
        numbers = tuple(
            integer(item, place=place, high=max(high, 0)) for item in listed(content, place=place, limit=limit)
        )
        if not numbers or high < 0 or len(set(numbers)) < len(numbers):
            raise DocumentFieldError("lists no records, or one twice.", "Remove the line.", place=place)
        return numbers

    def _batch(self, numbers: tuple[int, ...]) -> Batch:
        return Batch(records=numbers, tree=BatchTree.of([self.records[item].record.struct_hash for item in numbers]))

    def _keep(self, booked: BookedRecord) -> None:
        number = len(self.records)
        self.records.append(booked)
        point, slot_start, _ = booked.key
        self._numbers[booked.key] = number
        self._by_slot.setdefault((point, slot_start), []).append(number)
        self._by_point.setdefault(point, []).append(number)

    def _keep_batch(self, batch: Batch) -> None:
        self.batches.append(batch)
        for place, number in enumerate(batch.records):
            self._homes.setdefault(number, []).append((batch, place))

    def _keep_anchor(self, anchor: Anchor) -> None:
        self.anchors.append(anchor)
        for leaf, numbers in enumerate(anchor.leaves):
            for place, number in enumerate(numbers):
                self._anchored.setdefault(number, []).append((anchor, leaf, place))

    def __iter__(self) -> Iterator[BookedRecord]:
        return iter(self.records)

    def __len__(self) -> int:
        return len(self.records)


def records_in(path: Path) -> Iterator[BookedRecord]:
    """The records of a book as they stand in its file, even if they contradict each other. Raises DocumentError."""
    content = read_bytes(path, limit=MAX_BOOK_BYTES)
    lines = content[: content.rfind(b"\n") + 1].split(b"\n")[:-1]
    if not lines:
        raise DocumentSyntaxError("has no whole line.", "Name a record book.", place=str(path))
    check_schema(_line(lines[0], f"{path}, line 1"), schema=SCHEMA, version=VERSION, place=str(path))
    for number, line in enumerate(lines[1:], start=2):
        given = _line(line, f"{path}, line {number}")
        if "anchor" not in given and "batch" not in given:
            yield read_record(given, f"{path}, line {number}")


def _line(content: bytes, place: str) -> dict[str, Any]:
    if len(content) > MAX_LINE_BYTES:
        raise DocumentTooLargeError(f"is longer than {MAX_LINE_BYTES} bytes.", "Check the file.", place=place)
    return parse(content, place=place)


def _anchor_lines(anchor: Anchor) -> list[dict[str, Any]]:
    """As many lines as keep each within what a line may hold."""
    parts: list[list[tuple[int, ...]]] = []
    room = 0
    for leaf in anchor.leaves:
        if len(leaf) > room:
            parts.append([])
            room = MAX_BATCH
        parts[-1].append(leaf)
        room -= len(leaf)
    root = "0x" + anchor.root.hex()
    return [
        {"anchor": root, "part": number, "parts": len(parts), "leaves": leaves} for number, leaves in enumerate(parts)
    ]
