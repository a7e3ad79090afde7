"""What is called, paid and collected."""

from __future__ import annotations

from dataclasses import dataclass

from flexbond.model.struct import Address, Bool, Bytes32, Struct, Uint16, Uint40, Uint64, Uint96, Uint128, Uint256
from flexbond.model.types.enums import DispatchKind
from flexbond.model.types.terms import EventKey, Product


@dataclass(frozen=True, kw_only=True)
class Dispatch(Struct):
    """A called block of units."""

    right_id: Bytes32
    holder: Address
    units: Uint64
    number: Uint16
    """Of the event's dispatches, from 0."""
    kind: DispatchKind
    notice_at: Uint40
    """UTC seconds."""
    orders_w: tuple[Uint40, ...]
    """Ordered power per period of the window, W."""
    excused_mask: Uint96
    """Bit p: period p carries no penalty."""
    accepted: Bool = False
    """The holder accepts the submission without waiting for challenges."""


@dataclass(frozen=True, kw_only=True)
class Settled(Struct):
    """How one dispatch ended; money in base units."""

    pay: Uint256
    """Utilisation earned."""
    availability: Uint256
    """Availability earned."""
    penalty: Uint256
    """From the collateral to the holder."""
    pool: Uint256
    """Part of pay and availability that is the customers'."""
    utilisation_refund: Uint256
    """Locked and not earned, to the holder."""
    availability_refund: Uint256
    """Locked and not earned, to the holder."""
    released: Uint256
    """Collateral back to the provider."""


@dataclass(frozen=True, kw_only=True)
class Offer(Struct):
    """A provider's signed offer (EIP-712)."""

    product: Product
    units: Uint64
    """Most that may be taken over all fills of this nonce."""
    premium_per_unit: Uint256
    """Base units, paid to the provider at purchase."""
    buyer: Address
    """Zero: any qualified buyer."""
    expiry: Uint40
    """UTC seconds, exclusive."""
    nonce: Uint64
    """Offers with one nonce share its fill: taking one uses up the other."""


@dataclass(frozen=True, kw_only=True)
class WeightClaim(Struct):
    """One leaf's share of an event's pool (`IPayouts.WeightClaim`)."""

    key: EventKey
    currency: Address
    index: Uint40
    weight_word: Uint256
    """Entry and prefix of the weight column."""
    columns_hash: Bytes32
    """Hash of the leaf's other columns."""
    path: tuple[Bytes32, ...]
    """Siblings, lowest first; they lead to the submission's root."""
    total_weight: Uint128
    """As submitted."""
    totals_hash: Bytes32
    """As submitted."""
    responses_hash: Bytes32
    """Of the event's responses."""


@dataclass(frozen=True, kw_only=True)
class NeighboursClaim(Struct):
    """The shares of neighbouring leaves of an event's pool, shown together (`IPayouts.NeighboursClaim`)."""

    key: EventKey
    currency: Address
    first: Uint40
    """Index of the first leaf."""
    weight_words: tuple[Uint256, ...]
    """Of each leaf: entry and prefix of the weight column."""
    columns_hashes: tuple[Bytes32, ...]
    """Of each leaf: hash of its other columns."""
    path: tuple[Bytes32, ...]
    """Siblings of the run, lowest level first, at each level the left one before the right one."""
    total_weight: Uint128
    """As submitted."""
    totals_hash: Bytes32
    """As submitted."""
    responses_hash: Bytes32
    """Of the event's responses."""


@dataclass(frozen=True, kw_only=True)
class CapacityClaim(Struct):
    """One place's share of a pool split by capacity (`IPayouts.CapacityClaim`)."""

    pool_id: Bytes32
    key: EventKey
    currency: Address
    index: Uint40
    root: Bytes32
    """As submitted; only for a measured event's pool, as what follows."""
    total_weight: Uint128
    """0."""
    totals_hash: Bytes32
    """As submitted."""
    responses_hash: Bytes32
    """Of the event's responses."""
