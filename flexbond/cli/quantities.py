"""Options as people write them, into the integers and bytes of the contracts."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from flexbond.errors import FlexbondError
from flexbond.hashing import ZERO_ADDRESS, checksum_address, keccak
from flexbond.model.types import BPS
from flexbond.units import UnknownUnitError, money

if TYPE_CHECKING:
    from collections.abc import Iterable

_SECONDS = {"s": 1, "min": 60, "h": 3_600, "d": 86_400}
_DURATION = re.compile(r"([0-9]{1,9})\s*(s|min|h|d)", re.ASCII)
_AMOUNT = re.compile(r"([0-9.]+)\s*([A-Za-z][A-Za-z0-9]*)", re.ASCII)
_PERCENT = re.compile(r"([0-9]{1,6})(?:\.([0-9]{1,2}))?\s*%", re.ASCII)


class OptionError(FlexbondError):
    """An option that does not say what it should."""

    exit_code = 2


def seconds(text: str) -> int:
    """A length of time in s from text such as `"15 min"`. Raises OptionError."""
    matched = _DURATION.fullmatch(text.strip())
    if matched is None:
        raise OptionError(
            f"{text!r} is not a length of time.", f"Write it like 900 s or 15 min ({', '.join(_SECONDS)})."
        )
    return int(matched[1]) * _SECONDS[matched[2]]


def share_bps(text: str) -> int:
    """A share in basis points from text such as `"60 %"` or `"12.5%"`. Raises OptionError."""
    matched = _PERCENT.fullmatch(text.strip())
    if matched is None:
        raise OptionError(f"{text!r} is not a share.", "Write it like 60 % or 12.5 %, with two decimals at most.")
    share = int(matched[1]) * 100 + int((matched[2] or "").ljust(2, "0"))
    if share > BPS:
        raise OptionError(f"{text!r} is more than the whole.", "Give at most 100 %.")
    return share


def amount(text: str, *, decimals: int, symbol: str) -> int:
    """Base units from an amount with its currency, `"5 USDC"`. Raises OptionError and the errors of units."""
    matched = _AMOUNT.fullmatch(text.strip())
    if matched is None:
        raise UnknownUnitError(f"{text!r} has no currency.", f"Write the amount with its currency, like 5 {symbol}.")
    if matched[2] != symbol:
        raise UnknownUnitError(f"{text!r} is not in {symbol}.", f"The token is {symbol}; check --token.")
    return money(matched[1], decimals=decimals)


def address(text: str, *, name: str) -> str:
    """An address, its checksum checked if it has one. Raises OptionError."""
    try:
        spelled = checksum_address(text)
    except (ValueError, TypeError):
        raise OptionError(f"{name} {text[:80]!r} is not an address.", "Give 0x and 40 hexadecimal digits.") from None
    if text[2:] not in (spelled[2:], spelled[2:].lower(), spelled[2:].upper()):
        raise OptionError(f"{name} {text} has a wrong checksum.", "Check the address.")
    return spelled


def optional_address(text: str | None, *, name: str) -> str:
    """An address, or the zero address for none. Raises OptionError."""
    return ZERO_ADDRESS if text is None else address(text, name=name)


def named_bytes32(text: str) -> bytes:
    """32 bytes: those of `0x` and 64 digits, or the keccak256 of any other text."""
    if re.fullmatch(r"0x[0-9a-fA-F]{64}", text):
        return bytes.fromhex(text[2:])
    if not text or len(text) > 200:
        raise OptionError("A name is empty or longer than 200 characters.", "Give a short name, or 0x and 64 digits.")
    return keccak(text.encode("utf-8"))


def metering_point(text: str) -> bytes:
    """The 16 bytes of a metering point: `0x` and 32 digits, or the beginning of the keccak256 of any other text."""
    if re.fullmatch(r"0x[0-9a-fA-F]{32}", text):
        return bytes.fromhex(text[2:])
    return named_bytes32(text)[:16]


def chosen(text: str, known: Iterable[bytes], *, name: str) -> bytes:
    """The one known id that begins with this text, `0x…`. Raises OptionError."""
    ids = sorted(set(known))
    if not re.fullmatch(r"0x[0-9a-fA-F]{4,64}", text):
        raise OptionError(f"{text[:80]!r} is no {name}.", "Give 0x and at least the first four digits of its id.")
    found = [item for item in ids if item.hex().startswith(text[2:].lower())]
    if not found:
        raise OptionError(f"There is no {name} {text}.", "See `flexbond status` for what there is.")
    if len(found) > 1:
        raise OptionError(f"{len(found)} of the kind {name} begin with {text}.", "Give more digits.")
    return found[0]
