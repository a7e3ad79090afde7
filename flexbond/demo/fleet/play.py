"""The fleet's two evenings as they happen: sold, called, recorded, submitted, drawn, proven and paid; the second one with a lie."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import TYPE_CHECKING, Final

import numpy as np

from flexbond import ids
from flexbond.chain.suite import Transaction
from flexbond.demo.fleet.evidence import sign_day, write_files
from flexbond.demo.fleet.homes import EVENING, day_start, metered
from flexbond.demo.fleet.lie import falsified
from flexbond.demo.fleet.plan import DRAW_DELAY
from flexbond.demo.fleet.sending import mine
from flexbond.demo.fleet.stage import ZONE
from flexbond.demo.fleet.watch import watch
from flexbond.demo.ground import GAS_MONEY
from flexbond.demo.outcome import product_of
from flexbond.demo.plan import Buyer
from flexbond.demo.terms import DAY, GATE_SECONDS, LOT_W
from flexbond.demo.text import FONTANA, kw
from flexbond.fleet.building import build
from flexbond.fleet.built import Built
from flexbond.operations.collecting import collect_claim
from flexbond.operations.common import oracle_domain, titled
from flexbond.operations.dispatching import dispatch
from flexbond.operations.history import load_event
from flexbond.operations.market import make_offer, take
from flexbond.operations.money import withdraw
from flexbond.operations.relaying import relay
from flexbond.operations.settlement import settle_event

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

    from flexbond.chain.send import Sender
    from flexbond.demo.fleet.evidence import DayRecords
    from flexbond.demo.fleet.homes import Resampled
    from flexbond.demo.fleet.plan import Evening
    from flexbond.demo.fleet.stage import Stage
    from flexbond.demo.homes import Homes
    from flexbond.demo.plan import Sale
    from flexbond.fleet.submission import Submission
    from flexbond.model.types import Product
    from flexbond.operations.progress import Progress
    from flexbond.watching.tower import Report

    Step = tuple[int, Callable[[], None]]
    """When, UTC seconds, and what."""

MINUTE: Final = 60
NOTICE_AFTER: Final = {Buyer.DISTRIBUTION: 5 * MINUTE, Buyer.TRANSMISSION: 10 * MINUTE}
"""How long after the gate has closed each buyer calls."""
NEIGHBOURS: Final = 100
"""Homes that a relay collects for."""


@dataclass(kw_only=True)
class Play:
    """A run of the two evenings on their stage."""

    stage: Stage
    homes: Homes
    fleet: Resampled
    plan: tuple[Evening, ...]
    folder: Path
    """Where files are while it lasts."""
    say: Progress
    products: dict[str, Product] = field(default_factory=dict)
    """By the evening's slug."""
    submissions: dict[str, Submission] = field(default_factory=dict)
    """What the records give, by the evening's slug."""
    blocks: dict[str, list[int]] = field(default_factory=dict)
    """In which something of an evening happened, by its slug."""
    report: Report | None = None
    """The watchtower's."""

    def __post_init__(self) -> None:
        self.readings: NDArray[np.int64] = metered(self.fleet, tuple(evening.resting for evening in self.plan))
        self.days: dict[str, DayRecords] = {}

    @cached_property
    def own_place(self) -> int:
        """The home that collects for itself: the first of the fleet's second half that is due something of the honest evening."""
        weights = self.submissions[self.plan[0].slug].weight_words[:, :16]
        half = len(self.fleet) // 2
        return half + int(np.flatnonzero(weights[half:].any(axis=1))[0])

    def perform(self) -> None:
        """Both evenings, whatever belongs to which, at its time."""
        self.stage.at(day_start(0) - DAY)
        for evening in self.plan:
            self._sell(evening)
        agenda = [(*step, evening.slug) for evening in self.plan for step in self._steps(evening)]
        for time, act, slug in sorted(agenda, key=lambda step: step[0]):
            self.stage.at(time)
            before = self.stage.suite.rpc.block_number()
            act()
            self.blocks.setdefault(slug, []).extend(range(before + 1, self.stage.suite.rpc.block_number() + 1))
        self._withdraw()

    def _steps(self, evening: Evening) -> list[Step]:
        rule, gate = self.stage.rule, evening.start - GATE_SECONDS
        submitted = evening.end + rule.reading_deadline + MINUTE
        steps: list[Step] = [
            *((gate + NOTICE_AFTER[sale.buyer], partial(self._call, evening, sale)) for sale in evening.sales),
            (day_start(evening.number + 1) + 10 * MINUTE, partial(self._record, evening)),
            (submitted, partial(self._submit, evening)),
        ]
        if evening.is_false:
            return [*steps, (submitted + MINUTE, partial(self._watch, evening))]
        finished = submitted + rule.challenge_window + MINUTE
        return [*steps, (submitted, partial(self._prove, evening)), (finished, partial(self._finish, evening))]

    # ------------------------------------------------------------------ until the evening

    def _sell(self, evening: Evening) -> None:
        """One offer, taken in parts by the buyers."""
        stage, aggregator = self.stage, self.stage.cast.aggregator
        product = product_of(
            evening,
            stage.rule,
            provider=aggregator.address,
            portfolio_id=stage.portfolio_id,
            zone=ZONE,
            rule_id=stage.rule_id,
        )
        offer = make_offer(
            stage.suite,
            aggregator,
            product,
            units=evening.units,
            expiry=day_start(0),
            nonce=evening.number,
            premium_per_unit=evening.tariff.premium_per_unit,
        )
        for sale in evening.sales:
            take(stage.suite, stage.sender(stage.cast.buyers[sale.buyer]), offer, units=sale.units)
        self.products[evening.slug] = product
        self.say(f"Sold {kw(evening.units * LOT_W)} kW for {FONTANA.heading(evening.start, evening.end)}.")

    def _call(self, evening: Evening, sale: Sale) -> None:
        dispatch(
            self.stage.suite,
            self.stage.sender(self.stage.cast.buyers[sale.buyer]),
            ids.right_id(self.products[evening.slug]),
            units=sale.units,
            orders_w=[sale.units * LOT_W] * len(EVENING),
            kind=evening.kind,
        )
        self.say(f"The {sale.buyer} called {kw(sale.units * LOT_W)} kW at {FONTANA.at(self.stage.suite.rpc.now())}.")

    # ------------------------------------------------------------------ records and submissions

    def _record(self, evening: Evening) -> None:
        """Every device signs its day, and the aggregator anchors all of them under one root."""
        stage, suite = self.stage, self.stage.suite
        readings = np.ascontiguousarray(self.readings[:, evening.number])
        day = sign_day(stage.cast.homes, readings, day_start(evening.number), oracle_domain(suite))
        anchored = titled(suite.oracle.transaction("anchor", day.root), "Anchor a day of the fleet")
        stage.sender(stage.cast.aggregator).send(anchored)
        self.days[evening.slug] = day
        self.say(
            f"After midnight {len(self.fleet):,} devices had signed their day; one root of all records is anchored."
        )

    def folder_of(self, evening: Evening) -> Path:
        """Of the evening's submission, as the aggregator publishes it."""
        return self.folder / evening.slug

    def data_of(self, evening: Evening) -> Path:
        """Of its records, which it publishes too."""
        return self.folder / f"{evening.slug}-records"

    def _submit(self, evening: Evening) -> None:
        """Builds the submission, and sends it: three words for any number of homes."""
        stage = self.stage
        event = load_event(stage.suite, self.event_id(evening))
        entries = [place.entry for place in stage.places]
        files = write_files(
            stage.suite,
            event,
            stage.cast.homes,
            entries,
            stage.connection,
            self.days[evening.slug],
            self.data_of(evening),
        )
        folder = self.folder_of(evening)
        true = self.submissions[evening.slug] = build(files, folder)
        if evening.is_false:
            falsified(true, evening.resting).save(folder, files, aside=self.folder / "aside")
        settle_event(stage.suite, stage.sender(stage.cast.aggregator), event.id, build=folder)
        self.say(f"Submitted one root for {len(self.fleet):,} homes.")

    def _prove(self, evening: Evening) -> None:
        """The draw, by anyone, and the proofs of what is drawn."""
        stage = self.stage
        mine(stage.suite.rpc, stage.kind, DRAW_DELAY + 1)
        self._go_on(evening, stage.sender(stage.cast.aggregator))
        checks = load_event(stage.suite, self.event_id(evening)).checks
        proven = set(checks.proven_places) if checks else set()
        self.say(
            f"{len(proven)} homes were drawn and proven; the other {len(self.fleet) - len(proven):,} opened nothing."
        )

    def _finish(self, evening: Evening) -> None:
        """Nobody objected: final, paid, and collected."""
        stage, suite = self.stage, self.stage.suite
        self._go_on(evening, stage.sender(stage.cast.relayer))
        identity, folder = self.event_id(evening), self.folder_of(evening)
        built = Built.load(folder)
        home = stage.cast.homes[self.own_place]
        gift = Transaction(to=home.key.address, data=b"", title="Gas money", value=GAS_MONEY)
        stage.sender(stage.cast.deployer).send(gift)
        collect_claim(suite, stage.sender(home.key), built.weight_claim(self.own_place))
        relayer, most = stage.sender(stage.cast.relayer), min(NEIGHBOURS, len(self.fleet) // 2)
        relayed = relay(suite, relayer, [identity], builds={identity: folder}, most=most)
        self.say(f"Settled both calls; one home collected for itself, and a relay for {relayed.places} neighbours.")

    def _watch(self, evening: Evening) -> None:
        """The watchtower makes both submissions again from what is published, and challenges what is false."""
        stage = self.stage
        data = [folder for each in self.plan for folder in (self.folder_of(each), self.data_of(each))]
        self.report = watch(stage, stage.watchtower, data, self.folder / "watchtower", self.say)
        self._go_on(evening, stage.sender(stage.cast.relayer))
        self.say("Both calls are settled as never measured: the bond is divided, the penalty is paid.")

    def _go_on(self, evening: Evening, sender: Sender) -> None:
        """Whatever can be done now."""
        settle_event(self.stage.suite, sender, self.event_id(evening), build=self.folder_of(evening))

    def event_id(self, evening: Evening) -> bytes:
        """The evening's event."""
        return ids.event_id(self.products[evening.slug].event_key)

    def _withdraw(self) -> None:
        """Everybody who sent anything takes out what is free."""
        stage = self.stage
        cast, token = stage.cast, stage.token.address
        own = cast.homes[self.own_place].key
        for signer in (cast.aggregator, *cast.buyers.values(), stage.watchtower, own):
            withdraw(stage.suite, stage.sender(signer), token)
        self.say("The aggregator, the buyers, the watchtower and one home withdrew everything.")
