"""Measurement.submitChecked, conclude and reject: events whose submission SpotChecks checks."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from flexbond.ids import claim_of, commitment, outcome_hash
from flexbond.model.types import EventStatus, Submitted
from tests.support.evm import reverts
from tests.unit.story import DAY, KWH, Story, nominated, tell

if TYPE_CHECKING:
    from collections.abc import Sequence

    from flexbond.model.types import Claim, EventKey, Totals
    from tests.support.evm import Receipt
    from tests.support.world import Submission, World

SAMPLING = {
    "spot_checks": 3,
    "draw_delay": 1,
    "challenge_window": 2 * DAY,
    "demand_fee": 1,
    "bond_per_mw": 1,
}
"""Of a rule under which a portfolio of four homes is not proven leaf by leaf."""


def delivered(story: Story) -> Submission:
    """Called, over, and what follows from a response of 250 Wh a quarter hour and home; nothing is submitted."""
    story.called()
    batch = story.world.attest_readings(
        story.product, {home: story.readings(KWH, KWH - 250_000) for home in story.homes}, rule=story.rule
    )
    story.world.evm.time = story.product.window_end + DAY
    return story.world.submission(story.product, batch, rule=story.rule)


@pytest.fixture
def sampled(world: World) -> tuple[Story, Submission]:
    """Four homes under a rule that draws three points, delivered."""
    story = tell(world, world.rule(**SAMPLING))
    return story, delivered(story)


def submit_checked(story: Story, submission: Submission, who: object = None, **changes: object) -> Receipt:
    """By SpotChecks, for the provider; with other totals if told."""
    measurement, root = story.world.measurement, submission.measured.tree.root
    totals: Totals = replace(submission.measured.totals, **changes)
    with story.world.evm.impersonated(story.world.spot_checks) as sender:
        submitted = Submitted(key=submission.key, root=root, totals=totals)
        return measurement.submitChecked.send(who or story.provider, submitted, sender=sender)


def conclude(story: Story, key: EventKey, claim: Claim, schedule: Sequence[int] = ()) -> Receipt:
    """By SpotChecks."""
    with story.world.evm.impersonated(story.world.spot_checks) as sender:
        return story.world.measurement.conclude.send(key, claim, list(schedule), sender=sender)


def reject(story: Story) -> Receipt:
    """By SpotChecks."""
    with story.world.evm.impersonated(story.world.spot_checks) as sender:
        return story.world.measurement.reject.send(story.event, sender=sender)


def claimed(submission: Submission) -> Claim:
    """As submitted."""
    return claim_of(submission.measured.tree.root, submission.measured.totals)


# ------------------------------------------------------------------ submitChecked


def test_is_submitted_for_the_provider(sampled: tuple[Story, Submission]) -> None:
    """Given more leaves than are proven, SpotChecks submits, and learns the provider, the capacity, the points and the delay."""
    story, submission = sampled
    receipt = submit_checked(story, submission, who=story.world.accounts.provider_operator)
    assert tuple(receipt.value) == (story.provider.address, 4 * 5_000, story.rule.spot_checks, story.rule.draw_delay)
    log = receipt.only("EventSubmitted")
    assert (log.sender, log.leaves) == (story.world.accounts.provider_operator.address, 4)
    assert (log.root, log.totals) == (submission.measured.tree.root, submission.measured.totals)
    state = story.world.measurement.eventState.call(story.event)
    assert (state.status, state.leaves, state.proven) == (EventStatus.SUBMITTED, 4, 0)
    expected = commitment(submission.measured.tree.root, submission.measured.totals)
    assert story.world.measurement.commitment.call(story.event) == expected


def test_only_spot_checks(sampled: tuple[Story, Submission]) -> None:
    """Given anyone else, be it the provider, nothing that is SpotChecks' to do is done."""
    story, submission = sampled
    measurement, spot_checks = story.world.measurement, story.world.spot_checks.address
    root, totals = submission.measured.tree.root, submission.measured.totals
    submitted = Submitted(key=submission.key, root=root, totals=totals)
    for account in (story.provider, story.buyer):
        with reverts("Flexbond_NotAllowed", account, spot_checks):
            measurement.submitChecked.send(account, submitted, sender=account)
        with reverts("Flexbond_NotAllowed", account, spot_checks):
            measurement.conclude.send(submission.key, claimed(submission), [], sender=account)
        with reverts("Flexbond_NotAllowed", account, spot_checks):
            measurement.reject.send(story.event, sender=account)


def test_only_for_the_provider(sampled: tuple[Story, Submission]) -> None:
    """Given somebody else who asks SpotChecks, it is refused."""
    story, submission = sampled
    with reverts("Measurement_NotProvider", story.event, story.buyer):
        submit_checked(story, submission, who=story.buyer)


@pytest.mark.parametrize("changes", [{"spot_checks": 4}, {"challenge_window": 0, "spot_checks": 3}])
def test_not_where_every_leaf_has_to_be_proven(world: World, changes: dict[str, int]) -> None:
    """Given as many spot checks as leaves, or a rule without challenges, SpotChecks takes no submission."""
    terms = {**SAMPLING, **changes}
    story = tell(world, world.rule(**(terms if terms["challenge_window"] else changes)))
    submission = delivered(story)
    with reverts("Measurement_EveryLeaf", 4, changes["spot_checks"]):
        submit_checked(story, submission)


def test_what_is_checked_by_points_is_not_taken_without_a_bond(sampled: tuple[Story, Submission]) -> None:
    """Given a rule that draws points, a submission of more leaves goes to SpotChecks alone."""
    story, submission = sampled
    with reverts("Measurement_TooManyLeaves", 4, 3):
        story.world.submit(submission)


def test_is_not_proven_leaf_by_leaf_and_does_not_fail_so(sampled: tuple[Story, Submission]) -> None:
    """Given a submission that SpotChecks checks, it is neither proven nor ended here, however late."""
    story, submission = sampled
    submit_checked(story, submission)
    with reverts("Measurement_TooManyLeaves", 4, 3):
        story.world.prove(submission)
    story.world.evm.time += 60 * DAY
    with reverts("Measurement_WrongStatus", story.event, EventStatus.SUBMITTED):
        story.world.fail(story.product)


# ------------------------------------------------------------------ totals


@pytest.mark.parametrize(("field", "column"), [("columns", 0), ("columns", 3), ("weight", 4)])
def test_totals_within_what_connections_carry(sampled: tuple[Story, Submission], field: str, column: int) -> None:
    """Given a total up to twice what the connections carry, it is taken; one more is refused by its column."""
    story, submission = sampled
    limit = 4 * 15_000 * 2_000 * 900 * (4 if field == "weight" else 1)

    def totals(value: int) -> int | tuple[int, ...]:
        every = submission.measured.totals.columns
        return value if field == "weight" else (*every[:column], value, *every[column + 1 :])

    with reverts("Measurement_TotalTooLarge", column, limit + 1, limit):
        submit_checked(story, submission, **{field: totals(limit + 1)})
    submit_checked(story, submission, **{field: totals(limit)})


# ------------------------------------------------------------------ conclude and reject


def test_ends_as_claimed(sampled: tuple[Story, Submission]) -> None:
    """Given a submission that stood every check, the event is measured with what follows from its totals."""
    story, submission = sampled
    submit_checked(story, submission)
    measurement = story.world.measurement
    receipt = conclude(story, submission.key, claimed(submission))
    log = receipt.only("EventMeasured")
    submitted_as = commitment(submission.measured.tree.root, submission.measured.totals)
    assert (log.event_id, log.commitment) == (story.event, submitted_as)
    assert tuple(log.responses_milli_wh) == (KWH,) * 4 == submission.measured.responses_milli_wh
    assert measurement.commitment.call(story.event) == outcome_hash(submitted_as, (KWH,) * 4)
    assert measurement.eventState.call(story.event).status is EventStatus.MEASURED
    for refused in (
        lambda: conclude(story, submission.key, claimed(submission)),
        lambda: reject(story),
    ):
        with reverts("Measurement_WrongStatus", story.event, EventStatus.MEASURED):
            refused()


def test_ends_only_as_claimed(sampled: tuple[Story, Submission]) -> None:
    """Given a claim that differs in one field from what was submitted, it is refused, with what it hashes to."""
    story, submission = sampled
    submit_checked(story, submission)
    true = claimed(submission)
    for change in (
        {"root": bytes(32)},
        {"weight": true.weight + 1},
        {"columns": (0, *true.columns[1:])},
        {"energies_hash": bytes(32)},
    ):
        with reverts("Measurement_CommitmentDiffers", story.event, ...):
            conclude(story, submission.key, replace(true, **change))


def test_ends_with_the_schedule_that_was_nominated(world: World) -> None:
    """Given a nominated schedule, the event ends with it and with no other."""
    story = tell(world, nominated(world, **SAMPLING))
    schedule = (KWH,) * 4
    world.nominate(story.product, schedule)
    submission = delivered(story)
    submit_checked(story, submission)
    for other in ([], [KWH, KWH, KWH, 0]):
        with reverts("Measurement_ScheduleDiffers", story.event):
            conclude(story, submission.key, claimed(submission), other)
    receipt = conclude(story, submission.key, claimed(submission), schedule)
    # four homes of 750 Wh each against 1 kWh
    assert tuple(receipt.only("EventMeasured").responses_milli_wh) == (KWH - 4 * 750_000,) * 4


def test_ends_as_never_measured_if_rejected(sampled: tuple[Story, Submission]) -> None:
    """Given a submission that did not stand, the event is as if nothing had been submitted, and stays so."""
    story, submission = sampled
    submit_checked(story, submission)
    receipt = reject(story)
    assert receipt.only("EventUnmeasured").event_id == story.event
    assert story.world.measurement.eventState.call(story.event).status is EventStatus.UNMEASURED
    with reverts("Measurement_WrongStatus", story.event, EventStatus.UNMEASURED):
        submit_checked(story, submission)
