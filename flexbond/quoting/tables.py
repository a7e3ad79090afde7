"""Results as tables: exact numbers with their unit in the column's name, for spreadsheets, data frames and people."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass, field
from decimal import Decimal, localcontext
from enum import Enum
from typing import TYPE_CHECKING, Any, Final

import polars as pl

from flexbond.units import format_time

if TYPE_CHECKING:
    from pathlib import Path

ENERGY_DECIMALS: Final = 6
"""Of a kWh: mWh."""
_RISKY: Final = ("=", "+", "-", "@", "\t", "\r")
"""How a text begins that a spreadsheet would calculate."""
_DIGITS: Final = 38


class Kind(Enum):
    """What a column holds; every one may hold nothing."""

    TEXT = "text"
    TIME = "UTC seconds"
    DAY = "local date"
    ENERGY = "mWh, shown in kWh"
    POWER = "W, shown in kW"
    MONEY = "base units, shown in whole tokens"
    COUNT = "whole number"
    FLAG = "true or false"


@dataclass(frozen=True, kw_only=True)
class Column:
    """A column; its name ends with its unit."""

    name: str
    kind: Kind = Kind.TEXT
    decimals: int = 0
    """Of MONEY."""
    is_brief: bool = True
    """Whether people are shown it on a screen; files hold every column."""

    @property
    def places(self) -> int:
        """Decimals of the numbers that are shown."""
        return {Kind.ENERGY: ENERGY_DECIMALS, Kind.POWER: 3, Kind.MONEY: self.decimals}.get(self.kind, 0)

    def shown(self, value: Any) -> str:
        """A value as plain text; empty for nothing."""
        if value is None:
            return ""
        if self.kind is Kind.TIME:
            return format_time(value)
        if self.kind is Kind.FLAG:
            return "true" if value else "false"
        return str(value) if self.kind in (Kind.TEXT, Kind.COUNT, Kind.DAY) else plain_decimal(value, self.places)


@dataclass(frozen=True, kw_only=True)
class Table:
    """Rows of one kind of thing."""

    name: str
    """Of the file that holds it."""
    title: str
    columns: tuple[Column, ...]
    rows: list[tuple[Any, ...]] = field(default_factory=list)

    def add(self, *values: Any) -> None:
        """Appends a row with a value for every column."""
        if len(values) != len(self.columns):
            raise ValueError(f"{len(values)} values for the {len(self.columns)} columns of {self.name}.")
        self.rows.append(values)

    def csv(self) -> str:
        """The table as CSV. Texts that a spreadsheet would calculate begin with an apostrophe."""
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\r\n")
        writer.writerow([column.name for column in self.columns])
        for row in self.rows:
            writer.writerow([_cell(column, value) for column, value in zip(self.columns, row, strict=True)])
        return out.getvalue()

    def frame(self) -> pl.DataFrame:
        """The table as a data frame: decimals exact, times in UTC."""
        columns = []
        for place, column in enumerate(self.columns):
            values = [row[place] for row in self.rows]
            columns.append(_series(column, values))
        return pl.DataFrame(columns)

    def write(self, folder: Path, suffix: str) -> Path:
        """Writes it to a folder as `.csv` or `.parquet`; the file."""
        path = folder / f"{self.name}{suffix}"
        if suffix == ".csv":
            path.write_text(self.csv(), encoding="utf-8", newline="")
        else:
            self.frame().write_parquet(path)
        return path

    def plain(self) -> list[dict[str, Any]]:
        """The rows as objects for JSON: decimals as text, exactly."""
        numbers = (Kind.COUNT, Kind.FLAG)
        return [
            {
                column.name: value if value is None or column.kind in numbers else column.shown(value)
                for column, value in zip(self.columns, row, strict=True)
            }
            for row in self.rows
        ]


def plain_decimal(value: int, places: int) -> str:
    """An integer of a unit with so many decimals: digits and a point, nothing else."""
    whole, fraction = divmod(abs(value), 10**places)
    digits = f".{fraction:0{places}d}" if places else ""
    return f"{'-' if value < 0 else ''}{whole}{digits}"


def _cell(column: Column, value: Any) -> str:
    text = column.shown(value)
    return f"'{text}" if column.kind is Kind.TEXT and text.startswith(_RISKY) else text


def _series(column: Column, values: list[Any]) -> pl.Series:
    name = column.name
    if column.kind is Kind.TIME:
        seconds = pl.Series(name, values, dtype=pl.Int64)
        return (seconds * 1_000).cast(pl.Datetime("ms", "UTC"))
    if column.kind is Kind.DAY:
        return pl.Series(name, values, dtype=pl.Date)
    if column.kind is Kind.FLAG:
        return pl.Series(name, values, dtype=pl.Boolean)
    if column.kind is Kind.COUNT:
        return pl.Series(name, values, dtype=pl.Int64)
    if column.kind is Kind.TEXT:
        return pl.Series(name, values, dtype=pl.String)
    with localcontext() as context:
        context.prec = _DIGITS
        exact = [None if value is None else Decimal(value).scaleb(-column.places) for value in values]
    return pl.Series(name, exact, dtype=pl.Decimal(_DIGITS, column.places))
