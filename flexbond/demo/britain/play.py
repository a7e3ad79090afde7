"""The British chapter as it happens: every step at its time, whatever window it belongs to."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from flexbond import ids
from flexbond.demo.britain.homes import DAY, HALF_HOUR
from flexbond.demo.britain.plan import FIRST_TWO, JOIN_DAY, SALE_DAY, Keeping
from flexbond.demo.britain.stage import ZONE
from flexbond.demo.outcome import product_of
from flexbond.demo.plan import Buyer
from flexbond.demo.terms import LOT_W
from flexbond.metering import IntervalSeries
from flexbond.operations.anchoring import anchor
from flexbond.operations.collecting import collect_event
from flexbond.operations.common import oracle_domain
from flexbond.operations.dispatching import dispatch
from flexbond.operations.market import make_offer, take
from flexbond.operations.meters import attest, sign_series
from flexbond.operations.recordbook import RecordBook
from flexbond.operations.settlement import settle_event
from flexbond.signing.devices import DeviceKey

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from flexbond.demo.britain.homes import Homes
    from flexbond.demo.britain.plan import Metered, Revision, Window
    from flexbond.demo.britain.stage import Stage
    from flexbond.demo.cast import Home
    from flexbond.model.types import Product
    from flexbond.operations.progress import Progress

    Step = tuple[int, Callable[[], None]]
    """When, UTC seconds, and what."""

MINUTE: Final = 60
NOTICE_AFTER: Final = {Buyer.DISTRIBUTION: 5 * MINUTE, Buyer.TRANSMISSION: 10 * MINUTE}
"""How long after the gate has closed each buyer calls."""
REVISED_AFTER: Final = 25 * MINUTE
"""How long after the gate has closed the late revision comes."""
KEPT_BEFORE: Final = 10 * MINUTE
"""How long before the gate closes the records of the days before are brought."""
HISTORY_DAYS: Final = 30
"""Records of a meter in a history leaf, the last ones."""


@dataclass(kw_only=True)
class Play:
    """A run of the chapter on its stage."""

    stage: Stage
    homes: Homes
    plan: tuple[Window, ...]
    metered: Metered
    revision: Revision
    folder: Path
    """Where the record book is kept while it lasts."""
    say: Progress
    products: dict[str, Product] = field(default_factory=dict)
    """By the window's slug."""
    revised_at: int = 0
    """When the late revision came, UTC seconds."""

    def __post_init__(self) -> None:
        self.book = RecordBook.open(self.folder / "records.jsonl", oracle=oracle_domain(self.stage.suite))
        self._joined: tuple[str, ...] = FIRST_TWO
        self._signed: dict[str, int] = {}

    def perform(self) -> None:
        """The whole month and what is settled of it afterwards."""
        for time, act in sorted(self._agenda(), key=lambda step: step[0]):
            self.stage.at(time)
            act()

    def _agenda(self) -> list[Step]:
        """Everything that happens; steps of one time in the order in which they stand."""
        steps: list[Step] = [(self.homes.at(JOIN_DAY, "09:00"), self._join)]
        for number, window in enumerate(self.plan):
            steps += self._steps(number, window)
        return steps

    def _steps(self, number: int, window: Window) -> list[Step]:
        rule = self.stage.rule_file.rule
        sold = self.homes.at(SALE_DAY if window.homes == FIRST_TWO else JOIN_DAY, "12:00")
        steps: list[Step] = [(sold, lambda: self._sell(window, number))]
        if window.kind is None:
            return [*steps, (window.end + MINUTE, lambda: self._settle(window))]
        gate = window.start - rule.gate_seconds
        steps.append((gate - KEPT_BEFORE, lambda: self._keep(window)))
        for sale in window.sales:
            call = (
                gate + NOTICE_AFTER[sale.buyer],
                lambda buyer=sale.buyer, units=sale.units: self._call(window, buyer, units),
            )
            steps.append(call)
        if self.revision.window == window.slug:
            steps.append((gate + REVISED_AFTER, self._revise))
        over = (window.end // DAY + 1) * DAY + KEPT_BEFORE
        return [
            *steps,
            (over, lambda: self._attest(window)),
            (window.end + rule.reading_deadline + MINUTE, lambda: self._settle(window)),
        ]

    # ------------------------------------------------------------------ before

    def _join(self) -> None:
        joining = tuple(name for name in self.homes.names if name not in self._joined)
        self.stage.join(joining)
        self._joined += joining
        self.say("Enrolled the two homes as they were in 2012, moved by 52 weeks.")

    def _sell(self, window: Window, number: int) -> None:
        """One offer, taken in parts by the buyers."""
        stage, aggregator = self.stage, self.stage.cast.aggregator
        product = product_of(
            window,
            stage.rule_file.rule,
            provider=aggregator.address,
            portfolio_id=stage.portfolio_id,
            zone=ZONE,
            rule_id=stage.rule_id,
        )
        offer = make_offer(
            stage.suite,
            aggregator,
            product,
            units=window.units,
            expiry=stage.suite.rpc.now() + DAY,
            nonce=number,
            premium_per_unit=window.tariff.premium_per_unit,
        )
        for sale in window.sales:
            take(stage.suite, stage.sender(stage.cast.buyers[sale.buyer]), offer, units=sale.units)
        self.products[window.slug] = product
        self.say(f"Sold {window.units} kW for {self.homes.clock.heading(window.start, window.end)}.")

    # ------------------------------------------------------------------ records

    def _keep(self, window: Window) -> None:
        """Brings what is known of the days before to the oracle, in the window's way."""
        self._sign_all()
        if window.keeping is Keeping.ATTESTED:
            self._attest(window)
            return
        relayer = self.stage.sender(self.stage.cast.relayer)
        done = anchor(self.stage.suite, relayer, self.book, history=True, last=HISTORY_DAYS)
        self.say(f"Anchored {done.records} records of the days before under one root with {done.leaves} leaves.")

    def _attest(self, window: Window) -> None:
        self._sign_all()
        attested = attest(self.stage.suite, self.stage.sender(self.stage.cast.relayer), self.book)
        if attested.records:
            self.say(f"Attested {attested.records} records for {window.slug}: every signature was checked.")

    def _sign_all(self) -> None:
        """The meters sign every day of UTC that is over and whole."""
        now = self.stage.suite.rpc.now()
        for number, home in enumerate(self.stage.cast.homes):
            if home.name in self._joined:
                first = self._signed.get(home.name, self.stage.connection.valid_from)
                recorded = self.metered.recorded[number]
                for start, end in _runs(recorded, first, now // DAY * DAY):
                    self._sign(home, start, end, recorded)
                self._signed[home.name] = now // DAY * DAY

    def _sign(self, home: Home, start: int, end: int, readings: Mapping[int, int], *, revision: int = 0) -> None:
        values = tuple(readings[at] for at in range(start, end, HALF_HOUR))
        series = IntervalSeries(
            metering_point=home.name,
            period_seconds=HALF_HOUR,
            start=start,
            readings=values,
            estimated=(False,) * len(values),
        )
        device = DeviceKey(signer=home.device, secret=home.secret)
        sign_series(self.stage.suite, self.book, series, home.metering_point, device, revision=revision)

    def _revise(self) -> None:
        """After the notice: a new record of one of the past days."""
        late = self.revision
        home = next(home for home in self.stage.cast.homes if home.name == late.home)
        self._sign(home, late.slot_start, late.slot_start + DAY, late.readings, revision=1)
        attest(self.stage.suite, self.stage.sender(self.stage.cast.relayer), self.book)
        self.revised_at = self.stage.suite.rpc.now()
        self.say(f"Too late: somebody brought {late.told}.")

    # ------------------------------------------------------------------ the window, and after it

    def _call(self, window: Window, buyer: Buyer, units: int) -> None:
        dispatch(
            self.stage.suite,
            self.stage.sender(self.stage.cast.buyers[buyer]),
            ids.right_id(self.products[window.slug]),
            units=units,
            orders_w=[units * LOT_W] * len(window.starts),
        )
        self.say(f"{self.homes.clock.heading(window.start, window.end)}: the {buyer} called {units} kW.")

    def _settle(self, window: Window) -> None:
        """Submission, proofs, money, and every home's share, which a relayer collects for it."""
        stage, event = self.stage, self.event_id(window)
        settle_event(stage.suite, stage.sender(stage.cast.aggregator), event, records=self.book)
        collect_event(stage.suite, stage.sender(stage.cast.relayer), event)
        self.say(f"Settled: {window.title}.")

    def event_id(self, window: Window) -> bytes:
        """The window's event."""
        return ids.event_id(self.products[window.slug].event_key)


def _runs(recorded: Mapping[int, int], first: int, last: int) -> list[tuple[int, int]]:
    """Runs of days of UTC in `[first, last)` that have records, UTC seconds."""
    runs: list[tuple[int, int]] = []
    for day in range(first, last, DAY):
        if day not in recorded:
            continue
        if runs and runs[-1][1] == day:
            runs[-1] = (runs[-1][0], day + DAY)
        else:
            runs.append((day, day + DAY))
    return runs
