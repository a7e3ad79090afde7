"""What identifies a rule, a right, an event: the keccak of its terms, as `docs/encodings.md` says."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from eth_abi.abi import encode

from flexbond.hashing import keccak

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
    """Id of a lock of the escrow; the key is a right's, dispatch's or pool's id."""
    return keccak(encode(["address", "uint8", "bytes32"], [token, int(reason), key]))


def dispatch_hash(dispatch: Dispatch) -> bytes:
    """What Settlement keeps of an open dispatch."""
    return struct_hash(dispatch)


def cursor_hash(cursor: Cursor) -> bytes:
    """What Measurement keeps while leaves are proven."""
    return struct_hash(cursor)


def totals_hash(totals: Totals) -> bytes:
    """Hash of a submission's totals, the weight apart."""
    types = ["uint128[]", "int128[]", "int128[]"]
    return keccak(encode(types, [totals.columns, totals.baseline_milli_wh, totals.metered_milli_wh]))


def commitment(root: bytes, totals: Totals) -> bytes:
    """What Measurement keeps of a submission."""
    return keccak(encode(["bytes32", "uint128", "bytes32"], [root, totals.weight, totals_hash(totals)]))


def schedule_hash(schedule_milli_wh: Sequence[int]) -> bytes:
    """What Measurement keeps of a nominated schedule, mWh per period, `+` import."""
    return keccak(encode(["int128[]"], [list(schedule_milli_wh)]))


def result_hash(responses_milli_wh: Sequence[int]) -> bytes:
    """What Measurement keeps of a measured event: the response of every period of the window, mWh."""
    return keccak(encode(["int128[]"], [list(responses_milli_wh)]))
