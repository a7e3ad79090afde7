"""Baselines and responses, rounded against the provider; what `BaselineMath` and `DeliveryVerifier` compute."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from flexbond.errors import FlexbondError
from flexbond.model.lookback import baseline_of, mean_of_days, plan_days
from flexbond.model.rounding import div_down, div_up
from flexbond.model.types import BaselineMethod, Direction, Silence

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from flexbond.model.calendar import LocalCalendar
    from flexbond.model.lookback import DayPlan, PassedOver
    from flexbond.model.types import Call, EventKey, Lookback, Rule


class NoDeviceBaselineError(FlexbondError):
    """A device's baseline is asked for under a rule that has one of the portfolio only."""


@dataclass(frozen=True, kw_only=True)
class DeviceBaseline:
    """What one device would have metered, and from which days."""

    silence: Silence
    """MISSING_READING or TOO_FEW_DAYS if there is none, else OK."""
    baseline_milli_wh: tuple[int, ...] | None
    """Of every period of the window, mWh, `+` import; None if silent."""
    days: tuple[int, ...] = ()
    """X_OF_Y: the local days found, newest first."""
    chosen: tuple[int, ...] = ()
    """Those in the mean, newest first."""
    excluded: Mapping[int, PassedOver] = field(default_factory=dict)
    """Days that were looked at and not taken, newest first."""
    complete: frozenset[int] = frozenset()
    """Days found of which no reading is absent."""
    adjustment: tuple[int, int] | None = None
    """Energy of the adjustment window on the event's own day, and of the chosen days together, mWh; None: not adjusted."""

    @property
    def is_complete(self) -> bool:
        """Whether there is a baseline, and no absent energy was filled in."""
        return self.silence is Silence.OK and len(self.complete) == len(self.days)


def device_baseline(
    *,
    rule: Rule,
    lookback: Lookback,
    calendar: LocalCalendar | None,
    window: tuple[int, int],
    first_notice: int,
    direction: Direction,
    calls: Sequence[Call],
    before: Mapping[int, int],
    during: Mapping[int, int],
) -> DeviceBaseline:
    """The baseline of one device for every settlement period of a window, from its metered energy.

    `before` and `during` map the start of a settlement period (UTC seconds) to its energy (mWh, `+` import): as it stood before the
    first notice, and at the reading deadline. What is not in them is absent. `calls` are those the metering point was in. Only X_OF_Y
    needs `lookback`, `calendar`, `calls` and `before`. Raises NoDeviceBaselineError, UnknownDayError.
    """
    if rule.baseline is BaselineMethod.METER_BEFORE:
        values = [during.get(start) for start in baseline_starts(rule, first_notice)]
        if None in values:
            return DeviceBaseline(silence=Silence.MISSING_READING, baseline_milli_wh=None)
        periods = (window[1] - window[0]) // rule.period_seconds
        level = mean([value for value in values if value is not None], direction)
        return DeviceBaseline(silence=Silence.OK, baseline_milli_wh=(level,) * periods)
    if rule.baseline is not BaselineMethod.X_OF_Y or calendar is None:
        raise NoDeviceBaselineError(
            f"No device has a baseline of its own under {rule.baseline.name}.",
            next_step="Take METER_BEFORE, or X_OF_Y with its lookback and calendar.",
        )
    plan = plan_days(
        lookback=lookback,
        calendar=calendar,
        period_seconds=rule.period_seconds,
        window=window,
        first_notice=first_notice,
        calls=calls,
    )
    return planned_baseline(lookback, plan, direction, before, during)


def planned_baseline(
    lookback: Lookback, plan: DayPlan, direction: Direction, before: Mapping[int, int], during: Mapping[int, int]
) -> DeviceBaseline:
    """An X_OF_Y baseline from the readings that its plan names; see `device_baseline`."""
    adjusting = [during.get(start) for start in plan.adjustment_starts]
    if None in adjusting:
        return _silent(Silence.MISSING_READING, plan)
    metered = [value for value in adjusting if value is not None]
    rows = _energies(plan.starts, before), _energies(plan.past_adjustment_starts, before)
    past = mean_of_days(day_class=plan.day_class, direction=direction, window=rows[0], adjusting=rows[1])
    if past is None:
        return _silent(Silence.TOO_FEW_DAYS, plan)
    return DeviceBaseline(
        silence=Silence.OK,
        baseline_milli_wh=baseline_of(lookback, direction, past, metered),
        days=plan.days,
        chosen=tuple(plan.days[place] for place in past.chosen),
        excluded=plan.passed_over,
        complete=frozenset(day for day, whole in zip(plan.days, past.complete, strict=True) if whole),
        adjustment=(sum(metered), past.adjustment_sum) if metered else None,
    )


def _silent(silence: Silence, plan: DayPlan) -> DeviceBaseline:
    return DeviceBaseline(silence=silence, baseline_milli_wh=None, days=plan.days, excluded=plan.passed_over)


def _energies(rows: Sequence[Sequence[int | None]], known: Mapping[int, int]) -> list[tuple[int | None, ...]]:
    return [tuple(None if start is None else known.get(start) for start in row) for row in rows]


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
