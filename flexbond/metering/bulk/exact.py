"""Whole-number arithmetic in columns, exact to the last digit on every engine.

Engines differ in what `/` and `//` of wide integers mean, and most go through floats. Here a float only guesses the
quotient; what is left over is exact in 38 digits.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import ibis

from flexbond.model.types import Direction

if TYPE_CHECKING:
    from ibis.expr.types import BooleanValue, IntegerValue, NumericValue, Table

WIDE: Final = "decimal(38, 0)"
"""A whole number of up to 38 digits: what a product of two 64-bit integers needs."""


def wide(value: NumericValue | int) -> NumericValue:
    """The value with room for a product."""
    return (ibis.literal(value) if isinstance(value, int) else value).cast(WIDE)


def total(value: NumericValue, where: BooleanValue | None = None) -> IntegerValue:
    """Sum of 64-bit integers as one; the engine refuses a sum that does not fit. Null without rows.

    DuckDB's own sum has 128 bits, which its Parquet writer turns into floats.
    """
    return value.sum(where=where).cast(WIDE).cast("int64")


def with_quotient(
    table: Table, name: str, numerator: NumericValue, denominator: NumericValue, direction: Direction
) -> Table:
    """The table and a wide column: the quotient against the provider, down for Shed, up for Absorb.

    The denominator is positive; a null gives a null. Exact for quotients below 2^98: the first guess leaves at most 2^-50
    of the quotient, the second less than 2. A column at a time, so that no engine sees a guess written out many times.
    """
    # Not a unary minus: Spark rounds that to 34 digits.
    above = wide(numerator) if direction is Direction.SHED else wide(0) - wide(numerator)
    columns = table.columns
    staged = table.mutate(_above=above, _below=wide(denominator))
    staged = staged.mutate(_first=_guess(staged["_above"], staged["_below"]))
    staged = staged.mutate(_rest=wide(staged["_above"] - staged["_first"] * staged["_below"]))
    staged = staged.mutate(_second=_guess(staged["_rest"], staged["_below"]))
    staged = staged.mutate(_last=wide(staged["_rest"] - staged["_second"] * staged["_below"]))
    last, below = staged["_last"], staged["_below"]
    # The second guess is off by less than 2, and was rounded to the nearest.
    up = (last >= below).cast("int64") + (last >= below + below).cast("int64")
    down = (last < 0).cast("int64") + (last + below < 0).cast("int64")
    floor = staged["_first"] + staged["_second"] + wide(up - down)
    quotient = wide(floor) if direction is Direction.SHED else wide(0) - wide(floor)
    return staged.select(*(column for column in columns if column != name), quotient.name(name))


def _guess(numerator: NumericValue, denominator: NumericValue) -> NumericValue:
    """The quotient as floats see it, to a whole number nearby."""
    return (numerator.cast("float64") / denominator.cast("float64")).cast(WIDE)
