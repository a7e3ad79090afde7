"""Local days and times against Python's own time zones."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from functools import cache
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flexbond.calendars import build
from flexbond.ids import calendar_id
from flexbond.model.calendar import DAY, HOLIDAY, PAGE, LocalCalendar, UnknownDayError, date_of, day_of_date

ZONES = (
    "Europe/London",
    "Europe/Dublin",
    "Europe/Berlin",
    "America/New_York",
    "America/Havana",  # changes at midnight: the first hour of a day is skipped, or repeated
    "America/Santiago",  # changes at midnight: the last hour of a day is repeated
    "Asia/Kolkata",
    "Asia/Tokyo",
    "Australia/Lord_Howe",  # half an hour
    "Antarctica/Troll",  # two hours
)
zones = st.sampled_from(ZONES)


@cache
def calendar(zone: str) -> LocalCalendar:
    """2016 until 2019, with England's holidays."""
    return LocalCalendar(build(zone, "GB-ENG", 2016, 2019))


@pytest.fixture(scope="module", autouse=True)
def made() -> None:
    """All calendars, made before anything is generated with them."""
    for zone in ZONES:
        calendar(zone)


@cache
def changes(zone: str) -> tuple[int, ...]:
    """Days that are not 24 hours long."""
    local = calendar(zone)
    days = range(local.first_day, local.until_day - 1)
    return tuple(day for day in days if local.start_of(day + 1) - local.start_of(day) != DAY)


def shown(zone: str, utc: int) -> tuple[int, int, int]:
    """Day, wall time and fold that Python gives a moment."""
    local = datetime.fromtimestamp(utc, UTC).astimezone(ZoneInfo(zone))
    return (
        day_of_date(local.date()),
        local.hour * 3600 + local.minute * 60 + local.second,
        local.fold,
    )


@st.composite
def moments(draw: st.DrawFn) -> tuple[str, int]:
    """A zone and a moment, often near a change."""
    zone = draw(zones)
    local = calendar(zone)
    if changes(zone) and draw(st.booleans()):
        day = draw(st.sampled_from(changes(zone)))
        return zone, local.start_of(day) + draw(st.integers(-7_200, DAY + 7_200))
    return zone, draw(st.integers(local.start_of(local.first_day), local.start_of(local.until_day - 1) - 1))


@given(moments())
def test_local_time_is_that_of_the_zone(given_: tuple[str, int]) -> None:
    """Given a moment, day and wall time are those of Python's time zones."""
    zone, utc = given_
    day, wall, _ = shown(zone, utc)
    assert calendar(zone).wall_of(utc) == (day, wall)
    assert calendar(zone).day_of(utc) == day


@given(moments())
def test_there_and_back(given_: tuple[str, int]) -> None:
    """Given a moment, its wall time leads back to it, or to the first occurrence if this is the second."""
    zone, utc = given_
    local = calendar(zone)
    day, wall, fold = shown(zone, utc)
    back = local.time_of(day, wall)
    assert back is not None
    assert back == utc - (local.days.calendar.summer_seconds if fold else 0)
    assert local.wall_of(back) == (day, wall)


@given(moments(), st.integers(0, DAY - 1))
def test_a_wall_time_exists_unless_it_is_skipped(given_: tuple[str, int], wall: int) -> None:
    """Given any wall time, it leads to the moment that Python says, and to none exactly where Python skips it."""
    zone, near = given_
    local = calendar(zone)
    day = local.day_of(near)
    moment = datetime.combine(date_of(day), datetime.min.time(), ZoneInfo(zone))
    moment = moment.replace(hour=wall // 3600, minute=wall // 60 % 60, second=wall % 60, fold=0)
    utc = int(moment.timestamp())
    exists = shown(zone, utc)[:2] == (day, wall)
    assert local.time_of(day, wall) == (utc if exists else None)


@given(moments())
def test_days_follow_each_other(given_: tuple[str, int]) -> None:
    """Given a moment, it is not before its day's start and before the next one's."""
    zone, utc = given_
    local = calendar(zone)
    day = local.day_of(utc)
    assert local.start_of(day) <= utc < local.start_of(day + 1)
    assert local.day_of(local.start_of(day)) == day
    assert local.wall_of(local.start_of(day))[0] == day


@pytest.mark.parametrize("zone", ZONES)
def test_lengths_of_days(zone: str) -> None:
    """Given a zone with summer time, twice a year a day is shorter or longer by it, and no other day is."""
    local = calendar(zone)
    added = local.days.calendar.summer_seconds
    lengths = [local.start_of(day + 1) - local.start_of(day) for day in changes(zone)]
    assert set(lengths) <= {DAY - added, DAY + added}
    years = (local.until_day - local.first_day) / 365.25
    assert len(lengths) == (0 if not added else pytest.approx(2 * years, abs=2))


def test_london_by_hand() -> None:
    """Given London in 2016: 27 March has 23 hours and no 01:30, 30 October has 25 and 01:30 twice."""
    local = calendar("Europe/London")
    spring, autumn = day_of_date(date(2016, 3, 27)), day_of_date(date(2016, 10, 30))
    assert (spring, autumn) == (16_887, 17_104)
    assert local.start_of(spring + 1) - local.start_of(spring) == 23 * 3600
    assert local.time_of(spring, 3599) == 1_459_036_800 + 3599
    assert local.time_of(spring, 3600) is None
    assert local.time_of(spring, 7199) is None
    assert local.time_of(spring, 7200) == 1_459_036_800 + 3600
    assert local.start_of(autumn + 1) - local.start_of(autumn) == 25 * 3600
    first = local.time_of(autumn, 5400)
    assert first == 1_477_785_600 + 1800
    assert local.wall_of(first) == local.wall_of(first + 3600) == (autumn, 5400)
    assert local.time_of(autumn, 7200) == first + 1800 + 3600


def test_kinds_of_days() -> None:
    """Given days, holidays are of their own kind and all others have their weekday."""
    local = calendar("Europe/London")
    holidays = {date(2016, 12, 26), date(2016, 12, 27), date(2017, 1, 2), date(2018, 8, 27)}
    for day in range(local.first_day, local.until_day):
        kind, at = local.kind_of(day), date_of(day)
        assert kind in (HOLIDAY, at.weekday())
        if at in holidays:
            assert kind == HOLIDAY
    assert local.kind_of(day_of_date(date(2016, 12, 28))) == 2
    # England keeps Christmas Day itself too.
    assert local.kind_of(day_of_date(date(2016, 12, 25))) == HOLIDAY


def test_days_beyond_are_unknown() -> None:
    """Given a day that the calendar does not hold, the error names it by its date and says what to do."""
    local = calendar("Europe/London")
    first, until = local.first_day, local.until_day
    assert local.known(first)
    assert local.known(until - 1)
    assert not local.known(first - 1)
    assert not local.known(until)
    last = local.start_of(until - 1)
    for ask in (
        lambda: local.start_of(until),
        lambda: local.kind_of(first - 1),
        lambda: local.time_of(until - 1, 0),
        lambda: local.wall_of(last),
        lambda: local.day_of(local.start_of(first) - 1),
        lambda: local.day_of(last + DAY - 1),
    ):
        with pytest.raises(UnknownDayError) as caught:
            ask()
        assert caught.value.day in (first - 1, until)
        assert caught.value.values == (calendar_id(local.days.calendar), caught.value.day)
        assert date_of(caught.value.day).isoformat() in str(caught.value)
        assert "Europe/London" in str(caught.value)
    assert local.day_of(last) == until - 1


def test_a_part_of_the_pages_tells_the_same() -> None:
    """Given only one page, its days are as in the whole calendar."""
    whole = calendar("America/New_York")
    part = LocalCalendar(
        replace(
            whole.days,
            first_day=whole.first_day + PAGE,
            summer=whole.days.summer[1:2],
            holidays=whole.days.holidays[1:2],
        )
    )
    for day in range(part.first_day, part.until_day - 1):
        assert part.start_of(day) == whole.start_of(day)
        assert part.kind_of(day) == whole.kind_of(day)
        assert part.time_of(day, 9_000) == whole.time_of(day, 9_000)
