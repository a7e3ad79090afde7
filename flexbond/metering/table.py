"""A file's readings before they are understood: columns of text with the place of each row."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from flexbond.metering.conventions import Conventions, Stamp
from flexbond.metering.errors import (
    AmbiguousColumnError,
    ContradictoryConventionError,
    MissingColumnError,
    Place,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    import polars as pl

    from flexbond.metering.errors import Counts

DEFAULT_MAX_ROWS: Final = 10_000_000
"""Rows that a reader accepts unless told otherwise."""

_STAMP_NAMES: Final = ("start", "end", "time")
_VALUE_NAMES: Final = ("wh", "kwh", "mwh", "w", "kw", "value")


@dataclass(frozen=True, kw_only=True)
class Columns:
    """Names of the columns that are read, as they stand in the file."""

    device: str
    """Column of the metering point or device."""
    stamp: str
    """Column of the stamps: `start`, `end` or `time`."""
    value: str
    """Column of the readings."""
    estimated: str | None
    """Column of the estimated flags, if there is one."""

    def names(self) -> list[str]:
        """The columns that are there."""
        found = [self.device, self.stamp, self.value, self.estimated]
        return [name for name in found if name is not None]


@dataclass(frozen=True, kw_only=True)
class RawTable:
    """Rows of a file in their order.

    `frame` has the columns `number` (Int64, line or row), `device`, `stamp`, `value`, `flag`
    (String, may be null), or instead of `stamp` the column `instant` (Int64, UTC seconds).
    """

    file: str
    """The file's path as the caller gave it."""
    counts: Counts
    """What `number` counts."""
    columns: Columns
    """Names that the columns have in the file."""
    frame: pl.DataFrame = field(repr=False)
    """The rows."""

    def place(self, number: int | None = None) -> Place:
        """The place of a row, or of the file."""
        return Place(file=self.file, number=number, counts=self.counts)


def find_columns(names: Sequence[str], *, value_column: str | None, place: Place) -> Columns:
    """The columns to read among the names of a header, whatever their case.

    Raises AmbiguousColumnError, MissingColumnError.
    """
    known: dict[str, str] = {}
    for name in names:
        key = name.strip().lower()
        if key in known:
            raise AmbiguousColumnError(f"the column {key[:80]!r} is there twice.", place=place)
        known[key] = name

    def one_of(wanted: tuple[str, ...], what: str) -> str:
        found = [known[name] for name in wanted if name in known]
        if len(found) > 1:
            raise AmbiguousColumnError(f"the columns {', '.join(found)} may all hold the {what}.", place=place)
        if not found:
            shown = ", ".join(names)[:200]
            raise MissingColumnError(f"no column of the {what} ({' or '.join(wanted)}) among: {shown}.", place=place)
        return found[0]

    wanted = _VALUE_NAMES if value_column is None else (value_column.strip().lower(),)
    return Columns(
        device=one_of(("device",), "device"),
        stamp=one_of(_STAMP_NAMES, "time"),
        value=one_of(wanted, "readings"),
        estimated=known.get("estimated"),
    )


def check_stamp_column(columns: Columns, conventions: Conventions, *, place: Place) -> None:
    """Raise ContradictoryConventionError if the stamps' column denies the stated stamp."""
    name = columns.stamp.strip().lower()
    if conventions.stamp is not None and name in set(Stamp) and name != conventions.stamp:
        raise ContradictoryConventionError(
            f"the stated stamp is {conventions.stamp}, but the column is named {name!r}.",
            place=place,
            advice="Correct the stated stamp, or name the column time.",
        )
