"""The bounds of a rule."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flexbond.hashing import ZERO_ADDRESS
from flexbond.ids import lookback_hash
from flexbond.model.rules import (
    RuleError,
    check_calendar,
    check_product,
    check_rule,
    check_rule_calendar,
    measuring_terms_of,
    stakes_of,
    terms_of,
)
from flexbond.model.types import NO_LOOKBACK, BaselineMethod, ClampLevel, CurvePoint, Rule
from tests.python.model.strategies import UNCLAIMED, lookbacks, product, products, rule, rules
from tests.support.calendars import day_class, london, lookback
from tests.support.calendars import under as past_days

DAY = 86_400
SAMPLED: dict[str, object] = {
    "proof_window": DAY,
    "spot_checks": 16,
    "draw_delay": 5,
    "challenge_window": 2 * DAY,
    "max_demands": 8,
    "demand_fee": 2 * 10**6,
    "bond_per_mw": 10**9,
    "challenger_share_bps": 5000,
}
"""How submissions are checked where not every leaf has to be proven."""


def points(*pairs: tuple[int, int]) -> tuple[CurvePoint, ...]:
    """A curve of these ratios and payments."""
    return tuple(CurvePoint(ratio_bps=ratio, pay_bps=pay) for ratio, pay in pairs)


@given(rules())
def test_rules_within_bounds_pass(under: Rule) -> None:
    """Given a rule within its bounds, it passes."""
    check_rule(under)


@given(rules(), st.data())
def test_look_backs_within_bounds_pass(under: Rule, data: st.DataObject) -> None:
    """Given a look-back within its bounds and a rule that binds it, they pass; with another one, or none, they do not."""
    of = data.draw(lookbacks(calendar_id=bytes(32), period_seconds=under.period_seconds))
    past = replace(under, baseline=BaselineMethod.X_OF_Y, baseline_periods=0, lookback_hash=lookback_hash(of))
    check_rule(past, of)
    for other in (NO_LOOKBACK, replace(of, calendar_id=b"\1" * 32)):
        with pytest.raises(RuleError, match="lookbackHash does not fit lookback"):
            check_rule(past, other)


@pytest.mark.parametrize(
    ("kinds", "says"),
    [((31, 32), "leave out the days 0b11000000"), ((31, 255), "shares days"), ((0, 255), "is empty")],
)
def test_classes_that_are_no_partition_say_which_days(kinds: tuple[int, int], says: str) -> None:
    """Given classes that leave out days or share them, the message shows the days."""
    of = lookback(classes=tuple(day_class(each) for each in kinds))
    with pytest.raises(RuleError, match=says):
        check_rule(past_days(rule(), of), of)


def test_a_calendar_with_periods_that_its_summer_time_splits() -> None:
    """Given half an hour of summer time, half-hourly periods fit and hourly ones do not."""
    half = replace(london().calendar, summer_seconds=1_800)
    check_rule_calendar(rule(period_seconds=1_800), half)
    with pytest.raises(RuleError) as caught:
        check_rule_calendar(rule(period_seconds=3_600), half)
    assert caught.value.values == ("periodSeconds", "calendar.summerSeconds")


@pytest.mark.parametrize(
    ("changes", "field"),
    [({"zone": bytes(32)}, "zone"), ({"offset_seconds": 50_460}, "offsetSeconds"), ({"autumn_at": 90}, "autumnAt")],
)
def test_a_calendar_out_of_bounds_names_the_field(changes: dict[str, object], field: str) -> None:
    """Given a clock out of bounds, the field is named."""
    with pytest.raises(RuleError, match=f"Change {field}") as caught:
        check_calendar(replace(london().calendar, **changes))  # type: ignore[arg-type]
    assert caught.value.field == field


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
        ({"draw_delay": 1}, "drawDelay", 1),
        ({"max_demands": 1}, "maxDemands", 1),
        ({"demand_fee": 1}, "demandFee", 1),
        ({"bond_per_mw": 1}, "bondPerMW", 1),
        ({"challenger_share_bps": 1}, "challengerShareBps", 1),
        ({**SAMPLED, "spot_checks": 2**20 + 1}, "spotChecks", 2**20 + 1),
        ({**SAMPLED, "draw_delay": 0}, "drawDelay", 0),
        ({**SAMPLED, "draw_delay": 201}, "drawDelay", 201),
        ({**SAMPLED, "challenge_window": 60 * DAY + 1}, "challengeWindow", 60 * DAY + 1),
        ({**SAMPLED, "demand_fee": 0}, "demandFee", 0),
        ({**SAMPLED, "bond_per_mw": 0}, "bondPerMW", 0),
        ({**SAMPLED, "challenger_share_bps": 5001}, "challengerShareBps", 5001),
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
        ({**SAMPLED, "challenge_window": DAY}, "challengeWindow", "proofWindow"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_inconsistent_names_both_fields(changes: dict[str, object], field: str, other: str) -> None:
    """Given two fields that do not fit, both are named."""
    with pytest.raises(RuleError) as caught:
        check_rule(rule(**changes))
    assert (caught.value.error, caught.value.values) == ("Rulebook_Inconsistent", (field, other))


def test_sampling_may_draw_nothing() -> None:
    """Given sampled submissions, the rule may leave all to challenges, and every bound is reached."""
    for changes in (
        {"spot_checks": 0},
        {"spot_checks": 2**20, "draw_delay": 1, "demand_fee": 1, "bond_per_mw": 1, "challenger_share_bps": 0},
        {"draw_delay": 200, "challenge_window": 60 * DAY, "max_demands": 0, "bond_per_mw": 2**96 - 1},
        {"challenge_window": DAY + 1},
    ):
        check_rule(rule(**{**SAMPLED, **changes}))


def test_sampling_without_challenges_says_why() -> None:
    """Given a field of sampled submissions where every leaf has to be proven, the message names the one that is missing."""
    with pytest.raises(
        RuleError, match="drawDelay of 5 is for submissions that may be challenged, and challengeWindow is 0"
    ):
        check_rule(rule(draw_delay=5))


@given(rules())
def test_measuring_terms_are_the_rules(under: Rule) -> None:
    """Given any rule, what measuring needs of it is that of the rule, field by field; what it has no use for is zero."""
    kept = measuring_terms_of(under)
    unused = {} if under.baseline is BaselineMethod.NOMINATED else {"gate_seconds": 0}
    told = {name: getattr(kept, name) for name in kept.__dataclass_fields__}
    assert told == {name: getattr(under, name) for name in told} | unused


@given(rules())
def test_stakes_are_the_rules(under: Rule) -> None:
    """Given any rule, what a submission stakes is that of the rule, field by field; nothing where every leaf has to be proven."""
    kept = stakes_of(under)
    told = {name: getattr(kept, name) for name in kept.__dataclass_fields__}
    unused = {} if under.challenge_window else {"currency": ZERO_ADDRESS}
    assert told == {name: getattr(under, name) for name in told} | unused


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
