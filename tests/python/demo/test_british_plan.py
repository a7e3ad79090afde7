"""The British chapter's data and plan, and what the model makes of them."""

from __future__ import annotations

from datetime import date

import pytest

from flexbond.demo.battery import HOME_BATTERY
from flexbond.demo.britain.expect import baseline_of, expect, if_in_time
from flexbond.demo.britain.homes import DAY, HALF_HOUR, WEEKS, load_homes
from flexbond.demo.britain.plan import ALL, FIRST_TWO
from flexbond.demo.britain.stage import CONNECTION_W, GRID
from flexbond.demo.homes import HomesError
from flexbond.model.lookback import PassedOver
from flexbond.model.rules import check_rule
from flexbond.model.types import BPS, Silence
from flexbond.units import utc_seconds
from tests.python.demo import british_sample as sample

CALLED = [window.slug for window in sample.plan() if window.kind is not None]


def days_of(slug: str, number: int = 0) -> list[date]:
    return [day.day for day in sample.line(slug).days[number].days]


def october(*days: int) -> list[date]:
    return [date(2013, 10, day) for day in days]


def test_the_homes_are_two_in_two_autumns() -> None:
    """Given the extracts, when they are read, then the meters of 2012 stand on the same weekdays of 2013, and doubles count once."""
    homes = sample.homes()
    assert homes.names == ALL
    assert [len(readings) for readings in homes.readings[:2]] == [4_368, 4_368]
    assert len(homes.findings) == 10
    for number, device in ((2, "uk-1"), (3, "uk-2")):
        assert homes.meters[number].device == device
        assert homes.meters[number].moved_weeks == WEEKS
    first = min(homes.readings[3])
    assert first == utc_seconds("2012-10-12T00:00Z") + WEEKS * 7 * DAY
    assert homes.clock.local(first).strftime("%A") == "Friday"


def test_a_folder_without_the_homes_is_refused(tmp_path) -> None:
    """Given extracts that lack a home, when they are read, then a named error says so."""
    for name in ("autumn-2012.csv", "autumn-2013.csv"):
        (tmp_path / name).write_text(
            "# sign=import-positive stamp=start unit=Wh zone=UTC period=1800\ndevice,start,wh\nuk-9,2013-10-01T07:00Z,1\n"
        )
    with pytest.raises(HomesError, match="no half-hourly readings of uk-1"):
        load_homes(tmp_path)


def test_a_time_that_does_not_exist_is_refused() -> None:
    """Given the hour that is left out in spring, when it is asked for, then a named error says so."""
    with pytest.raises(HomesError, match="2013-03-31 has no 01:30"):
        sample.homes().at(date(2013, 3, 31), "01:30")


def test_the_day_of_25_hours() -> None:
    """Given 27 October, when its local times are read, then it has 25 hours, and those that come twice are told apart."""
    homes = sample.homes()
    start = homes.at(date(2013, 10, 27), "00:00")
    assert homes.at(date(2013, 10, 28), "00:00") - start == 25 * 3_600
    assert homes.clock.at(start) == "00:00"
    assert homes.clock.at(start + 3_600) == "01:00 BST"
    assert homes.clock.at(start + 7_200) == "01:00 GMT"
    assert homes.clock.at(start + 10_800) == "02:00"


def test_meters_show_real_load_and_battery() -> None:
    """Given the plan, when meters are read, then every half-hour is the real reading plus the battery, and gaps stay gaps."""
    homes, shown = sample.homes(), sample.shown()
    for real, readings, battery in zip(homes.readings, shown.readings, shown.batteries, strict=True):
        assert real.keys() == readings.keys()
        assert all(readings[at] == value + battery.get(at, 0) for at, value in real.items())
        assert max(map(abs, readings.values())) <= CONNECTION_W * 500


def test_records_are_of_whole_days() -> None:
    """Given what is in records, when it is read by days of UTC, then each has all its half-hours."""
    for readings, recorded in zip(sample.shown().readings, sample.shown().recorded, strict=True):
        days = {at // DAY for at in recorded}
        assert len(recorded) == len(days) * GRID.readings_per_slot
        lost = {at // DAY for at in readings} - days
        assert all(any(day * DAY + step not in readings for step in range(0, DAY, HALF_HOUR)) for day in lost)


def test_batteries_are_full_again_before_every_window() -> None:
    """Given what batteries were told, when all of it before a window is added up, then nothing of what they gave is lacking."""
    for number, name in enumerate(sample.homes().names):
        battery = sample.shown().batteries[number]
        for window in sample.plan():
            if name not in window.answering:
                continue
            given = -sum(value for at, value in battery.items() if at < window.start and value < 0)
            taken = sum(value for at, value in battery.items() if at < window.start and value > 0)
            assert 0 <= taken * HOME_BATTERY.efficiency_bps // BPS - given < len(sample.plan())
            wanted = -window.set_point_w * 500 * len(window.starts)
            assert -sum(battery.get(at, 0) for at in window.starts) == wanted


def test_windows_are_in_order_and_the_rule_can_be_published() -> None:
    """Given the plan, then its windows ascend on the half-hour, and the preset as filled keeps the Rulebook's bounds."""
    starts = [window.start for window in sample.plan()]
    assert starts == sorted(starts)
    assert all(start % HALF_HOUR == 0 for start in starts)
    check_rule(sample.rule_file().rule, sample.rule_file().lookback)


def test_the_days_that_are_found() -> None:
    """Given every called window, when its days are looked for, then they are those that a calendar on the wall would give."""
    assert days_of("gb-full") == [*october(2, 1), date(2013, 9, 30), date(2013, 9, 27), date(2013, 9, 26)]
    assert days_of("gb-revised") == october(21, 18, 17, 16, 15)
    assert days_of("gb-night") == october(20, 19)
    assert days_of("gb-sunday") == october(26, 20)
    assert days_of("gb-after") == october(28, 25, 24, 23, 21)
    assert days_of("gb-silent") == october(30, 28, 25, 24, 23)
    assert (date(2013, 10, 22), PassedOver.CALLED.value) in sample.line("gb-after").passed_over
    assert (date(2013, 10, 29), PassedOver.CALLED.value) in sample.line("gb-silent").passed_over


def test_the_hour_that_comes_twice_is_compared_with_the_one_hour() -> None:
    """Given the night, when its five half-hours are placed on past days, then both of 01:00 lie on one, and nothing is adjusted."""
    line = sample.line("gb-night")
    assert line.axis.window == ("00:30", "01:00 BST", "01:30 BST", "01:00 GMT", "01:30 GMT")
    assert line.axis.adjusting == ()
    for home in line.days:
        for day in home.days:
            assert day.starts[1:3] == day.starts[3:5]
        assert home.baseline[1:3] == home.baseline[3:5]
        assert home.raw == home.baseline


def test_past_evenings_lie_in_summer_time() -> None:
    """Given the Sunday evening, when its half-hours are placed on past days, then they begin an hour of UTC earlier there."""
    line = sample.line("gb-sunday")
    assert line.axis.window == ("17:00", "17:30", "18:00", "18:30")
    for day in line.days[0].days:
        assert {(start - past) % DAY for start, past in zip(line.axis.starts, day.starts, strict=True)} == {3_600}


@pytest.mark.parametrize("slug", CALLED)
def test_measured_baselines_are_those_of_the_reference(slug: str) -> None:
    """Given records as they are shown, when a window is measured, then each baseline is that of the one-device reference."""
    measured = sample.expected(slug).measured
    for number, answer in enumerate(measured.answers):
        if answer.silence is Silence.OK:
            assert answer.baseline_milli_wh == baseline_of(sample.case(slug), number).baseline_milli_wh


def test_the_story_comes_out() -> None:
    """Given the plan, when the model settles it, then windows are full or short as the story says, to the base unit."""
    penalties = {slug: sum(outcome.settled.penalty for outcome in sample.expected(slug).outcomes) for slug in CALLED}
    assert penalties == {
        "gb-full": 0,
        "gb-revised": 1_844_712,
        "gb-night": 991_125,
        "gb-sunday": 0,
        "gb-after": 0,
        "gb-silent": 7_513_608,
    }
    assert sample.expected("gb-night").measured.responses_milli_wh == (
        2_333_500,
        2_342_500,
        2_394_500,
        678_500,
        4_712_500,
    )
    assert sample.expected("gb-uncalled").measured is None
    assert sample.expected("gb-uncalled").uncalled == 240_000


def test_the_first_window_has_two_homes() -> None:
    """Given the first window, when it is measured, then only those that were in by then are its leaves."""
    assert [home.name for home in sample.line("gb-full").homes] == list(FIRST_TWO)


def test_the_silent_meter() -> None:
    """Given the gap of the source, when its window is measured, then that home is silent and counts as its capacity."""
    line = sample.line("gb-silent")
    assert [home.name for home in line.homes if home.silence] == ["home-4"]
    assert line.homes[3].response == (-2_500_000,) * 4
    assert sample.homes().missing(3, line.window.start, line.window.end) == tuple(line.window.starts)


def test_the_late_revision_does_not_count() -> None:
    """Given a revision after the notice, then the window is settled as without it; in time it would have paid more."""
    case, other = sample.case("gb-revised"), sample.line("gb-revised").what_if
    without = expect(if_in_time(case))
    assert expect(case).measured.responses_milli_wh == sample.expected("gb-revised").measured.responses_milli_wh
    assert other.response == without.measured.responses_milli_wh
    home = next(home for home in sample.line("gb-revised").days if home.name == other.home)
    assert sum(other.baseline) > sum(home.baseline)
    settled = [outcome.settled for outcome in sample.expected("gb-revised").outcomes]
    assert other.pay == 8_920_792 > sum(one.pay for one in settled) == 8_770_192
    assert other.penalty == 1_618_812


def test_money_of_every_call_adds_up() -> None:
    """Given every call, when it is settled, then pay and refund are what was locked, and penalty and release the collateral."""
    for slug in CALLED:
        for line in sample.line(slug).dispatches:
            settled = line.settled
            assert settled.pay + settled.utilisation_refund == line.utilisation_locked
            assert settled.availability + settled.availability_refund == line.availability_locked
            assert settled.penalty + settled.released == line.collateral_locked
