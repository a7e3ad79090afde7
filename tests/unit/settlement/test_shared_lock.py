"""Rights of one event share a lock: everybody ends with what they would have if each right had stood alone."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pytest

from flexbond.ids import lock_id
from flexbond.model.types import Funding, LockReason

if TYPE_CHECKING:
    from flexbond.model.types import Product
    from tests.support.world import World
    from tests.unit.story import Story

UNITS = 6


@dataclass(frozen=True)
class Deal:
    """What becomes of one right: of its units so many are given up, called, and given up after the window."""

    product: Product
    buyer: Any
    released: int
    called: int
    late: int


def deals_of(story: Story, chance: random.Random) -> list[Deal]:
    """Three rights of one event, of two buyers, at prices that never come out even."""
    accounts = story.world.accounts
    made = []
    for number in range(3):
        product = replace(
            story.product,
            availability_per_mwhour=40_000_001 + 7_777_777 * number,
            shortfall_per_mwh=900_000_007 + 333_333_333 * number,
            utilisation_per_mwh=600_000_011 + number,
        )
        released, called = chance.choice([(0, 0), (0, 6), (2, 3), (6, 0), (1, 5), (3, 1)])
        late = chance.randrange(UNITS - released - called + 1)
        buyer = (accounts.buyer, accounts.second_buyer)[number % 2]
        made.append(Deal(product=product, buyer=buyer, released=released, called=called, late=late))
    return made


def play(story: Story, deals: list[Deal], *, unavailable: bool, chance: random.Random) -> Counter[str]:
    """Sells, gives up, calls, settles and expires; what each party has gained."""
    world = story.world
    people = {"provider": world.accounts.provider, "buyer": world.accounts.buyer, "second": world.accounts.second_buyer}
    before = {name: world.free(account) for name, account in people.items()}
    for deal in deals:
        story.sell(UNITS, deal.buyer, deal.product)
    for deal in deals:
        if deal.released:
            world.release(deal.product, units=deal.released, holder=deal.buyer)
    if unavailable:
        world.declare_unavailable(story.product)
    story.close_gate()
    calls = []
    for deal in deals:
        if deal.called and not unavailable:
            calls.append((deal.product, story.call(deal.called, holder=deal.buyer, product=deal.product)))
    if calls:
        story.fail()
    else:
        world.evm.time = story.product.window_end
    for deal in deals:
        if deal.late and not unavailable:
            world.release(deal.product, units=deal.late, holder=deal.buyer)
    steps: list[Any] = [lambda p=product, c=call: story.settle(c, product=p) for product, call in calls]
    steps += [lambda p=deal.product: world.settle_uncalled(p, rule=story.rule) for deal in deals]
    chance.shuffle(steps)
    for step in steps:
        step()
    if unavailable:
        for deal in deals:
            if deal.released < UNITS:
                world.release(deal.product, units=UNITS - deal.released, holder=deal.buyer)
    _, left = world.escrow.lockOf.call(lock_id(story.rule.currency, LockReason.RIGHTS, story.event))
    assert left == 0
    return Counter({name: world.free(account) - before[name] for name, account in people.items()})


@pytest.mark.parametrize("funding", Funding)
@pytest.mark.parametrize("unavailable", [False, True])
@pytest.mark.parametrize("seed", range(6))
def test_together_as_apart(story: Story, funding: Funding, unavailable: bool, seed: int) -> None:
    """Given three rights of an event, the gains of all are the sum of what each right alone gives, and the lock ends empty."""
    world: World = story.world
    rule = replace(story.rule, funding=funding, stop_loss_bps=3_333, collateral_bps=7_777)
    if rule != story.rule:
        world.publish(rule)
    portfolio = story.portfolio
    product = world.product(portfolio, rule=rule)
    told = replace(story, rule=rule, product=product)
    chance = random.Random(seed)
    deals = deals_of(told, chance)
    apart: Counter[str] = Counter()
    for deal in deals:
        with world.evm.rollback():
            apart.update(play(told, [deal], unavailable=unavailable, chance=chance))
    assert play(told, deals, unavailable=unavailable, chance=chance) == apart
    assert sum(apart.values()) <= 0
