"""Structs as JSON: the field names of Solidity, enums by name, bytes in hexadecimal, integers as integers."""

# JSON is anything until it is checked.

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING, Any, Final, TypeVar

from flexbond.hashing import checksum_address
from flexbond.model.struct import Kind, Struct, StructError, kinds_of, solidity_name
from flexbond.operations.errors import DocumentFieldError, DocumentTooLargeError
from flexbond.operations.files import require_keys

if TYPE_CHECKING:
    from collections.abc import Mapping

S = TypeVar("S", bound=Struct)

MAX_ITEMS: Final = 4_096
"""Most items of a list in a document."""


def to_json(struct: Struct) -> dict[str, Any]:
    """All fields of a struct, in order."""
    return {solidity_name(name): _shown(getattr(struct, name)) for name, _ in kinds_of(type(struct))}


def from_json(cls: type[S], content: Any, *, place: str) -> S:
    """The struct that `to_json` wrote, every field checked. Raises DocumentFieldError, DocumentTooLargeError."""
    kinds = {solidity_name(name): (name, kind) for name, kind in kinds_of(cls)}
    given = require_keys(content, set(kinds), place=place)
    values = {name: _read(kind, given[key], f"{place}, {key}") for key, (name, kind) in kinds.items()}
    try:
        return cls(**values)
    except StructError as error:
        raise DocumentFieldError(error.message, error.next_step, place=place) from error


def hex_bytes(content: Any, *, place: str, size: int | None = None) -> bytes:
    """Bytes from `0x…`, of a length if one is given. Raises DocumentFieldError."""
    text = content if isinstance(content, str) else ""
    digits = text.removeprefix("0x")
    if text.startswith("0x") and len(digits) % 2 == 0 and digits.isascii() and digits.isalnum():
        try:
            data = bytes.fromhex(digits)
        except ValueError:
            data = None
        if data is not None and size in (None, len(data)):
            return data
    elif text == "0x" and not size:
        return b""
    wanted = f"0x and {2 * size} hexadecimal digits" if size else "0x and hexadecimal digits"
    raise DocumentFieldError(f"cannot be {_clipped(content)}.", f"Give {wanted}.", place=place)


def integer(content: Any, *, place: str, low: int = 0, high: int = 2**256 - 1) -> int:
    """An integer in its range. Raises DocumentFieldError."""
    if isinstance(content, int) and not isinstance(content, bool) and low <= content <= high:
        return content
    raise DocumentFieldError(f"cannot be {_clipped(content)}.", f"Give an integer from {low} to {high}.", place=place)


def text(content: Any, *, place: str, limit: int = 200) -> str:
    """A text that is not longer than `limit`. Raises DocumentFieldError."""
    if isinstance(content, str) and len(content) <= limit:
        return content
    raise DocumentFieldError(
        f"cannot be {_clipped(content)}.", f"Give a text of at most {limit} characters.", place=place
    )


def listed(content: Any, *, place: str, limit: int = MAX_ITEMS) -> list[Any]:
    """A list that is not longer than `limit`. Raises DocumentFieldError, DocumentTooLargeError."""
    if not isinstance(content, list):
        raise DocumentFieldError(f"cannot be {_clipped(content)}.", "Give a list.", place=place)
    if len(content) > limit:
        raise DocumentTooLargeError(f"has {len(content)} items.", f"At most {limit} are accepted.", place=place)
    return content


def plain(value: Any) -> Any:
    """Any result of an operation as JSON: structs and dataclasses by field, names as in Solidity, bytes in hexadecimal."""
    return _shown(value)


def _shown(value: Any) -> Any:
    if isinstance(value, Struct):
        return to_json(value)
    if isinstance(value, IntEnum):
        return value.name
    if isinstance(value, bytes):
        return "0x" + value.hex()
    if isinstance(value, tuple | list):
        return [_shown(item) for item in value]
    if isinstance(value, dict):
        return {_key(key): _shown(item) for key, item in value.items()}
    if hasattr(value, "__dataclass_fields__"):
        return {solidity_name(name): _shown(getattr(value, name)) for name in value.__dataclass_fields__}
    return value if value is None or isinstance(value, bool | int | str) else str(value)


def _key(key: Any) -> str:
    return str(_shown(key))


def _read(kind: Kind, content: Any, place: str) -> Any:
    if kind.many:
        single = Kind(kind.abi, kind.cls, low=kind.low, high=kind.high, size=kind.size)
        items = listed(content, place=place)
        return tuple(_read(single, item, f"{place}[{number}]") for number, item in enumerate(items))
    if kind.is_struct:
        return from_json(kind.cls, content, place=place)
    if kind.cls is not None:
        return _member(kind.cls.__members__, content, place)
    if kind.abi == "bool":
        if isinstance(content, bool):
            return content
        raise DocumentFieldError(f"cannot be {_clipped(content)}.", "Give true or false.", place=place)
    if kind.high:
        return integer(content, place=place, low=kind.low, high=kind.high)
    if kind.abi == "address":
        return address(content, place=place)
    return hex_bytes(content, place=place, size=kind.size or None)


def address(content: Any, *, place: str) -> str:
    """An address; one in mixed case must have its checksum. Raises DocumentFieldError."""
    try:
        spelled = checksum_address(content)
    except (ValueError, TypeError) as error:
        raise DocumentFieldError(
            f"cannot be {_clipped(content)}.", "Give an address, 0x and 40 hexadecimal digits.", place=place
        ) from error
    digits = content[2:]
    if spelled != content and digits not in (digits.lower(), digits.upper()):
        raise DocumentFieldError(f"{content} has a wrong checksum.", "Check the address.", place=place)
    return spelled


def _member(members: Mapping[str, IntEnum], content: Any, place: str) -> IntEnum:
    if isinstance(content, str) and content in members:
        return members[content]
    raise DocumentFieldError(f"cannot be {_clipped(content)}.", f"Give one of {', '.join(members)}.", place=place)


def _clipped(content: Any) -> str:
    shown = repr(content)
    return shown if len(shown) <= 80 else f"{shown[:77]}..."
