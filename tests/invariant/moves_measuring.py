"""Rules of records, submissions and proofs: honest, hostile and false ones, and devices that say nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from flexbond import ids
from flexbond.hashing import keccak
from flexbond.model.baseline import baseline_starts
from flexbond.model.delivery import periods_of
from flexbond.model.types import (
    BaselineMethod,
    Cursor,
    DeviceProof,
    Entry,
    EventStatus,
    P256Record,
    ProofContext,
    SignedRecord,
    SignerScheme,
    Totals,
)
from flexbond.trees import BatchTree
from tests.invariant.cast import GRID, Shown
from tests.invariant.ghost import Batch, Event, Submitted
from tests.invariant.moves import Draws, Moves
from tests.support.evm import GENESIS

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
        homes = [number for number in range(len(self.cast.homes)) if draws.below(12)]
        revision, variant = draws.of((0, 0, 0, 0, 1, 2)), draws.of((0, 0, 0, 0, 0, 0, 0, 2, 3))
        shown = [self.cast.shown(number, slot, revision, variant) for number in homes]
        if draws.rarely(15):
            place, tamper = draws.below(len(self.cast.homes)), draws.of(TAMPERED)
            shown.append(self.cast.shown(place, slot, revision, variant, tamper))
        elif draws.below(6):
            # One device without a statement would spoil the batch.
            shown = [item for item in shown if self._is_stated(item)]
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
        starts = {start for event in waiting for start in self.needed(event)}
        attested = {
            (batch.shown[0].record.head.slot_start - GENESIS) // length
            for batch in self.ghost.batches
            if len(batch.shown) > 2
        }
        slots = {(start - GENESIS) // length for start in starts} - attested
        return sorted(slot for slot in slots if GENESIS + (slot + 1) * length <= self.now)

    def attest_again(self, number: int) -> None:
        """Bringing a batch again changes nothing."""
        draws = Draws(number)
        if self.ghost.batches and draws.rarely(3):
            batch = draws.of(self.ghost.batches)
            self.bring(list(batch.shown), type(batch.shown[0].signed))

    def bring(self, shown: Sequence[Shown], kind: type) -> None:
        """One batch."""
        is_secp = kind is SignedRecord
        method = self.world.oracle.attest if is_secp else self.world.oracle.attestP256
        scheme = SignerScheme.SECP256K1 if is_secp else SignerScheme.P256
        args = ([item.signed for item in shown],)
        given = {"records": [item.brought for item in shown], "scheme": scheme, "now": self.now}
        sender = self.people.relayer.address
        result = self.act("attest", method, args, sender, self.suite.oracle.attest, **given)
        if result.ok and all(batch.root != result.value for batch in self.ghost.batches):
            tree = BatchTree.of([item.brought.leaf for item in shown])
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
        step = GRID.period_seconds
        return sorted({start for period in periods for start in range(period, period + terms.period_seconds, step)})

    def proof(self, draws: Draws, event: Event, entry: Entry, starts: Sequence[int]) -> DeviceProof:
        """What is shown for a leaf: the highest revisions, or just any; sometimes something else, or nothing."""
        if draws.rarely(12):
            return DeviceProof(records=())
        best: dict[int, Any] = {}
        careless = draws.rarely(8)
        deadline = event.key.window_end + event.rule.reading_deadline
        for batch in self.ghost.batches:
            if batch.at >= deadline and not careless:
                continue
            for place, item in enumerate(batch.shown):
                head = item.record.head
                known = best.get(head.slot_start)
                better = known is None or careless or head.revision >= known[0].record.head.revision
                if head.metering_point == entry.metering_point and better:
                    best[head.slot_start] = (item, batch, place)
        openings = []
        for _, (item, batch, place) in sorted(best.items()):
            wanted = [found for found in map(item.record.place_of, starts) if found is not None]
            if wanted:
                path = batch.paths[place]
                openings.append(item.record.opening(wanted, batch_root=batch.root, batch_path=path))
        if openings and draws.rarely(30):
            openings[0] = self._spoilt(draws, openings[0])
        return DeviceProof(records=tuple(openings))

    def _spoilt(self, draws: Draws, opening: Any) -> Any:
        return draws.of(
            (
                replace(opening, batch_root=keccak(b"none")),
                replace(opening, opened=opening.opened[:-1]),
                replace(opening, opened=b""),
                replace(opening, head=opening.head ^ 1 << 130),
                replace(opening, blocks=(*opening.blocks, bytes(32))),
            )
        )

    def shown_to_model(self, event: Event, proofs: Sequence[DeviceProof]) -> list[list[Any]]:
        """The proofs with what the model's oracle knows of each record."""
        deadline = event.key.window_end + event.rule.reading_deadline
        return [[self.suite.oracle.shown(opening, deadline) for opening in proof.records] for proof in proofs]

    def submit(self, number: int) -> None:
        """What follows from the records, or false totals, or a false root."""
        draws = Draws(number)
        events = self.ghost.events_in(EventStatus.CALLED)
        ready = [event for event in events if self._may_submit(event)]
        if not ready and (not events or draws.below(6)):
            return
        event = draws.of(ready or events)
        submitted = self._submission(draws, event)
        given_rule = event.rule if draws.below(15) else draws.of(self.cast.rules)
        sender = self.someone(draws, self._provider(event))
        args = (event.key, given_rule, submitted.root, submitted.totals)
        given = dict(zip(("key", "rule", "root", "totals"), args, strict=True))
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
        measured = self.suite.measurement.measured(event.key, event.rule, shown)
        # What does not count must be shown as silent.
        for place, answer in enumerate(measured.answers):
            if answer.silence and draws.below(8):
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
                replace(totals, columns=(*totals.columns, 0)),
                replace(totals, metered_milli_wh=totals.metered_milli_wh[:-1]),
                replace(totals, baseline_milli_wh=tuple(value - 1 for value in totals.baseline_milli_wh)),
            )
        )

    # ---------------------------------------------------------------- proving

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
            rule=event.rule if draws.below(20) else draws.of(self.cast.rules),
            root=submitted.root if draws.below(20) else keccak(submitted.root),
            totals=submitted.totals,
            schedule_milli_wh=schedule if draws.below(20) else (*schedule, 1),
            cursor=cursor,
        )
        sender = self.someone(draws, self._provider(event), 20)
        shown = self.shown_to_model(event, proofs)
        given = {"context": context, "shown": shown, "sender": sender, "now": self.now}
        method, model = self.world.measurement.prove, self.suite.measurement.prove
        result = self.act("prove", method, (context, proofs), sender, model, **given)
        if not result.ok:
            return
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
        given_rule = event.rule if draws.below(12) else draws.of(self.cast.rules)
        given = {"key": event.key, "rule": given_rule, "now": self.now}
        sender = draws.of(self.cast.everyone)
        method, model = self.world.measurement.fail, self.suite.measurement.fail
        self.act("fail", method, (event.key, given_rule), sender, model, **given)
        self.checks.of_event(ids.event_id(event.key))
