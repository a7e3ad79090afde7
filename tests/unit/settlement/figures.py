"""What the tests of settlements count with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flexbond.ids import dispatch_id

if TYPE_CHECKING:
    from flexbond.model.types import Dispatch
    from tests.support.world import World

FULL = 150_000
"""Utilisation of a kW over a quarter hour, base units."""
MISSING = 225_000
"""Penalty for a kW missing over a quarter hour, base units."""
KWH_HALF = 500_000
"""mWh."""


def name(dispatch: Dispatch) -> bytes:
    """The dispatch's id."""
    return dispatch_id(dispatch.right_id, dispatch.holder, dispatch.number)


def total(world: World) -> int:
    """Everything that is owed, base units."""
    return int(world.escrow.owed.call(world.token.address))
