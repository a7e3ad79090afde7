"""Who and what is the same in every run: people, tokens, rules, products, homes, records. Whatever is signed, is signed once."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, Final

from flexbond import ids
from flexbond.chain.development import customer_signer
from flexbond.hashing import ZERO_ADDRESS, keccak
from flexbond.model.calendar import calendar_id
from flexbond.model.suite import BroughtRecord
from flexbond.model.types import (
    Adjustment,
    BaselineMethod,
    ClampLevel,
    Consent,
    CurveKind,
    CurvePoint,
    DaySelection,
    DeviceKind,
    Direction,
    Funding,
    Grid,
    Offer,
    PayBase,
    Product,
    Rule,
    SignerScheme,
    Statement,
    ToleranceKind,
)
from flexbond.records import MeterRecord
from flexbond.signing.eip712 import Domain, digest_of
from flexbond.signing.messages import PayeeChange
from flexbond.signing.sign import (
    prove_key,
    sign_consent,
    sign_offer,
    sign_payee_change,
    sign_record,
    sign_record_p256,
    sign_statement,
)
from flexbond.signing.signers import P256Signer, RecoverableSignature, Secp256k1Signer, SignerError, recover
from tests.support.evm import GENESIS
from tests.support.lookbacks import calendar_days, day_class, lookback
from tests.support.world import DAY, FOREVER, ZONE, Home

if TYPE_CHECKING:
    from tests.invariant.stage import Stage

HOUR: Final = 3_600
GRID: Final = Grid(period_seconds=900, readings_per_slot=8, offset_seconds=0)
"""Quarter hours, a record for every two hours."""
GRID_ID: Final = 1
WEALTH: Final = 10**12
"""What most deposit at first, base units."""
POCKET: Final = 2 * 10**6
"""What the second buyer deposits: too little for much."""
CAPACITIES: Final = (5_000, 3_000, 2_000, 4_000, 2_500, 1_000)
"""Flexible capacity of each home, W."""
PORTFOLIO_OF: Final = (0, 0, 0, 1, 1)
"""By home; the last one is enrolled nowhere."""
CONNECTION_W: Final = 9_000
WINDOWS: Final = ((12, 14, 0), (14, 16, 1), (13, 15, 0), (20, 24, 2), (26, 28, 3))
"""Half hours of the day between which each window lies, and its rule for the first portfolio; the third overlaps the first two."""
TOKENS: Final = ("MockStablecoin", "CallbackToken", "FeeToken", "RebasingToken")
DAYS: Final = calendar_days(GENESIS // DAY)
"""A calendar without clock changes."""
PAST: Final = lookback(
    calendar_id(DAYS.calendar),
    day_class(x=1, y=2, min_days=1, selection=DaySelection.MID),
    look_back_days=2,
    max_excluded_days=1,
    min_event_bps=2_000,
    adjustment=Adjustment.ADDITIVE,
    adjustment_periods=2,
    adjustment_cap_bps=5_000,
)
"""What the rule of past days looks back on: one of two days, moved by the half hour before the notice."""
STEPS: Final = ((6_000, 2_500), (7_000, 5_000), (8_000, 7_000), (9_000, 8_500), (9_500, 9_500), (9_700, 10_000))


def _curve(*points: tuple[int, int]) -> tuple[CurvePoint, ...]:
    return tuple(CurvePoint(ratio_bps=ratio, pay_bps=pay) for ratio, pay in points)


@dataclass(frozen=True)
class Shown:
    """A record as it can be brought: what the oracle takes, and what the model says of it."""

    home: Home
    record: MeterRecord
    signed: Any
    brought: BroughtRecord

    @property
    def signature(self) -> bytes:
        """As it is shown for a record that was only anchored."""
        return b"".join(self.signed.as_tuple()[2:])


class Cast:
    """Everyone, on a stage."""

    capacities: ClassVar[tuple[int, ...]] = CAPACITIES
    portfolio_of: ClassVar[tuple[int, ...]] = PORTFOLIO_OF
    first_day: ClassVar[int] = 2  # there are days to look back on
    windows: ClassVar[tuple[tuple[int, int, int], ...]] = WINDOWS

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        world = stage.world
        people = world.accounts
        self.people = people
        self.second_provider = customer_signer(700)
        self.token = world.token.address
        self.tokens = [self.token, *(world.evm.deploy(name, sender=people.relayer).address for name in TOKENS[1:])]
        self.hostile = world.evm.deploy("ReentrantReceiver", sender=people.attacker)
        stage.wallets[self.hostile.address] = self.hostile
        self.homes = [self._home(number) for number in range(len(self.capacities))]
        self.providers = [people.provider.address, self.second_provider.address]
        self.buyers = [people.buyer.address, people.second_buyer.address, self.hostile.address]
        self.funded = self.providers + self.buyers
        """Who has money in the escrow at first; the poor one too little for much."""
        self.poor = people.second_buyer.address
        customers = [home.customer.address for home in self.homes]
        self.everyone = [
            *(self.providers + self.buyers + customers),
            *(people.provider_operator.address, people.attacker.address, people.relayer.address),
            *(people.unclaimed.address, people.market_operator.address, people.meter_operator.address),
            people.guardian.address,
        ]
        self.contracts = list(world.addresses.values())
        self.portfolios = [ids.portfolio_id(provider, ZONE, bytes(32)) for provider in self.providers]
        self.rules = self._rules()
        self.rule_by_id = {ids.rule_id(rule): rule for rule in self.rules}
        self.domains = {name: world.domain(name) for name in ("DeviceRegistry", "FlexibilityMarket", "MeterOracle")}
        self.signers = {signer.address: signer for signer in self._keys()}

    def _keys(self) -> list[Secp256k1Signer]:
        people = self.people
        named = [getattr(people, name) for name in type(people).__dataclass_fields__]
        return [*named, self.second_provider, *(home.customer for home in self.homes)]

    def _home(self, number: int) -> Home:
        scheme = SignerScheme.P256 if number == len(self.capacities) - 1 else SignerScheme.SECP256K1
        kind = DeviceKind.GATEWAY if number == 1 else DeviceKind.DEVICE
        home = self.stage.world.home(number, scheme=scheme, connection_w=CONNECTION_W, kind=kind)
        return replace(home, capacity_w=self.capacities[number])

    def _rules(self) -> tuple[Rule, ...]:
        plain, callback = self.tokens[:2]
        clocks = {
            "gate_seconds": HOUR,
            "reading_deadline": 2 * HOUR,
            "submission_deadline": 4 * HOUR,
            "proof_window": HOUR,
            "collect_period": 30 * DAY,
            "unclaimed_to": self.people.unclaimed.address,
            "spot_checks": 8,
        }
        base = self.stage.world.rule(currency=plain, min_assurance=DeviceKind.DATA_COLLECTOR, **clocks)
        plain_rules = (base, self._by_steps(base, callback), self._nominated(base), self._in_arrears(base))
        return (*plain_rules, self._of_past_days(base))

    @staticmethod
    def _by_steps(base: Rule, currency: str) -> Rule:
        return replace(
            base,
            currency=currency,
            period_seconds=1_800,
            baseline_periods=2,
            clamp_level=ClampLevel.DEVICE,
            estimated_allowed=True,
            min_assurance=DeviceKind.DEVICE,
            pay_base=PayBase.ORDERED,
            pay_curve_kind=CurveKind.STEPS,
            pay_curve=_curve(*STEPS),
            tolerance_kind=ToleranceKind.THRESHOLD,
            tolerance_bps=1_000,
            collateral_bps=15_000,
            stop_loss_bps=8_000,
            min_customer_share_bps=0,
        )

    @staticmethod
    def _nominated(base: Rule) -> Rule:
        return replace(
            base,
            baseline=BaselineMethod.NOMINATED,
            baseline_periods=0,
            over_delivery_cap_bps=12_000,
            pay_curve_kind=CurveKind.LINEAR,
            pay_curve=_curve((2_000, 1_000), (9_000, 10_000)),
            tolerance_bps=333,
            deficiency_uncapped=True,
            availability_curve_kind=CurveKind.STEPS,
            availability_curve=_curve(*STEPS),
            min_dispatch_bps=3_000,
        )

    @staticmethod
    def _in_arrears(base: Rule) -> Rule:
        return replace(
            base,
            baseline=BaselineMethod.REFERENCE_LEVEL,
            baseline_periods=0,
            funding=Funding.STATEMENT,
            stop_loss_bps=5_000,
            spot_checks=3,
        )

    @staticmethod
    def _of_past_days(base: Rule) -> Rule:
        return replace(
            base,
            baseline=BaselineMethod.X_OF_Y,
            baseline_periods=0,
            lookback_hash=ids.lookback_hash(PAST),
            spot_checks=6,
        )

    # ---------------------------------------------------------------- products and offers

    @functools.cached_property
    def _products(self) -> dict[tuple[int, int, int, int], Product]:
        return {}

    def product(self, portfolio: int, day: int, window: int, variant: int) -> Product:
        """Of a portfolio, on a day since the start, in one of its windows; see `WINDOWS` and `VARIANTS`."""
        key = (portfolio, day, window, variant)
        if key not in self._products:
            self._products[key] = self._product(*key)
        return self._products[key]

    def _product(self, portfolio: int, day: int, window: int, variant: int) -> Product:
        first, last, rule_number = self.windows[window]
        rule = self.rules[(rule_number + portfolio) % len(self.rules)]
        midnight = GENESIS + day * DAY
        start, end = midnight + first * 1_800, midnight + last * 1_800
        product = self.stage.world.product(
            self.portfolios[portfolio],
            rule=rule,
            provider=self.providers[portfolio],
            window_start=start,
            window_end=end,
            direction=Direction.ABSORB if window == 3 else Direction.SHED,
            reference_w=7_001 if rule.baseline is BaselineMethod.REFERENCE_LEVEL else 0,
            ramp_seconds=60,
            lot_w=1_000,
        )
        other = self.rules[(rule_number + portfolio + 1) % len(self.rules)]
        return replace(product, **VARIANTS[variant](product, other))

    @functools.cached_property
    def _signatures(self) -> dict[Any, bytes]:
        return {}

    def offer(self, product: Product, units: int, premium: int, buyer: str, nonce: int) -> Offer:
        """An offer that expires when its window begins."""
        return Offer(
            product=product,
            units=units,
            premium_per_unit=premium,
            buyer=buyer,
            expiry=product.window_start,
            nonce=nonce,
        )

    def sign(self, make: Any, signer: Any, domain: str, message: Any) -> bytes:
        """The signature, made once."""
        key = (signer.address, domain, message)
        if key not in self._signatures:
            self._signatures[key] = make(signer, self.domains[domain], message)
        return self._signatures[key]

    def sign_offer(self, signer: Any, offer: Offer) -> bytes:
        """Signed by anyone."""
        return self.sign(sign_offer, signer, "FlexibilityMarket", offer)

    def sign_consent(self, signer: Any, consent: Consent) -> bytes:
        """Signed by anyone."""
        return self.sign(sign_consent, signer, "DeviceRegistry", consent)

    def sign_payee_change(self, signer: Any, change: PayeeChange) -> bytes:
        """Signed by anyone."""
        return self.sign(sign_payee_change, signer, "DeviceRegistry", change)

    def sign_statement(self, signer: Any, statement: Statement) -> bytes:
        """Signed by anyone."""
        return self.sign(sign_statement, signer, "DeviceRegistry", statement)

    def prove_key(self, device: Any, statement: Statement) -> bytes:
        """By any device."""
        key = (device.address, "key", statement)
        if key not in self._signatures:
            self._signatures[key] = prove_key(device, self.domains["DeviceRegistry"], statement)
        return self._signatures[key]

    def statement(self, home: Home, sequence: int, **changes: Any) -> Statement:
        """What the meter operator states of a home: for two days, if nothing else is said."""
        statement = Statement(
            metering_point=home.metering_point,
            customer=home.customer.address,
            scheme=home.device.scheme,
            signer=home.device.address,
            kind=home.kind,
            capacity_w=home.capacity_w,
            connection_w=home.connection_w,
            grid_id=GRID_ID,
            valid_from=GENESIS - DAY,
            valid_until=FOREVER,
            sequence=sequence,
        )
        return replace(statement, **changes)

    # ---------------------------------------------------------------- records

    @functools.cached_property
    def _records(self) -> dict[Any, Shown]:
        return {}

    def shown(self, number: int, slot: int, revision: int, variant: int, tamper: str = "") -> Shown:
        """A home's record of a slot, by its number since the start; `tamper` names what is wrong with it."""
        key = (number, slot, revision, variant, tamper)
        if key not in self._records:
            self._records[key] = self._shown(*key)
        return self._records[key]

    def _shown(self, number: int, slot: int, revision: int, variant: int, tamper: str) -> Shown:
        home = self.homes[number]
        start = GENESIS + slot * GRID.slot_seconds + (450 if tamper == "off grid" else 0)
        record = MeterRecord.of(
            metering_point=keccak(b"nobody")[:16] if tamper == "unregistered" else home.metering_point,
            slot_start=start,
            period_seconds=GRID.period_seconds,
            readings_milli_wh=readings(number, slot, revision, variant),
            secret=home.secret,
            estimated=(3,) if variant == 2 else (),
            revision=revision,
        )
        domain = self.domains["MeterOracle"]
        if tamper == "other chain":
            domain = Domain(name=domain.name, chain_id=1, contract=domain.contract)
        key = self.homes[(number + 1) % 4].device if tamper == "other device" else home.device
        return self._signed(home, record, key, domain, head=record.head.pack() | (tamper == "malformed"))

    def _signed(self, home: Home, record: MeterRecord, key: Any, domain: Domain, head: int) -> Shown:
        if isinstance(key, P256Signer):
            signed: Any = sign_record_p256(key, domain, record)
            recovered = key.address if domain is self.domains["MeterOracle"] else ZERO_ADDRESS
        else:
            signed = sign_record(key, domain, record)
            recovered = self._recovered(record, signed)
        signed = replace(signed, head=head)
        brought = BroughtRecord(head=head, commitment=record.commitment, recovered=recovered)
        return Shown(home, record, signed, brought)

    def _recovered(self, record: MeterRecord, signed: Any) -> str:
        vs = signed.vs
        signature = RecoverableSignature(r=signed.r, s=bytes([vs[0] & 0x7F]) + vs[1:], parity=vs[0] >> 7)
        try:
            return recover(digest_of(self.domains["MeterOracle"].separator, record.struct_hash), signature)
        except SignerError:
            return ZERO_ADDRESS


def readings(number: int, slot: int, revision: int, variant: int) -> Sequence[int]:
    """What a home metered in a slot, mWh: anything up to its connection's power, in every other slot a third of that, so
    that windows there have something to show; variant 3 goes beyond the connection.
    """
    drawn = keccak(bytes([number, slot % 256, slot // 256, revision, variant]))
    most = CONNECTION_W * 250
    parts = [int.from_bytes(drawn[2 * place : 2 * place + 2], "big") for place in range(GRID.readings_per_slot)]
    values = [part * 5 * most // (4 << 16) - most // 4 for part in parts]
    return [(value // 3 if slot % 2 else value) + (2 * most if variant == 3 else 0) for value in values]


VARIANTS: Final[tuple[Callable[[Product, Rule], dict[str, Any]], ...]] = (
    lambda product, other: {},
    lambda product, other: {"lot_w": 1, "transferable": True},
    lambda product, other: {
        "utilisation_per_mwh": 123_456_789,
        "availability_per_mwhour": 7_777_777,
        "shortfall_per_mwh": 987_654_321,
        "lot_w": 333,
        "transferable": True,
    },
    lambda product, other: {"availability_per_mwhour": 0, "utilisation_per_mwh": 0, "shortfall_per_mwh": 1},
    lambda product, other: {"rule_id": ids.rule_id(other), "currency": other.currency, "reference_w": 0},
    lambda product, other: {"direction": Direction(1 - product.direction)},
    lambda product, other: {"min_run_seconds": 3_600, "max_run_seconds": 3_600},
    lambda product, other: {"window_end": product.window_end + 1_800},
    lambda product, other: {"zone": keccak(b"elsewhere")},
)
"""What makes products of one window differ: lots, prices, dust; and what must not be."""
