"""The dearest proof of one device, on Anvil: a window of a whole day, 96 periods, against 20 of 20 past days.

Its days were anchored, unseen, in trees of 2^20 leaves: all past ones in one history, or each in a tree of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from flexbond.ids import lookback_hash
from flexbond.model.types import BaselineMethod, SignerScheme, Silence
from tests.gas.proof_scenario import record_of, siblings
from tests.support.lookbacks import calendar_days, day_class, lookback
from tests.support.world import DAY, World

if TYPE_CHECKING:
    from tests.gas.anvil import AnvilEvm

DAYS: Final = 20
PERIODS: Final = 96
QUARTER: Final = 900
SCHEMES: Final = {SignerScheme.SECP256K1: "secp256k1", SignerScheme.P256: "P-256"}


def dearest_gas(evm: AnvilEvm) -> dict[str, int]:
    """Gas of the whole transaction that proves the device, by its key and how its past days were kept."""
    world = World(evm=evm)
    world.settle_in()
    gas: dict[str, int] = {}
    for scheme in SCHEMES:
        with evm.rollback():
            gas |= _of(world, evm, scheme)
    return gas


def _of(world: World, evm: AnvilEvm, scheme: SignerScheme) -> dict[str, int]:
    home = world.home(0, scheme=scheme)
    today = evm.time // DAY
    world.state(home, world.statement(home, valid_from=(today - 2 * DAYS) * DAY))
    past = lookback(
        world.publish_calendar(calendar_days(today)), day_class(x=DAYS, y=DAYS, min_days=DAYS), look_back_days=2 * DAYS
    )
    rule = world.rule(
        baseline=BaselineMethod.X_OF_Y, baseline_periods=0, lookback_hash=lookback_hash(past), gate_seconds=QUARTER
    )
    world.publish(rule, past)
    portfolio = world.create_portfolio()
    world.enrol(home, world.consent(home, portfolio))
    day = today + 2
    product = world.product(
        portfolio, rule=rule, window_start=day * DAY, window_end=day * DAY + PERIODS * QUARTER, lot_w=1_000
    )
    evm.time = product.window_start - 2 * QUARTER
    # Of the day before, a part is still to come at the notice.
    records = [record_of(world, home, day - back, 900_000) for back in range(DAYS + 1, 1, -1)]
    batches = {
        "one history leaf": [world.anchor(records, histories=[range(DAYS)], above=siblings(0))],
        "21 anchored batches": [world.anchor([one], above=siblings(1 + at)) for at, one in enumerate(records)],
    }
    world.buy(product, units=1)
    evm.time = product.window_start - QUARTER
    world.dispatch(product, units=1, orders_w=[product.lot_w] * PERIODS, rule=rule)
    evm.time = product.window_end
    own = world.anchor([record_of(world, home, day, 100_000)], above=siblings(DAYS + 1))
    gas = {}
    for name, kept in batches.items():
        with evm.rollback():
            submission = world.submission(product, *kept, own, rule=rule, lookback=past)
            world.submit(submission)
            proven = world.prove_part(submission, proven=0, count=1).only("LeafProven")
            assert proven.silence == Silence.OK
            gas[f"prove: one device, {PERIODS} periods, {DAYS} of {DAYS}, {name}, {SCHEMES[scheme]}"] = (
                evm.result.gas_used
            )
    return gas
