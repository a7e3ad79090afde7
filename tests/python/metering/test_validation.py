"""Validation: every fault is found where it is, sound data give no finding, and nothing is changed."""

from __future__ import annotations

import random
from collections import Counter
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl
import pytest

from flexbond.metering import (
    Code,
    Conventions,
    Readings,
    Report,
    Severity,
    Sign,
    Stamp,
    Unit,
    errors,
    read_all,
    validate,
)
from flexbond.units import utc_seconds

if TYPE_CHECKING:
    from collections.abc import Sequence

BEGIN = utc_seconds("2024-03-25T00:00Z")
DATA = Path(__file__).parents[3] / "data"
FONTANA, UK = DATA / "fontana" / "homes.csv", DATA / "uk"
HALF_HOUR = 1_800
WEEK = 7 * 48


def _values(seed: int, count: int = WEEK) -> list[int]:
    """Half hours of a home in mWh: a base, an evening, and noise."""
    draw = random.Random(seed)
    return [
        100_000 + draw.randrange(200_000) + (600_000 if place % 48 in range(34, 42) else 0) for place in range(count)
    ]


def _readings(devices: dict[str, Sequence[int | None]], *, begin: int = BEGIN, seconds: int = HALF_HOUR) -> Readings:
    rows = [
        (name, begin + place * seconds, seconds, value)
        for name, values in devices.items()
        for place, value in enumerate(values)
        if value is not None
    ]
    return Readings.of(pl.DataFrame(rows, schema=["device", "start", "seconds", "milli_wh"], orient="row"))


def _codes(report: Report) -> list[Code]:
    return [one.code for one in report.findings]


def test_sound_readings_give_no_finding() -> None:
    """Given a week of three homes, when validated, then all is well and everything is accepted."""
    report = validate(_readings({f"home-{seed}": _values(seed) for seed in range(3)}), zone="Europe/London")
    assert report.ok
    assert report.accepted == ("home-0", "home-1", "home-2")
    assert report.span == (BEGIN, BEGIN + WEEK * HALF_HOUR)
    assert report.devices[0].coverage_bps == 10_000


def test_the_homes_of_fontana_are_sound() -> None:
    """Given the measured homes, when read and validated, then there is no finding."""
    intake = read_all(FONTANA, value_column="wh")
    assert intake.findings == ()
    report = validate(intake.readings, zone="America/Los_Angeles")
    assert report.ok
    assert len(report.accepted) == 17


def test_the_british_homes_have_the_gaps_and_duplicates_of_their_source() -> None:
    """Given the half-hourly meters as their source has them, when validated, then what its README names is found."""
    expected = {
        "autumn-2012.csv": ({("uk-1", 1): 3, ("uk-1", 48): 1, ("uk-2", 96): 2}, {"uk-1": 2, "uk-2": 2}),
        "autumn-2013.csv": ({}, {"uk-1": 3, "uk-2": 3}),
    }
    for name, (gaps, duplicates) in expected.items():
        intake = read_all(UK / name)
        start, end = intake.readings.only(["uk-1"]).span
        report = validate(intake.readings, findings=intake.findings, span=(start, end), zone="Europe/London")
        assert Counter((one.device, one.count) for one in report.findings if one.code is Code.GAP) == gaps
        assert Counter(one.device for one in report.findings if one.code is Code.DUPLICATE) == duplicates
        assert set(_codes(report)) <= {Code.GAP, Code.DUPLICATE}
        assert report.accepted == ("uk-1", "uk-2")


def test_gaps_are_found_at_the_edges_and_between() -> None:
    """Given gaps at both ends and within, when validated, then each is one finding with its count."""
    values: list[int | None] = list(_values(1))
    for place in (0, 1, 10, 20, 21, 22, WEEK - 1):
        values[place] = None
    report = validate(_readings({"a": values}), span=(BEGIN, BEGIN + WEEK * HALF_HOUR))
    gaps = [(one.start, one.end, one.count, one.severity) for one in report.findings]
    expected = [(0, 2), (10, 11), (20, 23), (WEEK - 1, WEEK)]
    assert gaps == [
        (BEGIN + low * HALF_HOUR, BEGIN + high * HALF_HOUR, high - low, Severity.WARNING) for low, high in expected
    ]
    assert report.devices[0].present == WEEK - 7


@pytest.mark.parametrize(("missing", "accepted"), [(33, True), (34, False)])
def test_a_device_needs_nine_tenths_of_its_readings(missing: int, accepted: bool) -> None:
    """Given 336 periods, when 33 are missing it is used (9017 bps), with 34 (8988 bps) it is not."""
    values: list[int | None] = list(_values(1))
    values[100 : 100 + missing] = [None] * missing
    report = validate(_readings({"a": values}))
    assert report.devices[0].accepted is accepted
    assert report.devices[0].coverage_bps == (9_017 if accepted else 8_988)
    assert (Code.TOO_FEW_READINGS in _codes(report)) is not accepted
    if not accepted:
        assert report.refused == {"a": "it has 302 of 336 readings, 8988 bps; 9000 are needed."}
        assert validate(_readings({"a": values}), least_bps=8_900).accepted == ("a",)


def test_a_spike_is_against_the_devices_own_distribution() -> None:
    """Given a home and a factory, when the home has one reading of the factory's size, then it is a spike."""
    home, factory = _values(1), [value * 40 for value in _values(2)]
    home[100] = 40 * 600_000
    report = validate(_readings({"home": home, "factory": factory}))
    (finding,) = report.findings
    assert (finding.code, finding.device, finding.severity) == (Code.SPIKE, "home", Severity.WARNING)
    assert finding.start == BEGIN + 100 * HALF_HOUR
    assert report.accepted == ("factory", "home")


def test_a_spike_is_more_than_eight_times_the_95th_percentile() -> None:
    """Given 95 of 100 sizes of 1 kWh or less, when one is 8 kWh or 1 mWh more, then only the latter is a spike."""
    base = [900_000 + place * 1_000 for place in range(99)] + [0]
    p95 = sorted(base)[-5]  # nearest rank 95 of 99 that are not 0, with one spike above
    for size, found in ((8 * p95, 0), (8 * p95 + 1, 1)):
        report = validate(_readings({"a": [*base[:-1], size]}))
        assert _codes(report).count(Code.SPIKE) == found


def test_a_sleeping_house_has_no_spikes() -> None:
    """Given 10 W and a kettle for a minute of the half hour, when validated, then it is below the floor."""
    values = [5_000 + place % 7 for place in range(WEEK)]
    values[100] = 400_000
    assert Code.SPIKE not in _codes(validate(_readings({"a": values})))


def test_a_register_is_no_interval() -> None:
    """Given a register that counts up and is reset once, when validated, then both are named and it is refused."""
    register = list(accumulate(_values(1), initial=8_000_000_000))
    register[200:] = [value - register[200] + 5_000 for value in register[200:]]
    report = validate(_readings({"a": register, "b": _values(2, len(register))}))
    assert report.accepted == ("b",)
    assert report.refused["a"].startswith("register-values: the values only rise")
    resets = [one for one in report.findings if one.code is Code.REGISTER_RESET]
    assert [one.start for one in resets] == [BEGIN + 200 * HALF_HOUR]


def test_a_change_of_unit_is_named_where_it_happens() -> None:
    """Given kWh that become Wh on the fourth day, when validated, then that day is named and the device refused."""
    values = _values(1)
    values[144:] = [value * 1_000 for value in values[144:]]
    report = validate(_readings({"a": values}))
    changed = [one for one in report.findings if one.code is Code.UNIT_CHANGED]
    assert [one.start for one in changed] == [BEGIN + 144 * HALF_HOUR]
    assert report.refused["a"].startswith("unit-changed")


def test_a_change_of_unit_within_a_day_is_named() -> None:
    """Given kWh that become Wh at noon, when validated, then the first whole day in the other unit is named."""
    values = _values(1)
    values[168:] = [value * 1_000 for value in values[168:]]
    changed = [one for one in validate(_readings({"a": values})).findings if one.code is Code.UNIT_CHANGED]
    assert [one.start for one in changed] == [BEGIN + 192 * HALF_HOUR]


def test_a_battery_that_rests_changes_no_unit() -> None:
    """Given 2 W of standby for days and 5 kW for most of another, when validated, then its unit is not doubted."""
    rest, work = [1_000 + place % 3 for place in range(48)], [2_500_000] * 40 + [1_000] * 8
    report = validate(_readings({"a": [*rest, *rest, *work, *rest, *rest]}))
    assert Code.UNIT_CHANGED not in _codes(report)


def test_a_device_in_another_unit_stands_out() -> None:
    """Given four homes of which one is a thousand times the others, when validated, then it is named and kept."""
    homes = {f"home-{seed}": _values(seed) for seed in range(3)}
    report = validate(_readings({**homes, "odd": [value * 1_000 for value in _values(3)]}))
    assert [(one.code, one.device) for one in report.findings] == [(Code.UNIT_SUSPECT, "odd")]
    assert "odd" in report.accepted


@pytest.mark.parametrize(
    ("value", "count", "found"), [(7_777, 48, True), (7_777, 47, False), (0, 336, True), (0, 335, False)]
)
def test_a_stuck_meter_repeats_itself(value: int, count: int, found: bool) -> None:
    """Given one reading for a day, or 0 for a week, when validated, then it is stuck; a period less is not."""
    values = [*_values(1, 96), *[value] * count, *_values(2, 96)]
    stuck = [one for one in validate(_readings({"a": values})).findings if one.code is Code.STUCK]
    assert [(one.start, (one.end or 0) - (one.start or 0)) for one in stuck] == (
        [(BEGIN + 96 * HALF_HOUR, count * HALF_HOUR)] if found else []
    )


def test_a_gap_ends_what_is_stuck() -> None:
    """Given one reading for a day with a gap in it, when validated, then it is a gap and not stuck."""
    values = [*_values(1, 480), *[150_000] * 24, None, *[150_000] * 24, *_values(2, 480)]
    assert _codes(validate(_readings({"a": values}))) == [Code.GAP]


def test_export_of_a_device_that_cannot_export_is_named() -> None:
    """Given negative readings, when the device imports only, then it is refused; else not."""
    values = _values(1)
    values[7] = -1
    readings = _readings({"a": values, "b": _values(2)})
    assert validate(readings).ok
    assert validate(readings, import_only=["b"]).ok
    for only in (True, ["a"]):
        report = validate(readings, import_only=only)
        assert (_codes(report), report.accepted) == ([Code.NEGATIVE], ("b",))
        assert report.findings[0].start == BEGIN + 7 * HALF_HOUR


def test_local_time_read_as_utc_is_told_by_the_skipped_hour() -> None:
    """Given a week in which the clock of London goes forward, when its hour is missing, then the zone is doubted."""
    values: list[int | None] = list(_values(1))
    hole = (utc_seconds("2024-03-31T01:00Z") - BEGIN) // HALF_HOUR
    values += _values(3, 96)
    values[hole] = values[hole + 1] = None
    readings = _readings({"a": values, "b": _values(2, len(values))})
    report = validate(readings, zone="Europe/London")
    assert [one.code for one in report.findings] == [Code.GAP, Code.LOCAL_AS_UTC]
    assert report.accepted == ("b",)
    assert validate(readings).accepted == ("a", "b")
    assert validate(readings, zone="America/New_York").accepted == ("a", "b")


def test_the_latest_revision_is_what_is_validated() -> None:
    """Given a spike that a revision takes back, when validated, then there is none."""
    values = _values(1)
    first = _readings({"a": [*values[:-1], 10**11]}).frame
    later = first.tail(1).with_columns(revision=pl.lit(1), received=pl.lit(10**10), milli_wh=pl.lit(values[-1]))
    assert validate(Readings.of(pl.concat([first, later.cast(first.schema)]))).ok


def test_devices_of_which_nothing_was_read_are_refused(tmp_path: Path) -> None:
    """Given a device whose only row is bad, when validated, then it is listed with the reason."""
    path = tmp_path / "a.csv"
    good = "".join(f"a,2024-01-01T{hour:02}:00,{hour + 1}\n" for hour in range(24))
    path.write_text(
        "# sign=import-positive stamp=start unit=Wh zone=UTC period=3600\ndevice,start,wh\n"
        + good
        + "b,2024-01-01T00:00,x\n"
    )
    intake = read_all(path)
    report = validate(intake.readings, findings=intake.findings)
    assert report.accepted == ("a",)
    assert list(report.refused) == ["b"]
    assert _codes(report) == [Code.BAD_VALUE, Code.TOO_FEW_READINGS]


def test_findings_of_validation_name_the_line(tmp_path: Path) -> None:
    """Given a spike in a file, when validated, then the finding has its line."""
    path = tmp_path / "a.csv"
    rows = "".join(f"a,{BEGIN + place * HALF_HOUR},{value}\n" for place, value in enumerate(_values(1)))
    stamped = pl.read_csv(rows.encode(), has_header=False, new_columns=["d", "s", "v"]).with_columns(
        pl.from_epoch("s").dt.strftime("%Y-%m-%dT%H:%M:%SZ")
    )
    lines = stamped.write_csv(include_header=False).splitlines()
    lines[50] = lines[50].rsplit(",", 1)[0] + ",99000000"
    path.write_text("device,start,mwh\n" + "\n".join(lines) + "\n")
    stated = Conventions(sign=Sign.IMPORT_POSITIVE, stamp=Stamp.START, unit=Unit.MILLI_WH)
    report = validate(read_all(path, stated).readings)
    assert [(one.code, one.place) for one in report.findings] == [(Code.SPIKE, errors.Place(file=str(path), number=52))]


def test_an_empty_span_is_refused() -> None:
    """Given a span that ends before it begins, when validated, then that is the error."""
    with pytest.raises(errors.SeriesError):
        validate(_readings({"a": _values(1)}), span=(BEGIN, BEGIN))
