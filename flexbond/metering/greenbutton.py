"""Green Button (NAESB ESPI) XML: the electricity of every usage point, by flow direction."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import polars as pl

from flexbond.metering.batch import Batch, Reader
from flexbond.metering.conventions import Conventions, Sign, Stamp, Stated, Unit
from flexbond.metering.errors import EmptyFileError, Place
from flexbond.metering.espi import Entry, Feed, Reading, parse_feed
from flexbond.metering.findings import Code

if TYPE_CHECKING:
    from collections.abc import Iterator

_ELECTRICITY: Final = ("", "0", "1")  # commodity: none stated, not applicable, electricity metered at the secondary
_WATT_HOURS: Final = "72"
_WATTS: Final = "38"
_AVERAGE: Final = "2"
_DELTA: Final = "4"
_FLOWS: Final = {"1": ("forward", 1), "19": ("reverse", -1), "4": ("net", 1)}
_MEASURED: Final = frozenset({"", "0", "14", "17", "18", "19"})
"""ReadingQuality: none stated, valid, raw, validated, verified, revenue quality. Others were made up or changed."""
_MIN_POWER, _MAX_POWER = -12, 12


@dataclass(frozen=True, kw_only=True)
class _Channel:
    """What the readings of a MeterReading mean."""

    device: str
    stream: str
    direction: int
    unit: Unit
    power: int
    seconds: int | None
    estimated: bool


def read_green_button(reader: Reader, file: str, conventions: Conventions, *, max_rows: int) -> None:
    """The energy of every usage point of an ESPI feed.

    Starts are epoch seconds, so no zone is needed, and LocalTimeParameters, which say how to show
    them, are not. Forward flow is import, reverse export; they are added up with their signs. The
    caller's sign counts only where a ReadingType has no flow direction. What is no electrical energy
    of intervals is listed and not used. Raises the errors of a file as a whole; hostile or broken XML
    raises UnreadableMarkupError.
    """
    feed = parse_feed(file, max_rows=max_rows)
    if not feed.readings:
        raise EmptyFileError("there is no IntervalReading.", place=Place(file=file))
    channels = {index: _channel(reader, file, feed, block, conventions) for index, block in enumerate(feed.blocks)}
    netted = {found.device for found in channels.values() if found is not None and found.stream == "net"}
    for index, found in channels.items():
        if found is not None and found.stream in ("forward", "reverse") and found.device in netted:
            _list(
                reader, file, feed.blocks[index], found.device, f"the {found.stream} flow is part of the net reading."
            )
            channels[index] = None
    for unit in (Unit.MILLI_WH, Unit.W_AVERAGE):
        rows = list(_rows(feed, channels, unit))
        if rows:
            frame = pl.DataFrame(rows, schema=_SCHEMA, orient="row")
            stated = Stated(sign=Sign.IMPORT_POSITIVE, stamp=Stamp.START, unit=unit, zone=None, period_seconds=None)
            reader.take(Batch(file=file, stated=stated, frame=frame))


_SCHEMA: Final = {
    "number": pl.Int64,
    "device": pl.String,
    "stream": pl.String,
    "direction": pl.Int64,
    "instant": pl.Int64,
    "seconds": pl.Int64,
    "value": pl.String,
    "flag": pl.String,
}


def _rows(feed: Feed, channels: dict[int, _Channel | None], unit: Unit) -> Iterator[tuple[object, ...]]:
    """The rows of all channels of a unit."""
    for reading in feed.readings:
        channel = channels[reading.block]
        if channel is None or channel.unit is not unit:
            continue
        estimated = channel.estimated or any(code not in _MEASURED for code in reading.qualities)
        seconds = reading.seconds if reading.seconds is not None else channel.seconds
        yield (
            reading.line,
            channel.device,
            channel.stream,
            channel.direction,
            _start(reading, seconds),
            seconds or 0,
            _shifted(reading.value, channel.power),
            "true" if estimated else "false",
        )


def _start(reading: Reading, seconds: int | None) -> int | None:
    """Start of a reading: its own, or by its place in a block that begins then."""
    if reading.start is not None or reading.block_start is None or not seconds:
        return reading.start
    return reading.block_start + reading.place * seconds


def _shifted(value: str, power: int) -> str:
    """A whole number times a power of ten as decimal text; other text as it stands."""
    digits = value.lstrip("+-")
    if not (digits.isascii() and digits.isdigit()):
        return value
    sign = "-" if value.startswith("-") else ""
    if power >= 0:
        return sign + digits + "0" * power
    padded = digits.rjust(1 - power, "0")
    return f"{sign}{padded[:power]}.{padded[power:]}"


def _channel(reader: Reader, file: str, feed: Feed, block: Entry, conventions: Conventions) -> _Channel | None:
    """What a block's readings are; None, and listed, if they are not to be used."""
    meter = feed.meter_of(block)
    point = None if meter is None else feed.point_of(meter)
    kind = None if meter is None else feed.type_of(meter)
    if meter is None or point is None or kind is None:
        missing = "MeterReading" if meter is None else "UsagePoint" if point is None else "ReadingType"
        why = f"an IntervalBlock has no {missing} in the file, so nobody knows what it is."
        _list(reader, file, block, None, why, Code.UNLINKED)
        return None
    device = point.name
    why, unit = _unit(kind.fields)
    flow = kind.fields.get("flowDirection", "")
    stream, direction = _FLOWS.get(flow, ("", 0))
    if not why and flow in ("", "0"):
        if conventions.sign is None:
            why = "its ReadingType has no flow direction, and the caller states no sign."
        stream, direction = "net", -1 if conventions.sign is Sign.EXPORT_POSITIVE else 1
    if not why and not stream:
        why = f"flow direction {flow[:10]} is neither forward (1), reverse (19) nor net (4)."
    power = _integer(kind.fields.get("powerOfTenMultiplier", "0") or "0")
    if not why and (power is None or not _MIN_POWER <= power <= _MAX_POWER):
        why = "its powerOfTenMultiplier is no power that a meter has."
    if why:
        _list(reader, file, block, device, why)
        return None
    return _Channel(
        device=device,
        stream=stream,
        direction=direction,
        unit=unit,
        power=(power or 0) + (3 if unit is Unit.MILLI_WH else 0),
        seconds=_integer(kind.fields.get("intervalLength", "")),
        estimated=kind.fields.get("defaultQuality", "") not in _MEASURED,
    )


def _unit(fields: dict[str, str]) -> tuple[str, Unit]:
    """Why readings of a type are no energy of intervals, or an empty text; and their unit."""
    uom, behaviour = fields.get("uom", ""), fields.get("accumulationBehaviour", "")
    if fields.get("commodity", "") not in _ELECTRICITY:
        return f"commodity {fields['commodity'][:10]} is not electricity.", Unit.MILLI_WH
    if uom == _WATTS and fields.get("dataQualifier") == _AVERAGE:
        return "", Unit.W_AVERAGE
    if uom != _WATT_HOURS:
        return f"unit {uom[:10] or 'of no number'} is neither Wh (72) nor average W (38).", Unit.MILLI_WH
    if behaviour != _DELTA:
        return f"accumulation behaviour {behaviour[:10] or 'of no number'} is not that of intervals (4).", Unit.MILLI_WH
    return "", Unit.MILLI_WH


def _list(reader: Reader, file: str, block: Entry, device: str | None, why: str, code: Code = Code.NOT_USED) -> None:
    """A block that is not used."""
    row = pl.DataFrame({"number": [block.line], "device": [device]}, schema={"number": pl.Int64, "device": pl.String})
    advice = "Nothing, if it is not needed." if code is Code.NOT_USED else "Export the whole feed again."
    reader.note(row, code, file, lambda _: (why, advice))


def _integer(text: str) -> int | None:
    """A whole number, None if the text is none."""
    digits = text.removeprefix("-")
    return int(text) if digits.isascii() and digits.isdigit() and len(digits) <= 18 else None
