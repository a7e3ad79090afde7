"""Reading interval data, exactly, into immutable series, and cutting them into record slots."""

from __future__ import annotations

from pathlib import Path

from flexbond.metering.conventions import Conventions, Sign, Stamp, Unit, parse_statement
from flexbond.metering.csvfile import read_csv, write_csv
from flexbond.metering.errors import MeteringError, Place, UnreadableFileError
from flexbond.metering.parquetfile import read_parquet
from flexbond.metering.series import Grid, IncompleteSlot, IntervalSeries, Slot, Slots, slots
from flexbond.metering.table import DEFAULT_MAX_ROWS

__all__ = [
    "Conventions",
    "Grid",
    "IncompleteSlot",
    "IntervalSeries",
    "MeteringError",
    "Place",
    "Sign",
    "Slot",
    "Slots",
    "Stamp",
    "Unit",
    "parse_statement",
    "read",
    "read_csv",
    "read_parquet",
    "slots",
    "write_csv",
]


def read(
    path: str | Path,
    conventions: Conventions | None = None,
    *,
    value_column: str | None = None,
    max_rows: int = DEFAULT_MAX_ROWS,
) -> tuple[IntervalSeries, ...]:
    """Series of a CSV or Parquet file, by the end of its name; see `read_csv`, `read_parquet`."""
    readers = {".csv": read_csv, ".parquet": read_parquet}
    reader = readers.get(Path(path).suffix.lower())
    if reader is None:
        raise UnreadableFileError("the name ends neither in .csv nor in .parquet.", place=Place(file=str(path)))
    return reader(path, conventions, value_column=value_column, max_rows=max_rows)
