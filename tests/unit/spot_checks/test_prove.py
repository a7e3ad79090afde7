"""SpotChecks.prove: a leaf for every drawn point, recomputed from its records."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from flexbond.hashing import ZERO_ADDRESS
from flexbond.model.sampling import holds
from flexbond.model.types import ClampLevel, DeviceProof, Fault, Silence
from tests.support.evm import reverts
from tests.unit.spot_checks.scene import BOND, HOMES, Scene, assert_stands, open_scene
from tests.unit.story import DAY

if TYPE_CHECKING:
    from tests.support.sampled import Sampled
    from tests.support.world import World


SILENT = DeviceProof(records=())
"""No records shown."""


def drawn(scene: Scene, claimed: Sampled | None = None) -> Sampled:
    """Submitted and drawn."""
    sampled = claimed or scene.honest
    sampled.submit()
    sampled.draw()
    return sampled


def points(scene: Scene) -> int:
    """Proven so far."""
    return int(scene.world.spot_checks.check.call(scene.event).points)


def test_in_order_by_anyone(world: World) -> None:
    """Given the leaves that hold the points, in one transaction or in several, all are proven."""
    scene = open_scene(world, spot_checks=4)
    honest = drawn(scene)
    holders = honest.holders()
    with world.evm.rollback():
        log = honest.prove(holders, sender=world.accounts.attacker).only("PointsProven")
        assert (log.event_id, tuple(log.places), log.proven) == (scene.event, tuple(holders), 4)
    for place in holders:
        before = points(scene)
        honest.prove([place])
        assert points(scene) > before
    assert points(scene) == 4


def test_one_leaf_for_many_points(world: World) -> None:
    """Given nearly all that is claimed in one leaf, it is shown once for the points that follow each other in it."""
    scene = open_scene(world, responses=(1_000_000, 0, 0, 0, 1), clamp_level=ClampLevel.DEVICE, spot_checks=4)
    honest = drawn(scene)
    assert [holds(honest.leaf(0), column, at) for column, at in honest.points()] == [True] * 4
    shown = honest.prove_all().only("PointsProven")
    # The parts of a leaf in neighbouring columns follow each other for the points, if no other leaf holds one between.
    assert (tuple(shown.places), shown.proven) == ((0,), 4)


def test_not_out_of_order(scene: Scene) -> None:
    """Given a leaf that does not hold the next point, it is refused with the point."""
    honest = drawn(scene)
    column, at = honest.points()[0]
    other = next(place for place in range(HOMES) if not holds(honest.leaf(place), column, at))
    with reverts("SpotChecks_PointElsewhere", 0, column, at, other):
        honest.prove([other])
    assert points(scene) == 0


def test_a_leaf_holds_its_own_part_alone(world: World) -> None:
    """Given homes that gave one mWh each, a point is held by one of them, and not by its neighbours."""
    scene = open_scene(world, responses=(1,) * HOMES, clamp_level=ClampLevel.DEVICE, spot_checks=4)
    honest = drawn(scene)
    while (proven := points(scene)) < 4:
        column, at = honest.points()[proven]
        holder = at if column < 4 else at // 4
        for other in {max(holder - 1, 0), min(holder + 1, HOMES - 1)} - {holder}:
            with reverts("SpotChecks_PointElsewhere", proven, column, at, other):
                honest.prove([other])
        honest.prove([holder])


def test_not_more_than_were_drawn(scene: Scene) -> None:
    """Given all points proven, a further leaf is refused, and nothing changes."""
    honest = drawn(scene)
    holders = honest.holders()
    with reverts("SpotChecks_AllProven", 2):
        honest.prove([*holders, holders[-1]])
    honest.prove(holders)
    with reverts("SpotChecks_AllProven", 2):
        honest.prove(holders)
    assert points(scene) == 2


def test_needs_a_proof_for_every_leaf(scene: Scene) -> None:
    """Given fewer proofs than leaves, it is refused."""
    honest = drawn(scene)
    with reverts("SpotChecks_ProofsLength", 1, 2):
        honest.prove([0, 1], [honest.proof(0)])


def test_until_the_proof_window_ends(scene: Scene) -> None:
    """Given a second before a day after the draw, a leaf is proven; at the day anyone rejects the submission."""
    honest = drawn(scene)
    end = scene.world.evm.time + DAY
    scene.world.evm.time = end - 1
    with reverts("SpotChecks_NotFailed", scene.event):
        honest.fail()
    with scene.world.evm.rollback():
        honest.prove_all()
    scene.world.evm.time = end
    with reverts("SpotChecks_TooLate", end, end):
        honest.prove_all()
    log = honest.fail().only("SubmissionRejected")
    assert (log.fault, log.challenger, log.reward, log.for_buyers) == (Fault.NOT_PROVEN, ZERO_ADDRESS, 0, BOND)


def test_draws_first_if_nobody_did(world: World) -> None:
    """Given points that nobody drew, proving draws them, with the block that would have drawn them; later proofs have the same."""
    scene = open_scene(world, spot_checks=4)
    honest = scene.honest
    honest.submit()
    block = world.spot_checks.check.call(scene.event).moment
    with world.evm.rollback():
        honest.draw()
        holders, seed = honest.holders(), world.spot_checks.check.call(scene.event).seed
    world.evm.number = block + 1
    receipt = honest.prove(holders[:1])
    assert receipt.only("PointsDrawn").seed == seed
    check = world.spot_checks.check.call(scene.event)
    assert (check.drawn, check.seed, check.moment) == (True, seed, world.evm.time)
    assert not honest.prove(honest.holders()).all("PointsDrawn")
    assert points(scene) == 4


def test_only_what_can_be_drawn(scene: Scene) -> None:
    """Given no submission, or one that cannot be drawn yet or any more, there is nothing to prove."""
    honest = scene.honest
    with reverts("SpotChecks_NotSubmitted", scene.event):
        honest.prove([0])
    honest.submit()
    block = scene.world.spot_checks.check.call(scene.event).moment
    scene.world.evm.number = block
    with reverts("SpotChecks_TooEarlyToDraw", block, block):
        honest.prove([0])
    scene.world.evm.number = block + 257
    with reverts("SpotChecks_TooLateToDraw", block, block + 257):
        honest.prove([0])


def test_only_the_submitted_claim(scene: Scene) -> None:
    """Given another claim than the submitted one, it is refused."""
    honest = drawn(scene)
    other = honest.with_totals(weight=honest.totals.weight + 1)
    with reverts("SpotChecks_CommitmentDiffers", scene.event, other.commitment):
        other.prove([0])


# ------------------------------------------------------------------ leaves that are not the tree's


def refused(scene: Scene, honest: Sampled, **changes: object) -> None:
    """A leaf so changed is not in the tree."""
    place = honest.holders()[0]
    leaf = replace(honest.leaf(place), **changes)
    with reverts("SpotChecks_NotInTree", leaf.place):
        scene.world.spot_checks.prove.send(honest.context, [leaf], [honest.proof(place)], sender=scene.story.provider)


def test_only_leaves_of_the_tree(scene: Scene) -> None:
    """Given another word, another place or another path than the leaf's, it is refused."""
    honest = drawn(scene)
    leaf = honest.leaf(honest.holders()[0])
    refused(scene, honest, weight_word=leaf.weight_word + 1)
    refused(scene, honest, columns=leaf.columns[:-1] + bytes([leaf.columns[-1] ^ 1]))
    refused(scene, honest, place=(leaf.place + 1) % HOMES)
    refused(scene, honest, place=HOMES)
    refused(scene, honest, place=leaf.place + 8)
    refused(scene, honest, path=leaf.path[:-1])
    refused(scene, honest, path=(*leaf.path, bytes(32)))


@pytest.mark.parametrize("length", [0, 1, 31, 96, 127, 129, 160])
def test_only_leaves_of_all_columns(scene: Scene, length: int) -> None:
    """Given columns of another length than a word each, the leaf is none of the tree."""
    honest = drawn(scene)
    leaf = honest.leaf(honest.holders()[0])
    refused(scene, honest, columns=(leaf.columns + bytes(64))[:length])


def test_no_leaf_for_a_point_that_it_does_not_hold(world: World) -> None:
    """Given the leaf of the first points again, it does not hold the next."""
    scene = open_scene(world, spot_checks=4)
    honest = drawn(scene)
    place = honest.holders()[0]
    inside = [holds(honest.leaf(place), *point) for point in honest.points()]
    left = inside.index(False)
    with reverts("SpotChecks_PointElsewhere", left, *honest.points()[left], place):
        honest.prove([place, place])


# ------------------------------------------------------------------ records


def test_an_overstated_leaf_cannot_be_proven(world: World) -> None:
    """Given a leaf that claims a mWh more than its records give, showing them does not prove it, nor does silence."""
    scene = open_scene(world, responses=(1_000_000, 0, 0, 0, 0), clamp_level=ClampLevel.DEVICE)
    lie = drawn(scene, scene.honest.with_entries({(0, 0): 1_000_001, (0, 4): 4_000_001}))
    assert lie.holders()[0] == 0
    with reverts("SpotChecks_EntriesDiffer", 0, Silence.OK):
        lie.prove(lie.holders())
    with reverts("SpotChecks_EntriesDiffer", 0, Silence.NO_RECORD):
        lie.prove(lie.holders(), [SILENT] * len(lie.holders()))
    world.evm.time += DAY
    assert lie.fail().only("SubmissionRejected").fault == Fault.NOT_PROVEN


def test_an_understated_leaf_cannot_either(world: World) -> None:
    """Given a leaf that claims less than its records give, it is not proven: each leaf is exact."""
    scene = open_scene(world, responses=(1_000_000, 0, 0, 0, 0), clamp_level=ClampLevel.DEVICE)
    lie = drawn(scene, scene.honest.with_entries({(0, 0): 999_999, (0, 4): 3_999_999}))
    with reverts("SpotChecks_EntriesDiffer", 0, Silence.OK):
        lie.prove(lie.holders())


def test_a_silent_leaf_by_showing_nothing(world: World) -> None:
    """Given a clamp that is no whole mWh, a silent leaf keeps the rest in each column, and holds points: it is proven without records."""
    scene = open_scene(world, silent=range(HOMES), lot_w=1_200, period_seconds=60)
    assert scene.honest.length == 60 * HOMES * 1_200
    honest = drawn(scene)
    honest.prove_all()
    assert points(scene) == 2


def test_records_that_do_not_count(scene: Scene) -> None:
    """Given records under no root, the error says why they do not count."""
    honest = drawn(scene)
    holder = honest.holders()[0]
    with reverts("SpotChecks_EntriesDiffer", holder, Silence.NOT_ATTESTED):
        honest.prove([holder], [replace(honest.proof(holder), inclusions=())])
    assert_stands(scene)


def test_records_of_another_device(scene: Scene) -> None:
    """Given the records of another home, the leaf is not proven by them."""
    honest = drawn(scene)
    holder = honest.holders()[0]
    with reverts("SpotChecks_EntriesDiffer", holder, Silence.WRONG_POINT):
        honest.prove([holder], [honest.proof((holder + 1) % HOMES)])
