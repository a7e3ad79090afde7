"""Reporting devices that signed two different records of one slot and revision: they are suspended, and silent from then on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from flexbond.model.types import SignerScheme
from flexbond.operations.common import titled
from flexbond.operations.progress import Progress, silent
from flexbond.operations.recordbook import records_in
from flexbond.units import format_time

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from flexbond.chain.send import Sender
    from flexbond.chain.suite import Suite
    from flexbond.operations.booked import BookedRecord, Key


@dataclass(frozen=True, kw_only=True)
class Reported:
    """A device that equivocates."""

    metering_point: bytes
    slot_start: int
    """UTC seconds."""
    revision: int
    suspended_at: int
    """UTC seconds."""
    is_new: bool
    """Whether it was reported now; False: it was suspended before."""


def find_equivocations(paths: Sequence[Path]) -> list[tuple[BookedRecord, BookedRecord]]:
    """Of every metering point the first two records, of one or several books, that no honest device signs both. Raises DocumentError."""
    first: dict[Key, BookedRecord] = {}
    found: dict[bytes, tuple[BookedRecord, BookedRecord]] = {}
    for path in paths:
        for record in records_in(path):
            known = first.setdefault(record.key, record)
            is_provable = (
                known.record.head == record.record.head and known.record.commitment != record.record.commitment
            )
            if is_provable:
                found.setdefault(record.record.head.metering_point, (known, record))
    return list(found.values())


def report_equivocations(
    suite: Suite, sender: Sender, paths: Sequence[Path], *, progress: Progress = silent
) -> tuple[Reported, ...]:
    """Has every device suspended that signed two different records of one slot and revision in these books. By anyone.

    A device that is suspended is not reported again. Raises DocumentError, ContractRevert (a record that was signed by another key).
    """
    sender.recover()
    reported = []
    for one, other in find_equivocations(paths):
        head = one.record.head
        point = f"0x{head.metering_point.hex()}"
        is_new = suite.devices.read("meteringPoint", head.metering_point).suspended_at == 0
        if is_new:
            is_p256 = one.scheme is SignerScheme.P256
            function = "reportEquivocationP256" if is_p256 else "reportEquivocation"
            transaction = suite.oracle.transaction(function, one.signed, other.signed)
            sender.send(titled(transaction, f"Report the device of metering point {point}"))
            progress(
                f"Reported two records of {point} of the slot from {format_time(head.slot_start)}: it is suspended."
            )
        reported.append(
            Reported(
                metering_point=head.metering_point,
                slot_start=head.slot_start,
                revision=head.revision,
                suspended_at=suite.devices.read("meteringPoint", head.metering_point).suspended_at,
                is_new=is_new,
            )
        )
    return tuple(reported)
