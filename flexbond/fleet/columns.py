"""Entries and running totals of a fleet's columns, exact: totals beyond 64 bits are kept in two parts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from flexbond.fleet.errors import FleetError
from flexbond.model.types import ClampLevel, Direction

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from flexbond.model.types import Rule

MAX_LEAVES: Final = 1 << 31
"""Most leaves of which sums are exact here."""

_PART: Final = 31
"""Bits of the lower part of a sum: so many leaves' lower parts add up within 62 bits, their upper parts within 63."""
_MASK: Final = (1 << _PART) - 1
_GREATEST: Final = (1 << 63) - 1


@dataclass(frozen=True, kw_only=True)
class Column:
    """One column of a submission."""

    entries: NDArray[np.int64]
    """Of every leaf, never negative."""
    words: NDArray[np.uint8]
    """Entry and running total with it of every leaf, 128 bits each: `(n, 32)`."""

    @classmethod
    def of(cls, entries: NDArray[np.int64]) -> Column:
        """The column of these entries."""
        high = np.cumsum(entries >> _PART)
        low = np.cumsum(entries & _MASK)
        high, low = high + (low >> _PART), low & _MASK
        words = np.zeros((len(entries), 4), dtype=">u8")
        words[:, 1] = entries
        words[:, 2] = high >> (64 - _PART)
        words[:, 3] = high.astype(np.uint64) << np.uint64(_PART) | low.astype(np.uint64)
        return cls(entries=entries, words=words.view(np.uint8))

    @property
    def total(self) -> int:
        """Last running total."""
        return int.from_bytes(bytes(self.words[-1, 16:]), "big") if len(self.words) else 0


def exact_sum(values: NDArray[np.int64]) -> int:
    """The sum of 64-bit integers, whatever its size; of at most MAX_LEAVES."""
    return (int((values >> _PART).sum()) << _PART) + int((values & _MASK).sum())


def own_columns(
    rule: Rule, responses: NDArray[np.int64], capacity_w: NDArray[np.int64], is_in: NDArray[np.bool_]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Entries of the periods `(n, periods)` and of the weight where each device has a baseline of its own.

    `responses`, mWh, are clamped; a silent device's are minus its capacity. Places that are not taken (`is_in`) hold nothing.
    """
    delivered = np.maximum(responses, 0)
    weight = delivered.sum(axis=1)
    if rule.clamp_level is ClampLevel.DEVICE:
        return delivered * is_in[:, None], weight * is_in
    full = 1000 * rule.period_seconds
    return (3600 * responses + (capacity_w * full)[:, None]) * is_in[:, None], weight * is_in


def portfolio_columns(
    rule: Rule,
    direction: Direction,
    metered: NDArray[np.int64],
    capacity_w: NDArray[np.int64],
    connection_w: NDArray[np.int64],
    is_heard: NDArray[np.bool_],
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The same where the baseline is the portfolio's, from what each device metered, mWh; silent devices hold nothing."""
    full = 1000 * rule.period_seconds
    sign = -3600 if direction is Direction.SHED else 3600
    return ((connection_w * full)[:, None] + sign * metered) * is_heard[:, None], capacity_w * is_heard


def check_powers(power_w: NDArray[np.int64], period_seconds: int, what: str) -> None:
    """Raises FleetError where a place's power gives entries beyond 63 bits."""
    most = int(power_w.max(initial=0))
    if most * 2000 * period_seconds > _GREATEST:
        raise FleetError(
            f"A {what} of {most} W gives entries beyond 63 bits.",
            f"Check row {int(power_w.argmax())} of the devices: no connection has that.",
        )
