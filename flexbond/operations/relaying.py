"""Collecting for many customers of many events, neighbours together: whoever relays pays the gas and gets nothing.

What was credited before is read from the log, so that a relay can be stopped and started again, and run beside others: nobody is credited
twice, and a place that collects meanwhile is passed over by the contract.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from flexbond.chain.events import decode_logs
from flexbond.operations.collecting import Dues, open_pools_of
from flexbond.operations.common import titled, token_at
from flexbond.operations.history import load_event, logs_of
from flexbond.operations.progress import Progress, silent
from flexbond.operations.proving import send_in_batches

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from flexbond.chain.send import Receipt, Sender
    from flexbond.chain.suite import Suite, Transaction
    from flexbond.model.types import NeighboursClaim
    from flexbond.operations.recordbook import RecordBook

GAP: Final = 8
"""Places with nothing to collect that a run of neighbours goes on over: showing them costs less than another path."""
FIRST_GUESS: Final = 200
"""Places of the first transaction that is tried."""
MOST: Final = 2_000
"""Most places of one transaction, whatever the gas."""


@dataclass(frozen=True, kw_only=True)
class Relayed:
    """What a relay did."""

    places: int
    """Credited now."""
    before: int
    """Places with a share that were credited before."""
    left: int
    """Places with a share that are still to be credited."""
    credited: Mapping[str, int]
    """Base units by token."""
    transactions: int
    gas: int
    """Of all its transactions."""
    fee_wei: int

    @property
    def gas_per_place(self) -> int:
        """What a credited place cost, rounded up; 0 for none."""
        return -(-self.gas // self.places) if self.places else 0


@dataclass(frozen=True, kw_only=True)
class _Item:
    """A place that is due something from a pool."""

    dues: Dues
    place: int


def relay(
    suite: Suite,
    sender: Sender,
    events: Sequence[bytes],
    *,
    records: RecordBook | None = None,
    builds: Mapping[bytes, Path] | None = None,
    most: int | None = None,
    progress: Progress = silent,
) -> Relayed:
    """Credits all shares of the open pools of these events that are not credited yet, or `most` of them. By anyone.

    `builds` holds folders of built submissions by event, `records` is the provider's record book: sampled submissions need one of them.
    Pools that are split by capacity are credited place by place. Raises as `collect`.
    """
    sender.recover()
    due: list[_Item] = []
    before = 0
    for event_id in events:
        event = load_event(suite, event_id)
        for pool_id in open_pools_of(suite, event):
            dues = Dues.of(suite, event, pool_id, records=records, build=(builds or {}).get(event_id))
            owed = [place for place, amount in enumerate(dues.amounts()) if amount]
            had = _collected(suite, pool_id)
            due += [_Item(dues=dues, place=place) for place in owed if place not in had]
            before += sum(1 for place in owed if place in had)
    chosen = due if most is None else due[:most]
    by_weight = [item for item in chosen if item.dues.known is not None]
    alone = [item for item in chosen if item.dues.known is None]
    receipts = list(_send_together(suite, sender, by_weight, progress))
    receipts += sender.send_all(item.dues.transaction(item.place) for item in alone)
    credited, places = _credited(suite, chosen, receipts)
    gas = sum(receipt.gas_used for receipt in receipts)
    for token, amount in credited.items():
        progress(f"Credited {token_at(suite, token).show(amount)} in all.")
    return Relayed(
        places=places,
        before=before,
        left=len(due) - len(chosen),
        credited=credited,
        transactions=len(receipts),
        gas=gas,
        fee_wei=sum(receipt.fee_wei for receipt in receipts),
    )


def _send_together(suite: Suite, sender: Sender, items: Sequence[_Item], progress: Progress) -> Iterator[Receipt]:
    """Many places in one transaction, as many as the gas cap allows."""

    def transaction(first: int, count: int) -> Transaction:
        made = suite.payouts.transaction("collectMany", list(_claims(items[first : first + count])))
        return titled(made, f"Credit {count} places")

    done = 0
    for sent in send_in_batches(sender, transaction, total=len(items), guess=FIRST_GUESS, most=MOST):
        done += sent.items
        each = -(-sent.receipt.gas_used // sent.items)
        progress(f"Credited {done:,} of {len(items):,} places, {each:,} gas each.")
        yield sent.receipt


def _claims(items: Sequence[_Item]) -> Iterator[NeighboursClaim]:
    """Runs of neighbours of one event each; `items` are by event and place."""
    start = 0
    for at, item in enumerate(items):
        following = items[at + 1] if at + 1 < len(items) else None
        if following is not None and following.dues is item.dues and following.place - item.place <= GAP + 1:
            continue
        known, first = item.dues.known, items[start].place
        if known is not None:
            yield known.run_claim(first, item.place - first + 1)
        start = at + 1


def _collected(suite: Suite, pool_id: bytes) -> set[int]:
    """Places that were credited from a pool, from the log."""
    found = {item.index for item in logs_of(suite, "Payouts", "Collected", pool_id=pool_id)}
    for item in logs_of(suite, "Payouts", "CollectedMany", pool_id=pool_id):
        found.update(item.first + offset for offset, amount in enumerate(item.amounts) if amount)
    return found


def _credited(suite: Suite, items: Sequence[_Item], receipts: Sequence[Receipt]) -> tuple[dict[str, int], int]:
    """What the receipts say was credited, by token, and to how many places."""
    currency = {item.dues.pool.id: item.dues.event.rule.currency for item in items}
    sums: dict[str, int] = defaultdict(int)
    places = 0
    for record in decode_logs(suite, [log for receipt in receipts for log in receipt.logs]):
        if record.name not in ("Collected", "CollectedMany"):
            continue
        amounts = [record.amount] if record.name == "Collected" else list(record.amounts)
        sums[currency[record.pool_id]] += sum(amounts)
        places += sum(1 for amount in amounts if amount)
    return dict(sums), places
