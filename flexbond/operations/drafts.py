"""Documents to start from."""

from __future__ import annotations

from typing import Final

from flexbond.model.types import (
    BPS,
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

HOUR: Final = 3_600
DAY: Final = 24 * HOUR


def draft_rule(*, currency: str, unclaimed_to: str) -> Rule:
    """A plain rule: each device against its last hour before the notice, delivered energy paid in full.

    The gate closes two hours before the window; a tenth of an order may be missing without penalty; customers have at least
    half of what is earned; records count for a day after the window, and all of up to 64 devices are proven.
    """
    return Rule(
        period_seconds=HOUR,
        currency=currency,
        baseline=BaselineMethod.METER_BEFORE,
        baseline_periods=1,
        clamp_level=ClampLevel.PORTFOLIO,
        estimated_allowed=False,
        min_assurance=DeviceKind.DATA_COLLECTOR,
        pay_base=PayBase.DELIVERED,
        over_delivery_cap_bps=BPS,
        pay_curve_kind=CurveKind.STEPS,
        pay_curve=(CurvePoint(ratio_bps=0, pay_bps=BPS),),
        tolerance_kind=ToleranceKind.THRESHOLD,
        tolerance_bps=1_000,
        deficiency_uncapped=False,
        stop_loss_bps=BPS,
        collateral_bps=BPS,
        availability_curve_kind=CurveKind.LINEAR,
        availability_curve=(CurvePoint(ratio_bps=0, pay_bps=0), CurvePoint(ratio_bps=BPS, pay_bps=BPS)),
        min_dispatch_bps=1_000,
        min_customer_share_bps=5_000,
        funding=Funding.ESCROWED,
        unclaimed_to=unclaimed_to,
        gate_seconds=2 * HOUR,
        reading_deadline=DAY,
        submission_deadline=3 * DAY,
        proof_window=DAY,
        collect_period=365 * DAY,
        spot_checks=64,
    )
