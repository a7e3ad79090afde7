"""Series are immutable and consistent; slots are complete or listed as incomplete, never padded."""

from __future__ import annotations

from dataclasses import FrozenInstanceError

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flexbond.metering import Grid, IncompleteSlot, IntervalSeries, Slot, errors, slots


def _series(count: int, *, start: int = 0, period: int = 900) -> IntervalSeries:
    return IntervalSeries(
        metering_point="a",
        period_seconds=period,
        start=start,
        readings=tuple(range(-5, count - 5)),
        estimated=tuple(index % 2 == 0 for index in range(count)),
    )


GRID = Grid(period_seconds=900, readings_per_slot=4, offset_seconds=1800)


def test_a_series_is_cut_into_slots() -> None:
    """Given eight quarter hours on the grid, when they are cut by fours, then there are two slots."""
    cut = slots(_series(8, start=1800), GRID)
    assert cut.complete == (
        Slot(index=0, start=1800, readings=(-5, -4, -3, -2), estimated=(True, False, True, False)),
        Slot(index=1, start=5400, readings=(-1, 0, 1, 2), estimated=(True, False, True, False)),
    )
    assert cut.incomplete == ()


def test_incomplete_slots_are_listed() -> None:
    """Given a series that begins and ends inside slots, when it is cut, then both are listed."""
    cut = slots(_series(8, start=2700), GRID)
    assert [slot.index for slot in cut.complete] == [1]
    assert cut.incomplete == (
        IncompleteSlot(index=0, start=1800, present=3, missing=1),
        IncompleteSlot(index=2, start=9000, present=1, missing=3),
    )


def test_a_series_inside_one_slot_has_none() -> None:
    """Given two readings in the middle of a slot, when they are cut, then one slot is incomplete."""
    cut = slots(_series(2, start=2700), GRID)
    assert (cut.complete, cut.incomplete) == ((), (IncompleteSlot(index=0, start=1800, present=2, missing=2),))


def test_another_period_does_not_fit() -> None:
    """Given hours and a grid of quarter hours, when they are cut, then it is refused."""
    with pytest.raises(errors.GridError, match="3600 s"):
        slots(_series(4, period=3600), GRID)


def test_readings_between_the_periods_of_the_grid_do_not_fit() -> None:
    """Given quarter hours that begin at 5 past, when they are cut, then it is refused."""
    with pytest.raises(errors.GridError, match="not on the grid"):
        slots(_series(4, start=300), GRID)


@pytest.mark.parametrize("fields", [(0, 4, 0), (-900, 4, 0), (900, 0, 0), (900, 101, 0), (900, 4, -1)], ids=str)
def test_a_grid_that_cannot_exist(fields: tuple[int, int, int]) -> None:
    """Given no period, no readings, more than 100, or an offset before 1970, then it is refused."""
    with pytest.raises(errors.GridError):
        Grid(period_seconds=fields[0], readings_per_slot=fields[1], offset_seconds=fields[2])


@given(
    count=st.integers(1, 300),
    start=st.integers(0, 1000),
    per_slot=st.integers(1, 100),
    offset=st.integers(0, 1000),
)
def test_cutting_loses_and_invents_nothing(count: int, start: int, per_slot: int, offset: int) -> None:
    """Given any series and grid, then every reading is in its slot once, and nothing else is."""
    series = _series(count, start=start * 900)
    grid = Grid(period_seconds=900, readings_per_slot=per_slot, offset_seconds=offset * 900)
    cut = slots(series, grid)
    assert sum(len(slot.readings) for slot in cut.complete) + sum(one.present for one in cut.incomplete) == count
    assert len(cut.incomplete) <= 2
    assert all(one.present + one.missing == per_slot and one.missing for one in cut.incomplete)
    for slot in cut.complete:
        assert slot.start == grid.start_of(slot.index) == offset * 900 + slot.index * per_slot * 900
        assert slot.readings == series.window(slot.start, slot.start + grid.slot_seconds).readings


def test_a_window_is_a_part() -> None:
    """Given a series, when a window is taken, then it has the readings of that time."""
    part = _series(8).window(900, 2700)
    assert (part.start, part.end, part.readings, part.estimated) == (900, 2700, (-4, -3), (False, True))


@pytest.mark.parametrize(("start", "end"), [(0, 8100), (900, 900), (450, 900), (900, 1000)])
def test_a_window_outside_or_across_periods_is_refused(start: int, end: int) -> None:
    """Given a window beyond the series, empty, or through a period, then it is refused."""
    with pytest.raises(errors.GridError):
        _series(8).window(start, end)


def test_a_series_cannot_be_changed() -> None:
    """Given a series, when a field is set, then it is refused."""
    with pytest.raises(FrozenInstanceError):
        _series(1).start = 5  # type: ignore[misc]


@pytest.mark.parametrize(
    "changes",
    [
        {"metering_point": ""},
        {"period_seconds": 0},
        {"start": -1},
        {"readings": (), "estimated": ()},
        {"estimated": ()},
        {"readings": (1.0,)},
        {"readings": (True,)},
        {"estimated": (1,)},
        {"readings": (2**39,)},
        {"readings": (-(2**39) - 1,)},
    ],
    ids=str,
)
def test_a_series_that_contradicts_itself_is_refused(changes: dict[str, object]) -> None:
    """Given a field out of range or of another type, when a series is built, then it is refused."""
    fields = {"metering_point": "a", "period_seconds": 900, "start": 0, "readings": (1,), "estimated": (False,)}
    with pytest.raises(errors.SeriesError):
        IntervalSeries(**{**fields, **changes})  # type: ignore[arg-type]
