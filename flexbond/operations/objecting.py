"""What buyers can do about a sampled submission: have a leaf proven, or accept all of it and not wait for challenges."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from flexbond.ids import commitment_of
from flexbond.model.delivery import responses_of
from flexbond.model.settlement import settle_dispatch
from flexbond.model.types import EventStatus
from flexbond.operations.common import require_actor, time_of, titled, token_at
from flexbond.operations.errors import OperationError, TooLateError
from flexbond.operations.history import load_event
from flexbond.operations.progress import Progress, silent
from flexbond.units import format_time

if TYPE_CHECKING:
    from flexbond.chain.send import Sender
    from flexbond.chain.suite import Suite
    from flexbond.model.types import Settled, Totals
    from flexbond.operations.checks import Checks, DemandedLeaf
    from flexbond.operations.history import CalledDispatch, EventHistory


@dataclass(frozen=True, kw_only=True)
class Expected:
    """What one dispatch comes to if the submission becomes final."""

    dispatch_id: bytes
    number: int
    settled: Settled
    is_accepted: bool


@dataclass(frozen=True, kw_only=True)
class Acceptance:
    """What a buyer accepts, or has accepted."""

    event_id: bytes
    holder: str
    commitment: bytes
    """Of the submission."""
    totals: Totals
    responses_milli_wh: tuple[int, ...]
    """Of the portfolio, per period of the window."""
    points: int
    """Drawn points."""
    proven: int
    """Of them."""
    dispatches: tuple[Expected, ...]
    """The holder's."""
    accepted: int
    """Dispatches of the event that are accepted, whoever holds them."""
    of: int
    """Dispatches of the event."""


def acceptance_of(suite: Suite, event_id: bytes, holder: str) -> Acceptance:
    """What a holder would accept: the submission's totals, the response they give, and what its own dispatches come to.

    Raises UnknownError, OperationError where nothing is to be accepted or the log's submission is not the one on chain.
    """
    event = load_event(suite, event_id)
    checks = _submitted(event)
    submission = event.submission
    committed = suite.measurement.read("commitment", event_id)
    if submission is None or commitment_of(checks.claim) != committed:
        raise OperationError(
            "The log's submission is not the one on chain.", "Try again; if it stays so, use another node."
        )
    key = event.key
    sums = suite.devices.read("sumsBefore", key.portfolio_id, event.state.first_notice)
    totals, schedule = submission.totals, event.schedule_milli_wh
    responses = responses_of(event.rule, key, event.state.ordered_mask, totals.columns, sums, schedule)
    share = suite.devices.read("portfolio", key.portfolio_id).customer_share_bps
    return Acceptance(
        event_id=event_id,
        holder=holder,
        commitment=committed,
        totals=totals,
        responses_milli_wh=responses,
        points=checks.points,
        proven=checks.proven,
        dispatches=tuple(
            Expected(
                dispatch_id=called.id,
                number=called.dispatch.number,
                settled=settle_dispatch(
                    product=event.product_of(called.dispatch.right_id),
                    rule=event.rule,
                    dispatch=called.dispatch,
                    responses_milli_wh=responses,
                    event_orders_w=event.ordered_w,
                    customer_share_bps=share,
                    utilisation_locked=called.utilisation_locked,
                ).settled,
                is_accepted=called.dispatch.accepted,
            )
            for called in _of_holder(event, holder)
        ),
        accepted=sum(1 for called in event.dispatches if called.dispatch.accepted),
        of=len(event.dispatches),
    )


def accept(
    suite: Suite, sender: Sender, event_id: bytes, *, holder: str | None = None, progress: Progress = silent
) -> Acceptance:
    """Accepts the submission for all dispatches of a holder, the sender by default, that are not accepted yet.

    Once all dispatches of the event are accepted nobody waits for challenges; what was drawn or demanded has to be proven all the same.
    Raises as `acceptance_of`, NotYoursError, ContractRevert.
    """
    sender.recover()
    account = holder or sender.address
    require_actor(suite, account, sender.address, what="accept for this holder")
    meant = acceptance_of(suite, event_id, account)
    event = load_event(suite, event_id)
    for called in _of_holder(event, account):
        number = called.dispatch.number
        if called.dispatch.accepted:
            progress(f"Dispatch {number} was accepted already.")
            continue
        product = event.product_of(called.dispatch.right_id)
        transaction = suite.settlement.transaction("accept", product, called.dispatch, meant.commitment)
        sender.send(titled(transaction, f"Accept the submission for dispatch {number}"))
        progress(f"Accepted the submission for dispatch {number}.")
    return acceptance_of(suite, event_id, account)


def demand_proof(
    suite: Suite,
    sender: Sender,
    event_id: bytes,
    place: int,
    *,
    holder: str | None = None,
    progress: Progress = silent,
) -> DemandedLeaf:
    """Has the leaf of a place proven, for the rule's fee from the free balance of the holder, by default the sender.

    Nothing if it is demanded already. The fee is the provider's if it is proven in time; else the submission is rejected, and the
    holder gets the fee back beside its part of the bond. Raises UnknownError, NotYoursError, TooLateError, OperationError, ContractRevert.
    """
    sender.recover()
    account = holder or sender.address
    require_actor(suite, account, sender.address, what="demand for this holder")
    event = load_event(suite, event_id)
    checks = _submitted(event)
    known = _demanded(checks, place)
    if known is not None:
        progress(f"The proof of leaf {place} was demanded already.")
        return known
    latest = checks.challenge_until - event.rule.proof_window
    if time_of(suite) > latest:
        raise TooLateError(
            f"Proofs could be demanded until {format_time(latest)}, so that each can take its time.",
            "Whoever holds records that contradict a leaf can still challenge it.",
        )
    mine = [called for called in _of_holder(event, account) if any(called.dispatch.orders_w)]
    if not mine:
        raise OperationError(
            f"{account} has no dispatch of this event that orders anything.", "Only its buyers can demand."
        )
    called = mine[0]
    product = event.product_of(called.dispatch.right_id)
    transaction = suite.settlement.transaction("demandProof", product, called.dispatch, place)
    sender.send(titled(transaction, f"Demand the proof of leaf {place}"))
    demanded = _demanded(_submitted(load_event(suite, event_id)), place)
    if demanded is None:
        raise OperationError(
            "The log does not show the demand that was sent.", "Use a node that keeps the whole event log."
        )
    fee = token_at(suite, event.rule.currency).show(demanded.fee)
    progress(f"Demanded the proof of leaf {place} until {format_time(demanded.until)}, for {fee}.")
    return demanded


def _demanded(checks: Checks, place: int) -> DemandedLeaf | None:
    return next((one for one in checks.demands if one.place == place), None)


def _of_holder(event: EventHistory, holder: str) -> list[CalledDispatch]:
    return [called for called in event.dispatches if called.dispatch.holder == holder and called.settled is None]


def _submitted(event: EventHistory) -> Checks:
    """Raises OperationError unless a sampled submission is under way."""
    if event.status is not EventStatus.SUBMITTED:
        raise OperationError(
            f"The event is {event.status.name.lower()}: no submission of it is under way.", "See `flexbond status`."
        )
    if event.checks is None:
        raise OperationError("Every leaf of this event is proven anyway.", "Wait until it is settled.")
    return event.checks
