"""Generated events of small fleets, with every defect that readings can have."""

from __future__ import annotations

import random

from hypothesis import strategies as st

from flexbond.model.calendar import DAY
from flexbond.model.types import (
    NO_LOOKBACK,
    Adjustment,
    BaselineMethod,
    Call,
    DayClass,
    DaySelection,
    Direction,
    Lookback,
)
from tests.python.bulk.cases import (
    ALL_KINDS,
    CHANGE,
    RESTING,
    WORKING,
    Case,
    a_device,
    london,
    some_rows,
)
from tests.python.model.strategies import rule


@st.composite
def lookbacks(draw: st.DrawFn) -> Lookback:
    """Any lookback a rule may have."""

    def day_class(kinds: int) -> DayClass:
        y = draw(st.integers(1, 8))
        return DayClass(
            kinds=kinds,
            selection=draw(st.sampled_from(DaySelection)),
            x=draw(st.integers(1, y)),
            y=y,
            min_days=draw(st.integers(1, y)),
        )

    adjustment = draw(st.sampled_from(Adjustment))
    adjusted = adjustment is not Adjustment.NONE
    return Lookback(
        calendar_id=bytes(32),
        classes=tuple(map(day_class, draw(st.sampled_from([(ALL_KINDS,), (WORKING, RESTING)])))),
        holidays_eligible=draw(st.booleans()),
        look_back_days=draw(st.integers(8, 30)),
        max_excluded_days=draw(st.integers(0, 4)),
        min_event_bps=draw(st.sampled_from([0, 5_000])),
        adjustment=adjustment,
        adjustment_periods=draw(st.integers(1, 3)) if adjusted else 0,
        adjustment_lead=draw(st.sampled_from([0, 3600, 7200])) if adjusted else 0,
        adjustment_cap_bps=draw(st.sampled_from([0, 500, 2_000, 20_000])) if adjusted else 0,
    )


@st.composite
def cases(draw: st.DrawFn, *, method: BaselineMethod | None = None) -> Case:
    """A fleet of a few devices around the clock change of October 2013, with every defect that readings can have."""
    chosen = draw(st.sampled_from([BaselineMethod.METER_BEFORE, *3 * [BaselineMethod.X_OF_Y]]))
    method = chosen if method is None else method
    period = draw(st.sampled_from([900, 1800, 3600]))
    past = method is BaselineMethod.X_OF_Y
    under = rule(
        period_seconds=period,
        baseline=method,
        baseline_periods=0 if past else draw(st.integers(1, 5)),
        estimated_allowed=draw(st.booleans()),
        reading_deadline=draw(st.sampled_from([0, 3600, 2 * DAY])),
    )
    day = CHANGE + draw(st.sampled_from([0, 0, 1, -1, 3, 6, 7]))
    start = london().start_of(day) + draw(st.integers(0, 23 * 3600 // period)) * period
    count = draw(st.integers(1, 5))
    notice = start - draw(st.sampled_from([1, 1800, 7200, 20 * 3600, 30 * 3600]))
    lookback = draw(lookbacks()) if past else NO_LOOKBACK
    groups: dict[int, tuple[Call, ...]] = {}
    for group in range(draw(st.integers(1, 2)) if past else 0):
        calls = []
        for _ in range(draw(st.integers(0, 5))):
            begin = start - draw(st.integers(1, 12)) * DAY - draw(st.integers(0, 20)) * period
            bps = draw(st.sampled_from([100, 6_000]))
            calls.append(
                Call(window_start=begin, window_end=begin + 2 * period, first_notice=begin - 3600, called_bps=bps)
            )
        groups[group * 7] = tuple(calls)
    window = (start, start + count * period)
    mask = draw(st.one_of(st.none(), st.integers(1, (1 << count) - 1)))
    source = random.Random(draw(st.integers(0, 2**32)))
    devices = tuple(a_device(source, index, list(groups)) for index in range(draw(st.integers(1, 6))))
    span = (start - (lookback.look_back_days + 2) * DAY if past else notice - 6 * period - period, window[1])
    rows = [row for device in devices for row in some_rows(source, device, span, period, notice, window[1])]
    source.shuffle(rows)
    return Case(
        rule=under,
        window=window,
        first_notice=notice,
        direction=draw(st.sampled_from(Direction)),
        devices=devices,
        rows=tuple(rows),
        lookback=lookback,
        calendar=london() if past else None,
        groups=groups,
        ordered_mask=mask,
    )
