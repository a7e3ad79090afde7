"""Layouts of calls: what they mean is read as Solidity reads it, and what is laid by chance means the same."""

from __future__ import annotations

from random import Random

import pytest

from flexbond.chain.codec import Function
from tests.support.layouts import Damage, each, encode, lay, read, spoil

PAIR = {
    "type": "tuple",
    "name": "pair",
    "components": [{"type": "int40", "name": "a"}, {"type": "uint8[]", "name": "b"}],
}
PLAIN = {
    "type": "tuple",
    "name": "plain",
    "components": [{"type": "bool", "name": "c"}, {"type": "bytes4", "name": "d"}],
}
FUNCTION = Function(
    {
        "name": "take",
        "inputs": [
            PAIR,
            {"type": "uint16", "name": "e"},
            PLAIN,
            PAIR | {"type": "tuple[]"},
            {"type": "bytes", "name": "f"},
        ],
    }
)
ARGUMENTS = ((-5, (1, 2, 3)), 7, (True, b"abcd"), ((-(2**39), ()), (6, (1, 2, 3))), b"0123456789" * 4)
DATA = FUNCTION.encode(*ARGUMENTS)
VALUES = read(FUNCTION, DATA)


def word(value: int) -> bytes:
    """A word, of a negative number too."""
    return (value % 2**256).to_bytes(32, "big")


def with_word(at: int, value: int) -> bytes:
    """The call with another word."""
    return DATA[: 4 + 32 * at] + word(value) + DATA[36 + 32 * at :]


def test_as_an_encoder() -> None:
    """Given what a call says, it is encoded as usual."""
    assert encode(FUNCTION, VALUES) == DATA
    assert FUNCTION.decode_arguments(DATA) == FUNCTION.decode_arguments(encode(FUNCTION, read(FUNCTION, DATA)))


def test_by_chance_the_same_is_said() -> None:
    """Given many layouts, all say the same: in another order, longer, or shorter for what they share."""
    laid = [lay(FUNCTION, VALUES, Random(seed)).data for seed in range(300)]
    assert all(read(FUNCTION, data) == VALUES for data in laid)
    assert len(set(laid)) > 100
    lengths = [len(data) - len(DATA) for data in laid]
    assert min(lengths) < 0 < max(lengths)


def test_offsets_go_back() -> None:
    """Given many layouts, some of their offsets are negative."""
    laid = [lay(FUNCTION, VALUES, Random(seed)) for seed in range(30)]
    offsets = [one.data[spot.at] for one in laid for spot in one.spots if spot.kind == "offset"]
    assert {0, 0xFF} == set(offsets)


@pytest.mark.parametrize(("at", "value", "meant"), [(1, 7 | 1 << 16, 7), (2, 3, 1), (1, 1 << 255, 0)])
def test_bits_beyond_a_type_are_not_there(at: int, value: int, meant: int) -> None:
    """Given bits beyond a type, the value is what is within."""
    found = read(FUNCTION, with_word(at, value))
    assert (found[1] if at == 1 else found[2][0]) == meant  # type: ignore[index]


@pytest.mark.parametrize("length", [41 + 23, 2**64, 2**256 - 1])
def test_what_is_longer_than_the_call_is_empty(length: int) -> None:
    """Given bytes that are longer than what is left of the call, there are none."""
    place = (int.from_bytes(DATA[4 + 32 * 5 : 4 + 32 * 6], "big")) // 32
    assert read(FUNCTION, with_word(place, 40))[-1] == ARGUMENTS[-1]
    assert read(FUNCTION, with_word(place, length + 1))[-1] == b""


def test_each_word_is_damaged() -> None:
    """Given every damage to a word, each word is changed, and nothing else is."""
    laid = lay(FUNCTION, VALUES)
    touched = set()
    for damage in each(laid):
        data = spoil(laid, [damage])
        places = {at // 32 for at, (one, other) in enumerate(zip(data[4:], DATA[4:], strict=True)) if one != other}
        assert len(places) < 2
        touched |= places
    assert touched == {(spot.at - 4) // 32 for spot in laid.spots}


def test_cut_and_longer() -> None:
    """Given a call that is cut or goes on, only its end differs."""
    laid = lay(FUNCTION, VALUES)
    assert spoil(laid, [Damage(kind="cut", which=0, how=4)]) == DATA[:-5]
    assert spoil(laid, [Damage(kind="behind", which=7, how=3)]) == DATA + b"\7" * 3
