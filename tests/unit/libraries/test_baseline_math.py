"""BaselineMath by hand: everything is rounded against the provider."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from flexbond.model.types import Direction

if TYPE_CHECKING:
    from tests.support.evm import Contract

SHED, ABSORB = Direction.SHED, Direction.ABSORB


@pytest.mark.parametrize(
    ("total", "direction", "mean"), [(10, SHED, 3), (10, ABSORB, 4), (-10, SHED, -4), (-10, ABSORB, -3), (9, ABSORB, 3)]
)
def test_mean(baseline_math: Contract, total: int, direction: Direction, mean: int) -> None:
    """Given three periods, the mean is rounded down for Shed and up for Absorb."""
    assert baseline_math.mean.call(total, 3, direction) == mean


@pytest.mark.parametrize(
    ("baseline", "total", "direction", "kept"),
    [
        (999, 303, SHED, 121),
        (999, 303, ABSORB, 122),
        (0, 303, SHED, 80),
        (0, 303, ABSORB, 81),
        (0, -303, SHED, -81),
        (-999, -303, ABSORB, -121),
        (100, 303, SHED, 100),
    ],
)
def test_capped(baseline_math: Contract, baseline: int, total: int, direction: Direction, kept: int) -> None:
    """Given the mean of three days and a fifth of it, a baseline is kept within, its ends rounded like the mean."""
    assert baseline_math.capped.call(baseline, total, 3, 2_000, direction) == kept


@pytest.mark.parametrize(
    ("level", "direction", "energy"),
    [(1, SHED, 16), (1, ABSORB, 17), (-1, SHED, -17), (-1, ABSORB, -16), (3, ABSORB, 50), (-3, SHED, -50)],
)
def test_level(baseline_math: Contract, level: int, direction: Direction, energy: int) -> None:
    """Given a level over a minute, its energy is rounded down for Shed and up for Absorb."""
    assert baseline_math.levelMilliWh.call(level, 60, direction) == energy


def test_clamp(baseline_math: Contract) -> None:
    """Given a capacity, its energy is rounded down."""
    assert baseline_math.clampDown.call(1, 60) == 16
    assert baseline_math.clampDown.call(2**64 - 1, 86_400) == (2**64 - 1) * 24_000


@pytest.mark.parametrize(
    ("baseline", "metered", "direction", "response"),
    [
        (10, 4, SHED, 6),
        (4, 10, SHED, -6),
        (4, 10, ABSORB, 6),
        (10, 4, ABSORB, -6),
        (10, -90, SHED, 50),
        (-90, 10, SHED, -50),
    ],
)
def test_response(baseline_math: Contract, baseline: int, metered: int, direction: Direction, response: int) -> None:
    """Given a clamp of 50, responses in both directions end there."""
    assert baseline_math.response.call(baseline, metered, direction, 50) == response


@pytest.mark.parametrize(("response", "count"), [(100, 1), (-16, 1), (0, 3), (-48, 3)])
def test_response_from_column(baseline_math: Contract, response: int, count: int) -> None:
    """Given a column's total, the sum of responses comes out exactly."""
    column = 3_600 * response + 1_000 * count * 60
    assert baseline_math.responseFromColumn.call(column, count, 60) == response


@pytest.mark.parametrize(("column", "response"), [(1, -17), (60_001, 0), (63_599, 0), (59_999, -1)])
def test_a_false_column_is_rounded_down(baseline_math: Contract, column: int, response: int) -> None:
    """Given a total that no responses add up to, what it says is rounded down."""
    assert baseline_math.responseFromColumn.call(column, 1, 60) == response


@pytest.mark.parametrize(("direction", "metered"), [(SHED, 17), (ABSORB, -17)])
def test_metered_from_column(baseline_math: Contract, direction: Direction, metered: int) -> None:
    """Given a silent connection of 1 W over a minute, it counts as 17 mWh against the provider, rounded that way."""
    assert baseline_math.meteredFromColumn.call(0, 1, 60, direction) == metered
