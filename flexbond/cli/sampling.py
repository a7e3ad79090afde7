"""`flexbond rules sampling`: what the draws of a rule find, and the bond under which no lie pays."""

from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING, Annotated

import typer

from flexbond.cli.command import Answer
from flexbond.cli.quantities import OptionError, seconds, share_bps
from flexbond.cli.shown import table
from flexbond.model.types import BaselineMethod
from flexbond.rules import find
from flexbond.rules.sampling import (
    Stakes,
    blind_share,
    escape,
    gain_per_mwh,
    least_bond,
    least_bond_per_mw,
    line_milli_wh,
    percent,
    step_gain,
)
from flexbond.units import format_energy, format_money, price_per_mw_hour, price_per_mwh, watts

if TYPE_CHECKING:
    from rich.table import Table

    from flexbond.cli.desk import Desk
    from flexbond.model.types import Rule

_SHARES = (1, 2, 5, 10, 20)
"""of the line, %"""


def sampling(
    desk: "Desk",  # noqa: ARG001  every command has one
    what: Annotated[str, typer.Argument(help="Name of a preset, or path of a rule file.")],
    capacity: Annotated[str, typer.Option(help='Flexible capacity of the portfolio, such as "5 MW".')],
    window: Annotated[str, typer.Option(help='Length of the service window, such as "2 h".')],
    utilisation: Annotated[str, typer.Option(help='Dearest price of energy, such as "200/MWh".')],
    shortfall: Annotated[str, typer.Option(help='Dearest price of shortfall, such as "300/MWh".')],
    availability: Annotated[str, typer.Option(help='Dearest price of availability, such as "8/MW/h".')] = "0/MW/h",
    connection: Annotated[
        str | None, typer.Option(help="Capacity of the connections; where the baseline is the portfolio's.")
    ] = None,
    ordered: Annotated[str, typer.Option(help="Least energy that is called, of capacity over the window.")] = "100 %",
    producer: Annotated[str, typer.Option(help="How likely the liar makes the block that draws.")] = "0 %",
    points: Annotated[int | None, typer.Option(help="Points to draw, instead of the rule's spot_checks.")] = None,
    decimals: Annotated[int, typer.Option(help="Decimals of the currency.")] = 6,
) -> Answer:
    """Show how often a rule's draws find a lie, and the least bond under which none pays. See docs/sampling.md."""
    rule = find(what).rule
    rule = rule if points is None else replace(rule, spot_checks=points)
    own = rule.baseline in (BaselineMethod.NOMINATED, BaselineMethod.REFERENCE_LEVEL)
    if own and connection is None:
        raise OptionError("The baseline is the portfolio's, and so are its connections.", "Give --connection.")
    stakes = Stakes(
        capacity_w=watts(capacity),
        connection_w=0 if connection is None else watts(connection),
        window_seconds=seconds(window),
        utilisation_per_mwh=price_per_mwh(utilisation, decimals=decimals),
        shortfall_per_mwh=price_per_mwh(shortfall, decimals=decimals),
        availability_per_mwhour=price_per_mw_hour(availability, decimals=decimals),
        ordered_bps=share_bps(ordered),
        producer_bps=share_bps(producer),
    )
    return _answer(rule, stakes, decimals)


def _answer(rule: "Rule", stakes: Stakes, decimals: int) -> Answer:
    least, per_mw, step = least_bond(rule, stakes), least_bond_per_mw(rule, stakes), step_gain(rule, stakes)
    line, gain = line_milli_wh(rule, stakes), gain_per_mwh(rule, stakes)
    blind = percent(blind_share(rule, stakes, 2 * least))
    escapes = {str(share): percent(escape(rule.spot_checks, Fraction(share, 100))) for share in _SHARES}

    def show(amount: int) -> str:
        return format_money(amount, decimals=decimals)

    lines: list[str | Table] = [
        f"{rule.spot_checks} points on a line of at most {format_energy(line, places=6)}. "
        f"A MWh of it that is made up brings at most {show(gain)}.",
        f"No lie pays from a bond of {show(least)} on, {show(per_mw)} per MW. Ask for twice that.",
    ]
    if step:
        lines.append(
            f"A step of this rule is worth {show(step)} at once: with a bond of {show(2 * least)} a lie over one "
            f"may pay below {blind} % of the line."
        )
    lines.append(_own_bond(rule, per_mw, show(rule.bond_per_mw)))
    chances = table("Lies", "of the line, %", "escape, at most %")
    for share, chance in escapes.items():
        chances.add_row(share, chance)
    value = {
        "spotChecks": rule.spot_checks,
        "lineMilliWh": line,
        "gainPerMWh": gain,
        "stepGain": step,
        "leastBond": least,
        "leastBondPerMW": per_mw,
        "blindPercent": blind,
        "escapePercent": escapes,
    }
    return Answer(value=value, lines=[*lines, chances])


def _own_bond(rule: "Rule", per_mw: int, asked: str) -> str:
    if not rule.challenge_window:
        return "As it is, the rule has every leaf proven: nothing is drawn, and no bond is needed."
    return f"The rule asks for {asked} per MW: {'enough' if rule.bond_per_mw >= per_mw else 'too little'}."
