"""FlexibilityRights.declareUnavailable: before the gate closes, and what follows."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from flexbond.model.types import Direction
from tests.support.evm import reverts
from tests.unit.story import AVAILABILITY, MONEY_OF, QUARTER, Story, reference_level, tell

if TYPE_CHECKING:
    from tests.support.world import World


def test_closes_the_window(story: Story) -> None:
    """Given a sold window, when its provider declares itself unavailable before the gate, that is logged and kept."""
    story.sell(6)
    story.world.evm.time = story.product.window_start - 3_601
    receipt = story.world.rights.declareUnavailable.send(
        story.product.event_key, sender=story.world.accounts.provider_operator
    )
    log = receipt.only("UnavailabilityDeclared")
    assert (log.event_id, log.portfolio_id, log.window_start) == (
        story.event,
        story.portfolio,
        story.product.window_start,
    )
    assert story.world.rights.window.call(story.portfolio, story.product.window_start)[3] is True


def test_no_notice_can_be_given(story: Story) -> None:
    """Given an unavailable window, a dispatch is refused."""
    story.sell(6)
    story.world.rights.declareUnavailable.send(story.product.event_key, sender=story.provider)
    story.close_gate()
    with reverts("FlexibilityRights_Unavailable", story.right):
        story.call(6)


def test_no_availability_is_earned(story: Story) -> None:
    """Given an unavailable window, its settlement frees the collateral and pays nothing."""
    story.sell(6)
    story.world.rights.declareUnavailable.send(story.product.event_key, sender=story.provider)
    log = story.settle_uncalled().only("RightSettled")
    assert (log.availability, log.pool) == (0, 0)
    assert story.world.free(story.provider) == MONEY_OF
    assert story.backed() == 6 * AVAILABILITY


def test_not_once_the_gate_is_closed(story: Story) -> None:
    """Given the gate closed, from which notices can be given, it is too late."""
    story.sell(6)
    story.close_gate()
    gate = story.product.window_start - 3_600
    with reverts("FlexibilityRights_GateClosed", gate, gate):
        story.world.rights.declareUnavailable.send(story.product.event_key, sender=story.provider)


def test_only_for_a_window_that_was_sold(story: Story) -> None:
    """Given no right of the window, there is nothing to declare; nor for the place before the first."""
    for start in (story.product.window_start, 0):
        with reverts("FlexibilityRights_Unknown", story.portfolio):
            key = replace(story.product.event_key, window_start=start)
            story.world.rights.declareUnavailable.send(key, sender=story.provider)


def test_only_for_the_event_of_the_window(world: World) -> None:
    """Given a window, another end, rule, direction or level is refused by the field's name."""
    level = reference_level(world)
    story = tell(world, level, reference_w=1_000)
    story.sell(1)
    key = story.product.event_key
    changes: list[tuple[str, dict[str, Any]]] = [
        ("windowEnd", {"window_end": key.window_end + QUARTER}),
        ("ruleId", {"rule_id": world.publish(replace(level, stop_loss_bps=5_000))}),
        ("direction", {"direction": Direction.ABSORB}),
        ("referenceW", {"reference_w": 2_000}),
    ]
    for field, change in changes:
        with reverts("FlexibilityRights_WindowDiffers", story.portfolio, key.window_start, field):
            world.rights.declareUnavailable.send(replace(key, **change), sender=story.provider)
    with reverts("Rulebook_Unknown", bytes(32)):
        world.rights.declareUnavailable.send(replace(key, rule_id=bytes(32)), sender=story.provider)


def test_only_by_the_provider(story: Story) -> None:
    """Given anyone else, it is refused."""
    story.sell(6)
    with reverts("Flexbond_NotAllowed", story.buyer, story.provider):
        story.world.rights.declareUnavailable.send(story.product.event_key, sender=story.buyer)


def test_the_event_is_that_of_its_rule(world: World) -> None:
    """Given two windows under two rules, each declaration names the event of its own."""
    first = tell(world)
    other = world.rule(stop_loss_bps=5_000)
    world.publish(other)
    second = Story(
        world=world,
        rule=other,
        homes=first.homes,
        portfolio=first.portfolio,
        product=world.product(first.portfolio, rule=other, window_start=first.product.window_end),
    )
    for story in (first, second):
        story.sell(1)
    for story in (first, second):
        receipt = world.rights.declareUnavailable.send(story.product.event_key, sender=story.provider)
        assert receipt.only("UnavailabilityDeclared").event_id == story.event
