"""Reading CSV: what is right is read exactly, what is wrong has a name, a line and a next step."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flexbond.metering import Conventions, IntervalSeries, Sign, Stamp, Unit, errors, read, read_csv, write_csv
from flexbond.units import utc_seconds

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Write = Callable[[str | bytes], Path]

STATED = "# sign=import-positive stamp=start unit=Wh zone=UTC\n"
HEADER = STATED + "device,start,wh\n"
START = utc_seconds("2026-01-05T00:00Z")


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write a file of readings and give its path."""

    def _write(content: str | bytes) -> Path:
        path = tmp_path / "meter.csv"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return _write


def _rows(*values: object, device: str = "a", start: int = 0) -> str:
    return "".join(f"{device},2026-01-05T{start + hour:02d}:00Z,{value}\n" for hour, value in enumerate(values))


def test_a_plain_file(write: Write) -> None:
    """Given a file that states its conventions, when it is read, then mWh come out, import positive."""
    path = write(HEADER + _rows(1500, -20, "0.001"))
    assert read(path) == (
        IntervalSeries(
            metering_point="a",
            period_seconds=3600,
            start=START,
            readings=(1_500_000, -20_000, 1),
            estimated=(False, False, False),
        ),
    )


def test_devices_may_be_interleaved(write: Write) -> None:
    """Given rows sorted by time, when they are read, then each device is a series, by first row."""
    text = "b,2026-01-05T00:00Z,1\na,2026-01-05T00:00Z,2\nb,2026-01-05T01:00Z,3\na,2026-01-05T01:00Z,4\n"
    found = {one.metering_point: one.readings for one in read(write(HEADER + text))}
    assert list(found.items()) == [("b", (1000, 3000)), ("a", (2000, 4000))]


def test_the_caller_may_state_everything(write: Write) -> None:
    """Given a bare file, when the caller states sign, stamp, unit and zone, then it is read."""
    path = write("device,time,value\na,2026-01-05 01:00,1.5\na,2026-01-05 01:15,2\n")
    conventions = Conventions(sign=Sign.EXPORT_POSITIVE, stamp=Stamp.END, unit=Unit.KWH, zone="Europe/Berlin")
    series = read(path, conventions)[0]
    assert series.readings == (-1_500_000, -2_000_000)
    assert series.start == utc_seconds("2026-01-05T00:45+01:00")


@pytest.mark.parametrize(
    ("unit", "column", "value", "expected"),
    [
        ("mWh", "mwh", "7", 7),
        ("Wh", "wh", "7.001", 7_001),
        ("kWh", "kwh", "0.000001", 1),
        ("MWh", "mwh", "-0.5", -500_000_000),
        ("W-average", "w", "1000", 250_000),
        ("kW-average", "kw", "-0.004", -1_000),
    ],
)
def test_every_unit_becomes_milliwatt_hours(write: Write, unit: str, column: str, value: str, expected: int) -> None:
    """Given a quarter of an hour in each unit, when it is read, then it is exact mWh."""
    head = f"# sign=import-positive stamp=start unit={unit} period=900\n"
    path = write(f"{head}device,start,{column}\na,2026-01-05T00:00Z,{value}\n")
    assert read(path)[0].readings == (expected,)


def test_estimated_flags_are_kept(write: Write) -> None:
    """Given a column of flags, when it is read, then they stand beside the readings."""
    text = "a,2026-01-05T00:00Z,1,true\na,2026-01-05T01:00Z,1,0\n"
    assert read(write(STATED + "device,start,wh,estimated\n" + text))[0].estimated == (True, False)


def test_remarks_blanks_quotes_and_line_ends_are_allowed(write: Write) -> None:
    """Given remarks, a byte order mark, blank lines, quotes, spaces and CRLF, then it is read."""
    text = "\ufeff# Home of somebody\r\n" + STATED + '\r\ndevice, start ,wh\r\n"a", 2026-01-05T00:00Z ,1\r\n\r\n'
    assert read(write(text + "a,2026-01-05T01:00:00.000Z,2\r\n"))[0].readings == (1000, 2000)


def test_the_column_of_readings_may_be_named(write: Write) -> None:
    """Given several columns of readings, when one is named, then that one is read."""
    path = write(STATED + "device,start,wh,load_wh\na,2026-01-05T00:00Z,1,2\na,2026-01-05T01:00Z,3,4\n")
    assert read(path, value_column="load_wh")[0].readings == (2000, 4000)


BAD_FILES: list[tuple[str, type[errors.MeteringError], str | bytes, int | None]] = [
    ("empty", errors.EmptyFileError, "", None),
    ("only a header", errors.EmptyFileError, HEADER, None),
    ("no sign", errors.MissingConventionError, "# stamp=start unit=Wh\ndevice,start,wh\n", 2),
    ("no stamp", errors.MissingConventionError, "# sign=import-positive unit=Wh\ndevice,start,wh\n", 2),
    ("no unit", errors.MissingConventionError, "# sign=import-positive stamp=start\ndevice,start,wh\n", 2),
    ("stated twice", errors.ContradictoryConventionError, "# stamp=end\n" + HEADER, 2),
    (
        "stamp and column",
        errors.ContradictoryConventionError,
        "# sign=import-positive stamp=end unit=Wh\ndevice,start,wh\n",
        2,
    ),
    ("unknown unit", errors.UnknownConventionError, "# unit=wh\n" + HEADER, 1),
    ("unknown key", errors.UnknownConventionError, "# sings=import-positive\n" + HEADER, 1),
    ("no period", errors.UnknownConventionError, "# period=0\n" + HEADER, 1),
    ("unit and column", errors.WrongUnitError, STATED + "device,start,kwh\n", 2),
    (
        "unknown zone",
        errors.UnknownZoneError,
        "# zone=Mars/Olympus sign=import-positive stamp=start unit=Wh\ndevice,start,wh\n",
        2,
    ),
    (
        "zone as a path",
        errors.UnknownZoneError,
        "# zone=../../etc/passwd sign=import-positive stamp=start unit=Wh\ndevice,start,wh\n",
        2,
    ),
    ("no device column", errors.MissingColumnError, STATED + "meter,start,wh\n", 2),
    ("no value column", errors.MissingColumnError, STATED + "device,start,reading\n", 2),
    ("semicolons", errors.MissingColumnError, STATED + "device;start;wh\n", 2),
    ("two value columns", errors.AmbiguousColumnError, STATED + "device,start,wh,kwh\n", 2),
    ("a column twice", errors.AmbiguousColumnError, STATED + "device,start,wh,WH\n", 2),
    ("a field too many", errors.MalformedRowError, HEADER + "a,2026-01-05T00:00Z,1,5\n", 3),
    ("a field too few", errors.MalformedRowError, HEADER + _rows(1) + "a,2026-01-05T01:00Z\n", 4),
    ("a quote left open", errors.MalformedRowError, HEADER + _rows(1) + '"a,2026-01-05T01:00Z,1\n', 4),
    ("a field over two lines", errors.MalformedRowError, HEADER + '"a\nb",2026-01-05T01:00Z,1\n', 3),
    ("a NUL", errors.NullByteError, HEADER + _rows(1) + "a,2026-01-05T01:00Z,\0\n", 4),
    ("UTF-16", errors.NullByteError, HEADER.encode("utf-16-le"), 1),
    ("Latin-1", errors.NotUtf8Error, HEADER.encode() + "zähler,2026-01-05T01:00Z,1\n".encode("latin-1"), 3),
    ("an absurd line", errors.LineTooLongError, HEADER + _rows(1) + "a" * 1_000_000, 4),
    ("an empty device", errors.DeviceNameError, HEADER + ",2026-01-05T00:00Z,1\n", 3),
    ("a formula as device", errors.DeviceNameError, HEADER + "=1+1,2026-01-05T00:00Z,1\n", 3),
    ("a word", errors.NotANumberError, HEADER + _rows(1, "two"), 4),
    ("an empty reading", errors.NotANumberError, HEADER + _rows(1, 2, ""), 5),
    ("not a number", errors.NotANumberError, HEADER + _rows("NaN"), 3),
    ("infinity", errors.NotANumberError, HEADER + _rows("inf"), 3),
    ("an exponent", errors.NotANumberError, HEADER + _rows("1e3"), 3),
    ("a decimal comma", errors.NotANumberError, HEADER + _rows('"1,5"'), 3),
    ("a formula", errors.NotANumberError, HEADER + _rows("=SUM(A1:A9)"), 3),
    ("foreign digits", errors.NotANumberError, HEADER + _rows("٣"), 3),
    ("a fraction of a mWh", errors.InexactReadingError, HEADER + _rows(1, "0.0001"), 4),
    ("beyond 40 bits", errors.HugeReadingError, HEADER + _rows("549755813.888", 1), 3),
    ("below 40 bits", errors.HugeReadingError, HEADER + _rows(1, "-549755813.889"), 4),
    ("a thousand digits", errors.HugeReadingError, HEADER + _rows("9" * 1000), 3),
    ("a flag", errors.BadFlagError, STATED + "device,start,wh,estimated\na,2026-01-05T00:00Z,1,maybe\n", 3),
    ("30 February", errors.BadTimeError, HEADER + "a,2026-02-30T00:00Z,1\n", 3),
    ("24 o'clock", errors.BadTimeError, HEADER + "a,2026-02-20T24:00Z,1\n", 3),
    ("a day", errors.BadTimeError, HEADER + "a,2026-02-20,1\n", 3),
    ("American order", errors.BadTimeError, HEADER + "a,02/20/2026 00:00,1\n", 3),
    ("a fraction of a second", errors.BadTimeError, HEADER + "a,2026-02-20T00:00:00.5Z,1\n", 3),
    ("before 1970", errors.BadTimeError, HEADER + "a,1969-02-20T00:00Z,1\n", 3),
    ("before 1970 in UTC", errors.BadTimeError, HEADER.replace(" zone=UTC", "") + "a,1970-01-01T00:00+01:00,1\n", 3),
    ("no zone", errors.TimeWithoutZoneError, HEADER.replace(" zone=UTC", "") + _rows(1) + "a,2026-01-05T01:00,1\n", 4),
    ("another offset", errors.ZoneContradictionError, HEADER + _rows(1) + "a,2026-01-05T02:00+01:00,1\n", 4),
    ("a gap", errors.GapError, HEADER + _rows(1, 2, 3) + _rows(6, start=5), 6),
    ("an equal duplicate", errors.DuplicateReadingError, HEADER + _rows(1, 2) + _rows(2, start=1), 5),
    ("an old duplicate", errors.DuplicateReadingError, HEADER + _rows(1, 2, 3) + _rows(1), 6),
    ("a different duplicate", errors.ConflictingReadingError, HEADER + _rows(1, 2) + _rows(3, start=1), 5),
    ("out of order", errors.OutOfOrderError, HEADER + _rows(2, 3, start=1) + _rows(1), 5),
    ("no multiple", errors.MixedPeriodsError, HEADER + _rows(1, 2, 3) + "a,2026-01-05T02:15Z,1\n", 6),
    (
        "hours, then half hours",
        errors.MixedPeriodsError,
        HEADER
        + _rows(1, 2, 3)
        + "".join(f"a,2026-01-05T0{3 + half // 2}:{half % 2 * 30:02d}Z,1\n" for half in range(6)),
        4,
    ),
    ("one reading", errors.PeriodUnknownError, HEADER + _rows(1, 2) + _rows(1, device="b"), 5),
    (
        "a power that is not whole",
        errors.InexactReadingError,
        "# sign=import-positive stamp=start unit=W-average period=7\ndevice,start,w\na,2026-01-05T00:00Z,1\n",
        3,
    ),
    (
        "a huge power",
        errors.HugeReadingError,
        HEADER.replace("Wh", "kW-average").replace(",wh", ",kw") + _rows("9999999999", 1),
        3,
    ),
    ("a gap by the stated period", errors.GapError, "# period=1800\n" + HEADER + _rows(1, 2, 3), 5),
    ("a longer stated period", errors.MixedPeriodsError, "# period=7200\n" + HEADER + _rows(1, 2, 3), 5),
]


@pytest.mark.parametrize(
    ("error", "content", "line"), [case[1:] for case in BAD_FILES], ids=[case[0] for case in BAD_FILES]
)
def test_what_is_wrong_is_named_with_its_line(
    write: Write, error: type[errors.MeteringError], content: str | bytes, line: int | None
) -> None:
    """Given a file with one fault, when it is read, then that error names file, line and next step."""
    path = write(content)
    with pytest.raises(errors.MeteringError) as caught:
        read(path)
    assert type(caught.value) is error
    assert caught.value.place == errors.Place(file=str(path), number=line)
    assert str(caught.value).startswith(f"{path}, line {line}: " if line else f"{path}: ")
    assert caught.value.next_step


def test_every_error_of_a_file_has_a_case_or_a_test() -> None:
    """Given all error classes, then each is among the cases above or in the tests named here."""
    elsewhere = {
        "UnreadableFileError", "TooManyRowsError", "FloatColumnError", "AmbiguousTimeError",
        "NonexistentTimeError", "GridError", "SeriesError", "ProfileError", "UnreadableMarkupError",
    }  # fmt: skip
    classes = {cls.__name__ for cls in errors.MeteringError.__subclasses__()}
    assert classes == {case[1].__name__ for case in BAD_FILES} | elsewhere


def test_messages_stay_short_and_on_one_line(write: Write) -> None:
    """Given a long value with control characters, when it is refused, then the message is short."""
    path = write(HEADER + _rows("\x1b[31m" + "x" * 3000))
    with pytest.raises(errors.NotANumberError) as caught:
        read(path)
    assert len(str(caught.value)) < 400 + len(str(path))
    assert str(caught.value).isprintable()


def test_the_file_and_the_caller_may_not_contradict(write: Write) -> None:
    """Given a unit in the file, when the caller says another, then the error names both."""
    with pytest.raises(errors.ContradictoryConventionError, match=r"kWh.*line 1 says unit=Wh"):
        read(write(HEADER + _rows(1)), Conventions(unit=Unit.KWH))


def test_the_file_and_the_caller_may_agree(write: Write) -> None:
    """Given a unit in the file, when the caller says the same, then it is read."""
    assert read(write(HEADER + _rows(1, 2)), Conventions(unit=Unit.WH))[0].readings == (1000, 2000)


def test_a_row_limit_ends_the_reading(write: Write) -> None:
    """Given more rows than allowed, when it is read, then it stops at the first one too many."""
    with pytest.raises(errors.TooManyRowsError) as caught:
        read(write(HEADER + _rows(1, 2, 3, 4)), max_rows=2)
    assert caught.value.place == errors.Place(file=caught.value.place.file, number=5)  # type: ignore[union-attr]


@pytest.mark.parametrize("line", ["\n", "#\n"])
def test_endless_empty_lines_end_the_reading(write: Write, line: str) -> None:
    """Given far more blank lines or remarks than rows allowed, when they are read, then it stops."""
    with pytest.raises(errors.TooManyRowsError, match="1002 lines"):
        read(write((HEADER if line == "\n" else "") + line * 5000), max_rows=2)


@pytest.mark.parametrize("name", ["missing.csv", "meter.xlsx", "."])
def test_a_file_that_cannot_be_read(tmp_path: Path, name: str) -> None:
    """Given no such file, a folder, or another format, when it is read, then the error says so."""
    with pytest.raises(errors.UnreadableFileError):
        read(tmp_path / name)


def test_a_folder_is_no_csv(tmp_path: Path) -> None:
    """Given a folder, when it is read as CSV, then the error says so."""
    with pytest.raises(errors.UnreadableFileError):
        read_csv(tmp_path)


def test_series_of_two_periods_are_not_written_together(tmp_path: Path) -> None:
    """Given series of different periods, when they are written, then it is refused."""
    one, two = (_series(period_seconds=period, metering_point=f"p{period}") for period in (900, 3600))
    with pytest.raises(errors.MixedPeriodsError):
        write_csv(tmp_path / "out.csv", [one, two])


def test_a_metering_point_is_written_once(tmp_path: Path) -> None:
    """Given one metering point twice, when it is written, then it is refused."""
    with pytest.raises(errors.SeriesError, match="twice"):
        write_csv(tmp_path / "out.csv", [_series(), _series()])


def _series(**changes: object) -> IntervalSeries:
    fields = {"metering_point": "a", "period_seconds": 900, "start": START, "readings": (1,), "estimated": (False,)}
    return IntervalSeries(**{**fields, **changes})  # type: ignore[arg-type]


NAMES = st.text("aZ09._:/-", max_size=20).map(lambda rest: f"m{rest}")


@st.composite
def _all_series(draw: st.DrawFn) -> list[IntervalSeries]:
    period = draw(st.sampled_from([60, 300, 900, 1800, 3600, 86_400]))
    names = draw(st.lists(NAMES, min_size=1, max_size=4, unique=True))
    drawn = []
    for name in names:
        readings = draw(st.lists(st.integers(-(2**39), 2**39 - 1), min_size=1, max_size=30))
        flags = draw(st.lists(st.booleans(), min_size=len(readings), max_size=len(readings)))
        drawn.append(
            IntervalSeries(
                metering_point=name,
                period_seconds=period,
                start=draw(st.integers(0, 4 * 10**9)),
                readings=tuple(readings),
                estimated=tuple(flags),
            )
        )
    return drawn


@settings(deadline=None, max_examples=60)
@given(drawn=_all_series())
def test_what_is_written_is_read_back(tmp_path_factory: pytest.TempPathFactory, drawn: list[IntervalSeries]) -> None:
    """Given any series, when they are written and read, then they are equal."""
    path = tmp_path_factory.getbasetemp() / "round.csv"
    write_csv(path, drawn)
    assert read(path) == tuple(drawn)


@settings(deadline=None, max_examples=60)
@given(
    readings=st.lists(st.integers(-(2**39) + 1, 2**39 - 1), min_size=2, max_size=20),
    unit=st.sampled_from([Unit.MILLI_WH, Unit.WH, Unit.KWH, Unit.MWH]),
    sign=st.sampled_from(list(Sign)),
)
def test_decimals_of_any_unit_are_exact(
    tmp_path_factory: pytest.TempPathFactory, readings: list[int], unit: Unit, sign: Sign
) -> None:
    """Given energies written as decimals of a unit and sign, when they are read, then they are equal."""
    path = tmp_path_factory.getbasetemp() / "exact.csv"
    factor = 1 if sign is Sign.IMPORT_POSITIVE else -1
    text = "device,start,value\n"
    for hour, reading in enumerate(readings):
        whole, part = divmod(abs(reading), 10**unit.decimals)
        decimal = f"{whole}.{part:0{unit.decimals}d}" if unit.decimals else str(whole)
        minus = "-" if reading * factor < 0 else ""
        text += f"a,2026-01-05T{hour:02d}:00Z,{minus}{decimal}\n"
    path.write_text(text, encoding="utf-8")
    assert list(read(path, Conventions(sign=sign, stamp=Stamp.START, unit=unit))[0].readings) == readings


@settings(deadline=None, max_examples=150)
@given(content=st.binary(max_size=300))
def test_no_file_makes_the_reader_fail_without_a_name(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    """Given any bytes, when they are read, then there is a MeteringError and nothing else."""
    path = tmp_path_factory.getbasetemp() / "any.csv"
    path.write_bytes(content)
    with pytest.raises(errors.MeteringError):
        read(path)


@settings(deadline=None, max_examples=150)
@given(field=st.text(max_size=40), column=st.integers(0, 2))
def test_no_field_makes_the_reader_fail_without_a_name(
    tmp_path_factory: pytest.TempPathFactory, field: str, column: int
) -> None:
    """Given any text as a field, when it is read, then it is understood or a MeteringError."""
    path = tmp_path_factory.getbasetemp() / "field.csv"
    row = ["a", "2026-01-05T01:00Z", "1"]
    row[column] = field
    path.write_text("# period=3600\n" + HEADER + ",".join(row) + "\n", encoding="utf-8", errors="replace")
    with contextlib.suppress(errors.MeteringError):
        assert len(read(path)) == 1


def test_a_million_rows_are_read_in_seconds(tmp_path: Path) -> None:
    """Given a million rows of local time, when they are read, then it takes seconds, not minutes."""
    path = tmp_path / "big.csv"
    with path.open("w", encoding="utf-8") as file:
        file.write("# sign=import-positive stamp=start unit=kWh zone=UTC\ndevice,start,kwh\n")
        stamps = [
            f"2026-{month:02d}-{day:02d}T{quarter // 4:02d}:{quarter % 4 * 15:02d}"
            for month, days in ((1, 31), (2, 28), (3, 31))
            for day in range(1, days + 1)
            for quarter in range(96)
        ]
        for device in range(116):
            file.writelines(f"d{device},{stamp},0.{index % 1000:06d}\n" for index, stamp in enumerate(stamps))
    began = time.monotonic()
    series = read(path)
    assert sum(len(one.readings) for one in series) == 116 * 90 * 96
    assert time.monotonic() - began < 20
