"""Settling where something is missing, late, false or done by somebody else; each case from the same called event."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import pytest

from flexbond.chain.node import NodeKind
from flexbond.ids import cursor_hash
from flexbond.model.types import (
    CurvePoint,
    DeviceProof,
    EventStatus,
    Silence,
)
from flexbond.operations import collecting, dispatching, enrolment, errors, settlement, status
from flexbond.operations.evidence import gather
from flexbond.operations.history import answers_of, load_event, logs_of
from flexbond.operations.rehearsal import DrySender, NothingSentError
from tests.integration.case import Case, submit_alone
from tests.integration.stage import DAY, WINDOW_END, Stage, raised

if TYPE_CHECKING:
    from pathlib import Path

    from flexbond.metering import IntervalSeries
    from flexbond.model.types import Rule
    from tests.integration.stage import Home

pytestmark = pytest.mark.anvil


def test_a_stranger_is_told_who_must_act(case: Case) -> None:
    """Given a called event, when somebody without the records settles, then nothing is sent for it and the deadline is said."""
    outcome = case.settle(case.stranger)
    assert outcome.status is EventStatus.CALLED
    assert outcome.waiting is not None
    assert outcome.waiting.until == WINDOW_END + 2 * DAY
    assert case.stage.people.provider.address in outcome.waiting.reason
    # The unit that nobody called has nothing to do with the measurement.
    assert len(outcome.rights) == 1


def test_a_stranger_with_the_records_may_not_submit(case: Case) -> None:
    """Given somebody else who holds the record book, when it settles, then it is told that the provider must."""
    outcome = case.settle(case.stranger, case.stage.book())
    assert outcome.status is EventStatus.CALLED


def test_a_built_folder_is_not_enough_for_every_leaf(case: Case, tmp_path: Path) -> None:
    """Given a rule under which every leaf is proven, when a built submission is given without the book, then the book is asked for."""
    with pytest.raises(errors.OperationError, match="--records"):
        settlement.submit_event(case.stage.suite, case.provider, case.event, build=tmp_path)


def test_never_submitted(case: Case) -> None:
    """Given a missed submission, when anybody settles, then the event is unmeasured, all is penalised, and the pools stay empty."""
    case.stage.at(WINDOW_END + 2 * DAY)
    outcome = case.settle(case.stranger)
    assert (outcome.status, outcome.failed, len(outcome.dispatches)) == (EventStatus.UNMEASURED, True, 2)
    assert outcome.is_done
    summary = status.event_status(case.stage.suite, case.event)
    assert summary.paid == 0
    # 8 kW for two hours at 300 per MWh, up to the collateral of the 8 units.
    assert summary.penalties == 4_800_000
    again = case.settle(case.stranger)
    assert (again.failed, again.dispatches, again.rights) == (False, (), ())


def test_never_proven(case: Case) -> None:
    """Given a submission that is not proven in time, when anybody settles, then the event is unmeasured."""
    suite = case.stage.suite
    event = load_event(suite, case.event)
    evidence = gather(suite, event, case.stage.book())
    submit = suite.measurement.transaction("submit", event.key, evidence.measured.tree.root, evidence.measured.totals)
    case.provider.send(submit)
    waiting = case.settle(case.stranger).waiting
    assert waiting is not None
    submitted = suite.measurement.read("eventState", case.event).submitted_at
    assert waiting.until == submitted + DAY
    case.stage.at(submitted + DAY)
    assert case.settle(case.stranger).status is EventStatus.UNMEASURED


def test_proving_goes_on_from_the_cursor(case: Case) -> None:
    """Given two leaves proven by hand, when the provider settles, then one is left to prove."""
    suite = case.stage.suite
    evidence = submit_alone(case)
    case.prove(evidence.proofs[:2])
    outcome = case.settle()
    assert (outcome.status, outcome.proven) == (EventStatus.MEASURED, 1)
    assert "2 of 3 leaves" in " ".join(case.said)
    assert len(logs_of(suite, "Measurement", "LeafProven", event_id=case.event)) == 3


def test_proving_starts_anew_after_other_data(case: Case) -> None:
    """Given a leaf proven as silent though the book has its records, when the provider settles, then it starts anew and says so."""
    suite = case.stage.suite
    evidence = submit_alone(case)
    case.prove((DeviceProof(records=()),))
    assert suite.measurement.read("cursorHash", case.event) != cursor_hash(evidence.cursor(1))
    outcome = case.settle()
    assert (outcome.status, outcome.proven) == (EventStatus.MEASURED, 3)
    assert "starts anew from leaf 0" in " ".join(case.said)
    # The log has leaf 0 twice; what counts is the later one.
    assert [answer.silence for answer in answers_of(suite, load_event(suite, case.event))] == [Silence.OK] * 3
    assert collecting.collect_event(suite, case.stranger, case.event)


def test_another_book_is_refused(case: Case) -> None:
    """Given a submission, when the provider settles with a book that lacks a home, then it is told so, and nothing is sent."""
    submit_alone(case)
    lines = case.stage.book_path.read_bytes().splitlines(keepends=True)
    missing = f"0x{case.stage.homes[1].point.hex()}".encode()
    kept = [line for line in lines if missing not in line and b'"batch"' not in line]
    case.stage.book_path.write_bytes(b"".join(kept))
    before = case.stage.rpc.block_number()
    with pytest.raises(errors.RecordsDifferError, match="other records"):
        case.settle()
    assert case.stage.rpc.block_number() == before


def test_an_empty_book_is_refused(case: Case) -> None:
    """Given a book of which no record counts, when the provider settles, then nothing is submitted unless that is accepted."""
    lines = case.stage.book_path.read_bytes().splitlines(keepends=True)
    case.stage.book_path.write_bytes(lines[0])
    with pytest.raises(errors.SilentEventError, match="all 3"):
        case.settle()
    suite, book = case.stage.suite, case.stage.book()
    outcome = settlement.settle_event(suite, case.provider, case.event, records=book, accept_silence=True)
    assert (outcome.status, outcome.proven) == (EventStatus.MEASURED, 3)
    # Nobody has weight and nothing was earned: only the unit never called has a pool.
    assert len(collecting.collect_event(suite, case.stranger, case.event)) == 1


def test_a_suspended_device_is_silent(tmp_path: Path) -> None:
    """Given a device suspended before the reading deadline, when the event is settled, then its leaf is silent and the others are not."""
    with raised(NodeKind.ANVIL, tmp_path) as stage:
        event = stage.up_to_called(until=WINDOW_END + DAY - 60)
        suspend = stage.suite.devices.transaction("suspend", stage.homes[0].point)
        stage.sender(stage.people.meter_operator).send(suspend)
        stage.at(WINDOW_END + DAY)
        case = Case(stage, event)
        assert case.settle().status is EventStatus.MEASURED
        answers = answers_of(stage.suite, load_event(stage.suite, event))
        assert [answer.silence for answer in answers] == [Silence.SUSPENDED, Silence.OK, Silence.OK]
        assert "Leaf 0 counts as silent: suspended." in case.said


def test_a_late_suspension_spoils_nothing(case: Case) -> None:
    """Given a device suspended once records no longer count, when the event is settled, then all leaves count."""
    stage = case.stage
    suspend = stage.suite.devices.transaction("suspend", stage.homes[0].point)
    stage.sender(stage.people.meter_operator).send(suspend)
    assert case.settle().status is EventStatus.MEASURED
    answers = answers_of(stage.suite, load_event(stage.suite, case.event))
    assert [answer.silence for answer in answers] == [Silence.OK] * 3


def test_who_left_after_the_notice_is_still_counted(case: Case) -> None:
    """Given a home that left after the notice, when the event is settled, then its leaf counts and its customer collects."""
    stage = case.stage
    enrolment.leave(stage.suite, case.provider, stage.homes[1].point)
    case.settle()
    own, _ = collecting.collect_event(stage.suite, case.stranger, case.event)
    assert [share.index for share in own.shares] == [0, 1, 2]


def test_only_some_payees_are_credited(case: Case) -> None:
    """Given a measured event, when one payee's share is collected, then the others' stay, and again nothing is sent."""
    stage = case.stage
    case.settle()
    payee = stage.homes[2].customer.address
    for expected in (1, 0):
        before = stage.rpc.block_number()
        own, _ = collecting.collect_event(stage.suite, case.stranger, case.event, payees=[payee])
        assert [share.collected for share in own.shares] == [False, False, True]
        # One from the event's pool, one from the uncalled unit's.
        assert stage.rpc.block_number() - before == 2 * expected


def test_what_is_left_goes_where_the_rule_says(case: Case) -> None:
    """Given a pool, when it is swept before and after its time, then that is refused, then done, then done already."""
    stage = case.stage
    case.settle()
    pool = collecting.pool_of(stage.suite, case.event)
    with pytest.raises(errors.TooEarlyError) as early:
        collecting.sweep(stage.suite, case.stranger, case.event)
    assert early.value.at == pool.opened_at + 30 * DAY
    stage.at(early.value.at)
    assert collecting.sweep(stage.suite, case.stranger, case.event) == pool.amount
    assert collecting.sweep(stage.suite, case.stranger, case.event) == 0
    unclaimed = stage.suite.escrow.read("free", stage.token, stage.people.unclaimed.address)
    assert unclaimed == pool.amount
    with pytest.raises(errors.OperationError, match="swept"):
        collecting.collect(stage.suite, case.stranger, case.event)


def test_a_dry_run_of_each_step(case: Case) -> None:
    """Given an event at each of its steps, when it is settled dry, then the next transaction is named and no block is made."""
    stage = case.stage
    titles = []

    def rehearse() -> None:
        dry = DrySender(stage.rpc, stage.people.provider, stage.settings)
        before = stage.rpc.block_number()
        with pytest.raises(NothingSentError) as nothing:
            case.settle(dry, stage.book())
        titles.extend(item.title for item in nothing.value.rehearsals)
        assert stage.rpc.block_number() == before

    rehearse()
    submit_alone(case)
    rehearse()
    settlement.submit_event(stage.suite, case.provider, case.event, records=stage.book())
    rehearse()
    assert titles == ["Submit the event with 3 leaves", "Prove leaves 0 to 2", "Settle dispatch 0"]


def test_gas_limits_a_proof(case: Case) -> None:
    """Given a low gas cap, when the provider settles, then the leaves are proven in as many transactions as it takes."""
    stage = case.stage
    submit_alone(case)
    sender = case.provider
    sender.settings = dataclasses.replace(sender.settings, gas_cap=240_000)
    proven = logs_of(stage.suite, "Measurement", "LeafProven")
    assert not proven
    assert case.settle(sender, stage.book()).proven == 3
    transactions = {item.transaction for item in logs_of(stage.suite, "Measurement", "LeafProven")}
    assert len(transactions) > 1


class Idle(Stage):
    """Nobody delivers anything, and half of the availability is due all the same."""

    def rule(self) -> Rule:
        """Half of the availability whatever is delivered."""
        return dataclasses.replace(super().rule(), availability_curve=(CurvePoint(ratio_bps=0, pay_bps=5_000),))

    def series(self, each: Home) -> IntervalSeries:
        """No change in the window."""
        told = super().series(each)
        return dataclasses.replace(told, readings=(4_000_000,) * len(told.readings))


def test_where_nobody_has_weight_capacity_decides(tmp_path: Path) -> None:
    """Given a measured event in which no leaf has weight, when its pool is collected, then it is split by capacity."""
    with raised(NodeKind.ANVIL, tmp_path, Idle) as stage:
        case = Case(stage, stage.up_to_called())
        assert case.settle().status is EventStatus.MEASURED
        own = next(
            item
            for item in collecting.collect_event(stage.suite, case.stranger, case.event)
            if item.pool_id == case.event
        )
        # Half the availability of 8 units at 16 000, of which customers get 60 percent.
        assert own.amount == 8 * 16_000 // 2 * 6 // 10
        assert not collecting.pool_of(stage.suite, case.event).by_capacity
        assert [(share.amount, share.collected) for share in own.shares] == [(own.amount // 3, True)] * 3


def test_an_order_taken_back_earns_its_availability_unmeasured(tmp_path: Path) -> None:
    """Given an order taken back whole and no submission, when anybody settles, then its availability is split by capacity."""
    with raised(NodeKind.ANVIL, tmp_path) as stage:
        stage.open_market()
        stage.enrol_homes()
        right = stage.sell()
        called, _ = stage.call(right)
        dispatching.cancel(stage.suite, stage.sender(stage.people.buyer), called.dispatch_id)
        stage.at(WINDOW_END + 2 * DAY)
        case = Case(stage, called.event_id)
        assert case.settle(case.stranger).status is EventStatus.UNMEASURED
        assert collecting.pool_of(stage.suite, case.event).by_capacity
        own = next(
            item
            for item in collecting.collect_event(stage.suite, case.stranger, case.event)
            if item.pool_id == case.event
        )
        assert own.amount == 6 * 16_000 * 6 // 10
        assert [share.amount for share in own.shares] == [own.amount // 3] * 3
