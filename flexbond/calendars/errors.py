"""Why a calendar cannot be made."""

from __future__ import annotations

from flexbond.errors import FlexbondError


class CalendarError(FlexbondError):
    """A calendar that cannot be made."""


class CalendarZoneError(CalendarError):
    """A time zone that is not in the IANA database."""


class CalendarHolidaysError(CalendarError):
    """Holidays that are not known, or not for these years."""


class CalendarSpanError(CalendarError):
    """Years that make no calendar."""


class OddClockError(CalendarError):
    """A zone whose clock does not follow one standard and one summer time. `day` is the first local day that does not fit."""

    def __init__(self, zone: str, day: int, shown: str, why: str) -> None:
        self.zone = zone
        self.day = day
        super().__init__(
            f"{zone} cannot be a calendar over {shown}: {why}.",
            next_step="Take years without that day, or a zone with one standard and one summer time.",
        )
