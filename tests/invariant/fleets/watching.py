"""Those who look at submissions: a watchtower that holds the data, a challenger that lies, buyers who demand and accept."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from flexbond import ids
from flexbond.hashing import keccak
from flexbond.model.sampling import fault_of_leaf, is_jump
from flexbond.model.types import DeviceProof, Fault, LockReason
from tests.invariant.fleets.cast import FEE
from tests.invariant.fleets.lies import entries_at, is_broken
from tests.invariant.fleets.submissions import FleetSubmissions
from tests.invariant.moves import Draws
from tests.support.sampled import halves

if TYPE_CHECKING:
    from flexbond.model.types import Leaf
    from tests.invariant.fleets.case import Case
    from tests.invariant.ghost import Called
    from tests.invariant.stage import Result


class FleetWatching(FleetSubmissions):
    """Challenges, demands, acceptance."""

    # ---------------------------------------------------------------- sending

    def _challenge(self, name: str, case: Case, args: tuple[Any, ...], by: str, **given: Any) -> Result:
        chain, model = getattr(self.world.spot_checks, name), getattr(self.suite.spot_checks, _snake(name))
        result = self.act(name, chain, args, by, model, sender=by, now=self.now, **given)
        if result.ok and result.value is not None:
            self.rejected(case, result, by)
        return result

    def challenge_leaf(self, case: Case, leaf: Leaf, by: str) -> Result:
        """A leaf against itself."""
        args = {"key": case.key, "claim": case.claim, "leaf": leaf}
        return self._challenge("challengeLeaf", case, tuple(args.values()), by, **args)

    def challenge_neighbours(self, case: Case, left: Leaf, right: Leaf, by: str) -> Result:
        """Two leaves against each other."""
        args = {"key": case.key, "claim": case.claim, "left": left, "right": right}
        return self._challenge("challengeNeighbours", case, tuple(args.values()), by, **args)

    def challenge_form(self, case: Case, place: int, body: bytes, columns: bytes, by: str) -> Result:
        """What is no leaf."""
        path = case.sampled.tree.path(place % len(case.sampled.words))
        args = {"key": case.key, "claim": case.claim, "place": place, "body": body, "columns": columns, "path": path}
        return self._challenge("challengeForm", case, tuple(args.values()), by, **args)

    def challenge_records(self, case: Case, leaf: Leaf, proof: DeviceProof, by: str) -> Result:
        """Records against a leaf; upheld, or demanded of the provider."""
        (shown,) = self.shown_to_model(case.event, [proof])
        given = {"context": case.context, "leaf": leaf, "shown": shown, "inclusions": proof.inclusions}
        result = self._challenge("challengeRecords", case, (case.context, leaf, proof), by, **given)
        if result.ok and result.value is None:
            self._demanded(case, leaf.place)
        return result

    def _demanded(self, case: Case, place: int) -> None:
        key = ids.demand_key(case.id, place)
        self.ghost.demands.add(key)
        locked = self.suite.escrow.locked(case.rule.currency, LockReason.DEMAND, key)
        assert locked == FEE, "INV-27: a demand without its fee"

    def rejected(self, case: Case, result: Result, by: str) -> None:
        """A submission was rejected: only a false one, or one whose provider did not what it had to."""
        rejection = result.value
        honest = case.claimed is not None and not case.claimed.lie
        what = f"{rejection.fault.name} of leaf {rejection.place}, by {by}, habits {case.habits}"
        assert not honest or case.lazy, f"INV-25: an honest submission is rejected: {what}"
        assert rejection.reward + rejection.for_buyers == case.bond, (
            "INV-26: a lost bond is more or less than its parts"
        )
        limit = case.bond * case.rule.challenger_share_bps // 10_000
        assert rejection.reward <= limit, "INV-26: the challenger gets more than its share"
        case.rejection, case.ended = rejection, True
        self.stage.outcomes[f"rejected, {rejection.fault.name}", ""] += 1
        self.stage.outcomes[f"caught, {case.claimed.lie if case.claimed else ''}", ""] += 1
        self.checks.of_event(case.id)

    # ---------------------------------------------------------------- the watchtower

    def watch(self, case: Case, by: str) -> bool:
        """Challenges what is false; whether it found anything. Who holds leaves and records can tell."""
        if not case.is_open or self.now >= case.submitted_at + case.rule.challenge_window:
            return False
        assert case.claimed is not None
        sampled, bodies = case.sampled, case.claimed.bodies
        last = len(sampled.words) - 1
        for place, (body, columns) in bodies.items():
            return self._upheld(self.challenge_form(case, place, body, columns, by))
        leaves = [sampled.leaf(place) for place in range(last + 1)]
        for left, right in pairwise(leaves):
            if is_jump(left, right):
                return self._upheld(self.challenge_neighbours(case, left, right, by))
        for leaf in leaves:
            if self._fault(case, leaf) is not Fault.NONE:
                return self._upheld(self.challenge_leaf(case, leaf, by))
        return self._watch_records(case, leaves, by)

    def _upheld(self, result: Result) -> bool:
        assert result.ok, f"INV-24: a challenge of what is false is refused: {result.error}"
        return True

    def _fault(self, case: Case, leaf: Leaf) -> Fault:
        entry = self.suite.devices.entry(case.key.portfolio_id, leaf.place)
        return fault_of_leaf(
            rule=case.rule,
            question=self.suite.verifier.question(case.key),
            claim=case.claim,
            leaf=leaf,
            leaves=len(case.sampled.words),
            entry=entry,
            point=self.suite.devices.metering_point(entry.metering_point),
        )

    def _watch_records(self, case: Case, leaves: list[Leaf], by: str) -> bool:
        """Of each leaf, the records that the watchtower holds."""
        found = False
        latest = case.submitted_at + case.rule.challenge_window - case.rule.proof_window
        for leaf in leaves:
            if not case.is_open:
                break
            proof, answer = self.best(case, leaf.place, self.held_by_watchtower)
            if not answer.is_complete or (*answer.columns, answer.weight) == entries_at(case.sampled, leaf.place):
                continue
            if self.suite.spot_checks.demand_of(case.id, leaf.place).until or self.now > latest:
                continue
            result = self.challenge_records(case, leaf, proof, by)
            # a silent leaf that others' records contradict is true all the same
            found |= result.ok
        return found

    # ---------------------------------------------------------------- the challenger that lies

    def challenge_wrongly(self, number: int) -> None:
        """What is true, with leaves of other events, changed ones, hidden records and those of other devices; late, and after the end."""
        draws = Draws(number)
        case, other, by = self.some_case(draws), self.some_case(draws, 2), self.cast.attacker
        if case is None:
            return
        count = len(case.sampled.words)
        place = draws.below(count)
        leaf = case.sampled.leaf(place)
        changed = draws.of(
            (
                *(leaf, leaf, leaf, leaf, leaf, leaf),
                other.sampled.leaf(place % len(other.sampled.words)) if other else leaf,
                replace(leaf, place=(place + 1) % (count + 2)),
                replace(leaf, weight_word=halves(leaf.weight_word >> 128, 0)),
                replace(leaf, columns=leaf.columns[:-1]),
                replace(leaf, path=leaf.path[:-1]),
            )
        )
        kind = draws.below(8)
        if kind == 0:
            self.challenge_leaf(case, changed, by)
        elif kind == 1:
            following = case.sampled.leaf(min(place + draws.of((1, 1, 1, 0, 2)), count - 1))
            self.challenge_neighbours(case, changed, following, by)
        elif kind == 2:
            body = place.to_bytes(32, "big") + leaf.weight_word.to_bytes(32, "big") + keccak(leaf.columns)
            bodies = (body, body, body[:64], b"", case.sampled.tree.path(place)[0] + case.sampled.tree.path(place)[1])
            columns = draws.of((b"", leaf.columns, leaf.columns[:32], leaf.columns + bytes(32)))
            self.challenge_form(case, draws.of((place, place, place, count, 2**40 - 1)), draws.of(bodies), columns, by)
        else:
            self._contradict_wrongly(draws, case, changed)

    def _contradict_wrongly(self, draws: Draws, case: Case, leaf: Leaf) -> None:
        place = min(leaf.place, len(case.sampled.words) - 1)
        choices = list(self.proofs_of(case, place, lambda _: True))
        proof = draws.of(choices)
        if draws.rarely(5):
            other = (place + 1) % len(case.sampled.words)
            proof = draws.of(list(self.proofs_of(case, other, lambda _: True)))
        self.challenge_records(case, leaf, proof, draws.of((self.cast.attacker, *self.cast.everyone)))

    # ---------------------------------------------------------------- buyers

    def _some_open_call(self, draws: Draws) -> Called | None:
        calls = self.ghost.open_calls()
        under_way = [call for call in calls if self.cases[ids.event_id(call.product.event_key)].is_open]
        if under_way and not draws.rarely():
            return draws.of(under_way)
        return draws.of(calls) if calls and draws.rarely(4) else None

    def demand_proof(self, number: int) -> None:
        """Too many, too late, for nothing, of leaves that are none."""
        draws = Draws(number)
        call = self._some_open_call(draws)
        if call is None:
            return
        case = self.cases[ids.event_id(call.product.event_key)]
        place = draws.of((*range(7), 7, 2**40 - 1))
        sender = self.someone(draws, call.dispatch.holder, 12)
        self._demand_proof(case, call, place, sender)

    def _demand_proof(self, case: Case, call: Called, place: int, sender: str) -> None:
        given = {"product": call.product, "dispatch": call.dispatch, "place": place}
        method, model = self.world.settlement.demandProof, self.suite.settlement.demand_proof
        args = tuple(given.values())
        if self.act("demandProof", method, args, sender, model, sender=sender, now=self.now, **given).ok:
            self._demanded(case, place)

    def accept(self, number: int) -> None:
        """The first buyer accepts what the watchtower has no doubt of; the second anything, and sometimes something else."""
        draws = Draws(number)
        call = self._some_open_call(draws)
        if call is None:
            return
        case = self.cases[ids.event_id(call.product.event_key)]
        careful = call.dispatch.holder == self.cast.buyers[0]
        if careful and (not case.is_open or is_broken(case.sampled) or case.known_false):
            return
        committed = self.suite.measurement.commitments.get(case.id, bytes(32))
        if not careful and draws.rarely(3):
            committed = keccak(committed)
        given = {"product": call.product, "dispatch": call.dispatch, "commitment": committed}
        method, model = self.world.settlement.accept, self.suite.settlement.accept
        sender = self.someone(draws, call.dispatch.holder, 12)
        args = tuple(given.values())
        if self.act("accept", method, args, sender, model, sender=sender, now=self.now, **given).ok:
            case.accepted.add(call.id)
            self._changed(call)


def _snake(name: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)
