"""What a record book shows of an event: each leaf's proof and answer, and the submission over them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from flexbond import trees
from flexbond.model.baseline import baseline_starts
from flexbond.model.delivery import MeasuredEvent, assemble, measure_device, periods_of, plan_of
from flexbond.model.pastdays import calls_of_device, days_of, horizon_of
from flexbond.model.types import (
    NO_LOOKBACK,
    Answer,
    BaselineMethod,
    Call,
    Cursor,
    DeviceProof,
    Lookback,
    Question,
    Silence,
    Totals,
)
from flexbond.operations.history import lookback_of
from flexbond.operations.showing import Showing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from flexbond.chain.suite import Suite
    from flexbond.model.types import Entry, MeteringPoint, Rule
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
    lookback: Lookback = NO_LOOKBACK
    """The rule's."""
    calls_from: int = 0
    """X_OF_Y: the window from which to gather the portfolio's calls; 0: the first."""

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
    """The proofs of all leaves from the book's records that the oracle has, and the submission that they give.

    What would not count is left out: the device is silent then, and `reasons` says why.
    """
    sums = suite.devices.read("sumsBefore", event.key.portfolio_id, event.state.first_notice)
    entries = entries_of(suite, event.key.portfolio_id, sums.entries)
    points = suite.devices.read_many("meteringPoint", [(entry.metering_point,) for entry in entries])
    past = Past.of(suite, event)
    showing = Showing(suite, event, book, [entry.metering_point for entry in entries])
    answers, proofs, reasons = [], [], []
    for index, (entry, point) in enumerate(zip(entries, points, strict=True)):
        question, hints = past.question_of(index, entry)
        proof, answer, reason = _show(event.rule, question, entry, point, showing)
        answers.append(answer)
        proofs.append(replace(proof, past_from=hints))
        reasons.append(reason)
    measured = assemble(
        rule=event.rule,
        question=past.question,
        answers=answers,
        sums=sums,
        schedule_milli_wh=event.schedule_milli_wh,
    )
    return Evidence(
        measured=measured,
        proofs=tuple(proofs),
        reasons=tuple(reasons),
        lookback=past.question.lookback,
        calls_from=past.calls_from,
    )


def entries_of(suite: Suite, portfolio_id: bytes, count: int) -> list[Entry]:
    """The first places of a portfolio's list."""
    return suite.devices.read_many("entry", [(portfolio_id, index) for index in range(count)])


def _show(
    rule: Rule, question: Question, entry: Entry, point: MeteringPoint, showing: Showing
) -> tuple[DeviceProof, Answer, Silence]:
    """A leaf's proof and answer, and why what the book has does not count."""
    starts, boundary = _needed_starts(rule, question)
    proof, shown, refused = showing.of(entry.metering_point, starts, boundary)
    answer = measure_device(rule, question, entry, point, shown)
    if answer.silence is Silence.OK:
        return proof, answer, Silence.OK
    reason = refused or answer.silence
    return DeviceProof(records=()), measure_device(rule, question, entry, point, ()), reason


def _needed_starts(rule: Rule, question: Question) -> tuple[list[int], int]:
    """Starts of the settlement periods whose readings are needed, and where past days end, UTC seconds."""
    starts = [question.key.window_start + period * rule.period_seconds for period in periods_of(question.ordered_mask)]
    if rule.baseline is BaselineMethod.METER_BEFORE:
        starts.extend(baseline_starts(rule, question.first_notice))
    plan = plan_of(rule, question)
    if plan is None:
        return starts, 0
    rows = (*plan.starts, plan.adjustment_starts, *plan.past_adjustment_starts)
    return sorted({*starts, *(start for row in rows for start in row if start is not None)}), plan.boundary


@dataclass(frozen=True, kw_only=True)
class Past:
    """What is asked of all leaves, and what the calls of each are found from."""

    suite: Suite
    question: Question
    horizon: int = 0
    """UTC start of the first day looked at."""
    calls_from: int = 0
    calls: tuple[Call, ...] = ()
    """Of the portfolio."""

    @classmethod
    def of(cls, suite: Suite, event: EventHistory) -> Past:
        """From the chain; nothing is read of past days where the rule needs none."""
        question = question_of(event)
        if event.rule.baseline is not BaselineMethod.X_OF_Y:
            return cls(suite=suite, question=question)
        lookback = lookback_of(suite, event.key.rule_id)
        days = days_of(
            lookback,
            event.key,
            question.first_notice,
            read=lambda first, until: suite.rulebook.read("calendarDays", lookback.calendar_id, first, until),
            next_day=lambda: suite.rulebook.read("nextDay", lookback.calendar_id),
        )
        horizon = horizon_of(lookback, days, event.key.window_start)
        past = cls(suite=suite, question=replace(question, lookback=lookback, calendar=days), horizon=horizon)
        calls_from, calls = past.gather(event.key.portfolio_id)
        return replace(past, calls_from=calls_from, calls=calls)

    def gather(self, portfolio_id: bytes) -> tuple[int, tuple[Call, ...]]:
        """A portfolio's calls that may reach beyond the horizon, and the window from which they are gathered."""
        start = self.suite.rights.read("previousWindow", portfolio_id, self.horizon + 1)
        calls = self.suite.rights.read("callsFrom", portfolio_id, start, self.question.key.window_start)
        return start, tuple(calls)

    @property
    def question_of_portfolio(self) -> Question:
        """What is asked of a device that was in all calls of the portfolio."""
        return replace(self.question, calls=self.calls)

    def question_of(self, index: int, entry: Entry) -> tuple[Question, tuple[int, ...]]:
        """What is asked of a leaf, and from where the calls of its device's earlier portfolios are gathered."""
        if self.question.lookback == NO_LOOKBACK:
            return self.question, ()
        hints: list[int] = []

        def gather(portfolio_id: bytes) -> Sequence[Call]:
            start, calls = self.gather(portfolio_id)
            hints.append(start)
            return calls

        devices = self.suite.devices
        calls = calls_of_device(
            portfolio_id=self.question.key.portfolio_id,
            index=index,
            entry=entry,
            horizon=self.horizon,
            own=self.calls,
            stays=lambda: devices.read("pastStays", entry.metering_point),
            place_of=lambda stay: devices.read("entry", stay.portfolio_id, stay.index),
            gather=gather,
        )
        return replace(self.question, calls=calls), tuple(hints)
