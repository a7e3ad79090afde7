"""Small CSV files of terms: every row checked for its columns, every value with its place."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from flexbond.units import UnitError, utc_seconds

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from flexbond.quoting.errors import QuoteFileError

MAX_BYTES: Final = 200_000_000
"""Greatest size of such a file, bytes."""
_MAX_DIGITS: Final = 15


@dataclass(frozen=True, kw_only=True)
class Row:
    """A row, by the names of its columns in lower case."""

    place: str
    """File and line."""
    values: dict[str, str]
    error: type[QuoteFileError]

    def text(self, name: str) -> str:
        """A value, empty where the file has none."""
        return self.values.get(name, "").strip()

    def needed(self, name: str) -> str:
        """A value that must be there."""
        found = self.text(name)
        if not found:
            raise self.error(f"{name} is empty.", "Fill it in.", place=self.place)
        return found

    def whole(self, name: str, *, most: int, default: int | None = None) -> int:
        """A whole number from 0 to `most`."""
        text = self.text(name)
        if not text and default is not None:
            return default
        if not text.isascii() or not text.isdigit() or len(text) > _MAX_DIGITS or int(text) > most:
            raise self.error(
                f"{name} cannot be {text[:40]!r}.", f"Give a whole number from 0 to {most}.", place=self.place
            )
        return int(text)

    def time(self, name: str, *, default: int | None = None) -> int:
        """An ISO-8601 time with its offset, in UTC seconds."""
        text = self.text(name)
        if not text and default is not None:
            return default
        try:
            return utc_seconds(text)
        except UnitError as error:
            raise self.error(f"{name}: {error.message}", error.next_step, place=self.place) from error


def read_rows(
    path: Path, *, needed: frozenset[str], optional: frozenset[str], error: type[QuoteFileError]
) -> Iterator[Row]:
    """The rows of a CSV file with these columns, in their order. Raises `error`."""
    try:
        if path.stat().st_size > MAX_BYTES:
            raise error("is too large.", f"At most {MAX_BYTES} bytes are read.", place=str(path))
        with path.open(encoding="utf-8-sig", newline="") as file:
            yield from _rows(csv.reader(file, strict=True), path, needed, optional, error)
    except OSError as problem:
        raise error(f"cannot be read: {problem.strerror}.", "Check the path.", place=str(path)) from problem
    except UnicodeDecodeError as problem:
        raise error("is not UTF-8.", "Save it as UTF-8.", place=str(path)) from problem
    except csv.Error as problem:
        raise error(f"is not CSV: {problem}.", "Export it again as CSV with commas.", place=str(path)) from problem


def _rows(
    reader: csv._reader,  # type: ignore[name-defined]  # the type of csv.reader has no public name
    path: Path,
    needed: frozenset[str],
    optional: frozenset[str],
    error: type[QuoteFileError],
) -> Iterator[Row]:
    header = [name.strip().lower() for name in next(reader, [])]
    place = f"{path}, line 1"
    if missing := sorted(needed - set(header)):
        raise error(
            f"there is no column {missing[0]!r}.", f"Name the columns {', '.join(sorted(needed))}.", place=place
        )
    if unknown := sorted(set(header) - needed - optional):
        known = ", ".join(sorted(needed | optional))
        raise error(f"the column {unknown[0][:80]!r} is unknown.", f"Known are {known}.", place=place)
    if len(set(header)) < len(header):
        raise error("a column is there twice.", "Keep one.", place=place)
    for values in reader:
        if not values:
            continue
        place = f"{path}, line {reader.line_num}"
        if len(values) != len(header):
            raise error(f"{len(values)} fields, the header has {len(header)}.", "Correct the row.", place=place)
        yield Row(place=place, values=dict(zip(header, values, strict=True)), error=error)
