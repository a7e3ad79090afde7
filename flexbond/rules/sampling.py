"""How many points a rule has to draw, and what bond it has to ask for, so that no lie pays: the theory of docs/sampling.md.

Exact throughout. What an event may be worth is an assumption of whoever publishes the rule; what is not known is taken
at its worst, so that a bond found here is enough and rarely the least there is.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from flexbond.model.rounding import div_down, div_up
from flexbond.model.settlement import MILLI_WH_PER_MWH
from flexbond.model.types import BPS, BaselineMethod, ClampLevel, CurveKind, PayBase, ToleranceKind
from flexbond.rules.errors import SamplingError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from flexbond.model.types import CurvePoint, Rule

WATTS_PER_MW: Final = 10**6
MAX_SPOT_CHECKS: Final = 2**20
"""Most points that a rule may draw."""

_SCALE_BITS: Final = 256
_SCALE: Final = 1 << _SCALE_BITS
"""One, where a chance is kept as an integer."""


@dataclass(frozen=True, kw_only=True)
class Stakes:
    """What the events of a rule may be worth to who lies in one: its dearest prices, for the largest window that is sold."""

    capacity_w: int
    """Flexible capacity of the portfolio, W."""
    connection_w: int
    """Capacity of its connections, W; counts where the baseline is the portfolio's."""
    window_seconds: int
    """Length of the service window, s."""
    utilisation_per_mwh: int
    """Base units per MWh."""
    shortfall_per_mwh: int
    """Base units per MWh."""
    availability_per_mwhour: int = 0
    """Base units per MW and hour."""
    ordered_bps: int = BPS
    """Least energy that is ordered, of what the capacity is over the window, basis points."""
    producer_bps: int = 0
    """How likely the liar makes the very block that draws, basis points; it then finds points that suit it."""

    def __post_init__(self) -> None:
        """Raises SamplingError."""
        for name in ("capacity_w", "window_seconds", "ordered_bps"):
            if getattr(self, name) < 1:
                raise SamplingError(f"{name} is {getattr(self, name)}.", "Give a number above zero.")
        for name in ("connection_w", "utilisation_per_mwh", "shortfall_per_mwh", "availability_per_mwhour"):
            if getattr(self, name) < 0:
                raise SamplingError(f"{name} is {getattr(self, name)}.", "It is never negative.")
        if self.ordered_bps > BPS:
            raise SamplingError(f"ordered_bps is {self.ordered_bps}.", f"Nobody orders above capacity: at most {BPS}.")
        if not 0 <= self.producer_bps <= BPS // 2:
            raise SamplingError(
                f"producer_bps is {self.producer_bps}.",
                f"Give 0 to {BPS // 2}: who makes more blocks than that can do as it likes.",
            )

    @property
    def energy_milli_wh(self) -> Fraction:
        """What the capacity is over the window, mWh."""
        return Fraction(self.capacity_w * self.window_seconds * 1000, 3600)


# ------------------------------------------------------------------ draws


def escape(points: int, share: Fraction) -> Fraction:
    """How likely no point meets a part of the line without support, at most, if that is this share of it."""
    _check_share(share)
    return (1 - share) ** points


def points_for(share: Fraction, risk: Fraction) -> int:
    """The fewest points by which a lie of this share of the line escapes at most so likely. Raises SamplingError."""
    _check_share(share)
    if not (share > 0 and 0 < risk <= 1):
        raise SamplingError("A share or a risk of nothing takes every leaf.", "Give both above 0 and at most 1.")
    left = _SCALE
    for points in range(MAX_SPOT_CHECKS + 1):
        if left * risk.denominator <= _SCALE * risk.numerator:
            return points
        left = div_up(left * (share.denominator - share.numerator), share.denominator)
    raise SamplingError(
        f"More than {MAX_SPOT_CHECKS} points would have to be drawn.",
        "Take a larger share or risk, or prove every leaf.",
    )


def percent(share: Fraction) -> str:
    """A share in percent as people read it, rounded up: one decimal, below 1 % more of them, four at most."""
    places = next((places for places in (1, 2, 3) if share * 10 ** (places + 1) >= 1), 4) if share else 1
    whole, part = divmod(_up(share * 10 ** (places + 2)), 10**places)
    return f"{whole}.{part:0{places}d}"


# ------------------------------------------------------------------ what a lie gains


def line_milli_wh(rule: Rule, stakes: Stakes) -> int:
    """The longest line that can be true, as energy in mWh, rounded up: what a false mWh is measured against.

    The weight is stretched to the columns' unit, see `flexbond.model.sampling.weight_scale`.
    """
    energy = stakes.energy_milli_wh
    if rule.baseline in (BaselineMethod.NOMINATED, BaselineMethod.REFERENCE_LEVEL):
        metered = Fraction(2 * stakes.connection_w * stakes.window_seconds * 1000, 3600)
        return _up(metered + energy)  # the weight is the capacity, over the window
    if rule.clamp_level is ClampLevel.DEVICE:
        return _up(2 * energy)  # every mWh of a column is in the weight too
    return _up(3 * energy)  # a column holds the capacity beside the response


def gain_per_mwh(rule: Rule, stakes: Stakes) -> int:
    """What a falsely claimed MWh may bring, pay and penalty and availability, base units, rounded up; steps aside."""
    paid = _slope(rule.pay_curve)
    if rule.pay_base is PayBase.DELIVERED:
        paid += Fraction(rule.pay_curve[-1].pay_bps, BPS)
    available = _slope(rule.availability_curve) * Fraction(BPS, stakes.ordered_bps)
    return _up(
        stakes.utilisation_per_mwh * paid + stakes.shortfall_per_mwh + stakes.availability_per_mwhour * available
    )


def step_gain(rule: Rule, stakes: Stakes) -> int:
    """What a lie of next to nothing may bring in an event by crossing a step of a curve, base units, rounded up.

    0: the rule has no steps. Ratios are whole basis points, so that even a line that rises has steps, of little.
    """
    mwh = stakes.energy_milli_wh / MILLI_WH_PER_MWH
    gain = stakes.utilisation_per_mwh * _step(rule.pay_curve_kind, rule.pay_curve)
    gain += stakes.availability_per_mwhour * _step(rule.availability_curve_kind, rule.availability_curve)
    if rule.tolerance_kind is ToleranceKind.THRESHOLD:
        gain += Fraction(stakes.shortfall_per_mwh * rule.tolerance_bps, BPS)
    return _up(gain * mwh)


# ------------------------------------------------------------------ the bond


def least_bond(rule: Rule, stakes: Stakes) -> int:
    """The bond of an event with which no lie has an expected gain, steps aside, base units, rounded up. Raises SamplingError.

    Counted is only what a caught liar surely loses: the bond without what it gets back by challenging itself.
    """
    kept = Fraction(BPS - rule.challenger_share_bps, BPS)
    return _up(_at_stake(rule, stakes) / kept)


def least_bond_per_mw(rule: Rule, stakes: Stakes) -> int:
    """The least `bondPerMW` that gives `least_bond` for this portfolio, base units per MW, rounded up. Raises SamplingError."""
    return div_up(least_bond(rule, stakes) * WATTS_PER_MW, stakes.capacity_w)


def blind_share(rule: Rule, stakes: Stakes, bond: int) -> Fraction:
    """Of the line, the share from which on a lie that crosses a step does not pay either: what a bond leaves open.

    0 for a rule without steps, 1 if the bond (base units) is too small for any. Raises SamplingError.
    """
    step, lost = step_gain(rule, stakes), bond - div_down(bond * rule.challenger_share_bps, BPS)
    odds = _odds(stakes)
    spare = lost - _at_stake(rule, stakes) - odds * step
    if spare < 0:
        return Fraction(1)
    needed = (1 + odds) * step
    return needed / max(needed, rule.spot_checks * spare) if step else Fraction(0)


def _at_stake(rule: Rule, stakes: Stakes) -> Fraction:
    """What a caught liar has to lose: the value of the line by each point, and by the odds of making the block."""
    if rule.spot_checks < 1:
        raise SamplingError("A rule that draws nothing has no bond that makes up for it.", "Set spot_checks.")
    value = Fraction(line_milli_wh(rule, stakes) * gain_per_mwh(rule, stakes), MILLI_WH_PER_MWH)
    halves = 2 ** min(rule.spot_checks, _SCALE_BITS)
    return value * (Fraction(1, rule.spot_checks) + _odds(stakes) * Fraction(halves, halves - 1))


def _odds(stakes: Stakes) -> Fraction:
    return Fraction(stakes.producer_bps, BPS - stakes.producer_bps)


# ------------------------------------------------------------------ curves


def _slope(curve: Sequence[CurvePoint]) -> Fraction:
    """The steepest rise between two points; of steps, that of the line through their corners."""
    rises = [Fraction(high.pay_bps - low.pay_bps, high.ratio_bps - low.ratio_bps) for low, high in pairwise(curve)]
    return max(rises, default=Fraction(0))


def _step(kind: CurveKind, curve: Sequence[CurvePoint]) -> Fraction:
    """The most that a curve rises at once, of the whole."""
    first = curve[0].pay_bps if curve[0].ratio_bps else 0
    if kind is CurveKind.STEPS:
        return Fraction(max([first, *(high.pay_bps - low.pay_bps for low, high in pairwise(curve))]), BPS)
    slope = _slope(curve)
    return (first + slope + 1) / BPS if slope else Fraction(first, BPS)


def _up(value: Fraction) -> int:
    return div_up(value.numerator, value.denominator)


def _check_share(share: Fraction) -> None:
    if not 0 <= share <= 1:
        raise SamplingError(f"{share} is no share of a line.", "Give 0 to 1.")
