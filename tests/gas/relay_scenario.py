"""A relay collects for 100 neighbours of a portfolio of 120 homes, on Anvil: first money for all of them, then the second."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tests.support.world import World

if TYPE_CHECKING:
    from tests.gas.anvil import AnvilEvm

HOUR: Final = 3_600
HOMES: Final = 120
FIRST: Final = 10
NEIGHBOURS: Final = 100
UNITS: Final = 60


def relay_gas(evm: AnvilEvm) -> dict[str, int]:
    """Gas of the whole transaction for each of the neighbours, rounded up, by whether the payees had a balance before."""
    world = World(evm=evm)
    world.settle_in()
    rule = world.rule(spot_checks=HOMES)
    world.publish(rule)
    homes = [world.home(number) for number in range(HOMES)]
    portfolio = world.portfolio_of(homes)
    evening = world.tomorrow(18)
    windows = [(start, start + HOUR // 2) for start in (evening, evening + 2 * HOUR)]
    products = [world.product(portfolio, rule=rule, window_start=start, window_end=end) for start, end in windows]
    for product in products:
        world.buy(product, units=UNITS)
    calls = []
    for product in products:
        evm.time = product.window_start - HOUR
        calls.append(world.dispatch(product, units=UNITS, orders_w=[UNITS * 1_000] * 2, rule=rule).dispatch)

    def reading(start: int) -> int:
        return 800_000 if any(begin <= start < end for begin, end in windows) else 1_000_000

    batch = world.attest_readings(products[0], dict.fromkeys(homes, reading), rule=rule)
    gas = {}
    for product, called, name in zip(products, calls, ("all slots new", "the payee has a balance"), strict=True):
        submission = world.submission(product, batch, rule=rule)
        world.submit(submission)
        world.settle(product, called, world.prove(submission, at_a_time=HOMES // 2), rule=rule)
        world.collect_many([world.neighbours_claim(submission, FIRST, NEIGHBOURS)])
        gas[f"collectMany: each of {NEIGHBOURS} neighbours, {name}"] = -(-evm.result.gas_used // NEIGHBOURS)
    return gas
