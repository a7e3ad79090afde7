"""Which records count for which times, and why others do not: all that can be said without looking into them.

It says for whole columns what `flexbond.model.shown` says of the records of one device, and chooses of each slot what to show, as a
provider does: for past days as it stood before the first notice, for the rest at the reading deadline.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl

from flexbond.model.types import SignerScheme, Silence

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from flexbond.fleet.event import FleetEvent
    from flexbond.fleet.tables import Devices

NOT_SHOWN: Final = 255
"""In place of a reason: the row is not shown."""
STANDING: Final = (
    *("slot_start", "period_seconds", "revision", "count", "at", "attested_at"),
    *("latest_revision", "latest_before_notice"),
)
"""What is known of every record."""


@dataclass(frozen=True, kw_only=True)
class Judged:
    """Every record, in the order of the files."""

    device: NDArray[np.int64]
    """Index of the entry; -1: of none that is in and accepted."""
    standing: NDArray[np.uint8]
    """What the oracle would not count it for, its signature apart; NOT_SHOWN where another row is shown in its place."""
    timing: NDArray[np.uint8]
    """Why it comes too late, or is not the last word."""
    low: NDArray[np.int64]
    """From when on its readings count, UTC seconds."""
    high: NDArray[np.int64]
    """Until when, exclusive."""
    time: NDArray[np.int64]
    """When it came, UTC seconds; 0: never."""
    needs_signature: NDArray[np.bool_]
    """Whether it counts as anchored, so that its signature is shown."""
    order: NDArray[np.int64]
    """The rows that are shown, by device and slot."""
    tangled: NDArray[np.bool_]
    """Of every entry: whether slots that are shown of it overlap, as after a change of grid."""


def standing_of_devices(event: FleetEvent, devices: Devices) -> NDArray[np.uint8]:
    """What makes a device silent whatever its records say."""
    notice = event.question.first_notice
    left, suspended = devices["left_at"], devices["suspended_at"]
    silence = np.zeros(len(devices), dtype=np.uint8)
    silence[devices["kind"] < event.rule.min_assurance] = Silence.LOW_ASSURANCE
    silence[(suspended > 0) & (suspended < event.deadline)] = Silence.SUSPENDED
    silence[~((devices["joined_at"] < notice) & ((left == 0) | (left >= notice)))] = Silence.INACTIVE
    return silence


def devices_of(points: NDArray[np.uint8], devices: Devices, is_heard: NDArray[np.bool_]) -> NDArray[np.int64]:
    """The entry that each metering point `(n, 16)` has among those that are heard; -1: none."""
    heard = np.flatnonzero(is_heard)
    known = pl.DataFrame({**_halves(devices.points[heard]), "device": heard}).unique(["a", "b"], keep="last")
    rows = pl.DataFrame(_halves(points)).join(known, on=["a", "b"], how="left", maintain_order="left")
    return rows["device"].fill_null(-1).to_numpy()


def _halves(points: NDArray[np.uint8]) -> dict[str, NDArray[np.uint64]]:
    words = np.ascontiguousarray(points).view(np.uint64).reshape(-1, 2)
    return {"a": words[:, 0], "b": words[:, 1]}


def judge(
    event: FleetEvent, devices: Devices, device: NDArray[np.int64], rows: dict[str, NDArray[np.int64]], boundary: int
) -> Judged:
    """Judges all records; `rows` holds the columns of STANDING, `boundary` is where past days end, UTC seconds; 0: there are none."""
    end = rows["slot_start"] + rows["period_seconds"] * rows["count"]
    notice, deadline = event.question.first_notice, event.deadline
    anchored = _is_anchored(rows, np.where(rows["slot_start"] < boundary, notice, deadline))
    time = np.where(anchored, rows["at"], rows["attested_at"])
    standing = np.zeros(len(device), dtype=np.uint8)
    standing[anchored] = _anchored_standing(event, devices, device, rows, end)[anchored]
    standing[time == 0] = Silence.NOT_ATTESTED
    device = np.where(_is_needed(event, devices, device, rows["slot_start"], end), device, -1)
    usable = (device >= 0) & (standing == Silence.OK)
    order = np.lexsort((time, -rows["revision"], rows["slot_start"], device)) if not _is_sorted(device, rows) else None
    shown = _choose(
        device,
        rows,
        order,
        [
            usable & (time < notice) & (rows["slot_start"] < boundary),
            usable & (time < deadline) & (end > boundary),
        ],
    )
    timing, low, high = _spans(rows, end, time, boundary, notice, deadline)
    standing[~shown] = NOT_SHOWN
    picked = np.flatnonzero(shown)
    if order is not None:
        picked = picked[np.lexsort((rows["revision"][picked], rows["slot_start"][picked], device[picked]))]
    sound = picked[(standing[picked] == Silence.OK) & (timing[picked] == Silence.OK)]
    tangled = _cut_overlaps(device, low, high, sound, len(devices))
    return Judged(
        device=device,
        standing=standing,
        timing=timing,
        low=low,
        high=high,
        time=time,
        needs_signature=anchored,
        order=picked,
        tangled=tangled,
    )


def _is_anchored(rows: dict[str, NDArray[np.int64]], limit: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which records count from when their root was anchored: those that no attestation brought before `limit`, UTC seconds.

    A revision counts only attested. What was attested counts without its signature, and from then only.
    """
    attested = rows["attested_at"]
    anchored: NDArray[np.bool_] = (attested == 0) | (
        (rows["revision"] == 0) & (attested != rows["at"]) & (attested >= limit)
    )
    return anchored


def _is_needed(
    event: FleetEvent, devices: Devices, device: NDArray[np.int64], start: NDArray[np.int64], end: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """Whether a record holds a moment that is needed of its device."""
    result = np.zeros(len(device), dtype=bool)
    if not len(devices):
        return result
    group = devices["group"][np.maximum(device, 0)]
    for number in range(len(event.groups)):
        needed = np.array(event.needed(number), dtype=np.int64)
        # The first period that ends after the record begins; the record meets it, or none.
        at = np.searchsorted(needed + event.rule.period_seconds, start, side="right")
        meets = (at < len(needed)) & (needed[np.minimum(at, len(needed) - 1)] < end)
        result |= meets & (group == number)
    return result


def _anchored_standing(
    event: FleetEvent,
    devices: Devices,
    device: NDArray[np.int64],
    rows: dict[str, NDArray[np.int64]],
    end: NDArray[np.int64],
) -> NDArray[np.uint8]:
    """As `MeterOracle.recordStanding`, the signature apart; for a row without device anything."""
    known = np.maximum(device, 0)
    if not len(devices):
        return np.zeros(len(device), dtype=np.uint8)
    shape = np.zeros((256, 3), dtype=np.int64)
    for number, grid in event.grids.items():
        shape[number] = grid.as_tuple()
    period, readings, offset = (shape[:, part][devices["grid_id"][known]] for part in range(3))
    start = rows["slot_start"]
    length = np.maximum(period * readings, 1)
    on_grid = (rows["period_seconds"] == period) & (rows["count"] == readings) & (start >= offset)
    on_grid &= (start - offset) % length == 0
    scheme = devices["scheme"][known]
    stated = (scheme == SignerScheme.SECP256K1) | (scheme == SignerScheme.P256)
    stated &= (devices["valid_from"][known] <= start) & (end <= devices["valid_until"][known])
    stated &= np.logical_or.reduce(devices.signers != 0, axis=1)[known]
    result = np.zeros(len(device), dtype=np.uint8)
    result[end > rows["at"]] = Silence.TOO_EARLY
    result[~on_grid] = Silence.OFF_GRID
    result[~stated] = Silence.UNSTATED
    result[rows["revision"] > 0] = Silence.NOT_ATTESTED
    return result


def _is_sorted(device: NDArray[np.int64], rows: dict[str, NDArray[np.int64]]) -> bool:
    """Whether the rows are by device and slot already, and every slot has one."""
    steps, slots = np.diff(device), np.diff(rows["slot_start"])
    return bool(np.all((steps > 0) | ((steps == 0) & (device[1:] >= 0) & (slots > 0))))


def _choose(
    device: NDArray[np.int64],
    rows: dict[str, NDArray[np.int64]],
    order: NDArray[np.int64] | None,
    wanted: Sequence[NDArray[np.bool_]],
) -> NDArray[np.bool_]:
    """Which rows are shown: of each slot the first in `order` that is wanted, for each of both uses; else the first, for its reason."""
    shown = device >= 0
    if order is None:
        return shown
    sorted_device, slot = device[order], rows["slot_start"][order]
    fresh = np.ones(len(order), dtype=bool)
    fresh[1:] = (np.diff(sorted_device) != 0) | (np.diff(slot) != 0)
    group = np.cumsum(fresh) - 1
    taken = np.zeros(len(order), dtype=bool)
    served = np.zeros(len(fresh), dtype=bool)
    for use in (*wanted, shown):
        at = np.flatnonzero(use[order])
        if use is shown:
            at = at[~served[group[at]]]
        first = at[np.r_[True, np.diff(group[at]) != 0]] if len(at) else at
        taken[first] = True
        served[group[first]] = True
    result = np.zeros(len(order), dtype=bool)
    result[order] = taken
    return result


def _spans(
    rows: dict[str, NDArray[np.int64]],
    end: NDArray[np.int64],
    time: NDArray[np.int64],
    boundary: int,
    notice: int,
    deadline: int,
) -> tuple[NDArray[np.uint8], NDArray[np.int64], NDArray[np.int64]]:
    """Why a record does not come in time, and what part of it counts."""
    start = rows["slot_start"]
    for_past = _timely(time, notice, rows["revision"], rows["latest_before_notice"])
    for_event = _timely(time, deadline, rows["revision"], rows["latest_revision"])
    timing = np.where(end <= boundary, for_past, for_event)
    split = (start < boundary) & (boundary < end) & ((for_past == 0) | (for_event == 0))
    timing[split] = Silence.OK
    low, high = start.copy(), end.copy()
    low[split & (for_past != 0)] = boundary
    high[split & (for_event != 0)] = boundary
    return timing, low, high


def _timely(
    time: NDArray[np.int64], deadline: int, revision: NDArray[np.int64], latest: NDArray[np.int64]
) -> NDArray[np.uint8]:
    result = np.where(revision < latest, np.uint8(Silence.SUPERSEDED), np.uint8(Silence.OK))
    result[time >= deadline] = Silence.LATE
    return result


def _cut_overlaps(
    device: NDArray[np.int64],
    low: NDArray[np.int64],
    high: NDArray[np.int64],
    order: NDArray[np.int64],
    count: int,
) -> NDArray[np.bool_]:
    """No reading counts twice: of slots that overlap the earlier one is read first. Whose slots do."""
    tangled = np.zeros(count, dtype=bool)
    same = np.diff(device[order]) == 0
    met = same & (low[order[1:]] < high[order[:-1]])
    tangled[device[order[1:]][met]] = True
    owner, until = -1, 0
    for row in order[tangled[device[order]]] if len(order) else order:
        if device[row] != owner:
            owner, until = device[row], 0
        low[row] = max(low[row], until)
        until = max(until, high[row])
    return tangled
