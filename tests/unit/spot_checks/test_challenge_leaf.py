"""SpotChecks.challengeLeaf: a leaf that cannot be, whatever the records say."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from flexbond.hashing import keccak
from flexbond.model.types import BaselineMethod, ClampLevel, DeviceKind, Fault
from flexbond.trees import leaf as leaf_hash
from tests.support.evm import reverts
from tests.support.sampled import halves
from tests.unit.spot_checks.scene import HOMES, STEP, Scene, assert_rejected, assert_stands, open_scene
from tests.unit.story import DAY

if TYPE_CHECKING:
    from tests.support.sampled import Sampled
    from tests.support.world import World

CLAMP = 1_250_000
"""Of a home over a period, mWh."""
SHIFT = 3_600 * CLAMP
MOST = 2**128 - 1
WEIGHT = 4
"""The column behind the four periods."""


def upheld(scene: Scene, lie: Sampled, fault: Fault, place: int) -> None:
    """Submitted, then shown by anyone."""
    with scene.world.evm.rollback():
        lie.submit()
        attacker = scene.world.accounts.attacker
        assert_rejected(scene, lie.challenge_leaf(place), fault, place, attacker)


def stands(scene: Scene, claimed: Sampled, *places: int) -> None:
    """Submitted, and none of these leaves is contradicted by itself."""
    with scene.world.evm.rollback():
        claimed.submit()
        for place in places or range(HOMES):
            with reverts("SpotChecks_NotContradicted", place):
                claimed.challenge_leaf(place)
        assert_stands(scene)


# ------------------------------------------------------------------ ends


@pytest.mark.parametrize("column", range(5))
def test_a_first_leaf_that_does_not_start_at_zero(scene: Scene, column: int) -> None:
    """Given a first leaf with a prefix above or below its entry, in a period or in the weight, it is shown."""
    entry = scene.honest.entry(0, column)
    for prefix in (entry + 1, entry - 1, 0, MOST):
        lie = scene.honest.with_words({(0, column): halves(entry, prefix)})
        upheld(scene, lie, Fault.WRONG_START, 0)


@pytest.mark.parametrize("column", range(5))
def test_a_last_leaf_that_is_not_the_total(scene: Scene, column: int) -> None:
    """Given a last leaf with another prefix than the total, or another total, it is shown."""
    last = HOMES - 1
    entry, prefix = scene.honest.entry(last, column), scene.honest.prefix(last, column)
    for other in (prefix + 1, prefix - 1, MOST):
        upheld(scene, scene.honest.with_words({(last, column): halves(entry, other)}), Fault.WRONG_END, last)
    totals = (*scene.honest.totals.columns, scene.honest.totals.weight)
    changed = [total + (number == column) for number, total in enumerate(totals)]
    lie = scene.honest.with_totals(columns=tuple(changed[:-1]), weight=changed[-1])
    upheld(scene, lie, Fault.WRONG_END, last)


def test_ends_are_those_of_ends(scene: Scene) -> None:
    """Given such a prefix in between, the leaf alone shows nothing."""
    entry, prefix = scene.honest.entry(2, 0), scene.honest.prefix(2, 0)
    stands(scene, scene.honest.with_words({(2, 0): halves(entry, prefix + 1)}), 2)


def test_honest_leaves(scene: Scene) -> None:
    """Given an honest submission, no leaf is contradicted by itself, nor one that is not in the tree."""
    stands(scene, scene.honest)
    scene.honest.submit()
    other = scene.honest.overstated(1, 0, 1)
    with reverts("SpotChecks_CommitmentDiffers", scene.event, other.commitment):
        other.challenge_leaf(1)
    checks, attacker = scene.world.spot_checks, scene.world.accounts.attacker
    with reverts("SpotChecks_NotInTree", 1):
        checks.challengeLeaf.send(scene.honest.submission.key, scene.honest.claim, other.leaf(1), sender=attacker)


# ------------------------------------------------------------------ out of range


def test_beyond_the_clamp_of_the_portfolio(scene: Scene) -> None:
    """Given an entry that is no whole response, or one beyond the home's capacity, or another weight, it is shown."""
    honest = scene.honest
    rest = 3 * 3 * STEP
    assert honest.entry(2, WEIGHT) == 4 * 3 * STEP
    stands(scene, honest.with_entries({(2, 0): SHIFT + 3_600 * CLAMP, (2, WEIGHT): CLAMP + rest}), 2)
    stands(scene, honest.with_entries({(2, 0): SHIFT - 3_600 * CLAMP, (2, WEIGHT): rest}), 2)
    for entry in (1, SHIFT + 1, SHIFT + 3_600 * (CLAMP + 1), MOST >> 64):
        lie = honest.with_words({(2, 0): halves(entry, honest.prefix(2, 0))})
        upheld(scene, lie, Fault.OUT_OF_RANGE, 2)
    for by in (-1, 1):
        lie = honest.with_words({(2, WEIGHT): halves(honest.entry(2, WEIGHT) + by, 5)})
        upheld(scene, lie, Fault.OUT_OF_RANGE, 2)


@pytest.mark.parametrize("entry", [MOST, MOST - 1, 2**127, 2**127 - 1])
def test_entries_that_would_wrap(scene: Scene, entry: int) -> None:
    """Given the greatest entries there are, in all columns, the challenge does not revert for them."""
    lie = scene.honest.with_words({(2, column): halves(entry, MOST) for column in range(5)})
    upheld(scene, lie, Fault.OUT_OF_RANGE, 2)


def test_beyond_the_clamp_of_a_device(world: World) -> None:
    """Given clamps by device, an entry is at most the home's capacity, and the weight the sum of entries."""
    scene = open_scene(world, clamp_level=ClampLevel.DEVICE)
    honest = scene.honest
    assert honest.entry(2, 0) == 3 * STEP
    stands(scene, honest, *range(HOMES))
    stands(scene, honest.with_entries({(2, 0): CLAMP, (2, WEIGHT): CLAMP + 9 * STEP}), 2)
    upheld(scene, honest.with_entries({(2, 0): CLAMP + 1, (2, WEIGHT): CLAMP + 1 + 9 * STEP}), Fault.OUT_OF_RANGE, 2)
    weight = halves(12 * STEP + 1, honest.prefix(2, WEIGHT) + 1)
    upheld(scene, honest.with_words({(2, WEIGHT): weight}), Fault.OUT_OF_RANGE, 2)
    wrapped = {(2, 0): halves(MOST, MOST), (2, 1): halves(1, MOST), (2, WEIGHT): halves(6 * STEP, MOST)}
    upheld(scene, honest.with_words(wrapped), Fault.OUT_OF_RANGE, 2)


def test_beyond_the_connection(world: World) -> None:
    """Given a baseline of the portfolio, an entry is whole energy within the connection, the weight the capacity; or all is zero."""
    scene = open_scene(world, baseline=BaselineMethod.REFERENCE_LEVEL, baseline_periods=0)
    honest = scene.honest
    full = 15_000 * 900 * 1_000
    assert honest.entry(2, WEIGHT) == 5_000
    stands(scene, honest)
    row = {(2, column): 0 for column in range(5)}
    stands(scene, honest.with_entries(row), 2)
    stands(scene, honest.with_entries({(2, 0): 0}), 2)
    stands(scene, honest.with_entries({(2, 0): 2 * full}), 2)
    for entry in (2 * full + 3_600, full + 1, MOST >> 64):
        upheld(scene, honest.with_words({(2, 0): halves(entry, 0)}), Fault.OUT_OF_RANGE, 2)
    for weight in (0, 4_999, 5_001):
        upheld(scene, honest.with_words({(2, WEIGHT): halves(weight, 0)}), Fault.OUT_OF_RANGE, 2)
    upheld(scene, honest.with_entries(row | {(2, WEIGHT): 1}), Fault.OUT_OF_RANGE, 2)


# ------------------------------------------------------------------ silent whatever the records say


def test_a_home_that_had_left(world: World) -> None:
    """Given a home that left before the first notice, its leaf has only zeros."""
    scene = open_scene(world, leaving=2)
    assert [scene.honest.entry(2, column) for column in range(5)] == [0] * 5
    stands(scene, scene.honest)
    upheld(scene, scene.honest.with_entries({(2, WEIGHT): 1}), Fault.NOT_SILENT, 2)
    upheld(scene, scene.honest.with_entries({(2, 0): SHIFT}), Fault.NOT_SILENT, 2)


def test_a_suspended_home(world: World) -> None:
    """Given a device suspended before the reading deadline, its leaf is silent; suspended at the deadline, it need not be."""
    scene = open_scene(world)
    point, evm = scene.story.homes[2].metering_point, world.evm
    operator = world.accounts.meter_operator
    with evm.rollback():
        world.devices.suspend.send(point, sender=operator)
        stands(scene, scene.honest)
    with evm.rollback():
        evm.time = scene.story.product.window_end + DAY - 1
        world.devices.suspend.send(point, sender=operator)
        upheld(scene, scene.honest, Fault.NOT_SILENT, 2)
        silent = {(2, column): 0 for column in range(5)}
        stands(scene, scene.honest.with_entries(silent), 2)


def test_a_home_of_too_little_assurance(world: World) -> None:
    """Given a kind of device below the rule's, its leaf is silent."""
    scene = open_scene(world, kinds={2: DeviceKind.GATEWAY})
    stands(scene, scene.honest)
    worst = {(2, column): SHIFT - 3_600 * CLAMP for column in range(4)}
    assert all(scene.honest.entry(*place) == entry for place, entry in worst.items())
    best = {(2, column): SHIFT + 3_600 for column in range(4)} | {(2, WEIGHT): 4}
    upheld(scene, scene.honest.with_entries(best), Fault.NOT_SILENT, 2)


def test_a_home_that_left_with_the_notice(world: World) -> None:
    """Given a home that left in the second of the first notice, it was still in, and its leaf is what it did."""
    scene = open_scene(world, leaving_with=2)
    assert scene.honest.entry(2, WEIGHT) > 0
    stands(scene, scene.honest)


def test_silence_against_a_baseline_of_the_portfolio(world: World) -> None:
    """Given such a home under a baseline of the portfolio, its leaf is zero, even where its capacity gives no whole mWh a period."""
    changes: dict[str, Any] = {"baseline": BaselineMethod.REFERENCE_LEVEL, "baseline_periods": 0, "period_seconds": 60}
    scene = open_scene(world, kinds={2: DeviceKind.GATEWAY}, silent=range(HOMES), lot_w=900, **changes)
    assert not any(scene.honest.entry(2, column) for column in range(61))
    stands(scene, scene.honest, 2)


# ------------------------------------------------------------------ form


@pytest.mark.parametrize("length", [0, 96, 127, 129, 160])
def test_no_leaf_without_a_word_for_each_column(scene: Scene, length: int) -> None:
    """Given what is no leaf in a leaf's place, too short or too long, it cannot be shown as one: that is for `challengeForm`."""
    columns = scene.honest.leaf(2).columns.ljust(length, b"\xff")[:length]
    hashed = leaf_hash(2, scene.honest.words[2][WEIGHT], keccak(columns))
    lie = scene.honest.with_hashes({2: hashed})
    lie.submit()
    shown = replace(lie.leaf(2), columns=columns)
    with reverts("SpotChecks_NotInTree", 2):
        scene.world.spot_checks.challengeLeaf.send(
            lie.submission.key, lie.claim, shown, sender=scene.world.accounts.attacker
        )


# ------------------------------------------------------------------ when


def test_in_time_and_once(scene: Scene) -> None:
    """Given the end of the challenge window, or a rejected submission, a false leaf is not challenged any more."""
    lie = scene.honest.with_words({(0, 0): halves(1, 1)})
    lie.submit()
    evm, end = scene.world.evm, scene.world.evm.time + 3 * DAY
    evm.time = end
    with reverts("SpotChecks_TooLate", end, end):
        lie.challenge_leaf(0)
    evm.time = end - 1
    lie.challenge_leaf(0)
    with reverts("SpotChecks_NotSubmitted", scene.event):
        lie.challenge_leaf(0)
