"""What customers get: their places' shares of the pools, credited to their payees.

Anyone can bring it about: from the log alone where every leaf was proven, and for what is split by capacity; where the submission was
sampled, with the provider's record book or the folder of its submission, or with one place's claim from there. `relaying` does it for many
places at a time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from flexbond.ids import event_id as event_id_of
from flexbond.ids import responses_hash, totals_hash
from flexbond.model.types import CapacityClaim
from flexbond.operations.common import time_of, titled, token_at
from flexbond.operations.errors import OperationError, TooEarlyError, UnknownError
from flexbond.operations.evidence import entries_of
from flexbond.operations.history import load_event, logs_of
from flexbond.operations.leaves import shares_for
from flexbond.operations.progress import Progress, silent
from flexbond.units import format_time

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from flexbond.chain.send import Sender
    from flexbond.chain.suite import Suite, Transaction
    from flexbond.model.types import WeightClaim
    from flexbond.operations.history import EventHistory
    from flexbond.operations.leaves import Shares
    from flexbond.operations.recordbook import RecordBook


@dataclass(frozen=True, kw_only=True)
class PoolState:
    """A pool as it stands."""

    id: bytes
    """That of its event or of its right."""
    amount: int
    """All that was ever funded, base units; 0: none, or swept."""
    opened_at: int
    """UTC seconds; 0: not open."""
    by_capacity: bool


@dataclass(frozen=True, kw_only=True)
class Share:
    """What a place of the portfolio gets from a pool."""

    index: int
    payee: str
    amount: int
    """Base units."""
    collected: bool
    """Whether it was credited."""


@dataclass(frozen=True, kw_only=True)
class Collection:
    """What was collected from a pool, and what there is."""

    pool_id: bytes
    amount: int
    """Of the pool, base units."""
    shares: tuple[Share, ...]
    """Of all places that get something."""
    credited: int
    """Credited now, base units."""


def pool_of(suite: Suite, pool_id: bytes) -> PoolState:
    """A pool: of an event, by its id, or of a right never called, by the right's."""
    stored = suite.payouts.read("pool", pool_id)
    return PoolState(id=pool_id, amount=stored.amount, opened_at=stored.opened_at, by_capacity=stored.by_capacity)


def collect(
    suite: Suite,
    sender: Sender,
    pool_id: bytes,
    *,
    payees: Iterable[str] = (),
    records: RecordBook | None = None,
    build: Path | None = None,
    progress: Progress = silent,
) -> Collection:
    """Credits the shares of a pool that are not credited yet, all or those of some payees. By anyone.

    The pool is named by its event or by its right; of a sampled submission's own pool the shares are in `records` or `build`. Raises
    UnknownError, TooEarlyError while it is not open, OperationError, RecordsDifferError, ContractRevert.
    """
    sender.recover()
    event = event_of_pool(suite, pool_id)
    dues = Dues.of(suite, event, pool_id, records=records, build=build)
    shares, wanted = dues.shares(), set(payees)
    due = [share for share in shares if not share.collected and (not wanted or share.payee in wanted)]
    sender.send_all(dues.transaction(share.index) for share in due)
    credited = sum(share.amount for share in due)
    shown = token_at(suite, event.rule.currency).show(credited)
    progress(f"Credited {shown} to {len(due)} places." if due else "There is nothing left to collect here.")
    return Collection(pool_id=pool_id, amount=dues.pool.amount, shares=dues.shares(), credited=credited)


def collect_event(
    suite: Suite,
    sender: Sender,
    event_id: bytes,
    *,
    payees: Iterable[str] = (),
    records: RecordBook | None = None,
    build: Path | None = None,
    progress: Progress = silent,
) -> tuple[Collection, ...]:
    """`collect` from all open pools of an event: its own, and those of its rights never called."""
    chosen = tuple(payees)
    return tuple(
        collect(suite, sender, pool_id, payees=chosen, records=records, build=build, progress=progress)
        for pool_id in open_pools_of(suite, load_event(suite, event_id))
    )


def collect_claim(suite: Suite, sender: Sender, claim: WeightClaim, *, progress: Progress = silent) -> int:
    """Credits the share that a claim shows to its payee, unless it was credited; base units, 0 if it was. By anyone.

    Raises TooEarlyError while the pool is not open, ContractRevert for a claim that is not under the event's root.
    """
    sender.recover()
    pool_id = event_id_of(claim.key)
    pool = _open_pool(suite, pool_id)
    if suite.payouts.read("hasCollected", pool_id, claim.index):
        progress(f"The share of place {claim.index} was credited before.")
        return 0
    sender.send(titled(suite.payouts.transaction("collect", claim), f"Credit place {claim.index}"))
    amount = pool.amount * (claim.weight_word >> 128) // claim.total_weight
    progress(f"Credited {token_at(suite, claim.currency).show(amount)} to the payee of place {claim.index}.")
    return amount


def sweep(suite: Suite, sender: Sender, pool_id: bytes, *, progress: Progress = silent) -> int:
    """Gives what is left of a pool, once the time to collect is over, to whom the rule names; base units, 0 if it was swept.

    By anyone. Raises UnknownError, TooEarlyError, ContractRevert.
    """
    event = event_of_pool(suite, pool_id)
    swept = logs_of(suite, "Payouts", "PoolSwept", pool_id=pool_id)
    if swept:
        progress("The pool was swept already.")
        return 0
    pool = _open_pool(suite, pool_id)
    until = pool.opened_at + event.rule.collect_period
    if time_of(suite) < until:
        raise TooEarlyError(f"Customers may collect until {format_time(until)}.", "Sweep after that.", at=until)
    transaction = suite.payouts.transaction("sweep", pool_id, event.key, event.rule)
    sender.send(titled(transaction, "Sweep a pool"))
    amount: int = logs_of(suite, "Payouts", "PoolSwept", pool_id=pool_id)[-1].amount
    progress(f"Swept {token_at(suite, event.rule.currency).show(amount)} to {event.rule.unclaimed_to}.")
    return amount


def pools_of(suite: Suite, event: EventHistory) -> tuple[bytes, ...]:
    """The ids of all pools of an event that ever got money."""
    funded = logs_of(suite, "Payouts", "PoolFunded", event_id=event.id)
    return tuple(dict.fromkeys(item.pool_id for item in funded))


def event_of_pool(suite: Suite, pool_id: bytes) -> EventHistory:
    """The event of a pool. Raises UnknownError."""
    for item in logs_of(suite, "Payouts", "PoolFunded", pool_id=pool_id):
        return load_event(suite, item.event_id)
    raise UnknownError(
        f"No money was put into a pool 0x{pool_id.hex()}.", "Settle the event first; see `flexbond status`."
    )


def open_pools_of(suite: Suite, event: EventHistory) -> tuple[bytes, ...]:
    """The ids of those pools of an event that are open."""
    return tuple(pool_id for pool_id in pools_of(suite, event) if pool_of(suite, pool_id).opened_at)


def _open_pool(suite: Suite, pool_id: bytes) -> PoolState:
    pool = pool_of(suite, pool_id)
    if not pool.opened_at:
        swept = logs_of(suite, "Payouts", "PoolSwept", pool_id=pool_id)
        if swept:
            raise OperationError("The pool was swept: the time to collect is over.", "Nothing is left to collect.")
        raise TooEarlyError(
            f"The pool 0x{pool_id.hex()} opens when all dispatches of its event are settled.",
            "Run `flexbond settle` first.",
            at=0,
        )
    return pool


@dataclass(frozen=True, kw_only=True)
class Dues:
    """What the places of a portfolio are due from one open pool, and what it is claimed with."""

    suite: Suite
    event: EventHistory
    pool: PoolState
    known: Shares | None
    """Of the submission, where the pool is split by weight; None: it is split by capacity."""

    @classmethod
    def of(
        cls,
        suite: Suite,
        event: EventHistory,
        pool_id: bytes,
        *,
        records: RecordBook | None = None,
        build: Path | None = None,
    ) -> Dues:
        """Raises TooEarlyError, OperationError, RecordsDifferError."""
        pool = _open_pool(suite, pool_id)
        submission = event.submission
        by_weight = not pool.by_capacity and submission is not None and submission.totals.weight > 0
        known = shares_for(suite, event, records=records, build=build) if by_weight else None
        return cls(suite=suite, event=event, pool=pool, known=known)

    def shares(self) -> tuple[Share, ...]:
        """Of each place, those with nothing left out."""
        portfolio = self.event.key.portfolio_id
        amounts = self.amounts()
        entries = entries_of(self.suite, portfolio, len(amounts))
        collected = self.suite.payouts.read_many(
            "hasCollected", [(self.pool.id, index) for index in range(len(amounts))]
        )
        return tuple(
            Share(index=index, payee=entry.payee, amount=amount, collected=done)
            for index, (entry, amount, done) in enumerate(zip(entries, amounts, collected, strict=True))
            if amount
        )

    def amounts(self) -> list[int]:
        """What each place gets, collected or not, base units."""
        if self.known is not None:
            parts: Sequence[int] = self.known.weights()
            total = self.known.claim.weight
        else:
            key = self.event.key
            sums = self.suite.devices.read("sumsBefore", key.portfolio_id, key.window_start)
            entries = entries_of(self.suite, key.portfolio_id, sums.entries)
            parts = [entry.capacity_w if entry.was_in_before(key.window_start) else 0 for entry in entries]
            total = sums.capacity_w
        return [self.pool.amount * part // total if total else 0 for part in parts]

    def transaction(self, place: int) -> Transaction:
        """What credits the share of a place."""
        payouts = self.suite.payouts
        if self.known is None:
            made = payouts.transaction("collectByCapacity", self._by_capacity(place))
        else:
            made = payouts.transaction("collect", self.known.weight_claim(place))
        return titled(made, f"Credit place {place}")

    def _by_capacity(self, place: int) -> CapacityClaim:
        event = self.event
        # An event's own pool is split by capacity if no leaf has weight: then that is shown.
        submission = None if self.pool.by_capacity else event.submission
        return CapacityClaim(
            pool_id=self.pool.id,
            key=event.key,
            currency=event.rule.currency,
            index=place,
            root=bytes(32) if submission is None else submission.root,
            total_weight=0,
            totals_hash=bytes(32) if submission is None else totals_hash(submission.totals),
            responses_hash=bytes(32) if submission is None else responses_hash(event.responses_milli_wh),
        )
