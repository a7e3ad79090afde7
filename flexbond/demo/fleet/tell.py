"""The fleet chapters in plain sentences with their sums, for the terminal and for the report alike."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from flexbond.demo import tell
from flexbond.demo.fleet.homes import LEAST_SIZE_BPS, SIZES
from flexbond.demo.fleet.lines import CHECKING
from flexbond.demo.text import FONTANA, kw, kwh, listed, percent
from flexbond.model.rounding import div_up

if TYPE_CHECKING:
    from flexbond.demo.fleet.result import Costs, FalseLine, FleetResult, HonestLine

TRANSACTION_GAS: Final = 16_700_000
"""Most gas of a transaction."""


def narrate(result: FleetResult) -> list[str]:
    """Both chapters, a line each, an empty one between its parts."""
    honest, false = result.honest, result.false
    return [
        "",
        "A fleet",
        resampled(result),
        "",
        heading(honest),
        *honest_story(result),
        "",
        "A lie",
        heading(false),
        *false_story(result),
        "",
        tell.deposits(result),
        tell.compared(result),
    ]


def heading(line: HonestLine | FalseLine) -> str:
    """Which evening."""
    evening = line.evening
    return f"{evening.title}: {FONTANA.heading(evening.start, evening.end)}. {evening.course}"


def resampled(result: FleetResult) -> str:
    """Where the fleet's homes come from."""
    least, most = percent(LEAST_SIZE_BPS), percent(LEAST_SIZE_BPS + SIZES - 1)
    return (
        f"{result.devices:,} homes, each resampled from one of {result.real_homes} real ones: its evenings are two days in a row of that "
        f"home's {result.real_days}, made {least} to {most} as large; all of it is drawn from a public seed. The batteries are modelled, "
        "dates, keys and people are invented."
    )


def honest_story(result: FleetResult) -> list[str]:
    """How the evening was settled by sampling."""
    line, show = result.honest, result.token.show
    settled = line.settled
    shares = [
        f"{kwh(period.response or 0, 1)} of {kwh(period.ordered, 1)} kWh from {FONTANA.hours(period.start, period.end)}"
        for period in settled.periods
    ]
    pay = sum(one.settled.pay + one.settled.availability for one in settled.dispatches)
    penalty = sum(one.settled.penalty for one in settled.dispatches)
    calls = listed([f"the {one.buyer} {kw(max(one.orders_w))} kW" for one in settled.dispatches])
    owed = f", and a penalty of {show(penalty)} was paid" if penalty else ""
    return [
        f"Called: {calls}. The fleet gave {listed(shares)}.",
        f"{result.devices:,} devices signed their day, one root of all records was anchored, and one root was submitted for all "
        f"homes, with {show(line.bond)} as a bond.",
        f"A later block's hash drew {len(line.drawn)} points; the {line.costs.proven} homes that hold them were proven on chain, the other "
        f"{result.devices - line.costs.proven:,} opened nothing on chain.",
        f"The buyers paid {show(pay)} for energy and availability{owed}; {show(settled.pool.amount)} of it are the homes'.",
        *[
            f"Collected by {one.who}: {show(one.amount)} ({one.homes} {'home' if one.homes == 1 else 'homes'}, "
            f"{div_up(one.gas, one.homes):,} gas each)."
            for one in line.collected
        ],
        costs(line.costs, result.devices),
    ]


def costs(found: Costs, devices: int) -> str:
    """What sampling saved."""
    sampled, every = found.gas_of(*CHECKING), every_leaf(found, devices)
    return (
        f"From the submission to the money it took {sampled:,} gas. To have all {devices:,} homes proven at the same "
        f"{found.gas_per_leaf:,} gas each would take {every:,}, in {div_up(every, TRANSACTION_GAS):,} "
        f"transactions or more: {every // sampled:,} times as much."
    )


def every_leaf(found: Costs, devices: int) -> int:
    """Gas from the submission to the money if every leaf were proven at what a drawn one takes."""
    return found.gas_of("Submit", "Settle both calls") + devices * found.gas_per_leaf


def false_story(result: FleetResult) -> list[str]:
    """How the lie was found, who lost what to whom, and what it would have gained."""
    line, show = result.false, result.token.show
    evening = line.evening
    periods = range(evening.start, evening.end, 3600)
    energies = [
        f"{kwh(claimed, 1)} instead of {kwh(true, 1)} kWh from {FONTANA.hours(start, start + 3600)}"
        for start, true, claimed in zip(periods, line.true, line.claimed, strict=True)
    ]
    buyers = [
        f"The {one.buyer} got {show(one.penalty)} of penalty and {show(one.bond_share)} of the bond, and all of the {show(one.refund)} "
        "that it had locked."
        for one in line.buyers
    ]
    return [
        f"Submitted were {listed(energies)}. In itself the submission is without fault: every entry is possible, every running total "
        "follows.",
        f"The draws alone would have missed it at most {percent(line.escapes_bps)} of the time. The watchtower did not wait for them: "
        f"it made the whole submission again from the published records and found all {line.false_leaves:,} false leaves.",
        f"It showed one, home {line.challenged}, in one transaction of {line.challenge_gas:,} gas, {line.seconds} seconds after the "
        f"submission: by its record {_energies(line.showed)} kWh, as submitted {_energies(line.said)}. The aggregator had anchored that "
        "record itself, so the submission was rejected at once, and the event ended as never measured.",
        f"The aggregator lost its bond of {show(line.bond)}: {show(line.reward)} to the watchtower, {show(line.for_buyers)} to the buyers. "
        f"Its collateral paid {show(line.penalty)} of penalty.",
        *buyers,
        f"Undiscovered, the lie would have brought {show(line.gain)} more than the truth, which was worth {show(line.honest_earned)} "
        f"to the aggregator and its homes. It cost {show(line.cost)}: bond, penalty, and all that honesty would have earned, "
        f"{_times(line)} times the gain.",
    ]


def _energies(values: tuple[int, ...]) -> str:
    return listed([kwh(value) for value in values])


def _times(line: FalseLine) -> str:
    return f"{line.cost // line.gain:,}" if line.gain > 0 else "many"
