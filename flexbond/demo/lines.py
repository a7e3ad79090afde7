"""From what the model expects, and the chain confirmed, to the lines of the report; the same for every chapter."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from flexbond.demo.homes import DAY_HOURS
from flexbond.demo.result import DayCurve, DispatchLine, EventLine, HomeLine, PeriodLine, PoolLine, SettledLine
from flexbond.model.baseline import clamp_milli_wh
from flexbond.model.delivery import is_own_baseline, periods_of
from flexbond.model.settlement import (
    availability_per_unit,
    collateral_per_unit,
    curve_bps,
    energy_milli_wh,
    stop_loss,
    utilisation_lock,
)
from flexbond.model.types import Direction, Silence

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from flexbond.demo.expect import Case
    from flexbond.demo.outcome import Call, Expected, Place, Sold
    from flexbond.model.delivery import MeasuredEvent
    from flexbond.model.settlement import DispatchOutcome
    from flexbond.model.types import Answer, Rule

SILENCES: Final = {
    Silence.OK: "",
    Silence.NO_RECORD: "no record was shown",
    Silence.INACTIVE: "not in the portfolio at the first notice",
    Silence.SUSPENDED: "its device is suspended",
    Silence.LOW_ASSURANCE: "a kind of device that the rule does not accept",
    Silence.WRONG_POINT: "a record of another metering point",
    Silence.NOT_ATTESTED: "its record was never attested",
    Silence.LATE: "its record came too late",
    Silence.SUPERSEDED: "a later revision counts instead",
    Silence.BAD_OPENING: "its record does not open",
    Silence.MISSING_READING: "a needed reading is missing",
    Silence.ESTIMATED: "a needed reading is estimated",
    Silence.OUT_OF_RANGE: "a reading beyond the connection's capacity",
    Silence.TOO_FEW_DAYS: "too few of its past days are whole",
    Silence.UNSTATED: "nothing was stated of it when its record was anchored",
    Silence.OFF_GRID: "its record is not on its grid",
    Silence.WRONG_SIGNER: "another key signed its record",
    Silence.TOO_EARLY: "its record was anchored before its day was over",
}


def settled_line(
    sold: Sold,
    expected: Expected,
    *,
    names: Sequence[str],
    premium_per_unit: int,
    schedule: tuple[int, ...] = (),
    ids: Mapping[str, str],
    buyers: Mapping[str, str],
    dispatch_ids: Sequence[str],
) -> SettledLine:
    """A window as it was settled.

    `names` are those of the portfolio's places; `ids` holds `right`, `event`, `pool` and, if it was called, `root`; `buyers` the buyers'
    names by address.
    """
    return SettledLine(
        right_id=ids["right"],
        event_id=ids["event"],
        product=sold.product,
        premium=sold.units * premium_per_unit,
        schedule=schedule,
        first_notice=sold.first_notice,
        root=ids.get("root", ""),
        periods=_periods(sold, expected.measured, schedule) if expected.measured else (),
        homes=_homes(sold, expected, names),
        dispatches=tuple(
            _dispatch(sold, call, outcome, buyers[call.first.holder], dispatch_id)
            for call, outcome, dispatch_id in zip(sold.calls, expected.outcomes, dispatch_ids, strict=True)
        ),
        uncalled_availability=expected.uncalled,
        uncalled_released=expected.released,
        pool=PoolLine(
            pool_id=ids["pool"],
            amount=expected.pool,
            credited=sum(expected.credited),
            remainder=expected.pool - sum(expected.credited),
        ),
    )


def event_line(
    case: Case,
    expected: Expected,
    *,
    ids: Mapping[str, str],
    buyers: Mapping[str, str],
    dispatch_ids: Sequence[str],
) -> EventLine:
    """An occasion of the Fontana chapter as the report shows it; see `settled_line`."""
    line = settled_line(
        case,
        expected,
        names=case.homes.names,
        premium_per_unit=case.occasion.tariff.premium_per_unit,
        schedule=case.schedule,
        ids=ids,
        buyers=buyers,
        dispatch_ids=dispatch_ids,
    )
    return EventLine(occasion=case.occasion, curve=_curve(case), **vars(line))


def _curve(case: Case) -> DayCurve:
    day, homes = case.occasion.day, case.homes
    first = homes.index(day, 0)
    return DayCurve(
        real=tuple(homes.total(day, hour) for hour in range(DAY_HOURS)),
        metered=tuple(case.metered.total(place) for place in range(first, first + DAY_HOURS)),
    )


def _periods(sold: Sold, measured: MeasuredEvent, schedule: tuple[int, ...]) -> tuple[PeriodLine, ...]:
    """Every period of the window."""
    product, rule, step = sold.product, sold.rule, sold.rule.period_seconds
    columns = {period: place for place, period in enumerate(periods_of(sold.ordered_mask))}
    silent = -sum(
        clamp_milli_wh(place.entry.capacity_w, step)
        for place, answer in zip(sold.places, measured.answers, strict=True)
        if answer.silence is not Silence.OK and is_own_baseline(rule)
    )
    lines: list[PeriodLine] = []
    for period, start in enumerate(range(product.window_start, product.window_end, step)):
        order_w = sold.orders_w[period]
        column = columns.get(period) if order_w else None
        own = measured.totals.baseline_milli_wh[column] if column is not None else None
        lines.append(
            PeriodLine(
                start=start,
                end=start + step,
                ordered=energy_milli_wh(order_w, step),
                baseline=schedule[period] if schedule and column is not None else own,
                metered=None if column is None else measured.totals.metered_milli_wh[column],
                silent=0 if column is None else silent,
                response=None if column is None else measured.responses_milli_wh[period],
                sign=1 if product.direction is Direction.SHED else -1,
            )
        )
    return tuple(lines)


def _homes(sold: Sold, expected: Expected, names: Sequence[str]) -> tuple[HomeLine, ...]:
    answers: Sequence[Answer | None] = expected.measured.answers if expected.measured else [None] * len(sold.places)
    return tuple(
        _home(name, place, sold.rule, answer, weight, credited)
        for name, place, answer, weight, credited in zip(
            names, sold.places, answers, expected.weights, expected.credited, strict=True
        )
    )


def _home(name: str, place: Place, rule: Rule, answer: Answer | None, weight: int, credited: int) -> HomeLine:
    own = is_own_baseline(rule)
    spoke = answer is not None and answer.silence is Silence.OK
    response: tuple[int, ...] = ()
    if answer is not None and own:
        shift = 1000 * place.entry.capacity_w * rule.period_seconds
        response = tuple((column - shift) // 3600 for column in answer.columns)
    return HomeLine(
        name=name,
        silence="" if answer is None else SILENCES[answer.silence],
        baseline=answer.baseline_milli_wh if answer is not None and spoke and own else (),
        metered=answer.metered_milli_wh if answer is not None and spoke else (),
        response=response,
        weight=weight,
        credited=credited,
    )


def _dispatch(sold: Sold, call: Call, outcome: DispatchOutcome, buyer: str, dispatch_id: str) -> DispatchLine:
    product, rule, units = sold.product, sold.rule, call.first.units
    delivered_bps = outcome.delivered_bps or 0
    return DispatchLine(
        dispatch_id=dispatch_id,
        buyer=buyer,
        units=units,
        kind=call.first.kind.name.lower(),
        notice_at=call.first.notice_at,
        orders_w=call.last.orders_w,
        stopped=call.last.orders_w != call.first.orders_w,
        periods=outcome.periods,
        delivered_bps=delivered_bps,
        availability_bps=curve_bps(rule.availability_curve_kind, rule.availability_curve, delivered_bps),
        penalty_uncapped=outcome.penalty_uncapped,
        stop_loss=stop_loss(product, rule, units),
        utilisation_locked=utilisation_lock(product, rule, call.first.orders_w),
        availability_locked=units * availability_per_unit(product),
        collateral_locked=units * collateral_per_unit(product, rule.collateral_bps),
        settled=outcome.settled,
    )
