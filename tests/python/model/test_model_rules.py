"""The bounds of a rule."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flexbond.model.rules import RuleError, check_product, check_rule, terms_of
from flexbond.model.types import BaselineMethod, ClampLevel, CurvePoint, Rule
from tests.python.model.strategies import UNCLAIMED, product, products, rule, rules

DAY = 86_400


def points(*pairs: tuple[int, int]) -> tuple[CurvePoint, ...]:
    """A curve of these ratios and payments."""
    return tuple(CurvePoint(ratio_bps=ratio, pay_bps=pay) for ratio, pay in pairs)


@given(rules())
def test_rules_within_bounds_pass(under: Rule) -> None:
    """Given a rule within its bounds, it passes."""
    check_rule(under)


@pytest.mark.parametrize(
    ("changes", "field", "value"),
    [
        ({"schema": 2}, "schema", 2),
        ({"period_seconds": 59}, "periodSeconds", 59),
        ({"period_seconds": 7 * 60}, "periodSeconds", 420),
        ({"period_seconds": DAY + 1}, "periodSeconds", DAY + 1),
        ({"over_delivery_cap_bps": 9_999}, "overDeliveryCapBps", 9_999),
        ({"over_delivery_cap_bps": 20_001}, "overDeliveryCapBps", 20_001),
        ({"pay_curve": ()}, "payCurve", 0),
        ({"pay_curve": points(*((i, i) for i in range(17)))}, "payCurve", 17),
        ({"pay_curve": points((5, 1), (5, 1))}, "payCurve", 5),
        ({"pay_curve": points((5, 9), (6, 8))}, "payCurve", 8),
        ({"pay_curve": points((10_001, 1))}, "payCurve", 10_001),
        ({"availability_curve": points((1, 10_001))}, "availabilityCurve", 10_001),
        ({"tolerance_bps": 10_001}, "toleranceBps", 10_001),
        ({"stop_loss_bps": 10_001}, "stopLossBps", 10_001),
        ({"collateral_bps": 0}, "collateralBps", 0),
        ({"collateral_bps": 100_001}, "collateralBps", 100_001),
        ({"min_dispatch_bps": 0}, "minDispatchBps", 0),
        ({"min_customer_share_bps": 10_001}, "minCustomerShareBps", 10_001),
        ({"unclaimed_to": "0x" + 40 * "0"}, "unclaimedTo", 0),
        ({"baseline_periods": 0}, "baselinePeriods", 0),
        ({"baseline_periods": 97}, "baselinePeriods", 97),
        ({"gate_seconds": 7 * DAY + 1}, "gateSeconds", 7 * DAY + 1),
        ({"submission_deadline": 60 * DAY + 1}, "submissionDeadline", 60 * DAY + 1),
        ({"reading_deadline": 60 * DAY + 1}, "readingDeadline", 60 * DAY + 1),
        ({"proof_window": 3599}, "proofWindow", 3599),
        ({"collect_period": 30 * DAY - 1}, "collectPeriod", 30 * DAY - 1),
        ({"spot_checks": 0}, "spotChecks", 0),
        ({"spot_checks": 2**20 + 1}, "spotChecks", 2**20 + 1),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_out_of_bounds_names_the_field(changes: dict[str, object], field: str, value: int) -> None:
    """Given one field out of its bounds, it is refused by name with its value."""
    with pytest.raises(RuleError) as caught:
        check_rule(rule(**changes))
    assert (caught.value.error, caught.value.values) == ("Rulebook_OutOfBounds", (field, value))
    assert field in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "field", "other"),
    [
        ({"submission_deadline": 3600}, "submissionDeadline", "readingDeadline"),
        ({"baseline": BaselineMethod.NOMINATED}, "clampLevel", "baseline"),
        (
            {"baseline": BaselineMethod.REFERENCE_LEVEL, "clamp_level": ClampLevel.PORTFOLIO},
            "baselinePeriods",
            "baseline",
        ),
        (
            {
                "baseline": BaselineMethod.NOMINATED,
                "clamp_level": ClampLevel.PORTFOLIO,
                "baseline_periods": 0,
                "gate_seconds": 0,
            },
            "gateSeconds",
            "baseline",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_inconsistent_names_both_fields(changes: dict[str, object], field: str, other: str) -> None:
    """Given two fields that do not fit, both are named."""
    with pytest.raises(RuleError) as caught:
        check_rule(rule(**changes))
    assert (caught.value.error, caught.value.values) == ("Rulebook_Inconsistent", (field, other))


def test_reference_level_needs_no_gate() -> None:
    """Given a contracted level and no gate, it passes: nobody can nominate after the notice."""
    under = rule(
        baseline=BaselineMethod.REFERENCE_LEVEL, clamp_level=ClampLevel.PORTFOLIO, baseline_periods=0, gate_seconds=0
    )
    check_rule(under)
    check_rule(replace(under, gate_seconds=7 * DAY))


@given(rules(), st.data())
def test_products_within_bounds_pass(under: Rule, data: st.DataObject) -> None:
    """Given a product that fits its rule, it passes."""
    of = data.draw(products(under))
    length = of.window_end - of.window_start
    check_product(replace(of, max_run_seconds=length, notice_seconds=0, ramp_seconds=0), terms_of(under, 1))


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"schema": 2}, "schema"),
        ({"provider": UNCLAIMED}, "provider"),
        ({"currency": UNCLAIMED}, "currency"),
        ({"reference_w": 1}, "referenceW"),
        ({"window_start": product().window_start + 1}, "windowStart"),
        ({"window_end": product().window_start}, "windowEnd"),
        ({"window_end": product().window_start - 900}, "windowEnd"),
        ({"window_end": product().window_end + 1}, "windowEnd"),
        ({"window_end": product().window_start + 97 * 900}, "windowEnd"),
        ({"lot_w": 0}, "lotW"),
        ({"max_run_seconds": 0}, "maxRunSeconds"),
        ({"max_run_seconds": 901}, "maxRunSeconds"),
        ({"max_run_seconds": 4500}, "maxRunSeconds"),
        ({"min_run_seconds": 1}, "minRunSeconds"),
        ({"min_run_seconds": 4500}, "minRunSeconds"),
        ({"notice_seconds": 7201}, "noticeSeconds"),
        ({"ramp_seconds": 5401}, "noticeSeconds"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_product_names_the_field(changes: dict[str, object], field: str) -> None:
    """Given a product with one field that does not fit, it is refused by name."""
    given_ = {"max_run_seconds": 3600, **changes}
    with pytest.raises(RuleError) as caught:
        check_product(product(**given_), terms_of(rule(), 1))
    assert (caught.value.error, caught.value.values) == ("FlexibilityRights_ProductInvalid", (field,))


def test_lot_of_a_part_of_a_milliwatt_hour() -> None:
    """Given a lot whose energy in a period is no whole number of mWh, it is refused."""
    under = rule(period_seconds=60)
    of = product(max_run_seconds=3600, lot_w=1001)
    with pytest.raises(RuleError, match="lotW"):
        check_product(of, terms_of(under, 1))
