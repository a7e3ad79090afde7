"""What a fleet is asked: rule, question, calls and grids, in one JSON document."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Self

from flexbond.ids import lookback_hash, rule_id
from flexbond.model.baseline import baseline_starts
from flexbond.model.delivery import is_own_baseline, periods_of, plan_of
from flexbond.model.types import (
    NO_CALENDAR_DAYS,
    NO_LOOKBACK,
    BaselineMethod,
    CalendarDays,
    Call,
    EventKey,
    Grid,
    Lookback,
    Question,
    Rule,
)
from flexbond.operations.errors import DocumentFieldError
from flexbond.operations.files import read_document, require_keys, write_document
from flexbond.operations.structs import address, from_json, integer, listed, to_json
from flexbond.signing.eip712 import Domain

if TYPE_CHECKING:
    from pathlib import Path


SCHEMA: Final = "flexbond/fleet-event"

_KEYS: Final = {
    *("chainId", "oracle", "rule", "lookback", "calendar", "key", "firstNotice", "orderedMask"),
    *("scheduleMilliWh", "calls", "grids"),
}
_OPTIONAL: Final = frozenset(("callsFrom", "pastFrom"))
_LIMIT: Final = 1 << 127
_LAST: Final = (1 << 40) - 1


@dataclass(frozen=True, kw_only=True)
class FleetEvent:
    """One event of a fleet."""

    oracle: Domain
    """What the records are signed for."""
    rule: Rule
    question: Question
    """Of the event; its calls are those of group 0."""
    groups: tuple[tuple[Call, ...], ...] = ((),)
    """X_OF_Y: the calls that metering points were in, by the number of their group."""
    grids: dict[int, Grid]
    """Of record slots, by number."""
    schedule_milli_wh: tuple[int, ...] = ()
    """NOMINATED: of every period of the window, mWh, `+` import; empty: nothing was nominated."""
    calls_from: int = 0
    """X_OF_Y: the window from which the portfolio's calls are gathered on chain, UTC seconds; 0: the first."""
    past_from: tuple[tuple[int, ...], ...] = ()
    """X_OF_Y: of every group, the same for the earlier portfolios of its metering points; empty: they were in no other."""

    @property
    def deadline(self) -> int:
        """Until when readings count, UTC seconds, exclusive."""
        return self.question.key.window_end + self.rule.reading_deadline

    @property
    def ordered(self) -> tuple[int, ...]:
        """The ordered periods, ascending."""
        return periods_of(self.question.ordered_mask)

    @property
    def periods(self) -> int:
        """Settlement periods of the window."""
        return (self.question.key.window_end - self.question.key.window_start) // self.rule.period_seconds

    @property
    def has_own_baselines(self) -> bool:
        """Whether each device has a baseline of its own."""
        return is_own_baseline(self.rule)

    @property
    def boundary(self) -> int:
        """X_OF_Y: where past days end and the event's own readings begin, UTC seconds; else 0."""
        plan = plan_of(self.rule, self.question)
        return 0 if plan is None else plan.boundary

    def asked_of(self, group: int) -> Question:
        """What is asked of a device of a group."""
        return replace(self.question, calls=self.groups[group])

    def needed(self, group: int) -> list[int]:
        """Starts of the settlement periods that are needed of a group's devices, ascending, UTC seconds."""
        step, key = self.rule.period_seconds, self.question.key
        starts = {key.window_start + place * step for place in self.ordered}
        if self.rule.baseline is BaselineMethod.METER_BEFORE:
            starts.update(baseline_starts(self.rule, self.question.first_notice))
        plan = plan_of(self.rule, self.asked_of(group))
        if plan is not None:
            rows = (plan.adjustment_starts, *plan.starts, *plan.past_adjustment_starts)
            starts.update(start for row in rows for start in row if start is not None)
        return sorted(starts)

    @classmethod
    def load(cls, path: Path) -> Self:
        """The event of a file. Raises DocumentError where it is malformed or contradicts itself."""
        place = str(path)
        given = require_keys(read_document(path, schema=SCHEMA), _KEYS, place=place, optional=_OPTIONAL)
        groups = [
            tuple(
                from_json(Call, item, place=f"{place}, calls[{group}][{at}]")
                for at, item in enumerate(listed(calls, place=f"{place}, calls[{group}]"))
            )
            for group, calls in enumerate(listed(given["calls"], place=f"{place}, calls"))
        ] or [()]
        grids = [
            from_json(Grid, item, place=f"{place}, grids[{at}]")
            for at, item in enumerate(listed(given["grids"], place=f"{place}, grids", limit=256))
        ]
        past_from = tuple(
            tuple(
                integer(item, place=f"{place}, pastFrom[{group}]", high=_LAST) for item in listed(starts, place=place)
            )
            for group, starts in enumerate(listed(given.get("pastFrom", []), place=f"{place}, pastFrom"))
        )
        schedule = listed(given["scheduleMilliWh"], place=f"{place}, scheduleMilliWh")
        event = cls(
            oracle=Domain.of(
                "MeterOracle",
                chain_id=integer(given["chainId"], place=f"{place}, chainId", low=1),
                contract=address(given["oracle"], place=f"{place}, oracle"),
            ),
            rule=from_json(Rule, given["rule"], place=f"{place}, rule"),
            question=Question(
                key=from_json(EventKey, given["key"], place=f"{place}, key"),
                first_notice=integer(given["firstNotice"], place=f"{place}, firstNotice", high=_LAST),
                ordered_mask=integer(given["orderedMask"], place=f"{place}, orderedMask", low=1, high=(1 << 96) - 1),
                lookback=from_json(Lookback, given["lookback"], place=f"{place}, lookback"),
                calendar=from_json(CalendarDays, given["calendar"], place=f"{place}, calendar"),
                calls=groups[0],
            ),
            groups=tuple(groups),
            grids=dict(enumerate(grids)),
            schedule_milli_wh=tuple(
                integer(item, place=f"{place}, scheduleMilliWh[{at}]", low=-_LIMIT, high=_LIMIT - 1)
                for at, item in enumerate(schedule)
            ),
            calls_from=integer(given.get("callsFrom", 0), place=f"{place}, callsFrom", high=_LAST),
            past_from=past_from,
        )
        event._check(place)
        return event

    def save(self, path: Path) -> None:
        """Writes the document; grids are listed by number from 0, those between that are unknown as empty ones."""
        none = Grid(period_seconds=0, readings_per_slot=0, offset_seconds=0)
        content = {
            "chainId": self.oracle.chain_id,
            "oracle": self.oracle.contract,
            "rule": to_json(self.rule),
            "lookback": to_json(self.question.lookback),
            "calendar": to_json(self.question.calendar),
            "key": to_json(self.question.key),
            "firstNotice": self.question.first_notice,
            "orderedMask": self.question.ordered_mask,
            "scheduleMilliWh": list(self.schedule_milli_wh),
            "calls": [[to_json(call) for call in calls] for calls in self.groups],
            "callsFrom": self.calls_from,
            "pastFrom": [list(starts) for starts in self.past_from],
            "grids": [to_json(self.grids.get(number, none)) for number in range(max(self.grids, default=-1) + 1)],
        }
        write_document(path, content, schema=SCHEMA)

    def _check(self, place: str) -> None:
        rule, question = self.rule, self.question
        step = rule.period_seconds
        if question.key.rule_id != rule_id(rule):
            raise DocumentFieldError(
                "is of another rule than is given.", "Give the event's rule.", place=f"{place}, key"
            )
        looks_back = rule.baseline is BaselineMethod.X_OF_Y
        given = lookback_hash(question.lookback) if question.lookback != NO_LOOKBACK else bytes(32)
        if rule.lookback_hash != given or looks_back == (question.calendar == NO_CALENDAR_DAYS):
            raise DocumentFieldError(
                "is not that of the rule.",
                "Give lookback and calendar as published, empty ones without X_OF_Y.",
                place=f"{place}, lookback",
            )
        window = question.key.window_end - question.key.window_start
        if step == 0 or window <= 0 or window % step or question.key.window_start % step:
            raise DocumentFieldError("is not made of the rule's periods.", "Correct the window.", place=f"{place}, key")
        if self.past_from and len(self.past_from) != len(self.groups):
            raise DocumentFieldError(
                f"has {len(self.past_from)} lists for {len(self.groups)} groups of calls.",
                "Give one a group, or none at all.",
                place=f"{place}, pastFrom",
            )
        if self.ordered[-1] >= self.periods:
            raise DocumentFieldError("orders beyond the window.", "Correct it.", place=f"{place}, orderedMask")
        if self.schedule_milli_wh and len(self.schedule_milli_wh) != self.periods:
            raise DocumentFieldError(
                f"has {len(self.schedule_milli_wh)} values.",
                f"Give {self.periods}, one a period of the window.",
                place=f"{place}, scheduleMilliWh",
            )
