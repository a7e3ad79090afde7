"""A fleet resampled from the real homes: each of its homes is one of them on other real days, a little larger or smaller.

Home `i` of the fleet takes after one of the seventeen, begins on a day of the sixty, and has a size, all three drawn from a public seed.
On the story's first day its load is that home's on that day, on the second that home's on the next; every hour is multiplied by the size,
rounded down. So every home's evening is a real one, and all evenings of the summer are mixed.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Final

import numpy as np

from flexbond.demo.battery import HOME_BATTERY
from flexbond.demo.homes import DAY_HOURS, HOUR, local_time
from flexbond.hashing import keccak
from flexbond.model.types import BPS
from flexbond.units import period_energy

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from flexbond.demo.homes import Homes

SEED: Final = b"A fleet resampled from Fontana"
DAYS: Final = 2
"""Of the story: an evening each."""
FIRST_DAY: Final = date(2016, 10, 4)
"""A Tuesday after the data's last day; the clocks have not changed yet."""
LEAST_SIZE_BPS: Final = 7_000
"""Size of the smallest home, of the one it takes after, basis points."""
SIZES: Final = 6_001
"""Sizes there are, a basis point apart: up to 130 %."""
EVENING: Final = (20, 21)
"""Local hours of both service windows."""
SET_POINT_W: Final = 2_000
"""What batteries give in the evening, W."""
RECHARGE: Final = range(10, 16)
"""Local hours in which they are filled again."""
RECHARGE_W: Final = 1_000


@dataclass(frozen=True, kw_only=True)
class Resampled:
    """Which real home each home of the fleet takes after, `(n,)` each."""

    home: NDArray[np.int64]
    """Place among the real homes."""
    day: NDArray[np.int64]
    """Place of its first day among the real days."""
    size_bps: NDArray[np.int64]
    readings: NDArray[np.int64]
    """Net load without battery, `(n, days, 24)`, mWh, `+` import, `-` export."""

    def __len__(self) -> int:
        return len(self.home)

    @classmethod
    def of(cls, homes: Homes, count: int, *, seed: bytes = SEED) -> Resampled:
        """A fleet of so many homes."""
        drawn = np.frombuffer(b"".join(keccak(seed + place.to_bytes(8, "big")) for place in range(count)), dtype=">u8")
        words = drawn.reshape(count, 4)
        days = len(homes.days)
        home = (words[:, 0] % len(homes.names)).astype(np.int64)
        day = (words[:, 1] % (days - DAYS + 1)).astype(np.int64)
        size_bps = LEAST_SIZE_BPS + (words[:, 2] % SIZES).astype(np.int64)
        real = np.array(homes.readings, dtype=np.int64).reshape(len(homes.names), days, DAY_HOURS)
        loads = np.stack([real[home, day + later] for later in range(DAYS)], axis=1)
        return cls(home=home, day=day, size_bps=size_bps, readings=loads * size_bps[:, None, None] // BPS)


def day_start(evening: int) -> int:
    """Local midnight at which a day of the story begins, counted from 0, UTC seconds."""
    return local_time(FIRST_DAY + timedelta(days=evening), 0)


def metered(fleet: Resampled, unanswered: tuple[frozenset[int], ...]) -> NDArray[np.int64]:
    """What the meters show, `(n, days, 24)` in mWh: load and modelled battery.

    `unanswered[d]` are the homes whose battery rests on day `d`.
    """
    shown = fleet.readings.copy()
    groups: dict[tuple[bool, ...], list[int]] = {}
    for place in range(len(fleet)):
        groups.setdefault(tuple(place not in resting for resting in unanswered), []).append(place)
    for answers, places in groups.items():
        shown[places] += _battery(answers)
    return shown


def _battery(answers: tuple[bool, ...]) -> NDArray[np.int64]:
    """What a battery does that is full at first and answers on some evenings, `(days, 24)` at the grid, mWh."""
    commands: list[int] = []
    for is_told in answers:
        hours = [0] * DAY_HOURS
        for hour in RECHARGE:
            hours[hour] = period_energy(RECHARGE_W, HOUR)
        if is_told:
            for hour in EVENING:
                hours[hour] = -period_energy(SET_POINT_W, HOUR)
        commands += hours
    flows = HOME_BATTERY.run(commands, stored_milli_wh=HOME_BATTERY.capacity_milli_wh, period_seconds=HOUR)
    return np.array([flow.grid_milli_wh for flow in flows], dtype=np.int64).reshape(len(answers), DAY_HOURS)
