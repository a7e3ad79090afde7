"""Who and what is in every run over sampled submissions: one fleet, a few rules that draw, and those who watch or attack."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar, Final

from flexbond import ids
from flexbond.chain.development import customer_signer
from flexbond.model.types import BaselineMethod, ClampLevel, DeviceKind, Funding
from tests.invariant.cast import HOUR, PAST, Cast

if TYPE_CHECKING:
    from flexbond.model.types import Rule
    from tests.invariant.stage import Stage

FEE: Final = 50_000
"""For the proof of a leaf, base units."""
WINDOWS: Final = ((12, 14, 0), (16, 18, 1), (20, 22, 2), (26, 28, 3), (32, 34, 4), (38, 40, 5))
"""Half hours of the day between which each window lies, and its rule."""


class FleetCast(Cast):
    """Seven homes in one portfolio; one of them has a device of the least kind."""

    capacities: ClassVar[tuple[int, ...]] = (5_000, 3_000, 2_000, 4_000, 2_500, 1_000, 1_500)
    portfolio_of: ClassVar[tuple[int, ...]] = (0, 0, 0, 0, 0, 0, 0)
    first_day: ClassVar[int] = 0
    windows: ClassVar[tuple[tuple[int, int, int], ...]] = WINDOWS

    def __init__(self, stage: Stage) -> None:
        super().__init__(stage)
        watchtower, hostile = customer_signer(701), customer_signer(702)
        self.watchtower = watchtower.address
        """Holds the leaves and records, and challenges what is false."""
        self.attacker = self.people.attacker.address
        """Challenges what is true."""
        self.buyers = [self.people.buyer.address, hostile.address]
        """The first accepts what the watchtower finds no fault with; the second whatever it likes."""
        self.funded = [*self.providers, *self.buyers, self.watchtower, self.attacker]
        self.poor = ""
        self.everyone = [*self.everyone, self.watchtower, hostile.address]
        self.signers |= {signer.address: signer for signer in (watchtower, hostile)}

    def _rules(self) -> tuple[Rule, ...]:
        clocks = {
            "gate_seconds": HOUR,
            "reading_deadline": 2 * HOUR,
            "submission_deadline": 4 * HOUR,
            "proof_window": HOUR,
            "challenge_window": 3 * HOUR,
            "draw_delay": 2,
            "max_demands": 2,
            "demand_fee": FEE,
            "bond_per_mw": 3_333_333_333,
            "challenger_share_bps": 4_999,
            "collect_period": 720 * HOUR,
            "unclaimed_to": self.people.unclaimed.address,
            "spot_checks": 3,
        }
        base = self.stage.world.rule(currency=self.token, min_assurance=DeviceKind.DATA_COLLECTOR, **clocks)
        by_device = replace(
            base,
            period_seconds=1_800,
            baseline_periods=2,
            clamp_level=ClampLevel.DEVICE,
            estimated_allowed=True,
            min_assurance=DeviceKind.DEVICE,
            spot_checks=2,
        )
        by_level = replace(base, baseline=BaselineMethod.REFERENCE_LEVEL, baseline_periods=0, funding=Funding.STATEMENT)
        by_days = replace(
            base,
            baseline=BaselineMethod.X_OF_Y,
            baseline_periods=0,
            lookback_hash=ids.lookback_hash(PAST),
            spot_checks=4,
        )
        unseen = replace(base, spot_checks=0, challenger_share_bps=0)
        every_leaf = replace(base, spot_checks=7)
        return base, by_device, by_level, by_days, unseen, every_leaf
