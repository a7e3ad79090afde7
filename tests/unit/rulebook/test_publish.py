"""Rulebook.publish: what is published never changes, and is within bounds."""

from __future__ import annotations

from typing import Any

import pytest

from flexbond.ids import rule_id
from flexbond.model.rules import RuleError, check_rule
from flexbond.model.types import NO_LOOKBACK, BaselineMethod, ClampLevel, CurvePoint, Funding
from tests.support.evm import reverts
from tests.support.world import DAY, FOREVER, World

SAMPLED = {
    "spot_checks": 16,
    "draw_delay": 1,
    "challenge_window": 2 * DAY,
    "max_demands": 0,
    "demand_fee": 1,
    "bond_per_mw": 1,
    "challenger_share_bps": 0,
}
"""A rule under which not every leaf has to be proven; what can be at its least."""
DEVICE_LEVEL = {"clamp_level": ClampLevel.DEVICE}
NOMINATED = {"baseline": BaselineMethod.NOMINATED, "baseline_periods": 0}
REFERENCE = {"baseline": BaselineMethod.REFERENCE_LEVEL, "baseline_periods": 0}


def curve(*points: tuple[int, int]) -> tuple[CurvePoint, ...]:
    """A curve of (ratio, pay), basis points."""
    return tuple(CurvePoint(ratio_bps=ratio, pay_bps=pay) for ratio, pay in points)


def test_publishes_a_rule_with_its_terms(world: World) -> None:
    """Given a rule within bounds, when the market operator publishes it, it stands with its number and terms."""
    rule = world.rule(spot_checks=7)
    receipt = world.rulebook.publish.send(rule, NO_LOOKBACK, sender=world.accounts.market_operator)

    assert receipt.value == rule_id(rule)
    event = receipt.only("RulePublished")
    assert (event.rule_id, event.number, event.rule) == (rule_id(rule), 2, rule)
    terms = world.rulebook.terms.call(rule_id(rule))
    assert terms.period_seconds == rule.period_seconds
    assert terms.collateral_bps == rule.collateral_bps
    assert terms.min_customer_share_bps == rule.min_customer_share_bps
    assert terms.number == 2
    assert terms.currency == rule.currency
    assert terms.gate_seconds == rule.gate_seconds
    assert terms.funding is Funding.ESCROWED
    assert terms.baseline is BaselineMethod.METER_BEFORE
    assert terms.unclaimed_to == rule.unclaimed_to
    assert terms.known_until == FOREVER
    assert world.rulebook.count.call() == 2


def test_refuses_anyone_but_the_market_operator(world: World) -> None:
    """Given another account, when it publishes, it is not authorised."""
    for account in (world.accounts.attacker, world.accounts.admin, world.accounts.meter_operator):
        with reverts("AccessManagedUnauthorized", account):
            world.rulebook.publish.send(world.rule(spot_checks=7), NO_LOOKBACK, sender=account)


def test_refuses_a_rule_published_before(world: World) -> None:
    """Given a published rule, when it comes again, it is refused and its number stays."""
    rule = world.rule()
    with reverts("Rulebook_AlreadyPublished", rule_id(rule)):
        world.publish(rule)
    assert world.rulebook.terms.call(rule_id(rule)).number == 1


def test_refuses_a_currency_that_is_not_listed(world: World) -> None:
    """Given a token that the escrow does not list, when a rule names it, it is refused."""
    stranger = world.accounts.attacker.address
    with reverts("Rulebook_CurrencyNotListed", stranger):
        world.publish(world.rule(currency=stranger))


OUT_OF_BOUNDS: list[tuple[str, int, dict[str, Any]]] = [
    ("schema", 0, {"schema": 0}),
    ("schema", 2, {"schema": 2}),
    ("periodSeconds", 59, {"period_seconds": 59}),
    ("periodSeconds", 2 * DAY, {"period_seconds": 2 * DAY}),
    ("periodSeconds", 7 * 60, {"period_seconds": 7 * 60}),
    ("overDeliveryCapBps", 9_999, {"over_delivery_cap_bps": 9_999}),
    ("overDeliveryCapBps", 20_001, {"over_delivery_cap_bps": 20_001}),
    ("payCurve", 0, {"pay_curve": ()}),
    ("payCurve", 17, {"pay_curve": curve(*((n, n) for n in range(17)))}),
    ("payCurve", 10_001, {"pay_curve": curve((0, 0), (10_001, 10_000))}),
    ("payCurve", 10_001, {"pay_curve": curve((0, 0), (10_000, 10_001))}),
    ("payCurve", 5_000, {"pay_curve": curve((5_000, 0), (5_000, 1))}),
    ("payCurve", 4_999, {"pay_curve": curve((0, 5_000), (1, 4_999))}),
    ("availabilityCurve", 0, {"availability_curve": ()}),
    ("availabilityCurve", 17, {"availability_curve": curve(*((n, n) for n in range(17)))}),
    ("availabilityCurve", 10_001, {"availability_curve": curve((10_001, 0))}),
    ("availabilityCurve", 6_999, {"availability_curve": curve((7_000, 1), (6_999, 2))}),
    ("availabilityCurve", 0, {"availability_curve": curve((0, 1), (1, 0))}),
    ("toleranceBps", 10_001, {"tolerance_bps": 10_001}),
    ("stopLossBps", 10_001, {"stop_loss_bps": 10_001}),
    ("collateralBps", 0, {"collateral_bps": 0}),
    ("collateralBps", 100_001, {"collateral_bps": 100_001}),
    ("minDispatchBps", 0, {"min_dispatch_bps": 0}),
    ("minDispatchBps", 10_001, {"min_dispatch_bps": 10_001}),
    ("minCustomerShareBps", 10_001, {"min_customer_share_bps": 10_001}),
    ("unclaimedTo", 0, {"unclaimed_to": "0x" + 40 * "0"}),
    ("gateSeconds", 7 * DAY + 1, {"gate_seconds": 7 * DAY + 1}),
    ("readingDeadline", 60 * DAY + 1, {"reading_deadline": 60 * DAY + 1}),
    ("submissionDeadline", 60 * DAY + 1, {"submission_deadline": 60 * DAY + 1}),
    ("proofWindow", 3_599, {"proof_window": 3_599}),
    ("proofWindow", 60 * DAY + 1, {"proof_window": 60 * DAY + 1}),
    ("collectPeriod", 30 * DAY - 1, {"collect_period": 30 * DAY - 1}),
    ("collectPeriod", 3_650 * DAY + 1, {"collect_period": 3_650 * DAY + 1}),
    ("spotChecks", 0, {"spot_checks": 0}),
    ("spotChecks", 2**20 + 1, {"spot_checks": 2**20 + 1}),
    ("drawDelay", 1, {"draw_delay": 1}),
    ("maxDemands", 1, {"max_demands": 1}),
    ("demandFee", 1, {"demand_fee": 1}),
    ("bondPerMW", 1, {"bond_per_mw": 1}),
    ("challengerShareBps", 1, {"challenger_share_bps": 1}),
    ("spotChecks", 2**20 + 1, {**SAMPLED, "spot_checks": 2**20 + 1}),
    ("drawDelay", 0, {**SAMPLED, "draw_delay": 0}),
    ("drawDelay", 201, {**SAMPLED, "draw_delay": 201}),
    ("challengeWindow", 60 * DAY + 1, {**SAMPLED, "challenge_window": 60 * DAY + 1}),
    ("demandFee", 0, {**SAMPLED, "demand_fee": 0}),
    ("bondPerMW", 0, {**SAMPLED, "bond_per_mw": 0}),
    ("challengerShareBps", 5_001, {**SAMPLED, "challenger_share_bps": 5_001}),
    ("baselinePeriods", 0, {"baseline_periods": 0}),
    ("baselinePeriods", 97, {"baseline_periods": 97}),
]


@pytest.mark.parametrize(("field", "value", "changes"), OUT_OF_BOUNDS)
def test_refuses_a_value_out_of_bounds(world: World, field: str, value: int, changes: dict[str, Any]) -> None:
    """Given one field out of its bounds, when the rule is published, the error names the field and the value."""
    rule = world.rule(**changes)
    with reverts("Rulebook_OutOfBounds", field, value):
        world.publish(rule)
    # The model says the same.
    with pytest.raises(RuleError) as caught:
        check_rule(rule)
    assert caught.value.values == (field, value)


INCONSISTENT: list[tuple[str, str, dict[str, Any]]] = [
    ("clampLevel", "baseline", {**NOMINATED, **DEVICE_LEVEL}),
    ("clampLevel", "baseline", {**REFERENCE, **DEVICE_LEVEL}),
    ("baselinePeriods", "baseline", {**NOMINATED, "baseline_periods": 1}),
    ("baselinePeriods", "baseline", {**REFERENCE, "baseline_periods": 1}),
    ("gateSeconds", "baseline", {**NOMINATED, "gate_seconds": 0}),
    ("submissionDeadline", "readingDeadline", {"reading_deadline": DAY, "submission_deadline": DAY}),
    ("submissionDeadline", "readingDeadline", {"reading_deadline": DAY, "submission_deadline": DAY - 1}),
    ("challengeWindow", "proofWindow", {**SAMPLED, "challenge_window": DAY, "proof_window": DAY}),
    ("challengeWindow", "proofWindow", {**SAMPLED, "challenge_window": 1, "proof_window": DAY}),
]


@pytest.mark.parametrize(("field", "other", "changes"), INCONSISTENT)
def test_refuses_fields_that_do_not_fit_each_other(
    world: World, field: str, other: str, changes: dict[str, Any]
) -> None:
    """Given two fields that contradict each other, when the rule is published, the error names both."""
    with reverts("Rulebook_Inconsistent", field, other):
        world.publish(world.rule(**changes))


WITHIN: list[dict[str, Any]] = [
    {"period_seconds": 60, "over_delivery_cap_bps": 20_000, "pay_curve": curve(*((n, n) for n in range(16)))},
    {"period_seconds": DAY, "pay_curve": curve((6_000, 0), (10_000, 10_000)), "tolerance_bps": 10_000},
    {"stop_loss_bps": 0, "collateral_bps": 1, "min_dispatch_bps": 10_000, "min_customer_share_bps": 0},
    {"collateral_bps": 100_000, "gate_seconds": 7 * DAY, "reading_deadline": 0, "submission_deadline": 1},
    {"reading_deadline": 60 * DAY - 1, "submission_deadline": 60 * DAY, "proof_window": 3_600},
    {"proof_window": 60 * DAY, "collect_period": 30 * DAY, "spot_checks": 1},
    {"collect_period": 3_650 * DAY, "spot_checks": 2**20, "baseline_periods": 96, "gate_seconds": 0, **DEVICE_LEVEL},
    {**NOMINATED, "gate_seconds": 1},
    {**REFERENCE, "gate_seconds": 0},
    {**SAMPLED, "spot_checks": 0, "proof_window": 3_600, "challenge_window": 3_601},
    {
        "spot_checks": 2**20,
        "draw_delay": 200,
        "challenge_window": 60 * DAY,
        "max_demands": 255,
        "demand_fee": 2**96 - 1,
        "bond_per_mw": 2**96 - 1,
        "challenger_share_bps": 5_000,
    },
]


@pytest.mark.parametrize("changes", WITHIN)
def test_accepts_what_is_just_within_bounds(world: World, changes: dict[str, Any]) -> None:
    """Given values on the edge of their bounds, when the rule is published, it stands."""
    rule = world.rule(**changes)
    assert world.rulebook.isPublished.call(world.publish(rule))
    check_rule(rule)
