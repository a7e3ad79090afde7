"""Anchoring a book's records: again, with histories, with mistakes; each case from the same called event."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import pytest

from flexbond.model.types import Silence
from flexbond.operations import anchoring, errors, meters
from flexbond.operations.rehearsal import DrySender, NothingSentError
from flexbond.records import Standing
from flexbond.trees import climb_batch, history_leaf
from tests.integration.shell import Shell
from tests.integration.stage import DAY, START

if TYPE_CHECKING:
    from flexbond.operations.anchoring import Anchored
    from flexbond.operations.recordbook import RecordBook
    from tests.integration.case import Case

pytestmark = pytest.mark.anvil


def anchor(case: Case, book: RecordBook | None = None, *, history: bool = False, last: int = 100) -> Anchored:
    """Somebody anchors the book."""
    book = book or case.stage.book()
    return anchoring.anchor(case.stage.suite, case.stranger, book, history=history, last=last)


def sign_more(case: Case, *, revision: int = 0, days: int = 2) -> RecordBook:
    """Two more days of all homes in the book, of which `days` are over."""
    stage = case.stage
    book = stage.book()
    for home in stage.homes:
        later = dataclasses.replace(stage.series(home), start=START + 2 * DAY)
        meters.sign_series(stage.suite, book, later, home.point, home.device, revision=revision)
    stage.at(START + (2 + days) * DAY + 60)
    return book


def standing(case: Case, root: bytes) -> Standing:
    """When a root came."""
    at, attested_at, _ = case.stage.suite.oracle.read("standing", root)
    return Standing(at=at, attested_at=attested_at)


def test_an_attested_book_has_nothing_to_anchor(case: Case) -> None:
    """Given a book whose records are attested, when it is anchored, then nothing is sent or written."""
    stage = case.stage
    before, content = stage.rpc.block_number(), stage.book_path.read_bytes()
    done = anchor(case)
    assert (done.root, done.records, done.known) == (None, 0, 6)
    assert (stage.rpc.block_number(), stage.book_path.read_bytes()) == (before, content)


def test_new_records_are_anchored_once(case: Case) -> None:
    """Given new records, when the book is anchored twice, then they are under one root once, and attesting leaves them alone."""
    stage = case.stage
    sign_more(case, days=1)
    done = anchor(case)
    assert (done.records, done.leaves, done.known, done.not_over) == (3, 3, 6, 3)
    assert done.root is not None
    kept = standing(case, done.root)
    assert kept.at == stage.rpc.now()
    assert kept.attested_at == 0
    again = anchor(case)
    assert (again.root, again.known, again.not_over) == (None, 9, 3)
    attested = meters.attest(stage.suite, case.stranger, stage.book())
    assert (attested.records, attested.known, attested.not_over) == (0, 9, 3)
    stage.at(START + 4 * DAY + 60)
    assert anchor(case).records == 3


def test_what_is_anchored_can_be_shown(case: Case) -> None:
    """Given an anchored book, when it is opened again, then every record is under its root and counts with its signature."""
    suite = case.stage.suite
    sign_more(case)
    done = anchor(case)
    assert done.root is not None
    book = case.stage.book()
    at = standing(case, done.root).at
    for number in range(6, 12):
        ((kept, leaf, place),) = book.anchors_of(number)
        booked, inclusion = book.records[number], kept.inclusion(leaf)
        assert (place, inclusion.history, inclusion.batch_root) == (0, (), done.root)
        assert climb_batch(booked.record.struct_hash, inclusion.path) == done.root
        shown = (booked.record.head.pack(), booked.record.commitment, booked.signature_bytes)
        assert Silence(suite.oracle.read("recordStanding", *shown, at)) is Silence.OK
        assert Silence(suite.oracle.read("recordStanding", *shown, START)) is Silence.TOO_EARLY


def test_a_history_is_one_leaf_for_each_device(case: Case) -> None:
    """Given attested and new records, when histories are anchored, then each device has one leaf over its last records, by slot."""
    book = sign_more(case)
    done = anchor(case, history=True, last=3)
    assert (done.records, done.leaves, done.known) == (9, 3, 0)
    book = case.stage.book()
    ((kept),) = book.anchors
    assert kept.root == done.root
    for leaf, home in enumerate(case.stage.homes):
        records = [book.records[number].record for number in kept.leaves[leaf]]
        assert [record.head.slot_start for record in records] == [START + day * DAY for day in (1, 2, 3)]
        assert {record.head.metering_point for record in records} == {home.point}
        inclusion = kept.inclusion(leaf)
        assert inclusion.history == tuple(record.struct_hash for record in records)
        assert climb_batch(history_leaf(inclusion.history), inclusion.path) == done.root
    assert anchor(case, history=True, last=3).root is None
    assert anchor(case, history=True, last=2).records == 6


def test_a_root_that_was_planned_and_not_sent(case: Case) -> None:
    """Given a program that died between writing a root down and sending it, when it is run again, then that root is sent."""
    book = sign_more(case)
    planned = book.anchor_of([(number,) for number in range(6, 12)])
    book.plan_anchor(planned)
    content = case.stage.book_path.read_bytes()
    assert anchor(case).root == planned.root
    assert case.stage.book_path.read_bytes() == content


def test_a_root_that_somebody_else_anchored_first(case: Case) -> None:
    """Given somebody who saw the root under way and anchored it first, when it comes, then the earlier time counts."""
    stage = case.stage
    book = sign_more(case)
    root = book.anchor_of([(number,) for number in range(6, 12)]).root
    case.provider.send(stage.suite.oracle.transaction("anchor", root))
    first = stage.rpc.now()
    stage.at(first + 100)
    assert anchor(case).root == root
    assert standing(case, root) == Standing(at=first, attested_at=0)
    assert len(stage.book().anchors) == 1


def test_revisions_are_left_to_attesting(case: Case) -> None:
    """Given revisions, when the book is anchored, then they are left out and said so; attesting brings them."""
    stage = case.stage
    sign_more(case, revision=1)
    done = anchor(case)
    assert (done.root, done.revisions) == (None, 6)
    assert meters.attest(stage.suite, case.stranger, stage.book()).records == 6


def test_what_would_not_count_is_left_out(case: Case) -> None:
    """Given a suspended device and one with a new key, when the book is anchored, then their records are named and left out."""
    stage = case.stage
    sign_more(case)
    first, second = stage.homes[:2]
    stage.sender(stage.people.meter_operator).send(stage.suite.devices.transaction("suspend", first.point))
    stage.sender(second.customer).send(stage.suite.devices.transaction("voidStatement", second.point))
    done = anchor(case)
    assert (done.records, len(done.refused)) == (2, 4)
    assert {item.metering_point for item in done.refused} == {first.point, second.point}
    assert all("No statement is in force" in item.reason for item in done.refused)


def test_a_dry_run_of_anchoring_writes_nothing(case: Case) -> None:
    """Given new records, when they are anchored dry, then the book stays as it is."""
    stage = case.stage
    book = sign_more(case)
    content = stage.book_path.read_bytes()
    with pytest.raises(NothingSentError):
        anchoring.anchor(stage.suite, DrySender(stage.rpc, stage.people.relayer, stage.settings), book)
    assert stage.book_path.read_bytes() == content


def test_a_history_has_a_length(case: Case) -> None:
    """Given no or too many records of a history, it is refused."""
    for last in (0, 101):
        with pytest.raises(errors.OperationError, match="history"):
            anchor(case, history=True, last=last)


def test_the_command_says_what_became_of_the_book(case: Case) -> None:
    """Given new records, when the command anchors them, then it says how many, and the root."""
    stage = case.stage
    sign_more(case, days=1)
    shell = Shell(stage.folder, network="anvil", url=stage.url, keys={"relayer": stage.people.relayer})
    given = ("meter", "anchor", "--records", str(stage.book_path))
    told = shell.run(*given, key="relayer")
    assert (told["records"], told["known"], told["notOver"], told["revisions"]) == (3, 6, 3, 0)
    assert told["root"] == "0x" + stage.book().anchors[0].root.hex()
    code, out, _ = shell.attempt(*given, "--history", "--last", "2", key="relayer", as_json=False)
    assert code == 0
    assert "Anchored 6 records in 3 leaves" in out
    code, out, _ = shell.attempt(*given, key="relayer", as_json=False)
    assert "nothing to anchor" in out
    assert "9 were there before" in out
