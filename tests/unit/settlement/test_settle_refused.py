"""Settlement.settle: what it refuses, and that each dispatch ends once."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from eth_abi.abi import encode

from flexbond.hashing import ZERO_HASH
from flexbond.ids import right_id, rule_id
from flexbond.model.types import EventStatus
from tests.support.evm import reverts
from tests.unit.settlement.figures import name
from tests.unit.story import AVAILABILITY, Story

if TYPE_CHECKING:
    pass


def test_not_before_the_event_is_final(story: Story) -> None:
    """Given an event called or submitted, its dispatches cannot be settled."""
    dispatch = story.called()
    with reverts("Settlement_NotFinal", story.event, EventStatus.CALLED):
        story.settle(dispatch)
    submission = story.submit({home: story.readings(500_000, 125_000) for home in story.homes})
    with reverts("Settlement_NotFinal", story.event, EventStatus.SUBMITTED):
        story.settle(dispatch)
    assert submission.event == story.event


def test_only_with_the_events_result(story: Story) -> None:
    """Given other responses than measured, or none, it is refused."""
    dispatch = story.called()
    _, responses = story.deliver(375_000)
    for other in ((), responses[:3], (*responses[:3], responses[3] + 1), (*responses, 0)):
        with reverts("Measurement_ResultDiffers", story.event):
            story.settle(dispatch, other)


def test_no_result_of_an_event_never_measured(story: Story) -> None:
    """Given an event that is final as never measured, nobody can bring responses."""
    dispatch = story.called()
    story.fail()
    with reverts("Measurement_ResultDiffers", story.event):
        story.settle(dispatch, (1_500_000,) * 4)


@pytest.mark.parametrize(("committed", "responses"), [(b"\1" * 32, ()), (ZERO_HASH, (1_500_000,) * 4)])
def test_never_measured_is_never_measured(story: Story, committed: bytes, responses: tuple[int, ...]) -> None:
    """Given an event that is final as never measured, it has neither a submission nor responses."""
    dispatch = story.called()
    story.fail()
    with reverts("Measurement_ResultDiffers", story.event):
        story.world.settlement.settle.send(
            story.product, story.rule, dispatch, committed, responses, sender=story.buyer
        )


def test_ends_once(story: Story) -> None:
    """Given a settled dispatch, nothing can be done with it any more."""
    dispatch = story.called()
    _, responses = story.deliver(375_000)
    story.settle(dispatch, responses)
    world = story.world
    with reverts("Settlement_DispatchDiffers", name(dispatch)):
        story.settle(dispatch, responses)
    calls: list[tuple[Any, tuple[Any, ...]]] = [
        (world.settlement.stop, (story.product, story.rule, dispatch, 0)),
        (world.settlement.cancel, (story.product, story.rule, dispatch)),
        (world.settlement.excuse, (story.product, dispatch, 1)),
    ]
    for method, arguments in calls:
        with reverts("Settlement_DispatchDiffers", name(dispatch)):
            method.send(*arguments, sender=story.buyer)


def test_only_with_its_product_and_rule(story: Story) -> None:
    """Given other terms, it is refused by their id."""
    dispatch = story.called()
    story.fail()
    other = replace(story.product, shortfall_per_mwh=1)
    with reverts("Settlement_RightDiffers", right_id(other)):
        story.settle(dispatch, product=other)
    rule = replace(story.rule, stop_loss_bps=1)
    with reverts("Settlement_RuleDiffers", rule_id(rule)):
        story.world.settle(story.product, dispatch, rule=rule)
    with reverts("Settlement_DispatchDiffers", name(replace(dispatch, number=9))):
        story.settle(replace(dispatch, number=9))


def test_a_rule_is_read_as_it_was_hashed(story: Story) -> None:
    """Given a published rule whose curve lies elsewhere in the call's data, or with bits beyond a field, it is refused."""
    world, dispatch = story.world, story.called()
    story.fail()
    settle = world.settlement.settle
    data = settle.encode(story.product, story.rule, dispatch, ZERO_HASH, [])
    rule = encode([story.rule.abi_type()], [story.rule.as_tuple()])[32:]
    start = data.index(rule)
    pay_curve, availability_curve = (start + 32 * place for place in (12, 19))
    offset = data[pay_curve : pay_curve + 32]
    dirty = start + 32
    for changed in (
        data[:availability_curve] + offset + data[availability_curve + 32 :],
        data[:dirty] + b"\x01" + data[dirty + 1 :],
    ):
        with reverts("Settlement_RuleDiffers", ...):
            world.evm.execute(world.accounts.relayer, world.settlement.address, changed)
    world.evm.execute(world.accounts.relayer, world.settlement.address, data)


def test_no_notice_after_the_window(story: Story) -> None:
    """Given units still open after the event is final, they cannot be called any more."""
    story.sell(8)
    story.close_gate()
    dispatch = story.call(6)
    _, responses = story.deliver(375_000)
    story.settle(dispatch, responses)
    latest = story.product.window_start - 900
    with reverts("Settlement_TooLate", latest, story.world.evm.time):
        story.call(2)
    assert story.settle_uncalled().only("RightSettled").availability == 2 * AVAILABILITY
