"""What past days give against exact fractions: every small case, and always rounded against the provider."""

from __future__ import annotations

import itertools
import math
from fractions import Fraction

import pytest

from flexbond.model.lookback import PastMean, baseline_of
from flexbond.model.types import BPS, Adjustment, Direction
from tests.support.lookbacks import lookback

CAPS = [0, 1, 3_333, 10_000, 25_000]


def exact(adjustment: Adjustment, total: int, count: int, past: int, metered: list[int], cap: int) -> Fraction:
    """The baseline as the page says it, before it is rounded."""
    mean = Fraction(total, count)
    value = mean
    if metered and adjustment is Adjustment.ADDITIVE:
        value = mean + (Fraction(sum(metered)) - Fraction(past, count)) / len(metered)
    elif metered and adjustment is Adjustment.MULTIPLICATIVE and past > 0 and sum(metered) >= 0:
        value = mean * sum(metered) / Fraction(past, count)
    if cap:
        slack = abs(mean) * cap / BPS
        value = min(max(value, mean - slack), mean + slack)
    return value


@pytest.mark.parametrize("adjustment", Adjustment)
@pytest.mark.parametrize("direction", Direction)
def test_every_small_case_is_the_fraction_rounded_once(adjustment: Adjustment, direction: Direction) -> None:
    """Given small sums of either sign, the model is the exact value rounded down for Shed and up for Absorb, capped or not."""
    rounded = math.floor if direction is Direction.SHED else math.ceil
    for total, count, past, cap in itertools.product(range(-7, 8), (1, 2, 3, 7), range(-4, 6), CAPS):
        for metered in ([], [0], [5], [-3, 1], [2, 2, 3]):
            of = lookback(adjustment=adjustment, adjustment_periods=len(metered), adjustment_cap_bps=cap)
            mean = PastMean(complete=(True,) * count, chosen=tuple(range(count)), sums=(total,), adjustment_sum=past)
            (value,) = baseline_of(of, direction, mean, metered)
            assert value == rounded(exact(adjustment, total, count, past, metered, cap))
