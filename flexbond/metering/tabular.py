"""CSV with a header, as it comes: of our own form, or as an import profile says."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

import polars as pl

from flexbond.metering.batch import Batch, Reader
from flexbond.metering.conventions import Conventions, Stamp, complete, merge, parse_statement
from flexbond.metering.errors import (
    AmbiguousColumnError,
    EmptyFileError,
    MalformedRowError,
    MissingColumnError,
    Place,
)
from flexbond.metering.profiles import Layout, Profile
from flexbond.metering.quality import judge_quality
from flexbond.metering.table import check_stamp_column, find_columns
from flexbond.metering.textfile import fields_of, read_lines, split
from flexbond.metering.values import shown
from flexbond.metering.wide import days_to_rows

if TYPE_CHECKING:
    from flexbond.metering.csvfile import Statement

_OPTIONAL: Final = ("revision", "received")


def read_own(
    reader: Reader,
    file: str,
    conventions: Conventions,
    *,
    device: str | None,
    value_column: str | None,
    max_rows: int,
) -> None:
    """A CSV of our own form: `device,start,wh` with optional `estimated`, `revision`, `received`.

    Raises the errors of a file as a whole; wrong rows are listed in the reader's findings.
    """
    lines = read_lines(file, max_rows=max_rows)
    stated, header_at = _statements(lines, file)
    stated.append((conventions, "the caller", Place(file=file)))
    header, body = _header(lines, header_at, ",", file)
    place = Place(file=file, number=header_at)
    names = [name.strip() for name in header]
    given = device is not None and "device" not in {name.lower() for name in names}
    columns = find_columns([*names, "device"] if given else names, value_column=value_column, place=place)
    merged = merge(stated)
    check_stamp_column(columns, merged, place=place)
    conventions_known = complete(merged, column=columns.value, place=place)
    rows = _rows(reader, file, body, names, ",")
    lower = {name.lower(): name for name in names}
    picked = {"stamp": columns.stamp, "value": columns.value}
    picked |= {} if given else {"device": columns.device}
    picked |= {"flag": columns.estimated} if columns.estimated else {}
    picked |= {name: lower[name] for name in _OPTIONAL if name in lower}
    frame = _pick(rows, names, picked, device if given else None)
    reader.take(Batch(file=file, stated=conventions_known, frame=frame))


def read_profiled(reader: Reader, file: str, profile: Profile, *, device: str | None, max_rows: int) -> None:
    """A CSV as a profile says. Raises the errors of a file as a whole; wrong rows are listed."""
    lines = read_lines(file, max_rows=max_rows)
    if not lines.height:
        raise EmptyFileError("there is no header.", place=Place(file=file))
    header_at = lines["number"][0]
    header, body = _header(lines, header_at, profile.delimiter, file)
    place = Place(file=file, number=header_at)
    names = [name.strip() for name in header]
    stated = complete(_starting(profile), column="value", place=place)
    rows = _rows(reader, file, body, names, profile.delimiter)
    picked = {role: _find(names, name, place) for role, name in profile.columns.items()}
    if "device" not in picked and device is None:
        raise MissingColumnError(
            "the file names no device.", place=place, advice="Say whose readings it holds with --device."
        )
    picked |= {name: _find(names, name, place) for name in profile.values}
    frame = _pick(rows, names, picked, None if "device" in picked else device)
    frame = _as_own(frame, profile)
    if profile.layout is Layout.WIDE:
        frame = days_to_rows(reader, file, frame, profile)
    frame = judge_quality(reader, file, frame, profile)
    frame = _directed(reader, file, frame, profile)
    reader.take(Batch(file=file, stated=stated, frame=frame))


def _statements(lines: pl.DataFrame, file: str) -> tuple[list[Statement], int]:
    """Statements of the comment lines, and the number of the header line that follows them."""
    statements: list[Statement] = []
    for number, line in lines.iter_rows():
        text = line.strip()
        if not text.startswith("#"):
            return statements, number
        tokens = text.lstrip("#").split()
        if tokens and all("=" in token for token in tokens):
            place = Place(file=file, number=number)
            for token in tokens:
                key, _, value = token.partition("=")
                statements.append((parse_statement(key, value, place=place), f"line {number}", place))
    raise EmptyFileError("there is no header.", place=Place(file=file))


def _header(lines: pl.DataFrame, number: int, delimiter: str, file: str) -> tuple[list[str], pl.DataFrame]:
    """Names of the header and the lines that follow it."""
    text = lines.filter(pl.col("number") == number)["text"][0]
    names = fields_of(text, delimiter, Place(file=file, number=number))
    body = lines.filter(pl.col("number") > number)
    if not body.height:
        raise EmptyFileError("there is no reading.", place=Place(file=file))
    return names, body


def _rows(reader: Reader, file: str, body: pl.DataFrame, names: list[str], delimiter: str) -> pl.DataFrame:
    """The rows with as many fields as the header; the others are listed."""
    rows, wrong = split(body, len(names), delimiter)
    reader.refuse(
        wrong,
        file,
        MalformedRowError,
        lambda row: (
            "the quotes of the row are broken."
            if row["found"] is None
            else f"the row has {row['found']} fields, the header {len(names)}."
        ),
    )
    return rows


def _pick(rows: pl.DataFrame, names: list[str], picked: dict[str, str], device: str | None) -> pl.DataFrame:
    """The wanted columns under the names of their roles."""
    frame = rows.select("number", *(pl.col(f"f{names.index(name)}").alias(role) for role, name in picked.items()))
    return frame if device is None else frame.with_columns(device=pl.lit(device))


def _find(names: list[str], wanted: str, place: Place) -> str:
    """The column of that name, whatever its case."""
    found = [name for name in names if name.lower() == wanted.lower()]
    if not found:
        raise MissingColumnError(
            f"there is no column {wanted!r}.", place=place, advice="Check that the file is of the profile's format."
        )
    if len(found) > 1:
        raise AmbiguousColumnError(f"the column {wanted!r} is there twice.", place=place)
    return found[0]


def _starting(profile: Profile) -> Conventions:
    """The profile's conventions; the periods of a wide row are known by their starts."""
    return replace(profile.conventions, stamp=Stamp.START) if profile.layout is Layout.WIDE else profile.conventions


def _as_own(frame: pl.DataFrame, profile: Profile) -> pl.DataFrame:
    """Names stripped, and stamps, dates and times of receipt in ISO 8601 where a format is stated.

    What does not follow its format stays as it is, and is refused where times are read.
    """
    if profile.strip:
        frame = frame.with_columns(pl.col("device").str.strip_chars(profile.strip))
    for role, kind, written in (
        ("stamp", pl.Datetime("us"), "%Y-%m-%dT%H:%M:%S"),
        ("received", pl.Datetime("us"), "%Y-%m-%dT%H:%M:%S"),
        ("date", pl.Date(), "%Y-%m-%d"),
        ("clock", pl.Time(), "%H:%M:%S"),
    ):
        if role in profile.formats and role in frame.columns:
            parsed = pl.col(role).str.strptime(kind, profile.formats[role], strict=False)
            frame = frame.with_columns(pl.coalesce(parsed.dt.to_string(written), role).alias(role))
    if "clock" in frame.columns:
        frame = frame.with_columns(stamp=pl.col("date") + "T" + pl.col("clock")).drop("date", "clock")
    return frame


def _directed(reader: Reader, file: str, frame: pl.DataFrame, profile: Profile) -> pl.DataFrame:
    """Rows with `stream` and `direction`, where the profile tells channels apart."""
    if "channel" not in frame.columns:
        return frame
    direction = pl.lit(None, dtype=pl.Int64)
    for beginning, sign in sorted(profile.channels.items(), key=lambda item: len(item[0])):
        direction = pl.when(pl.col("channel").str.starts_with(beginning)).then(sign).otherwise(direction)
    frame = frame.with_columns(direction=direction).rename({"channel": "stream"})
    unknown = pl.col("direction").is_null()
    reader.refuse(
        frame.filter(unknown),
        file,
        MalformedRowError,
        lambda row: f"{shown(row['stream'])} is not one of the channels {', '.join(profile.channels)}.",
    )
    return frame.filter(~unknown)
