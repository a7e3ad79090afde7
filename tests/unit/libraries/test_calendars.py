"""Calendars by hand: London in 2016, and days that are not there."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING

import pytest

from flexbond.ids import calendar_id
from flexbond.model.calendar import day_of_date
from flexbond.model.types import Calendar, CalendarDays
from tests.support.evm import reverts

if TYPE_CHECKING:
    from tests.support.evm import Contract

HOUR = 3_600
DAY = 86_400
FIRST = 16_640
"""2015-07-24."""
SPRING = day_of_date(date(2016, 3, 27))
AUTUMN = day_of_date(date(2016, 10, 30))
CHRISTMAS = day_of_date(date(2015, 12, 25))
WINTER = range(day_of_date(date(2015, 10, 26)), SPRING + 1)


def words(days: list[int]) -> tuple[int, int]:
    """The two words that hold these days."""
    bits = sum(1 << day - FIRST for day in days)
    return bits & 2**256 - 1, bits >> 256


LONDON = CalendarDays(
    calendar=Calendar(
        zone=b"Europe/London".ljust(32, b"\0"),
        holidays=bytes(32),
        offset_seconds=0,
        summer_seconds=HOUR,
        spring_at=HOUR,
        autumn_at=HOUR,
    ),
    first_day=FIRST,
    summer=words([day for day in range(FIRST, AUTUMN + 1) if day not in WINTER]),
    holidays=words([CHRISTMAS]),
)
LAST = FIRST + 511


def test_lengths_of_days(calendars: Contract) -> None:
    """Given the days of change, one has 23 hours and one has 25; a summer's day begins an hour before midnight UTC."""
    assert calendars.startOf.call(LONDON, SPRING) == SPRING * DAY
    assert calendars.startOf.call(LONDON, SPRING + 1) == SPRING * DAY + 23 * HOUR
    assert calendars.startOf.call(LONDON, AUTUMN) == AUTUMN * DAY - HOUR
    assert calendars.startOf.call(LONDON, AUTUMN + 1) == AUTUMN * DAY + 24 * HOUR


@pytest.mark.parametrize(
    ("wall", "exists", "after"),
    [
        (0, True, 0),
        (HOUR - 1, True, HOUR - 1),
        (HOUR, False, None),
        (2 * HOUR - 1, False, None),
        (2 * HOUR, True, HOUR),
    ],
)
def test_the_hour_that_is_skipped(calendars: Contract, wall: int, exists: bool, after: int | None) -> None:
    """Given 27 March 2016, no clock shows 01:00 to 02:00."""
    time = 0 if after is None else SPRING * DAY + after
    assert tuple(calendars.timeOf.call(LONDON, SPRING, wall)) == (exists, time)
    if exists:
        assert tuple(calendars.wallOf.call(LONDON, time)) == (SPRING, wall)


@pytest.mark.parametrize(
    ("wall", "after"),
    [(0, 0), (HOUR, HOUR), (2 * HOUR - 1, 2 * HOUR - 1), (2 * HOUR, 3 * HOUR), (DAY - 1, 25 * HOUR - 1)],
)
def test_the_hour_that_is_repeated(calendars: Contract, wall: int, after: int) -> None:
    """Given 30 October 2016, a time of the hour that is shown twice is its first."""
    start = AUTUMN * DAY - HOUR
    assert tuple(calendars.timeOf.call(LONDON, AUTUMN, wall)) == (True, start + after)
    assert tuple(calendars.wallOf.call(LONDON, start + after)) == (AUTUMN, wall)
    if HOUR <= wall < 2 * HOUR:
        assert tuple(calendars.wallOf.call(LONDON, start + after + HOUR)) == (AUTUMN, wall)


def test_the_last_second_of_a_day(calendars: Contract) -> None:
    """Given the last second of a day and the one after, they are in two days, in summer and in winter."""
    for day in (AUTUMN - 100, AUTUMN, SPRING - 100, SPRING):
        end = calendars.startOf.call(LONDON, day + 1)
        assert [calendars.dayOf.call(LONDON, time) for time in (end - 1, end)] == [day, day + 1]
        assert tuple(calendars.wallOf.call(LONDON, end)) == (day + 1, 0)


def test_kinds(calendars: Contract) -> None:
    """Given a holiday, it is of kind 7; the others count from Monday."""
    assert calendars.kindOf.call(LONDON, CHRISTMAS) == 7
    assert [calendars.kindOf.call(LONDON, SPRING - 6 + n) for n in range(8)] == [0, 1, 2, 3, 4, 5, 6, 0]


def test_the_id_is_that_of_the_clock(calendars: Contract) -> None:
    """Given a calendar, its id is that of the model."""
    assert calendars.idOf.call(LONDON.calendar) == calendar_id(LONDON.calendar)


def test_days_that_are_not_given(calendars: Contract) -> None:
    """Given a day before, after, or next to the last, the error names the calendar and the day."""
    known = calendar_id(LONDON.calendar)
    assert [calendars.isKnown.call(LONDON, day) for day in (FIRST - 1, FIRST, LAST, LAST + 1)] == [
        False,
        True,
        True,
        False,
    ]
    end = calendars.startOf.call(LONDON, LAST)
    assert calendars.dayOf.call(LONDON, end) == LAST
    for function, arguments, day in (
        ("startOf", (LAST + 1,), LAST + 1),
        ("startOf", (FIRST - 1,), FIRST - 1),
        ("startOf", (2**256 - 1,), 2**256 - 1),
        ("kindOf", (LAST + 1,), LAST + 1),
        ("timeOf", (LAST, 0), LAST + 1),
        ("wallOf", (end,), LAST + 1),
        ("dayOf", (end + DAY - 1,), LAST + 1),
        ("dayOf", (0,), 0),
    ):
        with reverts("Rulebook_CalendarUnknown", known, day):
            getattr(calendars, function).call(LONDON, *arguments)
    west = replace(LONDON, calendar=replace(LONDON.calendar, offset_seconds=-HOUR))
    with reverts("Rulebook_CalendarUnknown", calendar_id(west.calendar), 0):
        calendars.dayOf.call(west, HOUR - 1)


def test_no_days_at_all(calendars: Contract) -> None:
    """Given no words, no day is known."""
    none = replace(LONDON, summer=(), holidays=())
    assert not calendars.isKnown.call(none, FIRST)
    with reverts("Rulebook_CalendarUnknown", calendar_id(none.calendar), FIRST):
        calendars.kindOf.call(none, FIRST)
