"""From two finished evenings to their lines: everything the chain says, compared with the model of every single home."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, TypeVar

from flexbond.demo.checks import DifferenceError
from flexbond.demo.compare import ids_of
from flexbond.demo.fleet.evidence import head_of
from flexbond.demo.fleet.homes import day_start
from flexbond.demo.fleet.lines import claimed_line, drawn_lines, honest_line
from flexbond.demo.outcome import Call, Sold, settle
from flexbond.demo.terms import CUSTOMER_SHARE_BPS
from flexbond.model.delivery import measure_event
from flexbond.model.sampling import bond_of, bond_parts, bond_share, draw, holds, points_of, seed_of, weight_scale
from flexbond.model.settlement import settle_dispatch, utilisation_lock
from flexbond.model.shown import ShownRecord
from flexbond.model.types import EventStatus, Fault
from flexbond.operations.evidence import question_of
from flexbond.operations.history import load_event

if TYPE_CHECKING:
    from collections.abc import Sequence

    from flexbond.demo.compare import Comparison
    from flexbond.demo.fleet.plan import Evening
    from flexbond.demo.fleet.play import Play
    from flexbond.demo.fleet.result import FalseLine, HonestLine
    from flexbond.demo.outcome import Expected
    from flexbond.model.delivery import MeasuredEvent
    from flexbond.model.settlement import DispatchOutcome
    from flexbond.operations.checks import Checks
    from flexbond.operations.history import EventHistory

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Told:
    """An evening as the log tells it, and as the model has it of its records."""

    evening: Evening
    history: EventHistory
    sold: Sold
    checks: Checks
    """Of its submission."""
    measured: MeasuredEvent
    """By its records, home by home."""
    expected: Expected
    """How it ends if it is measured so."""

    def settled(self, responses: Sequence[int] | None) -> tuple[DispatchOutcome, ...]:
        """How its calls end with these responses, mWh; None: never measured."""
        sold = self.sold
        return tuple(
            settle_dispatch(
                product=sold.product,
                rule=sold.rule,
                dispatch=call.last,
                responses_milli_wh=responses,
                event_orders_w=sold.orders_w,
                customer_share_bps=CUSTOMER_SHARE_BPS,
                utilisation_locked=utilisation_lock(sold.product, sold.rule, call.first.orders_w),
            )
            for call in sold.calls
        )


@dataclass(frozen=True)
class Verifier:
    """Compares a finished play. Every method raises DifferenceError."""

    play: Play
    comparison: Comparison

    @cached_property
    def buyers(self) -> dict[str, str]:
        """Names by address."""
        return {signer.address: buyer.value for buyer, signer in self.play.stage.cast.buyers.items()}

    def told(self, evening: Evening) -> Told:
        """What the log and the model say of an evening."""
        play, stage = self.play, self.play.stage
        history = load_event(stage.suite, play.event_id(evening))
        sold = Sold(
            product=play.products[evening.slug],
            rule=stage.rule,
            units=evening.units,
            places=stage.places,
            calls=tuple(Call(first=one.noticed, last=one.dispatch) for one in history.dispatches),
        )
        measured = measure_event(
            rule=stage.rule,
            question=question_of(history),
            entries=[place.entry for place in stage.places],
            points={place.entry.metering_point: place.point for place in stage.places},
            shown=self._shown(evening),
        )
        expected = settle(sold, measured, customer_share_bps=CUSTOMER_SHARE_BPS)
        checks = _present(history.checks, f"the checks of {evening.slug}")
        return Told(evening=evening, history=history, sold=sold, checks=checks, measured=measured, expected=expected)

    def _shown(self, evening: Evening) -> list[tuple[ShownRecord, ...]]:
        """Every home's record of the day, opened whole."""
        play = self.play
        readings = play.readings[:, evening.number].tolist()
        kept_at = play.stage.suite.oracle.read("standing", play.days[evening.slug].root).at
        start = day_start(evening.number)
        return [
            (
                ShownRecord(
                    head=head_of(home.metering_point, start),
                    kept_at=kept_at,
                    opened={hour: (value, False) for hour, value in enumerate(day)},
                ),
            )
            for home, day in zip(play.stage.cast.homes, readings, strict=True)
        ]

    # ------------------------------------------------------------------ the honest evening

    def honest(self, told: Told) -> HonestLine:
        """Measured, paid and collected as the model says, draws and bond included."""
        checks, history, measured = self.comparison.checks, told.history, told.measured
        name = told.evening.slug
        checks.equal("Events measured", history.status, EventStatus.MEASURED, of=name)
        submission = history.submission
        checks.equal("Submitted roots", submission and submission.root, measured.tree.root, of=name)
        checks.equal("Submitted totals", submission and submission.totals, measured.totals, of=name)
        checks.equal("Responses of portfolios", history.responses_milli_wh, measured.responses_milli_wh, of=name)
        for dispatch, outcome in zip(history.dispatches, told.expected.outcomes, strict=True):
            checks.equal("Settlements of calls", dispatch.settled, outcome.settled, of=name)
        self._bond(told)
        points = self._draws(told)
        self._leaves(told)
        self._collected(told)
        ids, dispatch_ids = ids_of(told.sold, history), [f"0x{one.id.hex()}" for one in history.dispatches]
        drawn = drawn_lines(self.play, told, points)
        return honest_line(
            self.play, told, self.comparison.log, ids=ids, buyers=self.buyers, dispatch_ids=dispatch_ids, drawn=drawn
        )

    def _bond(self, told: Told) -> None:
        sold = told.sold
        wanted = bond_of(sum(sold.capacities_w(sold.first_notice)), sold.rule.bond_per_mw)
        self.comparison.checks.equal("Bonds", told.checks.bond, wanted, of=told.evening.slug)

    def _draws(self, told: Told) -> list[tuple[int, int]]:
        """The points, drawn again from the block's hash; each is held by the leaf that was proven for it."""
        checks, found, claim = self.comparison.checks, told.checks, told.measured.claim
        scale = weight_scale(told.sold.rule, len(claim.columns))
        count = points_of(claim, told.sold.rule.spot_checks, scale)
        block = self.play.stage.suite.rpc.request("eth_getBlockByNumber", hex(found.draw_block), False)["hash"]
        seed = seed_of(bytes.fromhex(block[2:]), told.history.id)
        checks.equal("Seeds of draws", found.seed, seed)
        checks.equal("Points drawn and proven", (found.points, found.proven), (count, count))
        points = draw(claim, seed, count, scale)
        leaves = [told.measured.leaf(place) for place in dict.fromkeys(found.proven_places)]
        for column, at in points:
            held = sum(holds(leaf, column, at) for leaf in leaves)
            checks.equal("Drawn points, each held by one proven leaf", held, 1)
        return points

    def _leaves(self, told: Told) -> None:
        """Every home as the fleet's engine built it, against the one-device reference."""
        built = self.play.submissions[told.evening.slug]
        for place, answer in enumerate(told.measured.answers):
            found = bytes(built.weight_words[place]), bytes(built.columns_hashes[place])
            word = told.measured.weight_words[place].to_bytes(32, "big")
            wanted = word, told.measured.columns_hashes[place]
            self.comparison.checks.equal(
                "Homes built in bulk, as the model has each", found, wanted, of=f"0x{answer.metering_point.hex()}"
            )

    def _collected(self, told: Told) -> None:
        """Who was credited what, by relay and by itself."""
        credited: dict[int, int] = {}
        for record in self.comparison.log:
            if record.name == "CollectedMany":
                amounts = enumerate(record.amounts, start=record.first)
                credited |= {place: amount for place, amount in amounts if amount}
            elif record.name == "Collected":
                credited[record.index] = record.amount
        wanted = told.expected.credited
        for place, amount in credited.items():
            self.comparison.checks.equal("Homes' shares", amount, wanted[place], of=f"home {place}")

    # ------------------------------------------------------------------ the false one

    def false(self, told: Told) -> FalseLine:
        """Rejected, and everybody's part of it as the model says."""
        checks, history, play = self.comparison.checks, told.history, self.play
        name, submission = told.evening.slug, told.history.submission
        rejection = _present(told.checks.rejection, f"the rejection of {name}")
        report = _present(play.report, "the watchtower's report")
        checks.equal("False submissions, of which none was measured", history.status, EventStatus.UNMEASURED, of=name)
        true = play.submissions[name]
        checks.equal("Roots of the truth", true.tree.root, told.measured.tree.root, of=name)
        checks.equal("False roots, which are others", submission and submission.root == true.tree.root, False, of=name)
        self._leaves(told)
        self._bond(told)
        tower = play.stage.watchtower.address
        checks.equal("Upheld challenges", (rejection.challenger, rejection.fault), (tower, Fault.OTHER_RESPONSE))
        parts = bond_parts(told.checks.bond, told.sold.rule.challenger_share_bps)
        checks.equal("Parts of lost bonds", (rejection.reward, rejection.for_buyers), parts)
        attended = {one.seen.event_id: one.judgement for one in report.attended}
        found = {identity: judgement.false_leaves for identity, judgement in attended.items()}
        wanted = {play.event_id(evening): len(evening.resting) if evening.is_false else 0 for evening in play.plan}
        checks.equal("False leaves that the watchtower found", found, wanted)
        self._shares(told, parts[1])
        return claimed_line(play, told, rejection, self.buyers)

    def _shares(self, told: Told, for_buyers: int) -> None:
        """Penalties, refunds, and the buyers' parts of the bond; the last one settled gets what is left."""
        checks, left = self.comparison.checks, for_buyers
        orders = [sum(call.last.orders_w) for call in told.sold.calls]
        for number, (dispatch, outcome) in enumerate(zip(told.history.dispatches, told.settled(None), strict=True)):
            checks.equal("Settlements of calls", dispatch.settled, outcome.settled, of=told.evening.slug)
            is_last = number == len(orders) - 1
            share = left if is_last else bond_share(for_buyers, orders[number], sum(orders))
            checks.equal("Buyers' parts of lost bonds", dispatch.bond_share, share)
            left -= share


def _present(value: T | None, what: str) -> T:
    """What must be there. Raises DifferenceError."""
    if value is None:
        raise DifferenceError(f"The log lacks {what}.", "This is a defect: please report it with the event log.")
    return value
