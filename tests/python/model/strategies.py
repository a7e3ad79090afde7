"""Generated rules, products and dispatches that the contracts would accept."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import strategies as st

from flexbond.model.rules import HOLIDAYS_ONLY
from flexbond.model.types import (
    BPS,
    Adjustment,
    BaselineMethod,
    ClampLevel,
    CurveKind,
    CurvePoint,
    DayClass,
    DaySelection,
    DeviceKind,
    Direction,
    Dispatch,
    DispatchKind,
    Funding,
    Lookback,
    PayBase,
    Product,
    Rule,
    ToleranceKind,
)

CURRENCY = "0x" + 40 * "c"
PROVIDER = "0x" + 40 * "a"
HOLDER = "0x" + 40 * "b"
UNCLAIMED = "0x" + 40 * "d"
PORTFOLIO = b"\x11" * 32
ZONE = b"\x22" * 32
MIDNIGHT = 1_699_920_000
"""a start of a day, UTC seconds"""
PERIODS = (60, 300, 900, 1800, 3600)

addresses = st.binary(min_size=20, max_size=20).map(lambda raw: "0x" + raw.hex())
hashes = st.binary(min_size=32, max_size=32)


@st.composite
def curves(draw: st.DrawFn) -> tuple[CurvePoint, ...]:
    """Points as the Rulebook takes them."""
    ratios = sorted(draw(st.sets(st.integers(0, BPS), min_size=1, max_size=16)))
    pays = sorted(draw(st.lists(st.integers(0, BPS), min_size=len(ratios), max_size=len(ratios))))
    return tuple(CurvePoint(ratio_bps=r, pay_bps=p) for r, p in zip(ratios, pays, strict=True))


def rule(**changes: object) -> Rule:
    """A plain rule: delivered energy paid in full, no tolerance, quarter hours."""
    full = (CurvePoint(ratio_bps=0, pay_bps=BPS),)
    given: dict[str, object] = {
        "period_seconds": 900,
        "currency": CURRENCY,
        "baseline": BaselineMethod.METER_BEFORE,
        "baseline_periods": 4,
        "clamp_level": ClampLevel.DEVICE,
        "estimated_allowed": False,
        "min_assurance": DeviceKind.DATA_COLLECTOR,
        "pay_base": PayBase.DELIVERED,
        "over_delivery_cap_bps": BPS,
        "pay_curve_kind": CurveKind.STEPS,
        "pay_curve": full,
        "tolerance_kind": ToleranceKind.DEDUCTIBLE,
        "tolerance_bps": 0,
        "deficiency_uncapped": False,
        "stop_loss_bps": BPS,
        "collateral_bps": BPS,
        "availability_curve_kind": CurveKind.STEPS,
        "availability_curve": full,
        "min_dispatch_bps": 1,
        "min_customer_share_bps": 0,
        "funding": Funding.ESCROWED,
        "unclaimed_to": UNCLAIMED,
        "gate_seconds": 7200,
        "reading_deadline": 3600,
        "submission_deadline": 7200,
        "proof_window": 86_400,
        "collect_period": 30 * 86_400,
        "spot_checks": 2**20,
    }
    return Rule(**{**given, **changes})  # type: ignore[arg-type]


@st.composite
def rules(draw: st.DrawFn) -> Rule:
    """Any rule that can be published without a look-back."""
    baseline = draw(st.sampled_from(sorted(set(BaselineMethod) - {BaselineMethod.X_OF_Y})))
    device = baseline is BaselineMethod.METER_BEFORE
    reading = draw(st.integers(0, 60 * 86_400 - 1))
    proving = draw(st.integers(3600, 60 * 86_400 - 1))
    sampled = draw(sampling(proving) | st.just({"spot_checks": draw(st.integers(1, 2**20))}))
    return rule(
        period_seconds=draw(st.sampled_from(PERIODS)),
        baseline=baseline,
        baseline_periods=draw(st.integers(1, 8)) if device else 0,
        clamp_level=draw(st.sampled_from(ClampLevel)) if device else ClampLevel.PORTFOLIO,
        estimated_allowed=draw(st.booleans()),
        min_assurance=draw(st.sampled_from(DeviceKind)),
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
        min_dispatch_bps=draw(st.integers(1, BPS)),
        min_customer_share_bps=draw(st.integers(0, BPS)),
        funding=draw(st.sampled_from(Funding)),
        gate_seconds=draw(st.integers(1, 7 * 86_400)),
        reading_deadline=reading,
        submission_deadline=draw(st.integers(reading + 1, 60 * 86_400)),
        proof_window=proving,
        collect_period=draw(st.integers(30 * 86_400, 3650 * 86_400)),
        **sampled,
    )


def sampling(proof_window: int) -> st.SearchStrategy[dict[str, int]]:
    """How submissions are checked under any rule with this proof window, in seconds, that does not have every leaf proven."""
    return st.fixed_dictionaries(
        {
            "spot_checks": st.integers(0, 2**20),
            "draw_delay": st.integers(1, 200),
            "challenge_window": st.integers(proof_window + 1, 60 * 86_400),
            "max_demands": st.integers(0, 255),
            "demand_fee": st.integers(1, 2**96 - 1),
            "bond_per_mw": st.integers(1, 2**96 - 1),
            "challenger_share_bps": st.integers(0, BPS // 2),
        }
    )


@st.composite
def lookbacks(draw: st.DrawFn, *, calendar_id: bytes, period_seconds: int) -> Lookback:
    """Any look-back that can be published with a rule of this period, on this calendar."""
    length = draw(st.integers(1, 120))
    excluded = draw(st.integers(0, length))
    eligible = draw(st.booleans())
    classes = []
    for kinds in _partition(draw(st.permutations(range(8))), draw(st.sets(st.integers(1, 7)))):
        if kinds == HOLIDAYS_ONLY:
            eligible = True
        y = draw(st.integers(1, min(20, length)))
        classes.append(
            DayClass(
                kinds=kinds,
                selection=draw(st.sampled_from(DaySelection)),
                x=draw(st.integers(1, y)),
                y=y,
                min_days=draw(st.integers(1, y)),
            )
        )
    adjustment = draw(st.sampled_from(Adjustment))
    adjusted = adjustment is not Adjustment.NONE
    day = 86_400 // period_seconds
    return Lookback(
        calendar_id=calendar_id,
        classes=tuple(classes),
        holidays_eligible=eligible,
        look_back_days=length,
        max_excluded_days=excluded,
        min_event_bps=draw(st.integers(1 if excluded else 0, BPS)),
        adjustment=adjustment,
        adjustment_periods=draw(st.integers(1, min(96, day))) if adjusted else 0,
        adjustment_lead=draw(st.integers(0, day)) * period_seconds if adjusted else 0,
        adjustment_cap_bps=draw(st.integers(0, 10 * BPS)) if adjusted else 0,
    )


def _partition(order: list[int], cuts: set[int]) -> list[int]:
    """Bits in this order, cut at these places: the bits of each part."""
    ends = [0, *sorted(cuts), len(order)]
    return [sum(1 << bit for bit in order[first:last]) for first, last in pairwise(ends)]


def product(**changes: object) -> Product:
    """A plain product: one hour of Shed in lots of 1 kW."""
    given: dict[str, object] = {
        "provider": PROVIDER,
        "portfolio_id": PORTFOLIO,
        "zone": ZONE,
        "direction": Direction.SHED,
        "window_start": MIDNIGHT,
        "window_end": MIDNIGHT + 3600,
        "notice_seconds": 1800,
        "ramp_seconds": 300,
        "min_run_seconds": 0,
        "max_run_seconds": 86_400,
        "lot_w": 1000,
        "availability_per_mwhour": 7_000_000,
        "utilisation_per_mwh": 220_000_000,
        "shortfall_per_mwh": 300_000_000,
        "currency": CURRENCY,
        "rule_id": bytes(32),
        "transferable": True,
    }
    return Product(**{**given, **changes})  # type: ignore[arg-type]


@st.composite
def products(draw: st.DrawFn, under: Rule, *, periods: int | None = None) -> Product:
    """A product that fits the rule."""
    count = periods or draw(st.integers(1, 6))
    start = MIDNIGHT + under.period_seconds * draw(st.integers(0, 20))
    return product(
        direction=draw(st.sampled_from(Direction)),
        window_start=start,
        window_end=start + count * under.period_seconds,
        lot_w=18 * draw(st.integers(1, 10_000)),
        availability_per_mwhour=draw(st.integers(0, 10**12)),
        utilisation_per_mwh=draw(st.integers(0, 10**12)),
        shortfall_per_mwh=draw(st.integers(0, 10**12)),
        reference_w=draw(st.integers(-(10**7), 10**7)) if under.baseline is BaselineMethod.REFERENCE_LEVEL else 0,
    )


def dispatch(**changes: object) -> Dispatch:
    """A plain dispatch of one unit for four periods."""
    given: dict[str, object] = {
        "right_id": bytes(32),
        "holder": HOLDER,
        "units": 1,
        "number": 0,
        "kind": DispatchKind.LIVE,
        "notice_at": MIDNIGHT - 7200,
        "orders_w": (1000, 1000, 1000, 1000),
        "excused_mask": 0,
    }
    return Dispatch(**{**given, **changes})  # type: ignore[arg-type]


@st.composite
def dispatches(draw: st.DrawFn, under: Rule, of: Product) -> Dispatch:
    """A dispatch of the product: at most its units in each period, possibly nothing left of it."""
    periods = (of.window_end - of.window_start) // under.period_seconds
    units = draw(st.integers(1, 500))
    orders = draw(st.lists(st.integers(0, units * of.lot_w // 18), min_size=periods, max_size=periods))
    return dispatch(
        units=units,
        number=draw(st.integers(0, 99)),
        kind=draw(st.sampled_from(DispatchKind)),
        orders_w=tuple(18 * order for order in orders),
        excused_mask=draw(st.integers(0, 2**periods - 1)),
    )


@st.composite
def cases(draw: st.DrawFn) -> tuple[Rule, Product, Dispatch, tuple[int, ...], tuple[int, ...], int]:
    """Rule, product, dispatch, responses, what the whole event ordered, customers' share."""
    under = draw(rules())
    of = draw(products(under))
    called = draw(dispatches(under, of))
    others = draw(st.lists(st.integers(0, 10**6), min_size=len(called.orders_w), max_size=len(called.orders_w)))
    all_orders = tuple(own + 18 * other for own, other in zip(called.orders_w, others, strict=True))
    responses = []
    for order in all_orders:
        energy = order * under.period_seconds * 1000 // 3600
        responses.append(draw(st.integers(-2 * energy - 10, 3 * energy + 10)))
    return under, of, called, tuple(responses), all_orders, draw(st.integers(0, BPS))
