"""Decimal text to exact integers, column by column and without a float."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

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
    from flexbond.metering.judge import Judge, Row

_NUMBER: Final = r"^[+-]?[0-9]+(\.[0-9]+)?$"
DEVICE_NAME: Final = r"^[A-Za-z0-9][A-Za-z0-9._:/-]{0,127}$"
"""Pattern of a device's name: a plain identifier, which no terminal or spreadsheet takes for anything else."""

_MAX_DIGITS: Final = 18
_SHOWN: Final = 60


def check_devices(frame: pl.DataFrame, judge: Judge) -> pl.DataFrame:
    """Rows whose device is a plain identifier; the others go to the judge as DeviceNameError."""
    bad = ~pl.col("device").str.contains(DEVICE_NAME)
    return judge(frame, bad, DeviceNameError, lambda row: f"{shown(row['device'])} is not a device name.")


def parse_values(frame: pl.DataFrame, unit: Unit, judge: Judge, *, rounding: bool = False) -> pl.DataFrame:
    """Rows with `quantity`: readings in mWh, or in mW where the unit is an average, in the file's sign.

    With `rounding`, decimals finer than that are rounded half to even and marked in `rounded`.
    The judge gets NotANumberError, InexactReadingError, HugeReadingError.
    """
    plain = pl.col("value").str.contains(_NUMBER)
    frame = judge(frame, ~plain, NotANumberError, lambda row: f"{shown(row['value'])} is not a number.")
    text = pl.col("value").str.strip_chars_start("+-")
    frame = frame.with_columns(
        fraction=text.str.extract(r"\.([0-9]+)$", 1).fill_null("").str.strip_chars_end("0"),
        whole=text.str.extract(r"^0*([0-9]*)", 1),
    )
    finer = pl.col("fraction").str.len_bytes() > unit.decimals
    if not rounding:
        frame = judge(
            frame,
            finer,
            InexactReadingError,
            lambda row: f"{shown(row['value'])} {unit} has more than {unit.decimals} decimals.",
        )
    kept = pl.col("fraction").str.slice(0, unit.decimals).str.pad_end(unit.decimals, "0")
    digits = pl.concat_str("whole", kept)
    long = digits.str.strip_chars_start("0").str.len_bytes() > _MAX_DIGITS
    frame = judge(frame, long, HugeReadingError, lambda row: huge(row, unit))
    number = pl.concat_str(pl.lit("0"), digits).cast(pl.Int64)
    if rounding:
        number = number + _carry(number, pl.col("fraction").str.slice(unit.decimals))
    signed = pl.when(pl.col("value").str.starts_with("-")).then(-number).otherwise(number)
    return frame.with_columns(quantity=signed, rounded=finer).drop("fraction", "whole")


def _carry(number: pl.Expr, rest: pl.Expr) -> pl.Expr:
    """1 where the digits left out round the number away from zero, half to even; else 0."""
    first = rest.str.slice(0, 1)
    half = rest == "5"
    above = (first >= "5") & ~half
    return (above | (half & (number % 2 == 1))).cast(pl.Int64)


def parse_flags(frame: pl.DataFrame, judge: Judge) -> pl.DataFrame:
    """Rows with `estimated`; false where the file has no flags. The judge gets BadFlagError."""
    if "flag" not in frame.columns:
        return frame.with_columns(estimated=pl.lit(False))
    flag = pl.col("flag").str.to_lowercase()
    bad = ~flag.is_in(["true", "false", "1", "0"])
    frame = judge(frame, bad, BadFlagError, lambda row: f"{shown(row['flag'])} is not an estimated flag.")
    return frame.with_columns(estimated=flag.is_in(["true", "1"]))


def huge(row: Row, unit: Unit) -> str:
    """What is wrong with a reading that does not fit in 40 bits of mWh."""
    return f"{shown(row['value'])} {unit} does not fit in 40 bits of mWh."


def shown(value: object) -> str:
    """A value of a file for a message: quoted, on one line, never long."""
    if value is None or value == "":
        return "an empty field"
    text = str(value)
    return ascii(text if len(text) <= _SHOWN else f"{text[:_SHOWN]}...")
