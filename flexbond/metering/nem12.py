"""AEMO's interval meter data (NEM12): records 100, 200, 300, 400, 500 and 900 of a comma-separated file."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import polars as pl

from flexbond.metering.batch import Batch, Reader
from flexbond.metering.conventions import Sign, Stamp, Stated, Unit, load_zone
from flexbond.metering.errors import EmptyFileError, MalformedRowError, MeteringError, Place, TooManyRowsError
from flexbond.metering.findings import Code
from flexbond.metering.quality import judge_quality
from flexbond.metering.textfile import fields_of, read_lines

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from flexbond.metering.profiles import Profile

_MAX_LINE_BYTES: Final = 32_768
_MINUTES_A_DAY: Final = 1440
_UNITS: Final = {"WH": Unit.WH, "KWH": Unit.KWH, "MWH": Unit.MWH}
_VARIABLE: Final = "V"
_LISTS: Final = ("value", "quality", "instant")


@dataclass(kw_only=True)
class _Stream:
    """What a 200 record says of the records that follow it."""

    device: str
    channel: str
    direction: int
    unit: Unit
    minutes: int


class _Records:
    """The 300 records of a file with what stands around them."""

    def __init__(self, reader: Reader, file: str, profile: Profile, zone: ZoneInfo) -> None:
        self.days: dict[Unit, list[dict[str, Any]]] = {}
        self.count = 0
        self._reader = reader
        self._file = file
        self._profile = profile
        self._zone = zone
        self._stream: _Stream | None = None
        self._day: dict[str, Any] | None = None
        self._within = False  # a 200 record came, used or not

    def take(self, number: int, fields: list[str]) -> None:
        """One record. Raises MalformedRowError for one that is not as it should be."""
        match fields[0]:
            case "200":
                self._stream, self._day, self._within = None, None, True
                self._stream = self._start(number, fields)
            case "300":
                self._day = None
                if not self._within:
                    raise MalformedRowError("a 300 record has no 200 record before it.")
                if self._stream is not None:
                    self._day = self._add(number, fields, self._stream)
            case "400":
                if self._stream is not None and self._day is not None:
                    self._refine(fields, self._day)
            case "100" | "500" | "900":
                pass
            case other:
                raise MalformedRowError(f"{other[:20]!r} is not a record of NEM12.")

    def _start(self, number: int, fields: list[str]) -> _Stream | None:
        """The stream of a 200 record; None, and listed, for one that holds no active energy."""
        if len(fields) < 9:
            raise MalformedRowError("a 200 record has at least 9 fields.")
        device, channel, unit, minutes = fields[1], fields[4], fields[7].upper(), fields[8]
        directions = [sign for beginning, sign in self._profile.channels.items() if channel.startswith(beginning)]
        if not directions or unit not in _UNITS:
            row = pl.DataFrame({"number": [number], "device": [device]})
            self._reader.note(
                row,
                Code.NOT_USED,
                self._file,
                lambda _: (f"stream {channel[:20]!r} in {unit[:20]!r} is no active energy.", "Nothing, if that is so."),
            )
            return None
        if minutes not in {"5", "15", "30"}:
            raise MalformedRowError(f"an interval length of {minutes[:20]!r} minutes is none of 5, 15 and 30.")
        return _Stream(device=device, channel=channel, direction=directions[0], unit=_UNITS[unit], minutes=int(minutes))

    def _add(self, number: int, fields: list[str], stream: _Stream) -> dict[str, Any]:
        """The day of a 300 record."""
        periods = _MINUTES_A_DAY // stream.minutes
        if len(fields) < periods + 3:
            raise MalformedRowError(f"a 300 record of {stream.minutes} minutes has {periods} values and a quality.")
        begin = self._time(fields[1], "%Y%m%d")
        if begin is None:
            raise MalformedRowError(f"{fields[1][:20]!r} is not a day.")
        update = fields[periods + 5] if len(fields) > periods + 5 else ""
        received = self._time(update, "%Y%m%d%H%M%S")
        if update and received is None:
            raise MalformedRowError(f"{update[:20]!r} is not a time of update.")
        quality = fields[periods + 2]
        seconds = stream.minutes * 60
        day = {
            "number": number,
            "device": stream.device,
            "stream": stream.channel,
            "direction": stream.direction,
            "seconds": seconds,
            "received_at": received,
            "value": fields[2 : periods + 2],
            "quality": ["" if quality == _VARIABLE else quality] * periods,
            "instant": [begin + place * seconds for place in range(periods)],
        }
        self.count += periods
        self.days.setdefault(stream.unit, []).append(day)
        return day

    def _refine(self, fields: list[str], day: dict[str, Any]) -> None:
        """The qualities that a 400 record states for part of the day."""
        qualities = day["quality"]
        bounds = fields[1:3]
        if len(fields) < 4 or not all(text.isascii() and text.isdigit() for text in bounds):
            raise MalformedRowError("a 400 record has a first and a last interval and a quality.")
        first, last = map(int, bounds)
        if not 1 <= first <= last <= len(qualities):
            raise MalformedRowError(f"intervals {first} to {last} are not within a day of {len(qualities)}.")
        qualities[first - 1 : last] = [fields[3]] * (last - first + 1)

    def _time(self, text: str, form: str) -> int | None:
        """UTC seconds of a market time, None if it is none."""
        try:
            time = datetime.strptime(text, form).replace(tzinfo=self._zone)
        except ValueError:
            return None
        return int((time - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(seconds=1))


def read_nem12(reader: Reader, file: str, profile: Profile, *, max_rows: int) -> None:
    """The active energy of a NEM12 file; every record that is wrong is listed and left out.

    Raises the errors of a file as a whole.
    """
    zone = load_zone(profile.conventions.zone or "UTC")
    lines = read_lines(file, max_rows=max_rows, max_line_bytes=_MAX_LINE_BYTES)
    place = Place(file=file)
    if not lines.height or not lines["text"][0].startswith("100,NEM12"):
        raise EmptyFileError("the file does not begin with a record 100,NEM12.", place=place)
    records = _Records(reader, file, profile, zone)
    for number, text in lines.iter_rows():
        try:
            records.take(number, [field.strip() for field in fields_of(text, ",", place)])
        except MalformedRowError as error:
            _list(reader, file, number, error)
        if records.count > max_rows:
            raise TooManyRowsError(f"there are more than {max_rows} readings.", place=Place(file=file, number=number))
    for unit, days in records.days.items():
        frame = pl.DataFrame(days, schema_overrides={"received_at": pl.Int64}, infer_schema_length=None).explode(_LISTS)
        frame = judge_quality(reader, file, frame, profile)
        stated = Stated(
            sign=profile.conventions.sign or Sign.IMPORT_POSITIVE,
            stamp=Stamp.START,
            unit=unit,
            zone=zone,
            period_seconds=None,
        )
        reader.take(Batch(file=file, stated=stated, frame=frame))


def _list(reader: Reader, file: str, number: int, error: MeteringError) -> None:
    """A record that is left out."""
    row = pl.DataFrame({"number": [number], "device": [None]}, schema={"number": pl.Int64, "device": pl.String})
    reader.refuse(row, file, type(error), lambda _: error.message)
