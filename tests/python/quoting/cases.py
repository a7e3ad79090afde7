"""Small files of a quote, and what stands in them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import polars as pl

from flexbond.metering.readings import Readings
from flexbond.model.types import (
    BPS,
    NO_LOOKBACK,
    BaselineMethod,
    ClampLevel,
    CurveKind,
    CurvePoint,
    DeviceKind,
    Funding,
    PayBase,
    Rule,
    ToleranceKind,
)
from flexbond.quoting.devices import Device
from flexbond.quoting.terms import Terms

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

HOUR = 3_600
DAY = 24 * HOUR
START = 1_470_009_600
"""2016-08-01T00:00Z, a Monday."""
WINDOW = (START + 18 * HOUR, START + 20 * HOUR)
NOTICE = START + 17 * HOUR
KWH = 10**6
NOBODY = "0x" + "00" * 20

ORDERS = """
currency: {symbol: USDC, decimals: 6}
customer_share_bps: 6000
events:
  - name: monday
    direction: shed
    window: 2016-08-01T18:00Z/2016-08-01T20:00Z
    rights:
      - {name: evening, lot: 1 kW, availability: 8/MW/h, utilisation: 300/MWh, shortfall: 300/MWh, uncalled: 2}
    dispatches:
      - {right: evening, buyer: dso, units: 4, notice: "2016-08-01T17:00Z", power: 4 kW}
      - {right: evening, buyer: tso, units: 2, notice: "2016-08-01T17:05Z", power: [2 kW, 1 kW], excused: [1]}
"""


def rule(**changes: Any) -> Rule:
    """Hours, the mean of the three before the notice, the portfolio's sum."""
    whole = (CurvePoint(ratio_bps=0, pay_bps=BPS),)
    made = Rule(
        period_seconds=HOUR,
        currency=NOBODY,
        baseline=BaselineMethod.METER_BEFORE,
        baseline_periods=3,
        clamp_level=ClampLevel.PORTFOLIO,
        estimated_allowed=False,
        min_assurance=DeviceKind.DATA_COLLECTOR,
        pay_base=PayBase.DELIVERED,
        over_delivery_cap_bps=BPS,
        pay_curve_kind=CurveKind.STEPS,
        pay_curve=whole,
        tolerance_kind=ToleranceKind.DEDUCTIBLE,
        tolerance_bps=0,
        deficiency_uncapped=False,
        stop_loss_bps=BPS,
        collateral_bps=BPS,
        availability_curve_kind=CurveKind.STEPS,
        availability_curve=whole,
        min_dispatch_bps=1,
        min_customer_share_bps=5_000,
        funding=Funding.ESCROWED,
        unclaimed_to=NOBODY,
        gate_seconds=2 * HOUR,
        reading_deadline=DAY,
        submission_deadline=3 * DAY,
        proof_window=DAY,
        collect_period=60 * DAY,
        spot_checks=64,
    )
    return replace(made, **changes)


def terms(**changes: Any) -> Terms:
    """The rule without a look-back."""
    return Terms(name="test", rule=rule(**changes), lookback=NO_LOOKBACK, calendar=None)


def device(name: str, **changes: Any) -> Device:
    """A device of 5 kW on 15 kW."""
    return replace(Device(name=name, capacity_w=5_000, connection_w=15_000), **changes)


def readings(
    energy: Callable[[str, int], int | None], *, names: tuple[str, ...] = ("a", "b"), days: int = 1, seconds: int = HOUR
) -> Readings:
    """What every device metered from START on; `energy` gives mWh of a period by name and start, None: missing."""
    rows = [
        {"device": name, "start": start, "seconds": seconds, "milli_wh": value}
        for name in names
        for start in range(START, START + days * DAY, seconds)
        if (value := energy(name, start)) is not None
    ]
    return Readings.of(pl.DataFrame(rows, schema_overrides={"milli_wh": pl.Int64}))


def write(folder: Path, name: str, text: str) -> Path:
    """A file of a folder."""
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path
