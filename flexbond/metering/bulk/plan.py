"""What a fleet's baselines need, worked out once for the event: everything that is the same for many devices.

Calendar, day class and places are the event's; which days were called depends on the portfolios a metering point was in.
So devices fall into groups with the same calls, and only these differ in the days found.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import pyarrow as pa

from flexbond.errors import FlexbondError
from flexbond.model.baseline import baseline_starts
from flexbond.model.lookback import plan_days
from flexbond.model.types import NO_LOOKBACK, Adjustment, BaselineMethod, DaySelection, Direction

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from flexbond.model.calendar import LocalCalendar
    from flexbond.model.lookback import DayPlan
    from flexbond.model.types import Call, DayClass, Lookback, Rule

EVENT_DAY: Final = -1
"""Stands for the event's own readings where others name the place of a past day."""


class BulkError(FlexbondError):
    """A fleet that cannot be computed as asked."""


@dataclass(frozen=True, kw_only=True)
class FleetPlan:
    """One event of a fleet: which readings count as what. Made by `plan_fleet`."""

    rule: Rule
    lookback: Lookback
    direction: Direction
    window: tuple[int, int]
    """Start and end of the service window, UTC seconds."""
    first_notice: int
    """UTC seconds: past days count as they stood before it."""
    ordered: tuple[bool, ...]
    """By period of the window: whether it is metered on the event's day."""
    groups: Mapping[int, DayPlan]
    """X_OF_Y: the days of each group of devices; else empty."""
    beside: tuple[int, ...]
    """Starts of the adjustment window's periods on the event's day, or of METER_BEFORE's, UTC seconds."""

    @property
    def periods(self) -> int:
        """Settlement periods in the window: its places. Those of `beside` follow them."""
        return len(self.ordered)

    @property
    def places(self) -> int:
        """Values of a complete past day."""
        return self.periods + len(self.beside)

    @property
    def window_starts(self) -> range:
        """Starts of the window's periods, UTC seconds."""
        return range(*self.window, self.rule.period_seconds)

    @property
    def reading_deadline(self) -> int:
        """Until when the event's own readings count, UTC seconds, exclusive."""
        return self.window[1] + self.rule.reading_deadline

    @property
    def adjustment(self) -> Adjustment:
        """What moves the mean of past days in this event."""
        return self.lookback.adjustment if self.groups and self.beside else Adjustment.NONE

    def spans(self) -> list[tuple[int, int]]:
        """The times that any reading is needed of, merged and ascending: UTC seconds, half-open."""
        spans: list[tuple[int, int]] = []
        for start in sorted({start for _, _, _, start in self._cells()}):
            if spans and spans[-1][1] == start:
                spans[-1] = (spans[-1][0], start + self.rule.period_seconds)
            else:
                spans.append((start, start + self.rule.period_seconds))
        return spans

    def cells_table(self) -> pa.Table:
        """A row a value that a device of a group needs: group, day (place among those found), place, period, past."""
        rows = list(self._cells())
        return pa.table(
            {
                "group": pa.array([group for group, _, _, _ in rows], pa.int64()),
                "day": pa.array([day for _, day, _, _ in rows], pa.int64()),
                "place": pa.array([place for _, _, place, _ in rows], pa.int64()),
                "period": pa.array([start for _, _, _, start in rows], pa.int64()),
                "past": pa.array([day != EVENT_DAY for _, day, _, _ in rows], pa.bool_()),
            }
        )

    def periods_table(self) -> pa.Table:
        """A row a settlement period that is needed, as past or as the event's own, and until when its readings count."""
        found = sorted({(start, day != EVENT_DAY) for _, day, _, start in self._cells()})
        until = [self.first_notice if past else self.reading_deadline for _, past in found]
        return pa.table(
            {
                "period": pa.array([start for start, _ in found], pa.int64()),
                "past": pa.array([past for _, past in found], pa.bool_()),
                "known_until": pa.array(until, pa.int64()),
            }
        )

    def window_table(self) -> pa.Table:
        """A row a period of the window: place, start, ordered."""
        return pa.table(
            {
                "place": pa.array(range(self.periods), pa.int64()),
                "start": pa.array(self.window_starts, pa.int64()),
                "ordered": pa.array(self.ordered, pa.bool_()),
            }
        )

    def groups_table(self) -> pa.Table:
        """A row a group: days in the mean, those ranked above them, complete days demanded."""
        taken = {group: _taken(plan.day_class, len(plan.days), self.direction) for group, plan in self.groups.items()}
        demanded = [plan.day_class.min_days for plan in self.groups.values()]
        return pa.table(
            {
                "group": pa.array(list(taken), pa.int64()),
                "above": pa.array([above for above, _ in taken.values()], pa.int64()),
                "count": pa.array([count for _, count in taken.values()], pa.int64()),
                "min_days": pa.array(demanded, pa.int64()),
            }
        )

    def days_table(self) -> pa.Table:
        """A row a day found for a group: group, day (0 the newest), its local day."""
        rows = [(group, at, day) for group, plan in self.groups.items() for at, day in enumerate(plan.days)]
        return pa.table(
            {
                "group": pa.array([group for group, _, _ in rows], pa.int64()),
                "day": pa.array([at for _, at, _ in rows], pa.int64()),
                "local_day": pa.array([day for _, _, day in rows], pa.int64()),
            }
        )

    def _cells(self) -> Iterator[tuple[int, int, int, int]]:
        """Group, day, place and start of every value that is needed and exists."""
        own = [start for start, ordered in zip(self.window_starts, self.ordered, strict=True) if ordered]
        places = [place for place, ordered in enumerate(self.ordered) if ordered]
        for group in self.groups or (0,):
            for place, start in zip(places, own, strict=True):
                yield group, EVENT_DAY, place, start
            for place, start in enumerate(self.beside, start=self.periods):
                yield group, EVENT_DAY, place, start
        for group, plan in self.groups.items():
            for day, row in enumerate(zip(plan.starts, plan.past_adjustment_starts, strict=True)):
                for place, past in enumerate(row[0] + row[1]):
                    if past is not None:
                        yield group, day, place, past


def plan_fleet(
    *,
    rule: Rule,
    window: tuple[int, int],
    first_notice: int,
    direction: Direction,
    lookback: Lookback = NO_LOOKBACK,
    calendar: LocalCalendar | None = None,
    groups: Mapping[int, Sequence[Call]] | None = None,
    ordered_mask: int | None = None,
) -> FleetPlan:
    """The plan of one event under a rule with METER_BEFORE or X_OF_Y.

    `window` and `first_notice` are UTC seconds. `groups` maps the number of a group of devices to the calls its metering
    points were in; none given: group 0, never called. Bit p of `ordered_mask`: period p was ordered; None: all were.
    Raises BulkError for another baseline or a window off the period grid, UnknownDayError beyond the calendar.
    """
    period = rule.period_seconds
    if window[0] % period or window[1] % period or window[0] >= window[1]:
        raise BulkError(
            f"The window {window[0]} to {window[1]} is not made of whole periods of {period} s.",
            next_step="Give start and end as multiples of the rule's period.",
        )
    count = (window[1] - window[0]) // period
    ordered = tuple(ordered_mask is None or bool(ordered_mask >> place & 1) for place in range(count))
    plans: dict[int, DayPlan] = {}
    if rule.baseline is BaselineMethod.METER_BEFORE:
        beside = tuple(baseline_starts(rule, first_notice))
    elif rule.baseline is BaselineMethod.X_OF_Y and calendar is not None:
        for group, calls in (groups or {0: ()}).items():
            plans[group] = plan_days(
                lookback=lookback,
                calendar=calendar,
                period_seconds=period,
                window=window,
                first_notice=first_notice,
                calls=calls,
            )
        beside = tuple(next(iter(plans.values())).adjustment_starts)
    else:
        raise BulkError(
            f"No device has a baseline of its own under {rule.baseline.name}.",
            next_step="Take METER_BEFORE, or X_OF_Y with its lookback and calendar.",
        )
    return FleetPlan(
        rule=rule,
        lookback=lookback,
        direction=direction,
        window=window,
        first_notice=first_notice,
        ordered=ordered,
        groups=plans,
        beside=beside,
    )


def _taken(day_class: DayClass, found: int, direction: Direction) -> tuple[int, int]:
    """Of days ranked by energy, highest first: how many are above those in the mean, and how many these are."""
    count = min(day_class.x, found)
    dropped = found - count
    if day_class.selection is DaySelection.HIGH:
        return 0, count
    if day_class.selection is DaySelection.LOW:
        return dropped, count
    return (dropped + 1) // 2 if direction is Direction.SHED else dropped // 2, count
