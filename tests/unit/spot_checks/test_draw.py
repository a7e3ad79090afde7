"""SpotChecks.draw: points from the hash of a block that comes after the submission."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from flexbond.hashing import ZERO_ADDRESS
from flexbond.model.sampling import draw, seed_of, weight_scale
from flexbond.model.types import Fault
from tests.support.evm import reverts
from tests.unit.spot_checks.scene import BOND, Scene, assert_stands, open_scene

if TYPE_CHECKING:
    from tests.support.world import World


def submitted(scene: Scene) -> int:
    """The honest submission; the block that draws."""
    scene.honest.submit()
    return int(scene.world.spot_checks.check.call(scene.event).moment)


def test_seeds_from_the_blocks_hash(scene: Scene) -> None:
    """Given the block behind the one that draws, anyone draws with its hash and the event."""
    submitted(scene)
    receipt = scene.honest.draw(sender=scene.world.accounts.attacker)
    log = receipt.only("PointsDrawn")
    assert log.event_id == scene.event
    assert any(log.block_hash)
    assert log.seed == seed_of(log.block_hash, scene.event)
    check = scene.world.spot_checks.check.call(scene.event)
    assert (check.drawn, check.seed, check.moment, check.points) == (True, log.seed, scene.world.evm.time, 0)


def test_points_as_in_the_model(world: World) -> None:
    """Given four points over five columns, each lies where the model says, in its own part of the line."""
    scene = open_scene(world, spot_checks=4)
    submitted(scene)
    seed = scene.honest.draw().only("PointsDrawn").seed
    claim = scene.honest.claim
    scale = weight_scale(scene.story.rule, 4)
    assert world.spot_checks.pointsOf.call(claim, 4, scale) == 4
    found = [world.spot_checks.pointAt.call(claim, seed, number, 4, scale) for number in range(4)]
    assert [(point.column, point.at) for point in found] == draw(claim, seed, 4, scale) == scene.honest.points()


def test_points_of_parts_that_are_not_alike(scene: Scene) -> None:
    """Given a line of ten units in three parts, each point lies where the model says, whatever the seed."""
    claim = replace(scene.honest.claim, columns=(3, 0, 4, 0), weight=3)
    for seed in range(20):
        found = [scene.world.spot_checks.pointAt.call(claim, seed, number, 3, 1) for number in range(3)]
        assert [(point.column, point.at) for point in found] == draw(claim, seed, 3, 1)


def test_not_before_its_block_is_over(scene: Scene) -> None:
    """Given the block that draws itself, its hash is not known yet."""
    block = submitted(scene)
    for number in (block - 1, block):
        scene.world.evm.number = number
        with reverts("SpotChecks_TooEarlyToDraw", block, number):
            scene.world.spot_checks.draw.send(scene.event, sender=scene.story.provider)
    scene.world.evm.number = block + 1
    scene.world.spot_checks.draw.send(scene.event, sender=scene.story.provider)


def test_within_256_blocks(scene: Scene) -> None:
    """Given the 256th block behind it, it can be drawn; in the next the hash is gone, and anyone rejects the submission."""
    block = submitted(scene)
    evm, checks = scene.world.evm, scene.world.spot_checks
    evm.number = block + 256
    with evm.rollback():
        assert any(scene.honest.draw().only("PointsDrawn").block_hash)
    with reverts("SpotChecks_NotFailed", scene.event):
        scene.honest.fail()
    evm.number = block + 257
    with reverts("SpotChecks_TooLateToDraw", block, block + 257):
        checks.draw.send(scene.event, sender=scene.story.provider)
    log = scene.honest.fail().only("SubmissionRejected")
    assert (log.fault, log.challenger, log.reward, log.for_buyers) == (Fault.NOT_DRAWN, ZERO_ADDRESS, 0, BOND)
    assert scene.bond == checks.forBuyers.call(scene.event) == BOND


def test_once(scene: Scene) -> None:
    """Given points, they stay."""
    submitted(scene)
    scene.honest.draw()
    with reverts("SpotChecks_AlreadyDrawn", scene.event):
        scene.honest.draw()
    assert_stands(scene)


def test_only_what_was_submitted(scene: Scene) -> None:
    """Given no submission, there is nothing to draw."""
    with reverts("SpotChecks_NotSubmitted", scene.event):
        scene.world.spot_checks.draw.send(scene.event, sender=scene.story.provider)
