"""Measurement.prove where the days that an event needs lie on two pages of its calendar, or at its very end."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from flexbond.ids import lookback_hash
from flexbond.model.types import BaselineMethod, Silence
from tests.support.evm import reverts
from tests.support.lookbacks import PAGE, calendar_days, day_class, lookback
from tests.support.proofs import show
from tests.support.world import DAY, GRID, World

if TYPE_CHECKING:
    from flexbond.model.types import Lookback, Rule

QUARTER = 900
HOUR = 3_600


@dataclass
class Border:
    """A home with records of the days around the first day of a page, in a zone where it is always summer, or never."""

    world: World
    page: int
    """That day."""

    def rule(self, pages: int, summer: bool, **changes: int) -> tuple[Rule, Lookback]:
        """The day before, under a calendar of so many pages, of which the third begins with the first day."""
        days = calendar_days(self.page - 1, summer_seconds=HOUR)
        every = ((1 << PAGE) - 1 if summer else 0,) * pages
        days = replace(days, summer=every, holidays=(0,) * pages)
        past = lookback(
            self.world.publish_calendar(days), day_class(x=1, y=1), look_back_days=changes.pop("look_back_days", 5)
        )
        rule = self.world.rule(
            baseline=BaselineMethod.X_OF_Y, baseline_periods=0, lookback_hash=lookback_hash(past), **changes
        )
        self.world.publish(rule, past)
        return rule, past

    def proven(self, pages: int, start: int, notice: int, *, summer: bool = True, **changes: int) -> list[int]:
        """Baselines of an hour from a start, after a notice."""
        world = self.world
        rule, past = self.rule(pages, summer, **changes)
        home = world.home(0)
        world.state(home, world.statement(home, valid_from=(self.page - 20) * DAY))
        portfolio = world.create_portfolio()
        world.enrol(home, world.consent(home, portfolio))
        world.evm.time += 1
        product = world.product(portfolio, rule=rule, window_start=start, window_end=start + HOUR)
        world.buy(product, units=1)
        first = self.page - 10
        last = notice // DAY
        world.evm.time = last * DAY + 1
        days = [(home, world.record(home, day * DAY, [1_000] * GRID.readings_per_slot)) for day in range(first, last)]
        kept = [world.attest(days)]
        world.evm.time = notice
        world.dispatch(product, units=1, orders_w=[1_000] * 4, rule=rule)
        world.evm.time = (start + HOUR - 1) // DAY * DAY + DAY
        days = [
            (home, world.record(home, day * DAY, [400] * GRID.readings_per_slot))
            for day in range(last, (start + HOUR - 1) // DAY + 1)
        ]
        kept.append(world.attest(days))
        submission = world.submission(product, *kept, rule=rule, lookback=past)
        shown = show(kept, home, range((first + 1) * DAY, start + HOUR, QUARTER))
        world.submit(submission)
        submission = replace(submission, proofs=(shown,))
        (log,) = world.measurement.prove.send(
            world.context(submission), submission.proofs, sender=world.accounts.provider
        ).all("LeafProven")
        return list(log.baseline_milli_wh)


def border(world: World) -> Border:
    """A week before the page."""
    page = (world.evm.time // DAY // PAGE + 1) * PAGE
    world.evm.time = (page - 8) * DAY
    return Border(world=world, page=page)


def test_a_window_over_the_last_midnight_of_a_page(world: World) -> None:
    """Given a window from 23:30 to 00:30 local, the day after its end begins a page, and is given too."""
    edge = border(world)
    start = (edge.page - 2) * DAY + 22 * HOUR + 2 * QUARTER
    assert edge.proven(3, start, start - HOUR) == [1_000] * 4


def test_a_window_to_the_end_of_the_calendar(world: World) -> None:
    """Given a window that ends when the last known day begins, the days that are not known are not asked for."""
    edge = border(world)
    end = (edge.page - 1) * DAY
    assert edge.proven(2, end - HOUR, end - 2 * HOUR, summer=False) == [1_000] * 4


def test_a_notice_before_the_first_day_looked_at(world: World) -> None:
    """Given a notice on the page before, a device without days found is silent for that and nothing else."""
    edge = border(world)
    start = (edge.page + 1) * DAY + 10 * HOUR
    with reverts("Measurement_LeafRefused", 0, Silence.TOO_FEW_DAYS):
        edge.proven(3, start, start - 2 * DAY, look_back_days=1, gate_seconds=2 * DAY)
