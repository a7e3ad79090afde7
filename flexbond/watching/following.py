"""Follows the chain block by block as far as it agrees with what was seen, and goes back where it does not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from flexbond.chain.events import read_events
from flexbond.operations.progress import Progress, silent
from flexbond.watching.errors import NodeBehindError

if TYPE_CHECKING:
    from flexbond.chain.events import EventRecord
    from flexbond.chain.suite import Suite
    from flexbond.watching.state import State

FOLLOWED: Final = {
    "Measurement": ("EventCalled", "EventSubmitted", "EventMeasured", "EventUnmeasured"),
    "SpotChecks": (
        *("Bonded", "PointsDrawn", "PointsProven", "LeafDemanded", "DemandMet", "DemandRefunded"),
        *("SubmissionAccepted", "SubmissionRejected"),
    ),
}
"""What is remembered of the event log."""


@dataclass(frozen=True, kw_only=True)
class Followed:
    """A look at the chain."""

    block: int
    """The latest."""
    before: int
    """Up to which block it was known before; after going back, the last that the two chains have in common."""
    dropped: int
    """How many blocks the chain has dropped of those that were seen."""


def follow(suite: Suite, state: State, *, progress: Progress = silent) -> Followed:
    """Brings the state up to the latest block. Raises NodeUnreachableError, NodeBehindError."""
    suite.rpc.once("eth_blockNumber")  # whether the node is there at all is known at once
    seen = next(state.blocks(), None)
    known, dropped = _common(suite, state), 0
    if seen is not None and known != seen[0]:
        dropped = seen[0] - known
        state.rewind(known)
        progress(f"The chain has dropped {dropped} blocks: going back to block {known:,}.")
    head = _block(suite, "latest")
    if head is None:
        raise NodeBehindError("The node has no latest block.", "Check the node.")
    number, hash_ = int(head["number"], 16), str(head["hash"])
    records: list[EventRecord] = []
    for contract, names in FOLLOWED.items():
        found = read_events(suite, first_block=known + 1, last_block=number, contract=contract)
        records += [item for item in found if item.name in names]
    again = _block(suite, hex(number))
    if again is None or again["hash"] != hash_:
        raise NodeBehindError("The chain changed while it was read.", "Look again.")
    state.advance(number, hash_, records)
    return Followed(block=number, before=known, dropped=dropped)


def _common(suite: Suite, state: State) -> int:
    """The last block that was seen and is still one of the chain's; the one before the deployment if none is."""
    for number, hash_ in state.blocks():
        block = _block(suite, hex(number))
        if block is not None and block["hash"] == hash_:
            return number
    if not suite.rpc.code(suite.spot_checks.address):
        raise NodeBehindError(
            f"The node knows no contract at {suite.spot_checks.address}.",
            "Check that it is of the right chain, and synced.",
        )
    return suite.first_block - 1


def _block(suite: Suite, number: str) -> dict[str, Any] | None:
    block: dict[str, Any] | None = suite.rpc.request("eth_getBlockByNumber", number, False)
    return block
