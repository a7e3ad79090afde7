"""Reports of OpenADR 3 in JSON: usage of every resource."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import polars as pl

from flexbond.metering.batch import Batch, Reader
from flexbond.metering.conventions import Conventions, Stamp, Stated, Unit
from flexbond.metering.errors import (
    EmptyFileError,
    MissingConventionError,
    Place,
    TooManyRowsError,
    UnreadableMarkupError,
)
from flexbond.metering.findings import Code
from flexbond.metering.textfile import read_bytes
from flexbond.metering.values import shown

if TYPE_CHECKING:
    from collections.abc import Iterator

_ENERGY: Final = {"WH": Unit.WH, "KWH": Unit.KWH, "MWH": Unit.MWH}
_POWER: Final = {"W": Unit.W_AVERAGE, "KW": Unit.KW_AVERAGE}
_MEANS: Final = ("MEAN", "AVERAGE")
_MEASURED: Final = ("", "DIRECT_READ", "SUMMED", *_MEANS)
_DURATION: Final = re.compile(r"P(?:(\d{1,4})D)?(?:T(?:(\d{1,5})H)?(?:(\d{1,6})M)?(?:(\d{1,8})S)?)?", re.ASCII)
_ELSEWHERE: Final = ("DATA_QUALITY",)  # says something of the other payloads of its interval
_SCHEMA: Final = {
    "number": pl.Int64,
    "device": pl.String,
    "instant": pl.Int64,
    "seconds": pl.Int64,
    "value": pl.String,
    "flag": pl.String,
    "received_at": pl.Int64,
}


def read_openadr(reader: Reader, file: str, conventions: Conventions, *, max_rows: int) -> None:
    """The usage in one report, or in a list of reports, of OpenADR 3.

    USAGE in Wh, kWh or MWh is energy; DEMAND in W or kW is energy if its reading type is a mean.
    A READING is a register's state and, like forecasts, peaks and everything else, is listed and not
    used. OpenADR says nothing of signs, so the caller states one. Places are counted in intervals of
    the file, from 1. Raises the errors of a file as a whole, MissingConventionError among them.
    """
    place = Place(file=file)
    if conventions.sign is None:
        raise MissingConventionError(
            "an OpenADR report does not say which direction is positive.",
            place=place,
            advice="State it: sign=import-positive, or export-positive for resources that generate.",
        )
    parsed = _Report(reader, file, max_rows)
    for report in _reports(file):
        parsed.take(report)
    if not parsed.count:
        raise EmptyFileError("there is no interval in the report.", place=place)
    for unit, rows in parsed.rows.items():
        stated = Stated(sign=conventions.sign, stamp=Stamp.START, unit=unit, zone=None, period_seconds=None)
        frame = pl.DataFrame(rows, schema=_SCHEMA, orient="row")
        reader.take(Batch(file=file, stated=stated, frame=frame))


class _Report:
    """Gathers the intervals of reports."""

    def __init__(self, reader: Reader, file: str, max_rows: int) -> None:
        self.rows: dict[Unit, list[tuple[Any, ...]]] = {}
        self.count = 0
        self._reader = reader
        self._file = file
        self._max_rows = max_rows

    def take(self, report: dict[str, Any]) -> None:
        """One report."""
        described = {
            str(item.get("payloadType", "")): item for item in _objects(report, "payloadDescriptors", self._file)
        }
        stood = [_instant(report.get(name)) for name in ("createdDateTime", "modificationDateTime")]
        received = max((time for time in stood if time is not None), default=None)
        for resource in _objects(report, "resources", self._file):
            device = str(resource.get("resourceName", ""))
            period = resource.get("intervalPeriod", report.get("intervalPeriod"))
            for place, interval in enumerate(_objects(resource, "intervals", self._file)):
                self.count += 1
                if self.count > self._max_rows:
                    raise TooManyRowsError(
                        f"there are more than {self._max_rows} intervals.",
                        place=Place(file=self._file, number=self.count, counts="interval"),
                    )
                start, seconds = _period(interval.get("intervalPeriod"), period, place)
                self._interval(device, interval, described, start, seconds, received)

    def _interval(
        self,
        device: str,
        interval: dict[str, Any],
        described: dict[str, dict[str, Any]],
        start: int | None,
        seconds: int | None,
        received: int | None,
    ) -> None:
        """The payloads of one interval."""
        payloads = {str(item.get("type", "")): item for item in _objects(interval, "payloads", self._file)}
        quality = _first(payloads.get("DATA_QUALITY", {})) or "OK"
        if quality not in ("OK", "ESTIMATED"):
            why = f"its data quality is {shown(quality)}."
            self._list(device, why, Code.WITHHELD, "Ask who reports for the reading.")
            return
        for kind, payload in payloads.items():
            if kind in _ELSEWHERE:
                continue
            unit, estimated, why = _meaning(kind, described.get(kind, {}))
            if why or unit is None:
                self._list(device, why, Code.NOT_USED, "Nothing, if it is not needed; usage is USAGE with units KWH.")
                continue
            if not seconds:
                self._list(device, "the interval has no duration.", Code.BAD_TIME, "Give one such as PT15M.")
                continue
            flag = "true" if estimated or quality == "ESTIMATED" else "false"
            row = (self.count, device, start, seconds, _number(_first(payload)), flag, received)
            self.rows.setdefault(unit, []).append(row)

    def _list(self, device: str, why: str, code: Code, advice: str) -> None:
        row = pl.DataFrame({"number": [self.count], "device": [device]})
        self._reader.note(row, code, self._file, lambda _: (why, advice))


def _meaning(kind: str, descriptor: dict[str, Any]) -> tuple[Unit | None, bool, str]:
    """Unit of a payload, whether it is estimated, and why it is not used, if so."""
    units, reading = str(descriptor.get("units") or ""), str(descriptor.get("readingType") or "")
    if kind == "READING":
        return None, False, "READING is a register's state, not the energy of an interval."
    if kind not in ("USAGE", "DEMAND"):
        return None, False, f"payload {shown(kind)} is no measured usage."
    estimated = reading == "ESTIMATED"
    if reading not in (*_MEASURED, "ESTIMATED"):
        return None, False, f"reading type {shown(reading)} is no measurement of an interval."
    unit = _ENERGY.get(units) if kind == "USAGE" else _POWER.get(units) if reading in _MEANS else None
    if unit is None:
        return None, False, f"{kind} in units {shown(units)} with reading type {shown(reading)} is no energy."
    return unit, estimated, ""


def _period(own: Any, shared: Any, place: int) -> tuple[int | None, int | None]:
    """Start in UTC seconds and length of an interval: its own, or by its place in the shared period."""
    period = own if isinstance(own, dict) else shared if isinstance(shared, dict) else {}
    start, seconds = _instant(period.get("start")), _duration(period.get("duration"))
    if isinstance(own, dict) and seconds is None and isinstance(shared, dict):
        seconds = _duration(shared.get("duration"))
    if not isinstance(own, dict) and start is not None and seconds:
        start += place * seconds
    return start, seconds


def _duration(text: Any) -> int | None:
    """Seconds of an ISO 8601 duration of days, hours, minutes and seconds; None if it is none."""
    found = _DURATION.fullmatch(text) if isinstance(text, str) else None
    if found is None or not any(found.groups()):
        return None
    days, hours, minutes, seconds = (int(part or 0) for part in found.groups())
    return days * 86_400 + hours * 3_600 + minutes * 60 + seconds


def _instant(text: Any) -> int | None:
    """UTC seconds of an ISO 8601 time with offset; None if it is none, or no whole second."""
    try:
        time = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        return None
    if time.tzinfo is None or time.microsecond:
        return None
    return int((time - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(seconds=1))


def _reports(file: str) -> Iterator[dict[str, Any]]:
    """The reports of a file. Raises UnreadableFileError, UnreadableMarkupError."""
    place = Place(file=file)
    try:
        # Numbers stay text: no reading passes through a float.
        content = json.loads(read_bytes(file), parse_float=str, parse_int=str, parse_constant=str)
    except (ValueError, RecursionError) as error:
        line = error.lineno if isinstance(error, json.JSONDecodeError) else None
        raise UnreadableMarkupError("the file is no JSON.", place=Place(file=file, number=line)) from None
    for report in content if isinstance(content, list) else [content]:
        if not isinstance(report, dict) or "resources" not in report:
            raise UnreadableMarkupError(
                "the file is no OpenADR 3 report: it has no resources.",
                place=place,
                advice="Give the report object, or a list of reports, as a VTN returns them.",
            )
        yield report


def _objects(parent: dict[str, Any], name: str, file: str) -> list[dict[str, Any]]:
    """The objects of a list. Raises UnreadableMarkupError."""
    found = parent.get(name) or []
    if not isinstance(found, list) or not all(isinstance(item, dict) for item in found):
        raise UnreadableMarkupError(f"{name} is no list of objects.", place=Place(file=file))
    return found


def _first(payload: dict[str, Any]) -> Any:
    """The value of a payload, None unless it has exactly one."""
    values = payload.get("values")
    return values[0] if isinstance(values, list) and len(values) == 1 else None


def _number(value: Any) -> str | None:
    """A number as its text; anything else as what no number is."""
    return value if isinstance(value, str) else None
