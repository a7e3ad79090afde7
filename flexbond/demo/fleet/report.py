"""The fleet chapters of the report."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from markupsafe import Markup

from flexbond.demo import tell as common
from flexbond.demo.charts import Mark, Part, bar_rows, day_chart
from flexbond.demo.days import BASELINE_HOUR
from flexbond.demo.fleet import tell
from flexbond.demo.fleet.homes import EVENING
from flexbond.demo.fleet.lines import CHECKING
from flexbond.demo.fleet.plan import TIMES_LEAST_BOND
from flexbond.demo.homes import SOURCE, SOURCE_AUTHORS, SOURCE_LICENCE
from flexbond.demo.text import FONTANA, decimal, long_day, percent, short_day, short_money
from flexbond.demo.views import drawn, environment, money_table, settled_view
from flexbond.model.rounding import div_up

if TYPE_CHECKING:
    from flexbond.demo.fleet.result import FleetResult, HonestLine
    from flexbond.demo.result import PartyLine


def render_fleet(result: FleetResult) -> Markup:
    """The honest evening's part of the page."""
    return _rendered(result, "fleet.html.jinja")


def render_lie(result: FleetResult) -> Markup:
    """The part of the evening with the lie, and the end of both."""
    return _rendered(result, "lie.html.jinja")


def _rendered(result: FleetResult, template: str) -> Markup:
    made = environment(result, FONTANA)
    made.filters.update(
        date=short_day,
        short=lambda amount: decimal(amount, exponent=result.token.decimals, places=2),
        millions=lambda gas: decimal(gas, exponent=6, places=1),
        booked=lambda seconds: f"{FONTANA.local(seconds):%d %b %H:%M}",
    )
    return Markup(made.get_template(template).render(**_context(result)))  # noqa: S704  escaped by the template


def _context(result: FleetResult) -> dict[str, object]:
    honest = result.honest
    settled = [line.settled for line in honest.settled.dispatches]
    return {
        "result": result,
        "honest": honest,
        "event": honest.settled,
        "occasion": honest.evening,
        "view": settled_view(honest.evening, honest.settled, result, FONTANA, _day(honest)),
        "lie": result.false,
        "resampled": tell.resampled(result),
        "honest_story": tell.honest_story(result),
        "false_story": tell.false_story(result),
        "columns": _columns(honest),
        "every_leaf": tell.every_leaf(honest.costs, result.devices),
        "sampled": honest.costs.gas_of(*CHECKING),
        "each_collected": [div_up(one.gas, one.homes) for one in honest.collected],
        "paid": sum(one.pay + one.availability for one in settled),
        "rule": _rule(result),
        "scales": _scales(result),
        "spans": _columns(honest)[:-1],
        "titles": {line.evening.slug: line.evening.title for line in (honest, result.false)},
        "deposits": common.deposits(result),
        "money": money_table(_together(result)),
        "source": SOURCE,
        "authors": SOURCE_AUTHORS,
        "licence": SOURCE_LICENCE,
    }


def _columns(honest: HonestLine) -> list[str]:
    """Names of the line's columns."""
    ordered = [FONTANA.hours(line.start, line.end) for line in honest.settled.periods if line.response is not None]
    return [*ordered, "weight"]


def _rule(result: FleetResult) -> dict[str, str]:
    """What is particular to the rule, in words."""
    rule, show = result.rule, result.token.show
    return {
        "Baseline": "each home’s own: the last whole hour before the first notice",
        "Spot checks": f"{rule.spot_checks} points of value, drawn from the hash of the block {rule.draw_delay} after the submission",
        "Time to prove": f"{rule.proof_window // 3600} hours after the draw",
        "Time to challenge": f"{rule.challenge_window // 3600} hours after the submission",
        "Bond": f"{show(rule.bond_per_mw)} per MW of the fleet’s capacity: {TIMES_LEAST_BOND} times the least with which no lie pays on "
        "average, by the draws alone",
        "Who proves a lie": f"gets {percent(rule.challenger_share_bps)} of the bond, the buyers the rest",
        "Paid": "per delivered kWh; availability in proportion to what was delivered, without steps",
        "Tolerance": f"{percent(rule.tolerance_bps)} of the order, always deducted",
    }


def _day(honest: HonestLine) -> Markup:
    marks: list[Mark] = []
    for hour, line in zip(EVENING, honest.settled.periods, strict=True):
        if line.baseline is not None:
            marks.append(Mark(first=hour, last=hour + 1, level=line.baseline, css="baseline"))
            marks.append(Mark(first=hour, last=hour + 1, level=line.baseline - line.ordered, css="target"))
    day = FONTANA.local(honest.evening.start).date()
    return drawn(
        day_chart(
            real=honest.curve.real,
            metered=honest.curve.metered,
            marks=marks,
            window=(EVENING[0], EVENING[-1] + 1),
            before=(BASELINE_HOUR, BASELINE_HOUR + 1),
            title=f"Net load of the fleet on {long_day(day)}, with and without the modelled batteries",
        )
    )


def _scales(result: FleetResult) -> Markup:
    """What the lie would have gained, beside what it cost."""
    line = result.false
    rows = [
        ("Would have gained", (Part(value=max(0, line.gain), label="", css="paid"),)),
        (
            "Cost",
            (
                Part(value=line.reward, label="bond: watchtower", css="lost"),
                Part(value=line.for_buyers, label="bond: buyers", css="lost"),
                Part(value=line.penalty, label="penalty", css="firm"),
                Part(value=max(0, line.honest_earned), label="the truth’s pay", css="back"),
            ),
        ),
    ]
    return drawn(
        bar_rows(
            rows,
            show=lambda amount: short_money(amount, decimals=result.token.decimals, symbol=""),
            title="What the lie would have gained, and what it cost",
        )
    )


def _together(result: FleetResult) -> list[PartyLine]:
    """The parties, the relay's neighbours in one row."""
    own = result.honest.collected[-1].amount
    homes = [party for party in result.parties if party.role == "home"]
    alone = next(party for party in homes if party.withdrawn == own)
    others = [party for party in homes if party is not alone]
    rows = [party for party in result.parties if party.role != "home"]
    names = (
        "deposited",
        "premiums",
        "utilisation",
        "availability",
        "penalties",
        "pool",
        "bonds",
        "withdrawn",
        "free",
        "locked",
    )
    sums = {name: sum(getattr(party, name) for party in others) for name in names}
    place = next(at for at, party in enumerate(rows) if party.role == "watchtower")
    together = replace(alone, name=f"{len(others)} homes, by relay", address="", **sums)
    return [*rows[:place], alone, together, *rows[place:]]
