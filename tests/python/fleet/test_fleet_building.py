"""A submission built of files is that of the one-device reference, to the last byte."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

from flexbond.fleet.building import build
from flexbond.fleet.built import Built
from flexbond.model.types import BaselineMethod, SignerScheme, Silence
from flexbond.records import MeterRecord
from tests.python.fleet.cases import AT, DAY, GRIDS, Fleet, Given
from tests.python.fleet.making import a_fleet, add_device, key_of
from tests.python.model.strategies import MIDNIGHT

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("method", list(BaselineMethod))
def test_the_submission_is_the_reference_s(tmp_path: Path, method: BaselineMethod, seed: int) -> None:
    rng = random.Random(f"{method}{seed}")
    fleet = a_fleet(rng, method, rng.choice([1, 17, 40]))
    expected, reasons = fleet.expected()
    built = build(fleet.save(tmp_path / "in", rng=rng), tmp_path / "out", processes=1)
    assert [reason.name for reason in reasons] == [type(reasons[0])(code).name for code in built.reasons]
    assert built.totals == expected.totals
    assert [bytes(leaf) for leaf in built.tree.levels[0]] == list(expected.tree.levels[0])
    assert built.tree.root == expected.tree.root
    assert built.responses_milli_wh == expected.responses_milli_wh
    kept = Built.load(tmp_path / "out")
    assert (kept.claim, kept.responses_milli_wh) == (built.claim, expected.responses_milli_wh)
    for index in {0, len(reasons) // 2, len(reasons) - 1}:
        row = kept.rows([index])[0]
        assert (row.weight_word, row.columns_hash) == (expected.weight_words[index], expected.columns_hashes[index])
        assert kept.leaf(index).path == expected.tree.path(index)
        assert row.reason is reasons[index]


def overlapping(rule_seed: int) -> tuple[Fleet, Given, Given]:
    """A device whose grid has changed: a day of quarter hours, and half-hours from its noon on."""
    rng = random.Random(rule_seed)
    fleet = a_fleet(rng, BaselineMethod.NOMINATED, 0)
    add_device(fleet, rng, 0, "")
    place, key = fleet.entries[0], key_of(0, SignerScheme(fleet.rows[0]["scheme"]))
    made = []
    for start, grid in ((MIDNIGHT, GRIDS[0]), (MIDNIGHT + DAY // 2, GRIDS[1])):
        own = MeterRecord.of(
            metering_point=place.metering_point,
            slot_start=start,
            period_seconds=grid.period_seconds,
            readings_milli_wh=[rng.randint(0, 9)] * grid.readings_per_slot,
            secret=key.secret,
        )
        made.append(Given(record=own, signature=b"", at=AT + DAY, attested_at=AT + DAY))
    fleet.given[0] = made
    return fleet, made[0], made[1]


def test_slots_that_overlap_count_once(tmp_path: Path) -> None:
    for seed in range(8):
        fleet, _, _ = overlapping(seed)
        if fleet.event.rule.period_seconds == 900:
            continue
        expected, _ = fleet.expected()
        built = build(fleet.save(tmp_path / f"in{seed}"), tmp_path / f"out{seed}", processes=1)
        assert (built.tree.root, built.totals) == (expected.tree.root, expected.totals)
        assert built.counts == {Silence.OK: 1}


def test_a_wrong_record_among_slots_that_overlap_silences_the_device(tmp_path: Path) -> None:
    fleet, first, _ = overlapping(3)
    first.defect, first.changed = "changed reading", (1,) * 96
    assert build(fleet.save(tmp_path / "in"), tmp_path / "out", processes=1).counts == {Silence.BAD_OPENING: 1}
