"""Measurement: events, called, submitted, measured once."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from flexbond import ids, trees
from flexbond.model.delivery import measure_device, measure_event, responses_of
from flexbond.model.pastdays import calls_of_device, days_of, horizon_of
from flexbond.model.suite.base import ModelRevert, Part, Table, atomic
from flexbond.model.types import (
    NO_LOOKBACK,
    Answer,
    BaselineMethod,
    Call,
    Cursor,
    EventState,
    EventStatus,
    Question,
    Silence,
    Totals,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from flexbond.model.delivery import MeasuredEvent
    from flexbond.model.shown import ShownRecord
    from flexbond.model.suite import Suite
    from flexbond.model.types import EventKey, Lookback, PortfolioSums, ProofContext, Rule

UNKNOWN: Final = EventState(status=EventStatus.OPEN, first_notice=0, submitted_at=0, proven=0, ordered_mask=0)


@dataclass(frozen=True, kw_only=True)
class _Past:
    """What is asked of all leaves, and what the calls of each are found from."""

    question: Question
    horizon: int
    """UTC start of the first day looked at."""
    calls: tuple[Call, ...]
    """Of the portfolio."""


class Measurement(Part):
    """Events."""

    def __init__(self, suite: Suite) -> None:
        super().__init__(suite)
        self.events: Table[bytes, EventState] = self.table()
        self.schedules: Table[bytes, tuple[int, ...]] = self.table()
        self.commitments: Table[bytes, bytes] = self.table()
        self.cursors: Table[bytes, Cursor] = self.table()
        self.results: Table[bytes, tuple[int, ...]] = self.table()

    @atomic
    def call(self, key: EventKey, ordered_mask: int, *, sender: str, now: int) -> None:
        """Notes a dispatch's ordered periods."""
        settlement = self.suite.addresses.settlement
        if sender != settlement:
            raise ModelRevert("Flexbond_NotAllowed", sender, settlement)
        event_id = ids.event_id(key)
        state = self.event_state(event_id)
        if state.status is EventStatus.OPEN:
            state = replace(state, status=EventStatus.CALLED, first_notice=now)
        elif state.status is not EventStatus.CALLED:
            raise ModelRevert("Measurement_WrongStatus", event_id, int(state.status))
        self.events[event_id] = replace(state, ordered_mask=state.ordered_mask | ordered_mask)
        self.suite.devices.commit(key.portfolio_id, key.window_end, sender=self.suite.addresses.measurement, now=now)

    @atomic
    def nominate(self, key: EventKey, rule: Rule, schedule_milli_wh: Sequence[int], *, sender: str, now: int) -> None:
        """Commits the portfolio's schedule for a window."""
        event_id = ids.event_id(key)
        self._require_rule(event_id, key, rule)
        self._require_provider(event_id, key, sender, now)
        if rule.baseline is not BaselineMethod.NOMINATED:
            raise ModelRevert("Measurement_ScheduleNotUsed", key.rule_id)
        periods = count_of(key, rule)
        if len(schedule_milli_wh) != periods:
            raise ModelRevert("Measurement_ScheduleLength", len(schedule_milli_wh), periods)
        gate = key.window_start - rule.gate_seconds
        if now >= gate:
            raise ModelRevert("Measurement_GateClosed", max(0, gate), now)
        self.schedules[event_id] = tuple(schedule_milli_wh)

    @atomic
    def submit(self, key: EventKey, rule: Rule, root: bytes, totals: Totals, *, sender: str, now: int) -> None:
        """Submits the event."""
        event_id = ids.event_id(key)
        state = self._require_status(event_id, EventStatus.CALLED)
        self._require_rule(event_id, key, rule)
        self._require_provider(event_id, key, sender, now)
        earliest = key.window_end + rule.reading_deadline
        if now < earliest:
            raise ModelRevert("Measurement_TooEarly", earliest, now)
        deadline = key.window_end + rule.submission_deadline
        if now >= deadline:
            raise ModelRevert("Measurement_TooLate", deadline, now)
        leaves = self.suite.devices.sums_before(key.portfolio_id, state.first_notice).entries
        if leaves > rule.spot_checks:
            raise ModelRevert("Measurement_TooManyLeaves", leaves, rule.spot_checks)
        columns = state.ordered_mask.bit_count()
        for given in (totals.columns, totals.baseline_milli_wh, totals.metered_milli_wh):
            if len(given) != columns:
                raise ModelRevert("Measurement_TotalsLength", len(given), columns)
        self.events[event_id] = replace(state, status=EventStatus.SUBMITTED, submitted_at=now)
        self.commitments[event_id] = ids.commitment(root, totals)

    @atomic
    def prove(
        self,
        context: ProofContext,
        shown: Sequence[Sequence[ShownRecord]],
        *,
        past_from: Sequence[Sequence[int]] = (),
        sender: str,
        now: int,
    ) -> tuple[Answer, ...]:
        """Proves the next leaves from the records shown for each, and their windows to gather earlier calls from; what they gave."""
        key, rule = context.key, context.rule
        event_id = ids.event_id(key)
        state = self._require_status(event_id, EventStatus.SUBMITTED)
        self._require_rule(event_id, key, rule)
        self._require_provider(event_id, key, sender, now)
        deadline = state.submitted_at + rule.proof_window
        if now >= deadline:
            raise ModelRevert("Measurement_TooLate", deadline, now)
        if ids.commitment(context.root, context.totals) != self.commitments[event_id]:
            raise ModelRevert("Measurement_CommitmentDiffers", event_id)
        sums = self.suite.devices.sums_before(key.portfolio_id, state.first_notice)
        cursor = self._resume(event_id, context.cursor, sums.entries, state)
        if cursor.next + len(shown) > sums.entries:
            raise ModelRevert("Measurement_TooManyProofs", cursor.next, len(shown), sums.entries)
        past = self._past(context)
        answers = []
        for place, records in enumerate(shown):
            hints = past_from[place] if past_from else ()
            answers.append(self._measure(context, past, cursor.next, records, hints))
            cursor = appended(cursor, answers[-1])
        state = replace(state, proven=cursor.next)
        if cursor.next == sums.entries:
            self._conclude(event_id, context, cursor, sums, state)
        else:
            self.events[event_id] = state
            self.cursors[event_id] = cursor
        return tuple(answers)

    @atomic
    def fail(self, key: EventKey, rule: Rule, *, now: int) -> None:
        """Ends an event as unmeasured."""
        event_id = ids.event_id(key)
        state = self.event_state(event_id)
        self._require_rule(event_id, key, rule)
        if state.status is EventStatus.CALLED:
            earliest = key.window_end + rule.submission_deadline
        elif state.status is EventStatus.SUBMITTED:
            earliest = state.submitted_at + rule.proof_window
        else:
            raise ModelRevert("Measurement_WrongStatus", event_id, int(state.status))
        if now < earliest:
            raise ModelRevert("Measurement_TooEarly", earliest, now)
        self.events[event_id] = replace(state, status=EventStatus.UNMEASURED)
        self._forget_cursor(event_id)

    # -------------------------------------------------------------- views

    def event_state(self, event_id: bytes) -> EventState:
        """Where an event stands."""
        return self.events.get(event_id, UNKNOWN)

    def question(self, key: EventKey, lookback: Lookback = NO_LOOKBACK) -> Question:
        """What is asked of the verifier about each leaf of a called event, without the calls that its device was in."""
        state = self.event_state(ids.event_id(key))
        asked = Question(key=key, first_notice=state.first_notice, ordered_mask=state.ordered_mask)
        if lookback == NO_LOOKBACK:
            return asked
        rulebook, calendar_id = self.suite.rulebook, lookback.calendar_id
        days = days_of(
            lookback,
            key,
            state.first_notice,
            read=lambda first, until: rulebook.calendar_days(calendar_id, first, until),
            next_day=lambda: rulebook.next_day(calendar_id),
        )
        return replace(asked, lookback=lookback, calendar=days)

    def measured(
        self,
        key: EventKey,
        rule: Rule,
        shown: Sequence[Sequence[ShownRecord]],
        *,
        lookback: Lookback = NO_LOOKBACK,
        calls: Sequence[Sequence[Call]] = (),
    ) -> MeasuredEvent:
        """What the provider submits, from the records of each leaf and the calls that each was in."""
        event_id = ids.event_id(key)
        entries = self.suite.devices.entries(key.portfolio_id)
        return measure_event(
            rule=rule,
            question=self.question(key, lookback),
            entries=entries,
            points={entry.metering_point: self.suite.devices.metering_point(entry.metering_point) for entry in entries},
            shown=shown,
            schedule_milli_wh=self.schedules.get(event_id, ()),
            calls=calls,
        )

    # -------------------------------------------------------------- inside

    def _past(self, context: ProofContext) -> _Past:
        """What is the same for all leaves."""
        key, rule, lookback = context.key, context.rule, context.lookback
        if rule.baseline is not BaselineMethod.X_OF_Y:
            return _Past(question=self.question(key), horizon=0, calls=())
        given = ids.lookback_hash(lookback)
        if given != rule.lookback_hash:
            raise ModelRevert("Measurement_LookbackDiffers", rule.lookback_hash, given)
        question = self.question(key, lookback)
        horizon = horizon_of(lookback, question.calendar, key.window_start)
        calls = self._gather(key.portfolio_id, context.calls_from, horizon, key.window_start)
        return _Past(question=question, horizon=horizon, calls=calls)

    def _gather(self, portfolio_id: bytes, start: int, horizon: int, until: int) -> tuple[Call, ...]:
        if start > horizon:
            raise ModelRevert("Measurement_CallsFromTooLate", start, horizon)
        return self.suite.rights.calls_from(portfolio_id, start, until)

    def _measure(
        self, context: ProofContext, past: _Past, index: int, records: Sequence[ShownRecord], hints: Sequence[int]
    ) -> Answer:
        key, rule, question = context.key, context.rule, past.question
        devices = self.suite.devices
        entry = devices.entry(key.portfolio_id, index)
        if rule.baseline is BaselineMethod.X_OF_Y and records:
            left = iter(hints)
            calls = calls_of_device(
                portfolio_id=key.portfolio_id,
                index=index,
                entry=entry,
                horizon=past.horizon,
                own=past.calls,
                stays=lambda: devices.past_stays(entry.metering_point),
                place_of=lambda stay: devices.entry(stay.portfolio_id, stay.index),
                gather=lambda other: self._gather(other, next(left, 0), past.horizon, key.window_start),
            )
            question = replace(question, calls=calls)
        point = devices.metering_point(entry.metering_point)
        answer = measure_device(rule, question, entry, point, records)
        if answer.silence is not Silence.OK and records:
            raise ModelRevert("Measurement_LeafRefused", index, int(answer.silence))
        return answer

    def _resume(self, event_id: bytes, given: Cursor, leaves: int, state: EventState) -> Cursor:
        if given.next == 0:
            return fresh_cursor(leaves, state.ordered_mask.bit_count())
        if self.cursors.get(event_id) != given:
            raise ModelRevert("Measurement_CursorDiffers", event_id)
        return given

    def _conclude(
        self, event_id: bytes, context: ProofContext, cursor: Cursor, sums: PortfolioSums, state: EventState
    ) -> None:
        computed = trees.frontier_root(cursor.frontier, cursor.next)
        if computed != context.root:
            raise ModelRevert("Measurement_RootDiffers", context.root, computed)
        if cursor.totals != context.totals:
            raise ModelRevert("Measurement_TotalsDiffer", event_id)
        if context.schedule_milli_wh != self.schedules.get(event_id, ()):
            raise ModelRevert("Measurement_ScheduleDiffers", event_id)
        self.events[event_id] = replace(state, status=EventStatus.MEASURED)
        self._forget_cursor(event_id)
        self.results[event_id] = responses_of(
            context.rule,
            context.key,
            state.ordered_mask,
            context.totals.columns,
            sums,
            context.schedule_milli_wh,
        )

    def _forget_cursor(self, event_id: bytes) -> None:
        if event_id in self.cursors:
            del self.cursors[event_id]

    def _require_status(self, event_id: bytes, wanted: EventStatus) -> EventState:
        state = self.event_state(event_id)
        if state.status is not wanted:
            raise ModelRevert("Measurement_WrongStatus", event_id, int(state.status))
        return state

    def _require_rule(self, event_id: bytes, key: EventKey, rule: Rule) -> None:
        given = ids.rule_id(rule)
        if given != key.rule_id:
            raise ModelRevert("Measurement_RuleDiffers", event_id, given)

    def _require_provider(self, event_id: bytes, key: EventKey, sender: str, now: int) -> None:
        provider = self.suite.devices.portfolio(key.portfolio_id).provider
        if not self.suite.participants.may_act(provider, sender, now=now):
            raise ModelRevert("Measurement_NotProvider", event_id, sender)


def count_of(key: EventKey, rule: Rule) -> int:
    """Whole periods in the window; 0 for one that ends before it starts."""
    return max(0, key.window_end - key.window_start) // rule.period_seconds


def fresh_cursor(leaves: int, columns: int) -> Cursor:
    """Where proving of so many leaves starts."""
    none = (0,) * columns
    return Cursor(
        next=0,
        frontier=trees.empty_frontier(leaves),
        totals=Totals(columns=none, weight=0, baseline_milli_wh=none, metered_milli_wh=none),
    )


def appended(cursor: Cursor, answer: Answer) -> Cursor:
    """The cursor with the next leaf's answer appended."""
    last = cursor.totals
    totals = Totals(
        columns=tuple(a + b for a, b in zip(last.columns, answer.columns, strict=True)),
        weight=last.weight + answer.weight,
        baseline_milli_wh=tuple(a + b for a, b in zip(last.baseline_milli_wh, answer.baseline_milli_wh, strict=True)),
        metered_milli_wh=tuple(a + b for a, b in zip(last.metered_milli_wh, answer.metered_milli_wh, strict=True)),
    )
    words = [trees.word(entry, prefix) for entry, prefix in zip(answer.columns, totals.columns, strict=True)]
    leaf = trees.leaf(cursor.next, trees.word(answer.weight, totals.weight), trees.columns_hash(words))
    frontier = trees.append(cursor.frontier, cursor.next, leaf)
    return Cursor(next=cursor.next + 1, frontier=frontier, totals=totals)
