"""Bringing an event to its end: submission, proofs, settlement of all dispatches and of what was never called.

`settle_event` looks at the chain, does what is missing and can be done, and says what has to wait and until when. It keeps no state of
its own: it may be killed at any moment and started again, by the same or by another account. The provider needs its record book
to submit and to prove; everything after that anyone can do.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING

from flexbond.ids import commitment, cursor_hash
from flexbond.model.types import EventStatus, Silence
from flexbond.operations.common import time_of, titled
from flexbond.operations.errors import RecordsDifferError, SilentEventError
from flexbond.operations.evidence import gather
from flexbond.operations.history import find_events, load_event
from flexbond.operations.progress import Progress, silent
from flexbond.operations.proving import MOST_LEAVES, prove_leaves
from flexbond.units import format_time

if TYPE_CHECKING:
    from flexbond.chain.send import Sender
    from flexbond.chain.suite import Suite
    from flexbond.operations.evidence import Evidence
    from flexbond.operations.history import EventHistory, RightState
    from flexbond.operations.recordbook import RecordBook


@dataclass(frozen=True, kw_only=True)
class Waiting:
    """Why an event is not at its end."""

    reason: str
    until: int
    """From when on it can go on, or until when somebody has to act; UTC seconds."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What was done for an event, and where it stands now."""

    event_id: bytes
    status: EventStatus
    submitted: bool
    """Whether it was submitted now."""
    proven: int
    """Leaves proven now."""
    failed: bool
    """Whether it was ended as unmeasured now."""
    dispatches: tuple[bytes, ...]
    """Dispatches settled now."""
    rights: tuple[bytes, ...]
    """Rights whose uncalled units were settled now."""
    open_dispatches: int
    """Dispatches that are not settled."""
    waiting: Waiting | None
    """None if nothing is left to do."""

    @property
    def is_done(self) -> bool:
        """Whether nothing is left to settle."""
        return self.waiting is None


@dataclass(kw_only=True)
class _Work:
    """What was done so far."""

    max_leaves: int
    """Most leaves proven in one transaction."""
    accept_silence: bool
    """Whether to submit an event of which the book shows no device."""
    submitted: bool = False
    proven: int = 0
    failed: bool = False
    dispatches: list[bytes] = dataclasses.field(default_factory=list)
    rights: list[bytes] = dataclasses.field(default_factory=list)
    waiting: Waiting | None = None


def settle_event(
    suite: Suite,
    sender: Sender,
    event_id: bytes,
    *,
    records: RecordBook | None = None,
    max_leaves: int = MOST_LEAVES,
    accept_silence: bool = False,
    progress: Progress = silent,
) -> Outcome:
    """Does for an event what is missing and can be done now; see the module. `records` is the provider's record book.

    An event is submitted once and for all: one of which the book shows no device at all is refused unless `accept_silence`. Raises
    SilentEventError for that, UnknownError, RecordsDifferError (submitted with other records), ContractRevert, NodeUnreachableError.
    """
    sender.recover()
    work = _Work(max_leaves=max_leaves, accept_silence=accept_silence)
    event = _measure(suite, sender, load_event(suite, event_id), records, work, progress)
    if event.status in (EventStatus.MEASURED, EventStatus.UNMEASURED):
        _settle_dispatches(suite, sender, event, work, progress)
    _settle_uncalled(suite, sender, event, work, progress)
    return _outcome(load_event(suite, event_id), work, progress)


def submit_event(
    suite: Suite,
    sender: Sender,
    event_id: bytes,
    *,
    records: RecordBook,
    max_leaves: int = MOST_LEAVES,
    accept_silence: bool = False,
    progress: Progress = silent,
) -> Outcome:
    """Submission and proofs alone, without settling. Raises as `settle_event`."""
    sender.recover()
    work = _Work(max_leaves=max_leaves, accept_silence=accept_silence)
    event = _measure(suite, sender, load_event(suite, event_id), records, work, progress)
    return _outcome(load_event(suite, event.id), work, progress)


def settle_all(
    suite: Suite, sender: Sender, *, records: RecordBook | None = None, progress: Progress = silent
) -> tuple[Outcome, ...]:
    """`settle_event` for every event of the suite, in the order of their windows."""
    return tuple(
        settle_event(suite, sender, event_id, records=records, progress=progress) for event_id in find_events(suite)
    )


# ------------------------------------------------------------------ measuring


def _measure(
    suite: Suite,
    sender: Sender,
    event: EventHistory,
    records: RecordBook | None,
    work: _Work,
    progress: Progress,
) -> EventHistory:
    """Brings an event to its measurement as far as it goes; the event as it stands then."""
    if event.status is EventStatus.CALLED:
        event = _submit(suite, sender, event, records, work, progress)
    if event.status is EventStatus.SUBMITTED:
        event = _prove(suite, sender, event, records, work, progress)
    return event


def _submit(
    suite: Suite,
    sender: Sender,
    event: EventHistory,
    records: RecordBook | None,
    work: _Work,
    progress: Progress,
) -> EventHistory:
    end, rule, now = event.key.window_end, event.rule, time_of(suite)
    earliest, deadline = end + rule.reading_deadline, end + rule.submission_deadline
    if now >= deadline:
        return _fail(suite, sender, event, "It was not submitted in time.", work, progress)
    if now < earliest:
        reason = f"The event can be submitted from {format_time(earliest)} on, once no more records count."
        return _wait(event, reason, earliest, work, progress)
    book = _usable(suite, sender, event, records)
    if book is None:
        reason = f"{event.provider} or its operator must submit with its record book until {format_time(deadline)}."
        return _wait(event, reason, deadline, work, progress)
    evidence = gather(suite, event, book)
    _tell_silent(evidence, progress)
    if Silence.OK not in evidence.reasons and not work.accept_silence:
        raise SilentEventError(
            f"The record book shows no device of this event: all {evidence.leaves} would be submitted as silent, for good.",
            f"Name the right book until {format_time(deadline)}, or accept it with --accept-silence.",
        )
    tree, totals = evidence.measured.tree, evidence.measured.totals
    transaction = suite.measurement.transaction("submit", event.key, rule, tree.root, totals)
    sender.send(titled(transaction, f"Submit the event with {evidence.leaves} leaves"))
    progress(f"Submitted the event: root 0x{tree.root.hex()} over {evidence.leaves} leaves.")
    work.submitted = True
    return load_event(suite, event.id)


def _prove(
    suite: Suite,
    sender: Sender,
    event: EventHistory,
    records: RecordBook | None,
    work: _Work,
    progress: Progress,
) -> EventHistory:
    deadline = event.state.submitted_at + event.rule.proof_window
    if time_of(suite) >= deadline:
        return _fail(suite, sender, event, "It was not proven in time.", work, progress)
    book = _usable(suite, sender, event, records)
    if book is None:
        reason = f"{event.provider} or its operator must prove with its record book until {format_time(deadline)}."
        return _wait(event, reason, deadline, work, progress)
    evidence = gather(suite, event, book)
    submission = event.submission
    submitted = suite.measurement.read("commitment", event.id)
    if submission is None or commitment(evidence.measured.tree.root, evidence.measured.totals) != submitted:
        raise RecordsDifferError(
            "The event was submitted with other records than this book has.",
            f"Name the record book it was submitted with; it must be proven until {format_time(deadline)}.",
        )
    first = _first_unproven(suite, event, evidence, progress)
    for count in prove_leaves(
        suite, sender, event, evidence, first=first, max_leaves=work.max_leaves, progress=progress
    ):
        work.proven += count
    progress("All leaves are proven: the event is measured.")
    return load_event(suite, event.id)


def _first_unproven(suite: Suite, event: EventHistory, evidence: Evidence, progress: Progress) -> int:
    """Where proving goes on: after the leaves on chain, if they are those of the book."""
    proven = event.state.proven
    if proven == 0:
        return 0
    if suite.measurement.read("cursorHash", event.id) == cursor_hash(evidence.cursor(proven)):
        progress(f"Proving goes on: {proven} of {evidence.leaves} leaves are proven.")
        return proven
    progress(f"The {proven} leaves proven so far were proven with other data: proving starts anew from leaf 0.")
    return 0


def _usable(suite: Suite, sender: Sender, event: EventHistory, records: RecordBook | None) -> RecordBook | None:
    """The record book, if there is one and the sender may submit and prove for the provider."""
    mine = sender.address == event.provider or suite.participants.read("mayAct", event.provider, sender.address)
    return records if mine else None


def _wait(event: EventHistory, reason: str, until: int, work: _Work, progress: Progress) -> EventHistory:
    work.waiting = Waiting(reason=reason, until=until)
    progress(reason)
    return event


def _fail(suite: Suite, sender: Sender, event: EventHistory, why: str, work: _Work, progress: Progress) -> EventHistory:
    sender.send(titled(suite.measurement.transaction("fail", event.key, event.rule), "End the event as unmeasured"))
    progress(f"{why} The event ends as unmeasured.")
    work.failed = True
    return load_event(suite, event.id)


def _tell_silent(evidence: Evidence, progress: Progress) -> None:
    for index, reason in enumerate(evidence.reasons):
        if reason not in (Silence.OK, Silence.INACTIVE):
            progress(f"Leaf {index} counts as silent: {reason.name.lower().replace('_', ' ')}.")


# ------------------------------------------------------------------ settling


def _settle_dispatches(suite: Suite, sender: Sender, event: EventHistory, work: _Work, progress: Progress) -> None:
    """One after the other: what the last one costs is known only when it is the last."""
    for called in event.dispatches:
        if called.settled is not None:
            continue
        product = event.product_of(called.dispatch.right_id)
        transaction = suite.settlement.transaction(
            "settle", product, event.rule, called.dispatch, event.responses_milli_wh
        )
        sender.send(titled(transaction, f"Settle dispatch {called.dispatch.number}"))
        progress(f"Settled dispatch {called.dispatch.number} of {called.dispatch.holder}.")
        work.dispatches.append(called.id)


def _settle_uncalled(suite: Suite, sender: Sender, event: EventHistory, work: _Work, progress: Progress) -> None:
    uncalled = [right for right in event.rights if _is_uncalled(right)]
    if not uncalled:
        return
    if time_of(suite) < event.key.window_end:
        reason = f"Units that are never called can be settled from {format_time(event.key.window_end)} on."
        if work.waiting is None:
            _wait(event, reason, event.key.window_end, work, progress)
        return
    for right in uncalled:
        transaction = suite.settlement.transaction("settleUncalled", right.product, event.rule)
        sender.send(titled(transaction, f"Settle {right.open} uncalled units"))
        progress(f"Settled {right.open} uncalled units of right 0x{right.id.hex()}.")
        work.rights.append(right.id)


def _is_uncalled(right: RightState) -> bool:
    """Whether something of the right is left to settle beside its dispatches."""
    return not right.expired and right.open + right.released > 0


def _outcome(event: EventHistory, work: _Work, progress: Progress) -> Outcome:
    open_dispatches = sum(1 for called in event.dispatches if called.settled is None)
    waiting = work.waiting
    if waiting is None and (open_dispatches or any(map(_is_uncalled, event.rights))):
        reason = "What is left can be settled by anyone, any time: run `flexbond settle`."
        waiting = Waiting(reason=reason, until=event.key.window_end)
    if waiting is None:
        progress("The event is settled.")
    return Outcome(
        event_id=event.id,
        status=event.status,
        submitted=work.submitted,
        proven=work.proven,
        failed=work.failed,
        dispatches=tuple(work.dispatches),
        rights=tuple(work.rights),
        open_dispatches=open_dispatches,
        waiting=waiting,
    )
