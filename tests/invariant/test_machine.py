"""The state machine over the whole suite, and proof that it gets far enough to mean something."""

from __future__ import annotations

from collections import defaultdict

import pytest
from hypothesis.stateful import run_state_machine_as_test

from tests.invariant.machine import SuiteMachine, profile
from tests.invariant.moves import Moves
from tests.invariant.stage import Stage

pytestmark = pytest.mark.slow

LEAST_CALLS = 200_000
"""Calls of contracts in one run, transactions and views together."""
LEAST_TRANSACTIONS = 60_000

DONE = (
    *("deposit", "depositWithPermit", "withdraw", "state", "enrol", "leave", "changePayee", "voidStatement", "suspend"),
    *("raiseCustomerShare", "setPaused", "take", "cancel offer", "cancelAll", "transfer", "release"),
    *(
        "declareUnavailable",
        "qualify",
        "appointOperator",
        "nominate",
        "dispatch",
        "stop",
        "cancel",
        "excuse",
        "attest",
        "anchor",
    ),
    *(
        "reportEquivocation",
        "submit",
        "prove",
        "fail",
        "settle",
        "settleUncalled",
        "collect",
        "collectMany",
        "collectByCapacity",
    ),
    *("sweep", "call from a receiver", "prove of past days"),
)
"""What must have succeeded, and more than once."""

REFUSED = (
    *("Flexbond_NotMover", "Flexbond_NotAllowed", "Flexbond_BadSignature", "Flexbond_SignatureExpired"),
    *("AccessManagedUnauthorized", "EnforcedPause", "InvalidAccountNonce", "ReentrancyGuardReentrantCall"),
    *("CollateralEscrow_InsufficientFree", "CollateralEscrow_ReceivedDiffers", "CollateralEscrow_InsufficientLock"),
    *("DeviceRegistry_StillCommitted", "DeviceRegistry_StatementOld", "DeviceRegistry_KeyNotProven"),
    *("MeterOracle_WrongSigner", "MeterOracle_NotYetOver", "MeterOracle_Suspended", "MeterOracle_NoEquivocation"),
    *("FlexibilityMarket_Overfilled", "FlexibilityMarket_OfferCancelled", "FlexibilityMarket_OfferForOther"),
    *("FlexibilityRights_CapacityExceeded", "FlexibilityRights_WindowOverlaps", "FlexibilityRights_WindowDiffers"),
    *("FlexibilityRights_GateClosed", "FlexibilityRights_Unavailable", "FlexibilityRights_BelowMinimum"),
    *("FlexibilityRights_AlreadyExpired", "FlexibilityRights_NotTransferable", "ParticipantRegistry_NotBuyer"),
    *("Settlement_TooEarly", "Settlement_TooLate", "Settlement_DispatchDiffers", "Settlement_NotFinal"),
    *("Settlement_RunTooShort", "Settlement_RuleDiffers", "Measurement_TooEarly", "Measurement_TooLate"),
    *("Measurement_WrongStatus", "Measurement_NotProvider", "Measurement_LeafRefused", "Measurement_CommitmentDiffers"),
    *("Measurement_TotalTooLarge", "Measurement_CursorDiffers", "Measurement_ResultDiffers", "Measurement_GateClosed"),
    *("Payouts_NotOpen", "Payouts_AlreadyCollected", "Payouts_BadProof", "Payouts_PeriodNotOver"),
)
"""Errors that attacks must have met."""


@pytest.fixture(scope="module")
def stage() -> Stage:
    """The stage after a whole run."""
    run_state_machine_as_test(SuiteMachine, settings=profile())
    return Moves.stage_of(SuiteMachine.suite_class)


def test_invariants_hold_and_the_model_agrees(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    """given anybody doing anything in any order, when it is done, contracts and model agree and every invariant holds"""
    evm = stage.evm
    total = evm.transactions + evm.calls
    with capsys.disabled():
        print(f"\n{evm.transactions:,} transactions and {evm.calls:,} views: {total:,} calls of contracts")
    assert total >= LEAST_CALLS
    assert evm.transactions >= LEAST_TRANSACTIONS


def test_every_action_succeeded(stage: Stage) -> None:
    """given such a run, when it is over, no action was only ever refused"""
    done = {name for (name, error), count in stage.outcomes.items() if not error and count > 1}
    assert set(DONE) <= done, f"never done: {sorted(set(DONE) - done)}"


def test_attacks_were_refused(stage: Stage) -> None:
    """given such a run, when it is over, every kind of attack was tried and refused"""
    met: dict[str, int] = defaultdict(int)
    for (_, error), count in stage.outcomes.items():
        met[error] += count
    assert set(REFUSED) <= set(met), f"never met: {sorted(set(REFUSED) - set(met))}"
