"""The devices of a portfolio as a file: one row a place, in the portfolio's order."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final

from flexbond.hashing import ZERO_ADDRESS, keccak
from flexbond.model.types import DeviceKind, Entry, MeteringPoint
from flexbond.quoting.csvrows import read_rows
from flexbond.quoting.errors import DevicesFileError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from flexbond.quoting.csvrows import Row

KINDS: Final = {"device": DeviceKind.DEVICE, "gateway": DeviceKind.GATEWAY, "data-collector": DeviceKind.DATA_COLLECTOR}
"""Kinds as the file spells them."""
ALWAYS: Final = 0
"""Joined before all time, or never left."""

_NEEDED: Final = frozenset({"device", "capacity_w", "connection_w"})
_OPTIONAL: Final = frozenset({"kind", "joined", "left", "suspended", "payee"})
_MOST_W: Final = 2**48 - 1
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/-]{0,127}", re.ASCII)
_POINT: Final = re.compile(r"0x[0-9a-fA-F]{32}", re.ASCII)


@dataclass(frozen=True, kw_only=True)
class Device:
    """One place of the portfolio."""

    name: str
    """As in the interval data."""
    capacity_w: int
    """Flexible capacity, W."""
    connection_w: int
    """Capacity of the connection, W: no reading can exceed it."""
    kind: DeviceKind = DeviceKind.DEVICE
    joined_at: int = ALWAYS
    """UTC seconds."""
    left_at: int = 0
    """UTC seconds; 0: still in."""
    suspended_at: int = 0
    """UTC seconds; 0: not suspended."""
    payee: str = ""
    """Who collects its share; empty: not said."""

    @cached_property
    def metering_point(self) -> bytes:
        """The 16 bytes it stands for: those of `0x` and 32 digits, or the beginning of the name's keccak256."""
        if _POINT.fullmatch(self.name):
            return bytes.fromhex(self.name[2:])
        return keccak(self.name.encode("utf-8"))[:16]

    @cached_property
    def entry(self) -> Entry:
        """Its place as the registry keeps it."""
        return Entry(
            metering_point=self.metering_point,
            joined_at=self.joined_at,
            left_at=self.left_at,
            capacity_w=self.capacity_w,
            payee=ZERO_ADDRESS,
            connection_w=self.connection_w,
            kind=self.kind,
        )

    @cached_property
    def point(self) -> MeteringPoint:
        """Its metering point as the registry keeps it."""
        return MeteringPoint(
            customer=ZERO_ADDRESS,
            kind=self.kind,
            suspended_at=self.suspended_at,
            sequence=1,
            capacity_w=self.capacity_w,
            connection_w=self.connection_w,
            entry_index=0,
            committed_until=0,
            portfolio_id=bytes(32),
        )


def read_devices(path: Path) -> tuple[Device, ...]:
    """The devices of a CSV file: device, capacity_w, connection_w, and if wanted kind, joined, left, suspended, payee.

    In the order of joining, rows of one time in their own. Raises DevicesFileError.
    """
    devices = tuple(_device(row) for row in read_rows(path, needed=_NEEDED, optional=_OPTIONAL, error=DevicesFileError))
    if not devices:
        raise DevicesFileError("lists no device.", "Give one row a device.", place=str(path))
    # A portfolio's list is in the order of joining; leaf i of an event is its place i.
    devices = tuple(sorted(devices, key=lambda device: device.joined_at))
    _check_stays(devices, path)
    return devices


def names_of(devices: Iterable[Device]) -> tuple[str, ...]:
    """Their names, each once, in order."""
    return tuple(dict.fromkeys(device.name for device in devices))


def _device(row: Row) -> Device:
    name, kind = row.needed("device"), row.text("kind") or "device"
    if not _NAME.fullmatch(name):
        raise DevicesFileError(
            f"{name[:60]!a} is not a device name.",
            "Use 1 to 128 letters, digits and . _ : / - beginning with a letter or digit.",
            place=row.place,
        )
    if kind not in KINDS:
        raise DevicesFileError(f"kind cannot be {kind[:40]!a}.", f"Use one of {', '.join(KINDS)}.", place=row.place)
    device = Device(
        name=name,
        capacity_w=row.whole("capacity_w", most=_MOST_W),
        connection_w=row.whole("connection_w", most=_MOST_W),
        kind=KINDS[kind],
        joined_at=row.time("joined", default=ALWAYS),
        left_at=row.time("left", default=0),
        suspended_at=row.time("suspended", default=0),
        payee=row.text("payee"),
    )
    if not device.capacity_w or device.connection_w < device.capacity_w:
        raise DevicesFileError(
            f"{name} has a capacity of {device.capacity_w} W on a connection of {device.connection_w} W.",
            "Give a capacity above zero, and a connection that is no smaller.",
            place=row.place,
        )
    if device.left_at and device.left_at < device.joined_at:
        raise DevicesFileError(f"{name} left before it joined.", "Correct one of the two times.", place=row.place)
    return device


def _check_stays(devices: Sequence[Device], path: Path) -> None:
    """A device may stand there again only after it left."""
    last: dict[str, Device] = {}
    for device in devices:
        earlier = last.get(device.name)
        if earlier is not None and (earlier.left_at == 0 or device.joined_at < earlier.left_at):
            raise DevicesFileError(
                f"{device.name} is listed twice at the same time.",
                "Keep one row, or say when the first one left.",
                place=str(path),
            )
        last[device.name] = device
