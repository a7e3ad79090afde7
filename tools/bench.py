"""Measure what the documents promise of speed, memory and gas, print it, and write docs/benchmarks.md.

    python tools/bench.py            the promised fleet: 100 000 devices, 15 days of quarter hours, 144 million readings
    python tools/bench.py --quick    a small one, in seconds: that everything still runs

The readings are generated into a temporary folder (500 MB), one Parquet file a day, by time. Each measurement is a
process of its own, so that its peak of memory is its own. Some devices are compared with the one-device reference.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import resource
import subprocess
import sys
import time
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import bench_fleet
import polars as pl

from flexbond.calendars import build
from flexbond.metering.bulk import FleetPlan, open_engine, plan_fleet
from flexbond.model.baseline import device_baseline
from flexbond.model.calendar import DAY, LocalCalendar
from flexbond.model.types import (
    BPS,
    NO_LOOKBACK,
    Adjustment,
    BaselineMethod,
    ClampLevel,
    CurveKind,
    CurvePoint,
    DayClass,
    DaySelection,
    DeviceKind,
    Direction,
    Funding,
    Lookback,
    PayBase,
    Rule,
    Silence,
    ToleranceKind,
)

ROOT: Final = Path(__file__).resolve().parents[1]
GAS: Final = "## Gas"
PAGE: Final = ROOT / "docs" / "benchmarks.md"
SNAPSHOT: Final = ROOT / "tests" / "gas" / "snapshot.json"
SIZED: Final = re.compile("sampled: (.*), ([0-9 ]+) devices")
"""An action of a sampled submission, and of how many devices."""
FLEET, QUICK_FLEET = 100_000, 500
DAYS: Final = 15
QUARTER: Final = 900
FIRST: Final = 1_381_536_000
"""2013-10-12 00:00 UTC, a Saturday"""
WINDOW: Final = (FIRST + 14 * DAY + 16 * 3600, FIRST + 14 * DAY + 18 * 3600)
NOTICE: Final = WINDOW[0] - 3600
CAPACITY_W, CONNECTION_W = 2_000, 5_000
METHODS: Final = {
    "x-of-y": "high 5 of 10, additive over four periods, capped at 20 %",
    "meter-before": "mean of the four periods before the notice",
}
THREADS, MEMORY_MB = 2, 2_500
COMPARED: Final = 20


@dataclass(frozen=True, kw_only=True)
class Figures:
    """What one measurement of a fleet took."""

    method: str
    seconds: float
    peak_mib: int
    devices: int
    silent: int
    compared: int
    """Devices that the reference was asked about."""
    reference_us: int
    """What it took for each, microseconds."""

    @property
    def rate(self) -> int:
        """Readings in the files, by second."""
        return round(self.devices * DAYS * DAY // QUARTER / self.seconds)


# ------------------------------------------------------------------ the fleet


def write_fleet(folder: Path, devices: int) -> None:
    """Quarter hours of 5 to 125 Wh from a hash of device and time; one in a thousand is missing."""
    with open_engine("duckdb", threads=THREADS, memory_mb=MEMORY_MB) as engine:
        for day in range(DAYS):
            start = FIRST + day * DAY
            engine.connection.raw_sql(
                f"""COPY (
                    SELECT 'meter-' || lpad(i::VARCHAR, 7, '0') AS device, {start} + q * {QUARTER} AS start,
                        {QUARTER}::BIGINT AS seconds, (5000 + hash(i, {day}, q) % 120001)::BIGINT AS milli_wh
                    FROM range(96) AS quarters(q), range({devices}) AS fleet(i)
                    WHERE hash(q, i, {day}) % 1000 > 0 ORDER BY q, i
                ) TO '{folder}/day-{day:02d}.parquet' (FORMAT parquet, COMPRESSION zstd)"""  # noqa: S608
            )


def plan_of(method: str) -> FleetPlan:
    """The event: two hours of the last evening."""
    full = (CurvePoint(ratio_bps=0, pay_bps=BPS),)
    nobody = "0x" + 40 * "1"
    past = method == "x-of-y"
    rule = Rule(
        period_seconds=QUARTER,
        currency=nobody,
        baseline=BaselineMethod.X_OF_Y if past else BaselineMethod.METER_BEFORE,
        baseline_periods=0 if past else 4,
        clamp_level=ClampLevel.PORTFOLIO,
        estimated_allowed=False,
        min_assurance=DeviceKind.DEVICE,
        pay_base=PayBase.DELIVERED,
        over_delivery_cap_bps=BPS,
        pay_curve_kind=CurveKind.STEPS,
        pay_curve=full,
        tolerance_kind=ToleranceKind.DEDUCTIBLE,
        tolerance_bps=0,
        deficiency_uncapped=False,
        stop_loss_bps=BPS,
        collateral_bps=BPS,
        availability_curve_kind=CurveKind.STEPS,
        availability_curve=full,
        min_dispatch_bps=1,
        min_customer_share_bps=0,
        funding=Funding.ESCROWED,
        unclaimed_to=nobody,
        gate_seconds=3600,
        reading_deadline=DAY,
        submission_deadline=2 * DAY,
        proof_window=DAY,
        collect_period=30 * DAY,
        spot_checks=2**20,
    )
    lookback = Lookback(
        calendar_id=bytes(32),
        classes=(DayClass(kinds=0xFF, selection=DaySelection.HIGH, x=5, y=10, min_days=5),),
        holidays_eligible=True,
        look_back_days=14,
        max_excluded_days=0,
        min_event_bps=0,
        adjustment=Adjustment.ADDITIVE,
        adjustment_periods=4,
        adjustment_lead=7200,
        adjustment_cap_bps=2_000,
    )
    return plan_fleet(
        rule=rule,
        window=WINDOW,
        first_notice=NOTICE,
        direction=Direction.SHED,
        lookback=lookback if past else NO_LOOKBACK,
        calendar=LocalCalendar(build("Europe/London", "GB-ENG", 2013, 2014)) if past else None,
    )


# ------------------------------------------------------------------ measuring


def measure_here(folder: Path, method: str, devices: int) -> Figures:
    """One event of the fleet, in this process; compares some devices with the reference."""
    fleet = pl.select(device=pl.format("meter-{}", pl.int_range(devices).cast(pl.String).str.zfill(7))).with_columns(
        capacity_w=pl.lit(CAPACITY_W), connection_w=pl.lit(CONNECTION_W)
    )
    plan = plan_of(method)
    begun = time.perf_counter()
    with open_engine("duckdb", threads=THREADS, memory_mb=MEMORY_MB) as engine:
        periods = engine.measure(plan, engine.parquet([folder / "*.parquet"]), engine.frame(fleet)).periods
    seconds = time.perf_counter() - begun
    peak_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    compared, reference_us = compare(plan, folder, periods)
    return Figures(
        method=method,
        seconds=round(seconds, 1),
        peak_mib=peak_mib,
        devices=devices,
        silent=periods.filter(pl.col("place") == 0, pl.col("silence") != Silence.OK).height,
        compared=compared,
        reference_us=reference_us,
    )


def compare(plan: FleetPlan, folder: Path, periods: pl.DataFrame) -> tuple[int, int]:
    """Compares devices spread over the fleet with the one-device reference: how many, and its microseconds for each."""
    heard = periods.filter(pl.col("silence") == Silence.OK)["device"].unique().sort()
    names = heard.gather_every(max(1, len(heard) // COMPARED)).head(COMPARED)
    rows = pl.scan_parquet(folder / "*.parquet").filter(pl.col("device").is_in(names.to_list())).collect()
    calendar = LocalCalendar(build("Europe/London", "GB-ENG", 2013, 2014))
    taken = 0
    for name in names:
        known = dict(rows.filter(pl.col("device") == name).select("start", "milli_wh").iter_rows())
        begun = time.perf_counter_ns()
        answer = device_baseline(
            rule=plan.rule,
            lookback=plan.lookback,
            calendar=calendar,
            window=plan.window,
            first_notice=plan.first_notice,
            direction=plan.direction,
            calls=(),
            before=known,
            during=known,
        )
        taken += time.perf_counter_ns() - begun
        found = periods.filter(pl.col("device") == name)["baseline_milli_wh"].to_list()
        if found != list(answer.baseline_milli_wh or ()):
            raise SystemExit(f"{name}: the fleet's baseline is not the reference's. Please report it.")
    return len(names), taken // len(names) // 1000


def measure_apart(folder: Path, method: str, devices: int) -> Figures:
    """The same in a process of its own."""
    command = [sys.executable, __file__, "--inside", str(folder), "--method", method, "--devices", str(devices)]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    if answer.returncode:
        raise SystemExit(answer.stderr.strip() or f"The measurement of {method} failed.")
    return Figures(**json.loads(answer.stdout.splitlines()[-1]))


# ------------------------------------------------------------------ telling


def page_of(figures: list[Figures], submissions: list[str], command: str) -> str:
    """The page with all figures; `submissions` are the lines on submissions of fleets."""
    memory_gib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    packages = ", ".join(f"{name} {version(name)}" for name in ("ibis-framework", "duckdb", "polars"))
    readings = figures[0].devices * DAYS * DAY // QUARTER
    lines = [
        "# Benchmarks",
        "",
        f"Written by `{command}`; run it again rather than correct a figure.",
        "",
        f"{cpu()}, {os.cpu_count()} cores, {memory_gib:.0f} GiB; {platform.system()}, Python {platform.python_version()}, {packages}.",
        "",
        "## A fleet at once",
        f"{spaced(figures[0].devices)} devices with {DAYS} days of quarter hours, {spaced(readings)} readings in {DAYS}",
        "Parquet files, one a day and by time, of which one in a thousand is missing; one window of two hours. From opening",
        "the files to a table of baseline, metered energy and response of every device and period, and the portfolio's sums:",
        f"DuckDB on {THREADS} threads, held to {spaced(MEMORY_MB)} MB of its own. The peak is the whole process. Generating the",
        "readings is not counted. Readings a second: those in the files, passed over or read.",
        "",
        "| baseline | seconds | peak, MiB | readings a second | silent devices | reference, µs a device |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
        *(
            f"| {METHODS[one.method]} | {one.seconds} | {spaced(one.peak_mib)} | {spaced(one.rate)} | {spaced(one.silent)} "
            f"| {spaced(one.reference_us)} |"
            for one in figures
        ),
        "",
        "Devices spread over the fleet were compared with the reference, `flexbond.model.baseline.device_baseline`, which takes",
        f"one at a time and its readings ready at hand: {min(one.compared for one in figures)} of each, equal to the last digit.",
        "",
        *submissions,
        "",
        "",
    ]
    return "\n".join(lines) + gas_section()


def gas_section() -> str:
    """The end of the page: every figure of the gas snapshot, those of steps taken with fleets of several sizes side by side."""
    snapshot: dict[str, int] = json.loads(SNAPSHOT.read_text())
    steps: dict[str, dict[int, int]] = {}
    for name in sorted(snapshot):
        if matched := SIZED.fullmatch(name):
            steps.setdefault(matched[1], {})[int(matched[2].replace(" ", ""))] = snapshot.pop(name)
    sizes = sorted({size for gas in steps.values() for size in gas})
    lines = [
        GAS,
        "Of `tests/gas/snapshot.json`, which `make gas` writes from receipts.",
        "",
        "| action | gas |",
        "| --- | ---: |",
        *(f"| {name} | {spaced(gas)} |" for name, gas in sorted(snapshot.items())),
        "",
        "Sampled submissions, by the number of devices: 16 points are drawn, 8 of 10 devices. The registry's list is made long in the",
        "node's storage; trees are built in full. The whole way is dispatch, submission, draw, finalisation and settlement.",
        "",
        f"| step | {' | '.join(map(spaced, sizes))} |",
        f"| --- |{' ---: |' * len(sizes)}",
        *(
            f"| {step} | {' | '.join(spaced(gas[size]) if size in gas else '' for size in sizes)} |"
            for step, gas in steps.items()
        ),
        "",
    ]
    return "\n".join(lines)


def cpu() -> str:
    """The processor's name."""
    described = Path("/proc/cpuinfo")
    names = (
        [line for line in described.read_text().splitlines() if line.startswith("model name")]
        if described.exists()
        else []
    )
    return names[0].partition(":")[2].strip() if names else platform.machine()


def spaced(value: int) -> str:
    """A number in groups of three."""
    return f"{value:,}".replace(",", " ")


def main() -> None:
    """Measure and write, or be one measurement."""
    parser = argparse.ArgumentParser(description="Measure speed, memory and gas; write docs/benchmarks.md.")
    parser.add_argument("--quick", action="store_true", help="a small fleet; writes only where --out says")
    parser.add_argument("--devices", type=int, help="another size of the fleet")
    parser.add_argument("--gas", action="store_true", help="only take the gas of the snapshot over into the page")
    parser.add_argument("--out", type=Path, help="where to write the page instead")
    parser.add_argument("--inside", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--method", choices=METHODS, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.gas:
        PAGE.write_text(PAGE.read_text().partition(GAS)[0] + gas_section())
        return
    devices = given.devices or (QUICK_FLEET if given.quick else FLEET)
    if given.inside:
        sys.stdout.write(json.dumps(vars(measure_here(given.inside, given.method, devices))) + "\n")
        return
    with TemporaryDirectory(prefix="flexbond-bench-") as folder:
        sys.stderr.write(f"Generating {spaced(devices)} devices\n")
        write_fleet(Path(folder), devices)
        figures = []
        for method in METHODS:
            sys.stderr.write(f"Measuring: {METHODS[method]}\n")
            figures.append(measure_apart(Path(folder), method, devices))
    sizes = bench_fleet.SIZES if devices == FLEET else (devices,)
    submissions = bench_fleet.section(list(bench_fleet.measure_all(sizes)))
    page = page_of(
        figures, submissions, "make bench" if devices == FLEET else f"python tools/bench.py --devices {devices}"
    )
    sys.stdout.write(page)
    out = given.out or (PAGE if devices == FLEET else None)
    if out is not None:
        out.write_text(page)


if __name__ == "__main__":
    main()
