"""A called event of twelve homes under a rule that draws four points of what is submitted."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from flexbond.model.sampling import weight_scale
from flexbond.operations.history import load_event
from tests.integration.case import Case
from tests.integration.stage import DAY, Stage, rule_in

if TYPE_CHECKING:
    from flexbond.model.types import Rule
    from flexbond.operations.checks import Checks
    from flexbond.operations.history import EventHistory

HOMES = 12
POINTS = 4
DELAY = 5
FEE = 2 * 10**6
BOND = 300 * 10**6
"""12 homes of 5 kW at 5 000 a MW."""


def sampled_rule(currency: str, unclaimed_to: str) -> Rule:
    """The stage's rule, sampled."""
    return replace(
        rule_in(currency, unclaimed_to),
        spot_checks=POINTS,
        draw_delay=DELAY,
        challenge_window=2 * DAY,
        max_demands=3,
        demand_fee=FEE,
        bond_per_mw=5_000 * 10**6,
        challenger_share_bps=5_000,
    )


class SampledStage(Stage):
    """The story with more homes than spot checks."""

    count = HOMES

    def rule(self) -> Rule:
        """Sampled."""
        return sampled_rule(self.token, self.people.unclaimed.address)

    def mine(self, blocks: int) -> None:
        """Blocks with nothing in them."""
        self.rpc.request("anvil_mine", hex(blocks))

    def to_draw(self, event: bytes) -> None:
        """As many blocks as the draw waits for."""
        checks = load_event(self.suite, event).checks
        assert checks is not None
        self.mine(checks.draw_block + 1 - self.rpc.block_number())


class SampledCase(Case):
    """A case of the sampled stage."""

    stage: SampledStage

    @property
    def history(self) -> EventHistory:
        """The event as the log tells it."""
        return load_event(self.stage.suite, self.event)

    @property
    def checks(self) -> Checks:
        """Of its submission."""
        checks = self.history.checks
        assert checks is not None
        return checks

    @property
    def scale(self) -> int:
        """How much of the line a unit of weight takes."""
        return weight_scale(self.history.rule, len(self.checks.claim.columns))

    def up_to_proven(self) -> Checks:
        """Submitted, drawn and proven, and not yet final."""
        self.settle()
        self.stage.to_draw(self.event)
        self.settle()
        return self.checks

    def to_the_end(self) -> None:
        """Until nothing can be challenged any more, then all of it settled by a stranger."""
        self.stage.at(self.checks.challenge_until)
        self.settle(self.stranger)
