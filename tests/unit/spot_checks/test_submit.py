"""SpotChecks.submit: what is submitted without proving every leaf is bonded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flexbond.model.sampling import bond_of, draw, points_of, weight_scale
from flexbond.model.types import Check, ClampLevel, EventStatus
from tests.support.evm import reverts
from tests.unit.spot_checks.scene import BOND, DELAY, HOMES, Scene, open_scene
from tests.unit.story import DAY

if TYPE_CHECKING:
    from tests.support.world import World


def test_bonds_by_capacity(scene: Scene) -> None:
    """Given 25 kW at 40 000 000 001 a MW, the bond is rounded up and comes from the provider's free balance."""
    world, honest = scene.world, scene.honest
    free = world.free(scene.story.provider)
    receipt = honest.submit()
    now, block = world.evm.time, world.evm.number
    assert bond_of(25_000, 40_000_000_001) == BOND
    assert (scene.bond, world.free(scene.story.provider)) == (BOND, free - BOND)
    bonded = receipt.only("Bonded")
    assert (bonded.event_id, bonded.provider) == (scene.event, scene.story.provider.address)
    assert (bonded.bond, bonded.draw_block) == (BOND, block + DELAY)
    assert world.spot_checks.check.call(scene.event) == Check(
        submitted_at=now, moment=block + DELAY, points=0, demands=0, open=0, accepted=0, drawn=False, seed=0
    )


def test_is_kept_by_measurement(scene: Scene) -> None:
    """Given a submission, Measurement keeps its commitment and logs who sent it."""
    operator = scene.world.accounts.provider_operator
    receipt = scene.honest.submit(sender=operator)
    log = receipt.only("EventSubmitted")
    assert (log.sender, log.root, log.leaves) == (operator.address, scene.honest.tree.root, HOMES)
    assert log.totals == scene.honest.totals
    assert scene.world.measurement.commitment.call(scene.event) == scene.honest.commitment
    assert scene.status is EventStatus.SUBMITTED


def test_without_draws(world: World) -> None:
    """Given a rule of challenges alone, there is nothing to draw."""
    scene = open_scene(world, spot_checks=0)
    receipt = scene.honest.submit()
    assert receipt.only("Bonded").draw_block == 0
    check = world.spot_checks.check.call(scene.event)
    assert (check.drawn, check.moment) == (True, world.evm.time)
    with reverts("SpotChecks_AlreadyDrawn", scene.event):
        world.spot_checks.draw.send(scene.event, sender=world.accounts.relayer)


def test_with_nothing_on_the_line(world: World) -> None:
    """Given homes that gave nothing, the line has no length and there is nothing to draw."""
    scene = open_scene(world, responses=(-1, 0, -2), clamp_level=ClampLevel.DEVICE)
    assert scene.honest.length == 0
    assert scene.honest.submit().only("Bonded").draw_block == 0
    scene.honest.close_challenges()
    scene.honest.finalise()
    assert scene.status is EventStatus.MEASURED


def test_with_fewer_points_than_checks(world: World) -> None:
    """Given a line of three, three points are drawn of four checks, and each is somewhere else."""
    scene = open_scene(world, responses=(0, 0, 0, 0, 1), clamp_level=ClampLevel.DEVICE, spot_checks=4)
    claim = scene.honest.with_totals(columns=(0, 1, 0, 1), weight=1).claim
    assert world.spot_checks.pointsOf.call(claim, 4, 1) == 3
    places = [world.spot_checks.pointAt.call(claim, 7, number, 3, 1) for number in range(3)]
    assert [(place.column, place.at) for place in places] == [(1, 0), (3, 0), (4, 0)]


def test_the_weight_takes_its_part_of_the_line(world: World) -> None:
    """Given columns in another unit than the weight, the weight is stretched, and a point within it is told in its own unit."""
    scene = open_scene(world, clamp_level=ClampLevel.PORTFOLIO)
    rule, claim = scene.honest.submission.rule, scene.honest.claim
    scale = weight_scale(rule, len(claim.columns))
    assert scale == 3600
    points = points_of(claim, 64, scale)
    assert world.spot_checks.pointsOf.call(claim, 64, scale) == points
    drawn = draw(claim, 7, points, scale)
    told = [world.spot_checks.pointAt.call(claim, 7, number, points, scale) for number in range(points)]
    assert [(place.column, place.at) for place in told] == drawn
    assert any(column == len(claim.columns) and at < claim.weight for column, at in drawn)


def test_inconsistent_totals(world: World) -> None:
    """Given devices clamped by themselves, a weight that is not the sum of the columns is refused: it would hide what is false."""
    scene = open_scene(world, clamp_level=ClampLevel.DEVICE)
    columns, weight = scene.honest.totals.columns, scene.honest.totals.weight
    with reverts("Measurement_TotalsInconsistent", weight + 1, sum(columns)):
        scene.honest.with_totals(weight=weight + 1).submit()


def test_only_by_the_provider(scene: Scene) -> None:
    """Given anyone else, it is refused."""
    with reverts("Measurement_NotProvider", scene.event, scene.story.buyer):
        scene.honest.submit(sender=scene.story.buyer)


def test_only_once(scene: Scene) -> None:
    """Given a submission, there is no second, neither here nor with Measurement."""
    scene.honest.submit()
    with reverts("Measurement_WrongStatus", scene.event, EventStatus.SUBMITTED):
        scene.honest.submit()
    with reverts("Measurement_WrongStatus", scene.event, EventStatus.SUBMITTED):
        scene.world.submit(scene.honest.submission)


def test_only_with_more_leaves_than_checks(world: World) -> None:
    """Given as many checks as leaves, every leaf has to be proven."""
    scene = open_scene(world, spot_checks=HOMES)
    with reverts("Measurement_EveryLeaf", HOMES, HOMES):
        scene.honest.submit()
    world.submit(scene.honest.submission)


def test_only_if_the_rule_allows_it(world: World) -> None:
    """Given a rule without challenges, every leaf has to be proven."""
    none = {"draw_delay": 0, "challenge_window": 0, "max_demands": 0, "demand_fee": 0, "bond_per_mw": 0}
    scene = open_scene(world, challenger_share_bps=0, **none)
    with reverts("Measurement_EveryLeaf", HOMES, 2):
        scene.honest.submit()


def test_not_with_measurement(scene: Scene) -> None:
    """Given more leaves than checks, Measurement neither takes nor proves nor ends the submission by itself."""
    world, honest = scene.world, scene.honest
    with reverts("Measurement_TooManyLeaves", HOMES, 2):
        world.submit(honest.submission)
    honest.submit()
    with reverts("Measurement_TooManyLeaves", HOMES, 2):
        world.prove(honest.submission)
    world.evm.time += 10 * DAY
    with reverts("Measurement_WrongStatus", scene.event, EventStatus.SUBMITTED):
        world.fail(scene.story.product)


def test_only_with_the_bond_at_hand(scene: Scene) -> None:
    """Given a base unit less than the bond in the provider's free balance, it is refused."""
    world, provider = scene.world, scene.story.provider
    token = world.token.address
    spare = world.free(provider) - BOND + 1
    world.escrow.withdraw.send(token, provider.address, spare, sender=provider)
    with reverts("CollateralEscrow_InsufficientFree", token, provider, BOND - 1, BOND):
        scene.honest.submit()
