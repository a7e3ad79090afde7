"""Rulebook: rules, published once, and the calendars they look back on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from flexbond import ids
from flexbond.model.calendar import PAGE, LocalCalendar
from flexbond.model.rules import (
    RuleError,
    check_calendar,
    check_rule,
    check_rule_calendar,
    measuring_terms_of,
    stakes_of,
    terms_of,
)
from flexbond.model.suite.base import ModelRevert, Part, Role, Table, atomic
from flexbond.model.types import (
    BaselineMethod,
    Calendar,
    CalendarDays,
    Lookback,
    MeasuringTerms,
    Rule,
    RuleTerms,
    Stakes,
)

if TYPE_CHECKING:
    from flexbond.model.suite import Suite

MAX_PAGES: Final = 1024
LATEST_FIRST_DAY: Final = 2**16
DAY: Final = 86_400


@dataclass(frozen=True, kw_only=True)
class Published:
    """A rule as it stands."""

    rule: Rule
    lookback: Lookback
    number: int
    """1 for the first published."""


class Rulebook(Part):
    """Rules, published once, and calendars, which only grow."""

    def __init__(self, suite: Suite) -> None:
        super().__init__(suite)
        self.published: Table[bytes, Published] = self.table()
        self.calendars: Table[bytes, CalendarDays] = self.table()

    @atomic
    def publish(self, rule: Rule, lookback: Lookback, *, sender: str, now: int) -> bytes:
        """Publishes a rule; its id."""
        self.require_role(Role.MARKET_OPERATOR, sender)
        _require(lambda: check_rule(rule, lookback))
        if not self.suite.escrow.listed.get(rule.currency, False):
            raise ModelRevert("Rulebook_CurrencyNotListed", rule.currency)
        rule_id = ids.rule_id(rule)
        if rule_id in self.published:
            raise ModelRevert("Rulebook_AlreadyPublished", rule_id)
        if rule.baseline is BaselineMethod.X_OF_Y:
            self._require_calendar(rule, lookback, now)
        self.published[rule_id] = Published(rule=rule, lookback=lookback, number=len(self.published) + 1)
        return rule_id

    def terms(self, rule_id: bytes) -> RuleTerms:
        """The terms that issuing needs. Raises ModelRevert."""
        kept = self.published.get(rule_id)
        if kept is None:
            raise ModelRevert("Rulebook_Unknown", rule_id)
        if kept.rule.baseline is not BaselineMethod.X_OF_Y:
            return terms_of(kept.rule, kept.number)
        return terms_of(kept.rule, kept.number, known_until=_known_until(self.calendars[kept.lookback.calendar_id]))

    def rule(self, rule_id: bytes) -> Rule:
        """A published rule, of which measuring reads the terms. Raises ModelRevert."""
        kept = self.published.get(rule_id)
        if kept is None:
            raise ModelRevert("Rulebook_Unknown", rule_id)
        return kept.rule

    def measuring_terms(self, rule_id: bytes) -> MeasuringTerms:
        """The terms that measuring needs. Raises ModelRevert."""
        return measuring_terms_of(self.rule(rule_id))

    def stakes(self, rule_id: bytes) -> Stakes:
        """What a submission stakes. Raises ModelRevert."""
        return stakes_of(self.rule(rule_id))

    @atomic
    def publish_calendar(self, calendar: Calendar, first_day: int, *, sender: str) -> bytes:
        """Publishes a calendar without days; its id."""
        self.require_role(Role.MARKET_OPERATOR, sender)
        _require(lambda: check_calendar(calendar))
        if not PAGE <= first_day <= LATEST_FIRST_DAY or first_day % PAGE:
            raise ModelRevert("Rulebook_OutOfBounds", "firstDay", first_day)
        calendar_id = ids.calendar_id(calendar)
        if calendar_id in self.calendars:
            raise ModelRevert("Rulebook_CalendarExists", calendar_id)
        self.calendars[calendar_id] = CalendarDays(calendar=calendar, first_day=first_day, summer=(), holidays=())
        return calendar_id

    @atomic
    def extend_calendar(
        self, calendar_id: bytes, first_day: int, summer: Sequence[int], holidays: Sequence[int], *, sender: str
    ) -> None:
        """Adds days, 256 for each word, from the calendar's next day on."""
        self.require_role(Role.MARKET_OPERATOR, sender)
        if calendar_id not in self.calendars:
            raise ModelRevert("Rulebook_CalendarUnknown", calendar_id, first_day)
        kept, following = self.calendars[calendar_id], self.next_day(calendar_id)
        if first_day != following:
            raise ModelRevert("Rulebook_NextDayDiffers", calendar_id, following, first_day)
        if len(holidays) != len(summer):
            raise ModelRevert("Rulebook_Inconsistent", "holidays", "summer")
        pages = len(kept.summer) + len(summer)
        if not summer or pages > MAX_PAGES:
            raise ModelRevert("Rulebook_OutOfBounds", "summer", pages if summer else 0)
        if any(summer) and not kept.calendar.summer_seconds:
            raise ModelRevert("Rulebook_Inconsistent", "summer", "summerSeconds")
        self.calendars[calendar_id] = replace(
            kept, summer=(*kept.summer, *summer), holidays=(*kept.holidays, *holidays)
        )

    def next_day(self, calendar_id: bytes) -> int:
        """The first day that a calendar does not hold yet; 0 for one that was never published."""
        kept = self.calendars.get(calendar_id)
        return 0 if kept is None else kept.first_day + PAGE * len(kept.summer)

    def calendar_days(self, calendar_id: bytes, from_day: int, until_day: int) -> CalendarDays:
        """The words that hold the days from `from_day` until before `until_day`. Raises ModelRevert."""
        kept, following = self.calendars.get(calendar_id), self.next_day(calendar_id)
        if kept is None or not kept.first_day <= from_day < following:
            raise ModelRevert("Rulebook_CalendarUnknown", calendar_id, from_day)
        if until_day > following:
            raise ModelRevert("Rulebook_CalendarUnknown", calendar_id, until_day - 1)
        if until_day <= from_day:
            raise ModelRevert("Rulebook_OutOfBounds", "untilDay", until_day)
        first = (from_day - kept.first_day) // PAGE
        until = (until_day - 1 - kept.first_day) // PAGE + 1
        return replace(
            kept,
            calendar=replace(kept.calendar, zone=bytes(32), holidays=bytes(32)),
            first_day=kept.first_day + PAGE * first,
            summer=kept.summer[first:until],
            holidays=kept.holidays[first:until],
        )

    def _require_calendar(self, rule: Rule, lookback: Lookback, now: int) -> None:
        kept = self.calendars.get(lookback.calendar_id)
        if kept is None:
            raise ModelRevert("Rulebook_CalendarUnknown", lookback.calendar_id, 0)
        _require(lambda: check_rule_calendar(rule, kept.calendar))
        today = (now + kept.calendar.offset_seconds) // DAY
        if kept.first_day + lookback.look_back_days > today:
            earliest = max(0, today - lookback.look_back_days)
            raise ModelRevert("Rulebook_CalendarUnknown", lookback.calendar_id, earliest)


def _require(check: Callable[[], None]) -> None:
    """Raises ModelRevert for what the check refuses."""
    try:
        check()
    except RuleError as error:
        raise ModelRevert(error.error, *error.values) from error


def _known_until(days: CalendarDays) -> int:
    local = LocalCalendar(days)
    return local.start_of(local.until_day - 1) if days.summer else 0
