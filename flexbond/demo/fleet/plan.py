"""The fleet's two evenings: what is sold, who answers, and what the aggregator says of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from flexbond.demo.fleet.homes import EVENING, day_start
from flexbond.demo.homes import DAY_HOURS, HOUR
from flexbond.demo.plan import Buyer, Sale
from flexbond.demo.terms import CAPACITY_W, EVENING_TARIFF, LOT_W, evening_rule
from flexbond.hashing import keccak
from flexbond.model.types import BPS, CurveKind, CurvePoint, Direction, DispatchKind, ToleranceKind
from flexbond.rules.sampling import Stakes, least_bond_per_mw
from flexbond.units import money

if TYPE_CHECKING:
    from flexbond.demo.terms import Tariff
    from flexbond.model.types import Rule

SPOT_CHECKS: Final = 16
DRAW_DELAY: Final = 4
"""Blocks. Where others make them, who makes the one that draws must not be known at the submission: the template has 70."""
DAY: Final = DAY_HOURS * HOUR
DEMAND_FEE: Final = "2"
"""Whole tokens."""
CHALLENGER_SHARE_BPS: Final = 5_000
TIMES_LEAST_BOND: Final = 2
"""As docs/sampling.md advises."""
ORDERED_W_PER_HOME: Final = (1_300, 600)
"""What the two buyers order of each home on average, W."""
RESTING_BPS: Final = (200, 1_000)
"""Share of the batteries that do not answer on each evening, basis points."""
_EVENING_NAMES: Final = ("fleet-evening", "false-evening")


@dataclass(frozen=True, kw_only=True)
class Evening:
    """One service window of the fleet."""

    slug: str
    title: str
    number: int
    """From 0."""
    sales: tuple[Sale, ...]
    resting: frozenset[int]
    """Homes whose batteries do not answer."""
    is_false: bool
    """Whether the aggregator submits that they did."""
    course: str
    why: str
    direction: Direction = Direction.SHED
    rules: str = "F"
    tariff: Tariff = EVENING_TARIFF
    kind: DispatchKind = DispatchKind.LIVE

    @property
    def start(self) -> int:
        """UTC seconds."""
        return day_start(self.number) + EVENING[0] * HOUR

    @property
    def end(self) -> int:
        """UTC seconds, exclusive."""
        return day_start(self.number) + (EVENING[-1] + 1) * HOUR

    @property
    def units(self) -> int:
        """Sold, all buyers together."""
        return sum(sale.units for sale in self.sales)


def evenings(devices: int) -> tuple[Evening, ...]:
    """The two evenings of a fleet of so many homes."""
    sales = tuple(
        Sale(buyer=buyer, units=devices * watts // LOT_W)
        for buyer, watts in zip((Buyer.DISTRIBUTION, Buyer.TRANSMISSION), ORDERED_W_PER_HOME, strict=True)
    )
    resting = tuple(_resting(devices, day, share) for day, share in enumerate(RESTING_BPS))
    return (
        Evening(
            slug=_EVENING_NAMES[0],
            title="A fleet, settled by sixteen draws",
            number=0,
            sales=sales,
            resting=resting[0],
            is_false=False,
            course=f"All batteries are told to give 2 kW for two hours; {len(resting[0]):,} of {devices:,} do not answer.",
            why="An ordinary evening: what is drawn is proven, nobody objects, and the money follows.",
        ),
        Evening(
            slug=_EVENING_NAMES[1],
            title="A lie, and what it costs",
            number=1,
            sales=sales,
            resting=resting[1],
            is_false=True,
            course=f"On the next evening {len(resting[1]):,} of {devices:,} batteries do not answer. The aggregator submits that they gave "
            "their 2 kW all the same.",
            why="The records say otherwise, and the aggregator anchored them itself.",
        ),
    )


def _resting(devices: int, day: int, share_bps: int) -> frozenset[int]:
    """So many homes, drawn from a public seed; one at least."""
    wanted = max(1, devices * share_bps // BPS)
    ranked = sorted(
        range(devices), key=lambda place: keccak(b"does not answer" + bytes([day]) + place.to_bytes(8, "big"))
    )
    return frozenset(ranked[:wanted])


def fleet_rule(*, currency: str, unclaimed_to: str, decimals: int) -> Rule:
    """The evening's rule of the first chapter, sampled: curves without steps, a deductible tolerance, and a bond that no lie is worth."""
    sampled = replace(
        evening_rule(currency=currency, unclaimed_to=unclaimed_to),
        pay_curve_kind=CurveKind.LINEAR,
        pay_curve=(CurvePoint(ratio_bps=0, pay_bps=BPS),),
        availability_curve_kind=CurveKind.LINEAR,
        availability_curve=(CurvePoint(ratio_bps=0, pay_bps=0), CurvePoint(ratio_bps=BPS, pay_bps=BPS)),
        tolerance_kind=ToleranceKind.DEDUCTIBLE,
        spot_checks=SPOT_CHECKS,
        draw_delay=DRAW_DELAY,
        challenge_window=2 * DAY,
        max_demands=16,
        demand_fee=money(DEMAND_FEE, decimals=decimals),
        challenger_share_bps=CHALLENGER_SHARE_BPS,
    )
    return replace(sampled, bond_per_mw=TIMES_LEAST_BOND * least_bond_per_mw(sampled, stakes()))


def stakes() -> Stakes:
    """What an evening of a megawatt is worth: the bond is by the megawatt, so that the fleet's size does not matter."""
    tariff = EVENING_TARIFF
    return Stakes(
        capacity_w=10**6,
        connection_w=0,
        window_seconds=len(EVENING) * HOUR,
        utilisation_per_mwh=tariff.utilisation_per_mwh,
        shortfall_per_mwh=tariff.shortfall_per_mwh,
        availability_per_mwhour=tariff.availability_per_mwhour,
        ordered_bps=sum(ORDERED_W_PER_HOME) * BPS // CAPACITY_W,
    )
