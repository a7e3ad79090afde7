"""What a run of the fleet chapters found: everything their parts of the report show."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from flexbond.demo.result import ChapterResult

if TYPE_CHECKING:
    from datetime import date

    from flexbond.demo.fleet.crowd import Enrolment
    from flexbond.demo.fleet.plan import Evening
    from flexbond.demo.result import DayCurve, SettledLine
    from flexbond.demo.statement import Statement
    from flexbond.model.types import Fault, Rule


@dataclass(frozen=True, kw_only=True)
class DrawnLine:
    """A point that was drawn, and the home whose leaf holds it."""

    number: int
    """From 1."""
    column: int
    """Of the ordered periods in their order; the weight is the last."""
    at: int
    """In that column, in its own unit."""
    place: int
    """Of the home in the portfolio."""
    taken_after: str
    """The real home."""
    day: date
    """The real day whose evening it is."""
    size_bps: int
    baseline: tuple[int, ...]
    """Per ordered period, mWh, `+` import."""
    metered: tuple[int, ...]
    response: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class StepLine:
    """One step of the honest evening in its transactions."""

    title: str
    who: str
    transactions: int
    gas: int
    """Of all its transactions."""


@dataclass(frozen=True, kw_only=True)
class Costs:
    """What settling the honest evening cost beside having every leaf proven."""

    steps: tuple[StepLine, ...]
    proven: int
    """Homes."""
    gas_per_leaf: int
    """Of a proven one, records and all, rounded up."""
    enrolment: Enrolment

    def gas_of(self, *titles: str) -> int:
        """Of these steps together."""
        return sum(step.gas for step in self.steps if step.title in titles)


@dataclass(frozen=True, kw_only=True)
class CollectedLine:
    """Shares that were collected in one transaction; base units."""

    who: str
    homes: int
    amount: int
    gas: int


@dataclass(frozen=True, kw_only=True)
class HonestLine:
    """The evening that is settled by sampling."""

    evening: Evening
    settled: SettledLine
    """Without its homes."""
    curve: DayCurve
    bond: int
    """Base units; free again."""
    drawn: tuple[DrawnLine, ...]
    collected: tuple[CollectedLine, ...]
    costs: Costs


@dataclass(frozen=True, kw_only=True)
class LostLine:
    """What a buyer got of the evening that was never measured; base units."""

    buyer: str
    ordered_w: int
    """In each period, W."""
    refund: int
    """Of all that it had locked."""
    penalty: int
    bond_share: int


@dataclass(frozen=True, kw_only=True)
class FalseLine:
    """The evening about which the aggregator lied; energies in mWh, money in base units."""

    evening: Evening
    ordered: tuple[int, ...]
    true: tuple[int, ...]
    """Response by the records, per period."""
    claimed: tuple[int, ...]
    """As submitted."""
    false_leaves: int
    escapes_bps: int
    """How likely the draws alone would have missed it, at most, rounded up."""
    root: str
    true_root: str
    challenged: int
    """Place of the leaf that was shown."""
    said: tuple[int, ...]
    """Response of that home as submitted, per period."""
    showed: tuple[int, ...]
    """By its record."""
    fault: Fault
    bond: int
    reward: int
    """The watchtower's part of it."""
    for_buyers: int
    buyers: tuple[LostLine, ...]
    penalty: int
    """Of both calls."""
    honest_earned: int
    """What both calls would have brought the provider and its homes, less penalties, had the truth been submitted."""
    false_earned: int
    """The same of the lie, had nobody found it."""
    challenge_gas: int
    seconds: int
    """From the submission to its rejection, by the chain's time."""

    @property
    def gain(self) -> int:
        """What the lie would have gained."""
        return self.false_earned - self.honest_earned

    @property
    def cost(self) -> int:
        """What it cost instead: the bond, the penalty, and what honesty would have earned."""
        return self.bond + self.penalty + self.honest_earned


@dataclass(frozen=True, kw_only=True)
class FleetResult(ChapterResult):
    """The run of both fleet chapters, which have one chain."""

    devices: int
    real_homes: int
    real_days: int
    rule: Rule
    rule_id: str
    honest: HonestLine
    false: FalseLine
    statements: tuple[Statement, ...]
