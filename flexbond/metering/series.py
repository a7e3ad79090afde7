"""Interval readings of one metering point, and their cut into the slots of records."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from flexbond.metering.errors import GridError, SeriesError

MIN_READING: Final = -(2**39)
"""Least reading in mWh that a packed record holds."""

MAX_READING: Final = 2**39 - 1
"""Greatest reading in mWh that a packed record holds."""

MAX_READINGS_PER_SLOT: Final = 100
"""Most readings a record holds: a local day of quarter hours with the repeated hour."""


@dataclass(frozen=True, kw_only=True)
class IntervalSeries:
    """Readings of one metering point, one period after the other without a gap.

    Reading `i` covers `[start + i * period_seconds, start + (i + 1) * period_seconds)`.
    """

    metering_point: str
    """Identifier of the metering point or device that the readings are of."""
    period_seconds: int
    """Length of every period in s, above zero."""
    start: int
    """Start of the first period in UTC seconds."""
    readings: tuple[int, ...]
    """Energy of each period in mWh, `+` import, `-` export; each fits in 40 bits."""
    estimated: tuple[bool, ...]
    """Whether each reading was estimated instead of measured."""

    def __post_init__(self) -> None:
        if not self.metering_point or self.period_seconds <= 0 or self.start < 0:
            raise SeriesError("a series needs a name, a period above zero and a start from 1970.")
        if not self.readings or len(self.readings) != len(self.estimated):
            raise SeriesError(
                f"{self.metering_point}: {len(self.readings)} readings have {len(self.estimated)} estimated flags."
            )
        if set(map(type, self.readings)) != {int} or set(map(type, self.estimated)) != {bool}:
            raise SeriesError(f"{self.metering_point}: readings are int and flags are bool.")
        if min(self.readings) < MIN_READING or max(self.readings) > MAX_READING:
            raise SeriesError(f"{self.metering_point}: a reading does not fit in 40 bits of mWh.")

    @property
    def end(self) -> int:
        """End of the last period in UTC seconds, exclusive."""
        return self.start + len(self.readings) * self.period_seconds

    def window(self, start: int, end: int) -> IntervalSeries:
        """The readings of `[start, end)` in UTC seconds, which must be whole periods of it.

        Raises GridError if the window is empty, reaches beyond the series or cuts a period.
        """
        if (start - self.start) % self.period_seconds or (end - self.start) % self.period_seconds:
            raise GridError(f"{self.metering_point}: [{start}, {end}) cuts a period.")
        if not self.start <= start < end <= self.end:
            raise GridError(f"{self.metering_point}: [{start}, {end}) is not inside [{self.start}, {self.end}).")
        first = (start - self.start) // self.period_seconds
        last = (end - self.start) // self.period_seconds
        return IntervalSeries(
            metering_point=self.metering_point,
            period_seconds=self.period_seconds,
            start=start,
            readings=self.readings[first:last],
            estimated=self.estimated[first:last],
        )


@dataclass(frozen=True, kw_only=True)
class Grid:
    """The fixed grid that a device's records lie on.

    Slot `k` covers `[offset_seconds + k * L, offset_seconds + (k + 1) * L)` with
    `L = period_seconds * readings_per_slot`.
    """

    period_seconds: int
    """Length of one period in s, above zero."""
    readings_per_slot: int
    """Readings of one record, 1 to 100."""
    offset_seconds: int
    """Start of slot 0 in UTC seconds; for local days of a zone at UTC-7 it is 25 200."""

    def __post_init__(self) -> None:
        if self.period_seconds <= 0 or self.offset_seconds < 0:
            raise GridError("a grid needs a period above zero and an offset from 0 on.")
        if not 1 <= self.readings_per_slot <= MAX_READINGS_PER_SLOT:
            raise GridError(
                f"a slot of {self.readings_per_slot} readings does not exist.",
                advice=f"Choose 1 to {MAX_READINGS_PER_SLOT} readings a slot.",
            )

    @property
    def slot_seconds(self) -> int:
        """Length of one slot in s."""
        return self.period_seconds * self.readings_per_slot

    def start_of(self, index: int) -> int:
        """Start of slot `index` in UTC seconds."""
        return self.offset_seconds + index * self.slot_seconds

    def index_at(self, time: int) -> int:
        """Index of the slot that holds the time in UTC seconds; negative before slot 0."""
        return (time - self.offset_seconds) // self.slot_seconds


@dataclass(frozen=True, kw_only=True)
class Slot:
    """One complete slot: what one record states."""

    index: int
    """Number of the slot on its grid."""
    start: int
    """Start of the slot in UTC seconds."""
    readings: tuple[int, ...]
    """Energy of each period in mWh, `+` import, `-` export; as many as the grid says."""
    estimated: tuple[bool, ...]
    """Whether each reading was estimated."""


@dataclass(frozen=True, kw_only=True)
class IncompleteSlot:
    """A slot at an end of a series, of which some readings are missing."""

    index: int
    """Number of the slot on its grid."""
    start: int
    """Start of the slot in UTC seconds."""
    present: int
    """Readings of the slot that the series has."""
    missing: int
    """Readings of the slot that the series lacks, above zero."""


@dataclass(frozen=True, kw_only=True)
class Slots:
    """A series cut on a grid. Incomplete slots are listed and never padded."""

    complete: tuple[Slot, ...]
    """Slots with all their readings, in order."""
    incomplete: tuple[IncompleteSlot, ...]
    """The others that the series touches, in order: at most the first and the last."""


def slots(series: IntervalSeries, grid: Grid) -> Slots:
    """Cut the series into the slots of the grid.

    Raises GridError if the series has another period or its periods lie between the grid's.
    """
    if series.period_seconds != grid.period_seconds:
        raise GridError(
            f"{series.metering_point} has periods of {series.period_seconds} s, the grid of {grid.period_seconds} s."
        )
    if (series.start - grid.offset_seconds) % grid.period_seconds:
        raise GridError(
            f"{series.metering_point} starts at {series.start}, which is not on the grid of offset "
            f"{grid.offset_seconds} and period {grid.period_seconds} s."
        )
    complete: list[Slot] = []
    incomplete: list[IncompleteSlot] = []
    for index in range(grid.index_at(series.start), grid.index_at(series.end - 1) + 1):
        start = grid.start_of(index)
        low = (max(start, series.start) - series.start) // series.period_seconds
        high = (min(start + grid.slot_seconds, series.end) - series.start) // series.period_seconds
        readings, estimated = series.readings[low:high], series.estimated[low:high]
        missing = grid.readings_per_slot - len(readings)
        if missing:
            incomplete.append(IncompleteSlot(index=index, start=start, present=len(readings), missing=missing))
        else:
            complete.append(Slot(index=index, start=start, readings=readings, estimated=estimated))
    return Slots(complete=tuple(complete), incomplete=tuple(incomplete))
