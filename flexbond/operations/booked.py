"""A record with its signature, and its line in a record book."""

# JSON is anything until it is checked.

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, Self

from flexbond.model.types import P256Record, SignedRecord, SignerScheme
from flexbond.operations.errors import DocumentFieldError, EquivocationError
from flexbond.operations.files import require_keys
from flexbond.operations.structs import hex_bytes, integer, listed
from flexbond.records import MAX_READINGS, MeterRecord, RecordError, RecordHead
from flexbond.units import format_time

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

    @property
    def signature_bytes(self) -> bytes:
        """As it is shown for a record that was only anchored: 64 or 128 bytes."""
        return b"".join(self.signature)

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


def record_json(booked: BookedRecord) -> dict[str, Any]:
    """The line of a record."""
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


def read_record(content: dict[str, Any], place: str) -> BookedRecord:
    """The record of a line. Raises DocumentFieldError, DocumentTooLargeError."""
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


def equivocation(key: Key) -> EquivocationError:
    """What to raise for two different records of one key."""
    point, slot_start, revision = key
    return EquivocationError(
        f"The device of metering point 0x{point.hex()} signed two different records of the slot from {format_time(slot_start)} "
        f"with revision {revision}; the second one is refused.",
        "Never anchor or attest both. Report it with `flexbond meter report`, which names the files of both records and suspends the "
        "device; readings that are to be corrected are signed with a higher revision.",
        metering_point=point,
        slot_start=slot_start,
        revision=revision,
    )


def contradict(one: BookedRecord, other: BookedRecord) -> bool:
    """Whether two records are of one key and differ: whoever signed both equivocates."""
    return one.key == other.key and one.record.struct_hash != other.record.struct_hash
