"""Measurement.prove where a provider has a say: which calls a device is told to have been in."""

from __future__ import annotations

from dataclasses import replace

import pytest

from flexbond.ids import lookback_hash
from flexbond.model.types import DeviceProof, Silence
from tests.support.lookbacks import day_class
from tests.unit.measurement.test_past_days import HOUR, UNIT_W, Scene, baselines, calls_of


def test_a_call_noticed_before_the_device_came_is_not_its_own(scene: Scene) -> None:
    """Given a device that joined between a notice and its window, before the first day looked at, the day counts for it alone."""
    world = scene.world
    past = replace(scene.past, classes=(day_class(x=3, y=3, min_days=2),), max_excluded_days=3)
    scene = replace(scene, past=past, rule=replace(scene.rule, lookback_hash=lookback_hash(past)))
    world.publish(scene.rule, past)
    portfolio = world.create_portfolio()
    first = scene.home(0, portfolio)
    second = world.home(1)
    world.state(second, world.statement(second, valid_from=scene.at(-9, 0)))
    before = scene.keep([first, second], -5, -1)
    # the first day looked at is 1; its window at midnight is called the evening before
    start = scene.at(1, 0)
    product = world.product(portfolio, rule=scene.rule, window_start=start, window_end=start + HOUR)
    world.buy(product, units=1)
    world.evm.time = start - HOUR
    world.dispatch(product, units=1, orders_w=[1_000] * 4, rule=scene.rule)
    world.evm.time += 60
    scene.join(second, portfolio)
    scene.call(portfolio, 3)
    scene.call(portfolio, 5)
    between = scene.keep([first, second], 0, 5)
    product, _ = scene.call(portfolio, 6)
    after = scene.keep([first, second], 6, 6)
    every = calls_of(scene, portfolio, product)
    calls = {first.metering_point: every, second.metering_point: every[1:]}
    submission = scene.submission(product, before, between, after, calls=calls)
    # days 4 and 2 read 10 000 and 8 000, and day 1, which only the second may take, 7 000
    assert baselines(scene.prove(submission)) == [(Silence.OK, 9_000), (Silence.OK, 25_000 // 3)]


def test_a_call_of_the_place_before_counts_though_restated_before_the_horizon(scene: Scene) -> None:
    """Given a device restated between a notice and its window at the first second looked at, the call of its former place counts."""
    world = scene.world
    past = replace(scene.past, classes=(day_class(x=4, y=4, min_days=2),), max_excluded_days=3)
    scene = replace(scene, past=past, rule=replace(scene.rule, lookback_hash=lookback_hash(past)))
    world.publish(scene.rule, past)
    portfolio = world.create_portfolio()
    home = scene.home(0, portfolio)
    start = scene.at(1, 0)
    product = world.product(portfolio, rule=scene.rule, window_start=start, window_end=start + HOUR)
    world.buy(product, units=1)
    world.evm.time = start - HOUR
    world.dispatch(product, units=1, orders_w=[1_000] * 4, rule=scene.rule)
    world.evm.time += 60
    world.state(home, world.statement(home, valid_from=scene.at(-9, 0), sequence=9, capacity_w=4_000))
    between = scene.keep([home], 0, 4)
    scene.call(portfolio, 5)
    more = scene.keep([home], 5, 5)
    product, _ = scene.call(portfolio, 6)
    after = scene.keep([home], 6, 6)
    every = calls_of(scene, portfolio, product)
    submission = scene.submission(product, between, more, after, calls={home.metering_point: every})
    shown = replace(submission, proofs=(DeviceProof(records=()), submission.proofs[1]))
    # of 5 to 1 the first and the last were called
    assert baselines(scene.prove(shown)) == [(Silence.INACTIVE, 0), (Silence.OK, 9_000)]


def test_places_of_one_number_in_two_portfolios(scene: Scene) -> None:
    """Given a device whose places here and there have the same number, the calls of the former portfolio count."""
    world = scene.world
    here, there = world.create_portfolio(), world.create_portfolio(salt=b"\1" * 32)
    home = scene.home(0, there)
    before = scene.keep([home], -5, -1)
    scene.call(there, 2)
    world.evm.time = scene.at(2, 20)
    world.devices.leave.send(home.metering_point, sender=home.customer)
    world.evm.time += 1
    scene.join(home, here)
    between = scene.keep([home], 0, 3)
    product, _ = scene.call(here, 4)
    after = scene.keep([home], 4, 4)
    calls = {home.metering_point: calls_of(scene, there, product)}
    submission = scene.submission(product, before, between, after, calls=calls)
    # of 3, 2, 1 and 0 it passes over 2
    assert baselines(scene.prove(submission)) == [(Silence.OK, (9_000 + 7_000 + 6_000) // 3)]


def test_a_call_to_the_second_of_midnight_is_of_its_own_day(scene: Scene) -> None:
    """Given calls that end or begin at midnight, the days they touch only there count."""
    world = scene.world
    portfolio = world.create_portfolio()
    home = scene.home(0, portfolio)
    before = scene.keep([home], -5, -1)
    scene.call(portfolio, 1, 23)
    scene.call(portfolio, 4, 0)
    between = scene.keep([home], 0, 4)
    product, _ = scene.call(portfolio, 5)
    after = scene.keep([home], 5, 5)
    calls = {home.metering_point: calls_of(scene, portfolio, product)}
    submission = scene.submission(product, before, between, after, calls=calls)
    # of 4 to 0 it passes over 4 and 1
    assert baselines(scene.prove(submission)) == [(Silence.OK, (9_000 + 8_000 + 6_000) // 3)]


def test_in_the_second_of_a_notice(scene: Scene) -> None:
    """Given a device that leaves in the second of a notice, it was in that call; one that joins in that second was not."""
    world = scene.world
    here, there = world.create_portfolio(), world.create_portfolio(salt=b"\1" * 32)
    leaves, joins = scene.home(0, there), world.home(1)
    world.state(joins, world.statement(joins, valid_from=scene.at(-9, 0)))
    before = scene.keep([leaves, joins], -5, -1)
    scene.call(there, 1)
    world.devices.leave.send(leaves.metering_point, sender=leaves.customer)
    world.evm.time = scene.at(1, 20)
    scene.join(leaves, here)
    scene.call(here, 2)
    scene.join(joins, here)
    between = scene.keep([leaves, joins], 0, 3)
    product, _ = scene.call(here, 4)
    after = scene.keep([leaves, joins], 4, 4)
    own = calls_of(scene, here, product)
    calls = {leaves.metering_point: (*calls_of(scene, there, product), *own), joins.metering_point: ()}
    submission = scene.submission(product, before, between, after, calls=calls)
    # of 3 to -1 the first passes over 2 and 1
    found = [(9_000 + 6_000 + 5_000) // 3, (9_000 + 8_000 + 7_000) // 3]
    assert baselines(scene.prove(submission)) == [(Silence.OK, value) for value in found]


@pytest.mark.parametrize("is_called_first", [True, False])
def test_a_call_that_can_still_change_excludes_no_day(scene: Scene, is_called_first: bool) -> None:
    """Given a window over midnight that is not over at the event's notice, called before or after it, no day is passed over."""
    world = scene.world
    portfolio = world.create_portfolio()
    home = scene.home(0, portfolio)
    before = scene.keep([home], 0, 3)
    long = world.product(portfolio, rule=scene.rule, window_start=scene.at(4, 20), window_end=scene.at(5, 16))
    product = world.product(portfolio, rule=scene.rule, window_start=scene.at(5, 16), window_end=scene.at(5, 17))
    for one in (long, product):
        world.buy(one, units=1)
    orders = [*[0] * 79, UNIT_W]
    if is_called_first:
        world.evm.time = scene.at(4, 19)
        world.dispatch(long, units=1, orders_w=orders, rule=scene.rule)
    between = scene.keep([home], 4, 4)
    world.evm.time = scene.at(5, 15)
    world.dispatch(product, units=1, orders_w=[UNIT_W] * 4, rule=scene.rule)
    if not is_called_first:
        world.evm.time += 1
        world.dispatch(long, units=1, orders_w=orders, rule=scene.rule)
    after = scene.keep([home], 5, 5)
    calls = {home.metering_point: calls_of(scene, portfolio, product)}
    submission = scene.submission(product, before, between, after, calls=calls)
    # days 4, 3 and 2 read 10 000, 9 000 and 8 000; without 4 the mean would be 8 000
    assert baselines(scene.prove(submission)) == [(Silence.OK, 9_000)]


def test_a_device_shown_silent_is_told_no_calls(scene: Scene) -> None:
    """Given a device from elsewhere that is shown silent, the windows of where it was are not walked."""
    world = scene.world
    here, there = world.create_portfolio(), world.create_portfolio(salt=b"\1" * 32)
    home = scene.home(0, there)
    scene.call(there, 2)
    world.evm.time = scene.at(2, 20)
    world.devices.leave.send(home.metering_point, sender=home.customer)
    world.evm.time += 1
    scene.join(home, here)
    product, _ = scene.call(here, 4)
    world.evm.time = scene.at(6, 0)
    submission = scene.submission(product)
    # a window that starts too late to gather from would be refused if it were looked at
    assert baselines(scene.prove(submission, [scene.at(2, 18)])) == [(Silence.NO_RECORD, 0)]
