"""A device that signed two records of one slot and revision: never both in a book, never both anchored, and reported."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import pytest

from flexbond.chain.errors import ContractRevert
from flexbond.model.types import SignerScheme
from flexbond.operations import anchoring, errors, meters, reporting
from flexbond.operations.booked import BookedRecord
from flexbond.operations.common import oracle_domain
from flexbond.operations.recordbook import RecordBook, records_in
from tests.integration.shell import Shell
from tests.integration.stage import DAY, START

if TYPE_CHECKING:
    from pathlib import Path

    from tests.integration.case import Case

pytestmark = pytest.mark.anvil


def other_book(case: Case, number: int) -> Path:
    """Another book, in which a home's device signed other readings of its two days."""
    stage, each = case.stage, case.stage.homes[number]
    book = _empty(case, f"other-{number}")
    told = stage.series(each)
    halved = dataclasses.replace(told, readings=tuple(reading // 2 for reading in told.readings))
    meters.sign_series(stage.suite, book, halved, each.point, each.device)
    return book.path


def forged_book(case: Case, number: int, *, by: int) -> Path:
    """The same records, signed by another home's device."""
    domain, book = oracle_domain(case.stage.suite), _empty(case, "forged")
    device = case.stage.homes[by].device
    records = [booked.record for booked in records_in(other_book(case, number))]
    book.add(BookedRecord.of(record, device.sign(domain, record)) for record in records)
    return book.path


def _empty(case: Case, name: str) -> RecordBook:
    path = case.stage.folder / f"{name}.jsonl"
    path.unlink(missing_ok=True)
    return RecordBook.open(path, oracle=oracle_domain(case.stage.suite))


def test_the_book_refuses_the_second(case: Case) -> None:
    """Given a record in the book, when another of its slot comes, then device and slot are named, and how it is reported."""
    book = case.stage.book()
    content = book.path.read_bytes()
    second = list(records_in(other_book(case, 1)))
    with pytest.raises(errors.EquivocationError) as refused:
        book.add(second)
    point = case.stage.homes[1].point
    assert (refused.value.metering_point, refused.value.slot_start, refused.value.revision) == (point, START, 0)
    assert f"0x{point.hex()}" in refused.value.message
    assert "2016-08-01T00:00:00Z" in refused.value.message
    assert "flexbond meter report" in refused.value.next_step
    assert book.path.read_bytes() == content


def test_anchoring_refuses_what_another_book_has_otherwise(case: Case) -> None:
    """Given a second book with other records of the same slots, when it is anchored beside the first, then nothing is sent."""
    stage = case.stage
    path = other_book(case, 0)
    book = RecordBook.open(path, oracle=oracle_domain(stage.suite))
    before = stage.rpc.block_number()
    with pytest.raises(errors.EquivocationError, match="two different records"):
        anchoring.anchor(stage.suite, case.provider, book, beside=[stage.book_path])
    shell = Shell(stage.folder, network="anvil", url=stage.url, keys={"provider": stage.people.provider})
    code, _, err = shell.attempt(
        *("meter", "anchor", "--records", str(path), "--beside", str(stage.book_path)), key="provider"
    )
    assert (code, "meter report" in err) == (1, True)
    assert stage.rpc.block_number() == before
    assert book.anchors == []
    # A book agrees with itself.
    anchoring.anchor(stage.suite, case.provider, stage.book(), beside=[stage.book_path])


def test_a_book_that_was_written_by_hand_is_not_opened(case: Case) -> None:
    """Given a book into which the other record was pasted, when it is to be anchored, then it is refused."""
    stage = case.stage
    pasted = other_book(case, 2).read_bytes().splitlines(keepends=True)[1]
    stage.book_path.write_bytes(stage.book_path.read_bytes() + pasted)
    shell = Shell(stage.folder, network="anvil", url=stage.url, keys={"provider": stage.people.provider})
    code, _, err = shell.attempt("meter", "anchor", "--records", str(stage.book_path), key="provider")
    assert code == 1
    assert f"0x{stage.homes[2].point.hex()}" in err
    assert "meter report" in err
    # The one file holds both records, and is enough to report them.
    told = shell.run("meter", "report", str(stage.book_path), key="provider")
    assert [item["isNew"] for item in told] == [True]


@pytest.mark.parametrize("number", [0, 2])
def test_it_is_reported_once(case: Case, number: int) -> None:
    """Given both books, when anybody reports them twice, then the device is suspended, once; secp256k1 and P-256 alike."""
    stage = case.stage
    each = stage.homes[number]
    assert each.device.signer.scheme is (SignerScheme.P256 if number == 2 else SignerScheme.SECP256K1)
    books = [stage.book_path, other_book(case, number)]
    for expected in (1, 0):
        block = stage.rpc.block_number()
        told = reporting.report_equivocations(stage.suite, case.stranger, books)
        assert stage.rpc.block_number() - block == expected
        assert [(one.metering_point, one.is_new) for one in told] == [(each.point, bool(expected))]
        assert told[0].suspended_at == stage.suite.devices.read("meteringPoint", each.point).suspended_at > START + DAY


def test_honest_books_and_forgeries_suspend_nobody(case: Case) -> None:
    """Given books that agree, or one with records that another key signed, when they are reported, then nobody is suspended."""
    stage = case.stage
    assert reporting.report_equivocations(stage.suite, case.stranger, [stage.book_path, stage.book_path]) == ()
    forged = forged_book(case, 1, by=0)
    with pytest.raises(ContractRevert, match="sign"):
        reporting.report_equivocations(stage.suite, case.stranger, [stage.book_path, forged])
    assert stage.suite.devices.read("meteringPoint", stage.homes[1].point).suspended_at == 0
