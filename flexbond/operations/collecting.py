"""What customers get: their places' shares of the pools, credited to their payees. Anyone can bring it about, from the log alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from flexbond.ids import totals_hash
from flexbond.model.delivery import assemble
from flexbond.model.types import CapacityClaim, EventStatus, WeightClaim
from flexbond.operations.common import time_of, titled, token_at
from flexbond.operations.errors import OperationError, TooEarlyError, UnknownError
from flexbond.operations.evidence import entries_of, question_of
from flexbond.operations.history import answers_of, load_event, logs_of
from flexbond.operations.progress import Progress, silent
from flexbond.units import format_time

if TYPE_CHECKING:
    from collections.abc import Iterable

    from flexbond.chain.send import Sender
    from flexbond.chain.suite import Suite, Transaction
    from flexbond.model.delivery import MeasuredEvent
    from flexbond.model.types import Entry
    from flexbond.operations.history import EventHistory


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
    progress: Progress = silent,
) -> Collection:
    """Credits the shares of a pool that are not credited yet, all or those of some payees. By anyone.

    The pool is named by its event or by its right. Raises UnknownError, TooEarlyError while it is not open, ContractRevert.
    """
    sender.recover()
    event = event_of_pool(suite, pool_id)
    pool, shares = shares_of(suite, event, pool_id)
    wanted = set(payees)
    due = [share for share in shares if not share.collected and (not wanted or share.payee in wanted)]
    claims = _Claims(suite, event, pool_id, pool) if due else None
    if claims is not None:
        sender.send_all(claims.transaction(share) for share in due)
    credited = sum(share.amount for share in due)
    shown = token_at(suite, event.rule.currency).show(credited)
    progress(f"Credited {shown} to {len(due)} places." if due else "There is nothing left to collect here.")
    _, after = shares_of(suite, event, pool_id)
    return Collection(pool_id=pool_id, amount=pool.amount, shares=after, credited=credited)


def collect_event(
    suite: Suite, sender: Sender, event_id: bytes, *, payees: Iterable[str] = (), progress: Progress = silent
) -> tuple[Collection, ...]:
    """`collect` from all open pools of an event: its own, and those of its rights never called."""
    event = load_event(suite, event_id)
    found = [pool_id for pool_id in pools_of(suite, event) if pool_of(suite, pool_id).opened_at]
    chosen = tuple(payees)
    return tuple(collect(suite, sender, pool_id, payees=chosen, progress=progress) for pool_id in found)


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


def shares_of(suite: Suite, event: EventHistory, pool_id: bytes) -> tuple[PoolState, tuple[Share, ...]]:
    """A pool and what each place gets from it, those with nothing left out. Raises TooEarlyError, OperationError."""
    pool = _open_pool(suite, pool_id)
    by_weight = _weights(suite, event) if not pool.by_capacity else []
    if any(by_weight):
        count = len(by_weight)
        entries = entries_of(suite, event.key.portfolio_id, count)
        parts, total = by_weight, sum(by_weight)
    else:
        sums = suite.devices.read("sumsBefore", event.key.portfolio_id, event.key.window_start)
        entries = entries_of(suite, event.key.portfolio_id, sums.entries)
        parts, total = [_capacity(entry, event.key.window_start) for entry in entries], sums.capacity_w
    collected = suite.payouts.read_many("hasCollected", [(pool_id, index) for index in range(len(entries))])
    shares = tuple(
        Share(index=index, payee=entry.payee, amount=pool.amount * part // total, collected=done)
        for index, (entry, part, done) in enumerate(zip(entries, parts, collected, strict=True))
        if total and pool.amount * part // total
    )
    return pool, shares


def _capacity(entry: Entry, at: int) -> int:
    return entry.capacity_w if entry.was_in_before(at) else 0


def _weights(suite: Suite, event: EventHistory) -> list[int]:
    return [answer.weight for answer in answers_of(suite, event)] if event.status is EventStatus.MEASURED else []


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


class _Claims:
    """The proofs of one pool, rebuilt from the log."""

    def __init__(self, suite: Suite, event: EventHistory, pool_id: bytes, pool: PoolState) -> None:
        self._suite = suite
        self._event = event
        self._pool_id = pool_id
        self._pool = pool
        submission = event.submission
        self._totals = submission.totals if submission else None
        self._root = submission.root if submission else bytes(32)
        self._measured: MeasuredEvent | None = None
        if self._totals is not None and self._totals.weight and not pool.by_capacity:
            sums = suite.devices.read("sumsBefore", event.key.portfolio_id, event.state.first_notice)
            self._measured = assemble(
                rule=event.rule,
                question=question_of(event),
                answers=answers_of(suite, event),
                sums=sums,
                schedule_milli_wh=event.schedule_milli_wh,
            )
            if self._measured.tree.root != self._root:
                raise OperationError(
                    "The proven leaves in the log do not give the submitted root.", "Use another node."
                )

    def transaction(self, share: Share) -> Transaction:
        """What credits a share."""
        title = f"Credit place {share.index}"
        if self._measured is None:
            return titled(self._suite.payouts.transaction("collectByCapacity", self._by_capacity(share)), title)
        return titled(self._suite.payouts.transaction("collect", self._by_weight(share, self._measured)), title)

    def _by_weight(self, share: Share, measured: MeasuredEvent) -> WeightClaim:
        return WeightClaim(
            key=self._event.key,
            currency=self._event.rule.currency,
            index=share.index,
            weight_word=measured.weight_words[share.index],
            columns_hash=measured.columns_hashes[share.index],
            path=measured.tree.path(share.index),
            root=self._root,
            total_weight=measured.totals.weight,
            totals_hash=totals_hash(measured.totals),
        )

    def _by_capacity(self, share: Share) -> CapacityClaim:
        shown = not self._pool.by_capacity and self._totals is not None
        return CapacityClaim(
            pool_id=self._pool_id,
            key=self._event.key,
            currency=self._event.rule.currency,
            index=share.index,
            root=self._root if shown else bytes(32),
            total_weight=0,
            totals_hash=totals_hash(self._totals) if shown and self._totals else bytes(32),
        )
