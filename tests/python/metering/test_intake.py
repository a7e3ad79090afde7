"""The lenient reader: what is good is kept, what is not is named with its place, nothing is repaired."""

from __future__ import annotations

import gzip
import re
import time
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flexbond.metering import Code, Conventions, Readings, Sign, Stamp, Unit, errors, profiles, read, read_all
from flexbond.metering.findings import MOST_NAMED, Severity

if TYPE_CHECKING:
    from collections.abc import Callable

    from flexbond.metering import Intake

FIRST = "# sign=import-positive stamp=start unit=Wh zone=Europe/London period=1800\ndevice,start,wh\n"
GOOD = "a,2024-01-01T00:00,1\na,2024-01-01T00:30,2\n"


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str | bytes], Path]:
    """Writes a CSV and gives its path."""

    def writer(content: str | bytes) -> Path:
        path = tmp_path / "file.csv"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return writer


def _kept(intake: Intake) -> list[tuple[str, int]]:
    return intake.readings.as_of().select("device", "milli_wh").rows()


BAD_ROWS = [
    ("too many fields", "a,2024-01-01T01:00,3,4\n", Code.MALFORMED_ROW, None),
    ("broken quotes", 'a,2024-01-01T01:00,"3\n', Code.MALFORMED_ROW, None),
    ("no name", ",2024-01-01T01:00,3\n", Code.BAD_DEVICE, None),
    ("a formula as name", "=1+1,2024-01-01T01:00,3\n", Code.BAD_DEVICE, None),
    ("no value", "a,2024-01-01T01:00,\n", Code.BAD_VALUE, "a"),
    ("an exponent", "a,2024-01-01T01:00,1e3\n", Code.BAD_VALUE, "a"),
    ("too fine", "a,2024-01-01T01:00,0.0001\n", Code.NOT_EXACT, "a"),
    ("too large", "a,2024-01-01T01:00,999999999999\n", Code.TOO_LARGE, "a"),
    ("far too large", "a,2024-01-01T01:00,9999999999999999999999\n", Code.TOO_LARGE, "a"),
    ("no time", "a,1st of January,3\n", Code.BAD_TIME, "a"),
    ("no day", "a,2023-02-29T01:00,3\n", Code.BAD_TIME, "a"),
    ("another zone's offset", "a,2024-01-01T01:00+02:00,3\n", Code.WRONG_OFFSET, "a"),
    ("the skipped hour", "a,2024-03-31T01:30,3\n", Code.NONEXISTENT_TIME, "a"),
    ("the repeated hour, once", "a,2024-10-27T01:30,3\n", Code.AMBIGUOUS_TIME, "a"),
    ("off the grid", "a,2024-01-01T01:10,3\n", Code.OFF_GRID, "a"),
]


@pytest.mark.parametrize(("row", "code", "device"), [case[1:] for case in BAD_ROWS], ids=[case[0] for case in BAD_ROWS])
def test_a_bad_row_is_named_and_the_others_are_kept(
    write: Callable[[str | bytes], Path], row: str, code: Code, device: str | None
) -> None:
    """Given one bad row among good ones of two devices, when read, then it is named and all others are there."""
    path = write(FIRST + GOOD + row + "b,2024-01-01T00:00,7\n")
    intake = read_all(path)
    assert _kept(intake) == [("a", 1_000), ("a", 2_000), ("b", 7_000)]
    (finding,) = intake.findings
    assert (finding.code, finding.severity, finding.device, finding.count) == (code, Severity.DROPPED, device, 1)
    assert finding.place == errors.Place(file=str(path), number=5)
    assert finding.detail
    assert finding.next_step
    assert str(finding).count("\n") == 0


def test_copies_count_once_and_contradictions_not_at_all(write: Callable[[str | bytes], Path]) -> None:
    """Given an equal and a contradicting copy, when read, then one counts once, and of the other neither."""
    path = write(FIRST + GOOD + "a,2024-01-01T00:30,2\nb,2024-01-01T00:00,7\nb,2024-01-01T00:00,8\n")
    intake = read_all(path)
    assert _kept(intake) == [("a", 1_000), ("a", 2_000)]
    same, other = intake.findings
    assert (same.code, same.severity, same.place) == (
        Code.DUPLICATE,
        Severity.WARNING,
        errors.Place(file=str(path), number=5),
    )
    assert f"{path}, line 4" in same.detail
    assert (other.code, other.severity, other.device) == (Code.CONFLICT, Severity.DROPPED, "b")


def test_copies_in_two_files_are_found(tmp_path: Path) -> None:
    """Given the same reading in two files, when both are read, then the finding names both."""
    one, two = tmp_path / "one.csv", tmp_path / "two.csv"
    one.write_text(FIRST + GOOD)
    two.write_text(FIRST + "a,2024-01-01T00:30,2\na,2024-01-01T01:00,3\n")
    intake = read_all([one, two])
    assert len(_kept(intake)) == 3
    assert intake.readings.files == (str(one), str(two))
    assert str(one) in intake.findings[0].detail
    assert intake.findings[0].place == errors.Place(file=str(two), number=3)


def test_revisions_are_kept_apart(write: Callable[[str | bytes], Path]) -> None:
    """Given revisions with times of receipt, when read, then each stands from its time on."""
    head = (
        "# sign=import-positive stamp=start unit=Wh zone=UTC period=1800\ndevice,start,wh,estimated,revision,received\n"
    )
    path = write(
        head
        + "a,2024-01-01T00:00,1,true,0,2024-01-01T06:00Z\n"
        + "a,2024-01-01T00:00,5,false,2,2024-01-03T06:00Z\n"
        + "a,2024-01-01T00:00,4,false,1,2024-01-02T06:00Z\n"
        + "a,2024-01-01T00:30,9,false,0,\n"
        + "a,2024-01-01T00:30,8,false,1,\n"
        + "a,2024-01-01T01:00,7,false,0,2024-01-01T01:29Z\n"
        + "a,2024-01-01T01:30,7,false,x,\n"
    )
    intake = read_all(path)
    day = 1_704_067_200
    expected = {day + 2: [], day + 7 * 3_600: [1_000, 9_000], day + 2 * 86_400: [4_000, 9_000], None: [5_000, 9_000]}
    assert {at: intake.readings.as_of(at)["milli_wh"].to_list() for at in expected} == expected
    assert [one.code for one in intake.findings] == [Code.BAD_VALUE, Code.EARLY_RECEIPT, Code.UNDATED_REVISION]


def test_times_of_receipt_alone_make_revisions(write: Callable[[str | bytes], Path]) -> None:
    """Given copies that differ in their time of receipt, when read, then they are revisions in that order."""
    head = "# sign=import-positive stamp=start unit=Wh zone=UTC period=1800\ndevice,start,wh,received\n"
    intake = read_all(write(head + "a,2024-01-01T00:00,2,2024-01-05T00:00Z\na,2024-01-01T00:00,1,2024-01-02T00:00Z\n"))
    assert intake.findings == ()
    assert intake.readings.frame.select("revision", "milli_wh").rows() == [(0, 1_000), (1, 2_000)]


def test_a_period_of_another_length_is_left_out(write: Callable[[str | bytes], Path]) -> None:
    """Given hourly readings of which one file holds a half hour, when read, then the odd one is named."""
    head = "# sign=import-positive stamp=start unit=Wh zone=UTC\ndevice,start,wh\n"
    hours = "".join(f"a,2024-01-01T{hour:02}:00,1\n" for hour in range(6))
    intake = read_all(write(head + hours + "a,2024-01-01T06:30,1\nb,2024-01-01T00:00,1\n"))
    assert [one.code for one in intake.findings] == [Code.PERIOD_UNKNOWN, Code.OFF_GRID]
    assert intake.readings.periods == {"a": 3_600}


def test_what_is_too_fine_is_rounded_only_on_request(write: Callable[[str | bytes], Path]) -> None:
    """Given readings finer than 1 mWh, when rounding is asked for, then it is half to even, and listed."""
    head = "# sign=import-positive stamp=start unit=Wh zone=UTC period=1800\ndevice,start,wh\n"
    values = ["0.0005", "0.0015", "0.00251", "0.0004999", "-0.0015", "0.0025", "0.00249", "1.0000"]
    rows = "".join(f"a,2024-01-01T{place:02}:00,{value}\n" for place, value in enumerate(values))
    path = write(head + rows)
    assert _kept(read_all(path)) == [("a", 1_000)]
    intake = read_all(path, rounding=True)
    assert [value for _, value in _kept(intake)] == [0, 2, 3, 0, -2, 2, 2, 1_000]
    (finding,) = intake.findings
    assert (finding.code, finding.severity, finding.count) == (Code.ROUNDED, Severity.WARNING, 7)


def test_mean_power_is_rounded_only_on_request(write: Callable[[str | bytes], Path]) -> None:
    """Given 1 W over 1 s and over 5 s, when rounded, then 277.8 and 1388.9 mWh are whole."""
    text = (
        "# sign=import-positive stamp=start unit=W-average zone=UTC period=5\ndevice,time,w\na,2024-01-01T00:00:00,1\n"
    )
    path = write(text)
    assert _kept(read_all(path)) == []
    assert _kept(read_all(path, rounding=True)) == [("a", 1)]


def test_many_findings_of_a_kind_are_counted(write: Callable[[str | bytes], Path]) -> None:
    """Given 1000 bad values of a device, when read, then the first are named and the rest are one."""
    rows = "".join(f"a,2024-01-{day:02}T{hour:02}:00,x\n" for day in range(1, 29) for hour in range(24))
    intake = read_all(write(FIRST + GOOD.replace("00:00", "23:00") + rows))
    named = [one for one in intake.findings if one.code is Code.BAD_VALUE]
    assert len(named) == MOST_NAMED + 1
    assert sum(one.count for one in named) == 28 * 24


def test_a_compressed_file_without_devices_is_read(tmp_path: Path) -> None:
    """Given start,value in a .csv.gz, when the caller names the device, then it is read."""
    path = tmp_path / "meter.csv.gz"
    path.write_bytes(gzip.compress(b"start,value\n2024-01-01 00:00:00+00:00,0.5\n2024-01-01 00:30:00+00:00,1\n"))
    stated = Conventions(sign=Sign.IMPORT_POSITIVE, stamp=Stamp.START, unit=Unit.KWH)
    assert _kept(read_all(path, stated, device="m")) == [("m", 500_000), ("m", 1_000_000)]
    with pytest.raises(errors.MissingColumnError):
        read_all(path, stated)


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (b"", errors.EmptyFileError),
        (b"# sign=import-positive\n", errors.EmptyFileError),
        (FIRST.encode(), errors.EmptyFileError),
        (b"device,start,wh\na,2024-01-01T00:00Z,1\n", errors.MissingConventionError),
        (FIRST.encode() + b"a,\0,1\n", errors.NullByteError),
        (FIRST.encode() + b"a,\xff,1\n", errors.NotUtf8Error),
        (FIRST.encode() + b"a," + b"x" * 5_000 + b",1\n", errors.LineTooLongError),
    ],
)
def test_a_file_that_is_wrong_as_a_whole_is_refused(
    write: Callable[[str | bytes], Path], content: bytes, error: type[errors.MeteringError]
) -> None:
    """Given a file of which nothing can be understood, when read, then that is the error."""
    with pytest.raises(error):
        read_all(write(content))


def test_a_file_that_is_not_there_or_of_no_known_kind_is_refused(tmp_path: Path) -> None:
    """Given no file, a damaged archive, another kind, or none at all, when read, then that is the error."""
    damaged = tmp_path / "a.csv.gz"
    damaged.write_bytes(b"\x1f\x8bnothing")
    for path in (tmp_path / "none.csv", damaged, tmp_path / "a.xlsx"):
        with pytest.raises(errors.UnreadableFileError):
            read_all(path)
    with pytest.raises(errors.EmptyFileError):
        read_all([])


def test_too_many_rows_are_refused(write: Callable[[str | bytes], Path]) -> None:
    """Given more lines than allowed, when read, then the reader ends."""
    with pytest.raises(errors.TooManyRowsError):
        read_all(write(FIRST + "a,2024-01-01T00:00,1\n" * 1_100), max_rows=10)


def test_a_good_file_is_read_as_the_strict_reader_reads_it(tmp_path: Path) -> None:
    """Given the 25-hour day in local time, when read by both readers, then they agree."""
    path = tmp_path / "day.csv"
    clock = [(hour, minute) for hour in (0, 1, 1, *range(2, 24)) for minute in (0, 30)]
    clock.sort(key=lambda at: at if at[0] != 1 else (1, 0))
    rows = "".join(f"a,2024-10-27T{hour:02}:{minute:02},{place}\n" for place, (hour, minute) in enumerate(clock))
    path.write_text(FIRST + rows)
    intake = read_all(path)
    assert intake.findings == ()
    assert intake.readings.frame.height == 50
    assert intake.readings.as_of().equals(Readings.of_series(read(path)).as_of())


def test_the_documentation_is_true(write: Callable[[str | bytes], Path]) -> None:
    """Given docs/metering.md, when its example is read, then it is sound; and every finding is explained."""
    text = (Path(__file__).parents[3] / "docs" / "metering.md").read_text(encoding="utf-8")
    example = re.search(r"```\n(# sign=.*?)```", text, re.DOTALL)
    assert example is not None
    intake = read_all(write(example[1]))
    assert intake.findings == ()
    assert intake.readings.frame["revision"].to_list() == [0, 1]
    assert [code for code in Code if f"`{code}`" not in text and code not in (Code.ESTIMATED, Code.NOT_ESTIMATED)] == []
    assert [name for name in profiles.names() if f"`{name}`" not in text] == []


TEXT = st.text(alphabet="ab0159.,-+:TZ\"'# \r\n\t=é", max_size=200)


@settings(deadline=None, max_examples=150)
@given(body=TEXT)
def test_no_text_makes_the_reader_fail_without_a_name(tmp_path_factory: pytest.TempPathFactory, body: str) -> None:
    """Given any text after a good header, when read, then it is readings and findings, or a named error."""
    path = tmp_path_factory.mktemp("any") / "file.csv"
    path.write_text(FIRST + body, encoding="utf-8", newline="")
    try:
        intake = read_all(path)
    except errors.MeteringError as error:
        assert error.next_step
    else:
        assert all(one.next_step for one in intake.findings)


def test_a_million_rows_are_read_in_seconds(tmp_path: Path) -> None:
    """Given a million rows with a bad one, when read, then it takes seconds and the bad one is named."""
    path = tmp_path / "many.csv"
    starts = pl.int_range(0, 10_000, eager=True) * 900 + 1_704_067_200
    stamps = pl.from_epoch(starts, time_unit="s").dt.strftime("%Y-%m-%dT%H:%M:%SZ")
    body = "".join("\n".join(f"d{device:03}," + text + ",17" for text in stamps) + "\n" for device in range(100))
    path.write_text("# sign=import-positive stamp=start unit=Wh\ndevice,start,wh\n" + body + "d000,bad,1\n")
    begin = time.perf_counter()
    intake = read_all(path)
    assert time.perf_counter() - begin < 30
    assert intake.readings.frame.height == 1_000_000
    assert [one.place for one in intake.findings] == [errors.Place(file=str(path), number=1_000_003)]
