"""Records of devices, honest and hostile: attested, anchored by the provider or by others, hidden, twice, revised at the last second."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Any

from flexbond.model.openings import Inclusion, RecordOpening
from flexbond.model.types import BaselineMethod, DeviceProof, P256Record, SignedRecord, Silence
from tests.invariant.cast import GRID
from tests.invariant.moves_measuring import MeasuringMoves
from tests.invariant.pastdays import due, lookback_of
from tests.support.evm import GENESIS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from flexbond.model.types import Answer
    from tests.invariant.cast import Shown
    from tests.invariant.fleets.case import Case
    from tests.invariant.fleets.cast import FleetCast
    from tests.invariant.ghost import Batch

HABITS = (
    *("attested",) * 5,
    *("own",) * 6,
    *("other", "other", "front-run", "hidden", "none", "twice", "twice", "revised", "revised in secret"),
    *("estimated", "beyond", "suspended"),
)
"""How a home's records come. Own: anchored by the provider; other: by somebody else; front-run: by an attacker, then by the provider;
hidden: anchored, and shown to nobody; twice: the device signs a second, different record of the last slot, which others anchor."""


class FleetRecords(MeasuringMoves):
    """What is known of devices, and who knows it."""

    cast: FleetCast

    def __init__(self) -> None:
        super().__init__()
        self.unseen: set[bytes] = set()
        """Commitments of records that neither provider nor watchtower holds."""
        self.foreign: set[bytes] = set()
        """Commitments of records that the provider does not hold, but the watchtower does."""

    # ---------------------------------------------------------------- how they come

    def slots_of(self, case: Case) -> list[int]:
        """Numbers of the slots that the event needs, since the start."""
        starts = self.needed(case.event)
        return sorted({(start - GENESIS) // GRID.slot_seconds for start in starts if start >= GENESIS})

    def bring_past(self, habits: Sequence[str], slots: Sequence[int]) -> None:
        """Records of past days, before the notice."""
        for slot in slots:
            self._bring_slot(habits, slot, {"twice": "attested", "revised": "attested", "revised in secret": "own"})

    def bring_records(self, case: Case) -> None:
        """Those of the event's own day; some devices do odd things with the last."""
        past = case.event.first_notice if case.rule.baseline is BaselineMethod.X_OF_Y else 0
        slots = [slot for slot in self.slots_of(case) if GENESIS + (slot + 1) * GRID.slot_seconds > past]
        for slot in slots[:-1]:
            self._bring_slot(case.habits, slot, {"twice": "attested", "revised": "own"})
        self._bring_slot(case.habits, slots[-1], {})
        for number, habit in enumerate(case.habits):
            if habit == "suspended":
                self._equivocate(number, slots[-1])

    def _bring_slot(self, habits: Sequence[str], slot: int, instead: dict[str, str]) -> None:
        if GENESIS + (slot + 1) * GRID.slot_seconds > self.now:
            return
        people = self.people
        groups: dict[str, list[Shown]] = {}
        for number, habit in enumerate(habits):
            variant = {"estimated": 2, "beyond": 3}.get(habit, 0)
            groups.setdefault(instead.get(habit, habit), []).append(self.cast.shown(number, slot, 0, variant))
        attested = [groups.get(name, []) for name in ("attested", "estimated", "beyond", "suspended")]
        first = [item for group in (*attested, groups.get("revised", [])) for item in group]
        for kind in (SignedRecord, P256Record):
            self._bring_some([item for item in first if type(item.signed) is kind], kind)
        own = [*groups.get("own", []), *groups.get("revised in secret", []), *groups.get("twice", [])]
        self.anchor(groups.get("front-run", []), people.attacker.address)
        for name in ("front-run", "own"):
            self.anchor(own if name == "own" else groups.get(name, []), self._provider_of_all())
        for item in groups.get("hidden", []):
            self.unseen.add(item.record.commitment)
        self.anchor([*groups.get("other", []), *groups.get("hidden", [])], people.relayer.address)
        self._odd(groups, slot)

    def _odd(self, groups: dict[str, list[Shown]], slot: int) -> None:
        """Second records of a slot, and revisions."""
        homes = {item.home.number: name for name, items in groups.items() for item in items}
        for number, name in homes.items():
            if name == "twice":
                second = self.cast.shown(number, slot, 0, 1)
                self.foreign.add(second.record.commitment)
                self.anchor([second], self.people.attacker.address)
            if name in ("revised", "revised in secret"):
                newer = self.cast.shown(number, slot, 1, 0)
                if name == "revised in secret":
                    self.unseen.add(newer.record.commitment)
                self._bring_some([newer], type(newer.signed))

    def _bring_some(self, items: list[Shown], kind: type) -> None:
        stated = [item for item in items if self._is_stated(item)]
        if stated:
            self.bring(stated, kind)

    def _equivocate(self, number: int, slot: int) -> None:
        a, b = self.cast.shown(number, slot, 0, 0), self.cast.shown(number, slot, 0, 1)
        method, model = self.world.oracle.reportEquivocation, self.suite.oracle.report_equivocation
        if type(a.signed) is not SignedRecord:
            return
        given = {"a": a.brought, "b": b.brought, "now": self.now}
        self.act("reportEquivocation", method, (a.signed, b.signed), self.cast.watchtower, model, **given)

    def _provider_of_all(self) -> str:
        return self.cast.providers[0]

    # ---------------------------------------------------------------- what can be shown

    def held_by_provider(self, item: Shown) -> bool:
        """Whether the provider holds a record."""
        return item.record.commitment not in self.unseen | self.foreign

    def held_by_watchtower(self, item: Shown) -> bool:
        """Whether the watchtower holds it."""
        return item.record.commitment not in self.unseen

    def choices(
        self, case: Case, point: bytes, held: Callable[[Shown], bool]
    ) -> dict[int, list[tuple[Shown, Batch, int, bytes]]]:
        """By slot, the records that count, the highest revisions only; first those that the provider anchored: it stands behind them."""
        found: dict[int, list[Any]] = {}
        slots = {GENESIS + slot * GRID.slot_seconds for slot in self.slots_of(case)}
        stands = self.suite.oracle.standing
        own = self._provider_of_all()
        for batch in sorted(self.ghost.batches, key=lambda known: stands(known.root).anchored_by != own):
            kept = stands(batch.root)
            for place, item in enumerate(batch.shown):
                head = item.record.head
                if head.metering_point != point or head.slot_start not in slots or not held(item):
                    continue
                # an attestation that came in time needs no signature; else it counts as anchored
                limit = due(case.event, head.slot_end)
                signs = not kept.attested_at or kept.attested_at >= limit
                if (kept.at if signs else kept.attested_at) >= limit or (signs and head.revision):
                    continue
                if head.revision < self.suite.oracle.revision_before(point, head.slot_start, limit):
                    continue
                found.setdefault(head.slot_start, []).append((item, batch, place, item.signature if signs else b""))
        return found

    def opened(self, case: Case, chosen: Sequence[tuple[Shown, Batch, int, bytes]]) -> DeviceProof:
        """Records opened where the event needs them."""
        starts = self.needed(case.event)
        inclusions: list[Inclusion] = []
        openings: list[RecordOpening] = []
        for item, batch, place, signature in sorted(chosen, key=lambda one: one[0].record.head.slot_start):
            wanted = [found for found in map(item.record.place_of, starts) if found is not None]
            if wanted:
                openings.append(item.record.opening(wanted, inclusion=len(inclusions), signature=signature))
                inclusions.append(Inclusion(batch_root=batch.root, path=batch.paths[place], history=()))
        return DeviceProof(inclusions=tuple(inclusions), records=tuple(openings))

    def proofs_of(self, case: Case, place: int, held: Callable[[Shown], bool]) -> Iterator[DeviceProof]:
        """All choices of records of one leaf's device, all slots first."""
        entry = self.suite.devices.entry(case.key.portfolio_id, place)
        choices = self.choices(case, entry.metering_point, held)
        for chosen in product(*([*items, None] for items in choices.values())):
            yield self.opened(case, [item for item in chosen if item is not None])

    def answer(self, case: Case, place: int, proof: DeviceProof) -> Answer:
        """What a device's records give."""
        (answer,) = self.suite.verifier.measure_all(
            case.key, [place], self.shown_to_model(case.event, [proof]), lookback=lookback_of(case.rule)
        )
        return answer

    def best(self, case: Case, place: int, held: Callable[[Shown], bool]) -> tuple[DeviceProof, Answer]:
        """The first records that count of every slot; none, if they do not give a response."""
        proof = next(self.proofs_of(case, place, held))
        answer = self.answer(case, place, proof)
        if answer.silence is Silence.OK or not proof.records:
            return proof, answer
        nothing = DeviceProof(records=())
        return nothing, self.answer(case, place, nothing)

    def is_provable(self, case: Case, place: int, entries: Sequence[int]) -> bool:
        """Whether any records at all, or none, give a leaf these entries."""
        for proof in self.proofs_of(case, place, lambda _: True):
            answer = self.answer(case, place, proof)
            if (not proof.records or answer.silence is Silence.OK) and (*answer.columns, answer.weight) == (*entries,):
                return True
        return False

    def restate(self, number: int) -> None:
        """A home is stated anew: what suspended its device is over."""
        home = self.cast.homes[number % len(self.cast.homes)]
        self.ghost.sequences[home.number] += 1
        statement = self.cast.statement(home, self.ghost.sequences[home.number])
        operator = self.people.meter_operator
        proofs = (self.cast.sign_statement(operator, statement), self.cast.prove_key(home.device, statement))
        self.act(
            *("state", self.world.devices.state, (statement, operator.address, *proofs), operator.address),
            lambda: self.suite.devices.state(
                statement,
                operator.address,
                signed=True,
                key_proven=True,
                sender=operator.address,
                now=self.now,
            ),
        )
