"""Calls, results, errors and events of the contracts, from their ABI and back; knows no node.

Into a call go plain values, or objects with `as_tuple()` where the ABI has a struct, hex text where it
has bytes, and members of `IntEnum` where it has an enum. Out of it come integers, `bytes`, checksummed
addresses, tuples for arrays, and for a struct its dataclass of `flexbond.model.types`, or a named tuple
with its fields in snake case where there is none.
"""

# Values of every type pass through here: `Any` is what they are.

from __future__ import annotations

import dataclasses
import enum
import functools
import importlib
import keyword
import re
from collections import namedtuple
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from flexbond.errors import FlexbondError
from flexbond.hashing import checksum_address, keccak

try:  # the same functions compiled, several times faster
    from faster_eth_abi import decode as _decode
    from faster_eth_abi import encode as _encode
except ImportError:
    from eth_abi import decode as _decode
    from eth_abi import encode as _encode

type_registry: Final = "flexbond.model.types"
"""The module whose dataclasses and enums stand for structs and enums of the same name."""

_ARRAY = re.compile(r"(.*)\[(\d*)\]")
_BYTES = re.compile(r"bytes(\d*)")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")

ERROR_STRING: Final = bytes.fromhex("08c379a0")
PANIC: Final = bytes.fromhex("4e487b71")

Convert = Callable[[Any], Any]


class CodecError(FlexbondError):
    """A value that does not fit the ABI, or data that no entry of the ABI explains."""


@functools.lru_cache(maxsize=4096)
def snake(name: str) -> str:
    """`lotW` as `lot_w`, `utilisationPerMWh` as `utilisation_per_mwh`; reserved words get an underscore behind."""
    text = "_".join(part.lower() for part in _CAMEL.split(name.strip("_").replace("MWh", "Mwh")))
    return f"{text}_" if keyword.iskeyword(text) else text


@functools.lru_cache(maxsize=1024)
def record_type(name: str, fields: tuple[str, ...]) -> type[Any]:
    """A named tuple class; fields without a name, or with one that is taken, are called by their place."""
    seen: set[str] = set()
    names = []
    for place, field in enumerate(fields):
        given = snake(field) if field else f"value{place}"
        names.append(given if given not in seen else f"{given}{place}")
        seen.add(names[-1])
    return namedtuple(name, names)


@dataclass(frozen=True, kw_only=True)
class Parameter:
    """One parameter of the ABI."""

    name: str
    type: str
    """canonical type, with `(...)` for a struct"""
    internal: str
    """Solidity's own name of the type, such as `struct Flex.Product[]`"""
    components: tuple[Parameter, ...]
    indexed: bool

    @classmethod
    def read(cls, entry: Mapping[str, Any]) -> Parameter:
        """From an entry of a JSON ABI."""
        components = tuple(cls.read(item) for item in entry.get("components", ()))
        kind = str(entry["type"])
        if kind.startswith("tuple"):
            kind = f"({','.join(item.type for item in components)}){kind.removeprefix('tuple')}"
        return cls(
            name=str(entry.get("name", "")),
            type=kind,
            internal=str(entry.get("internalType", kind)),
            components=components,
            indexed=bool(entry.get("indexed", False)),
        )

    @property
    def is_hashed(self) -> bool:
        """Whether it is indexed and of a type of which the log has only the hash."""
        return self.indexed and (self.type.endswith(("]", ")")) or self.type in ("bytes", "string"))

    def element(self) -> Parameter | None:
        """The element of an array; None for what is none."""
        matched = _ARRAY.fullmatch(self.type)
        if matched is None:
            return None
        return dataclasses.replace(self, type=matched[1], internal=re.sub(r"\[\d*\]$", "", self.internal))


# ------------------------------------------------------------------ values


def _into(parameter: Parameter) -> Convert:
    """What turns a caller's value into one that the encoder accepts."""
    element = parameter.element()
    if element is not None:
        convert = _into(element)
        return lambda value: [convert(item) for item in value]
    if parameter.components:
        parts = [_into(item) for item in parameter.components]
        return functools.partial(_struct_into, parameter.internal, parts)
    if matched := _BYTES.fullmatch(parameter.type):
        return functools.partial(_bytes_into, parameter.type, int(matched[1] or 0))
    if parameter.type == "address":
        return _address_into
    return _plain


def _plain(value: Any) -> Any:
    return value


def _struct_into(name: str, parts: Sequence[Convert], value: Any) -> tuple[Any, ...]:
    values = value.as_tuple() if hasattr(value, "as_tuple") else value
    if not isinstance(values, (tuple, list)) or len(values) != len(parts):
        raise CodecError(
            f"{name} has {len(parts)} fields and {values!r} does not give as many.",
            next_step="Give the dataclass of that name, or a tuple of all fields in their order.",
        )
    return tuple(convert(item) for convert, item in zip(parts, values, strict=True))


def _bytes_into(name: str, size: int, value: Any) -> bytes:
    data = bytes.fromhex(value.removeprefix("0x")) if isinstance(value, str) else bytes(value)
    if size and len(data) != size:
        raise CodecError(f"{name} is {size} bytes long and {data.hex()!r} is {len(data)}.", next_step="Check it.")
    return data


def _address_into(value: Any) -> Any:
    return value if isinstance(value, str) else getattr(value, "address", value)


def _out(parameter: Parameter) -> Convert:
    """What turns a decoded value into the caller's."""
    element = parameter.element()
    if element is not None:
        convert = _out(element)
        return tuple if convert is _plain else lambda values: tuple(convert(item) for item in values)
    if parameter.components:
        return _struct_out(parameter)
    if parameter.type == "address":
        return checksum_address
    if parameter.internal.startswith("enum "):
        return _enum_type(parameter.internal) or _plain
    return _plain


def _struct_out(parameter: Parameter) -> Convert:
    parts = [_out(item) for item in parameter.components]
    names = tuple(item.name for item in parameter.components)
    name = parameter.internal.removeprefix("struct ").rpartition(".")[2]
    known = _model_type(name)
    if isinstance(known, type) and dataclasses.is_dataclass(known):
        fields = [field.name for field in dataclasses.fields(known) if field.init]
        if [_flat(field) for field in fields] == [_flat(item) for item in names]:
            return functools.partial(_dataclass_out, known, fields, parts)
    make = record_type(name if name.isidentifier() else "Struct", names)._make
    return lambda values: make(convert(item) for convert, item in zip(parts, values, strict=True))


def _dataclass_out(
    known: Callable[..., Any], fields: Sequence[str], parts: Sequence[Convert], values: Sequence[Any]
) -> Any:
    return known(**{field: part(value) for field, part, value in zip(fields, parts, values, strict=True)})


def _enum_type(internal: str) -> type[enum.IntEnum] | None:
    known = _model_type(internal.removeprefix("enum ").rpartition(".")[2])
    return known if isinstance(known, type) and issubclass(known, enum.IntEnum) else None


def _flat(name: str) -> str:
    return name.replace("_", "").lower()


@functools.lru_cache(maxsize=1024)
def _model_type(name: str) -> Any:
    try:
        module = importlib.import_module(type_registry)
    except ModuleNotFoundError:
        return None
    return getattr(module, name, None)


# ------------------------------------------------------------------ entries


class _Tuple:
    """Encoder and decoder of a list of parameters."""

    def __init__(self, parameters: Sequence[Parameter]) -> None:
        self.types: list[str] = [item.type for item in parameters]
        self._parameters = parameters

    @functools.cached_property
    def _into(self) -> list[Convert]:
        """What each value goes through on its way in."""
        return [_into(item) for item in self._parameters]

    @functools.cached_property
    def out(self) -> list[Convert]:
        """What each value goes through on its way out."""
        return [_out(item) for item in self._parameters]

    def encode(self, what: str, values: Sequence[Any]) -> bytes:
        if len(values) != len(self.types):
            raise CodecError(
                f"{what} takes {len(self.types)} arguments, {len(values)} were given.",
                next_step=f"Give {', '.join(_described(item) for item in self._parameters) or 'none'}.",
            )
        try:
            return _encode(self.types, [c(v) for c, v in zip(self._into, values, strict=True)])
        except CodecError:
            raise
        except Exception as error:
            raise CodecError(f"The arguments of {what} do not fit: {error}", next_step="Check them.") from error

    def decode(self, data: bytes) -> list[Any]:
        values = _decode(self.types, data)
        return [convert(value) for convert, value in zip(self.out, values, strict=True)]


def _described(parameter: Parameter) -> str:
    return f"{parameter.name or 'a value'} ({parameter.internal})"


class _Entry:
    """What functions, errors and events have in common."""

    def __init__(self, entry: Mapping[str, Any]) -> None:
        self.name = str(entry.get("name", "constructor"))
        self.inputs = tuple(Parameter.read(item) for item in entry.get("inputs", ()))
        self.signature = f"{self.name}({','.join(item.type for item in self.inputs)})"
        self.hash: bytes = keccak(self.signature.encode("ascii"))
        self.selector = self.hash[:4]
        self._arguments = _Tuple(self.inputs)
        self.record: type[Any] = record_type(
            self.name if self.name.isidentifier() else "Arguments", tuple(item.name for item in self.inputs)
        )

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.signature}>"


class Function(_Entry):
    """A function, or the constructor, which has no selector in its data."""

    def __init__(self, entry: Mapping[str, Any]) -> None:
        super().__init__(entry)
        self.is_view = entry.get("stateMutability") in ("view", "pure")
        self.outputs = tuple(Parameter.read(item) for item in entry.get("outputs", ()))
        self._results = _Tuple(self.outputs)
        self._record = record_type(f"{self.name}_result", tuple(item.name for item in self.outputs))

    def encode(self, *arguments: Any) -> bytes:
        """The arguments as data of a call, selector first. Raises CodecError."""
        return self.selector + self.encode_arguments(*arguments)

    def encode_arguments(self, *arguments: Any) -> bytes:
        """The arguments alone, as a constructor takes them. Raises CodecError."""
        return self._arguments.encode(self.name, arguments)

    def decode_arguments(self, data: bytes) -> Any:
        """A named tuple of the arguments from the data of a call, selector first."""
        return self.record._make(self._arguments.decode(data[4:]))

    def decode(self, data: bytes) -> Any:
        """The result: None, one value, or a named tuple of several."""
        if not self.outputs:
            return None
        values = self._results.decode(data)
        return values[0] if len(values) == 1 else self._record._make(values)


class Error(_Entry):
    """A custom error."""

    def decode(self, data: bytes) -> Any:
        """A named tuple of the arguments from revert data."""
        return self.record._make(self._arguments.decode(data[4:]))


class Event(_Entry):
    """An event."""

    def __init__(self, entry: Mapping[str, Any]) -> None:
        super().__init__(entry)
        self._topics = [_Tuple([item]) for item in self.inputs if item.indexed and not item.is_hashed]
        self._data = _Tuple([item for item in self.inputs if not item.indexed])

    def decode(self, topics: Sequence[bytes], data: bytes) -> Any:
        """A named tuple of the arguments; one that is indexed by its hash stays that hash."""
        rest = iter(self._data.decode(data))
        decoders = iter(self._topics)
        words = iter(topics[1:])
        values = []
        for item in self.inputs:
            if not item.indexed:
                values.append(next(rest))
            elif item.is_hashed:
                values.append(next(words))
            else:
                values.append(next(decoders).decode(next(words))[0])
        return self.record._make(values)

    def topic(self, name: str, value: Any) -> bytes:
        """The word by which an indexed argument is found in the log. Raises CodecError."""
        item = next(item for item in self.inputs if item.name == name)
        if item.is_hashed:
            return _bytes_into("bytes32", 32, value)
        return _Tuple([item]).encode(self.name, [value])

    def build(self, values: Sequence[Any]) -> Any:
        """A named tuple of the arguments from plain ones, as `decode` gives it."""
        return self.record._make(
            value if item.is_hashed else convert(value)
            for item, convert, value in zip(self.inputs, self._arguments.out, values, strict=True)
        )


@dataclass(frozen=True, kw_only=True)
class Revert:
    """Why a call was undone: an error's name and its arguments in order."""

    name: str
    """of the custom error, `Error` for a text, `Panic` for a code, `Unknown` for other data, empty for no data"""
    args: tuple[Any, ...]

    def __str__(self) -> str:
        return f"{self.name or 'no reason'}({', '.join(_shown(item) for item in self.args)})"


def _shown(value: Any) -> str:
    return f"0x{value.hex()}" if isinstance(value, bytes) else str(value)


class Abi:
    """The functions, errors and events of one contract, found by name or by what stands in the data."""

    def __init__(self, entries: Iterable[Mapping[str, Any]]) -> None:
        self.functions: dict[str, Function] = {}
        self.errors: dict[bytes, Error] = {}
        self.events: dict[bytes, Event] = {}
        self.constructor = Function({"name": "constructor"})
        self.by_selector: dict[bytes, Function] = {}
        for entry in entries:
            kind = entry.get("type")
            if kind == "function":
                self._add(Function(entry))
            elif kind == "error":
                error = Error(entry)
                self.errors[error.selector] = error
            elif kind == "event":
                event = Event(entry)
                self.events[event.hash] = event
            elif kind == "constructor":
                self.constructor = Function({**entry, "name": "constructor"})

    def _add(self, function: Function) -> None:
        """By name; of overloads the first, the others by their signature only."""
        self.by_selector[function.selector] = function
        self.functions.setdefault(function.name, function)
        self.functions[function.signature] = function

    def event(self, name: str) -> Event:
        """The event of that name. Raises CodecError."""
        for event in self.events.values():
            if event.name == name:
                return event
        raise CodecError(f"There is no event {name}.", next_step="Check the name.")


def decode_revert(data: bytes, errors: Mapping[bytes, Error]) -> Revert:
    """The reason in revert data, with the errors that are known by their selector."""
    selector = data[:4]
    try:
        if not data:
            return Revert(name="", args=())
        if selector == ERROR_STRING:
            return Revert(name="Error", args=tuple(_decode(["string"], data[4:])))
        if selector == PANIC:
            return Revert(name="Panic", args=tuple(_decode(["uint256"], data[4:])))
        if selector in errors:
            error = errors[selector]
            return Revert(name=error.name, args=tuple(error.decode(data)))
    except Exception:  # noqa: BLE001 - malformed data of a foreign contract is an answer too
        return Revert(name="Unknown", args=(data,))
    return Revert(name="Unknown", args=(data,))
