"""Decimal text to exact integers, column by column and without a float."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import polars as pl

from flexbond.metering.errors import (
    BadFlagError,
    DeviceNameError,
    HugeReadingError,
    InexactReadingError,
    NotANumberError,
)

if TYPE_CHECKING:
    from flexbond.metering.conventions import Unit
    from flexbond.metering.table import RawTable

_NUMBER: Final = r"^[+-]?[0-9]+(\.[0-9]+)?$"
_DEVICE: Final = r"^[A-Za-z0-9][A-Za-z0-9._:/-]{0,127}$"
_MAX_DIGITS: Final = 18
_SHOWN: Final = 60


def check_devices(table: RawTable) -> None:
    """Raise DeviceNameError for the first device that is no plain identifier."""
    row = table.first(~pl.col("device").str.contains(_DEVICE))
    if row is not None:
        raise DeviceNameError(f"{shown(row['device'])} is not a device name.", place=table.place(row["number"]))


def parse_values(table: RawTable, unit: Unit) -> pl.Series:
    """Readings in mWh, or in mW where the unit is an average, in the file's own sign.

    Raises NotANumberError, InexactReadingError, HugeReadingError.
    """
    row = table.first(~pl.col("value").str.contains(_NUMBER))
    if row is not None:
        raise NotANumberError(f"{shown(row['value'])} is not a number.", place=table.place(row["number"]))
    text = pl.col("value").str.strip_chars_start("+-")
    fraction = text.str.extract(r"\.([0-9]+)$", 1).fill_null("").str.strip_chars_end("0")
    row = table.first(fraction.str.len_bytes() > unit.decimals)
    if row is not None:
        raise InexactReadingError(
            f"{shown(row['value'])} {unit} has more than {unit.decimals} decimals.",
            place=table.place(row["number"]),
        )
    whole = text.str.extract(r"^0*([0-9]*)", 1)
    digits = pl.concat_str(whole, fraction.str.pad_end(unit.decimals, "0"))
    row = table.first(digits.str.strip_chars_start("0").str.len_bytes() > _MAX_DIGITS)
    if row is not None:
        raise huge(table, row, unit)
    number = pl.concat_str(pl.lit("0"), digits).cast(pl.Int64)
    negative = pl.col("value").str.starts_with("-")
    signed = pl.when(negative).then(-number).otherwise(number).alias("quantity")
    return table.frame.select(signed).to_series()


def parse_flags(table: RawTable) -> pl.Series:
    """Estimated flags; false where the file has none. Raises BadFlagError."""
    if table.columns.estimated is None:
        return pl.Series("estimated", [False], dtype=pl.Boolean).new_from_index(0, table.frame.height)
    flag = pl.col("flag").str.to_lowercase()
    row = table.first(~flag.is_in(["true", "false", "1", "0"]))
    if row is not None:
        raise BadFlagError(f"{shown(row['flag'])} is not an estimated flag.", place=table.place(row["number"]))
    return table.frame.select(flag.is_in(["true", "1"]).alias("estimated")).to_series()


def huge(table: RawTable, row: dict[str, Any], unit: Unit) -> HugeReadingError:
    """The error for a reading that does not fit in 40 bits of mWh."""
    return HugeReadingError(
        f"{shown(row['value'])} {unit} does not fit in 40 bits of mWh.",
        place=table.place(row["number"]),
    )


def shown(value: object) -> str:
    """A value of a file for a message: quoted, on one line, never long."""
    if value is None or value == "":
        return "an empty field"
    text = str(value)
    return ascii(text if len(text) <= _SHOWN else f"{text[:_SHOWN]}...")
