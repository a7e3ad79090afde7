"""Calendars made from time zones and holidays."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from flexbond.calendars import (
    CalendarError,
    CalendarHolidaysError,
    CalendarSpanError,
    CalendarZoneError,
    OddClockError,
    build,
    days_of,
    holidays_of,
    named,
    span,
)
from flexbond.model.calendar import PAGE, LocalCalendar, date_of, day_of_date
from flexbond.model.rules import check_calendar

HOUR = 3_600


@pytest.mark.parametrize(
    ("zone", "years", "clock"),
    [
        ("Europe/London", (2016, 2019), (0, HOUR, HOUR, HOUR)),
        ("Europe/Dublin", (2016, 2019), (0, HOUR, HOUR, HOUR)),
        ("Europe/Berlin", (2016, 2019), (HOUR, HOUR, 2 * HOUR, 2 * HOUR)),
        ("America/New_York", (2005, 2009), (-5 * HOUR, HOUR, 2 * HOUR, HOUR)),
        ("America/Havana", (2016, 2019), (-5 * HOUR, HOUR, 0, 0)),
        ("America/Santiago", (2020, 2023), (-4 * HOUR, HOUR, 0, 23 * HOUR)),
        ("Australia/Lord_Howe", (2016, 2019), (10 * HOUR + 1800, 1800, 2 * HOUR, HOUR + 1800)),
        ("Antarctica/Troll", (2016, 2019), (0, 2 * HOUR, HOUR, HOUR)),
        ("Asia/Kolkata", (2016, 2019), (5 * HOUR + 1800, 0, 0, 0)),
        ("Asia/Tokyo", (2016, 2019), (9 * HOUR, 0, 0, 0)),
        ("Europe/Istanbul", (2015, 2019), (2 * HOUR, HOUR, 3 * HOUR, 3 * HOUR)),  # summer time for good since 2016
        ("UTC", (2016, 2017), (0, 0, 0, 0)),
    ],
)
def test_finds_the_clock_of_a_zone(zone: str, years: tuple[int, int], clock: tuple[int, ...]) -> None:
    """Given a zone with one standard and one summer time, its clock is found and is one that the contract takes."""
    calendar = build(zone, "", *years).calendar
    found = (calendar.offset_seconds, calendar.summer_seconds, calendar.spring_at, calendar.autumn_at)
    assert found == clock
    assert (named(calendar.zone), named(calendar.holidays)) == (zone, "")
    check_calendar(calendar)


@pytest.mark.parametrize(
    ("zone", "years", "day", "why"),
    [
        ("Pacific/Apia", (2010, 2013), "2011-12-31", "a third offset from UTC begins"),  # 30 December was left out
        ("Europe/Moscow", (2010, 2016), "2014-10-26", "another time of day"),
        (
            "America/St_Johns",
            (2005, 2009),
            "2004-10-30",
            "the clock shows another time",
        ),  # changed a minute after midnight
    ],
)
def test_refuses_a_clock_of_its_own_with_the_day(zone: str, years: tuple[int, int], day: str, why: str) -> None:
    """Given a zone that does not follow one standard and one summer time, it is refused, and the error names the day."""
    with pytest.raises(OddClockError, match=why) as caught:
        build(zone, "", *years)
    assert date_of(caught.value.day).isoformat() == day
    assert f"{zone} cannot be a calendar over {day}" in str(caught.value)
    assert "Take years without that day" in caught.value.next_step


def test_pages_are_whole_and_true() -> None:
    """Given three years, the pages hold them whole, and holidays of the pages' other days too."""
    days = build("Europe/London", "GB-ENG", 2016, 2019)
    first, until = span(2016, 2019)
    assert (days.first_day, len(days.summer), len(days.holidays)) == (
        first,
        (until - first) // PAGE,
        (until - first) // PAGE,
    )
    assert first <= day_of_date(date(2016, 1, 1)) < first + PAGE
    assert until - PAGE < day_of_date(date(2019, 1, 1)) <= until
    local = LocalCalendar(days)
    marked = {date_of(day) for day in range(first, until) if local.kind_of(day) == 7}
    assert marked == set(holidays_of("GB-ENG", date_of(first), date_of(until)))
    assert date(2015, 8, 31) in marked


def test_the_halves_of_a_span_are_the_whole() -> None:
    """Given a calendar that is extended, its days are those of one that was made at once."""
    whole = build("America/New_York", "NERC", 2016, 2022)
    middle = whole.first_day + 3 * PAGE
    until = whole.first_day + PAGE * len(whole.summer)
    first, second = days_of(whole.calendar, whole.first_day, middle), days_of(whole.calendar, middle, until)
    assert first.summer + second.summer == whole.summer
    assert first.holidays + second.holidays == whole.holidays


def test_an_extension_keeps_the_calendars_clock() -> None:
    """Given a calendar whose clock is not the zone's by then, the extension is refused with the first day that differs."""
    days = build("Europe/London", "", 2016, 2017)
    wrong = replace(days.calendar, autumn_at=2 * HOUR)
    with pytest.raises(OddClockError, match="2015-10-25"):
        days_of(wrong, days.first_day, days.first_day + PAGE)
    constant = replace(days.calendar, summer_seconds=0, spring_at=0, autumn_at=0)
    with pytest.raises(OddClockError, match="shows another time"):
        days_of(constant, days.first_day, days.first_day + PAGE)


@pytest.mark.parametrize(("first", "until"), [(16_640, 16_640), (16_896, 16_640), (16_641, 16_896), (16_640, 16_895)])
def test_refuses_broken_pages(first: int, until: int) -> None:
    """Given ends that are not those of pages, there are no days."""
    calendar = build("UTC", "", 2016, 2017).calendar
    with pytest.raises(CalendarSpanError, match="multiples of 256"):
        days_of(calendar, first, until)


@pytest.mark.parametrize("years", [(2016, 2016), (2017, 2016), (1970, 1980), (2016, 2101)])
def test_refuses_years_that_are_no_span(years: tuple[int, int]) -> None:
    """Given years that are none, or too far away, the error says which are possible."""
    with pytest.raises(CalendarSpanError, match="1971 to 2100"):
        build("Europe/London", "GB-ENG", *years)


@pytest.mark.parametrize("zone", ["Europe/Camelot", "", "../etc/passwd", "/etc/localtime", "Europe"])
def test_refuses_an_unknown_zone(zone: str) -> None:
    """Given a name that is no zone, the error gives one that is."""
    with pytest.raises(CalendarZoneError, match="America/New_York"):
        build(zone, "", 2016, 2017)


@pytest.mark.parametrize("name", ["QQ", "GB-CAMELOT", "-ENG", "nerc"])
def test_refuses_unknown_holidays(name: str) -> None:
    """Given holidays that nobody knows, the error gives names that are known."""
    with pytest.raises(CalendarHolidaysError, match="GB-ENG"):
        build("Europe/London", name, 2016, 2017)


def test_refuses_years_without_holidays() -> None:
    """Given years before the holidays are known, the error says from when they are."""
    with pytest.raises(CalendarHolidaysError, match="known from"):
        holidays_of("GB-ENG", date(1800, 1, 1), date(1801, 1, 1))


def test_holidays_of_nerc() -> None:
    """Given the six of NERC, one on a Sunday is kept on Monday and one on a Saturday is not moved."""
    found = holidays_of("NERC", date(2021, 1, 1), date(2023, 1, 1))
    assert [day.isoformat() for day in found] == [
        "2021-01-01",
        "2021-05-31",
        "2021-07-05",
        "2021-09-06",
        "2021-11-25",
        "2021-12-25",
        "2022-01-01",
        "2022-05-30",
        "2022-07-04",
        "2022-09-05",
        "2022-11-24",
        "2022-12-26",
    ]


def test_holidays_of_a_part_of_a_country() -> None:
    """Given Scotland and England, each has its own; a holiday on a weekend is kept on a workday too."""
    year = (date(2016, 1, 1), date(2017, 1, 1))
    england, scotland = holidays_of("GB-ENG", *year), holidays_of("GB-SCT", *year)
    assert date(2016, 8, 29) in england
    assert date(2016, 8, 29) not in scotland
    assert date(2016, 11, 30) in scotland
    assert date(2016, 12, 27) in england
    assert holidays_of("", *year) == {}


def test_a_field_that_is_no_name() -> None:
    """Given bytes of a calendar that are no text, the error shows them."""
    with pytest.raises(CalendarError, match="0xff"):
        named(b"\xff".ljust(32, b"\0"))
