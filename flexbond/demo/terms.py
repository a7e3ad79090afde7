"""What is bought in the demonstration: prices, the two rules, and the grid of the meters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from flexbond.demo.homes import DAY_HOURS, HOUR, OFFSET_SECONDS
from flexbond.model.types import (
    BPS,
    BaselineMethod,
    ClampLevel,
    CurveKind,
    CurvePoint,
    DeviceKind,
    Funding,
    Grid,
    PayBase,
    Rule,
    ToleranceKind,
)
from flexbond.units import money, price_per_mw_hour, price_per_mwh

DECIMALS: Final = 6
"""Of the stablecoin."""
SYMBOL: Final = "USDC"
"""How the report names the stablecoin, which is a mock."""
LOT_W: Final = 1_000
"""Power of one unit."""
CAPACITY_W: Final = 5_000
"""Flexible capacity stated of each home: its battery."""
CONNECTION_W: Final = 12_000
"""Stated connection of each home: above every reading."""
CUSTOMER_SHARE_BPS: Final = 6_000
"""Of pay and availability that goes to the homes."""
SET_POINT_EVENING_W: Final = 2_000
SET_POINT_MIDDAY_W: Final = 1_000

GRID: Final = Grid(period_seconds=HOUR, readings_per_slot=DAY_HOURS, offset_seconds=OFFSET_SECONDS)
"""A record holds the 24 hours of a local day."""

NOTICE_SECONDS: Final = 900
RAMP_SECONDS: Final = 900
GATE_SECONDS: Final = HOUR

DAY: Final = DAY_HOURS * HOUR

DS3_STEPS: Final = tuple(
    CurvePoint(ratio_bps=ratio, pay_bps=pay)
    for ratio, pay in ((6_000, 2_500), (7_000, 5_000), (8_000, 7_000), (9_000, 8_500), (9_500, 9_500), (9_700, BPS))
)
"""Availability in the steps of Ireland's DS3."""


@dataclass(frozen=True, kw_only=True)
class Tariff:
    """Prices of one kind of right."""

    availability_per_mwhour: int
    """Base units per MW and hour."""
    utilisation_per_mwh: int
    """Base units per MWh."""
    shortfall_per_mwh: int
    """Base units per MWh."""
    premium_per_unit: int
    """Base units, paid to the provider at purchase."""


EVENING_TARIFF: Final = Tariff(
    availability_per_mwhour=price_per_mw_hour("40/MW/h", decimals=DECIMALS),
    utilisation_per_mwh=price_per_mwh("600/MWh", decimals=DECIMALS),
    shortfall_per_mwh=price_per_mwh("900/MWh", decimals=DECIMALS),
    premium_per_unit=money("0.05", decimals=DECIMALS),
)
MIDDAY_TARIFF: Final = Tariff(
    availability_per_mwhour=price_per_mw_hour("10/MW/h", decimals=DECIMALS),
    utilisation_per_mwh=price_per_mwh("120/MWh", decimals=DECIMALS),
    shortfall_per_mwh=price_per_mwh("180/MWh", decimals=DECIMALS),
    premium_per_unit=money("0.02", decimals=DECIMALS),
)


def evening_rule(*, currency: str, unclaimed_to: str) -> Rule:
    """Rule A: each home against its own last hour before the notice."""
    return Rule(
        period_seconds=HOUR,
        currency=currency,
        baseline=BaselineMethod.METER_BEFORE,
        baseline_periods=1,
        clamp_level=ClampLevel.PORTFOLIO,
        estimated_allowed=False,
        min_assurance=DeviceKind.DEVICE,
        pay_base=PayBase.DELIVERED,
        over_delivery_cap_bps=BPS,
        pay_curve_kind=CurveKind.STEPS,
        pay_curve=(CurvePoint(ratio_bps=5_000, pay_bps=BPS),),
        tolerance_kind=ToleranceKind.THRESHOLD,
        tolerance_bps=500,
        deficiency_uncapped=False,
        stop_loss_bps=8_000,
        collateral_bps=BPS,
        availability_curve_kind=CurveKind.STEPS,
        availability_curve=DS3_STEPS,
        min_dispatch_bps=1_000,
        min_customer_share_bps=5_000,
        funding=Funding.ESCROWED,
        unclaimed_to=unclaimed_to,
        gate_seconds=GATE_SECONDS,
        reading_deadline=DAY,
        submission_deadline=2 * DAY,
        proof_window=DAY,
        collect_period=30 * DAY,
        spot_checks=64,
    )


def midday_rule(*, currency: str, unclaimed_to: str) -> Rule:
    """Rule B: the whole portfolio against the schedule its aggregator committed beforehand."""
    return Rule(
        period_seconds=HOUR,
        currency=currency,
        baseline=BaselineMethod.NOMINATED,
        baseline_periods=0,
        clamp_level=ClampLevel.PORTFOLIO,
        estimated_allowed=False,
        min_assurance=DeviceKind.DEVICE,
        pay_base=PayBase.DELIVERED,
        over_delivery_cap_bps=11_000,
        pay_curve_kind=CurveKind.LINEAR,
        pay_curve=(CurvePoint(ratio_bps=5_000, pay_bps=5_000), CurvePoint(ratio_bps=BPS, pay_bps=BPS)),
        tolerance_kind=ToleranceKind.DEDUCTIBLE,
        tolerance_bps=1_000,
        deficiency_uncapped=False,
        stop_loss_bps=BPS,
        collateral_bps=BPS,
        availability_curve_kind=CurveKind.STEPS,
        availability_curve=DS3_STEPS,
        min_dispatch_bps=1_000,
        min_customer_share_bps=5_000,
        funding=Funding.ESCROWED,
        unclaimed_to=unclaimed_to,
        gate_seconds=GATE_SECONDS,
        reading_deadline=DAY,
        submission_deadline=2 * DAY,
        proof_window=DAY,
        collect_period=30 * DAY,
        spot_checks=64,
    )
