"""Anchoring records of the book: one root for any number of them, unseen until they are shown."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from flexbond.model.types import Silence
from flexbond.operations.booked import contradict, equivocation
from flexbond.operations.common import time_of, titled
from flexbond.operations.errors import OperationError
from flexbond.operations.meters import Refused, kept_numbers, standings
from flexbond.operations.progress import Progress, silent
from flexbond.operations.recordbook import records_in
from flexbond.operations.rehearsal import DrySender
from flexbond.trees import MAX_HISTORY

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from flexbond.chain.send import Sender
    from flexbond.chain.suite import Suite
    from flexbond.operations.recordbook import Anchor, RecordBook
    from flexbond.records import Standing

ASKED_AT_ONCE: Final = 500
"""Records whose standing is asked in one request."""

REASONS: Final = {
    Silence.UNSTATED: "No statement is in force over its slot.",
    Silence.OFF_GRID: "It is not on the grid that its metering point is stated with.",
    Silence.WRONG_SIGNER: "The key that signed it is not the one stated for its metering point now.",
    Silence.BAD_OPENING: "The device is stated with the other signature scheme now.",
}
"""Why the oracle would not count a record that is anchored now."""


@dataclass(frozen=True, kw_only=True)
class Anchored:
    """What became of the book's records."""

    records: int
    """Under the root."""
    leaves: int
    """Of its tree."""
    root: bytes | None
    """Anchored now; None if there was nothing to anchor."""
    known: int
    """Records left out, as the oracle has them; 0 with histories."""
    not_over: int
    """Records left out whose slot has not ended yet."""
    revisions: int
    """Revisions left out: they only count when they are attested."""
    refused: tuple[Refused, ...]
    """Records left out that would not count."""


def anchor(
    suite: Suite,
    sender: Sender,
    book: RecordBook,
    *,
    history: bool = False,
    last: int = MAX_HISTORY,
    beside: Sequence[Path] = (),
    progress: Progress = silent,
) -> Anchored:
    """Anchors records of the book under one root, which reveals nothing of them. By anyone.

    All records that the oracle does not have yet, a leaf each; or with `history` the `last` records of every device, in one leaf, so
    that an event's past days are shown together. A root that the oracle has is not sent again. The root is written into the book before
    it is sent. Only what counts if it is anchored now is under it: a root must not be known to others before its records' statements
    are in force. Raises OperationError, NodeUnreachableError.
    """
    if not 1 <= last <= MAX_HISTORY:
        raise OperationError(f"A history of {last} records.", f"Ask for 1 to {MAX_HISTORY}.")
    require_consistent(book, beside)
    sender.recover()
    known = standings(suite, book)
    now = time_of(suite)
    numbers = range(len(book))
    ordinary = [number for number in numbers if book.records[number].record.head.revision == 0]
    over = [number for number in ordinary if book.records[number].record.head.slot_end <= now]
    had = set() if history else kept_numbers(book, known).intersection(over)
    new = [number for number in over if number not in had]
    refused = _refused(suite, book, new, now, progress)
    good = [number for number in new if number not in refused]
    leaves = _histories(book, good, last) if history else [(number,) for number in good]
    done = _send(suite, sender, book, leaves, known, progress) if leaves else None
    return Anchored(
        records=sum(map(len, done.leaves)) if done else 0,
        leaves=len(done.leaves) if done else 0,
        root=done.root if done else None,
        known=len(had),
        not_over=len(ordinary) - len(over),
        revisions=len(numbers) - len(ordinary),
        refused=tuple(refused.values()),
    )


def require_consistent(book: RecordBook, beside: Sequence[Path]) -> None:
    """Raises EquivocationError if another book has another record of a slot and revision than this one."""
    for path in beside:
        for other in records_in(path):
            known = book.find(other.key)
            if known is not None and contradict(known, other):
                raise equivocation(other.key)


def _refused(
    suite: Suite, book: RecordBook, numbers: Sequence[int], now: int, progress: Progress
) -> dict[int, Refused]:
    """Those records that would not count, by number."""
    found: dict[int, Refused] = {}
    for first in range(0, len(numbers), ASKED_AT_ONCE):
        part = [(number, book.records[number]) for number in numbers[first : first + ASKED_AT_ONCE]]
        asked = [(item.record.head.pack(), item.record.commitment, item.signature_bytes, now) for _, item in part]
        for (number, booked), code in zip(part, suite.oracle.read_many("recordStanding", asked), strict=True):
            silence = Silence(code)
            if silence is Silence.OK:
                continue
            head = booked.record.head
            found[number] = Refused(
                metering_point=head.metering_point,
                slot_start=head.slot_start,
                revision=head.revision,
                reason=REASONS[silence],
            )
            progress(f"Left out a record of metering point 0x{head.metering_point.hex()}: {REASONS[silence]}")
    return found


def _histories(book: RecordBook, numbers: Sequence[int], last: int) -> list[tuple[int, ...]]:
    """Of every device its last records, by slot; devices in the order of the book."""
    by_point: dict[bytes, list[int]] = {}
    for number in numbers:
        by_point.setdefault(book.records[number].record.head.metering_point, []).append(number)
    return [
        tuple(sorted(found, key=lambda number: book.records[number].record.head.slot_start)[-last:])
        for found in by_point.values()
    ]


def _send(
    suite: Suite,
    sender: Sender,
    book: RecordBook,
    leaves: Sequence[tuple[int, ...]],
    known: Mapping[bytes, Standing],
    progress: Progress,
) -> Anchor | None:
    """The root that was sent; None if the oracle has it."""
    planned = book.anchor_of(leaves)
    if planned.root in known:
        return None
    records = sum(map(len, leaves))
    transaction = titled(suite.oracle.transaction("anchor", planned.root), f"Anchor {records} records")
    if not isinstance(sender, DrySender):
        book.plan_anchor(planned)
    sender.send(transaction)
    progress(f"Anchored {records} records under the root 0x{planned.root.hex()}.")
    return planned
