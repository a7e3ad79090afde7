"""One mechanism for all structs that Python shares with the contracts.

A struct is a frozen dataclass whose fields stand in the order of the ABI and carry their ABI type as an annotation.
From that alone come the check of every value on construction, the tuple that web3 and eth_abi take, the ABI type, and
the EIP-712 type.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from enum import IntEnum
from typing import Annotated, Any, Final, Self, get_args, get_origin, get_type_hints

from flexbond.errors import FlexbondError
from flexbond.hashing import checksum_address

Uint8 = Annotated[int, "uint8"]
Uint16 = Annotated[int, "uint16"]
Uint24 = Annotated[int, "uint24"]
Uint32 = Annotated[int, "uint32"]
Uint40 = Annotated[int, "uint40"]
Uint48 = Annotated[int, "uint48"]
Uint64 = Annotated[int, "uint64"]
Uint96 = Annotated[int, "uint96"]
Uint128 = Annotated[int, "uint128"]
Uint256 = Annotated[int, "uint256"]
Int32 = Annotated[int, "int32"]
Int40 = Annotated[int, "int40"]
Int128 = Annotated[int, "int128"]
Bool = Annotated[bool, "bool"]
Bytes16 = Annotated[bytes, "bytes16"]
Bytes32 = Annotated[bytes, "bytes32"]
Blob = Annotated[bytes, "bytes"]
Address = Annotated[str, "address"]
PACKED: Final = "packed"
"""Annotates a tuple of items that stand in the ABI as one `bytes`: their `packed` bytes, one after the other."""

_SPELLED: Final = {"mw": "MW", "mwh": "MWh", "mwhour": "MWhour"}
"""Words of field names that are not spelled like others in Solidity."""


class StructError(FlexbondError):
    """A value that the field of a struct cannot hold. `field` names the field, `value` is what was given."""

    def __init__(self, field: str, value: object, needed: str) -> None:
        self.field = field
        self.value = value
        super().__init__(f"{field} cannot be {value!r}.", next_step=f"Give {needed}.")


def solidity_name(name: str) -> str:
    """The name of a field in Solidity: `lot_w` is `lotW`, `utilisation_per_mwh` is `utilisationPerMWh`."""
    first, *rest = name.strip("_").split("_")
    return first + "".join(_SPELLED.get(word, word.capitalize()) for word in rest)


@dataclass(frozen=True)
class Kind:
    """What a field may hold: an elementary ABI type, an enum, a struct, a list of one of these, or items that are packed."""

    abi: str
    """The elementary ABI type; `uint8` for an enum, empty for a struct."""
    cls: Any = None
    """The enum or the struct."""
    many: bool = False
    """Whether the field holds a list."""
    low: int = 0
    """Least integer."""
    high: int = 0
    """Greatest integer."""
    size: int = 0
    """Length of `bytesN`."""
    packed: Any = None
    """The class of items that are packed into `bytes`; None for any other field."""

    @property
    def canonical(self) -> str:
        """The type as the ABI spells it, tuples in full."""
        single = self.cls.abi_type() if self.is_struct else self.abi
        return single + "[]" if self.many else single

    @property
    def is_struct(self) -> bool:
        """Whether the field holds a struct or a list of structs."""
        return self.cls is not None and issubclass(self.cls, Struct)

    def accept(self, value: Any, field: str) -> Any:
        """The value as the struct keeps it. Raises StructError."""
        if self.packed is not None:
            return self._accept_packed(value, field)
        if not self.many:
            return self._accept_one(value, field)
        if isinstance(value, str | bytes) or not isinstance(value, Iterable):
            raise StructError(field, value, "a list")
        return tuple([self._accept_one(item, field) for item in value])

    def _accept_packed(self, value: Any, field: str) -> Any:
        if isinstance(value, tuple | list) and all(isinstance(item, self.packed) for item in value):
            return tuple(value)
        raise StructError(field, value, f"a list of {self.packed.__name__}")

    def _accept_one(self, value: Any, field: str) -> Any:
        if self.cls is not None:
            return self._accept_class(value, field)
        if self.abi == "bool":
            if value is True or value is False:
                return value
            raise StructError(field, value, "True or False")
        if self.high:
            if isinstance(value, int) and not isinstance(value, bool) and self.low <= value <= self.high:
                return value
            raise StructError(field, value, f"an integer from {self.low} to {self.high}")
        if self.abi == "address":
            return _address(value, field)
        if isinstance(value, bytes | bytearray) and (not self.size or len(value) == self.size):
            return bytes(value)
        raise StructError(field, value, f"{self.size} bytes" if self.size else "bytes")

    def _accept_class(self, value: Any, field: str) -> Any:
        if type(value) is self.cls:
            return value
        if self.is_struct:
            return self.cls.from_tuple(value)
        try:
            return self.cls(value)
        except ValueError as error:
            raise StructError(field, value, f"one of {', '.join(item.name for item in self.cls)}") from error

    def plain(self, value: Any) -> Any:
        """The value as web3 and eth_abi take it: structs as tuples, enums as integers, packed items as bytes."""
        if self.packed is not None:
            return b"".join([item.packed for item in value])
        if self.is_struct:
            return [item.as_tuple() for item in value] if self.many else value.as_tuple()
        if self.cls is not None:
            return [int(item) for item in value] if self.many else int(value)
        return list(value) if self.many else value


def _address(value: Any, field: str) -> str:
    try:
        return checksum_address(value if isinstance(value, str) else "0x" + bytes(value).hex())
    except (ValueError, TypeError) as error:
        raise StructError(field, value, "an address, 0x and 40 hexadecimal digits") from error


def _kind(hint: Any) -> Kind:
    """The kind that an annotation states."""
    if get_origin(hint) is tuple:
        single = _kind(get_args(hint)[0])
        return Kind(single.abi, single.cls, many=True, low=single.low, high=single.high, size=single.size)
    if get_origin(hint) is Annotated:
        abi: str = get_args(hint)[1]
        if abi == PACKED:
            return Kind("bytes", packed=get_args(get_args(hint)[0])[0])
        letters = abi.rstrip("0123456789")
        number = int(abi[len(letters) :] or 0)
        if letters == "uint":
            return Kind(abi, high=2**number - 1)
        if letters == "int":
            return Kind(abi, low=-(2 ** (number - 1)), high=2 ** (number - 1) - 1)
        return Kind(abi, size=number)
    if issubclass(hint, IntEnum):
        return Kind("uint8", hint)
    if issubclass(hint, Struct):
        return Kind("", hint)
    raise TypeError(f"{hint!r} has no ABI type")


_KINDS: dict[type, tuple[tuple[str, Kind], ...]] = {}


def kinds_of(cls: type[Struct]) -> tuple[tuple[str, Kind], ...]:
    """Name and kind of each field, in the order of the ABI."""
    known = _KINDS.get(cls)
    if known is None:
        hints = get_type_hints(cls, include_extras=True)
        known = tuple([(field.name, _kind(hints[field.name])) for field in fields(cls)])  # type: ignore[arg-type]
        _KINDS[cls] = known
    return known


class Struct:
    """Base of all structs shared with the contracts; subclasses are frozen keyword-only dataclasses."""

    def __post_init__(self) -> None:
        for name, kind in kinds_of(type(self)):
            value = getattr(self, name)
            kept = kind.accept(value, f"{type(self).__name__}.{name}")
            if kept is not value:
                object.__setattr__(self, name, kept)

    def as_tuple(self) -> tuple[Any, ...]:
        """All values in the order of the ABI, nested structs as tuples: what web3 and eth_abi take."""
        return tuple([kind.plain(getattr(self, name)) for name, kind in kinds_of(type(self))])

    @classmethod
    def from_tuple(cls, values: Iterable[Any]) -> Self:
        """The struct from values in the order of the ABI, as web3 and eth_abi give them. Raises StructError."""
        names = [name for name, _ in kinds_of(cls)]
        given = list(values.values()) if isinstance(values, dict) else list(values)
        if len(given) != len(names):
            raise StructError(cls.__name__, given, f"{len(names)} values")
        return cls(**dict(zip(names, given, strict=True)))

    @classmethod
    def abi_type(cls) -> str:
        """The ABI type, as eth_abi takes it: `(uint16,address,...)`."""
        return f"({','.join(kind.canonical for _, kind in kinds_of(cls))})"
