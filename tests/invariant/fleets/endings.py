"""How submissions end: finalised, failed, paid, collected; and that anybody can bring each to its end."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from flexbond import ids
from flexbond.model.types import EventStatus, Fault, LockReason
from tests.invariant.fleets.lies import is_broken
from tests.invariant.fleets.watching import FleetWatching
from tests.invariant.moves import Draws
from tests.invariant.moves_collecting import CollectMoves

if TYPE_CHECKING:
    from tests.invariant.fleets.case import Case
    from tests.invariant.stage import Result

LONG = 10 * 86_400


class FleetEndings(FleetWatching, CollectMoves):
    """Measured or not, and paid."""

    def finalise(self, case: Case, by: str) -> Result:
        """As measured."""
        args = {"key": case.key, "claim": case.claim, "schedule_milli_wh": ()}
        method, model = self.world.spot_checks.finalise, self.suite.spot_checks.finalise
        result = self.act("finalise", method, tuple(args.values()), by, model, now=self.now, **args)
        if result.ok:
            self._finalised(case, result)
        return result

    def _finalised(self, case: Case, result: Result) -> None:
        assert result.receipt is not None
        calls = [call for call in self.ghost.calls_of(case.id) if call.settled is None]
        by_all = bool(calls) and all(call.id in case.accepted for call in calls)
        assert case.claimed is not None
        lie = f"{case.claimed.lie}, habits {case.habits}"
        assert by_all or not self.is_known_false(case), f"INV-24: a false submission is final: {lie}"
        bond = result.receipt.only("Paid").amount
        assert bond == case.bond == result.value, "INV-26: another bond is released than was locked"
        assert self._bond_left(case) == 0, "INV-26: a bond is still locked though it was released"
        responses = tuple(result.receipt.only("EventMeasured").responses_milli_wh)
        submitted = case.event.submitted
        assert submitted is not None
        submitted.measured = replace(submitted.measured, responses_milli_wh=responses)
        case.released, case.ended = bond, True
        self.stage.outcomes[f"final, {case.claimed.lie}", ""] += 1
        self.checks.of_event(case.id)

    def is_known_false(self, case: Case) -> bool:
        """Whether who holds leaves and records can tell, as things stand, that the submission is false."""
        places = range(len(case.sampled.words))
        return is_broken(case.sampled) or any(
            self._fault(case, case.sampled.leaf(place)) is not Fault.NONE or self._is_false(case, place)
            for place in places
        )

    def fail_checked(self, case: Case, by: str) -> Result:
        """Not drawn or not proven in time."""
        args = {"key": case.key, "claim": case.claim}
        method, model = self.world.spot_checks.fail, self.suite.spot_checks.fail
        given = {**args, "now": self.now, "number": self.evm.number}
        result = self.act("fail, checked", method, tuple(args.values()), by, model, **given)
        if result.ok:
            self.rejected(case, result, by)
            assert case.rejection is not None
            assert case.rejection.reward == 0, "INV-26: a reward that nobody earned"
        return result

    def fail_demand(self, case: Case, place: int, by: str) -> Result:
        """A demanded leaf was not proven in time."""
        args = {"key": case.key, "place": place}
        method, model = self.world.spot_checks.failDemand, self.suite.spot_checks.fail_demand
        result = self.act("failDemand", method, tuple(args.values()), by, model, now=self.now, **args)
        if result.ok:
            self.rejected(case, result, by)
        return result

    def refund(self, case: Case, place: int, by: str) -> Result:
        """The fee of a demand that was open when the submission was rejected."""
        args = {"key": case.key, "place": place}
        method, model = self.world.spot_checks.refund, self.suite.spot_checks.refund
        return self.act("refund", method, tuple(args.values()), by, model, **args)

    def end_some(self, number: int) -> None:
        """Anybody tries any end, mostly in vain."""
        draws = Draws(number)
        case, by = self.some_case(draws), draws.of(self.cast.everyone)
        if case is None:
            return
        demanded = self.open_demands(case)
        place = draws.of(demanded) if demanded and draws.below(8) else draws.below(9)
        kind = draws.below(8)
        if kind < 4:
            self.finalise(case, by)
        elif kind < 5:
            self.fail_checked(case, by)
        elif kind < 7:
            self.fail_demand(case, place, by)
        else:
            self.refund(case, place, by)

    # ---------------------------------------------------------------- to the last

    def bring_to_end(self, case: Case, by: str) -> None:
        """A stranger ends what is still under way, long after every deadline."""
        for place in self.open_demands(case):
            if self.fail_demand(case, place, by).ok:
                break
        if case.is_open and not self.fail_checked(case, by).ok:
            self.finalise(case, by)
        assert not case.is_open, f"INV-28: nobody can end a submission, {case.claimed and case.claimed.lie}"

    def settle_all(self) -> None:
        """All money goes where it belongs; nothing of a bond is left."""
        by = self.people.relayer.address
        for case in self.cases.values():
            if case.event.status in (EventStatus.CALLED, EventStatus.SUBMITTED):
                # nobody submitted, or every leaf had to be proven and was not
                given = {"key": case.key, "now": self.now}
                self.act("fail", self.world.measurement.fail, (case.key,), by, self.suite.measurement.fail, **given)
                self.checks.of_event(case.id)
            for place in self.open_demands(case):
                assert self.refund(case, place, by).ok, "INV-27: the fee of a demand cannot be had back"
        number = 0
        while self.ghost.open_calls() and number < 200:
            number += 1
            self.settle(number)
        assert not self.ghost.open_calls(), "INV-28: a dispatch cannot be settled"
        for case in self.cases.values():
            assert self._bond_left(case) == 0, "INV-26: a bond is left when all is settled"
            if case.rejection is not None:
                assert case.shared == case.rejection.for_buyers, "INV-26: buyers got other than the rest of a bond"
            elif case.claimed is not None:
                assert case.released == case.bond, "INV-26: a bond is not released"
        for demand in self.ghost.demands:
            assert self._locked_of(LockReason.DEMAND, demand) == 0, "INV-27: a fee is left when all is over"

    def _bond_left(self, case: Case) -> int:
        return self._locked_of(LockReason.BOND, case.id)

    def _locked_of(self, reason: LockReason, key: bytes) -> int:
        return int(self.world.escrow.lockOf.call(ids.lock_id(self.cast.token, reason, key))[1])
