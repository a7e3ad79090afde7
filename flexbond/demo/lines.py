"""From what the model expects, and the chain confirmed, to the lines of the report."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from flexbond.demo.homes import DAY_HOURS, HOUR
from flexbond.demo.result import DayCurve, DispatchLine, EventLine, HomeLine, PeriodLine, PoolLine
from flexbond.model.baseline import clamp_milli_wh
from flexbond.model.delivery import periods_of
from flexbond.model.settlement import (
    availability_per_unit,
    collateral_per_unit,
    curve_bps,
    energy_milli_wh,
    stop_loss,
    utilisation_lock,
)
from flexbond.model.types import BaselineMethod, Direction, Silence

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from flexbond.demo.expect import Call, Case, Expected, Place
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
}


def event_line(
    case: Case,
    expected: Expected,
    *,
    ids: Mapping[str, str],
    buyers: Mapping[str, str],
    dispatch_ids: Sequence[str],
) -> EventLine:
    """The occasion as the report shows it.

    `ids` holds `right`, `event`, `pool` and, if it was called, `root`; `buyers` the buyers' names by address.
    """
    occasion = case.occasion
    return EventLine(
        occasion=occasion,
        right_id=ids["right"],
        event_id=ids["event"],
        product=case.product,
        premium=occasion.units * occasion.tariff.premium_per_unit,
        curve=_curve(case),
        schedule=case.schedule,
        first_notice=case.first_notice,
        root=ids.get("root", ""),
        periods=_periods(case, expected.measured) if expected.measured else (),
        homes=_homes(case, expected),
        dispatches=tuple(
            _dispatch(case, call, outcome, buyers[call.first.holder], dispatch_id)
            for call, outcome, dispatch_id in zip(case.calls, expected.outcomes, dispatch_ids, strict=True)
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


def _curve(case: Case) -> DayCurve:
    day, homes = case.occasion.day, case.homes
    first = homes.index(day, 0)
    return DayCurve(
        real=tuple(homes.total(day, hour) for hour in range(DAY_HOURS)),
        metered=tuple(case.metered.total(place) for place in range(first, first + DAY_HOURS)),
    )


def _periods(case: Case, measured: MeasuredEvent) -> tuple[PeriodLine, ...]:
    """Every period of the window."""
    product, rule = case.product, case.rule
    columns = {period: place for place, period in enumerate(periods_of(case.ordered_mask))}
    silent = -sum(
        clamp_milli_wh(place.entry.capacity_w, rule.period_seconds)
        for place, answer in zip(case.places, measured.answers, strict=True)
        if answer.silence is not Silence.OK and rule.baseline is BaselineMethod.METER_BEFORE
    )
    lines: list[PeriodLine] = []
    for period, start in enumerate(range(product.window_start, product.window_end, HOUR)):
        order_w = case.orders_w[period]
        column = columns.get(period) if order_w else None
        own = measured.totals.baseline_milli_wh[column] if column is not None else None
        lines.append(
            PeriodLine(
                start=start,
                end=start + HOUR,
                ordered=energy_milli_wh(order_w, HOUR),
                baseline=case.schedule[period] if case.schedule and column is not None else own,
                metered=None if column is None else measured.totals.metered_milli_wh[column],
                silent=0 if column is None else silent,
                response=None if column is None else measured.responses_milli_wh[period],
                sign=1 if product.direction is Direction.SHED else -1,
            )
        )
    return tuple(lines)


def _homes(case: Case, expected: Expected) -> tuple[HomeLine, ...]:
    answers: Sequence[Answer | None] = expected.measured.answers if expected.measured else [None] * len(case.places)
    return tuple(
        _home(name, place, case.rule, answer, weight, credited)
        for name, place, answer, weight, credited in zip(
            case.homes.names, case.places, answers, expected.weights, expected.credited, strict=True
        )
    )


def _home(name: str, place: Place, rule: Rule, answer: Answer | None, weight: int, credited: int) -> HomeLine:
    own = rule.baseline is BaselineMethod.METER_BEFORE
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


def _dispatch(case: Case, call: Call, outcome: DispatchOutcome, buyer: str, dispatch_id: str) -> DispatchLine:
    product, rule, units = case.product, case.rule, call.first.units
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
