"""Where the expressions run: DuckDB in this process, or Spark on this machine. The results are the same."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import threading
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final, Literal, cast
from uuid import uuid4

import ibis
import polars as pl

from flexbond.metering.bulk.expression import baselines, portfolio
from flexbond.metering.bulk.plan import BulkError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from ibis.expr.types import Table

    from flexbond.metering.bulk.plan import FleetPlan

EngineName = Literal["duckdb", "spark"]
ENGINES: Final[tuple[EngineName, ...]] = ("duckdb", "spark")
JAVA_VERSIONS: Final = (17, 21)
"""What Spark 4.0 runs on."""
_TEXTS: Final = ("device",)
_NEEDED: Final = {
    "readings": (*_TEXTS, "start", "seconds", "milli_wh"),
    "devices": (*_TEXTS, "capacity_w", "connection_w"),
}


@dataclass(frozen=True, kw_only=True)
class FleetResult:
    """What came out for a fleet; the columns are those of `FleetTables` and `portfolio`."""

    periods: pl.DataFrame
    """By device and period of the window, in this order."""
    portfolio: pl.DataFrame
    """By ordered period of the window."""
    days: pl.DataFrame | None
    """By device and local day, in this order; None unless asked for, and for METER_BEFORE."""


@dataclass(frozen=True, kw_only=True)
class Engine:
    """An open engine. Its tables are good until it is closed."""

    name: EngineName
    connection: Any
    """The ibis backend."""
    progress: Callable[[float], None] | None = None
    """Called about twice a second with the percentage of the running query, where the engine tells it (DuckDB)."""

    def parquet(self, paths: Sequence[str | Path]) -> Table:
        """The rows of Parquet files, or of files that match a pattern. Fastest with files or row groups by time."""
        found = [str(path) for path in paths]
        try:
            if self.name == "duckdb":
                return cast("Table", self.connection.read_parquet(found))
            return ibis.union(*map(self.connection.read_parquet, found))
        except Exception as error:  # whatever the engine raises for files it cannot read
            raise BulkError(
                f"{', '.join(found)[:200]} cannot be read as Parquet: {_first_line(error)}.",
                next_step="Check the path and the file.",
            ) from error

    def frame(self, frame: pl.DataFrame) -> Table:
        """The rows of a table in memory."""
        return ibis.memtable(frame.to_arrow())

    def measure(self, plan: FleetPlan, readings: Table, devices: Table, *, days: bool = False) -> FleetResult:
        """Baseline and response of every device in an event, and of them all; with `days` the past days of each.

        Columns as in `baselines`. Raises BulkError for columns that are missing or of the wrong kind, for devices listed twice or
        of a group without plan, and as `fetch`.
        """
        _check_columns("readings", readings)
        _check_columns("devices", devices)
        self._check_devices(plan, devices)
        tables = baselines(plan, readings, devices, self._kept)
        periods = self.fetch(tables.periods).sort("device", "place")
        found = self.fetch(tables.days).sort("device", "local_day") if days and tables.days is not None else None
        return FleetResult(periods=periods, portfolio=self.fetch(portfolio(self.frame(periods))), days=found)

    def _kept(self, table: Table) -> Table:
        """A table that is used more than once. DuckDB computes such a one once by itself, Spark is told to do so here."""
        if self.name == "duckdb":
            return table
        name = f"kept_{uuid4().hex}"
        view = self.connection.create_view(name, table)
        # With its rows it forgets how they were made: Spark would plan that again in every later step.
        self.connection.raw_sql(f"TABLE {view.get_name()}").localCheckpoint().createOrReplaceTempView(name)
        return cast("Table", self.connection.table(name))

    def fetch(self, table: Table) -> pl.DataFrame:
        """Computes a table. Raises BulkError with what the engine says if it cannot: a sum beyond 64 bits, say."""
        try:
            with self._watched():
                return cast("pl.DataFrame", pl.from_arrow(self.connection.to_pyarrow(table)))
        except Exception as error:  # whatever the engine raises
            raise BulkError(
                f"The engine {self.name} could not compute it: {_first_line(error)}.",
                next_step="Check the values of the readings and devices, or allow more memory.",
            ) from error

    def _check_devices(self, plan: FleetPlan, devices: Table) -> None:
        """Every device once, and of a group that the plan knows."""
        counted = devices.group_by("device").agg(times=devices.count())
        twice = self.fetch(counted.filter(counted.times > 1).limit(1))
        if twice.height:
            raise BulkError(f"The device {twice['device'][0]} is listed twice.", next_step="List every device once.")
        if plan.groups and "group" in devices.columns:
            unknown = self.fetch(devices.filter(devices.group.notin(list(plan.groups))).select("device").limit(1))
            if unknown.height:
                raise BulkError(
                    f"The group of {unknown['device'][0]} has no calls in the plan.",
                    next_step="Give plan_fleet the calls of every group, empty where there were none.",
                )

    @contextmanager
    def _watched(self) -> Iterator[None]:
        """Tells how far a query is, from a thread beside it."""
        if self.progress is None or self.name != "duckdb":
            yield
            return
        done, tell = threading.Event(), self.progress

        def watch() -> None:
            while not done.wait(0.5):
                tell(max(0.0, self.connection.con.query_progress()))

        watcher = threading.Thread(target=watch, daemon=True)
        watcher.start()
        try:
            yield
        finally:
            done.set()
            watcher.join()


@contextmanager
def open_engine(
    name: EngineName = "duckdb",
    *,
    threads: int = 0,
    memory_mb: int = 2_500,
    progress: Callable[[float], None] | None = None,
) -> Iterator[Engine]:
    """An engine, closed at the end. `threads` 0: all cores. Beyond `memory_mb` DuckDB goes on in a temporary folder.

    Raises BulkError if Spark or its Java is missing.
    """
    count = threads or os.cpu_count() or 1
    with TemporaryDirectory(prefix="flexbond-") as scratch:
        opened = _duckdb if name == "duckdb" else _spark
        with opened(count, memory_mb, scratch) as connection:
            yield Engine(name=name, connection=connection, progress=progress)


@contextmanager
def _duckdb(threads: int, memory_mb: int, scratch: str) -> Iterator[Any]:
    connection = ibis.duckdb.connect(
        threads=threads, memory_limit=f"{memory_mb}MB", temp_directory=scratch, preserve_insertion_order=False
    )
    # DuckDB 1.5 would pass the join's device names down into the scan, where testing them costs ten times the join.
    connection.raw_sql("SET disabled_optimizers = 'join_filter_pushdown'")
    # It would draw its own bar on standard output, among the answer.
    connection.raw_sql("SET enable_progress_bar_print = false")
    try:
        yield connection
    finally:
        connection.disconnect()


@contextmanager
def _spark(threads: int, memory_mb: int, scratch: str) -> Iterator[Any]:
    try:
        from pyspark.sql import SparkSession
    except ModuleNotFoundError as error:
        raise BulkError(
            "The engine spark is not installed.",
            next_step="Install it with pip install 'flexbond[spark]', or use the engine duckdb.",
        ) from error
    check_java()
    settings = {
        "spark.driver.memory": f"{memory_mb}m",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.local.dir": scratch,
        "spark.sql.warehouse.dir": f"{scratch}/warehouse",
        "spark.sql.ansi.enabled": "true",  # an overflow is an error
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.shuffle.partitions": str(2 * threads),
        "spark.sql.execution.arrow.pyspark.enabled": "true",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.log.level": "ERROR",
    }
    builder = SparkSession.builder.master(f"local[{threads}]").appName("flexbond")
    for key, value in settings.items():
        builder = builder.config(key, value)
    session = builder.getOrCreate()
    try:
        yield ibis.pyspark.connect(session)
    finally:
        session.stop()


def check_java() -> None:
    """Raises BulkError unless the Java that Spark would start (JAVA_HOME, else of PATH) is one it runs on."""
    home = os.environ.get("JAVA_HOME")
    java = str(Path(home) / "bin" / "java") if home else shutil.which("java")
    versions = " or ".join(map(str, JAVA_VERSIONS))
    advice = f"Install Java {versions} and set JAVA_HOME to it, or use the engine duckdb."
    shown = ""
    if java is not None:
        with suppress(OSError):
            shown = subprocess.run([java, "-version"], capture_output=True, text=True, check=False).stderr  # noqa: S603
    found = re.search(r'version "(\d+)', shown)
    if found is None:
        raise BulkError(f"Spark needs Java {versions}, and there is none.", next_step=advice)
    if int(found[1]) not in JAVA_VERSIONS:
        raise BulkError(f"Spark needs Java {versions}, and {java} is Java {found[1]}.", next_step=advice)


def _check_columns(name: str, table: Table) -> None:
    """Raises BulkError unless the table has the columns it needs, names as text and numbers as integers."""
    for column in _NEEDED[name]:
        if column not in table.columns:
            raise BulkError(f"The {name} have no column {column}.", next_step="Name the columns as documented.")
        kind = table[column].type()
        if not (kind.is_string() if column in _TEXTS else kind.is_integer()):
            wanted = "text" if column in _TEXTS else "integers"
            raise BulkError(
                f"The column {column} of the {name} holds {kind}, not {wanted}.", next_step=f"Store it as {wanted}."
            )


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0].rstrip(".")
