"""Sampled submissions on Anvil: every step for portfolios of 10, 1 000 and 1 000 000 devices, over windows of 2 and 8 periods.

The contracts are the real ones, and see what they would see of such a fleet: roots, totals and proofs. The trees of
submissions are built in full, here; the registry's list is made long in the node's storage, and who stands at the
places that are drawn is written there once they are known (`long_list`). All devices did the same, each against its
last quarter hour. Their records are a day's, signed, and anchored in a tree of 2^20 leaves, of which above those that
are shown only the path is made.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from flexbond.trees import depth_of
from tests.gas.long_list import LongList
from tests.gas.proof_scenario import DEPTH, siblings
from tests.gas.sampled_event import RICH, Event
from tests.support.world import DAY, World

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from flexbond.model.types import Product
    from tests.gas.anvil import AnvilEvm

SIZES: Final = {10: 8, 1_000: 16, 1_000_000: 16}
"""Points that are drawn, by the number of devices."""
PERIODS: Final = (2, 8)
HOMES: Final = 16
"""Homes that are stated and enrolled, of a portfolio of as many at least."""
UNITS: Final = 40
HOUR: Final = 3_600
QUARTER: Final = 900


def sampled_gas(evm: AnvilEvm) -> dict[str, int]:
    """Gas of every step by its name, the number of periods and of devices."""
    world = World(evm=evm)
    world.settle_in()
    for account in (world.accounts.provider, world.accounts.buyer):
        world.fund(account, RICH)
    gas: dict[str, int] = {}
    for size, points in SIZES.items():
        with evm.rollback():
            gas |= Fleet(world, evm, size, points).tell()
    return gas


class Fleet:
    """One portfolio, and what is done with its events."""

    def __init__(self, world: World, evm: AnvilEvm, size: int, points: int) -> None:
        self.world = world
        self.evm = evm
        self.size = size
        self.gas: dict[str, int] = {}
        self.rule = world.rule(
            spot_checks=points,
            draw_delay=3,
            challenge_window=3 * DAY,
            submission_deadline=10 * DAY,
            max_demands=2,
            demand_fee=10**6,
            bond_per_mw=4 * 10**10,
            challenger_share_bps=5_000,
        )
        world.publish(self.rule)
        self.homes = [world.home(number) for number in range(min(size, HOMES))]
        self.portfolio = world.portfolio_of(self.homes)
        self.list = LongList.of(world, evm, self.portfolio, size)

    def note(self, name: str, periods: int, gas: int | None = None) -> None:
        """Keeps what the last transaction cost, or this."""
        full = self._name(name, periods)
        assert full not in self.gas, full
        self.gas[full] = self.evm.result.gas_used if gas is None else gas

    def cost(self, name: str, periods: int) -> int:
        """What was kept."""
        return self.gas[self._name(name, periods)]

    def _name(self, name: str, periods: int) -> str:
        size = f"{self.size:,}".replace(",", " ")
        return f"sampled: {name}, {periods} periods, {size} devices"

    def tell(self) -> dict[str, int]:
        """Both windows of one day, from the dispatch on."""
        world, evm = self.world, self.evm
        starts = world.tomorrow(12), world.tomorrow(18)
        products = [
            world.product(
                self.portfolio,
                rule=self.rule,
                window_start=start,
                window_end=start + periods * QUARTER,
                lot_w=20 * self.size,
            )
            for start, periods in zip(starts, PERIODS, strict=True)
        ]
        for product in products:
            world.buy(product, units=UNITS)
        events = []
        for product, periods in zip(products, PERIODS, strict=True):
            evm.time = product.window_start - HOUR
            orders = [UNITS * product.lot_w] * periods
            called = world.dispatch(product, units=UNITS, orders_w=orders, rule=self.rule).dispatch
            self.note("dispatch", periods)
            events.append((product, called))
        records = world.records_of(products[0], dict.fromkeys(self.homes, _reading(products)), rule=self.rule)
        missing = DEPTH - depth_of(len(records))
        batches = [
            world.anchor(records, above=siblings(number)[:missing], sender=sender)
            for number, sender in enumerate((world.accounts.provider, world.accounts.relayer))
        ]
        for number, (product, called) in enumerate(events):
            Event(self, product, called, batches, is_first=number == 0).tell()
        return self.gas

    def stand(self, places: Sequence[int]) -> dict[int, int]:
        """Puts a home of its own at each of these places; home by place."""
        if self.size == len(self.homes):
            return {place: place for place in places}
        found = {place: number for number, place in enumerate(dict.fromkeys(places))}
        for place, number in found.items():
            self.list.put(place, number)
        return found


def _reading(products: Sequence[Product]) -> Callable[[int], int]:
    """What every meter reads: a kilowatt hour less in the windows, never the same twice, mWh."""

    def reading(start: int) -> int:
        shed = any(product.window_start <= start < product.window_end for product in products)
        return 1_310_000 - shed * 1_000_000 + start % DAY // QUARTER * 101

    return reading
