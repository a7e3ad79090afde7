"""Where an account and an event stand, and what can be done next and until when."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from flexbond.model.sampling import DRAW_BLOCKS
from flexbond.model.types import DispatchKind, EventStatus, LockReason
from flexbond.operations.collecting import PoolState, pool_of, pools_of
from flexbond.operations.common import Token, time_of, token_at
from flexbond.operations.history import find_events, held_of, load_event, logs_of, products_of, rules_of, tokens_of
from flexbond.units import format_time

if TYPE_CHECKING:
    from collections.abc import Mapping

    from flexbond.chain.suite import Suite
    from flexbond.model.types import EventKey, Product, Rule, Settled
    from flexbond.operations.checks import Checks
    from flexbond.operations.history import EventHistory, RightState


@dataclass(frozen=True, kw_only=True)
class Next:
    """What can be done next."""

    what: str
    until: int | None
    """UTC seconds, exclusive; None: any time."""


@dataclass(frozen=True, kw_only=True)
class Lock:
    """Money that is locked."""

    id: bytes
    token: str
    reason: LockReason
    key: bytes
    """Id of the right, the dispatch, the pool or the event, or the key of a demand."""
    amount: int
    """Base units."""


@dataclass(frozen=True, kw_only=True)
class Held:
    """Units of a right that an account holds."""

    right_id: bytes
    event_id: bytes
    product: Product
    units: int
    next: Next


@dataclass(frozen=True, kw_only=True)
class Provided:
    """An event of a portfolio of the account."""

    event_id: bytes
    next: Next


@dataclass(frozen=True, kw_only=True)
class AccountStatus:
    """All that an account has in the suite."""

    account: str
    is_buyer: bool
    is_provider: bool
    free: Mapping[str, int]
    """Free balance by token, base units."""
    locks: tuple[Lock, ...]
    rights: tuple[Held, ...]
    events: tuple[Provided, ...]
    """Of its portfolios."""
    tokens: tuple[Token, ...]


@dataclass(frozen=True, kw_only=True)
class DispatchStatus:
    """A dispatch with what it came to."""

    id: bytes
    right_id: bytes
    holder: str
    number: int
    kind: DispatchKind
    units: int
    orders_w: tuple[int, ...]
    excused_mask: int
    utilisation_locked: int
    """At the notice, base units."""
    accepted: bool
    """Whether its holder accepts the submission."""
    bond_share: int
    """Part of a lost bond that its holder got, base units."""
    settled: Settled | None


@dataclass(frozen=True, kw_only=True)
class EventSummary:
    """An event with its sums."""

    id: bytes
    key: EventKey
    provider: str
    status: EventStatus
    token: Token
    first_notice: int
    """UTC seconds; 0: none."""
    submitted_at: int
    """UTC seconds; 0: not submitted."""
    leaves: int
    """Of the submission."""
    proven: int
    """Leaves proven, where every one is."""
    checks: Checks | None
    """Of a sampled submission."""
    ordered_w: tuple[int, ...]
    """Per period of the window, over all dispatches."""
    responses_milli_wh: tuple[int, ...]
    """Per period of the window; empty unless measured."""
    rights: tuple[RightState, ...]
    dispatches: tuple[DispatchStatus, ...]
    paid: int
    """Utilisation and availability of all settled dispatches, the customers' part included, base units."""
    penalties: int
    """Base units."""
    refunds: int
    """To holders, base units."""
    released: int
    """Collateral back to the provider, base units."""
    pools: tuple[PoolState, ...]
    next: Next


def account_status(suite: Suite, account: str) -> AccountStatus:
    """Balances, locks, rights held and events provided of an account."""
    tokens = tuple(token_at(suite, address) for address in tokens_of(suite))
    products, rules, now = products_of(suite), rules_of(suite), time_of(suite)
    units = held_of(suite, account)
    windows = suite.rights.read_many(
        "window", [(products[identity].portfolio_id, products[identity].window_start) for identity in units]
    )
    issued = logs_of(suite, "FlexibilityRights", "RightIssued")
    events = {item.right_id: item.event_id for item in issued}
    provided = list(dict.fromkeys(item.event_id for item in issued if item.product.provider == account))
    return AccountStatus(
        account=account,
        is_buyer=suite.participants.read("isBuyer", account),
        is_provider=suite.participants.read("isProvider", account),
        free={token.address: suite.escrow.read("free", token.address, account) for token in tokens},
        locks=locks_of(suite, account),
        rights=tuple(
            Held(
                right_id=identity,
                event_id=events[identity],
                product=products[identity],
                units=count,
                next=_next_of_holder(
                    products[identity], rules[products[identity].rule_id], now, unavailable=window.unavailable
                ),
            )
            for (identity, count), window in zip(units.items(), windows, strict=True)
        ),
        events=tuple(
            Provided(event_id=identity, next=next_of(load_event(suite, identity), now)) for identity in provided
        ),
        tokens=tokens,
    )


def locks_of(suite: Suite, account: str) -> tuple[Lock, ...]:
    """What an account has locked, above zero."""
    locked = logs_of(suite, "CollateralEscrow", "Locked", owner=account)
    told = {item.lock_id: (item.token, LockReason(item.reason), item.key) for item in locked}
    for item in logs_of(suite, "CollateralEscrow", "Purchased", provider=account):
        told[item.lock_id] = item.token, LockReason.RIGHTS, item.key
    stored = suite.escrow.read_many("lockOf", [(identity,) for identity in told])
    return tuple(
        Lock(id=identity, token=token, reason=reason, key=key, amount=lock.amount)
        for (identity, (token, reason, key)), lock in zip(told.items(), stored, strict=True)
        if lock.amount and lock.owner == account
    )


def event_status(suite: Suite, event_id: bytes) -> EventSummary:
    """An event's state with its sums. Raises UnknownError."""
    event = load_event(suite, event_id)
    settled = [called.settled for called in event.dispatches if called.settled is not None]
    return EventSummary(
        id=event.id,
        key=event.key,
        provider=event.provider,
        status=event.status,
        token=token_at(suite, event.rule.currency),
        first_notice=event.state.first_notice,
        submitted_at=event.state.submitted_at,
        leaves=event.submission.leaves if event.submission else 0,
        proven=event.state.proven,
        checks=event.checks,
        ordered_w=event.ordered_w,
        responses_milli_wh=event.responses_milli_wh,
        rights=event.rights,
        dispatches=_dispatches(event),
        paid=sum(item.pay + item.availability for item in settled),
        penalties=sum(item.penalty for item in settled),
        refunds=sum(item.utilisation_refund + item.availability_refund for item in settled),
        released=sum(item.released for item in settled),
        pools=tuple(pool_of(suite, pool_id) for pool_id in pools_of(suite, event)),
        next=next_of(event, time_of(suite)),
    )


def all_events(suite: Suite) -> tuple[EventSummary, ...]:
    """All events in the order of their windows."""
    return tuple(event_status(suite, event_id) for event_id in find_events(suite))


def next_of(event: EventHistory, now: int) -> Next:
    """What is next for an event, and until when."""
    key, rule, state = event.key, event.rule, event.state
    gate = key.window_start - rule.gate_seconds
    if event.status is EventStatus.OPEN:
        if now < gate:
            return Next(what="The provider may nominate or declare itself unavailable.", until=gate)
        if now < key.window_end:
            return Next(what="Holders may give notice, in time for the periods they order.", until=key.window_end)
        left = any(not right.expired and right.open + right.released for right in event.rights)
        return _settle_next() if left else _nothing()
    if event.status is EventStatus.CALLED:
        return _next_of_called(event, now)
    if event.status is EventStatus.SUBMITTED and event.checks is not None:
        return _next_of_checked(event.checks, now)
    if event.status is EventStatus.SUBMITTED:
        deadline = state.submitted_at + rule.proof_window
        if now < deadline:
            return Next(what=f"The provider must prove its leaves ({state.proven} are proven).", until=deadline)
        return Next(what="Not proven in time: anyone may end and settle it (`flexbond settle`).", until=None)
    open_dispatches = any(called.settled is None for called in event.dispatches)
    if event.checks is not None and event.checks.rejection is not None and event.checks.open_demands:
        return Next(what="Anyone may give the fees of demands back (`flexbond settle`).", until=None)
    left = any(not right.expired and right.open + right.released for right in event.rights)
    return _settle_next() if open_dispatches or left else _nothing()


def _next_of_checked(checks: Checks, now: int) -> Next:
    demands = checks.open_demands
    if demands and now >= demands[0].until:
        return Next(
            what="A demanded leaf was not proven in time: anyone may reject it (`flexbond settle`).", until=None
        )
    if not checks.is_drawn:
        first, last = checks.draw_block + 1, checks.draw_block + DRAW_BLOCKS
        return Next(
            what=f"Anyone may draw its points in the blocks {first:,} to {last:,} (`flexbond settle`).", until=None
        )
    if checks.proven < checks.points and checks.proof_until is not None:
        told = f"{checks.proven} of {checks.points} drawn points are proven"
        if now >= checks.proof_until:
            return Next(what=f"Only {told}: anyone may reject the submission (`flexbond settle`).", until=None)
        return Next(what=f"The provider must prove what was drawn ({told}).", until=checks.proof_until)
    if demands:
        places = ", ".join(str(demanded.place) for demanded in demands)
        return Next(what=f"The provider must prove demanded leaves ({places}).", until=demands[0].until)
    if checks.is_accepted or now >= checks.challenge_until:
        return Next(what="Anyone may make the submission final and settle it (`flexbond settle`).", until=None)
    return Next(
        what="All that was drawn is proven; anyone may challenge, buyers may accept.", until=checks.challenge_until
    )


def _next_of_called(event: EventHistory, now: int) -> Next:
    end, rule = event.key.window_end, event.rule
    if now < end:
        return Next(what="The window is under way; holders may stop later periods.", until=end)
    if now < end + rule.reading_deadline:
        return Next(what="Records of the window may be attested.", until=end + rule.reading_deadline)
    if now < end + rule.submission_deadline:
        return Next(
            what="The provider must submit and prove (`flexbond settle`).", until=end + rule.submission_deadline
        )
    return Next(what="Not submitted in time: anyone may end and settle it (`flexbond settle`).", until=None)


def _next_of_holder(product: Product, rule: Rule, now: int, *, unavailable: bool) -> Next:
    if unavailable:
        return Next(what="The provider is unavailable: release the units to get their availability back.", until=None)
    gate = product.window_start - rule.gate_seconds
    shortest = max(rule.period_seconds, product.min_run_seconds)
    latest = product.window_end - shortest - (product.notice_seconds + product.ramp_seconds) + 1
    if now < gate:
        return Next(what=f"Notice can be given from {format_time(gate)} on.", until=gate)
    if now < latest:
        return Next(what="Notice can be given (`flexbond dispatch`).", until=latest)
    if now < product.window_end:
        return Next(what="Too late for a notice; the units expire.", until=product.window_end)
    return _settle_next()


def _settle_next() -> Next:
    return Next(what="Anyone may settle what is left (`flexbond settle`).", until=None)


def _nothing() -> Next:
    return Next(what="Settled; customers may collect (`flexbond collect run`).", until=None)


def _dispatches(event: EventHistory) -> tuple[DispatchStatus, ...]:
    return tuple(
        DispatchStatus(
            id=called.id,
            right_id=called.dispatch.right_id,
            holder=called.dispatch.holder,
            number=called.dispatch.number,
            kind=called.dispatch.kind,
            units=called.dispatch.units,
            orders_w=called.dispatch.orders_w,
            excused_mask=called.dispatch.excused_mask,
            utilisation_locked=called.utilisation_locked,
            accepted=called.dispatch.accepted,
            bond_share=called.bond_share,
            settled=called.settled,
        )
        for called in event.dispatches
    )
