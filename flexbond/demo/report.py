"""The Fontana chapter of the report."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from markupsafe import Markup

from flexbond.demo import tell
from flexbond.demo.charts import Mark, day_chart, drift_chart
from flexbond.demo.days import BASELINE_HOUR
from flexbond.demo.homes import SOURCE, SOURCE_AUTHORS, SOURCE_LICENCE
from flexbond.demo.text import FONTANA, kw, long_day, percent, short_day
from flexbond.demo.views import drawn, earned, environment, money_table, settled_view
from flexbond.model.types import BaselineMethod, CurveKind, Direction, ToleranceKind

if TYPE_CHECKING:
    from flexbond.demo.result import EventLine, FontanaResult
    from flexbond.model.types import CurvePoint, Rule


@dataclass(frozen=True, kw_only=True)
class RuleView:
    """A rule in words."""

    letter: str
    lines: dict[str, str]


def render_fontana(result: FontanaResult) -> Markup:
    """The chapter as a part of the page."""
    template = environment(result, FONTANA).get_template("fontana.html.jinja")
    return Markup(template.render(**_context(result)))  # noqa: S704  escaped by the template


def _context(result: FontanaResult) -> dict[str, object]:
    settled = [line.settled for event in result.events for line in event.dispatches]
    homes = [party for party in result.parties if party.role == "home"]
    uncalled = sum(event.uncalled_availability for event in result.events)
    chosen = {event.occasion.day for event in result.events if event.first_notice and not event.schedule}
    return {
        "result": result,
        "modelled": tell.MODELLED,
        "k1_homes": len(homes) - len(result.p256_homes),
        "paid": sum(one.pay + one.availability for one in settled) + uncalled,
        "penalties": sum(one.penalty for one in settled),
        "homes_earned": sum(party.earned for party in homes),
        "checks": f"{result.comparisons:,}",
        "rules": [
            RuleView(letter=letter, lines={**_rule_lines(rule), "Prices": _prices(letter, result)})
            for letter, _, rule in result.rules
        ],
        "worst_drift": max(abs(value) for _, values in result.drift for value in values),
        "drift": drawn(
            drift_chart(
                [(short_day(day), values, day in chosen) for day, values in result.drift],
                title="Change of the homes' own load on every evening",
            )
        ),
        "views": [settled_view(event.occasion, event, result, FONTANA, _day_chart(event)) for event in result.events],
        "balance": tell.balance(result),
        "money": money_table(result.parties),
        "earned": earned(result),
        "source": SOURCE,
        "authors": SOURCE_AUTHORS,
        "licence": SOURCE_LICENCE,
    }


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
    return drawn(
        day_chart(
            real=event.curve.real,
            metered=event.curve.metered,
            marks=marks,
            window=window,
            before=before,
            title=f"Net load on {long_day(occasion.day)}, with and without the modelled batteries",
        )
    )


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
        BaselineMethod.X_OF_Y: "each home's own past days",
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


def _prices(letter: str, result: FontanaResult) -> str:
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
