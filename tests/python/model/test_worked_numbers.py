"""The worked numbers of docs/settlement.md, read from the page and computed by the model."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from flexbond.model.baseline import response_milli_wh
from flexbond.model.lookback import PastMean, baseline_of, mean_of_days
from flexbond.model.sampling import bond_of, bond_parts, bond_share, draw, holds, line_length, points_of
from flexbond.model.settlement import (
    availability_per_unit,
    collateral_per_unit,
    curve_bps,
    period_outcome,
    settle_dispatch,
    share_of_response,
)
from flexbond.model.types import (
    Adjustment,
    BaselineMethod,
    Claim,
    ClampLevel,
    CurveKind,
    CurvePoint,
    DayClass,
    DaySelection,
    Direction,
    Leaf,
    Product,
    Rule,
)
from tests.python.model.strategies import dispatch, product, rule
from tests.support.lookbacks import day_class, lookback

PAGE = (Path(__file__).parents[3] / "docs/settlement.md").read_text(encoding="utf-8")
UNIT = 10**6
MW = 10**6
KWH = 10**6


def usef() -> tuple[Rule, Product]:
    """USEF's terms: 7 and 11 per MWh, uncapped deficiency, collateral at 15 000 bps."""
    under = rule(
        period_seconds=3600,
        baseline=BaselineMethod.NOMINATED,
        baseline_periods=0,
        clamp_level=ClampLevel.PORTFOLIO,
        deficiency_uncapped=True,
        collateral_bps=15_000,
    )
    return under, product(
        lot_w=MW, utilisation_per_mwh=7 * UNIT, shortfall_per_mwh=11 * UNIT, availability_per_mwhour=0
    )


def usef_rows() -> list[tuple[int, int, int, int]]:
    """Metered MW, pay, penalty and what the buyer pays, as the page prints them."""
    rows = re.findall(r"^\| (\d+) MW \| [^|]+ \| (\d+) \| (\d+) \| (-?\d+) \|$", PAGE, flags=re.MULTILINE)
    return [(int(a), int(b), int(c), int(d)) for a, b, c, d in rows]


def test_page_has_usefs_five_rows() -> None:
    """Given the page, when its USEF table is read, it has the five published rows."""
    assert [(row[0], row[3]) for row in usef_rows()] == [(7, 14), (8, 14), (9, -4), (10, -22), (11, -33)]


@pytest.mark.parametrize("row", usef_rows(), ids=lambda row: f"{row[0]}MW")
def test_usef_table(row: tuple[int, int, int, int]) -> None:
    """Given a row of USEF's table, when the model settles it, pay, penalty and net are those of the page."""
    under, of = usef()
    called = dispatch(units=2, orders_w=(2 * MW,))
    result = settle_dispatch(
        product=of,
        rule=under,
        dispatch=called,
        responses_milli_wh=((10 - row[0]) * 10**9,),
        event_orders_w=called.orders_w,
        customer_share_bps=0,
    ).settled
    assert (result.pay, result.penalty, result.pay - result.penalty) == tuple(UNIT * value for value in row[1:])
    assert result.penalty + result.released == 33 * UNIT


def test_two_buyers_share_what_was_delivered() -> None:
    """Given 20 and 10 kW called of a portfolio that delivers 15 kWh, when shared, each gets and pays half its order."""
    assert "Shares are `15 * 20 / 30 = 10` and `15 * 10 / 30 = 5` kWh" in PAGE
    assert share_of_response(15 * KWH, 20_000, 30_000) == 10 * KWH
    assert share_of_response(15 * KWH, 10_000, 30_000) == 5 * KWH
    under, of = rule(period_seconds=3600), product()
    for order in (20_000, 10_000):
        outcome = period_outcome(
            product=of,
            rule=under,
            period=0,
            order_w=order,
            event_order_w=30_000,
            response_milli_wh=15 * KWH,
            excused=False,
        )
        full = order * 1000 * of.utilisation_per_mwh // 10**9
        assert (outcome.ratio_bps, outcome.pay * 2) == (5000, full)


def test_clamp_levels() -> None:
    """Given meters 30 -> 40 and 50 -> 20, when clamped per device or per portfolio, 30 or 20 was delivered."""
    assert "`max(0, -10) + max(0, 30) = 30`" in PAGE
    assert "`-10 + 30 = 20`" in PAGE
    responses = [response_milli_wh(b, a, Direction.SHED, 30) for b, a in ((30, 40), (50, 20))]
    assert sum(max(0, response) for response in responses) == 30
    assert sum(responses) == 20


def test_availability_in_steps() -> None:
    """Given DS3's steps and 28.4 of 30 kWh, when read, 85 % of the availability is due."""
    assert "`floor(10^4 * 28.4 / 30) = 9 466` bps, so 85 %" in PAGE
    ratios, pays = (6000, 7000, 8000, 9000, 9500, 9700), (2500, 5000, 7000, 8500, 9500, 10_000)
    curve = tuple(CurvePoint(ratio_bps=r, pay_bps=p) for r, p in zip(ratios, pays, strict=True))
    assert 10_000 * 28_400_000 // 30_000_000 == 9466
    assert curve_bps(CurveKind.STEPS, curve, 9466) == 8500


def test_collateral_and_availability_of_a_lot() -> None:
    """Given a lot of 1 kW for two hours, when priced as on the page, its collateral and availability come out."""
    of = product(
        window_end=product().window_start + 7200,
        shortfall_per_mwh=300 * UNIT,
        availability_per_mwhour=8 * UNIT,
    )
    assert "= 600 000` base units (0.60 USDC)" in PAGE
    assert "= 16 000` base units (0.016 USDC)" in PAGE
    assert collateral_per_unit(of, 10_000) == 600_000
    assert availability_per_unit(of) == 16_000


# ------------------------------------------------------------------ baselines from past days


def mean_of(one: DayClass, direction: Direction, days: list[int | None]) -> int:
    """The baseline of one period from its energies on past days, newest first, without adjustment."""
    past = mean_of_days(
        day_class=one, direction=direction, window=[(value,) for value in days], adjusting=[()] * len(days)
    )
    assert past is not None
    (baseline,) = baseline_of(lookback(), direction, past, ())
    return baseline


@pytest.mark.parametrize(
    ("said", "days", "direction", "expected"),
    [
        ("`floor(51 / 2) = 25`", [10, 30, 21], Direction.SHED, 25),
        ("`ceil(51 / 2) = 26`", [10, 30, 21], Direction.ABSORB, 26),
        ("`floor(-31 / 2) = -16`", [-10, -30, -21], Direction.SHED, -16),
        ("`ceil(-31 / 2) = -15`", [-10, -30, -21], Direction.ABSORB, -15),
    ],
)
def test_high_two_of_three(said: str, days: list[int | None], direction: Direction, expected: int) -> None:
    """Given the page's three days, the mean of the highest two is as it says."""
    assert said in PAGE
    assert mean_of(day_class(x=2, y=3), direction, days) == expected


def test_middle_two_of_five() -> None:
    """Given the page's five days, each direction drops its own."""
    assert "which leaves 30 and 20, mean 25" in PAGE
    assert "which leaves 40 and 30, mean 35" in PAGE
    middle = day_class(selection=DaySelection.MID, x=2, y=5)
    assert mean_of(middle, Direction.SHED, [20, 50, 30, 40, 10]) == 25
    assert mean_of(middle, Direction.ABSORB, [20, 50, 30, 40, 10]) == 35


def test_adjusted_and_capped() -> None:
    """Given the page's two days and morning, both adjustments give 135.5, and the cap its bound."""
    for said in (
        "`(2 * 300 + 2 * 271 - 600) / 4 = 135.5`",
        "`300 * 271 / 600 = 135.5`",
        "142 for Shed\nand 143 for Absorb",
    ):
        assert said in PAGE
    past = PastMean(complete=(True, True), chosen=(0, 1), sums=(300,), adjustment_sum=600)
    for kind in (Adjustment.ADDITIVE, Adjustment.MULTIPLICATIVE):
        for cap, expected in ((0, (135, 136)), (500, (142, 143))):
            of = lookback(adjustment=kind, adjustment_periods=2, adjustment_cap_bps=cap)
            found = [baseline_of(of, direction, past, (130, 141)) for direction in Direction]
            assert tuple(value for (value,) in found) == expected


def test_hiding_a_day() -> None:
    """Given the page's ten days, hiding the first gives 136 instead of 128 where five complete days are enough."""
    assert "have the mean 128" in PAGE
    assert "100, and the mean is 136" in PAGE
    days: list[int | None] = [20, *range(100, 190, 10)]
    enough = day_class(x=10, y=10, min_days=5)
    assert mean_of(enough, Direction.SHED, days) == 128
    assert mean_of(enough, Direction.SHED, [None, *days[1:]]) == 136
    silent = mean_of_days(
        day_class=day_class(x=10, y=10),
        direction=Direction.SHED,
        window=[(None,), *((value,) for value in days[1:])],
        adjusting=[()] * 10,
    )
    assert silent is None


# ------------------------------------------------------------------ one submission for a whole fleet


def fleet_rows() -> list[list[int]]:
    """Home, then entry and prefix of both periods and of the weight, as the page prints them."""
    cells = r" \| (\d+)" * 6
    rows = re.findall(rf"^\| (\d)(?: \(silent\))?{cells} \|$", PAGE, flags=re.MULTILINE)
    return [list(map(int, row)) for row in rows]


def leaf_of(row: list[int]) -> Leaf:
    """A row of the page as a leaf."""
    first, second, weight = (entry << 128 | prefix for entry, prefix in zip(row[1::2], row[2::2], strict=True))
    columns = first.to_bytes(32, "big") + second.to_bytes(32, "big")
    return Leaf(place=row[0], weight_word=weight, columns=columns, path=())


def test_the_fleets_prefixes_add_up() -> None:
    """Given the page's five homes, each prefix is the sum so far, and each weight the sum of its periods."""
    rows = fleet_rows()
    assert [row[0] for row in rows] == [0, 1, 2, 3, 4]
    for column in (1, 3, 5):
        entries = [row[column] for row in rows]
        assert [row[column + 1] for row in rows] == [sum(entries[: place + 1]) for place in range(5)]
    assert all(row[1] + row[3] == row[5] for row in rows)


def test_three_points_on_the_fleets_line() -> None:
    """Given the page's line and seed, its points lie where it says, and only the leaves that it names hold them."""
    rows = fleet_rows()
    claim = Claim(root=bytes(32), columns=(rows[-1][2], rows[-1][4]), weight=rows[-1][6], energies_hash=bytes(32))
    said = f"The line is `10 + 10 + 20 = {line_length(claim)}` long; its three parts are `[0, 13)`, `[13, 26)` and `[26, 40)`"
    assert said in PAGE
    assert "With the seed 33 the points are" in PAGE
    assert points_of(claim, 3) == 3
    table = re.findall(
        r"^\| (\d) \| (\d+) \| (period 1|period 2|weight) \| (\d+) \| (\d) \|$", PAGE, flags=re.MULTILINE
    )
    starts = {"period 1": 0, "period 2": 10, "weight": 20}
    drawn = draw(claim, 33, 3)
    assert [(list(starts).index(name), int(at)) for _, _, name, at, _ in table] == drawn
    assert [int(on) for _, on, *_ in table] == [starts[name] + int(at) for _, _, name, at, _ in table]
    for (column, at), (*_, holder) in zip(drawn, table, strict=True):
        assert [row[0] for row in rows if holds(leaf_of(row), column, at)] == [int(holder)]


def test_a_bare_sixth_of_the_line() -> None:
    """Given the page's false totals, a sixth of the line is bare, and three points miss it as often as it says."""
    assert "Had totals of 14, 10 and 24 been claimed" in PAGE
    assert "`(5 / 6)^3 = 57.9 %`" in PAGE
    false = Claim(root=bytes(32), columns=(14, 10), weight=24, energies_hash=bytes(32))
    assert (line_length(false), (14 - 10) + (24 - 20)) == (48, 48 // 6)
    assert round(1000 * (5 / 6) ** 3) == 579


def test_a_lost_bond() -> None:
    """Given the page's capacity, price and shares, the bond is divided as it says."""
    assert "= 1 562 500` base units" in PAGE
    assert "the challenger gets 390 625, and the buyers 1 171 875" in PAGE
    assert "get 781 250 and 390 625" in PAGE
    bond = bond_of(25_000, 62_500_000)
    assert (bond, bond_parts(bond, 2_500)) == (1_562_500, (390_625, 1_171_875))
    assert [bond_share(1_171_875, own, 3_000) for own in (2_000, 1_000)] == [781_250, 390_625]
