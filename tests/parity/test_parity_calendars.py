"""Calendars and look-backs: the contracts against the model, for clocks and days that no country has."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flexbond import ids
from flexbond.model.calendar import DAY, PAGE, LocalCalendar, UnknownDayError
from flexbond.model.rules import check_rule
from flexbond.model.types import NO_LOOKBACK, BaselineMethod, Calendar, CalendarDays, ClampLevel, DayClass, Rule
from tests.parity.mirror import Mirror
from tests.python.model.strategies import lookbacks, rules
from tests.support.calendars import london
from tests.support.evm import ANYONE, Contract, Evm, Reverted
from tests.support.world import World

RELAXED = settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], deadline=None)
words = st.one_of(st.just(0), st.just(2**256 - 1), st.integers(0, 2**256 - 1))


@pytest.fixture(scope="module")
def harness() -> Contract:
    """The library from outside."""
    return Evm().deploy("CalendarsHarness", sender=ANYONE)


@st.composite
def clocks(draw: st.DrawFn) -> Calendar:
    """Any clock that can be published."""
    added = 60 * draw(st.one_of(st.sampled_from((0, 30, 60, 120)), st.integers(0, 180)))
    latest = (DAY - added) // 60 if added else 0
    return Calendar(
        zone=draw(st.binary(min_size=1, max_size=32)).rstrip(b"\0").ljust(32, b"z"),
        holidays=draw(st.binary(max_size=32)).ljust(32, b"\0"),
        offset_seconds=60 * draw(st.integers(-840, 840)),
        summer_seconds=added,
        spring_at=60 * draw(st.integers(0, latest)),
        autumn_at=60 * draw(st.integers(0, latest)),
    )


@st.composite
def known_days(draw: st.DrawFn) -> CalendarDays:
    """Any days: summer time may come and go daily."""
    calendar = draw(clocks())
    summer = draw(st.lists(words, min_size=1, max_size=2))
    return CalendarDays(
        calendar=calendar,
        first_day=PAGE * draw(st.integers(1, 256)),
        summer=tuple(summer) if calendar.summer_seconds else (0,) * len(summer),
        holidays=tuple(draw(st.lists(words, min_size=len(summer), max_size=len(summer)))),
    )


def agree(chain: Callable[[], Any], model: Callable[[], Any]) -> Any:
    """Both give the same, or refuse with the same error and values; what they gave."""
    try:
        expected = model()
    except UnknownDayError as unknown:
        with pytest.raises(Reverted) as caught:
            chain()
        assert (caught.value.name, caught.value.args) == (unknown.error, unknown.values)
        return None
    found = chain()
    found = tuple(found) if isinstance(expected, tuple) else found
    assert found == expected
    return found


@RELAXED
@given(days=known_days(), data=st.data())
def test_local_days_and_times(harness: Contract, days: CalendarDays, data: st.DataObject) -> None:
    """Given any clock, days and moments, library and model agree on everything, on what is unknown too."""
    local = LocalCalendar(days)
    first, until = days.first_day, days.first_day + PAGE * len(days.summer)
    for _ in range(5):
        day = data.draw(
            st.one_of(st.sampled_from((first - 1, first, until - 2, until - 1, until)), st.integers(first, until))
        )
        wall = data.draw(
            st.one_of(st.sampled_from((days.calendar.spring_at, days.calendar.autumn_at)), st.integers(0, DAY - 1))
        )
        time = day * DAY - days.calendar.offset_seconds + data.draw(st.integers(-4 * 3600, DAY + 4 * 3600))
        assert harness.isKnown.call(days, day) == local.known(day)
        agree(lambda day=day: harness.startOf.call(days, day), lambda day=day: local.start_of(day))
        agree(lambda day=day: harness.kindOf.call(days, day), lambda day=day: local.kind_of(day))
        agree(lambda time=time: harness.dayOf.call(days, time), lambda time=time: local.day_of(time))
        agree(lambda time=time: harness.wallOf.call(days, time), lambda time=time: local.wall_of(time))

        def moment(day: int = day, wall: int = wall) -> tuple[bool, int]:
            found = local.time_of(day, wall)
            return found is not None, found or 0

        agree(lambda day=day, wall=wall: harness.timeOf.call(days, day, wall), moment)


@RELAXED
@given(calendar=clocks())
def test_calendar_id(harness: Contract, calendar: Calendar) -> None:
    """Given a calendar, both hash it alike."""
    assert harness.idOf.call(calendar) == ids.calendar_id(calendar)


WRONG: dict[str, st.SearchStrategy[Any]] = {
    "calendar_id": st.just(bytes(31) + b"\1"),
    "classes": st.lists(
        st.builds(
            DayClass,
            kinds=st.sampled_from((0, 1, 31, 96, 128, 224, 254, 255)),
            selection=st.integers(0, 2),
            x=st.integers(0, 22),
            y=st.integers(0, 22),
            min_days=st.integers(0, 22),
        ),
        max_size=9,
    ),
    "holidays_eligible": st.booleans(),
    "look_back_days": st.integers(0, 255),
    "max_excluded_days": st.integers(0, 255),
    "min_event_bps": st.integers(0, 2**16 - 1),
    "adjustment": st.integers(0, 2),
    "adjustment_periods": st.integers(0, 255),
    "adjustment_lead": st.one_of(st.integers(0, 100).map(lambda n: 900 * n), st.integers(0, 2**32 - 1)),
    "adjustment_cap_bps": st.integers(0, 2**18),
}


@settings(RELAXED, max_examples=300)
@given(under=rules(), data=st.data())
def test_bounds_of_a_look_back(world: World, under: Rule, data: st.DataObject) -> None:
    """Given a look-back with any fields changed, both publish its rule or both refuse it with the same error and values."""
    with world.evm.rollback():
        mirror = Mirror(world)
        days = london()
        calendar_id = world.publish_calendar(days)
        operator = world.accounts.market_operator
        book = mirror.suite.rulebook
        book.publish_calendar(days.calendar, days.first_day, sender=operator.address)
        book.extend_calendar(calendar_id, days.first_day, days.summer, days.holidays, sender=operator.address)
        of = data.draw(lookbacks(calendar_id=calendar_id, period_seconds=under.period_seconds))
        fields = data.draw(st.sets(st.sampled_from(sorted(WRONG)), max_size=2))
        of = replace(of, **{name: data.draw(WRONG[name]) for name in sorted(fields)})
        rule = replace(
            under,
            currency=world.token.address,
            baseline=data.draw(st.sampled_from((*[BaselineMethod.X_OF_Y] * 9, under.baseline))),
            baseline_periods=data.draw(st.sampled_from((*[0] * 9, 1))),
            clamp_level=data.draw(st.sampled_from(ClampLevel)),
            lookback_hash=data.draw(st.sampled_from((*[ids.lookback_hash(of)] * 9, bytes(32)))),
        )
        given_ = data.draw(st.sampled_from((*[of] * 9, NO_LOOKBACK)))
        went, _ = mirror.both(
            "publish",
            lambda: world.rulebook.publish.send(rule, given_, sender=operator),
            lambda: book.publish(rule, given_, sender=operator.address, now=mirror.now),
        )
        if went:
            check_rule(rule, given_)
            assert world.rulebook.terms.call(ids.rule_id(rule)) == book.terms(ids.rule_id(rule))


@settings(RELAXED, max_examples=60)
@given(data=st.data())
def test_calendars_grow_alike(world: World, data: st.DataObject) -> None:
    """Given any calendars, published and extended in any order, both hold the same days after each step, and refuse the same."""
    with world.evm.rollback():
        mirror = Mirror(world)
        operator, book = world.accounts.market_operator, mirror.suite.rulebook
        cast = data.draw(st.lists(clocks(), min_size=1, max_size=2, unique_by=ids.calendar_id))
        for _ in range(data.draw(st.integers(1, 8))):
            calendar = data.draw(st.sampled_from(cast))
            calendar_id = ids.calendar_id(calendar)
            following = book.next_day(calendar_id)
            day = data.draw(st.one_of(st.just(following or PAGE), st.sampled_from((0, 255, 256, 512, 65_536, 65_792))))
            if data.draw(st.integers(0, 2)) == 0:
                mirror.both(
                    "publishCalendar",
                    lambda calendar=calendar, day=day: world.rulebook.publishCalendar.send(
                        calendar, day, sender=operator
                    ),
                    lambda calendar=calendar, day=day: book.publish_calendar(calendar, day, sender=operator.address),
                )
            else:
                summer = data.draw(st.lists(words, max_size=3))
                holidays = data.draw(st.one_of(st.just(summer), st.lists(words, max_size=3)))
                given_ = (calendar_id, day, summer, holidays)
                mirror.both(
                    "extendCalendar",
                    lambda given_=given_: world.rulebook.extendCalendar.send(*given_, sender=operator),
                    lambda given_=given_: book.extend_calendar(*given_, sender=operator.address),
                )
            following = book.next_day(calendar_id)
            assert world.rulebook.nextDay.call(calendar_id) == following
            ask = (calendar_id, data.draw(st.integers(0, following + 2)), data.draw(st.integers(0, following + 2)))
            mirror.both(
                "calendarDays",
                lambda ask=ask: Answer(world.rulebook.calendarDays.call(*ask)),
                lambda ask=ask: book.calendar_days(*ask),
            )


class Answer:
    """What a view gave, as a receipt."""

    def __init__(self, value: CalendarDays) -> None:
        self.value = value
