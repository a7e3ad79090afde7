"""Reading Parquet: integers and decimals are exact, floats are refused, rows are named."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest

from flexbond.metering import Conventions, Sign, Stamp, Unit, errors, read
from flexbond.units import utc_seconds

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Write = Callable[..., Path]

STATED = {"sign": "import-positive", "stamp": "start", "unit": "Wh", "zone": "UTC"}
START = utc_seconds("2026-01-05T00:00Z")


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write a Parquet file of columns and metadata, and give its path."""

    def _write(metadata: dict[str, str] | None = None, **columns: Any) -> Path:
        path = tmp_path / "meter.parquet"
        pl.DataFrame(columns).write_parquet(path, metadata=STATED if metadata is None else metadata)
        return path

    return _write


def _stamps(count: int, zone: str | None = "UTC", unit: Any = "us") -> pl.Series:
    first = datetime(2026, 1, 5)  # noqa: DTZ001
    times = [first + timedelta(hours=hour) for hour in range(count)]
    return pl.Series(times, dtype=pl.Datetime(unit)).dt.replace_time_zone(zone)


@pytest.mark.parametrize(
    "values",
    [
        pl.Series([1500, -20], dtype=pl.Int32),
        pl.Series([Decimal("1500.000"), Decimal("-20.000")], dtype=pl.Decimal(20, 3)),
        pl.Series(["1500", "-20.0"]),
    ],
    ids=["integers", "decimals", "text"],
)
def test_exact_columns_are_read(write: Write, values: pl.Series) -> None:
    """Given integers, decimals or text, when they are read, then they are exact mWh."""
    series = read(write(device=["a", "a"], start=_stamps(2), wh=values))[0]
    assert (series.start, series.period_seconds, series.readings) == (START, 3600, (1_500_000, -20_000))


@pytest.mark.parametrize("unit", ["ms", "us", "ns"])
def test_timestamps_of_any_resolution_are_read(write: Write, unit: str) -> None:
    """Given timestamps in ms, us or ns, when they are read, then they are the same seconds."""
    assert read(write(device=["a", "a"], start=_stamps(2, unit=unit), wh=[1, 2]))[0].start == START


def test_timestamps_without_zone_take_the_stated_one(write: Write) -> None:
    """Given timestamps without zone and a stated zone, when they are read, then they are local time."""
    path = write({**STATED, "zone": "Europe/Berlin"}, device=["a", "a"], start=_stamps(2, None), wh=[1, 2])
    assert read(path)[0].start == utc_seconds("2026-01-05T00:00+01:00")


def test_flags_are_read(write: Write) -> None:
    """Given a boolean column of flags, when it is read, then they stand beside the readings."""
    path = write(device=["a", "a"], start=_stamps(2), wh=[1, 2], estimated=[True, False])
    assert read(path)[0].estimated == (True, False)


def test_the_caller_may_state_the_conventions(write: Write) -> None:
    """Given no metadata, when the caller states the conventions, then it is read."""
    path = write({}, device=["a", "a"], time=_stamps(2), value=[1, 2])
    conventions = Conventions(sign=Sign.EXPORT_POSITIVE, stamp=Stamp.END, unit=Unit.KWH)
    series = read(path, conventions)[0]
    assert (series.start, series.readings) == (START - 3600, (-1_000_000, -2_000_000))


def test_a_table_without_rows_is_empty(write: Write) -> None:
    """Given no rows, when it is read, then it is an empty file."""
    with pytest.raises(errors.EmptyFileError):
        read(write(device=pl.Series([], dtype=pl.String), start=_stamps(0), wh=pl.Series([], dtype=pl.Int64)))


BAD: dict[str, tuple[type[errors.MeteringError], dict[str, Any], int | None]] = {
    "floats": (errors.FloatColumnError, {"wh": [1.0, 2.0, 3.0]}, None),
    "dates as readings": (errors.NotANumberError, {"wh": _stamps(3)}, None),
    "a null": (errors.NotANumberError, {"wh": [1, None, 3]}, 2),
    "a fraction of a mWh": (
        errors.InexactReadingError,
        {"wh": pl.Series([Decimal(1), Decimal(2), Decimal("0.0001")], dtype=pl.Decimal(20, 4))},
        3,
    ),
    "beyond 40 bits": (errors.HugeReadingError, {"wh": [1, 2, 2**62]}, 3),
    "numbers as stamps": (errors.BadTimeError, {"start": [1, 2, 3]}, None),
    "a null stamp": (errors.BadTimeError, {"start": pl.Series([*_stamps(2), None])}, 3),
    "a null text stamp": (errors.BadTimeError, {"start": ["2026-01-05T00:00Z", None, "2026-01-05T02:00Z"]}, 2),
    "half a second": (errors.BadTimeError, {"start": _stamps(3).dt.offset_by("500ms")}, 1),
    "another zone": (errors.ContradictoryConventionError, {"start": _stamps(3, "Asia/Tokyo")}, None),
    "lists as devices": (errors.DeviceNameError, {"device": [["a"], ["a"], ["a"]]}, None),
    "a null device": (errors.DeviceNameError, {"device": ["a", None, "a"]}, 2),
    "dates as flags": (errors.BadFlagError, {"estimated": _stamps(3)}, None),
    "a null flag": (errors.BadFlagError, {"estimated": [True, None, False]}, 2),
    "two value columns": (errors.AmbiguousColumnError, {"kwh": [1, 2, 3]}, None),
    "a duplicate": (errors.DuplicateReadingError, {"start": pl.Series([*_stamps(2), *_stamps(1)]), "wh": [1, 2, 1]}, 3),
    "a gap": (errors.GapError, {"start": pl.Series([*_stamps(2), _stamps(4)[3]])}, 3),
}


@pytest.mark.parametrize(("error", "changes", "row"), BAD.values(), ids=BAD)
def test_what_is_wrong_is_named_with_its_row(
    write: Write, error: type[errors.MeteringError], changes: dict[str, Any], row: int | None
) -> None:
    """Given a table with one fault, when it is read, then that error names file, row and next step."""
    path = write(**{"device": ["a", "a", "a"], "start": _stamps(3), "wh": [1, 2, 3], **changes})
    with pytest.raises(errors.MeteringError) as caught:
        read(path)
    assert type(caught.value) is error
    assert caught.value.place == errors.Place(file=str(path), number=row, counts="row")
    assert caught.value.next_step


def test_naive_timestamps_without_a_zone_are_refused(write: Write) -> None:
    """Given timestamps without zone, when none is stated, then the first row is named."""
    stated = {key: value for key, value in STATED.items() if key != "zone"}
    with pytest.raises(errors.TimeWithoutZoneError, match="row 1"):
        read(write(stated, device=["a", "a"], start=_stamps(2, None), wh=[1, 2]))


def test_a_convention_that_does_not_exist_is_refused(write: Write) -> None:
    """Given metadata with an unknown sign, when it is read, then it is refused."""
    with pytest.raises(errors.UnknownConventionError, match="sign"):
        read(write({**STATED, "sign": "plus"}, device=["a"], start=_stamps(1), wh=[1]))


def test_a_row_limit_is_checked_before_reading(write: Write) -> None:
    """Given more rows than allowed, when it is read, then it is refused."""
    with pytest.raises(errors.TooManyRowsError, match="3 rows"):
        read(write(device=["a"] * 3, start=_stamps(3), wh=[1, 2, 3]), max_rows=2)


@pytest.mark.parametrize("content", [b"", b"PAR1", b"device,start,wh\n", b"PAR1" + bytes(100) + b"PAR1"])
def test_a_file_that_is_no_parquet(tmp_path: Path, content: bytes) -> None:
    """Given other bytes under the name, when they are read, then the error says so."""
    path = tmp_path / "meter.parquet"
    path.write_bytes(content)
    with pytest.raises(errors.UnreadableFileError):
        read(path)


def test_a_damaged_body_is_refused(write: Write) -> None:
    """Given a Parquet file with bytes overwritten, when it is read, then it is a MeteringError."""
    path = write(device=["a", "a"], start=_stamps(2), wh=[1, 2])
    content = bytearray(path.read_bytes())
    content[4:60] = bytes(56)
    path.write_bytes(content)
    with pytest.raises(errors.MeteringError):
        read(path)


def test_a_missing_file(tmp_path: Path) -> None:
    """Given no file, when it is read, then the error says so."""
    with pytest.raises(errors.UnreadableFileError):
        read(tmp_path / "none.parquet")
