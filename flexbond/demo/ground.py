"""What every chapter stands on: a chain of its own, the deployed suite, people with money, and homes that are enrolled."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from flexbond.chain.clock import set_time
from flexbond.chain.config import load_config
from flexbond.chain.deploy import deploy
from flexbond.chain.development import development_accounts
from flexbond.chain.node import LocalNode, NodeKind, NodeSettings, clone_root
from flexbond.chain.plan import MOCK
from flexbond.chain.rpc import Rpc
from flexbond.chain.send import Sender, SendSettings
from flexbond.chain.suite import Suite, Transaction
from flexbond.demo.outcome import Place
from flexbond.model.types import DeviceKind, Statement
from flexbond.operations.common import Token, token_at
from flexbond.operations.enrolment import enrol, make_consent, make_statement
from flexbond.operations.governing import qualify
from flexbond.operations.money import deposit
from flexbond.units import money

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from flexbond.demo.cast import Cast, Home
    from flexbond.operations.progress import Progress
    from flexbond.signing.signers import Secp256k1Signer

AGGREGATOR: Final = "aggregator"
BLOCK_GAS: Final = 30_000_000
"""Most gas of a block."""
GAS_MONEY: Final = 10**18
"""wei given to each home that has none, so that it can withdraw."""


@dataclass(frozen=True, kw_only=True)
class Ground:
    """The suite on its chain, before anybody does anything with it."""

    suite: Suite
    client: str
    """What the node calls itself."""
    first_block: int
    """From this one on there are events: the deployment's first."""
    deployed_block: int
    """The deployment's last."""
    token: Token
    settings: SendSettings

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


@dataclass(frozen=True, kw_only=True)
class Connection:
    """What the meter operator states of every home of a chapter."""

    grid_id: int
    capacity_w: int
    """Flexible capacity, W."""
    connection_w: int
    """W."""
    valid_from: int
    """UTC seconds."""
    valid_until: int
    """UTC seconds, exclusive."""


@contextmanager
def chain(network: str, start: int, *, block_gas: int = BLOCK_GAS) -> Iterator[LocalNode]:
    """A chain of its own that begins at `start` (UTC seconds), and ends with the block, whatever happens in it."""
    with LocalNode(NodeSettings(kind=NodeKind(network), timestamp=start, block_gas_limit=block_gas)) as node:
        yield node


def break_ground(node: LocalNode, folder: Path, say: Progress) -> Ground:
    """Deploys the suite; the address book goes into the folder."""
    config = load_config(node.settings.kind.value, clone_root() / "config")
    rpc = Rpc.at(node.url)
    settings = SendSettings(gas_price_wei=config.gas_price_wei, poll_seconds=0.05)
    book = deploy(config, Sender(rpc, development_accounts().deployer, settings), folder=folder)
    say(f"Deployed {len(book.contracts)} contracts; the deployer has no power left.")
    suite = Suite(rpc, book.addresses, first_block=book.first_block)
    return Ground(
        suite=suite,
        client=rpc.w3.client_version,
        first_block=book.first_block,
        deployed_block=rpc.block_number(),
        token=token_at(suite, book.addresses[MOCK]),
        settings=settings,
    )


def qualify_all(ground: Ground, players: Cast, *, until: int) -> None:
    """The aggregator as provider and everybody else who buys as buyer, until UTC seconds."""
    sender = ground.sender(players.market_operator)
    qualify(ground.suite, sender, players.aggregator.address, buyer=False, provider=True, expiry=until)
    for buyer in players.buyers.values():
        qualify(ground.suite, sender, buyer.address, buyer=True, provider=False, expiry=until)


def bring_money(ground: Ground, players: Cast, amounts: Mapping[str, str], say: Progress) -> None:
    """The aggregator and the buyers mint play money, whole tokens by name, and deposit it by permit."""
    buyers = ((buyer.value, signer) for buyer, signer in players.buyers.items())
    for name, owner in ((AGGREGATOR, players.aggregator), *buyers):
        amount = money(amounts[name], decimals=ground.token.decimals)
        deposit(ground.suite, ground.sender(owner), owner, ground.token.address, amount, mint=True)
        say(f"The {name} deposited {ground.show(amount)}.")


def enrol_home(
    ground: Ground,
    players: Cast,
    home: Home,
    stated: Connection,
    *,
    portfolio: bytes,
    customer_share_bps: int,
    deadline: int,
) -> None:
    """States a home's meter and brings it into the portfolio with its customer's consent, which is good until `deadline`."""
    consent = make_consent(
        ground.suite,
        home.customer,
        metering_point=home.metering_point,
        portfolio=portfolio,
        customer_share_bps=customer_share_bps,
        deadline=deadline,
    )
    signed = make_statement(ground.suite, players.meter_operator, statement_of(home, stated), device=home.device)
    enrol(ground.suite, ground.sender(players.aggregator), consent, signed)


def statement_of(home: Home, stated: Connection) -> Statement:
    """What the meter operator states of a home."""
    return Statement(
        metering_point=home.metering_point,
        customer=home.customer.address,
        scheme=home.device.scheme,
        signer=home.device.address,
        kind=DeviceKind.DEVICE,
        capacity_w=stated.capacity_w,
        connection_w=stated.connection_w,
        grid_id=stated.grid_id,
        valid_from=stated.valid_from,
        valid_until=stated.valid_until,
        sequence=1,
    )


def places_of(suite: Suite, portfolio: bytes, homes: tuple[Home, ...]) -> tuple[Place, ...]:
    """The portfolio's first places, which are those homes', as the registry has them."""
    entries = suite.devices.read_many("entry", [(portfolio, index) for index in range(len(homes))])
    points = suite.devices.read_many("meteringPoint", [(home.metering_point,) for home in homes])
    return tuple(Place(entry=entry, point=point) for entry, point in zip(entries, points, strict=True))


def give_gas_money(ground: Ground, players: Cast) -> None:
    """Coins of the chain for the homes whose accounts the node did not fund."""
    sender = ground.sender(players.deployer)
    for home in players.homes:
        if int(ground.suite.rpc.request("eth_getBalance", home.key.address, "latest"), 16) < GAS_MONEY:
            sender.send(Transaction(to=home.key.address, data=b"", title="Gas money", value=GAS_MONEY))
