"""One device of 15-minute day records proven over windows of 8 periods, on Anvil: high 5 of 10, and against its last period.

Its past days were anchored, unseen, in trees of 2^20 leaves; of these the path alone is made. The event's own day was too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from flexbond.hashing import keccak
from flexbond.ids import lookback_hash
from flexbond.model.types import NO_LOOKBACK, BaselineMethod
from tests.support.lookbacks import calendar_days, lookback
from tests.support.world import DAY, GRID, World

if TYPE_CHECKING:
    from collections.abc import Sequence

    from flexbond.records import MeterRecord
    from tests.gas.anvil import AnvilEvm
    from tests.support.proofs import Batch
    from tests.support.world import Home

HOUR: Final = 3_600
DEPTH: Final = 20
DAYS: Final = 10
UNITS: Final = 4


def siblings(number: int) -> list[bytes]:
    """A path of a tree of 2^20 leaves."""
    return [keccak(bytes([number, level])) for level in range(DEPTH)]


def proof_gas(evm: AnvilEvm) -> dict[str, int]:
    """Gas of the whole transaction that proves the device, by how its past days were kept."""
    world = World(evm=evm)
    world.settle_in()
    home = world.home(0)
    today = evm.time // DAY
    world.state(home, world.statement(home, valid_from=(today - 2 * DAYS) * DAY))
    days = calendar_days(today)
    past = lookback(world.publish_calendar(days))
    rule = world.rule(baseline=BaselineMethod.X_OF_Y, baseline_periods=0, lookback_hash=lookback_hash(past))
    world.publish(rule, past)
    portfolio = world.create_portfolio()
    world.enrol(home, world.consent(home, portfolio))
    evm.time += 1

    records = [record_of(world, home, today - back, 900_000) for back in range(DAYS, 0, -1)]
    history = world.anchor(records, histories=[range(DAYS)], above=siblings(0))
    apart = [world.anchor([one], above=siblings(1 + at)) for at, one in enumerate(records)]
    evening = world.tomorrow() - DAY + 18 * HOUR
    windows = [evening + n * 2 * HOUR for n in range(3)]
    rules = [rule, rule, world.rule()]
    products = [
        world.product(portfolio, rule=under, window_start=start, window_end=start + 2 * HOUR)
        for under, start in zip(rules, windows, strict=True)
    ]
    for product in products:
        world.buy(product, units=UNITS)
    for product, under in zip(products, rules, strict=True):
        evm.time = product.window_start - HOUR
        world.dispatch(product, units=UNITS, orders_w=[UNITS * 1_000] * 8, rule=under)
    evm.time = (today + 1) * DAY
    last = [record_of(world, home, today, 100_000)]
    own, attested = world.anchor(last, above=siblings(20)), world.attest(last)
    cases: list[tuple[str, Sequence[Batch]]] = [
        ("high 5 of 10, one history leaf", [history, own]),
        ("high 5 of 10, 11 anchored batches", [*apart, own]),
        ("MeterBefore", [attested]),
    ]
    gas = {}
    for product, under, (name, batches) in zip(products, rules, cases, strict=True):
        of = past if under is rule else NO_LOOKBACK
        submission = world.submission(product, *batches, rule=under, lookback=of)
        world.submit(submission)
        world.prove(submission)
        gas[f"prove: one device, 8 periods, {name}"] = evm.result.gas_used
        gas[f"measure: one device, 8 periods, {name}"] = evm.spent_within(world.verifier.measureAll)
    return gas


def record_of(world: World, home: Home, day: int, level: int) -> tuple[Home, MeterRecord]:
    """A day's record of a home, around a level, mWh a quarter hour."""
    readings = [level + 1_000 * place for place in range(GRID.readings_per_slot)]
    return home, world.record(home, day * DAY, readings)
