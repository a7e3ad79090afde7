"""One sampled event under a baseline of past days, to the moment at which it can be submitted.

Four homes, called over four quarter hours; home `i` then takes `100 000 * (i + 1)` mWh less than a kilowatt hour in each. The mean is of
the two last working, or other, days; each day every home took 1 000 mWh a quarter hour less than on the one before.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from flexbond.ids import lookback_hash
from flexbond.model.types import BaselineMethod
from tests.support.lookbacks import OTHER_DAYS, WORKING_DAYS, calendar_days, day_class, lookback
from tests.support.proofs import show
from tests.support.sampled import Sampled
from tests.support.world import GRID
from tests.unit.spot_checks.scene import FEE, STEP
from tests.unit.story import DAY, GATE, KWH

if TYPE_CHECKING:
    from flexbond.model.types import DeviceProof, Product
    from flexbond.records import MeterRecord
    from tests.support.proofs import Batch
    from tests.support.world import Home, World

DAYS: Final = 7
"""Past days of which there are records."""


@dataclass(frozen=True, kw_only=True)
class Past:
    """A called event, and the honest submission of it."""

    honest: Sampled
    product: Product
    homes: tuple[Home, ...]
    days: dict[int, Batch]
    """Records of past days, by how many days before the event."""
    own: Batch
    """Those of the event's day."""

    def proof_without(self, place: int, *hidden: int) -> DeviceProof:
        """The records of a home but for those of some days before the event."""
        submission, world = self.honest.submission, self.honest.world
        batches = [batch for back, batch in self.days.items() if back not in hidden]
        starts = world.needed_starts(self.product, rule=submission.rule, lookback=submission.lookback)
        return show([*batches, self.own], self.homes[place], starts)


def open_past(world: World, *, min_days: int = 2, anchored_by: Any = None) -> Past:
    """Called, with all records kept: attested by a relayer, or anchored by someone."""
    today = world.evm.time // DAY
    classes = [day_class(kinds, x=2, y=2, min_days=min_days) for kinds in (WORKING_DAYS, OTHER_DAYS)]
    past = lookback(world.publish_calendar(calendar_days(today)), *classes, look_back_days=DAYS)
    rule = world.rule(
        baseline=BaselineMethod.X_OF_Y,
        baseline_periods=0,
        lookback_hash=lookback_hash(past),
        spot_checks=3,
        draw_delay=3,
        challenge_window=3 * DAY,
        max_demands=2,
        demand_fee=FEE,
        bond_per_mw=10**9,
        challenger_share_bps=5_000,
    )
    world.publish(rule, past)
    portfolio = world.create_portfolio()
    homes = tuple(world.home(number) for number in range(4))
    for home in homes:
        world.state(home, world.statement(home, valid_from=(today - DAYS - 1) * DAY))
        world.enrol(home, world.consent(home, portfolio))
    world.evm.time += 1
    product = world.product(portfolio, rule=rule)
    world.buy(product, units=6)

    def kept(records: list[tuple[Home, MeterRecord]]) -> Batch:
        return world.anchor(records, sender=anchored_by) if anchored_by else world.attest(records)

    world.evm.time = product.window_start - 2 * GATE
    days = {
        back: kept([_record(world, home, today + 1 - back, KWH + 1_000 * back) for home in homes])
        for back in range(DAYS, 0, -1)
    }
    world.evm.time += GATE
    world.dispatch(product, units=6, orders_w=[6_000] * 4, rule=rule)
    world.evm.time += DAY
    own = kept([_record(world, home, today + 1, KWH - STEP * (1 + home.number)) for home in homes])
    submission = world.submission(product, *days.values(), own, rule=rule, lookback=past)
    return Past(honest=Sampled.of(world, submission), product=product, homes=homes, days=days, own=own)


def _record(world: World, home: Home, day: int, milli_wh: int) -> tuple[Home, MeterRecord]:
    """The same in every period of a day."""
    return home, world.record(home, day * DAY, [milli_wh] * GRID.readings_per_slot)
