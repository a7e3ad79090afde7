"""From what the model expects of both evenings, and the chain confirmed, to their lines of the report."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING, Final

from flexbond.demo.fleet.result import CollectedLine, Costs, DrawnLine, FalseLine, HonestLine, LostLine, StepLine
from flexbond.demo.gas import actions
from flexbond.demo.lines import settled_line
from flexbond.demo.result import DayCurve
from flexbond.demo.terms import CAPACITY_W
from flexbond.fleet.built import Built
from flexbond.model.rounding import div_up
from flexbond.model.sampling import line_length, weight_scale
from flexbond.model.settlement import energy_milli_wh
from flexbond.model.types import BPS
from flexbond.rules.sampling import escape

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from flexbond.chain.events import EventRecord
    from flexbond.demo.fleet.play import Play
    from flexbond.demo.fleet.verify import Told
    from flexbond.demo.gas import Action
    from flexbond.model.settlement import DispatchOutcome
    from flexbond.model.types import Rule
    from flexbond.operations.checks import Rejection

STEPS: Final = (
    ("Call, by two buyers", "buyers", "Settlement", "dispatch"),
    ("Anchor all records of the day", "aggregator", "MeterOracle", "anchor"),
    ("Submit", "aggregator", "SpotChecks", "submit"),
    ("Draw", "anyone", "SpotChecks", "draw"),
    ("Prove what was drawn", "aggregator", "SpotChecks", "prove"),
    ("Finalise", "anyone", "SpotChecks", "finalise"),
    ("Settle both calls", "anyone", "Settlement", "settle"),
    ("Collect for neighbours", "a relay", "Payouts", "collectMany"),
    ("Collect for oneself", "one home", "Payouts", "collect"),
)
"""Title, who, contract and function of the honest evening's steps."""
PROVE: Final = "Prove what was drawn"
CHECKING: Final = ("Submit", "Draw", PROVE, "Finalise", "Settle both calls")
"""What it takes from the submission to the money."""


def drawn_lines(play: Play, told: Told, points: Sequence[tuple[int, int]]) -> tuple[DrawnLine, ...]:
    """The points in order, each with the home that holds it."""
    built = Built.load(play.folder_of(told.evening))
    homes, fleet, rule = play.homes, play.fleet, told.sold.rule
    lines = []
    for number, (column, at) in enumerate(points, start=1):
        place = built.holder(column, at)
        answer = told.measured.answers[place]
        lines.append(
            DrawnLine(
                number=number,
                column=column,
                at=at,
                place=place,
                taken_after=homes.names[int(fleet.home[place])],
                day=homes.days[int(fleet.day[place]) + told.evening.number],
                size_bps=int(fleet.size_bps[place]),
                baseline=answer.baseline_milli_wh,
                metered=answer.metered_milli_wh,
                response=_responses(rule, answer.columns),
            )
        )
    return tuple(lines)


def honest_line(
    play: Play,
    told: Told,
    log: Sequence[EventRecord],
    *,
    ids: Mapping[str, str],
    buyers: Mapping[str, str],
    dispatch_ids: Sequence[str],
    drawn: tuple[DrawnLine, ...],
) -> HonestLine:
    """The evening that was settled by sampling."""
    evening = told.evening
    settled = settled_line(
        told.sold,
        told.expected,
        names=[home.name for home in play.stage.cast.homes],
        premium_per_unit=evening.tariff.premium_per_unit,
        ids=ids,
        buyers=buyers,
        dispatch_ids=dispatch_ids,
    )
    found = actions(play.stage.suite, play.blocks[evening.slug])
    steps = tuple(_step(found, *step) for step in STEPS)
    shown = told.checks.proven_places
    proofs = next(step.gas for step in steps if step.title == PROVE)
    return HonestLine(
        evening=evening,
        settled=replace(settled, homes=()),
        curve=DayCurve(
            real=tuple(play.fleet.readings[:, evening.number].sum(axis=0).tolist()),
            metered=tuple(play.readings[:, evening.number].sum(axis=0).tolist()),
        ),
        bond=told.checks.bond,
        drawn=drawn,
        collected=_collected(log, steps),
        costs=Costs(
            steps=steps, proven=len(set(shown)), gas_per_leaf=div_up(proofs, len(shown)), enrolment=play.stage.enrolment
        ),
    )


def _step(found: Sequence[Action], title: str, who: str, contract: str, name: str) -> StepLine:
    gas = [one.gas for one in found if (one.contract, one.name) == (contract, name)]
    return StepLine(title=title, who=who, transactions=len(gas), gas=sum(gas))


def _collected(log: Sequence[EventRecord], steps: Sequence[StepLine]) -> tuple[CollectedLine, ...]:
    gas = {step.title: step.gas for step in steps}
    lines = []
    many = [amount for record in log if record.name == "CollectedMany" for amount in record.amounts if amount]
    lines.append(
        CollectedLine(
            who="a relay, for neighbours", homes=len(many), amount=sum(many), gas=gas["Collect for neighbours"]
        )
    )
    own = [record.amount for record in log if record.name == "Collected"]
    lines.append(
        CollectedLine(who="one home, for itself", homes=len(own), amount=sum(own), gas=gas["Collect for oneself"])
    )
    return tuple(lines)


# ------------------------------------------------------------------ the lie


def claimed_line(play: Play, told: Told, rejection: Rejection, buyers: Mapping[str, str]) -> FalseLine:
    """The evening about which the aggregator lied."""
    evening, rule = told.evening, told.sold.rule
    said = Built.load(play.folder_of(evening))
    unmeasured = told.settled(None)
    honest, false = (
        told.settled(responses) for responses in (told.measured.responses_milli_wh, said.responses_milli_wh)
    )
    found = actions(play.stage.suite, play.blocks[evening.slug])
    return FalseLine(
        evening=evening,
        ordered=tuple(energy_milli_wh(power, rule.period_seconds) for power in told.sold.orders_w),
        true=told.measured.responses_milli_wh,
        claimed=said.responses_milli_wh,
        false_leaves=len(evening.resting),
        escapes_bps=_escapes_bps(said, sorted(evening.resting), rule),
        root=f"0x{said.claim.root.hex()}",
        true_root=f"0x{told.measured.tree.root.hex()}",
        challenged=rejection.place,
        said=_responses(rule, said.rows([rejection.place])[0].entries[0]),
        showed=_responses(rule, told.measured.answers[rejection.place].columns),
        fault=rejection.fault,
        bond=told.checks.bond,
        reward=rejection.reward,
        for_buyers=rejection.for_buyers,
        buyers=tuple(
            LostLine(
                buyer=buyers[dispatch.noticed.holder],
                ordered_w=max(dispatch.dispatch.orders_w),
                refund=outcome.settled.utilisation_refund + outcome.settled.availability_refund,
                penalty=outcome.settled.penalty,
                bond_share=dispatch.bond_share,
            )
            for dispatch, outcome in zip(told.history.dispatches, unmeasured, strict=True)
        ),
        penalty=sum(outcome.settled.penalty for outcome in unmeasured),
        honest_earned=_earned(honest),
        false_earned=_earned(false),
        challenge_gas=sum(one.gas for one in found if one.name == "challengeRecords"),
        seconds=rejection.at - told.checks.submitted_at,
    )


def _earned(outcomes: Sequence[DispatchOutcome]) -> int:
    settled = [outcome.settled for outcome in outcomes]
    return sum(one.pay + one.availability - one.penalty for one in settled)


def _escapes_bps(said: Built, places: Sequence[int], rule: Rule) -> int:
    """How likely no point is drawn from the false leaves, which have no support at all, at most; rounded up."""
    scale = weight_scale(rule, len(said.claim.columns))
    bare = sum(sum(columns) + weight * scale for columns, weight in (row.entries for row in said.rows(places)))
    chance = escape(rule.spot_checks, Fraction(bare, line_length(said.claim, scale)))
    return div_up(chance.numerator * BPS, chance.denominator)


def _responses(rule: Rule, columns: Sequence[int]) -> tuple[int, ...]:
    """Responses of a home from its entries, mWh: they are shifted by its capacity, and 3 600 to the mWh."""
    shift = 1000 * CAPACITY_W * rule.period_seconds
    return tuple((column - shift) // 3600 for column in columns)
