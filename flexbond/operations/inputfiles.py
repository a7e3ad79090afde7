"""The inputs of an event as the files that `flexbond quote` reads."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from flexbond.model.types import BaselineMethod, CalendarDays, Direction
from flexbond.operations.files import write_document, write_text
from flexbond.operations.structs import to_json
from flexbond.quoting.devices import KINDS
from flexbond.quoting.tables import plain_decimal
from flexbond.rules import rule_file_of, to_yaml
from flexbond.units import format_time

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from flexbond.model.types import Dispatch, EventKey, Lookback, Product, Rule
    from flexbond.quoting.calls import KnownCall
    from flexbond.quoting.devices import Device

CALENDAR_SCHEMA: Final = "flexbond/calendar-days"
_WH_DECIMALS: Final = 3
_KIND_NAMES: Final = {kind: name for name, kind in KINDS.items()}


@dataclass(frozen=True, kw_only=True)
class KeptReading:
    """A reading as a record that the oracle keeps states it."""

    device: str
    start: int
    """UTC seconds."""
    seconds: int
    milli_wh: int
    """`+` import."""
    estimated: bool
    revision: int
    received: int
    """When the record was first attested or anchored, UTC seconds."""


@dataclass(frozen=True, kw_only=True)
class InputRight:
    """A right of the event."""

    name: str
    product: Product
    uncalled: int
    """Units never called that earn their availability."""


@dataclass(frozen=True, kw_only=True)
class InputDispatch:
    """A dispatch as called and as it stands at the settlement."""

    right: str
    buyer: str
    noticed: Dispatch
    settled: Dispatch


@dataclass(frozen=True, kw_only=True)
class EventInputs:
    """All that an event is measured and paid from."""

    name: str
    key: EventKey
    rule: Rule
    lookback: Lookback
    calendar: CalendarDays | None
    devices: tuple[Device, ...]
    """The places of the portfolio, in their order."""
    readings: tuple[KeptReading, ...]
    rights: tuple[InputRight, ...]
    dispatches: tuple[InputDispatch, ...]
    schedule_milli_wh: tuple[int, ...]
    is_measured: bool
    customer_share_bps: int
    symbol: str
    decimals: int
    calls: tuple[KnownCall, ...] = ()


def write_inputs(inputs: EventInputs, folder: Path) -> list[Path]:
    """Writes rule, calendar, devices, readings (a file a period length), orders and calls; the files.

    Raises DocumentUnreadableError where nothing can be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    calendar = inputs.calendar
    of_rule = None if calendar is None else calendar.calendar
    file = rule_file_of(inputs.rule, inputs.lookback, of_rule, name=f"rule-of-{inputs.name}")
    written = [
        _write(folder / "rule.yaml", to_yaml(file)),
        _write(folder / "devices.csv", _devices(inputs.devices)),
        _write(folder / "orders.json", json.dumps(_orders(inputs), indent=2) + "\n"),
    ]
    for seconds in sorted({reading.seconds for reading in inputs.readings}):
        rows = [reading for reading in inputs.readings if reading.seconds == seconds]
        written.append(_write(folder / f"readings-{seconds}s.csv", _readings(rows, seconds)))
    if calendar is not None:
        write_document(folder / "calendar.json", to_json(calendar), schema=CALENDAR_SCHEMA)
        written += [folder / "calendar.json", _write(folder / "calls.csv", _calls(inputs.calls))]
    return written


def _write(path: Path, text: str) -> Path:
    write_text(path, text)
    return path


def _csv(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return out.getvalue()


def _time(seconds: int) -> str:
    return format_time(seconds) if seconds else ""


def _devices(devices: Iterable[Device]) -> str:
    header = ("device", "capacity_w", "connection_w", "kind", "joined", "left", "suspended", "payee")
    return _csv(
        header,
        (
            (
                *(item.name, item.capacity_w, item.connection_w, _KIND_NAMES[item.kind]),
                *(_time(item.joined_at), _time(item.left_at), _time(item.suspended_at), item.payee),
            )
            for item in devices
        ),
    )


def _readings(readings: Iterable[KeptReading], seconds: int) -> str:
    stated = f"# sign=import-positive stamp=start unit=Wh period={seconds}\n"
    header = ("device", "start", "wh", "estimated", "revision", "received")
    rows = (
        (
            *(item.device, format_time(item.start), plain_decimal(item.milli_wh, _WH_DECIMALS)),
            *(str(item.estimated).lower(), item.revision, format_time(item.received)),
        )
        for item in sorted(readings, key=lambda item: (item.device, item.start, item.revision))
    )
    return stated + _csv(header, rows)


def _calls(calls: Iterable[KnownCall]) -> str:
    header = ("window_start", "window_end", "first_notice", "called_bps", "device")
    rows = (
        (
            *map(format_time, (item.call.window_start, item.call.window_end, item.call.first_notice)),
            *(item.call.called_bps, item.device),
        )
        for item in calls
    )
    return _csv(header, rows)


# ------------------------------------------------------------------ orders


def _orders(inputs: EventInputs) -> dict[str, Any]:
    key = inputs.key
    event: dict[str, Any] = {
        "name": inputs.name,
        "direction": "shed" if key.direction is Direction.SHED else "absorb",
        "window": f"{format_time(key.window_start)}/{format_time(key.window_end)}",
        "measured": inputs.is_measured,
        "rights": [_right(item, inputs.decimals) for item in inputs.rights],
        "dispatches": [_dispatch(item) for item in inputs.dispatches],
    }
    if inputs.rule.baseline is BaselineMethod.REFERENCE_LEVEL:
        event["reference"] = f"{key.reference_w} W"
    if inputs.schedule_milli_wh:
        event["schedule"] = [f"{energy} mWh" for energy in inputs.schedule_milli_wh]
    return {
        "currency": {"symbol": inputs.symbol, "decimals": inputs.decimals},
        "customer_share_bps": inputs.customer_share_bps,
        # What was settled is judged by the rule alone.
        "least_readings_bps": 0,
        "events": [event],
    }


def _right(right: InputRight, decimals: int) -> dict[str, Any]:
    product = right.product
    return {
        "name": right.name,
        "lot": f"{product.lot_w} W",
        "availability": f"{plain_decimal(product.availability_per_mwhour, decimals)}/MW/h",
        "utilisation": f"{plain_decimal(product.utilisation_per_mwh, decimals)}/MWh",
        "shortfall": f"{plain_decimal(product.shortfall_per_mwh, decimals)}/MWh",
        "uncalled": right.uncalled,
    }


def _dispatch(item: InputDispatch) -> dict[str, Any]:
    noticed, settled = item.noticed, item.settled
    told: dict[str, Any] = {
        "right": item.right,
        "buyer": item.buyer,
        "units": noticed.units,
        "notice": format_time(noticed.notice_at),
        "kind": noticed.kind.name.lower(),
        "power": [f"{power} W" for power in noticed.orders_w],
    }
    pairs = enumerate(zip(noticed.orders_w, settled.orders_w, strict=True))
    taken_back = [period for period, (before, after) in pairs if before != after]
    if not any(settled.orders_w):
        told["cancelled"] = True
    elif taken_back:
        told["stopped"] = taken_back[0]
    excused = [period for period in range(len(settled.orders_w)) if settled.excused_mask >> period & 1]
    if excused:
        told["excused"] = excused
    return told
