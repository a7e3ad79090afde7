"""Rulebook.publishCalendar, extendCalendar, calendarDays, nextDay: what is published never changes, days are only added."""

from __future__ import annotations

from dataclasses import replace

import pytest

from flexbond.ids import calendar_id
from flexbond.model.calendar import PAGE, LocalCalendar
from flexbond.model.rules import RuleError, check_calendar
from flexbond.model.types import NO_LOOKBACK, Calendar, CalendarDays
from tests.support.calendars import london, lookback, nameless, under
from tests.support.evm import reverts
from tests.support.world import FOREVER, World

LONDON = london()
ID = calendar_id(LONDON.calendar)
FIRST = LONDON.first_day
PAGES = len(LONDON.summer)
UNTIL = FIRST + PAGE * PAGES


def changed(**changes: object) -> Calendar:
    """London with other fields."""
    return replace(LONDON.calendar, **changes)  # type: ignore[arg-type]


def publish(world: World, calendar: Calendar = LONDON.calendar, first_day: int = FIRST) -> bytes:
    """Publishes a calendar without days; its id."""
    sender = world.accounts.market_operator
    return bytes(world.rulebook.publishCalendar.send(calendar, first_day, sender=sender).value)


def extend(world: World, first_day: int, summer: tuple[int, ...], holidays: tuple[int, ...], of: bytes = ID) -> None:
    """Adds days."""
    world.rulebook.extendCalendar.send(of, first_day, summer, holidays, sender=world.accounts.market_operator)


def test_publishes_a_calendar_and_its_days(world: World) -> None:
    """Given a calendar, when it is published and extended, it holds these days, and the log holds them whole."""
    operator = world.accounts.market_operator
    receipt = world.rulebook.publishCalendar.send(LONDON.calendar, FIRST, sender=operator)
    assert receipt.value == ID
    event = receipt.only("CalendarPublished")
    assert (event.calendar_id, event.calendar, event.first_day) == (ID, LONDON.calendar, FIRST)
    assert world.rulebook.nextDay.call(ID) == FIRST

    receipt = world.rulebook.extendCalendar.send(ID, FIRST, LONDON.summer, LONDON.holidays, sender=operator)
    event = receipt.only("CalendarExtended")
    assert (event.calendar_id, event.first_day) == (ID, FIRST)
    assert (tuple(event.summer), tuple(event.holidays)) == (LONDON.summer, LONDON.holidays)
    assert world.rulebook.nextDay.call(ID) == UNTIL
    assert world.rulebook.calendarDays.call(ID, FIRST, UNTIL) == nameless(LONDON)


def test_refuses_anyone_but_the_market_operator(world: World) -> None:
    """Given another account, when it publishes or extends, it is not authorised."""
    publish(world)
    for account in (world.accounts.attacker, world.accounts.admin, world.accounts.meter_operator):
        with reverts("AccessManagedUnauthorized", account):
            world.rulebook.publishCalendar.send(changed(autumn_at=0), FIRST, sender=account)
        with reverts("AccessManagedUnauthorized", account):
            world.rulebook.extendCalendar.send(ID, FIRST, (0,), (0,), sender=account)


def test_refuses_a_calendar_published_before(world: World) -> None:
    """Given a calendar, when it comes again, from whichever day, it is refused and stays."""
    world.publish_calendar(LONDON)
    with reverts("Rulebook_CalendarExists", ID):
        publish(world, first_day=FIRST + PAGE)
    assert world.rulebook.calendarDays.call(ID, FIRST, UNTIL) == nameless(LONDON)


@pytest.mark.parametrize(
    ("calendar", "field", "value"),
    [
        (changed(zone=bytes(32)), "zone", 0),
        (changed(offset_seconds=14 * 3600 + 60), "offsetSeconds", 14 * 3600 + 60),
        (changed(offset_seconds=-14 * 3600 - 60), "offsetSeconds", 14 * 3600 + 60),
        (changed(offset_seconds=-90), "offsetSeconds", 90),
        (changed(offset_seconds=-(2**31)), "offsetSeconds", 2**31),
        (changed(summer_seconds=3 * 3600 + 60), "summerSeconds", 3 * 3600 + 60),
        (changed(summer_seconds=3601), "summerSeconds", 3601),
        (changed(spring_at=82_860), "springAt", 82_860),
        (changed(spring_at=3_601), "springAt", 3_601),
        (changed(autumn_at=86_400), "autumnAt", 86_400),
        (changed(summer_seconds=0, spring_at=0), "autumnAt", 3_600),
        (changed(summer_seconds=0), "springAt", 3_600),
    ],
)
def test_refuses_a_clock_out_of_bounds(world: World, calendar: Calendar, field: str, value: int) -> None:
    """Given one field out of its bounds, when the calendar is published, the error names it; the model says the same."""
    with reverts("Rulebook_OutOfBounds", field, value):
        publish(world, calendar)
    with pytest.raises(RuleError) as caught:
        check_calendar(calendar)
    assert caught.value.values == (field, value)


@pytest.mark.parametrize("first_day", [0, 255, 257, 65_537, 65_792])
def test_refuses_a_first_day_that_begins_no_page(world: World, first_day: int) -> None:
    """Given a first day off the pages or out of bounds, it is refused."""
    with reverts("Rulebook_OutOfBounds", "firstDay", first_day):
        publish(world, first_day=first_day)


@pytest.mark.parametrize(
    "calendar",
    [
        changed(offset_seconds=14 * 3600, spring_at=82_800, autumn_at=82_800),
        changed(offset_seconds=-14 * 3600, spring_at=0, autumn_at=0),
        changed(summer_seconds=3 * 3600, holidays=bytes(32)),
        changed(summer_seconds=0, spring_at=0, autumn_at=0),
    ],
)
@pytest.mark.parametrize("first_day", [256, 65_536])
def test_accepts_what_is_just_within_bounds(world: World, calendar: Calendar, first_day: int) -> None:
    """Given values on the edge of their bounds, the calendar stands."""
    assert world.rulebook.nextDay.call(publish(world, calendar, first_day)) == first_day
    check_calendar(calendar)


def test_the_same_days_sent_twice_are_added_once(world: World) -> None:
    """Given days that were added, when they come again, they are refused with the day that is due."""
    world.publish_calendar(LONDON)
    with reverts("Rulebook_NextDayDiffers", ID, UNTIL, FIRST):
        extend(world, FIRST, LONDON.summer, LONDON.holidays)
    with reverts("Rulebook_NextDayDiffers", ID, UNTIL, UNTIL + PAGE):
        extend(world, UNTIL + PAGE, (0,), (0,))


def test_refuses_an_extension_that_is_none(world: World) -> None:
    """Given no days, words that do not match, or summer time where there is none, the extension is refused."""
    publish(world)
    with reverts("Rulebook_OutOfBounds", "summer", 0):
        extend(world, FIRST, (), ())
    with reverts("Rulebook_Inconsistent", "holidays", "summer"):
        extend(world, FIRST, (1, 2), (3,))
    with reverts("Rulebook_OutOfBounds", "summer", 1025):
        extend(world, FIRST, (0,) * 1025, (0,) * 1025)
    constant = publish(world, changed(summer_seconds=0, spring_at=0, autumn_at=0))
    with reverts("Rulebook_Inconsistent", "summer", "summerSeconds"):
        extend(world, FIRST, (0, 1), (0, 0), constant)
    unknown = bytes(31) + b"\1"
    with reverts("Rulebook_CalendarUnknown", unknown, FIRST):
        extend(world, FIRST, (0,), (0,), unknown)


def test_refuses_to_add_nothing_to_days(world: World) -> None:
    """Given a calendar with days, when none are added, it is refused, so that nothing is told of it."""
    world.publish_calendar(LONDON)
    with reverts("Rulebook_OutOfBounds", "summer", 0):
        extend(world, UNTIL, (), ())


def test_days_once_published_never_change(world: World) -> None:
    """Given published days, whatever is added or tried after, they read as before: every single page, and all of them."""
    world.publish_calendar(LONDON)
    before = [
        world.rulebook.calendarDays.call(ID, FIRST + PAGE * page, FIRST + PAGE * (page + 1)) for page in range(PAGES)
    ]
    extend(world, UNTIL, (2**256 - 1,), (2**256 - 1,))
    for first_day in (FIRST, UNTIL, 0):
        with reverts("Rulebook_NextDayDiffers"):
            extend(world, first_day, (7,), (7,))
    with reverts("Rulebook_CalendarExists", ID):
        publish(world)
    after = [
        world.rulebook.calendarDays.call(ID, FIRST + PAGE * page, FIRST + PAGE * (page + 1)) for page in range(PAGES)
    ]
    assert after == before
    assert world.rulebook.calendarDays.call(ID, FIRST, UNTIL) == nameless(LONDON)


def test_gives_the_pages_that_hold_the_days(world: World) -> None:
    """Given days within, across and at the ends of pages, the pages around them come, and no others."""
    world.publish_calendar(LONDON)

    def pages(first: int, until: int) -> CalendarDays:
        return replace(
            nameless(LONDON),
            first_day=FIRST + PAGE * first,
            summer=LONDON.summer[first:until],
            holidays=LONDON.holidays[first:until],
        )

    days = world.rulebook.calendarDays
    assert days.call(ID, FIRST, FIRST + 1) == pages(0, 1)
    assert days.call(ID, FIRST + 255, FIRST + 256) == pages(0, 1)
    assert days.call(ID, FIRST + 255, FIRST + 257) == pages(0, 2)
    assert days.call(ID, FIRST + 256, FIRST + 512) == pages(1, 2)
    assert days.call(ID, UNTIL - 1, UNTIL) == pages(PAGES - 1, PAGES)


def test_refuses_days_that_it_does_not_hold(world: World) -> None:
    """Given days before, after or of no calendar, the error names the first that is missing at either end."""
    unknown = bytes(32)
    days = world.rulebook.calendarDays
    with reverts("Rulebook_CalendarUnknown", unknown, 5):
        days.call(unknown, 5, 6)
    publish(world)
    with reverts("Rulebook_CalendarUnknown", ID, FIRST):
        days.call(ID, FIRST, FIRST + 1)
    extend(world, FIRST, LONDON.summer, LONDON.holidays)
    with reverts("Rulebook_CalendarUnknown", ID, FIRST - 1):
        days.call(ID, FIRST - 1, FIRST + 1)
    for until in (UNTIL + 1, UNTIL + 5):
        with reverts("Rulebook_CalendarUnknown", ID, UNTIL):
            days.call(ID, UNTIL, until)
    with reverts("Rulebook_CalendarUnknown", ID, UNTIL):
        days.call(ID, FIRST, UNTIL + 1)
    for until in (0, FIRST):
        with reverts("Rulebook_OutOfBounds", "untilDay", until):
            days.call(ID, FIRST, until)
    assert world.rulebook.nextDay.call(unknown) == 0


def test_terms_know_how_far_the_calendar_reaches(world: World) -> None:
    """Given a rule of past days, its terms reach until the start of its calendar's last day, and further with more days."""
    publish(world)
    of = lookback()
    rule_id = world.publish(under(world.rule(), of), of)
    assert world.rulebook.terms.call(rule_id).known_until == 0
    extend(world, FIRST, LONDON.summer[:-1], LONDON.holidays[:-1])
    cut = replace(LONDON, summer=LONDON.summer[:-1], holidays=LONDON.holidays[:-1])
    assert world.rulebook.terms.call(rule_id).known_until == LocalCalendar(cut).start_of(UNTIL - PAGE - 1)
    extend(world, UNTIL - PAGE, LONDON.summer[-1:], LONDON.holidays[-1:])
    assert world.rulebook.terms.call(rule_id).known_until == LocalCalendar(LONDON).start_of(UNTIL - 1)
    # A rule without calendar is not bound by any.
    other = world.publish(world.rule(spot_checks=7), NO_LOOKBACK)
    assert world.rulebook.terms.call(other).known_until == FOREVER
