"""The fields of a rule file, taken from the structs: reader, writer and JSON Schema all go by these."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING, Final

from flexbond.model.struct import kinds_of
from flexbond.model.types import Calendar, CurvePoint, DayClass, Lookback, Rule

if TYPE_CHECKING:
    from flexbond.model.struct import Kind, Struct

SCHEMA: Final = "flexbond/rule"
VERSION: Final = 2
"""1 was the ABI's JSON, without look-back and provenance."""

DAY_KINDS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday", "holiday")
"""Names of the bits of `DayClass.kinds`, lowest first."""
MAX_CURVE_POINTS: Final = 16
MAX_CLASSES: Final = 8
MAX_TEXT: Final = 2_000
"""Longest text of a file, characters."""
MAX_NAME: Final = 32
"""Longest name of a zone or of holidays, ASCII."""


class Shape(Enum):
    """How a field is spelled in a file."""

    VALUE = auto()
    """An integer, a truth value, the name of an enum's member, or an address."""
    CURVE = auto()
    """A list of points."""
    CLASSES = auto()
    """A list of day classes, whose fields are parameters of their own."""
    DAYS = auto()
    """A list of DAY_KINDS."""
    NAME = auto()
    """ASCII text in 32 bytes."""


@dataclass(frozen=True, kw_only=True)
class Field:
    """One field of a section."""

    name: str
    kind: Kind
    shape: Shape
    optional: bool
    """Whether a file may leave it out."""


_LEFT_OUT: Final[dict[type, set[str]]] = {Rule: {"schema", "lookback_hash"}, Lookback: {"calendar_id"}}
"""What follows from the rest of the file."""
_SAMPLING: Final = {
    "draw_delay",
    "challenge_window",
    "max_demands",
    "demand_fee",
    "bond_per_mw",
    "challenger_share_bps",
}
"""Of a rule under which not every leaf has to be proven."""
_OPTIONAL: Final[dict[type, set[str]]] = {Rule: {"currency", "unclaimed_to", "baseline_periods", *_SAMPLING}}
_SHAPES: Final[dict[tuple[type, str], Shape]] = {
    (Lookback, "classes"): Shape.CLASSES,
    (DayClass, "kinds"): Shape.DAYS,
    (Calendar, "zone"): Shape.NAME,
    (Calendar, "holidays"): Shape.NAME,
}

_UNITS: Final = {
    "spot_checks": "leaves",
    "draw_delay": "blocks",
    "max_demands": "leaves",
    "demand_fee": "base units",
    "bond_per_mw": "base units per MW",
}
"""Of fields whose name does not end in their unit."""


def fields_of(cls: type[Struct]) -> tuple[Field, ...]:
    """The fields that a file gives of a struct, in order."""
    return tuple(
        Field(
            name=name,
            kind=kind,
            shape=_SHAPES.get((cls, name), Shape.CURVE if kind.cls is CurvePoint else Shape.VALUE),
            optional=name in _OPTIONAL.get(cls, ()),
        )
        for name, kind in kinds_of(cls)
        if name not in _LEFT_OUT.get(cls, ())
    )


def unit_of(name: str) -> str:
    """The unit of a field, as people write it; empty for none."""
    if name.endswith("_bps"):
        return "bps"
    if name in ("x", "y") or name.endswith("_days"):
        return "days"
    if name.endswith("_periods"):
        return "periods"
    if name in _UNITS:
        return _UNITS[name]
    timed = ("_seconds", "_deadline", "_window", "_period", "_lead", "_at")
    return "s" if name.endswith(timed) else ""
