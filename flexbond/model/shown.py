"""The records that are shown for a device, which of their readings count, and what those add up to."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from flexbond import trees
from flexbond.model.types import Silence
from flexbond.records import RecordError, RecordHead, opened_readings, record_hash

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from flexbond.model.openings import Inclusion, RecordOpening
    from flexbond.model.types import Entry


@dataclass(frozen=True, kw_only=True)
class ShownRecord:
    """A record as shown for a device, with what the oracle knows of it."""

    head: RecordHead
    kept_at: int
    """When its root was first attested or anchored (revisions: attested), UTC seconds; 0: never, or it is not under that root."""
    refusal: Silence = Silence.OK
    """Why it does not count although its root was anchored; OK where every record under the root was verified."""
    latest_revision: int = 0
    """Highest revision of the slot that was attested before the reading deadline."""
    latest_before_notice: int = 0
    """The same before the first notice; matters for past days only."""
    opened: Mapping[int, tuple[int, bool]] | None
    """Reading (mWh, `+` import) and estimated flag by place; None if the opening is malformed."""

    @classmethod
    def of(
        cls,
        opening: RecordOpening,
        inclusions: Sequence[Inclusion],
        *,
        kept_at: int,
        refusal: Silence = Silence.OK,
        latest_revision: int = 0,
        latest_before_notice: int = 0,
    ) -> ShownRecord:
        """The record that an opening shows; `kept_at` and `refusal` are what the oracle says under the root it names."""
        try:
            opened = opened_readings(opening)
        except RecordError:
            opened = None
        return cls(
            head=RecordHead.unpack(opening.record_head),
            kept_at=kept_at if is_included(opening, inclusions) else 0,
            refusal=refusal,
            latest_revision=latest_revision,
            latest_before_notice=latest_before_notice,
            opened=opened,
        )


def is_included(opening: RecordOpening, inclusions: Sequence[Inclusion]) -> bool:
    """Whether a record is under the root that it names, alone or within a history leaf."""
    if opening.inclusion >= len(inclusions):
        return False
    inclusion = inclusions[opening.inclusion]
    leaf = record_hash(opening.record_head, opening.commitment)
    if inclusion.history:
        if len(inclusion.history) > trees.MAX_HISTORY or inclusion.history[opening.place : opening.place + 1] != (
            leaf,
        ):
            return False
        leaf = trees.history_leaf(inclusion.history)
    return trees.climb_batch(leaf, inclusion.path) == inclusion.batch_root


@dataclass(kw_only=True)
class Tally:
    """Readings added up by settlement period, of those that are needed."""

    needed: frozenset[int]
    """Starts of the periods needed on the event's own day or before the notice, UTC seconds."""
    past: frozenset[int] = frozenset()
    """Starts of the periods needed of past days: one that lacks a reading is absent."""
    boundary: int = 0
    """Past days end by it, what else is needed begins there, UTC seconds; 0: no past days."""
    seconds: int
    """Settlement period, s."""
    estimated_allowed: bool
    milli_wh: dict[int, int] = field(default_factory=dict)
    covered: dict[int, int] = field(default_factory=dict)
    estimated: bool = False
    """Whether a needed reading is; of past days such a reading is absent, where the rule does not allow it."""
    read_until: int = 0
    """Readings before it were read: none counts twice."""

    def add(self, shown: ShownRecord, span: tuple[int, int]) -> bool:
        """Adds what a record opens within a span. False if its period does not divide the settlement period."""
        step = shown.head.period_seconds
        if step == 0 or self.seconds % step:
            return False
        opened = shown.opened or {}
        for place in sorted(opened):
            start = shown.head.slot_start + place * step
            if start < self.read_until or not span[0] <= start < span[1]:
                continue
            self.read_until = start + step
            self._count(start - start % self.seconds, step, *opened[place])
        return True

    def _count(self, period: int, step: int, reading: int, flagged: bool) -> None:
        if period in self.past:
            if flagged and not self.estimated_allowed:
                return
        elif period in self.needed:
            self.estimated |= flagged
        else:
            return
        self.milli_wh[period] = self.milli_wh.get(period, 0) + reading
        self.covered[period] = self.covered.get(period, 0) + step

    def whole(self, starts: Iterable[int]) -> dict[int, int]:
        """Energy of those periods that have all their readings, mWh."""
        return {start: self.milli_wh[start] for start in starts if self.covered.get(start) == self.seconds}


def read_records(
    tally: Tally, shown: Sequence[ShownRecord], *, metering_point: bytes, first_notice: int, deadline: int
) -> Silence:
    """Checks each record and adds up what it opens; `deadline` is that of readings, both times are UTC seconds."""
    for record in shown:
        if record.head.metering_point != metering_point:
            return Silence.WRONG_POINT
        if record.opened is None:
            return Silence.BAD_OPENING
        if record.kept_at == 0:
            return Silence.NOT_ATTESTED
        if record.refusal is not Silence.OK:
            return record.refusal
        silence, span = _span(record, tally.boundary, first_notice, deadline)
        if silence is not Silence.OK:
            return silence
        if not tally.add(record, span):
            return Silence.BAD_OPENING
    return Silence.OK


def _span(record: ShownRecord, boundary: int, first_notice: int, deadline: int) -> tuple[Silence, tuple[int, int]]:
    """What part of a record counts: past days as they stood before the notice, the rest until the reading deadline."""
    start, end = record.head.slot_start, record.head.slot_end
    for_past = _timely(record, first_notice, record.latest_before_notice)
    for_event = _timely(record, deadline, record.latest_revision)
    if end <= boundary:
        return for_past, (start, end)
    if start >= boundary or Silence.OK not in (for_past, for_event):
        return for_event, (start, end)
    low = start if for_past is Silence.OK else boundary
    high = end if for_event is Silence.OK else boundary
    return Silence.OK, (low, high)


def _timely(record: ShownRecord, deadline: int, latest_revision: int) -> Silence:
    if record.kept_at >= deadline:
        return Silence.LATE
    return Silence.SUPERSEDED if record.head.revision < latest_revision else Silence.OK


def judge_readings(tally: Tally, entry: Entry) -> Silence:
    """What the readings lack, once all are added up."""
    if any(tally.covered.get(start) != tally.seconds for start in tally.needed):
        return Silence.MISSING_READING
    if tally.estimated and not tally.estimated_allowed:
        return Silence.ESTIMATED
    limit = entry.connection_w * tally.seconds * 1000
    known = tally.whole((*tally.needed, *tally.past))
    return Silence.OUT_OF_RANGE if any(abs(value) * 3600 > limit for value in known.values()) else Silence.OK
