"""What a run of the British chapter found: everything its part of the report shows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from flexbond.demo.result import ChapterResult, SettledLine

if TYPE_CHECKING:
    from datetime import date

    from flexbond.demo.britain.homes import Homes
    from flexbond.demo.britain.plan import Window
    from flexbond.demo.statement import Statement
    from flexbond.rules import RuleFile


@dataclass(frozen=True, kw_only=True)
class PastDay:
    """One of the days found for a baseline."""

    day: date
    chosen: bool
    """Whether it is in the mean."""
    starts: tuple[int | None, ...]
    """Where each place of the window lies on it, UTC seconds; None: nowhere."""
    window: tuple[int | None, ...]
    """Energy at each place of the window, mWh, `+` import; None: absent."""
    adjusting: tuple[int | None, ...]
    """At each place of the adjustment window; empty: not adjusted."""


@dataclass(frozen=True, kw_only=True)
class HomeDays:
    """A home's baseline in a window, and the days it came from; energies in mWh, `+` import."""

    name: str
    silence: str
    """Empty: it has a baseline and was metered."""
    days: tuple[PastDay, ...]
    """Newest first."""
    raw: tuple[int, ...]
    """Mean of the chosen days, per period of the window; empty if silent."""
    baseline: tuple[int, ...]
    """Moved to the day's own load; empty if silent."""
    metered: tuple[int | None, ...]
    real: tuple[int | None, ...]
    """The same without the modelled battery."""
    adjusting: tuple[int | None, ...]
    """Metered in the adjustment window."""


@dataclass(frozen=True, kw_only=True)
class Axis:
    """Local times of the places of a window, and of the adjustment window before it."""

    event_day: date
    starts: tuple[int, ...]
    """Of the window's periods, UTC seconds."""
    window: tuple[str, ...]
    """Local clock at the start of each period: a repeated hour stands there twice."""
    end: str
    adjusting: tuple[str, ...]
    adjusting_end: str


@dataclass(frozen=True, kw_only=True)
class WhatIf:
    """What would have come out had a revision been in time."""

    told: str
    """Which one."""
    home: str
    baseline: tuple[int, ...]
    """Of that home, per period, mWh."""
    response: tuple[int, ...]
    """Of the portfolio, per period, mWh."""
    pay: int
    """For energy, all calls together, base units."""
    penalty: int


@dataclass(frozen=True, kw_only=True)
class WindowLine(SettledLine):
    """One window of the month."""

    window: Window
    axis: Axis | None
    """None: never called."""
    days: tuple[HomeDays, ...]
    """Of every home, in order."""
    passed_over: tuple[tuple[date, str], ...]
    """Days that were looked at and not taken, newest first, and why."""
    what_if: WhatIf | None


@dataclass(frozen=True, kw_only=True)
class BritishResult(ChapterResult):
    """The British chapter's run."""

    homes: Homes
    rule_file: RuleFile
    """As published."""
    rule_id: str
    windows: tuple[WindowLine, ...]
    statements: tuple[Statement, ...]
    history_roots: int
    """Roots that were anchored."""
