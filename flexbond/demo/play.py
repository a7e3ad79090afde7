"""The Fontana chapter as it happens: rights are sold, called, measured, settled and collected, each by whoever does it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from flexbond import ids
from flexbond.demo.days import midday_schedule
from flexbond.demo.ground import give_gas_money
from flexbond.demo.homes import HOUR, local_time
from flexbond.demo.outcome import product_of
from flexbond.demo.plan import Buyer
from flexbond.demo.stage import ZONE, Stage, rule_ids, wallet_of
from flexbond.demo.terms import DAY, GATE_SECONDS, LOT_W
from flexbond.demo.text import FONTANA, kw, listed
from flexbond.metering import IntervalSeries
from flexbond.model.types import Direction, DispatchKind
from flexbond.operations.collecting import collect_event, pool_of, sweep
from flexbond.operations.common import oracle_domain
from flexbond.operations.dispatching import dispatch, nominate, stop
from flexbond.operations.market import make_offer, take
from flexbond.operations.meters import attest, sign_series
from flexbond.operations.money import free_balance, withdraw
from flexbond.operations.recordbook import RecordBook
from flexbond.operations.settlement import settle_event
from flexbond.signing.devices import DeviceKey

if TYPE_CHECKING:
    from pathlib import Path

    from flexbond.demo.cast import Home
    from flexbond.demo.homes import Homes
    from flexbond.demo.plan import Metered, Occasion, Sale
    from flexbond.model.types import Product
    from flexbond.operations.progress import Progress

MINUTE: Final = 60
NOTICE_AFTER: Final = {Buyer.DISTRIBUTION: 5 * MINUTE, Buyer.TRANSMISSION: 10 * MINUTE}
"""How long after the gate has closed each buyer calls."""
STOP_BEFORE: Final = 20 * MINUTE
"""How long before the second hour its order is taken back."""


@dataclass(kw_only=True)
class Play:
    """A run of the story on its stage."""

    stage: Stage
    homes: Homes
    plan: tuple[Occasion, ...]
    metered: Metered
    folder: Path
    """Where the record book is kept while it lasts."""
    say: Progress
    products: dict[str, Product] = field(default_factory=dict)
    """By the occasion's slug."""
    dispatch_ids: dict[str, list[bytes]] = field(default_factory=dict)
    """By the occasion's slug, in the order of the calls."""

    def perform(self) -> None:
        """The whole story, from the sale to the last withdrawal."""
        self.stage.at(local_time(self.homes.first_day, 12))
        for number, occasion in enumerate(self.plan):
            self._sell(occasion, number)
        self.say(f"Sold rights for {len(self.plan)} service windows; collateral and availability payments are locked.")
        book = RecordBook.open(self.folder / "records.jsonl", oracle=oracle_domain(self.stage.suite))
        for occasion in self.plan:
            self.say(f"{FONTANA.heading(occasion.start, occasion.end)}: {occasion.title}.")
            if occasion.kind is None:
                self._let_expire(occasion)
            else:
                self._call(occasion)
                self._measure_and_settle(occasion, book)
            self._collect(occasion)
        self._sweep()
        self._withdraw()

    # ------------------------------------------------------------------ before

    def _sell(self, occasion: Occasion, number: int) -> None:
        """One offer, taken in parts by the buyers."""
        stage, aggregator = self.stage, self.stage.cast.aggregator
        product = product_of(
            occasion,
            stage.rules[occasion.rules],
            provider=aggregator.address,
            portfolio_id=stage.portfolio_id,
            zone=ZONE,
            rule_id=rule_ids(stage)[occasion.rules],
        )
        offer = make_offer(
            stage.suite,
            aggregator,
            product,
            units=occasion.units,
            expiry=local_time(self.homes.first_day, 24),
            nonce=number,
            premium_per_unit=occasion.tariff.premium_per_unit,
        )
        for sale in occasion.sales:
            take(stage.suite, stage.sender(stage.cast.buyers[sale.buyer]), offer, units=sale.units)
        self.products[occasion.slug] = product

    # ------------------------------------------------------------------ the day itself

    def schedule(self, occasion: Occasion) -> tuple[int, ...]:
        """What the aggregator nominates: the mean of the days before; nothing where each home has its own baseline."""
        return midday_schedule(self.homes, occasion.day) if occasion.direction is Direction.ABSORB else ()

    def _call(self, occasion: Occasion) -> None:
        stage, product = self.stage, self.products[occasion.slug]
        gate = occasion.start - GATE_SECONDS
        schedule = self.schedule(occasion)
        if schedule:
            stage.at(gate - HOUR)
            nominate(stage.suite, stage.sender(stage.cast.aggregator), self.event_id(occasion), schedule)
            self.say(f"At {FONTANA.at(gate - HOUR)} the aggregator committed its schedule.")
        for sale in occasion.sales:
            stage.at(gate + NOTICE_AFTER[sale.buyer])
            self._give_notice(occasion, product, sale)
        told = [
            f"the {sale.buyer} {kw(sale.units * LOT_W)} kW at {FONTANA.at(gate + NOTICE_AFTER[sale.buyer])}"
            for sale in occasion.sales
        ]
        self.say(f"Called: {listed(told)}.")
        if occasion.stopped_by is not None:
            self._stop(occasion, occasion.stopped_by)

    def _give_notice(self, occasion: Occasion, product: Product, sale: Sale) -> None:
        called = dispatch(
            self.stage.suite,
            self.stage.sender(self.stage.cast.buyers[sale.buyer]),
            ids.right_id(product),
            units=sale.units,
            orders_w=[sale.units * LOT_W] * len(occasion.hours),
            kind=occasion.kind or DispatchKind.LIVE,
        )
        self.dispatch_ids.setdefault(occasion.slug, []).append(called.dispatch_id)

    def _stop(self, occasion: Occasion, buyer: Buyer) -> None:
        """Takes the buyer's order for the second hour back while the first runs."""
        self.stage.at(occasion.start + HOUR - STOP_BEFORE)
        place = next(number for number, sale in enumerate(occasion.sales) if sale.buyer is buyer)
        sender = self.stage.sender(self.stage.cast.buyers[buyer])
        stop(self.stage.suite, sender, self.dispatch_ids[occasion.slug][place], from_period=1)
        self.say(
            f"At {FONTANA.at(occasion.start + HOUR - STOP_BEFORE)} the {buyer} took its order for the second hour back."
        )

    # ------------------------------------------------------------------ afterwards

    def _measure_and_settle(self, occasion: Occasion, book: RecordBook) -> None:
        stage, rule = self.stage, self.stage.rules[occasion.rules]
        stage.at(local_time(occasion.day, 24) + 10 * MINUTE)
        for number, home in enumerate(stage.cast.homes):
            if home.name not in occasion.silent:
                self._sign(occasion, number, home, book)
        attested = attest(stage.suite, stage.sender(stage.cast.relayer), book)
        self.say(f"After midnight the meters' records came: {attested.records} signatures checked on chain.")
        stage.at(occasion.end + rule.reading_deadline + MINUTE)
        settle_event(stage.suite, stage.sender(stage.cast.aggregator), self.event_id(occasion), records=book)
        self.say(f"Submitted one root, proved {len(stage.cast.homes)} homes, settled all calls.")

    def _sign(self, occasion: Occasion, number: int, home: Home, book: RecordBook) -> None:
        """The meter signs its day: the real net load and what the modelled battery did."""
        first = self.homes.index(occasion.day, 0)
        readings = self.metered.readings[number][first : first + DAY // HOUR]
        series = IntervalSeries(
            metering_point=home.name,
            period_seconds=HOUR,
            start=local_time(occasion.day, 0),
            readings=readings,
            estimated=(False,) * len(readings),
        )
        device = DeviceKey(signer=home.device, secret=home.secret)
        sign_series(self.stage.suite, book, series, home.metering_point, device)

    def _let_expire(self, occasion: Occasion) -> None:
        self.stage.at(occasion.end + MINUTE)
        settle_event(self.stage.suite, self.stage.sender(self.stage.cast.relayer), self.event_id(occasion))
        self.say("The window passed without a call; the right is settled.")

    def _collect(self, occasion: Occasion) -> None:
        """A relayer, who cannot choose where the money goes, collects for every home."""
        relayer = self.stage.sender(self.stage.cast.relayer)
        for collected in collect_event(self.stage.suite, relayer, self.event_id(occasion)):
            amount = self.stage.token.show(collected.credited)
            self.say(f"A relayer collected {amount} for {len(collected.shares)} homes.")

    def _sweep(self) -> None:
        """What no division could share out goes, after the collection period, to the party that the rules name."""
        stage = self.stage
        stage.at(stage.suite.rpc.now() + max(rule.collect_period for rule in stage.rules.values()) + MINUTE)
        for occasion in self.plan:
            if pool_of(stage.suite, self.pool_id(occasion)).amount:
                sweep(stage.suite, stage.sender(stage.cast.relayer), self.pool_id(occasion))
        self.say("Thirty days later a relayer swept what rounding left in the homes' pools.")

    def event_id(self, occasion: Occasion) -> bytes:
        """The occasion's event."""
        return ids.event_id(self.products[occasion.slug].event_key)

    def pool_id(self, occasion: Occasion) -> bytes:
        """The pool of the occasion's event, or of its right if that was never called."""
        called = occasion.kind is not None
        return self.event_id(occasion) if called else ids.right_id(self.products[occasion.slug])

    def _withdraw(self) -> None:
        """Everybody takes out what is free."""
        stage = self.stage
        give_gas_money(stage, stage.cast)
        cast, token = stage.cast, stage.token.address
        for signer in (cast.aggregator, *cast.buyers.values()):
            withdraw(stage.suite, stage.sender(signer), token)
        for home in cast.homes:
            if home.customer.address == home.key.address:
                withdraw(stage.suite, stage.sender(home.key), token)
            else:
                self._withdraw_by_wallet(home)
        self.say(f"The aggregator, the buyers and {len(cast.homes)} homes withdrew everything.")

    def _withdraw_by_wallet(self, home: Home) -> None:
        """A contract wallet withdraws: its owner has it call the escrow."""
        suite, token, wallet = self.stage.suite, self.stage.token.address, home.customer.address
        amount = free_balance(suite, token, wallet)
        if amount:
            data = suite.escrow.function("withdraw").encode(token, wallet, amount)
            self.stage.sender(home.key).send(wallet_of(suite, home).transaction("execute", suite.escrow.address, data))
