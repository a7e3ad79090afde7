"""A zone's clock as one standard and one summer time, proven against the IANA database on every quarter hour."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from flexbond.calendars.errors import CalendarZoneError, OddClockError
from flexbond.model.calendar import DAY, PAGE, LocalCalendar, date_of
from flexbond.model.types import CalendarDays

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flexbond.model.types import Calendar

STEP: Final = 900
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_ORDINAL: Final = _EPOCH.toordinal()


@dataclass(frozen=True, kw_only=True)
class Clock:
    """The fields of a calendar that tell the time, seconds."""

    offset_seconds: int
    summer_seconds: int
    spring_at: int
    autumn_at: int


@dataclass(frozen=True, kw_only=True)
class _Change:
    utc: int
    before: int
    after: int


def zone_of(name: str) -> ZoneInfo:
    """The zone of an IANA name. Raises CalendarZoneError."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise CalendarZoneError(
            f"There is no time zone {name!r}.", "Use an IANA name such as Europe/London or America/New_York."
        ) from error


def clock_of(zone: ZoneInfo, first_day: int, until_day: int) -> Clock:
    """The clock that a zone has on these local days. Raises OddClockError if it has more than two offsets or hours of change."""
    begin, end = (first_day - 1) * DAY, (until_day + 1) * DAY
    changes = list(_changes(zone, begin, end))
    offsets = [_offset(zone, begin)]
    for change in changes:
        if change.after not in offsets:
            offsets.append(change.after)
        if len(offsets) > 2:
            raise _odd(zone, change.utc, change.after, "a third offset from UTC begins")
    standard, added = min(offsets), max(offsets) - min(offsets)
    at: dict[bool, int] = {}
    for change in changes:
        is_spring = change.after > change.before
        local = (change.utc + standard) % DAY
        if at.setdefault(is_spring, local) != local:
            raise _odd(zone, change.utc, standard, "the clock changes at another time of day than before")
    return Clock(
        offset_seconds=standard,
        summer_seconds=added,
        spring_at=at.get(True, 0),
        autumn_at=at.get(False, 0),
    )


def summer_days(zone: ZoneInfo, calendar: Calendar, first_day: int, until_day: int) -> list[int]:
    """The days that begin in summer time."""
    if not calendar.summer_seconds:
        return []
    summer = calendar.offset_seconds + calendar.summer_seconds
    return [day for day in range(first_day, until_day) if _offset(zone, day * DAY - summer) == summer]


def prove(zone: ZoneInfo, days: CalendarDays) -> None:
    """Shows that the calendar gives the zone's local time at every quarter hour of its days. Raises OddClockError."""
    until = days.first_day + PAGE * len(days.summer)
    # The last day needs the day after it.
    after = 1 if summer_days(zone, days.calendar, until, until + 1) else 0
    local = LocalCalendar(
        CalendarDays(
            calendar=days.calendar,
            first_day=days.first_day,
            summer=(*days.summer, after),
            holidays=(*days.holidays, 0),
        )
    )
    for utc in range(local.start_of(days.first_day), local.start_of(until), STEP):
        if local.wall_of(utc) != _wall(zone, utc):
            raise _odd(zone, utc, days.calendar.offset_seconds, "the clock shows another time than the calendar")


def _changes(zone: ZoneInfo, begin: int, end: int) -> Iterator[_Change]:
    before = _offset(zone, begin)
    for utc in range(begin + STEP, end, STEP):
        after = _offset(zone, utc)
        if after != before:
            early, late = utc - STEP, utc
            while late - early > 1:
                middle = (early + late) // 2
                early, late = (middle, late) if _offset(zone, middle) == before else (early, middle)
            yield _Change(utc=late, before=before, after=after)
            before = after


def _local(zone: ZoneInfo, utc: int) -> datetime:
    return (_EPOCH + timedelta(seconds=utc)).astimezone(zone)


def _offset(zone: ZoneInfo, utc: int) -> int:
    offset = _local(zone, utc).utcoffset()
    assert offset is not None  # a zone always has one  # noqa: S101
    return offset // timedelta(seconds=1)


def _wall(zone: ZoneInfo, utc: int) -> tuple[int, int]:
    local = _local(zone, utc)
    return local.toordinal() - _EPOCH_ORDINAL, local.hour * 3600 + local.minute * 60 + local.second


def _odd(zone: ZoneInfo, utc: int, offset: int, why: str) -> OddClockError:
    day = (utc + offset) // DAY
    return OddClockError(str(zone), day, date_of(day).isoformat(), why)
