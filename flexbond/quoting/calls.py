"""Earlier calls of a portfolio's devices: days on which they were called are no baseline days."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from flexbond.model.rounding import div_up
from flexbond.model.types import BPS, Call
from flexbond.quoting.csvrows import read_rows
from flexbond.quoting.errors import CallsFileError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from flexbond.quoting.devices import Device
    from flexbond.quoting.orders import OrderedEvent

_NEEDED: Final = frozenset({"window_start", "window_end", "first_notice", "called_bps"})
_MOST_BPS: Final = 2**16 - 1


@dataclass(frozen=True, kw_only=True)
class KnownCall:
    """A call of the portfolio, or of one device while it was elsewhere."""

    call: Call
    device: str = ""
    """Empty: of all devices that were in the portfolio just before its first notice."""


def read_calls(path: Path) -> tuple[KnownCall, ...]:
    """The calls of a CSV file: window_start, window_end, first_notice, called_bps, and if wanted device.

    Raises CallsFileError.
    """
    found = []
    for row in read_rows(path, needed=_NEEDED, optional=frozenset({"device"}), error=CallsFileError):
        call = Call(
            window_start=row.time("window_start"),
            window_end=row.time("window_end"),
            first_notice=row.time("first_notice"),
            called_bps=row.whole("called_bps", most=_MOST_BPS),
        )
        if call.window_end <= call.window_start:
            raise CallsFileError("the window ends before it starts.", "Correct the times.", place=row.place)
        if call.first_notice >= call.window_end:
            raise CallsFileError("the notice is not before the window's end.", "Correct the times.", place=row.place)
        found.append(KnownCall(call=call, device=row.text("device")))
    return tuple(found)


def call_of(event: OrderedEvent, devices: Sequence[Device]) -> KnownCall | None:
    """What an event is for later ones; None if nothing was called.

    The share is the greatest that the orders reached at a notice, of the portfolio's capacity then; a stop does not lower it.
    """
    total, share = [0] * event.periods, 0
    for item in sorted(event.dispatches, key=lambda item: (item.dispatch.notice_at, item.dispatch.number)):
        total = [before + more for before, more in zip(total, item.noticed_w, strict=True)]
        at = item.dispatch.notice_at
        capacity = sum(device.capacity_w for device in devices if device.entry.was_in_before(at))
        share = max(share, min(_MOST_BPS, div_up(max(total) * BPS, capacity)) if capacity else _MOST_BPS)
    if not event.dispatches:
        return None
    start, end = event.key.window_start, event.key.window_end
    call = Call(window_start=start, window_end=end, first_notice=event.first_notice, called_bps=share)
    return KnownCall(call=call)


def calls_by_device(calls: Sequence[KnownCall], devices: Sequence[Device]) -> dict[str, tuple[Call, ...]]:
    """By name, the calls that each device was in."""
    found: dict[str, list[Call]] = {device.name: [] for device in devices}
    for item in calls:
        if item.device:
            names = {item.device} & found.keys()
        else:
            names = {device.name for device in devices if device.entry.was_in_before(item.call.first_notice)}
        for name in names:
            found[name].append(item.call)
    return {name: tuple(of) for name, of in found.items()}
