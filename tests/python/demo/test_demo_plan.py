"""The days, the plan and what the model makes of it."""

from __future__ import annotations

from datetime import date

import pytest

from flexbond.demo.battery import HOME_BATTERY
from flexbond.demo.days import choose, evening_drift, midday_schedule
from flexbond.demo.homes import HOUR, HomesError, load_homes, local_time
from flexbond.demo.plan import DROPPED_OUT, SILENT
from flexbond.demo.terms import CONNECTION_W, GRID
from flexbond.model.rules import check_rule
from flexbond.model.types import Direction, Silence
from flexbond.units import utc_seconds
from tests.python.demo import demo_sample as sample


def test_the_homes_are_seventeen_over_sixty_days() -> None:
    """Given the extract, when it is read, then it is 17 homes over 60 local days from 1 August 2016."""
    homes = sample.homes()
    assert len(homes.names) == 17
    assert homes.first_day == date(2016, 8, 1)
    assert len(homes.days) == 60
    assert local_time(date(2016, 8, 1), 0) == utc_seconds("2016-08-01T00:00-07:00")
    assert sum(map(sum, homes.readings)) == 13_570_596_000


def test_homes_that_do_not_cover_whole_days_are_refused(tmp_path) -> None:
    """Given a file that ends in the middle of a day, when it is read, then a named error says so."""
    path = tmp_path / "homes.csv"
    path.write_text(
        "# sign=import-positive stamp=start unit=Wh zone=UTC period=3600\n"
        "device,start,wh\nhome-01,2016-08-01T07:00Z,1\nhome-01,2016-08-01T08:00Z,2\n"
    )
    with pytest.raises(HomesError, match="whole local days"):
        load_homes(path)


def test_the_days_follow_from_the_data() -> None:
    """Given the homes, when days are chosen, then no other weekday evening is stiller, and they are the ones the story names."""
    homes = sample.homes()
    days = choose(homes)
    assert days.evenings == (date(2016, 8, 23), date(2016, 9, 23), date(2016, 9, 26))
    assert days.midday == date(2016, 9, 7)
    assert days.uncalled == date(2016, 9, 29)
    drift = {day: max(map(abs, evening_drift(homes, day))) for day in homes.days if day.weekday() < 5}
    worst_chosen = max(drift[day] for day in days.evenings)
    others = [value for day, value in drift.items() if day not in days.evenings and day != days.uncalled]
    assert worst_chosen <= min(others)


def test_the_schedule_is_the_mean_of_the_five_days_before() -> None:
    """Given a midday, when it is nominated, then each hour is the mean of the five days before, rounded down."""
    homes = sample.homes()
    day = date(2016, 9, 7)
    before = [date(2016, 9, number) for number in range(2, 7)]
    expected = tuple(sum(homes.total(other, hour) for other in before) // 5 for hour in (11, 12))
    assert midday_schedule(homes, day) == expected


def test_meters_show_real_load_and_battery() -> None:
    """Given the plan, when meters are read, then every hour is the real reading plus the battery, and fits the connection."""
    homes, shown = sample.homes(), sample.shown()
    for real, flows, readings in zip(homes.readings, shown.flows, shown.readings, strict=True):
        assert all(a + flow.grid_milli_wh == b for a, flow, b in zip(real, flows, readings, strict=True))
        assert max(map(abs, readings)) <= CONNECTION_W * 1_000
        assert all(0 <= flow.stored_milli_wh <= HOME_BATTERY.capacity_milli_wh for flow in flows)


def test_batteries_are_full_again_before_every_evening() -> None:
    """Given the plan, when an evening's window opens, then every battery is full."""
    homes, shown = sample.homes(), sample.shown()
    for occasion in sample.plan():
        if occasion.direction is Direction.SHED:
            place = homes.index(occasion.day, occasion.hours[0]) - 1
            assert {flows[place].stored_milli_wh for flows in shown.flows} == {HOME_BATTERY.capacity_milli_wh}


def test_no_battery_moves_what_the_schedule_is_made_of() -> None:
    """Given the midday's days before, when their middays are read, then no battery moved in them: the mean is of real load alone."""
    homes, shown = sample.homes(), sample.shown()
    midday = next(occasion for occasion in sample.plan() if occasion.direction is Direction.ABSORB)
    place = homes.days.index(midday.day)
    for day in homes.days[place - 5 : place]:
        assert all(shown.battery(homes.index(day, hour)) == 0 for hour in midday.hours)


def test_windows_lie_on_the_grid_and_in_order() -> None:
    """Given the plan, when its windows are read, then they are whole periods, ascending, and inside one record each."""
    starts = [occasion.start for occasion in sample.plan()]
    assert starts == sorted(starts)
    for occasion in sample.plan():
        assert occasion.start % HOUR == 0
        slot = (occasion.start - GRID.offset_seconds) // GRID.slot_seconds
        assert (occasion.end - 1 - GRID.offset_seconds) // GRID.slot_seconds == slot


def test_the_rules_can_be_published() -> None:
    """Given the two rules, when the Rulebook's bounds are checked, then they hold."""
    for rule in sample.rules().values():
        check_rule(rule)


def test_the_story_comes_out() -> None:
    """Given the plan, when the model settles it, then the evenings are full, short and nothing, and the midday is full."""
    full, midday, short, nothing, uncalled = (sample.expected(occasion) for occasion in sample.plan())
    assert all(response >= 30_000_000 for response in full.measured.responses_milli_wh)
    assert all(response >= 15_000_000 for response in midday.measured.responses_milli_wh)
    assert all(15_000_000 < response < 21_000_000 for response in short.measured.responses_milli_wh)
    assert all(response <= 0 for response in nothing.measured.responses_milli_wh)
    assert uncalled.measured is None
    assert [sum(outcome.settled.penalty for outcome in one.outcomes) > 0 for one in (full, midday, short, nothing)] == [
        False,
        False,
        True,
        True,
    ]
    assert sum(outcome.settled.pay for outcome in nothing.outcomes) == 0
    assert uncalled.uncalled == 800_000


def test_the_silent_home_and_the_dropped_ones() -> None:
    """Given the short evening, when it is measured, then one home is silent and those that dropped out gave nothing."""
    homes = sample.homes()
    short = sample.expected(sample.plan()[2])
    for name, answer in zip(homes.names, short.measured.answers, strict=True):
        assert (answer.silence is Silence.NO_RECORD) == (name == SILENT)
        if name in DROPPED_OUT:
            assert answer.weight < 1_000_000


def test_the_stop_limits_what_is_penalised() -> None:
    """Given the failed evening, when it is settled, then the call that was stopped pays for one hour and the other up to the stop-loss."""
    stopped, whole = sample.expected(sample.plan()[3]).outcomes
    assert [period.period for period in stopped.periods] == [0]
    assert stopped.settled.penalty == 18_000_000
    assert whole.penalty_uncapped == 18_000_000
    assert whole.settled.penalty == 14_400_000


def test_money_of_every_call_adds_up() -> None:
    """Given every call, when it is settled, then pay and refund are what was locked, and penalty and release the collateral."""
    for occasion in sample.plan():
        for line in sample.event(occasion).dispatches:
            settled = line.settled
            assert settled.pay + settled.utilisation_refund == line.utilisation_locked
            assert settled.availability + settled.availability_refund == line.availability_locked
            assert settled.penalty + settled.released == line.collateral_locked


def test_pools_are_split_without_a_unit_too_many() -> None:
    """Given every pool, when it is split, then less than a unit a home is left over."""
    for occasion in sample.plan():
        pool = sample.event(occasion).pool
        assert 0 <= pool.remainder < 17
        assert pool.credited + pool.remainder == pool.amount
