"""Reading whatever the world writes, keeping what is good and listing what is not."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from flexbond.metering.batch import Reader
from flexbond.metering.conventions import Conventions
from flexbond.metering.errors import EmptyFileError, Place, UnreadableFileError
from flexbond.metering.greenbutton import read_green_button
from flexbond.metering.nem12 import read_nem12
from flexbond.metering.openadr import read_openadr
from flexbond.metering.parquetfile import read_parquet_rows
from flexbond.metering.profiles import Layout, Profile
from flexbond.metering.settle import settle
from flexbond.metering.table import DEFAULT_MAX_ROWS
from flexbond.metering.tabular import read_own, read_profiled

if TYPE_CHECKING:
    from collections.abc import Sequence

    from flexbond.metering.findings import Finding
    from flexbond.metering.readings import Readings

SUFFIXES: Final = (".csv", ".csv.gz", ".parquet", ".xml", ".json")
"""Ends of the names of files that are read without a profile."""


@dataclass(frozen=True, kw_only=True)
class Intake:
    """What was read."""

    readings: Readings
    """Everything that could be understood."""
    findings: tuple[Finding, ...]
    """Everything that could not, and what was done about it."""


def read_all(
    paths: str | Path | Sequence[str | Path],
    conventions: Conventions | None = None,
    *,
    profile: Profile | None = None,
    device: str | None = None,
    value_column: str | None = None,
    rounding: bool = False,
    max_rows: int = DEFAULT_MAX_ROWS,
) -> Intake:
    """Readings of one or several files, each by the end of its name or by the profile.

    `conventions` are what the caller knows of the files; `device` whose readings they hold, where
    they do not say it. With `rounding`, readings finer than 1 mWh are rounded half to even, which is
    listed; without, they are left out, which is listed too. Rows that are wrong are left out and
    listed; a file that is wrong as a whole raises a MeteringError. For signing use `read`, which
    refuses a file with any fault.
    """
    given = [paths] if isinstance(paths, (str, Path)) else list(paths)
    if not given:
        raise EmptyFileError("there is no file to read.")
    reader = Reader(rounding=rounding)
    for path in given:
        file = str(path)
        if profile is None:
            _read_one(reader, file, conventions or Conventions(), device, value_column, max_rows)
        elif profile.layout is Layout.NEM12:
            read_nem12(reader, file, profile, max_rows=max_rows)
        else:
            read_profiled(reader, file, profile, device=device, max_rows=max_rows)
    readings = settle(reader)
    return Intake(readings=readings, findings=reader.findings.all)


def _read_one(
    reader: Reader, file: str, conventions: Conventions, device: str | None, value_column: str | None, max_rows: int
) -> None:
    """One file by the end of its name."""
    name = file.lower()
    if name.endswith((".csv", ".csv.gz")):
        read_own(reader, file, conventions, device=device, value_column=value_column, max_rows=max_rows)
    elif name.endswith(".parquet"):
        reader.take(read_parquet_rows(file, conventions, value_column=value_column, max_rows=max_rows))
    elif name.endswith(".xml"):
        read_green_button(reader, file, conventions, max_rows=max_rows)
    elif name.endswith(".json"):
        read_openadr(reader, file, conventions, max_rows=max_rows)
    else:
        raise UnreadableFileError(f"the name ends in none of {', '.join(SUFFIXES)}.", place=Place(file=file))
