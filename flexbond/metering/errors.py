"""Everything that can be wrong with interval data, each with a name, a place and a next step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from flexbond.errors import FlexbondError

Counts = Literal["line", "row", "interval"]
"""What numbers a place in a file."""


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where in a file something stands."""

    file: str
    """The file's path as the caller gave it."""
    number: int | None = None
    """Line of a text, row of a Parquet table or interval of a report, from 1; None: the file."""
    counts: Counts = "line"
    """What `number` counts."""

    def __str__(self) -> str:
        return self.file if self.number is None else f"{self.file}, {self.counts} {self.number}"


def counts_of(file: str) -> Counts:
    """What numbers the places in a file of that name."""
    return "row" if file.lower().endswith(".parquet") else "interval" if file.lower().endswith(".json") else "line"


class MeteringError(FlexbondError):
    """Interval data that cannot be used as they are. `place` says where, if in a file."""

    advice: ClassVar[str] = "Correct the data and read them again."

    def __init__(self, detail: str, *, place: Place | None = None, advice: str = "") -> None:
        self.place = place
        message = detail if place is None else f"{place}: {detail}"
        super().__init__(message, next_step=advice or self.advice)


# The file as a whole.


class UnreadableFileError(MeteringError):
    """The file is missing, no file, or not of the format that its name says."""

    advice = (
        "Check the path and that the file is CSV (.csv), Parquet (.parquet), Green Button (.xml) or OpenADR (.json)."
    )


class EmptyFileError(MeteringError):
    """The file has no header or no readings."""

    advice = "Give a file with a header and at least one reading."


class NotUtf8Error(MeteringError):
    """Bytes that are not UTF-8."""

    advice = "Save the file as UTF-8."


class NullByteError(MeteringError):
    """A NUL byte in a text file."""

    advice = "The file is damaged or binary; export it again."


class LineTooLongError(MeteringError):
    """A line longer than any line of readings."""

    advice = "Check that the file has one reading a line."


class TooManyRowsError(MeteringError):
    """More rows than the reader was told to accept."""

    advice = "Split the file, or raise max_rows if you trust it."


class MalformedRowError(MeteringError):
    """A row with too few or too many fields, or with broken quotes."""

    advice = "Give every row the fields of the header, each on one line."


# Columns and conventions.


class MissingColumnError(MeteringError):
    """A column that is needed and not there."""

    advice = "Name the columns device, start and wh (or kwh, mwh, w, kw, value)."


class AmbiguousColumnError(MeteringError):
    """A column that is there twice, or several columns that may hold the readings."""

    advice = "Keep one, or name the column of the readings with value_column."


class FloatColumnError(MeteringError):
    """A Parquet column of floats, which do not hold decimals exactly."""

    advice = "Store the readings as integers or decimals."


class MissingConventionError(MeteringError):
    """Sign, stamp or unit is stated neither in the file nor by the caller."""

    advice = "State it in the file's first line, such as `# sign=import-positive`, or by option."


class ContradictoryConventionError(MeteringError):
    """The file and the caller, or two places of the file, state different conventions."""

    advice = "Find out which is true and state only that one."


class UnknownConventionError(MeteringError):
    """A convention, or a value of one, that does not exist."""

    advice = "Use sign, stamp, unit, zone and period with the values that the documentation lists."


class WrongUnitError(MeteringError):
    """A stated unit that the name of the readings' column denies."""

    advice = "Correct the stated unit or the column's name."


class UnknownZoneError(MeteringError):
    """A time zone that is not in the IANA database."""

    advice = "Use an IANA name such as Europe/Berlin or UTC."


class ProfileError(MeteringError):
    """An import profile that is not there, or that does not say what its layout needs."""

    advice = "Compare it with the profiles in flexbond/metering/profiles and with docs/metering.md."


class UnreadableMarkupError(MeteringError):
    """XML or JSON that is broken, hostile, or not of the format that it should be."""

    advice = "Export the file again."


# One row.


class DeviceNameError(MeteringError):
    """A device without name, or with a name that is no plain identifier."""

    advice = "Use 1 to 128 letters, digits and . _ : / - beginning with a letter or digit."


class NotANumberError(MeteringError):
    """A reading that is not a plain decimal number."""

    advice = "Write digits with a decimal point, no thousands separator, no exponent, no formula."


class InexactReadingError(MeteringError):
    """A reading with more digits than whole milliwatt-hours hold."""

    advice = "Round at the source, where the meter's resolution is known."


class HugeReadingError(MeteringError):
    """A reading beyond 40 bits of milliwatt-hours, about 549 755 kWh a period."""

    advice = "Check the unit; no metering point of this size is supported."


class BadFlagError(MeteringError):
    """An estimated flag that is not true, false, 1 or 0."""

    advice = "Write true or false."


class BadTimeError(MeteringError):
    """A stamp that is not an ISO-8601 time of the calendar, in whole seconds, from 1970 on."""

    advice = "Write stamps like 2016-08-01T19:00:00-07:00 or 2016-08-02T02:00Z."


class TimeWithoutZoneError(MeteringError):
    """A stamp without offset, and no zone stated anywhere."""

    advice = "Add the offset to the stamps, or state the zone."


class ZoneContradictionError(MeteringError):
    """A stamp's offset that the stated zone does not have at that time."""

    advice = "Correct the zone or the offsets; do not state the zone if the offsets are right."


class AmbiguousTimeError(MeteringError):
    """A local time of the repeated hour that occurs once, so that nobody knows which it is."""

    advice = "Write the offset in the stamp."


class NonexistentTimeError(MeteringError):
    """A local time that the clock skipped when summer time began."""

    advice = "Check the zone, or write the offset in the stamp."


# The sequence of a device.


class DuplicateReadingError(MeteringError):
    """The same reading of the same time twice."""

    advice = "Remove one of the two."


class ConflictingReadingError(MeteringError):
    """Two different readings of the same time."""

    advice = "Find out which is true and remove the other."


class OutOfOrderError(MeteringError):
    """A reading earlier than the one before it of the same device."""

    advice = "Sort each device's readings by time."


class GapError(MeteringError):
    """Readings that are missing between two others."""

    advice = "Obtain them, or read the parts before and after as separate files."


class MixedPeriodsError(MeteringError):
    """Readings of different periods where one is needed."""

    advice = "Put each period into a file of its own."


class PeriodUnknownError(MeteringError):
    """A device with a single reading, from which no period follows."""

    advice = "State the period in seconds, such as period=900."


# Slots and writing.


class GridError(MeteringError):
    """A grid that cannot exist, or readings that do not lie on it."""

    advice = "Choose a grid whose period and offset fit the readings, with 1 to 100 a slot."


class SeriesError(MeteringError):
    """An interval series whose fields contradict each other."""

    advice = "Build series with integers, a period above zero and one flag a reading."
