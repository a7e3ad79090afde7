"""Interval data in Parquet: integers or decimals, conventions among the file's metadata."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import polars as pl
from polars.exceptions import PolarsError

from flexbond.metering.assemble import assemble
from flexbond.metering.batch import Batch
from flexbond.metering.conventions import Conventions, complete, merge, parse_statement
from flexbond.metering.errors import (
    BadFlagError,
    BadTimeError,
    DeviceNameError,
    FloatColumnError,
    NotANumberError,
    Place,
    TooManyRowsError,
    UnreadableFileError,
)
from flexbond.metering.table import (
    DEFAULT_MAX_ROWS,
    Columns,
    RawTable,
    check_stamp_column,
    find_columns,
)

if TYPE_CHECKING:
    from pathlib import Path

    from flexbond.metering.conventions import Stated
    from flexbond.metering.csvfile import Statement
    from flexbond.metering.series import IntervalSeries

_KEYS: Final = ("sign", "stamp", "unit", "zone", "period")
_PER_SECOND: Final = {"ms": 10**3, "us": 10**6, "ns": 10**9}


def read_parquet(
    path: str | Path,
    conventions: Conventions | None = None,
    *,
    value_column: str | None = None,
    max_rows: int = DEFAULT_MAX_ROWS,
) -> tuple[IntervalSeries, ...]:
    """Series of every device of a Parquet file, in the order of their first rows.

    Conventions may stand in the file's key-value metadata (`sign`, `stamp`, `unit`, `zone`,
    `period`). Readings are integers, decimals or text, never floats; stamps are timestamps, or
    text as in a CSV. Errors name the row, the first being 1; otherwise as `read_csv`.
    """
    table, stated = _load(path, conventions, value_column, max_rows, optional=())
    return assemble(table, stated)


def read_parquet_rows(
    path: str | Path, conventions: Conventions | None, *, value_column: str | None, max_rows: int
) -> Batch:
    """The rows of a Parquet file with optional `revision` (integers) and `received` (timestamps or text).

    For the lenient reader, which lists the rows that are wrong. Raises the errors of the file as a
    whole and of its columns' types.
    """
    table, stated = _load(path, conventions, value_column, max_rows, optional=("revision", "received"))
    return Batch(file=table.file, stated=stated, frame=table.frame)


def _load(
    path: str | Path,
    conventions: Conventions | None,
    value_column: str | None,
    max_rows: int,
    *,
    optional: tuple[str, ...],
) -> tuple[RawTable, Stated]:
    """The wanted columns of a file and what they mean."""
    file = str(path)
    place = Place(file=file, counts="row")
    schema, metadata, height = _head(file, place)
    if height > max_rows:
        raise TooManyRowsError(f"there are {height} rows, more than {max_rows}.", place=place)
    columns = find_columns(list(schema), value_column=value_column, place=place)
    statements = _statements(metadata, schema[columns.stamp], place)
    if conventions is not None:
        statements.append((conventions, "the caller", place))
    merged = merge(statements)
    check_stamp_column(columns, merged, place=place)
    stated = complete(merged, column=columns.value, place=place)
    extra = [name for name in optional if name in schema]
    expressions = [*_expressions(schema, columns, place), *(_extra(schema[name], name, place) for name in extra)]
    try:
        frame = pl.scan_parquet(file).select(*columns.names(), *extra).collect()
    except (OSError, PolarsError):
        raise UnreadableFileError("the file is damaged.", place=place) from None
    frame = frame.with_row_index("number", offset=1)
    _check_whole_seconds(frame, schema[columns.stamp], columns.stamp, file)
    frame = frame.select(pl.col("number").cast(pl.Int64), *expressions)
    return RawTable(file=file, counts="row", columns=columns, frame=frame), stated


def _head(file: str, place: Place) -> tuple[dict[str, pl.DataType], dict[str, str], int]:
    """Columns, metadata and number of rows of a file. Raises UnreadableFileError."""
    try:
        schema = dict(pl.read_parquet_schema(file))
        metadata = pl.read_parquet_metadata(file)
        return schema, metadata, pl.scan_parquet(file).select(pl.len()).collect().item()
    except OSError as error:
        raise UnreadableFileError(f"{error.strerror or 'not Parquet'}.", place=place) from None
    except PolarsError:
        raise UnreadableFileError("the file is not Parquet.", place=place) from None


def _extra(kind: pl.DataType, name: str, place: Place) -> pl.Expr:
    """A revision as text, or a time of receipt as text or UTC seconds."""
    if isinstance(kind, pl.String) or (name == "revision" and kind.is_integer()):
        return pl.col(name).cast(pl.String)
    if name == "received" and isinstance(kind, pl.Datetime) and kind.time_zone is not None:
        per_second = _PER_SECOND[kind.time_unit]
        return (-(-pl.col(name).to_physical() // per_second)).alias("received_at")
    raise BadTimeError(
        f"the column {name!r} of type {kind} holds no {'revisions' if name == 'revision' else 'times with a zone'}.",
        place=place,
    )


def _statements(metadata: dict[str, str], stamp: pl.DataType, place: Place) -> list[Statement]:
    """Conventions of the metadata, and the zone that the stamps' type carries."""
    statements: list[Statement] = [
        (parse_statement(key, metadata[key], place=place), "the file's metadata", place)
        for key in _KEYS
        if key in metadata
    ]
    if isinstance(stamp, pl.Datetime) and stamp.time_zone is not None:
        statements.append((Conventions(zone=stamp.time_zone), "the type of the stamps", place))
    return statements


def _expressions(schema: dict[str, pl.DataType], columns: Columns, place: Place) -> list[pl.Expr]:
    """The columns as a RawTable wants them. Raises the error of a type that cannot be read."""
    return [
        _device(schema[columns.device], columns.device, place),
        _stamp(schema[columns.stamp], columns.stamp, place),
        _value(schema[columns.value], columns.value, place),
        *([] if columns.estimated is None else [_flag(schema[columns.estimated], columns.estimated, place)]),
    ]


def _device(kind: pl.DataType, name: str, place: Place) -> pl.Expr:
    if isinstance(kind, (pl.String, pl.Categorical, pl.Enum)) or kind.is_integer():
        return pl.col(name).cast(pl.String).alias("device")
    raise DeviceNameError(f"the column {name!r} of type {kind} holds no names.", place=place)


def _stamp(kind: pl.DataType, name: str, place: Place) -> pl.Expr:
    if isinstance(kind, pl.String):
        return pl.col(name).alias("stamp")
    if isinstance(kind, pl.Datetime):
        if kind.time_zone is None:
            return pl.col(name).dt.strftime("%Y-%m-%dT%H:%M:%S").alias("stamp")
        return (pl.col(name).to_physical() // _PER_SECOND[kind.time_unit]).alias("instant")
    raise BadTimeError(f"the column {name!r} of type {kind} holds no timestamps.", place=place)


def _value(kind: pl.DataType, name: str, place: Place) -> pl.Expr:
    if kind.is_float():
        raise FloatColumnError(f"the column {name!r} holds floats.", place=place)
    if isinstance(kind, pl.String) or kind.is_integer() or kind.is_decimal():
        return pl.col(name).cast(pl.String).alias("value")
    raise NotANumberError(f"the column {name!r} of type {kind} holds no numbers.", place=place)


def _flag(kind: pl.DataType, name: str, place: Place) -> pl.Expr:
    if isinstance(kind, (pl.String, pl.Boolean)) or kind.is_integer():
        return pl.col(name).cast(pl.String).alias("flag")
    raise BadFlagError(f"the column {name!r} of type {kind} holds no flags.", place=place)


def _check_whole_seconds(frame: pl.DataFrame, kind: pl.DataType, name: str, file: str) -> None:
    """Raise BadTimeError for the first timestamp that is not a whole second."""
    if not isinstance(kind, pl.Datetime):
        return
    part = pl.col(name).to_physical() % _PER_SECOND[kind.time_unit] != 0
    found = frame.filter(part).head(1)
    if found.height:
        row = found.row(0, named=True)
        raise BadTimeError(
            f"{row[name]} is not a whole second.",
            place=Place(file=file, number=row["number"], counts="row"),
        )
