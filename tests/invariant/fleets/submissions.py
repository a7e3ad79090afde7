"""Events of a fleet: sold, called, measured, submitted; what the provider then has to do, and what it does wrongly."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from flexbond import ids
from flexbond.hashing import ZERO_ADDRESS, keccak
from flexbond.model.delivery import assemble
from flexbond.model.sampling import draw, holds, points_of, seed_of, weight_scale
from flexbond.model.suite.measurement import count_of
from flexbond.model.types import BaselineMethod, DeviceProof, DispatchKind, EventStatus, LockReason, Offer
from tests.invariant.fleets.case import Case
from tests.invariant.fleets.lies import LIES, Claimed, entries_at, is_broken, told, with_measured
from tests.invariant.fleets.records import HABITS, FleetRecords
from tests.invariant.ghost import Submitted
from tests.invariant.moves import Draws
from tests.invariant.moves_calls import CallMoves
from tests.invariant.moves_market import MarketMoves
from tests.invariant.pastdays import lookback_of
from tests.support.sampled import Sampled
from tests.support.world import Submission

if TYPE_CHECKING:
    from flexbond.model.types import Leaf, Product


class FleetSubmissions(FleetRecords, MarketMoves, CallMoves):
    """An aggregator, honest or lying."""

    def __init__(self) -> None:
        super().__init__()
        self.cases: dict[bytes, Case] = {}

    # ---------------------------------------------------------------- until the event is over

    def sell(self, product: Product) -> None:
        """Some units to each buyer."""
        provider = self.people.provider
        for buyer, units in zip(self.cast.buyers, (6, 4), strict=True):
            offer = Offer(
                product=product,
                units=10,
                premium_per_unit=1,
                buyer=ZERO_ADDRESS,
                expiry=product.window_start,
                nonce=2**43 + product.window_start,
            )
            previous = self.suite.rights.previous_window(product.portfolio_id, product.window_start)
            self.send_take(offer, provider, provider, buyer, units, previous, buyer)

    def call_units(self, product: Product, habits: tuple[str, ...], number: int) -> None:
        """Both buyers, or one of them, call what they hold."""
        draws, terms = Draws(number), self.cast.rule_by_id[product.rule_id]
        right_id = ids.right_id(product)
        periods = count_of(product.event_key, terms)
        for buyer in draws.of((self.cast.buyers, self.cast.buyers, self.cast.buyers[:1], self.cast.buyers[1:])):
            units = self.suite.rights.balance_of(buyer, right_id)
            first = draws.of((0, 0, 1))
            orders = [units * product.lot_w if period >= first else 0 for period in range(periods)]
            args = (product, terms, buyer, units, orders, DispatchKind.LIVE)
            names = ("product", "rule", "holder", "units", "orders_w", "kind")
            given = dict(zip(names, args, strict=True))
            model, method = self.suite.settlement.dispatch, self.world.settlement.dispatch
            result = self.act("dispatch", method, args, buyer, model, sender=buyer, now=self.now, **given)
            assert result.ok, result.error
            self.called(result.value, right_id)
        event = ids.event_id(product.event_key)
        self.cases[event] = Case(self.ghost.events[event], habits)

    def habits(self, draws: Draws) -> tuple[str, ...]:
        """How each home's records will come."""
        return tuple(draws.of(HABITS) for _ in self.cast.homes)

    def some_case(self, draws: Draws, one_in: int = 16) -> Case | None:
        """A submission, mostly one under way."""
        made = [case for case in self.cases.values() if case.claimed]
        under_way = [case for case in made if case.is_open]
        if under_way and not draws.rarely(one_in):
            return draws.of(under_way)
        return draws.of(made) if made and draws.rarely(4) else None

    # ---------------------------------------------------------------- submitting

    def measure(self, case: Case) -> Sampled:
        """What the records that the provider holds give."""
        known_until = case.key.window_end + case.rule.reading_deadline
        if case.honest is None or case.measured_at < known_until:
            case.measured_at = self.now
            leaves = self.suite.devices.sums_before(case.key.portfolio_id, case.event.first_notice)
            found = [self.best(case, place, self.held_by_provider) for place in range(leaves.entries)]
            measured = assemble(
                rule=case.rule,
                question=self.suite.verifier.question(case.key, lookback_of(case.rule)),
                answers=[answer for _, answer in found],
                sums=leaves,
            )
            submission = Submission(
                key=case.key,
                rule=case.rule,
                schedule=(),
                lookback=lookback_of(case.rule),
                proofs=tuple(proof for proof, _ in found),
                measured=measured,
            )
            case.honest = Sampled.of(self.world, submission)
        return case.honest

    def submit_some(self, number: int) -> None:
        """The truth, or a lie; seldom by who may not, or too early, or to the wrong contract."""
        draws = Draws(number)
        waiting = [case for case in self.cases.values() if case.event.status is EventStatus.CALLED]
        if waiting:
            self.submit_case(draws.of(waiting), number, draws.rarely(4))

    def submit_case(self, case: Case, number: int, odd: bool = False) -> None:
        """Submits what is true, or what is not."""
        draws = Draws(number)
        if not self._may_submit(case.event) and not odd:
            return
        honest = self.measure(case)
        claimed = Claimed(honest)
        entries = list(self.suite.devices.entries(case.key.portfolio_id))
        if draws.below(9) < 5:
            claimed = told(draws.of(LIES)(draws, honest, entries), honest)
        totals = claimed.sampled.totals
        if odd and draws.below(3) == 0:
            totals = replace(totals, weight=2**127)
        sender = self.someone(draws, self._provider(case.event), 3 if odd else 10**9)
        args = (case.key, claimed.sampled.tree.root, totals)
        given = dict(zip(("key", "root", "totals"), args, strict=True), sender=sender, now=self.now)
        if case.rule.spot_checks >= len(honest.words) or (odd and draws.below(3) == 0):
            self.act("submit", self.world.measurement.submit, args, sender, self.suite.measurement.submit, **given)
            self.checks.of_event(case.id)
            return
        method, model = self.world.spot_checks.submit, self.suite.spot_checks.submit
        result = self.act("submit, checked", method, args, sender, model, number=self.evm.number, **given)
        if result.ok:
            self._submitted(case, claimed, result.value)
            case.lazy = draws.rarely(9)

    def _submitted(self, case: Case, claimed: Claimed, bond: int) -> None:
        sampled = with_measured(claimed.sampled)
        case.claimed, case.bond, case.submitted_at = Claimed(sampled, claimed.lie, claimed.bodies), bond, self.now
        case.known_false = is_broken(sampled) or any(self._is_false(case, place) for place in range(len(sampled.words)))
        self.ghost.bonds.add(case.id)
        known = sampled.submission
        case.event.submitted = Submitted(
            known.measured.tree.root, known.measured.totals, list(known.proofs), known.measured, at=self.now
        )
        self.checks.of_event(case.id)

    def _is_false(self, case: Case, place: int) -> bool:
        """Whether the watchtower's records are complete, and no record there is gives what the leaf claims."""
        assert case.honest is not None
        claimed = entries_at(case.sampled, place)
        if claimed == entries_at(case.honest, place):
            return False
        _, answer = self.best(case, place, self.held_by_watchtower)
        return answer.is_complete and not self.is_provable(case, place, claimed)

    # ---------------------------------------------------------------- what the provider has to do

    def draw_points(self, case: Case, sender: str) -> bool:
        """Draws; whether it could."""
        method, model = self.world.spot_checks.draw, self.suite.spot_checks.draw
        given = {"event_id": case.id, "block_hash": self.hash_of(case), "now": self.now, "number": self.evm.number}
        return self.act("draw", method, (case.id,), sender, model, **given).ok

    def hash_of(self, case: Case) -> bytes:
        """Hash of the block that draws, as this EVM makes it from the number."""
        return keccak(str(self.suite.spot_checks.check(case.id).moment).encode())

    def points_left(self, case: Case) -> list[tuple[int, int]]:
        """Column and place of the points that are not proven yet; anybody knows them once the block that draws is there."""
        check = self.suite.spot_checks.check(case.id)
        seed = check.seed
        if not check.drawn:
            if self.evm.number <= check.moment or not check.submitted_at:
                return []
            seed = seed_of(self.hash_of(case), case.id)
        scale = weight_scale(case.rule, len(case.claim.columns))
        points = points_of(case.claim, case.rule.spot_checks, scale)
        return draw(case.claim, seed, points, scale)[check.points :]

    def holders(self, case: Case) -> list[int]:
        """Places of the leaves that hold the points left, in order, as far as there are any."""
        places: list[int] = []
        for column, at in self.points_left(case):
            if places and holds(case.sampled.leaf(places[-1]), column, at):
                continue
            found = [p for p in range(len(case.sampled.words)) if holds(case.sampled.leaf(p), column, at)]
            if not found:
                break
            places.append(found[0])
        return places

    def prove_points(self, case: Case, places: list[int], proofs: list[DeviceProof], sender: str) -> bool:
        """Shows leaves with records; whether that was a proof."""
        leaves: list[Leaf] = [case.sampled.leaf(place) for place in places]
        shown = self.shown_to_model(case.event, proofs)
        given = {"context": case.context, "leaves": leaves, "shown": shown, "block_hash": self.hash_of(case)}
        given |= {"now": self.now, "number": self.evm.number}
        method, model = self.world.spot_checks.prove, self.suite.spot_checks.prove
        return self.act("prove points", method, (case.context, leaves, proofs), sender, model, **given).ok

    def prove_demanded(self, case: Case, place: int, proof: DeviceProof, sender: str) -> bool:
        """Shows a demanded leaf; whether that was a proof."""
        leaf = case.sampled.leaf(place)
        (shown,) = self.shown_to_model(case.event, [proof])
        given = {"context": case.context, "leaf": leaf, "shown": shown, "now": self.now}
        method, model = self.world.spot_checks.proveDemanded, self.suite.spot_checks.prove_demanded
        if not self.act("proveDemanded", method, (case.context, leaf, proof), sender, model, **given).ok:
            return False
        key = ids.demand_key(case.id, place)
        locked = self.suite.escrow.locked(case.rule.currency, LockReason.DEMAND, key)
        assert locked == 0, "INV-27: the fee of a leaf that was proven is still locked"
        return True

    def open_demands(self, case: Case) -> list[int]:
        """Places that are demanded and not proven."""
        demands = self.suite.spot_checks.demands.items()
        return [place for (event, place), demand in demands if event == case.id and not demand.met]

    def do_duties(self, case: Case) -> None:
        """Draws what can be drawn and proves what is asked, before it is too late; an honest provider can do all of it."""
        if not case.is_open or case.lazy:
            return
        provider, honest = self._provider(case.event), case.claimed is not None and not case.claimed.lie
        check = self.suite.spot_checks.check(case.id)
        # who proves need not draw before
        if not check.drawn and self.evm.number > check.moment and case.id[0] % 2:
            assert self.draw_points(case, provider), "INV-25: nobody can draw"
        places = self.holders(case)
        proofs = [case.sampled.proof(place) for place in places]
        check = self.suite.spot_checks.check(case.id)
        in_time = not check.drawn or self.now < check.moment + case.rule.proof_window
        if places and in_time:
            done = self.prove_points(case, places, proofs, provider)
            assert done or not honest, "INV-25: an honest submission cannot be proven"
        for place in self.open_demands(case):
            if self.now < self.suite.spot_checks.demand_of(case.id, place).until:
                done = self.prove_demanded(case, place, case.sampled.proof(place), provider)
                assert done or not honest, "INV-25: an honest leaf cannot be proven"

    # ---------------------------------------------------------------- what is wrong

    def prove_wrongly(self, number: int) -> None:
        """Late proofs, of other leaves, with other records, of another event, by anybody."""
        draws = Draws(number)
        case, other = self.some_case(draws), self.some_case(draws, 2)
        if case is None or other is None:
            return
        places = self.holders(case) or [draws.below(len(case.sampled.words))]
        kind = draws.below(6)
        if kind == 0:
            places = [draws.below(len(case.sampled.words))]
        elif kind == 1:
            places = [*places, places[-1]]
        proofs = [case.sampled.proof(place) for place in places]
        if kind == 2:
            proofs = [other.sampled.proof(place % len(other.sampled.words)) for place in places]
        elif kind == 3:
            proofs = [DeviceProof(records=()) for _ in places]
        elif kind == 4:
            proofs = proofs[:-1]
        sender = draws.of(self.cast.everyone)
        if kind == 5:
            self.prove_demanded(case, draws.of(places), draws.of(proofs), sender)
            return
        self.prove_points(case, places, proofs, sender)

    def draw_wrongly(self, number: int) -> None:
        """Too early, twice, by anybody."""
        draws = Draws(number)
        case = self.some_case(draws)
        if case is not None and (draws.below(3) or not self.suite.spot_checks.check(case.id).drawn):
            self.draw_points(case, draws.of(self.cast.everyone))

    def needs_past(self, product: Product) -> bool:
        """Whether an event of the product looks back."""
        return self.cast.rule_by_id[product.rule_id].baseline is BaselineMethod.X_OF_Y
