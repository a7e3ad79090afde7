"""Python's structs against the Solidity source, and their one mechanism."""

from __future__ import annotations

import inspect
import re
from enum import IntEnum
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flexbond.model import types
from flexbond.model.struct import Struct, StructError, kinds_of, solidity_name
from flexbond.model.types import Cursor, DeviceKind, Direction, Entry, EventKey, Grid, Offer, Product, Rule, Totals
from tests.python.model.strategies import product, products, rule, rules

ROOT = Path(__file__).resolve().parents[3]
FLEX = (ROOT / "contracts/types/Flex.sol").read_text(encoding="utf-8")
SOURCES = [FLEX, *(path.read_text(encoding="utf-8") for path in sorted((ROOT / "interfaces").glob("*.sol")))]
PURE = re.sub(r"//.*", "", "\n".join(SOURCES))
STRUCTS = dict(re.findall(r"struct (\w+) \{(.*?)\}", PURE, re.DOTALL))
ENUMS = dict(re.findall(r"enum (\w+) \{(.*?)\}", PURE, re.DOTALL))
PYTHON = {
    name: item
    for name, item in inspect.getmembers(types, inspect.isclass)
    if item.__module__.startswith(types.__name__)
}


def solidity_fields(name: str) -> list[tuple[str, str]]:
    """Type and name of each field of a struct, as the source has them."""
    statements = [line.split() for line in STRUCTS[name].replace("\n", " ").split(";") if line.strip()]
    return [(kind.removeprefix("Flex."), field) for kind, field in statements]


def spelled(name: str) -> list[tuple[str, str]]:
    """The same of the Python struct."""
    found = []
    for field, kind in kinds_of(PYTHON[name]):
        single = kind.cls.__name__ if kind.cls else kind.abi
        found.append((single + "[]" if kind.many else single, solidity_name(field)))
    return found


@pytest.mark.parametrize("name", sorted(STRUCTS))
def test_struct_is_that_of_solidity(name: str) -> None:
    """Given a struct of the contracts, Python has the same fields, types and order."""
    assert spelled(name) == solidity_fields(name)


@pytest.mark.parametrize("name", sorted(ENUMS))
def test_enum_is_that_of_solidity(name: str) -> None:
    """Given an enum of the contracts, Python has the same members in the same order."""
    members = [member.strip() for member in ENUMS[name].replace("\n", " ").split(",") if member.strip()]
    assert issubclass(PYTHON[name], IntEnum)
    assert [member.name.replace("_", "").lower() for member in PYTHON[name]] == [member.lower() for member in members]
    assert [member.value for member in PYTHON[name]] == list(range(len(members)))


def test_python_has_no_struct_of_its_own() -> None:
    """Given the module, nothing is in it that the contracts do not have."""
    assert set(PYTHON) == set(STRUCTS) | set(ENUMS)


@given(rules(), st.data())
def test_round_trip(under: Rule, data: st.DataObject) -> None:
    """Given any struct, its tuple gives it back."""
    of = data.draw(products(under))
    for struct in (under, of, of.event_key):
        assert type(struct).from_tuple(struct.as_tuple()) == struct


def test_nested_structs_round_trip() -> None:
    """Given structs in structs and lists, tuples nest and come back, from lower-case addresses and lists too."""
    totals = Totals(columns=(1, 2), weight=3, baseline_milli_wh=(-4, 5), metered_milli_wh=(-6, 7))
    cursor = Cursor(next=1, frontier=(bytes(32),), totals=totals)
    assert cursor.as_tuple() == (1, [bytes(32)], ([1, 2], 3, [-4, 5], [-6, 7]))
    assert Cursor.from_tuple([1, [bytes(32)], [[1, 2], 3, [-4, 5], [-6, 7]]]) == cursor
    offer = Offer(product=product(), units=5, premium_per_unit=7, buyer="0x" + 40 * "0", expiry=9, nonce=1)
    raw = offer.as_tuple()
    assert Offer.from_tuple((tuple(x.lower() if isinstance(x, str) else x for x in raw[0]), *raw[1:])) == offer


def test_abi_types() -> None:
    """Given structs, their ABI type lists their fields' types, nested ones in full."""
    assert Grid.abi_type() == "(uint24,uint8,uint32)"
    assert EventKey.abi_type() == "(bytes32,uint40,uint40,bytes32,uint8,int40)"
    assert Cursor.abi_type() == "(uint40,bytes32[],(uint128[],uint128,int128[],int128[]))"
    assert "(uint16,uint16)[]" in Rule.abi_type()


@pytest.mark.parametrize(
    "changes",
    [
        {"lot_w": -1},
        {"lot_w": 2**32},
        {"lot_w": True},
        {"lot_w": 1.0},
        {"reference_w": 2**39},
        {"reference_w": -(2**39) - 1},
        {"zone": b"short"},
        {"zone": "0x00"},
        {"provider": "0x12"},
        {"provider": "not an address at all, but 42 characters.."},
        {"direction": 2},
        {"transferable": 1},
    ],
    ids=str,
)
def test_values_that_do_not_fit_are_refused(changes: dict[str, object]) -> None:
    """Given a value that the field's type cannot hold, it is refused with the field's name."""
    with pytest.raises(StructError, match=f"Product.{next(iter(changes))}"):
        product(**changes)


def test_values_are_kept_in_one_form() -> None:
    """Given plain integers for enums and any spelling of an address, equal structs are equal and hash alike."""
    upper = product(direction=0, provider="0x" + 40 * "A")
    assert upper.direction is Direction.SHED
    assert upper == product()
    assert hash(upper) == hash(product())
    assert product(provider="0x" + "5aaeb6053f3e94c9b9a09f33669435e7ef1beaed").provider == (
        "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"
    )


def test_wrong_number_of_values() -> None:
    """Given too few values, the struct is refused by its name."""
    with pytest.raises(StructError, match="Grid"):
        Grid.from_tuple((1, 2))
    with pytest.raises(StructError, match=r"Totals\.columns"):
        Totals(columns=5, weight=0, baseline_milli_wh=(), metered_milli_wh=())  # type: ignore[arg-type]


def test_just_before() -> None:
    """Given a place taken and left, it counts strictly before a moment."""
    entry = Entry(
        metering_point=bytes(16),
        joined_at=100,
        left_at=200,
        capacity_w=1,
        payee="0x" + 40 * "1",
        connection_w=1,
        kind=DeviceKind.DEVICE,
    )
    assert [at for at in (99, 100, 101, 200, 201) if entry.was_in_before(at)] == [101, 200]


def test_every_field_has_its_text() -> None:
    """Given the module's source, every integer field that is no id, count or enum says its unit."""
    source = inspect.getsource(types)
    unnamed = re.findall(r"\n    (\w+_(?:seconds|bps|w|mwh|mwhour|milli_wh)): [^\n]*\n(?!    \"\"\")", source)
    assert unnamed == []


def test_mechanism_refuses_unknown_types() -> None:
    """Given a field without an ABI type, the struct cannot be used."""
    from dataclasses import dataclass

    @dataclass(frozen=True, kw_only=True)
    class Wrong(Struct):
        field: str

    Wrong.__annotations__["field"] = str
    with pytest.raises(TypeError, match="has no ABI type"):
        Wrong(field="x")


def test_product_is_its_event() -> None:
    """Given a product, its event has its portfolio, window, rule, direction and level."""
    of = product(reference_w=-5)
    assert of.event_key.as_tuple() == (of.portfolio_id, of.window_start, of.window_end, of.rule_id, 0, -5)
    assert isinstance(of, Product)
    assert rule().schema == of.schema == 1
