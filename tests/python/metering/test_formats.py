"""Files that others write: Green Button, OpenADR 3, and programmes by their profiles."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flexbond.metering import Code, Conventions, Sign, errors, profiles, read_all
from flexbond.metering.findings import Severity
from flexbond.units import utc_seconds

if TYPE_CHECKING:
    from flexbond.metering import Intake

SAMPLES = Path(__file__).parent / "samples"
GREEN = SAMPLES / "green_button.xml"
OPENADR = SAMPLES / "openadr3_report.json"
IMPORT = Conventions(sign=Sign.IMPORT_POSITIVE)
YEAR = utc_seconds("2024-01-01T00:00Z")


def _rows(intake: Intake) -> list[tuple[str, int, int, int, bool]]:
    frame = intake.readings.as_of()
    return frame.select("device", "start", "seconds", "milli_wh", "estimated").rows()


# ------------------------------------------------------------ Green Button


def test_green_button_nets_the_flows_of_each_usage_point() -> None:
    """Given forward in Wh, reverse in mWh and a net point in kWh, when read, then import is positive."""
    assert _rows(read_all(GREEN)) == [
        ("9b6c7063/01", YEAR, 900, 125_000, False),
        ("9b6c7063/01", YEAR + 900, 900, 130_000, True),
        ("9b6c7063/01", YEAR + 1_800, 900, 115_500, False),
        ("9b6c7063/01", YEAR + 2_700, 900, -300_250, False),
        ("9b6c7063/02", YEAR, 1_800, 2_000_000, False),
        ("9b6c7063/02", YEAR + 1_800, 1_800, -1_000_000, False),
    ]


def test_green_button_lists_what_is_no_energy_of_intervals() -> None:
    """Given a cumulative MeterReading beside, when read, then it is listed with its line and not used."""
    (finding,) = read_all(GREEN).findings
    assert (finding.code, finding.severity, finding.device) == (Code.NOT_USED, Severity.WARNING, "9b6c7063/01")
    line = finding.place.number if finding.place else 0
    assert GREEN.read_text().splitlines()[line - 1].strip().startswith("<IntervalBlock")


GREEN_EDITS = [
    ("gas", "<commodity>1</commodity>", "<commodity>7</commodity>", "commodity"),
    ("a demand", "<uom>72</uom>", "<uom>38</uom>", "unit 38"),
    ("the total of both flows", "<flowDirection>4</flowDirection>", "<flowDirection>20</flowDirection>", "20"),
    ("no direction", "<flowDirection>4</flowDirection>", "", "no flow direction"),
    ("no power of ten", "<powerOfTenMultiplier>3<", "<powerOfTenMultiplier>99<", "powerOfTenMultiplier"),
    ("an instantaneous value", "<accumulationBehaviour>4<", "<accumulationBehaviour>12<", "behaviour 12"),
]


@pytest.mark.parametrize(
    ("old", "new", "said"), [case[1:] for case in GREEN_EDITS], ids=[case[0] for case in GREEN_EDITS]
)
def test_green_button_uses_nothing_that_it_does_not_understand(tmp_path: Path, old: str, new: str, said: str) -> None:
    """Given another kind of reading, when read, then it is listed, says why, and no reading of it is there."""
    path = tmp_path / "feed.xml"
    text = GREEN.read_text()
    path.write_text(text.replace(old, new))
    intake = read_all(path)
    assert any(said in one.detail and one.code is Code.NOT_USED for one in intake.findings)
    assert intake.readings.frame.height < 6


def test_green_button_without_direction_takes_the_callers_sign(tmp_path: Path) -> None:
    """Given no flow direction, when the caller says that export is positive, then import is negative."""
    path = tmp_path / "feed.xml"
    path.write_text(GREEN.read_text().replace("<flowDirection>4</flowDirection>", ""))
    intake = read_all(path, Conventions(sign=Sign.EXPORT_POSITIVE))
    assert [row[3] for row in _rows(intake)[-2:]] == [-2_000_000, 1_000_000]


def test_green_button_prefers_net_to_its_parts(tmp_path: Path) -> None:
    """Given net beside reverse, when read, then the reverse flow is not counted twice."""
    path = tmp_path / "feed.xml"
    path.write_text(
        GREEN.read_text().replace("<flowDirection>1</flowDirection>", "<flowDirection>4</flowDirection>", 1)
    )
    intake = read_all(path)
    assert [row[3] for row in _rows(intake)[:4]] == [125_000, 130_000, 118_000, 0]
    assert any("part of the net reading" in one.detail for one in intake.findings)


def test_green_button_names_blocks_that_lead_nowhere(tmp_path: Path) -> None:
    """Given a feed without its ReadingTypes, when read, then every block is named and nothing is guessed."""
    path = tmp_path / "feed.xml"
    path.write_text(GREEN.read_text().replace('rel="related" href="ReadingType', 'rel="other" href="ReadingType'))
    intake = read_all(path)
    assert intake.readings.frame.height == 0
    assert {one.code for one in intake.findings} == {Code.UNLINKED}
    assert sum(one.count for one in intake.findings) == 4


@pytest.mark.parametrize("duration", ["", "<duration>0</duration>", "<duration>999999999999</duration>"])
def test_green_button_needs_a_period(tmp_path: Path, duration: str) -> None:
    """Given a reading of no possible length, when read, then it is named and the others are there."""
    path = tmp_path / "feed.xml"
    text = GREEN.read_text().replace("<intervalLength>1800</intervalLength>", "")
    path.write_text(
        text.replace("<duration>1800</duration><start>1704067200</start>", f"{duration}<start>1704067200</start>")
    )
    intake = read_all(path)
    assert [one.code for one in intake.findings] == [Code.NOT_USED, Code.PERIOD_UNKNOWN]
    assert intake.readings.frame.height == 5


def test_green_button_counts_from_the_block_where_readings_have_no_start(tmp_path: Path) -> None:
    """Given readings without a time of their own, when read, then they follow from the block's start."""
    path = tmp_path / "feed.xml"
    path.write_text(re.sub(r"<timePeriod>.*?</timePeriod>", "", GREEN.read_text()))
    assert [row[:3] for row in _rows(read_all(path))] == [row[:3] for row in _rows(read_all(GREEN))]


def test_a_name_that_is_none_is_not_passed_on(tmp_path: Path) -> None:
    """Given a report whose resource has a formula for a name, when listed, then the formula is quoted or left out."""
    path = _report(tmp_path, resource={"resourceName": "=cmd|'x'!A0"}, descriptor={"readingType": "FORECAST"})
    intake = read_all(path, IMPORT)
    assert {one.device for one in intake.findings if one.code is not Code.BAD_DEVICE} <= {None, "pump-2"}


HOSTILE = [
    ("an entity bomb", '<!DOCTYPE x [<!ENTITY a "aa"><!ENTITY b "&a;&a;">]><feed>&b;</feed>', "document type"),
    ("a file from outside", '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><feed>&e;</feed>', "document type"),
    ("a document type", '<!DOCTYPE feed SYSTEM "http://localhost/x.dtd"><feed/>', "document type"),
    ("a deep tree", "<a>" * 100 + "</a>" * 100, "deeper"),
    ("an endless text", f"<a>{'x' * 10_000}</a>", "characters"),
    ("a cut file", "<feed><entry>", "broken"),
    ("no XML", "device,start,wh", "broken"),
    ("an unknown entity", "<feed>&nothing;</feed>", "broken"),
    ("a stray reading", '<IntervalReading xmlns="http://naesb.org/espi"/>', "outside"),
]


@pytest.mark.parametrize(("text", "said"), [case[1:] for case in HOSTILE], ids=[case[0] for case in HOSTILE])
def test_hostile_xml_is_refused(tmp_path: Path, text: str, said: str) -> None:
    """Given hostile or broken XML, when read, then it is refused with its line."""
    path = tmp_path / "feed.xml"
    path.write_text(text)
    with pytest.raises(errors.UnreadableMarkupError, match=said) as caught:
        read_all(path)
    assert caught.value.place is not None
    assert caught.value.place.number == 1


def test_green_button_is_bounded_and_needs_readings(tmp_path: Path) -> None:
    """Given more readings than allowed, or none, when read, then that is the error."""
    with pytest.raises(errors.TooManyRowsError):
        read_all(GREEN, max_rows=3)
    path = tmp_path / "feed.xml"
    path.write_text('<feed xmlns="http://www.w3.org/2005/Atom"/>')
    with pytest.raises(errors.EmptyFileError):
        read_all(path)


@settings(deadline=None, max_examples=80)
@given(at=st.integers(0, 9_000), new=st.text(alphabet="<>&/\"'a0 -é", max_size=6))
def test_no_xml_makes_the_reader_fail_without_a_name(
    tmp_path_factory: pytest.TempPathFactory, at: int, new: str
) -> None:
    """Given a feed with any damage, when read, then it is readings and findings, or a named error."""
    path = tmp_path_factory.mktemp("xml") / "feed.xml"
    text = GREEN.read_text()
    path.write_text(text[:at] + new + text[at + 3 :])
    try:
        read_all(path)
    except errors.MeteringError as error:
        assert error.next_step


# ------------------------------------------------------------ OpenADR 3


def test_openadr_usage_is_energy_received_when_the_report_was_made() -> None:
    """Given a report of two resources, when read, then usage is there, flagged and dated."""
    intake = read_all(OPENADR, IMPORT)
    assert _rows(intake) == [
        ("ev-1", YEAR, 900, 500_000, False),
        ("ev-1", YEAR + 900, 900, 1_750_000, True),
        ("ev-1", YEAR + 2_700, 900, 100_000, False),
        ("pump-2", YEAR, 3_600, 1_250_000, False),
    ]
    assert set(intake.readings.frame["received"]) == {YEAR + 7_200}
    assert intake.readings.as_of(YEAR + 7_200).height == 0
    places = [(str(one.place).rsplit(", ", 1)[1], one.code) for one in intake.findings]
    assert places == [("interval 3", Code.WITHHELD), ("interval 5", Code.NOT_USED)]


def test_openadr_needs_a_sign() -> None:
    """Given a report, when the caller states no sign, then that is asked for."""
    with pytest.raises(errors.MissingConventionError):
        read_all(OPENADR)


def test_openadr_export_positive_turns_the_sign() -> None:
    """Given resources that generate, when export is positive, then usage is negative."""
    assert _rows(read_all(OPENADR, Conventions(sign=Sign.EXPORT_POSITIVE)))[0][3] == -500_000


def _report(tmp_path: Path, **changes: Any) -> Path:
    """The sample with its first resource's descriptor or interval changed."""
    content = json.loads(OPENADR.read_text())
    content["payloadDescriptors"][0].update(changes.get("descriptor", {}))
    content["resources"][0]["intervals"][0].update(changes.get("interval", {}))
    content["resources"][0].update(changes.get("resource", {}))
    path = tmp_path / "report.json"
    path.write_text(json.dumps(content))
    return path


def test_openadr_mean_demand_is_energy(tmp_path: Path) -> None:
    """Given demand whose reading type is a mean, when read, then 4 kW over a quarter hour are 1 kWh."""
    path = _report(
        tmp_path,
        descriptor={"payloadType": "DEMAND", "readingType": "MEAN", "units": "KW"},
        interval={"payloads": [{"type": "DEMAND", "values": [4]}]},
    )
    assert _rows(read_all(path, IMPORT))[0] == ("ev-1", YEAR, 900, 1_000_000, False)


OPENADR_EDITS: list[tuple[str, dict[str, Any], Code]] = [
    ("a forecast", {"descriptor": {"readingType": "FORECAST"}}, Code.NOT_USED),
    ("no unit", {"descriptor": {"units": None}}, Code.NOT_USED),
    ("reactive energy", {"descriptor": {"units": "KVARH"}}, Code.NOT_USED),
    ("a text as value", {"interval": {"payloads": [{"type": "USAGE", "values": ["much"]}]}}, Code.BAD_VALUE),
    ("two values", {"interval": {"payloads": [{"type": "USAGE", "values": [1, 2]}]}}, Code.BAD_VALUE),
    ("too fine a value", {"interval": {"payloads": [{"type": "USAGE", "values": [0.12345678]}]}}, Code.NOT_EXACT),
    ("now as start", {"interval": {"intervalPeriod": {"start": "0001-01-01", "duration": "PT15M"}}}, Code.BAD_TIME),
    ("no duration", {"resource": {"intervalPeriod": {"start": "2024-01-01T00:00:00Z"}}}, Code.BAD_TIME),
    ("no name", {"resource": {"resourceName": ""}}, Code.BAD_DEVICE),
]


@pytest.mark.parametrize(
    ("change", "code"), [case[1:] for case in OPENADR_EDITS], ids=[case[0] for case in OPENADR_EDITS]
)
def test_openadr_uses_nothing_that_it_does_not_understand(tmp_path: Path, change: dict[str, Any], code: Code) -> None:
    """Given a fault in a report, when read, then it is listed with its interval, and the others are there."""
    intake = read_all(_report(tmp_path, **change), IMPORT)
    found = [one for one in intake.findings if one.code is code]
    assert found
    assert found[0].place is not None
    assert found[0].place.counts == "interval"


@pytest.mark.parametrize("text", ["", "{", "[1]", "{}", '{"resources": 1}', "[" * 100_000])
def test_json_that_is_no_report_is_refused(tmp_path: Path, text: str) -> None:
    """Given JSON that is broken, hostile or of another kind, when read, then it is refused."""
    path = tmp_path / "report.json"
    path.write_text(text)
    with pytest.raises(errors.UnreadableMarkupError):
        read_all(path, IMPORT)


def test_an_empty_or_endless_report_is_refused(tmp_path: Path) -> None:
    """Given no interval, or more than allowed, when read, then that is the error."""
    path = tmp_path / "report.json"
    path.write_text('{"resources": []}')
    with pytest.raises(errors.EmptyFileError):
        read_all(path, IMPORT)
    with pytest.raises(errors.TooManyRowsError):
        read_all(OPENADR, IMPORT, max_rows=2)


# ------------------------------------------------------------ Profiles


def test_elexon_is_export_positive_at_the_end_in_utc() -> None:
    """Given a wind farm and a battery, when read, then generation is negative and 09:00 ends the half hour."""
    intake = read_all(SAMPLES / "elexon_b1610.csv", profile=profiles.load("elexon-b1610"))
    start = utc_seconds("2023-09-01T08:30Z")
    assert intake.findings == ()
    assert _rows(intake) == [
        ("E_BATTY-1", start, 1_800, 1_500_000_000, False),
        ("E_BATTY-1", start + 1_800, 1_800, 0, False),
        ("E_HYWDW-1", start, 1_800, -74_000_000, False),
        ("E_HYWDW-1", start + 1_800, 1_800, -120_000_000, False),
    ]


def test_texas_is_local_time_with_the_repeated_hour_and_revisions() -> None:
    """Given the November day of 25 hours in two channels, when read, then it has 100 quarter hours."""
    intake = read_all(SAMPLES / "smart_meter_texas.csv", profile=profiles.load("smart-meter-texas"))
    assert intake.findings == ()
    rows = _rows(intake)
    begin = utc_seconds("2024-11-03T00:00-05:00")
    assert [row[1] for row in rows] == [begin + 900 * place for place in range(100)]
    assert rows[0][3:] == (150_000, True)
    assert rows[-1][3:] == (650_000, False)
    before = intake.readings.as_of(utc_seconds("2024-11-05T00:00Z"))
    assert before["milli_wh"].to_list() == [150_000] * 100


def test_nem12_is_market_time_by_streams_and_qualities() -> None:
    """Given two streams, four qualities and a revised day, when read, then each counts for what it is."""
    intake = read_all(SAMPLES / "nem12.csv", profile=profiles.load("aemo-nem12"))
    rows = _rows(intake)
    begin = utc_seconds("2024-01-01T00:00+10:00")
    assert len(rows) == 95
    assert rows[0] == ("4103000001", begin, 1_800, 7_000_000, False)
    assert rows[47][3:] == (47_125_000 - 625_000, False)
    assert [row[4] for row in rows[48:]] == [True] * 20 + [False] * 4 + [True] * 23
    first = intake.readings.as_of(utc_seconds("2024-01-03T00:00+10:00"))
    assert first["milli_wh"][0] == 125_000
    codes = [(one.code, one.place.number if one.place else None) for one in intake.findings]
    assert codes == [(Code.NOT_USED, 12), (Code.WITHHELD, 4), (Code.ONE_DIRECTION, 11)]


NEM12_FAULTS = [
    ("a day without stream", "300,20240101,1,A", Code.MALFORMED_ROW),
    ("an unknown record", "250,x", Code.MALFORMED_ROW),
    ("too few values", "200,N1,E1,1,E1,N1,S,kWh,30,\n300,20240101,1,2,A,,,,", Code.MALFORMED_ROW),
    ("another length", "200,N1,E1,1,E1,N1,S,kWh,7,", Code.MALFORMED_ROW),
    ("no day", "200,N1,E1,1,E1,N1,S,kWh,30,\n300,20240230," + "1," * 48 + "A,,,,", Code.MALFORMED_ROW),
    ("an unknown quality", "200,N1,E1,1,E1,N1,S,kWh,30,\n300,20240103," + "1," * 48 + "X,,,,", Code.BAD_FLAG),
    ("no quality", "200,N1,E1,1,E1,N1,S,kWh,30,\n300,20240103," + "1," * 48 + "V,,,,", Code.BAD_FLAG),
    (
        "bounds beyond the day",
        "200,N1,E1,1,E1,N1,S,kWh,30,\n300,20240103," + "1," * 48 + "A,,,,\n400,1,49,A",
        Code.MALFORMED_ROW,
    ),
]


@pytest.mark.parametrize(("text", "code"), [case[1:] for case in NEM12_FAULTS], ids=[case[0] for case in NEM12_FAULTS])
def test_nem12_faults_are_named(tmp_path: Path, text: str, code: Code) -> None:
    """Given a faulty record after the header, when read, then it is named with its line."""
    path = tmp_path / "nem12.csv"
    path.write_text(f"100,NEM12,202401031300,MDA1,Ret1\n{text}\n900\n")
    intake = read_all(path, profile=profiles.load("aemo-nem12"))
    assert intake.findings[0].code is code
    assert intake.findings[0].place is not None
    assert intake.findings[0].place.number in (2, 3, 4)


def test_what_does_not_begin_as_nem12_is_refused(tmp_path: Path) -> None:
    """Given another file, when read as NEM12, then it is refused."""
    path = tmp_path / "nem12.csv"
    path.write_text("device,start,wh\n")
    with pytest.raises(errors.EmptyFileError):
        read_all(path, profile=profiles.load("aemo-nem12"))


def test_a_row_a_day_has_a_quality_a_period() -> None:
    """Given AEMO's interval CSV, when read, then periods count from midnight and status goes by place."""
    intake = read_all(SAMPLES / "aemo_csv_interval.csv", profile=profiles.load("aemo-csv-interval"))
    rows = _rows(intake)
    assert intake.findings == ()
    assert [row[3] for row in rows] == [place * 1_000_000 + 500_000 for place in range(47)] + [45_500_000]
    assert [row[4] for row in rows] == [False] * 46 + [True] * 2


WIDE = """
title = "Half hours of a British site, one day a row"
layout = "wide"
delimiter = ";"
values = [{values}]
[conventions]
sign = "import-positive"
unit = "kWh"
zone = "Europe/London"
period = 1800
[columns]
device = "MPAN"
date = "Date"
[formats]
date = "%d/%m/%Y"
"""


def _wide(tmp_path: Path, days: list[tuple[str, int]], *, columns: int) -> Intake:
    profile = tmp_path / "british.toml"
    profile.write_text(WIDE.format(values=", ".join(f'"P{place}"' for place in range(1, columns + 1))))
    head = ";".join(["MPAN", "Date", *(f"P{place}" for place in range(1, columns + 1))])
    rows = [";".join(["1200", day, *["1"] * count, *[""] * (columns - count)]) for day, count in days]
    path = tmp_path / "days.csv"
    path.write_text("\n".join([head, *rows, ""]))
    return read_all(path, profile=profiles.load(profile))


def test_days_of_23_and_25_hours_are_placed(tmp_path: Path) -> None:
    """Given 46, 48 and 50 values in the days that have them, when read, then all lie on the UTC grid."""
    intake = _wide(tmp_path, [("31/03/2024", 46), ("01/04/2024", 48), ("27/10/2024", 50)], columns=50)
    assert intake.findings == ()
    starts = [row[1] for row in _rows(intake)]
    assert len(starts) == 144
    assert starts[46] == utc_seconds("2024-04-01T00:00+01:00")
    assert starts[-1] == utc_seconds("2024-10-27T23:30Z")


@pytest.mark.parametrize(("day", "count", "columns"), [("31/03/2024", 48, 50), ("27/10/2024", 48, 48)])
def test_days_that_cannot_be_placed_are_named(tmp_path: Path, day: str, count: int, columns: int) -> None:
    """Given 48 values where the clock changes, when nobody knows which hour they mean, then the day is left out."""
    intake = _wide(tmp_path, [("01/04/2024", 48), (day, count)], columns=columns)
    assert intake.readings.frame.height == 48
    (finding,) = intake.findings
    assert (finding.code, finding.device) == (Code.CLOCK_CHANGE_DAY, "1200")
    assert finding.end is not None
    assert finding.start is not None
    assert (finding.end - finding.start) % 86_400 in (3_600, 82_800)


def test_a_wide_row_without_day_is_named(tmp_path: Path) -> None:
    """Given a date that is none, when read, then the row is named."""
    (finding,) = _wide(tmp_path, [("31/02/2024", 48)], columns=48).findings
    assert finding.code is Code.BAD_TIME


def test_every_packaged_profile_has_a_sample_and_sources() -> None:
    """Given all packaged profiles, then each says what it follows, and is tested here."""
    assert profiles.names() == ("aemo-csv-interval", "aemo-nem12", "elexon-b1610", "smart-meter-texas")
    for name in profiles.names():
        profile = profiles.load(name)
        assert profile.name == name
        assert profile.sources
        assert profile.conventions.sign is not None


def test_profile_faults_of_the_data_are_named(tmp_path: Path) -> None:
    """Given rows that the profile does not know, when read, then they are named and the others are there."""
    text = (SAMPLES / "smart_meter_texas.csv").read_text()
    path = tmp_path / "texas.csv"
    lines = text.splitlines()
    lines[1] = lines[1].replace("Consumption", "Reactive")
    lines[2] = lines[2].replace(",A,", ",Q,")
    lines[3] = lines[3].replace("11/04/2024", "99/99/2024")
    path.write_text("\n".join(lines) + "\n")
    intake = read_all(path, profile=profiles.load("smart-meter-texas"))
    found = {one.code: one.place.number for one in intake.findings if one.place is not None and one.count == 1}
    assert found[Code.MALFORMED_ROW] == 2
    assert found[Code.BAD_FLAG] == 3
    assert found[Code.BAD_TIME] == 4
    assert sum(one.count for one in intake.findings if one.code is Code.ONE_DIRECTION) == 3


GOOD_PROFILE = """
title = "t"
layout = "long"
[conventions]
sign = "import-positive"
stamp = "start"
unit = "Wh"
[columns]
device = "d"
stamp = "t"
value = "v"
"""
PROFILE_FAULTS = [
    ("no TOML", "[", "no TOML"),
    ("an unknown key", GOOD_PROFILE.replace('title = "t"', 'title = "t"\ncolour = "red"'), "no 'colour'"),
    ("no layout", GOOD_PROFILE.replace('layout = "long"', ""), "layout is one of"),
    ("an unknown unit", GOOD_PROFILE.replace('"Wh"', '"BTU"'), "BTU"),
    ("no sign", GOOD_PROFILE.replace('sign = "import-positive"', ""), "states sign"),
    ("an unknown zone", GOOD_PROFILE.replace("[columns]", 'zone = "Mars"\n[columns]'), "no time zone|not a time zone"),
    ("a text as period", GOOD_PROFILE.replace("[columns]", 'period = "1"\n[columns]'), "whole seconds"),
    ("no value", GOOD_PROFILE.replace('value = "v"', ""), "columns value"),
    ("an unknown role", GOOD_PROFILE + 'colour = "c"\n', "no 'colour'"),
    ("quality without codes", GOOD_PROFILE + 'quality = "q"\n', "need each other"),
    ("channels without column", GOOD_PROFILE + "[channels]\nE = 1\n", "need each other"),
    ("a channel of no direction", GOOD_PROFILE + "[channels]\nE = 2\n", "1 or -1"),
    ("a long delimiter", GOOD_PROFILE.replace('title = "t"', 'title = "t"\ndelimiter = "::"'), "one character"),
    ("a wide layout without days", GOOD_PROFILE.replace('"long"', '"wide"'), "wide layout"),
    ("a number as title", GOOD_PROFILE.replace('"t"', "1", 1), "title is a text"),
    ("a list as table", 'columns = [1]\ntitle = "t"\nlayout = "long"\n', "columns is a table"),
    ("numbers as sources", 'sources = [1]\ntitle = "t"\nlayout = "long"\n', "list of texts"),
]


@pytest.mark.parametrize(
    ("text", "said"), [case[1:] for case in PROFILE_FAULTS], ids=[case[0] for case in PROFILE_FAULTS]
)
def test_a_profile_that_says_too_little_is_refused(tmp_path: Path, text: str, said: str) -> None:
    """Given a profile with a fault, when loaded, then it is named with its file."""
    path = tmp_path / "mine.toml"
    path.write_text(text)
    with pytest.raises(errors.ProfileError, match=said) as caught:
        profiles.load(path)
    assert str(path) in str(caught.value)


def test_an_unknown_profile_names_the_known_ones(tmp_path: Path) -> None:
    """Given no such profile or file, when loaded, then the next step says what there is."""
    with pytest.raises(errors.ProfileError) as caught:
        profiles.load("nobody")
    assert "elexon-b1610" in caught.value.next_step
    with pytest.raises(errors.ProfileError):
        profiles.load(tmp_path / "none.toml")


def test_a_profile_without_device_takes_the_callers(tmp_path: Path) -> None:
    """Given a profile that names no device column, when the caller names the device, then it is read."""
    profile = tmp_path / "mine.toml"
    profile.write_text(
        GOOD_PROFILE.replace('device = "d"\n', "").replace("[columns]", 'zone = "UTC"\nperiod = 900\n[columns]')
    )
    path = tmp_path / "one.csv"
    path.write_text("T,V\n2024-01-01T00:00,5\n")
    loaded = profiles.load(profile)
    assert _rows(read_all(path, profile=loaded, device="m")) == [("m", YEAR, 900, 5_000, False)]
    with pytest.raises(errors.MissingColumnError):
        read_all(path, profile=loaded)
    path.write_text("T,X\n2024-01-01T00:00,5\n")
    with pytest.raises(errors.MissingColumnError, match="'v'"):
        read_all(path, profile=loaded, device="m")
