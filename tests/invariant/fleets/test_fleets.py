"""The state machine of sampled submissions, and proof that it gets far enough to mean something."""

from __future__ import annotations

from collections import defaultdict

import pytest
from hypothesis.stateful import run_state_machine_as_test

from tests.invariant.fleets.lies import LIES
from tests.invariant.fleets.machine import FleetMachine, profile
from tests.invariant.stage import Stage

pytestmark = pytest.mark.slow

LEAST_CALLS = 300_000
"""Calls of contracts in one run, transactions and views together."""

DONE = (
    *("submit, checked", "draw", "prove points", "proveDemanded", "demandProof", "accept", "finalise", "refund"),
    *("challengeForm", "challengeLeaf", "challengeNeighbours", "challengeRecords", "fail, checked", "failDemand"),
    *("settle", "collect", "collectMany", "reportEquivocation", "anchor", "attest", "state", "final, "),
    *(f"caught, {lie.__name__}" for lie in LIES),
    *(f"rejected, {fault}" for fault in ("NOT_DRAWN", "NOT_PROVEN", "DEMAND_NOT_MET", "MALFORMED", "WRONG_END")),
    *(f"rejected, {fault}" for fault in ("JUMP", "OUT_OF_RANGE", "NOT_SILENT", "OTHER_RESPONSE")),
)
"""What must have happened, and more than once."""

REFUSED = (
    *("AlreadyDrawn", "TooEarlyToDraw", "TooLateToDraw", "NotDrawn", "TooEarly", "TooLate", "ProofsLength"),
    *("NotInTree", "EntriesDiffer", "PointElsewhere", "AllProven", "PointsLeft", "DemandsOpen", "NotContradicted"),
    *("Inconclusive", "NoSuchLeaf", "NotDemanded", "AlreadyDemanded", "TooManyDemands", "TooLateToDemand"),
    *("NotFailed", "NotRejected", "NotSubmitted", "CommitmentDiffers"),
)
"""Errors of SpotChecks that attacks must have met."""


@pytest.fixture(scope="module")
def stage() -> Stage:
    """The stage after a whole run."""
    run_state_machine_as_test(FleetMachine, settings=profile())
    return FleetMachine.stage_of(FleetMachine.suite_class)


def test_no_false_submission_is_final_and_no_honest_one_is_lost(
    stage: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    """given liars on every side and a watchtower that holds the data, when all is over, every invariant holds"""
    evm = stage.evm
    total = evm.transactions + evm.calls
    with capsys.disabled():
        print(f"\n{evm.transactions:,} transactions and {evm.calls:,} views: {total:,} calls of contracts")
    assert total >= LEAST_CALLS


def test_every_step_was_taken(stage: Stage) -> None:
    """given such a run, when it is over, every step was taken, every lie was caught, for every kind of fault"""
    done = {name for (name, error), count in stage.outcomes.items() if not error and count > 1}
    assert set(DONE) <= done, f"never done: {sorted(set(DONE) - done)}"


def test_every_attack_was_refused(stage: Stage) -> None:
    """given such a run, when it is over, every kind of attack was tried and refused"""
    met: dict[str, int] = defaultdict(int)
    for (_, error), count in stage.outcomes.items():
        met[error] += count
    wanted = {f"SpotChecks_{name}" for name in REFUSED}
    assert wanted <= set(met), f"never met: {sorted(wanted - set(met))}"
