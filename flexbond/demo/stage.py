"""What the Fontana chapter stands on: the suite, two rules, people with money, and a portfolio of seventeen homes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from flexbond.chain.artifacts import load_artifact
from flexbond.chain.development import customer_signer, development_accounts
from flexbond.chain.suite import Contract, Suite, Transaction
from flexbond.demo.cast import Cast, cast
from flexbond.demo.ground import (
    AGGREGATOR,
    Connection,
    Ground,
    break_ground,
    bring_money,
    enrol_home,
    places_of,
    qualify_all,
)
from flexbond.demo.homes import local_time
from flexbond.demo.plan import Buyer, Rules
from flexbond.demo.terms import CAPACITY_W, CONNECTION_W, CUSTOMER_SHARE_BPS, DAY, GRID, evening_rule, midday_rule
from flexbond.hashing import keccak
from flexbond.ids import rule_id
from flexbond.model.types import Rule
from flexbond.operations.enrolment import create_portfolio
from flexbond.operations.governing import publish_grid, publish_rule

if TYPE_CHECKING:
    from pathlib import Path

    from flexbond.chain.node import LocalNode
    from flexbond.demo.cast import Home
    from flexbond.demo.homes import Homes
    from flexbond.demo.outcome import Place
    from flexbond.operations.progress import Progress

ZONE: Final = keccak(b"Fontana, California")
SEED: Final = b"Seventeen homes in Fontana"
"""What the devices' keys are derived from."""
P256_EVERY: Final = 5
"""One home in so many has a meter with a P-256 key."""
START_HOUR: Final = 8
"""Local hour of the first day at which the chain begins."""
DEPOSITS: Final = {AGGREGATOR: "200", Buyer.DISTRIBUTION.value: "100", Buyer.TRANSMISSION.value: "60"}
"""Whole tokens that each brings into the escrow."""
WALLET: Final = "MockWallet"
WALLET_HOME: Final = "home-17"
"""The home whose customer is a contract."""


@dataclass(frozen=True, kw_only=True)
class Stage(Ground):
    """Everything that stands before the first right is sold."""

    cast: Cast
    rules: dict[Rules, Rule]
    portfolio_id: bytes
    places: tuple[Place, ...]


def set_up(node: LocalNode, homes: Homes, folder: Path, say: Progress) -> Stage:
    """Deploys the suite, publishes the rules, brings money and enrols the homes; the address book goes into the folder."""
    ground = break_ground(node, folder, say)
    wallet = _deploy_wallet(ground, homes)
    players = cast(
        homes.names,
        seed=SEED,
        p256=homes.names[P256_EVERY - 1 :: P256_EVERY],
        wallets={WALLET_HOME: wallet} if wallet else {},
    )
    money = {"currency": ground.token.address, "unclaimed_to": players.unclaimed}
    rules = {Rules.A: evening_rule(**money), Rules.B: midday_rule(**money)}
    sender = ground.sender(players.market_operator)
    grid_id = publish_grid(ground.suite, sender, GRID)
    for rule in rules.values():
        publish_rule(ground.suite, sender, rule)
    qualify_all(ground, players, until=local_time(homes.days[-1], 0) + 365 * DAY)
    say("The market operator qualified the aggregator and two buyers, and published two rules.")
    bring_money(ground, players, DEPOSITS, say)
    portfolio = _enrol(ground, players, homes, grid_id)
    say(f"Enrolled {len(players.homes)} homes: each with a stated meter, a proven key and its customer's consent.")
    places = places_of(ground.suite, portfolio, players.homes)
    return Stage(**vars(ground), cast=players, rules=rules, portfolio_id=portfolio, places=places)


def _deploy_wallet(ground: Ground, homes: Homes) -> str:
    """The contract that is the customer of one home."""
    owner = customer_signer(homes.names.index(WALLET_HOME))
    artifact = load_artifact(WALLET)
    data = artifact.bytecode + artifact.abi.constructor.encode_arguments(owner.address)
    deployer = development_accounts().deployer
    created = ground.sender(deployer).send(Transaction(to=None, data=data, title="Deploy a wallet"))
    return created.contract or ""


def wallet_of(suite: Suite, home: Home) -> Contract:
    """The contract wallet of a home's customer."""
    return Contract(suite.rpc, WALLET, home.customer.address)


def _enrol(ground: Ground, players: Cast, homes: Homes, grid_id: int) -> bytes:
    """The portfolio with every home in it; its id."""
    portfolio = create_portfolio(
        ground.suite,
        ground.sender(players.aggregator),
        players.aggregator.address,
        zone=ZONE,
        customer_share_bps=CUSTOMER_SHARE_BPS,
    )
    stated = Connection(
        grid_id=grid_id,
        capacity_w=CAPACITY_W,
        connection_w=CONNECTION_W,
        valid_from=local_time(homes.first_day, 0),
        valid_until=local_time(homes.days[-1], 24) + DAY,
    )
    for home in players.homes:
        enrol_home(
            ground,
            players,
            home,
            stated,
            portfolio=portfolio,
            customer_share_bps=CUSTOMER_SHARE_BPS,
            deadline=local_time(homes.first_day, 24) + DAY,
        )
    return portfolio


def rule_ids(stage: Stage) -> dict[Rules, bytes]:
    """Ids of the two rules."""
    return {letter: rule_id(rule) for letter, rule in stage.rules.items()}
