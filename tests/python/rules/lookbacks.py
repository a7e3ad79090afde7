"""Generated look-backs with their calendar, within the Rulebook's bounds."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import strategies as st

from flexbond.ids import calendar_id, lookback_hash
from flexbond.model.types import (
    BPS,
    Adjustment,
    BaselineMethod,
    Calendar,
    DayClass,
    DaySelection,
    Lookback,
    Rule,
)
from flexbond.rules import RuleFile, rule_file_of
from tests.python.model.strategies import PERIODS, rule

MAX_DAYS = 20

names = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=32)


def calendars() -> st.SearchStrategy[Calendar]:
    """Calendars whose summer time fits every period."""
    return st.builds(
        Calendar,
        zone=names.map(_bytes32),
        holidays=names.map(_bytes32) | st.just(bytes(32)),
        offset_seconds=st.integers(-14 * 60, 14 * 60).map(lambda minute: 60 * minute),
        summer_seconds=st.sampled_from((0, 3600)),
        spring_at=st.just(3600),
        autumn_at=st.just(7200),
    ).map(lambda made: made if made.summer_seconds else replace(made, spring_at=0, autumn_at=0))


@st.composite
def classes(draw: st.DrawFn) -> tuple[DayClass, ...]:
    """Every kind of day in exactly one class."""
    places = draw(st.lists(st.integers(0, 3), min_size=8, max_size=8))
    made = []
    for place in sorted(set(places)):
        y = draw(st.integers(1, MAX_DAYS))
        made.append(
            DayClass(
                kinds=sum(1 << bit for bit, of in enumerate(places) if of == place),
                selection=draw(st.sampled_from(DaySelection)),
                x=draw(st.integers(1, y)),
                y=y,
                min_days=draw(st.integers(1, y)),
            )
        )
    return tuple(made)


@st.composite
def files_with_days(draw: st.DrawFn) -> RuleFile:
    """Rules over past days."""
    period = draw(st.sampled_from(PERIODS))
    calendar = draw(calendars())
    length = draw(st.integers(MAX_DAYS, 120))
    adjustment = draw(st.sampled_from(Adjustment))
    adjusts = adjustment is not Adjustment.NONE
    lookback = Lookback(
        calendar_id=calendar_id(calendar),
        classes=draw(classes()),
        holidays_eligible=True,
        look_back_days=length,
        max_excluded_days=draw(st.integers(0, length)),
        min_event_bps=draw(st.integers(1, BPS)),
        adjustment=adjustment,
        adjustment_periods=draw(st.integers(1, 24)) if adjusts else 0,
        adjustment_lead=draw(st.integers(0, 24)) * period if adjusts else 0,
        adjustment_cap_bps=draw(st.integers(0, BPS)) if adjusts else 0,
    )
    return rule_file_of(_rule(period, lookback), lookback, calendar, name="generated", title="Generated")


def _rule(period: int, lookback: Lookback) -> Rule:
    return rule(
        period_seconds=period,
        baseline=BaselineMethod.X_OF_Y,
        baseline_periods=0,
        lookback_hash=lookback_hash(lookback),
    )


def _bytes32(text: str) -> bytes:
    return text.encode("ascii").ljust(32, b"\0")
