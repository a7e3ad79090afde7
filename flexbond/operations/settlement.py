"""Bringing an event to its end: submission, proofs, settlement of all dispatches and of what was never called.

`settle_event` looks at the chain, does what is missing and can be done, and says what has to wait and until when. It keeps no state of
its own: it may be killed at any moment and started again, by the same or by another account. The provider needs its record book, or for
a sampled submission the folder that `submit build` made, to submit; whoever has one of them can prove a sampled submission; everything
else anyone can do.

Where a rule samples and the portfolio has more devices than it has spot checks, the submission is sampled: `checking` has its steps. Else
every leaf is proven.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from flexbond.ids import commitment, cursor_hash
from flexbond.model.sampling import bond_of
from flexbond.model.types import EventStatus, Silence
from flexbond.operations.checking import check, give_back, leaves_of
from flexbond.operations.common import time_of, token_at
from flexbond.operations.errors import OperationError, RecordsDifferError, SilentEventError
from flexbond.operations.history import find_events, load_event
from flexbond.operations.leaves import BookLeaves, leaves_of_book
from flexbond.operations.progress import Progress, silent
from flexbond.operations.proving import MOST_LEAVES, prove_leaves
from flexbond.operations.run import Outcome, Run, Waiting
from flexbond.units import format_time

if TYPE_CHECKING:
    from pathlib import Path

    from flexbond.chain.send import Sender
    from flexbond.chain.suite import Suite
    from flexbond.model.types import PortfolioSums, Rule
    from flexbond.operations.evidence import Evidence
    from flexbond.operations.history import EventHistory, RightState
    from flexbond.operations.leaves import Leaves
    from flexbond.operations.recordbook import RecordBook

__all__ = ["Outcome", "Waiting", "is_sampled", "settle_all", "settle_event", "submit_event"]


def is_sampled(rule: Rule, leaves: int) -> bool:
    """Whether a submission of so many leaves is sampled, or every leaf of it proven."""
    return rule.challenge_window != 0 and leaves > rule.spot_checks


def settle_event(
    suite: Suite,
    sender: Sender,
    event_id: bytes,
    *,
    records: RecordBook | None = None,
    build: Path | None = None,
    max_leaves: int = MOST_LEAVES,
    accept_silence: bool = False,
    progress: Progress = silent,
) -> Outcome:
    """Does for an event what is missing and can be done now; see the module. `records` is the provider's record book, `build` the folder
    of a built submission.

    An event is submitted once and for all: one of which the data show no device at all is refused unless `accept_silence`. Raises
    SilentEventError for that, UnknownError, RecordsDifferError (submitted with other records), OperationError, ContractRevert,
    NodeUnreachableError.
    """
    sender.recover()
    run = Run(
        suite=suite,
        sender=sender,
        progress=progress,
        records=records,
        build=build,
        max_leaves=max_leaves,
        accept_silence=accept_silence,
    )
    event = _measure(run, load_event(suite, event_id))
    if event.status in (EventStatus.MEASURED, EventStatus.UNMEASURED):
        _settle_dispatches(run, event)
    _settle_uncalled(run, event)
    return _outcome(run, load_event(suite, event_id))


def submit_event(
    suite: Suite,
    sender: Sender,
    event_id: bytes,
    *,
    records: RecordBook | None = None,
    build: Path | None = None,
    max_leaves: int = MOST_LEAVES,
    accept_silence: bool = False,
    progress: Progress = silent,
) -> Outcome:
    """Submission, checks and proofs alone, without settling. Raises as `settle_event`."""
    sender.recover()
    run = Run(
        suite=suite,
        sender=sender,
        progress=progress,
        records=records,
        build=build,
        max_leaves=max_leaves,
        accept_silence=accept_silence,
    )
    event = _measure(run, load_event(suite, event_id))
    return _outcome(run, load_event(suite, event.id))


def settle_all(
    suite: Suite, sender: Sender, *, records: RecordBook | None = None, progress: Progress = silent
) -> tuple[Outcome, ...]:
    """`settle_event` for every event of the suite, in the order of their windows."""
    return tuple(
        settle_event(suite, sender, event_id, records=records, progress=progress) for event_id in find_events(suite)
    )


# ------------------------------------------------------------------ measuring


def _measure(run: Run, event: EventHistory) -> EventHistory:
    """Brings an event to its measurement as far as it goes; the event as it stands then."""
    if event.status is EventStatus.CALLED:
        event = _submit(run, event)
    if event.status is EventStatus.SUBMITTED:
        event = _prove(run, event) if event.checks is None else check(run, event)
    give_back(run, event)
    return event


def _submit(run: Run, event: EventHistory) -> EventHistory:
    suite, end, rule, now = run.suite, event.key.window_end, event.rule, time_of(run.suite)
    earliest, deadline = end + rule.reading_deadline, end + rule.submission_deadline
    if now >= deadline:
        return _fail(run, event, "It was not submitted in time.")
    if now < earliest:
        reason = f"The event can be submitted from {format_time(earliest)} on, once no more records count."
        run.wait(reason, earliest)
        return event
    if not run.may_submit(event):
        reason = f"{event.provider} or its operator must submit with its record book until {format_time(deadline)}."
        run.wait(reason, deadline)
        return event
    sums = suite.devices.read("sumsBefore", event.key.portfolio_id, event.state.first_notice)
    sampled = is_sampled(rule, sums.entries)
    leaves = _leaves_to_submit(run, event, sums, sampled=sampled, deadline=deadline)
    contract = suite.spot_checks if sampled else suite.measurement
    transaction = contract.transaction("submit", event.key, leaves.claim.root, leaves.totals)
    run.send(transaction, f"Submit the event with {leaves.leaves} leaves")
    run.progress(f"Submitted the event: root 0x{leaves.claim.root.hex()} over {leaves.leaves} leaves.")
    run.submitted = True
    return run.look(event)


def _leaves_to_submit(run: Run, event: EventHistory, sums: PortfolioSums, *, sampled: bool, deadline: int) -> Leaves:
    """What is to be submitted, and in which way is said. Raises SilentEventError, RecordsDifferError, OperationError."""
    rule = event.rule
    leaves = (leaves_of(run, event) if sampled else None) or _of_book(run, event)
    if leaves.leaves != sums.entries:
        raise RecordsDifferError(
            f"The portfolio had {sums.entries} places at the first notice, and these data show {leaves.leaves}.",
            "Build the submission again from the whole portfolio.",
        )
    _tell_silent(run, leaves)
    if not leaves.counts().get(Silence.OK) and not run.accept_silence:
        raise SilentEventError(
            f"The data show no device of this event: all {leaves.leaves} would be submitted as silent, for good.",
            f"Name the right record book or folder until {format_time(deadline)}, or accept it with --accept-silence.",
        )
    if sampled:
        bond = token_at(run.suite, rule.currency).show(bond_of(sums.capacity_w, rule.bond_per_mw))
        run.progress(
            f"The submission is sampled: {leaves.leaves} leaves, of which at most {rule.spot_checks} are drawn and proven. {bond} of "
            f"{event.provider} are locked until it ends."
        )
    else:
        run.progress(f"Every one of the {leaves.leaves} leaves is to be proven.")
    return leaves


def _of_book(run: Run, event: EventHistory) -> BookLeaves:
    """The leaves of the record book, which proving every leaf takes. Raises OperationError without one."""
    if run.records is None:
        raise OperationError(
            "Every leaf of this event has to be proven, which takes the record book.",
            "Name it with --records, not --build.",
        )
    if not isinstance(run.leaves, BookLeaves):
        run.leaves = leaves_of_book(run.suite, event, run.records)
    return run.leaves


def _prove(run: Run, event: EventHistory) -> EventHistory:
    suite, deadline = run.suite, event.state.submitted_at + event.rule.proof_window
    if time_of(suite) >= deadline:
        return _fail(run, event, "It was not proven in time.")
    if not run.may_submit(event):
        reason = f"{event.provider} or its operator must prove with its record book until {format_time(deadline)}."
        run.wait(reason, deadline)
        return event
    evidence = _of_book(run, event).evidence
    submitted = suite.measurement.read("commitment", event.id)
    if event.submission is None or commitment(evidence.measured.tree.root, evidence.measured.totals) != submitted:
        raise RecordsDifferError(
            "The event was submitted with other records than this book has.",
            f"Name the record book it was submitted with; it must be proven until {format_time(deadline)}.",
        )
    first = _first_unproven(run, event, evidence)
    for count in prove_leaves(
        suite, run.sender, event, evidence, first=first, max_leaves=run.max_leaves, progress=run.progress
    ):
        run.proven += count
    run.progress("All leaves are proven: the event is measured.")
    return run.look(event)


def _first_unproven(run: Run, event: EventHistory, evidence: Evidence) -> int:
    """Where proving goes on: after the leaves on chain, if they are those of the book."""
    proven = event.state.proven
    if proven == 0:
        return 0
    if run.suite.measurement.read("cursorHash", event.id) == cursor_hash(evidence.cursor(proven)):
        run.progress(f"Proving goes on: {proven} of {evidence.leaves} leaves are proven.")
        return proven
    run.progress(f"The {proven} leaves proven so far were proven with other data: proving starts anew from leaf 0.")
    return 0


def _fail(run: Run, event: EventHistory, why: str) -> EventHistory:
    run.send(run.suite.measurement.transaction("fail", event.key), "End the event as unmeasured")
    run.progress(f"{why} The event ends as unmeasured.")
    run.failed = True
    return run.look(event)


def _tell_silent(run: Run, leaves: Leaves) -> None:
    if isinstance(leaves, BookLeaves):
        for index, reason in enumerate(leaves.evidence.reasons):
            if reason not in (Silence.OK, Silence.INACTIVE):
                run.progress(f"Leaf {index} counts as silent: {_words(reason)}.")
        return
    for reason, count in sorted(leaves.counts().items()):
        if reason not in (Silence.OK, Silence.INACTIVE):
            run.progress(f"{count:,} leaves count as silent: {_words(reason)}.")


def _words(reason: Silence) -> str:
    return reason.name.lower().replace("_", " ")


# ------------------------------------------------------------------ settling


def _settle_dispatches(run: Run, event: EventHistory) -> None:
    """One after the other: what the last one costs is known only when it is the last."""
    for called in event.dispatches:
        if called.settled is not None:
            continue
        product = event.product_of(called.dispatch.right_id)
        transaction = run.suite.settlement.transaction(
            "settle", product, event.rule, called.dispatch, event.commitment, event.responses_milli_wh
        )
        run.send(transaction, f"Settle dispatch {called.dispatch.number}")
        run.progress(f"Settled dispatch {called.dispatch.number} of {called.dispatch.holder}.")
        run.dispatches.append(called.id)


def _settle_uncalled(run: Run, event: EventHistory) -> None:
    uncalled = [right for right in event.rights if _is_uncalled(right)]
    if not uncalled:
        return
    if time_of(run.suite) < event.key.window_end:
        if run.waiting is None:
            opens = format_time(event.key.window_end)
            run.wait(f"Units that are never called can be settled from {opens} on.", event.key.window_end)
        return
    for right in uncalled:
        transaction = run.suite.settlement.transaction("settleUncalled", right.product, event.rule)
        run.send(transaction, f"Settle {right.open} uncalled units")
        run.progress(f"Settled {right.open} uncalled units of right 0x{right.id.hex()}.")
        run.rights.append(right.id)


def _is_uncalled(right: RightState) -> bool:
    """Whether something of the right is left to settle beside its dispatches."""
    return not right.expired and right.open + right.released > 0


def _outcome(run: Run, event: EventHistory) -> Outcome:
    open_dispatches = sum(1 for called in event.dispatches if called.settled is None)
    waiting = run.waiting
    if waiting is None and (open_dispatches or any(map(_is_uncalled, event.rights))):
        reason = "What is left can be settled by anyone, any time: run `flexbond settle`."
        waiting = Waiting(reason=reason, until=event.key.window_end)
    if waiting is None:
        run.progress("The event is settled.")
    return Outcome(
        event_id=event.id,
        status=event.status,
        submitted=run.submitted,
        drawn=run.drawn,
        proven=run.proven,
        demands_met=run.demands_met,
        finalised=run.finalised,
        failed=run.failed,
        refunds=run.refunds,
        dispatches=tuple(run.dispatches),
        rights=tuple(run.rights),
        open_dispatches=open_dispatches,
        waiting=waiting,
    )
