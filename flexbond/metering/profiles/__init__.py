"""Import profiles: small files that say how a programme writes its meter data."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from flexbond.metering.conventions import Conventions, Sign, Stamp, Unit, load_zone
from flexbond.metering.errors import MeteringError, Place, ProfileError

_FOLDER: Final = Path(__file__).parent
_MAX_BYTES: Final = 65_536
_COLUMNS: Final = frozenset({"device", "stamp", "date", "clock", "value", "quality", "channel", "received", "revision"})


class Layout(StrEnum):
    """How a file holds its readings."""

    LONG = "long"
    """One reading a row."""
    WIDE = "wide"
    """One day a row, one column a period, from local midnight on."""
    NEM12 = "nem12"
    """Records 100 to 900 of AEMO's meter data file format."""


@dataclass(frozen=True, kw_only=True)
class Quality:
    """What the quality codes of a file mean, by how they begin. Other codes are an error."""

    measured: tuple[str, ...] = ()
    """Read from the meter."""
    estimated: tuple[str, ...] = ()
    """Made up by somebody: the reading is flagged."""
    withheld: tuple[str, ...] = ()
    """No reading: whatever value stands there is not taken."""


@dataclass(frozen=True, kw_only=True)
class Profile:
    """How a programme writes its meter data."""

    name: str
    """Short name, by which a command finds it."""
    title: str
    """The programme or format."""
    sources: tuple[str, ...]
    """Documents that the profile follows."""
    notes: tuple[str, ...] = ()
    """What a user has to know."""
    layout: Layout
    """How readings lie in the file."""
    conventions: Conventions
    """Sign, stamp, unit, zone and period; all that the layout needs are stated."""
    delimiter: str = ","
    """Between fields."""
    columns: dict[str, str] = field(default_factory=dict)
    """Role (device, stamp, date, clock, value, quality, channel, received, revision) to column."""
    values: tuple[str, ...] = ()
    """Columns of a wide row's periods, in their order."""
    formats: dict[str, str] = field(default_factory=dict)
    """How `stamp`, `date`, `clock` and `received` are written, as strptime says it; ISO 8601 else."""
    strip: str = ""
    """Characters removed from both ends of a device's name."""
    quality: Quality | None = None
    """Meaning of the quality codes, where there are any."""
    quality_per_period: bool = False
    """Whether a wide row's quality has one character a period."""
    channels: dict[str, int] = field(default_factory=dict)
    """Beginning of a channel's name to 1, or to -1 where it counts against the file's sign."""


def names() -> tuple[str, ...]:
    """Names of the profiles that come with Flexbond."""
    return tuple(sorted(path.stem for path in _FOLDER.glob("*.toml")))


def load(name: str | Path) -> Profile:
    """A profile by its name, or by the path of a file that ends in `.toml`. Raises ProfileError."""
    path = Path(name) if str(name).endswith(".toml") else _FOLDER / f"{name}.toml"
    if not str(name).endswith(".toml") and str(name) not in names():
        raise ProfileError(
            f"there is no profile {str(name)[:80]!r}.", advice=f"Use {', '.join(names())}, or the path of a .toml file."
        )
    place = Place(file=str(name))
    try:
        with path.open("rb") as file:
            text = file.read(_MAX_BYTES + 1)
        if len(text) > _MAX_BYTES:
            raise ProfileError(f"a profile has at most {_MAX_BYTES} bytes.", place=place)
        return _profile(tomllib.loads(text.decode("utf-8")), path.stem, place)
    except OSError as error:
        raise ProfileError(f"{error.strerror or 'cannot be read'}.", place=place) from None
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ProfileError(f"the file is no TOML: {str(error)[:120]}.", place=place) from None


def _profile(data: dict[str, Any], name: str, place: Place) -> Profile:
    """A profile of a file's content."""
    known = {
        *("title", "sources", "notes", "layout", "conventions", "delimiter", "columns"),
        *("values", "formats", "strip", "quality", "channels"),
    }
    _only(data, known, "the file", place)
    try:
        layout = Layout(data.get("layout", ""))
    except ValueError:
        raise ProfileError(f"layout is one of {', '.join(Layout)}.", place=place) from None
    quality = _table(data, "quality", place)
    _only(quality, {"measured", "estimated", "withheld", "per_period"}, "quality", place)
    profile = Profile(
        name=name,
        title=_text(data, "title", place),
        sources=_texts(data, "sources", place),
        notes=_texts(data, "notes", place),
        layout=layout,
        conventions=_conventions(_table(data, "conventions", place), place),
        delimiter=_text(data, "delimiter", place, default=","),
        columns=_strings(_table(data, "columns", place), "columns", place),
        values=_texts(data, "values", place),
        formats=_strings(_table(data, "formats", place), "formats", place),
        strip=_text(data, "strip", place, default=""),
        quality=Quality(
            measured=_texts(quality, "measured", place),
            estimated=_texts(quality, "estimated", place),
            withheld=_texts(quality, "withheld", place),
        )
        if quality
        else None,
        quality_per_period=quality.get("per_period", False) is True,
        channels=_channels(_table(data, "channels", place), place),
    )
    _check(profile, place)
    return profile


def _check(profile: Profile, place: Place) -> None:
    """Raise ProfileError if the profile lacks what its layout needs."""
    _only(profile.columns, _COLUMNS, "columns", place)
    _only(profile.formats, {"stamp", "date", "clock", "received"}, "formats", place)
    stated, columns = profile.conventions, set(profile.columns)
    needs_stamp = profile.layout is Layout.LONG
    if stated.sign is None or stated.unit is None or (needs_stamp and stated.stamp is None):
        raise ProfileError("[conventions] states sign and unit, and stamp unless rows are whole days.", place=place)
    if len(profile.delimiter) != 1:
        raise ProfileError("delimiter is one character.", place=place)
    if needs_stamp and ("value" not in columns or not (("stamp" in columns) ^ ({"date", "clock"} <= columns))):
        raise ProfileError("a long layout names the columns value, and stamp or else date and clock.", place=place)
    wide = {"date"} <= columns and profile.values and stated.period_seconds and stated.zone
    if profile.layout is Layout.WIDE and not wide:
        raise ProfileError("a wide layout names the column date, values, and states period and zone.", place=place)
    if profile.layout is not Layout.LONG and not stated.zone:
        raise ProfileError("this layout needs the zone of its days.", place=place)
    if ("quality" in columns) != (profile.quality is not None) and profile.layout is not Layout.NEM12:
        raise ProfileError("a quality column and [quality] need each other.", place=place)
    if ("channel" in columns) != bool(profile.channels) and profile.layout is not Layout.NEM12:
        raise ProfileError("a channel column and [channels] need each other.", place=place)


def _conventions(table: dict[str, Any], place: Place) -> Conventions:
    _only(table, {"sign", "stamp", "unit", "zone", "period"}, "conventions", place)
    try:
        if "zone" in table:
            load_zone(str(table["zone"]), place=place)
        period = table.get("period")
        if period is not None and (type(period) is not int or not 0 < period <= 86_400):
            raise ProfileError("period is whole seconds, from 1 to 86400.", place=place)
        return Conventions(
            sign=Sign(table["sign"]) if "sign" in table else None,
            stamp=Stamp(table["stamp"]) if "stamp" in table else None,
            unit=Unit(table["unit"]) if "unit" in table else None,
            zone=table.get("zone"),
            period_seconds=period,
        )
    except ValueError as error:
        raise ProfileError(f"[conventions]: {error}.", place=place) from None
    except MeteringError as error:
        raise ProfileError(error.message, advice=error.next_step) from None


def _channels(table: dict[str, Any], place: Place) -> dict[str, int]:
    for name, direction in table.items():
        if direction not in (1, -1):
            raise ProfileError(f"channel {name!r} is 1 or -1.", place=place)
    return dict(table)


def _only(table: dict[str, Any], known: set[str] | frozenset[str], where: str, place: Place) -> None:
    unknown = sorted(set(table) - known)
    if unknown:
        raise ProfileError(f"{where} has no {unknown[0][:80]!r}; known are {', '.join(sorted(known))}.", place=place)


def _table(data: dict[str, Any], key: str, place: Place) -> dict[str, Any]:
    found = data.get(key, {})
    if not isinstance(found, dict):
        raise ProfileError(f"{key} is a table.", place=place)
    return found


def _strings(table: dict[str, Any], key: str, place: Place) -> dict[str, str]:
    if not all(isinstance(value, str) and value for value in table.values()):
        raise ProfileError(f"all of {key} are text.", place=place)
    return dict(table)


def _text(data: dict[str, Any], key: str, place: Place, *, default: str | None = None) -> str:
    found = data.get(key, default)
    if not isinstance(found, str):
        raise ProfileError(f"{key} is a text.", place=place)
    return found


def _texts(data: dict[str, Any], key: str, place: Place) -> tuple[str, ...]:
    found = data.get(key, [])
    if not isinstance(found, list) or not all(isinstance(item, str) for item in found):
        raise ProfileError(f"{key} is a list of texts.", place=place)
    return tuple(found)
