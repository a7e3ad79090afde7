"""Proving leaves on chain, as many at a time as fit into a transaction."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from flexbond.chain.errors import ContractRevert, GasLimitError
from flexbond.chain.rpc import RpcError
from flexbond.model.types import ProofContext
from flexbond.operations.common import titled

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from flexbond.chain.send import Receipt, Sender
    from flexbond.chain.suite import Suite, Transaction
    from flexbond.operations.evidence import Evidence
    from flexbond.operations.history import EventHistory
    from flexbond.operations.progress import Progress

FIRST_GUESS: Final = 24
"""Leaves of the first transaction that is tried."""
MOST_LEAVES: Final = 256
"""Most leaves of one transaction, whatever the gas."""
FILL_PERCENT: Final = 90
"""How full of gas a transaction is planned, in percent of the cap."""
MARGIN_PERCENT: Final = 10
"""Added to the estimated gas."""


@dataclass(frozen=True, kw_only=True)
class Sent:
    """A transaction that took some of many items."""

    items: int
    receipt: Receipt


def send_in_batches(
    sender: Sender,
    transaction: Callable[[int, int], Transaction],
    *,
    total: int,
    first: int = 0,
    guess: int = FIRST_GUESS,
    most: int = MOST_LEAVES,
) -> Iterator[Sent]:
    """Sends for the items from `first` on as few transactions as the gas cap allows; yields each when it has happened.

    `transaction` makes the one of the items from a place on, so many. Raises GasLimitError if one item alone does not fit, ContractRevert.
    """
    done, size = first, min(guess, most)
    while done < total:
        count = min(size, total - done)
        while True:
            try:
                gas = sender.rehearse(transaction(done, count)).gas
                break
            except (ContractRevert, GasLimitError, RpcError) as error:
                if count == 1 or not is_for_size(error):
                    raise
                count //= 2
        limit = min(gas + gas * MARGIN_PERCENT // 100, sender.settings.gas_cap)
        receipt = sender.send(dataclasses.replace(transaction(done, count), gas=limit))
        done += count
        size = min(max(1, count * sender.settings.gas_cap * FILL_PERCENT // 100 // gas), most)
        yield Sent(items=count, receipt=receipt)


def is_for_size(error: ContractRevert | GasLimitError | RpcError) -> bool:
    """Whether a transaction may have failed for its size: out of gas deep inside, it is a revert without a reason."""
    return not isinstance(error, ContractRevert) or not error.name


def prove_leaves(
    suite: Suite,
    sender: Sender,
    event: EventHistory,
    evidence: Evidence,
    *,
    first: int,
    progress: Progress,
    max_leaves: int = MOST_LEAVES,
) -> Iterator[int]:
    """Proves the leaves from `first` on; yields how many each transaction proved.

    Raises GasLimitError if one leaf alone does not fit, ContractRevert.
    """

    def transaction(proven: int, count: int) -> Transaction:
        context = ProofContext(
            key=event.key,
            schedule_milli_wh=event.schedule_milli_wh if proven + count == evidence.leaves else (),
            lookback=evidence.lookback,
            calls_from=evidence.calls_from,
            cursor=evidence.cursor(proven),
        )
        made = suite.measurement.transaction("prove", context, evidence.proofs[proven : proven + count])
        return titled(made, f"Prove leaves {proven} to {proven + count - 1}")

    proven = first
    for sent in send_in_batches(sender, transaction, total=evidence.leaves, first=first, most=max_leaves):
        proven += sent.items
        progress(f"Proved {proven} of {evidence.leaves} leaves.")
        yield sent.items
