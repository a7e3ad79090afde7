"""Meter records as `docs/encodings.md` says: head, salted blocks, commitment, opening in parts."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final

from flexbond.errors import FlexbondError
from flexbond.hashing import ZERO_ADDRESS, keccak
from flexbond.model.openings import WORD, RecordOpening

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from flexbond.model.types import Grid

BLOCK: Final = 16
"""Readings in a block."""
MAX_READINGS: Final = 100
"""Most readings in a record."""
FLAG_BYTES: Final = 2
"""Of a block: a bit a reading, whether it is estimated."""
READING_BYTES: Final = 5
RECORD_TYPE: Final = (
    "MeterRecord(bytes16 meteringPoint,uint40 slotStart,uint24 periodSeconds,"
    "uint8 readings,uint16 revision,bytes32 commitment)"
)
RECORD_TYPE_HASH: Final = keccak(RECORD_TYPE.encode("ascii"))

_READING_LIMIT: Final = 1 << (8 * READING_BYTES - 1)
_READINGS_AT: Final = WORD + FLAG_BYTES


class RecordError(FlexbondError):
    """Readings or a head that no record can hold."""


@dataclass(frozen=True, kw_only=True)
class RecordHead:
    """What a record says beside its readings; one word."""

    metering_point: bytes
    """16 bytes."""
    slot_start: int
    """UTC seconds."""
    period_seconds: int
    """Length of one reading, s."""
    readings: int
    """How many."""
    revision: int
    """0 for the first; the highest in time counts."""

    def __post_init__(self) -> None:
        if len(self.metering_point) != 16:
            raise RecordError("A metering point's id is not of 16 bytes.", next_step="Give bytes16.")
        for name, bits in (("slot_start", 40), ("period_seconds", 24), ("readings", 8), ("revision", 16)):
            value = getattr(self, name)
            if not 0 <= value < 1 << bits:
                raise RecordError(f"{name} {value} of a record is out of range.", next_step=f"It has {bits} bits.")

    @property
    def slot_end(self) -> int:
        """End of the slot, UTC seconds, exclusive."""
        return self.slot_start + self.period_seconds * self.readings

    def pack(self) -> int:
        """The head as a 256-bit word."""
        return (
            int.from_bytes(self.metering_point, "big") << 128
            | self.slot_start << 88
            | self.period_seconds << 64
            | self.readings << 56
            | self.revision << 40
        )

    @classmethod
    def unpack(cls, head: int) -> RecordHead:
        """The head of a word. Raises RecordError if bits beyond its fields are set."""
        if head & (1 << 40) - 1 or not 0 <= head < 1 << 256:
            raise RecordError(f"{head:#x} is not the head of a record.", next_step="Its lowest 40 bits are zero.")
        return cls(
            metering_point=(head >> 128).to_bytes(16, "big"),
            slot_start=head >> 88 & (1 << 40) - 1,
            period_seconds=head >> 64 & (1 << 24) - 1,
            readings=head >> 56 & 0xFF,
            revision=head >> 40 & 0xFFFF,
        )


@dataclass(frozen=True, kw_only=True)
class Standing:
    """When the root of a tree over records came to the oracle, UTC seconds."""

    at: int
    """First attested or anchored; 0: never."""
    attested_at: int
    """First attested, so that every record under it was verified; 0: never."""
    anchored_by: str = ZERO_ADDRESS
    """Who first anchored it, if that was before it was attested."""


def record_salt(secret: bytes, head: int) -> bytes:
    """The salt of a record, from the device's secret of 32 bytes: signing again gives the same record."""
    if len(secret) != 32:
        raise RecordError("A device's secret is not of 32 bytes.", next_step="Give 32 random bytes, kept with the key.")
    return keccak(secret + head.to_bytes(32, "big"))


def block_salt(salt: bytes, block: int) -> bytes:
    """The salt of one block of a record."""
    return keccak(salt + bytes([block]))


def record_hash(head: int, commitment: bytes) -> bytes:
    """The EIP-712 struct hash of a record: the leaf of its batch."""
    word = head.to_bytes(32, "big")
    return keccak(
        b"".join(
            (
                RECORD_TYPE_HASH,
                word[:16],
                bytes(16 + 27),
                word[16:21],
                bytes(29),
                word[21:24],
                bytes(31),
                word[24:25],
                bytes(30),
                word[25:27],
                commitment,
            )
        )
    )


def block_hash(salt: bytes, payload: bytes) -> bytes:
    """Hash of a block, from its salt and its flags and readings."""
    return keccak(salt + payload)


@dataclass(frozen=True, kw_only=True)
class MeterRecord:
    """The readings of one slot of one metering point, with the salt that hides them."""

    head: RecordHead
    readings_milli_wh: tuple[int, ...]
    """mWh, `+` import, `-` export."""
    estimated: tuple[bool, ...]
    """Whether each reading is estimated."""
    salt: bytes
    """Of the record, from `record_salt`; known to the device and to whom it opens readings."""

    @classmethod
    def of(
        cls,
        *,
        metering_point: bytes,
        slot_start: int,
        period_seconds: int,
        readings_milli_wh: Sequence[int],
        secret: bytes,
        estimated: Iterable[int] = (),
        revision: int = 0,
    ) -> MeterRecord:
        """A record over a whole slot; `estimated` lists the places of estimated readings. Raises RecordError."""
        count = len(readings_milli_wh)
        if not 1 <= count <= MAX_READINGS:
            raise RecordError(f"A record of {count} readings.", next_step=f"It holds 1 to {MAX_READINGS}.")
        for place, reading in enumerate(readings_milli_wh):
            if not -_READING_LIMIT <= reading < _READING_LIMIT:
                raise RecordError(f"Reading {place} of {reading} mWh.", next_step="A reading has 40 bits.")
        flagged = set(estimated)
        if not flagged <= set(range(count)):
            raise RecordError(f"Estimated readings {sorted(flagged)} of {count}.", next_step="Count places from 0.")
        head = RecordHead(
            metering_point=metering_point,
            slot_start=slot_start,
            period_seconds=period_seconds,
            readings=count,
            revision=revision,
        )
        return cls(
            head=head,
            readings_milli_wh=tuple(readings_milli_wh),
            estimated=tuple([place in flagged for place in range(count)]),
            salt=record_salt(secret, head.pack()),
        )

    def payload(self, block: int) -> bytes:
        """Flags and readings of a block, as they are hashed and opened."""
        part = slice(block * BLOCK, (block + 1) * BLOCK)
        flags = sum(1 << place for place, flag in enumerate(self.estimated[part]) if flag)
        readings = [reading.to_bytes(READING_BYTES, "big", signed=True) for reading in self.readings_milli_wh[part]]
        return flags.to_bytes(FLAG_BYTES, "big") + b"".join(readings)

    @cached_property
    def blocks(self) -> tuple[bytes, ...]:
        """Hash of every block, in order."""
        count = -(-len(self.readings_milli_wh) // BLOCK)
        return tuple([block_hash(block_salt(self.salt, block), self.payload(block)) for block in range(count)])

    @cached_property
    def commitment(self) -> bytes:
        """What the device signs in place of the readings."""
        return keccak(b"".join(self.blocks))

    @cached_property
    def struct_hash(self) -> bytes:
        """The EIP-712 struct hash: the leaf of its batch."""
        return record_hash(self.head.pack(), self.commitment)

    def place_of(self, start: int) -> int | None:
        """The place of the reading that starts at `start`, UTC seconds; None if it is not in the record."""
        place, rest = divmod(start - self.head.slot_start, self.head.period_seconds)
        return place if rest == 0 and 0 <= place < len(self.readings_milli_wh) else None

    def opening(
        self, places: Iterable[int], *, inclusion: int = 0, place: int = 0, signature: bytes = b""
    ) -> RecordOpening:
        """The record with those blocks in clear that hold the readings at `places`. Raises RecordError.

        `inclusion` and `place` say where a proof shows that it was kept, `signature` who signed if only a root was.
        """
        wanted = set(places)
        if not wanted <= set(range(len(self.readings_milli_wh))):
            raise RecordError(f"The record has no readings {sorted(wanted)}.", next_step="Count places from 0.")
        opened = {place // BLOCK for place in wanted}
        shown = [
            block_salt(self.salt, block) + self.payload(block) if block in opened else closed
            for block, closed in enumerate(self.blocks)
        ]
        where = sum(1 << block for block in opened) << 24 | len(signature) // WORD << 16 | inclusion << 8 | place
        return RecordOpening(head=self.head.pack() | where, blocks=tuple(shown), signature=signature)


def opened_readings(opening: RecordOpening) -> Mapping[int, tuple[int, bool]]:
    """Reading (mWh, `+` import) and estimated flag by place, of the opened blocks. Raises RecordError."""
    head = RecordHead.unpack(opening.record_head)
    count = head.readings
    total = -(-count // BLOCK)
    if not 1 <= count <= MAX_READINGS or len(opening.blocks) != total or opening.opened_blocks >> total:
        raise RecordError("The opening does not have the record's blocks.", next_step="Open the record again.")
    readings: dict[int, tuple[int, bool]] = {}
    for block, shown in enumerate(opening.blocks):
        held = min(BLOCK, count - block * BLOCK)
        is_opened = opening.is_opened(block)
        if len(shown) != (_READINGS_AT + READING_BYTES * held if is_opened else WORD):
            raise RecordError(f"Block {block} does not have its length.", next_step="Open the record again.")
        for place in range(held if is_opened else 0):
            raw = shown[_READINGS_AT + READING_BYTES * place : _READINGS_AT + READING_BYTES * (place + 1)]
            flagged = bool(int.from_bytes(shown[WORD:_READINGS_AT], "big") >> place & 1)
            readings[block * BLOCK + place] = (int.from_bytes(raw, "big", signed=True), flagged)
    return readings


def slot_of(grid: Grid, time: int) -> int:
    """Start of the slot of the grid that holds `time`, UTC seconds."""
    return time - (time - grid.offset_seconds) % grid.slot_seconds


def slots_between(grid: Grid, start: int, end: int) -> range:
    """Starts of all slots of the grid that hold a moment of `[start, end)`, UTC seconds."""
    return range(slot_of(grid, start), end, grid.slot_seconds)
