"""What is shown of a built submission holds by itself: leaves, records under their roots, drawn points, claims."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flexbond import trees
from flexbond.fleet.building import build
from flexbond.fleet.built import Built
from flexbond.fleet.errors import FleetError
from flexbond.fleet.roots import KeptRoot, load_roots
from flexbond.fleet.showing import context_of, places_of_draws, proofs_of, proofs_of_draws
from flexbond.fleet.submission import LEAVES_FILE, SCHEMA, SUMMARY
from flexbond.fleet.tables import ROOTS
from flexbond.ids import commitment_of, outcome_hash, responses_hash
from flexbond.model.delivery import measure_device
from flexbond.model.sampling import draw, entries_of, holds, points_of, totals_of, weight_scale
from flexbond.model.shown import ShownRecord, is_included
from flexbond.model.types import BaselineMethod, Silence
from flexbond.operations.files import read_document, write_document
from flexbond.records import RecordHead
from tests.python.fleet.making import a_fleet

if TYPE_CHECKING:
    from pathlib import Path

    from flexbond.fleet.showing import ShownLeaf
    from tests.python.fleet.cases import Fleet, Given


def built_of(fleet: Fleet, folder: Path) -> Built:
    """A fleet's submission, from its files."""
    build(fleet.save(folder / "in"), folder / "out", processes=1)
    return Built.load(folder / "out")


def as_the_oracle_has_them(fleet: Fleet, shown: ShownLeaf) -> list[ShownRecord]:
    """The records of a proof: without signature they count from the attestation of their root, else from when it came."""
    known = {root: leaves[0][0] for root, leaves in fleet.roots().items()}
    found = []
    for opening in shown.proof.records:
        kept = known[shown.proof.inclusions[opening.inclusion].batch_root]
        signed = _given(fleet, opening.record_head)
        assert is_included(opening, shown.proof.inclusions)
        assert opening.signature in (b"", signed.signature)
        found.append(
            ShownRecord.of(
                opening,
                shown.proof.inclusions,
                kept_at=kept.at if opening.signature else kept.attested_at,
                latest_revision=signed.latest_revision,
                latest_before_notice=signed.latest_before_notice,
            )
        )
    return found


def _given(fleet: Fleet, head: int) -> Given:
    return next(one for device in fleet.given for one in device if one.record.head == RecordHead.unpack(head))


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("method", list(BaselineMethod))
def test_every_leaf_is_proven_by_its_records(tmp_path: Path, method: BaselineMethod, seed: int) -> None:
    fleet = a_fleet(random.Random(f"shown{method}{seed}"), method, 24)
    expected, reasons = fleet.expected()
    built = built_of(fleet, tmp_path)
    shown = proofs_of(built, range(built.leaves))
    for place, one in enumerate(shown):
        answer = expected.answers[place]
        assert one.leaf == built.leaf(place)
        assert entries_of(one.leaf) == (*answer.columns, answer.weight)
        assert bool(one.proof.records) is (reasons[place] is Silence.OK)
        records = as_the_oracle_has_them(fleet, one)
        assert [record.head.pack() for record in records] == sorted(record.head.pack() for record in records)
        asked = replace(fleet.event.question, calls=fleet.event.groups[fleet.rows[place]["group"]])
        measured = measure_device(fleet.event.rule, asked, fleet.entries[place], fleet.points[place], records)
        assert (measured.columns, measured.weight) == (answer.columns, answer.weight)
        assert measured.silence is built.rows([place])[0].silence


@pytest.mark.parametrize("checks", [1, 5, 200])
@pytest.mark.parametrize("method", list(BaselineMethod))
def test_drawn_points_are_proven_in_order(tmp_path: Path, method: BaselineMethod, checks: int) -> None:
    rng = random.Random(f"drawn{method}")
    fleet = a_fleet(rng, method, 17)
    fleet.event = replace(fleet.event, rule=replace(fleet.event.rule, spot_checks=checks, challenge_window=1))
    rule_id = fleet.event.question.key.rule_id
    built = replace(built_of(a_fleet(random.Random(f"drawn{method}"), method, 17), tmp_path), event=fleet.event)
    assert built.event.question.key.rule_id == rule_id
    for seed in (0, rng.getrandbits(96), (1 << 96) - 1):
        scale = weight_scale(built.event.rule, len(built.claim.columns))
        points = draw(built.claim, seed, points_of(built.claim, checks, scale), scale)
        shown = list(proofs_of_draws(built, seed))
        assert tuple(one.leaf.place for one in shown) == places_of_draws(built, seed)
        for column, at in points:
            if not holds(shown[0].leaf, column, at):
                shown.pop(0)
            assert holds(shown[0].leaf, column, at)
        assert len(shown) <= 1


def test_a_point_beyond_the_line_is_held_by_no_leaf(tmp_path: Path) -> None:
    built = built_of(a_fleet(random.Random(1), BaselineMethod.METER_BEFORE, 9), tmp_path)
    for column, total in enumerate(totals_of(built.claim)):
        with pytest.raises(FleetError, match=f"No leaf holds point {total} of column {column}"):
            built.holder(column, total)
        for at in {0, total // 2, total - 1} if total else ():
            assert holds(built.leaf(built.holder(column, at)), column, at)


def test_runs_of_neighbours_are_claimed_together(tmp_path: Path) -> None:
    built = built_of(a_fleet(random.Random(4), BaselineMethod.METER_BEFORE, 11), tmp_path)
    for first, count in ((0, 1), (0, 11), (3, 5), (10, 1), (2, 2)):
        claim = built.run_claim(first, count)
        leaves = [
            trees.leaf(first + at, word, columns)
            for at, (word, columns) in enumerate(zip(claim.weight_words, claim.columns_hashes, strict=True))
        ]
        assert trees.run_root(leaves, first, trees.depth_of(11), claim.path) == built.claim.root
        assert (claim.total_weight, claim.currency) == (built.claim.weight, built.event.rule.currency)
        single = built.weight_claim(first)
        assert (single.weight_word, single.columns_hash) == (claim.weight_words[0], claim.columns_hashes[0])
        assert (single.totals_hash, single.responses_hash) == (claim.totals_hash, claim.responses_hash)
    assert single.responses_hash == responses_hash(built.responses_milli_wh)
    assert len(outcome_hash(built.commitment, built.responses_milli_wh)) == 32
    assert built.commitment == commitment_of(context_of(built).claim)
    with pytest.raises(trees.TreeError, match="has no 2 leaves from 10"):
        built.run_claim(10, 2)


def test_a_metering_point_is_found_by_name(tmp_path: Path) -> None:
    fleet = a_fleet(random.Random(4), BaselineMethod.METER_BEFORE, 5)
    built = built_of(fleet, tmp_path)
    assert [built.place_of(entry.metering_point) for entry in fleet.entries[:5]] == [0, 1, 2, 3, 4]
    with pytest.raises(FleetError, match="Metering point 0x00000000000000000000000000000000 has no leaf"):
        built.place_of(bytes(16))


def test_what_is_missing_or_changed_is_named(tmp_path: Path) -> None:
    fleet = a_fleet(random.Random(5), BaselineMethod.METER_BEFORE, 20)
    built = built_of(fleet, tmp_path)
    place = int(np.argmax([row.silence is Silence.OK for row in built.rows(range(built.leaves))]))
    (roots,) = built.inputs.roots
    kept = roots.read_bytes()
    other = a_fleet(random.Random(6), BaselineMethod.METER_BEFORE, 20)
    roots.write_bytes(other.save(tmp_path / "other").roots[0].read_bytes())
    with pytest.raises(FleetError, match=f"No file of roots lists record 0x.* of leaf {place}"):
        proofs_of(built, [place])
    roots.write_bytes(kept)
    fleet.given[place] = []
    fleet.save(tmp_path / "in")
    with pytest.raises(FleetError, match=rf"records of leaf {place} do not give .* \(NO_RECORD\)"):
        proofs_of(built, [place])
    with pytest.raises(trees.TreeError, match=f"has no leaf {built.leaves}"):
        proofs_of(built, [built.leaves])


def test_roots_that_are_not_whole_are_refused(tmp_path: Path) -> None:
    built = built_of(a_fleet(random.Random(5), BaselineMethod.METER_BEFORE, 20), tmp_path)
    (roots,) = built.inputs.roots
    whole = pq.read_table(roots)
    known = set(whole.column("root").to_pylist())
    assert set(load_roots([roots], known)) == known
    assert set(load_roots([roots], {bytes(32)})) == set()
    crowded = max(known, key=whole.column("root").to_pylist().count)
    pq.write_table(whole.slice(whole.column("root").to_pylist().index(crowded) + 1), roots)
    with pytest.raises(FleetError, match=f"The records listed under the root 0x{crowded.hex()} give 0x"):
        load_roots([roots], {crowded})
    for wrong in (b"", b"1" * 33, b"1" * 32 * 101):
        pq.write_table(pa.table({"root": [crowded], "records": [wrong]}, schema=ROOTS), roots)
        with pytest.raises(FleetError, match=f"a leaf of {len(wrong)} bytes"):
            load_roots([roots], {crowded})


def test_a_submission_that_is_not_its_own_is_refused(tmp_path: Path) -> None:
    built = built_of(a_fleet(random.Random(5), BaselineMethod.METER_BEFORE, 20), tmp_path)
    path, said = built.folder / SUMMARY, read_document(built.folder / SUMMARY, schema=SCHEMA)
    write_document(path, {**said, "claim": {**said["claim"], "weight": said["claim"]["weight"] + 1}}, schema=SCHEMA)
    with pytest.raises(FleetError, match="does not claim its own root and totals"):
        Built.load(built.folder)
    leaves = built.folder / LEAVES_FILE
    table = pq.read_table(leaves)
    pq.write_table(table.slice(1), leaves)
    with pytest.raises(FleetError, match=f"has {built.leaves - 1} leaves of {built.leaves}"):
        built.leaf(0)
    pq.write_table(table.take(list(range(built.leaves))[::-1]), leaves)
    with pytest.raises(FleetError, match=r"Leaf 0 of .* is not under its root"):
        built.leaf(0)
    with pytest.raises(FleetError, match=r"Leaves 0 to 1 of .* are not under its root"):
        built.run_claim(0, 2)


@given(st.lists(st.integers(1, 5), min_size=1, max_size=40), st.integers(0, 2**32))
@settings(max_examples=60, deadline=None)
def test_a_tree_over_records_is_the_batch_tree(lengths: list[int], seed: int) -> None:
    rng = random.Random(seed)
    leaves = [[rng.randbytes(32) for _ in range(length)] for length in lengths]
    tree = trees.BatchTree.of([leaf[0] if len(leaf) == 1 else trees.history_leaf(leaf) for leaf in leaves])
    records = np.frombuffer(b"".join(one for leaf in leaves for one in leaf), dtype=np.uint8).reshape(-1, 32)
    kept = KeptRoot.of(records, np.cumsum([0, *lengths]))
    assert kept.root == tree.root
    for at, leaf in enumerate(leaves):
        inclusion = kept.inclusion(at)
        assert (inclusion.batch_root, inclusion.path) == (tree.root, tree.path(at))
        assert inclusion.history == (tuple(leaf) if len(leaf) > 1 else ())
        assert kept.find(leaf) == {one: (at, place) for place, one in enumerate(leaf)}
    assert kept.find([bytes(32)]) == {}
