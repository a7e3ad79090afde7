"""DeliveryVerifier.measureAll and check: many devices of one event, with what the suite knows of each; and which answers are complete."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from flexbond.hashing import keccak
from flexbond.ids import lookback_hash
from flexbond.model.types import Answer, ClampLevel, DeviceProof, Silence, Verdict
from tests.support.evm import reverts
from tests.support.lookbacks import day_class
from tests.support.proofs import with_hints
from tests.unit.measurement.test_past_days import BACK, Scene, calls_of
from tests.unit.story import KWH, Story, reference_level, tell

if TYPE_CHECKING:
    from collections.abc import Sequence

    from flexbond.model.types import Occasion, Product
    from tests.support.proofs import Batch
    from tests.support.world import Submission, World

NOTHING = DeviceProof(records=())


def measured(story: Story, places: Sequence[int], proofs: Sequence[DeviceProof]) -> list[Answer]:
    """What the verifier says of these places."""
    return asked(story.world, story.world.occasion(story.product, rule=story.rule), places, proofs)


def asked(world: World, occasion: Occasion, places: Sequence[int], proofs: Sequence[DeviceProof]) -> list[Answer]:
    """The answers; the verdicts are on the same."""
    verdicts = world.verifier.check.call(occasion, list(places), list(proofs))
    answers = list(world.verifier.measureAll.call(occasion, list(places), list(proofs)))
    assert list(verdicts) == [verdict(answer, proof) for answer, proof in zip(answers, proofs, strict=True)]
    return answers


def verdict(answer: Answer, proof: DeviceProof) -> Verdict:
    """What a spot check has to know of an answer."""
    columns = keccak(b"".join(entry.to_bytes(32, "big") for entry in answer.columns))
    return Verdict(
        silence=answer.silence,
        has_records=bool(proof.records),
        is_complete=answer.is_complete,
        entries_hash=keccak(columns + answer.weight.to_bytes(32, "big")),
    )


def delivered(story: Story) -> Submission:
    """Called and over, each home with its own reading, the last silent."""
    story.called()
    readings = {home: story.readings(KWH, 100_000 * place) for place, home in enumerate(story.homes)}
    batch = story.world.attest_readings(story.product, readings, rule=story.rule)
    return story.world.submission(story.product, batch, rule=story.rule, silent=story.homes[-1:])


# ------------------------------------------------------------------ many devices


def test_is_what_is_measured_of_each(story: Story) -> None:
    """Given several homes at once, in any order and one of them twice, each answer is that of the home alone."""
    submission = delivered(story)
    answers, proofs = submission.measured.answers, submission.proofs
    assert [answer.metering_point for answer in answers] == [home.metering_point for home in story.homes]
    for places in ((0, 1, 2, 3), (3, 1), (2, 2), ()):
        found = measured(story, places, [proofs[place] for place in places])
        assert found == [answers[place] for place in places]


def test_records_of_another_are_of_no_use(story: Story) -> None:
    """Given the records of one home for the place of another, it is silent."""
    submission = delivered(story)
    (found,) = measured(story, [1], submission.proofs[:1])
    assert (found.silence, found.metering_point) == (Silence.WRONG_POINT, story.homes[1].metering_point)


def test_only_places_of_the_portfolio(story: Story) -> None:
    """Given a place that nobody took, it is refused."""
    delivered(story)
    with reverts("DeviceRegistry_EntryUnknown", story.portfolio, 4):
        measured(story, [4], [NOTHING])


def test_a_home_that_left_before_the_notice_is_inactive(story: Story) -> None:
    """Given a place left before the first notice, its records count for nothing."""
    world = story.world
    story.sell()
    left = story.homes[1]
    world.devices.leave.send(left.metering_point, sender=left.customer)
    story.close_gate()
    story.call()
    batch = world.attest_readings(story.product, {home: story.readings(KWH, 0) for home in story.homes})
    proof = batch.proof(left, world.needed_starts(story.product))
    (found,) = measured(story, [1], [proof])
    assert (found.silence, found.columns, found.weight) == (Silence.INACTIVE, (0,) * 4, 0)


# ------------------------------------------------------------------ what the suite knows of past days


def looked_back(
    scene: Scene, product: Product, submission: Submission, hints: Sequence[Sequence[int]] = (), **changes: object
) -> list[Answer]:
    """What the verifier says of all places."""
    world = scene.world
    occasion = replace(world.occasion(product, rule=scene.rule, lookback=scene.past), **changes)
    given = [*hints, *[()] * (len(submission.proofs) - len(hints))]
    proofs = [with_hints(proof, past_from) for proof, past_from in zip(submission.proofs, given, strict=True)]
    return asked(world, occasion, range(len(proofs)), proofs)


def test_finds_the_calls_of_each(scene: Scene) -> None:
    """Given a home that came from another portfolio, one that stayed and a silent one, each is asked with its own calls."""
    world = scene.world
    here, there = world.create_portfolio(), world.create_portfolio(salt=b"\1" * 32)
    stays, moves, mute = scene.home(0, here), scene.home(1, there), scene.home(2, here)
    before = scene.keep([stays, moves], -5, -1)
    scene.call(there, 0)
    early, _ = scene.call(here, 1, 10)
    scene.call(there, 2)
    world.evm.time = scene.at(2, 20)
    world.devices.leave.send(moves.metering_point, sender=moves.customer)
    world.evm.time += 1
    scene.join(moves, here)
    between = scene.keep([stays, moves], 0, 3)
    product, _ = scene.call(here, 4)
    after = scene.keep([stays, moves], 4, 4)
    calls = {
        stays.metering_point: calls_of(scene, here, product),
        moves.metering_point: calls_of(scene, there, product),
    }
    submission = scene.submission(product, before, between, after, calls=calls)
    answers = list(submission.measured.answers)
    assert [answer.silence for answer in answers] == [Silence.OK, Silence.NO_RECORD, Silence.OK]
    assert answers[1].metering_point == mute.metering_point
    assert len({answer.baseline_milli_wh for answer in answers}) == 3
    assert looked_back(scene, product, submission) == answers
    # nothing of a device is left for the next, whatever they are
    occasion = world.occasion(product, rule=scene.rule, lookback=scene.past)
    for places in ((2, 1, 0), (0, 2, 0, 1, 2, 2), (1, 2, 1, 0)):
        given = [submission.proofs[place] for place in places]
        assert asked(world, occasion, places, given) == [answers[place] for place in places]
    horizon = scene.at(-1, 0)
    for wrong, error, values in (
        (early.window_start, "Measurement_CallsFromTooLate", (early.window_start, horizon)),
        (horizon, "FlexibilityRights_BadPrevious", (here, horizon)),
    ):
        with reverts(error, *values):
            looked_back(scene, product, submission, calls_from=wrong)
    with reverts("Measurement_CallsFromTooLate", scene.at(2, 18), horizon):
        looked_back(scene, product, submission, [[], [], [scene.at(2, 18)]])
    # whose records do not count has no use for calls, wherever they are gathered from
    assert looked_back(scene, product, submission, [[], [scene.at(2, 18)]]) == answers
    other = replace(scene.past, look_back_days=BACK + 1)
    with reverts("Measurement_LookbackDiffers", scene.rule.lookback_hash, lookback_hash(other)):
        looked_back(scene, product, submission, lookback=other)


# ------------------------------------------------------------------ complete answers


def test_an_answer_with_records_is_complete(story: Story) -> None:
    """Given a baseline of the last periods, the answer is complete with its records, and not without."""
    answers = delivered(story).measured.answers
    assert [answer.is_complete for answer in answers] == [True, True, True, False]


def test_nothing_is_filled_in_without_a_baseline_of_the_device(world: World) -> None:
    """Given the portfolio's baseline, the answer is complete with its records, and not without."""
    answers = delivered(tell(world, reference_level(world))).measured.answers
    assert [answer.is_complete for answer in answers] == [True, True, True, False]


@pytest.mark.parametrize(
    ("last_kept", "silence", "is_complete"),
    [(-1, Silence.OK, True), (-2, Silence.OK, False), (-3, Silence.TOO_FEW_DAYS, False)],
)
@pytest.mark.parametrize("clamp", ClampLevel)
def test_what_is_filled_in_makes_an_answer_incomplete(
    scene: Scene, clamp: ClampLevel, last_kept: int, silence: Silence, is_complete: bool
) -> None:
    """Given three past days of which two suffice, the answer is complete only with all three."""
    world = scene.world
    past = replace(scene.past, classes=(day_class(x=3, y=3, min_days=2),))
    rule = replace(scene.rule, lookback_hash=lookback_hash(past), clamp_level=clamp)
    world.publish(rule, past)
    scene = replace(scene, past=past, rule=rule)
    portfolio = world.create_portfolio()
    home = scene.home(0, portfolio)
    before: Batch = scene.keep([home], -5, last_kept)
    product, _ = scene.call(portfolio, 0)
    after = scene.keep([home], 0, 0)
    submission = scene.submission(product, before, after)
    (found,) = looked_back(scene, product, submission)
    assert (found.silence, found.is_complete) == (silence, is_complete)
    assert found == submission.measured.answers[0]
