"""What `flexbond baseline` and `flexbond quote` have in common: data, rule and devices in, tables and plots out. Needs no node."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from rich.markup import escape

from flexbond import metering, rules
from flexbond.calendars import days_of
from flexbond.cli.command import Answer
from flexbond.cli.quantities import OptionError, share_bps
from flexbond.cli.shown import table as empty_table
from flexbond.cli.sources import ENGINES, FLEET, OUTS, Source
from flexbond.metering.estimation import Method, estimate
from flexbond.metering.intake import read_all
from flexbond.metering.profiles import load as load_profile
from flexbond.metering.validation import validate
from flexbond.model.calendar import DAY, PAGE, LocalCalendar
from flexbond.model.types import BaselineMethod, CalendarDays
from flexbond.operations.files import read_document
from flexbond.operations.inputfiles import CALENDAR_SCHEMA
from flexbond.operations.structs import from_json, plain
from flexbond.quoting.clock import LocalTime, ZoneTime
from flexbond.quoting.devices import names_of, read_devices
from flexbond.quoting.errors import CalendarMissingError, NoDataError
from flexbond.quoting.measure import Measuring, measure
from flexbond.quoting.periods import zone_of
from flexbond.quoting.plots import check_plot_path
from flexbond.quoting.tables import Kind
from flexbond.quoting.terms import Terms

if TYPE_CHECKING:
    from rich.table import Table as Shown

    from flexbond.cli.desk import Desk
    from flexbond.metering.readings import Readings
    from flexbond.metering.validation import Report
    from flexbond.model.types import Calendar
    from flexbond.quoting.devices import Device
    from flexbond.quoting.tables import Column, Table
    from flexbond.rules import RuleFile


LEAST_READINGS_BPS: Final = 9_000
"""Share of its readings that a device needs unless something else is asked for, basis points."""
MOST_ROWS: Final = 60
"""Rows of a table that people are shown; files hold all."""


@dataclass(frozen=True, kw_only=True)
class Material:
    """Devices and their readings."""

    devices: tuple["Device", ...]
    readings: "Readings"
    """Of those that are used."""
    report: "Report"
    refused: Mapping[str, str]
    """Devices that are not, and why: they count as silent."""
    unlisted: tuple[str, ...]
    """Devices of the data that are none of the portfolio."""
    estimated: int
    """Readings that were filled in here."""


def check_out(source: Source) -> None:
    """Refuses what cannot be written, before any work is done. Raises OptionError, PlotError."""
    out, folder = source.out, source.folder
    if out not in OUTS:
        raise OptionError(f"--out cannot be {out[:40]!r}.", f"Use one of {', '.join(OUTS)}.")
    if out == "parquet" and folder is None:
        raise OptionError("Parquet is not written to a terminal.", "Name one with --folder.")
    if folder is not None and out not in ("csv", "parquet"):
        raise OptionError("--folder writes files, and no format of files is chosen.", "Add --out csv or --out parquet.")
    if source.plot is not None:
        check_plot_path(source.plot)


def load_material(desk: "Desk", source: Source, *, period_seconds: int, stated: int | None = None) -> Material:
    """Readings of the portfolio's devices; those of whom too many are missing are refused, with the reason.

    So are those with readings that do not add up to the rule's period. `stated` is the least share of readings of the orders.
    """
    portfolio = read_devices(source.devices)
    names = names_of(portfolio)
    profile = None if source.profile is None else load_profile(source.profile)
    intake = read_all(
        list(source.data),
        _stated(source),
        profile=profile,
        device=source.device,
        value_column=source.column,
        rounding=source.rounding,
    )
    unlisted = tuple(name for name in intake.readings.devices if name not in set(names))
    own = intake.readings.only(names)
    if not own.frame.height:
        raise NoDataError(_nothing({}, names, intake.readings.devices), "Check the devices' names and the data.")
    findings = tuple(item for item in intake.findings if item.device is None or item.device in set(names))
    least = source.least_readings
    share = share_bps(least) if least is not None else LEAST_READINGS_BPS if stated is None else stated
    report = validate(own, findings=findings, least_bps=share)
    refused = {
        name: f"its readings are of {seconds} s, the rule's periods of {period_seconds} s"
        for name, seconds in own.periods.items()
        if period_seconds % seconds
    }
    refused = {name: reason for name, reason in report.refused.items() if name in set(names)} | refused
    for name, reason in refused.items():
        desk.progress(f"{name} is not used: {reason}.")
    if unlisted:
        desk.progress(f"{len(unlisted)} devices of the data are not in {source.devices}: {', '.join(unlisted[:5])}.")
    used = own.only(name for name in names if name not in refused)
    if not used.frame.height:
        raise NoDataError(_nothing(refused, names, intake.readings.devices), "Check the devices' names and the data.")
    used, filled = _estimated(desk, source, used)
    return Material(
        devices=portfolio, readings=used, report=report, refused=refused, unlisted=unlisted, estimated=filled
    )


def _estimated(desk: "Desk", source: Source, readings: "Readings") -> "tuple[Readings, int]":
    """The readings with their gaps filled as was asked for, and how many are new; each is flagged."""
    if source.estimate not in tuple(Method):
        raise OptionError(f"--estimate cannot be {source.estimate[:40]!r}.", f"Use one of {', '.join(Method)}.")
    filled, _ = estimate(readings, Method(source.estimate), max_gap=source.max_gap)
    count = filled.frame.height - readings.frame.height
    if count:
        desk.progress(f"{count} readings were estimated ({source.estimate}).")
    return filled, count


def _nothing(refused: Mapping[str, str], names: Sequence[str], found: Sequence[str]) -> str:
    if refused:
        name, reason = next(iter(refused.items()))
        return f"No device can be used, {name} for one: {reason}."
    return f"The data hold none of the devices {', '.join(names[:3])}, but {', '.join(found[:3]) or 'nothing'}."


def load_terms(source: Source, times: Sequence[int]) -> tuple[Terms, "RuleFile"]:
    """A rule, with the local days around these times (UTC seconds) if it looks back. Raises RuleFileError, CalendarError."""
    text, calendar = source.rule, source.calendar
    found = rules.find(text)
    local = None
    if found.rule.baseline is BaselineMethod.X_OF_Y:
        days = (
            _days_of_file(calendar) if calendar else _days_around(found.calendar, found.lookback.look_back_days, times)
        )
        if days.calendar != found.calendar:
            raise CalendarMissingError(f"{calendar} is another calendar than that of {text}.", "Name the right file.")
        local = LocalCalendar(days)
    elif calendar is not None:
        raise OptionError(f"{text} has no calendar.", "Leave out --calendar.")
    return Terms(name=found.name, rule=found.rule, lookback=found.lookback, calendar=local), found


def local_time(terms: Terms, local: str | None) -> LocalTime:
    """The local time of a zone that is named, else that of the rule's calendar. Raises OptionError."""
    if local is not None:
        return ZoneTime(zone_of(local))
    if terms.calendar is None:
        raise OptionError(f"{terms.name} has no calendar to say what local hours are.", "Name a zone with --local.")
    return terms.calendar


def _days_of_file(path: Path) -> CalendarDays:
    return from_json(CalendarDays, read_document(path, schema=CALENDAR_SCHEMA), place=str(path))


def _days_around(calendar: "Calendar | None", look_back: int, times: Sequence[int]) -> CalendarDays:
    if calendar is None:
        raise CalendarMissingError("The rule names no calendar.", "Add the section `calendar` to the rule file.")
    first = (min(times) // DAY - look_back - 2) // PAGE
    last = (max(times) // DAY + 2) // PAGE
    return days_of(calendar, first * PAGE, (last + 1) * PAGE)


def _stated(given: Source) -> metering.Conventions:
    options = {"sign": given.sign, "stamp": given.stamp, "unit": given.unit, "zone": given.zone}
    said = [metering.parse_statement(key, value) for key, value in options.items() if value is not None]
    return metering.Conventions(
        sign=next((item.sign for item in said if item.sign), None),
        stamp=next((item.stamp for item in said if item.stamp), None),
        unit=next((item.unit for item in said if item.unit), None),
        zone=next((item.zone for item in said if item.zone), None),
    )


@contextmanager
def measuring(source: Source, devices: int, progress: Callable[[str], None]) -> Iterator[Measuring]:
    """How so many devices are measured. Raises OptionError, BulkError where an engine is not installed."""
    name = source.engine
    if name not in ENGINES:
        raise OptionError(f"--engine cannot be {name[:40]!r}.", f"Use one of {', '.join(ENGINES)}.")
    is_there = find_spec("ibis") is not None and find_spec("duckdb") is not None
    if name == "reference" or (name == "auto" and (devices < FLEET or not is_there)):
        yield measure
        return
    if not is_there:
        raise OptionError(f"The engine {name} is not installed.", "Run: pip install 'flexbond[bulk]'.")
    from flexbond.metering.bulk.engines import open_engine
    from flexbond.quoting.fleet import measure_fleet

    progress(f"{devices} devices are measured with {'spark' if name == 'spark' else 'duckdb'}.")
    with open_engine("spark" if name == "spark" else "duckdb") as engine:
        yield partial(measure_fleet, engine)


# ------------------------------------------------------------------ answers


def answer(
    tables: Sequence["Table"],
    value: Mapping[str, Any],
    material: Material,
    source: Source,
    *,
    heading: Sequence[str] = (),
    written: Callable[[], Sequence[Path]] = tuple,
) -> Answer:
    """The tables in the form that was asked for; `written` draws what else there is and names its files."""
    out, folder = source.out, source.folder
    files = list(written())
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        files = [*(item.write(folder, f".{out}") for item in tables), *files]
    content = {
        **value,
        **{item.name: item.plain() for item in tables},
        "refusedDevices": [{"device": name, "reason": reason} for name, reason in material.refused.items()],
        "unlistedDevices": list(material.unlisted),
        "findings": len(material.report.findings),
        "readingsEstimated": material.estimated,
        "files": [str(path) for path in files],
    }
    lines = [*heading, *_lines(tables, material), *(f"Written: {path}" for path in files)]
    if folder is not None:
        return Answer(value=content, lines=[f"Written: {path}" for path in files])
    if out == "json":
        return Answer(value=content, lines=lines, text=_json(content))
    return Answer(value=content, lines=lines, text=tables[0].csv() if out == "csv" else None)


def _json(value: Mapping[str, Any]) -> str:
    return json.dumps(plain(value), indent=2, ensure_ascii=False) + "\n"


def _lines(tables: Sequence["Table"], material: Material) -> "list[str | Shown]":
    lines: list[str | Shown] = [shown_table(item) for item in tables if item.rows]
    long = [item for item in tables if len(item.rows) > MOST_ROWS]
    lines += [f"{item.title}: {MOST_ROWS} of {len(item.rows)} rows; --out csv has all." for item in long]
    if material.refused:
        refused = empty_table("Devices that are not used", "device", "reason")
        for name, reason in material.refused.items():
            refused.add_row(name, reason)
        lines.append(refused)
    if material.report.findings:
        lines.append(f"{len(material.report.findings)} findings in the data; see `flexbond meter check`.")
    return lines


def shown_table(item: "Table") -> "Shown":
    """A table for people: fewer columns, and numbers without the zeros that only machines need."""
    places = [place for place, column in enumerate(item.columns) if column.is_brief]
    made = empty_table(item.title)
    for place in places:
        is_text = item.columns[place].kind is Kind.TEXT
        heading = item.columns[place].name.replace("_", " " if is_text else "\n")
        made.add_column(heading, overflow="fold", min_width=6 if is_text else None)
    for row in item.rows[:MOST_ROWS]:
        made.add_row(*(_short(item.columns[place], row[place]) for place in places))
    return made


def _short(column: "Column", value: Any) -> str:
    text = column.shown(value)
    if column.kind is Kind.TIME:
        return text.replace("T", " ").replace(":00Z", "Z")
    if column.places and "." in text:
        return text.rstrip("0").rstrip(".")
    return escape(text)
