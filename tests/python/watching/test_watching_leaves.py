"""What published leaves show, for whole columns, is what the one-leaf reference says of each; every lie is found, the honest are not."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flexbond.fleet.building import build
from flexbond.fleet.built import Built
from flexbond.fleet.errors import FleetError
from flexbond.fleet.showing import entry_at
from flexbond.fleet.tables import Devices
from flexbond.model.sampling import fault_of_leaf, is_jump
from flexbond.model.types import BaselineMethod, ClampLevel, Fault, Silence
from flexbond.watching.findings import Checked, Judgement, Kind
from flexbond.watching.judging import against_records
from flexbond.watching.leafrules import claim_silence, rules_of_leaves
from flexbond.watching.published import Published
from tests.python.fleet.making import a_fleet
from tests.python.watching.lying import LIES, Told, heard_place

if TYPE_CHECKING:
    from pathlib import Path

    from flexbond.fleet.submission import Submission

SIZE = 23
EXPECTED = {
    "jump": (Kind.NEIGHBOURS, Fault.JUMP),
    "beyond": (Kind.LEAF, Fault.OUT_OF_RANGE),
    "false_total": (Kind.LEAF, Fault.WRONG_END),
    "false_start": (Kind.LEAF, Fault.WRONG_START),
    "zero_leaf": (Kind.FORM, Fault.MALFORMED),
    "other_place": (Kind.FORM, Fault.MALFORMED),
    "short_columns": (Kind.FORM, Fault.MALFORMED),
}
"""Lies that are found without records."""


class Made:
    """A fleet's honest build."""

    def __init__(self, folder: Path, seed: str, method: BaselineMethod, size: int = SIZE) -> None:
        fleet = a_fleet(random.Random(seed), method, size)
        files = fleet.save(folder / "in")
        self.folder = folder
        self.submission: Submission = build(files, folder / "out", processes=1)
        self.built = Built.load(folder / "out")
        notice = fleet.event.question.first_notice
        self.devices = Devices.load(files.devices, joined_before=notice, groups=len(fleet.event.groups))

    def told(self) -> Told:
        """As it is, for a lie to be made of it."""
        return Told.honestly(self.built)

    def published(self, told: Told) -> Published:
        """As it is published."""
        return Published.load(told.publish(self.folder / "told"), told.claim, len(told.words))

    def judged(self, told: Told, *, with_records: bool = True) -> Judgement:
        """What is found."""
        published = self.published(told)
        rules, findings, is_false = rules_of_leaves(self.built.event, self.devices, published)
        judgement = Judgement(
            leaves=len(published), rules=rules, findings=tuple(findings), false_leaves=int(is_false.sum())
        )
        silence = claim_silence(self.built.event, self.devices, published)
        if not with_records:
            return judgement
        return against_records(judgement, published, self.submission, is_false=is_false, claims_silence=silence)

    def by_reference(self, told: Told) -> set[tuple[Kind, Fault, int]]:
        """The same, leaf by leaf."""
        published, event, found = self.published(told), self.built.event, set()
        for place in range(len(published)):
            leaf = published.leaf(place)
            entry, point = entry_at(self.devices, place)
            common = {"rule": event.rule, "question": event.question, "leaves": len(published), "entry": entry}
            fault = fault_of_leaf(claim=published.claim, leaf=leaf, point=point, **common)
            if fault is not Fault.NONE:
                found.add((Kind.LEAF, fault, place))
            if place and is_jump(published.leaf(place - 1), leaf):
                found.add((Kind.NEIGHBOURS, Fault.JUMP, place))
        return found


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """Homes against their own last hours, each clamped by itself."""
    for seed in range(40):
        folder = tmp_path_factory.mktemp("made")
        found = Made(folder, f"watched{seed}", BaselineMethod.METER_BEFORE)
        rule, columns = found.built.event.rule, len(found.built.claim.columns)
        heard = [row for row in found.built.rows(range(found.built.leaves)) if row.entries[0][0] > 7200]
        if rule.clamp_level is ClampLevel.DEVICE and columns > 1 and len(heard) > 3:
            return found
    raise AssertionError


def shown(judgement: Judgement) -> set[tuple[Kind, Fault, int]]:
    """All findings."""
    return {(one.kind, one.fault, one.place) for one in judgement.findings}


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("method", list(BaselineMethod))
def test_nothing_is_found_in_the_honest(tmp_path: Path, method: BaselineMethod, seed: int) -> None:
    mine = Made(tmp_path, f"honest{method}{seed}", method)
    judgement = mine.judged(mine.told())
    assert (judgement.findings, judgement.false_leaves, judgement.unheard) == ((), 0, 0)
    assert judgement.checked is Checked.FULLY
    assert judgement.silent == sum(1 for reason in mine.submission.reasons if reason != Silence.OK)


@pytest.mark.parametrize("name", list(LIES))
def test_every_lie_is_found(made: Made, name: str) -> None:
    judgement = made.judged(LIES[name](made.told()))
    assert judgement.findings
    assert judgement.is_false is (name != "silenced")
    assert judgement.withheld == int(name == "silenced")
    if name in EXPECTED:
        assert EXPECTED[name] in {(one.kind, one.fault) for one in judgement.findings}
    else:
        (found,) = judgement.findings
        assert (found.kind, found.place) == (Kind.RECORDS, heard_place(made.built))
        part = {"overstated": 2 * 7200, "silenced": 0}
        assert found.excess == part.get(name, found.excess)


@pytest.mark.parametrize("method", list(BaselineMethod))
@given(data=st.data())
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
def test_columns_say_what_the_reference_says_of_leaves(
    tmp_path_factory: pytest.TempPathFactory, method: BaselineMethod, data: st.DataObject
) -> None:
    mine = _MADE.setdefault(method, None) or Made(tmp_path_factory.mktemp("drawn"), f"drawn{method}", method)
    _MADE[method] = mine
    told = mine.told()
    values = st.one_of(st.integers(0, 7200), st.integers(0, (1 << 128) - 1), st.sampled_from([0, 1 << 62, 1 << 64]))
    for _ in range(data.draw(st.integers(0, 3))):
        place = data.draw(st.integers(0, len(told.words) - 1))
        column = data.draw(st.integers(0, len(told.words[0]) - 1))
        word = told.words[place][column]
        halves = [word >> 128, word & (1 << 128) - 1]
        for half in data.draw(st.sets(st.sampled_from([0, 1]))):
            delta = data.draw(st.sampled_from([-3600, -1, 1, 3600, None]))
            halves[half] = data.draw(values) if delta is None else max(0, halves[half] + delta)
        told.words[place][column] = halves[0] << 128 | halves[1]
    # What is wrong with a first or a last leaf hides what else is; that the tower says too.
    found = shown(mine.judged(told, with_records=False))
    expected = mine.by_reference(told)
    assert expected <= found
    assert {place for _, _, place in found} == {place for _, _, place in expected}


_MADE: dict[BaselineMethod, Made | None] = {}


def test_sums_that_run_over_are_jumps(made: Made) -> None:
    told = made.told()
    most = (1 << 128) - 1
    told.words[0] = [most << 128 | most for _ in told.words[0]]
    told.words[1] = [1 << 128 for _ in told.words[1]]
    assert (Kind.NEIGHBOURS, Fault.JUMP, 1) in shown(made.judged(told))


def test_leaves_of_another_submission_are_refused(made: Made) -> None:
    folder = made.told().publish(made.folder / "told")
    other = LIES["overstated"](made.told()).claim
    with pytest.raises(FleetError, match="does not lead to the submitted root: its leaves do not belong"):
        Published.load(folder, other, made.built.leaves)
    with pytest.raises(FleetError, match=rf"has {made.built.leaves} leaves of 99"):
        Published.load(folder, other, 99)
    with pytest.raises(FleetError, match="cannot be read as Parquet"):
        Published.load(made.folder / "nowhere", other, 5)


def test_hidden_leaves_are_counted_and_not_judged(made: Made) -> None:
    told = made.told()
    told.hashes[2] = bytes([7]) * 32
    judgement = made.judged(told)
    count = made.built.leaves
    assert (judgement.findings, judgement.checked) == ((), Checked.PARTLY)
    assert {name: rule.of - rule.checked for name, rule in judgement.rules.items()} == {
        "form": 1,
        "start": 0,
        "end": 0,
        "neighbours": 2,
        "range": 1,
        "records": 1,
    }
    assert judgement.rules["neighbours"].of == count - 1


def test_holes_hide_no_other_leaf(made: Made) -> None:
    told = LIES["jump"](made.told())
    folder = told.publish(made.folder / "told")
    table = pq.read_table(folder / "leaves.parquet")
    count = len(table)
    for at, name in enumerate(("place", "weight_word", "columns", "columns_hash")):
        given = table.column(name).to_pylist()
        values = [None if row == count - 1 - at else one for row, one in enumerate(given)]
        field = table.schema.field(name)
        table = table.set_column(table.schema.get_field_index(name), field, pa.array(values, field.type))
    pq.write_table(table, folder / "leaves.parquet")
    published = Published.load(folder, told.claim, count)
    assert np.flatnonzero(~published.known).tolist() == [count - 4, count - 3, count - 2, count - 1]
    assert (published.malformed, published.jumps().tolist()) == ({}, [1])


def test_without_records_of_a_device_its_leaf_is_unheard(made: Made) -> None:
    told = LIES["overstated"](made.told())
    place = heard_place(made.built)
    reasons = made.submission.reasons.copy()
    reasons[place] = Silence.NO_RECORD
    published = made.published(told)
    rules, findings, is_false = rules_of_leaves(made.built.event, made.devices, published)
    judgement = Judgement(leaves=len(published), rules=rules, findings=tuple(findings))
    without = replace(made.submission, reasons=reasons)
    silence = claim_silence(made.built.event, made.devices, published)
    unheard = against_records(judgement, published, without, is_false=is_false, claims_silence=silence)
    assert (unheard.findings, unheard.unheard, unheard.checked) == ((), 1, Checked.PARTLY)


def test_the_worst_comes_first_and_only_so_many_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flexbond.watching.judging.MOST", 2)
    mine = Made(tmp_path, "many", BaselineMethod.NOMINATED)
    told = mine.told()
    heard = [at for at in range(mine.built.leaves) if mine.submission.reasons[at] == Silence.OK]
    told.claims({(place, 0): told.entry(place, 0) + 3600 * (rank + 1) for rank, place in enumerate(heard)})
    judgement = mine.judged(told)
    records = [one for one in judgement.findings if one.kind is Kind.RECORDS]
    assert len(heard) > len(records) == 2
    assert [one.excess for one in records] == sorted((one.excess for one in records), reverse=True)
    assert judgement.false_leaves == len(heard)
    assert Judgement.from_json(judgement.as_json()) == judgement
