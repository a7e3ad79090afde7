"""Calendars: made from time zones and holidays, published, extended."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from flexbond.calendars import LEAST_YEAR, build, days_of, holidays_of, named, span
from flexbond.cli.command import Answer, command
from flexbond.cli.quantities import chosen
from flexbond.cli.shown import full, table
from flexbond.ids import calendar_id
from flexbond.model.calendar import DAY, PAGE, LocalCalendar, date_of
from flexbond.model.types import Calendar, CalendarDays
from flexbond.operations import governing
from flexbond.operations.history import calendars_of

if TYPE_CHECKING:
    from rich.table import Table

    from flexbond.cli.desk import Desk

Zone = Annotated[str, typer.Option(help="Name in the IANA time zone database, such as Europe/London.")]
Holidays = Annotated[
    str, typer.Option(help="Whose holidays: a country (GB), a part of one (GB-ENG), NERC, or nothing for none.")
]
From = Annotated[int, typer.Option("--from", help="First year.")]
Until = Annotated[int, typer.Option(help="Year that ends it; not among its own.")]


def add_to(app: typer.Typer) -> None:
    """Adds the commands."""
    calendar = typer.Typer(help="Calendars: local days, summer time and holidays.", no_args_is_help=True)
    command(calendar, "show")(show)
    command(calendar, "publish", sends=True)(publish)
    command(calendar, "extend", sends=True)(extend)
    app.add_typer(calendar, name="calendar")


def show(desk: "Desk", zone: Zone, begin: From, until: Until, holidays: Holidays = "") -> Answer:  # noqa: ARG001  no chain
    """Show a calendar as it would be published: its clock, its days of change, its holidays. Needs no node."""
    return _answer(build(zone, holidays, begin, until))


def publish(desk: "Desk", zone: Zone, begin: From, until: Until, holidays: Holidays = "") -> Answer:
    """Publish a calendar with its days, or those that it lacks. What is published never changes."""
    days = build(zone, holidays, begin, until)
    governing.publish_calendar(desk.suite, desk.sender, days, progress=desk.progress)
    return _published(days)


def extend(
    desk: "Desk",
    identity: Annotated[str, typer.Argument(metavar="ID", help="Id of the calendar, or its beginning.")],
    until: Until,
) -> Answer:
    """Add the days until a year to a published calendar, from its zone and its holidays."""
    known = calendars_of(desk.suite)
    kept = known[chosen(identity, known, name="calendar")]
    following = kept.first_day + PAGE * len(kept.summer)
    end = span(LEAST_YEAR, until)[1]
    if end > following:
        kept = days_of(kept.calendar, following, end)
        governing.publish_calendar(desk.suite, desk.sender, kept, progress=desk.progress)
    else:
        desk.progress("The calendar reaches further already.")
    return _published(kept)


def _published(days: CalendarDays) -> Answer:
    identity, until = calendar_id(days.calendar), date_of(_until(days)).isoformat()
    return Answer(
        value={"calendarId": identity, "until": until}, lines=[f"Calendar {full(identity)}, with days until {until}."]
    )


def _answer(days: CalendarDays) -> Answer:
    identity, calendar = calendar_id(days.calendar), days.calendar
    first, until = date_of(days.first_day), date_of(_until(days))
    free = holidays_of(named(calendar.holidays), first, until)
    changes = [(date_of(day).isoformat(), hours) for day, hours in _changes(days)]
    value: dict[str, Any] = {
        "calendarId": identity,
        "from": first.isoformat(),
        "until": until.isoformat(),
        "days": days,
        "changes": [{"date": day, "seconds": length} for day, length in changes],
        "holidays": [{"date": day.isoformat(), "name": name} for day, name in free.items()],
    }
    lines: list[str | Table] = [
        f"Calendar {full(identity)}",
        f"Zone {named(calendar.zone)}, holidays {named(calendar.holidays) or 'none'}, "
        f"from {first} until {until}, {len(days.summer)} pages of {PAGE} days.",
        _clock(calendar),
    ]
    if changes:
        shown = table("Days that are not 24 hours long", "date", "length")
        for day, length in changes:
            shown.add_row(day, _duration(length))
        lines.append(shown)
    if free:
        shown = table("Holidays", "date", "name")
        for at, name in free.items():
            shown.add_row(at.isoformat(), name)
        lines.append(shown)
    return Answer(value=value, lines=lines)


def _clock(calendar: Calendar) -> str:
    sign, offset = "-" if calendar.offset_seconds < 0 else "+", abs(calendar.offset_seconds)
    standard = f"Standard time is UTC{sign}{_duration(offset)}"
    if not calendar.summer_seconds:
        return f"{standard}, all year."
    return (
        f"{standard}; summer time is {_duration(calendar.summer_seconds)} ahead of it, "
        f"from {_duration(calendar.spring_at)} until {_duration(calendar.autumn_at)} standard time of its days of change."
    )


def _changes(days: CalendarDays) -> list[tuple[int, int]]:
    """Each day that is not 24 hours long, with its length in seconds; the last day's is not known."""
    local = LocalCalendar(days)
    lengths = [(day, local.start_of(day + 1) - local.start_of(day)) for day in range(days.first_day, _until(days) - 1)]
    return [(day, length) for day, length in lengths if length != DAY]


def _until(days: CalendarDays) -> int:
    return days.first_day + PAGE * len(days.summer)


def _duration(seconds: int) -> str:
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}"
