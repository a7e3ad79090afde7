"""The whole suite in the EVM of the process, deployed by the plan that real networks get, and everyone who uses it.

The fixture `world` gives every test the same world, undone afterwards: participants qualified, play money deposited, one
grid (quarter hours, a record a UTC day) and one rule published. What a helper makes it returns; the world itself remembers
nothing but what is on the chain, and of each measured event the commitment that its log told.

    def test_a_right_is_paid(world):
        homes = [world.home(i) for i in range(3)]
        portfolio = world.create_portfolio()
        for home in homes:
            world.enrol_home(home, portfolio)
        product = world.product(portfolio)                       # tomorrow 18:00 to 19:00
        world.buy(product, units=6, buyer=world.accounts.buyer)
        world.evm.time = product.window_start - 3600             # the gate
        called = world.dispatch(product, buyer, units=6, orders_w=[6000] * 4)
        batch = world.attest_readings(product, {home: lambda start: ... for home in homes})
        submission = world.submission(product, batch)
        world.submit(submission)
        responses = world.prove(submission)                      # mWh per period of the window
        settled = world.settle(product, called.dispatch, responses)
        world.collect(submission, index=0)

Amounts are base units of a token with 6 decimals, power is in W, energy in mWh, times are UTC seconds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from flexbond.chain.codec import Abi
from flexbond.chain.config import NetworkConfig, load_config
from flexbond.chain.development import DevelopmentAccounts, customer_signer, development_accounts
from flexbond.chain.plan import MOCK, run
from flexbond.hashing import ZERO_ADDRESS, ZERO_HASH, keccak
from flexbond.ids import event_id, responses_hash, right_id, rule_id, totals_hash
from flexbond.model.baseline import baseline_starts
from flexbond.model.delivery import MeasuredEvent, assemble, periods_of, plan_of
from flexbond.model.rules import measuring_terms_of
from flexbond.model.types import (
    NO_LOOKBACK,
    BaselineMethod,
    CalendarDays,
    Call,
    CapacityClaim,
    ClampLevel,
    Consent,
    Cursor,
    CurveKind,
    CurvePoint,
    DeviceKind,
    DeviceProof,
    Direction,
    DispatchKind,
    Entry,
    EventKey,
    Funding,
    Grid,
    Lookback,
    NeighboursClaim,
    Occasion,
    Offer,
    PayBase,
    Product,
    ProofContext,
    Question,
    Rule,
    SignedRecord,
    SignerScheme,
    Statement,
    ToleranceKind,
    Totals,
    WeightClaim,
)
from flexbond.model.types import Dispatch as FlexDispatch
from flexbond.records import MeterRecord, slot_of
from flexbond.signing.eip712 import Domain
from flexbond.signing.keys import development_device, development_p256_device, development_secret
from flexbond.signing.sign import prove_key, sign_consent, sign_offer, sign_record, sign_record_p256, sign_statement
from flexbond.signing.signers import P256Signer, Secp256k1Signer
from flexbond.trees import BatchTree, append, climb_batch, empty_frontier
from tests.support.evm import ANYONE, CHAIN_ID, Contract, Evm, Log, Receipt, address_of, artifacts
from tests.support.proofs import Batch, leaves_of, show

ROOT: Final = Path(__file__).resolve().parents[2]
MONEY: Final = 1_000_000 * 10**6
"""What everyone of importance has in the escrow, base units."""
DAY: Final = 86_400
FOREVER: Final = 2**40 - 1
"""The last time there is."""
SEED: Final = b"tests"
GRID: Final = Grid(period_seconds=900, readings_per_slot=96, offset_seconds=0)
"""Quarter hours, a record a UTC day; published as grid 1."""
GRID_ID: Final = 1
ZONE: Final = keccak(b"zone")

# Name in the world -> contract.
NAMES: Final = {
    "governance": "Governance",
    "escrow": "CollateralEscrow",
    "rulebook": "Rulebook",
    "participants": "ParticipantRegistry",
    "devices": "DeviceRegistry",
    "oracle": "MeterOracle",
    "verifier": "DeliveryVerifier",
    "rights": "FlexibilityRights",
    "measurement": "Measurement",
    "spot_checks": "SpotChecks",
    "payouts": "Payouts",
    "settlement": "Settlement",
    "market": "FlexibilityMarket",
    "token": MOCK,
}

Reading = Callable[[int], int]
"""What a meter reads in the period that starts at a time: UTC seconds -> mWh, `+` import."""


class InProcess:
    """Carries the plan out in the EVM of the process. Its calls leave the deployer's nonce alone, so it counts them."""

    def __init__(self, evm: Evm, deployer: str) -> None:
        self._evm = evm
        self._deployer = deployer
        self._calls = 0

    @property
    def deployer(self) -> str:
        """The deploying account."""
        return self._deployer

    def nonce(self) -> int:
        """Deployments and calls so far."""
        return self._evm.nonce(self._deployer) + self._calls

    def abi(self, contract: str) -> Abi:
        """As compiled."""
        return artifacts()[contract].abi

    def has_code(self, address: str) -> bool:
        """Whether there is a contract."""
        return bool(self._evm.code(address))

    def deploy(self, contract: str, arguments: Sequence[Any], nonce: int) -> None:
        """Deploys."""
        assert nonce == self.nonce()
        self._evm.deploy(contract, *arguments, sender=self._deployer)

    def send(self, contract: str, address: str, function: str, arguments: Sequence[Any], nonce: int) -> None:
        """Calls."""
        assert nonce == self.nonce()
        getattr(self._evm.at(contract, address), function).send(*arguments, sender=self._deployer)
        self._calls += 1

    def call(self, contract: str, address: str, function: str, arguments: Sequence[Any]) -> Any:
        """Reads."""
        return getattr(self._evm.at(contract, address), function).call(*arguments)


# ------------------------------------------------------------------ what helpers make


@dataclass(frozen=True, eq=False)
class Home:
    """A metering point, its customer and its device."""

    number: int
    customer: Secp256k1Signer
    device: Secp256k1Signer | P256Signer
    secret: bytes
    capacity_w: int
    connection_w: int
    kind: DeviceKind

    @property
    def metering_point(self) -> bytes:
        """Its pseudonym, 16 bytes."""
        return keccak(b"home" + self.number.to_bytes(8, "big"))[:16]


@dataclass(frozen=True, kw_only=True)
class Submission:
    """All that is submitted and proven of an event."""

    key: EventKey
    rule: Rule
    schedule: tuple[int, ...]
    """As nominated, mWh; empty otherwise."""
    lookback: Lookback
    """The rule's."""
    proofs: tuple[DeviceProof, ...]
    """By leaf."""
    measured: MeasuredEvent
    """Answers by leaf, totals, tree, and the responses that follow."""

    @property
    def event(self) -> bytes:
        """The event's id."""
        return event_id(self.key)

    def cursor(self, proven: int) -> Cursor:
        """Where proving stands after so many leaves."""
        frontier: tuple[bytes, ...] = empty_frontier(len(self.proofs)) if proven else ()
        for index in range(proven):
            frontier = append(frontier, index, self.measured.tree.levels[0][index])
        answers = self.measured.answers[:proven]
        totals = Totals(
            columns=_sums(answer.columns for answer in answers),
            weight=sum(answer.weight for answer in answers),
            baseline_milli_wh=_sums(answer.baseline_milli_wh for answer in answers),
            metered_milli_wh=_sums(answer.metered_milli_wh for answer in answers),
        )
        return Cursor(next=proven, frontier=frontier, totals=totals)


def _sums(series: Iterable[Sequence[int]]) -> tuple[int, ...]:
    return tuple(map(sum, zip(*series, strict=True)))


# ------------------------------------------------------------------ the world


class World:
    """The suite, its people, and what they do."""

    governance: Contract
    escrow: Contract
    rulebook: Contract
    participants: Contract
    devices: Contract
    oracle: Contract
    verifier: Contract
    rights: Contract
    measurement: Contract
    spot_checks: Contract
    payouts: Contract
    settlement: Contract
    market: Contract
    token: Contract
    measuring: Contract
    """What the verifier measures with, asked of one device whatever the suite knows of it."""

    def __init__(self, config: NetworkConfig | None = None, evm: Evm | None = None) -> None:
        self.evm = evm or Evm()
        self.accounts: DevelopmentAccounts = development_accounts()
        self.config = config or load_config("anvil", ROOT / "config")
        executor = InProcess(self.evm, self.accounts.deployer.address)
        self._commitments: dict[bytes, bytes] = {}
        self.addresses = run(self.config, executor, first_nonce=executor.nonce())
        for name, contract in NAMES.items():
            if contract in self.addresses:
                setattr(self, name, self.evm.at(contract, self.addresses[contract]))

    def settle_in(self) -> None:
        """People qualified, money deposited, the grid and the default rule published; what measures one device beside the suite."""
        self.measuring = self.evm.deploy("MeasuringHarness", self.oracle, self.devices, sender=ANYONE)
        people = self.accounts
        self.qualify(people.provider, provider=True)
        self.qualify(people.buyer, buyer=True)
        self.qualify(people.second_buyer, buyer=True)
        self.participants.appointOperator.send(people.provider_operator, FOREVER, sender=people.provider)
        for account in (people.provider, people.buyer, people.second_buyer):
            self.fund(account, MONEY)
        self.devices.publishGrid.send(GRID, sender=people.market_operator)
        self.publish(self.rule())

    def domain(self, contract: str) -> Domain:
        """The EIP-712 domain of a contract, such as `MeterOracle`."""
        return Domain.of(contract, chain_id=CHAIN_ID, contract=self.addresses[contract])

    # ---------------------------------------------------------------- people and money

    def qualify(self, account: Any, *, buyer: bool = False, provider: bool = False, expiry: int = FOREVER) -> Receipt:
        """Qualifies a participant."""
        operator = self.accounts.market_operator
        return self.participants.qualify.send(account, buyer, provider, keccak(b"seen"), expiry, sender=operator)

    def fund(self, account: Any, amount: int) -> None:
        """Mints play money and deposits it."""
        self.token.mint.send(account, amount, sender=account)
        self.token.approve.send(self.escrow.address, amount, sender=account)
        self.escrow.deposit.send(self.token.address, account, amount, sender=account)

    def free(self, account: Any) -> int:
        """Free balance in the escrow."""
        return int(self.escrow.free.call(self.token.address, account))

    # ---------------------------------------------------------------- meters

    def home(
        self,
        number: int,
        *,
        scheme: SignerScheme = SignerScheme.SECP256K1,
        capacity_w: int = 5_000,
        connection_w: int = 15_000,
        kind: DeviceKind = DeviceKind.DEVICE,
    ) -> Home:
        """Home `number`, always the same; nothing happens on the chain."""
        make = development_p256_device if scheme is SignerScheme.P256 else development_device
        return Home(
            number=number,
            customer=customer_signer(number),
            device=make(SEED, number),
            secret=development_secret(SEED, number),
            capacity_w=capacity_w,
            connection_w=connection_w,
            kind=kind,
        )

    def statement(self, home: Home, **changes: Any) -> Statement:
        """What the meter operator states of a home, from yesterday on for a year."""
        today = self.evm.time - self.evm.time % DAY
        statement = Statement(
            metering_point=home.metering_point,
            customer=home.customer.address,
            scheme=home.device.scheme,
            signer=home.device.address,
            kind=home.kind,
            capacity_w=home.capacity_w,
            connection_w=home.connection_w,
            grid_id=GRID_ID,
            valid_from=today - DAY,
            valid_until=today + 365 * DAY,
            sequence=1,
        )
        return replace(statement, **changes)

    def state(self, home: Home, statement: Statement | None = None, *, sender: Any = None) -> Receipt:
        """Brings a statement with the operator's signature and the device's proof of its key."""
        statement = statement or self.statement(home)
        operator = self.accounts.meter_operator
        domain = self.domain("DeviceRegistry")
        return self.devices.state.send(
            statement,
            operator.address,
            sign_statement(operator, domain, statement),
            prove_key(home.device, domain, statement),
            sender=sender or self.accounts.relayer,
        )

    def consent(self, home: Home, portfolio: bytes, **changes: Any) -> Consent:
        """The customer's consent, which it collects for itself."""
        consent = Consent(
            metering_point=home.metering_point,
            portfolio_id=portfolio,
            customer=home.customer.address,
            payee=home.customer.address,
            customer_share_bps=5_000,
            nonce=self.devices.nonces.call(home.customer),
            deadline=self.evm.time + DAY,
        )
        return replace(consent, **changes)

    def enrol(self, home: Home, consent: Consent, *, sender: Any = None) -> Receipt:
        """Enrols a stated home on its signed consent."""
        signature = sign_consent(home.customer, self.domain("DeviceRegistry"), consent)
        return self.devices.enrol.send(consent, signature, sender=sender or self.accounts.provider)

    def enrol_home(self, home: Home, portfolio: bytes) -> int:
        """Statement, key proof, consent, enrolment; the home's place in the portfolio."""
        self.state(home)
        return int(self.enrol(home, self.consent(home, portfolio)).value)

    def create_portfolio(self, *, provider: Any = None, share_bps: int = 6_000, salt: bytes = bytes(32)) -> bytes:
        """An empty portfolio of the provider."""
        owner = provider or self.accounts.provider
        created = self.devices.createPortfolio.send(address_of(owner), ZONE, share_bps, salt, sender=owner)
        return bytes(created.value)

    def portfolio_of(self, homes: Iterable[Home], **changes: Any) -> bytes:
        """A portfolio with these homes in it, a second before now, so that they count from now on."""
        portfolio = self.create_portfolio(**changes)
        for home in homes:
            self.enrol_home(home, portfolio)
        self.evm.time += 1
        return portfolio

    # ---------------------------------------------------------------- terms

    def rule(self, **changes: Any) -> Rule:
        """The default rule, or one that differs: each home against its last quarter hour before the notice."""
        rule = Rule(
            period_seconds=900,
            currency=self.token.address,
            baseline=BaselineMethod.METER_BEFORE,
            baseline_periods=1,
            clamp_level=ClampLevel.PORTFOLIO,
            estimated_allowed=False,
            min_assurance=DeviceKind.DEVICE,
            pay_base=PayBase.DELIVERED,
            over_delivery_cap_bps=10_000,
            pay_curve_kind=CurveKind.STEPS,
            pay_curve=(CurvePoint(ratio_bps=0, pay_bps=10_000),),
            tolerance_kind=ToleranceKind.DEDUCTIBLE,
            tolerance_bps=0,
            deficiency_uncapped=False,
            stop_loss_bps=10_000,
            collateral_bps=10_000,
            availability_curve_kind=CurveKind.LINEAR,
            availability_curve=(CurvePoint(ratio_bps=0, pay_bps=0), CurvePoint(ratio_bps=10_000, pay_bps=10_000)),
            min_dispatch_bps=1,
            min_customer_share_bps=5_000,
            funding=Funding.ESCROWED,
            unclaimed_to=self.accounts.unclaimed.address,
            gate_seconds=3_600,
            reading_deadline=DAY,
            submission_deadline=3 * DAY,
            proof_window=DAY,
            collect_period=60 * DAY,
            spot_checks=64,
        )
        return replace(rule, **changes)

    def publish(self, rule: Rule, lookback: Lookback = NO_LOOKBACK) -> bytes:
        """Publishes a rule; its id."""
        return bytes(self.rulebook.publish.send(rule, lookback, sender=self.accounts.market_operator).value)

    def publish_calendar(self, days: CalendarDays) -> bytes:
        """Publishes a calendar with these days; its id."""
        operator = self.accounts.market_operator
        published = self.rulebook.publishCalendar.send(days.calendar, days.first_day, sender=operator)
        calendar_id = bytes(published.value)
        self.rulebook.extendCalendar.send(calendar_id, days.first_day, days.summer, days.holidays, sender=operator)
        return calendar_id

    def tomorrow(self, hour: int = 0) -> int:
        """Start of an hour of tomorrow."""
        return self.evm.time - self.evm.time % DAY + DAY + 3_600 * hour

    def product(self, portfolio: bytes, *, rule: Rule | None = None, **changes: Any) -> Product:
        """Shed of 1 kW a unit, tomorrow from 18:00 to 19:00, under the default or the given rule."""
        rule = rule or self.rule()
        start = changes.get("window_start", self.tomorrow(18))
        end = changes.get("window_end", start + 3_600)
        product = Product(
            provider=self.accounts.provider.address,
            portfolio_id=portfolio,
            zone=ZONE,
            direction=Direction.SHED,
            window_start=start,
            window_end=end,
            notice_seconds=900,
            ramp_seconds=0,
            min_run_seconds=rule.period_seconds,
            max_run_seconds=end - start,
            lot_w=1_000,
            availability_per_mwhour=40 * 10**6,
            utilisation_per_mwh=600 * 10**6,
            shortfall_per_mwh=900 * 10**6,
            currency=rule.currency,
            rule_id=rule_id(rule),
            transferable=False,
        )
        return replace(product, **changes)

    # ---------------------------------------------------------------- rights

    def offer(self, product: Product, units: int, **changes: Any) -> Offer:
        """An offer to anyone under a nonce not used before."""
        nonce = self.market.minNonce.call(product.provider)
        while self.market.filled.call(product.provider, nonce):
            nonce += 1
        offer = Offer(
            product=product,
            units=units,
            premium_per_unit=50_000,
            buyer=ZERO_ADDRESS,
            expiry=self.evm.time + DAY,
            nonce=nonce,
        )
        return replace(offer, **changes)

    def take(
        self, offer: Offer, *, buyer: Any, units: int | None = None, signer: Any = None, sender: Any = None
    ) -> Receipt:
        """Takes an offer, all of it by default, signed by the provider or by `signer`."""
        who = signer or self.accounts.provider
        product = offer.product
        return self.market.take.send(
            offer,
            who.address,
            sign_offer(who, self.domain("FlexibilityMarket"), offer),
            address_of(buyer),
            offer.units if units is None else units,
            self.rights.previousWindow.call(product.portfolio_id, product.window_start),
            sender=sender or buyer,
        )

    def buy(self, product: Product, *, units: int, buyer: Any = None, **changes: Any) -> bytes:
        """Offer and purchase; the right's id."""
        self.take(self.offer(product, units, **changes), buyer=buyer or self.accounts.buyer)
        return right_id(product)

    def dispatch(
        self,
        product: Product,
        *,
        units: int,
        orders_w: Sequence[int],
        rule: Rule | None = None,
        holder: Any = None,
        kind: DispatchKind = DispatchKind.LIVE,
        sender: Any = None,
    ) -> Log:
        """Calls units now; the event, with `dispatch_id`, `dispatch` and `utilisation_locked`."""
        who = holder or self.accounts.buyer
        receipt = self.settlement.dispatch.send(
            product, rule or self.rule(), address_of(who), units, list(orders_w), kind, sender=sender or who
        )
        return receipt.only("Dispatched")

    def stop(
        self,
        product: Product,
        dispatch: FlexDispatch,
        from_period: int,
        *,
        rule: Rule | None = None,
        sender: Any = None,
    ) -> FlexDispatch:
        """Takes the order back from a period on; the dispatch as it is then."""
        receipt = self.settlement.stop.send(
            product, rule or self.rule(), dispatch, from_period, sender=sender or dispatch.holder
        )
        return receipt.only("DispatchChanged").dispatch  # type: ignore[no-any-return]

    def cancel(
        self, product: Product, dispatch: FlexDispatch, *, rule: Rule | None = None, sender: Any = None
    ) -> FlexDispatch:
        """Takes the whole order back; the dispatch as it is then."""
        receipt = self.settlement.cancel.send(product, rule or self.rule(), dispatch, sender=sender or dispatch.holder)
        return receipt.only("DispatchChanged").dispatch  # type: ignore[no-any-return]

    def excuse(self, product: Product, dispatch: FlexDispatch, mask: int, *, sender: Any = None) -> FlexDispatch:
        """Excuses the periods of a mask; the dispatch as it is then."""
        receipt = self.settlement.excuse.send(product, dispatch, mask, sender=sender or dispatch.holder)
        return receipt.only("DispatchChanged").dispatch  # type: ignore[no-any-return]

    def declare_unavailable(self, product: Product, *, sender: Any = None) -> Receipt:
        """Declares the portfolio unavailable for the product's window."""
        return self.rights.declareUnavailable.send(product.event_key, sender=sender or self.accounts.provider)

    def release(self, product: Product, *, units: int, holder: Any = None, sender: Any = None) -> Receipt:
        """Gives units up."""
        who = holder or self.accounts.buyer
        return self.rights.release.send(product, address_of(who), units, sender=sender or who)

    # ---------------------------------------------------------------- measuring

    def nominate(self, product: Product, schedule: Sequence[int], *, sender: Any = None) -> Receipt:
        """Commits a schedule, mWh per period of the window."""
        who = sender or self.accounts.provider
        return self.measurement.nominate.send(product.event_key, list(schedule), sender=who)

    def record(self, home: Home, slot_start: int, readings: Sequence[int], **changes: Any) -> MeterRecord:
        """A record of a home over one slot of the grid."""
        return MeterRecord.of(
            metering_point=home.metering_point,
            slot_start=slot_start,
            period_seconds=GRID.period_seconds,
            readings_milli_wh=readings,
            secret=home.secret,
            **changes,
        )

    def sign(self, home: Home, record: MeterRecord) -> Any:
        """The record signed by the home's device, as the oracle takes it."""
        domain = self.domain("MeterOracle")
        if isinstance(home.device, P256Signer):
            return sign_record_p256(home.device, domain, record)
        return sign_record(home.device, domain, record)

    def attest(self, records: Sequence[tuple[Home, MeterRecord]], *, sender: Any = None) -> Batch:
        """Attests records, all of one scheme, as one batch."""
        signed = [self.sign(home, record) for home, record in records]
        is_secp = isinstance(signed[0], SignedRecord)
        attest = self.oracle.attest if is_secp else self.oracle.attestP256
        batch = Batch(
            homes=tuple(home for home, _ in records),
            records=tuple(record for _, record in records),
            tree=BatchTree.of([record.struct_hash for _, record in records]),
        )
        root = attest.send(signed, sender=sender or self.accounts.relayer).value
        assert root == batch.tree.root
        return batch

    def anchor(
        self,
        records: Sequence[tuple[Home, MeterRecord]],
        *,
        histories: Sequence[Sequence[int]] = (),
        above: Sequence[bytes] = (),
        sender: Any = None,
    ) -> Batch:
        """Anchors records, each a leaf or in one of the histories, under the root that the siblings `above` lead to."""
        signed = [self.sign(home, record) for home, record in records]
        tree = BatchTree.of(leaves_of([record for _, record in records], histories))
        root = climb_batch(tree.root, above)
        self.oracle.anchor.send(root, sender=sender or self.accounts.relayer)
        return Batch(
            homes=tuple(home for home, _ in records),
            records=tuple(record for _, record in records),
            tree=tree,
            histories=tuple(map(tuple, histories)),
            signatures=tuple(b"".join(item.as_tuple()[2:]) for item in signed),
            above=tuple(above),
            kept_root=root,
        )

    def attest_readings(self, product: Product, readings: Mapping[Home, Reading], *, rule: Rule | None = None) -> Batch:
        """Attests for each home the records of the days that the event needs, after the last of them has ended.

        Goes on in time to the end of the last day if that is still to come.
        """
        return self.attest(self.records_of(product, readings, rule=rule))

    def records_of(
        self, product: Product, readings: Mapping[Home, Reading], *, rule: Rule | None = None
    ) -> list[tuple[Home, MeterRecord]]:
        """Those that `attest_readings` attests, to be kept in another way."""
        starts = self.needed_starts(product, rule=rule)
        slots = sorted({slot_of(GRID, start) for start in starts})
        self.evm.time = max(self.evm.time, slots[-1] + GRID.slot_seconds)
        records = []
        for home, reading in readings.items():
            for slot in slots:
                values = [reading(slot + place * GRID.period_seconds) for place in range(GRID.readings_per_slot)]
                records.append((home, self.record(home, slot, values)))
        return records

    def question(
        self,
        product: Product,
        *,
        rule: Rule | None = None,
        lookback: Lookback = NO_LOOKBACK,
        calls: Sequence[Call] = (),
    ) -> Question:
        """What is asked of a device that was in these calls of earlier windows."""
        rule = rule or self.rule()
        key = product.event_key
        state = self.measurement.eventState.call(event_id(key))
        asked = Question(key=key, first_notice=state.first_notice, ordered_mask=state.ordered_mask)
        if rule.baseline is not BaselineMethod.X_OF_Y:
            return asked
        first = min(key.window_start // DAY - lookback.look_back_days, state.first_notice // DAY) - 1
        until = min(key.window_end // DAY + 3, self.rulebook.nextDay.call(lookback.calendar_id))
        days = self.rulebook.calendarDays.call(lookback.calendar_id, first, until)
        return replace(asked, lookback=lookback, calendar=days, calls=tuple(calls))

    def occasion(
        self, product: Product, *, rule: Rule | None = None, lookback: Lookback = NO_LOOKBACK, calls_from: int = 0
    ) -> Occasion:
        """A called event, as far as its devices are measured."""
        key = product.event_key
        state = self.measurement.eventState.call(event_id(key))
        return Occasion(
            terms=measuring_terms_of(rule or self.rule()),
            key=key,
            first_notice=state.first_notice,
            ordered_mask=state.ordered_mask,
            lookback=lookback,
            calls_from=calls_from,
        )

    def needed_starts(
        self,
        product: Product,
        *,
        rule: Rule | None = None,
        lookback: Lookback = NO_LOOKBACK,
        calls: Sequence[Call] = (),
    ) -> list[int]:
        """Start of every reading that the event needs: of the ordered periods, and of the baseline."""
        rule = rule or self.rule()
        asked = self.question(product, rule=rule, lookback=lookback, calls=calls)
        length = rule.period_seconds
        periods = {product.window_start + p * length for p in periods_of(asked.ordered_mask)}
        plan = plan_of(rule, asked)
        if plan is None:
            periods |= set(baseline_starts(rule, asked.first_notice))
        else:
            rows = (*plan.starts, plan.adjustment_starts, *plan.past_adjustment_starts)
            periods |= {start for row in rows for start in row if start is not None}
        return sorted({start for period in periods for start in range(period, period + length, GRID.period_seconds)})

    def submission(
        self,
        product: Product,
        *batches: Batch | None,
        rule: Rule | None = None,
        lookback: Lookback = NO_LOOKBACK,
        schedule: Sequence[int] = (),
        silent: Iterable[Home] = (),
        calls: Mapping[bytes, Sequence[Call]] | None = None,
    ) -> Submission:
        """What follows from the kept records; the homes in `silent`, and those without record, show none.

        `calls` holds those of earlier windows by metering point.
        """
        rule = rule or self.rule()
        key = product.event_key
        kept = [batch for batch in batches if batch is not None]
        mute = {home.metering_point for home in silent}
        owners = {home.metering_point: home for batch in kept for home in batch.homes}
        question = self.question(product, rule=rule, lookback=lookback)
        proofs, answers = [], []
        for entry in self.entries(key, question.first_notice):
            home = owners.get(entry.metering_point)
            asked = replace(question, calls=tuple((calls or {}).get(entry.metering_point, ())))
            proof = DeviceProof(records=())
            if home and entry.metering_point not in mute:
                starts = self.needed_starts(product, rule=rule, lookback=lookback, calls=asked.calls)
                proof = show(kept, home, starts)
            proofs.append(proof)
            answers.append(self.measuring.measure.call(measuring_terms_of(rule), asked, entry, proof))
        sums = self.devices.sumsBefore.call(key.portfolio_id, question.first_notice)
        measured = assemble(rule=rule, question=question, answers=answers, sums=sums, schedule_milli_wh=schedule)
        return Submission(
            key=key, rule=rule, schedule=tuple(schedule), lookback=lookback, proofs=tuple(proofs), measured=measured
        )

    def entries(self, key: EventKey, first_notice: int) -> list[Entry]:
        """The portfolio's list as it stood just before the first notice."""
        count = self.devices.sumsBefore.call(key.portfolio_id, first_notice).entries
        return [self.devices.entry.call(key.portfolio_id, index) for index in range(count)]

    def submit(self, submission: Submission, *, sender: Any = None) -> Receipt:
        """Submits, at the reading deadline if that is still to come."""
        self.evm.time = max(self.evm.time, submission.key.window_end + submission.rule.reading_deadline)
        return self.measurement.submit.send(
            submission.key,
            submission.measured.tree.root,
            submission.measured.totals,
            sender=sender or self.accounts.provider,
        )

    def context(self, submission: Submission, proven: int = 0) -> ProofContext:
        """What a proving transaction needs beside its leaves, with so many proven before."""
        return ProofContext(
            key=submission.key,
            schedule_milli_wh=submission.schedule,
            lookback=submission.lookback,
            cursor=submission.cursor(proven),
        )

    def prove_part(self, submission: Submission, *, proven: int, count: int, sender: Any = None) -> Receipt:
        """Proves the next `count` leaves, with so many proven before."""
        proofs = list(submission.proofs[proven : proven + count])
        who = sender or self.accounts.provider
        return self.measurement.prove.send(self.context(submission, proven), proofs, sender=who)

    def prove(self, submission: Submission, *, at_a_time: int | None = None, sender: Any = None) -> tuple[int, ...]:
        """Proves all leaves, by default in one transaction; the event's responses, mWh per period of the window."""
        count = len(submission.proofs)
        step = at_a_time or count
        receipts = [
            self.prove_part(submission, proven=proven, count=min(step, count - proven), sender=sender)
            for proven in range(0, count, step)
        ]
        return self.note_measured(receipts[-1])

    def note_measured(self, receipt: Receipt) -> tuple[int, ...]:
        """Keeps what `settle` needs of the event that a transaction measured; its responses, mWh per period of the window."""
        measured = receipt.only("EventMeasured")
        self._commitments[measured.event_id] = measured.commitment
        return tuple(measured.responses_milli_wh)

    def fail(self, product: Product, *, sender: Any = None) -> Receipt:
        """Ends an event that nobody submitted, or proved, in time."""
        return self.measurement.fail.send(product.event_key, sender=sender or self.accounts.relayer)

    # ---------------------------------------------------------------- money at the end

    def settle(
        self,
        product: Product,
        dispatch: FlexDispatch,
        responses: Sequence[int] = (),
        *,
        rule: Rule | None = None,
        commitment: bytes | None = None,
        sender: Any = None,
    ) -> Receipt:
        """Settles a dispatch; `value` of the receipt is how it ended. With responses, of the submission that was measured."""
        if commitment is None:
            commitment = self._commitments.get(event_id(product.event_key), ZERO_HASH) if responses else ZERO_HASH
        who = sender or self.accounts.relayer
        return self.settlement.settle.send(
            product, rule or self.rule(), dispatch, commitment, list(responses), sender=who
        )

    def settle_uncalled(self, product: Product, *, rule: Rule | None = None, sender: Any = None) -> Receipt:
        """Settles what of a right was never called."""
        return self.settlement.settleUncalled.send(product, rule or self.rule(), sender=sender or self.accounts.relayer)

    def weight_claim(self, submission: Submission, index: int) -> WeightClaim:
        """A leaf's claim to its share of the event's pool."""
        measured = submission.measured
        return WeightClaim(
            key=submission.key,
            currency=submission.rule.currency,
            index=index,
            weight_word=measured.weight_words[index],
            columns_hash=measured.columns_hashes[index],
            path=measured.tree.path(index),
            total_weight=measured.totals.weight,
            totals_hash=totals_hash(measured.totals),
            responses_hash=responses_hash(measured.responses_milli_wh),
        )

    def collect(self, submission: Submission, *, index: int, sender: Any = None) -> Receipt:
        """Collects a leaf's share; `value` of the receipt is the amount."""
        claim = self.weight_claim(submission, index)
        return self.payouts.collect.send(claim, sender=sender or self.accounts.relayer)

    def neighbours_claim(self, submission: Submission, first: int, count: int) -> NeighboursClaim:
        """The claim of neighbouring leaves to their shares of the event's pool."""
        measured, end = submission.measured, first + count
        return NeighboursClaim(
            key=submission.key,
            currency=submission.rule.currency,
            first=first,
            weight_words=tuple(measured.weight_words[first:end]),
            columns_hashes=tuple(measured.columns_hashes[first:end]),
            path=measured.tree.run_path(first, count),
            total_weight=measured.totals.weight,
            totals_hash=totals_hash(measured.totals),
            responses_hash=responses_hash(measured.responses_milli_wh),
        )

    def collect_many(self, claims: Sequence[NeighboursClaim], *, sender: Any = None) -> Receipt:
        """Collects for many leaves at once; `value` of the receipt is the amount in all."""
        return self.payouts.collectMany.send(list(claims), sender=sender or self.accounts.relayer)

    def collect_by_capacity(self, product: Product, *, index: int, sender: Any = None) -> Receipt:
        """Collects a place's share of the pool of a right never called; `value` of the receipt is the amount."""
        claim = CapacityClaim(
            pool_id=right_id(product),
            key=product.event_key,
            currency=product.currency,
            index=index,
            root=bytes(32),
            total_weight=0,
            totals_hash=bytes(32),
            responses_hash=bytes(32),
        )
        return self.payouts.collectByCapacity.send(claim, sender=sender or self.accounts.relayer)
