"""Local time of a zone, as `flexbond.model.calendar` has it, for rules that need no calendar."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final, Protocol

from flexbond.model.calendar import date_of

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

_EPOCH: Final = datetime(1970, 1, 1)  # noqa: DTZ001  a local wall clock
_UTC_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class LocalTime(Protocol):
    """Local days and wall times; `LocalCalendar` is one."""

    def start_of(self, day: int) -> int:
        """When a local day begins, UTC seconds."""

    def day_of(self, utc: int) -> int:
        """The local day of a moment."""

    def wall_of(self, utc: int) -> tuple[int, int]:
        """Local day and wall time of a moment."""

    def time_of(self, day: int, wall: int) -> int | None:
        """The moment of a wall time, UTC seconds; None if it does not exist."""


class ZoneTime:
    """The local time of an IANA zone."""

    def __init__(self, zone: ZoneInfo) -> None:
        self._zone = zone

    def start_of(self, day: int) -> int:
        """When a local day begins, UTC seconds; its first moment where midnight is skipped."""
        return self._at(day, 0)

    def day_of(self, utc: int) -> int:
        """The local day of a moment."""
        return self.wall_of(utc)[0]

    def wall_of(self, utc: int) -> tuple[int, int]:
        """Local day and wall time of a moment."""
        local = (_UTC_EPOCH + timedelta(seconds=utc)).astimezone(self._zone).replace(tzinfo=None)
        since = local - _EPOCH
        return since.days, since.seconds

    def time_of(self, day: int, wall: int) -> int | None:
        """The moment of a wall time, the first of two, UTC seconds; None if it does not exist."""
        at = self._at(day, wall)
        return at if self.wall_of(at) == (day, wall) else None

    def _at(self, day: int, wall: int) -> int:
        # Of a repeated hour the first occurrence; of a skipped one what the clock before it would have shown.
        midnight = datetime.combine(date_of(day), datetime.min.time())
        local = (midnight + timedelta(seconds=wall)).replace(tzinfo=self._zone, fold=0)
        since = local.astimezone(UTC) - _UTC_EPOCH
        return since.days * 86_400 + since.seconds
