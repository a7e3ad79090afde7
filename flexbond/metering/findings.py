"""What is wrong or doubtful in interval data, each with its name, its place and what to do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Final

import polars as pl

from flexbond.metering import errors
from flexbond.metering.errors import MeteringError, Place
from flexbond.metering.judge import Row
from flexbond.units import format_time

if TYPE_CHECKING:
    from collections.abc import Iterable


Say = Callable[[Row], tuple[str, str]]
"""Says what is wrong with a row and what to do, one sentence each."""

MOST_NAMED: Final = 20
"""Findings of one kind that are named one by one for a device; further ones become one with a count."""


class Severity(StrEnum):
    """What a finding did to the readings."""

    ERROR = "error"
    """The device is not to be used."""
    DROPPED = "dropped"
    """The reading was left out, so it is missing."""
    WARNING = "warning"
    """Everything was kept as it stands."""


class Code(StrEnum):
    """Kinds of findings."""

    MALFORMED_ROW = "malformed-row"
    BAD_DEVICE = "bad-device"
    BAD_VALUE = "bad-value"
    NOT_EXACT = "not-exact"
    ROUNDED = "rounded"
    TOO_LARGE = "too-large"
    BAD_FLAG = "bad-flag"
    BAD_TIME = "bad-time"
    NO_ZONE = "no-zone"
    WRONG_OFFSET = "wrong-offset"
    AMBIGUOUS_TIME = "ambiguous-time"
    NONEXISTENT_TIME = "nonexistent-time"
    CLOCK_CHANGE_DAY = "clock-change-day"
    WITHHELD = "withheld"
    NOT_USED = "not-used"
    UNLINKED = "unlinked"
    DUPLICATE = "duplicate"
    CONFLICT = "conflict"
    PERIOD_UNKNOWN = "period-unknown"
    MIXED_PERIODS = "mixed-periods"
    OFF_GRID = "off-grid"
    UNDATED_REVISION = "undated-revision"
    EARLY_RECEIPT = "early-receipt"
    ONE_DIRECTION = "one-direction"
    GAP = "gap"
    SPIKE = "spike"
    STUCK = "stuck"
    NEGATIVE = "negative"
    REGISTER = "register-values"
    REGISTER_RESET = "register-reset"
    UNIT_CHANGED = "unit-changed"
    UNIT_SUSPECT = "unit-suspect"
    LOCAL_AS_UTC = "local-as-utc"
    TOO_FEW_READINGS = "too-few-readings"
    ESTIMATED = "estimated"
    NOT_ESTIMATED = "not-estimated"


CODE_OF_ERROR: Final[dict[type[MeteringError], Code]] = {
    errors.MalformedRowError: Code.MALFORMED_ROW,
    errors.DeviceNameError: Code.BAD_DEVICE,
    errors.NotANumberError: Code.BAD_VALUE,
    errors.InexactReadingError: Code.NOT_EXACT,
    errors.HugeReadingError: Code.TOO_LARGE,
    errors.BadFlagError: Code.BAD_FLAG,
    errors.BadTimeError: Code.BAD_TIME,
    errors.TimeWithoutZoneError: Code.NO_ZONE,
    errors.ZoneContradictionError: Code.WRONG_OFFSET,
    errors.AmbiguousTimeError: Code.AMBIGUOUS_TIME,
    errors.NonexistentTimeError: Code.NONEXISTENT_TIME,
    errors.PeriodUnknownError: Code.PERIOD_UNKNOWN,
}
"""What the lenient reader calls the errors of rows at which the strict reader ends."""


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that is wrong or doubtful."""

    code: Code
    """Its kind."""
    severity: Severity
    """What it did to the readings."""
    device: str | None
    """The device, where it is known."""
    start: int | None
    """Start of the first period concerned in UTC seconds, where it is known."""
    end: int | None
    """End of the last period concerned in UTC seconds, where it is known."""
    count: int
    """Readings or rows concerned, at least 1."""
    place: Place | None
    """Where the first of them stands."""
    detail: str
    """What is wrong, in one sentence."""
    next_step: str
    """What to do about it."""

    def __str__(self) -> str:
        where = "" if self.place is None else f"{self.place}: "
        times = (
            "" if self.start is None or self.end is None else f" {format_time(self.start)} to {format_time(self.end)}"
        )
        return f"{where}{self.code}: {self.device or 'no device'}{times}: {self.detail} {self.next_step}"


@dataclass(kw_only=True)
class Findings:
    """A growing list of findings that names the first of a kind and counts the rest."""

    _listed: list[Finding] = field(default_factory=list)
    _named: Counter[tuple[Code, str | None]] = field(default_factory=Counter)
    _rest: dict[tuple[Code, str | None], Finding] = field(default_factory=dict)

    def add(self, finding: Finding) -> None:
        """One more finding."""
        key = (finding.code, finding.device)
        if self._named[key] < MOST_NAMED:
            self._named[key] += 1
            self._listed.append(finding)
            return
        before = self._rest.get(key)
        self._rest[key] = _more(finding, finding if before is None else before, 0 if before is None else before.count)

    def extend(self, findings: Iterable[Finding]) -> None:
        """Several more."""
        for finding in findings:
            self.add(finding)

    def rows(
        self, bad: pl.DataFrame, code: Code, severity: Severity, place: Callable[[Row], Place | None], say: Say
    ) -> None:
        """A finding for each row of a table, which has `device` and may have `start` and `seconds`."""
        if not bad.height:
            return
        order = bad.with_columns(nth=pl.int_range(pl.len()).over("device"))
        for row in order.filter(pl.col("nth") < MOST_NAMED).iter_rows(named=True):
            self.add(_of_row(row, code, severity, place, say))
        rest = order.filter(pl.col("nth") >= MOST_NAMED).group_by("device", maintain_order=True)
        for row in rest.agg(pl.all().exclude("nth").first(), rows=pl.len()).iter_rows(named=True):
            self.add(_of_row(row, code, severity, place, say))

    @property
    def all(self) -> tuple[Finding, ...]:
        """The findings, those named one by one first."""
        return (*self._listed, *self._rest.values())


def _of_row(row: Row, code: Code, severity: Severity, place: Callable[[Row], Place | None], say: Say) -> Finding:
    detail, next_step = say(row)
    start = row.get("start")
    seconds = row.get("seconds")
    count = row.get("rows", 1)
    return Finding(
        code=code,
        severity=severity,
        device=row["device"],
        start=start,
        end=None if start is None or seconds is None else start + seconds,
        count=count,
        place=place(row),
        detail=detail if count == 1 else f"{count} more of this kind.",
        next_step=next_step,
    )


def _more(finding: Finding, first: Finding, before: int) -> Finding:
    """What stands for all findings of a kind beyond those that are named."""
    starts = [at for at in (finding.start, first.start) if at is not None]
    ends = [at for at in (finding.end, first.end) if at is not None]
    count = before + finding.count
    return replace(
        first,
        start=min(starts, default=None),
        end=max(ends, default=None),
        count=count,
        detail=f"{count} more of this kind.",
    )
