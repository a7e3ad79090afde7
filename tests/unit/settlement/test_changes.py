"""Settlement.stop, cancel and excuse: they change a dispatch's order, never its state."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from flexbond.ids import dispatch_hash, dispatch_id, right_id, rule_id
from tests.support.evm import reverts
from tests.unit.story import QUARTER, Story, tell

if TYPE_CHECKING:
    from collections.abc import Callable

    from flexbond.model.types import Dispatch
    from tests.support.evm import Receipt
    from tests.support.world import World


def stop(story: Story, dispatch: Dispatch, period: int, **changes: Any) -> Receipt:
    """By the buyer."""
    return story.world.settlement.stop.send(
        changes.get("product", story.product),
        changes.get("rule", story.rule),
        dispatch,
        period,
        sender=changes.get("sender", story.buyer),
    )


def cancel(story: Story, dispatch: Dispatch, **changes: Any) -> Receipt:
    """By the buyer."""
    return story.world.settlement.cancel.send(
        changes.get("product", story.product),
        changes.get("rule", story.rule),
        dispatch,
        sender=changes.get("sender", story.buyer),
    )


def excuse(story: Story, dispatch: Dispatch, mask: int, **changes: Any) -> Receipt:
    """By the buyer."""
    return story.world.settlement.excuse.send(
        changes.get("product", story.product), dispatch, mask, sender=changes.get("sender", story.buyer)
    )


def name(dispatch: Dispatch) -> bytes:
    """The dispatch's id."""
    return dispatch_id(dispatch.right_id, dispatch.holder, dispatch.number)


def ordered(story: Story) -> list[int]:
    """Of the event, by period."""
    return [story.world.settlement.orderedW.call(story.event, period) for period in range(4)]


# ------------------------------------------------------------------ stop


def test_stop_takes_back_what_has_not_begun(story: Story) -> None:
    """Given two dispatches, when one is stopped from the third period on, only its own later orders go."""
    story.sell(12)
    story.close_gate()
    dispatch, _ = story.call(6), story.call(4)
    story.world.evm.time = story.product.window_start + 2 * QUARTER - 1
    receipt = stop(story, dispatch, 2)

    changed = replace(dispatch, orders_w=(6_000, 6_000, 0, 0))
    log = receipt.only("DispatchChanged")
    assert (log.dispatch_id, log.event_id, log.dispatch) == (name(dispatch), story.event, changed)
    assert story.world.settlement.dispatchHash.call(name(dispatch)) == dispatch_hash(changed)
    assert ordered(story) == [10_000, 10_000, 4_000, 4_000]
    assert story.world.settlement.pending.call(story.event) == 2


def test_stop_not_once_the_period_began(story: Story) -> None:
    """Given a period's first second, it cannot be taken back any more."""
    dispatch = story.called()
    start = story.product.window_start + 2 * QUARTER
    story.world.evm.time = start
    with reverts("Settlement_TooLate", start, start):
        stop(story, dispatch, 2)
    stop(story, dispatch, 3)


def test_stop_keeps_the_minimum_run(world: World) -> None:
    """Given a minimum run of two periods, an order cannot be cut to one, but to two, or to none."""
    story = tell(world, min_run_seconds=1_800)
    dispatch = story.called()
    with reverts("Settlement_RunTooShort", 0, 900, 1_800):
        stop(story, dispatch, 1)
    with world.evm.rollback():
        stop(story, dispatch, 2)
    stop(story, dispatch, 0)
    assert ordered(story) == [0, 0, 0, 0]


def test_stop_between_two_runs(world: World) -> None:
    """Given a pause between two runs, the second can be taken back whole."""
    story = tell(world, min_run_seconds=900)
    dispatch = story.called(6, [6_000, 0, 6_000, 6_000])
    stop(story, dispatch, 1)
    assert ordered(story) == [6_000, 0, 0, 0]


def test_stop_from_a_period_that_is_there(story: Story) -> None:
    """Given a period beyond the window, it is refused."""
    dispatch = story.called()
    with reverts("Settlement_PeriodOutOfRange", 4, 4):
        stop(story, dispatch, 4)


# ------------------------------------------------------------------ cancel


def test_cancel_takes_back_everything(story: Story) -> None:
    """Given an order that has not begun, it is taken back whole, and its dispatch still has to be settled."""
    dispatch = story.called(6, [0, 6_000, 6_000, 0])
    story.world.evm.time = story.product.window_start + QUARTER - 1
    receipt = cancel(story, dispatch)
    assert receipt.only("DispatchChanged").dispatch == replace(dispatch, orders_w=(0, 0, 0, 0))
    assert ordered(story) == [0, 0, 0, 0]
    assert story.world.settlement.pending.call(story.event) == 1


def test_cancel_not_once_it_began(story: Story) -> None:
    """Given the first ordered period's first second, it is too late."""
    dispatch = story.called(6, [0, 6_000, 6_000, 0])
    start = story.product.window_start + QUARTER
    story.world.evm.time = start
    with reverts("Settlement_TooLate", start, start):
        cancel(story, dispatch)


def test_cancel_only_once(story: Story) -> None:
    """Given nothing ordered any more, there is nothing to take back; the old order is not known."""
    dispatch = story.called()
    cancel(story, dispatch)
    with reverts("Settlement_DispatchDiffers", name(dispatch)):
        cancel(story, dispatch)
    with reverts("Settlement_NothingOrdered", story.right):
        cancel(story, replace(dispatch, orders_w=(0, 0, 0, 0)))


# ------------------------------------------------------------------ excuse


def test_excuse_adds_up(story: Story) -> None:
    """Given periods excused, more can be added, and none is taken back."""
    dispatch = story.called()
    receipt = excuse(story, dispatch, 0b0010)
    first = replace(dispatch, excused_mask=0b0010)
    log = receipt.only("DispatchChanged")
    assert (log.dispatch_id, log.event_id, log.dispatch) == (name(dispatch), story.event, first)
    assert excuse(story, first, 0b1000).only("DispatchChanged").dispatch.excused_mask == 0b1010


def test_excuse_until_settled(story: Story) -> None:
    """Given a measured event, its periods can be excused as long as the dispatch is not settled."""
    dispatch = story.called()
    _, responses = story.deliver(0)
    excused = excuse(story, dispatch, 0b1111).only("DispatchChanged").dispatch
    assert story.settle(excused, responses).value.penalty == 0
    with reverts("Settlement_DispatchDiffers", name(dispatch)):
        excuse(story, excused, 0b0001)


def test_excuse_only_periods_of_the_window(story: Story) -> None:
    """Given a period beyond the window, it is refused by its number."""
    dispatch = story.called()
    with reverts("Settlement_PeriodOutOfRange", 5, 4):
        excuse(story, dispatch, 0b110000)


# ------------------------------------------------------------------ all three


def stop_later(story: Story, dispatch: Dispatch, **changes: Any) -> Receipt:
    """All but the first period."""
    return stop(story, dispatch, 1, **changes)


def excuse_first(story: Story, dispatch: Dispatch, **changes: Any) -> Receipt:
    """The first period."""
    return excuse(story, dispatch, 1, **changes)


ACTIONS: dict[str, Callable[..., Receipt]] = {"stop": stop_later, "cancel": cancel, "excuse": excuse_first}


@pytest.mark.parametrize("action", ACTIONS)
def test_only_by_the_holder_or_its_operator(story: Story, action: str) -> None:
    """Given anyone else, even the provider, it is refused."""
    dispatch = story.called()
    with reverts("Flexbond_NotAllowed", story.provider, story.buyer):
        ACTIONS[action](story, dispatch, sender=story.provider)
    story.world.participants.appointOperator.send(story.provider, 2**40 - 1, sender=story.buyer)
    ACTIONS[action](story, dispatch, sender=story.provider)


@pytest.mark.parametrize("action", ACTIONS)
def test_only_the_dispatch_as_it_stands(story: Story, action: str) -> None:
    """Given other terms than those kept, or none at all, it is refused."""
    dispatch = story.called()
    for other in (replace(dispatch, units=7), replace(dispatch, number=1), replace(dispatch, notice_at=1)):
        with reverts("Settlement_DispatchDiffers", name(other)):
            ACTIONS[action](story, other)


@pytest.mark.parametrize("action", ACTIONS)
def test_only_with_its_product(story: Story, action: str) -> None:
    """Given another product, it is refused."""
    dispatch = story.called()
    other = replace(story.product, transferable=True)
    with reverts("Settlement_RightDiffers", right_id(other)):
        ACTIONS[action](story, dispatch, product=other)


@pytest.mark.parametrize("action", ["stop", "cancel"])
def test_only_with_its_rule(story: Story, action: str) -> None:
    """Given another rule, it is refused."""
    dispatch = story.called()
    other = replace(story.rule, stop_loss_bps=1)
    with reverts("Settlement_RuleDiffers", rule_id(other)):
        ACTIONS[action](story, dispatch, rule=other)
