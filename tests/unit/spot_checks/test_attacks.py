"""What liars try with sampled submissions, beyond one function."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from flexbond.hashing import ZERO_HASH
from flexbond.model.types import ClampLevel, EventStatus, Silence
from flexbond.trees import columns_hash
from flexbond.trees import leaf as leaf_hash
from tests.support.evm import reverts
from tests.support.proofs import show
from tests.support.sampled import Sampled, halves
from tests.unit.spot_checks.scene import FEE, HOMES, STEP, Scene, open_scene, readings_of
from tests.unit.story import DAY

if TYPE_CHECKING:
    from tests.support.world import World

MANY = 300


def next_evening(scene: Scene) -> Scene:
    """The same homes and rule, a day later, with other responses."""
    world, story = scene.world, scene.story
    product = replace(
        story.product,
        window_start=story.product.window_start + 2 * DAY,
        window_end=story.product.window_end + 2 * DAY,
    )
    later = replace(story, product=product)
    later.sell()
    later.close_gate()
    dispatch = later.call()
    readings = readings_of(later, [4 * STEP] * len(later.homes))
    batch = world.attest_readings(product, readings, rule=story.rule)
    submission = world.submission(product, batch, rule=story.rule)
    world.evm.time = product.window_end + story.rule.reading_deadline
    return Scene(story=later, dispatches=(dispatch,), honest=Sampled.of(world, submission), batch=batch)


def test_proofs_of_another_event(scene: Scene) -> None:
    """Given claim, leaves or records of an earlier event of the same homes, none of them proves a later one."""
    earlier = scene.honest
    earlier.submit()
    earlier.draw()
    earlier.prove_all()
    evening = next_evening(scene)
    later = evening.honest
    later.submit()
    later.draw()
    checks, sender = scene.world.spot_checks, scene.story.provider
    place = later.holders()[0]
    leaf, proof = earlier.leaf(place), earlier.proof(place)
    with reverts("SpotChecks_CommitmentDiffers", evening.event, earlier.commitment):
        checks.prove.send(replace(later.context, claim=earlier.claim), [leaf], [proof], sender=sender)
    with reverts("SpotChecks_NotInTree", place):
        checks.prove.send(later.context, [leaf], [proof], sender=sender)
    with reverts("SpotChecks_EntriesDiffer", place, Silence.MISSING_READING):
        later.prove([place], [proof])
    assert evening.event != scene.event
    assert later.submission.key != earlier.submission.key


def test_amounts_moved_between_periods(world: World) -> None:
    """Given an amount moved from one period to another, the total stays, and neither leaf can be proven."""
    scene = open_scene(world, clamp_level=ClampLevel.DEVICE)
    honest = scene.honest
    moved = honest.with_entries({(4, 0): honest.entry(4, 0) + STEP, (4, 1): honest.entry(4, 1) - STEP})
    moved.submit()
    assert moved.length == honest.length
    with reverts("SpotChecks_NotContradicted", 4):
        moved.challenge_leaf(4)
    scene.demand(4)
    with reverts("SpotChecks_EntriesDiffer", 4, Silence.OK):
        moved.prove_demanded(4)


def test_points_in_no_leaf(world: World) -> None:
    """Given a gap that a jump leaves, a point in it is in no leaf: the submission cannot be proven."""
    scene = open_scene(world, clamp_level=ClampLevel.DEVICE, responses=(1,) * HOMES, spot_checks=1)
    honest = scene.honest
    # Nearly all of the line is claimed by nobody.
    gap = 4 * 10**6
    last = HOMES - 1
    words = {(last, column): halves(honest.entry(last, column), honest.prefix(last, column) + gap) for column in (0, 4)}
    totals = (honest.totals.columns[0] + gap, *honest.totals.columns[1:])
    lie = honest.with_words(words).with_totals(columns=totals, weight=honest.totals.weight + gap)
    lie.submit()
    lie.draw()
    ((column, at),) = lie.points()
    for place in range(HOMES):
        with reverts("SpotChecks_PointElsewhere", 0, column, at, place):
            lie.prove([place])
    world.evm.time += DAY
    lie.fail()
    assert scene.status is EventStatus.UNMEASURED


def test_a_point_in_two_leaves(scene: Scene) -> None:
    """Given leaves that overlap, the same records may prove a point twice, and anyone shows the jump."""
    honest = scene.honest
    lie = honest.with_words({(3, 0): halves(honest.entry(3, 0), honest.prefix(2, 0))})
    lie.submit()
    with scene.world.evm.rollback():
        lie.challenge_neighbours(2, 3).only("SubmissionRejected")
    lie.challenge_neighbours(3, 4).only("SubmissionRejected")


def test_a_leaf_behind_the_last(scene: Scene) -> None:
    """Given all weight in the padding, where no check looks, and a home that takes that place later, it collects nothing."""
    world, honest = scene.world, scene.honest
    total = honest.totals.weight
    words = (*honest.words[0][:-1], halves(total, total))
    lie = honest.with_hashes({HOMES: leaf_hash(HOMES, words[-1], columns_hash(words[:-1]))})
    lie.submit()
    lie.draw()
    lie.prove_all()
    lie.close_challenges()
    responses = world.note_measured(lie.finalise())
    late = world.home(HOMES)
    assert world.enrol_home(late, scene.story.portfolio) == HOMES
    scene.story.settle(scene.dispatch, responses)
    measured = replace(honest.submission.measured, tree=lie.tree)
    claim = replace(
        world.weight_claim(replace(honest.submission, measured=measured), 0),
        index=HOMES,
        weight_word=words[-1],
        columns_hash=columns_hash(words[:-1]),
        path=lie.tree.path(HOMES),
    )
    with reverts("Payouts_BadProof", scene.event, HOMES):
        world.payouts.collect.send(claim, sender=late.customer)
    run = replace(
        world.neighbours_claim(replace(honest.submission, measured=measured), HOMES - 1, 1),
        weight_words=(honest.words[-1][-1], words[-1]),
        columns_hashes=(measured.columns_hashes[-1], columns_hash(words[:-1])),
        path=lie.tree.run_path(HOMES - 1, 2),
    )
    with reverts("Payouts_BadProof", scene.event, HOMES - 1):
        world.payouts.collectMany.send([run], sender=late.customer)


def test_a_second_challenge_after_rejection(scene: Scene) -> None:
    """Given two faults, the first to show one is rewarded, and the bond is divided once."""
    lie = scene.honest.with_words({(0, 0): halves(1, 1)}).with_hashes({3: ZERO_HASH})
    lie.submit()
    lie.challenge_leaf(0).only("SubmissionRejected")
    kept = scene.bond
    with reverts("SpotChecks_NotSubmitted", scene.event):
        lie.challenge_neighbours(0, 1)
    with reverts("SpotChecks_NotSubmitted", scene.event):
        lie.fail()
    assert scene.bond == kept
    with reverts("Measurement_WrongStatus", scene.event, EventStatus.UNMEASURED):
        scene.honest.submit()


def test_many_contests(world: World) -> None:
    """Given three hundred homes that all equivocate, every contest is met, and the end costs what it costs for one."""
    scene = open_scene(world, responses=(STEP,) * MANY, clamp_level=ClampLevel.DEVICE)
    story, honest = scene.story, scene.honest
    world.evm.time = story.product.window_end + DAY - 1
    other = world.attest(world.records_of(story.product, readings_of(story, (5 * STEP,) * MANY), rule=story.rule))
    honest.submit()
    honest.draw()
    honest.prove_all()
    starts = world.needed_starts(story.product, rule=story.rule)
    attacker, provider = world.accounts.attacker, story.provider
    world.fund(attacker, MANY * FEE)
    free = world.free(provider)
    gas = set()
    for place, home in enumerate(story.homes):
        gas.add(honest.challenge_records(place, show([other], home, starts)).gas_used // 10_000)
    assert world.spot_checks.check.call(scene.event).open == MANY
    for place in range(MANY):
        honest.prove_demanded(place)
    assert (world.free(provider), world.free(attacker)) == (free + MANY * FEE, 0)
    honest.close_challenges()
    assert honest.finalise().gas_used < 200_000
    assert max(gas) - min(gas) <= 4
    assert scene.status is EventStatus.MEASURED
