"""Baseline, metered energy and response of every device of an event, from the energies that count.

What `flexbond.model.delivery.measure_device` says of one device, in columns of 64-bit integers. A device whose numbers might not
fit is left to the one-device reference.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import isqrt
from typing import TYPE_CHECKING, Final, Self

import numpy as np

from flexbond.model.baseline import baseline_starts, planned_baseline
from flexbond.model.delivery import plan_of
from flexbond.model.types import BPS, Adjustment, BaselineMethod, DaySelection, Direction, Silence

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from flexbond.fleet.event import FleetEvent
    from flexbond.fleet.tables import Devices
    from flexbond.model.lookback import DayPlan, Row
    from flexbond.model.types import DayClass, Lookback

BLOCK: Final = 20_000
"""Devices measured at a time."""

_FITS: Final = 1 << 62
"""Below it every intermediate result must be."""
_ENDS: Final = np.iinfo(np.int64)


@dataclass(frozen=True, kw_only=True)
class Energies:
    """Metered energy of every entry in every settlement period that is needed of any."""

    starts: NDArray[np.int64]
    """Of the periods `(periods,)`, ascending, UTC seconds."""
    milli_wh: NDArray[np.int64]
    """`(n, periods)`, `+` import."""
    whole: NDArray[np.bool_]
    """Whether all readings of the period are there."""
    estimated: NDArray[np.bool_]
    """Whether any of them is estimated."""

    def of(self, rows: NDArray[np.int64], starts: Sequence[int | None]) -> Part:
        """Those of some entries in some periods; None: a wall time that does not exist."""
        known = [0 if start is None else start for start in starts]
        at = np.searchsorted(self.starts, np.array(known, dtype=np.int64))
        at = np.minimum(at, len(self.starts) - 1)
        exists = np.array([start is not None for start in starts], dtype=bool)
        grid = np.ix_(rows, at)
        return Part(
            milli_wh=self.milli_wh[grid], whole=self.whole[grid] & exists, estimated=self.estimated[grid] & exists
        )


@dataclass(frozen=True, kw_only=True)
class Part:
    """Some columns of it, as those of `Energies`."""

    milli_wh: NDArray[np.int64]
    whole: NDArray[np.bool_]
    estimated: NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True)
class Measured:
    """Of every entry and ordered period `(n, periods)`, mWh, `+` import; zero where the device is silent."""

    silence: NDArray[np.uint8]
    """`(n,)`."""
    baseline: NDArray[np.int64]
    """Zero where the baseline is the portfolio's."""
    metered: NDArray[np.int64]
    responses: NDArray[np.int64]
    """Clamped; of a silent device minus its capacity. Meaningless where the baseline is the portfolio's."""

    @classmethod
    def silent(cls, limits: NDArray[np.int64], periods: int) -> Self:
        """Everyone silent; `limits` are the clamps `(n,)`, mWh."""
        none = np.zeros((len(limits), periods), dtype=np.int64)
        return cls(
            silence=np.full(len(limits), Silence.NO_RECORD, dtype=np.uint8),
            baseline=none,
            metered=none.copy(),
            responses=np.repeat(-limits[:, None], periods, axis=1),
        )


def measure(event: FleetEvent, devices: Devices, heard: NDArray[np.int64], energies: Energies) -> Measured:
    """Measures the entries `heard`; all others are silent."""
    step, key = event.rule.period_seconds, event.question.key
    limits = devices["capacity_w"] * (step * 1000) // 3600
    measured = Measured.silent(limits, len(event.ordered))
    ordered = [key.window_start + place * step for place in event.ordered]
    looks_back = event.rule.baseline is BaselineMethod.X_OF_Y
    group = devices["group"][heard] if looks_back else np.zeros(len(heard), dtype=np.int64)
    for number in range(len(event.groups)):
        mine = heard[group == number]
        plan = plan_of(event.rule, event.asked_of(number))
        for first in range(0, len(mine), BLOCK):
            rows = mine[first : first + BLOCK]
            block = _Block(event=event, plan=plan, rows=rows, energies=energies, metered=energies.of(rows, ordered))
            silence, baseline = block.measure(devices["connection_w"][rows])
            metered = np.where(silence[:, None] == Silence.OK, block.metered.milli_wh, 0)
            raw = baseline - metered if key.direction is Direction.SHED else metered - baseline
            limit = limits[rows][:, None]
            responses = np.where(silence[:, None] == Silence.OK, np.clip(raw, -limit, limit), -limit)
            measured.silence[rows] = silence
            for target, values in (("baseline", baseline), ("metered", metered), ("responses", responses)):
                getattr(measured, target)[rows] = values
    return measured


@dataclass(frozen=True, kw_only=True)
class _Block:
    """Some devices of one group."""

    event: FleetEvent
    plan: DayPlan | None
    rows: NDArray[np.int64]
    energies: Energies
    metered: Part
    """Of the ordered periods."""

    def measure(self, connection_w: NDArray[np.int64]) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
        """Silence, and the baseline of the ordered periods, zero where silent."""
        rule, direction = self.event.rule, self.event.question.key.direction
        beside = self.energies.of(self.rows, self._beside())
        silence = np.zeros(len(self.rows), dtype=np.uint8)
        baseline = np.zeros_like(self.metered.milli_wh)
        needed = [self.metered, beside]
        if rule.baseline is BaselineMethod.METER_BEFORE:
            level = _rounded(beside.milli_wh.sum(axis=1), beside.milli_wh.shape[1], direction)
            baseline += level[:, None]
        elif self.plan is not None:
            past = self._past(self.plan)
            needed.append(past)
            silence, baseline = self._of_past_days(self.plan, past, beside.milli_wh)
        limit = connection_w * (rule.period_seconds * 1000)
        for part in needed:
            beyond = part.whole & (np.abs(part.milli_wh) * 3600 > limit[:, None])
            silence[beyond.any(axis=1)] = Silence.OUT_OF_RANGE
        if not rule.estimated_allowed:
            silence[self.metered.estimated.any(axis=1) | beside.estimated.any(axis=1)] = Silence.ESTIMATED
        silence[~(self.metered.whole.all(axis=1) & beside.whole.all(axis=1))] = Silence.MISSING_READING
        return silence, np.where(silence[:, None] == Silence.OK, baseline, 0)

    def _beside(self) -> Sequence[int]:
        """What is needed of the event's own day beside the ordered periods."""
        if self.plan is not None:
            return self.plan.adjustment_starts
        if self.event.rule.baseline is BaselineMethod.METER_BEFORE:
            return baseline_starts(self.event.rule, self.event.question.first_notice)
        return ()

    def _past(self, plan: DayPlan) -> Part:
        """All places of all days found, one day after the other; `whole` says which are present."""
        part = self.energies.of(self.rows, [start for row in _places(plan) for start in row])
        if self.event.rule.estimated_allowed:
            return part
        return Part(milli_wh=part.milli_wh, whole=part.whole & ~part.estimated, estimated=part.estimated)

    def _of_past_days(
        self, plan: DayPlan, past: Part, adjusting: NDArray[np.int64]
    ) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
        lookback, direction = self.event.question.lookback, self.event.question.key.direction
        count, days, periods = len(self.rows), len(plan.days), self.event.periods
        shape = (count, days, periods + len(plan.adjustment_starts))
        values, present = past.milli_wh.reshape(shape), past.whole.reshape(shape)
        complete: NDArray[np.bool_] = np.logical_and.reduce(present, axis=2)
        few = complete.sum(axis=1) < plan.day_class.min_days
        silence = np.where(few, np.uint8(Silence.TOO_FEW_DAYS), np.uint8(Silence.OK))
        baseline = np.zeros_like(self.metered.milli_wh)
        if few.all():
            return silence, baseline
        filled = _filled(values, present, complete, periods, direction)
        greatest = np.maximum(np.abs(filled).max(axis=(1, 2)), np.abs(adjusting).max(axis=1, initial=0))
        big = (greatest >= _most(lookback, days, shape[2] - periods)) | (greatest < 0)
        filled[few | big] = 0
        adjusting = np.where(big[:, None], 0, adjusting)
        ordered = list(self.event.ordered)
        sums = _chosen_sums(plan.day_class, direction, filled, periods)
        taken = min(plan.day_class.x, days)
        mean = _Mean(sums=sums[:, ordered], count=taken, past=sums[:, periods:].sum(axis=1), metered=adjusting)
        baseline = mean.baseline(lookback, direction)
        for at in np.flatnonzero(big & ~few):
            baseline[at] = self._reference(plan, self.rows[at])
        return silence, baseline

    def _reference(self, plan: DayPlan, row: np.int64) -> list[int]:
        """The same of one device, by the reference."""
        energies, allowed = self.energies, self.event.rule.estimated_allowed
        starts, whole = energies.starts.tolist(), energies.whole[row]
        during = {
            start: int(value)
            for start, value, is_whole in zip(starts, energies.milli_wh[row], whole, strict=True)
            if is_whole
        }
        flagged = energies.estimated[row]
        before = {
            start: during[start]
            for start, flag in zip(starts, flagged, strict=True)
            if start in during and (allowed or not flag)
        }
        question = self.event.question
        own = planned_baseline(question.lookback, plan, question.key.direction, before, during)
        found = own.baseline_milli_wh or (0,) * self.event.periods
        return [found[place] for place in self.event.ordered]


@dataclass(frozen=True, kw_only=True)
class _Mean:
    """The days in the mean of every device."""

    sums: NDArray[np.int64]
    """Energy of the days together, by ordered period, mWh."""
    count: int
    """How many days."""
    past: NDArray[np.int64]
    """Energy of their adjustment windows together."""
    metered: NDArray[np.int64]
    """Of the adjustment window on the event's own day, by period; no periods: nothing is adjusted."""

    def baseline(self, lookback: Lookback, direction: Direction) -> NDArray[np.int64]:
        """As `flexbond.model.lookback.baseline_of`."""
        above, below = self._adjusted(lookback.adjustment)
        result = _rounded(above, below, direction)
        cap = lookback.adjustment_cap_bps
        if cap:
            room = np.abs(self.sums) * cap
            low = _rounded(BPS * self.sums - room, BPS * self.count, direction)
            high = _rounded(BPS * self.sums + room, BPS * self.count, direction)
            result = np.minimum(np.maximum(result, low), high)
        return result

    def _adjusted(self, adjustment: Adjustment) -> tuple[NDArray[np.int64], NDArray[np.int64] | int]:
        periods, present, past = self.metered.shape[1], self.metered.sum(axis=1)[:, None], self.past[:, None]
        if periods and adjustment is Adjustment.ADDITIVE:
            return periods * self.sums + self.count * present - past, self.count * periods
        if periods and adjustment is Adjustment.MULTIPLICATIVE:
            holds = (past > 0) & (present >= 0)
            return np.where(holds, self.sums * present, self.sums), np.where(holds, past, self.count)
        return self.sums, self.count


def _places(plan: DayPlan) -> list[Row]:
    """By day found, the places of the window and then those of the adjustment window."""
    return [own + beside for own, beside in zip(plan.starts, plan.past_adjustment_starts, strict=True)]


def _filled(
    values: NDArray[np.int64],
    present: NDArray[np.bool_],
    complete: NDArray[np.bool_],
    periods: int,
    direction: Direction,
) -> NDArray[np.int64]:
    """Absent values replaced, place by place, by what is worst for the provider among the complete days."""
    if present.all():
        return values.copy()
    full = complete[:, :, None]
    least = np.where(full, values, _ENDS.max).min(axis=1)
    most = np.where(full, values, _ENDS.min).max(axis=1)
    if direction is Direction.ABSORB:
        least, most = most, least
    fills = np.concatenate((least[:, :periods], most[:, periods:]), axis=1)
    return np.where(present, values, fills[:, None, :])


def _chosen_sums(
    day_class: DayClass, direction: Direction, filled: NDArray[np.int64], periods: int
) -> NDArray[np.int64]:
    """Sum of the days in the mean, by place; of days alike the later one ranks higher."""
    days = filled.shape[1]
    dropped = max(0, days - day_class.x)
    top = {DaySelection.HIGH: 0, DaySelection.LOW: dropped}.get(day_class.selection)
    if top is None:
        top = (dropped + 1) // 2 if direction is Direction.SHED else dropped // 2
    order = np.argsort(-filled[:, :, :periods].sum(axis=2), axis=1, kind="stable")
    chosen = order[:, top : top + days - dropped, None]
    total: NDArray[np.int64] = np.take_along_axis(filled, chosen, axis=1).sum(axis=1)
    return total


def _most(lookback: Lookback, days: int, periods: int) -> int:
    """Energies below it, mWh, leave no intermediate result beyond 62 bits."""
    several = max(periods, 1)
    return min(
        isqrt(_FITS // (days * several)),
        _FITS // (4 * days * several),
        _FITS // ((BPS + lookback.adjustment_cap_bps) * days),
    )


def _rounded(above: NDArray[np.int64], below: NDArray[np.int64] | int, direction: Direction) -> NDArray[np.int64]:
    """The quotient against the provider, down for Shed, up for Absorb."""
    return above // below if direction is Direction.SHED else -(-above // below)
