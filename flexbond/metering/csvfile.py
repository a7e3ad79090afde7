"""Interval data in CSV: a line of conventions, a header, one reading a line."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import TYPE_CHECKING, Final

import polars as pl

from flexbond.metering.assemble import assemble
from flexbond.metering.conventions import Conventions, complete, merge, parse_statement
from flexbond.metering.errors import (
    EmptyFileError,
    LineTooLongError,
    MalformedRowError,
    MixedPeriodsError,
    NotUtf8Error,
    NullByteError,
    Place,
    SeriesError,
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
from flexbond.units import format_time

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from flexbond.metering.series import IntervalSeries

MAX_LINE_BYTES: Final = 4096
"""Longest line that the reader accepts, with its line feed."""

_CHUNK_ROWS: Final = 100_000
_SPARE_LINES: Final = 1_000  # remarks, header and blank lines that come on top of the rows
_FIELDS: Final = ("device", "stamp", "value", "flag")

Statement = tuple[Conventions, str, Place | None]


def read_csv(
    path: str | Path,
    conventions: Conventions | None = None,
    *,
    value_column: str | None = None,
    max_rows: int = DEFAULT_MAX_ROWS,
) -> tuple[IntervalSeries, ...]:
    """Series of every device of a CSV file, in the order of their first rows.

    Before the header, lines of `# key=value ...` state conventions; any other line that begins
    with `#` is a remark. `value_column` names the column of the readings where several could hold
    them. Nothing is guessed or filled: whatever is missing or wrong raises the MeteringError of
    `flexbond.metering.errors` that names it, its file and its line. Memory is bounded by
    `max_rows`.
    """
    file = str(path)
    lines = _Lines(file, max_lines=max_rows + _SPARE_LINES)
    stated, header = _preamble(lines, file)
    if conventions is not None:
        stated.append((conventions, "the caller", Place(file=file)))
    rows = _Rows(lines, file, header)
    names = [name.strip() for name in rows.header]
    place = Place(file=file, number=rows.header_line)
    columns = find_columns(names, value_column=value_column, place=place)
    merged = merge(stated)
    check_stamp_column(columns, merged, place=place)
    complete_conventions = complete(merged, column=columns.value, place=place)
    frame = _frame(rows, columns, names, max_rows=max_rows)
    table = RawTable(file=file, counts="line", columns=columns, frame=frame)
    return assemble(table, complete_conventions)


def write_csv(path: str | Path, series: Sequence[IntervalSeries]) -> None:
    """Write series of one period so that `read_csv` returns them equal, without conventions.

    Energy in mWh, `+` import, stamps at the start in UTC. The same series give the same bytes.
    Raises SeriesError (no series, a metering point twice), MixedPeriodsError.
    """
    if not series:
        raise SeriesError("there is no series to write.")
    periods = {one.period_seconds for one in series}
    if len(periods) > 1:
        raise MixedPeriodsError(f"series of periods {sorted(periods)} s cannot share a file.")
    if len({one.metering_point for one in series}) < len(series):
        raise SeriesError("a metering point occurs twice among the series to write.")
    with Path(path).open("w", encoding="utf-8", newline="") as file:
        period = periods.pop()
        file.write(f"# sign=import-positive stamp=start unit=mWh zone=UTC period={period}\n")
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["device", "start", "mwh", "estimated"])
        for one in series:
            for index, reading in enumerate(one.readings):
                start = format_time(one.start + index * period)
                flag = "true" if one.estimated[index] else "false"
                writer.writerow([one.metering_point, start, reading, flag])


class _Lines:
    """The lines of a file as text, one at a time, each of bounded length."""

    def __init__(self, file: str, *, max_lines: int) -> None:
        self.file = file
        self.number = 0
        self._max_lines = max_lines
        self._text = self._read()

    def __iter__(self) -> Iterator[str]:
        return self._text

    def __next__(self) -> str:
        return next(self._text)

    def _read(self) -> Iterator[str]:
        try:
            with Path(self.file).open("rb") as file:
                while raw := file.readline(MAX_LINE_BYTES + 1):
                    self.number += 1
                    if self.number > self._max_lines:
                        raise TooManyRowsError(f"there are more than {self._max_lines} lines.", place=self.at)
                    yield self._decode(raw)
        except OSError as error:
            reason = error.strerror or "cannot be read"
            raise UnreadableFileError(f"{reason}.", place=Place(file=self.file)) from None

    def _decode(self, raw: bytes) -> str:
        if len(raw) > MAX_LINE_BYTES:
            raise LineTooLongError(f"the line has more than {MAX_LINE_BYTES} bytes.", place=self.at)
        if b"\0" in raw:
            raise NullByteError("the line contains a NUL byte.", place=self.at)
        try:
            return raw.decode("utf-8-sig" if self.number == 1 else "utf-8")
        except UnicodeDecodeError:
            raise NotUtf8Error("the line is not UTF-8.", place=self.at) from None

    @property
    def at(self) -> Place:
        """The line that was read last."""
        return Place(file=self.file, number=self.number)


def _preamble(lines: _Lines, file: str) -> tuple[list[Statement], str]:
    """Statements of the comment lines, and the header line that follows them."""
    statements: list[Statement] = []
    for line in lines:
        text = line.strip()
        if text.startswith("#"):
            tokens = text.lstrip("#").split()
            if tokens and all("=" in token for token in tokens):
                for token in tokens:
                    key, _, value = token.partition("=")
                    conventions = parse_statement(key, value, place=lines.at)
                    statements.append((conventions, f"line {lines.number}", lines.at))
        elif text:
            return statements, line
    raise EmptyFileError("there is no header.", place=Place(file=file))


class _Rows:
    """The records of a CSV with the line of each; every record is on one line."""

    def __init__(self, lines: _Lines, file: str, header: str) -> None:
        self.file = file
        self.header_line = lines.number
        self._before = lines.number - 1
        self._reader = csv.reader(_chain(header, lines), strict=True)
        self.header = next(iter(self))[1]

    def __iter__(self) -> Iterator[tuple[int, list[str]]]:
        reader, last = self._reader, self._reader.line_num
        while True:
            try:
                row = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                raise MalformedRowError(f"{error}.", place=self.place(last + 1)) from None
            if reader.line_num != last + 1:
                raise MalformedRowError("a quoted field runs over several lines.", place=self.place(last + 1))
            last = reader.line_num
            if row:
                yield last + self._before, row

    def place(self, record_line: int) -> Place:
        """The place of a line counted by the CSV reader."""
        return Place(file=self.file, number=record_line + self._before)


def _chain(header: str, lines: _Lines) -> Iterator[str]:
    yield header
    yield from lines


def _frame(rows: _Rows, columns: Columns, names: list[str], *, max_rows: int) -> pl.DataFrame:
    """The wanted columns of all rows. Raises MalformedRowError, TooManyRowsError."""
    wanted = [names.index(name) for name in columns.names()]
    fields = _FIELDS[: len(wanted)]
    width = len(names)
    chunks: list[pl.DataFrame] = []
    numbers: list[int] = []
    kept: list[list[str]] = []
    for count, (number, row) in enumerate(rows, start=1):
        if len(row) != width:
            raise MalformedRowError(
                f"the row has {len(row)} fields, the header {width}.",
                place=Place(file=rows.file, number=number),
            )
        if count > max_rows:
            raise TooManyRowsError(f"there are more than {max_rows} rows.", place=Place(file=rows.file, number=number))
        numbers.append(number)
        kept.append(row)
        if len(kept) == _CHUNK_ROWS:
            chunks.append(_chunk(numbers, kept, wanted, fields))
            numbers, kept = [], []
    chunks.append(_chunk(numbers, kept, wanted, fields))
    return pl.concat(chunks)


def _chunk(numbers: list[int], rows: list[list[str]], wanted: list[int], fields: Sequence[str]) -> pl.DataFrame:
    """Rows of text as columns, blanks around fields removed."""
    data = {
        name: pl.Series(name, [row[index] for row in rows], dtype=pl.String).str.strip_chars(" \t")
        for name, index in zip(fields, wanted, strict=True)
    }
    return pl.DataFrame({"number": pl.Series(numbers, dtype=pl.Int64), **data})
