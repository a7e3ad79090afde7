"""Baselines and responses, rounded against the provider; what `BaselineMath` computes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flexbond.model.rounding import div_down, div_up
from flexbond.model.types import BaselineMethod, Direction

if TYPE_CHECKING:
    from collections.abc import Sequence

    from flexbond.model.types import EventKey, Rule


def mean(readings_milli_wh: Sequence[int], direction: Direction) -> int:
    """Mean energy of a period, mWh, `+` import: down for Shed, up for Absorb."""
    rounded = div_down if direction is Direction.SHED else div_up
    return rounded(sum(readings_milli_wh), len(readings_milli_wh))


def level_milli_wh(level_w: int, period_seconds: int, direction: Direction) -> int:
    """Energy of a contracted level (W, `+` import) over a period, mWh: down for Shed, up for Absorb."""
    rounded = div_down if direction is Direction.SHED else div_up
    return rounded(level_w * period_seconds * 1000, 3600)


def clamp_milli_wh(capacity_w: int, period_seconds: int) -> int:
    """Most energy that a power (W) can turn over in a period, whole mWh, rounded down."""
    return div_down(capacity_w * period_seconds * 1000, 3600)


def response_milli_wh(baseline_milli_wh: int, metered_milli_wh: int, direction: Direction, limit_milli_wh: int) -> int:
    """`B - A` (Shed) or `A - B` (Absorb), mWh, kept within plus and minus the limit."""
    raw = unclamped_milli_wh(baseline_milli_wh, metered_milli_wh, direction)
    return max(-limit_milli_wh, min(limit_milli_wh, raw))


def unclamped_milli_wh(baseline_milli_wh: int, metered_milli_wh: int, direction: Direction) -> int:
    """`B - A` (Shed) or `A - B` (Absorb), mWh: positive is what was asked for."""
    difference = baseline_milli_wh - metered_milli_wh
    return difference if direction is Direction.SHED else -difference


def metered_from_column(column: int, connection_w: int, period_seconds: int, direction: Direction) -> int:
    """What the portfolio's connections metered together, mWh, `+` import, from the total of its column.

    The column is `1000 * connectionW * T - 3600 * A` (Shed) or `+` (Absorb). What silent places round goes against the
    provider: up for Shed, down for Absorb.
    """
    full = connection_w * period_seconds * 1000
    if direction is Direction.SHED:
        return div_up(full - column, 3600)
    return div_down(column - full, 3600)


def portfolio_baseline(rule: Rule, key: EventKey, schedule_milli_wh: Sequence[int], period: int) -> int | None:
    """The portfolio's baseline of a period of the window, mWh, `+` import; None where nothing was nominated."""
    if rule.baseline is BaselineMethod.REFERENCE_LEVEL:
        return level_milli_wh(key.reference_w, rule.period_seconds, key.direction)
    return schedule_milli_wh[period] if schedule_milli_wh else None


def baseline_starts(rule: Rule, first_notice: int) -> range:
    """METER_BEFORE: starts of the whole settlement periods before the first notice that the mean takes, UTC seconds."""
    end = first_notice - first_notice % rule.period_seconds
    return range(end - rule.baseline_periods * rule.period_seconds, end, rule.period_seconds)
