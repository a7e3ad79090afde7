"""The world itself: a whole event through its helpers, and tests that do not see each other."""

from __future__ import annotations

import pytest

from flexbond.model.settlement import settle_dispatch
from flexbond.model.types import EventStatus, SignerScheme
from flexbond.signing.signers import Secp256k1Signer
from tests.support.world import MONEY, World


def holdings(world: World) -> int:
    """Free money of all who get any in the end."""
    people = world.accounts
    accounts = [people.provider, people.buyer, people.second_buyer, *(world.home(i).customer for i in range(5))]
    return sum(world.free(account) for account in accounts)


@pytest.mark.parametrize("at_a_time", [None, 1, 2])
@pytest.mark.parametrize("scheme", [SignerScheme.SECP256K1, SignerScheme.P256])
def test_a_whole_event(world: World, scheme: SignerScheme, at_a_time: int | None) -> None:
    """Given homes that deliver what two buyers ordered, when all is done, the model agrees and no money is lost."""
    people = world.accounts
    homes = [world.home(number, scheme=scheme, capacity_w=2_000) for number in range(5)]
    product = world.product(world.portfolio_of(homes))
    before = holdings(world)
    world.buy(product, units=4, buyer=people.buyer)
    world.buy(product, units=2, buyer=people.second_buyer)
    world.evm.time = product.window_start - 1_800
    first = world.dispatch(product, units=4, orders_w=[4_000, 4_000, 0, 4_000], holder=people.buyer).dispatch
    second = world.dispatch(product, units=2, orders_w=[2_000] * 4, holder=people.second_buyer).dispatch

    def reading(start: int) -> int:
        return 600_000 if product.window_start <= start < product.window_end else 800_000

    batch = world.attest_readings(product, dict.fromkeys(homes, reading))
    submission = world.submission(product, batch, silent=homes[4:])
    world.submit(submission)
    responses = world.prove(submission, at_a_time=at_a_time)
    assert responses == submission.measured.responses_milli_wh
    assert world.measurement.eventState.call(submission.event).status is EventStatus.MEASURED
    ordered = [a + b for a, b in zip(first.orders_w, second.orders_w, strict=True)]
    for dispatch in (first, second):
        settled = world.settle(product, dispatch, responses).value
        expected = settle_dispatch(
            product=product,
            rule=world.rule(),
            dispatch=dispatch,
            responses_milli_wh=responses,
            event_orders_w=ordered,
            customer_share_bps=6_000,
        )
        assert settled == expected.settled
    for index in range(4):
        assert world.collect(submission, index=index).value > 0
    dust = before - holdings(world)
    assert 0 <= dust < len(homes)
    assert world.escrow.owed.call(world.token.address) == 3 * MONEY


@pytest.mark.parametrize("again", [1, 2])
def test_every_test_has_the_same_world(world: World, again: int) -> None:
    """Given a test that changed things, the next one does not see them."""
    assert world.free(world.accounts.buyer) == MONEY
    portfolio = world.portfolio_of([world.home(0)])
    world.buy(world.product(portfolio), units=1)
    assert world.free(world.accounts.buyer) < MONEY


def test_people_are_not_each_other(world: World) -> None:
    """Given the accounts, no two are the same, customers and devices included."""
    people: list[Secp256k1Signer] = list(vars(world.accounts).values())
    homes = [world.home(number) for number in range(20)]
    addresses = [item.address for item in (*people, *(home.customer for home in homes))]
    addresses += [home.device.address for home in homes]
    assert len(set(addresses)) == len(addresses)
