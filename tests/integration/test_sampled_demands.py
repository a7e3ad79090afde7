"""Buyers and a sampled submission: proofs demanded, met and missed, and submissions accepted before their time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from flexbond.chain.errors import ContractRevert
from flexbond.model.types import EventStatus, Fault
from flexbond.operations import errors, money, objecting, status
from flexbond.operations.inputs import inputs_of
from tests.integration.sampled import BOND, FEE
from tests.integration.shell import Shell
from tests.integration.stage import DAY

if TYPE_CHECKING:
    from flexbond.chain.send import Sender
    from tests.integration.sampled import SampledCase

pytestmark = pytest.mark.anvil


def _buyers(sampled: SampledCase) -> tuple[Sender, Sender]:
    people = sampled.stage.people
    return sampled.stage.sender(people.buyer), sampled.stage.sender(people.second_buyer)


def _free(sampled: SampledCase, account: str) -> int:
    return money.free_balance(sampled.stage.suite, sampled.stage.token, account)


def test_a_demand_is_met(sampled: SampledCase) -> None:
    """Given a demanded leaf, when the provider settles, then it is proven, the fee is the provider's, and the event can end."""
    stage, suite = sampled.stage, sampled.stage.suite
    buyer, _ = _buyers(sampled)
    sampled.settle()
    before = _free(sampled, buyer.address)
    for expected in (1, 0):
        block = stage.rpc.block_number()
        demanded = objecting.demand_proof(suite, buyer, sampled.event, 7)
        assert stage.rpc.block_number() - block == expected
    assert (demanded.by, demanded.fee, demanded.is_met) == (buyer.address, FEE, False)
    assert _free(sampled, buyer.address) == before - FEE
    with pytest.raises(ContractRevert, match="12 leaves"):
        objecting.demand_proof(suite, buyer, sampled.event, 12)
    stage.to_draw(sampled.event)
    waiting = sampled.settle(sampled.stranger).waiting
    assert waiting is not None
    assert waiting.until == demanded.until
    provider = stage.people.provider.address
    had = _free(sampled, provider)
    done = sampled.settle()
    assert done.demands_met == 1
    assert _free(sampled, provider) - had == FEE
    assert [one.is_met for one in sampled.checks.demands] == [True]
    sampled.to_the_end()
    assert sampled.history.status is EventStatus.MEASURED


def test_a_demand_is_missed(sampled: SampledCase) -> None:
    """Given two demanded leaves and a provider that proves only what was drawn, when their time is over, then it is rejected, half of the
    bond is of who demanded first, the rest the buyers', and both fees go back.
    """
    stage, suite = sampled.stage, sampled.stage.suite
    buyer, second = _buyers(sampled)
    sampled.up_to_proven()
    before = [_free(sampled, one.address) for one in (buyer, second)]
    first = objecting.demand_proof(suite, buyer, sampled.event, 0)
    objecting.demand_proof(suite, second, sampled.event, 11)
    stage.at(first.until)
    ended = sampled.settle(sampled.stranger)
    assert (ended.status, ended.failed, ended.refunds) == (EventStatus.UNMEASURED, True, 1)
    rejection = sampled.checks.rejection
    assert rejection is not None
    assert (rejection.fault, rejection.challenger, rejection.place) == (Fault.DEMAND_NOT_MET, buyer.address, 0)
    assert (rejection.reward, rejection.for_buyers) == (BOND // 2, BOND // 2)
    assert all(one.is_refunded for one in sampled.checks.demands)
    rewards = (rejection.reward, 0)
    for called, one, had, reward in zip(sampled.history.dispatches, (buyer, second), before, rewards, strict=True):
        settled = called.settled
        assert settled is not None
        got = settled.penalty + settled.utilisation_refund + settled.availability_refund + called.bond_share
        assert _free(sampled, one.address) - had == got + reward
    assert sampled.settle(sampled.stranger).refunds == 0


def test_too_late_to_demand(sampled: SampledCase) -> None:
    """Given too little left of the challenge window, when a buyer demands, then it is told until when it could; a stranger never can."""
    stage, suite = sampled.stage, sampled.stage.suite
    buyer, _ = _buyers(sampled)
    with pytest.raises(errors.OperationError, match="no submission"):
        objecting.demand_proof(suite, buyer, sampled.event, 0)
    sampled.settle()
    with pytest.raises(errors.OperationError, match="no dispatch of this event"):
        objecting.demand_proof(suite, sampled.stranger, sampled.event, 0)
    stage.at(sampled.checks.challenge_until - DAY + 1)
    with pytest.raises(errors.TooLateError, match="demanded until"):
        objecting.demand_proof(suite, buyer, sampled.event, 0)


def test_accepted_by_all_it_ends_at_once(sampled: SampledCase) -> None:
    """Given both buyers' acceptance, when anybody settles, then the challenge window is not waited for, and all is paid as it was shown."""
    stage = sampled.stage
    keys = {"buyer": stage.people.buyer, "second": stage.people.second_buyer}
    shell = Shell(stage.folder, network="anvil", url=stage.url, keys=keys)
    event = f"0x{sampled.event.hex()}"
    sampled.settle()
    shown = shell.run("event", "accept", event, key="buyer")
    assert (shown["accepted"], shown["of"], shown["proven"]) == (0, 2, 0)
    first = shell.run("event", "accept", event, "--yes", key="buyer")
    assert first["accepted"] == 1
    block = stage.rpc.block_number()
    assert shell.run("event", "accept", event, "--yes", key="buyer")["accepted"] == 1
    assert stage.rpc.block_number() == block
    stage.to_draw(sampled.event)
    waiting = sampled.settle().waiting
    assert waiting is not None, "one buyer has not accepted"
    second = shell.run("event", "accept", event, "--yes", key="second")
    assert second["accepted"] == 2
    assert sampled.checks.is_accepted
    ended = sampled.settle(sampled.stranger)
    assert (ended.status, ended.finalised, ended.is_done) == (EventStatus.MEASURED, True, True)
    history = sampled.history
    assert list(history.responses_milli_wh) == shown["responsesMilliWh"]
    expected = [first["dispatches"][0]["settled"], second["dispatches"][0]["settled"]]
    for called, one in zip(history.dispatches, expected, strict=True):
        assert called.settled is not None
        assert called.settled.pay == one["pay"]
        assert called.settled.utilisation_refund == one["utilisationRefund"]


def test_status_of_the_checks(sampled: SampledCase) -> None:
    """Given a sampled event at its steps, then the status says what was drawn, proven and demanded, and how it was rejected."""
    stage = sampled.stage
    shell = Shell(stage.folder, network="anvil", url=stage.url)
    event = f"0x{sampled.event.hex()}"

    def told() -> str:
        code, out, err = shell.attempt("status", event, as_json=False)
        assert code == 0, err
        return out

    buyer, _ = _buyers(sampled)
    sampled.settle()
    assert "4 points to be drawn from the hash of block" in told()
    objecting.demand_proof(stage.suite, buyer, sampled.event, 5)
    stage.to_draw(sampled.event)
    sampled.settle(sampled.stranger)
    out = told()
    assert "bond 300.00 MUSD: 4 points drawn, 0 of them proven" in out
    assert f"Leaf 5 demanded by {buyer.address} for 2.00 MUSD: due" in out
    assert "0 of 4 drawn points are proven" in out
    # The demand came before the draw, and so is due before the drawn points are.
    stage.at(sampled.checks.demands[0].until)
    sampled.settle(sampled.stranger)
    out = told()
    assert f"Rejected by {buyer.address}, leaf 5: demand not met" in out
    assert "Buyers got 150.00 MUSD of the bond." in out
    summary = status.event_status(stage.suite, sampled.event)
    assert [item.bond_share for item in summary.dispatches] == [BOND // 2 * 6 // 8, BOND // 2 * 2 // 8]


def test_inputs_of_another_book(sampled: SampledCase) -> None:
    """Given a settled sampled event, when its inputs are asked for with a book that lacks a home, then it is told so."""
    stage = sampled.stage
    sampled.up_to_proven()
    sampled.to_the_end()
    assert len({reading.device for reading in inputs_of(stage.suite, sampled.event, stage.book()).readings}) == 12
    lines = stage.book_path.read_bytes().splitlines(keepends=True)
    stage.book_path.write_bytes(b"".join(line for line in lines if b'"batch"' not in line))
    with pytest.raises(errors.RecordsDifferError, match="other records"):
        inputs_of(stage.suite, sampled.event, stage.book())
