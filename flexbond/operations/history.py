"""Terms and what happened, from the event log: the contracts keep hashes, the log holds what they are of."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from flexbond.chain.events import read_events
from flexbond.hashing import ZERO_HASH
from flexbond.ids import dispatch_hash, token_id
from flexbond.model.types import Answer, CalendarDays, EventStatus, Funding
from flexbond.operations.checks import END, NAMES, checks_of
from flexbond.operations.errors import OperationError, UnknownError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from flexbond.chain.events import EventRecord
    from flexbond.chain.suite import Suite
    from flexbond.model.types import (
        Dispatch,
        EventKey,
        EventState,
        Grid,
        Lookback,
        Product,
        Rule,
        Settled,
        Totals,
    )
    from flexbond.operations.checks import Checks


@dataclass(frozen=True, kw_only=True)
class CalledDispatch:
    """A dispatch, from its notice to its settlement."""

    id: bytes
    event_id: bytes
    noticed: Dispatch
    """As it was called."""
    dispatch: Dispatch
    """As it stands, or stood when it was settled."""
    utilisation_locked: int
    """At the notice, base units."""
    settled: Settled | None
    """None while it is open."""
    bond_share: int
    """Part of a lost bond that its holder got, base units."""
    measured: bool | None
    """Whether it was settled from a measurement; None while it is open."""


@dataclass(frozen=True, kw_only=True)
class Submission:
    """What was submitted for an event."""

    sender: str
    root: bytes
    leaves: int
    totals: Totals


@dataclass(frozen=True, kw_only=True)
class RightState:
    """A right of an event and what became of its units."""

    id: bytes
    product: Product
    issued: int
    """Units."""
    open: int
    """Units neither dispatched nor released."""
    released: int
    """Units given up that still earn their availability."""
    expired: bool
    """Whether what was never called is settled."""


@dataclass(frozen=True, kw_only=True)
class EventHistory:
    """An event with all that was said of it."""

    id: bytes
    key: EventKey
    rule: Rule
    provider: str
    state: EventState
    rights: tuple[RightState, ...]
    dispatches: tuple[CalledDispatch, ...]
    """By their number."""
    schedule_milli_wh: tuple[int, ...]
    """As nominated last, `+` import, `-` export; empty: none."""
    submission: Submission | None
    checks: Checks | None
    """Of a submission of which not every leaf is proven; else None."""
    commitment: bytes
    """Of the measured event's submission; zero unless it was measured."""
    responses_milli_wh: tuple[int, ...]
    """Of every period of the window; empty unless it was measured."""

    @property
    def status(self) -> EventStatus:
        """Where it stands."""
        return self.state.status

    @property
    def periods(self) -> int:
        """Settlement periods of the window."""
        return (self.key.window_end - self.key.window_start) // self.rule.period_seconds

    @property
    def ordered_w(self) -> tuple[int, ...]:
        """Power ordered by all dispatches as they stand, per period of the window, W."""
        sums = [0] * self.periods
        for called in self.dispatches:
            for period, power in enumerate(called.dispatch.orders_w):
                sums[period] += power
        return tuple(sums)

    @property
    def is_escrowed(self) -> bool:
        """Whether the buyers' money is locked."""
        return self.rule.funding is Funding.ESCROWED

    def product_of(self, right: bytes) -> Product:
        """The product of one of its rights. Raises UnknownError."""
        for item in self.rights:
            if item.id == right:
                return item.product
        raise UnknownError(f"Right 0x{right.hex()} is none of this event.", "Check the id.")


# ------------------------------------------------------------------ terms


def logs_of(suite: Suite, contract: str, name: str, **where: Any) -> list[EventRecord]:
    """The events of a name, with these indexed arguments, in their order."""
    return list(read_events(suite, first_block=suite.first_block, contract=contract, name=name, where=where))


def rules_of(suite: Suite) -> dict[bytes, Rule]:
    """All published rules by their id."""
    return {item.rule_id: item.rule for item in logs_of(suite, "Rulebook", "RulePublished")}


def rule_of(suite: Suite, rule_id: bytes) -> Rule:
    """A published rule. Raises UnknownError."""
    for item in logs_of(suite, "Rulebook", "RulePublished", rule_id=rule_id):
        rule: Rule = item.rule
        return rule
    raise UnknownError(f"There is no rule 0x{rule_id.hex()}.", "Check its id, and the network.")


def lookback_of(suite: Suite, rule_id: bytes) -> Lookback:
    """What a published rule looks back on; the empty one without past days. Raises UnknownError."""
    for item in logs_of(suite, "Rulebook", "RulePublished", rule_id=rule_id):
        lookback: Lookback = item.lookback
        return lookback
    raise UnknownError(f"There is no rule 0x{rule_id.hex()}.", "Check its id, and the network.")


def calendars_of(suite: Suite) -> dict[bytes, CalendarDays]:
    """All published calendars with all their days, by their id."""
    found = {
        item.calendar_id: CalendarDays(calendar=item.calendar, first_day=item.first_day, summer=(), holidays=())
        for item in logs_of(suite, "Rulebook", "CalendarPublished")
    }
    for item in logs_of(suite, "Rulebook", "CalendarExtended"):
        kept = found[item.calendar_id]
        found[item.calendar_id] = replace(
            kept, summer=(*kept.summer, *item.summer), holidays=(*kept.holidays, *item.holidays)
        )
    return found


def calendar_of(suite: Suite, calendar_id: bytes) -> CalendarDays:
    """A published calendar with all its days. Raises UnknownError."""
    found = calendars_of(suite).get(calendar_id)
    if found is None:
        raise UnknownError(
            f"There is no calendar 0x{calendar_id.hex()}.",
            "Check its id and the network, or publish it with `flexbond calendar publish`.",
        )
    return found


def grids_of(suite: Suite) -> dict[int, Grid]:
    """All grids of record slots by their number."""
    return {item.grid_id: item.grid for item in logs_of(suite, "DeviceRegistry", "GridPublished")}


def products_of(suite: Suite) -> dict[bytes, Product]:
    """All issued rights by their id."""
    return {item.right_id: item.product for item in logs_of(suite, "FlexibilityRights", "RightIssued")}


def product_of(suite: Suite, right_id: bytes) -> Product:
    """What a right promises. Raises UnknownError."""
    for item in logs_of(suite, "FlexibilityRights", "RightIssued", right_id=right_id):
        product: Product = item.product
        return product
    raise UnknownError(f"There is no right 0x{right_id.hex()}.", "Check its id, and the network.")


def tokens_of(suite: Suite) -> list[str]:
    """All tokens that were ever listed."""
    return list(dict.fromkeys(item.token for item in logs_of(suite, "CollateralEscrow", "TokenListed")))


def taken_of(suite: Suite, offer_hash: bytes, buyer: str) -> list[EventRecord]:
    """What a buyer took of an offer, one fill after the other."""
    return logs_of(suite, "FlexibilityMarket", "OfferTaken", offer_hash=offer_hash, buyer=buyer)


# ------------------------------------------------------------------ events and dispatches


def find_events(suite: Suite) -> dict[bytes, EventKey]:
    """All events for which rights were issued, by their id, in the order of their windows."""
    found = {item.event_id: item.product.event_key for item in logs_of(suite, "FlexibilityRights", "RightIssued")}
    return dict(sorted(found.items(), key=lambda item: (item[1].window_start, item[0])))


def load_event(suite: Suite, event_id: bytes) -> EventHistory:
    """An event with its terms, its state and its history. Raises UnknownError."""
    issued = logs_of(suite, "FlexibilityRights", "RightIssued", event_id=event_id)
    if not issued:
        raise UnknownError(f"No right of event 0x{event_id.hex()} was issued.", "Check its id, and the network.")
    products: dict[bytes, Product] = {item.right_id: item.product for item in issued}
    any_product = next(iter(products.values()))
    state: EventState = suite.measurement.read("eventState", event_id)
    measured = state.status is EventStatus.MEASURED
    outcome = logs_of(suite, "Measurement", "EventMeasured", event_id=event_id) if measured else ()
    rule = rule_of(suite, any_product.rule_id)
    submission = _submission(suite, event_id)
    return EventHistory(
        id=event_id,
        key=any_product.event_key,
        rule=rule,
        provider=any_product.provider,
        state=state,
        rights=_rights(suite, products),
        dispatches=() if state.status is EventStatus.OPEN else _dispatches(suite, event_id),
        schedule_milli_wh=_schedule(suite, event_id),
        submission=submission,
        checks=None if submission is None else _checks(suite, event_id, rule, submission),
        commitment=outcome[-1].commitment if outcome else ZERO_HASH,
        responses_milli_wh=tuple(outcome[-1].responses_milli_wh) if outcome else (),
    )


def load_dispatch(suite: Suite, dispatch_id: bytes) -> CalledDispatch:
    """A dispatch from its notice to its settlement, checked against the hash on chain. Raises UnknownError, OperationError."""
    for item in logs_of(suite, "Settlement", "Dispatched", dispatch_id=dispatch_id):
        called = _told(
            item,
            logs_of(suite, "Settlement", "DispatchChanged", dispatch_id=dispatch_id),
            logs_of(suite, "Settlement", "DispatchSettled", dispatch_id=dispatch_id),
            logs_of(suite, "Settlement", "BondShared", dispatch_id=dispatch_id),
        )
        stored = suite.settlement.read("dispatchHash", dispatch_id)
        if called.settled is None and stored != dispatch_hash(called.dispatch):
            raise OperationError(
                f"The log's dispatch 0x{dispatch_id.hex()} is not the one on chain.",
                "Try again; if it stays so, use another node.",
            )
        return called
    raise UnknownError(f"There is no dispatch 0x{dispatch_id.hex()}.", "Check its id, and the network.")


def answers_of(suite: Suite, event: EventHistory) -> list[Answer]:
    """What every leaf of a measured event was proven to be, in order. Raises OperationError if the log is not whole.

    Where proving was started anew, a leaf was proven more than once: each time alike, or the end would not have come out. Whether an
    answer is complete is not in the log: none is said to be.
    """
    proven = {
        item.index: Answer(
            silence=item.silence,
            columns=item.columns,
            weight=item.weight,
            baseline_milli_wh=item.baseline_milli_wh,
            metered_milli_wh=item.metered_milli_wh,
            metering_point=item.metering_point,
            is_complete=False,
        )
        for item in logs_of(suite, "Measurement", "LeafProven", event_id=event.id)
    }
    count = event.submission.leaves if event.submission else 0
    if set(proven) != set(range(count)) or not count:
        raise OperationError(
            f"The log shows {len(proven)} of {count} leaves.", "Use a node that keeps the whole event log."
        )
    return [proven[index] for index in range(count)]


def _rights(suite: Suite, products: dict[bytes, Product]) -> tuple[RightState, ...]:
    states = suite.rights.read_many("right", [(identity,) for identity in products])
    return tuple(
        RightState(
            id=identity,
            product=product,
            issued=state.issued,
            open=state.open,
            released=state.released,
            expired=state.expired,
        )
        for (identity, product), state in zip(products.items(), states, strict=True)
    )


def _dispatches(suite: Suite, event_id: bytes) -> tuple[CalledDispatch, ...]:
    changes = logs_of(suite, "Settlement", "DispatchChanged", event_id=event_id)
    settlements = logs_of(suite, "Settlement", "DispatchSettled", event_id=event_id)
    shares = logs_of(suite, "Settlement", "BondShared", event_id=event_id)
    called = [
        _told(item, changes, settlements, shares)
        for item in logs_of(suite, "Settlement", "Dispatched", event_id=event_id)
    ]
    return tuple(sorted(called, key=lambda item: item.dispatch.number))


def _told(
    notice: EventRecord,
    changes: Sequence[EventRecord],
    settlements: Sequence[EventRecord],
    shares: Sequence[EventRecord],
) -> CalledDispatch:
    identity = notice.dispatch_id
    later = [item.dispatch for item in changes if item.dispatch_id == identity]
    ended = [item for item in settlements if item.dispatch_id == identity]
    return CalledDispatch(
        id=identity,
        event_id=notice.event_id,
        noticed=notice.dispatch,
        dispatch=later[-1] if later else notice.dispatch,
        utilisation_locked=notice.utilisation_locked,
        settled=ended[0].settled if ended else None,
        bond_share=sum(item.amount for item in shares if item.dispatch_id == identity),
        measured=ended[0].measured if ended else None,
    )


def _submission(suite: Suite, event_id: bytes) -> Submission | None:
    for item in logs_of(suite, "Measurement", "EventSubmitted", event_id=event_id):
        return Submission(sender=item.sender, root=item.root, leaves=item.leaves, totals=item.totals)
    return None


def _checks(suite: Suite, event_id: bytes, rule: Rule, submission: Submission) -> Checks | None:
    if rule.challenge_window == 0 or submission.leaves <= rule.spot_checks:
        return None
    logs = {name: logs_of(suite, "SpotChecks", name, event_id=event_id) for name in NAMES}
    logs[END] = logs_of(suite, "Measurement", END, event_id=event_id)
    return checks_of(logs, rule, submission.root, submission.totals)


def _schedule(suite: Suite, event_id: bytes) -> tuple[int, ...]:
    found = logs_of(suite, "Measurement", "Nominated", event_id=event_id)
    return tuple(found[-1].schedule_milli_wh) if found else ()


def held_of(suite: Suite, account: str) -> dict[bytes, int]:
    """Units of each right that an account holds, above zero."""
    identities = list(products_of(suite))
    balances = suite.rights.read_many("balanceOf", [(account, token_id(identity)) for identity in identities])
    return {identity: units for identity, units in zip(identities, balances, strict=True) if units}
