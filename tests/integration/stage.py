"""A local chain with the suite on it and the people of a small story: three homes, an aggregator, two buyers."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from flexbond.chain.clock import set_time
from flexbond.chain.config import load_config
from flexbond.chain.deploy import deploy, load_suite
from flexbond.chain.development import customer_signer, development_accounts
from flexbond.chain.node import LocalNode, NodeKind, NodeSettings, clone_root
from flexbond.chain.rpc import Rpc
from flexbond.chain.send import Sender, SendSettings
from flexbond.metering import IntervalSeries
from flexbond.model.types import (
    NO_LOOKBACK,
    ClampLevel,
    DeviceKind,
    Direction,
    Grid,
    Lookback,
    Product,
    Rule,
    SignerScheme,
    Statement,
    ToleranceKind,
)
from flexbond.operations import dispatching, enrolment, governing, market, meters, money
from flexbond.operations.common import oracle_domain
from flexbond.operations.recordbook import RecordBook
from flexbond.rules import template
from flexbond.signing.devices import DeviceKey

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from flexbond.chain.config import NetworkConfig
    from flexbond.chain.suite import Suite
    from flexbond.operations.documents import SignedOffer
    from flexbond.signing.signers import Secp256k1Signer

HOUR = 3_600
DAY = 24 * HOUR
START = 1_470_009_600
"""2016-08-01T00:00Z, when the chain begins."""
WINDOW_START = START + DAY + 18 * HOUR
WINDOW_END = WINDOW_START + 2 * HOUR
NOTICE = WINDOW_START - HOUR - 60
"""When both buyers call."""
GRID = Grid(period_seconds=HOUR, readings_per_slot=24, offset_seconds=0)
HOMES = 3
CAPACITY_W = 5_000
DEPOSIT = 1_000 * 10**6
"""Base units that everyone of importance has in the escrow."""
FOREVER = 2**40 - 1


@dataclass(frozen=True, kw_only=True)
class Home:
    """A metering point with its device and its customer."""

    number: int
    point: bytes
    device: DeviceKey
    customer: Secp256k1Signer


def home(number: int) -> Home:
    """Home `number`, from 0; the third has a P-256 device."""
    scheme = SignerScheme.P256 if number == 2 else SignerScheme.SECP256K1
    return Home(
        number=number,
        point=bytes([number + 1]) * 16,
        device=DeviceKey.of(bytes([number + 1]) * 32, scheme),
        customer=customer_signer(number),
    )


class Stage:
    """The suite on a node, and who plays in it."""

    count = HOMES
    """Of homes."""

    def __init__(self, node: LocalNode, config: NetworkConfig, folder: Path) -> None:
        self.url = node.url
        self.config = config
        self.folder = folder
        self.rpc = Rpc.at(node.url)
        self.people = development_accounts()
        self.settings = SendSettings(gas_price_wei=config.gas_price_wei)
        deploy(config, self.sender(self.people.deployer), folder=folder / "deployments")
        self.suite: Suite = load_suite(self.rpc, folder / "deployments")
        self.token = self.suite.addresses["MockStablecoin"]
        self.homes = [home(number) for number in range(self.count)]
        self.portfolio = bytes(32)
        self.rule_id = bytes(32)

    def sender(self, signer: Secp256k1Signer) -> Sender:
        """Who sends for an account."""
        return Sender(self.rpc, signer, self.settings)

    def at(self, time: int) -> None:
        """Set the chain's time, UTC seconds."""
        set_time(self.rpc.w3, time)

    @property
    def book_path(self) -> Path:
        """The provider's record book."""
        return self.folder / "records.jsonl"

    def book(self) -> RecordBook:
        """The provider's record book, as it is on disk."""
        return RecordBook.open(self.book_path, oracle=oracle_domain(self.suite))

    # ------------------------------------------------------------ the story

    def rule(self) -> Rule:
        """Of the story, in this suite's money."""
        return rule_in(self.token, self.people.unclaimed.address)

    def lookback(self) -> Lookback:
        """What the rule looks back on: nothing."""
        return NO_LOOKBACK

    def product(self, *, window_start: int = WINDOW_START) -> Product:
        """Two hours of Shed in the evening, in lots of 1 kW."""
        return Product(
            provider=self.people.provider.address,
            portfolio_id=self.portfolio,
            zone=b"zone".ljust(32, b"\0"),
            direction=Direction.SHED,
            window_start=window_start,
            window_end=window_start + 2 * HOUR,
            notice_seconds=900,
            ramp_seconds=900,
            min_run_seconds=HOUR,
            max_run_seconds=2 * HOUR,
            lot_w=1_000,
            availability_per_mwhour=8 * 10**6,
            utilisation_per_mwh=300 * 10**6,
            shortfall_per_mwh=300 * 10**6,
            currency=self.token,
            rule_id=self.rule_id,
            transferable=True,
        )

    def open_market(self) -> None:
        """Grid, rule, participants and money."""
        suite, people = self.suite, self.people
        operator = self.sender(people.market_operator)
        governing.publish_grid(suite, operator, GRID)
        self.rule_id = governing.publish_rule(suite, operator, self.rule(), self.lookback())
        for account, buyer in ((people.provider, False), (people.buyer, True), (people.second_buyer, True)):
            governing.qualify(suite, operator, account.address, buyer=buyer, provider=not buyer, expiry=FOREVER)
            money.deposit(suite, self.sender(account), account, self.token, DEPOSIT, mint=True, up_to=True)

    def enrol_homes(self) -> None:
        """All homes into one portfolio."""
        suite, people = self.suite, self.people
        provider = self.sender(people.provider)
        self.portfolio = enrolment.create_portfolio(
            suite, provider, people.provider.address, zone=b"zone".ljust(32, b"\0"), customer_share_bps=6_000
        )
        for each in self.homes:
            enrolment.enrol(suite, provider, self.consent(each), self.statement(each))

    def statement(self, each: Home, *, sequence: int = 1) -> enrolment.SignedStatement:
        """What the meter operator states of a home, proven by its device."""
        terms = Statement(
            metering_point=each.point,
            customer=each.customer.address,
            scheme=each.device.signer.scheme,
            signer=each.device.signer.address,
            kind=DeviceKind.DEVICE,
            capacity_w=CAPACITY_W,
            connection_w=12_000,
            grid_id=1,
            valid_from=0,
            valid_until=FOREVER,
            sequence=sequence,
        )
        return enrolment.make_statement(self.suite, self.people.meter_operator, terms, device=each.device.signer)

    def consent(self, each: Home) -> enrolment.SignedConsent:
        """The customer's consent to the portfolio."""
        return enrolment.make_consent(
            self.suite,
            each.customer,
            metering_point=each.point,
            portfolio=self.portfolio,
            customer_share_bps=6_000,
            deadline=FOREVER,
        )

    def offer(self, *, units: int = 9, nonce: int = 1) -> SignedOffer:
        """The provider's offer of the evening."""
        return market.make_offer(
            self.suite,
            self.people.provider,
            self.product(),
            units=units,
            premium_per_unit=50_000,
            expiry=FOREVER,
            nonce=nonce,
        )

    def sell(self) -> bytes:
        """Six units to one buyer, three to the other; the right's id."""
        offer = self.offer()
        market.take(self.suite, self.sender(self.people.buyer), offer, units=6)
        return market.take(self.suite, self.sender(self.people.second_buyer), offer, units=3).right_id

    def call(self, right: bytes) -> tuple[dispatching.Called, dispatching.Called]:
        """Both buyers call the whole of it, an hour before the window."""
        if self.rpc.now() < NOTICE:
            self.at(NOTICE)
        buyer, second = self.sender(self.people.buyer), self.sender(self.people.second_buyer)
        first = dispatching.dispatch(self.suite, buyer, right, units=6, orders_w=[6_000, 6_000])
        return first, dispatching.dispatch(self.suite, second, right, units=2, orders_w=[2_000, 2_000])

    def series(self, each: Home) -> IntervalSeries:
        """Two days at 4 kWh an hour, and 1 kWh an hour in the window; the third home only falls to 2 kWh."""
        low = 2_000_000 if each.number == 2 else 1_000_000
        readings = [4_000_000] * 48
        for hour in (18, 19):
            readings[24 + hour] = low
        return IntervalSeries(
            metering_point=f"home-{each.number}",
            period_seconds=HOUR,
            start=START,
            readings=tuple(readings),
            estimated=(False,) * 48,
        )

    def sign(self, book: RecordBook) -> None:
        """All homes' two days into the book."""
        for each in self.homes:
            meters.sign_series(self.suite, book, self.series(each), each.point, each.device)

    def attest(self) -> RecordBook:
        """Sign and attest the day after the event."""
        self.at(START + 2 * DAY + 60)
        book = self.book()
        self.sign(book)
        self.attest_signed()
        return self.book()

    def attest_signed(self) -> None:
        """Bring what is in the book to the oracle."""
        meters.attest(self.suite, self.sender(self.people.relayer), self.book())

    def up_to_called(self, *, until: int = WINDOW_END + DAY + 60) -> bytes:
        """All up to the notices, and the attested records; the event's id. Then it is `until`, UTC seconds."""
        self.open_market()
        self.enrol_homes()
        right = self.sell()
        called, _ = self.call(right)
        self.attest()
        self.at(until)
        return called.event_id


def rule_in(currency: str, unclaimed_to: str) -> Rule:
    """Each home against its own last hour before the notice, clamped on its own, without tolerance."""
    return replace(
        template().filled(currency=currency, unclaimed_to=unclaimed_to).rule,
        clamp_level=ClampLevel.DEVICE,
        min_assurance=DeviceKind.DEVICE,
        tolerance_kind=ToleranceKind.DEDUCTIBLE,
        tolerance_bps=0,
        submission_deadline=2 * DAY,
        collect_period=30 * DAY,
    )


@contextmanager
def raised(kind: NodeKind, folder: Path, cls: type[Stage] = Stage) -> Iterator[Stage]:
    """A node of the kind with the suite on it, for the length of the block."""
    with LocalNode(NodeSettings(kind=kind, timestamp=START)) as node:
        yield cls(node, load_config(kind.value, clone_root() / "config"), folder)
