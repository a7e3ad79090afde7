"""The report: one HTML page that needs nothing beside it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from flexbond.demo import tell
from flexbond.demo.charts import Mark, Part, bar_rows, day_chart, drift_chart
from flexbond.demo.days import BASELINE_HOUR
from flexbond.demo.homes import SOURCE, SOURCE_AUTHORS, SOURCE_LICENCE
from flexbond.demo.text import clock, hours, kw, kwh, listed, long_day, money, percent, short_day, short_money
from flexbond.model.settlement import split_pool
from flexbond.model.types import BaselineMethod, CurveKind, Direction, ToleranceKind

if TYPE_CHECKING:
    from flexbond.demo.result import DemoResult, DispatchLine, EventLine, HomeLine, PeriodLine
    from flexbond.model.types import CurvePoint, Rule

TEMPLATES: Final = Path(__file__).parent / "template"


@dataclass(frozen=True, kw_only=True)
class MoneyRow:
    """Where a lock of a call went; base units."""

    name: str
    locked: int
    homes: int
    aggregator: int
    buyer: int
    penalty: bool = False
    """Whether what the buyer got is one."""


@dataclass(frozen=True, kw_only=True)
class EventView:
    """What the page shows of an event beside its values."""

    heading: str
    sold: str
    story: list[str]
    chart: Markup
    bars: list[Markup]
    money: list[list[MoneyRow]]
    """Of every call."""
    delivered: list[int]
    """Per period of the window, all calls together, mWh."""
    ordered: list[PeriodLine]
    """Periods with an order."""
    homes: int
    silent: str
    """Names of the silent homes; empty: none."""
    columns: int
    """Of the homes' table between name and share."""


@dataclass(frozen=True, kw_only=True)
class RuleView:
    """A rule in words."""

    letter: str
    lines: dict[str, str]


def render(result: DemoResult) -> str:
    """The page."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        kwh=kwh,
        percent=percent,
        clock=clock,
        day=long_day,
        span=lambda line: hours(line.start, line.end),
        whole=lambda number: f"{number:,}",
        money=lambda amount: money(amount, decimals=result.token.decimals),
        share=_share,
    )
    return environment.get_template("report.html.jinja").render(**_context(result)) + "\n"


def _context(result: DemoResult) -> dict[str, object]:
    settled = [line.settled for event in result.events for line in event.dispatches]
    homes = [party for party in result.parties if party.role == "home"]
    uncalled = sum(event.uncalled_availability for event in result.events)
    columns = (
        "deposited",
        "premiums",
        "utilisation",
        "availability",
        "penalties",
        "pool",
        "withdrawn",
        "free",
        "locked",
    )
    chosen = {event.occasion.day for event in result.events if event.first_notice and not event.schedule}
    return {
        "result": result,
        "modelled": tell.MODELLED,
        "k1_homes": len(homes) - len(result.p256_homes),
        "paid": sum(one.pay + one.availability for one in settled) + uncalled,
        "penalties": sum(one.penalty for one in settled),
        "homes_earned": sum(party.earned for party in homes),
        "checks": f"{sum(check.count for check in result.checks):,}",
        "rules": [
            RuleView(letter=letter, lines={**_rule_lines(rule), "Prices": _prices(letter, result)})
            for letter, _, rule in result.rules
        ],
        "worst_drift": max(abs(value) for _, values in result.drift for value in values),
        "drift": _drawn(
            drift_chart(
                [(short_day(day), values, day in chosen) for day, values in result.drift],
                title="Change of the homes' own load on every evening",
            )
        ),
        "views": [_view(event, result) for event in result.events],
        "balance": tell.balance(result),
        "sums": [sum(getattr(party, column) for party in result.parties) for column in columns],
        "earned": _earned(result),
        "source": SOURCE,
        "authors": SOURCE_AUTHORS,
        "licence": SOURCE_LICENCE,
    }


# ------------------------------------------------------------------ an event


def _view(event: EventLine, result: DemoResult) -> EventView:
    ordered = [line for line in event.periods if line.response is not None]
    silent = [home.name for home in event.homes if home.silence]
    return EventView(
        heading=tell.heading(event.occasion),
        sold=tell.sold(event.occasion),
        story=tell.story(event, result.token),
        chart=_day_chart(event),
        bars=[_money_bars(line, result) for line in event.dispatches],
        money=[_money_rows(line) for line in event.dispatches],
        delivered=[
            sum(period.delivered for line in event.dispatches for period in line.periods if period.period == place)
            for place in range(len(event.periods))
        ],
        ordered=ordered,
        homes=len(event.homes),
        silent=listed(silent) if silent else "",
        columns=len(ordered) * (1 if event.schedule else 3),
    )


def _day_chart(event: EventLine) -> Markup:
    occasion = event.occasion
    window = (occasion.hours[0], occasion.hours[-1] + 1)
    sign = 1 if occasion.direction is Direction.SHED else -1
    marks: list[Mark] = []
    for hour, line in zip(occasion.hours, event.periods, strict=False):
        if line.baseline is not None:
            marks.append(Mark(first=hour, last=hour + 1, level=line.baseline, css="baseline"))
            target = line.baseline - sign * line.ordered
            marks.append(Mark(first=hour, last=hour + 1, level=target, css="target"))
    before = (BASELINE_HOUR, BASELINE_HOUR + 1) if event.periods and not event.schedule else None
    return _drawn(
        day_chart(
            real=event.curve.real,
            metered=event.curve.metered,
            marks=marks,
            window=window,
            before=before,
            title=f"Net load on {long_day(occasion.day)}, with and without the modelled batteries",
        )
    )


def _money_rows(line: DispatchLine) -> list[MoneyRow]:
    settled = line.settled
    from_pay, from_availability = split_pool(settled.pool, settled.pay)
    return [
        MoneyRow(
            name="Energy",
            locked=line.utilisation_locked,
            homes=from_pay,
            aggregator=settled.pay - from_pay,
            buyer=settled.utilisation_refund,
        ),
        MoneyRow(
            name="Availability",
            locked=line.availability_locked,
            homes=from_availability,
            aggregator=settled.availability - from_availability,
            buyer=settled.availability_refund,
        ),
        MoneyRow(
            name="Collateral: released, and penalty",
            locked=line.collateral_locked,
            homes=0,
            aggregator=settled.released,
            buyer=settled.penalty,
            penalty=settled.penalty > 0,
        ),
    ]


def _money_bars(line: DispatchLine, result: DemoResult) -> Markup:
    settled = line.settled
    rows = [
        (
            "Energy: locked",
            (Part(value=settled.pay, label="paid", css="paid"), _back("refunded", settled.utilisation_refund)),
        ),
        (
            "Availability: locked",
            (
                Part(value=settled.availability, label="paid", css="paid"),
                _back("refunded", settled.availability_refund),
            ),
        ),
        ("Collateral", (Part(value=settled.penalty, label="penalty", css="lost"), _back("released", settled.released))),
        (
            "Earned, and shared",
            (
                Part(value=settled.pool, label="homes", css="pool"),
                Part(value=settled.pay + settled.availability - settled.pool, label="aggregator", css="firm"),
            ),
        ),
    ]
    return _drawn(
        bar_rows(
            rows,
            show=lambda amount: short_money(amount, decimals=result.token.decimals, symbol=""),
            title=f"Money of the call by the {line.buyer}",
        )
    )


def _back(label: str, value: int) -> Part:
    return Part(value=value, label=label, css="back")


def _earned(result: DemoResult) -> Markup:
    rows = [
        (party.name, (Part(value=party.earned, label="", css="pool"),))
        for party in result.parties
        if party.role == "home"
    ]
    return _drawn(
        bar_rows(
            rows,
            show=lambda amount: money(amount, decimals=result.token.decimals),
            title="What each home earned",
        )
    )


def _drawn(chart: str) -> Markup:
    """A chart, which holds nothing but whole numbers and labels that are escaped."""
    return Markup(chart)  # noqa: S704


def _share(home: HomeLine, event: EventLine) -> str:
    """The home's part of the pool in percent, by what it was split by."""
    total = sum(other.weight for other in event.homes)
    return percent(home.weight * 10_000 // total) if total else "none"


# ------------------------------------------------------------------ a rule


def _rule_lines(rule: Rule) -> dict[str, str]:
    """A rule in words, line by line."""
    hours_before = (
        "the last whole hour"
        if rule.baseline_periods == 1
        else f"the mean of the last {rule.baseline_periods} whole hours"
    )
    before = f"each home's own: {hours_before} before the first notice"
    baseline = {
        BaselineMethod.METER_BEFORE: before,
        BaselineMethod.NOMINATED: "a schedule of the portfolio, committed before the gate closes",
        BaselineMethod.REFERENCE_LEVEL: "a contracted level of the portfolio",
    }[rule.baseline]
    kind = (
        "always deducted"
        if rule.tolerance_kind is ToleranceKind.DEDUCTIBLE
        else "a threshold: beyond it all of the deficiency counts"
    )
    return {
        "Baseline": baseline,
        "Clamp level": f"{rule.clamp_level.name.lower()}: a silent home counts as its worst",
        "Paid": f"per {rule.pay_base.name.lower()} kWh, up to {percent(rule.over_delivery_cap_bps)} of the order",
        "Share of an hour's pay, by ratio": _curve(rule.pay_curve_kind, rule.pay_curve),
        "Share of availability, by ratio": _curve(rule.availability_curve_kind, rule.availability_curve),
        "Tolerance": f"{percent(rule.tolerance_bps)} of the order, {kind}",
        "Penalty at most": f"{percent(rule.stop_loss_bps)} of the call's collateral",
        "Collateral": f"{percent(rule.collateral_bps)} of the window's energy at the shortfall price",
        "Calls": f"from {rule.gate_seconds // 60} minutes before the window, when the gate closes",
        "Records count until": f"{rule.reading_deadline // 3600} hours after the window",
        "Homes proven on chain": f"all (spotChecks {rule.spot_checks})",
    }


def _prices(letter: str, result: DemoResult) -> str:
    """What was agreed for the windows under a rule."""
    event = next(event for event in result.events if event.occasion.rules == letter)
    tariff, show = event.occasion.tariff, result.token.show
    return (
        f"{show(tariff.availability_per_mwhour)} per MW and hour of availability, {show(tariff.utilisation_per_mwh)} per MWh of "
        f"energy, {show(tariff.shortfall_per_mwh)} per MWh of shortfall, and a premium of {show(tariff.premium_per_unit)} per "
        f"{kw(event.product.lot_w)} kW"
    )


def _curve(kind: CurveKind, curve: tuple[CurvePoint, ...]) -> str:
    points = ", ".join(f"{percent(point.pay_bps)} from {percent(point.ratio_bps)}" for point in curve)
    return f"{points}{', linear between' if kind is CurveKind.LINEAR else ''}; nothing below"
