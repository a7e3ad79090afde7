"""Baselines and responses of any number of devices at once: column expressions for DuckDB or Spark.

    plan = plan_fleet(rule=rule, lookback=lookback, calendar=calendar, window=window, first_notice=notice, direction=SHED)
    with open_engine("duckdb") as engine:
        result = engine.measure(plan, engine.parquet(["readings/*.parquet"]), engine.frame(devices))

Needs the extra `flexbond[bulk]`; the engine `spark` needs `flexbond[spark]` and Java 17 or 21.
"""

from __future__ import annotations

from importlib.util import find_spec

from flexbond.errors import FlexbondError

if find_spec("ibis") is None or find_spec("duckdb") is None:
    raise FlexbondError(
        "Computing many devices at once needs ibis and duckdb, which are not installed.",
        next_step="Install them with pip install 'flexbond[bulk]'.",
    )

from flexbond.metering.bulk.engines import ENGINES, Engine, EngineName, FleetResult, open_engine
from flexbond.metering.bulk.expression import FleetTables, baselines, portfolio
from flexbond.metering.bulk.plan import BulkError, FleetPlan, plan_fleet

__all__ = [
    "ENGINES",
    "BulkError",
    "Engine",
    "EngineName",
    "FleetPlan",
    "FleetResult",
    "FleetTables",
    "baselines",
    "open_engine",
    "plan_fleet",
    "portfolio",
]
