"""The chapter's real input: half-hourly readings of British homes, as they are, gaps and all.

There are two homes, each with an autumn of 2012 and one of 2013. The portfolio has four meters of it: both homes as they were in 2013,
and both as they were in 2012, moved by 52 weeks. So a weekday stays that weekday, and the Sunday on which summer time ended stays that
Sunday. Nothing else is changed; where the source has no reading, neither has the demonstration.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from typing import TYPE_CHECKING, Final

from flexbond.calendars import build
from flexbond.chain.node import clone_root
from flexbond.demo.britain.clock import BritishClock
from flexbond.demo.homes import HomesError
from flexbond.metering.intake import read_all
from flexbond.model.calendar import LocalCalendar, day_of_date
from flexbond.rules import RuleFile, preset

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from flexbond.metering.findings import Finding
    from flexbond.model.types import CalendarDays

HALF_HOUR: Final = 1_800
DAY: Final = 86_400
PRESET: Final = "gb-bl01"
MONTH: Final = (date(2013, 10, 1), date(2013, 11, 1))
"""The month of the chapter: from the start of the one local day until that of the other."""
YEARS: Final = (2013, 2014)
"""The calendar that is published holds these, the second one not included."""
WEEKS: Final = 52
"""By so many the readings of 2012 are moved."""

SOURCE: Final = "The sample meters of OpenDSM (in the wheel of opendsm 1.2.7)"
SOURCE_LICENCE: Final = "Apache License 2.0"


@dataclass(frozen=True, kw_only=True)
class Meter:
    """Where a home's readings come from."""

    name: str
    device: str
    """Its name in the extract."""
    file: str
    moved_weeks: int = 0

    @property
    def told(self) -> str:
        """For people."""
        year = self.file[-8:-4]
        moved = f", moved by {self.moved_weeks} weeks" if self.moved_weeks else ""
        return f"{self.device}, autumn {year}{moved}"


METERS: Final = (
    Meter(name="home-1", device="uk-1", file="autumn-2013.csv"),
    Meter(name="home-2", device="uk-2", file="autumn-2013.csv"),
    Meter(name="home-3", device="uk-1", file="autumn-2012.csv", moved_weeks=WEEKS),
    Meter(name="home-4", device="uk-2", file="autumn-2012.csv", moved_weeks=WEEKS),
)


@dataclass(frozen=True, kw_only=True)
class Homes:
    """Half-hourly load of all homes, and the local time they live by."""

    meters: tuple[Meter, ...]
    readings: tuple[Mapping[int, int], ...]
    """Of each home: start of the half-hour (UTC seconds) -> energy, mWh, `+` import; what is not there was not metered."""
    findings: tuple[Finding, ...]
    """What the lenient reader found in the files."""
    rule_file: RuleFile = field(default_factory=lambda: preset(PRESET))
    """The preset that the chapter is about."""

    @property
    def names(self) -> tuple[str, ...]:
        """`home-1` and so on."""
        return tuple(meter.name for meter in self.meters)

    @cached_property
    def calendar_days(self) -> CalendarDays:
        """Local days and holidays of the rule's calendar."""
        return build(self.rule_file.zone, self.rule_file.holidays, *YEARS)

    @cached_property
    def calendar(self) -> LocalCalendar:
        """Their arithmetic."""
        return LocalCalendar(self.calendar_days)

    def at(self, day: date, clock: str) -> int:
        """UTC seconds of a local wall time, `17:30`; of one that occurs twice the first. Raises HomesError for one that does not exist."""
        hour, minute = map(int, clock.split(":"))
        found = self.calendar.time_of(day_of_date(day), hour * 3_600 + minute * 60)
        if found is None:
            raise HomesError(f"{day} has no {clock}.", "Choose another time of the story.")
        return found

    @property
    def month(self) -> tuple[int, int]:
        """The month of the chapter, UTC seconds, the end exclusive."""
        first, after = (self.at(day, "00:00") for day in MONTH)
        return first, after

    @cached_property
    def clock(self) -> BritishClock:
        """Local times for people."""
        return BritishClock(self.calendar)

    def missing(self, number: int, start: int, end: int) -> tuple[int, ...]:
        """Half-hours of `[start, end)` that a home's meter has no reading of, UTC seconds."""
        return tuple(at for at in range(start, end, HALF_HOUR) if at not in self.readings[number])


def load_homes(folder: Path | None = None) -> Homes:
    """The homes of the extracts in the clone, or of a folder like it. Raises the errors of `flexbond.metering`, and HomesError."""
    place = folder or clone_root() / "data" / "uk"
    files = sorted({meter.file for meter in METERS})
    read = {file: read_all(place / file) for file in files}
    found: list[Mapping[int, int]] = []
    for meter in METERS:
        frame = read[meter.file].readings.only([meter.device]).frame
        if not frame.height or set(frame["seconds"]) != {HALF_HOUR}:
            raise HomesError(f"{meter.file} has no half-hourly readings of {meter.device}.", "Cut the extract anew.")
        moved = frame["start"] + meter.moved_weeks * 7 * DAY
        found.append(dict(zip(moved, frame["milli_wh"], strict=True)))
    findings = tuple(finding for file in files for finding in read[file].findings)
    return Homes(meters=METERS, readings=tuple(found), findings=findings)
