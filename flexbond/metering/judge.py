"""What happens to a row that is wrong: the strict reader ends there, the lenient one lists it and goes on."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

import polars as pl

if TYPE_CHECKING:
    from flexbond.metering.errors import MeteringError
    from flexbond.metering.table import RawTable

Row = dict[str, Any]
"""One row of a table by column name."""

Describe = Callable[[Row], str]
"""Says what is wrong with a row, in one sentence."""


class Judge(Protocol):
    """Decides about the rows for which `bad` is true or null; gives back the rows that stay."""

    def __call__(
        self, frame: pl.DataFrame, bad: pl.Expr, kind: type[MeteringError], describe: Describe
    ) -> pl.DataFrame: ...


def strict(table: RawTable) -> Judge:
    """A judge that raises the error of the first bad row."""

    def judge(frame: pl.DataFrame, bad: pl.Expr, kind: type[MeteringError], describe: Describe) -> pl.DataFrame:
        found = frame.filter(bad.fill_null(True)).sort("number").head(1)
        if found.height:
            row = found.row(0, named=True)
            raise kind(describe(row), place=table.place(row["number"]))
        return frame

    return judge
