"""Acceptance and the end: what was proven and not contradicted is final, once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flexbond.ids import outcome_hash
from flexbond.model.types import BaselineMethod, EventStatus
from tests.support.evm import reverts
from tests.unit.spot_checks.scene import BOND, STEP, Scene, assert_stands, open_scene
from tests.unit.story import DAY, KWH

if TYPE_CHECKING:
    from tests.support.world import World


def proven(scene: Scene) -> None:
    """Submitted, drawn, and all points proven."""
    scene.honest.submit()
    scene.honest.draw()
    scene.honest.prove_all()


def test_measured_after_the_challenges(scene: Scene) -> None:
    """Given all points proven and the challenge window over, anyone ends it: the responses are those claimed, the bond is free."""
    world, provider = scene.world, scene.story.provider
    free = world.free(provider)
    proven(scene)
    end = world.spot_checks.check.call(scene.event).submitted_at + 3 * DAY
    world.evm.time = end - 1
    with reverts("SpotChecks_TooEarly", end, end - 1):
        scene.honest.finalise()
    world.evm.time = end
    receipt = scene.honest.finalise(sender=world.accounts.attacker)
    assert (receipt.only("Paid").to, receipt.only("Paid").amount) == (provider.address, BOND)
    responses = (15 * STEP,) * 4
    measured = receipt.only("EventMeasured")
    assert tuple(measured.responses_milli_wh) == responses
    assert world.measurement.commitment.call(scene.event) == outcome_hash(scene.honest.commitment, responses)
    assert (scene.status, scene.bond, world.free(provider)) == (EventStatus.MEASURED, 0, free)
    assert world.spot_checks.check.call(scene.event).submitted_at == 0


def test_once(scene: Scene) -> None:
    """Given a final event, nothing of it can be drawn, proven, challenged, failed or ended again."""
    proven(scene)
    scene.honest.close_challenges()
    scene.honest.finalise()
    honest = scene.honest
    for again in (
        honest.finalise,
        honest.fail,
        honest.draw,
        lambda: honest.prove([0]),
        lambda: honest.challenge_leaf(0),
        lambda: honest.challenge_records(0),
        lambda: honest.challenge_neighbours(0, 1),
        lambda: scene.demand(0),
        lambda: scene.accept(honest.commitment),
    ):
        with reverts("SpotChecks_NotSubmitted", scene.event):
            again()


def test_not_before_it_is_drawn_and_proven(scene: Scene) -> None:
    """Given points that were not drawn, or not all proven, it is not final, whatever the time."""
    scene.honest.submit()
    with reverts("SpotChecks_NotDrawn", scene.event):
        scene.honest.finalise()
    scene.honest.draw()
    scene.honest.close_challenges()
    with reverts("SpotChecks_PointsLeft", 0, 2):
        scene.honest.finalise()
    assert_stands(scene)


def test_what_was_proven_does_not_fail(scene: Scene) -> None:
    """Given all points proven, nobody ends it as never measured when their time is over, by no claim."""
    proven(scene)
    scene.world.evm.time += DAY
    with reverts("SpotChecks_NotFailed", scene.event):
        scene.honest.fail()
    other = scene.honest.overstated(1, 0, 3_600)
    with reverts("SpotChecks_CommitmentDiffers", scene.event, other.commitment):
        other.fail()
    assert_stands(scene)


def test_as_many_points_as_the_line_has_room_for(world: World) -> None:
    """Given a false claim of one mWh of weight alone, which is 3 600 long on the line, all points have to be proven."""
    scene = open_scene(world)
    lie = scene.honest.with_totals(columns=(0,) * 4, weight=1)
    lie.submit()
    lie.draw()
    lie.close_challenges()
    with reverts("SpotChecks_PointsLeft", 0, 2):
        lie.finalise()


def test_not_before_demands_are_met(scene: Scene) -> None:
    """Given an open demand, it is not final; once met, it is."""
    proven(scene)
    scene.demand(1)
    scene.honest.close_challenges()
    with reverts("SpotChecks_DemandsOpen", 1):
        scene.honest.finalise()
    scene.world.evm.time = scene.world.spot_checks.demandOf.call(scene.event, 1).until - 1
    scene.honest.prove_demanded(1)
    scene.honest.close_challenges()
    scene.honest.finalise()


def test_only_the_submitted_claim(scene: Scene) -> None:
    """Given another claim, even one that has no points left, it is refused."""
    proven(scene)
    scene.honest.close_challenges()
    none = {"columns": (0,) * 4, "weight": 0}
    for other in (scene.honest.with_totals(weight=1), scene.honest.with_totals(**none)):
        with reverts("Measurement_CommitmentDiffers", scene.event, other.commitment):
            other.finalise()


def test_with_the_schedule(world: World) -> None:
    """Given a nominated baseline, it ends with the schedule that was committed."""
    scene = open_scene(world, schedule=(5 * KWH,) * 4, baseline=BaselineMethod.NOMINATED, baseline_periods=0)
    proven(scene)
    scene.honest.close_challenges()
    key, claim, relayer = scene.honest.submission.key, scene.honest.claim, world.accounts.relayer
    with reverts("Measurement_ScheduleDiffers", scene.event):
        world.spot_checks.finalise.send(key, claim, [], sender=relayer)
    assert tuple(scene.honest.finalise().only("EventMeasured").responses_milli_wh) == (15 * STEP,) * 4


# ------------------------------------------------------------------ acceptance


def test_accepted_by_all_buyers(world: World) -> None:
    """Given the acceptance of every holder, nobody waits for challenges; what was drawn has to be proven all the same."""
    scene = open_scene(world, second_units=2)
    scene.honest.submit()
    assert not scene.accept(scene.honest.commitment).all("SubmissionAccepted")
    scene.honest.draw()
    scene.honest.prove_all()
    end = world.spot_checks.check.call(scene.event).submitted_at + 3 * DAY
    with reverts("SpotChecks_TooEarly", end, world.evm.time):
        scene.honest.finalise()
    accepted = scene.accept(scene.honest.commitment, number=1)
    assert accepted.only("SubmissionAccepted").event_id == scene.event
    scene.honest.finalise()
    assert scene.status is EventStatus.MEASURED


def test_acceptance_skips_no_draw_and_no_demand(scene: Scene) -> None:
    """Given the acceptance of all, points and demands that are open still stand in the way."""
    scene.honest.submit()
    scene.demand(0)
    scene.accept(scene.honest.commitment)
    with reverts("SpotChecks_NotDrawn", scene.event):
        scene.honest.finalise()
    scene.honest.draw()
    with reverts("SpotChecks_PointsLeft", 0, 2):
        scene.honest.finalise()
    scene.honest.prove_all()
    with reverts("SpotChecks_DemandsOpen", 1):
        scene.honest.finalise()
    scene.honest.prove_demanded(0)
    scene.honest.finalise()


def test_acceptance_of_what_is_meant(scene: Scene) -> None:
    """Given another commitment than the submission's, it is not accepted."""
    scene.honest.submit()
    other = scene.honest.with_totals(weight=1).commitment
    with reverts("SpotChecks_CommitmentDiffers", scene.event, other):
        scene.accept(other)


def test_challenges_go_on_until_the_end(world: World) -> None:
    """Given the acceptance of all, a false submission can still be shown until it is final."""
    scene = open_scene(world, anchored_by=world.accounts.provider)
    lie = scene.lie(2)
    lie.submit()
    scene.accept(lie.commitment)
    lie.challenge_records(2).only("SubmissionRejected")
    assert scene.status is EventStatus.UNMEASURED


def test_bonds_are_conserved(world: World) -> None:
    """Given an event measured or rejected, with demands met or refunded, nothing is owed more or less than before."""
    owed = world.escrow.owed.call(world.token.address)
    scene = open_scene(world, anchored_by=world.accounts.provider)
    lie = scene.lie(2)
    with world.evm.rollback():
        proven(scene)
        scene.demand(0)
        scene.honest.prove_demanded(0)
        scene.honest.close_challenges()
        scene.honest.finalise()
        assert world.escrow.owed.call(world.token.address) == owed
    lie.submit()
    scene.demand(0)
    lie.challenge_records(2)
    world.spot_checks.refund.send(lie.submission.key, 0, sender=world.accounts.relayer)
    settled = scene.story.settle(scene.dispatch)
    assert settled.only("BondShared").amount == BOND - BOND * 5_000 // 10_000
    assert (scene.bond, world.escrow.owed.call(world.token.address)) == (0, owed)
