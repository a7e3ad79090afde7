"""SettlementMath by hand: curves, tolerance, one period, published cases."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from flexbond.hashing import ZERO_ADDRESS
from flexbond.model.types import (
    BaselineMethod,
    ClampLevel,
    CurveKind,
    CurvePoint,
    DeviceKind,
    Direction,
    Funding,
    PayBase,
    Product,
    Rule,
    ToleranceKind,
)

if TYPE_CHECKING:
    from tests.support.evm import Contract

MWH = 10**9


def curve(*points: tuple[int, int]) -> tuple[CurvePoint, ...]:
    """Ratio and payment in percent."""
    return tuple(CurvePoint(ratio_bps=ratio * 100, pay_bps=pay * 100) for ratio, pay in points)


def rule(**changes: Any) -> Rule:
    """A rule of an hour, pay for delivery, no tolerance."""
    terms: dict[str, Any] = {
        "period_seconds": 3_600,
        "currency": ZERO_ADDRESS,
        "baseline": BaselineMethod.METER_BEFORE,
        "baseline_periods": 1,
        "clamp_level": ClampLevel.DEVICE,
        "estimated_allowed": False,
        "min_assurance": DeviceKind.DATA_COLLECTOR,
        "pay_base": PayBase.DELIVERED,
        "over_delivery_cap_bps": 10_000,
        "pay_curve_kind": CurveKind.STEPS,
        "pay_curve": curve((0, 100)),
        "tolerance_kind": ToleranceKind.DEDUCTIBLE,
        "tolerance_bps": 0,
        "deficiency_uncapped": False,
        "stop_loss_bps": 10_000,
        "collateral_bps": 10_000,
        "availability_curve_kind": CurveKind.STEPS,
        "availability_curve": curve((0, 100)),
        "min_dispatch_bps": 1,
        "min_customer_share_bps": 0,
        "funding": Funding.ESCROWED,
        "unclaimed_to": ZERO_ADDRESS,
        "gate_seconds": 0,
        "reading_deadline": 3_600,
        "submission_deadline": 7_200,
        "proof_window": 3_600,
        "collect_period": 30 * 86_400,
        "spot_checks": 1,
    }
    return Rule(**terms | changes)


def product(**changes: Any) -> Product:
    """1 MW for an hour, at 100 and 300 a MWh."""
    terms: dict[str, Any] = {
        "provider": ZERO_ADDRESS,
        "portfolio_id": bytes(32),
        "zone": bytes(32),
        "direction": Direction.SHED,
        "window_start": 3_600,
        "window_end": 7_200,
        "notice_seconds": 0,
        "ramp_seconds": 0,
        "min_run_seconds": 3_600,
        "max_run_seconds": 3_600,
        "lot_w": 10**6,
        "availability_per_mwhour": 10,
        "utilisation_per_mwh": 100,
        "shortfall_per_mwh": 300,
        "currency": ZERO_ADDRESS,
        "rule_id": bytes(32),
        "transferable": False,
    }
    return Product(**terms | changes)


# ------------------------------------------------------------------ curves

DS3 = curve((0, 0), (60, 25), (70, 50), (80, 70), (90, 85), (95, 95), (97, 100))


@pytest.mark.parametrize(
    ("ratio", "pay"),
    [
        (0, 0),
        (5_999, 0),
        (6_000, 2_500),
        (6_999, 2_500),
        (7_000, 5_000),
        (8_000, 7_000),
        (9_000, 8_500),
        (9_499, 8_500),
        (9_500, 9_500),
        (9_699, 9_500),
        (9_700, 10_000),
        (10_000, 10_000),
    ],
)
def test_the_availability_steps_of_ds3(settlement_math: Contract, ratio: int, pay: int) -> None:
    """Given Ireland's steps, each ratio is paid as published."""
    assert settlement_math.curveDown.call(CurveKind.STEPS, DS3, ratio) == pay


@pytest.mark.parametrize(
    ("ratio", "pay"),
    [(0, 0), (4_999, 0), (5_000, 5_000), (5_001, 5_000), (5_003, 5_001), (7_499, 6_249), (10_000, 7_500)],
)
def test_a_sliding_curve(settlement_math: Contract, ratio: int, pay: int) -> None:
    """Given 50 % at 50 % sliding to 75 % at 100 %, values between are rounded down, below the first point is nothing."""
    assert settlement_math.curveDown.call(CurveKind.LINEAR, curve((50, 50), (100, 75)), ratio) == pay


def test_beyond_the_last_point(settlement_math: Contract) -> None:
    """Given a curve that ends early, its last payment holds beyond."""
    for kind in CurveKind:
        assert settlement_math.curveDown.call(kind, curve((0, 10), (50, 80)), 9_000) == 8_000


# ------------------------------------------------------------------ tolerance


@pytest.mark.parametrize(
    ("kind", "deficiency", "owed"),
    [
        (ToleranceKind.DEDUCTIBLE, 100, 0),
        (ToleranceKind.DEDUCTIBLE, 101, 1),
        (ToleranceKind.THRESHOLD, 100, 0),
        (ToleranceKind.THRESHOLD, 101, 101),
    ],
)
def test_tolerance(settlement_math: Contract, kind: ToleranceKind, deficiency: int, owed: int) -> None:
    """Given 10 % of 1 009 tolerated, rounded down, it is deducted always, or only while the deficiency is within."""
    under = rule(tolerance_kind=kind, tolerance_bps=1_000)
    assert settlement_math.beyondTolerance.call(under, product(), deficiency, 1_009) == owed


# ------------------------------------------------------------------ one period


@pytest.mark.parametrize(
    ("response", "delivered", "pay", "penalty"),
    [
        (MWH, MWH, 100, 0),
        (MWH // 2, MWH // 2, 50, 150),
        (2 * MWH, MWH, 100, 0),
        (0, 0, 0, 300),
        (-MWH, 0, 0, 300),
        (MWH - 1, MWH - 1, 99, 1),
    ],
)
def test_a_period(settlement_math: Contract, response: int, delivered: int, pay: int, penalty: int) -> None:
    """Given 1 MWh ordered, pay is rounded down, the penalty up, and the deficiency ends at what was ordered."""
    result = settlement_math.period.call(rule(), product(), MWH, response)
    assert (result.delivered, result.pay, result.penalty) == (delivered, pay, penalty)


def test_an_uncapped_deficiency(settlement_math: Contract) -> None:
    """Given the opposite of what was ordered, an uncapped deficiency is more than the order."""
    assert settlement_math.period.call(rule(deficiency_uncapped=True), product(), MWH, -MWH).penalty == 600


def test_over_delivery_is_paid_to_its_cap(settlement_math: Contract) -> None:
    """Given a cap of 120 %, more is delivered and paid, but never counted as more than ordered."""
    result = settlement_math.period.call(rule(over_delivery_cap_bps=12_000), product(), MWH, 2 * MWH)
    assert (result.delivered, result.counted, result.pay) == (MWH * 12 // 10, MWH, 120)


def test_pay_for_the_order(settlement_math: Contract) -> None:
    """Given pay for what was ordered by steps, 90 % delivered is paid 85 % of the order."""
    under = rule(pay_base=PayBase.ORDERED, pay_curve=DS3)
    assert settlement_math.period.call(under, product(), MWH, MWH * 9 // 10).pay == 85


# ------------------------------------------------------------------ shares


@pytest.mark.parametrize(("response", "share"), [(10, 3), (-10, -4), (0, 0), (9, 3), (-9, -3)])
def test_a_share_is_rounded_against_the_provider(settlement_math: Contract, response: int, share: int) -> None:
    """Given a third of a response, it is rounded toward minus infinity."""
    assert settlement_math.responseShareDown.call(response, 1, 3) == share


def test_the_largest_values_do_not_overflow(settlement_math: Contract) -> None:
    """Given the greatest order, response and prices that fit their types, the result is a number."""
    most = product(utilisation_per_mwh=2**96 - 1, shortfall_per_mwh=2**96 - 1)
    under = rule(deficiency_uncapped=True, over_delivery_cap_bps=20_000)
    energy = settlement_math.energyDown.call(2**40 - 1, 86_400)
    settlement_math.period.call(under, most, energy, 2**127 - 1)
    settlement_math.period.call(under, most, energy, -(2**127))
    assert settlement_math.responseShareDown.call(-(2**127), 2**40 - 1, 1) < 0
