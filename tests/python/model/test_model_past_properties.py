"""What holds of every baseline from past days."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from flexbond.model.baseline import response_milli_wh
from flexbond.model.types import Adjustment, DaySelection, Direction, Lookback, Silence
from tests.python.model.past import Case, hour
from tests.support.lookbacks import day_class, lookback

BACK = 6
readings = st.one_of(st.integers(-3, 3), st.integers(-(10**6), 10**7))


@st.composite
def lookbacks(draw: st.DrawFn, *, complete: bool = False) -> Lookback:
    """Any selection and adjustment; `complete`: every day found must be."""
    y = draw(st.integers(1, BACK))
    adjustment = draw(st.sampled_from(Adjustment))
    one = day_class(
        selection=draw(st.sampled_from(DaySelection)),
        x=draw(st.integers(1, y)),
        y=y,
        min_days=y if complete else draw(st.integers(1, y)),
    )
    return lookback(
        bytes(32),
        one,
        look_back_days=BACK,
        adjustment=adjustment,
        adjustment_periods=2 if adjustment else 0,
        adjustment_lead=3600 if adjustment else 0,
        adjustment_cap_bps=draw(st.sampled_from([0, 1500, 20_000])) if adjustment else 0,
    )


@st.composite
def cases(draw: st.DrawFn, *, complete: bool = False) -> Case:
    """Two hours in the evening, hours from 14:00 to 20:00 known of every day."""
    before = {hour(back, at): draw(readings) for back in range(1, BACK + 1) for at in range(14, 20)}
    during = {hour(0, at): draw(readings) for at in (14, 15)}
    return Case(past=draw(lookbacks(complete=complete)), before=before, during=during)


@given(cases(), st.integers(1, 1000), st.sampled_from(Direction))
def test_scaling_all_readings_scales_the_baseline(case: Case, factor: int, direction: Direction) -> None:
    """Given all readings times k, the baseline is k times as great, but for what is rounded; the same days are chosen."""
    scaled = replace(
        case,
        before={start: factor * value for start, value in case.before.items()},
        during={start: factor * value for start, value in case.during.items()},
    )
    one, many = case.baseline(direction), scaled.baseline(direction)
    assert one.chosen == many.chosen
    for small, great in zip(one.baseline_milli_wh, many.baseline_milli_wh, strict=True):
        rounded = great - factor * small
        assert 0 <= (rounded if direction is Direction.SHED else -rounded) < factor


@given(cases(complete=True), st.data(), st.sampled_from(Direction))
def test_hiding_what_is_past_never_raises_a_baseline(case: Case, data: st.DataObject, direction: Direction) -> None:
    """Given a rule that demands every day, whoever hides hours of past days has the same baseline, or none."""
    whole = case.baseline(direction)
    hidden = data.draw(st.lists(st.sampled_from(sorted(case.before)), min_size=1, max_size=4))
    found = replace(case, without=tuple(hidden)).baseline(direction)
    assert found.silence is Silence.TOO_FEW_DAYS or found == whole


@given(cases(), st.data())
def test_hiding_the_adjustment_window_silences(case: Case, data: st.DataObject) -> None:
    """Given an adjustment, whoever hides a reading of its window has no baseline."""
    hidden = data.draw(st.sampled_from(sorted(case.during)))
    less = {start: value for start, value in case.during.items() if start != hidden}
    found = replace(case, during=less).baseline()
    expected = Silence.OK if case.past.adjustment is Adjustment.NONE else Silence.MISSING_READING
    assert found.silence is expected


@given(cases(), readings, readings, st.sampled_from(Direction), st.integers(0, 10**7))
def test_more_delivery_never_responds_less(
    case: Case, metered: int, other: int, direction: Direction, limit: int
) -> None:
    """Given two readings of the window, the one that sheds or absorbs more has at least the response of the other."""
    less, more = sorted((metered, other), reverse=direction is Direction.SHED)
    for level in case.baseline(direction).baseline_milli_wh:
        assert response_milli_wh(level, more, direction, limit) >= response_milli_wh(level, less, direction, limit)


@given(cases(), st.sampled_from(Direction))
def test_a_cap_keeps_the_baseline_by_the_mean(case: Case, direction: Direction) -> None:
    """Given a cap, the baseline lies within it of the mean without adjustment, but for what is rounded."""
    cap = case.past.adjustment_cap_bps
    if not cap:
        return
    plain = replace(
        case.past, adjustment=Adjustment.NONE, adjustment_periods=0, adjustment_lead=0, adjustment_cap_bps=0
    )
    moved, mean = case.baseline(direction), replace(case, past=plain).baseline(direction)
    for value, level in zip(moved.baseline_milli_wh, mean.baseline_milli_wh, strict=True):
        assert abs(value - level) <= (abs(level) + 1) * cap // 10_000 + 1
