"""DeliveryVerifier: devices of an event, measured with what the suite knows of each."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from flexbond import ids
from flexbond.model.delivery import measure_device
from flexbond.model.pastdays import calls_of_device, days_of, horizon_of
from flexbond.model.suite.base import ModelRevert, Part
from flexbond.model.types import NO_LOOKBACK, BaselineMethod, Call, Question

if TYPE_CHECKING:
    from collections.abc import Sequence

    from flexbond.model.shown import ShownRecord
    from flexbond.model.types import Answer, EventKey, Lookback


@dataclass(frozen=True, kw_only=True)
class _Past:
    """What is asked of all devices, and what the calls of each are found from."""

    question: Question
    horizon: int
    """UTC start of the first day looked at."""
    calls: tuple[Call, ...]
    """Of the portfolio."""


class Verifier(Part):
    """Keeps nothing."""

    def measure_all(
        self,
        key: EventKey,
        places: Sequence[int],
        shown: Sequence[Sequence[ShownRecord]],
        *,
        past_from: Sequence[Sequence[int]] = (),
        lookback: Lookback = NO_LOOKBACK,
        calls_from: int = 0,
    ) -> tuple[Answer, ...]:
        """What the devices at these places of a called event did, from the records shown for each. Raises ModelRevert.

        `past_from` are the windows from which to gather calls of each one's earlier portfolios (X_OF_Y).
        """
        past = self._past(key, lookback, calls_from)
        hints = past_from or [()] * len(shown)
        given = zip(places, shown, hints, strict=True)
        return tuple([self._measure(key, past, *of_one) for of_one in given])

    def question(self, key: EventKey, lookback: Lookback = NO_LOOKBACK) -> Question:
        """What is asked about each device of a called event, without the calls that it was in."""
        state = self.suite.measurement.event_state(ids.event_id(key))
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

    # -------------------------------------------------------------- inside

    def _past(self, key: EventKey, lookback: Lookback, calls_from: int) -> _Past:
        """What is the same for all devices."""
        rule = self.suite.rulebook.rule(key.rule_id)
        if rule.baseline is not BaselineMethod.X_OF_Y:
            return _Past(question=self.question(key), horizon=0, calls=())
        given = ids.lookback_hash(lookback)
        if given != rule.lookback_hash:
            raise ModelRevert("Measurement_LookbackDiffers", rule.lookback_hash, given)
        question = self.question(key, lookback)
        horizon = horizon_of(lookback, question.calendar, key.window_start)
        calls = self._gather(key.portfolio_id, calls_from, horizon, key.window_start)
        return _Past(question=question, horizon=horizon, calls=calls)

    def _gather(self, portfolio_id: bytes, start: int, horizon: int, until: int) -> tuple[Call, ...]:
        if start > horizon:
            raise ModelRevert("Measurement_CallsFromTooLate", start, horizon)
        return self.suite.rights.calls_from(portfolio_id, start, until)

    def _measure(
        self, key: EventKey, past: _Past, place: int, records: Sequence[ShownRecord], hints: Sequence[int]
    ) -> Answer:
        question, devices = past.question, self.suite.devices
        entry = devices.entry(key.portfolio_id, place)
        rule = self.suite.rulebook.rule(key.rule_id)
        if rule.baseline is BaselineMethod.X_OF_Y and records:
            left = iter(hints)
            calls = calls_of_device(
                portfolio_id=key.portfolio_id,
                index=place,
                entry=entry,
                horizon=past.horizon,
                own=past.calls,
                stays=lambda: devices.past_stays(entry.metering_point),
                place_of=lambda stay: devices.entry(stay.portfolio_id, stay.index),
                gather=lambda other: self._gather(other, next(left, 0), past.horizon, key.window_start),
            )
            question = replace(question, calls=calls)
        return measure_device(rule, question, entry, devices.metering_point(entry.metering_point), records)
