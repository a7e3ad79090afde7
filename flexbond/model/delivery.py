"""What each device did in an event, and what the portfolio did; what `DeliveryVerifier` and `Measurement` compute."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from flexbond import trees
from flexbond.hashing import keccak
from flexbond.model.baseline import (
    baseline_starts,
    clamp_milli_wh,
    mean,
    metered_from_column,
    portfolio_baseline,
    response_milli_wh,
)
from flexbond.model.types import (
    Answer,
    BaselineMethod,
    ClampLevel,
    Direction,
    PortfolioSums,
    Silence,
    Totals,
)
from flexbond.records import RecordError, RecordHead, opened_readings, record_hash

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from flexbond.model.types import Entry, EventKey, MeteringPoint, Question, RecordOpening, Rule


@dataclass(frozen=True, kw_only=True)
class ShownRecord:
    """A record as shown for a device, with what the oracle knows of it."""

    head: RecordHead
    attested_at: int
    """When its batch was first attested, UTC seconds; 0: never, or it is not in that batch."""
    latest_revision: int = 0
    """Highest revision of the slot that was attested before the reading deadline."""
    opened: Mapping[int, tuple[int, bool]] | None
    """Reading (mWh, `+` import) and estimated flag by place; None if the opening is malformed."""

    @classmethod
    def of(cls, opening: RecordOpening, *, attested_at: int, latest_revision: int) -> ShownRecord:
        """The record that an opening shows; `attested_at` is that of the batch root it names."""
        leaf = record_hash(opening.head, keccak(b"".join(opening.blocks)))
        in_batch = trees.climb_batch(leaf, opening.batch_path) == opening.batch_root
        # Bits beyond the head's fields are not signed and mean nothing here.
        bare = opening.head >> 40 << 40
        try:
            opened = opened_readings(replace(opening, head=bare))
        except RecordError:
            opened = None
        head = RecordHead.unpack(bare)
        return cls(
            head=head,
            attested_at=attested_at if in_batch else 0,
            latest_revision=latest_revision,
            opened=opened,
        )


@dataclass(frozen=True, kw_only=True)
class MeasuredEvent:
    """A submission: every device's answer, the tree over them, and what follows for the portfolio."""

    answers: tuple[Answer, ...]
    """Of every leaf, in order."""
    totals: Totals
    tree: trees.SubmissionTree
    weight_words: tuple[int, ...]
    """Of every leaf: entry and prefix of the weight column."""
    columns_hashes: tuple[bytes, ...]
    """Of every leaf: hash of its other columns."""
    responses_milli_wh: tuple[int, ...]
    """The portfolio's response for every period of the window, mWh; 0 where nothing was ordered."""


@dataclass(kw_only=True)
class _Tally:
    """Readings added up by settlement period, of those that are needed."""

    needed: frozenset[int]
    """Starts of the needed periods, UTC seconds."""
    seconds: int
    """Settlement period, s."""
    milli_wh: dict[int, int] = field(default_factory=dict)
    covered: dict[int, int] = field(default_factory=dict)
    estimated: bool = False
    read_until: int = 0
    """Readings before it were read: none counts twice."""

    def add(self, shown: ShownRecord) -> bool:
        """Adds what a record opens. False if it is malformed or its period does not divide the settlement period."""
        step = shown.head.period_seconds
        if step == 0 or self.seconds % step or shown.opened is None:
            return False
        for place in sorted(shown.opened):
            start = shown.head.slot_start + place * step
            if start < self.read_until:
                continue
            self.read_until = start + step
            period = start - start % self.seconds
            if period in self.needed:
                reading, flagged = shown.opened[place]
                self.milli_wh[period] = self.milli_wh.get(period, 0) + reading
                self.covered[period] = self.covered.get(period, 0) + step
                self.estimated |= flagged
        return True


# ------------------------------------------------------------------ one device


def periods_of(mask: int) -> tuple[int, ...]:
    """The periods of a mask, ascending."""
    return tuple(period for period in range(mask.bit_length()) if mask >> period & 1)


def measure_device(
    rule: Rule, question: Question, entry: Entry, point: MeteringPoint, shown: Sequence[ShownRecord]
) -> Answer:
    """What one device did, from the records shown for it; none shown: claimed silent."""
    periods = periods_of(question.ordered_mask)
    starts = [question.key.window_start + period * rule.period_seconds for period in periods]
    silence = _standing(rule, question, entry, point, shown)
    if silence is Silence.INACTIVE:
        return _answer(silence, [0] * len(periods), 0)
    before = baseline_starts(rule, question.first_notice) if rule.baseline is BaselineMethod.METER_BEFORE else range(0)
    tally = _Tally(needed=frozenset((*before, *starts)), seconds=rule.period_seconds)
    if silence is Silence.OK:
        silence = _read(tally, rule, question, entry, shown)
    if silence is Silence.OK:
        silence = _judge(tally, rule, entry)
    metered = None if silence is not Silence.OK else [tally.milli_wh[start] for start in starts]
    direction = question.key.direction
    if rule.baseline is not BaselineMethod.METER_BEFORE:
        return _against_portfolio(silence, metered, entry, rule, direction, len(periods))
    baseline = mean([tally.milli_wh[start] for start in before], direction) if metered is not None else 0
    return _against_itself(silence, metered, baseline, entry, rule, direction, len(periods))


def _standing(
    rule: Rule, question: Question, entry: Entry, point: MeteringPoint, shown: Sequence[ShownRecord]
) -> Silence:
    """What makes a device silent whatever its records say."""
    if not entry.was_in_before(question.first_notice):
        return Silence.INACTIVE
    if point.suspended_at and point.suspended_at < question.key.window_end + rule.reading_deadline:
        return Silence.SUSPENDED
    if entry.kind < rule.min_assurance:
        return Silence.LOW_ASSURANCE
    return Silence.OK if shown else Silence.NO_RECORD


def _read(tally: _Tally, rule: Rule, question: Question, entry: Entry, shown: Sequence[ShownRecord]) -> Silence:
    """Checks each record and adds up what it opens."""
    deadline = question.key.window_end + rule.reading_deadline
    for record in shown:
        if record.head.metering_point != entry.metering_point:
            return Silence.WRONG_POINT
        if record.attested_at == 0:
            return Silence.NOT_ATTESTED
        if record.attested_at >= deadline:
            return Silence.LATE
        if record.head.revision < record.latest_revision:
            return Silence.SUPERSEDED
        if not tally.add(record):
            return Silence.BAD_OPENING
    return Silence.OK


def _judge(tally: _Tally, rule: Rule, entry: Entry) -> Silence:
    """What the readings lack, once all are added up."""
    if any(tally.covered.get(start) != tally.seconds for start in tally.needed):
        return Silence.MISSING_READING
    if tally.estimated and not rule.estimated_allowed:
        return Silence.ESTIMATED
    limit = entry.connection_w * tally.seconds * 1000
    beyond = any(abs(milli_wh) * 3600 > limit for milli_wh in tally.milli_wh.values())
    return Silence.OUT_OF_RANGE if beyond else Silence.OK


def _against_itself(
    silence: Silence,
    metered: Sequence[int] | None,
    baseline: int,
    entry: Entry,
    rule: Rule,
    direction: Direction,
    count: int,
) -> Answer:
    """The answer where the baseline is the device's own."""
    limit = clamp_milli_wh(entry.capacity_w, rule.period_seconds)
    responses = [-limit] * count
    if metered is not None:
        responses = [response_milli_wh(baseline, reading, direction, limit) for reading in metered]
    weight = sum(max(0, response) for response in responses)
    if rule.clamp_level is ClampLevel.DEVICE:
        columns = [max(0, response) for response in responses]
    else:
        shift = 1000 * entry.capacity_w * rule.period_seconds
        columns = [3600 * response + shift for response in responses]
    return _answer(silence, columns, weight, None if metered is None else [baseline] * count, metered)


def _against_portfolio(
    silence: Silence, metered: Sequence[int] | None, entry: Entry, rule: Rule, direction: Direction, count: int
) -> Answer:
    """The answer where the baseline is the portfolio's."""
    if metered is None:
        return _answer(silence, [0] * count, 0)
    full = 1000 * entry.connection_w * rule.period_seconds
    sign = -3600 if direction is Direction.SHED else 3600
    return _answer(silence, [full + sign * reading for reading in metered], entry.capacity_w, None, metered)


def _answer(
    silence: Silence,
    columns: Sequence[int],
    weight: int,
    baseline: Sequence[int] | None = None,
    metered: Sequence[int] | None = None,
) -> Answer:
    none = [0] * len(columns)
    return Answer(
        silence=silence,
        columns=tuple(columns),
        weight=weight,
        baseline_milli_wh=tuple(none if baseline is None else baseline),
        metered_milli_wh=tuple(none if metered is None else metered),
    )


# ------------------------------------------------------------------ the portfolio


def sums_before(entries: Sequence[Entry], at: int) -> PortfolioSums:
    """A portfolio's sums as they stood just before `at`, UTC seconds."""
    present = [entry for entry in entries if entry.was_in_before(at)]
    return PortfolioSums(
        entries=sum(1 for entry in entries if entry.joined_at < at),
        capacity_w=sum(entry.capacity_w for entry in present),
        connection_w=sum(entry.connection_w for entry in present),
    )


def responses_of(
    rule: Rule,
    key: EventKey,
    ordered_mask: int,
    columns: Sequence[int],
    sums: PortfolioSums,
    schedule_milli_wh: Sequence[int] = (),
) -> tuple[int, ...]:
    """The portfolio's response for every period of the window, mWh, from the totals of the columns."""
    responses = [0] * ((key.window_end - key.window_start) // rule.period_seconds)
    for column, period in zip(columns, periods_of(ordered_mask), strict=True):
        if rule.baseline is not BaselineMethod.METER_BEFORE:
            baseline = portfolio_baseline(rule, key, schedule_milli_wh, period)
            if baseline is None:
                continue
            metered = metered_from_column(column, sums.connection_w, rule.period_seconds, key.direction)
            limit = clamp_milli_wh(sums.capacity_w, rule.period_seconds)
            responses[period] = response_milli_wh(baseline, metered, key.direction, limit)
        elif rule.clamp_level is ClampLevel.DEVICE:
            responses[period] = column
        else:
            # Exact: every entry is 3600 times a response and the same shift.
            responses[period] = (column - 1000 * sums.capacity_w * rule.period_seconds) // 3600
    return tuple(responses)


def assemble(
    *,
    rule: Rule,
    question: Question,
    answers: Sequence[Answer],
    sums: PortfolioSums,
    schedule_milli_wh: Sequence[int] = (),
) -> MeasuredEvent:
    """The submission over the answers of all leaves, in order."""
    count = len(periods_of(question.ordered_mask))
    columns, baseline, metered, weight = [0] * count, [0] * count, [0] * count, 0
    words, hashes, leaves = [], [], []
    for index, answer in enumerate(answers):
        weight += answer.weight
        columns = [a + b for a, b in zip(columns, answer.columns, strict=True)]
        baseline = [a + b for a, b in zip(baseline, answer.baseline_milli_wh, strict=True)]
        metered = [a + b for a, b in zip(metered, answer.metered_milli_wh, strict=True)]
        entries = zip(answer.columns, columns, strict=True)
        words.append(trees.word(answer.weight, weight))
        hashes.append(trees.columns_hash([trees.word(entry, prefix) for entry, prefix in entries]))
        leaves.append(trees.leaf(index, words[-1], hashes[-1]))
    totals = Totals(
        columns=tuple(columns), weight=weight, baseline_milli_wh=tuple(baseline), metered_milli_wh=tuple(metered)
    )
    return MeasuredEvent(
        answers=tuple(answers),
        totals=totals,
        tree=trees.SubmissionTree.of(leaves),
        weight_words=tuple(words),
        columns_hashes=tuple(hashes),
        responses_milli_wh=responses_of(rule, question.key, question.ordered_mask, columns, sums, schedule_milli_wh),
    )


def measure_event(
    *,
    rule: Rule,
    question: Question,
    entries: Sequence[Entry],
    points: Mapping[bytes, MeteringPoint],
    shown: Sequence[Sequence[ShownRecord]],
    schedule_milli_wh: Sequence[int] = (),
) -> MeasuredEvent:
    """A whole event: the portfolio's list as it stood just before the first notice, and the records of each leaf.

    `shown[i]` holds the records of entry `i`; empty: silent. What is not accepted counts as silent too, as a provider
    must submit it.
    """
    sums = sums_before(entries, question.first_notice)
    answers = [
        measure_device(rule, question, entry, points[entry.metering_point], records)
        for entry, records in zip(entries[: sums.entries], shown, strict=True)
    ]
    return assemble(rule=rule, question=question, answers=answers, sums=sums, schedule_milli_wh=schedule_milli_wh)
