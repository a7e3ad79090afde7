"""The lines of a text file and their fields, read as a whole and column by column."""

from __future__ import annotations

import csv
import gzip
import zlib
from pathlib import Path
from typing import Final

import polars as pl

from flexbond.metering.csvfile import MAX_LINE_BYTES
from flexbond.metering.errors import (
    LineTooLongError,
    MalformedRowError,
    NotUtf8Error,
    NullByteError,
    Place,
    TooManyRowsError,
    UnreadableFileError,
)

MAX_BYTES: Final = 2**31
"""Longest text that is read, after decompression."""

_SPARE_LINES: Final = 1_000


def read_bytes(path: str | Path, *, max_bytes: int = MAX_BYTES) -> bytes:
    """The content of a file, decompressed if its name ends in `.gz`, of at most `max_bytes`.

    Raises UnreadableFileError, TooManyRowsError.
    """
    place = Place(file=str(path))
    try:
        with gzip.open(path) if str(path).lower().endswith(".gz") else Path(path).open("rb") as file:
            content = file.read(max_bytes + 1)
    except (EOFError, zlib.error, gzip.BadGzipFile):
        raise UnreadableFileError("the compressed file is damaged.", place=place) from None
    except OSError as error:
        raise UnreadableFileError(f"{error.strerror or 'cannot be read'}.", place=place) from None
    if len(content) > max_bytes:
        raise TooManyRowsError(f"the file has more than {max_bytes} bytes.", place=place, advice="Split the file.")
    return content


def read_lines(path: str | Path, *, max_rows: int, max_line_bytes: int = MAX_LINE_BYTES) -> pl.DataFrame:
    """The lines that are not blank: `number` (the first of the file is 1) and `text`.

    Raises UnreadableFileError, NullByteError, NotUtf8Error, LineTooLongError, TooManyRowsError.
    """
    file = str(path)
    content = read_bytes(path)
    if (nul := content.find(b"\0")) >= 0:
        raise NullByteError("the line contains a NUL byte.", place=_line_at(file, content, nul))
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise NotUtf8Error("the line is not UTF-8.", place=_line_at(file, content, error.start)) from None
    if text.count("\n") > max_rows + _SPARE_LINES:
        raise TooManyRowsError(f"there are more than {max_rows + _SPARE_LINES} lines.", place=Place(file=file))
    lines = pl.Series("text", text.split("\n"), dtype=pl.String).str.strip_chars_end("\r").to_frame()
    lines = lines.with_row_index("number", offset=1).with_columns(pl.col("number").cast(pl.Int64))
    long = lines.filter(pl.col("text").str.len_bytes() > max_line_bytes).head(1)
    if long.height:
        raise LineTooLongError(
            f"the line has more than {max_line_bytes} bytes.", place=Place(file=file, number=long["number"][0])
        )
    return lines.filter(pl.col("text").str.strip_chars() != "")


def fields_of(text: str, delimiter: str, place: Place) -> list[str]:
    """The fields of one line. Raises MalformedRowError."""
    try:
        return next(csv.reader([text], delimiter=delimiter, strict=True))
    except (csv.Error, StopIteration):
        raise MalformedRowError(
            "the quotes of the line are broken, or it runs over several lines.", place=place
        ) from None


def split(lines: pl.DataFrame, width: int, delimiter: str) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Rows as `number` and the columns `f0` to `f<width - 1>`, and the lines that are no such rows.

    The latter have `number`, `text` and `found`, the number of fields or null where quotes are broken.
    """
    names = [f"f{index}" for index in range(width)]
    quoted = lines.filter(pl.col("text").str.contains('"', literal=True))
    plain = lines.filter(~pl.col("text").str.contains('"', literal=True))
    found = pl.col("text").str.count_matches(delimiter, literal=True).cast(pl.Int64) + 1
    plain = plain.with_columns(found=found)
    good = plain.filter(pl.col("found") == width)
    parts = good["text"].str.split_exact(delimiter, width - 1).struct.rename_fields(names)
    frames = [pl.DataFrame([good["number"]]).hstack(parts.struct.unnest())]
    wrong = [plain.filter(pl.col("found") != width)]
    if quoted.height:
        rows, broken = _quoted(quoted, width, delimiter)
        schema = {"number": pl.Int64, **dict.fromkeys(names, pl.String)}
        frames.append(pl.DataFrame(rows, schema=schema, orient="row"))
        bad = {"number": pl.Int64, "text": pl.String, "found": pl.Int64}
        wrong.append(pl.DataFrame(broken, schema=bad, orient="row"))
    blank = [pl.col(name).str.strip_chars(" \t") for name in names]
    return pl.concat(frames).sort("number").with_columns(blank), pl.concat(wrong).sort("number")


def _quoted(
    lines: pl.DataFrame, width: int, delimiter: str
) -> tuple[list[tuple[object, ...]], list[tuple[object, ...]]]:
    """Rows and wrong lines among those that have quotes."""
    rows: list[tuple[object, ...]] = []
    wrong: list[tuple[object, ...]] = []
    for number, text in lines.iter_rows():
        try:
            fields = fields_of(text, delimiter, Place(file="", number=number))
        except MalformedRowError:
            wrong.append((number, text, None))
            continue
        if len(fields) == width:
            rows.append((number, *fields))
        else:
            wrong.append((number, text, len(fields)))
    return rows, wrong


def _line_at(file: str, content: bytes, offset: int) -> Place:
    """The line of a byte."""
    return Place(file=file, number=content.count(b"\n", 0, offset) + 1)
