"""Measurement.prove: every leaf recomputed, in as many transactions as it takes, and what comes out."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from flexbond.ids import commitment, cursor_hash, outcome_hash
from flexbond.model.types import (
    ClampLevel,
    DeviceProof,
    Direction,
    EventStatus,
    Silence,
)
from tests.support.evm import reverts
from tests.unit.story import DAY, KWH, Story, nominated, reference_level, tell

if TYPE_CHECKING:
    from flexbond.model.types import Cursor
    from tests.support.evm import Receipt
    from tests.support.world import Submission, World

CLAMP = 1_250_000
"""5 kW over a quarter hour, mWh."""


def prove(
    story: Story, submission: Submission, first: int, last: int, *, cursor: Cursor | None = None, **changes: Any
) -> Receipt:
    """Leaves `first` to before `last`, by the provider; with another cursor or other terms if told."""
    sender = changes.pop("sender", story.provider)
    context = replace(story.world.context(submission, first), **changes)
    if cursor is not None:
        context = replace(context, cursor=cursor)
    return story.world.measurement.prove.send(
        context, list(submission.proofs[first:last]), sender=sender, gas=30_000_000
    )


@pytest.fixture
def submitted(story: Story) -> tuple[Story, Submission]:
    """Four homes with different readings, submitted."""
    story.called()
    readings = {
        home: story.readings(500_000 + place, 250_000 + place * place) for place, home in enumerate(story.homes)
    }
    return story, story.submit(readings)


# ------------------------------------------------------------------ what happens


def test_all_leaves_at_once(submitted: tuple[Story, Submission]) -> None:
    """Given every leaf in one transaction, the event is measured, and each device is logged."""
    story, submission = submitted
    receipt = prove(story, submission, 0, 4)

    responses = tuple(receipt.only("EventMeasured").responses_milli_wh)
    assert responses == (4 * 250_000 + sum(p - p * p for p in range(4)),) * 4
    logs = receipt.all("LeafProven")
    assert [log.index for log in logs] == [0, 1, 2, 3]
    assert [log.metering_point for log in logs] == [home.metering_point for home in story.homes]
    for place, log in enumerate(logs):
        response = 250_000 + place - place * place
        assert (log.event_id, log.silence, log.weight) == (story.event, Silence.OK, 4 * response)
        assert tuple(log.columns) == (3_600 * (response + CLAMP),) * 4
        assert tuple(log.baseline_milli_wh) == (500_000 + place,) * 4
        assert tuple(log.metered_milli_wh) == (250_000 + place * place,) * 4
    measurement = story.world.measurement
    state = measurement.eventState.call(story.event)
    assert (state.status, state.proven) == (EventStatus.MEASURED, 4)
    submitted_as = commitment(submission.measured.tree.root, submission.measured.totals)
    assert receipt.only("EventMeasured").commitment == submitted_as
    assert measurement.commitment.call(story.event) == outcome_hash(submitted_as, responses)
    assert measurement.cursorHash.call(story.event) == bytes(32)


def test_leaf_by_leaf(submitted: tuple[Story, Submission]) -> None:
    """Given a transaction for each leaf, by provider and operator in turn, the cursor is kept as a hash between."""
    story, submission = submitted
    for index in range(4):
        sender = story.provider if index % 2 else story.world.accounts.provider_operator
        receipt = prove(story, submission, index, index + 1, sender=sender)
        if index < 3:
            cursor = submission.cursor(index + 1)
            assert story.world.measurement.cursorHash.call(story.event) == cursor_hash(cursor)
            assert story.world.measurement.eventState.call(story.event).proven == index + 1
            assert not receipt.all("EventMeasured")
    assert receipt.only("EventMeasured").event_id == story.event


def test_starting_anew_is_always_possible(submitted: tuple[Story, Submission]) -> None:
    """Given proving under way, it can begin again, and the old cursor is worth nothing then."""
    story, submission = submitted
    prove(story, submission, 0, 3)
    prove(story, submission, 0, 1)
    with reverts("Measurement_CursorDiffers", story.event):
        prove(story, submission, 3, 4)
    prove(story, submission, 0, 0)
    assert story.world.measurement.cursorHash.call(story.event) == bytes(32)
    with reverts("Measurement_CursorDiffers", story.event):
        prove(story, submission, 1, 4)
    prove(story, submission, 0, 4)
    assert story.world.measurement.eventState.call(story.event).status is EventStatus.MEASURED
    assert story.world.measurement.cursorHash.call(story.event) == bytes(32)


@pytest.mark.parametrize("count", [1, 2, 3, 5, 8, 9])
def test_portfolios_of_all_sizes(world: World, count: int) -> None:
    """Given any number of homes, the tree comes out as submitted."""
    story = tell(world, members=[world.home(number) for number in range(count)])
    story.called(4)
    _, responses = story.deliver(100_000)
    assert responses == (100_000 * count,) * 4


# ------------------------------------------------------------------ silence


def test_a_silent_home_counts_as_its_worst(story: Story) -> None:
    """Given clamp PORTFOLIO and one home without records, it counts as its capacity against the provider."""
    story.called()
    readings = {home: story.readings(KWH, 0) for home in story.homes}
    submission = story.submit(readings, silent=story.homes[:1])
    receipt = prove(story, submission, 0, 4)
    assert receipt.all("LeafProven")[0].silence is Silence.NO_RECORD
    assert tuple(receipt.only("EventMeasured").responses_milli_wh) == (3 * KWH - CLAMP,) * 4


def test_a_silent_home_counts_as_nothing(world: World) -> None:
    """Given clamp DEVICE and one home without records, it counts as nothing."""
    story = tell(world, world.rule(clamp_level=ClampLevel.DEVICE))
    story.called()
    readings = {home: story.readings(KWH, 0) for home in story.homes}
    submission = story.submit(readings, silent=story.homes[:1])
    receipt = prove(story, submission, 0, 4)
    assert tuple(receipt.only("EventMeasured").responses_milli_wh) == (3 * KWH,) * 4


def test_a_home_that_left_before_the_notice_counts_as_nothing(story: Story) -> None:
    """Given a home that left before the first notice, its leaf is zero, and so is its capacity."""
    story.sell(6)
    story.world.devices.leave.send(story.homes[1].metering_point, sender=story.homes[1].customer)
    story.close_gate()
    story.call()
    submission = story.submit({home: story.readings(KWH, 0) for home in story.homes}, silent=story.homes[1:2])
    receipt = prove(story, submission, 0, 4)
    log = receipt.all("LeafProven")[1]
    assert (log.silence, log.weight, tuple(log.columns)) == (Silence.INACTIVE, 0, (0,) * 4)
    assert tuple(receipt.only("EventMeasured").responses_milli_wh) == (3 * KWH,) * 4


def test_a_home_that_leaves_with_the_notice_still_counts(story: Story) -> None:
    """Given a home that leaves in the second of the first notice, it counts: just before it was in."""
    story.sell(6)
    story.close_gate()
    story.world.devices.leave.send(story.homes[1].metering_point, sender=story.homes[1].customer)
    story.call()
    _, responses = story.measure({home: story.readings(KWH, 0) for home in story.homes})
    assert responses == (4 * KWH,) * 4


def test_records_that_are_no_good_are_refused(submitted: tuple[Story, Submission]) -> None:
    """Given records that show nothing valid, the transaction says which leaf and why."""
    story, submission = submitted
    wrong = replace(submission, proofs=(submission.proofs[0], submission.proofs[2], *submission.proofs[2:]))
    with reverts("Measurement_LeafRefused", 1, Silence.WRONG_POINT):
        prove(story, wrong, 0, 4)


def test_a_suspension_after_the_submission_changes_nothing(submitted: tuple[Story, Submission]) -> None:
    """Given a device suspended after the submission, its records still count; the submission stands."""
    story, submission = submitted
    point = story.homes[0].metering_point
    story.world.devices.suspend.send(point, sender=story.world.accounts.meter_operator)
    prove(story, submission, 0, 4)


def test_a_suspension_just_before_the_submission_spoils_nothing(story: Story) -> None:
    """Given a device suspended between the reading deadline and the submission, what was prepared before is proven as it stands."""
    story.called()
    world = story.world
    batch = world.attest_readings(story.product, {home: story.readings(KWH, 0) for home in story.homes})
    honest = world.submission(story.product, batch)
    world.evm.time = max(world.evm.time, story.product.window_end + world.rule().reading_deadline)
    world.devices.suspend.send(story.homes[0].metering_point, sender=world.accounts.meter_operator)
    world.submit(honest)
    prove(story, honest, 0, 4)


def test_a_device_suspended_before_the_reading_deadline_is_silent(story: Story) -> None:
    """Given a device suspended before the reading deadline, its records are refused."""
    story.called()
    world = story.world
    readings = {home: story.readings(KWH, 0) for home in story.homes}
    batch = world.attest_readings(story.product, readings)
    honest = world.submission(story.product, batch)
    world.devices.suspend.send(story.homes[0].metering_point, sender=world.accounts.meter_operator)
    world.submit(honest)
    with reverts("Measurement_LeafRefused", 0, Silence.SUSPENDED):
        prove(story, honest, 0, 4)


# ------------------------------------------------------------------ what does not come out


def test_a_wrong_root_is_found_with_the_last_leaf(story: Story) -> None:
    """Given a root that no leaves have, proving ends in an error and the event stays submitted."""
    story.called()
    world = story.world
    batch = world.attest_readings(story.product, {home: story.readings(KWH, 0) for home in story.homes})
    submission = world.submission(story.product, batch)
    world.evm.time = story.product.window_end + DAY
    totals = submission.measured.totals
    world.measurement.submit.send(submission.key, b"\x01" * 32, totals, sender=story.provider)
    prove(story, submission, 0, 3)
    with reverts("Measurement_CommitmentDiffers", story.event, commitment(submission.measured.tree.root, totals)):
        prove(story, submission, 0, 4)
    assert world.measurement.eventState.call(story.event).status is EventStatus.SUBMITTED


@pytest.mark.parametrize("field", ["columns", "weight", "baseline_milli_wh", "metered_milli_wh"])
def test_wrong_totals_are_found_with_the_last_leaf(story: Story, field: str) -> None:
    """Given one total that is not the sum of its column, proving ends in an error."""
    story.called()
    world = story.world
    batch = world.attest_readings(story.product, {home: story.readings(KWH, 0) for home in story.homes})
    submission = world.submission(story.product, batch)
    value = getattr(submission.measured.totals, field)
    changed: Any = value + 1 if isinstance(value, int) else (value[0] + 1, *value[1:])
    totals = replace(submission.measured.totals, **{field: changed})
    wrong = replace(submission, measured=replace(submission.measured, totals=totals))
    world.submit(wrong)
    computed = commitment(submission.measured.tree.root, submission.measured.totals)
    with reverts("Measurement_CommitmentDiffers", story.event, computed):
        prove(story, wrong, 0, 4)


def test_leaves_come_in_their_order(submitted: tuple[Story, Submission]) -> None:
    """Given the second leaf first, it is refused, since it is measured as the first."""
    story, submission = submitted
    with reverts("Measurement_LeafRefused", 0, Silence.WRONG_POINT):
        prove(story, submission, 1, 2, cursor=submission.cursor(0))


def test_no_more_leaves_than_there_are(submitted: tuple[Story, Submission]) -> None:
    """Given a proof too many, at once or later, it is refused."""
    story, submission = submitted
    more = replace(submission, proofs=(*submission.proofs, DeviceProof(records=())))
    with reverts("Measurement_TooManyProofs", 0, 5, 4):
        prove(story, more, 0, 5)
    prove(story, submission, 0, 3)
    with reverts("Measurement_TooManyProofs", 3, 2, 4):
        prove(story, more, 3, 5, cursor=submission.cursor(3))


def test_no_cursor_but_the_one_that_is_kept(submitted: tuple[Story, Submission]) -> None:
    """Given a cursor never reached, or changed, it is refused."""
    story, submission = submitted
    with reverts("Measurement_CursorDiffers", story.event):
        prove(story, submission, 3, 4)
    prove(story, submission, 0, 3)
    cursor = submission.cursor(3)
    for other in (replace(cursor, next=2), replace(cursor, totals=replace(cursor.totals, weight=0))):
        with reverts("Measurement_CursorDiffers", story.event):
            prove(story, submission, 3, 4, cursor=other)


# ------------------------------------------------------------------ who and when


def test_until_the_proof_window_ends(submitted: tuple[Story, Submission]) -> None:
    """Given the last second of the proof window, proving is in time; at its end it is not."""
    story, submission = submitted
    deadline = story.world.evm.time + DAY
    story.world.evm.time = deadline
    with reverts("Measurement_TooLate", deadline, deadline):
        prove(story, submission, 0, 4)
    story.world.evm.time = deadline - 1
    prove(story, submission, 0, 4)


def test_only_by_the_provider(submitted: tuple[Story, Submission]) -> None:
    """Given anyone else, it is refused."""
    story, submission = submitted
    with reverts("Measurement_NotProvider", story.event, story.buyer):
        prove(story, submission, 0, 4, sender=story.buyer)


def test_not_before_the_submission(story: Story) -> None:
    """Given an event that is only called, there is nothing to prove."""
    story.called()
    readings = {home: story.readings(KWH, 0) for home in story.homes}
    batch = story.world.attest_readings(story.product, readings)
    submission = story.world.submission(story.product, batch)
    with reverts("Measurement_WrongStatus", story.event, EventStatus.CALLED):
        prove(story, submission, 0, 4)


@pytest.mark.parametrize("at_a_time", [1, 3, 4])
def test_no_response_where_nothing_was_ordered(story: Story, at_a_time: int) -> None:
    """Given an order in one of four periods, the others have no response, in however many parts the leaves are proven."""
    story.called(6, [6_000, 0, 0, 0])
    submission = story.submit({home: story.readings(KWH, KWH - 100_000) for home in story.homes})
    assert story.world.prove(submission, at_a_time=at_a_time) == (400_000, 0, 0, 0)


@pytest.mark.parametrize("measured", [True, False])
def test_no_cursor_stays_behind(submitted: tuple[Story, Submission], measured: bool) -> None:
    """Given leaves proven in part, nothing is kept of them once the event is final, measured or not."""
    story, submission = submitted
    prove(story, submission, 0, 2)
    assert any(story.world.measurement.cursorHash.call(story.event))
    if measured:
        prove(story, submission, 2, 4)
    else:
        story.world.evm.time += story.rule.proof_window
        story.world.measurement.fail.send(story.product.event_key, sender=story.buyer)
    assert not any(story.world.measurement.cursorHash.call(story.event))


def test_under_the_widest_terms(world: World) -> None:
    """Given periods of a day and as many checks as there can be, which take the most bits, four homes are measured as ever."""
    start = world.tomorrow()
    rule = world.rule(period_seconds=DAY, spot_checks=2**20)
    story = tell(world, rule, window_start=start, window_end=start + DAY)
    story.called()
    _, responses = story.deliver(100_000)
    assert responses == (4 * 96 * 100_000,)


# ------------------------------------------------------------------ baselines of the portfolio


@pytest.mark.parametrize(
    ("direction", "metered", "response"),
    [(Direction.SHED, 200_000, 200_000), (Direction.ABSORB, 300_000, 200_000), (Direction.SHED, 300_000, -200_000)],
)
def test_a_nominated_schedule(world: World, direction: Direction, metered: int, response: int) -> None:
    """Given a schedule of 1 kWh a quarter hour, the response is the difference to what all metered together."""
    story = tell(world, nominated(world), direction=direction)
    schedule = (KWH,) * 4
    world.measurement.nominate.send(story.product.event_key, schedule, sender=story.provider)
    story.called()
    _, responses = story.measure({home: lambda _start: metered for home in story.homes}, schedule)
    assert responses == (response,) * 4


def test_a_schedule_is_by_period(world: World) -> None:
    """Given a schedule and orders in two of its four periods, each of them is compared with its own, and the others with nothing."""
    story = tell(world, nominated(world))
    schedule = (KWH, 2 * KWH, 3 * KWH, 4 * KWH)
    world.measurement.nominate.send(story.product.event_key, schedule, sender=story.provider)
    story.called(6, [0, 6_000, 0, 6_000])
    _, responses = story.measure({home: lambda _start: 500_000 for home in story.homes}, schedule)
    assert responses == (0, 0, 0, 2 * KWH)


def test_the_response_of_a_portfolio_is_clamped(world: World) -> None:
    """Given a schedule far above what was metered, the response ends at the portfolio's capacity."""
    story = tell(world, nominated(world))
    schedule = (10**18, -(10**18), 2**127 - 1, -(2**127))
    world.measurement.nominate.send(story.product.event_key, schedule, sender=story.provider)
    story.called()
    _, responses = story.measure({home: lambda _start: 0 for home in story.homes}, schedule)
    assert responses == (4 * CLAMP, -4 * CLAMP, 4 * CLAMP, -4 * CLAMP)


def test_without_a_schedule_there_is_no_response(world: World) -> None:
    """Given a rule with nominated schedules and none nominated, the response is zero in every period."""
    story = tell(world, nominated(world))
    story.called()
    _, responses = story.measure({home: lambda _start: 0 for home in story.homes})
    assert responses == (0,) * 4


def test_only_the_schedule_that_was_nominated(world: World) -> None:
    """Given another schedule, or one where none was nominated, it is refused."""
    story = tell(world, nominated(world))
    schedule = (KWH,) * 4
    world.measurement.nominate.send(story.product.event_key, schedule, sender=story.provider)
    story.called()
    submission = story.submit({home: lambda _start: 0 for home in story.homes}, schedule)
    for other in ((KWH, KWH, KWH, KWH + 1), ()):
        with reverts("Measurement_ScheduleDiffers", story.event):
            prove(story, submission, 0, 4, schedule_milli_wh=other)
    prove(story, submission, 0, 4)


def test_no_schedule_for_another_baseline(submitted: tuple[Story, Submission]) -> None:
    """Given a rule that uses no schedule, one that is shown is refused."""
    story, submission = submitted
    with reverts("Measurement_ScheduleDiffers", story.event):
        prove(story, submission, 0, 4, schedule_milli_wh=(0,) * 4)


@pytest.mark.parametrize(
    ("direction", "level", "metered", "response"),
    [
        (Direction.SHED, 4_000, 200_000, 200_000),
        (Direction.ABSORB, 4_000, 300_000, 200_000),
        (Direction.ABSORB, -4_000, -200_000, 200_000),
    ],
)
def test_a_reference_level(world: World, direction: Direction, level: int, metered: int, response: int) -> None:
    """Given a contracted level, the response is the difference to it."""
    story = tell(world, reference_level(world), direction=direction, reference_w=level)
    story.called()
    _, responses = story.measure({home: lambda _start: metered for home in story.homes})
    assert responses == (response,) * 4


@pytest.mark.parametrize(
    ("direction", "level", "response"),
    [(Direction.SHED, 16_000, 4_000_000 - 3_750_000), (Direction.ABSORB, -16_000, -3_750_000 + 4_000_000)],
)
def test_a_silent_connection_ran_at_full_capacity(
    world: World, direction: Direction, level: int, response: int
) -> None:
    """Given one silent home of 15 kW connection, it counts as 3.75 kWh a quarter hour against the provider."""
    story = tell(world, reference_level(world), direction=direction, reference_w=level)
    story.called()
    submission = story.submit({home: lambda _start: 0 for home in story.homes}, silent=story.homes[:1])
    assert story.world.prove(submission) == (response,) * 4
