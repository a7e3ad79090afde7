"""Proving leaves on chain, as many at a time as fit into a transaction."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final

from flexbond.chain.errors import ContractRevert, GasLimitError
from flexbond.chain.rpc import RpcError
from flexbond.model.types import ProofContext
from flexbond.operations.common import titled

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flexbond.chain.send import Sender
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
    proven, size = first, min(FIRST_GUESS, max_leaves)
    while proven < evidence.leaves:
        count, gas = _fitting(suite, sender, event, evidence, proven, size)
        transaction = _transaction(suite, event, evidence, proven, count)
        limit = min(gas + gas * MARGIN_PERCENT // 100, sender.settings.gas_cap)
        sender.send(dataclasses.replace(transaction, gas=limit))
        proven += count
        size = min(max(1, count * sender.settings.gas_cap * FILL_PERCENT // 100 // gas), max_leaves)
        progress(f"Proved {proven} of {evidence.leaves} leaves.")
        yield count


def _fitting(
    suite: Suite, sender: Sender, event: EventHistory, evidence: Evidence, proven: int, size: int
) -> tuple[int, int]:
    """How many leaves fit into one transaction, at most `size`, and their gas."""
    count = min(size, evidence.leaves - proven)
    while True:
        try:
            return count, sender.rehearse(_transaction(suite, event, evidence, proven, count)).gas
        except (ContractRevert, GasLimitError, RpcError) as error:
            if count == 1 or not is_for_size(error):
                raise
            count //= 2


def is_for_size(error: ContractRevert | GasLimitError | RpcError) -> bool:
    """Whether a transaction may have failed for its size: out of gas deep inside, it is a revert without a reason."""
    return not isinstance(error, ContractRevert) or not error.name


def _transaction(suite: Suite, event: EventHistory, evidence: Evidence, proven: int, count: int) -> Transaction:
    context = ProofContext(
        key=event.key,
        rule=event.rule,
        root=evidence.measured.tree.root,
        totals=evidence.measured.totals,
        schedule_milli_wh=event.schedule_milli_wh,
        lookback=evidence.lookback,
        calls_from=evidence.calls_from,
        cursor=evidence.cursor(proven),
    )
    transaction = suite.measurement.transaction("prove", context, evidence.proofs[proven : proven + count])
    return titled(transaction, f"Prove leaves {proven} to {proven + count - 1}")
