"""Arguments of a call laid out as no encoder does it, damaged, and read again as Solidity reads them.

    values = read(function, plain)                     # of any data
    laid = lay(function, values, Random(7))            # parts in any order, gaps, shared parts, offsets that go back
    data = spoil(laid, [Damage(kind="offset", which=2, how=5)])
    meant = encode(function, read(function, data))     # as an encoder would have laid what it says

Values are integers for words, `bytes` for bytes, lists for arrays and structs. What cannot be read is empty, and bits beyond a type are not
there: a contract that reads either reverts.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from random import Random

    from flexbond.chain.codec import Function, Parameter

WORD: Final = 32
START: Final = 4
"""Where the arguments begin: behind the selector."""
_ALL: Final = 1 << 256
_FAR: Final = 1 << 64
"""Lengths from here on are refused."""
_GAPS: Final = (0, 0, 0, 32, 64, 5, 77)
_SIZED: Final = re.compile(r"(u?int|bytes)(\d+)")

Value: TypeAlias = "int | bytes | list[Value]"
Kind = Literal["word", "offset", "length"]


# ------------------------------------------------------------------ types


def _is_dynamic(parameter: Parameter) -> bool:
    if parameter.type == "bytes" or parameter.element() is not None:
        return True
    return any(map(_is_dynamic, parameter.components))


def _head(parameter: Parameter) -> int:
    """Bytes that it takes where it stands."""
    if _is_dynamic(parameter) or not parameter.components:
        return WORD
    return sum(map(_head, parameter.components))


def _bits(kind: str) -> tuple[int, int]:
    """How many bits a word's value has, and how many are unused behind them."""
    matched = _SIZED.fullmatch(kind)
    if matched is None:
        return {"bool": 1, "address": 160}[kind], 0
    size = int(matched[2])
    return (8 * size, 256 - 8 * size) if matched[1] == "bytes" else (size, 0)


def _masked(kind: str, word: int) -> int:
    """The word without what is beyond the type."""
    bits, behind = _bits(kind)
    value = word >> behind & (1 << bits) - 1
    if kind.startswith("int") and value >> bits - 1:
        return value + _ALL - (1 << bits)
    return value << behind


# ------------------------------------------------------------------ reading


def _word(data: bytes, at: int) -> int:
    """The word at a place; zero where nothing is."""
    return int.from_bytes(data[at : at + WORD].ljust(WORD, b"\0"), "big") if at >= 0 else 0


def _signed(word: int) -> int:
    return word - _ALL if word >> 255 else word


def _value(parameter: Parameter, data: bytes, base: int, at: int) -> Value:
    """What stands at a place, or where that says, counted from the base."""
    if _is_dynamic(parameter):
        return _tail(parameter, data, base + _signed(_word(data, at)))
    if parameter.components:
        return _fields(parameter.components, data, at)
    return _masked(parameter.type, _word(data, at))


def _tail(parameter: Parameter, data: bytes, at: int) -> Value:
    element = parameter.element()
    if element is None and parameter.components:
        return _fields(parameter.components, data, at)
    length, start = _word(data, at), at + WORD
    size = 1 if element is None else _head(element)
    if length >= _FAR or start + length * size > len(data):
        length = 0
    if element is None:
        return data[start : start + length] if length else b""
    return [_value(element, data, start, start + number * size) for number in range(length)]


def _fields(parameters: Iterable[Parameter], data: bytes, base: int) -> list[Value]:
    values, at = [], base
    for parameter in parameters:
        values.append(_value(parameter, data, base, at))
        at += _head(parameter)
    return values


def read(function: Function, data: bytes) -> list[Value]:
    """The arguments of a call."""
    return _fields(function.inputs, data, START)


# ------------------------------------------------------------------ blocks


@dataclass(eq=False)
class _Block:
    """What lies in a row: words, offsets of other blocks, a length, bytes."""

    base: int = 0
    """From where its offsets are counted, from its beginning."""
    parts: list[tuple[Kind, int, str]] = field(default_factory=list)
    """Kind, value, type."""
    inner: dict[int, _Block] = field(default_factory=dict)
    """What the offsets lead to, by place among the parts."""
    tail: bytes = b""

    @property
    def size(self) -> int:
        """With padding."""
        return WORD * len(self.parts) + -(-len(self.tail) // WORD) * WORD

    @property
    def meaning(self) -> tuple[object, ...]:
        """Equal for blocks that say the same."""
        inner = tuple(block.meaning for block in self.inner.values())
        return self.base, tuple(item for item in self.parts if item[0] != "offset"), tuple(self.inner), inner, self.tail

    def add(self, parameter: Parameter, value: Value) -> None:
        """A field or an element."""
        if _is_dynamic(parameter):
            self.inner[len(self.parts)] = _block(parameter, value)
            self.parts.append(("offset", 0, ""))
        elif parameter.components:
            assert isinstance(value, list)
            for item, part in zip(parameter.components, value, strict=True):
                self.add(item, part)
        else:
            assert isinstance(value, int)
            self.parts.append(("word", value, parameter.type))

    def all(self) -> Iterator[_Block]:
        """In the order of an encoder."""
        yield self
        for block in self.inner.values():
            yield from block.all()


def _block(parameter: Parameter, value: Value) -> _Block:
    element = parameter.element()
    if isinstance(value, bytes):
        return _Block(parts=[("length", len(value), "")], tail=value)
    assert isinstance(value, list)
    if element is None:
        return _row(parameter.components, value)
    block = _Block(base=WORD, parts=[("length", len(value), "")])
    for item in value:
        block.add(element, item)
    return block


def _row(parameters: Sequence[Parameter], values: list[Value]) -> _Block:
    block = _Block()
    for parameter, value in zip(parameters, values, strict=True):
        block.add(parameter, value)
    return block


# ------------------------------------------------------------------ laying


@dataclass(frozen=True, kw_only=True)
class Spot:
    """A word of a layout."""

    kind: Kind
    at: int
    type: str
    base: int
    """From where an offset is counted."""


@dataclass(frozen=True, kw_only=True)
class Laid:
    """A call, and where its words are."""

    data: bytes
    spots: tuple[Spot, ...]


def encode(function: Function, values: list[Value]) -> bytes:
    """As an encoder does it."""
    return lay(function, values).data


def lay(function: Function, values: list[Value], chance: Random | None = None) -> Laid:
    """The call, by chance: arguments or all blocks in any order with anything between them, blocks on others that say the same."""
    root = _row(function.inputs, values)
    apart = chance is not None and chance.random() < 0.6
    groups = [[block] for block in root.all()][1:] if apart else [list(block.all()) for block in root.inner.values()]
    if chance and chance.random() < 0.7:
        chance.shuffle(groups)
    places, end = {root: START}, START + root.size
    shared = dict[tuple[object, ...], int]()
    for group in groups:
        end += chance.choice(_GAPS) if chance else 0
        for block in group:
            if chance and apart and block.meaning in shared and chance.random() < 0.5:
                places[block] = shared[block.meaning]
                continue
            places[block] = shared[block.meaning] = end
            end += block.size
    fill = bytes(end) if chance is None or chance.random() < 0.5 else chance.randbytes(end)
    fill = function.selector + fill[START:]
    laid = _written(places, fill)
    if chance and apart and chance.random() < 0.5:
        merged = _written(_merged(places, laid.data, chance), fill)
        # What a block was put on may itself have changed with the offsets.
        if read(function, merged.data) == values:
            return merged
    return laid


def _written(places: dict[_Block, int], fill: bytes) -> Laid:
    data, spots = bytearray(fill), []
    for block, place in places.items():
        for number, (kind, value, type_) in enumerate(block.parts):
            at, base = place + WORD * number, place + block.base
            item = places[block.inner[number]] - base if kind == "offset" else value
            data[at : at + WORD] = (item % _ALL).to_bytes(WORD, "big")
            spots.append(Spot(kind=kind, at=at, type=type_, base=base))
        at = place + WORD * len(block.parts)
        data[at : at + len(block.tail)] = block.tail
    return Laid(data=bytes(data), spots=tuple(spots))


def _merged(places: dict[_Block, int], data: bytes, chance: Random) -> dict[_Block, int]:
    """Some blocks without offsets put wherever their bytes stand by accident."""
    moved = dict(places)
    for block, place in places.items():
        if block.inner or place == START or chance.random() < 0.5:
            continue
        content = data[place : place + WORD * len(block.parts) + len(block.tail)]
        found = data.find(content, chance.randrange(START, len(data)))
        if found >= 0:
            moved[block] = found
    return moved


# ------------------------------------------------------------------ damage


@dataclass(frozen=True, kw_only=True)
class Damage:
    """Something done to a call; which word, and how, are counted around."""

    kind: Literal["bits", "offset", "length", "copy", "cut", "behind"]
    which: int
    how: int


def spoil(laid: Laid, damages: Iterable[Damage]) -> bytes:
    """The call with all that is done to it."""
    data = bytearray(laid.data)
    for damage in damages:
        if damage.kind == "cut":
            del data[max(len(data) - 1 - damage.how % 100, START) :]
        elif damage.kind == "behind":
            data += bytes([damage.which % 256]) * (damage.how % 100)
        else:
            _spoil_word(data, laid, damage)
    return bytes(data)


def each(laid: Laid) -> Iterator[Damage]:
    """A bit beyond each word that has any, the first and the last; everything wrong with each offset and length."""
    for which in range(len(_spots(laid, "bits"))):
        yield from (Damage(kind="bits", which=which, how=how) for how in (0, -1))
    kinds: tuple[Kind, ...] = ("offset", "length")
    for kind in kinds:
        for which, spot in enumerate(_spots(laid, kind)):
            count = len(_others(laid, laid.data, spot))
            yield from (Damage(kind=kind, which=which, how=how) for how in range(count))


def _spots(laid: Laid, kind: str) -> list[Spot]:
    """The words to which such damage is done."""
    if kind == "copy":
        return list(laid.spots)
    if kind == "bits":
        return [spot for spot in laid.spots if spot.kind == "word" and _bits(spot.type)[0] < 256]
    return [spot for spot in laid.spots if spot.kind == kind]


def _spoil_word(data: bytearray, laid: Laid, damage: Damage) -> None:
    spots = _spots(laid, damage.kind)
    if not spots:
        return
    spot = spots[damage.which % len(spots)]
    if spot.at + WORD > len(data):
        return
    if damage.kind == "bits":
        bits, behind = _bits(spot.type)
        new = _word(data, spot.at) ^ 1 << (damage.how % behind if behind else bits + damage.how % (256 - bits))
    elif damage.kind == "copy":
        new = _word(data, laid.spots[damage.how % len(laid.spots)].at)
    else:
        others = _others(laid, data, spot)
        new = others[damage.how % len(others)]
    data[spot.at : spot.at + WORD] = (new % _ALL).to_bytes(WORD, "big")


def _others(laid: Laid, data: bytes, spot: Spot) -> list[int]:
    """Wrong offsets or lengths: beside the right one, at the borders, such as overflow; offsets of all that other offsets lead to."""
    old, end = _word(data, spot.at), len(data) - spot.base
    near = [old + step for step in (1, -1, 31, -31, WORD, -WORD, 2 * WORD, -2 * WORD)]
    border = [0, end, end - WORD, -1, -WORD, -spot.base, -spot.base - WORD]
    over = [_FAR - 1, _FAR, 1 << 255, (1 << 255) - 1, (1 << 251) + old, (1 << 248) + old]
    if spot.kind == "length":
        return [*near, *border, *over]
    led = [other.base + _signed(_word(data, other.at)) - spot.base for other in _spots(laid, "offset")]
    return [*near, *border, *over, *led]


__all__ = ["Damage", "Laid", "Spot", "Value", "each", "encode", "lay", "read", "spoil"]
