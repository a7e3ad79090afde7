"""What a record book shows of an event: each leaf's proof and answer, and the submission over them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from flexbond import trees
from flexbond.model.baseline import baseline_starts
from flexbond.model.delivery import MeasuredEvent, ShownRecord, assemble, measure_device, periods_of
from flexbond.model.types import BaselineMethod, Cursor, DeviceProof, Question, Silence, Totals
from flexbond.operations.meters import batch_times

if TYPE_CHECKING:
    from collections.abc import Sequence

    from flexbond.chain.suite import Suite
    from flexbond.model.types import Entry, MeteringPoint, RecordOpening
    from flexbond.operations.history import EventHistory
    from flexbond.operations.recordbook import RecordBook


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """All that is submitted and proven of an event."""

    measured: MeasuredEvent
    proofs: tuple[DeviceProof, ...]
    """Of every leaf; without records where the device is silent."""
    reasons: tuple[Silence, ...]
    """Of every leaf: why what the book has of it does not count."""

    @property
    def leaves(self) -> int:
        """How many."""
        return len(self.proofs)

    def cursor(self, proven: int) -> Cursor:
        """Where proving stands when the first leaves are proven."""
        if proven == 0:
            none = Totals(columns=(), weight=0, baseline_milli_wh=(), metered_milli_wh=())
            return Cursor(next=0, frontier=(), totals=none)
        frontier = trees.empty_frontier(self.leaves)
        for index in range(proven):
            frontier = trees.append(frontier, index, self.measured.tree.levels[0][index])
        return Cursor(next=proven, frontier=frontier, totals=self._sums(proven))

    def _sums(self, proven: int) -> Totals:
        answers = self.measured.answers[:proven]
        columns = zip(*(answer.columns for answer in answers), strict=True)
        baseline = zip(*(answer.baseline_milli_wh for answer in answers), strict=True)
        metered = zip(*(answer.metered_milli_wh for answer in answers), strict=True)
        return Totals(
            columns=tuple(map(sum, columns)),
            weight=sum(answer.weight for answer in answers),
            baseline_milli_wh=tuple(map(sum, baseline)),
            metered_milli_wh=tuple(map(sum, metered)),
        )


def question_of(event: EventHistory) -> Question:
    """What is asked of every device of an event."""
    return Question(
        key=event.key,
        first_notice=event.state.first_notice,
        ordered_mask=event.state.ordered_mask,
    )


def gather(suite: Suite, event: EventHistory, book: RecordBook) -> Evidence:
    """The proofs of all leaves from the book's attested records, and the submission that they give.

    What would not count is left out: the device is silent then, and `reasons` says why.
    """
    question, rule = question_of(event), event.rule
    sums = suite.devices.read("sumsBefore", event.key.portfolio_id, event.state.first_notice)
    entries = entries_of(suite, event.key.portfolio_id, sums.entries)
    points = dict(
        zip(
            (entry.metering_point for entry in entries),
            suite.devices.read_many("meteringPoint", [(entry.metering_point,) for entry in entries]),
            strict=True,
        )
    )
    shown = _Shown(suite, event, book, entries)
    answers, proofs, reasons = [], [], []
    for entry in entries:
        openings, records = shown.of(entry)
        answer = measure_device(rule, question, entry, _point(points, entry), records)
        reasons.append(answer.silence)
        if answer.silence is not Silence.OK and records:
            openings = ()
            answer = measure_device(rule, question, entry, _point(points, entry), ())
        answers.append(answer)
        proofs.append(DeviceProof(records=openings))
    measured = assemble(
        rule=rule, question=question, answers=answers, sums=sums, schedule_milli_wh=event.schedule_milli_wh
    )
    return Evidence(
        measured=measured,
        proofs=tuple(proofs),
        reasons=tuple(reasons),
    )


def entries_of(suite: Suite, portfolio_id: bytes, count: int) -> list[Entry]:
    """The first places of a portfolio's list."""
    return suite.devices.read_many("entry", [(portfolio_id, index) for index in range(count)])


def _point(points: dict[bytes, MeteringPoint], entry: Entry) -> MeteringPoint:
    return points[entry.metering_point]


class _Shown:
    """The book's records for the leaves of one event, with what the oracle knows of them."""

    def __init__(self, suite: Suite, event: EventHistory, book: RecordBook, entries: Sequence[Entry]) -> None:
        self._book = book
        self._deadline = event.key.window_end + event.rule.reading_deadline
        self._period = event.rule.period_seconds
        self._starts = _needed_starts(event)
        times = batch_times(suite, book)
        self._times = {root: time for root, time in times.items() if time < self._deadline}
        self._chosen = {entry.metering_point: self._choose(entry.metering_point) for entry in entries}
        slots = [
            (point, book.records[number].record.head.slot_start)
            for point, numbers in self._chosen.items()
            for number in numbers
        ]
        revisions = suite.oracle.read_many("revisionBefore", [(*slot, self._deadline) for slot in slots])
        self._latest = dict(zip(slots, revisions, strict=True))

    def of(self, entry: Entry) -> tuple[tuple[RecordOpening, ...], list[ShownRecord]]:
        """The openings of a leaf's records, and what they show."""
        openings, shown = [], []
        for number in self._chosen[entry.metering_point]:
            record = self._book.records[number].record
            batch, place = next(item for item in self._book.batches_of(number) if item[0].root in self._times)
            opening = record.opening(self._places(number), batch_root=batch.root, batch_path=batch.tree.path(place))
            openings.append(opening)
            latest = self._latest[record.head.metering_point, record.head.slot_start]
            shown.append(ShownRecord.of(opening, attested_at=self._times[batch.root], latest_revision=latest))
        return tuple(openings), shown

    def _choose(self, metering_point: bytes) -> list[int]:
        """Numbers of the records to show: of each slot with needed readings the highest revision attested in time."""
        chosen: dict[int, int] = {}
        for number in self._book.of_point(metering_point):
            head = self._book.records[number].record.head
            counts = any(batch.root in self._times for batch, _ in self._book.batches_of(number))
            if not counts or self._period % head.period_seconds or not self._places(number):
                continue
            best = chosen.get(head.slot_start)
            if best is None or head.revision > self._book.records[best].record.head.revision:
                chosen[head.slot_start] = number
        return [chosen[start] for start in sorted(chosen)]

    def _places(self, number: int) -> list[int]:
        """Places of a record's readings that are needed."""
        head = self._book.records[number].record.head
        places: list[int] = []
        for start in self._starts:
            first = max(start, head.slot_start)
            last = min(start + self._period, head.slot_end)
            low = -(-(first - head.slot_start) // head.period_seconds)
            high = -(-(last - head.slot_start) // head.period_seconds)
            places.extend(range(low, high))
        return places


def _needed_starts(event: EventHistory) -> list[int]:
    """Starts of the settlement periods whose readings are needed, UTC seconds."""
    ordered = [
        event.key.window_start + period * event.rule.period_seconds for period in periods_of(event.state.ordered_mask)
    ]
    if event.rule.baseline is not BaselineMethod.METER_BEFORE:
        return ordered
    return [*baseline_starts(event.rule, event.state.first_notice), *ordered]
