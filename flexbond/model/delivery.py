"""What each device did in an event, and what the portfolio did; what `DeliveryVerifier` and `Measurement` compute."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from flexbond import trees
from flexbond.ids import claim_of
from flexbond.model.baseline import (
    baseline_starts,
    clamp_milli_wh,
    mean,
    metered_from_column,
    planned_baseline,
    portfolio_baseline,
    response_milli_wh,
)
from flexbond.model.calendar import LocalCalendar
from flexbond.model.lookback import plan_days
from flexbond.model.shown import Tally, judge_readings, read_records
from flexbond.model.types import (
    Answer,
    BaselineMethod,
    ClampLevel,
    Direction,
    Leaf,
    PortfolioSums,
    Silence,
    Totals,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from flexbond.model.lookback import DayPlan
    from flexbond.model.shown import ShownRecord
    from flexbond.model.types import Call, Claim, Entry, EventKey, MeteringPoint, Question, Rule


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

    @property
    def claim(self) -> Claim:
        """What is submitted, as it is shown when it is checked."""
        return claim_of(self.tree.root, self.totals)

    def leaf(self, place: int) -> Leaf:
        """A leaf as it is shown."""
        columns = zip(*(answer.columns for answer in self.answers[: place + 1]), strict=True)
        words = [trees.word(column[-1], sum(column)) for column in columns]
        return Leaf(
            place=place,
            weight_word=self.weight_words[place],
            columns=b"".join([item.to_bytes(32, "big") for item in words]),
            path=self.tree.path(place),
        )


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
    silence = standing(rule, question, entry, point)
    if silence is Silence.OK and not shown:
        silence = Silence.NO_RECORD
    if silence is Silence.INACTIVE:
        return _answer(silence, entry, [0] * len(periods), 0)
    plan = plan_of(rule, question)
    tally = _tally(rule, question, plan, starts)
    if silence is Silence.OK:
        silence = read_records(
            tally,
            shown,
            metering_point=entry.metering_point,
            first_notice=question.first_notice,
            deadline=question.key.window_end + rule.reading_deadline,
        )
    if silence is Silence.OK:
        silence = judge_readings(tally, entry)
    baseline: Sequence[int] = [0] * len(periods)
    is_complete = True
    if silence is Silence.OK and rule.baseline is BaselineMethod.METER_BEFORE:
        before = [tally.milli_wh[start] for start in baseline_starts(rule, question.first_notice)]
        baseline = [mean(before, question.key.direction)] * len(periods)
    elif silence is Silence.OK and plan is not None:
        own = planned_baseline(
            question.lookback, plan, question.key.direction, tally.whole(tally.past), tally.whole(tally.needed)
        )
        silence, is_complete = own.silence, own.is_complete
        baseline = [own.baseline_milli_wh[period] for period in periods] if own.baseline_milli_wh else baseline
    metered = None if silence is not Silence.OK else [tally.milli_wh[start] for start in starts]
    if is_own_baseline(rule):
        return _against_itself(silence, metered, baseline, entry, rule, question.key.direction, is_complete=is_complete)
    return _against_portfolio(silence, metered, entry, rule, question.key.direction, len(periods))


def is_own_baseline(rule: Rule) -> bool:
    """Whether each device has a baseline of its own."""
    return rule.baseline in (BaselineMethod.METER_BEFORE, BaselineMethod.X_OF_Y)


def plan_of(rule: Rule, question: Question) -> DayPlan | None:
    """X_OF_Y: the past days that are needed of a device; else None."""
    if rule.baseline is not BaselineMethod.X_OF_Y:
        return None
    return plan_days(
        lookback=question.lookback,
        calendar=LocalCalendar(question.calendar),
        period_seconds=rule.period_seconds,
        window=(question.key.window_start, question.key.window_end),
        first_notice=question.first_notice,
        calls=question.calls,
    )


def _tally(rule: Rule, question: Question, plan: DayPlan | None, ordered: Sequence[int]) -> Tally:
    if plan is None:
        is_before = rule.baseline is BaselineMethod.METER_BEFORE
        before: Sequence[int] = baseline_starts(rule, question.first_notice) if is_before else ()
        return Tally(
            needed=frozenset((*before, *ordered)),
            seconds=rule.period_seconds,
            estimated_allowed=rule.estimated_allowed,
        )
    rows = (*plan.starts, *plan.past_adjustment_starts)
    return Tally(
        needed=frozenset((*plan.adjustment_starts, *ordered)),
        past=frozenset(start for row in rows for start in row if start is not None),
        boundary=plan.boundary,
        seconds=rule.period_seconds,
        estimated_allowed=rule.estimated_allowed,
    )


def standing(rule: Rule, question: Question, entry: Entry, point: MeteringPoint) -> Silence:
    """What makes a device silent whatever its records say: INACTIVE, SUSPENDED or LOW_ASSURANCE; OK: nothing."""
    if not entry.was_in_before(question.first_notice):
        return Silence.INACTIVE
    if point.suspended_at and point.suspended_at < question.key.window_end + rule.reading_deadline:
        return Silence.SUSPENDED
    if entry.kind < rule.min_assurance:
        return Silence.LOW_ASSURANCE
    return Silence.OK


def _against_itself(
    silence: Silence,
    metered: Sequence[int] | None,
    baseline: Sequence[int],
    entry: Entry,
    rule: Rule,
    direction: Direction,
    *,
    is_complete: bool,
) -> Answer:
    """The answer where the baseline is the device's own."""
    limit = clamp_milli_wh(entry.capacity_w, rule.period_seconds)
    responses = [-limit] * len(baseline)
    if metered is not None:
        pairs = zip(baseline, metered, strict=True)
        responses = [response_milli_wh(level, reading, direction, limit) for level, reading in pairs]
    weight = sum(max(0, response) for response in responses)
    if rule.clamp_level is ClampLevel.DEVICE:
        columns = [max(0, response) for response in responses]
    else:
        shift = 1000 * entry.capacity_w * rule.period_seconds
        columns = [3600 * response + shift for response in responses]
    if metered is None:
        return _answer(silence, entry, columns, weight)
    return _answer(silence, entry, columns, weight, baseline, metered, is_complete=is_complete)


def _against_portfolio(
    silence: Silence, metered: Sequence[int] | None, entry: Entry, rule: Rule, direction: Direction, count: int
) -> Answer:
    """The answer where the baseline is the portfolio's."""
    if metered is None:
        return _answer(silence, entry, [0] * count, 0)
    full = 1000 * entry.connection_w * rule.period_seconds
    sign = -3600 if direction is Direction.SHED else 3600
    columns = [full + sign * reading for reading in metered]
    return _answer(silence, entry, columns, entry.capacity_w, None, metered, is_complete=True)


def _answer(
    silence: Silence,
    entry: Entry,
    columns: Sequence[int],
    weight: int,
    baseline: Sequence[int] | None = None,
    metered: Sequence[int] | None = None,
    *,
    is_complete: bool = False,
) -> Answer:
    none = [0] * len(columns)
    return Answer(
        silence=silence,
        columns=tuple(columns),
        weight=weight,
        baseline_milli_wh=tuple(none if baseline is None else baseline),
        metered_milli_wh=tuple(none if metered is None else metered),
        metering_point=entry.metering_point,
        is_complete=is_complete,
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
        if not is_own_baseline(rule):
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
    calls: Sequence[Sequence[Call]] = (),
) -> MeasuredEvent:
    """A whole event: the portfolio's list as it stood just before the first notice, and the records of each leaf.

    `shown[i]` holds the records of entry `i`; empty: silent. What is not accepted counts as silent too, as a provider
    must submit it. `calls[i]` are those that entry `i` was in (X_OF_Y), where they are not those of the question.
    """
    sums = sums_before(entries, question.first_notice)
    questions = [replace(question, calls=tuple(own)) for own in calls] or [question] * sums.entries
    answers = [
        measure_device(rule, asked, entry, points[entry.metering_point], records)
        for asked, entry, records in zip(questions, entries[: sums.entries], shown, strict=True)
    ]
    return assemble(rule=rule, question=question, answers=answers, sums=sums, schedule_milli_wh=schedule_milli_wh)
