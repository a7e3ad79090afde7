"""The record book: every record a provider may have to prove, with its salt and signature, and the batches it was attested in.

A file of JSON lines. The first states chain and oracle. Then come lines of two kinds, only ever appended: a record, and a batch,
which lists records of the book by their number (from 0) in the order of the batch. A batch is written before it is sent, so that
whatever became of the program, its root can be looked up on chain. A last line without its line break was cut off while it was
written: it is dropped. Whoever holds the book can open the readings; keep it as private as they are.
"""

# JSON is anything until it is checked.

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

from flexbond.model.types import P256Record, SignedRecord, SignerScheme
from flexbond.operations.errors import (
    DocumentDomainError,
    DocumentDuplicateError,
    DocumentFieldError,
    DocumentSyntaxError,
    DocumentTooLargeError,
    DocumentUnreadableError,
    RecordsDifferError,
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
from flexbond.records import MAX_READINGS, MeterRecord, RecordError, RecordHead
from flexbond.trees import BatchTree

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from flexbond.signing.eip712 import Domain

SCHEMA: Final = "flexbond/record-book"
VERSION: Final = 1
MAX_BATCH: Final = 4_096
"""Most records of a batch in the book."""

_READING: Final = 2**39
_RECORD_KEYS: Final = {"point", "slotStart", "periodSeconds", "revision", "readings", "estimated", "salt", "commitment"}
_SIGNATURES: Final = {
    SignerScheme.SECP256K1: ("r", "vs"),
    SignerScheme.P256: ("r", "s", "x", "y"),
}

Key = tuple[bytes, int, int]
"""Metering point, slot start in UTC seconds, revision."""


@dataclass(frozen=True, kw_only=True)
class BookedRecord:
    """A record and its signature."""

    record: MeterRecord
    scheme: SignerScheme
    signature: tuple[bytes, ...]
    """secp256k1: r and vs; P-256: r, s, x and y. 32 bytes each."""

    @property
    def key(self) -> Key:
        """What there can be only one record of."""
        head = self.record.head
        return head.metering_point, head.slot_start, head.revision

    @cached_property
    def signed(self) -> SignedRecord | P256Record:
        """The record as the oracle takes it."""
        cls = SignedRecord if self.scheme is SignerScheme.SECP256K1 else P256Record
        return cls.from_tuple((self.record.head.pack(), self.record.commitment, *self.signature))

    @classmethod
    def of(cls, record: MeterRecord, signed: SignedRecord | P256Record) -> Self:
        """From what a device signed."""
        scheme = SignerScheme.SECP256K1 if isinstance(signed, SignedRecord) else SignerScheme.P256
        return cls(record=record, scheme=scheme, signature=signed.as_tuple()[2:])


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


class RecordBook:
    """Records and batches of one oracle, in a file that only grows."""

    def __init__(self, path: Path, *, chain_id: int, oracle: str) -> None:
        self.path = path
        self.chain_id = chain_id
        self.oracle = oracle
        self.records: list[BookedRecord] = []
        self.batches: list[Batch] = []
        self._numbers: dict[Key, int] = {}
        self._by_slot: dict[tuple[bytes, int], list[int]] = {}
        self._by_point: dict[bytes, list[int]] = {}
        self._homes: dict[int, list[tuple[Batch, int]]] = {}

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
        """The book of a file that exists. Raises DocumentError, RecordsDifferError."""
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
        for number, line in enumerate(lines[1:], start=2):
            book._take(_line(line, f"{path}, line {number}"), place=f"{path}, line {number}")
        if whole < len(content):
            book._cut(whole)
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

    # -------------------------------------------------------------- writing

    def add(self, records: Iterable[BookedRecord]) -> int:
        """Appends those records that are not in the book yet; says how many. Raises RecordsDifferError.

        A record whose slot and revision are there with another content is refused: the device would equivocate.
        """
        new: dict[Key, BookedRecord] = {}
        for booked in records:
            known = self.find(booked.key) or new.get(booked.key)
            if known is None:
                new[booked.key] = booked
            elif known.record.commitment != booked.record.commitment:
                raise _equivocation(booked.key)
        self._append(_record_json(booked) for booked in new.values())
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
        """Takes off the last line, which was not written whole."""
        with self.path.open("rb+") as file:
            file.truncate(size)

    def _take(self, content: dict[str, Any], *, place: str) -> None:
        if "batch" in content:
            self._take_batch(require_keys(content, {"batch", "records"}, place=place), place)
            return
        booked = _read_record(content, place)
        known = self.find(booked.key)
        if known is not None and known.record.commitment != booked.record.commitment:
            raise _equivocation(booked.key)
        if known is not None:
            raise DocumentDuplicateError("is a record that the book already has.", "Remove the line.", place=place)
        self._keep(booked)

    def _take_batch(self, content: dict[str, Any], place: str) -> None:
        high = len(self.records) - 1
        numbers = tuple(
            integer(item, place=f"{place}, records", high=max(high, 0))
            for item in listed(content["records"], place=f"{place}, records", limit=MAX_BATCH)
        )
        if not numbers or high < 0 or len(set(numbers)) < len(numbers):
            raise DocumentFieldError("lists no records, or one twice.", "Remove the line.", place=place)
        batch = self._batch(numbers)
        if batch.root != hex_bytes(content["batch"], place=f"{place}, batch", size=32):
            raise DocumentFieldError("has a root that its records do not give.", "Remove the line.", place=place)
        self._keep_batch(batch)

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

    def __iter__(self) -> Iterator[BookedRecord]:
        return iter(self.records)

    def __len__(self) -> int:
        return len(self.records)


def _line(content: bytes, place: str) -> dict[str, Any]:
    if len(content) > MAX_LINE_BYTES:
        raise DocumentTooLargeError(f"is longer than {MAX_LINE_BYTES} bytes.", "Check the file.", place=place)
    return parse(content, place=place)


def _record_json(booked: BookedRecord) -> dict[str, Any]:
    record, head = booked.record, booked.record.head
    return {
        "point": "0x" + head.metering_point.hex(),
        "slotStart": head.slot_start,
        "periodSeconds": head.period_seconds,
        "revision": head.revision,
        "readings": list(record.readings_milli_wh),
        "estimated": [place for place, flag in enumerate(record.estimated) if flag],
        "salt": "0x" + record.salt.hex(),
        "commitment": "0x" + record.commitment.hex(),
        **{name: "0x" + part.hex() for name, part in zip(_SIGNATURES[booked.scheme], booked.signature, strict=True)},
    }


def _read_record(content: dict[str, Any], place: str) -> BookedRecord:
    scheme = SignerScheme.P256 if "x" in content else SignerScheme.SECP256K1
    names = _SIGNATURES[scheme]
    given = require_keys(content, _RECORD_KEYS | set(names), place=place)
    readings = listed(given["readings"], place=f"{place}, readings", limit=MAX_READINGS)
    flagged = listed(given["estimated"], place=f"{place}, estimated", limit=MAX_READINGS)
    last = len(readings) - 1
    estimated = {integer(item, place=f"{place}, estimated", high=max(last, 0)) for item in flagged}
    if last < 0 or len(estimated) < len(flagged):
        raise DocumentFieldError("has no readings, or flags one twice.", "Correct the line.", place=place)
    try:
        head = RecordHead(
            metering_point=hex_bytes(given["point"], place=f"{place}, point", size=16),
            slot_start=integer(given["slotStart"], place=f"{place}, slotStart"),
            period_seconds=integer(given["periodSeconds"], place=f"{place}, periodSeconds", low=1),
            readings=len(readings),
            revision=integer(given["revision"], place=f"{place}, revision"),
        )
    except RecordError as error:
        raise DocumentFieldError(error.message, error.next_step, place=place) from error
    record = MeterRecord(
        head=head,
        readings_milli_wh=tuple(
            integer(item, place=f"{place}, readings", low=-_READING, high=_READING - 1) for item in readings
        ),
        estimated=tuple(number in estimated for number in range(len(readings))),
        salt=hex_bytes(given["salt"], place=f"{place}, salt", size=32),
    )
    if record.commitment != hex_bytes(given["commitment"], place=f"{place}, commitment", size=32):
        raise DocumentFieldError("has a commitment that its readings do not give.", "Sign them anew.", place=place)
    signature = tuple(hex_bytes(given[name], place=f"{place}, {name}", size=32) for name in names)
    return BookedRecord(record=record, scheme=scheme, signature=signature)


def _equivocation(key: Key) -> RecordsDifferError:
    point, slot_start, revision = key
    return RecordsDifferError(
        f"Metering point 0x{point.hex()} has another record of the slot from {slot_start} with revision {revision}.",
        "Sign corrected readings with a higher revision: two records of one revision suspend the device.",
    )
