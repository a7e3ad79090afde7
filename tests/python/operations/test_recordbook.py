"""The record book: it only grows, survives being cut off, and refuses what cannot be true."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from flexbond.model.types import SignerScheme
from flexbond.operations import errors, recordbook
from flexbond.operations.booked import BookedRecord
from flexbond.operations.recordbook import RecordBook
from flexbond.records import MeterRecord
from flexbond.signing.devices import DeviceKey
from flexbond.signing.eip712 import Domain
from flexbond.trees import climb_batch, history_leaf

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

ORACLE = Domain.of("MeterOracle", chain_id=31_337, contract="0x14dC79964da2C08b23698B3D3cc7Ca32193d9955")
KEYS = {scheme: DeviceKey.of(bytes([5]) * 32, scheme) for scheme in (SignerScheme.SECP256K1, SignerScheme.P256)}


def booked(
    slot: int = 0, *, scheme: SignerScheme = SignerScheme.SECP256K1, revision: int = 0, first: int = -5
) -> BookedRecord:
    """A signed record of ten readings, the second of them estimated."""
    key = KEYS[scheme]
    record = MeterRecord.of(
        metering_point=bytes([scheme]) * 16,
        slot_start=slot * 9_000,
        period_seconds=900,
        readings_milli_wh=[first, 2**39 - 1, *range(8)],
        estimated=[1],
        secret=key.secret,
        revision=revision,
    )
    return BookedRecord.of(record, key.sign(ORACLE, record))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Of a book with four records and two batches."""
    path = tmp_path / "records.jsonl"
    book = RecordBook.open(path, oracle=ORACLE)
    book.add([booked(0), booked(1), booked(1, revision=1), booked(0, scheme=SignerScheme.P256)])
    book.plan([0, 2, 1])
    book.plan([3])
    return path


def test_what_is_added_is_there_again(path: Path) -> None:
    """Given a book, when it is opened again, then records, signatures and batches are the same."""
    book = RecordBook.open(path, oracle=ORACLE)
    assert len(book) == 4
    assert book.records[0].signed == booked(0).signed
    assert book.records[3].signed == booked(0, scheme=SignerScheme.P256).signed
    assert book.records[0].record == booked(0).record
    assert [batch.records for batch in book.batches] == [(0, 2, 1), (3,)]
    assert book.find(booked(1, revision=1).key) == book.records[2]
    assert book.batches_of(1) == [(book.batches[0], 2)]


def test_what_is_anchored_is_there_again(path: Path) -> None:
    """Given a root over a history and a single record, when the book is opened again, then it shows how both are under it."""
    book = RecordBook.open(path, oracle=ORACLE)
    book.plan_anchor(book.anchor_of([(1, 0), (3,)]))
    book = RecordBook.open(path, oracle=ORACLE)
    (anchor,) = book.anchors
    hashes = [booked.record.struct_hash for booked in book]
    assert anchor.leaves == ((1, 0), (3,))
    assert book.anchors_of(0) == [(anchor, 0, 1)]
    assert book.anchors_of(3) == [(anchor, 1, 0)]
    assert book.anchors_of(2) == []
    history, single = anchor.inclusion(0), anchor.inclusion(1)
    assert history.history == (hashes[1], hashes[0])
    assert climb_batch(history_leaf(history.history), history.path) == history.batch_root == anchor.root
    assert single.history == ()
    assert climb_batch(hashes[3], single.path) == anchor.root
    batch = book.batches[0]
    assert climb_batch(hashes[2], batch.inclusion(1).path) == batch.inclusion(1).batch_root == batch.root
    assert book.roots == [*(batch.root for batch in book.batches), anchor.root]


def test_a_large_root_takes_several_lines(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Given a root of more records than a line holds, when the book was cut off among its lines, then the root is dropped."""
    monkeypatch.setattr(recordbook, "MAX_BATCH", 3)
    before = path.read_bytes()
    book = RecordBook.open(path, oracle=ORACLE)
    book.plan_anchor(book.anchor_of([(0, 1), (1, 2), (3,)]))
    whole = path.read_bytes()
    lines = whole[len(before) :].splitlines(keepends=True)
    assert [json.loads(line)["leaves"] for line in lines] == [[[0, 1]], [[1, 2], [3]]]
    assert RecordBook.load(path).anchors[0].leaves == ((0, 1), (1, 2), (3,))
    for size in range(len(before), len(whole), 37):
        path.write_bytes(whole[:size])
        assert RecordBook.load(path).anchors == []
        assert path.read_bytes() == before
    path.write_bytes(whole)
    book = RecordBook.open(path, oracle=ORACLE)
    book.plan_anchor(book.anchors[0])
    assert path.read_bytes() == whole


def part(root: str = "0x" + "11" * 32, number: int = 0, parts: int = 1, leaves: Any = ((0,),)) -> bytes:
    """A line of an anchored root."""
    return json.dumps({"anchor": root, "part": number, "parts": parts, "leaves": leaves}).encode() + b"\n"


@pytest.mark.parametrize(
    ("lines", "named"),
    [
        ([part()], "root that its records do not give"),
        ([part(leaves=[])], "lists no records"),
        ([part(leaves=[[]])], "lists no records"),
        ([part(leaves=[[0, 0]])], "lists no records, or one twice"),
        ([part(leaves=[[9]])], "9"),
        ([part(leaves=[0])], "Give a list"),
        ([part(number=1, parts=2)], "not the next line"),
        ([part(number=0, parts=2), part(number=0, parts=2)], "not the next line"),
        ([part(number=0, parts=3), part(number=1, parts=1)], "not the next line"),
        ([part(parts=2), b'{"batch":"0x00","records":[0]}\n'], "among the lines of an anchored root"),
    ],
)
def test_a_false_anchored_root_is_refused(path: Path, lines: list[bytes], named: str) -> None:
    """Given lines of a root that somebody tampered with, when the book is opened, then the error names the last line."""
    before = path.read_bytes() + b"".join(lines)
    path.write_bytes(before)
    with pytest.raises(errors.DocumentError, match=named) as raised:
        RecordBook.open(path, oracle=ORACLE)
    assert f"line {7 + len(lines)}" in raised.value.place
    assert path.read_bytes() == before


def test_the_signature_as_it_is_shown() -> None:
    """Given either scheme, the signature of a record under an anchored root has 64 or 128 bytes."""
    assert len(booked().signature_bytes) == 64
    assert len(booked(scheme=SignerScheme.P256).signature_bytes) == 128


def test_it_is_private(path: Path) -> None:
    """Given a new book, then nobody else may read it: who has it can open the readings."""
    assert path.stat().st_mode & 0o077 == 0


def test_adding_and_planning_again_changes_nothing(path: Path) -> None:
    """Given a book, when the same is added and planned again, then the file stays as it is."""
    before = path.read_bytes()
    book = RecordBook.open(path, oracle=ORACLE)
    assert book.add([booked(0), booked(1)]) == 0
    assert book.plan([3]).root == book.batches[1].root
    assert path.read_bytes() == before


def test_a_device_never_equivocates(path: Path) -> None:
    """Given a record, when another of its slot and revision is added, then it is refused and nothing is written."""
    before = path.read_bytes()
    book = RecordBook.open(path, oracle=ORACLE)
    with pytest.raises(errors.RecordsDifferError, match="revision 0"):
        book.add([booked(2), booked(1, first=-6)])
    assert path.read_bytes() == before


def test_a_line_that_was_cut_off_is_dropped(path: Path) -> None:
    """Given a program that died while it wrote, when the book is opened at any length, then all whole lines are there."""
    content = path.read_bytes()
    first = content.index(b"\n") + 1
    for size in range(first, len(content), 97):
        path.write_bytes(content[:size])
        book = RecordBook.open(path, oracle=ORACLE)
        whole = content[:size].count(b"\n") - 1
        assert len(book) + len(book.batches) == whole
        book.add([booked(5)])
        assert len(RecordBook.load(path)) == len(book)


def test_a_book_is_of_one_oracle(path: Path) -> None:
    """Given a book, when it is opened for another chain, then it is refused."""
    with pytest.raises(errors.DocumentDomainError):
        RecordBook.open(path, oracle=Domain.of("MeterOracle", chain_id=1, contract=ORACLE.contract))


def altered(change: Callable[[dict[str, Any]], Any]) -> Callable[[bytes], bytes]:
    """The first record's line with something changed."""

    def apply(line: bytes) -> bytes:
        content = json.loads(line)
        change(content)
        return json.dumps(content).encode()

    return apply


HOSTILE: dict[str, tuple[Callable[[bytes], bytes], type[Exception]]] = {
    "no JSON": (lambda _: b"nonsense", errors.DocumentSyntaxError),
    "an empty line": (lambda _: b"", errors.DocumentSyntaxError),
    "a long line": (lambda _: b'{"a":"' + b"x" * 70_000 + b'"}', errors.DocumentTooLargeError),
    "too many readings": (altered(lambda c: c.update(readings=[0] * 101)), errors.DocumentTooLargeError),
    "no readings": (altered(lambda c: c.update(readings=[])), errors.DocumentFieldError),
    "a float": (altered(lambda c: c["readings"].append(1.5)), errors.DocumentSyntaxError),
    "a reading beyond 40 bits": (altered(lambda c: c["readings"].append(2**39)), errors.DocumentFieldError),
    "true as reading": (altered(lambda c: c["readings"].append(True)), errors.DocumentFieldError),
    "another reading": (altered(lambda c: c["readings"].__setitem__(0, 0)), errors.DocumentFieldError),
    "a flag beyond the readings": (altered(lambda c: c["estimated"].append(10)), errors.DocumentFieldError),
    "a flag twice": (altered(lambda c: c["estimated"].append(1)), errors.DocumentFieldError),
    "a negative start": (altered(lambda c: c.update(slotStart=-1)), errors.DocumentFieldError),
    "a huge revision": (altered(lambda c: c.update(revision=2**16)), errors.DocumentFieldError),
    "no period": (altered(lambda c: c.update(periodSeconds=0)), errors.DocumentFieldError),
    "a short signature": (altered(lambda c: c.update(r="0x12")), errors.DocumentFieldError),
    "half a signature": (altered(lambda c: c.pop("vs")), errors.DocumentFieldError),
    "a field too many": (altered(lambda c: c.update(more=1)), errors.DocumentFieldError),
    "a batch of nothing": (lambda _: b'{"batch":"0x00","records":[]}', errors.DocumentFieldError),
    "a batch of what is not there": (lambda _: b'{"batch":"0x00","records":[9]}', errors.DocumentFieldError),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_line_is_refused_by_name(path: Path, kind: str) -> None:
    """Given a book somebody tampered with, when it is opened, then the error names the line and the file stays as it is."""
    change, error = HOSTILE[kind]
    lines = path.read_bytes().split(b"\n")
    lines[1] = change(lines[1])
    path.write_bytes(b"\n".join(lines))
    before = path.read_bytes()
    with pytest.raises(errors.DocumentError) as raised:
        RecordBook.open(path, oracle=ORACLE)
    assert type(raised.value) is error
    assert "line 2" in raised.value.place
    assert path.read_bytes() == before


@pytest.mark.parametrize(("line", "error"), [(1, errors.DocumentDuplicateError), (5, errors.DocumentFieldError)])
def test_a_record_twice_and_a_false_root_are_refused(path: Path, line: int, error: type[Exception]) -> None:
    """Given a record's line twice, or a batch whose root its records do not give, when it is opened, then it is refused."""
    lines = path.read_bytes().split(b"\n")
    lines[line] = lines[2] if line == 1 else lines[line].replace(b'"records":[0,2,1]', b'"records":[0,1,2]')
    path.write_bytes(b"\n".join(lines))
    with pytest.raises(error):
        RecordBook.open(path, oracle=ORACLE)
