"""What identifies a rule, a right, an event: the keccak of its terms, as `docs/encodings.md` says."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from eth_abi.abi import encode

from flexbond.hashing import keccak
from flexbond.model.types import Claim

if TYPE_CHECKING:
    from collections.abc import Sequence

    from flexbond.model.struct import Struct
    from flexbond.model.types import Calendar, Cursor, Dispatch, EventKey, LockReason, Lookback, Product, Rule, Totals


def struct_hash(struct: Struct) -> bytes:
    """`keccak256(abi.encode(struct))`."""
    return keccak(encode([struct.abi_type()], [struct.as_tuple()]))


@lru_cache(maxsize=4096)
def rule_id(rule: Rule) -> bytes:
    """Id of a rule."""
    return struct_hash(rule)


@lru_cache(maxsize=4096)
def lookback_hash(lookback: Lookback) -> bytes:
    """What a rule keeps of its look-back."""
    return struct_hash(lookback)


@lru_cache(maxsize=4096)
def calendar_id(calendar: Calendar) -> bytes:
    """Id of a calendar: of its clock and its holidays' name, not of its days."""
    return struct_hash(calendar)


@lru_cache(maxsize=4096)
def right_id(product: Product) -> bytes:
    """Id of the right that promises the product."""
    return struct_hash(product)


@lru_cache(maxsize=4096)
def event_id(key: EventKey) -> bytes:
    """Id of an event."""
    return struct_hash(key)


def token_id(right: bytes) -> int:
    """The ERC-1155 id of a right."""
    return int.from_bytes(right, "big")


def portfolio_id(provider: str, zone: bytes, salt: bytes) -> bytes:
    """Id of a provider's portfolio."""
    return keccak(encode(["address", "bytes32", "bytes32"], [provider, zone, salt]))


def dispatch_id(right: bytes, holder: str, number: int) -> bytes:
    """Id of a dispatch: the right, its holder, and the dispatch's number within the event."""
    return keccak(encode(["bytes32", "address", "uint16"], [right, holder, number]))


def lock_id(token: str, reason: LockReason, key: bytes) -> bytes:
    """Id of a lock of the escrow; the key is an event's, dispatch's or pool's id, or a `demand_key`."""
    return keccak(encode(["address", "uint8", "bytes32"], [token, int(reason), key]))


def dispatch_hash(dispatch: Dispatch) -> bytes:
    """What Settlement keeps of an open dispatch."""
    return struct_hash(dispatch)


def cursor_hash(cursor: Cursor) -> bytes:
    """What Measurement keeps while leaves are proven."""
    return struct_hash(cursor)


def energies_hash(totals: Totals) -> bytes:
    """Hash of the sums of baseline and metered energy in a submission's totals."""
    return keccak(encode(["int128[]", "int128[]"], [totals.baseline_milli_wh, totals.metered_milli_wh]))


def claim_of(root: bytes, totals: Totals) -> Claim:
    """What a submission claims, as it is shown when it is checked."""
    return Claim(root=root, weight=totals.weight, columns=totals.columns, energies_hash=energies_hash(totals))


def totals_hash(totals: Totals | Claim) -> bytes:
    """Hash of a submission's totals, the weight apart."""
    energies = totals.energies_hash if isinstance(totals, Claim) else energies_hash(totals)
    return keccak(encode(["uint128[]", "bytes32"], [totals.columns, energies]))


def commitment(root: bytes, totals: Totals) -> bytes:
    """What Measurement keeps of a submission."""
    return commitment_of(claim_of(root, totals))


def commitment_of(claim: Claim) -> bytes:
    """What Measurement keeps of a submission that claims this."""
    return keccak(encode(["bytes32", "uint128", "bytes32"], [claim.root, claim.weight, totals_hash(claim)]))


def schedule_hash(schedule_milli_wh: Sequence[int]) -> bytes:
    """What Measurement keeps of a nominated schedule, mWh per period, `+` import."""
    return keccak(encode(["int128[]"], [list(schedule_milli_wh)]))


def responses_hash(responses_milli_wh: Sequence[int]) -> bytes:
    """Hash of an event's responses, one for every period of the window, mWh."""
    return keccak(encode(["int128[]"], [list(responses_milli_wh)]))


def outcome_hash(committed: bytes, responses_milli_wh: Sequence[int]) -> bytes:
    """What Measurement keeps of a measured event: of its submission's commitment and the responses."""
    return keccak(committed + responses_hash(responses_milli_wh))


def demand_key(event: bytes, place: int) -> bytes:
    """Key of the lock that holds the fee for the proof of a leaf."""
    return keccak(encode(["bytes32", "uint40"], [event, place]))
