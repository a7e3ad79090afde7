"""Gas of every user action, from the receipts of an Anvil node with the rules of Osaka.

`snapshot.json` holds what each costs; a change shows in its diff. `make gas` writes it anew.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Final

import pytest

from flexbond.chain.node import LocalNode, NodeSettings
from tests.gas.anvil import AnvilEvm
from tests.gas.proof_scenario import proof_gas
from tests.gas.scenario import Story
from tests.support.evm import GENESIS

pytestmark = [pytest.mark.anvil, pytest.mark.slow]

SNAPSHOT: Final = Path(__file__).with_name("snapshot.json")
VARIABLE: Final = "FLEXBOND_GAS_SNAPSHOT"
"""With `write` the snapshot is written and not compared."""

LIMITS: Final = (
    ("attest: further secp256k1 record", 11_000),
    ("attest: further P-256 record", 25_000),
    ("take: fresh right, window and nonce word in use", 200_000),
    ("take: fresh right, further window", 230_000),
    ("issue: fresh right", 200_000),
    ("dispatch:", 230_000),
    ("settle:", 230_000),
    ("measure: one device, 8 periods, MeterBefore", 60_000),
    ("collect: of 17, others collected before, the payee has a balance", 80_000),
    ("collect: of 17, all slots new", 115_000),
)
"""How the action's name begins, and the most that it may cost. `issue` is the part of `take` that issues the right with its locks."""


@pytest.fixture(scope="module")
def measured() -> dict[str, int]:
    """Gas by action."""
    with LocalNode(NodeSettings(timestamp=GENESIS - 1)) as node:
        gas = Story(AnvilEvm(node.url)).tell()
    with LocalNode(NodeSettings(timestamp=GENESIS - 1)) as node:
        return dict(sorted((gas | proof_gas(AnvilEvm(node.url))).items()))


def test_gas_is_as_in_the_snapshot(measured: dict[str, int]) -> None:
    """given the committed snapshot, when every action is taken, it costs exactly what the snapshot says"""
    if os.environ.get(VARIABLE) == "write":
        SNAPSHOT.write_text(json.dumps(measured, indent=2) + "\n")
    known = json.loads(SNAPSHOT.read_text())
    changes = [
        f"  {name}: {known.get(name, 'new')} -> {measured.get(name, 'gone')}"
        for name in sorted(known | measured)
        if known.get(name) != measured.get(name)
    ]
    assert not changes, "\n".join(["Gas differs from tests/gas/snapshot.json; run make gas to accept:", *changes])


@pytest.mark.parametrize(("action", "limit"), LIMITS, ids=[name for name, _ in LIMITS])
def test_gas_stays_within_the_limit(measured: dict[str, int], action: str, limit: int) -> None:
    """given the limits of the design, when an action is taken in any of its states, it stays within"""
    found = {name: gas for name, gas in measured.items() if name.startswith(action)}
    above = {name: gas for name, gas in found.items() if gas > limit}
    assert found, f"nothing measured for {action}"
    assert not above, f"above {limit}: {above}"
