"""Validation as metering does it: what is wrong or doubtful is found and named, and nothing is changed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import polars as pl

from flexbond.metering.checks import (
    find_gaps,
    find_local_stamps,
    find_negatives,
    find_registers,
    find_spikes,
    find_stuck,
    find_unit_changes,
    find_unit_suspects,
)
from flexbond.metering.conventions import load_zone
from flexbond.metering.errors import SeriesError
from flexbond.metering.findings import Code, Finding, Findings, Severity
from flexbond.metering.readings import Readings

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

DEFAULT_LEAST_BPS: Final = 9_000
"""Share of its readings that a device needs, in basis points."""


@dataclass(frozen=True, kw_only=True)
class Limits:
    """From where on something is doubtful. All are whole numbers."""

    spike_factor: int = 8
    """A spike is more than this times the device's 95th percentile (nearest rank) of readings that are not 0, by size."""
    spike_floor_w: int = 1_000
    """And more than this mean power in W, so that a sleeping house has no spikes."""
    spike_least: int = 96
    """Readings from which a distribution is spoken of."""
    unit_factor: int = 500
    """A day's median that is this many times another's, or a device's another device's, is another unit."""
    unit_least_devices: int = 3
    """Devices from which they are compared with each other."""
    stuck_seconds: int = 86_400
    """One and the same reading, not 0, for so long means a stuck meter."""
    zero_seconds: int = 7 * 86_400
    """As much for readings of 0."""
    register_least: int = 48
    """Readings from which a register's values can be told from intervals."""


@dataclass(frozen=True, kw_only=True)
class DeviceReport:
    """One device over the span."""

    device: str
    """Its name."""
    seconds: int
    """Length of its periods in s; 0 if it has no reading."""
    start: int
    """Start of the span in UTC seconds."""
    end: int
    """End of the span in UTC seconds."""
    expected: int
    """Periods of the span."""
    present: int
    """Readings there are of them."""
    estimated: int
    """Readings that somebody made up."""
    coverage_bps: int
    """Present of expected in basis points, rounded down."""
    accepted: bool
    """Whether the device is to be used."""
    reason: str
    """Why not, one sentence; empty if it is."""


@dataclass(frozen=True, kw_only=True)
class Report:
    """What validation found."""

    findings: tuple[Finding, ...]
    """Everything wrong or doubtful, of reading and of validation."""
    devices: tuple[DeviceReport, ...]
    """Every device, sorted by name."""
    span: tuple[int, int]
    """Start and end in UTC seconds."""

    @property
    def accepted(self) -> tuple[str, ...]:
        """Devices that may be used."""
        return tuple(one.device for one in self.devices if one.accepted)

    @property
    def refused(self) -> dict[str, str]:
        """The others, with the reason."""
        return {one.device: one.reason for one in self.devices if not one.accepted}

    @property
    def ok(self) -> bool:
        """Whether nothing at all was found."""
        return not self.findings


def validate(
    readings: Readings,
    *,
    findings: Iterable[Finding] = (),
    span: tuple[int, int] | None = None,
    least_bps: int = DEFAULT_LEAST_BPS,
    import_only: Collection[str] | bool = False,
    zone: str | None = None,
    limits: Limits | None = None,
) -> Report:
    """Everything wrong or doubtful in the latest revision of the readings of a span.

    `span` is UTC seconds, by default from the first reading to the end of the last. `findings` are
    those of `read_all`; their devices are reported too. A device is refused if it has less than
    `least_bps` of its readings, or a finding of severity ERROR. `import_only` names devices, or with
    True all, that cannot export. `zone` is where the meters are: with it, stamps that were local time
    and were read as UTC are told by the clock changes. Raises SeriesError for an empty span.
    """
    limits = limits or Limits()
    found = Findings()
    found.extend(findings)
    begin, finish = span if span is not None else readings.span
    if finish <= begin:
        raise SeriesError(
            f"the span from {begin} to {finish} is empty.", advice="Give a span that ends after it begins."
        )
    inside = (pl.col("start") >= begin) & (pl.col("start") + pl.col("seconds") <= finish)
    frame = readings.standing().filter(inside).with_columns(size=pl.col("milli_wh").abs())
    seen = Seen(frame=frame, readings=readings, span=(begin, finish), limits=limits, findings=found)
    find_gaps(seen)
    find_negatives(seen, import_only)
    find_registers(seen)
    find_unit_changes(seen)
    find_unit_suspects(seen)
    find_spikes(seen)
    find_stuck(seen)
    if zone is not None:
        find_local_stamps(seen, load_zone(zone))
    devices = _devices(seen, least_bps)
    return Report(findings=found.all, devices=devices, span=(begin, finish))


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What the checks look at, and where they write."""

    frame: pl.DataFrame
    """Latest revisions inside the span, sorted by device and start, with `size`, the energy without sign."""
    readings: Readings
    """All readings, for the places of rows."""
    span: tuple[int, int]
    """Start and end in UTC seconds."""
    limits: Limits
    """What is doubtful."""
    findings: Findings
    """What was found so far."""


def _devices(seen: Seen, least_bps: int) -> tuple[DeviceReport, ...]:
    """Every device that has readings or findings. Adds the finding of those with too few."""
    begin, finish = seen.span
    counted = {
        row["device"]: row
        for row in seen.frame.group_by("device")
        .agg(pl.col("seconds").min(), present=pl.len(), estimated=pl.col("estimated").sum())
        .iter_rows(named=True)
    }
    periods = seen.readings.periods
    errors = {one.device: one for one in reversed(seen.findings.all) if one.severity is Severity.ERROR}
    lost = (one for one in seen.findings.all if one.severity is not Severity.WARNING)
    named = {one.device for one in lost if one.device is not None}
    reports = []
    for device in sorted({*periods, *named}):
        row = counted.get(device, {"seconds": periods.get(device, 0), "present": 0, "estimated": 0})
        expected = (finish - begin) // row["seconds"] if row["seconds"] else 0
        coverage = row["present"] * 10_000 // expected if expected else 0
        reason = ""
        if coverage < least_bps:
            reason = f"it has {row['present']} of {expected} readings, {coverage} bps; {least_bps} are needed."
            seen.findings.add(_too_few(device, seen.span, max(expected - row["present"], 1), reason))
        if device in errors:
            reason = f"{errors[device].code}: {errors[device].detail}"
        reports.append(
            DeviceReport(
                device=device,
                seconds=row["seconds"],
                start=begin,
                end=finish,
                expected=expected,
                present=row["present"],
                estimated=row["estimated"],
                coverage_bps=coverage,
                accepted=not reason,
                reason=reason,
            )
        )
    return tuple(reports)


def _too_few(device: str, span: tuple[int, int], missing: int, detail: str) -> Finding:
    return Finding(
        code=Code.TOO_FEW_READINGS,
        severity=Severity.ERROR,
        device=device,
        start=span[0],
        end=span[1],
        count=missing,
        place=None,
        detail=detail,
        next_step="Obtain the missing readings, or ask for a shorter span.",
    )
