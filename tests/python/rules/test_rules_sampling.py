"""How a bond is chosen: no lie pays under the least one, by brute force and by the model's own settlement."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from flexbond.model.rounding import div_down, div_up
from flexbond.model.sampling import line_length, weight_scale
from flexbond.model.settlement import MILLI_WH_PER_MWH, settle_dispatch
from flexbond.model.types import (
    BPS,
    BaselineMethod,
    Claim,
    ClampLevel,
    CurveKind,
    CurvePoint,
    PayBase,
    Rule,
    ToleranceKind,
)
from flexbond.rules.errors import SamplingError
from flexbond.rules.sampling import (
    Stakes,
    blind_share,
    escape,
    gain_per_mwh,
    least_bond,
    least_bond_per_mw,
    line_milli_wh,
    points_for,
    step_gain,
)
from tests.python.model.fleets import Fleet, fleets
from tests.python.model.strategies import curves, dispatch, product, rule

USDC = 10**6
MW, HOUR = 10**6, 3_600
EVENING = Stakes(
    capacity_w=5 * MW,
    connection_w=11 * MW,
    window_seconds=2 * HOUR,
    utilisation_per_mwh=200 * USDC,
    shortfall_per_mwh=300 * USDC,
)
RISING = (CurvePoint(ratio_bps=0, pay_bps=0), CurvePoint(ratio_bps=BPS, pay_bps=BPS))
STAIRS = tuple(CurvePoint(ratio_bps=r, pay_bps=p) for r, p in ((6_000, 2_500), (8_000, 7_000), (9_500, BPS)))
SHARES = [Fraction(1, 10**power) for power in range(2, 10)] + [Fraction(n, 64) for n in range(1, 64)]
"""of the line, up to nearly all of it"""


def sampled(points: int = 64, share_bps: int = 0, **changes: object) -> Rule:
    """A rule that draws."""
    given_: dict[str, object] = {
        "spot_checks": points,
        "draw_delay": 65,
        "challenge_window": 2 * 86_400,
        "demand_fee": 1,
        "bond_per_mw": 1,
        "challenger_share_bps": share_bps,
    }
    return rule(**{**given_, **changes})


def expected_gain(under: Rule, stakes: Stakes, bond: int, share: Fraction, *, step: int = 0) -> Fraction:
    """What a lie of this share brings on average: as much as the line can hold, for the whole gain of each mWh."""
    line = line_milli_wh(under, stakes)
    false = min(Fraction(line), line * share / (1 - share))
    gain = false * gain_per_mwh(under, stakes) / MILLI_WH_PER_MWH + step
    producer = Fraction(stakes.producer_bps, BPS)
    survives = producer + (1 - producer) * escape(under.spot_checks, share)
    return survives * gain - (1 - survives) * (bond - div_down(bond * under.challenger_share_bps, BPS))


# ------------------------------------------------------------------ draws


def test_draws_by_number() -> None:
    """Given the rules of thumb of auditors, they come out: three over the share for 95 %, 4.6 over it for 99 %."""
    percent = Fraction(1, 100)
    assert [points_for(n * percent, 5 * percent) for n in (1, 2, 3, 5, 10, 20)] == [299, 149, 99, 59, 29, 14]
    assert [points_for(n * percent, percent) for n in (1, 5, 20)] == [459, 90, 21]
    assert (points_for(Fraction(1), percent), points_for(percent, Fraction(1))) == (1, 0)
    assert points_for(Fraction(1, 2), Fraction(1, 1024)) == 10
    assert escape(64, 5 * percent) == Fraction(19, 20) ** 64


@given(st.integers(1, 10**4), st.integers(1, 10**4))
def test_points_for_is_the_least_number(share_bps: int, risk_bps: int) -> None:
    """Given a share and a risk, that many points keep it and one less does not."""
    share, risk = Fraction(share_bps, BPS), Fraction(risk_bps, BPS)
    points = points_for(share, risk)
    scale = 1 << 200  # so that the numbers stay small; both ways rounded against the claim
    left, over = scale, scale
    for _ in range(points - 1):
        over = over * (BPS - share_bps) // BPS
    for _ in range(points):
        left = div_up(left * (BPS - share_bps), BPS)
    assert left <= scale * risk + points
    assert points == 0 or over + points > scale * risk


# ------------------------------------------------------------------ no lie pays


@pytest.mark.parametrize("points", [1, 2, 3, 8, 64, 256])
@pytest.mark.parametrize("share_bps", [0, 5_000])
@pytest.mark.parametrize("producer_bps", [0, 1, 100, 2_000])
def test_no_lie_pays_under_the_least_bond(points: int, share_bps: int, producer_bps: int) -> None:
    """Given the least bond, every share of the line has an expected gain of at most nothing."""
    stakes = replace(EVENING, producer_bps=producer_bps)
    under = sampled(points, share_bps)
    bond = least_bond(under, stakes)
    assert all(expected_gain(under, stakes, bond, share) <= 0 for share in SHARES)


@pytest.mark.parametrize("points", [8, 64, 256])
def test_the_least_bond_is_needed(points: int) -> None:
    """Given a hundredth less, a small enough lie pays: the smallest is the worst."""
    under = sampled(points, 5_000)
    bond = least_bond(under, EVENING)
    paying = [share for share in SHARES if expected_gain(under, EVENING, bond - bond // 100, share) > 0]
    assert paying
    assert max(paying) <= Fraction(1, points)


def test_the_evening_of_the_page() -> None:
    """Given a thousand homes of 5 kW for two hours at 200 and 300 per MWh, the bond is the line's value by each point."""
    for points, bond in ((8, 1_250), (16, 625), (64, 156.25), (256, 39.0625)):
        assert least_bond(sampled(points), EVENING) == bond * USDC
        assert least_bond(sampled(points, 5_000), EVENING) == 2 * bond * USDC
        assert least_bond_per_mw(sampled(points, 5_000), EVENING) == 2 * bond * USDC / 5
    assert line_milli_wh(sampled(), EVENING) == 20 * MILLI_WH_PER_MWH
    assert gain_per_mwh(sampled(), EVENING) == 500 * USDC
    # One block in a hundred in the wrong hands adds a hundredth and a bit of the line's value.
    assert least_bond(sampled(), replace(EVENING, producer_bps=100)) == div_up(10_000 * USDC * (99 + 64), 99 * 64)


def test_longer_lines() -> None:
    """Given clamps and baselines, the line is as long as connections or capacities allow."""
    portfolio = sampled(clamp_level=ClampLevel.PORTFOLIO)
    whole = sampled(clamp_level=ClampLevel.PORTFOLIO, baseline=BaselineMethod.NOMINATED, baseline_periods=0)
    assert line_milli_wh(portfolio, EVENING) == 30 * MILLI_WH_PER_MWH
    assert line_milli_wh(whole, EVENING) == (44 + 10) * MILLI_WH_PER_MWH


@given(fleets())
@settings(max_examples=200)
def test_no_true_line_is_longer(fleet: Fleet) -> None:
    """Given any fleet, what it measures makes no longer line, in the unit of its columns."""
    totals = fleet.measured().totals
    claim = Claim(root=bytes(32), weight=totals.weight, columns=totals.columns, energies_hash=bytes(32))
    seconds = len(totals.columns) * fleet.rule.period_seconds
    stakes = replace(
        EVENING,
        capacity_w=sum(place.capacity_w for place in fleet.entries),
        connection_w=sum(place.connection_w for place in fleet.entries),
        window_seconds=seconds,
    )
    unit = 1 if fleet.rule.clamp_level is ClampLevel.DEVICE else 3_600
    scale = weight_scale(fleet.rule, len(totals.columns))
    assert line_length(claim, scale) <= line_milli_wh(fleet.rule, stakes) * unit


@st.composite
def settlements(draw: st.DrawFn) -> tuple[Rule, Stakes, list[int], list[int], list[int]]:
    """A rule, what is at stake, orders, and a true and a claimed response of each period that says no less."""
    under = sampled(
        pay_base=draw(st.sampled_from(PayBase)),
        over_delivery_cap_bps=draw(st.integers(BPS, 2 * BPS)),
        pay_curve_kind=draw(st.sampled_from(CurveKind)),
        pay_curve=draw(curves()),
        tolerance_kind=draw(st.sampled_from(ToleranceKind)),
        tolerance_bps=draw(st.integers(0, BPS)),
        deficiency_uncapped=draw(st.booleans()),
        stop_loss_bps=draw(st.integers(0, BPS)),
        collateral_bps=draw(st.integers(1, 10 * BPS)),
        availability_curve_kind=draw(st.sampled_from(CurveKind)),
        availability_curve=draw(curves()),
    )
    units = draw(st.integers(1, 50))
    orders = draw(st.lists(st.integers(0, units).map(lambda n: n * 1_000), min_size=4, max_size=4))
    assume(any(orders))
    most = units * 1_000 * 250  # a quarter of an hour, mWh
    true = draw(st.lists(st.integers(-most, 2 * most), min_size=4, max_size=4))
    false = draw(st.lists(st.one_of(st.integers(0, 10), st.integers(0, 2 * most)), min_size=4, max_size=4))
    stakes = Stakes(
        capacity_w=units * 1_000,
        connection_w=0,
        window_seconds=HOUR,
        utilisation_per_mwh=draw(st.integers(0, 500 * USDC)),
        shortfall_per_mwh=draw(st.integers(0, 500 * USDC)),
        availability_per_mwhour=draw(st.integers(0, 50 * USDC)),
        ordered_bps=max(1, div_down(sum(orders) * BPS, 4 * units * 1_000)),
    )
    return under, stakes, orders, true, false


@given(settlements())
@settings(max_examples=250)
def test_no_settlement_gains_more_from_a_lie(case: tuple[Rule, Stakes, list[int], list[int], list[int]]) -> None:
    """Given any rule, order and response, a lie brings at most its energy at the rule's gain, and one step."""
    under, stakes, orders, true, false = case
    assume(sum(orders) * BPS >= stakes.ordered_bps * 4 * stakes.capacity_w)
    sold = product(
        utilisation_per_mwh=stakes.utilisation_per_mwh,
        shortfall_per_mwh=stakes.shortfall_per_mwh,
        availability_per_mwhour=stakes.availability_per_mwhour,
    )

    def earned(responses: list[int]) -> int:
        outcome = settle_dispatch(
            product=sold,
            rule=under,
            dispatch=dispatch(units=stakes.capacity_w // 1_000, orders_w=tuple(orders)),
            responses_milli_wh=responses,
            event_orders_w=orders,
            customer_share_bps=0,
        )
        return outcome.settled.pay + outcome.settled.availability - outcome.settled.penalty

    claimed = [response + more for response, more in zip(true, false, strict=True)]
    energy = sum(more for more, order in zip(false, orders, strict=True) if order)
    most = div_up(energy * gain_per_mwh(under, stakes), MILLI_WH_PER_MWH) + step_gain(under, stakes)
    assert earned(claimed) - earned(true) <= most + 2 * len(orders) + 1  # base units, rounded each


# ------------------------------------------------------------------ steps


@pytest.mark.parametrize(
    ("changes", "per_mwh", "step"),
    [
        ({}, 500, 0),
        ({"pay_base": PayBase.ORDERED, "pay_curve_kind": CurveKind.LINEAR, "pay_curve": RISING}, 500, Fraction(4, 10)),
        ({"pay_curve_kind": CurveKind.LINEAR, "pay_curve": RISING}, 700, Fraction(4, 10)),
        ({"pay_base": PayBase.ORDERED, "pay_curve": STAIRS}, 200 * Fraction(9, 4) + 300, 900),
        ({"tolerance_kind": ToleranceKind.THRESHOLD, "tolerance_bps": 1_000}, 500, 300),
    ],
)
def test_gains_of_curves(changes: dict[str, object], per_mwh: Fraction, step: Fraction) -> None:
    """Given curves, the gain is their steepest rise, and a step what they rise at once, over 10 MWh."""
    under = sampled(**changes)
    assert gain_per_mwh(under, EVENING) == per_mwh * USDC
    assert step_gain(under, EVENING) == step * USDC


def test_availability_weighs_more_on_small_orders() -> None:
    """Given availability that rises with delivery, a tenth of the order earns ten times as much of it for each MWh."""
    under = sampled(availability_curve_kind=CurveKind.LINEAR, availability_curve=RISING)
    stakes = replace(EVENING, availability_per_mwhour=8 * USDC)
    assert gain_per_mwh(under, stakes) == 508 * USDC
    assert gain_per_mwh(under, replace(stakes, ordered_bps=1_000)) == 580 * USDC


@pytest.mark.parametrize("producer_bps", [0, 100])
def test_beyond_the_blind_share_no_lie_over_a_step_pays(producer_bps: int) -> None:
    """Given steps and a bond above the least, a lie over one pays at most below the blind share, and less bond sees less."""
    stakes = replace(EVENING, producer_bps=producer_bps)
    under = sampled(64, 5_000, pay_curve=STAIRS)
    step, least = step_gain(under, stakes), least_bond(under, stakes)
    blind = [blind_share(under, stakes, least * factor) for factor in (1, 2, 4, 8)]
    assert blind[0] == 1
    assert all(more > less for more, less in pairwise(blind) if more < 1)
    for factor, edge in zip((2, 4, 8), blind[1:], strict=True):
        assert all(
            expected_gain(under, stakes, least * factor, share, step=step) <= 0 for share in SHARES if share >= edge
        )
    assert expected_gain(under, stakes, least * 8, Fraction(1, 10**9), step=step) > 0


def test_without_steps_nothing_is_blind() -> None:
    """Given a rule without steps, the least bond sees every lie; a smaller one none for sure."""
    under = sampled()
    assert blind_share(under, EVENING, least_bond(under, EVENING)) == 0
    assert blind_share(under, EVENING, least_bond(under, EVENING) - 1) == 1


# ------------------------------------------------------------------ errors


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"capacity_w": 0}, "capacity_w is 0"),
        ({"window_seconds": -1}, "window_seconds is -1"),
        ({"connection_w": -1}, "never negative"),
        ({"utilisation_per_mwh": -1}, "never negative"),
        ({"ordered_bps": BPS + 1}, "at most 10000"),
        ({"producer_bps": 5_001}, "0 to 5000"),
    ],
)
def test_stakes_that_cannot_be(changes: dict[str, int], said: str) -> None:
    """Given stakes that cannot be, they are refused with their name."""
    with pytest.raises(SamplingError, match=said):
        replace(EVENING, **changes)


def test_what_has_no_answer() -> None:
    """Given no draws, or shares that are none, it is said what to do."""
    with pytest.raises(SamplingError, match="Set spot_checks"):
        least_bond(sampled(0), EVENING)
    for share, risk in ((Fraction(0), Fraction(1, 2)), (Fraction(1, 2), Fraction(0)), (Fraction(1, 2), Fraction(2))):
        with pytest.raises(SamplingError, match="takes every leaf"):
            points_for(share, risk)
    with pytest.raises(SamplingError, match="is no share"):
        escape(8, Fraction(3, 2))
    with pytest.raises(SamplingError, match="More than 1048576 points"):
        points_for(Fraction(1, 10**7), Fraction(1, 10))
