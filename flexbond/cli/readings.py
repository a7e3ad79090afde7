"""Checking interval data, and the profiles by which they are read. Needs no node."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from flexbond.cli.command import Answer, command, show
from flexbond.cli.quantities import OptionError, share_bps
from flexbond.cli.shown import table
from flexbond.metering import Conventions, parse_statement
from flexbond.metering import profiles as known_profiles
from flexbond.metering.conventions import merge
from flexbond.metering.estimation import Method, estimate
from flexbond.metering.export import write_readings
from flexbond.metering.findings import Severity
from flexbond.metering.intake import read_all
from flexbond.metering.validation import validate
from flexbond.units import format_time, utc_seconds

if TYPE_CHECKING:
    from rich.table import Table

    from flexbond.cli.desk import Desk
    from flexbond.metering.findings import Finding
    from flexbond.metering.validation import Report

MOST_SHOWN: Final = 200
"""Devices, and findings, that are shown to people; machines get all."""


Files = Annotated[
    list[Path], typer.Argument(help="Interval data: .csv, .parquet, .xml (Green Button), .json (OpenADR 3).")
]
ProfileName = Annotated[str | None, typer.Option(help="Import profile: a name (see meter profiles) or a file.")]
SignOf = Annotated[str | None, typer.Option(help="import-positive or export-positive.")]
StampOf = Annotated[str | None, typer.Option(help="Whether stamps name the start or the end of their period.")]
UnitOf = Annotated[str | None, typer.Option(help="mWh, Wh, kWh, MWh, W-average or kW-average.")]
ZoneOf = Annotated[str | None, typer.Option(help="IANA time zone of stamps without offset.")]
PeriodOf = Annotated[str | None, typer.Option(help="Length of a period in whole seconds, such as 900.")]
ColumnOf = Annotated[str | None, typer.Option(help="Column of the readings.")]
DeviceName = Annotated[str | None, typer.Option(help="Whose readings, if the file does not say it.")]
Rounding = Annotated[bool, typer.Option("--round", help="Round readings finer than 1 mWh, half to even, and list it.")]
Begin = Annotated[str | None, typer.Option("--from", help="First time asked for, ISO-8601 with zone.")]
Until = Annotated[str | None, typer.Option("--to", help="End of the time asked for, ISO-8601 with zone.")]
Least = Annotated[str, typer.Option("--least-readings", help="Share of its readings that a device needs.")]
ImportOnly = Annotated[bool, typer.Option("--import-only", help="None of the devices can export.")]
Local = Annotated[str | None, typer.Option(help="IANA zone of the meters: finds local time that was said to be UTC.")]
EstimateBy = Annotated[
    str, typer.Option("--estimate", help=f"How gaps are filled: {', '.join(Method)}. Each is flagged and listed.")
]
MaxGap = Annotated[int, typer.Option(help="Longest gap that is filled, in periods.", min=0)]
WriteTo = Annotated[Path | None, typer.Option(help="File (.csv or .parquet) for the readings of the accepted devices.")]


def add_to(meter: typer.Typer) -> None:
    """Adds the commands."""
    command(meter, "check")(check)
    command(meter, "profiles")(profiles)


def check(
    desk: "Desk",
    files: Files,
    profile: ProfileName = None,
    sign: SignOf = None,
    stamp: StampOf = None,
    unit: UnitOf = None,
    zone: ZoneOf = None,
    period: PeriodOf = None,
    column: ColumnOf = None,
    device: DeviceName = None,
    round_: Rounding = False,
    begin: Begin = None,
    until: Until = None,
    least: Least = "90 %",
    import_only: ImportOnly = False,
    local: Local = None,
    method: EstimateBy = Method.NONE,
    max_gap: MaxGap = 4,
    write: WriteTo = None,
) -> Answer:
    """Check interval data as metering does, and say which devices can be used.

    Nothing is repaired. Ends with 1 if a reading was left out or a device is refused.
    """
    way = _method(method)
    stated = _stated({"sign": sign, "stamp": stamp, "unit": unit, "zone": zone, "period": period})
    chosen = None if profile is None else known_profiles.load(profile)
    if chosen is not None and stated != Conventions():
        raise OptionError("--profile states the conventions already.", "Leave out --sign, --stamp, --unit, --zone.")
    desk.progress(f"Reading {len(files)} file{'s' if len(files) > 1 else ''}.")
    intake = read_all(list(files), stated, profile=chosen, device=device, value_column=column, rounding=round_)
    span = _span(begin, until, intake.readings.span if intake.readings.frame.height else None)
    report = validate(
        intake.readings,
        findings=intake.findings,
        span=span,
        least_bps=share_bps(least),
        import_only=import_only,
        zone=local,
    )
    good, filled = estimate(intake.readings.only(report.accepted), way, max_gap=max_gap, span=span)
    if write is not None:
        write_readings(write, good)
    findings = (*report.findings, *filled)
    answer = Answer(value=_value(report, findings), lines=_lines(report, findings))
    if any(one.severity is not Severity.WARNING for one in findings) or report.refused:
        show(answer, as_json=desk.options.json)
        raise typer.Exit(1)
    return answer


def profiles(desk: "Desk") -> Answer:  # noqa: ARG001  every command has one
    """List the import profiles that come with Flexbond."""
    loaded = [known_profiles.load(name) for name in known_profiles.names()]
    lines: list[str | Table] = []
    for one in loaded:
        lines += [f"{one.name}: {one.title}", *(f"  {note}" for note in one.notes)]
    return Answer(value=loaded, lines=lines)


def _method(text: str) -> Method:
    try:
        return Method(text)
    except ValueError:
        raise OptionError(f"--estimate cannot be {text[:40]!r}.", f"Use one of {', '.join(Method)}.") from None


def _stated(given: dict[str, str | None]) -> Conventions:
    """The conventions that options state."""
    said = [(parse_statement(key, value), f"--{key}", None) for key, value in given.items() if value is not None]
    return merge(said)


def _span(begin: str | None, until: str | None, found: tuple[int, int] | None) -> tuple[int, int]:
    """The span asked for; what is not said is taken from the readings."""
    if found is None and (begin is None or until is None):
        raise OptionError("there is no reading, so no span.", "Look at the file, or give --from and --to.")
    first, last = found or (0, 0)
    return (first if begin is None else utc_seconds(begin), last if until is None else utc_seconds(until))


def _value(report: "Report", findings: tuple["Finding", ...]) -> dict[str, object]:
    """For machines."""
    return {
        "span": report.span,
        "accepted": report.accepted,
        "refused": report.refused,
        "devices": report.devices,
        "findings": findings,
    }


def _lines(report: "Report", findings: tuple["Finding", ...]) -> "list[str | Table]":
    """For people."""
    begin, until = report.span
    made = table(
        f"{format_time(begin)} to {format_time(until)}", "device", "period", "readings", "share", "estimated", "verdict"
    )
    for one in report.devices[:MOST_SHOWN]:
        share = f"{one.coverage_bps // 100}.{one.coverage_bps % 100:02} %"
        counted = f"{one.present} of {one.expected}"
        made.add_row(one.device, f"{one.seconds} s", counted, share, str(one.estimated), one.reason or "can be used")
    lines: list[str | Table] = [made]
    if len(report.devices) > MOST_SHOWN:
        lines.append(f"{len(report.devices) - MOST_SHOWN} more devices; --json has all.")
    lines += [f"{one.severity}: {one}" for one in findings[:MOST_SHOWN]]
    if len(findings) > MOST_SHOWN:
        lines.append(f"{len(findings) - MOST_SHOWN} more findings; --json has all.")
    refused = len(report.refused)
    lines.append(
        f"{len(report.accepted)} of {len(report.devices)} devices can be used, {refused} cannot."
        if report.devices
        else "There is no device."
    )
    return lines
