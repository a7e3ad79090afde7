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
from tests.gas.dearest_scenario import dearest_gas
from tests.gas.proof_scenario import proof_gas
from tests.gas.relay_scenario import relay_gas
from tests.gas.sampled_past_scenario import sampled_past_gas
from tests.gas.sampled_scenario import sampled_gas
from tests.gas.scenario import tell
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
    ("prove: one device, 8 periods, high 5 of 10, one history leaf", 450_000),
    ("prove: one device, 8 periods, high 5 of 10, 11 anchored batches", 650_000),
    ("collect: of 17, others collected before, the payee has a balance", 80_000),
    ("collect: of 17, all slots new", 115_000),
    ("collectMany: each of 100 neighbours, the payee has a balance", 17_000),
    ("collectMany: each of 100 neighbours, all slots new", 35_000),
    ("sampled: collect: others collected before, the payee has a balance", 80_000),
    ("sampled: collect: all slots new", 115_000),
    ("sampled: collectMany: each of 100 neighbours, the payee has a balance", 17_000),
    ("sampled: collectMany: each of 100 neighbours, all slots new", 35_000),
    ("sampled: the whole way beyond the proofs", 650_000),
    ("sampled: prove: last leaf of a batch, beyond its records", 65_000),
    ("sampled: prove: one leaf of 1 000 000, 8 periods, high 5 of 10, one history leaf", 450_000),
    ("sampled: prove: one leaf of 1 000 000, 8 periods, high 5 of 10, 11 anchored batches", 650_000),
)
"""How the action's name begins, and the most that it may cost. `issue` is the part of `take` that issues the right with its locks."""


GROWTH_PERCENT: Final = 2
"""Most that a step may cost more for a thousand times the devices, its paths apart."""
LONGER_PATH: Final = 7_500
"""What ten more siblings of a leaf cost at most: their bytes and their hashing."""
WORST: Final = 5_000_000
"""What no step of a sampled submission may cost."""


@pytest.fixture(scope="module")
def measured() -> dict[str, int]:
    """Gas by action."""
    gas: dict[str, int] = {}
    for scenario in (tell, proof_gas, dearest_gas, relay_gas, sampled_gas, sampled_past_gas):
        with LocalNode(NodeSettings(timestamp=GENESIS - 1)) as node:
            gas |= scenario(AnvilEvm(node.url))
    return dict(sorted(gas.items()))


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


def test_no_step_of_a_sampled_submission_grows_with_the_fleet(measured: dict[str, int]) -> None:
    """given 1 000 and 1 000 000 devices, when the same step is taken, it costs the same but for the longer paths to the leaves"""
    few, many = ", 1 000 devices", ", 1 000 000 devices"
    # Some leaf may hold two points, so that fewer are shown: one of all is compared, not all.
    pairs = {
        name.removesuffix(few): (gas, measured[name.removesuffix(few) + many])
        for name, gas in measured.items()
        if name.endswith(few) and not name.startswith("sampled: prove: all leaves")
    }
    assert pairs
    grown = {
        name: gas
        for name, gas in pairs.items()
        if abs(gas[1] - gas[0]) > gas[0] * GROWTH_PERCENT // 100 + _paths(name) * LONGER_PATH
    }
    assert not grown


def _paths(name: str) -> int:
    """How many leaves a step shows."""
    step = name.removeprefix("sampled: ")
    if not step.startswith(("challenge", "prove", "collect")):
        return 0
    return 2 if step.startswith("challengeNeighbours") else 1


def test_the_worst_step_of_a_sampled_submission_fits_a_transaction(measured: dict[str, int]) -> None:
    """given all steps, when the dearest is taken, it stays below 5 million"""
    assert max(gas for name, gas in measured.items() if name.startswith("sampled: ")) < WORST


@pytest.mark.parametrize(("action", "limit"), LIMITS, ids=[name for name, _ in LIMITS])
def test_gas_stays_within_the_limit(measured: dict[str, int], action: str, limit: int) -> None:
    """given the limits of the design, when an action is taken in any of its states, it stays within"""
    found = {name: gas for name, gas in measured.items() if name.startswith(action)}
    above = {name: gas for name, gas in found.items() if gas > limit}
    assert found, f"nothing measured for {action}"
    assert not above, f"above {limit}: {above}"
