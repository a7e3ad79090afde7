"""Division in columns."""

from __future__ import annotations

import random
from decimal import Decimal
from typing import TYPE_CHECKING

import polars as pl
import pytest

from flexbond.metering.bulk.exact import with_quotient
from flexbond.model.rounding import div_down, div_up
from flexbond.model.types import Direction

if TYPE_CHECKING:
    from flexbond.metering.bulk import Engine


@pytest.mark.parametrize("direction", Direction)
def test_a_quotient_is_exact_however_wide(duckdb: Engine, direction: Direction) -> None:
    """Given dividends of up to 37 digits around the multiples of divisors, each is rounded as integers are."""
    source = random.Random(1)
    pairs = []
    for _ in range(3_000):
        below = source.choice([1, 2, 3, 7, source.randint(1, 10**4), source.randint(1, 10**15), 2**62 - 1])
        quotient = source.choice([0, 1, -1, source.randint(-(10**9), 10**9), source.randint(-(10**24), 10**24)])
        above = quotient * below + source.choice([0, 1, -1, below - 1, below // 2])
        if abs(above) < 10**37:
            pairs.append((Decimal(above), below))
    frame = pl.DataFrame(pairs, schema={"above": pl.Decimal(38, 0), "below": pl.Int64}, orient="row")
    table = duckdb.frame(frame)
    rows = duckdb.fetch(with_quotient(table, "found", table.above, table.below, direction)).rows(named=True)
    divided = div_down if direction is Direction.SHED else div_up
    assert [int(row["found"]) for row in rows] == [divided(int(row["above"]), row["below"]) for row in rows]
    assert len(rows) > 2_000
