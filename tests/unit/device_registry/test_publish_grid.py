"""DeviceRegistry.publishGrid and grid."""

from __future__ import annotations

import pytest

from flexbond.model.types import Grid
from tests.support.evm import reverts
from tests.support.world import DAY, GRID, World


def publish(world: World, period: int, readings: int, offset: int) -> int:
    """Publishes a grid; its id."""
    grid = Grid(period_seconds=period, readings_per_slot=readings, offset_seconds=offset)
    return int(world.devices.publishGrid.send(grid, sender=world.accounts.market_operator).value)


def test_publishes_with_the_next_id(world: World) -> None:
    """Given one grid, when another is published, it has the id 2 and both can be read."""
    grid = Grid(period_seconds=1_800, readings_per_slot=48, offset_seconds=3_600)
    receipt = world.devices.publishGrid.send(grid, sender=world.accounts.market_operator)
    assert receipt.value == 2
    event = receipt.only("GridPublished")
    assert (event.grid_id, event.grid) == (2, grid)
    assert world.devices.grid.call(1) == GRID
    assert world.devices.grid.call(2) == grid


@pytest.mark.parametrize(("period", "readings", "offset"), [(1, 1, 0), (DAY, 100, 99 * DAY), (900, 100, 0)])
def test_accepts_what_is_just_within_bounds(world: World, period: int, readings: int, offset: int) -> None:
    """Given values on the edge of their bounds, the grid stands."""
    identity = publish(world, period, readings, offset)
    assert world.devices.grid.call(identity).slot_seconds == period * readings


@pytest.mark.parametrize(
    ("period", "readings", "offset"),
    [
        (0, 96, 0),
        (900, 0, 0),
        (DAY + 1, 1, 0),
        (900, 101, 0),
        (900, 96, 96 * 900),
        (900, 96, 450),
    ],
)
def test_refuses_what_is_no_grid(world: World, period: int, readings: int, offset: int) -> None:
    """Given a period, a number of readings or an offset that no grid can have, the error has all three."""
    with reverts("DeviceRegistry_GridInvalid", period, readings, offset):
        publish(world, period, readings, offset)


def test_refuses_more_than_255(world: World) -> None:
    """Given 255 grids, when another is published, there is no room."""
    for period in range(2, 256):
        assert publish(world, period, 1, 0) == period
    with reverts("DeviceRegistry_GridsFull", 255):
        publish(world, 900, 1, 0)


def test_refuses_anyone_but_the_market_operator(world: World) -> None:
    """Given another account, when it publishes, it is not authorised."""
    for account in (world.accounts.attacker, world.accounts.meter_operator):
        with reverts("AccessManagedUnauthorized", account):
            world.devices.publishGrid.send(GRID, sender=account)


@pytest.mark.parametrize("grid_id", [0, 2, 255])
def test_there_is_no_other_grid(world: World, grid_id: int) -> None:
    """Given one grid, when another is read, it is unknown."""
    with reverts("DeviceRegistry_GridUnknown", grid_id):
        world.devices.grid.call(grid_id)
