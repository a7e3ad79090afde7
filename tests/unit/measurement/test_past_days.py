"""Measurement.prove with baselines from past days: look-back, calendar, and the calls that each device was in."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pytest

from flexbond.ids import event_id, lookback_hash
from flexbond.model.types import BaselineMethod, Call, EventStatus, Silence
from tests.support.evm import reverts
from tests.support.lookbacks import calendar_days, day_class, lookback
from tests.support.proofs import with_hints
from tests.support.world import DAY, GRID, World

if TYPE_CHECKING:
    from flexbond.model.types import Lookback, Product, Rule
    from tests.support.evm import Log
    from tests.support.proofs import Batch
    from tests.support.world import Home, Submission

HOUR = 3_600
UNIT_W = 1_000
BACK = 5


@dataclass
class Scene:
    """Days are counted from the first; a home's reading is 1 000 mWh for every day that has passed since six days before it."""

    world: World
    past: Lookback
    rule: Rule
    first: int
    """The first day."""

    def at(self, day: int, hour: int) -> int:
        """A time."""
        return (self.first + day) * DAY + hour * HOUR

    def home(self, number: int, portfolio: bytes) -> Home:
        """A home that was stated long ago and joins now."""
        home = self.world.home(number)
        self.world.state(home, self.world.statement(home, valid_from=self.at(-9, 0)))
        self.join(home, portfolio)
        return home

    def join(self, home: Home, portfolio: bytes) -> None:
        """From now on."""
        self.world.enrol(home, self.world.consent(home, portfolio))
        self.world.evm.time += 1

    def call(self, portfolio: bytes, day: int, hour: int = 18) -> tuple[Product, int]:
        """Sells and calls an hour, an hour before it; the product and the time of the notice."""
        start = self.at(day, hour)
        product = self.world.product(portfolio, rule=self.rule, window_start=start, window_end=start + HOUR)
        self.world.buy(product, units=1)
        self.world.evm.time = start - HOUR
        self.world.dispatch(product, units=1, orders_w=[UNIT_W] * 4, rule=self.rule)
        return product, self.world.evm.time

    def keep(self, homes: list[Home], first: int, last: int) -> Batch:
        """Attests the records of some days, now or when the last has ended."""
        self.world.evm.time = max(self.world.evm.time, self.at(last + 1, 0))
        return self.world.attest(
            [
                (home, self.world.record(home, self.at(day, 0), [1_000 * (6 + day)] * GRID.readings_per_slot))
                for home in homes
                for day in range(first, last + 1)
            ]
        )

    def submission(self, product: Product, *batches: Batch, **changes: Any) -> Submission:
        """The event, submitted."""
        made = self.world.submission(product, *batches, rule=self.rule, lookback=self.past, **changes)
        self.world.submit(made)
        return made

    def prove(self, submission: Submission, *hints: list[int], **changes: Any) -> list[Log]:
        """Proves all leaves at once; what was told of each."""
        context = replace(self.world.context(submission), **changes)
        given = [*hints, *[[]] * (len(submission.proofs) - len(hints))]
        proofs = [with_hints(proof, past_from) for proof, past_from in zip(submission.proofs, given, strict=True)]
        return self.world.measurement.prove.send(
            context, proofs, sender=self.world.accounts.provider, gas=30_000_000
        ).all("LeafProven")


@pytest.fixture
def scene(world: World) -> Scene:
    """The last three of five days, called ones passed over."""
    first = world.evm.time // DAY + 1
    world.evm.time = first * DAY
    past = lookback(
        world.publish_calendar(calendar_days(first)),
        day_class(x=3, y=3),
        look_back_days=BACK,
        max_excluded_days=2,
        min_event_bps=1,
    )
    rule = world.rule(baseline=BaselineMethod.X_OF_Y, baseline_periods=0, lookback_hash=lookback_hash(past))
    world.publish(rule, past)
    return Scene(world=world, past=past, rule=rule, first=first)


def baselines(logs: list[Log]) -> list[tuple[Silence, int]]:
    """Of each leaf."""
    return [(Silence(log.silence), log.baseline_milli_wh[0]) for log in logs]


def calls_of(scene: Scene, portfolio: bytes, product: Product) -> tuple[Call, ...]:
    """As the rights tell them."""
    return tuple(scene.world.rights.callsFrom.call(portfolio, 0, product.window_start))


def test_past_days_are_measured(scene: Scene) -> None:
    """Given three past days, the baseline is their mean, the response follows, and the event is measured."""
    portfolio = scene.world.create_portfolio()
    home = scene.home(0, portfolio)
    before = scene.keep([home], -5, -1)
    product, _ = scene.call(portfolio, 0)
    after = scene.keep([home], 0, 0)
    submission = scene.submission(product, before, after)
    (log,) = scene.prove(submission)
    # days -1, -2, -3 read 5 000, 4 000 and 3 000; the day itself 6 000
    assert tuple(log.baseline_milli_wh) == (4_000,) * 4
    assert tuple(log.metered_milli_wh) == (6_000,) * 4
    state = scene.world.measurement.eventState.call(event_id(product.event_key))
    assert state.status is EventStatus.MEASURED


def test_called_days_are_passed_over(scene: Scene) -> None:
    """Given a call on the day before, that day does not count; from whichever window by the horizon calls are gathered."""
    portfolio = scene.world.create_portfolio()
    home = scene.home(0, portfolio)
    before = scene.keep([home], -5, -1)
    early, _ = scene.call(portfolio, 0)
    scene.call(portfolio, 5)
    between = scene.keep([home], 0, 5)
    product, _ = scene.call(portfolio, 6)
    after = scene.keep([home], 6, 6)
    calls = calls_of(scene, portfolio, product)
    assert [one.window_start for one in calls] == [scene.at(0, 18), scene.at(5, 18)]
    submission = scene.submission(product, before, between, after, calls={home.metering_point: calls})
    horizon = scene.at(1, 0)
    for wrong, error, values in (
        (scene.at(5, 18), "Measurement_CallsFromTooLate", (scene.at(5, 18), horizon)),
        (scene.at(1, 0), "FlexibilityRights_BadPrevious", (portfolio, scene.at(1, 0))),
    ):
        with reverts(error, *values):
            scene.prove(submission, calls_from=wrong)
    other = replace(scene.past, look_back_days=BACK + 1)
    with reverts("Measurement_LookbackDiffers", scene.rule.lookback_hash, lookback_hash(other)):
        scene.prove(submission, lookback=other)
    # days 4, 3 and 2 read 10 000, 9 000 and 8 000
    assert baselines(scene.prove(submission, calls_from=early.window_start)) == [(Silence.OK, 9_000)]


def test_calls_follow_a_device_that_moved(scene: Scene) -> None:
    """Given a device that joined within the look-back, the calls of its earlier portfolio count, those here before it do not."""
    world = scene.world
    here, there = world.create_portfolio(), world.create_portfolio(salt=b"\1" * 32)
    stays, moves = scene.home(0, here), scene.home(1, there)
    before = scene.keep([stays, moves], -5, -1)
    scene.call(there, 0)
    scene.call(here, 1, 10)
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
    with reverts("Measurement_CallsFromTooLate", scene.at(2, 18), scene.at(-1, 0)):
        scene.prove(submission, [], [scene.at(2, 18)])
    logs = scene.prove(submission)
    # of 3, 2, 1, 0, -1: the one that stayed passes over 1, the one that moved over 2 and 0
    assert baselines(logs) == [(Silence.OK, (9_000 + 8_000 + 6_000) // 3), (Silence.OK, (9_000 + 7_000 + 5_000) // 3)]
