"""Quotes and baselines as tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from flexbond.model.baseline import portfolio_baseline
from flexbond.model.calendar import date_of
from flexbond.model.delivery import periods_of
from flexbond.model.types import Silence
from flexbond.quoting.tables import Column, Kind, Table

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from flexbond.model.types import EventKey
    from flexbond.quoting.accuracy import DeviceAccuracy
    from flexbond.quoting.measure import DeviceResult, Measured
    from flexbond.quoting.money import QuotedEvent
    from flexbond.quoting.nullevents import NullEvents, Spread
    from flexbond.quoting.orders import Currency
    from flexbond.quoting.terms import Terms
    from flexbond.rules import Accuracy

REASONS: Final[dict[Silence, str]] = {
    Silence.NO_RECORD: "no reading",
    Silence.INACTIVE: "not in the portfolio at the first notice",
    Silence.SUSPENDED: "suspended",
    Silence.LOW_ASSURANCE: "its kind of device is not accepted",
    Silence.MISSING_READING: "a needed reading is missing",
    Silence.ESTIMATED: "a needed reading is estimated",
    Silence.OUT_OF_RANGE: "a reading is beyond its connection",
    Silence.TOO_FEW_DAYS: "too few complete days",
}
"""Why a device is silent, of what readings alone can show."""


def reason_of(silence: Silence, name: str, refused: Mapping[str, str]) -> str:
    """Why a device is silent; empty if it is not."""
    if silence is Silence.OK:
        return ""
    said = REASONS.get(silence, silence.name.lower().replace("_", " "))
    return f"{said} ({refused[name]})" if name in refused and silence is not Silence.INACTIVE else said


# ------------------------------------------------------------------ quotes


def quote_tables(
    terms: Terms,
    quotes: Sequence[QuotedEvent],
    currency: Currency,
    refused: Mapping[str, str],
    *,
    per_device: bool,
) -> list[Table]:
    """Periods first, then dispatches, rights and devices, and if wanted every device's periods."""
    tables = [
        _periods(terms, quotes, currency),
        _dispatches(quotes, currency),
        _rights(quotes, currency),
        _devices(quotes, currency, refused),
    ]
    return [*tables, _device_periods(terms, quotes, refused)] if per_device else tables


def _money(currency: Currency, *names: str, is_brief: bool = True) -> tuple[Column, ...]:
    unit, decimals = currency.symbol.lower(), currency.decimals
    return tuple(Column(name=f"{name}_{unit}", kind=Kind.MONEY, decimals=decimals, is_brief=is_brief) for name in names)


def _energy(*names: str, is_brief: bool = True) -> tuple[Column, ...]:
    return tuple(Column(name=f"{name}_kwh", kind=Kind.ENERGY, is_brief=is_brief) for name in names)


def _text(*names: str, is_brief: bool = True) -> tuple[Column, ...]:
    return tuple(Column(name=name, is_brief=is_brief) for name in names)


def _count(*names: str, is_brief: bool = True) -> tuple[Column, ...]:
    return tuple(Column(name=name, kind=Kind.COUNT, is_brief=is_brief) for name in names)


def _time(name: str, *, is_brief: bool = True) -> Column:
    return Column(name=f"{name}_utc", kind=Kind.TIME, is_brief=is_brief)


def _periods(terms: Terms, quotes: Iterable[QuotedEvent], currency: Currency) -> Table:
    """A row for every ordered period of every dispatch of a measured event."""
    table = Table(
        name="periods",
        title="Periods",
        columns=(
            *_text("event", is_brief=False),
            *_text("dispatch"),
            *_text("buyer", is_brief=False),
            *(_time("start"), _time("end", is_brief=False)),
            *_energy("baseline", "metered"),
            *_energy("event_response", is_brief=False),
            *_energy("ordered", "response"),
            *_energy("delivered", "deficiency", is_brief=False),
            *_count("ratio_bps", is_brief=False),
            *_money(currency, "pay", "penalty"),
        ),
    )
    for quote in quotes:
        if quote.measured is None:
            continue
        length, key = terms.rule.period_seconds, quote.ordered.key
        levels = portfolio_levels(
            terms, key, quote.measured, quote.ordered.ordered_mask, quote.ordered.schedule_milli_wh
        )
        for called in quote.dispatches:
            for item in called.outcome.periods:
                start = key.window_start + item.period * length
                baseline, metered = levels[item.period]
                table.add(
                    *(quote.ordered.name, called.ordered.name, called.ordered.buyer, start, start + length),
                    *(baseline, metered, quote.measured.responses_milli_wh[item.period]),
                    *(item.ordered, item.response, item.delivered, item.deficiency, item.ratio_bps),
                    *(item.pay, item.penalty),
                )
    return table


def portfolio_levels(
    terms: Terms, key: EventKey, measured: Measured, mask: int, schedule_milli_wh: Sequence[int]
) -> dict[int, tuple[int | None, int]]:
    """By ordered period the baseline (None: none nominated) and what was metered, of devices that are not silent, mWh."""
    levels: dict[int, tuple[int | None, int]] = {}
    for place, period in enumerate(periods_of(mask)):
        metered = sum(item.metered_milli_wh[place] for item in measured.devices if item.metered_milli_wh is not None)
        if terms.is_of_device:
            own = [item.baseline_milli_wh[place] for item in measured.devices if item.baseline_milli_wh is not None]
            levels[period] = sum(own), metered
        else:
            levels[period] = portfolio_baseline(terms.rule, key, schedule_milli_wh, period), metered
    return levels


def _dispatches(quotes: Iterable[QuotedEvent], currency: Currency) -> Table:
    refunds = ("penalty_uncapped", "utilisation_refund", "availability_refund", "collateral_released")
    table = Table(
        name="dispatches",
        title="Dispatches",
        columns=(
            *_text("event", is_brief=False),
            *_text("dispatch", "buyer"),
            *_text("right", "kind", is_brief=False),
            *_count("units"),
            *(_time("notice", is_brief=False), Column(name="is_measured", kind=Kind.FLAG, is_brief=False)),
            *_count("delivered_bps"),
            *_money(currency, "pay", "availability", "penalty", "pool"),
            *_money(currency, *refunds, is_brief=False),
        ),
    )
    for quote in quotes:
        for called in quote.dispatches:
            of, settled = called.ordered, called.outcome.settled
            table.add(
                *(quote.ordered.name, of.name, of.buyer, of.right.name, of.dispatch.kind.name.lower()),
                *(of.dispatch.units, of.dispatch.notice_at, quote.measured is not None, called.outcome.delivered_bps),
                *(settled.pay, settled.availability, settled.penalty, settled.pool, called.outcome.penalty_uncapped),
                *(settled.utilisation_refund, settled.availability_refund, settled.released),
            )
    return table


def _rights(quotes: Iterable[QuotedEvent], currency: Currency) -> Table:
    money = _money(currency, "availability", "pool", "availability_refund", "collateral_released")
    columns = (*_text("event", "right"), *_count("units"), *money)
    table = Table(name="uncalled", title="Never called", columns=columns)
    for quote in quotes:
        for item in quote.rights:
            table.add(
                quote.ordered.name,
                item.ordered.name,
                item.units,
                item.availability,
                item.pool,
                item.refund,
                item.released,
            )
    return table


def _devices(quotes: Iterable[QuotedEvent], currency: Currency, refused: Mapping[str, str]) -> Table:
    """A row for every place of the portfolio in every event."""
    table = Table(
        name="devices",
        title="Devices and customers",
        columns=(
            *_text("event", "device"),
            *_text("payee", is_brief=False),
            Column(name="capacity_kw", kind=Kind.POWER, is_brief=False),
            *_text("silence", "reason"),
            *_energy("baseline", "metered", "response"),
            *_energy("weight", is_brief=False),
            *_money(currency, "share"),
            *_money(currency, "share_of_uncalled", is_brief=False),
            *_text("days_used", "adjustment", is_brief=False),
        ),
    )
    for quote in quotes:
        results = () if quote.measured is None else quote.measured.devices
        shares = {item.index: item for item in quote.shares}
        for index in range(max(len(results), len(shares))):
            share = shares.get(index)
            result = results[index] if index < len(results) else None
            device = share.device if share else results[index].device
            sums: tuple[int | None, ...] = (None,) * 4
            told, reason = "", ""
            if result is not None:
                told, reason = result.silence.name.lower(), reason_of(result.silence, device.name, refused)
                sums = _sums(result)
            money = (None, None) if share is None else (share.of_event, share.of_rights)
            table.add(
                *(quote.ordered.name, device.name, device.payee, device.capacity_w, told, reason),
                *(*sums, *money, *_story(result)),
            )
    return table


def _device_periods(terms: Terms, quotes: Iterable[QuotedEvent], refused: Mapping[str, str]) -> Table:
    columns = (
        *_text("event", "device"),
        _time("start"),
        _time("end", is_brief=False),
        *_energy("baseline", "metered", "response"),
        *_text("silence", "reason"),
    )
    table = Table(name="device_periods", title="Devices by period", columns=columns)
    length = terms.rule.period_seconds
    for quote in quotes:
        for item in () if quote.measured is None else quote.measured.devices:
            for place, period in enumerate(periods_of(quote.ordered.ordered_mask)):
                start = quote.ordered.key.window_start + period * length
                told = item.silence.name.lower(), reason_of(item.silence, item.device.name, refused)
                values = (item.baseline_milli_wh, item.metered_milli_wh, item.responses_milli_wh)
                shown = (None if of is None else of[place] for of in values)
                table.add(quote.ordered.name, item.device.name, start, start + length, *shown, *told)
    return table


def _sums(result: DeviceResult) -> tuple[int | None, ...]:
    """Baseline, metered, response and weight, mWh; None where there is none, or where capacity is the weight."""
    values = (result.baseline_milli_wh, result.metered_milli_wh, result.responses_milli_wh)
    weight = None if result.responses_milli_wh is None else result.weight
    return *(None if of is None else sum(of) for of in values), weight


def _story(result: DeviceResult | None) -> tuple[str, str]:
    """The days in the mean, and how it was adjusted."""
    if result is None or result.detail is None or result.silence is not Silence.OK:
        return "", ""
    return " ".join(str(date_of(day)) for day in result.detail.chosen), adjustment_text(result)


def adjustment_text(result: DeviceResult) -> str:
    """Energies of the adjustment window on the day and on the chosen days; empty without one."""
    detail = result.detail
    if detail is None or detail.adjustment is None:
        return ""
    present, past = (energy_text(value) for value in detail.adjustment)
    return f"on the day {present} kWh, on {len(detail.chosen)} days {past} kWh"


def energy_text(milli_wh: int) -> str:
    """Energy in kWh, exactly."""
    return Column(name="kwh", kind=Kind.ENERGY).shown(milli_wh)


# ------------------------------------------------------------------ null events


def null_tables(null: NullEvents, currency: Currency) -> list[Table]:
    """The spread over all days, then a row a day."""
    spread = Table(
        name="null_events",
        title="Events that never were",
        columns=(
            *_text("amount"),
            *_count("days"),
            *_money(currency, "total", "mean", "median", "p5", "p95"),
            *_count("above_zero_bps"),
        ),
    )
    for name, of in (("pay", null.pay), ("penalty", null.penalty), ("net", null.net)):
        spread.add(name, *_spread(of))
    days = Table(
        name="null_days",
        title="Day by day",
        columns=(
            *(Column(name="day", kind=Kind.DAY), _time("start", is_brief=False)),
            *_energy("ordered", is_brief=False),
            *_energy("response"),
            *_money(currency, "pay"),
            *_money(currency, "availability", is_brief=False),
            *_money(currency, "penalty", "net"),
            *_count("silent_devices", is_brief=False),
            *_text("passed_over"),
        ),
    )
    for day in null.days:
        if day.quote is None or day.quote.measured is None:
            days.add(date_of(day.day), *(None,) * 7, day.silent, day.reason)
            continue
        ordered = sum(item.ordered for called in day.quote.dispatches for item in called.outcome.periods)
        values = ordered, sum(day.quote.measured.responses_milli_wh), day.quote.pay, day.quote.availability
        start = day.quote.ordered.key.window_start
        days.add(date_of(day.day), start, *values, day.quote.penalty, day.quote.net, day.silent, "")
    return [spread, days]


def _spread(of: Spread) -> tuple[int, ...]:
    return of.days, of.total, of.mean, of.median, of.p5, of.p95, of.above_zero_bps


# ------------------------------------------------------------------ baselines


def baseline_tables(terms: Terms, key: EventKey, measured: Measured, refused: Mapping[str, str]) -> list[Table]:
    """Every device's baseline by period, then how it came about."""
    columns = (*_text("device"), _time("start"), _time("end", is_brief=False), *_energy("baseline", "metered"))
    periods = Table(name="baseline", title="Baselines", columns=columns)
    devices = Table(
        name="baseline_devices",
        title="How they came about",
        columns=(
            *_text("device", "silence", "reason", "days_used"),
            *_text("days_found", "days_incomplete", "passed_over", is_brief=False),
            *_text("adjustment"),
        ),
    )
    length = terms.rule.period_seconds
    for item in measured.devices:
        detail, known, name = item.detail, item.during or {}, item.device.name
        levels = None if detail is None or item.silence is not Silence.OK else detail.baseline_milli_wh
        for place, start in enumerate(range(key.window_start, key.window_end, length)):
            periods.add(name, start, start + length, None if levels is None else levels[place], known.get(start))
        told = item.silence.name.lower(), reason_of(item.silence, name, refused)
        if detail is None:
            devices.add(name, *told, *("",) * 5)
            continue
        incomplete = [day for day in detail.days if day not in detail.complete] if detail.complete else []
        passed = "; ".join(f"{date_of(day)} {why.value}" for day, why in detail.excluded.items())
        days = (" ".join(str(date_of(day)) for day in of) for of in (detail.chosen, detail.days, incomplete))
        devices.add(name, *told, *days, passed, adjustment_text(item))
    return [periods, devices]


def accuracy_table(results: Iterable[DeviceAccuracy], thresholds: Accuracy) -> Table:
    """How far every device's baselines were from its meter, and whether that is within the thresholds."""
    table = Table(
        name="accuracy",
        title="Accuracy on days without an event",
        columns=(
            *_text("device"),
            *_count("days"),
            *_count("periods", is_brief=False),
            *_energy("baseline", "metered"),
            *_count("bias_bps", "relative_error_bps"),
            *_count("max_bias_bps", "max_relative_error_bps", is_brief=False),
            Column(name="passes", kind=Kind.FLAG),
        ),
    )
    for item in results:
        table.add(
            *(item.device, item.days, item.periods, item.baseline_milli_wh, item.metered_milli_wh),
            *(item.bias_bps, item.relative_error_bps),
            *(thresholds.max_bias_bps, thresholds.max_relative_error_bps, item.passes(thresholds)),
        )
    return table
