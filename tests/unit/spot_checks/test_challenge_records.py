"""SpotChecks.challengeRecords: records against a leaf, and what a lying challenger cannot do with them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from flexbond.ids import demand_key
from flexbond.model.types import ClampLevel, Demand, DeviceProof, Fault, LockReason, Silence
from tests.support.evm import reverts
from tests.support.proofs import show
from tests.unit.spot_checks.scene import FEE, HOMES, STEP, Scene, assert_rejected, assert_stands, open_scene
from tests.unit.story import DAY, KWH

if TYPE_CHECKING:
    from tests.support.proofs import Batch
    from tests.support.world import World

SILENT = DeviceProof(records=())
"""No records shown."""


def equivocation(scene: Scene, place: int, response: int) -> Batch:
    """Other records of a home's slots, signed by its device and attested: it equivocates."""
    story = scene.story
    home = story.homes[place]
    readings = {home: story.readings(KWH, KWH - response)}
    return scene.world.attest(scene.world.records_of(story.product, readings, rule=story.rule))


# ------------------------------------------------------------------ what the provider anchored


def test_the_providers_own_records(world: World) -> None:
    """Given records under a root that the provider anchored, a leaf that they contradict is rejected at once."""
    for sender in (world.accounts.provider, world.accounts.provider_operator):
        with world.evm.rollback():
            scene = open_scene(world, anchored_by=sender)
            lie = scene.lie(2)
            lie.submit()
            free = world.free(world.accounts.attacker)
            receipt = lie.challenge_records(2)
            assert_rejected(scene, receipt, Fault.OTHER_RESPONSE, 2, world.accounts.attacker)
            assert world.free(world.accounts.attacker) == free + receipt.only("SubmissionRejected").reward


def test_not_against_a_leaf_that_nobody_submitted(world: World) -> None:
    """Given an honest submission, a challenger that makes up a leaf of its own has nothing to show records against."""
    scene = open_scene(world, anchored_by=world.accounts.provider)
    honest, made_up = scene.honest, scene.lie(2).leaf(2)
    honest.submit()
    with reverts("SpotChecks_NotInTree", 2):
        world.spot_checks.challengeRecords.send(
            honest.context, made_up, honest.proof(2), sender=world.accounts.attacker
        )
    assert_stands(scene)


def test_silence_against_the_providers_own_records(world: World) -> None:
    """Given a leaf that claims silence of a device whose records the provider anchored itself, it is rejected at once."""
    scene = open_scene(world, anchored_by=world.accounts.provider)
    silent = world.submission(scene.story.product, rule=scene.story.rule)
    entry = silent.measured.answers[2].columns[0]
    lie = scene.honest.with_entries({(2, column): entry for column in range(4)} | {(2, 4): 0})
    lie.submit()
    receipt = lie.challenge_records(2)
    assert_rejected(scene, receipt, Fault.OTHER_RESPONSE, 2, world.accounts.attacker)


def test_silence_of_a_device_that_was_suspended(world: World) -> None:
    """Given a device suspended at the reading deadline, its silence is true, and a later statement does not make it a lie."""
    scene = open_scene(world, anchored_by=world.accounts.provider)
    home = scene.story.homes[2]
    world.evm.time = scene.story.product.window_end + DAY - 1
    world.devices.suspend.send(home.metering_point, sender=world.accounts.meter_operator)
    world.evm.time += 1
    silent = world.submission(scene.story.product, rule=scene.story.rule)
    entry = silent.measured.answers[2].columns[0]
    claimed = scene.honest.with_entries({(2, column): entry for column in range(4)} | {(2, 4): 0})
    claimed.submit()
    with reverts("SpotChecks_Inconclusive", 2, Silence.SUSPENDED):
        claimed.challenge_records(2)
    world.state(home, world.statement(home, sequence=2))
    with reverts("SpotChecks_NotContradicted", 2):
        claimed.challenge_records(2)
    assert_stands(scene)


def test_records_of_a_device_whose_statement_was_voided(world: World) -> None:
    """Given no statement at the reading deadline, the provider may have shown silence: its own records make the leaf be proven, no more."""
    scene = open_scene(world, anchored_by=world.accounts.provider)
    world.evm.time = scene.story.product.window_end + DAY - 1
    world.devices.voidStatement.send(scene.story.homes[2].metering_point, sender=world.accounts.meter_operator)
    world.evm.time += 1
    world.fund(world.accounts.attacker, FEE)
    lie = scene.lie(2)
    lie.submit()
    assert lie.challenge_records(2).only("LeafDemanded").place == 2
    assert_stands(scene)


def test_an_anchor_that_somebody_else_brought_first(world: World) -> None:
    """Given that an attacker anchored the provider's root before it, the provider does not stand behind the records: it has to prove."""
    scene = open_scene(world, anchored_by=world.accounts.attacker)
    root = scene.honest.proof(2).inclusions[0].batch_root
    world.oracle.anchor.send(root, sender=world.accounts.provider)
    assert world.oracle.standing.call(root).anchored_by == world.accounts.attacker.address
    lie = scene.lie(2)
    lie.submit()
    world.fund(world.accounts.attacker, FEE)
    assert lie.challenge_records(2).only("LeafDemanded").place == 2
    assert_stands(scene)


def test_one_root_of_somebody_else(world: World) -> None:
    """Given a further root that the provider did not anchor, it does not stand behind all that is shown."""
    scene = open_scene(world, anchored_by=world.accounts.provider)
    lie = scene.lie(2)
    lie.submit()
    proof = lie.proof(2)
    other = replace(proof.inclusions[0], batch_root=b"\7" * 32)
    world.fund(world.accounts.attacker, FEE)
    lie.challenge_records(2, replace(proof, inclusions=(*proof.inclusions, other))).only("LeafDemanded")
    assert_stands(scene)


# ------------------------------------------------------------------ what it may hold more of


def test_attested_records_demand_a_proof(scene: Scene) -> None:
    """Given records that anyone attested, a leaf that they contradict has to be proven, for the challenger's fee."""
    world, attacker = scene.world, scene.world.accounts.attacker
    lie = scene.lie(2)
    lie.submit()
    world.fund(attacker, FEE)
    log = lie.challenge_records(2).only("LeafDemanded")
    until = world.evm.time + DAY
    assert (log.event_id, log.place, log.by, log.until, log.fee) == (scene.event, 2, attacker.address, until, FEE)
    assert scene.story.locked(LockReason.DEMAND, demand_key(scene.event, 2)) == FEE
    assert world.spot_checks.demandOf.call(scene.event, 2) == Demand(by=attacker.address, until=until, met=False)
    check = world.spot_checks.check.call(scene.event)
    assert (check.open, check.demands) == (1, 0)

    world.evm.time = until
    receipt = world.spot_checks.failDemand.send(lie.submission.key, 2, sender=world.accounts.relayer)
    assert_rejected(scene, receipt, Fault.DEMAND_NOT_MET, 2, attacker)
    assert receipt.only("DemandRefunded").fee == FEE
    assert world.free(attacker) == FEE + receipt.only("SubmissionRejected").reward


def test_a_device_that_equivocates(scene: Scene) -> None:
    """Given a second record of the same slot, an honest leaf is demanded; the provider proves it and keeps the fee."""
    world, attacker = scene.world, scene.world.accounts.attacker
    world.evm.time = scene.story.product.window_end + DAY - 2
    batch = equivocation(scene, 2, 5 * STEP)
    scene.honest.submit()
    proof = show([batch], scene.story.homes[2], world.needed_starts(scene.story.product, rule=scene.story.rule))
    world.fund(attacker, FEE)
    scene.honest.challenge_records(2, proof)
    free = world.free(scene.story.provider)
    assert scene.honest.prove_demanded(2).only("DemandMet").place == 2
    assert world.free(scene.story.provider) == free + FEE
    with reverts("SpotChecks_AlreadyDemanded", scene.event, 2):
        scene.honest.challenge_records(2, proof)
    assert_stands(scene)


def test_silence_is_not_contradicted_by_others(scene: Scene) -> None:
    """Given a leaf that claims silence, records that the provider did not anchor say nothing: it need not have known them."""
    silent = scene.world.submission(scene.story.product, rule=scene.story.rule)
    entry = silent.measured.answers[2].columns[0]
    claimed = scene.honest.with_entries({(2, column): entry for column in range(4)} | {(2, 4): 0})
    claimed.submit()
    with reverts("SpotChecks_NotContradicted", 2):
        claimed.challenge_records(2)
    assert_stands(scene)


# ------------------------------------------------------------------ lying challengers


def test_records_that_agree(world: World) -> None:
    """Given the records that the leaf came from, it is not contradicted, whoever anchored them."""
    for sender in (None, world.accounts.provider):
        with world.evm.rollback():
            scene = open_scene(world, anchored_by=sender)
            scene.honest.submit()
            for place in range(HOMES):
                with reverts("SpotChecks_NotContradicted", place):
                    scene.honest.challenge_records(place)
            assert_stands(scene)


def test_hidden_records(world: World) -> None:
    """Given no records, or a part of them, an honest leaf is not contradicted: what is missing proves nothing."""
    scene = open_scene(world, anchored_by=world.accounts.provider, baseline_periods=30)
    scene.honest.submit()
    proof = scene.honest.proof(2)
    with reverts("SpotChecks_Inconclusive", 2, Silence.NO_RECORD):
        scene.honest.challenge_records(2, SILENT)
    with reverts("SpotChecks_Inconclusive", 2, Silence.MISSING_READING):
        scene.honest.challenge_records(2, show_part(scene))
    with reverts("SpotChecks_Inconclusive", 2, Silence.NOT_ATTESTED):
        scene.honest.challenge_records(2, replace(proof, inclusions=()))
    with reverts("SpotChecks_Inconclusive", 2, Silence.WRONG_POINT):
        scene.honest.challenge_records(2, scene.honest.proof(3))
    assert_stands(scene)


def show_part(scene: Scene) -> DeviceProof:
    """The records of home 2 with the block of the first ordered period closed."""
    starts = scene.world.needed_starts(scene.story.product, rule=scene.story.rule)
    kept = scene.batch
    return show(
        [kept],
        scene.story.homes[2],
        [start for start in starts if start < scene.story.product.window_start - 8 * 3_600],
    )


def test_records_that_came_too_late(world: World) -> None:
    """Given records attested after the reading deadline, they contradict nothing."""
    scene = open_scene(world, clamp_level=ClampLevel.DEVICE)
    batch = equivocation(scene, 2, 5 * STEP)
    scene.honest.submit()
    proof = show([batch], scene.story.homes[2], world.needed_starts(scene.story.product, rule=scene.story.rule))
    with reverts("SpotChecks_Inconclusive", 2, Silence.LATE):
        scene.honest.challenge_records(2, proof)
    assert_stands(scene)


# ------------------------------------------------------------------ when, and for what


def test_only_early_enough_to_be_met(scene: Scene) -> None:
    """Given less than the proof window before the challenges end, a leaf cannot be demanded any more."""
    world, lie = scene.world, scene.lie(2)
    lie.submit()
    world.fund(world.accounts.attacker, FEE)
    latest = world.evm.time + 2 * DAY
    world.evm.time = latest + 1
    with reverts("SpotChecks_TooLateToDemand", latest, latest + 1):
        lie.challenge_records(2)
    world.evm.time = latest
    lie.challenge_records(2).only("LeafDemanded")


def test_only_for_the_fee(scene: Scene) -> None:
    """Given a challenger without the fee in its free balance, nothing is demanded."""
    world, lie = scene.world, scene.lie(2)
    lie.submit()
    with reverts("CollateralEscrow_InsufficientFree", world.token.address, world.accounts.attacker, 0, FEE):
        lie.challenge_records(2)
    assert world.spot_checks.check.call(scene.event).open == 0


def test_only_once_until_rejected(world: World) -> None:
    """Given a rejected submission, or one whose challenge window is over, no records are taken."""
    scene = open_scene(world, anchored_by=world.accounts.provider)
    lie = scene.lie(2)
    lie.submit()
    with world.evm.rollback():
        lie.close_challenges()
        with reverts("SpotChecks_TooLate", world.evm.time, world.evm.time):
            lie.challenge_records(2)
    lie.challenge_records(2)
    with reverts("SpotChecks_NotSubmitted", scene.event):
        lie.challenge_records(2)
