"""DeviceRegistry.payees and payeeOf: who collects for neighbouring places, each as `entry` says."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from flexbond.hashing import keccak
from tests.support.evm import reverts

if TYPE_CHECKING:
    from tests.support.world import World

PLACES = 5


@pytest.fixture
def portfolio(world: World) -> bytes:
    """Five places, of which one is left and one has another payee."""
    homes = [world.home(number) for number in range(PLACES)]
    made = world.portfolio_of(homes)
    world.devices.changePayee.send(made, 3, world.accounts.relayer, 0, b"", sender=homes[3].customer)
    world.devices.leave.send(homes[1].metering_point, sender=homes[1].customer)
    return made


@pytest.mark.parametrize("first", range(PLACES + 1))
def test_as_the_entries_say(world: World, portfolio: bytes, first: int) -> None:
    """Given any row of places, none included, their payees come in order, those of places left too."""
    entries = [world.devices.entry.call(portfolio, place).payee for place in range(PLACES)]
    assert entries[3] == world.accounts.relayer.address
    for count in range(PLACES + 1 - first):
        assert list(world.devices.payees.call(portfolio, first, count)) == entries[first : first + count]
    assert [world.devices.payeeOf.call(portfolio, place) for place in range(PLACES)] == entries


@pytest.mark.parametrize(
    ("first", "count", "missing"),
    [
        (0, 6, 5),
        (4, 2, 5),
        (5, 1, 5),
        (6, 0, 6),
        (9, 1, 9),
        (2**256 - 1, 1, 2**256 - 1),
        (1, 2**256 - 1, 5),
    ],
)
def test_only_of_places(world: World, portfolio: bytes, first: int, count: int, missing: int) -> None:
    """Given places that are none, the first of them is named."""
    with reverts("DeviceRegistry_EntryUnknown", portfolio, missing):
        world.devices.payees.call(portfolio, first, count)


@pytest.mark.parametrize("place", [PLACES, 2**256 - 1])
def test_only_of_a_place(world: World, portfolio: bytes, place: int) -> None:
    """Given a place that is none, it is named."""
    with reverts("DeviceRegistry_EntryUnknown", portfolio, place):
        world.devices.payeeOf.call(portfolio, place)


def test_of_no_portfolio(world: World) -> None:
    """Given a portfolio that is none, it has no places."""
    unknown = keccak(b"no portfolio")
    with reverts("DeviceRegistry_EntryUnknown", unknown, 0):
        world.devices.payees.call(unknown, 0, 1)
