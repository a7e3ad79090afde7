"""The elements of an ESPI feed that hold readings, by the plain parser and nothing that could reach out.

The parser is Python's own expat: a document type, without which there are no entities, is refused at
its first byte, which is all that wrappers such as defusedxml add; size, depth and text are bounded.
"""

from __future__ import annotations

import io
import re
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final, Never
from xml.parsers import expat

from flexbond.metering.errors import Place, TooManyRowsError, UnreadableMarkupError
from flexbond.metering.textfile import read_bytes

_ESPI: Final = "http://naesb.org/espi"
_ATOM: Final = "http://www.w3.org/2005/Atom"
_MAX_DEPTH: Final = 32
_MAX_TEXT: Final = 4_096
_RESOURCES: Final = frozenset({"UsagePoint", "MeterReading", "ReadingType", "IntervalBlock"})
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/-]{0,127}")


@dataclass(kw_only=True)
class Entry:
    """One resource of a feed."""

    line: int
    """Line at which it begins."""
    identity: str = ""
    """The Atom id."""
    own: str = ""
    """Its `self` link."""
    up: str = ""
    """Its `up` link."""
    related: list[str] = field(default_factory=list)
    """Its `related` links."""
    fields: dict[str, str] = field(default_factory=dict)
    """Text of its direct children."""

    @property
    def name(self) -> str:
        """A usage point's name: customer and number of its link if they are plain, else its id."""
        path = self.own.rstrip("/").rsplit("RetailCustomer/", 1)[-1].replace("/UsagePoint/", "/")
        path = path.rsplit("UsagePoint/", 1)[-1]
        return path if _NAME.fullmatch(path) else self.identity.removeprefix("urn:uuid:")


@dataclass(kw_only=True, slots=True)
class Reading:
    """One IntervalReading."""

    line: int
    """Line at which it begins."""
    block: int
    """Which of the feed's blocks it is in."""
    place: int
    """How many readings stand before it in its block."""
    block_start: int | None
    """Start of its block in UTC seconds."""
    start: int | None = None
    """Start in UTC seconds."""
    seconds: int | None = None
    """Length in s."""
    value: str = ""
    """The value as it stands."""
    qualities: list[str] = field(default_factory=list)
    """Codes of its ReadingQuality elements."""


@dataclass(kw_only=True)
class Feed:
    """What a file holds."""

    points: list[Entry] = field(default_factory=list)
    """UsagePoints."""
    meters: list[Entry] = field(default_factory=list)
    """MeterReadings."""
    types: list[Entry] = field(default_factory=list)
    """ReadingTypes."""
    blocks: list[Entry] = field(default_factory=list)
    """IntervalBlocks."""
    readings: list[Reading] = field(default_factory=list)
    """IntervalReadings in their order."""

    def meter_of(self, block: Entry) -> Entry | None:
        """The MeterReading of a block."""
        return self._meters.get(block.up)

    def point_of(self, meter: Entry) -> Entry | None:
        """The UsagePoint of a MeterReading."""
        return self._points.get(meter.up)

    def type_of(self, meter: Entry) -> Entry | None:
        """The ReadingType of a MeterReading."""
        return next((self._types[link] for link in meter.related if link in self._types), None)

    @cached_property
    def _meters(self) -> dict[str, Entry]:
        return _by_link(self.meters, "IntervalBlock")

    @cached_property
    def _points(self) -> dict[str, Entry]:
        return _by_link(self.points, "MeterReading")

    @cached_property
    def _types(self) -> dict[str, Entry]:
        return {one.own: one for one in reversed(self.types) if one.own}


def parse_feed(file: str, *, max_rows: int) -> Feed:
    """The feed of a file. Raises UnreadableFileError, UnreadableMarkupError, TooManyRowsError."""
    builder = _Builder(file, max_rows)
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True
    builder.attach(parser)
    try:
        parser.ParseFile(io.BytesIO(read_bytes(file)))
    except expat.ExpatError as error:
        reason = expat.errors.messages.get(error.code, "broken")
        raise UnreadableMarkupError(
            f"the XML is broken: {reason}.", place=Place(file=file, number=error.lineno)
        ) from None
    return builder.feed


class _Builder:
    """Builds a feed from the parser's calls."""

    def __init__(self, file: str, max_rows: int) -> None:
        self.feed = Feed()
        self._file = file
        self._max_rows = max_rows
        self._path: list[str] = []
        self._text: list[str] = []
        self._length = 0
        self._entry = Entry(line=0)
        self._parser = expat.ParserCreate()
        self._reading: Reading | None = None
        self._block_start: int | None = None
        self._placed = 0

    def attach(self, parser: expat.XMLParserType) -> None:
        """Let the parser call this."""
        self._parser = parser
        parser.StartElementHandler = self._begin
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._characters
        parser.StartDoctypeDeclHandler = self._doctype

    def _refuse(self, why: str) -> Never:
        raise UnreadableMarkupError(why, place=Place(file=self._file, number=self._parser.CurrentLineNumber))

    def _doctype(self, *_: object) -> None:
        self._refuse("the XML declares a document type, which may hide entities; no ESPI feed needs one.")

    def _begin(self, tag: str, attributes: dict[str, str]) -> None:
        if len(self._path) >= _MAX_DEPTH:
            self._refuse(f"the XML is nested deeper than {_MAX_DEPTH} elements.")
        space, _, local = tag.rpartition(" ")
        name = local if space in (_ESPI, _ATOM) else f"?{local}"
        self._path.append(name)
        self._text, self._length = [], 0
        line = self._parser.CurrentLineNumber
        match name:
            case "entry":
                self._entry = Entry(line=line)
            case "link":
                self._link(attributes)
            case "IntervalBlock":
                self._block(line)
            case "IntervalReading":
                self._open_reading(line)

    def _link(self, attributes: dict[str, str]) -> None:
        href = attributes.get("href", "").rstrip("/")
        match attributes.get("rel", ""):
            case "self":
                self._entry.own = href
            case "up":
                self._entry.up = href
            case "related":
                self._entry.related.append(href)

    def _block(self, line: int) -> None:
        """Another block; an entry may hold several, which share its links."""
        entry = self._entry
        self.feed.blocks.append(Entry(line=line, own=entry.own, up=entry.up, related=entry.related))
        self._block_start, self._placed = None, 0

    def _open_reading(self, line: int) -> None:
        if not self.feed.blocks:
            self._refuse("an IntervalReading is outside of any IntervalBlock.")
        if len(self.feed.readings) >= self._max_rows:
            raise TooManyRowsError(
                f"there are more than {self._max_rows} readings.", place=Place(file=self._file, number=line)
            )
        self._reading = Reading(
            line=line, block=len(self.feed.blocks) - 1, place=self._placed, block_start=self._block_start
        )
        self._placed += 1
        self.feed.readings.append(self._reading)

    def _characters(self, text: str) -> None:
        self._length += len(text)
        if self._length > _MAX_TEXT:
            self._refuse(f"an element has more than {_MAX_TEXT} characters.")
        self._text.append(text)

    def _end(self, _: str) -> None:
        name = self._path.pop()
        text = "".join(self._text).strip()
        self._text, self._length = [], 0
        parent = self._path[-1] if self._path else ""
        if name in _RESOURCES:
            self._keep(name)
        elif name == "IntervalReading":
            self._reading = None
        elif self._reading is not None:
            self._of_reading(parent, name, text)
        elif parent in _RESOURCES:
            self._entry.fields[name] = text
        elif parent == "entry" and name == "id":
            self._entry.identity = text
        elif parent == "interval" and name == "start":
            self._block_start = _number(text)

    def _of_reading(self, parent: str, name: str, text: str) -> None:
        """A part of the reading that is open."""
        reading = self._reading
        if reading is None:
            return
        match parent, name:
            case "timePeriod", "start":
                reading.start = _number(text)
            case "timePeriod", "duration":
                reading.seconds = _number(text)
            case "IntervalReading", "value":
                reading.value = text
            case "ReadingQuality", "quality":
                reading.qualities.append(text)

    def _keep(self, name: str) -> None:
        """A resource that is complete; blocks are kept as they begin."""
        kept = {"UsagePoint": self.feed.points, "MeterReading": self.feed.meters, "ReadingType": self.feed.types}
        if name in kept:
            kept[name].append(self._entry)


def _by_link(parents: list[Entry], kind: str) -> dict[str, Entry]:
    """Parents by what the `up` links of their children of a kind may be; of two, the first."""
    return {
        link: one
        for one in reversed(parents)
        for link in (*one.related, *((f"{one.own}/{kind}",) if one.own else ()))
        if link
    }


def _number(text: str) -> int | None:
    """Seconds; None if the text is no whole number."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 12 else None
