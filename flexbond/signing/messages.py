"""Messages that are signed and are no structs of `Flex.sol`; the field order is the order of the EIP-712 type.

Signed beside them, from `flexbond.model.types`: `Statement` and `Consent` in the domain of DeviceRegistry, `Offer` in
that of FlexibilityMarket.
"""

from __future__ import annotations

from dataclasses import dataclass

from flexbond.model.struct import Address, Bytes16, Bytes32, Struct, Uint8, Uint16, Uint24, Uint40, Uint256


@dataclass(frozen=True, kw_only=True)
class MeterRecord(Struct):
    """What a device signs, in the domain of MeterOracle; `flexbond.records` makes it with its readings."""

    metering_point: Bytes16
    slot_start: Uint40
    """UTC seconds."""
    period_seconds: Uint24
    """Length of one reading, s."""
    readings: Uint8
    """How many."""
    revision: Uint16
    commitment: Bytes32
    """Of the salted readings."""


@dataclass(frozen=True, kw_only=True)
class KeyProof(Struct):
    """A device's proof of its key, in the domain of DeviceRegistry."""

    metering_point: Bytes16
    statement_hash: Bytes32
    """Struct hash of the statement."""


@dataclass(frozen=True, kw_only=True)
class PayeeChange(Struct):
    """The present payee's word that another collects, in the domain of DeviceRegistry."""

    portfolio_id: Bytes32
    index: Uint40
    """Place in the portfolio."""
    payee: Address
    """Who collects from now on."""
    nonce: Uint256
    """Of the present payee."""
    deadline: Uint40
    """UTC seconds, exclusive."""


@dataclass(frozen=True, kw_only=True)
class Permit(Struct):
    """ERC-2612 allowance, in the domain of the token."""

    owner: Address
    spender: Address
    value: Uint256
    """Base units."""
    nonce: Uint256
    """Of the owner, at the token."""
    deadline: Uint256
    """UTC seconds, inclusive as the standard has it."""
