"""A sampled submission from its draw to its end: demands met, points drawn and proven, finalised, or rejected where something is late.

Only proving needs data, and whoever has it may prove; all the rest anyone can bring about. Where the submission stands is read from the
chain alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from flexbond.chain.errors import ContractRevert
from flexbond.model.sampling import DRAW_BLOCKS, draw, weight_scale
from flexbond.model.types import EventStatus
from flexbond.operations.common import time_of, titled
from flexbond.operations.leaves import leaves_of_book, leaves_of_build, require_submitted
from flexbond.operations.proving import send_in_batches
from flexbond.units import format_time

if TYPE_CHECKING:
    from flexbond.chain.suite import Transaction
    from flexbond.operations.checks import Checks
    from flexbond.operations.history import EventHistory
    from flexbond.operations.leaves import Leaves
    from flexbond.operations.run import Run

GONE = "SpotChecks_NotSubmitted"
"""The submission is final or rejected."""
OVERTAKEN = (GONE, "SpotChecks_AllProven", "SpotChecks_PointElsewhere")
"""How proving is refused that somebody else has done."""


def check(run: Run, event: EventHistory) -> EventHistory:
    """Brings a sampled submission to its end as far as it goes; the event as it stands then."""
    for step in (_end_overdue, _meet_demands, _draw, _prove_points, _finalise):
        if event.status is EventStatus.SUBMITTED and event.checks is not None:
            event = step(run, event, event.checks)
    return event


def give_back(run: Run, event: EventHistory) -> None:
    """Gives back the fees of demands that were open when a submission was rejected."""
    if event.checks is None or event.checks.rejection is None:
        return
    for demanded in event.checks.open_demands:
        transaction = run.suite.spot_checks.transaction("refund", event.key, demanded.place)
        if run.send(transaction, f"Refund the demand of leaf {demanded.place}", unless="SpotChecks_NotDemanded"):
            run.refunds += 1
            run.progress(f"The fee for leaf {demanded.place} is {demanded.by}'s again.")


def leaves_of(run: Run, event: EventHistory) -> Leaves | None:
    """What the run's data show of the event; None without data."""
    if run.leaves is None and run.build is not None:
        run.leaves = leaves_of_build(run.suite, event, run.build)
    elif run.leaves is None and run.records is not None:
        run.leaves = leaves_of_book(run.suite, event, run.records)
    return run.leaves


# ------------------------------------------------------------------ what is late


def _end_overdue(run: Run, event: EventHistory, checks: Checks) -> EventHistory:
    now = time_of(run.suite)
    for demanded in checks.open_demands:
        if now >= demanded.until:
            transaction = run.suite.spot_checks.transaction("failDemand", event.key, demanded.place)
            return _reject(run, event, transaction, f"Leaf {demanded.place} was demanded and not proven in time.")
    if checks.proof_until is not None and now >= checks.proof_until and checks.proven < checks.points:
        why = f"{checks.points - checks.proven} of {checks.points} drawn points were not proven in time."
        return _fail(run, event, checks, why)
    if not checks.is_drawn and run.suite.rpc.block_number() > checks.draw_block + DRAW_BLOCKS:
        return _fail(run, event, checks, "Its points were not drawn while the block's hash was known.")
    return event


def _fail(run: Run, event: EventHistory, checks: Checks, why: str) -> EventHistory:
    return _reject(run, event, run.suite.spot_checks.transaction("fail", event.key, checks.claim), why)


def _reject(run: Run, event: EventHistory, transaction: Transaction, why: str) -> EventHistory:
    if run.send(transaction, "Reject the submission", unless=GONE):
        run.failed = True
        run.progress(f"{why} The submission is rejected, the event ends as unmeasured.")
    return run.look(event)


# ------------------------------------------------------------------ drawing and proving


def _draw(run: Run, event: EventHistory, checks: Checks) -> EventHistory:
    if checks.is_drawn:
        return event
    # A node tries a call on its latest block: that one has to be between the block that draws and the last that knows its hash.
    block, first, last = run.suite.rpc.block_number(), checks.draw_block + 1, checks.draw_block + DRAW_BLOCKS
    if not first <= block < last:
        wanted, what = (first, "draw its points") if block < first else (last + 1, "reject it, undrawn")
        reason = f"Anyone can {what} from block {wanted:,} on; now it is block {block:,}."
        run.wait(reason, time_of(run.suite), block=wanted)
        return event
    if run.send(
        run.suite.spot_checks.transaction("draw", event.id), "Draw the points", unless="SpotChecks_AlreadyDrawn"
    ):
        run.drawn = True
        run.progress(f"Drew {checks.points} points with the hash of block {checks.draw_block:,}.")
    return run.look(event)


def _prove_points(run: Run, event: EventHistory, checks: Checks) -> EventHistory:
    if checks.proof_until is None or checks.proven >= checks.points:
        return event
    told = f"{checks.proven} of {checks.points} drawn points are proven"
    until = format_time(checks.proof_until)
    leaves = leaves_of(run, event)
    if leaves is None:
        run.wait(f"{told}: whoever holds the records must prove the others until {until}.", checks.proof_until)
        return event
    require_submitted(run.suite, event, leaves, until=f"; {told}, the others are due until {until}")
    scale = weight_scale(event.rule, len(checks.claim.columns))
    points = draw(checks.claim, checks.seed, checks.points, scale)[checks.proven :]
    holders = [leaves.holder(column, at) for column, at in points]
    # A leaf takes all points in a row that it holds.
    places = [place for number, place in enumerate(holders) if not number or holders[number - 1] != place]
    shown = leaves.shown(places)

    def transaction(first: int, count: int) -> Transaction:
        part = shown[first : first + count]
        made = run.suite.spot_checks.transaction(
            "prove", leaves.context, [leaf for leaf, _ in part], [proof for _, proof in part]
        )
        return titled(made, f"Prove {count} drawn leaves")

    try:
        for sent in send_in_batches(run.sender, transaction, total=len(places), most=run.max_leaves):
            run.proven += sent.items
            run.progress(f"Proved {run.proven} of {len(places)} drawn leaves.")
    except ContractRevert as refused:
        # Anyone may prove: somebody else may just have.
        now = run.look(event)
        if refused.name not in OVERTAKEN or (now.checks and now.checks.proven == checks.proven):
            raise
        run.progress("Somebody else proves meanwhile.")
        return _prove_points(run, now, now.checks) if now.checks else now
    return run.look(event)


def _meet_demands(run: Run, event: EventHistory, checks: Checks) -> EventHistory:
    demands = checks.open_demands
    if not demands:
        return event
    until = format_time(demands[0].until)
    told = f"{len(demands)} demanded leaves are not proven, the first is due until {until}"
    leaves = leaves_of(run, event)
    if leaves is None:
        run.wait(f"{told}: whoever holds the records must prove it.", demands[0].until)
        return event
    require_submitted(run.suite, event, leaves, until=f"; {told}")
    shown = leaves.shown([demanded.place for demanded in demands])
    for demanded, (leaf, proof) in zip(demands, shown, strict=True):
        transaction = run.suite.spot_checks.transaction("proveDemanded", leaves.context, leaf, proof)
        title = f"Prove the demanded leaf {demanded.place}"
        if run.send(transaction, title, unless="SpotChecks_NotDemanded"):
            run.demands_met += 1
            run.progress(f"Proved leaf {demanded.place}, which {demanded.by} demanded.")
    return run.look(event)


# ------------------------------------------------------------------ the end


def _finalise(run: Run, event: EventHistory, checks: Checks) -> EventHistory:
    if not checks.is_drawn or checks.proven < checks.points or checks.open_demands:
        return event
    if not checks.is_accepted and time_of(run.suite) < checks.challenge_until:
        until = format_time(checks.challenge_until)
        reason = (
            f"All that was drawn is proven. It may be challenged until {until}, unless all buyers accept it before."
        )
        run.wait(reason, checks.challenge_until)
        return event
    transaction = run.suite.spot_checks.transaction("finalise", event.key, checks.claim, event.schedule_milli_wh)
    if run.send(transaction, "Finalise the submission", unless=GONE):
        run.finalised = True
        run.progress("The submission is final: the event is measured, and the bond is free.")
    return run.look(event)
