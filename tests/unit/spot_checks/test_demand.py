"""Demands of buyers: a leaf has to be proven, for a fee, or the submission is rejected."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from flexbond.hashing import ZERO_ADDRESS
from flexbond.ids import demand_key
from flexbond.model.types import Demand, DeviceProof, Fault, LockReason, Silence
from tests.support.evm import reverts
from tests.support.proofs import tampered
from tests.unit.spot_checks.scene import FEE, HOMES, Scene, assert_rejected, assert_stands, open_scene
from tests.unit.story import DAY

if TYPE_CHECKING:
    from tests.support.evm import Receipt
    from tests.support.world import World

NONE = Demand(by=ZERO_ADDRESS, until=0, met=False)


def refund(scene: Scene, place: int) -> Receipt:
    """By anyone."""
    key = scene.honest.submission.key
    return scene.world.spot_checks.refund.send(key, place, sender=scene.world.accounts.attacker)


def fail_demand(scene: Scene, place: int) -> Receipt:
    """By anyone."""
    key = scene.honest.submission.key
    return scene.world.spot_checks.failDemand.send(key, place, sender=scene.world.accounts.attacker)


# ------------------------------------------------------------------ demanding


def test_locks_the_fee_of_the_holder(scene: Scene) -> None:
    """Given a buyer's demand, the fee leaves its free balance, and the leaf has a day to be proven."""
    world, buyer = scene.world, scene.story.buyer
    scene.honest.submit()
    free = world.free(buyer)
    log = scene.demand(3).only("LeafDemanded")
    until = world.evm.time + DAY
    assert (log.event_id, log.place, log.by, log.until, log.fee) == (scene.event, 3, buyer.address, until, FEE)
    assert (world.free(buyer), scene.story.locked(LockReason.DEMAND, demand_key(scene.event, 3))) == (free - FEE, FEE)
    assert world.spot_checks.demandOf.call(scene.event, 3) == Demand(by=buyer.address, until=until, met=False)
    check = world.spot_checks.check.call(scene.event)
    assert (check.demands, check.open) == (1, 1)


def test_as_many_as_the_rule_allows(scene: Scene) -> None:
    """Given two demands, met or not, a third is refused."""
    scene.honest.submit()
    scene.demand(0)
    scene.honest.prove_demanded(0)
    scene.demand(1)
    with reverts("SpotChecks_TooManyDemands", 2):
        scene.demand(2)


def test_each_leaf_once(scene: Scene) -> None:
    """Given a leaf that was demanded, met or not, it is not demanded again."""
    scene.honest.submit()
    scene.demand(0)
    with reverts("SpotChecks_AlreadyDemanded", scene.event, 0):
        scene.demand(0)
    scene.honest.prove_demanded(0)
    with reverts("SpotChecks_AlreadyDemanded", scene.event, 0):
        scene.demand(0)


def test_only_leaves_that_there_are(scene: Scene) -> None:
    """Given a place beyond the last leaf, there is nothing to prove."""
    scene.honest.submit()
    for place in (HOMES, 2**40 - 1):
        with reverts("SpotChecks_NoSuchLeaf", place, HOMES):
            scene.demand(place)


def test_early_enough_to_be_met(scene: Scene) -> None:
    """Given exactly the proof window before the challenges end, a leaf is demanded; a second later it is not."""
    scene.honest.submit()
    latest = scene.world.evm.time + 2 * DAY
    scene.world.evm.time = latest + 1
    with reverts("SpotChecks_TooLateToDemand", latest, latest + 1):
        scene.demand(0)
    scene.world.evm.time = latest
    assert scene.demand(0).only("LeafDemanded").until == latest + DAY


def test_only_through_settlement(scene: Scene) -> None:
    """Given anyone but Settlement, neither a demand nor an acceptance is taken."""
    world, attacker = scene.world, scene.world.accounts.attacker
    scene.honest.submit()
    settlement = world.settlement.address
    with reverts("Flexbond_NotAllowed", attacker, settlement):
        world.spot_checks.demand.send(scene.honest.submission.key, attacker.address, 0, sender=attacker)
    with reverts("Flexbond_NotAllowed", attacker, settlement):
        world.spot_checks.accept.send(scene.event, scene.honest.commitment, 1, sender=attacker)


def test_only_of_a_submission(scene: Scene) -> None:
    """Given none, nothing is demanded, proven, failed or refunded."""
    with reverts("SpotChecks_NotSubmitted", scene.event):
        scene.demand(0)
    with reverts("SpotChecks_NotSubmitted", scene.event):
        scene.honest.prove_demanded(0)
    with reverts("SpotChecks_NotSubmitted", scene.event):
        fail_demand(scene, 0)
    with reverts("SpotChecks_NotDemanded", scene.event, 0):
        refund(scene, 0)


# ------------------------------------------------------------------ meeting


def test_met_by_its_records(scene: Scene) -> None:
    """Given the records in time, the fee is the provider's, and the leaf stays proven."""
    world, provider = scene.world, scene.story.provider
    scene.honest.submit()
    scene.demand(3)
    until = world.spot_checks.demandOf.call(scene.event, 3).until
    free = world.free(provider)
    world.evm.time = until - 1
    receipt = scene.honest.prove_demanded(3)
    assert (receipt.only("DemandMet").event_id, receipt.only("DemandMet").place) == (scene.event, 3)
    assert (world.free(provider), scene.story.locked(LockReason.DEMAND, demand_key(scene.event, 3))) == (free + FEE, 0)
    assert world.spot_checks.demandOf.call(scene.event, 3).met
    assert world.spot_checks.check.call(scene.event).open == 0
    for again in (
        scene.honest.prove_demanded,
        lambda place: fail_demand(scene, place),
        lambda place: refund(scene, place),
    ):
        with reverts("SpotChecks_NotDemanded", scene.event, 3):
            again(3)


def test_met_by_silence(world: World) -> None:
    """Given a silent leaf, it is proven by showing nothing."""
    scene = open_scene(world, silent=[1])
    scene.honest.submit()
    scene.demand(1)
    scene.honest.prove_demanded(1).only("DemandMet")


def test_not_met_by_anything_else(scene: Scene) -> None:
    """Given another leaf, no records, or a leaf of another tree, the demand stays open."""
    lie = scene.lie(2)
    lie.submit()
    scene.demand(2)
    with reverts("SpotChecks_NotDemanded", scene.event, 1):
        lie.prove_demanded(1)
    with reverts("SpotChecks_EntriesDiffer", 2, Silence.OK):
        lie.prove_demanded(2)
    with reverts("SpotChecks_EntriesDiffer", 2, Silence.NO_RECORD):
        lie.prove_demanded(2, DeviceProof(records=()))
    with reverts("SpotChecks_CommitmentDiffers", scene.event, scene.honest.commitment):
        scene.honest.prove_demanded(2)
    checks = scene.world.spot_checks
    with reverts("SpotChecks_NotInTree", 2):
        checks.proveDemanded.send(lie.context, scene.honest.leaf(2), lie.proof(2), sender=scene.story.provider)
    assert checks.check.call(scene.event).open == 1


def test_records_that_do_not_count_prove_no_silence(world: World) -> None:
    """Given a silent leaf, it is proven without records, and not by records that do not count."""
    scene = open_scene(world, silent=[1])
    shown = world.submission(scene.story.product, scene.batch, rule=scene.story.rule).proofs[1]
    spoilt = replace(shown, records=(tampered(shown.records[0], 7), *shown.records[1:]))
    scene.honest.submit()
    scene.demand(1)
    with reverts("SpotChecks_EntriesDiffer", 1, Silence.NOT_ATTESTED):
        scene.honest.prove_demanded(1, spoilt)
    scene.honest.prove_demanded(1)


# ------------------------------------------------------------------ failing


def test_not_met_in_time(scene: Scene) -> None:
    """Given the end of its time, the demand cannot be met; who demanded gets the reward and the fee."""
    world, buyer = scene.world, scene.story.buyer
    scene.lie(2).submit()
    free = world.free(buyer)
    scene.demand(2)
    until = world.spot_checks.demandOf.call(scene.event, 2).until
    world.evm.time = until - 1
    with reverts("SpotChecks_NotFailed", scene.event):
        fail_demand(scene, 2)
    world.evm.time = until
    with reverts("SpotChecks_TooLate", until, until):
        scene.lie(2).prove_demanded(2)
    receipt = fail_demand(scene, 2)
    assert_rejected(scene, receipt, Fault.DEMAND_NOT_MET, 2, buyer)
    assert receipt.only("DemandRefunded").by == buyer.address
    assert world.free(buyer) == free + receipt.only("SubmissionRejected").reward
    assert world.spot_checks.demandOf.call(scene.event, 2) == NONE
    with reverts("SpotChecks_NotDemanded", scene.event, 2):
        refund(scene, 2)


def test_refund_once_rejected_otherwise(world: World) -> None:
    """Given a demand that is open when the submission is rejected, its fee goes back, once."""
    scene = open_scene(world, anchored_by=world.accounts.provider)
    buyer = scene.story.buyer
    lie = scene.lie(2)
    lie.submit()
    free = world.free(buyer)
    scene.demand(1)
    with reverts("SpotChecks_NotRejected", scene.event):
        refund(scene, 1)
    assert_stands(scene)
    lie.challenge_records(2)
    log = refund(scene, 1).only("DemandRefunded")
    assert (log.event_id, log.place, log.by, log.fee) == (scene.event, 1, buyer.address, FEE)
    assert world.free(buyer) == free
    with reverts("SpotChecks_NotDemanded", scene.event, 1):
        refund(scene, 1)
    with reverts("SpotChecks_NotSubmitted", scene.event):
        fail_demand(scene, 1)
