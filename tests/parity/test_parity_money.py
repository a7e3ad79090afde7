"""The money of a dispatch, in the contracts' library and in the model."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flexbond.model.settlement import (
    availability_per_unit,
    collateral_per_unit,
    curve_bps,
    energy_milli_wh,
    is_whole_milli_wh,
    owed_for,
    period_outcome,
    settle_dispatch,
    share_of_response,
    utilisation_most,
)
from flexbond.model.types import BPS, CurveKind, CurvePoint, Dispatch, Funding, Product, Rule
from tests.python.model.strategies import cases, curves, product, rule, rules
from tests.support.evm import ANYONE, Contract, Evm

Case = tuple[Rule, Product, Dispatch, tuple[int, ...], tuple[int, ...], int]
generated = settings(max_examples=200, suppress_health_check=[HealthCheck.too_slow])


@pytest.fixture(scope="module")
def maths() -> Contract:
    """The library, callable."""
    return Evm().deploy("SettlementMathHarness", sender=ANYONE)


@generated
@given(case=cases(), measured=st.booleans())
def test_dispatch(maths: Contract, case: Case, measured: bool) -> None:
    """Given any dispatch, measured or not, both end it alike; the contract leaves the utilisation's refund to its caller."""
    under, of, called, responses, all_orders, share = case
    model = settle_dispatch(
        product=of,
        rule=under,
        dispatch=called,
        responses_milli_wh=responses if measured else None,
        event_orders_w=all_orders,
        customer_share_bps=share,
    ).settled
    if measured:
        totals = [total if own else 0 for total, own in zip(all_orders, called.orders_w, strict=True)]
        chain = maths.settleMeasured.call(under, of, called, responses, totals, share)
    else:
        chain = maths.settleUnmeasured.call(under, of, called, share)
    assert chain == replace(model, utilisation_refund=0)
    if under.funding is Funding.ESCROWED:
        locked = maths.utilisationLimit.call(under, of, called.orders_w)
        assert locked == utilisation_most(of, under, called.orders_w) == model.pay + model.utilisation_refund


@generated
@given(case=cases(), data=st.data())
def test_period(maths: Contract, case: Case, data: st.DataObject) -> None:
    """Given any order and response in a period, both give the same energy, pay and penalty."""
    under, of, _called, _responses, _orders, _share = case
    order = 18 * data.draw(st.integers(1, 10**6))
    energy = energy_milli_wh(order, under.period_seconds)
    response = data.draw(st.integers(-3 * energy, 3 * energy))
    model = period_outcome(
        product=of, rule=under, period=0, order_w=order, event_order_w=order, response_milli_wh=response, excused=False
    )
    chain = maths.period.call(under, of, energy, response)
    assert tuple(chain) == (model.delivered, min(model.delivered, energy), model.pay, model.penalty)
    assert maths.energyDown.call(order, under.period_seconds) == energy


@generated
@given(curve=curves(), kind=st.sampled_from(CurveKind), ratio=st.integers(0, BPS))
def test_curve(maths: Contract, curve: tuple[CurvePoint, ...], kind: CurveKind, ratio: int) -> None:
    """Given any curve and ratio, both read the same payment."""
    assert maths.curveDown.call(kind, curve, ratio) == curve_bps(kind, curve, ratio)


@generated
@given(
    under=rules(),
    prices=st.tuples(*[st.integers(0, 2**96 - 1)] * 2),
    lot=st.integers(1, 2**32 - 1),
    periods=st.integers(1, 96),
)
def test_locks_of_a_unit(maths: Contract, under: Rule, prices: tuple[int, int], lot: int, periods: int) -> None:
    """Given any lot, window and prices, both lock the same for a unit."""
    start = product().window_start
    end = start + periods * under.period_seconds
    of = product(window_end=end, lot_w=lot, availability_per_mwhour=prices[0], shortfall_per_mwh=prices[1])
    assert maths.collateralPerUnitUp.call(of, under.collateral_bps) == collateral_per_unit(of, under.collateral_bps)
    assert maths.availabilityPerUnitDown.call(of) == availability_per_unit(of)
    assert maths.isWholeMilliWh.call(lot, under.period_seconds) == is_whole_milli_wh(lot, under.period_seconds)


@generated
@given(response=st.integers(-(2**127), 2**127 - 1), order=st.integers(1, 2**40 - 1), others=st.integers(0, 2**39))
def test_share_of_response(maths: Contract, response: int, order: int, others: int) -> None:
    """Given any response and orders, both give a dispatch the same share, rounded toward minus infinity."""
    chain = maths.responseShareDown.call(response, order, order + others)
    assert chain == share_of_response(response, order, order + others)


@generated
@given(under=rules(), ordered=st.integers(0, 10**12), data=st.data())
def test_tolerance(maths: Contract, under: Rule, ordered: int, data: st.DataObject) -> None:
    """Given any deficiency, both deduct the same tolerance."""
    deficiency = data.draw(st.integers(0, 2 * ordered))
    assert maths.beyondTolerance.call(under, product(), deficiency, ordered) == owed_for(under, ordered, deficiency)


@pytest.mark.parametrize("metered", [7, 8, 9, 10, 11])
def test_usef_table(maths: Contract, metered: int) -> None:
    """Given USEF's table, the contracts' library gives the published sums: 14, 14, -4, -22, -33."""
    under = rule(period_seconds=3600, deficiency_uncapped=True, collateral_bps=15_000)
    of = product(lot_w=10**6, utilisation_per_mwh=7_000_000, shortfall_per_mwh=11_000_000, availability_per_mwhour=0)
    called = Dispatch.from_tuple((bytes(32), of.provider, 2, 0, 0, 0, [2 * 10**6], 0, False))
    result = maths.settleMeasured.call(under, of, called, [(10 - metered) * 10**9], [2 * 10**6], 0)
    assert result.pay - result.penalty == {7: 14, 8: 14, 9: -4, 10: -22, 11: -33}[metered] * 10**6
