"""What the fleet chapters stand on: the suite, a sampled rule, people with money, and the enrolled fleet."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from flexbond.demo.cast import Cast, cast
from flexbond.demo.fleet.crowd import CUSTOMER_SEED, Enrolment, Terms, enrol_all, homes_of
from flexbond.demo.fleet.homes import DAYS, day_start
from flexbond.demo.fleet.plan import fleet_rule
from flexbond.demo.fleet.sending import start_mining, stop_mining
from flexbond.demo.ground import AGGREGATOR, Connection, Ground, break_ground, bring_money, qualify_all
from flexbond.demo.outcome import Place
from flexbond.demo.plan import Buyer
from flexbond.demo.terms import CAPACITY_W, CONNECTION_W, CUSTOMER_SHARE_BPS, DAY, DECIMALS, GRID
from flexbond.hashing import keccak
from flexbond.ids import rule_id
from flexbond.model.types import Entry, MeteringPoint
from flexbond.operations.enrolment import create_portfolio
from flexbond.operations.governing import publish_grid, publish_rule
from flexbond.operations.history import logs_of
from flexbond.signing.keys import development_signer

if TYPE_CHECKING:
    from pathlib import Path

    from flexbond.chain.node import LocalNode, NodeKind
    from flexbond.demo.cast import Home
    from flexbond.model.types import Rule
    from flexbond.operations.progress import Progress
    from flexbond.signing.signers import Secp256k1Signer

ZONE: Final = keccak(b"A fleet of Fontana, California")
START_BEFORE: Final = 4 * DAY
"""How long before the first evening's midnight the chain begins: time to enrol and to sell."""
WATCHTOWER_ACCOUNT: Final = 19
"""Of the mnemonic's accounts; the watchtower's."""
PER_HOME: Final = {AGGREGATOR: 40, Buyer.DISTRIBUTION.value: 4, Buyer.TRANSMISSION.value: 2}
"""Whole tokens that each brings into the escrow for each home of the fleet."""


@dataclass(frozen=True, kw_only=True)
class Stage(Ground):
    """Everything that stands before the first right is sold."""

    kind: NodeKind
    cast: Cast
    """Its homes are those of the whole fleet, in the order of their places."""
    watchtower: Secp256k1Signer
    rule: Rule
    portfolio_id: bytes
    connection: Connection
    enrolment: Enrolment
    enrolling_block: int
    """The last one before the enrolment."""
    enrolled_block: int
    """The last one of the enrolment."""
    places: tuple[Place, ...]

    @property
    def rule_id(self) -> bytes:
        """Of the published rule."""
        return rule_id(self.rule)

    def players_with(self, homes: tuple[Home, ...]) -> Cast:
        """The cast with these of its homes alone."""
        return replace(self.cast, homes=homes)


def set_up(node: LocalNode, devices: int, folder: Path, say: Progress) -> Stage:
    """Deploys the suite, publishes the rule, brings money and enrols the fleet; the address book goes into the folder."""
    ground, kind = break_ground(node, folder, say), node.settings.kind
    players = cast((), seed=CUSTOMER_SEED)
    rule = fleet_rule(currency=ground.token.address, unclaimed_to=players.unclaimed, decimals=DECIMALS)
    sender = ground.sender(players.market_operator)
    grid_id = publish_grid(ground.suite, sender, GRID)
    publish_rule(ground.suite, sender, rule)
    qualify_all(ground, players, until=day_start(DAYS) + 365 * DAY)
    bring_money(ground, players, {name: str(each * devices) for name, each in PER_HOME.items()}, say)
    aggregator = players.aggregator
    portfolio = create_portfolio(
        ground.suite, ground.sender(aggregator), aggregator.address, zone=ZONE, customer_share_bps=CUSTOMER_SHARE_BPS
    )
    homes = homes_of(devices)
    stated = Connection(
        grid_id=grid_id,
        capacity_w=CAPACITY_W,
        connection_w=CONNECTION_W,
        valid_from=day_start(0) - START_BEFORE,
        valid_until=day_start(DAYS) + 30 * DAY,
    )
    say(
        f"Enrolling {devices:,} homes: a stated meter, a proven key and a consent each, in {2 * devices:,} transactions."
    )
    before = ground.suite.rpc.block_number()
    terms = Terms(stated=stated, portfolio=portfolio, customer_share_bps=CUSTOMER_SHARE_BPS, deadline=day_start(0))
    stop_mining(ground.suite.rpc, kind)
    enrolment = enrol_all(ground, players, homes, terms, say=say)
    start_mining(ground.suite.rpc, kind)
    say(f"Enrolled {devices:,} homes, at {enrolment.gas_per_home:,} gas each.")
    return Stage(
        **vars(ground),
        kind=kind,
        cast=replace(players, homes=homes),
        watchtower=development_signer(WATCHTOWER_ACCOUNT),
        rule=rule,
        portfolio_id=portfolio,
        connection=stated,
        enrolment=enrolment,
        enrolling_block=before,
        enrolled_block=ground.suite.rpc.block_number(),
        places=_places(ground, portfolio, homes),
    )


def _places(ground: Ground, portfolio: bytes, homes: tuple[Home, ...]) -> tuple[Place, ...]:
    """Who is in the portfolio, from the log: its places in their order."""
    joined = logs_of(ground.suite, "DeviceRegistry", "Joined", portfolio_id=portfolio)
    return tuple(
        Place(
            entry=Entry(
                metering_point=one.metering_point,
                payee=one.payee,
                joined_at=one.timestamp,
                left_at=0,
                capacity_w=one.capacity_w,
                connection_w=one.connection_w,
                kind=one.kind,
            ),
            point=MeteringPoint(
                customer=home.customer.address,
                kind=one.kind,
                suspended_at=0,
                sequence=1,
                capacity_w=one.capacity_w,
                connection_w=one.connection_w,
                entry_index=one.index,
                committed_until=0,
                portfolio_id=portfolio,
            ),
        )
        for one, home in zip(joined, homes, strict=True)
    )
