"""What a proof is made of: roots that the oracle keeps, and records opened in parts; packed, since every byte is paid for."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Final

from flexbond.errors import FlexbondError
from flexbond.hashing import keccak

WORD: Final = 32
"""Bytes of a hash."""
_MOST: Final = 0xFF


class OpeningError(FlexbondError):
    """What no proof can hold."""


@dataclass(frozen=True, kw_only=True)
class Inclusion:
    """A root that the oracle keeps, attested or anchored, and one leaf that is under it: a record, or a device's history."""

    batch_root: bytes
    """32 bytes."""
    path: tuple[bytes, ...]
    """Sorted pairs, lowest first."""
    history: tuple[bytes, ...] = ()
    """Empty: the leaf is the record; else the hashes of all records of the history leaf, in order."""

    @property
    def packed(self) -> bytes:
        """As the verifier takes it. Raises OpeningError if the path or the history is too long."""
        if len(self.path) > _MOST or len(self.history) > _MOST:
            raise OpeningError(
                f"An inclusion with a path of {len(self.path)} and a history of {len(self.history)} hashes.",
                next_step=f"Give at most {_MOST} of each.",
            )
        lengths = bytes([len(self.path), len(self.history)])
        return b"".join((self.batch_root, lengths, *self.path, *self.history))


@dataclass(frozen=True, kw_only=True)
class RecordOpening:
    """A record opened in parts: where it is kept, and every block of it, in clear where it is needed."""

    head: int
    """The record's, with, in bits that a record leaves zero: which blocks are opened (bit 24 the first; to 39), length of
    the signature in words (23..16), number of the inclusion (15..8), place in that inclusion's history (7..0)."""
    blocks: tuple[bytes, ...]
    """In order: the hash (32 bytes), or of an opened one the salt (32), flags (2) and readings (5 each)."""
    signature: bytes = b""
    """Empty if every record under the root was verified; else r, vs (secp256k1) or r, s, x, y (P-256)."""

    @property
    def record_head(self) -> int:
        """The record's own head."""
        return self.head >> 40 << 40

    @property
    def inclusion(self) -> int:
        """Which of the proof's inclusions the record is under."""
        return self.head >> 8 & 0xFF

    @property
    def place(self) -> int:
        """Its place in that inclusion's history; else 0."""
        return self.head & 0xFF

    def is_opened(self, block: int) -> bool:
        """Whether a block is in clear."""
        return bool(self.head >> 24 + block & 1)

    @property
    def opened_blocks(self) -> int:
        """Which blocks are in clear, as bits."""
        return self.head >> 24 & 0xFFFF

    @cached_property
    def commitment(self) -> bytes:
        """The record's, as its blocks give it."""
        return keccak(
            b"".join([keccak(shown) if self.is_opened(at) else shown for at, shown in enumerate(self.blocks)])
        )

    @property
    def packed(self) -> bytes:
        """As the verifier takes it."""
        return b"".join((self.head.to_bytes(WORD, "big"), self.signature, *self.blocks))
