"""What is taken of records in files of somebody else's: those that are as committed to, and past days only with their signatures."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from flexbond.fleet.building import build
from flexbond.model.types import BaselineMethod, Silence
from flexbond.watching.gathering import history_structs, record_structs
from flexbond.watching.shelf import Shelf
from tests.python.fleet.cases import Fleet
from tests.python.fleet.making import a_fleet, add_device, an_event

if TYPE_CHECKING:
    from pathlib import Path


def a_past(seed: int) -> Fleet:
    """A fleet against past days."""
    return a_fleet(random.Random(f"past{seed}"), BaselineMethod.X_OF_Y, 24)


@pytest.mark.parametrize("seed", range(4))
def test_past_days_count_with_their_signatures_only(tmp_path: Path, seed: int) -> None:
    rng = random.Random(f"signed{seed}")
    fleet = Fleet(event=an_event(rng, BaselineMethod.X_OF_Y))
    for index in range(16):
        add_device(fleet, rng, index, rng.choice(["", "", "none", "left"]))
    files = fleet.save(tmp_path / "in")
    believed = build(files, tmp_path / "believed", processes=1)
    checked = build(files, tmp_path / "checked", processes=1, checks_history=True)
    assert checked.claim == believed.claim
    (path,) = files.history
    table = pq.read_table(path)
    at = table.schema.get_field_index("signature")
    forged = pa.array([bytes(len(one)) for one in table.column("signature").to_pylist()], pa.binary())
    pq.write_table(table.set_column(at, "signature", forged), path)
    assert build(files, tmp_path / "believed", processes=1).claim == believed.claim
    spoilt = build(files, tmp_path / "checked", processes=1, checks_history=True)
    lost = (spoilt.reasons != checked.reasons) & (checked.reasons == Silence.OK)
    assert lost.any()
    assert set(spoilt.reasons[lost].tolist()) == {Silence.WRONG_SIGNER}


@pytest.mark.parametrize("seed", range(3))
def test_rows_are_taken_by_what_was_committed_to(tmp_path: Path, seed: int) -> None:
    fleet = a_past(seed)
    files = fleet.save(tmp_path / "in")
    given = [one for device in fleet.given for one in device]
    expected = {
        is_history: [b"" if one.changed else one.record.struct_hash for one in given if one.is_history is is_history]
        for is_history in (False, True)
    }
    records, history = pq.read_table(files.records[0]), pq.read_table(files.history[0])
    assert record_structs(records.combine_chunks(), "records") == expected[False]
    assert history_structs(history.combine_chunks(), "history") == expected[True]
    for name, value in (("slot_start", 900), ("revision", 9), ("count", 0), ("period_seconds", -1), ("count", 101)):
        at = history.schema.get_field_index(name)
        other = history.set_column(at, name, pa.array([value] * len(history), pa.int64()))
        assert set(history_structs(other.combine_chunks(), "history")) <= {b""}
    at = records.schema.get_field_index("salt")
    salted = records.set_column(at, "salt", pa.array([bytes(32)] * len(records), pa.binary(32)))
    assert set(record_structs(salted.combine_chunks(), "records")) <= {b""}


def test_files_are_known_by_what_they_hold(tmp_path: Path) -> None:
    files = a_past(1).save(tmp_path / "in" / "deep")
    (tmp_path / "in" / "book.jsonl").write_text('{"schema": "flexbond/record-book", "version": 1}\n')
    (tmp_path / "in" / "other.jsonl").write_text("[1]\n")
    (tmp_path / "in" / "torn.parquet").write_bytes(b"PAR1")
    (tmp_path / "in" / ".hidden.jsonl").write_text('{"schema": "flexbond/record-book", "version": 1}\n')
    (tmp_path / "build").mkdir()
    (tmp_path / "build" / "leaves.parquet").write_bytes(b"")
    summary = tmp_path / "build" / "submission.json"
    summary.write_text('{"schema": "flexbond/fleet-submission", "version": 1, "eventId": "0x' + 64 * "1" + '"}')
    shelf = Shelf.of((tmp_path,))
    assert shelf.books == (tmp_path / "in" / "book.jsonl",)
    assert (shelf.records, shelf.history, shelf.roots) == (files.records, files.history, files.roots)
    event = bytes([0x11]) * 32
    assert shelf.builds_of(event) == [tmp_path / "build"]
    assert shelf.builds_of(bytes(32)) == []
    marks = shelf.mark_of(event), shelf.mark_of(bytes(32))
    (tmp_path / "build" / "leaves.parquet").write_bytes(b"more")
    (tmp_path / "in" / "other.jsonl").write_text("[1, 2]\n")
    again = Shelf.of((tmp_path,))
    assert (again.mark_of(event) != marks[0], again.mark_of(bytes(32)) == marks[1]) == (True, True)
    assert Shelf.of((tmp_path / "nowhere",)) == Shelf()
