"""Which days of the data the story takes place on: chosen by rule from the homes' own load, and said why."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from flexbond.demo.homes import HomesError

if TYPE_CHECKING:
    from datetime import date

    from flexbond.demo.homes import Homes

BASELINE_HOUR: Final = 18
"""Local hour that an evening is compared with: the last whole one before a notice just after 19:00."""
EVENING_HOURS: Final = (20, 21)
"""Local hours of an evening's service window."""
MIDDAY_HOURS: Final = (11, 12)
"""Local hours of a midday's service window."""
DAYS_BEFORE: Final = 5
"""Days whose mean is nominated as the midday's schedule."""
EVENINGS: Final = 3
SATURDAY: Final = 5


@dataclass(frozen=True, kw_only=True)
class Days:
    """The days of the story, and what they were chosen by."""

    evenings: tuple[date, ...]
    """Three, in order."""
    midday: date
    uncalled: date
    """An evening without any call."""
    drift: tuple[tuple[date, tuple[int, ...]], ...]
    """Of every evening, per hour of the window: how much less the homes took, batteries untouched, than in the baseline's hour, mWh;
    `+` less, `-` more."""
    missed: tuple[tuple[date, tuple[int, ...]], ...]
    """Of every midday that has enough days before it, per hour: by how much the homes' load missed the mean of those days, mWh;
    `+` more import, `-` more export."""


def choose(homes: Homes) -> Days:
    """The still evenings, the best foreseen midday, and the last evening.

    Evenings: the weekdays on which the homes' own load differs least between the baseline's hour and the window, so that what the
    meters show there is what the batteries did. Midday: the weekday whose load lies closest to the mean of the days before it, away
    from the evenings and the days after them, on which the batteries are charged again.
    """
    drift = tuple((day, evening_drift(homes, day)) for day in homes.days)
    missed = tuple((day, midday_miss(homes, day)) for day in homes.days[DAYS_BEFORE:])
    uncalled = next(day for day in reversed(homes.days) if day.weekday() < SATURDAY)
    ranked = _weekdays(drift, without={uncalled})
    evenings = tuple(sorted(ranked[:EVENINGS]))
    near = {day for day in homes.days if any(-1 <= (day - evening).days <= DAYS_BEFORE for evening in evenings)}
    middays = _weekdays(missed, without=near | {uncalled})
    if len(evenings) < EVENINGS or not middays:
        raise HomesError("The data hold too few weekdays for the story.", "Take an extract of some weeks.")
    return Days(evenings=evenings, midday=middays[0], uncalled=uncalled, drift=drift, missed=missed)


def evening_drift(homes: Homes, day: date) -> tuple[int, ...]:
    """How much less the homes take in each hour of the window than in the baseline's hour, mWh, batteries untouched."""
    baseline = homes.total(day, BASELINE_HOUR)
    return tuple(baseline - homes.total(day, hour) for hour in EVENING_HOURS)


def midday_schedule(homes: Homes, day: date) -> tuple[int, ...]:
    """Mean of the days before, per hour of the midday's window, mWh rounded down, `+` import, `-` export."""
    place = homes.days.index(day)
    before = homes.days[place - DAYS_BEFORE : place]
    return tuple(sum(homes.total(other, hour) for other in before) // DAYS_BEFORE for hour in MIDDAY_HOURS)


def midday_miss(homes: Homes, day: date) -> tuple[int, ...]:
    """What the homes took beyond the mean of the days before, per hour of the midday's window, mWh."""
    schedule = midday_schedule(homes, day)
    return tuple(homes.total(day, hour) - mean for hour, mean in zip(MIDDAY_HOURS, schedule, strict=True))


def _weekdays(values: tuple[tuple[date, tuple[int, ...]], ...], *, without: set[date]) -> list[date]:
    """Weekdays by their greatest value, sign apart, least first."""
    allowed = [(max(map(abs, of)), day) for day, of in values if day.weekday() < SATURDAY and day not in without]
    return [day for _, day in sorted(allowed)]
