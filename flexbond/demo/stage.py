"""What the story stands on: a chain of its own, the deployed suite, people with money, and an enrolled portfolio."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from flexbond.chain.artifacts import load_artifact
from flexbond.chain.clock import set_time
from flexbond.chain.config import load_config
from flexbond.chain.deploy import deploy
from flexbond.chain.development import customer_signer, development_accounts
from flexbond.chain.node import LocalNode, NodeKind, NodeSettings, clone_root
from flexbond.chain.plan import MOCK
from flexbond.chain.rpc import Rpc
from flexbond.chain.send import Sender, SendSettings
from flexbond.chain.suite import Contract, Suite, Transaction
from flexbond.demo.cast import Cast, cast
from flexbond.demo.expect import Place
from flexbond.demo.homes import local_time
from flexbond.demo.plan import Buyer, Rules
from flexbond.demo.terms import (
    CAPACITY_W,
    CONNECTION_W,
    CUSTOMER_SHARE_BPS,
    DAY,
    GRID,
    evening_rule,
    midday_rule,
)
from flexbond.hashing import keccak
from flexbond.ids import rule_id
from flexbond.model.types import DeviceKind, Rule, Statement
from flexbond.operations.common import Token, token_at
from flexbond.operations.enrolment import create_portfolio, enrol, make_consent, make_statement
from flexbond.operations.governing import publish_grid, publish_rule, qualify
from flexbond.operations.money import deposit
from flexbond.units import money

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from flexbond.demo.cast import Home
    from flexbond.demo.homes import Homes
    from flexbond.operations.progress import Progress
    from flexbond.signing.signers import Secp256k1Signer

ZONE: Final = keccak(b"Fontana, California")
START_HOUR: Final = 8
"""Local hour of the first day at which the chain begins."""
DEPOSITS: Final = {"aggregator": "200", Buyer.DISTRIBUTION.value: "100", Buyer.TRANSMISSION.value: "60"}
"""Whole tokens that each brings into the escrow."""
GAS_MONEY: Final = 10**18
"""wei given to each home that has none, so that it can withdraw."""
WALLET: Final = "MockWallet"
WALLET_HOME: Final = "home-17"
"""The home whose customer is a contract."""


@dataclass(frozen=True, kw_only=True)
class Stage:
    """Everything that stands before the first right is sold."""

    suite: Suite
    client: str
    first_block: int
    """From this one on there are events: the deployment's first."""
    deployed_block: int
    """The deployment's last."""
    token: Token
    cast: Cast
    settings: SendSettings
    rules: dict[Rules, Rule]
    portfolio_id: bytes
    places: tuple[Place, ...]

    def sender(self, signer: Secp256k1Signer) -> Sender:
        """Who sends."""
        return Sender(self.suite.rpc, signer, self.settings)

    def at(self, seconds: int) -> None:
        """Lets the chain's time come, UTC seconds; nothing if it has passed."""
        if seconds > self.suite.rpc.now():
            set_time(self.suite.rpc.w3, seconds)

    def show(self, amount: int) -> str:
        """Base units for people."""
        return self.token.show(amount)


@contextmanager
def chain(network: str, homes: Homes) -> Iterator[LocalNode]:
    """A chain of its own that begins on the first morning of the data, and ends with the block, whatever happens in it."""
    start = local_time(homes.first_day, START_HOUR)
    with LocalNode(NodeSettings(kind=NodeKind(network), timestamp=start)) as node:
        yield node


def set_up(node: LocalNode, homes: Homes, folder: Path, say: Progress) -> Stage:
    """Deploys the suite, publishes the rules, brings money and enrols the homes; the address book goes into the folder."""
    config = load_config(node.settings.kind.value, clone_root() / "config")
    rpc = Rpc.at(node.url)
    settings = SendSettings(gas_price_wei=config.gas_price_wei, poll_seconds=0.05)
    book = deploy(config, Sender(rpc, development_accounts().deployer, settings), folder=folder)
    say(f"Deployed {len(book.contracts)} contracts; the deployer has no power left.")
    deployed_block = rpc.block_number()
    suite = Suite(rpc, book.addresses, first_block=book.first_block)
    wallet = _deploy_wallet(rpc, settings, homes)
    players = cast(homes.names, wallet=wallet, wallet_home=WALLET_HOME if wallet else "")
    token = token_at(suite, book.addresses[MOCK])
    rules = {
        Rules.A: evening_rule(currency=token.address, unclaimed_to=players.unclaimed),
        Rules.B: midday_rule(currency=token.address, unclaimed_to=players.unclaimed),
    }
    grid_id = _govern(suite, Sender(rpc, players.market_operator, settings), players, rules, homes)
    say("The market operator qualified the aggregator and two buyers, and published two rules.")
    _bring_money(suite, settings, players, token, say)
    portfolio = _enrol(suite, settings, players, homes, grid_id)
    say(f"Enrolled {len(players.homes)} homes: each with a stated meter, a proven key and its customer's consent.")
    return Stage(
        suite=suite,
        client=rpc.w3.client_version,
        first_block=book.first_block,
        deployed_block=deployed_block,
        token=token,
        cast=players,
        settings=settings,
        rules=rules,
        portfolio_id=portfolio,
        places=_places(suite, portfolio, players),
    )


def _deploy_wallet(rpc: Rpc, settings: SendSettings, homes: Homes) -> str:
    """The contract that is the customer of one home."""
    owner = customer_signer(homes.names.index(WALLET_HOME))
    artifact = load_artifact(WALLET)
    data = artifact.bytecode + artifact.abi.constructor.encode_arguments(owner.address)
    created = Sender(rpc, development_accounts().deployer, settings).send(
        Transaction(to=None, data=data, title="Deploy a wallet")
    )
    return created.contract or ""


def wallet_of(suite: Suite, home: Home) -> Contract:
    """The contract wallet of a home's customer."""
    return Contract(suite.rpc, WALLET, home.customer.address)


def _govern(suite: Suite, sender: Sender, players: Cast, rules: dict[Rules, Rule], homes: Homes) -> int:
    """Publishes grid and rules and qualifies the participants; the grid's number."""
    grid_id = publish_grid(suite, sender, GRID)
    for rule in rules.values():
        publish_rule(suite, sender, rule)
    expiry = local_time(homes.days[-1], 0) + 365 * DAY
    qualify(suite, sender, players.aggregator.address, buyer=False, provider=True, expiry=expiry)
    for buyer in players.buyers.values():
        qualify(suite, sender, buyer.address, buyer=True, provider=False, expiry=expiry)
    return grid_id


def _bring_money(suite: Suite, settings: SendSettings, players: Cast, token: Token, say: Progress) -> None:
    """Everybody mints play money and deposits it by permit."""
    buyers = ((buyer.value, signer) for buyer, signer in players.buyers.items())
    for name, owner in (("aggregator", players.aggregator), *buyers):
        amount = money(DEPOSITS[name], decimals=token.decimals)
        deposit(suite, Sender(suite.rpc, owner, settings), owner, token.address, amount, mint=True)
        say(f"The {name} deposited {token.show(amount)}.")


def _enrol(suite: Suite, settings: SendSettings, players: Cast, homes: Homes, grid_id: int) -> bytes:
    """The portfolio with every home in it; its id."""
    sender = Sender(suite.rpc, players.aggregator, settings)
    portfolio = create_portfolio(
        suite, sender, players.aggregator.address, zone=ZONE, customer_share_bps=CUSTOMER_SHARE_BPS
    )
    for home in players.homes:
        statement = Statement(
            metering_point=home.metering_point,
            customer=home.customer.address,
            scheme=home.device.scheme,
            signer=home.device.address,
            kind=DeviceKind.DEVICE,
            capacity_w=CAPACITY_W,
            connection_w=CONNECTION_W,
            grid_id=grid_id,
            valid_from=local_time(homes.first_day, 0),
            valid_until=local_time(homes.days[-1], 24) + DAY,
            sequence=1,
        )
        consent = make_consent(
            suite,
            home.customer,
            metering_point=home.metering_point,
            portfolio=portfolio,
            customer_share_bps=CUSTOMER_SHARE_BPS,
            deadline=local_time(homes.first_day, 24) + DAY,
        )
        stated = make_statement(suite, players.meter_operator, statement, device=home.device)
        enrol(suite, sender, consent, stated)
    return portfolio


def _places(suite: Suite, portfolio: bytes, players: Cast) -> tuple[Place, ...]:
    """The portfolio as the registry has it."""
    entries = suite.devices.read_many("entry", [(portfolio, index) for index in range(len(players.homes))])
    points = suite.devices.read_many("meteringPoint", [(home.metering_point,) for home in players.homes])
    return tuple(Place(entry=entry, point=point) for entry, point in zip(entries, points, strict=True))


def give_gas_money(stage: Stage) -> None:
    """Coins of the chain for the homes whose accounts the node did not fund."""
    sender = stage.sender(stage.cast.deployer)
    for home in stage.cast.homes:
        if int(stage.suite.rpc.request("eth_getBalance", home.key.address, "latest"), 16) < GAS_MONEY:
            sender.send(Transaction(to=home.key.address, data=b"", title="Gas money", value=GAS_MONEY))


def rule_ids(stage: Stage) -> dict[Rules, bytes]:
    """Ids of the two rules."""
    return {letter: rule_id(rule) for letter, rule in stage.rules.items()}
