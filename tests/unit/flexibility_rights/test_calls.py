"""FlexibilityRights.callsFrom: which windows were called, when first, and how much of the portfolio."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from flexbond.model.types import Call
from tests.support.evm import reverts
from tests.unit.story import GATE, HOUR, QUARTER, Story, tell

if TYPE_CHECKING:
    from collections.abc import Sequence

    from flexbond.model.types import Product
    from tests.support.world import World

EVER = 2**40 - 1


def at(story: Story, hour: int) -> Product:
    """The product, so many hours later."""
    start = story.product.window_start + hour * HOUR
    return replace(story.product, window_start=start, window_end=start + HOUR)


def calls_of(story: Story, from_start: int = 0, until: int = EVER) -> list[Call]:
    """What the contract answers."""
    return list(story.world.rights.callsFrom.call(story.portfolio, from_start, until))


def call_of(product: Product, called_bps: int, lead: int = GATE) -> Call:
    """A call of a product's window."""
    return Call(
        window_start=product.window_start,
        window_end=product.window_end,
        first_notice=product.window_start - lead,
        called_bps=called_bps,
    )


def test_nothing_was_called(story: Story) -> None:
    """Given windows sold and none called, or a portfolio without any, there are no calls."""
    assert calls_of(story) == []
    story.sell(6)
    assert calls_of(story) == calls_of(story, story.product.window_start) == []


@pytest.mark.parametrize(
    ("units", "orders", "called_bps"),
    [(6, [6_000] * 4, 3_000), (6, [0, 1, 0, 0], 1), (20, [0, 1_999, 2_001, 3], 1_001), (20, [20_000] * 4, 10_000)],
)
def test_the_greatest_order_counts(story: Story, units: int, orders: Sequence[int], called_bps: int) -> None:
    """Given 20 kW, the period with the greatest order says how much of it was called, rounded up."""
    story.called(units, orders)
    assert calls_of(story) == [call_of(story.product, called_bps)]


@pytest.mark.parametrize("period", [0, 7, 8, 15, 16, 19])
def test_the_greatest_of_many_periods(world: World, period: int) -> None:
    """Given 20 periods, the one with the greatest order counts, wherever it is."""
    start = world.tomorrow(18)
    story = tell(world, window_start=start, window_end=start + 20 * QUARTER)
    story.called(6, [6_000 if p == period else 1_000 for p in range(20)])
    assert calls_of(story) == [call_of(story.product, 3_000)]


def test_dispatches_of_an_event_add_up(story: Story) -> None:
    """Given several notices, the first one's time stays, and the greatest sum of a period counts."""
    story.sell(12)
    story.close_gate()
    story.call(2, [2_000, 0, 0, 0])
    story.world.evm.time += 60
    story.call(3, [0, 3_000, 3_000, 0])
    assert calls_of(story) == [call_of(story.product, 1_500)]
    story.world.evm.time += 60
    story.call(3, [2_000, 0, 0, 0])
    assert calls_of(story) == [call_of(story.product, 2_000)]
    story.call(1, [0, 0, 0, 1_000])
    assert calls_of(story) == [call_of(story.product, 2_000)]


def test_the_capacity_is_that_of_the_notice(world: World) -> None:
    """Given homes that left between two notices, the second counts of what is left; without any it is the most."""
    story = tell(world)
    story.sell(20)
    story.close_gate()
    story.call(1)
    assert calls_of(story)[0].called_bps == 500
    for home in story.homes[:2]:
        world.devices.leave.send(home.metering_point, sender=home.customer)
    story.call(1, [1_000, 0, 0, 0])
    assert calls_of(story)[0].called_bps == 2_000
    world.devices.leave.send(story.homes[2].metering_point, sender=story.homes[2].customer)
    world.devices.leave.send(story.homes[3].metering_point, sender=story.homes[3].customer)
    story.call(1, [0, 0, 0, 1_000])
    assert calls_of(story)[0].called_bps == 2**16 - 1


def test_a_period_that_a_notice_does_not_order_is_not_counted_anew(world: World) -> None:
    """Given a call of 3 kW of 20, and half of them gone, a notice of 1 kW in a later period makes it no greater."""
    story = tell(world)
    story.sell(20)
    story.close_gate()
    story.call(3, [3_000, 0, 0, 0])
    for home in story.homes[:2]:
        world.devices.leave.send(home.metering_point, sender=home.customer)
    story.call(1, [0, 0, 0, 1_000])
    assert calls_of(story)[0].called_bps == 1_500


def test_more_than_the_type_holds_is_the_most(world: World) -> None:
    """Given an order of seven times what is left of the portfolio, the share is cut."""
    story = tell(world)
    story.sell(20)
    for home in story.homes[1:]:
        world.devices.leave.send(home.metering_point, sender=home.customer)
    world.state(story.homes[0], world.statement(story.homes[0], capacity_w=2_000, sequence=2))
    story.close_gate()
    story.call(13)
    assert calls_of(story)[0].called_bps == 65_000
    story.call(1, [1_000] * 4)
    assert calls_of(story)[0].called_bps == 2**16 - 1


def test_stopping_and_cancelling_change_nothing(story: Story) -> None:
    """Given a dispatch taken back, in part or whole, its call stays."""
    dispatch = story.called()
    stopped = story.world.settlement.stop.send(story.product, story.rule, dispatch, 2, sender=story.buyer)
    story.world.cancel(story.product, stopped.only("DispatchChanged").dispatch, rule=story.rule)
    assert calls_of(story) == [call_of(story.product, 3_000)]


def test_a_notice_after_the_start(story: Story) -> None:
    """Given a first notice while the window runs, it is later than the window's start."""
    product = replace(story.product, notice_seconds=0, ramp_seconds=0)
    story.sell(6, product=product)
    story.world.evm.time = product.window_start + 900
    story.call(6, [0, 0, 6_000, 6_000], product=product)
    assert calls_of(story) == [call_of(product, 3_000, lead=-900)]


def test_from_a_window_until_a_time(story: Story) -> None:
    """Given three called windows and one that was not, those from the given one on that start before the time."""
    products = [at(story, hour) for hour in range(4)]
    for product in products:
        story.sell(2, product=product)
    for place in (0, 1, 3):
        story.world.evm.time = products[place].window_start - GATE
        story.call(2, product=products[place])
    starts = [product.window_start for product in products]
    wanted = [call_of(products[place], 1_000) for place in (0, 1, 3)]
    assert calls_of(story) == calls_of(story, starts[0]) == wanted
    assert calls_of(story, starts[1]) == wanted[1:]
    assert calls_of(story, starts[2]) == wanted[2:]
    assert calls_of(story, 0, starts[3]) == wanted[:2]
    assert calls_of(story, 0, starts[3] + 1) == wanted
    assert calls_of(story, starts[1], starts[1]) == calls_of(story, 0, 0) == []


def test_from_no_window(story: Story) -> None:
    """Given a start that is no window's, it is refused."""
    story.called()
    for start in (story.product.window_start + 1, 1):
        with reverts("FlexibilityRights_BadPrevious", story.portfolio, start):
            calls_of(story, start)
