"""Calendars on a node: published, resumed, extended, refused; by the command and by the library."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from flexbond.calendars import build
from flexbond.chain.node import NodeKind
from flexbond.ids import calendar_id, rule_id
from flexbond.model.calendar import PAGE, date_of
from flexbond.model.types import NO_LOOKBACK, CalendarDays
from flexbond.operations import errors, governing
from flexbond.operations.history import calendar_of, calendars_of, lookback_of
from tests.integration.shell import Shell
from tests.integration.stage import raised
from tests.support.calendars import lookback, nameless, under
from tests.support.undoing import undone

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.integration.stage import Stage

LONDON = build("Europe/London", "GB-ENG", 2015, 2019)
ID = calendar_id(LONDON.calendar)
SHOWN = ("--zone", "Europe/London", "--holidays", "GB-ENG")


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """A chain that begins in August 2016."""
    with raised(NodeKind.ANVIL, tmp_path_factory.mktemp("calendars")) as stage:
        yield stage


@pytest.fixture
def stage(node: Stage) -> Iterator[Stage]:
    """The same for every test."""
    with undone(node.rpc):
        yield node


def pages(first: int, until: int, of: CalendarDays = LONDON) -> CalendarDays:
    """Some of the pages."""
    return replace(
        of, first_day=of.first_day + PAGE * first, summer=of.summer[first:until], holidays=of.holidays[first:until]
    )


@pytest.mark.anvil
def test_each_day_is_published_once(stage: Stage) -> None:
    """Given parts of a calendar in any overlap, when each is published, only what is missing is sent, and the whole stands."""
    operator = stage.sender(stage.people.market_operator)
    for part, sent in ((pages(0, 2), 2), (pages(0, 2), 0), (pages(1, 4), 1), (LONDON, 1), (pages(2, 3), 0)):
        before = stage.rpc.block_number()
        assert governing.publish_calendar(stage.suite, operator, part) == ID
        assert stage.rpc.block_number() - before == sent
    assert calendar_of(stage.suite, ID) == LONDON
    assert calendars_of(stage.suite) == {ID: LONDON}
    first, until = LONDON.first_day, LONDON.first_day + PAGE * len(LONDON.summer)
    assert stage.suite.rulebook.read("calendarDays", ID, first, until) == nameless(LONDON)


@pytest.mark.anvil
def test_a_publication_cut_short_goes_on(stage: Stage) -> None:
    """Given a calendar that was published and got no days, when it is published again, its days follow."""
    operator = stage.sender(stage.people.market_operator)
    rulebook = stage.suite.rulebook
    operator.send(rulebook.transaction("publishCalendar", LONDON.calendar, LONDON.first_day))
    governing.publish_calendar(stage.suite, operator, LONDON)
    assert calendar_of(stage.suite, ID) == LONDON


@pytest.mark.anvil
def test_days_that_do_not_join_are_refused(stage: Stage) -> None:
    """Given a published calendar, days that differ, begin before it or leave a gap are refused with the day."""
    operator = stage.sender(stage.people.market_operator)
    governing.publish_calendar(stage.suite, operator, pages(1, 3))
    with pytest.raises(errors.CalendarDiffersError, match=f"begin on {date_of(LONDON.first_day)}") as caught:
        governing.publish_calendar(stage.suite, operator, LONDON)
    assert caught.value.day == LONDON.first_day
    with pytest.raises(errors.CalendarDiffersError, match="only added at its end") as caught:
        governing.publish_calendar(stage.suite, operator, pages(4, 5))
    assert caught.value.day == LONDON.first_day + 3 * PAGE
    holidays = list(pages(1, 4).holidays)
    holidays[1] ^= 1 << 9
    day = LONDON.first_day + 2 * PAGE + 9
    with pytest.raises(errors.CalendarDiffersError, match=f"holds {date_of(day)} otherwise") as caught:
        governing.publish_calendar(stage.suite, operator, replace(pages(1, 4), holidays=tuple(holidays)))
    assert caught.value.day == day
    assert calendar_of(stage.suite, ID) == pages(1, 3)


@pytest.mark.anvil
def test_a_rule_of_past_days_needs_its_calendar(stage: Stage) -> None:
    """Given a rule of past days, it is refused with the command to run before, and stands with its look-back after."""
    operator = stage.sender(stage.people.market_operator)
    of = lookback(calendar_id=ID)
    rule = under(stage.rule(), of)
    with pytest.raises(errors.UnknownError, match="flexbond calendar publish"):
        governing.publish_rule(stage.suite, operator, rule, of)
    governing.publish_calendar(stage.suite, operator, LONDON)
    assert governing.publish_rule(stage.suite, operator, rule, of) == rule_id(rule)
    assert governing.publish_rule(stage.suite, operator, rule, of) == rule_id(rule)
    assert lookback_of(stage.suite, rule_id(rule)) == of
    plain = governing.publish_rule(stage.suite, operator, stage.rule())
    assert lookback_of(stage.suite, plain) == NO_LOOKBACK
    with pytest.raises(errors.UnknownError):
        lookback_of(stage.suite, bytes(32))


@pytest.mark.anvil
def test_by_the_command(stage: Stage) -> None:
    """Given the command, a calendar is shown, published, published again and extended, and only the operator may."""
    people = stage.people
    shell = Shell(
        stage.folder,
        network="anvil",
        url=stage.url,
        keys={"market_operator": people.market_operator, "provider": people.provider},
    )
    shown = shell.run("calendar", "show", *SHOWN, "--from", "2015", "--until", "2019")
    assert shown["calendarId"] == f"0x{ID.hex()}"
    assert {"date": "2016-10-30", "seconds": 90_000} in shown["changes"]
    assert {"date": "2016-08-29", "name": "Late Summer Bank Holiday"} in shown["holidays"]
    years = ("--from", "2015", "--until", "2017")
    code, _, said = shell.attempt("calendar", "publish", *SHOWN, *years, key="provider")
    assert code == 1
    assert "market operator" in said
    tried = shell.run("calendar", "publish", *SHOWN, *years, "--dry-run", key="market_operator")
    assert [item["title"] for item in tried["transactions"]] == ["Publish a calendar"]
    assert calendars_of(stage.suite) == {}
    first = shell.run("calendar", "publish", *SHOWN, *years, key="market_operator")
    assert first["calendarId"] == shown["calendarId"]
    assert shell.run("calendar", "publish", *SHOWN, *years, key="market_operator") == first
    tried = shell.run("calendar", "extend", shown["calendarId"], "--until", "2019", "--dry-run", key="market_operator")
    assert tried["transactions"][0]["title"].startswith("Add the days from 2017-08-30 until")
    more = shell.run("calendar", "extend", shown["calendarId"][:10], "--until", "2019", key="market_operator")
    assert more == {"calendarId": shown["calendarId"], "until": shown["until"]}
    assert shell.run("calendar", "extend", shown["calendarId"], "--until", "2018", key="market_operator") == more
    assert calendar_of(stage.suite, ID) == LONDON
