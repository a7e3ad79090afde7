"""Measurement: events, called, submitted, measured once."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from flexbond import ids, trees
from flexbond.model.delivery import measure_event, responses_of
from flexbond.model.suite.base import ModelRevert, Part, Table, atomic
from flexbond.model.types import (
    NO_LOOKBACK,
    BaselineMethod,
    ClampLevel,
    Cursor,
    EventState,
    EventStatus,
    Silence,
    Totals,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from flexbond.model.delivery import MeasuredEvent
    from flexbond.model.shown import ShownRecord
    from flexbond.model.suite import Suite
    from flexbond.model.types import Answer, Call, Claim, EventKey, Lookback, PortfolioSums, ProofContext, Rule

UNKNOWN: Final = EventState(status=EventStatus.OPEN, first_notice=0, submitted_at=0, leaves=0, proven=0, ordered_mask=0)


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
    def nominate(self, key: EventKey, schedule_milli_wh: Sequence[int], *, sender: str, now: int) -> None:
        """Commits the portfolio's schedule for a window."""
        event_id = ids.event_id(key)
        rule = self.suite.rulebook.rule(key.rule_id)
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
    def submit(self, key: EventKey, root: bytes, totals: Totals, *, sender: str, now: int) -> None:
        """Submits an event of which every leaf is then proven."""
        rule = self.suite.rulebook.rule(key.rule_id)
        leaves = self._submit(key, rule, root, totals, sender, now).entries
        if leaves > rule.spot_checks:
            raise ModelRevert("Measurement_TooManyLeaves", leaves, rule.spot_checks)

    @atomic
    def submit_checked(
        self, key: EventKey, by: str, root: bytes, totals: Totals, *, sender: str, now: int
    ) -> tuple[Rule, str, int]:
        """The same for a submission that SpotChecks checks: its rule, the provider, and the portfolio's capacity, W."""
        self._require_spot_checks(sender)
        rule = self.suite.rulebook.rule(key.rule_id)
        sums = self._submit(key, rule, root, totals, by, now)
        if rule.challenge_window == 0 or sums.entries <= rule.spot_checks:
            raise ModelRevert("Measurement_EveryLeaf", sums.entries, rule.spot_checks)
        if rule.clamp_level is ClampLevel.DEVICE and totals.weight != sum(totals.columns):
            raise ModelRevert("Measurement_TotalsInconsistent", totals.weight, sum(totals.columns))
        return rule, self.suite.devices.portfolio(key.portfolio_id).provider, sums.capacity_w

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
        key = context.key
        event_id = ids.event_id(key)
        state = self._require_status(event_id, EventStatus.SUBMITTED)
        rule = self.suite.rulebook.rule(key.rule_id)
        if state.leaves > rule.spot_checks:
            raise ModelRevert("Measurement_TooManyLeaves", state.leaves, rule.spot_checks)
        self._require_provider(event_id, key, sender, now)
        deadline = state.submitted_at + rule.proof_window
        if now >= deadline:
            raise ModelRevert("Measurement_TooLate", deadline, now)
        cursor = self._resume(event_id, context.cursor, state)
        first, end = cursor.next, cursor.next + len(shown)
        if end > state.leaves:
            raise ModelRevert("Measurement_TooManyProofs", first, len(shown), state.leaves)
        answers = self.suite.verifier.measure_all(
            key,
            range(first, end),
            shown,
            past_from=past_from,
            lookback=context.lookback,
            calls_from=context.calls_from,
        )
        for records, answer in zip(shown, answers, strict=True):
            if answer.silence is not Silence.OK and records:
                raise ModelRevert("Measurement_LeafRefused", cursor.next, int(answer.silence))
            cursor = appended(cursor, answer)
        state = replace(state, proven=end)
        if end < state.leaves:
            self.events[event_id] = state
            if end:
                self.cursors[event_id] = cursor
            else:
                self._forget_cursor(event_id)
            return answers
        computed = ids.commitment(trees.frontier_root(cursor.frontier, end), cursor.totals)
        if computed != self.commitments[event_id]:
            raise ModelRevert("Measurement_CommitmentDiffers", event_id, computed)
        self._forget_cursor(event_id)
        self._conclude(event_id, key, cursor.totals.columns, context.schedule_milli_wh, state)
        return answers

    @atomic
    def fail(self, key: EventKey, *, now: int) -> None:
        """Ends an event as unmeasured."""
        event_id = ids.event_id(key)
        state = self.event_state(event_id)
        rule = self.suite.rulebook.rule(key.rule_id)
        if state.status is EventStatus.CALLED:
            earliest = key.window_end + rule.submission_deadline
        elif state.status is EventStatus.SUBMITTED and state.leaves <= rule.spot_checks:
            earliest = state.submitted_at + rule.proof_window
        else:
            raise ModelRevert("Measurement_WrongStatus", event_id, int(state.status))
        if now < earliest:
            raise ModelRevert("Measurement_TooEarly", earliest, now)
        self.events[event_id] = replace(state, status=EventStatus.UNMEASURED)
        self._forget_cursor(event_id)

    @atomic
    def conclude(self, key: EventKey, claim: Claim, schedule_milli_wh: Sequence[int], *, sender: str) -> None:
        """Ends an event as measured, as its submission claims."""
        self._require_spot_checks(sender)
        event_id = ids.event_id(key)
        state = self._require_status(event_id, EventStatus.SUBMITTED)
        claimed = ids.commitment_of(claim)
        if claimed != self.commitments[event_id]:
            raise ModelRevert("Measurement_CommitmentDiffers", event_id, claimed)
        self._conclude(event_id, key, claim.columns, schedule_milli_wh, state)

    @atomic
    def reject(self, event_id: bytes, *, sender: str) -> None:
        """Ends an event whose submission was rejected as unmeasured."""
        self._require_spot_checks(sender)
        state = self._require_status(event_id, EventStatus.SUBMITTED)
        self.events[event_id] = replace(state, status=EventStatus.UNMEASURED)

    # -------------------------------------------------------------- views

    def event_state(self, event_id: bytes) -> EventState:
        """Where an event stands."""
        return self.events.get(event_id, UNKNOWN)

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
            question=self.suite.verifier.question(key, lookback),
            entries=entries,
            points={entry.metering_point: self.suite.devices.metering_point(entry.metering_point) for entry in entries},
            shown=shown,
            schedule_milli_wh=self.schedules.get(event_id, ()),
            calls=calls,
        )

    # -------------------------------------------------------------- inside

    def _submit(self, key: EventKey, rule: Rule, root: bytes, totals: Totals, sender: str, now: int) -> PortfolioSums:
        """Takes a submission, however many leaves it has."""
        event_id = ids.event_id(key)
        state = self._require_status(event_id, EventStatus.CALLED)
        self._require_provider(event_id, key, sender, now)
        earliest = key.window_end + rule.reading_deadline
        if now < earliest:
            raise ModelRevert("Measurement_TooEarly", earliest, now)
        deadline = key.window_end + rule.submission_deadline
        if now >= deadline:
            raise ModelRevert("Measurement_TooLate", deadline, now)
        sums = self.suite.devices.sums_before(key.portfolio_id, state.first_notice)
        _require_totals(totals, state.ordered_mask.bit_count(), sums, rule.period_seconds)
        self.events[event_id] = replace(state, status=EventStatus.SUBMITTED, submitted_at=now, leaves=sums.entries)
        self.commitments[event_id] = ids.commitment(root, totals)
        return sums

    def _resume(self, event_id: bytes, given: Cursor, state: EventState) -> Cursor:
        if given.next == 0:
            return fresh_cursor(state.leaves, state.ordered_mask.bit_count())
        if self.cursors.get(event_id) != given:
            raise ModelRevert("Measurement_CursorDiffers", event_id)
        return given

    def _conclude(
        self,
        event_id: bytes,
        key: EventKey,
        columns: Sequence[int],
        schedule_milli_wh: Sequence[int],
        state: EventState,
    ) -> None:
        """The event is measured; its responses are one for every period of the window, mWh."""
        if tuple(schedule_milli_wh) != self.schedules.get(event_id, ()):
            raise ModelRevert("Measurement_ScheduleDiffers", event_id)
        rule = self.suite.rulebook.rule(key.rule_id)
        sums = self.suite.devices.sums_before(key.portfolio_id, state.first_notice)
        responses = responses_of(rule, key, state.ordered_mask, columns, sums, schedule_milli_wh)
        self.events[event_id] = replace(state, status=EventStatus.MEASURED)
        self.results[event_id] = responses
        self.commitments[event_id] = ids.outcome_hash(self.commitments[event_id], responses)

    def _require_spot_checks(self, sender: str) -> None:
        spot_checks = self.suite.addresses.spot_checks
        if sender != spot_checks:
            raise ModelRevert("Flexbond_NotAllowed", sender, spot_checks)

    def _forget_cursor(self, event_id: bytes) -> None:
        if event_id in self.cursors:
            del self.cursors[event_id]

    def _require_status(self, event_id: bytes, wanted: EventStatus) -> EventState:
        state = self.event_state(event_id)
        if state.status is not wanted:
            raise ModelRevert("Measurement_WrongStatus", event_id, int(state.status))
        return state

    def _require_provider(self, event_id: bytes, key: EventKey, sender: str, now: int) -> None:
        provider = self.suite.devices.portfolio(key.portfolio_id).provider
        if not self.suite.participants.may_act(provider, sender, now=now):
            raise ModelRevert("Measurement_NotProvider", event_id, sender)


def count_of(key: EventKey, rule: Rule) -> int:
    """Whole periods in the window; 0 for one that ends before it starts."""
    return max(0, key.window_end - key.window_start) // rule.period_seconds


def _require_totals(totals: Totals, columns: int, sums: PortfolioSums, period_seconds: int) -> None:
    """A total for every ordered period, none beyond what the portfolio's connections could carry."""
    for given in (totals.columns, totals.baseline_milli_wh, totals.metered_milli_wh):
        if len(given) != columns:
            raise ModelRevert("Measurement_TotalsLength", len(given), columns)
    limit = max(sums.capacity_w, sums.connection_w) * 2000 * period_seconds
    for column, total in enumerate(totals.columns):
        if total > limit:
            raise ModelRevert("Measurement_TotalTooLarge", column, total, limit)
    if totals.weight > limit * columns:
        raise ModelRevert("Measurement_TotalTooLarge", columns, totals.weight, limit * columns)


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
