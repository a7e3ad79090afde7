"""Rules of records, submissions and proofs: honest, hostile and false ones, and devices that say nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from flexbond import ids
from flexbond.hashing import ZERO_ADDRESS, keccak
from flexbond.model.baseline import baseline_starts
from flexbond.model.delivery import periods_of
from flexbond.model.openings import Inclusion, RecordOpening
from flexbond.model.suite.measurement import count_of
from flexbond.model.types import (
    BaselineMethod,
    Call,
    Cursor,
    DeviceProof,
    Entry,
    EventStatus,
    P256Record,
    ProofContext,
    SignedRecord,
    SignerScheme,
    Silence,
    Totals,
)
from flexbond.trees import BatchTree
from tests.invariant.cast import GRID, PAST, Shown
from tests.invariant.ghost import Batch, Event, Submitted
from tests.invariant.moves import Draws, Moves
from tests.invariant.pastdays import due, lookback_of, plan_of
from tests.support.evm import GENESIS
from tests.support.proofs import signed_with, tampered
from tests.support.world import DAY

TAMPERED = ("", "other device", "other chain", "malformed", "off grid", "unregistered")
EMPTY = Totals(columns=(), weight=0, baseline_milli_wh=(), metered_milli_wh=())


class MeasuringMoves(Moves):
    """Events are measured, or never."""

    # ---------------------------------------------------------------- records

    def attest(self, number: int) -> None:
        """Records of all slots that some event waits for, or of any; of some or all homes, in any order of revisions."""
        draws = Draws(number)
        slots = self.wanted_slots()
        if not slots or draws.rarely(8):
            slots = [(self.now - GENESIS) // GRID.slot_seconds - draws.of((1, 1, 1, 2, 2, 3, 4, 0))]
        for slot in slots:
            if slot >= 0:
                self._attest(draws, slot)

    def _attest(self, draws: Draws, slot: int) -> None:
        homes = [number for number in range(len(self.cast.homes)) if draws.below(30)]
        revision, variant = draws.of((0, 0, 0, 0, 1, 2)), draws.of((0,) * 14 + (2, 3))
        shown = [self.cast.shown(number, slot, revision, variant) for number in homes]
        if draws.rarely(15):
            place, tamper = draws.below(len(self.cast.homes)), draws.of(TAMPERED)
            shown.append(self.cast.shown(place, slot, revision, variant, tamper))
        elif draws.below(6):
            # One device without a statement would spoil the batch.
            shown = [item for item in shown if self._is_stated(item)]
        if draws.rarely(5):
            self.anchor(shown, self.people.attacker.address)
            return
        kinds = (SignedRecord, P256Record) if draws.rarely(4) else (SignedRecord,)
        for kind in kinds:
            self.bring([item for item in shown if type(item.signed) is kind], kind)

    def _is_stated(self, item: Shown) -> bool:
        signer = self.suite.devices.signer(item.home.metering_point)
        return signer.scheme is item.home.device.scheme and item.record.head.slot_end <= signer.valid_until

    def wanted_slots(self) -> list[int]:
        """Slots that are over, of which an event called needs a reading while records count, and of which there is none."""
        length = GRID.slot_seconds
        waiting = [
            event
            for event in self.ghost.events_in(EventStatus.CALLED)
            if self.now < event.key.window_end + event.rule.reading_deadline
        ]
        starts = {start for event in waiting for start in self.needed(event)} | self._before_notices()
        attested = {
            (batch.shown[0].record.head.slot_start - GENESIS) // length
            for batch in self.ghost.batches
            if len(batch.shown) > 2 and batch.at >= batch.shown[0].record.head.slot_end
        }
        slots = {(start - GENESIS) // length for start in starts} - attested
        return sorted(slot for slot in slots if slot >= 0 and GENESIS + (slot + 1) * length <= self.now)

    def _before_notices(self) -> set[int]:
        """Starts of readings of past days that rights will need once they are called."""
        return {
            right.product.window_start - back * DAY - before
            for right in self.ghost.rights.values()
            if right.rule.baseline is BaselineMethod.X_OF_Y and right.product.window_start > self.now
            for back in range(1, PAST.look_back_days + 1)
            for before in (0, GRID.slot_seconds)
        }

    def attest_again(self, number: int) -> None:
        """Bringing a batch again changes nothing; bringing one that was anchored attests it."""
        draws = Draws(number)
        alike = [batch for batch in self.ghost.batches if len({type(item.signed) for item in batch.shown}) == 1]
        if alike and draws.rarely(3):
            batch = draws.of(alike)
            self.bring(list(batch.shown), type(batch.shown[0].signed))

    def bring(self, shown: Sequence[Shown], kind: type) -> None:
        """One batch."""
        is_secp = kind is SignedRecord
        method = self.world.oracle.attest if is_secp else self.world.oracle.attestP256
        scheme = SignerScheme.SECP256K1 if is_secp else SignerScheme.P256
        args = ([item.signed for item in shown],)
        given = {"records": [item.brought for item in shown], "scheme": scheme, "now": self.now}
        sender = self.people.relayer.address
        if self.act("attest", method, args, sender, self.suite.oracle.attest, **given).ok:
            self._note(shown)

    def anchor(self, shown: Sequence[Shown], sender: str) -> None:
        """One root, whatever is under it."""
        if not shown:
            return
        root = BatchTree.of([item.brought.leaf for item in shown]).root
        given = {"root": root, "sender": sender, "now": self.now}
        self.act("anchor", self.world.oracle.anchor, (root,), sender, self.suite.oracle.anchor, **given)
        self._note(shown)

    def _note(self, shown: Sequence[Shown]) -> None:
        """What may be shown from now on, under one root."""
        tree = BatchTree.of([item.brought.leaf for item in shown])
        if all(batch.root != tree.root for batch in self.ghost.batches):
            paths = tuple(tree.path(index) for index in range(len(shown)))
            self.ghost.batches.append(Batch(tuple(shown), tree.root, self.now, paths))

    def report(self, number: int) -> None:
        """Two records of a slot: seldom a device that contradicts itself, sometimes one that does not."""
        draws = Draws(number)
        if draws.below(3):
            return
        place, slot = draws.below(5), max(0, (self.now - GENESIS) // GRID.slot_seconds - 1)
        tamper = draws.of(("", "", "other device", "malformed"))
        a = self.cast.shown(place, slot, 0, 0)
        b = self.cast.shown(place, slot, draws.of((0, 0, 1)), draws.of((1, 0)), tamper)
        given = {"a": a.brought, "b": b.brought, "now": self.now}
        sender = draws.of(self.cast.everyone)
        method, model = self.world.oracle.reportEquivocation, self.suite.oracle.report_equivocation
        self.act("reportEquivocation", method, (a.signed, b.signed), sender, model, **given)

    # ---------------------------------------------------------------- submitting

    def needed(self, event: Event) -> list[int]:
        """Starts of all readings that the event needs, UTC seconds."""
        state, terms = self.suite.measurement.event_state(ids.event_id(event.key)), event.rule
        periods = [event.key.window_start + p * terms.period_seconds for p in periods_of(state.ordered_mask)]
        if terms.baseline is BaselineMethod.METER_BEFORE:
            periods += baseline_starts(terms, state.first_notice)
        if terms.baseline is BaselineMethod.X_OF_Y:
            periods = [event.key.window_start + p * terms.period_seconds for p in range(count_of(event.key, terms))]
            periods += plan_of(event).adjustment_starts
            periods = [start - back * DAY for start in periods for back in range(PAST.look_back_days + 1)]
        step = GRID.period_seconds
        return sorted({start for period in periods for start in range(period, period + terms.period_seconds, step)})

    def proof(self, draws: Draws, event: Event, entry: Entry, starts: Sequence[int]) -> DeviceProof:
        """What is shown for a leaf: the highest revisions that count, or just any; sometimes something else, or nothing."""
        if draws.rarely(12):
            return DeviceProof(records=())
        best: dict[int, Any] = {}
        careless = draws.rarely(8)
        for batch in self.ghost.batches:
            kept = self.suite.oracle.standing(batch.root)
            signs = not kept.attested_at or draws.rarely(9)
            came = kept.at if signs else kept.attested_at
            for place, item in enumerate(batch.shown):
                head = item.record.head
                if head.metering_point != entry.metering_point:
                    continue
                counts = came < due(event, head.slot_end) and not (signs and head.revision)
                known = best.get(head.slot_start)
                if careless or (counts and (known is None or head.revision >= known[0].record.head.revision)):
                    best[head.slot_start] = (item, batch, place, item.signature if signs else b"")
        inclusions: list[Inclusion] = []
        openings: list[RecordOpening] = []
        for _, (item, batch, place, signature) in sorted(best.items()):
            wanted = [found for found in map(item.record.place_of, starts) if found is not None]
            if wanted:
                opening = item.record.opening(wanted, inclusion=len(inclusions), signature=signature)
                inclusions.append(Inclusion(batch_root=batch.root, path=batch.paths[place], history=()))
                openings.append(opening)
        if openings and draws.rarely(30):
            openings[0] = self._spoilt(draws, openings[0])
        return DeviceProof(inclusions=tuple(inclusions), records=tuple(openings))

    def _spoilt(self, draws: Draws, opening: Any) -> Any:
        return draws.of(
            (
                replace(opening, head=opening.head | 0xFF00),  # under none
                signed_with(opening, opening.signature[:-1]),
                tampered(opening, draws.below(1 << 10)),
                replace(opening, head=opening.head ^ 1 << 130),
            )
        )

    def shown_to_model(self, event: Event, proofs: Sequence[DeviceProof]) -> list[list[Any]]:
        """The proofs with what the model's oracle knows of each record."""
        times = {
            "first_notice": self.suite.measurement.event_state(ids.event_id(event.key)).first_notice,
            "deadline": event.key.window_end + event.rule.reading_deadline,
        }
        recovered = {item.signature: item.brought.recovered for batch in self.ghost.batches for item in batch.shown}
        return [
            [
                self.suite.oracle.shown(
                    opening, proof.inclusions, recovered=recovered.get(opening.signature, ZERO_ADDRESS), **times
                )
                for opening in proof.records
            ]
            for proof in proofs
        ]

    def submit(self, number: int) -> None:
        """What follows from the records, or false totals, or a false root."""
        draws = Draws(number)
        events = self.ghost.events_in(EventStatus.CALLED)
        ready = [event for event in events if self._may_submit(event)]
        if not ready and (not events or draws.below(6)):
            return
        event = draws.of(ready or events)
        submitted = self._submission(draws, event)
        sender = self.someone(draws, self._provider(event))
        key = event.key if draws.below(30) else replace(event.key, rule_id=keccak(event.key.rule_id))
        args = (key, submitted.root, submitted.totals)
        given = dict(zip(("key", "root", "totals"), args, strict=True))
        method, model = self.world.measurement.submit, self.suite.measurement.submit
        if self.act("submit", method, args, sender, model, sender=sender, now=self.now, **given).ok:
            event.submitted = submitted
            self.checks.of_event(ids.event_id(event.key))

    def _may_submit(self, event: Event) -> bool:
        end, terms = event.key.window_end, event.rule
        return end + terms.reading_deadline <= self.now < end + terms.submission_deadline

    def _provider(self, event: Event) -> str:
        return self.cast.providers[self.cast.portfolios.index(event.key.portfolio_id)]

    def _submission(self, draws: Draws, event: Event) -> Submitted:
        starts = self.needed(event)
        leaves = self.suite.devices.sums_before(event.key.portfolio_id, event.first_notice).entries
        entries = self.suite.devices.entries(event.key.portfolio_id)[:leaves]
        proofs = [self.proof(draws, event, entry, starts) for entry in entries]
        shown = self.shown_to_model(event, proofs)
        measured = self.suite.measurement.measured(
            event.key,
            event.rule,
            shown,
            lookback=lookback_of(event.rule),
            calls=[self._calls_of(event, entry) for entry in entries],
        )
        # What does not count must be shown as silent.
        for place, answer in enumerate(measured.answers):
            if answer.silence and draws.below(24):
                proofs[place] = DeviceProof(records=())
        root, totals = measured.tree.root, measured.totals
        if draws.rarely(14):
            root = keccak(root)
        if draws.rarely(14):
            totals = self._false(draws, totals)
        return Submitted(root, totals, proofs, measured, at=self.now)

    def _false(self, draws: Draws, totals: Totals) -> Totals:
        more = tuple(value + 1 for value in totals.columns)
        return draws.of(
            (
                replace(totals, columns=more),
                replace(totals, weight=totals.weight + 1),
                replace(totals, weight=2**128 - 1),
                replace(totals, columns=(2**127,) * len(totals.columns)),
                replace(totals, columns=(*totals.columns, 0)),
                replace(totals, metered_milli_wh=totals.metered_milli_wh[:-1]),
                replace(totals, baseline_milli_wh=tuple(value - 1 for value in totals.baseline_milli_wh)),
            )
        )

    def _calls_of(self, event: Event, entry: Entry) -> tuple[Call, ...]:
        """All calls before the event at which the device was where it was called, in whichever portfolio."""
        return tuple(
            call
            for portfolio in self.cast.portfolios
            for place in self.suite.devices.entries(portfolio)
            for call in self.suite.rights.calls_from(portfolio, 0, event.key.window_start)
            if place.metering_point == entry.metering_point and place.was_in_before(call.first_notice)
        )

    # ---------------------------------------------------------------- proving

    def _calls_from(self, draws: Draws, event: Event) -> int:
        """Some window of the portfolio, or none of them."""
        products = [right.product for right in self.ghost.rights.values()]
        own = [item.window_start for item in products if item.portfolio_id == event.key.portfolio_id]
        return draws.of([*own, event.key.window_start + 1])

    def prove(self, number: int) -> None:
        """Some or all of the next leaves, from where proving stands, from anew, or from somewhere else."""
        draws = Draws(number)
        events = [event for event in self.ghost.events.values() if event.submitted]
        open_events = [
            event
            for event in events
            if event.status is EventStatus.SUBMITTED
            and event.submitted
            and self.now < event.submitted.at + event.rule.proof_window
        ]
        if not open_events and (not events or draws.below(6)):
            return
        event = draws.of(open_events or events)
        submitted = event.submitted
        assert submitted is not None
        cursor = submitted.cursor or Cursor(next=0, frontier=(), totals=EMPTY)
        if draws.rarely(10):
            cursor = draws.of((Cursor(next=0, frontier=(), totals=EMPTY), replace(cursor, next=cursor.next + 1)))
        rest = submitted.proofs[cursor.next :]
        proofs = rest if draws.below(3) else rest[: draws.of((1, 2, 0))]
        if draws.rarely(15):
            proofs = [*proofs, *submitted.proofs[:1]]
        self._prove(draws, event, submitted, cursor, proofs)

    def _prove(
        self, draws: Draws, event: Event, submitted: Submitted, cursor: Cursor, proofs: Sequence[DeviceProof]
    ) -> None:
        event_id = ids.event_id(event.key)
        schedule = self.suite.measurement.schedules.get(event_id, ())
        context = ProofContext(
            key=event.key,
            schedule_milli_wh=schedule if draws.below(20) else (*schedule, 1),
            lookback=lookback_of(event.rule) if draws.below(20) else replace(PAST, look_back_days=4),
            calls_from=0 if draws.below(8) else self._calls_from(draws, event),
            cursor=cursor,
        )
        sender = self.someone(draws, self._provider(event), 20)
        shown = self.shown_to_model(event, proofs)
        given = {"context": context, "shown": shown, "sender": sender, "now": self.now}
        method, model = self.world.measurement.prove, self.suite.measurement.prove
        result = self.act("prove", method, (context, proofs), sender, model, **given)
        if not result.ok:
            return
        if event.rule.baseline is BaselineMethod.X_OF_Y and any(
            answer.silence is Silence.OK for answer in result.value
        ):
            self.stage.outcomes["prove of past days", ""] += 1
        state = self.suite.measurement.event_state(event_id)
        submitted.cursor = self.suite.measurement.cursors.get(event_id)
        if state.status is EventStatus.MEASURED:
            assert result.receipt is not None
            responses = tuple(result.receipt.only("EventMeasured").responses_milli_wh)
            self.checks.at_measurement(event, responses, state.proven, len(submitted.proofs))
        self.checks.of_event(event_id)

    def fail(self, number: int) -> None:
        """By anyone, once a deadline was missed."""
        draws = Draws(number)
        events = self.ghost.events_in(EventStatus.CALLED, EventStatus.SUBMITTED)
        if not events or draws.rarely(5):
            events = list(self.ghost.events.values())
        if not events:
            return
        event = draws.of(events)
        key = event.key if draws.below(12) else replace(event.key, rule_id=draws.of([*self.cast.rule_by_id]))
        given = {"key": key, "now": self.now}
        sender = draws.of(self.cast.everyone)
        method, model = self.world.measurement.fail, self.suite.measurement.fail
        self.act("fail", method, (key,), sender, model, **given)
        self.checks.of_event(ids.event_id(event.key))
