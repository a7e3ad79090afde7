"""The homes' batteries: the only modelled part of the demonstration, in whole milliwatt-hours.

In the challenge the data come from, every home has a battery of 6.4 kWh and 5 kW; its effect is not in the readings. Here it is
modelled on top of them: `metered = real net load + battery`. All that is lost is lost on charging, so that what is stored can be
given back whole.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from flexbond.errors import FlexbondError
from flexbond.model.types import BPS
from flexbond.units import period_energy

if TYPE_CHECKING:
    from collections.abc import Iterable


class BatteryError(FlexbondError):
    """A battery, or a state of one, that cannot be."""


@dataclass(frozen=True, kw_only=True)
class Battery:
    """A battery as the model knows it."""

    capacity_milli_wh: int
    """Greatest energy stored, mWh."""
    power_w: int
    """Greatest power of charging and of discharging at the grid connection, W."""
    efficiency_bps: int
    """Energy given back of energy taken in, basis points."""

    def __post_init__(self) -> None:
        if self.capacity_milli_wh <= 0 or self.power_w <= 0 or not 0 < self.efficiency_bps <= BPS:
            raise BatteryError(
                f"{self} is no battery.", "Give capacity and power above zero and an efficiency of at most 1."
            )

    def step(self, *, stored_milli_wh: int, command_milli_wh: int, period_seconds: int) -> Flow:
        """What the battery does in one period when told to take in (`+`) or give back (`-`) so much energy.

        It does what it can: never more than its power over the period, never beyond full, never below empty.
        """
        if not 0 <= stored_milli_wh <= self.capacity_milli_wh:
            raise BatteryError(
                f"A battery of {self.capacity_milli_wh} mWh cannot hold {stored_milli_wh} mWh.",
                "Start between empty and full.",
            )
        limit = period_energy(self.power_w, period_seconds)
        if command_milli_wh < 0:
            given = min(-command_milli_wh, limit, stored_milli_wh)
            return Flow(grid_milli_wh=-given, stored_milli_wh=stored_milli_wh - given, lost_milli_wh=0)
        taken = min(command_milli_wh, limit, self._most_taken(self.capacity_milli_wh - stored_milli_wh))
        kept = taken * self.efficiency_bps // BPS
        return Flow(grid_milli_wh=taken, stored_milli_wh=stored_milli_wh + kept, lost_milli_wh=taken - kept)

    def run(self, commands_milli_wh: Iterable[int], *, stored_milli_wh: int, period_seconds: int) -> tuple[Flow, ...]:
        """One period after the other, from the energy stored at first."""
        flows: list[Flow] = []
        for command in commands_milli_wh:
            flow = self.step(stored_milli_wh=stored_milli_wh, command_milli_wh=command, period_seconds=period_seconds)
            flows.append(flow)
            stored_milli_wh = flow.stored_milli_wh
        return tuple(flows)

    def _most_taken(self, room_milli_wh: int) -> int:
        """Greatest energy that can be taken in so that what is kept of it fits into the room; none if there is no room."""
        return 0 if room_milli_wh == 0 else ((room_milli_wh + 1) * BPS - 1) // self.efficiency_bps


@dataclass(frozen=True, kw_only=True)
class Flow:
    """What a battery did in one period."""

    grid_milli_wh: int
    """Energy at the grid connection, mWh, `+` charging, `-` discharging."""
    stored_milli_wh: int
    """Energy stored at the period's end, mWh, never negative."""
    lost_milli_wh: int
    """Energy turned into heat, mWh, never negative."""


HOME_BATTERY = Battery(capacity_milli_wh=6_400_000, power_w=5_000, efficiency_bps=9_000)
"""The challenge's battery; the round-trip efficiency of 90 % is assumed."""
