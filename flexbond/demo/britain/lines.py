"""From what the model expects of a British window, and the chain confirmed, to its lines of the report."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flexbond.demo.britain.clock import BritishClock
from flexbond.demo.britain.expect import baseline_of, expect, if_in_time
from flexbond.demo.britain.result import Axis, HomeDays, PastDay, WhatIf, WindowLine
from flexbond.demo.lines import SILENCES, settled_line
from flexbond.model.calendar import date_of
from flexbond.model.types import Silence

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from flexbond.demo.britain.expect import Case
    from flexbond.demo.outcome import Expected
    from flexbond.model.types import Answer


def window_line(case: Case, expected: Expected, **settled: Any) -> WindowLine:
    """A window as the report shows it; `settled` is what `settled_line` needs beside the names and the premium."""
    line = settled_line(
        case,
        expected,
        names=case.window.homes,
        premium_per_unit=case.window.tariff.premium_per_unit,
        **settled,
    )
    answers = expected.measured.answers if expected.measured else ()
    passed_over = case.plan(0).passed_over if answers else {}
    return WindowLine(
        **vars(line),
        window=case.window,
        axis=_axis(case) if answers else None,
        days=tuple(_home(case, answer, number) for number, answer in enumerate(answers)),
        passed_over=tuple((date_of(day), reason.value) for day, reason in passed_over.items()),
        what_if=_what_if(case) if case.revisions else None,
    )


def _axis(case: Case) -> Axis:
    plan = case.plan(0)
    clock, step, adjusting = BritishClock(case.calendar), case.rule.period_seconds, plan.adjustment_starts
    return Axis(
        event_day=date_of(plan.event_day),
        starts=tuple(case.window.starts),
        window=tuple(clock.at(start) for start in case.window.starts),
        end=clock.at(case.window.end),
        adjusting=tuple(clock.at(start) for start in adjusting),
        adjusting_end=clock.at(adjusting[-1] + step) if adjusting else "",
    )


def _home(case: Case, answer: Answer, number: int) -> HomeDays:
    """A home's days as the model found them."""
    plan = case.plan(number)
    before = case.known(number, case.first_notice)
    metered = case.known(number, case.window.end + case.rule.reading_deadline)
    battery = case.metered.batteries[number]
    real = {at: value - battery.get(at, 0) for at, value in metered.items()}
    own, raw = baseline_of(case, number), baseline_of(case, number, adjusted=False)
    heard = answer.silence is Silence.OK
    return HomeDays(
        name=case.window.homes[number],
        silence=SILENCES[answer.silence],
        days=tuple(
            PastDay(
                day=date_of(day),
                chosen=day in own.chosen,
                starts=plan.starts[place],
                window=_values(before, plan.starts[place]),
                adjusting=_values(before, plan.past_adjustment_starts[place]),
            )
            for place, day in enumerate(plan.days)
        ),
        raw=raw.baseline_milli_wh or () if heard else (),
        baseline=own.baseline_milli_wh or () if heard else (),
        metered=_values(metered, case.window.starts),
        real=_values(real, case.window.starts),
        adjusting=_values(metered, plan.adjustment_starts),
    )


def _values(known: Mapping[int, int], starts: Sequence[int | None]) -> tuple[int | None, ...]:
    return tuple(None if start is None else known.get(start) for start in starts)


def _what_if(case: Case) -> WhatIf:
    """What would have come out had the revisions been in time."""
    other, revision = if_in_time(case), case.revisions[-1].revision
    expected = expect(other)
    settled = [outcome.settled for outcome in expected.outcomes]
    return WhatIf(
        told=revision.told,
        home=revision.home,
        baseline=baseline_of(other, case.window.homes.index(revision.home)).baseline_milli_wh or (),
        response=expected.measured.responses_milli_wh if expected.measured else (),
        pay=sum(one.pay for one in settled),
        penalty=sum(one.penalty for one in settled),
    )
