"""The watchtower's part of the story: the ordinary one, with the aggregator's published folders and a key and a budget of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from flexbond.watching.acting import Duties
from flexbond.watching.spending import ThriftySender
from flexbond.watching.state import State
from flexbond.watching.tower import Tower

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from flexbond.demo.ground import Ground
    from flexbond.operations.progress import Progress
    from flexbond.signing.signers import Secp256k1Signer
    from flexbond.watching.tower import Report

BUDGET_WEI: Final = 10**18
"""Most that it ever spends on gas."""


def watch(ground: Ground, key: Secp256k1Signer, data: Sequence[Path], folder: Path, say: Progress) -> Report:
    """One look, as `flexbond watch --once` takes it; what it remembers is kept in a folder."""
    suite = ground.suite
    folder.mkdir(parents=True, exist_ok=True)
    state = State.open(
        folder / "watch.sqlite", deployment=f"{suite.chain_id}:{suite.spot_checks.address}:{key.address}"
    )
    sender = ThriftySender(suite.rpc, key, ground.settings, state=state, budget_wei=BUDGET_WEI)
    tower = Tower(
        suite=suite,
        state=state,
        data=tuple(data),
        work=folder / "work",
        sender=sender,
        duties=Duties(draw=False),
        progress=say,
    )
    try:
        return tower.look()
    finally:
        state.close()
