"""What happened in a run, remembered apart from the model: what was issued, called, submitted, paid and collected.

The machine's rules choose from it, and the invariants are asserted with it.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from flexbond import ids
from flexbond.model.types import EventStatus

if TYPE_CHECKING:
    from flexbond.model.delivery import MeasuredEvent
    from flexbond.model.types import Cursor, DeviceProof, Dispatch, EventKey, Product, Rule, Settled, Totals
    from tests.invariant.cast import Shown


@dataclass
class Issued:
    """A right that was issued."""

    product: Product
    rule: Rule
    issued: int = 0
    """Units."""
    released: int = 0
    """Units given up while the provider was available."""
    refunded: int = 0
    """Units given up after it had declared itself unavailable."""
    dispatched: int = 0
    """Units."""
    expired: bool = False
    unavailable: bool = False
    holders: set[str] = field(default_factory=set)
    """Who ever held units."""


@dataclass
class Called:
    """A dispatch."""

    product: Product
    rule: Rule
    dispatch: Dispatch
    """As it stands."""
    locked: int
    """Utilisation, base units."""
    history: list[Dispatch] = field(default_factory=list)
    """As it stood before."""
    settled: Settled | None = None

    @property
    def id(self) -> bytes:
        """The dispatch's id."""
        return ids.dispatch_id(self.dispatch.right_id, self.dispatch.holder, self.dispatch.number)


@dataclass
class Submitted:
    """What a provider submitted."""

    root: bytes
    totals: Totals
    proofs: list[DeviceProof]
    """By leaf."""
    measured: MeasuredEvent
    """What follows from the records shown."""
    at: int = 0
    """UTC seconds."""
    cursor: Cursor | None = None
    """Where proving stands."""


@dataclass
class Event:
    """A portfolio's window that was called."""

    key: EventKey
    rule: Rule
    first_notice: int
    called_bps: int = 0
    """The last that was seen, of the portfolio's capacity, basis points."""
    status: EventStatus = EventStatus.CALLED
    submitted: Submitted | None = None


@dataclass
class Pool:
    """Customers' money."""

    key: EventKey
    rule: Rule
    is_event: bool
    funded: int = 0
    """Base units."""
    collected: dict[int, int] = field(default_factory=dict)
    """By place, base units."""
    swept: int = 0


@dataclass
class Batch:
    """Records under one root, attested or anchored."""

    shown: tuple[Shown, ...]
    root: bytes
    at: int
    """When first, UTC seconds."""
    paths: tuple[tuple[bytes, ...], ...]


class Ghost:
    """All of it."""

    def __init__(self) -> None:
        self.rights: dict[bytes, Issued] = {}
        self.calls: dict[bytes, Called] = {}
        self.events: dict[bytes, Event] = {}
        self.pools: dict[bytes, Pool] = {}
        self.batches: list[Batch] = []
        self.bonds: set[bytes] = set()
        """Events whose submission was bonded."""
        self.demands: set[bytes] = set()
        """Keys of the locks of demands that were made."""
        self.consents: list[Any] = []
        """Consents that were used, with their signatures."""
        self.deposited: dict[str, int] = defaultdict(int)
        """By token, base units: in less out."""
        self.shares: dict[bytes, int] = {}
        """Customers' share of each portfolio, basis points."""
        self.sequences: dict[int, int] = defaultdict(lambda: 1)
        """Of each home's statement."""
        self.nonces: dict[int, int] = {}
        """Of offers: units offered."""

    # ---------------------------------------------------------------- what to choose from

    def is_urgent(self, now: int) -> bool:
        """Whether something waits that the next deadline may end: a call, a submission, a proof."""
        for event in self.events.values():
            end = event.key.window_end
            since = end + event.rule.reading_deadline
            if event.status is EventStatus.CALLED and since <= now < end + event.rule.submission_deadline:
                return True
            if event.status is EventStatus.SUBMITTED:
                return True
        return any(
            right.product.window_start - right.rule.gate_seconds <= now < right.product.window_start
            and not right.dispatched
            for right in self.rights.values()
        )

    def open_calls(self) -> list[Called]:
        """Dispatches not settled."""
        return [call for call in self.calls.values() if call.settled is None]

    def calls_of(self, event: bytes) -> list[Called]:
        """All dispatches of an event."""
        return [call for call in self.calls.values() if ids.event_id(call.product.event_key) == event]

    def events_in(self, *statuses: EventStatus) -> list[Event]:
        """Events that stand there."""
        return [event for event in self.events.values() if event.status in statuses]

    def pool_of(self, pool: bytes, key: EventKey, rule: Rule) -> Pool:
        """The pool of an event or a right."""
        if pool not in self.pools:
            self.pools[pool] = Pool(key, rule, pool == ids.event_id(key))
        return self.pools[pool]

    def deadlines(self, now: int) -> list[int]:
        """All moments to come at which something begins or ends to be possible, UTC seconds."""
        moments: set[int] = set()
        for right in self.rights.values():
            product, rule = right.product, right.rule
            lead = product.notice_seconds + product.ramp_seconds
            start, end = product.window_start, product.window_end
            periods = range(start, end, rule.period_seconds)
            moments.update((start - rule.gate_seconds, end, *periods[:2], *(period - lead for period in periods)))
        for event in self.events.values():
            end = event.key.window_end
            if event.status is EventStatus.CALLED:
                moments.update((end + event.rule.reading_deadline, end + event.rule.submission_deadline))
            if event.status is EventStatus.SUBMITTED and event.submitted:
                moments.add(event.submitted.at + event.rule.proof_window)
        return sorted(moment for moment in moments if moment > now)
