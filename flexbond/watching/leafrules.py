"""What published leaves show against themselves and each other: for whole columns what `flexbond.model.sampling` says of one leaf."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Final

import numpy as np

from flexbond.fleet.columns import check_powers
from flexbond.fleet.errors import FleetError
from flexbond.fleet.judging import standing_of_devices
from flexbond.fleet.showing import entry_at
from flexbond.model.delivery import is_own_baseline
from flexbond.model.sampling import fault_of_leaf, totals_of
from flexbond.model.types import ClampLevel, Fault, Silence
from flexbond.watching.findings import MOST, Finding, Kind, Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from flexbond.fleet.event import FleetEvent
    from flexbond.fleet.tables import Devices
    from flexbond.watching.published import Published

_UNIT: Final = 3600
_SMALL: Final = 1 << 62
_WORD: Final = 32


def rules_of_leaves(
    event: FleetEvent, devices: Devices, published: Published
) -> tuple[dict[str, Rule], list[Finding], NDArray[np.bool_]]:
    """How far each rule could be checked, what was found, and of every leaf whether something is."""
    count, is_false = len(published), np.zeros(len(published), dtype=bool)
    findings: list[Finding] = []

    def found(kind: Kind, fault: Fault, places: NDArray[np.int64] | list[int]) -> None:
        is_false[places] = True
        findings.extend(Finding(kind=kind, fault=fault, place=int(place)) for place in places[:MOST])

    shown, known = sorted(published.malformed), published.known
    found(Kind.FORM, Fault.MALFORMED, shown)
    for place, fault in ((0, Fault.WRONG_START), (count - 1, Fault.WRONG_END)):
        if known[place] and _is_wrong_end(published, place, fault):
            found(Kind.LEAF, fault, [place])
    found(Kind.NEIGHBOURS, Fault.JUMP, published.jumps())
    for place, fault in islice(_impossible(event, devices, published), MOST):
        found(Kind.LEAF, fault, [place])
    rules = {
        "form": Rule(checked=int(known.sum()) + len(shown), of=count),
        "start": Rule(checked=int(known[0]), of=1),
        "end": Rule(checked=int(known[-1]), of=1),
        "neighbours": Rule(checked=int((known[1:] & known[:-1]).sum()), of=count - 1),
        "range": Rule(checked=int(known.sum()), of=count),
    }
    return rules, findings, is_false


def _is_wrong_end(published: Published, place: int, fault: Fault) -> bool:
    row = published.words[place]
    prefixes = [bytes(word[_WORD // 2 :]) for word in row]
    if fault is Fault.WRONG_START:
        return prefixes != [bytes(word[: _WORD // 2]) for word in row]
    return [int.from_bytes(prefix, "big") for prefix in prefixes] != list(totals_of(published.claim))


def _impossible(event: FleetEvent, devices: Devices, published: Published) -> Iterator[tuple[int, Fault]]:
    """Leaves whose entries cannot be, in order, with what `challengeLeaf` would find of them."""
    suspicious = np.flatnonzero(~_are_possible(event, devices, published) & published.known)
    for place in suspicious.tolist():
        entry, point = entry_at(devices, place)
        fault = fault_of_leaf(
            rule=event.rule,
            question=event.question,
            claim=published.claim,
            leaf=published.leaf(place),
            leaves=len(published),
            entry=entry,
            point=point,
        )
        if fault in (Fault.OUT_OF_RANGE, Fault.NOT_SILENT):
            yield place, fault


def _are_possible(event: FleetEvent, devices: Devices, published: Published) -> NDArray[np.bool_]:
    """Whether entries can be; False also where that is not seen at once."""
    rule, seconds = event.rule, event.rule.period_seconds
    small, entries = _small_entries(published)
    columns, weight = entries[:, :-1], entries[:, -1]
    is_own = is_own_baseline(rule)
    if not _fit(event, devices):
        return np.zeros(len(published), dtype=bool)
    full = (devices["capacity_w"] if is_own else devices["connection_w"]) * seconds * 1000
    limit, is_zero = full // _UNIT, ~entries.any(axis=1)
    energies, whole = columns, np.ones(len(published), dtype=bool)
    is_shifted = not is_own or rule.clamp_level is ClampLevel.PORTFOLIO
    if is_shifted:
        shifted = columns - full[:, None]
        whole, energies = (shifted % _UNIT == 0).all(axis=1), shifted // _UNIT
    whole &= (np.abs(energies) <= limit[:, None]).all(axis=1)
    gained = np.clip(energies, 0, limit[:, None]).sum(axis=1)
    heard = whole & (weight == (gained if is_own else devices["capacity_w"]))
    silent = claim_silence(event, devices, published)
    standing = standing_of_devices(event, devices)
    is_absent = standing == Silence.INACTIVE
    possible: NDArray[np.bool_] = np.where(standing == Silence.OK, heard if is_own else heard | is_zero, silent)
    possible = (possible & ~is_absent) | (is_zero & is_absent)
    possible &= small
    return possible


def claim_silence(event: FleetEvent, devices: Devices, published: Published) -> NDArray[np.bool_]:
    """Whether leaves claim what a device has that was in the portfolio and is silent."""
    small, entries = _small_entries(published)
    silent = np.zeros(len(published), dtype=np.int64)
    if is_own_baseline(event.rule) and event.rule.clamp_level is ClampLevel.PORTFOLIO and _fit(event, devices):
        full = devices["capacity_w"] * event.rule.period_seconds * 1000
        silent = full - _UNIT * (full // _UNIT)
    found: NDArray[np.bool_] = (entries[:, :-1] == silent[:, None]).all(axis=1) & (entries[:, -1] == 0)
    found &= small
    return found


def _small_entries(published: Published) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
    """Whether all entries of each leaf fit, and they, the weight last; 0 where they do not."""
    halves = published.entries.reshape(len(published), -1, _WORD // 2).copy().view(">u8").astype(np.uint64)
    halves = halves.reshape(len(published), -1, 2)
    small: NDArray[np.bool_] = ((halves[:, :, 0] == 0) & (halves[:, :, 1] < _SMALL)).all(axis=1)
    return small, np.where(small[:, None], halves[:, :, 1], 0).astype(np.int64)


def _fit(event: FleetEvent, devices: Devices) -> bool:
    """Whether what devices can give in a period fits 64 bits."""
    try:
        for power in ("capacity_w", "connection_w"):
            check_powers(devices[power], event.rule.period_seconds, power.removesuffix("_w"))
    except FleetError:
        return False
    return True
