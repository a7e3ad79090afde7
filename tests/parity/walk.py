"""A random walk through the suite, wrong turns included, on the chain and on the model."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from flexbond import ids
from flexbond.hashing import ZERO_ADDRESS
from flexbond.model.calendar import calendar_id
from flexbond.model.settlement import pool_of
from flexbond.model.suite import BroughtRecord
from flexbond.model.types import (
    NO_LOOKBACK,
    Adjustment,
    BaselineMethod,
    CapacityClaim,
    ClampLevel,
    Cursor,
    DeviceProof,
    Direction,
    DispatchKind,
    EventKey,
    EventStatus,
    Funding,
    Offer,
    Product,
    ProofContext,
    Rule,
    Silence,
    ToleranceKind,
    Totals,
    WeightClaim,
)
from flexbond.signing.messages import PayeeChange
from flexbond.signing.sign import prove_key, sign_consent, sign_offer, sign_payee_change, sign_statement
from flexbond.trees import BatchTree
from tests.parity.mirror import Mirror
from tests.support.lookbacks import calendar_days, day_class, lookback
from tests.support.proofs import Batch, show
from tests.support.world import DAY, ZONE, Home

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

    from flexbond.model.delivery import MeasuredEvent, ShownRecord
    from flexbond.model.types import Lookback
    from flexbond.records import MeterRecord
    from flexbond.signing.signers import Secp256k1Signer

NO_TOTALS: Final = Totals(columns=(), weight=0, baseline_milli_wh=(), metered_milli_wh=())
NOTHING: Final = DeviceProof(records=())
"""What is shown for a silent device."""
START_CURSOR: Final = Cursor(next=0, frontier=(), totals=NO_TOTALS)


@dataclass(frozen=True, kw_only=True)
class Submitted:
    """What was submitted of an event, to be proven and collected."""

    measured: MeasuredEvent
    proofs: tuple[DeviceProof, ...]


class Walk:
    """Everyone's next step, chosen at random."""

    def __init__(self, mirror: Mirror, random: random.Random) -> None:
        self.mirror, self.world, self.suite, self.random = mirror, mirror.world, mirror.suite, random
        self.people = self.world.accounts
        self.homes = [self.world.home(number) for number in range(6)]
        self.by_point = {home.metering_point: home for home in self.homes}
        self.sequences = dict.fromkeys(self.by_point, 0)
        self.batches: list[Batch] = []
        self.signers: dict[bytes, str] = {}
        self.submissions: dict[bytes, Submitted] = {}
        self.days = calendar_days(self.world.evm.time // DAY)
        self.lookback = lookback(
            calendar_id(self.days.calendar),
            day_class(x=2, y=3, min_days=2),
            look_back_days=4,
            adjustment=Adjustment.MULTIPLICATIVE,
            adjustment_periods=4,
        )
        self.past: list[Batch] = []
        """Records of the days before."""
        self.rules = self._rules()
        self.portfolios: list[bytes] = []
        self.products: list[Product] = []
        self.wrong = 0.0
        """how often somebody does the unusual"""
        self._prepare()
        self.wrong = 0.04
        self.keys = list({product.event_key: None for product in self.products})
        self.known_rules = {ids.rule_id(rule): rule for rule in self.rules}
        self.moments = sorted(self._moments())
        gates = [key.window_start - self.known_rules[key.rule_id].gate_seconds for key in self.keys]
        self.phases = (min(gates), max(key.window_end for key in self.keys))

    # -------------------------------------------------------------- the stage

    def _rules(self) -> list[Rule]:
        base = self.world.rule()
        portfolio_wide: dict[str, Any] = {"baseline_periods": 0, "clamp_level": ClampLevel.PORTFOLIO}
        return [
            base,
            self.world.rule(
                clamp_level=ClampLevel.DEVICE,
                baseline_periods=3,
                funding=Funding.STATEMENT,
                min_dispatch_bps=3000,
                deficiency_uncapped=True,
                tolerance_bps=500,
                stop_loss_bps=9000,
            ),
            self.world.rule(
                baseline=BaselineMethod.NOMINATED, tolerance_kind=ToleranceKind.THRESHOLD, **portfolio_wide
            ),
            self.world.rule(
                baseline=BaselineMethod.REFERENCE_LEVEL, over_delivery_cap_bps=12_000, spot_checks=3, **portfolio_wide
            ),
            self.world.rule(
                baseline=BaselineMethod.X_OF_Y, baseline_periods=0, lookback_hash=ids.lookback_hash(self.lookback)
            ),
        ]

    def _prepare(self) -> None:
        """Rules, two portfolios of three homes, and products of one evening."""
        operator, provider = self.people.market_operator, self.people.provider
        self._publish_calendar()
        for rule in self.rules[1:]:
            past = self.lookback_of(rule)
            self._both(
                "publish",
                lambda rule=rule, past=past: self.world.rulebook.publish.send(rule, past, sender=operator),
                lambda rule=rule, past=past: self.suite.rulebook.publish(
                    rule, past, sender=operator.address, now=self.now
                ),
            )
        for number in range(2):
            made = self._both(
                "createPortfolio",
                lambda number=number: self.world.devices.createPortfolio.send(
                    provider, ZONE, 6000, bytes([number]) * 32, sender=provider
                ),
                lambda number=number: self.suite.devices.create_portfolio(
                    provider.address, ZONE, 6000, bytes([number]) * 32, sender=provider.address, now=self.now
                ),
            )
            self.portfolios.append(made[1])
        for number, home in enumerate(self.homes):
            self.state(home)
            self.enrol(home, self.portfolios[number // 3])
        self._keep_past_days()
        self.world.evm.time += 1
        first, second = self.portfolios
        evening = self.world.tomorrow(18)

        def product(portfolio: bytes, rule: int, hour: int, **changes: Any) -> Product:
            start = evening + 3600 * hour
            return self.world.product(
                portfolio, rule=self.rules[rule], window_start=start, window_end=start + 3600, **changes
            )

        self.products = [
            product(first, 0, 0),
            product(first, 0, 0, utilisation_per_mwh=7 * 10**8, transferable=True, min_run_seconds=1800),
            product(first, 2, 2),
            product(first, 3, 3, reference_w=20_000),
            replace(product(first, 0, 0), window_start=evening + 1800, window_end=evening + 5400),
            product(second, 1, 0, direction=Direction.ABSORB, transferable=True),
            product(second, 3, 2, reference_w=10_000, direction=Direction.ABSORB),
            product(second, 0, 2),
            product(first, 4, 4),
            product(second, 4, 3),
            product(second, 4, 3, direction=Direction.SHED, utilisation_per_mwh=10**8),
        ]

    def _publish_calendar(self) -> None:
        days, operator = self.days, self.people.market_operator
        pages = (self.lookback.calendar_id, days.first_day, days.summer, days.holidays)
        self._both(
            "publishCalendar",
            lambda: self.world.rulebook.publishCalendar.send(days.calendar, days.first_day, sender=operator),
            lambda: self.suite.rulebook.publish_calendar(days.calendar, days.first_day, sender=operator.address),
        )
        self._both(
            "extendCalendar",
            lambda: self.world.rulebook.extendCalendar.send(*pages, sender=operator),
            lambda: self.suite.rulebook.extend_calendar(*pages, sender=operator.address),
        )

    def _keep_past_days(self) -> None:
        """Yesterday's records are attested, those of the day before anchored; today's are missing."""
        today = self.now - self.now % DAY
        for back in (2, 1):
            levels = [10**6 + 10**5 * number for number in range(len(self.homes))]
            records = [
                (home, self.world.record(home, today - back * DAY, [level * back] * 96))
                for home, level in zip(self.homes, levels, strict=True)
            ]
            self._keep(records, is_anchored=back == 2)
        self.past, self.batches = self.batches, []

    def lookback_of(self, rule: Rule) -> Lookback:
        """What is published and proven with a rule."""
        return self.lookback if rule.baseline is BaselineMethod.X_OF_Y else NO_LOOKBACK

    def _moments(self) -> set[int]:
        """Times at which something begins or ends."""
        found: set[int] = set()
        for key in self.keys:
            rule = self.known_rules[key.rule_id]
            start, end = key.window_start, key.window_end
            found |= {start - rule.gate_seconds, start - 900, start + 900, end}
            found |= {end - end % DAY + DAY + 3600, end + rule.reading_deadline}
            found |= {end + rule.submission_deadline, end + rule.submission_deadline + rule.proof_window}
            found |= {end + rule.submission_deadline + rule.collect_period + DAY}
        return found

    # -------------------------------------------------------------- walking

    @property
    def now(self) -> int:
        """UTC seconds."""
        return self.world.evm.time

    @property
    def accounts(self) -> list[str]:
        """Everyone whose money is compared."""
        named = [getattr(self.people, name).address for name in self.people.__dataclass_fields__]
        return [*named, *(home.customer.address for home in self.homes), self.suite.addresses.payouts]

    def step(self) -> None:
        """One step of somebody."""
        if self.random.random() < 0.06:
            self.go_on()
        # How often before the first gate closes, until the last window ends, and afterwards.
        actions: list[tuple[tuple[int, int, int], Callable[[], None]]] = [
            ((3, 2, 1), self.money),
            ((3, 1, 1), lambda: self.state(self.home())),
            ((3, 2, 1), lambda: self.enrol(self.home(), self.random.choice(self.portfolios))),
            ((1, 1, 1), self.leave_or_void),
            ((1, 1, 1), self.change_payee),
            ((1, 1, 1), self.authority),
            ((14, 4, 1), self.take),
            ((1, 1, 1), self.cancel_offers),
            ((3, 2, 1), self.give_up),
            ((2, 14, 1), self.dispatch),
            ((1, 8, 2), self.change_dispatch),
            ((6, 1, 1), self.nominate),
            ((0, 1, 8), self.attest),
            ((1, 1, 14), self.submit),
            ((1, 1, 24), self.prove),
            ((1, 1, 2), self.fail),
            ((1, 1, 18), self.settle),
            ((1, 2, 3), self.settle_uncalled),
            ((1, 1, 18), self.collect),
            ((0, 1, 3), self.sweep),
        ]
        phase = sum(self.now >= moment for moment in self.phases)
        weights = [weight[phase] for weight, _ in actions]
        self.random.choices([action for _, action in actions], weights)[0]()

    def go_on(self) -> None:
        """To the next moment, or a second around it."""
        later = [moment for moment in self.moments if moment > self.now + 1]
        if later:
            self.world.evm.time = max(self.now + 1, later[0] + self.random.choice([-1, 0, 0, 1]))

    def _both(self, name: str, chain: Callable[[], Any], model: Callable[[], Any]) -> tuple[bool, Any]:
        return self.mirror.both(name, chain, model)

    def errs(self) -> bool:
        """Seldom."""
        return self.random.random() < self.wrong

    def maybe(self, usual: Any, *others: Any) -> Any:
        """Mostly the usual thing."""
        return self.random.choice(others) if self.errs() else usual

    def somebody(self, usual: Secp256k1Signer) -> Secp256k1Signer:
        """Mostly who should."""
        return self.maybe(usual, self.people.attacker, self.people.buyer, self.people.provider)

    def provider(self) -> Secp256k1Signer:
        """The provider, its operator, or somebody else."""
        return self.maybe(self.people.provider, self.people.provider_operator, self.people.attacker)

    def home(self) -> Home:
        """Any home."""
        return self.random.choice(self.homes)

    def product(self) -> Product:
        """Any product, seldom one that cannot be."""
        product = self.random.choice(self.products)
        issued = [item for item in self.products if ids.right_id(item) in self.suite.rights.rights]
        if issued and self.random.random() < 0.6:
            product = self.random.choice(issued)
        wrong = [
            {"lot_w": 0}, {"currency": ZERO_ADDRESS}, {"schema": 2}, {"zone": bytes(32)}, {"reference_w": 5},
            {"window_end": product.window_end + 1}, {"notice_seconds": 3601}, {"min_run_seconds": 5400},
            {"max_run_seconds": 0}, {"provider": self.people.buyer.address}, {"rule_id": bytes(32)},
            {"portfolio_id": bytes(32)}, {"provider": self.people.unclaimed.address}, {"lot_w": 1001},
        ]  # fmt: skip
        return self.maybe(product, replace(product, **self.random.choice(wrong)))

    def rule_of(self, product: Product) -> Rule:
        """Its rule, seldom another."""
        known = self.known_rules.get(product.rule_id, self.rules[0])
        return self.maybe(known, known, self.rules[0])

    def key(self) -> EventKey:
        """Any event, mostly one that was called."""
        called = [key for key in self.keys if ids.event_id(key) in self.suite.measurement.events]
        return self.random.choice(called) if called and self.random.random() < 0.9 else self.random.choice(self.keys)

    # -------------------------------------------------------------- money and people

    def money(self) -> None:
        """A deposit or a withdrawal."""
        who = self.random.choice([self.people.buyer, self.people.provider, self.people.attacker])
        token = self.maybe(self.mirror.token, self.people.attacker.address)
        amount = self.random.choice([1, 1000, self.maybe(10**6, 0, 10**14)])
        if self.random.random() < 0.5:
            to = self.maybe(who.address, ZERO_ADDRESS)
            self._both(
                "withdraw",
                lambda: self.world.escrow.withdraw.send(token, to, amount, sender=who),
                lambda: self.suite.escrow.withdraw(token, to, amount, sender=who.address),
            )
            return
        here = self.suite.addresses.escrow
        allowed = self.maybe(2**256 - 1, 0, 10**6)
        self.world.token.mint.send(who, amount % 10**7, sender=who)
        self.suite.tokens.mint(self.mirror.token, who.address, amount % 10**7)
        self.world.token.approve.send(here, allowed, sender=who)
        self.suite.tokens.approve(self.mirror.token, here, allowed, sender=who.address)
        self._both(
            "deposit",
            lambda: self.world.escrow.deposit.send(token, who, amount, sender=who),
            lambda: self.suite.escrow.deposit(token, who.address, amount, sender=who.address),
        )

    def state(self, home: Home) -> None:
        """A statement of a home, at times with another capacity or customer."""
        registry, operator = self.world.domain("DeviceRegistry"), self.people.meter_operator
        point = home.metering_point
        sequence = self.sequences[point] + self.maybe(1, 0)
        statement = replace(self.world.statement(home), sequence=sequence, valid_from=0)
        if self.sequences[point]:
            usual = [{"capacity_w": 4000}, {"connection_w": 20_000}, {}, {}]
            unusual = [
                {"capacity_w": 0},
                {"capacity_w": 99_999},
                {"customer": self.people.buyer.address},
                {"grid_id": 2},
                {"valid_until": self.now},
                {"scheme": 0},
            ]
            statement = replace(statement, **self.maybe(self.random.choice(usual), *unusual))
        by = self.maybe(operator, self.people.attacker)
        signed, proven = not self.errs(), not self.errs()
        signature = sign_statement(by if signed else self.people.relayer, registry, statement)
        proof = prove_key(home.device if proven else self.people.relayer, registry, statement)
        went, _ = self._both(
            "state",
            lambda: self.world.devices.state.send(statement, by.address, signature, proof, sender=self.people.relayer),
            lambda: self.suite.devices.state(
                statement,
                by.address,
                signed=signed,
                key_proven=proven,
                sender=self.people.relayer.address,
                now=self.now,
            ),
        )
        if went:
            self.sequences[point] = sequence

    def enrol(self, home: Home, portfolio: bytes) -> None:
        """A home joins a portfolio."""
        nonce = self.suite.devices.nonces(home.customer.address) + self.maybe(0, 1)
        consent = replace(
            self.world.consent(home, portfolio),
            nonce=nonce,
            customer_share_bps=self.maybe(6000, 9000),
            deadline=self.maybe(self.now + 1, self.now),
            payee=self.maybe(home.customer.address, ZERO_ADDRESS),
        )
        signed, who = not self.errs(), self.provider()
        signer = home.customer if signed else self.people.attacker
        signature = sign_consent(signer, self.world.domain("DeviceRegistry"), consent)
        self._both(
            "enrol",
            lambda: self.world.devices.enrol.send(consent, signature, sender=who),
            lambda: self.suite.devices.enrol(consent, signed=signed, sender=who.address, now=self.now),
        )

    def leave_or_void(self) -> None:
        """A home leaves, its statement is voided, or it is suspended."""
        home = self.home()
        point, choice = home.metering_point, self.random.random()
        if choice < 0.5:
            who = self.maybe(home.customer, self.people.provider, self.people.attacker)
            self._both(
                "leave",
                lambda: self.world.devices.leave.send(point, sender=who),
                lambda: self.suite.devices.leave(point, sender=who.address, now=self.now),
            )
        elif choice < 0.9:
            who = self.maybe(home.customer, self.people.meter_operator, self.people.attacker)
            self._both(
                "voidStatement",
                lambda: self.world.devices.voidStatement.send(point, sender=who),
                lambda: self.suite.devices.void_statement(point, sender=who.address, now=self.now),
            )
        else:
            who = self.maybe(self.people.meter_operator, self.people.attacker)
            self._both(
                "suspend",
                lambda: self.world.devices.suspend.send(point, sender=who),
                lambda: self.suite.devices.suspend(point, sender=who.address, now=self.now),
            )

    def change_payee(self) -> None:
        """Another collects for a place."""
        portfolio = self.random.choice(self.portfolios)
        entries = self.suite.devices.entries(portfolio)
        index = self.random.randrange(len(entries) + 1)
        present = entries[index].payee if index < len(entries) else ZERO_ADDRESS
        signer = next((home.customer for home in self.homes if home.customer.address == present), self.people.attacker)
        payee, deadline = self.maybe(self.home().customer.address, ZERO_ADDRESS), self.maybe(self.now + 9, self.now)
        sender = self.random.choice([signer, self.people.relayer])
        change = PayeeChange(
            portfolio_id=portfolio,
            index=index,
            payee=payee,
            nonce=self.suite.devices.nonces(present),
            deadline=deadline,
        )
        signature = sign_payee_change(signer, self.world.domain("DeviceRegistry"), change)
        self._both(
            "changePayee",
            lambda: self.world.devices.changePayee.send(portfolio, index, payee, deadline, signature, sender=sender),
            lambda: self.suite.devices.change_payee(
                portfolio,
                index,
                payee,
                deadline,
                signed=signer.address == present,
                sender=sender.address,
                now=self.now,
            ),
        )

    def authority(self) -> None:
        """Pausing, qualification, a raised share."""
        who, choice = self.somebody(self.people.guardian), self.random.random()
        if choice < 0.4:
            part, contract = self.random.choice(
                [(self.suite.rights, self.world.rights), (self.suite.devices, self.world.devices)]
            )
            paused = self.errs()
            self._both(
                "setPaused",
                lambda: contract.setPaused.send(paused, sender=who),
                lambda: part.set_paused(paused, sender=who.address, now=self.now),
            )
        elif choice < 0.7:
            operator = self.somebody(self.people.market_operator)
            account = self.random.choice([self.people.buyer, self.people.second_buyer])
            values = (not self.errs(), False, bytes(32), self.now + self.maybe(10 * DAY, 0, 3600))
            self._both(
                "qualify",
                lambda: self.world.participants.qualify.send(account, *values, sender=operator),
                lambda: self.suite.participants.qualify(
                    account.address, *values, sender=operator.address, now=self.now
                ),
            )
        else:
            provider, portfolio = self.provider(), self.random.choice(self.portfolios)
            share = self.random.choice([5000, 6500, 7000, 10_001])
            self._both(
                "raiseCustomerShare",
                lambda: self.world.devices.raiseCustomerShare.send(portfolio, share, sender=provider),
                lambda: self.suite.devices.raise_customer_share(
                    portfolio, share, sender=provider.address, now=self.now
                ),
            )

    # -------------------------------------------------------------- rights

    def take(self) -> None:
        """A buyer takes an offer."""
        product, provider = self.product(), self.people.provider
        buyer = self.random.choice([self.people.buyer, self.people.second_buyer])
        offer = Offer(
            product=product,
            units=self.random.choice([3, 5, 30]),
            premium_per_unit=self.maybe(1000, 0, 2**200),
            buyer=self.maybe(ZERO_ADDRESS, self.people.buyer.address),
            expiry=self.maybe(self.now + 1, self.now),
            nonce=self.random.randrange(40),
        )
        units = self.random.choice([1, 2, 3, 4, self.maybe(5, 0, 25)])
        signer, signed = self.provider(), not self.errs()
        who = self.somebody(buyer)
        previous = self.suite.rights.previous_window(product.portfolio_id, product.window_start)
        previous = self.maybe(previous, 0, previous + 900)
        key = signer if signed else self.people.relayer
        signature = sign_offer(key, self.world.domain("FlexibilityMarket"), offer)
        self._both(
            "take",
            lambda: self.world.market.take.send(
                offer, signer.address, signature, buyer.address, units, previous, sender=who
            ),
            lambda: self.suite.market.take(
                offer, signer.address, buyer.address, units, previous, signed=signed, sender=who.address, now=self.now
            ),
        )
        assert self.world.market.filled.call(product.provider, offer.nonce) == self.suite.market.filled(
            product.provider, offer.nonce
        ), provider

    def cancel_offers(self) -> None:
        """Offers are cancelled."""
        who, provider = self.provider(), self.people.provider.address
        nonce = self.random.randrange(40)
        if self.random.random() < 0.7:
            self._both(
                "cancelOffer",
                lambda: self.world.market.cancel.send(provider, nonce, sender=who),
                lambda: self.suite.market.cancel(provider, nonce, sender=who.address, now=self.now),
            )
            return
        nonce //= 10
        self._both(
            "cancelAll",
            lambda: self.world.market.cancelAll.send(provider, nonce, sender=who),
            lambda: self.suite.market.cancel_all(provider, nonce, sender=who.address, now=self.now),
        )

    def give_up(self) -> None:
        """A right is released or passed on, or the provider declares itself unavailable."""
        product, choice = self.product(), self.random.random()
        holder = self.random.choice([self.people.buyer, self.people.second_buyer])
        who, units = self.somebody(holder), self.random.choice([1, 1, 2, self.maybe(1, 0, 50)])
        if choice < 0.45:
            self._both(
                "release",
                lambda: self.world.rights.release.send(product, holder, units, sender=who),
                lambda: self.suite.rights.release(product, holder.address, units, sender=who.address, now=self.now),
            )
        elif choice < 0.8:
            to = self.random.choice([self.people.buyer, self.people.second_buyer, self.people.attacker]).address
            to, right = self.maybe(to, ZERO_ADDRESS), ids.right_id(product)
            self._both(
                "safeTransferFrom",
                lambda: self.world.rights.safeTransferFrom.send(
                    holder, to, ids.token_id(right), units, b"", sender=who
                ),
                lambda: self.suite.rights.safe_transfer_from(
                    holder.address, to, right, units, sender=who.address, now=self.now
                ),
            )
        else:
            provider = self.provider()
            self._both(
                "declareUnavailable",
                lambda: self.world.rights.declareUnavailable.send(product.event_key, sender=provider),
                lambda: self.suite.rights.declare_unavailable(product.event_key, sender=provider.address, now=self.now),
            )

    # -------------------------------------------------------------- dispatches

    def dispatch(self) -> None:
        """Units are called."""
        product = self.product()
        rule = self.rule_of(product)
        held = [
            holder
            for holder in (self.people.buyer, self.people.second_buyer)
            if self.suite.rights.balance_of(holder.address, ids.right_id(product))
        ]
        holder = self.random.choice(held or [self.people.buyer])
        who, units = self.somebody(holder), self.random.choice([1, 2, self.maybe(3, 0)])
        usual = self.random.choice([(1, 1, 1, 1), (0, 1, 1, 0), (1, 1, 0, 0), (0, 1, 1, 1)])
        pattern = self.maybe(usual, (1, 0, 1, 1), (0, 0, 0, 0), (1, 1, 1))
        power = units * 1000 - self.maybe(0, -1000, 1, 200)
        orders = [max(0, power) * flag for flag in pattern]
        kind = self.random.choice(list(DispatchKind))
        self._both(
            "dispatch",
            lambda: self.world.settlement.dispatch.send(product, rule, holder, units, orders, kind, sender=who),
            lambda: self.suite.settlement.dispatch(
                product, rule, holder.address, units, orders, kind, sender=who.address, now=self.now
            ),
        )

    def _called(self) -> tuple[Product, Rule, Any] | None:
        """A dispatch with its product and rule; seldom with others."""
        known = [dispatch for dispatch in self.suite.settlement.dispatches.values() if dispatch]
        if not known:
            return None
        dispatch = self.random.choice(known)
        of = next(product for product in self.products if ids.right_id(product) == dispatch.right_id)
        dispatch = self.maybe(dispatch, replace(dispatch, units=dispatch.units + 1))
        product = self.maybe(of, self.random.choice(self.products))
        return product, self.rule_of(of), dispatch

    def change_dispatch(self) -> None:
        """A dispatch is stopped, cancelled or excused."""
        called = self._called()
        if called is None:
            return
        product, rule, dispatch = called
        holder = next(p for p in (self.people.buyer, self.people.second_buyer) if p.address == dispatch.holder)
        who, choice = self.somebody(holder), self.random.random()
        if choice < 0.35:
            period = self.random.randrange(5)
            self._both(
                "stop",
                lambda: self.world.settlement.stop.send(product, rule, dispatch, period, sender=who),
                lambda: self.suite.settlement.stop(product, rule, dispatch, period, sender=who.address, now=self.now),
            )
        elif choice < 0.5:
            self._both(
                "cancel",
                lambda: self.world.settlement.cancel.send(product, rule, dispatch, sender=who),
                lambda: self.suite.settlement.cancel(product, rule, dispatch, sender=who.address, now=self.now),
            )
        else:
            mask = self.random.choice([1, 2, 9, 15, 16])
            self._both(
                "excuse",
                lambda: self.world.settlement.excuse.send(product, dispatch, mask, sender=who),
                lambda: self.suite.settlement.excuse(product, dispatch, mask, sender=who.address, now=self.now),
            )

    # -------------------------------------------------------------- measuring

    def nominate(self) -> None:
        """A schedule is committed."""
        nominated = [key for key in self.keys if self.known_rules[key.rule_id].baseline is BaselineMethod.NOMINATED]
        key = self.maybe(self.random.choice(nominated), self.random.choice(self.keys))
        who = self.provider()
        schedule = [self.random.randrange(-(10**6), 10**7) for _ in range(self.maybe(4, 3))]
        self._both(
            "nominate",
            lambda: self.world.measurement.nominate.send(key, schedule, sender=who),
            lambda: self.suite.measurement.nominate(key, schedule, sender=who.address, now=self.now),
        )

    def attest(self) -> None:
        """Some homes' records of the evening are brought."""
        day = self.keys[0].window_start - self.keys[0].window_start % DAY
        if self.now < day + DAY and self.random.random() < 0.7:
            return
        homes = self.random.sample(self.homes, self.random.choice([1, 6]))
        records = []
        for home in homes:
            before = self.random.randrange(10**6, 2 * 10**6)
            evening = [before - self.random.randrange(-200_000, 10**6) for _ in range(24)]
            start = self.maybe(day, day + 900)
            revision = self.random.choice([0, 0, 0, 1, 2])
            records.append((home, self.world.record(home, start, [before] * 72 + evening, revision=revision)))
        self._keep(records, wrong=self.maybe(None, 0), is_anchored=self.random.random() < 0.4)

    def _keep(
        self, records: list[tuple[Home, MeterRecord]], *, wrong: int | None = None, is_anchored: bool = False
    ) -> None:
        """Brings records, or their root alone; the signature of one may be wrong."""
        brought = [
            BroughtRecord(
                head=record.head.pack(),
                commitment=record.commitment,
                recovered=(self.homes[0] if index == wrong else home).device.address,
            )
            for index, (home, record) in enumerate(records)
        ]
        signed = [
            self.world.sign(self.homes[0] if index == wrong else home, record)
            for index, (home, record) in enumerate(records)
        ]
        batch = Batch(
            homes=tuple(home for home, _ in records),
            records=tuple(record for _, record in records),
            tree=BatchTree.of([record.struct_hash for _, record in records]),
            signatures=tuple(b"".join(one.as_tuple()[2:]) for one in signed),
        )
        self.signers.update(zip(batch.signatures, (one.recovered for one in brought), strict=True))
        if is_anchored:
            went, _ = self._both(
                "anchor",
                lambda: self.world.oracle.anchor.send(batch.tree.root, sender=self.people.relayer),
                lambda: self.suite.oracle.anchor(batch.tree.root, sender=self.people.relayer.address, now=self.now),
            )
        else:
            went, _ = self._both(
                "attest",
                lambda: self.world.oracle.attest.send(signed, sender=self.people.relayer),
                lambda: self.suite.oracle.attest(brought, now=self.now),
            )
        if went:
            self.batches.append(batch)

    def _proof(self, key: EventKey, point: bytes) -> DeviceProof:
        """The last record of a home that was kept, opened from noon on; with those of past days where they matter."""
        day = key.window_start - key.window_start % DAY
        starts = list(range(day + DAY // 2, key.window_end, 900))
        last = [batch for batch in self.batches if batch.proof(self.by_point[point], starts).records][-1:]
        looks_back = self.known_rules[key.rule_id].baseline is BaselineMethod.X_OF_Y
        backs = range(self.lookback.look_back_days + 1) if looks_back else (0,)
        return show(
            [*self.past, *last], self.by_point[point], [start - back * DAY for start in starts for back in backs]
        )

    def _shown(self, key: EventKey, rule: Rule, proof: DeviceProof) -> list[ShownRecord]:
        first_notice = self.suite.measurement.event_state(ids.event_id(key)).first_notice
        return [
            self.suite.oracle.shown(
                opening,
                proof.inclusions,
                first_notice=first_notice,
                deadline=key.window_end + rule.reading_deadline,
                recovered=self.signers.get(opening.signature, ZERO_ADDRESS),
            )
            for opening in proof.records
        ]

    def submit(self) -> None:
        """An event is submitted, mostly as it was."""
        key = self.key()
        rule, event_id, who = self.known_rules[key.rule_id], ids.event_id(key), self.provider()
        state = self.suite.measurement.event_state(event_id)
        leaves = self.suite.devices.sums_before(key.portfolio_id, state.first_notice).entries
        entries = self.suite.devices.entries(key.portfolio_id)[:leaves]
        hidden = self.maybe(-1, 0)
        proofs = [
            NOTHING if index == hidden else self._proof(key, entry.metering_point)
            for index, entry in enumerate(entries)
        ]
        shown = [self._shown(key, rule, proof) for proof in proofs]
        calls = self.suite.rights.calls_from(key.portfolio_id, 0, key.window_start)
        measured = self.suite.measurement.measured(
            key,
            rule,
            shown,
            lookback=self.lookback_of(rule) if leaves else NO_LOOKBACK,
            calls=[[call for call in calls if entry.was_in_before(call.first_notice)] for entry in entries],
        )
        accepted = tuple(
            proof if answer.silence is Silence.OK or self.random.random() < 0.02 else NOTHING
            for proof, answer in zip(proofs, measured.answers, strict=True)
        )
        root = self.maybe(measured.tree.root, bytes(32))
        true = measured.totals
        wrong = [{"columns": (*true.columns, 0)}, {"weight": 2**128 - 1}, {"weight": true.weight + 1}]
        totals = self.maybe(true, *(replace(true, **fields) for fields in wrong))
        went, _ = self._both(
            "submit",
            lambda: self.world.measurement.submit.send(key, root, totals, sender=who),
            lambda: self.suite.measurement.submit(key, root, totals, sender=who.address, now=self.now),
        )
        if went:
            self.submissions[event_id] = Submitted(measured=measured, proofs=accepted)

    def prove(self) -> None:
        """Some leaves are proven."""
        waiting = [
            key
            for key in self.keys
            if ids.event_id(key) in self.submissions
            and self.suite.measurement.event_state(ids.event_id(key)).status is EventStatus.SUBMITTED
        ]
        key = self.random.choice(waiting) if waiting else self.key()
        event_id, rule, who = ids.event_id(key), self.known_rules[key.rule_id], self.provider()
        submitted = self.submissions.get(event_id)
        cursor = self.suite.measurement.cursors.get(event_id, START_CURSOR)
        cursor = self.maybe(cursor, START_CURSOR, replace(cursor, next=cursor.next + 1))
        chosen: tuple[DeviceProof, ...] = ()
        if submitted:
            chosen = submitted.proofs[cursor.next : cursor.next + self.random.choice([1, 2, 3, 9])]
            chosen = self.maybe(chosen, (*chosen, NOTHING))
        schedule = self.suite.measurement.schedules.get(event_id, ())
        context = ProofContext(
            key=key,
            schedule_milli_wh=self.maybe(schedule, (*schedule, 1)),
            lookback=self.maybe(self.lookback_of(rule), replace(self.lookback, look_back_days=5)),
            cursor=cursor,
        )
        shown = [self._shown(key, rule, proof) for proof in chosen]

        def model() -> None:
            self.suite.measurement.prove(context, shown, sender=who.address, now=self.now)

        went, _ = self._both("prove", lambda: self.world.measurement.prove.send(context, chosen, sender=who), model)
        if went and rule.baseline is BaselineMethod.X_OF_Y and any(proof.records for proof in chosen):
            self.mirror.steps["prove past days"] += 1

    def fail(self) -> None:
        """An event ends as unmeasured."""
        key = self.key()
        self._both(
            "fail",
            lambda: self.world.measurement.fail.send(key, sender=self.people.relayer),
            lambda: self.suite.measurement.fail(key, now=self.now),
        )

    # -------------------------------------------------------------- settling

    def settle(self) -> None:
        """A dispatch is settled."""
        called = self._called()
        if called is None:
            return
        product, rule, dispatch = called
        event_id = ids.event_id(product.event_key)
        results = self.suite.measurement.results.get(event_id, ())
        responses = self.maybe(results, (*results, 1))
        committed = self.maybe(self._commitment(event_id), bytes(31) + b"\1")
        self._both(
            "settle",
            lambda: self.world.settlement.settle.send(
                product, rule, dispatch, committed, responses, sender=self.people.relayer
            ),
            lambda: self.suite.settlement.settle(product, rule, dispatch, committed, responses, now=self.now),
        )

    def _commitment(self, event_id: bytes) -> bytes:
        """Of the submission that a measured event came out of; else zero."""
        if event_id not in self.suite.measurement.results:
            return bytes(32)
        measured = self.submissions[event_id].measured
        return ids.commitment(measured.tree.root, measured.totals)

    def settle_uncalled(self) -> None:
        """What was never called is paid."""
        product = self.product()
        rule = self.rule_of(product)

        def model() -> None:
            availability, pool, _ = self.suite.settlement.settle_uncalled(product, rule, now=self.now)
            share = self.suite.devices.portfolio(product.portfolio_id).customer_share_bps
            assert pool == pool_of(availability, share)

        self._both(
            "settleUncalled",
            lambda: self.world.settlement.settleUncalled.send(product, rule, sender=self.people.relayer),
            model,
        )

    def collect(self) -> None:
        """A customer collects."""
        pools = list(self.suite.payouts.pools)
        pool_id = self.random.choice(pools) if pools else bytes(32)
        of_event = {ids.event_id(key): key for key in self.keys}
        if pool_id in of_event and pool_id in self.submissions and self.random.random() < 0.7:
            self._collect_by_weight(of_event[pool_id], self.submissions[pool_id].measured)
            return
        of_right = {ids.right_id(product): product.event_key for product in self.products}
        key = of_event.get(pool_id) or of_right.get(pool_id) or self.keys[0]
        submitted = self.submissions.get(pool_id)
        totals = submitted.measured.totals if submitted else NO_TOTALS
        claim = CapacityClaim(
            pool_id=pool_id,
            key=self.maybe(key, self.keys[-1]),
            currency=self.mirror.token,
            index=self.random.randrange(8),
            root=submitted.measured.tree.root if submitted else bytes(32),
            total_weight=totals.weight,
            totals_hash=ids.totals_hash(totals),
            responses_hash=ids.responses_hash(submitted.measured.responses_milli_wh if submitted else ()),
        )
        self._both(
            "collectByCapacity",
            lambda: self.world.payouts.collectByCapacity.send(claim, sender=self.people.relayer),
            lambda: self.suite.payouts.collect_by_capacity(claim),
        )

    def _collect_by_weight(self, key: EventKey, measured: MeasuredEvent) -> None:
        index = self.random.randrange(len(measured.answers))
        path = measured.tree.path(index)
        claim = WeightClaim(
            key=key,
            currency=self.maybe(self.mirror.token, self.people.attacker.address),
            index=self.maybe(index, index + 1),
            weight_word=measured.weight_words[index],
            columns_hash=measured.columns_hashes[index],
            path=self.maybe(path, (*path, bytes(32))),
            total_weight=measured.totals.weight,
            totals_hash=ids.totals_hash(measured.totals),
            responses_hash=ids.responses_hash(self.maybe(measured.responses_milli_wh, ())),
        )
        self._both(
            "collect",
            lambda: self.world.payouts.collect.send(claim, sender=self.people.relayer),
            lambda: self.suite.payouts.collect(claim),
        )

    def sweep(self) -> None:
        """What was not collected goes to whom the rule names."""
        pools = list(self.suite.payouts.pools)
        pool_id = self.random.choice(pools) if pools else bytes(32)
        known = {ids.event_id(key): key for key in self.keys}
        known |= {ids.right_id(product): product.event_key for product in self.products}
        key = self.maybe(known.get(pool_id, self.keys[0]), self.keys[0])
        rule = self.maybe(self.known_rules[key.rule_id], self.rules[1])
        self._both(
            "sweep",
            lambda: self.world.payouts.sweep.send(pool_id, key, rule, sender=self.people.relayer),
            lambda: (self.suite.payouts.sweep(pool_id, key, rule, now=self.now), None)[1],
        )
