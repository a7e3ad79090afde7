"""The money of a dispatch: published tables, worked numbers, and what must hold in every case."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flexbond.model.settlement import (
    availability_per_unit,
    collateral_per_unit,
    curve_bps,
    settle_dispatch,
    share_of_pool,
    share_of_response,
    split_pool,
    stop_loss,
    utilisation_lock,
    utilisation_most,
)
from flexbond.model.types import (
    BPS,
    BaselineMethod,
    ClampLevel,
    CurveKind,
    CurvePoint,
    Dispatch,
    Funding,
    PayBase,
    Product,
    Rule,
    Settled,
    ToleranceKind,
)
from tests.python.model.strategies import cases, curves, dispatch, product, rule

UNIT = 10**6
KWH = 10**6
DS3 = tuple(
    CurvePoint(ratio_bps=r, pay_bps=p)
    for r, p in ((6000, 2500), (7000, 5000), (8000, 7000), (9000, 8500), (9500, 9500), (9700, 10_000))
)


def settled(under: Rule, of: Product, called: Dispatch, responses: tuple[int, ...] | None, **more: int) -> Settled:
    """The result of a dispatch that is alone in its event."""
    return settle_dispatch(
        product=of,
        rule=under,
        dispatch=called,
        responses_milli_wh=responses,
        event_orders_w=called.orders_w,
        customer_share_bps=more.pop("customer_share_bps", 0),
        **more,
    ).settled


@pytest.mark.parametrize(
    ("metered_mw", "net"), [(7, 14), (8, 14), (9, -4), (10, -22), (11, -33)], ids=lambda value: str(value)
)
def test_usef_settlement_table(metered_mw: int, net: int) -> None:
    """Given USEF's example, when each metered value is settled, it gives the published sum (Shapeshifter, settle phase)."""
    under = rule(
        period_seconds=3600,
        baseline=BaselineMethod.NOMINATED,
        baseline_periods=0,
        clamp_level=ClampLevel.PORTFOLIO,
        deficiency_uncapped=True,
        collateral_bps=15_000,
    )
    of = product(lot_w=10**6, utilisation_per_mwh=7 * UNIT, shortfall_per_mwh=11 * UNIT, availability_per_mwhour=0)
    called = dispatch(units=2, orders_w=(2 * 10**6,))
    result = settled(under, of, called, ((10 - metered_mw) * 10**9,))
    assert result.pay - result.penalty == net * UNIT


@pytest.mark.parametrize(
    ("ratio", "paid"),
    [(0, 0), (5999, 0), (6000, 2500), (6999, 2500), (7000, 5000), (8000, 7000), (9000, 8500), (9500, 9500),
     (9699, 9500), (9700, 10_000), (10_000, 10_000)],
)  # fmt: skip
def test_ds3_availability_steps(ratio: int, paid: int) -> None:
    """Given Ireland's DS3 steps, when a ratio is looked up, the published share comes out."""
    assert curve_bps(CurveKind.STEPS, DS3, ratio) == paid


def test_linear_curve_rounds_down() -> None:
    """Given two points, when read between them, it interpolates and rounds down; beyond the last it stays."""
    curve = (CurvePoint(ratio_bps=5000, pay_bps=5000), CurvePoint(ratio_bps=9500, pay_bps=10_000))
    assert curve_bps(CurveKind.LINEAR, curve, 4999) == 0
    assert curve_bps(CurveKind.LINEAR, curve, 5000) == 5000
    assert curve_bps(CurveKind.LINEAR, curve, 5001) == 5001
    assert curve_bps(CurveKind.LINEAR, curve, 5008) == 5008
    assert curve_bps(CurveKind.LINEAR, curve, 5009) == 5010
    assert curve_bps(CurveKind.LINEAR, curve, 9500) == 10_000
    assert curve_bps(CurveKind.LINEAR, curve, 10_000) == 10_000


def test_locks_of_a_unit() -> None:
    """Given 1 kW for an hour at 7 per MW and hour, 220 and 300 per MWh, it locks what these come to."""
    of, under = product(), rule()
    assert availability_per_unit(of) == 7000
    assert collateral_per_unit(of, 10_000) == 300_000
    assert collateral_per_unit(replace(of, shortfall_per_mwh=1), 10_000) == 1, "rounded up"
    assert availability_per_unit(replace(of, availability_per_mwhour=999)) == 0, "rounded down"
    assert utilisation_lock(of, under, (1000, 0, 1000, 1000)) == 3 * 55_000
    assert utilisation_lock(of, replace(under, over_delivery_cap_bps=12_000), (1000,)) == 66_000
    ordered = replace(under, over_delivery_cap_bps=12_000, pay_base=PayBase.ORDERED)
    assert utilisation_lock(of, ordered, (1000,)) == 55_000
    assert utilisation_lock(of, replace(under, funding=Funding.STATEMENT), (1000,)) == 0


def test_two_buyers_of_half_a_delivery() -> None:
    """Given 20 and 10 kW of one portfolio that delivers half, each is paid for half."""
    under, of = rule(), product()
    all_orders = (30_000,) * 4
    responses = (3750 * 1000,) * 4
    paid = []
    for units in (20, 10):
        called = dispatch(units=units, orders_w=(1000 * units,) * 4)
        outcome = settle_dispatch(
            product=of, rule=under, dispatch=called, responses_milli_wh=responses, event_orders_w=all_orders,
            customer_share_bps=5000,
        )  # fmt: skip
        assert outcome.delivered_bps == 5000
        paid.append(outcome.settled)
    assert [item.pay for item in paid] == [2_200_000, 1_100_000]
    assert [item.penalty for item in paid] == [3_000_000, 1_500_000]
    assert [item.pool for item in paid] == [(2_200_000 + 140_000) // 2, (1_100_000 + 70_000) // 2]


def test_tolerance_deducted_or_threshold() -> None:
    """Given 10 % tolerance and 20 % missing, DEDUCTIBLE penalises 10 %, THRESHOLD all; within it neither does."""
    of = product()
    called = dispatch(orders_w=(1000, 0, 0, 0))
    for kind, penalty in ((ToleranceKind.DEDUCTIBLE, 7500), (ToleranceKind.THRESHOLD, 15_000)):
        under = rule(tolerance_kind=kind, tolerance_bps=1000)
        assert settled(under, of, called, (200_000, 0, 0, 0)).penalty == penalty
        assert settled(under, of, called, (225_000, 0, 0, 0)).penalty == 0


def test_never_measured() -> None:
    """Given no measurement, it pays nothing and costs the full deficiency without tolerance, up to the stop-loss."""
    of = product()
    called = dispatch(orders_w=(1000, 1000, 0, 0), excused_mask=0b10)
    lost = settled(rule(tolerance_bps=5000), of, called, None)
    assert (lost.pay, lost.availability, lost.penalty, lost.pool) == (0, 0, 75_000, 0)
    assert lost.utilisation_refund == 110_000
    assert lost.availability_refund == 7000
    assert lost.released == 225_000
    uncapped = rule(deficiency_uncapped=True, stop_loss_bps=8000)
    assert settled(uncapped, of, called, None).penalty == 240_000, "the stop-loss itself"
    assert settled(uncapped, of, replace(called, excused_mask=0b11), None).penalty == 0


@pytest.mark.parametrize("responses", [None, (0, 0, 0, 0)], ids=["unmeasured", "measured"])
def test_order_taken_back_whole(responses: tuple[int, ...] | None) -> None:
    """Given an order taken back whole, measured or not, it earns its availability and costs nothing."""
    result = settled(rule(), product(), dispatch(orders_w=(0, 0, 0, 0)), responses, utilisation_locked=220_000)
    assert result == Settled(
        pay=0, availability=7000, penalty=0, pool=0, utilisation_refund=220_000, availability_refund=0,
        released=300_000,
    )  # fmt: skip


def test_statement_funding_moves_nothing_of_the_buyer() -> None:
    """Given STATEMENT funding, the result is computed and no buyer's money is refunded, as none was locked."""
    result = settled(rule(funding=Funding.STATEMENT), product(), dispatch(), (125_000,) * 4, customer_share_bps=BPS)
    assert (result.pay, result.availability, result.pool) == (110_000, 7000, 117_000)
    assert (result.utilisation_refund, result.availability_refund) == (0, 0)
    assert (result.penalty, result.released) == (150_000, 150_000)


@given(curves(), st.sampled_from(CurveKind), st.integers(0, BPS), st.integers(0, BPS))
def test_curves_never_fall(curve: tuple[CurvePoint, ...], kind: CurveKind, ratio: int, other: int) -> None:
    """Given any curve that can be published, a higher ratio never pays less, and none pays more than all."""
    low, high = sorted((ratio, other))
    assert 0 <= curve_bps(kind, curve, low) <= curve_bps(kind, curve, high) <= BPS
    assert curve_bps(CurveKind.STEPS, curve, ratio) <= curve_bps(CurveKind.LINEAR, curve, ratio)


@given(cases(), st.data())
def test_more_delivery_never_pays_less(
    case: tuple[Rule, Product, Dispatch, tuple[int, ...], tuple[int, ...], int], data: st.DataObject
) -> None:
    """Given any dispatch, when the event responded more in some period, pay and availability are no less, the penalty no more."""
    under, of, called, responses, all_orders, share = case
    period = data.draw(st.integers(0, len(responses) - 1))
    more = list(responses)
    more[period] += data.draw(st.integers(0, 10**9))

    def result(values: object) -> Settled:
        return settle_dispatch(
            product=of, rule=under, dispatch=called, responses_milli_wh=values, event_orders_w=all_orders,  # type: ignore[arg-type]
            customer_share_bps=share,
        ).settled  # fmt: skip

    before, after = result(responses), result(more)
    assert after.pay >= before.pay
    assert after.availability >= before.availability
    assert after.penalty <= before.penalty


@given(cases(), st.booleans())
def test_money_in_is_money_out(
    case: tuple[Rule, Product, Dispatch, tuple[int, ...], tuple[int, ...], int], measured: bool
) -> None:
    """Given any dispatch, pay and refund are what was locked, penalty and release the collateral, within their bounds."""
    under, of, called, responses, all_orders, share = case
    outcome = settle_dispatch(
        product=of, rule=under, dispatch=called, responses_milli_wh=responses if measured else None,
        event_orders_w=all_orders, customer_share_bps=share,
    )  # fmt: skip
    result = outcome.settled
    collateral = called.units * collateral_per_unit(of, under.collateral_bps)
    assert result.penalty + result.released == collateral
    assert 0 <= result.penalty <= stop_loss(of, under, called.units) <= collateral
    assert 0 <= result.pay <= utilisation_most(of, under, called.orders_w)
    if under.funding is Funding.ESCROWED:
        assert result.pay + result.utilisation_refund == utilisation_lock(of, under, called.orders_w)
        assert result.availability + result.availability_refund == called.units * availability_per_unit(of)
    else:
        assert result.utilisation_refund == result.availability_refund == 0
    from_pay, from_availability = split_pool(result.pool, result.pay)
    assert from_pay + from_availability == result.pool <= result.pay + result.availability
    assert 0 <= from_pay <= result.pay
    assert 0 <= from_availability <= result.availability


@given(st.integers(-(10**15), 10**15), st.lists(st.integers(1, 10**9), min_size=1, max_size=8))
def test_shares_never_exceed_the_response(response: int, orders: list[int]) -> None:
    """Given any orders of one event, their shares of the response never come to more than it, and to little less."""
    shares = [share_of_response(response, order, sum(orders)) for order in orders]
    assert response - len(orders) < sum(shares) <= response


@given(st.integers(0, 10**18), st.lists(st.integers(0, 10**12), min_size=1, max_size=20).filter(any))
def test_pool_is_never_overdrawn(pool: int, weights: list[int]) -> None:
    """Given any weights, what customers collect never comes to more than the pool, the rest to less than one each."""
    collected = sum(share_of_pool(pool, weight, sum(weights)) for weight in weights)
    assert pool - len(weights) < collected <= pool


@given(cases(), st.integers(1, 50))
def test_scaling(case: tuple[Rule, Product, Dispatch, tuple[int, ...], tuple[int, ...], int], factor: int) -> None:
    """Given all power scaled by a whole factor, ratios stay and no sum moves by more than its roundings."""
    under, of, called, responses, _all_orders, share = case
    # Where every order's tolerance and cap are whole, scaling changes no ratio.
    under = replace(under, over_delivery_cap_bps=BPS, tolerance_bps=0)
    large = replace(called, orders_w=tuple(factor * order for order in called.orders_w), units=factor * called.units)
    small_out = settle_dispatch(
        product=of, rule=under, dispatch=called, responses_milli_wh=responses, event_orders_w=called.orders_w,
        customer_share_bps=share,
    )  # fmt: skip
    large_out = settle_dispatch(
        product=of, rule=under, dispatch=large, responses_milli_wh=tuple(factor * r for r in responses),
        event_orders_w=large.orders_w, customer_share_bps=share,
    )  # fmt: skip
    assert large_out.delivered_bps == small_out.delivered_bps
    assert [item.ratio_bps for item in large_out.periods] == [item.ratio_bps for item in small_out.periods]
    slack = factor * (len(called.orders_w) + 1)
    small, big = small_out.settled, large_out.settled
    assert 0 <= big.pay - factor * small.pay <= slack
    assert 0 <= big.availability - factor * small.availability <= slack
    assert 0 <= factor * small_out.penalty_uncapped - large_out.penalty_uncapped <= slack
    assert big.penalty + big.released == factor * (small.penalty + small.released)
