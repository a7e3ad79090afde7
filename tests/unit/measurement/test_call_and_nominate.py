"""Measurement.call and nominate: notices, and schedules before the gate closes."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from flexbond.hashing import ZERO_ADDRESS
from flexbond.ids import event_id, rule_id, schedule_hash
from flexbond.model.types import EventState, EventStatus
from tests.support.evm import reverts
from tests.unit.story import KWH, QUARTER, Story, nominated, tell

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.support.evm import Receipt
    from tests.support.world import World

SCHEDULE = (4 * KWH, 4 * KWH, -KWH, 0)


def nominate(story: Story, schedule: Sequence[int] = SCHEDULE, sender: object = None) -> Receipt:
    """By the provider."""
    who = sender or story.provider
    return story.world.measurement.nominate.send(story.product.event_key, list(schedule), sender=who)


# ------------------------------------------------------------------ call


def test_the_first_notice_opens_the_event(story: Story) -> None:
    """Given an event nobody called, the first notice is kept with its time and its periods."""
    assert story.world.measurement.eventState.call(story.event) == EventState(
        status=EventStatus.OPEN, first_notice=0, submitted_at=0, leaves=0, proven=0, ordered_mask=0
    )
    story.sell(6)
    story.close_gate()
    now = story.world.evm.time
    receipt = story.world.settlement.dispatch.send(
        story.product, story.rule, story.buyer, 6, [0, 6_000, 0, 6_000], 0, sender=story.buyer
    )
    log = receipt.only("EventCalled")
    assert (log.event_id, log.portfolio_id, log.key) == (story.event, story.portfolio, story.product.event_key)
    assert (log.first_notice, log.ordered_mask) == (now, 0b1010)
    assert not receipt.all("PeriodsOrdered")
    assert story.world.measurement.eventState.call(story.event) == EventState(
        status=EventStatus.CALLED, first_notice=now, submitted_at=0, leaves=0, proven=0, ordered_mask=0b1010
    )
    assert story.world.devices.portfolio.call(story.portfolio).committed_until == story.product.window_end


def test_later_notices_add_periods(story: Story) -> None:
    """Given a called event, another notice adds its periods and leaves the first notice."""
    story.sell(6)
    story.close_gate()
    first = story.world.evm.time
    story.call(2, [2_000, 0, 0, 0])
    story.world.evm.time += 60
    story.call(2, [2_000, 2_000, 0, 0])
    state = story.world.measurement.eventState.call(story.event)
    assert (state.first_notice, state.ordered_mask) == (first, 0b0011)


def test_only_settlement_calls(story: Story) -> None:
    """Given anyone else, calling is refused."""
    with reverts("Flexbond_NotAllowed", story.buyer, story.world.settlement.address):
        story.world.measurement.call.send(story.product.event_key, 1, sender=story.buyer)


# ------------------------------------------------------------------ nominate


@pytest.fixture
def planned(world: World) -> Story:
    """A product under a rule with nominated schedules, sold."""
    story = tell(world, nominated(world))
    story.sell(6)
    return story


def test_keeps_the_schedule(planned: Story) -> None:
    """Given a schedule before the gate, it is kept as a hash and logged; a later one takes its place."""
    receipt = nominate(planned)
    log = receipt.only("Nominated")
    assert (log.event_id, log.portfolio_id) == (planned.event, planned.portfolio)
    assert (log.key, tuple(log.schedule_milli_wh)) == (planned.product.event_key, SCHEDULE)
    assert planned.world.measurement.scheduleHash.call(planned.event) == schedule_hash(SCHEDULE)

    later = (0, 0, 0, 1)
    nominate(planned, later, sender=planned.world.accounts.provider_operator)
    assert planned.world.measurement.scheduleHash.call(planned.event) == schedule_hash(later)


def test_until_the_gate_closes(planned: Story) -> None:
    """Given the last second before the gate, a schedule is taken; at the gate it is not."""
    gate = planned.product.window_start - 3_600
    planned.world.evm.time = gate - 1
    nominate(planned)
    planned.world.evm.time = gate
    with reverts("Measurement_GateClosed", gate, gate):
        nominate(planned)


def test_a_value_for_every_period(planned: Story) -> None:
    """Given more or fewer values than periods, the schedule is refused."""
    for count in (0, 3, 5):
        with reverts("Measurement_ScheduleLength", count, 4):
            nominate(planned, [0] * count)


def test_only_where_the_rule_uses_it(story: Story) -> None:
    """Given a rule with another baseline, a schedule is refused."""
    with reverts("Measurement_ScheduleNotUsed", rule_id(story.rule)):
        nominate(story)


def test_only_by_the_provider(planned: Story) -> None:
    """Given anyone else, it is refused."""
    with reverts("Measurement_NotProvider", planned.event, planned.buyer):
        nominate(planned, sender=planned.buyer)


def test_only_under_a_published_rule(planned: Story) -> None:
    """Given a key with a rule nobody published, it is refused by its id."""
    unknown = replace(planned.product.event_key, rule_id=b"\x01" * 32)
    with reverts("Rulebook_Unknown", b"\x01" * 32):
        planned.world.measurement.nominate.send(unknown, list(SCHEDULE), sender=planned.provider)


def test_a_key_that_makes_no_sense_is_refused(planned: Story) -> None:
    """Given a window that ends before it starts, or one before the gate's length, the errors do not underflow."""
    key = replace(planned.product.event_key, window_end=planned.product.window_start - QUARTER)
    with reverts("Measurement_ScheduleLength", 4, 0):
        planned.world.measurement.nominate.send(key, list(SCHEDULE), sender=planned.provider)
    early = replace(planned.product.event_key, window_start=QUARTER, window_end=5 * QUARTER)
    with reverts("Measurement_GateClosed", 0, planned.world.evm.time):
        planned.world.measurement.nominate.send(early, list(SCHEDULE), sender=planned.provider)


# ------------------------------------------------------------------ ids


def test_the_id_is_the_hash_of_the_key(story: Story) -> None:
    """Given a key, its id is what the library computes."""
    assert story.world.measurement.idOf.call(story.product.event_key) == event_id(story.product.event_key)


@pytest.mark.parametrize("place", range(6))
def test_needs_its_neighbours(story: Story, place: int) -> None:
    """Given a zero address in the constructor, the contract is not made."""
    names = ("participants", "devices", "verifier", "rulebook", "settlement", "spotChecks")
    arguments = [story.provider.address] * 6
    arguments[place] = ZERO_ADDRESS
    with reverts("Flexbond_ZeroAddress", names[place]):
        story.world.evm.deploy("Measurement", *arguments, sender=story.provider)
