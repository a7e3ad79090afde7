"""Measurement.submit and fail: one submission in time, or the event was never measured."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from flexbond.ids import commitment
from flexbond.model.types import EventStatus, Totals
from tests.support.evm import reverts
from tests.unit.story import DAY, Story, tell

if TYPE_CHECKING:
    from tests.support.evm import Receipt
    from tests.support.world import World

ROOT = b"\x01" * 32
TOTALS = Totals(columns=(1, 2, 3, 4), weight=5, baseline_milli_wh=(0, 0, 0, -1), metered_milli_wh=(1, 1, 1, 1))


def submit(story: Story, totals: Totals = TOTALS, sender: object = None) -> Receipt:
    """By the provider."""
    return story.world.measurement.submit.send(story.product.event_key, ROOT, totals, sender=sender or story.provider)


def fail(story: Story) -> Receipt:
    """By anyone."""
    return story.world.measurement.fail.send(story.product.event_key, sender=story.world.accounts.attacker)


def in_time(story: Story) -> int:
    """To the reading deadline."""
    story.world.evm.time = story.product.window_end + DAY
    return int(story.world.evm.time)


# ------------------------------------------------------------------ submit


def test_keeps_one_commitment(story: Story) -> None:
    """Given a called event, a submission at the reading deadline is kept as a hash and logged in full."""
    story.called()
    now = in_time(story)
    receipt = submit(story, sender=story.world.accounts.provider_operator)
    log = receipt.only("EventSubmitted")
    assert (log.event_id, log.root, log.leaves, log.totals) == (story.event, ROOT, 4, TOTALS)
    assert log.sender == story.world.accounts.provider_operator.address
    assert story.world.measurement.commitment.call(story.event) == commitment(ROOT, TOTALS)
    state = story.world.measurement.eventState.call(story.event)
    assert (state.status, state.submitted_at, state.leaves, state.proven) == (EventStatus.SUBMITTED, now, 4, 0)


def test_between_the_deadlines(story: Story) -> None:
    """Given a second before the reading deadline or the submission deadline itself, it is refused."""
    story.called()
    end = story.product.window_end
    story.world.evm.time = end + DAY - 1
    with reverts("Measurement_TooEarly", end + DAY, end + DAY - 1):
        submit(story)
    story.world.evm.time = end + 3 * DAY
    with reverts("Measurement_TooLate", end + 3 * DAY, end + 3 * DAY):
        submit(story)
    story.world.evm.time = end + 3 * DAY - 1
    submit(story)


def test_only_by_the_provider(story: Story) -> None:
    """Given anyone else, it is refused."""
    story.called()
    in_time(story)
    with reverts("Measurement_NotProvider", story.event, story.buyer):
        submit(story, sender=story.buyer)


def test_of_connections_of_any_size(world: World) -> None:
    """Given more power than twice which, in mW, 64 bits hold, its totals are taken."""
    story = tell(world, members=[world.home(number, connection_w=2**48 - 1) for number in range(33)])
    story.called()
    in_time(story)
    most = 33 * (2**48 - 1) * 2_000 * story.rule.period_seconds
    submit(story, replace(TOTALS, columns=(most, 0, 0, 0)))
    assert story.world.measurement.eventState.call(story.event).status is EventStatus.SUBMITTED


def test_totals_for_every_ordered_period(story: Story) -> None:
    """Given one series too short or too long for the ordered periods, the totals are refused."""
    story.called(6, [6_000, 6_000, 0, 6_000])
    in_time(story)
    good = Totals(columns=(1, 2, 3), weight=5, baseline_milli_wh=(0, 0, 0), metered_milli_wh=(1, 1, 1))
    for change in ({"columns": (1, 2)}, {"baseline_milli_wh": (0,) * 4}, {"metered_milli_wh": ()}):
        with reverts("Measurement_TotalsLength", len(next(iter(change.values()))), 3):
            submit(story, replace(good, **change))
    submit(story, good)


def test_no_more_leaves_than_are_proven(world: World) -> None:
    """Given a rule that proves three leaves, a portfolio of four cannot be submitted."""
    story = tell(world, world.rule(spot_checks=3))
    story.called()
    in_time(story)
    with reverts("Measurement_TooManyLeaves", 4, 3):
        submit(story)


def test_leaves_are_those_before_the_first_notice(story: Story) -> None:
    """Given a home that joins at the notice or later, it is no leaf of the event."""
    story.sell(6)
    story.close_gate()
    story.world.enrol_home(story.world.home(8), story.portfolio)
    story.call()
    in_time(story)
    assert submit(story).only("EventSubmitted").leaves == 4


# ------------------------------------------------------------------ fail


def test_without_a_submission(story: Story) -> None:
    """Given no submission by the deadline, anyone ends the event."""
    story.called()
    deadline = story.product.window_end + 3 * DAY
    story.world.evm.time = deadline - 1
    with reverts("Measurement_TooEarly", deadline, deadline - 1):
        fail(story)
    story.world.evm.time = deadline
    assert fail(story).only("EventUnmeasured").event_id == story.event
    assert story.world.measurement.eventState.call(story.event).status is EventStatus.UNMEASURED
    assert story.world.measurement.commitment.call(story.event) == bytes(32)


def test_without_a_proof(story: Story) -> None:
    """Given a submission that was not proven by its deadline, anyone ends the event."""
    story.called()
    deadline = in_time(story) + DAY
    submit(story)
    story.world.evm.time = deadline - 1
    with reverts("Measurement_TooEarly", deadline, deadline - 1):
        fail(story)
    story.world.evm.time = deadline
    fail(story)
    assert story.world.measurement.eventState.call(story.event).status is EventStatus.UNMEASURED


# ------------------------------------------------------------------ forbidden edges


def test_an_event_nobody_called_goes_nowhere(story: Story) -> None:
    """Given an open event, it is neither submitted, proven nor failed."""
    story.sell(6)
    in_time(story)
    with reverts("Measurement_WrongStatus", story.event, EventStatus.OPEN):
        submit(story)
    with reverts("Measurement_WrongStatus", story.event, EventStatus.OPEN):
        fail(story)


def test_a_submitted_event_is_not_submitted_again(story: Story) -> None:
    """Given a submission, there is no second one."""
    story.called()
    in_time(story)
    submit(story)
    with reverts("Measurement_WrongStatus", story.event, EventStatus.SUBMITTED):
        submit(story, replace(TOTALS, weight=6))


def test_a_final_event_stays_as_it_is(story: Story) -> None:
    """Given an event that is Unmeasured or Measured, nothing changes it."""
    story.called()
    with story.world.evm.rollback():
        submission, _ = story.deliver(0)
        for action in (submit, fail):
            with reverts("Measurement_WrongStatus", story.event, EventStatus.MEASURED):
                action(story)
        with reverts("Measurement_WrongStatus", story.event, EventStatus.MEASURED):
            story.world.prove(submission)
    submission = story.submit({home: story.readings(1, 1) for home in story.homes})
    story.world.evm.time += DAY
    fail(story)
    for action in (submit, fail):
        with reverts("Measurement_WrongStatus", story.event, EventStatus.UNMEASURED):
            action(story)
    with reverts("Measurement_WrongStatus", story.event, EventStatus.UNMEASURED):
        story.world.prove(submission)
