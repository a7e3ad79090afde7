"""Interval data: read exactly, validated, kept with their revisions, and cut into record slots.

`read` is strict and ends at the first fault: it is for signing. `read_all` keeps what is good, lists
what is not, and reads the formats of others: it is for asking what would have been.
"""

from __future__ import annotations

from pathlib import Path

from flexbond.metering.conventions import Conventions, Sign, Stamp, Unit, parse_statement
from flexbond.metering.csvfile import read_csv, write_csv
from flexbond.metering.errors import MeteringError, Place, UnreadableFileError
from flexbond.metering.estimation import Method, estimate
from flexbond.metering.export import write_readings
from flexbond.metering.findings import Code, Finding, Severity
from flexbond.metering.intake import Intake, read_all
from flexbond.metering.parquetfile import read_parquet
from flexbond.metering.readings import Readings
from flexbond.metering.series import Grid, IncompleteSlot, IntervalSeries, Slot, Slots, slots
from flexbond.metering.table import DEFAULT_MAX_ROWS
from flexbond.metering.validation import Limits, Report, validate

__all__ = [
    "Code",
    "Conventions",
    "Finding",
    "Grid",
    "IncompleteSlot",
    "Intake",
    "IntervalSeries",
    "Limits",
    "MeteringError",
    "Method",
    "Place",
    "Readings",
    "Report",
    "Severity",
    "Sign",
    "Slot",
    "Slots",
    "Stamp",
    "Unit",
    "estimate",
    "parse_statement",
    "read",
    "read_all",
    "read_csv",
    "read_parquet",
    "slots",
    "validate",
    "write_csv",
    "write_readings",
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
