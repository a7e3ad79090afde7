"""The money of a dispatch, period by period, in integers; what `SettlementMath` computes.

Whoever is paid is rounded down, whoever owes is rounded up, and the remainder of a split goes to a named party.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from flexbond.model.rounding import div_down, div_up
from flexbond.model.types import BPS, CurveKind, Funding, PayBase, Settled, ToleranceKind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from flexbond.model.types import CurvePoint, Dispatch, Product, Rule

MILLI_WH_PER_MWH: Final = 10**9


@dataclass(frozen=True, kw_only=True)
class PeriodOutcome:
    """What one dispatch did in one ordered period."""

    period: int
    """Of the window, from 0."""
    ordered: int
    """mWh."""
    response: int
    """mWh, the dispatch's share; negative against what was asked for."""
    delivered: int
    """mWh, within the cap of over-delivery."""
    deficiency: int
    """mWh."""
    ratio_bps: int
    """Delivered, at most ordered, of ordered."""
    pay: int
    """Base units."""
    penalty: int
    """Base units, before the stop-loss; 0 where excused."""


@dataclass(frozen=True, kw_only=True)
class DispatchOutcome:
    """How a dispatch ends, with the way there."""

    settled: Settled
    periods: tuple[PeriodOutcome, ...]
    """The ordered periods of a measured event; none if it is unmeasured."""
    delivered_bps: int | None
    """Delivered of ordered over the dispatch; None where nothing is ordered or nothing was measured."""
    penalty_uncapped: int
    """Sum of the periods' penalties before the stop-loss, base units."""


# ------------------------------------------------------------------ curves


def curve_bps(kind: CurveKind, curve: Sequence[CurvePoint], ratio_bps: int) -> int:
    """The share that a curve pays for a ratio, both in basis points; interpolation is rounded down."""
    if ratio_bps < curve[0].ratio_bps:
        return 0
    place = max(i for i, point in enumerate(curve) if point.ratio_bps <= ratio_bps)
    low = curve[place]
    if kind is CurveKind.STEPS or place + 1 == len(curve):
        return low.pay_bps
    high = curve[place + 1]
    rise = (high.pay_bps - low.pay_bps) * (ratio_bps - low.ratio_bps)
    return low.pay_bps + div_down(rise, high.ratio_bps - low.ratio_bps)


# ------------------------------------------------------------------ what is locked


def energy_milli_wh(power_w: int, seconds: int) -> int:
    """Energy of a power over a time, mWh; exact for lots and orders, rounded down otherwise."""
    return div_down(power_w * seconds * 1000, 3600)


def is_whole_milli_wh(power_w: int, seconds: int) -> bool:
    """Whether power (W) times time is a whole number of mWh."""
    return power_w * seconds * 1000 % 3600 == 0


def collateral_per_unit(product: Product, collateral_bps: int) -> int:
    """Collateral of a unit, base units, rounded up: the holder gains."""
    energy = energy_milli_wh(product.lot_w, product.window_end - product.window_start)
    return div_up(energy * product.shortfall_per_mwh * collateral_bps, MILLI_WH_PER_MWH * BPS)


def availability_per_unit(product: Product) -> int:
    """Availability payment of a unit, base units, rounded down: the buyer gains."""
    seconds = product.window_end - product.window_start
    return div_down(product.lot_w * seconds * product.availability_per_mwhour, 3600 * 10**6)


def utilisation_lock(product: Product, rule: Rule, orders_w: Sequence[int]) -> int:
    """The most that the utilisation of an order can be, base units; 0 where the buyer pays off chain."""
    if rule.funding is Funding.STATEMENT:
        return 0
    return utilisation_most(product, rule, orders_w)


def utilisation_most(product: Product, rule: Rule, orders_w: Sequence[int]) -> int:
    """The most that the utilisation of an order can be, base units."""
    total = 0
    for order_w in orders_w:
        ordered = energy_milli_wh(order_w, rule.period_seconds)
        base = ordered if rule.pay_base is PayBase.ORDERED else most_delivered(rule, ordered)
        total += div_down(base * product.utilisation_per_mwh, MILLI_WH_PER_MWH)
    return total


def stop_loss(product: Product, rule: Rule, units: int) -> int:
    """Greatest penalty of a dispatch of so many units, base units, rounded down."""
    return div_down(units * collateral_per_unit(product, rule.collateral_bps) * rule.stop_loss_bps, BPS)


# ------------------------------------------------------------------ one period


def most_delivered(rule: Rule, ordered: int) -> int:
    """The most of an order that counts as delivered, mWh."""
    return div_down(ordered * rule.over_delivery_cap_bps, BPS)


def share_of_response(response_milli_wh: int, order_w: int, event_order_w: int) -> int:
    """A dispatch's share of the event's response, mWh, rounded toward minus infinity: the provider bears it."""
    return div_down(response_milli_wh * order_w, event_order_w)


def owed_for(rule: Rule, ordered: int, deficiency: int) -> int:
    """What of a deficiency is penalised, mWh."""
    tolerated = div_down(ordered * rule.tolerance_bps, BPS)
    if rule.tolerance_kind is ToleranceKind.THRESHOLD and deficiency > tolerated:
        return deficiency
    return max(0, deficiency - tolerated)


def penalty_of(product: Product, energy: int) -> int:
    """Penalty for an energy in mWh, base units, rounded up: the buyer gains."""
    return div_up(energy * product.shortfall_per_mwh, MILLI_WH_PER_MWH)


def period_outcome(
    *,
    product: Product,
    rule: Rule,
    period: int,
    order_w: int,
    event_order_w: int,
    response_milli_wh: int,
    excused: bool,
) -> PeriodOutcome:
    """What a dispatch that ordered `order_w` did in a period in which `event_order_w` was ordered in all (W)."""
    ordered = energy_milli_wh(order_w, rule.period_seconds)
    response = share_of_response(response_milli_wh, order_w, event_order_w)
    delivered = min(max(0, response), most_delivered(rule, ordered))
    deficiency = max(0, ordered - response)
    if not rule.deficiency_uncapped:
        deficiency = min(deficiency, ordered)
    ratio_bps = div_down(BPS * min(delivered, ordered), ordered)
    base = ordered if rule.pay_base is PayBase.ORDERED else delivered
    share_bps = curve_bps(rule.pay_curve_kind, rule.pay_curve, ratio_bps)
    return PeriodOutcome(
        period=period,
        ordered=ordered,
        response=response,
        delivered=delivered,
        deficiency=deficiency,
        ratio_bps=ratio_bps,
        pay=div_down(base * product.utilisation_per_mwh * share_bps, MILLI_WH_PER_MWH * BPS),
        penalty=0 if excused else penalty_of(product, owed_for(rule, ordered, deficiency)),
    )


# ------------------------------------------------------------------ the whole dispatch


def settle_dispatch(
    *,
    product: Product,
    rule: Rule,
    dispatch: Dispatch,
    responses_milli_wh: Sequence[int] | None,
    event_orders_w: Sequence[int],
    customer_share_bps: int,
    utilisation_locked: int | None = None,
) -> DispatchOutcome:
    """How a dispatch ends.

    `responses_milli_wh` holds the event's response for every period of the window; None: the event is unmeasured.
    `event_orders_w` holds what all dispatches of the event ordered per period. `utilisation_locked` is what was locked
    when the dispatch was made, by default what its present order would lock.
    """
    periods: tuple[PeriodOutcome, ...] = ()
    if responses_milli_wh is not None:
        periods = tuple(
            period_outcome(
                product=product,
                rule=rule,
                period=period,
                order_w=order_w,
                event_order_w=event_orders_w[period],
                response_milli_wh=responses_milli_wh[period],
                excused=bool(dispatch.excused_mask >> period & 1),
            )
            for period, order_w in enumerate(dispatch.orders_w)
            if order_w
        )
    if utilisation_locked is None:
        utilisation_locked = utilisation_lock(product, rule, dispatch.orders_w)
    locked = dispatch.units * availability_per_unit(product)
    pay = sum(item.pay for item in periods)
    ratio_bps = _delivered_bps(periods)
    availability = _availability(rule, dispatch, locked, ratio_bps)
    uncapped = (
        sum(item.penalty for item in periods)
        if responses_milli_wh is not None
        else _unmeasured_penalty(product, rule, dispatch)
    )
    penalty = min(uncapped, stop_loss(product, rule, dispatch.units))
    escrowed = rule.funding is Funding.ESCROWED
    collateral = dispatch.units * collateral_per_unit(product, rule.collateral_bps)
    settled = Settled(
        pay=pay,
        availability=availability,
        penalty=penalty,
        pool=pool_of(pay + availability, customer_share_bps),
        utilisation_refund=utilisation_locked - pay if escrowed else 0,
        availability_refund=locked - availability if escrowed else 0,
        released=collateral - penalty,
    )
    return DispatchOutcome(settled=settled, periods=periods, delivered_bps=ratio_bps, penalty_uncapped=uncapped)


def pool_of(earned: int, customer_share_bps: int) -> int:
    """The customers' part of what was earned, base units, rounded down: the provider gains."""
    return div_down(earned * customer_share_bps, BPS)


def split_pool(pool: int, pay: int) -> tuple[int, int]:
    """What of the pool is taken from the pay, which goes first, and what from the availability, base units."""
    from_pay = min(pool, pay)
    return from_pay, pool - from_pay


def share_of_pool(pool: int, weight: int, total_weight: int) -> int:
    """One customer's part of a pool, base units, rounded down."""
    return div_down(pool * weight, total_weight)


def _delivered_bps(periods: Sequence[PeriodOutcome]) -> int | None:
    ordered = sum(item.ordered for item in periods)
    if not ordered:
        return None
    return div_down(BPS * sum(min(item.delivered, item.ordered) for item in periods), ordered)


def _availability(rule: Rule, dispatch: Dispatch, locked: int, ratio_bps: int | None) -> int:
    if not any(dispatch.orders_w):
        return locked
    if ratio_bps is None:
        return 0
    return div_down(locked * curve_bps(rule.availability_curve_kind, rule.availability_curve, ratio_bps), BPS)


def _unmeasured_penalty(product: Product, rule: Rule, dispatch: Dispatch) -> int:
    """Full deficiency of what was ordered and not excused; the stop-loss itself where a deficiency has no cap."""
    due = [
        energy_milli_wh(order_w, rule.period_seconds)
        for period, order_w in enumerate(dispatch.orders_w)
        if order_w and not dispatch.excused_mask >> period & 1
    ]
    if due and rule.deficiency_uncapped:
        return stop_loss(product, rule, dispatch.units)
    return sum(penalty_of(product, ordered) for ordered in due)
