"""The past days of an X_OF_Y baseline: which ones, where in them, and what they give; what `Lookbacks` computes.

A place is where a settlement period lies in local time: days after the event day, and wall time. Every period of the service window
has one, ordered or not; two periods of a repeated hour have the same one, and both count.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from flexbond.model.calendar import HOLIDAY
from flexbond.model.rounding import div_down, div_up
from flexbond.model.types import BPS, Adjustment, DaySelection, Direction

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from flexbond.model.calendar import LocalCalendar
    from flexbond.model.types import Call, DayClass, Lookback

Row = tuple["int | None", ...]
"""One value for every place of a day: a start (UTC seconds) or an energy (mWh); None where there is none."""


class PassedOver(Enum):
    """Why a day that was looked at is none of the days found."""

    OTHER_CLASS = "another day class"
    HOLIDAY = "a holiday"
    CALLED = "called"


@dataclass(frozen=True, kw_only=True)
class DayPlan:
    """Which readings an X_OF_Y baseline needs of one device."""

    event_day: int
    """Local day of the window's start."""
    day_class: DayClass
    """That of the event day."""
    days: tuple[int, ...]
    """The local days found, newest first."""
    passed_over: Mapping[int, PassedOver]
    """Every other day that was looked at, newest first."""
    boundary: int
    """UTC seconds: readings of past days end by then, those of the event's own day begin there."""
    starts: tuple[Row, ...]
    """By day found: where each period of the window lies on it; None where that wall time does not exist."""
    adjustment_starts: range
    """Periods of the adjustment window on the event's day; empty: the baseline is not adjusted."""
    past_adjustment_starts: tuple[Row, ...]
    """By day found: where each of those lies on it."""


@dataclass(frozen=True, kw_only=True)
class PastMean:
    """What past days give: `sums[p] / len(chosen)` is the mean of place p."""

    complete: tuple[bool, ...]
    """By day found: whether it has all its values."""
    chosen: tuple[int, ...]
    """Places of the chosen days among those found, ascending."""
    sums: tuple[int, ...]
    """By period of the window: energy of the chosen days, mWh, `+` import."""
    adjustment_sum: int
    """Energy of the chosen days in their adjustment windows, mWh."""


# ------------------------------------------------------------------ which days, and where in them


def plan_days(
    *,
    lookback: Lookback,
    calendar: LocalCalendar,
    period_seconds: int,
    window: tuple[int, int],
    first_notice: int,
    calls: Iterable[Call],
) -> DayPlan:
    """The days found for a device, and the settlement periods that are needed of them.

    `window` and `first_notice` are UTC seconds; `calls` those the metering point was in. Raises UnknownDayError.
    """
    starts = range(window[0], window[1], period_seconds)
    event_day = calendar.day_of(window[0])
    places = [calendar.wall_of(start) for start in starts]
    before = min(event_day, calendar.day_of(first_notice))
    days, passed_over = find_days(
        lookback=lookback,
        calendar=calendar,
        event_day=event_day,
        last_day=places[-1][0],
        before=before,
        first_notice=first_notice,
        calls=calls,
    )
    adjusting = _adjustment_starts(lookback, period_seconds, window[0], first_notice)
    if adjusting and adjusting[0] < calendar.start_of(event_day):
        adjusting = range(0)
    adjustment_places = [calendar.wall_of(start) for start in adjusting]

    def rows(of: Sequence[tuple[int, int]]) -> tuple[Row, ...]:
        return tuple(tuple(calendar.time_of(day + at - event_day, wall) for at, wall in of) for day in days)

    return DayPlan(
        event_day=event_day,
        day_class=class_of(lookback, calendar.kind_of(event_day)),
        days=days,
        passed_over=passed_over,
        boundary=calendar.start_of(before),
        starts=rows(places),
        adjustment_starts=adjusting,
        past_adjustment_starts=rows(adjustment_places),
    )


def class_of(lookback: Lookback, kind: int) -> DayClass:
    """The day class that holds a kind of day."""
    return next(item for item in lookback.classes if item.kinds >> kind & 1)


def find_days(
    *,
    lookback: Lookback,
    calendar: LocalCalendar,
    event_day: int,
    last_day: int,
    before: int,
    first_notice: int,
    calls: Iterable[Call],
) -> tuple[tuple[int, ...], dict[int, PassedOver]]:
    """The days found, newest first, and why others were passed over.

    `last_day` is the local day of the window's last period; a past window ends before the day `before`. A call counts if its window
    had ended by `first_notice`, UTC seconds: a later one can still be called for more.
    """
    day_class = class_of(lookback, calendar.kind_of(event_day))
    counted = [call for call in calls if call.called_bps >= lookback.min_event_bps and call.window_end <= first_notice]
    length = last_day - event_day + 1
    found: list[int] = []
    passed: dict[int, PassedOver] = {}
    excluded = 0
    for day in range(before - length, event_day - lookback.look_back_days - 1, -1):
        if len(found) == day_class.y:
            break
        kind = calendar.kind_of(day)
        if not day_class.kinds >> kind & 1:
            passed[day] = PassedOver.OTHER_CLASS
        elif kind == HOLIDAY and not lookback.holidays_eligible:
            passed[day] = PassedOver.HOLIDAY
        elif excluded < lookback.max_excluded_days and _is_called(calendar, day, length, counted):
            passed[day] = PassedOver.CALLED
            excluded += 1
        else:
            found.append(day)
    return tuple(found), passed


def _is_called(calendar: LocalCalendar, day: int, length: int, calls: Sequence[Call]) -> bool:
    """Whether a call's window meets the days from `day` on."""
    start, end = calendar.start_of(day), calendar.start_of(day + length)
    return any(call.window_start < end and call.window_end > start for call in calls)


def _adjustment_starts(lookback: Lookback, period_seconds: int, window_start: int, first_notice: int) -> range:
    if lookback.adjustment is Adjustment.NONE:
        return range(0)
    end = min(window_start - lookback.adjustment_lead, first_notice - first_notice % period_seconds)
    return range(end - lookback.adjustment_periods * period_seconds, end, period_seconds)


# ------------------------------------------------------------------ what they give


def mean_of_days(
    *, day_class: DayClass, direction: Direction, window: Sequence[Row], adjusting: Sequence[Row]
) -> PastMean | None:
    """Chooses among the days found and adds them up; None if too few of them are complete.

    `window` and `adjusting` hold, by day found and newest first, the energy of each place, mWh; None where it is absent. Such a
    one takes the value of the complete days that is worst for the provider.
    """
    complete = tuple(None not in row and None not in beside for row, beside in zip(window, adjusting, strict=True))
    if sum(complete) < day_class.min_days:
        return None
    worst, other = (min, max) if direction is Direction.SHED else (max, min)
    filled = _filled(window, complete, worst)
    chosen = choose(day_class, direction, [sum(row) for row in filled])
    beside = _filled(adjusting, complete, other)
    return PastMean(
        complete=complete,
        chosen=chosen,
        sums=tuple(map(sum, zip(*(filled[place] for place in chosen), strict=True))),
        adjustment_sum=sum(sum(beside[place]) for place in chosen),
    )


def choose(day_class: DayClass, direction: Direction, energies: Sequence[int]) -> tuple[int, ...]:
    """Places of the days in the mean, ascending; `energies` (mWh) of all days found, newest first. Ties: the later day is first."""
    count = len(energies)
    ranked = sorted(range(count), key=lambda place: (-energies[place], place))
    dropped = max(0, count - day_class.x)
    if day_class.selection is DaySelection.HIGH:
        top = 0
    elif day_class.selection is DaySelection.LOW:
        top = dropped
    else:
        top = div_up(dropped, 2) if direction is Direction.SHED else div_down(dropped, 2)
    return tuple(sorted(ranked[top : top + count - dropped]))


def _filled(
    rows: Sequence[Row], complete: Sequence[bool], extreme: Callable[[Iterable[int]], int]
) -> list[tuple[int, ...]]:
    """The rows with every absent value replaced, place by place, by the extreme of the complete ones."""
    full = [row for row, is_complete in zip(rows, complete, strict=True) if is_complete]
    known = zip(*([value for value in row if value is not None] for row in full), strict=True)
    fills = [extreme(values) for values in known]
    return [tuple(fill if value is None else value for value, fill in zip(row, fills, strict=True)) for row in rows]


def baseline_of(lookback: Lookback, direction: Direction, mean: PastMean, metered: Sequence[int]) -> tuple[int, ...]:
    """The baseline of every period of the window, mWh, `+` import: down for Shed, up for Absorb, rounded once.

    `metered` holds the energy of the adjustment window on the event's own day, period by period, mWh; empty: no adjustment.
    """
    rounded = div_down if direction is Direction.SHED else div_up
    count, cap = len(mean.chosen), lookback.adjustment_cap_bps
    result = []
    for total in mean.sums:
        above, below = _adjusted(lookback.adjustment, total, count, mean.adjustment_sum, metered)
        value = rounded(above, below)
        if cap:
            low = rounded(BPS * total - abs(total) * cap, BPS * count)
            high = rounded(BPS * total + abs(total) * cap, BPS * count)
            value = min(max(value, low), high)
        result.append(value)
    return tuple(result)


def _adjusted(adjustment: Adjustment, total: int, count: int, past: int, metered: Sequence[int]) -> tuple[int, int]:
    """The adjusted mean of a place, as dividend and divisor."""
    present, periods = sum(metered), len(metered)
    if periods and adjustment is Adjustment.ADDITIVE:
        return periods * total + count * present - past, count * periods
    if periods and adjustment is Adjustment.MULTIPLICATIVE and past > 0 and present >= 0:
        return total * present, past
    return total, count
