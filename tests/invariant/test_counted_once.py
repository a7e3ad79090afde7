"""INV-13: no way through the same second lets a metering point be counted twice."""

from __future__ import annotations

from typing import Any

import pytest

from flexbond.chain.development import customer_signer
from flexbond.ids import event_id
from tests.support.evm import Reverted
from tests.support.world import World

OTHER = customer_signer(700)
"""A second provider."""


def counted(world: World, product: Any) -> set[bytes]:
    """Who is measured in the product's event."""
    notice = world.measurement.eventState.call(event_id(product.event_key)).first_notice
    entries = world.entries(product.event_key, notice)
    return {entry.metering_point for entry in entries if entry.was_in_before(notice)}


@pytest.mark.parametrize("order", ["leave, notice, enrol", "leave, enrol, notice", "notice, leave, enrol"])
@pytest.mark.parametrize("wait", [0, 1])
def test_inv_13_leaving_in_the_second_of_a_notice(world: World, order: str, wait: int) -> None:
    """given a home that leaves in the very second of a notice, when it joins elsewhere, it is counted there or here, never twice"""
    people = world.accounts
    world.qualify(OTHER, provider=True)
    world.fund(OTHER, 10**12)
    first = world.portfolio_of([world.home(0), world.home(1)])
    second = world.create_portfolio(provider=OTHER)
    world.state(world.home(2))
    world.enrol(world.home(2), world.consent(world.home(2), second), sender=OTHER)
    products = [world.product(first), world.product(second, provider=OTHER.address)]
    for product, signer in zip(products, (people.provider, OTHER), strict=True):
        world.take(world.offer(product, 3), buyer=people.buyer, signer=signer)
    world.evm.time = products[0].window_start - 3_600
    home = world.home(0)

    for step in order.split(", "):
        if step == "leave":
            world.devices.leave.send(home.metering_point, sender=home.customer)
        elif step == "notice":
            world.dispatch(products[0], units=3, orders_w=[3_000] * 4)
        else:
            world.evm.time += wait
            try:
                world.enrol(home, world.consent(home, second), sender=OTHER)
            except Reverted as refused:
                assert refused.name == "DeviceRegistry_StillCommitted", refused
    world.evm.time += 1
    world.dispatch(products[1], units=3, orders_w=[3_000] * 4)

    both = counted(world, products[0]) & counted(world, products[1])
    assert not both, "INV-13: a home is counted in two events at once"
