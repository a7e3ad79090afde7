"""The bounds of a rule with its look-back and of a calendar, as `Rulebook` sets them, and of a product under a rule, as
`FlexibilityRights.issue` does."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from flexbond.errors import FlexbondError
from flexbond.hashing import ZERO_ADDRESS
from flexbond.ids import lookback_hash
from flexbond.model.settlement import is_whole_milli_wh
from flexbond.model.struct import kinds_of
from flexbond.model.types import (
    BPS,
    MAX_PERIODS,
    NO_LOOKBACK,
    SCHEMA,
    Adjustment,
    BaselineMethod,
    ClampLevel,
    MeasuringTerms,
    RuleTerms,
    Stakes,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from flexbond.model.types import Calendar, CurvePoint, Lookback, Product, Rule

DAY: Final = 86_400
FOREVER: Final = 2**40 - 1
"""`known_until` of a rule without calendar."""
MAX_DAYS: Final = 20
"""Most past days in a baseline."""
MAX_LOOK_BACK: Final = 120
"""Most days looked back."""
MAX_DRAW_DELAY: Final = 200
"""Most blocks between a submission and the one whose hash draws: a hash is known for 256."""
MAX_CHECKS: Final = 2**20
"""Most points that are drawn of a submission."""
MAX_AMOUNT: Final = 2**96 - 1
"""Greatest amount of a rule's field, base units."""
EVERY_KIND: Final = 255
"""All kinds of days of a class."""
HOLIDAYS_ONLY: Final = 128
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


def check_rule(rule: Rule, lookback: Lookback = NO_LOOKBACK) -> None:
    """Checks a rule with its look-back as the contract does when it is published. Raises RuleError for the first field that is wrong.

    What depends on the calendar is for `check_rule_calendar`.
    """
    _check_payment(rule)
    _check_baseline(rule)
    _check_clocks(rule)
    _check_sampling(rule)
    if rule.baseline is BaselineMethod.X_OF_Y:
        if rule.lookback_hash != lookback_hash(lookback):
            raise _inconsistent("lookbackHash", "lookback")
        _check_days(lookback)
        _check_adjustment(lookback, rule.period_seconds)
        return
    if rule.lookback_hash != bytes(32):
        raise _inconsistent("lookbackHash", "baseline")
    if lookback != NO_LOOKBACK:
        raise _inconsistent("lookback", "baseline")


def check_calendar(calendar: Calendar) -> None:
    """Checks a calendar as the contract does when it is published. Raises RuleError for the first field that is wrong."""
    if calendar.zone == bytes(32):
        raise RuleError(OUT_OF_BOUNDS, ("zone", 0), "The calendar's zone has no name.")
    added = calendar.summer_seconds
    latest = DAY - added if added else 0
    for field, value, greatest in (
        ("offsetSeconds", abs(calendar.offset_seconds), 14 * 3600),
        ("summerSeconds", added, 3 * 3600),
        ("springAt", calendar.spring_at, latest),
        ("autumnAt", calendar.autumn_at, latest),
    ):
        _within(field, value, 0, greatest)
        if value % 60:
            raise RuleError(OUT_OF_BOUNDS, (field, value), f"{field} of {value} s is no whole number of minutes.")


def check_rule_calendar(rule: Rule, calendar: Calendar) -> None:
    """Checks that past periods lie on the rule's grid, as the contract does when it is published. Raises RuleError."""
    if calendar.summer_seconds % rule.period_seconds:
        raise _inconsistent("periodSeconds", "calendar.summerSeconds")


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


def terms_of(rule: Rule, number: int, *, known_until: int = FOREVER) -> RuleTerms:
    """The part of a rule that issuing needs; `number` is 1 for the first published, `known_until` the last start of a day that its
    calendar holds, UTC seconds."""
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
        known_until=known_until,
    )


def measuring_terms_of(rule: Rule) -> MeasuringTerms:
    """The part of a rule that measuring needs."""
    kept = MeasuringTerms(**{name: getattr(rule, name) for name, _ in kinds_of(MeasuringTerms)})
    return replace(
        kept,
        gate_seconds=rule.gate_seconds if rule.baseline is BaselineMethod.NOMINATED else 0,
    )


def stakes_of(rule: Rule) -> Stakes:
    """The part of a rule that says what a submission stakes."""
    return Stakes(
        currency=rule.currency if rule.challenge_window else ZERO_ADDRESS,
        bond_per_mw=rule.bond_per_mw,
        demand_fee=rule.demand_fee,
        challenger_share_bps=rule.challenger_share_bps,
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
        _within("baselinePeriods", rule.baseline_periods, 1, MAX_PERIODS)
        return
    if rule.baseline is not BaselineMethod.X_OF_Y and rule.clamp_level is not ClampLevel.PORTFOLIO:
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


def _check_sampling(rule: Rule) -> None:
    """How a submission is checked, if not every leaf has to be proven."""
    window = rule.challenge_window
    if not window:
        _within("spotChecks", rule.spot_checks, 1, MAX_CHECKS)
        for field, value in (
            ("drawDelay", rule.draw_delay),
            ("maxDemands", rule.max_demands),
            ("demandFee", rule.demand_fee),
            ("bondPerMW", rule.bond_per_mw),
            ("challengerShareBps", rule.challenger_share_bps),
        ):
            if value:
                why = "is for submissions that may be challenged, and challengeWindow is 0"
                raise RuleError(OUT_OF_BOUNDS, (field, value), f"{field} of {value} {why}.")
        return
    _within("spotChecks", rule.spot_checks, 0, MAX_CHECKS)
    _within("drawDelay", rule.draw_delay, 1, MAX_DRAW_DELAY)
    _within("challengeWindow", window, 1, 60 * DAY)
    if window <= rule.proof_window:
        raise _inconsistent("challengeWindow", "proofWindow")
    _within("demandFee", rule.demand_fee, 1, MAX_AMOUNT)
    _within("bondPerMW", rule.bond_per_mw, 1, MAX_AMOUNT)
    _within("challengerShareBps", rule.challenger_share_bps, 0, BPS // 2)


def _check_days(lookback: Lookback) -> None:
    length = lookback.look_back_days
    _within("lookBackDays", length, 1, MAX_LOOK_BACK)
    _within("maxExcludedDays", lookback.max_excluded_days, 0, length)
    _within("minEventBps", lookback.min_event_bps, 1 if lookback.max_excluded_days else 0, BPS)
    _within("classes", len(lookback.classes), 1, 8)
    seen = 0
    for of in lookback.classes:
        if not of.kinds or seen & of.kinds:
            message = f"A class of the days {of.kinds:#010b} is empty or shares days with one before it."
            raise RuleError(OUT_OF_BOUNDS, ("classes.kinds", of.kinds), message)
        seen |= of.kinds
        if of.kinds == HOLIDAYS_ONLY and not lookback.holidays_eligible:
            raise _inconsistent("holidaysEligible", "classes.kinds")
        _within("classes.y", of.y, 1, MAX_DAYS)
        _within("classes.x", of.x, 1, of.y)
        _within("classes.minDays", of.min_days, 1, of.y)
        if length < of.y:
            raise _inconsistent("lookBackDays", "classes.y")
    if seen != EVERY_KIND:
        message = f"The classes leave out the days {EVERY_KIND - seen:#010b} (lowest bit Monday, highest holidays)."
        raise RuleError(OUT_OF_BOUNDS, ("classes.kinds", seen), message)


def _check_adjustment(lookback: Lookback, period: int) -> None:
    periods, lead, cap = lookback.adjustment_periods, lookback.adjustment_lead, lookback.adjustment_cap_bps
    if lookback.adjustment is Adjustment.NONE:
        for field, value in (("adjustmentPeriods", periods), ("adjustmentLead", lead), ("adjustmentCapBps", cap)):
            if value:
                raise _inconsistent(field, "adjustment")
        return
    _within("adjustmentPeriods", periods, 1, min(DAY // period, MAX_PERIODS))
    if lead > DAY or lead % period:
        message = f"adjustmentLead of {lead} s is no whole number of periods within a day."
        raise RuleError(OUT_OF_BOUNDS, ("adjustmentLead", lead), message)
    _within("adjustmentCapBps", cap, 0, 10 * BPS)


def _within(field: str, value: int, least: int, greatest: int) -> None:
    if not least <= value <= greatest:
        raise RuleError(OUT_OF_BOUNDS, (field, value), f"{field} of {value} is not within {least} and {greatest}.")


def _inconsistent(field: str, other: str) -> RuleError:
    return RuleError(INCONSISTENT, (field, other), f"{field} does not fit {other}.")
