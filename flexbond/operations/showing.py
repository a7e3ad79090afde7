"""Which of the book's records are shown for a device, under which roots, and what the oracle says of them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from flexbond.model.openings import Inclusion
from flexbond.model.shown import ShownRecord
from flexbond.model.types import DeviceProof, Silence
from flexbond.operations.meters import standings

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from flexbond.chain.suite import Suite
    from flexbond.operations.history import EventHistory
    from flexbond.operations.recordbook import RecordBook

Slot = tuple[bytes, int]
"""Metering point and slot start, UTC seconds."""


@dataclass(frozen=True, kw_only=True)
class Kept:
    """One way in which the oracle has a record of the book."""

    number: int
    """Of the record."""
    at: int
    """When it came, UTC seconds."""
    inclusion: Inclusion
    place: int
    """In the inclusion's history."""
    is_attested: bool
    """Whether it counts as attested; else its signature is shown, and it counts from when its root first came."""


class Showing:
    """The book's records of some metering points, as they can be shown for one event."""

    def __init__(self, suite: Suite, event: EventHistory, book: RecordBook, points: Collection[bytes]) -> None:
        self._book = book
        self._notice = event.state.first_notice
        self._deadline = event.key.window_end + event.rule.reading_deadline
        self._period = event.rule.period_seconds
        self._standings = standings(suite, book)
        numbers = [number for point in dict.fromkeys(points) for number in book.of_point(point)]
        ways = {number: found for number in numbers if (found := self._ways(number))}
        refusals = self._ask_standing(suite, [way for found in ways.values() for way in found])
        accepted = {
            number: [way for way in found if way.is_attested or refusals[way] is Silence.OK]
            for number, found in ways.items()
        }
        self._kept = {number: (accepted[number] or found)[0] for number, found in ways.items()}
        self._refusals = {number: refusals[found[0]] for number, found in ways.items() if not accepted[number]}
        slots = list(dict.fromkeys(self._slot(number) for number in self._kept))
        self._latest = self._ask_revisions(suite, slots, self._deadline)
        self._latest_before = self._ask_revisions(suite, slots, self._notice)

    def of(
        self, metering_point: bytes, starts: Sequence[int], boundary: int
    ) -> tuple[DeviceProof, list[ShownRecord], Silence]:
        """A device's proof, opened at the settlement periods that begin at `starts`, what it shows, and why a record was left out.

        Past days end by `boundary`, UTC seconds; 0: there are none.
        """
        numbers = [number for number in self._book.of_point(metering_point) if number in self._kept]
        refused = [self._refusals[number] for number in numbers if self._refusals.get(number)]
        places = {number: self._places(number, starts) for number in numbers if not self._refusals.get(number)}
        chosen = self._choose([number for number, wanted in places.items() if wanted], boundary)
        inclusions: list[Inclusion] = []
        openings = []
        for number in chosen:
            kept, booked = self._kept[number], self._book.records[number]
            if kept.inclusion not in inclusions:
                inclusions.append(kept.inclusion)
            openings.append(
                booked.record.opening(
                    places[number],
                    inclusion=inclusions.index(kept.inclusion),
                    place=kept.place,
                    signature=b"" if kept.is_attested else booked.signature_bytes,
                )
            )
        shown = [
            ShownRecord.of(
                opening,
                inclusions,
                kept_at=self._kept[number].at,
                latest_revision=self._latest[self._slot(number)],
                latest_before_notice=self._latest_before[self._slot(number)],
            )
            for number, opening in zip(chosen, openings, strict=True)
        ]
        proof = DeviceProof(inclusions=tuple(inclusions), records=tuple(openings))
        return proof, shown, refused[0] if refused else Silence.OK

    # -------------------------------------------------------------- what is asked of the oracle

    def _ways(self, number: int) -> list[Kept]:
        """The ways in which a record came in time, best first: a history that came before the notice, which shows many records at once;
        else the first, an attested one of those that came alike. Under a root that was anchored before it was attested a record counts
        from then if its signature is shown, else from the attestation. A revision counts only attested.
        """
        is_revised = bool(self._book.records[number].record.head.revision)
        included = [(batch.root, batch.inclusion(at), 0) for batch, at in self._book.batches_of(number)]
        included += [
            (anchor.root, anchor.inclusion(leaf), at)
            for anchor, leaf, at in self._book.anchors_of(number)
            if not is_revised
        ]
        ways = []
        for root, inclusion, place in included:
            standing = self._standings.get(root)
            if standing is None:
                continue
            way = Kept(number=number, at=standing.attested_at, inclusion=inclusion, place=place, is_attested=True)
            if standing.attested_at:
                ways.append(way)
            if not is_revised and standing.at != standing.attested_at:
                ways.append(replace(way, at=standing.at, is_attested=False))

        def order(way: Kept) -> tuple[bool, int, bool]:
            is_history = bool(way.inclusion.history) and way.at < self._notice
            return not is_history, way.at, not way.is_attested

        return sorted([way for way in ways if way.at < self._deadline], key=order)

    def _ask_standing(self, suite: Suite, ways: Sequence[Kept]) -> dict[Kept, Silence]:
        """Of the ways in which signatures are shown: what speaks against them."""
        signed = [way for way in ways if not way.is_attested]
        questions = []
        for way in signed:
            booked = self._book.records[way.number]
            questions.append((booked.record.head.pack(), booked.record.commitment, booked.signature_bytes, way.at))
        answers = suite.oracle.read_many("recordStanding", questions) if questions else []
        return {way: Silence(answer) for way, answer in zip(signed, answers, strict=True)}

    def _ask_revisions(self, suite: Suite, slots: Sequence[Slot], before: int) -> dict[Slot, int]:
        found = suite.oracle.read_many("revisionBefore", [(*slot, before) for slot in slots]) if slots else []
        return dict(zip(slots, found, strict=True))

    # -------------------------------------------------------------- which records, and what of them

    def _choose(self, numbers: Iterable[int], boundary: int) -> list[int]:
        """Of each slot what counts: for past days as it stood before the notice, for the rest at the reading deadline."""
        chosen: set[int] = set()
        slots: dict[int, list[int]] = {}
        for number in numbers:
            slots.setdefault(self._book.records[number].record.head.slot_start, []).append(number)
        for start, candidates in slots.items():
            head = self._book.records[candidates[0]].record.head
            if start < boundary:
                chosen |= self._highest([one for one in candidates if self._kept[one].at < self._notice])
            if head.slot_end > boundary:
                chosen |= self._highest(candidates)
        return sorted(chosen, key=lambda one: self._book.records[one].record.head.pack())

    def _highest(self, candidates: Sequence[int]) -> set[int]:
        if not candidates:
            return set()
        return {max(candidates, key=lambda one: self._book.records[one].record.head.revision)}

    def _places(self, number: int, starts: Iterable[int]) -> list[int]:
        """Places of a record's readings in the settlement periods that begin at `starts`."""
        head = self._book.records[number].record.head
        if self._period % head.period_seconds:
            return []
        places: set[int] = set()
        for start in starts:
            first = max(start, head.slot_start)
            last = min(start + self._period, head.slot_end)
            low = -(-(first - head.slot_start) // head.period_seconds)
            high = -(-(last - head.slot_start) // head.period_seconds)
            places.update(range(low, high))
        return sorted(places)

    def _slot(self, number: int) -> Slot:
        head = self._book.records[number].record.head
        return head.metering_point, head.slot_start
