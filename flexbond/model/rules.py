"""The bounds of a rule, as `Rulebook.publish` sets them, and of a product under it, as `FlexibilityRights.issue` does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from flexbond.errors import FlexbondError
from flexbond.hashing import ZERO_ADDRESS
from flexbond.model.settlement import is_whole_milli_wh
from flexbond.model.types import BPS, MAX_PERIODS, SCHEMA, BaselineMethod, ClampLevel, RuleTerms

if TYPE_CHECKING:
    from collections.abc import Sequence

    from flexbond.model.types import CurvePoint, Product, Rule

DAY: Final = 86_400
OUT_OF_BOUNDS: Final = "Rulebook_OutOfBounds"
INCONSISTENT: Final = "Rulebook_Inconsistent"
PRODUCT_INVALID: Final = "FlexibilityRights_ProductInvalid"


class RuleError(FlexbondError):
    """A rule or a product that is refused.

    `error` is the contract's error, `values` its values; `field` is the field's name in Solidity.
    """

    def __init__(self, error: str, values: tuple[int | str, ...], message: str) -> None:
        self.error = error
        self.values = values
        self.field = str(values[0])
        super().__init__(message, next_step=f"Change {self.field}.")


def check_rule(rule: Rule) -> None:
    """Checks a rule as the contract does when it is published. Raises RuleError for the first field that is wrong."""
    _check_payment(rule)
    _check_baseline(rule)
    _check_clocks(rule)


def check_product(product: Product, terms: RuleTerms) -> None:
    """Checks a product under its rule as the contract does when it is issued. Raises RuleError for the first field."""
    period, length = terms.period_seconds, product.window_end - product.window_start
    lead = product.notice_seconds + product.ramp_seconds
    most = min(MAX_PERIODS * period, DAY)
    least_run, most_run = product.min_run_seconds, product.max_run_seconds
    level = terms.baseline is BaselineMethod.REFERENCE_LEVEL
    holds = (
        ("schema", product.schema == SCHEMA),
        ("provider", product.provider != terms.unclaimed_to),
        ("currency", product.currency == terms.currency),
        ("referenceW", level or product.reference_w == 0),
        ("windowStart", product.window_start % period == 0),
        ("windowEnd", product.window_end % period == 0 and period <= length <= most),
        ("lotW", product.lot_w != 0 and is_whole_milli_wh(product.lot_w, period)),
        ("maxRunSeconds", most_run != 0 and most_run % period == 0 and most_run <= length),
        ("minRunSeconds", least_run % period == 0 and least_run <= most_run),
        ("noticeSeconds", lead <= terms.gate_seconds),
    )
    for field, is_kept in holds:
        if not is_kept:
            raise RuleError(PRODUCT_INVALID, (field,), f"{field} of the product does not fit its rule.")


def terms_of(rule: Rule, number: int) -> RuleTerms:
    """The part of a rule that issuing needs; `number` is 1 for the first published."""
    return RuleTerms(
        period_seconds=rule.period_seconds,
        collateral_bps=rule.collateral_bps,
        min_customer_share_bps=rule.min_customer_share_bps,
        number=number,
        currency=rule.currency,
        gate_seconds=rule.gate_seconds,
        funding=rule.funding,
        baseline=rule.baseline,
        unclaimed_to=rule.unclaimed_to,
    )


def _check_payment(rule: Rule) -> None:
    _within("schema", rule.schema, SCHEMA, SCHEMA)
    _within("overDeliveryCapBps", rule.over_delivery_cap_bps, BPS, 2 * BPS)
    _check_curve("payCurve", rule.pay_curve)
    _within("toleranceBps", rule.tolerance_bps, 0, BPS)
    _within("stopLossBps", rule.stop_loss_bps, 0, BPS)
    _within("collateralBps", rule.collateral_bps, 1, 10 * BPS)
    _check_curve("availabilityCurve", rule.availability_curve)
    _within("minDispatchBps", rule.min_dispatch_bps, 1, BPS)
    _within("minCustomerShareBps", rule.min_customer_share_bps, 0, BPS)
    if rule.unclaimed_to == ZERO_ADDRESS:
        raise RuleError(OUT_OF_BOUNDS, ("unclaimedTo", 0), "Nobody gets what customers never collect.")


def _check_curve(field: str, curve: Sequence[CurvePoint]) -> None:
    _within(field, len(curve), 1, 16)
    least_ratio, least_pay = 0, 0
    for point in curve:
        _within(field, point.ratio_bps, least_ratio, BPS)
        _within(field, point.pay_bps, least_pay, BPS)
        least_ratio, least_pay = point.ratio_bps + 1, point.pay_bps


def _check_baseline(rule: Rule) -> None:
    if rule.baseline is BaselineMethod.METER_BEFORE:
        _within("baselinePeriods", rule.baseline_periods, 1, 96)
        return
    if rule.clamp_level is not ClampLevel.PORTFOLIO:
        raise _inconsistent("clampLevel", "baseline")
    if rule.baseline_periods:
        raise _inconsistent("baselinePeriods", "baseline")
    if rule.baseline is BaselineMethod.NOMINATED and not rule.gate_seconds:
        raise _inconsistent("gateSeconds", "baseline")


def _check_clocks(rule: Rule) -> None:
    _within("periodSeconds", rule.period_seconds, 60, DAY)
    if DAY % rule.period_seconds:
        raise RuleError(
            OUT_OF_BOUNDS,
            ("periodSeconds", rule.period_seconds),
            f"A settlement period of {rule.period_seconds} s does not divide a day.",
        )
    _within("gateSeconds", rule.gate_seconds, 0, 7 * DAY)
    _within("readingDeadline", rule.reading_deadline, 0, 60 * DAY)
    _within("submissionDeadline", rule.submission_deadline, 0, 60 * DAY)
    if rule.submission_deadline <= rule.reading_deadline:
        raise _inconsistent("submissionDeadline", "readingDeadline")
    _within("proofWindow", rule.proof_window, 3600, 60 * DAY)
    _within("collectPeriod", rule.collect_period, 30 * DAY, 3650 * DAY)
    _within("spotChecks", rule.spot_checks, 1, 2**20)


def _within(field: str, value: int, least: int, greatest: int) -> None:
    if not least <= value <= greatest:
        raise RuleError(OUT_OF_BOUNDS, (field, value), f"{field} of {value} is not within {least} and {greatest}.")


def _inconsistent(field: str, other: str) -> RuleError:
    return RuleError(INCONSISTENT, (field, other), f"{field} does not fit {other}.")
