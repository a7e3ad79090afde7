"""What the British chapter stands on: the suite, the preset `gb-bl01` with its calendar, people with money, and a growing portfolio."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from flexbond.demo.britain.homes import DAY, HALF_HOUR
from flexbond.demo.britain.plan import ALL, FIRST_TWO, SIGNING_DAY
from flexbond.demo.cast import Cast, cast
from flexbond.demo.ground import (
    AGGREGATOR,
    Connection,
    Ground,
    break_ground,
    bring_money,
    enrol_home,
    qualify_all,
)
from flexbond.demo.plan import Buyer
from flexbond.hashing import keccak
from flexbond.ids import rule_id
from flexbond.model.calendar import PAGE
from flexbond.model.types import Grid
from flexbond.operations.enrolment import create_portfolio
from flexbond.operations.governing import publish_calendar, publish_grid, publish_rule

if TYPE_CHECKING:
    from pathlib import Path

    from flexbond.chain.node import LocalNode
    from flexbond.demo.britain.homes import Homes
    from flexbond.operations.progress import Progress
    from flexbond.rules import RuleFile

ZONE: Final = keccak(b"Great Britain")
SEED: Final = b"British homes of OpenDSM"
"""What the devices' keys are derived from."""
CAPACITY_W: Final = 5_000
"""Flexible capacity stated of each home: its battery."""
CONNECTION_W: Final = 23_000
"""Stated connection of each home: one phase of 100 A at 230 V."""
CUSTOMER_SHARE_BPS: Final = 7_000
"""Of pay and availability that goes to the homes."""
SLOT_READINGS: Final = 48
GRID: Final = Grid(period_seconds=HALF_HOUR, readings_per_slot=SLOT_READINGS, offset_seconds=0)
"""A record holds the 48 half-hours of a day of UTC; local days are read across two of them."""
START: Final = "08:00"
"""Local time of the first day at which the chain begins."""
DEPOSITS: Final = {AGGREGATOR: "80", Buyer.DISTRIBUTION.value: "60", Buyer.TRANSMISSION.value: "40"}
"""Whole tokens that each brings into the escrow."""


@dataclass(frozen=True, kw_only=True)
class Stage(Ground):
    """Everything that stands before the first right is sold."""

    cast: Cast
    rule_file: RuleFile
    """The preset with the addresses that only a chain has."""
    portfolio_id: bytes
    connection: Connection

    @property
    def rule_id(self) -> bytes:
        """Of the published rule."""
        return rule_id(self.rule_file.rule)

    def join(self, names: tuple[str, ...]) -> None:
        """Enrols these homes; their consents are good for a day."""
        for home in self.cast.homes:
            if home.name in names:
                enrol_home(
                    self,
                    self.cast,
                    home,
                    self.connection,
                    portfolio=self.portfolio_id,
                    customer_share_bps=CUSTOMER_SHARE_BPS,
                    deadline=self.suite.rpc.now() + DAY,
                )


def set_up(node: LocalNode, homes: Homes, folder: Path, say: Progress) -> Stage:
    """Deploys the suite, publishes calendar and rule, brings money and enrols the first two homes; `folder` gets the address book."""
    ground = break_ground(node, folder, say)
    players = cast(ALL, seed=SEED)
    file = homes.rule_file.filled(currency=ground.token.address, unclaimed_to=players.unclaimed)
    sender = ground.sender(players.market_operator)
    grid_id = publish_grid(ground.suite, sender, GRID)
    publish_calendar(ground.suite, sender, homes.calendar_days)
    publish_rule(ground.suite, sender, file.rule, file.lookback)
    qualify_all(ground, players, until=homes.month[1] + 365 * DAY)
    days = len(homes.calendar_days.summer) * PAGE
    say(f"Published {days} days of {file.zone} with the holidays of {file.holidays}, and the rule {file.name}.")
    bring_money(ground, players, DEPOSITS, say)
    portfolio = create_portfolio(
        ground.suite,
        ground.sender(players.aggregator),
        players.aggregator.address,
        zone=ZONE,
        customer_share_bps=CUSTOMER_SHARE_BPS,
    )
    stage = Stage(
        **vars(ground),
        cast=players,
        rule_file=file,
        portfolio_id=portfolio,
        connection=Connection(
            grid_id=grid_id,
            capacity_w=CAPACITY_W,
            connection_w=CONNECTION_W,
            valid_from=homes.at(SIGNING_DAY, "12:00") // DAY * DAY,
            valid_until=homes.month[1] + 30 * DAY,
        ),
    )
    stage.join(FIRST_TWO)
    say("Enrolled the two homes as they were in 2013.")
    return stage
