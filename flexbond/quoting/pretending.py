"""The same local hours on every day of the data that no event meets."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from flexbond.metering.errors import MeteringError
from flexbond.model.calendar import UnknownDayError
from flexbond.quoting.errors import NoDataError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from flexbond.metering.readings import Readings
    from flexbond.model.types import EventKey
    from flexbond.quoting.calls import KnownCall
    from flexbond.quoting.clock import LocalTime


@dataclass(frozen=True, kw_only=True)
class PretendedDay:
    """A local day, and the window on it."""

    day: int
    """Days since 1970-01-01."""
    key: EventKey | None
    """The window there; None where the day is passed over."""
    by: int = 0
    """How much later it is than the window it is made from, s."""
    reason: str = ""
    """Why the day is passed over."""


def pretended_days(
    key: EventKey, local: LocalTime, readings: Readings, length: int, calls: Sequence[KnownCall]
) -> Iterator[PretendedDay]:
    """Every local day of the data in turn; `length` is the settlement period in s. Raises NoDataError without readings."""
    try:
        first, last = readings.span
    except MeteringError as error:
        raise NoDataError("The data hold no reading of these devices.", "Check the devices' names.") from error
    for day in range(local.day_of(first), local.day_of(last - 1) + 1):
        try:
            yield _pretended(key, local, day, (first, last), length, calls)
        except UnknownDayError:
            yield PretendedDay(day=day, key=None, reason="the calendar does not hold all its days")


def _pretended(
    key: EventKey, local: LocalTime, day: int, span: tuple[int, int], length: int, calls: Sequence[KnownCall]
) -> PretendedDay:
    start = local.time_of(day, local.wall_of(key.window_start)[1])
    if start is None or start % length:
        return PretendedDay(day=day, key=None, reason="the window does not exist on this day")
    by = start - key.window_start
    end = key.window_end + by
    if start < span[0] or end > span[1]:
        return PretendedDay(day=day, key=None, reason="the data do not cover the window")
    opens, closes = local.start_of(day), local.start_of(local.day_of(end - 1) + 1)
    if any(item.call.window_start < closes and item.call.window_end > opens for item in calls):
        return PretendedDay(day=day, key=None, reason="there was an event")
    return PretendedDay(day=day, key=replace(key, window_start=start, window_end=end), by=by)
