"""Files that are wrong are refused by name; work that was done is found again."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from flexbond import trees
from flexbond.cli.app import app
from flexbond.errors import FlexbondError
from flexbond.fleet import building
from flexbond.fleet.building import WORK, build
from flexbond.fleet.built import Built
from flexbond.fleet.errors import FleetError
from flexbond.fleet.event import FleetEvent
from flexbond.fleet.showing import proofs_of
from flexbond.fleet.submission import SUMMARY
from flexbond.fleet.tables import shares
from flexbond.model.types import BaselineMethod, DeviceKind, Silence
from flexbond.operations.errors import DocumentError
from flexbond.operations.files import read_document
from flexbond.operations.structs import plain, to_json
from tests.python.fleet.cases import AT
from tests.python.fleet.making import a_fleet, an_event

if TYPE_CHECKING:
    from pathlib import Path

    from flexbond.fleet.submission import FleetFiles

METHOD = BaselineMethod.METER_BEFORE


@pytest.fixture
def files(tmp_path: Path) -> FleetFiles:
    """A fleet of twenty, on disk."""
    return a_fleet(random.Random(5), METHOD, 20).save(tmp_path / "in")


def rewrite(path: Path, name: str, values: list[Any]) -> None:
    """Replaces the first values of a column."""
    table = pq.read_table(path)
    at = table.schema.get_field_index(name)
    changed = values + table.column(name).to_pylist()[len(values) :]
    pq.write_table(table.set_column(at, table.schema.field(at), pa.array(changed, table.schema.field(at).type)), path)


def test_an_event_comes_back_from_its_file(tmp_path: Path) -> None:
    for method in BaselineMethod:
        event = an_event(random.Random(1), method)
        event.save(tmp_path / "event.json")
        assert FleetEvent.load(tmp_path / "event.json") == event


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"estimated_allowed": True, "min_assurance": DeviceKind.DEVICE}, "is of another rule than is given"),
    ],
)
def test_an_event_that_contradicts_itself_is_refused(tmp_path: Path, change: dict[str, Any], said: str) -> None:
    event = an_event(random.Random(1), METHOD)
    replace(event, rule=replace(event.rule, **change)).save(tmp_path / "event.json")
    with pytest.raises(DocumentError, match=said):
        FleetEvent.load(tmp_path / "event.json")


def test_orders_beyond_the_window_are_refused(tmp_path: Path) -> None:
    event = an_event(random.Random(1), METHOD)
    replace(event, question=replace(event.question, ordered_mask=1 << 4)).save(tmp_path / "event.json")
    with pytest.raises(DocumentError, match="orders beyond the window"):
        FleetEvent.load(tmp_path / "event.json")


@pytest.mark.parametrize(
    ("file", "column", "value", "said"),
    [
        ("devices", "capacity_w", -1, "capacity_w of row 0 is -1"),
        ("devices", "capacity_w", 2**48 - 1, "A capacity of 281474976710655 W gives entries beyond 63 bits"),
        ("devices", "scheme", 4, "scheme of row 0 is 4"),
        ("devices", "group", 1, "group of row 0 is 1"),
        ("devices", "joined_at", AT, "not in the order in which they joined"),
        ("records", "revision", 70_000, "revision of row 0 is 70000"),
        ("records", "slot_start", None, "column slot_start has empty rows"),
        ("records", "salt", None, "column salt has empty rows"),
    ],
)
def test_a_value_that_cannot_be_is_named(
    files: FleetFiles, tmp_path: Path, file: str, column: str, value: Any, said: str
) -> None:
    rewrite(tmp_path / "in" / f"{file}.parquet", column, [value])
    with pytest.raises(FleetError, match=said):
        build(files, tmp_path / "out", processes=1)


def test_a_missing_column_and_a_file_that_is_none_are_named(files: FleetFiles, tmp_path: Path) -> None:
    records = files.records[0]
    pq.write_table(pq.read_table(records).drop(["salt"]), records)
    with pytest.raises(FleetError, match="needs a column salt"):
        build(files, tmp_path / "out", processes=1)
    records.write_text("no table")
    with pytest.raises(FleetError, match="cannot be read as Parquet"):
        build(files, tmp_path / "out", processes=1)
    records.unlink()
    with pytest.raises(FlexbondError, match="cannot be read"):
        build(files, tmp_path / "out", processes=1)


def test_an_interrupted_run_is_gone_on_with(files: FleetFiles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(building, "SHARE_ROWS", 4)
    whole = build(files, tmp_path / "whole", processes=1)
    looked: list[int] = []
    look = building.look_into

    def stop_at(limit: int) -> Any:
        def instead(*job: Any) -> None:
            if len(looked) == limit:
                raise KeyboardInterrupt
            looked.append(1)
            look(*job)

        return instead

    monkeypatch.setattr(building, "look_into", stop_at(2))
    with pytest.raises(KeyboardInterrupt):
        build(files, tmp_path / "out", processes=1)
    assert not (tmp_path / "out" / SUMMARY).exists()
    done = len(looked)
    monkeypatch.setattr(building, "look_into", stop_at(100))
    again = build(files, tmp_path / "out", processes=1)
    assert (done, len(looked)) == (2, len(shares(files.records, files.history, 4)))
    assert again.tree.root == whole.tree.root
    assert not (tmp_path / "out" / WORK).exists()


def test_the_commands_say_the_same(files: FleetFiles, tmp_path: Path) -> None:
    built = build(files, tmp_path / "alone", processes=1)
    given = [("--event", files.event), ("--devices", files.devices), ("--records", files.records[0])]
    options = [str(part) for pair in given for part in pair]
    ran = CliRunner().invoke(app, ["submit", "build", str(tmp_path / "out"), *options, "--processes", "1", "--json"])
    assert json.loads(ran.stdout) == plain(built.as_json())
    place = int(np.flatnonzero(built.reasons == Silence.OK)[0])
    given = ["submit", "proof", str(tmp_path / "alone"), "--place", str(place), "--json"]
    shown = json.loads(CliRunner().invoke(app, [*given, "--out", str(tmp_path / "proof.json")]).stdout)
    assert shown["leaves"][0]["weightWord"] == int.from_bytes(bytes(built.weight_words[place]), "big")
    assert shown["leaves"][0]["path"] == ["0x" + one.hex() for one in built.tree.path(place)]
    assert shown["context"]["claim"] == to_json(built.claim)
    (proof,) = proofs_of(Built.load(tmp_path / "alone"), [place])
    assert shown["proofs"][0]["records"] == "0x" + b"".join(one.packed for one in proof.proof.records).hex()
    assert read_document(tmp_path / "proof.json", schema="flexbond/fleet-proofs") == shown
    alone = json.loads(CliRunner().invoke(app, [*given, "--leaf-only"]).stdout)
    assert (alone["leaves"], alone["proofs"]) == (shown["leaves"], [])
    point = "0x" + bytes(built.points[place]).hex()
    claim = CliRunner().invoke(app, ["collect", "proof", str(tmp_path / "alone"), "--point", point, "--json"])
    assert json.loads(claim.stdout) == to_json(Built.load(tmp_path / "alone").weight_claim(place))


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ((), "Say which leaves"),
        (("--place", "1", "--seed", "0"), "Say which leaves"),
        (("--seed", "0x1" + 24 * "0"), "--seed cannot be"),
        (("--seed", "none"), "--seed cannot be"),
    ],
)
def test_a_proof_of_nothing_is_refused(files: FleetFiles, tmp_path: Path, given: tuple[str, ...], said: str) -> None:
    build(files, tmp_path / "out", processes=1)
    ran = CliRunner().invoke(app, ["submit", "proof", str(tmp_path / "out"), *given])
    assert ran.exit_code == 2
    assert said in ran.output


def test_without_devices_there_is_one_book(files: FleetFiles, tmp_path: Path) -> None:
    given = ["--event", "0x12", "--records", str(files.records[0]), "--history", str(files.history[0])]
    ran = CliRunner().invoke(app, ["submit", "build", str(tmp_path / "out"), *given])
    assert ran.exit_code == 2
    assert "Without --devices there is one record book" in ran.output


def test_other_files_begin_anew(files: FleetFiles, tmp_path: Path) -> None:
    work = tmp_path / "out" / WORK
    work.mkdir(parents=True)
    (work / "inputs").write_text("of others")
    (work / "0.npz").write_text("of others")
    assert (
        build(files, tmp_path / "out", processes=1).tree.root == build(files, tmp_path / "too", processes=1).tree.root
    )


def test_processes_change_nothing(files: FleetFiles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    alone = build(files, tmp_path / "alone", processes=1)
    monkeypatch.setattr(building, "SHARE_ROWS", 4)
    assert build(files, tmp_path / "together", processes=2).as_json() == alone.as_json()


def test_a_record_under_two_roots_counts_once(files: FleetFiles, tmp_path: Path) -> None:
    alone = build(files, tmp_path / "alone", processes=1)
    twice = replace(files, records=files.records * 2)
    assert build(twice, tmp_path / "twice", processes=1).as_json() == alone.as_json()


def test_a_fleet_without_records_is_silent(tmp_path: Path) -> None:
    for method in BaselineMethod:
        fleet = a_fleet(random.Random(2), method, 3)
        fleet.given = [[] for _ in fleet.given]
        expected, _ = fleet.expected()
        built = build(fleet.save(tmp_path / f"in{method}"), tmp_path / f"out{method}", processes=1)
        assert (built.tree.root, built.totals) == (expected.tree.root, expected.totals)
        assert set(built.counts) <= {Silence.NO_RECORD, Silence.INACTIVE, Silence.SUSPENDED, Silence.LOW_ASSURANCE}


def test_who_is_silent_is_listed(files: FleetFiles, tmp_path: Path) -> None:
    built = build(files, tmp_path / "out", processes=1)
    lines = (tmp_path / "out" / "silent.csv").read_text().splitlines()
    assert len(lines) == 1 + sum(count for reason, count in built.counts.items() if reason is not Silence.OK)
    assert all(line.split(",")[2] in Silence.__members__ for line in lines[1:])


def test_a_tampered_submission_gives_no_proof(files: FleetFiles, tmp_path: Path) -> None:
    build(files, tmp_path / "out", processes=1)
    with pytest.raises(trees.TreeError, match="has no leaf 20"):
        Built.load(tmp_path / "out").leaf(20)
    rewrite(tmp_path / "out" / "leaves.parquet", "weight_word", [b"\x01" * 32])
    with pytest.raises(FleetError, match=r"Leaf 0 of .* is not under its root"):
        Built.load(tmp_path / "out").leaf(0)
    (tmp_path / "out" / "tree.bin").write_bytes(b"short")
    with pytest.raises(trees.TreeError, match="does not hold the tree"):
        Built.load(tmp_path / "out").leaf(0)
