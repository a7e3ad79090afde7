"""A drawn leaf of a million whose device is measured by its past days, on Anvil: high 5 of 10, 15-minute day records, 8 periods.

As in `proof_scenario` its past days were anchored in trees of 2^20 leaves, as one history leaf or apart; as in
`sampled_scenario` the registry's list is made long in the node's storage, all devices did the same, and the device
stands where the first point was drawn.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from flexbond.ids import event_id, lookback_hash
from flexbond.model.rules import measuring_terms_of
from flexbond.model.sampling import draw, points_of, weight_scale
from flexbond.model.types import BaselineMethod, Context
from tests.gas.alike import Alike
from tests.gas.long_list import LongList
from tests.gas.proof_scenario import DAYS, HOUR, record_of, siblings
from tests.gas.sampled_event import RICH
from tests.support.lookbacks import calendar_days, lookback
from tests.support.proofs import show
from tests.support.world import DAY, World

if TYPE_CHECKING:
    from collections.abc import Sequence

    from flexbond.model.types import Lookback, Product, Rule
    from tests.gas.anvil import AnvilEvm
    from tests.support.proofs import Batch
    from tests.support.world import Home

DEVICES: Final = 1_000_000
POINTS: Final = 16
UNITS: Final = 4


def sampled_past_gas(evm: AnvilEvm) -> dict[str, int]:
    """Gas of the whole transaction that proves the leaf, by how the device's past days were kept."""
    world = World(evm=evm)
    world.settle_in()
    world.fund(world.accounts.provider, RICH)
    home = world.home(0)
    today = evm.time // DAY
    world.state(home, world.statement(home, valid_from=(today - 2 * DAYS) * DAY))
    past = lookback(world.publish_calendar(calendar_days(today)))
    rule = _rule(world, past)
    world.publish(rule, past)
    portfolio = world.create_portfolio()
    world.enrol(home, world.consent(home, portfolio))
    evm.time += 1
    places = LongList.of(world, evm, portfolio, DEVICES)

    records = [record_of(world, home, today - back, 900_000) for back in range(DAYS, 0, -1)]
    history = world.anchor(records, histories=[range(DAYS)], above=siblings(0))
    apart = [world.anchor([one], above=siblings(1 + at)) for at, one in enumerate(records)]
    evening = world.tomorrow() - DAY + 18 * HOUR
    starts = evening, evening + 2 * HOUR
    products = [
        world.product(portfolio, rule=rule, window_start=start, window_end=start + 2 * HOUR) for start in starts
    ]
    for product in products:
        world.buy(product, units=UNITS)
    for product in products:
        evm.time = product.window_start - HOUR
        world.dispatch(product, units=UNITS, orders_w=[UNITS * 1_000] * 8, rule=rule)
    evm.time = (today + 1) * DAY
    own = world.anchor([record_of(world, home, today, 100_000)], above=siblings(20))
    evm.time = products[-1].window_end + rule.reading_deadline
    gas = {}
    cases = ("one history leaf", [history, own]), ("11 anchored batches", [*apart, own])
    for product, (name, batches) in zip(products, cases, strict=True):
        _prove(world, evm, places, home, product, rule, past, batches)
        gas[f"sampled: prove: one leaf of 1 000 000, 8 periods, high 5 of 10, {name}"] = evm.result.gas_used
    return gas


def _rule(world: World, past: Lookback) -> Rule:
    return world.rule(
        baseline=BaselineMethod.X_OF_Y,
        baseline_periods=0,
        lookback_hash=lookback_hash(past),
        spot_checks=POINTS,
        draw_delay=3,
        challenge_window=3 * DAY,
        max_demands=2,
        demand_fee=10**6,
        bond_per_mw=4 * 10**10,
        challenger_share_bps=5_000,
    )


def _prove(
    world: World,
    evm: AnvilEvm,
    places: LongList,
    home: Home,
    product: Product,
    rule: Rule,
    past: Lookback,
    batches: Sequence[Batch],
) -> None:
    """Submits, draws, and proves the leaf of the first point."""
    proof = show(batches, home, world.needed_starts(product, rule=rule, lookback=past))
    question = world.question(product, rule=rule, lookback=past)
    entry = world.devices.entry.call(product.portfolio_id, 0)
    answer = world.measuring.measure.call(measuring_terms_of(rule), question, entry, proof)
    honest = Alike(answer=answer, leaves=DEVICES)
    key, checks = product.event_key, world.spot_checks
    checks.submit.send(key, honest.root, honest.totals, sender=world.accounts.provider)
    evm.number = checks.check.call(event_id(key)).moment + 1
    checks.draw.send(event_id(key), sender=world.accounts.relayer)
    scale = weight_scale(rule, len(answer.columns))
    seed = checks.check.call(event_id(key)).seed
    place = honest.holder(*draw(honest.claim, seed, points_of(honest.claim, POINTS, scale), scale)[0])
    places.put(place, 0)
    context = Context(key=key, claim=honest.claim, lookback=past)
    checks.prove.send(context, [honest.leaf(place)], [proof], sender=world.accounts.relayer)
