"""The same expression on Spark."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from flexbond.model.types import Adjustment, BaselineMethod, Direction
from tests.python.bulk.cases import british_night, meter_before
from tests.python.bulk.test_bulk_equality import check, measured

if TYPE_CHECKING:
    from pathlib import Path

    from flexbond.metering.bulk import Engine

pytestmark = [
    pytest.mark.slow,
    # Spark's own client leaves the sockets of its results to the garbage collector.
    pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning"),
    pytest.mark.filterwarnings("ignore:Exception ignored in. <socket:pytest.PytestUnraisableExceptionWarning"),
]


def test_spark_says_what_the_reference_and_duckdb_say(spark: Engine, duckdb: Engine, tmp_path: Path) -> None:
    """Given the night of 25 hours in two Parquet files, Spark, DuckDB and the reference agree to the last digit."""
    case = british_night(Direction.SHED, Adjustment.MULTIPLICATIVE)
    frame = case.readings_frame()
    files = [tmp_path / "a.parquet", tmp_path / "b.parquet"]
    frame[: frame.height // 2].write_parquet(files[0])
    frame[frame.height // 2 :].write_parquet(files[1])
    results = [
        engine.measure(case.plan(), engine.parquet(files), engine.frame(case.devices_frame()), days=True)
        for engine in (spark, duckdb)
    ]
    check(results[0], case)
    for name in ("periods", "portfolio", "days"):
        assert getattr(results[0], name).rows() == getattr(results[1], name).rows()


def test_spark_takes_the_periods_before_the_notice(spark: Engine) -> None:
    """Given METER_BEFORE and Absorb, Spark rounds up as the reference does."""
    case = meter_before(Direction.ABSORB)
    assert case.rule.baseline is BaselineMethod.METER_BEFORE
    check(measured(spark, case), case)
