"""Who measures, and what is shown of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from flexbond.model.openings import Inclusion, RecordOpening
from flexbond.model.struct import (
    PACKED,
    Address,
    Blob,
    Bytes16,
    Bytes32,
    Struct,
    Uint8,
    Uint16,
    Uint24,
    Uint32,
    Uint40,
    Uint48,
    Uint64,
    Uint256,
)
from flexbond.model.types.enums import DeviceKind, SignerScheme


@dataclass(frozen=True, kw_only=True)
class Grid(Struct):
    """Record slots: slot k is `[offset + k * L, offset + (k + 1) * L)`, `L = period_seconds * readings_per_slot`."""

    period_seconds: Uint24
    """Length of one reading, s."""
    readings_per_slot: Uint8
    """1 to 100."""
    offset_seconds: Uint32
    """Below the slot's length, a multiple of the period, s."""

    @property
    def slot_seconds(self) -> int:
        """Length of a slot, s."""
        return self.period_seconds * self.readings_per_slot


@dataclass(frozen=True, kw_only=True)
class Statement(Struct):
    """What the meter operator states of a metering point (EIP-712)."""

    metering_point: Bytes16
    """Salted commitment or pseudonym, never a bare meter number."""
    customer: Address
    scheme: SignerScheme
    signer: Address
    """secp256k1: the address; P-256: the low 20 bytes of keccak256(x, y)."""
    kind: DeviceKind
    capacity_w: Uint48
    """Flexible capacity, W."""
    connection_w: Uint48
    """Capacity of the connection, W: no reading can exceed it."""
    grid_id: Uint8
    valid_from: Uint40
    """UTC seconds, over the whole slot of every record."""
    valid_until: Uint40
    """UTC seconds, exclusive."""
    sequence: Uint32
    """Greater than that of the statement it replaces."""


@dataclass(frozen=True, kw_only=True)
class Consent(Struct):
    """The customer's consent to enrol a metering point (EIP-712)."""

    metering_point: Bytes16
    portfolio_id: Bytes32
    customer: Address
    payee: Address
    """Who collects."""
    customer_share_bps: Uint16
    """Least share of the portfolio the customer accepts, basis points."""
    nonce: Uint256
    deadline: Uint40
    """UTC seconds, exclusive."""


@dataclass(frozen=True, kw_only=True)
class SignerState(Struct):
    """What `attest` reads for each record."""

    signer: Address
    valid_from: Uint40
    """UTC seconds."""
    valid_until: Uint40
    """UTC seconds, exclusive."""
    grid_id: Uint8
    scheme: SignerScheme

    @property
    def word(self) -> int:
        """All of it in one word, as the registry keeps it; 0 for a metering point that was never stated."""
        times = self.valid_from << 160 | self.valid_until << 200
        return int(self.signer, 16) | times | self.grid_id << 240 | self.scheme << 248


@dataclass(frozen=True, kw_only=True)
class MeteringPoint(Struct):
    """What the registry knows of a metering point."""

    customer: Address
    kind: DeviceKind
    suspended_at: Uint40
    """UTC seconds; 0: not suspended."""
    sequence: Uint32
    capacity_w: Uint48
    """Flexible capacity, W."""
    connection_w: Uint48
    """Capacity of the connection, W."""
    entry_index: Uint40
    """Place in the portfolio; after leaving, in the one left last."""
    committed_until: Uint40
    """End of the last notified window it may be counted in elsewhere, UTC seconds."""
    portfolio_id: Bytes32
    """0: in none."""


@dataclass(frozen=True, kw_only=True)
class Entry(Struct):
    """One place of a portfolio's append-only list: leaf `i` of every submission is entry `i`."""

    metering_point: Bytes16
    joined_at: Uint40
    """UTC seconds."""
    left_at: Uint40
    """UTC seconds; 0: still in."""
    capacity_w: Uint48
    """Flexible capacity, W."""
    payee: Address
    connection_w: Uint48
    """Capacity of the connection, W."""
    kind: DeviceKind

    def was_in_before(self, at: int) -> bool:
        """Whether the place was taken just before `at`, UTC seconds: what happens at `at` itself does not count."""
        return self.joined_at < at and (self.left_at == 0 or self.left_at >= at)


@dataclass(frozen=True, kw_only=True)
class Stay(Struct):
    """Where a place was that a metering point closed."""

    portfolio_id: Bytes32
    index: Uint40


@dataclass(frozen=True, kw_only=True)
class Portfolio(Struct):
    """What the registry knows of a portfolio beside its list."""

    provider: Address
    customer_share_bps: Uint16
    """Of pay and availability, never lowered, basis points."""
    committed_until: Uint40
    """End of the last window for which a notice was given, UTC seconds."""
    zone: Bytes32


@dataclass(frozen=True, kw_only=True)
class PortfolioSums(Struct):
    """A portfolio's sums at a moment, as they stood just before it."""

    entries: Uint40
    """Length of the list, left ones included."""
    capacity_w: Uint64
    """Of those that were in, W."""
    connection_w: Uint64
    """Of those that were in, W."""


@dataclass(frozen=True, kw_only=True)
class SignedRecord(Struct):
    """A record signed with secp256k1."""

    head: Uint256
    commitment: Bytes32
    """Of the salted readings."""
    r: Bytes32
    vs: Bytes32
    """EIP-2098."""


@dataclass(frozen=True, kw_only=True)
class P256Record(Struct):
    """A record signed with P-256, with the signer's public key."""

    head: Uint256
    commitment: Bytes32
    """Of the salted readings."""
    r: Bytes32
    s: Bytes32
    """The low one of the two."""
    x: Bytes32
    y: Bytes32


@dataclass(frozen=True, kw_only=True)
class Inquiry(Struct):
    """Records of one metering point, of which the oracle is asked."""

    metering_point: Bytes16
    first_notice: Uint40
    """UTC seconds."""
    deadline: Uint40
    """Of readings, UTC seconds."""
    roots: tuple[Bytes32, ...]
    """That the records are under."""
    records: Blob
    """One after the other, of each: its head as it stands in a `RecordOpening` (32 bytes), its EIP-712 struct hash (32), which
    the caller has found under its root, its signature."""


@dataclass(frozen=True, kw_only=True)
class DeviceProof(Struct):
    """One device of an event, as shown to the verifier."""

    inclusions: Annotated[tuple[Inclusion, ...], PACKED] = ()
    """What the records are under."""
    records: Annotated[tuple[RecordOpening, ...], PACKED]
    """Ascending by slot, then revision; all that hold a needed reading. Empty: claimed silent."""
    past_from: tuple[Uint40, ...] = ()
    """X_OF_Y, for stays in other portfolios within the look-back: the window from which to gather calls, each."""
