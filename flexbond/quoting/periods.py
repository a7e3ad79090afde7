"""Windows and local times as people write them."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from flexbond.units import NotAQuantityError, utc_seconds

_CLOCK: Final = re.compile(r"([01][0-9]|2[0-4]):([0-5][0-9])", re.ASCII)


def parse_window(text: str) -> tuple[int, int]:
    """Start and end in UTC seconds of `START/END`, both ISO-8601 with their offset. Raises NotAQuantityError."""
    first, slash, last = text.partition("/")
    if not slash:
        raise NotAQuantityError(
            f"{text[:80]!r} is not a window.", "Write START/END, like 2016-08-01T19:00-07:00/2016-08-01T21:00-07:00."
        )
    start, end = utc_seconds(first), utc_seconds(last)
    if start >= end:
        raise NotAQuantityError(f"The window {text[:80]} ends before it starts.", "Give the earlier time first.")
    return start, end


def local_window(day: str, begin: str, end: str, zone: str) -> tuple[int, int]:
    """UTC seconds of local times of day, `24:00` or an earlier end: on the next day. Raises NotAQuantityError.

    Of a repeated hour the first occurrence is meant; a skipped time is an error.
    """
    try:
        of = date.fromisoformat(day)
    except ValueError as error:
        raise NotAQuantityError(f"{day[:40]!r} is not a date.", "Write it like 2016-08-01.") from error
    place = zone_of(zone)
    first, last = _minutes(begin), _minutes(end)
    later = timedelta(days=last <= first)
    return _at(of, first, place), _at(of + later, last, place)


def zone_of(name: str) -> ZoneInfo:
    """An IANA time zone. Raises NotAQuantityError."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise NotAQuantityError(
            f"{name[:60]!r} is not a time zone.", "Use an IANA name such as Europe/London."
        ) from error


def _minutes(text: str) -> int:
    matched = _CLOCK.fullmatch(text.strip())
    minutes = int(matched[1]) * 60 + int(matched[2]) if matched else 9_999
    if minutes > 24 * 60:
        raise NotAQuantityError(f"{text[:40]!r} is not a time of day.", "Write it like 17:30; the day's end is 24:00.")
    return minutes


def _at(day: date, minutes: int, zone: ZoneInfo) -> int:
    days, rest = divmod(minutes, 24 * 60)
    wall = datetime.combine(day + timedelta(days=days), time(rest // 60, rest % 60), tzinfo=zone)
    at = wall.astimezone(UTC)
    if at.astimezone(zone).replace(tzinfo=None) != wall.replace(tzinfo=None):
        raise NotAQuantityError(f"{wall:%Y-%m-%d %H:%M} does not exist in {zone.key}.", "The clock skipped it.")
    return int((at - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds())
