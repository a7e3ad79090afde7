"""Signing and attesting again, in parts, with mistakes; each case from the same called event."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import pytest

from flexbond.operations import dispatching, errors, market, meters
from flexbond.operations.history import load_event
from flexbond.operations.rehearsal import DrySender, NothingSentError
from tests.integration.case import Case

if TYPE_CHECKING:
    pass

pytestmark = pytest.mark.anvil


def test_attesting_again_sends_nothing(case: Case) -> None:
    """Given an attested book, when it is attested again, then no transaction is sent and the book stays as it is."""
    stage = case.stage
    before, content = stage.rpc.block_number(), stage.book_path.read_bytes()
    done = meters.attest(stage.suite, case.stranger, stage.book())
    assert (done.records, done.known, done.batches) == (0, 6, ())
    assert (stage.rpc.block_number(), stage.book_path.read_bytes()) == (before, content)


def test_a_batch_that_was_planned_and_not_sent(case: Case) -> None:
    """Given a program that died between writing a batch down and sending it, when it is run again, then that batch is sent."""
    stage = case.stage
    book = stage.book()
    home = stage.homes[0]
    meters.sign_series(stage.suite, book, stage.series(home), home.point, home.device, revision=1)
    planned = book.plan([6, 7])
    done = meters.attest(stage.suite, case.stranger, stage.book())
    assert done.batches == (planned.root,)
    assert len(stage.book().batches) == 3


def test_batches_are_cut_to_size(case: Case) -> None:
    """Given many records, when they are attested with small batches, then there are as many batches as needed."""
    stage = case.stage
    book = stage.book()
    for home in stage.homes:
        meters.sign_series(stage.suite, book, stage.series(home), home.point, home.device, revision=1)
    done = meters.attest(stage.suite, case.stranger, book, max_batch=3)
    assert [len(batch.records) for batch in book.batches[2:]] == [3, 1, 2]
    assert done.records == 6


def test_gas_limits_a_batch(case: Case) -> None:
    """Given a low gas cap, when records are attested, then the batches are cut until they fit below it."""
    stage = case.stage
    book = stage.book()
    for home in stage.homes[:2]:
        meters.sign_series(stage.suite, book, stage.series(home), home.point, home.device, revision=1)
    sender = case.stranger
    sender.settings = dataclasses.replace(sender.settings, gas_cap=220_000)
    done = meters.attest(stage.suite, sender, book)
    assert done.records == 4
    assert len(done.batches) > 1


def test_a_refused_record_is_left_out(case: Case) -> None:
    """Given a record of a suspended device, when the book is attested, then it is named and the others are attested."""
    stage = case.stage
    book = stage.book()
    for home in stage.homes[:2]:
        meters.sign_series(stage.suite, book, stage.series(home), home.point, home.device, revision=1)
    stage.sender(stage.people.meter_operator).send(stage.suite.devices.transaction("suspend", stage.homes[0].point))
    done = meters.attest(stage.suite, case.stranger, book)
    assert done.records == 2
    assert {item.metering_point for item in done.refused} == {stage.homes[0].point}
    assert "suspended" in done.refused[0].reason


def test_a_dry_run_of_attesting_writes_nothing(case: Case) -> None:
    """Given new records, when they are attested dry, then the book stays as it is."""
    stage = case.stage
    book, home = stage.book(), stage.homes[0]
    meters.sign_series(stage.suite, book, stage.series(home), home.point, home.device, revision=1)
    content = stage.book_path.read_bytes()
    with pytest.raises(NothingSentError):
        meters.attest(stage.suite, DrySender(stage.rpc, stage.people.relayer, stage.settings), book)
    assert stage.book_path.read_bytes() == content


def test_corrected_readings_need_a_revision(case: Case) -> None:
    """Given signed readings, when others of the same slots are signed, then a higher revision is asked for."""
    stage = case.stage
    home = stage.homes[0]
    other = dataclasses.replace(stage.series(home), readings=(1,) * 48)
    with pytest.raises(errors.RecordsDifferError, match="revision"):
        meters.sign_series(stage.suite, stage.book(), other, home.point, home.device)
    with pytest.raises(errors.NotYoursError):
        meters.sign_series(stage.suite, stage.book(), other, home.point, stage.homes[1].device)


def test_what_is_done_stays_done(case: Case) -> None:
    """Given a called event, when people repeat themselves, then nothing is done twice."""
    stage = case.stage
    before = stage.rpc.block_number()
    stage.open_market()
    stage.enrol_homes()
    offer = stage.offer()
    assert market.take(stage.suite, stage.sender(stage.people.buyer), offer, units=6).units == 0
    right = load_event(stage.suite, case.event).rights[0].id
    buyer = stage.sender(stage.people.buyer)
    again = dispatching.dispatch(stage.suite, buyer, right, units=6, orders_w=[6_000, 6_000])
    assert not again.is_new
    # The money that was spent meanwhile is minted and filled up again, for three accounts.
    assert stage.rpc.block_number() == before + 6
