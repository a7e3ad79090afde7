"""Submissions that are under way: what is known of them, what is asked of their devices, and how they are rejected."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from flexbond import ids, trees
from flexbond.hashing import ZERO_ADDRESS, keccak
from flexbond.model import sampling
from flexbond.model.suite.base import ModelRevert, Part, Table
from flexbond.model.types import Check, Demand, EventState, Fault, Leaf, LockReason, SignerScheme, Silence

if TYPE_CHECKING:
    from collections.abc import Sequence

    from flexbond.model.openings import Inclusion
    from flexbond.model.shown import ShownRecord
    from flexbond.model.suite import Suite
    from flexbond.model.types import Answer, Claim, Context, EventKey, Rule

WORD: Final = 32
NO_CHECK: Final = Check(submitted_at=0, moment=0, points=0, demands=0, open=0, accepted=0, drawn=False, seed=0)
NO_DEMAND: Final = Demand(by=ZERO_ADDRESS, until=0, met=False)


@dataclass(frozen=True, kw_only=True)
class Rejection:
    """How a submission was rejected."""

    fault: Fault
    place: int
    reward: int
    """Part of the bond, to the challenger, base units."""
    for_buyers: int
    """The rest of it, base units."""


@dataclass(frozen=True, kw_only=True)
class Case:
    """A submission that is under way, with what is known of it."""

    event_id: bytes
    check: Check
    rule: Rule
    state: EventState


class Submissions(Part):
    """Checks of submissions that are under way, demands, and what rejected ones left to the buyers."""

    def __init__(self, suite: Suite) -> None:
        super().__init__(suite)
        self.checks: Table[bytes, Check] = self.table()
        self.demands: Table[tuple[bytes, int], Demand] = self.table()
        self.lost: Table[bytes, int] = self.table()

    # -------------------------------------------------------------- views

    def check(self, event_id: bytes) -> Check:
        """Where the checks of a submission stand; zero once it ended."""
        return self.checks.get(event_id, NO_CHECK)

    def demand_of(self, event_id: bytes, place: int) -> Demand:
        """A demand; zero if there is none."""
        return self.demands.get((event_id, place), NO_DEMAND)

    def for_buyers(self, event_id: bytes) -> int:
        """Part of a lost bond that is the buyers', base units."""
        return self.lost.get(event_id, 0)

    # -------------------------------------------------------------- inside

    def _require_settlement(self, sender: str) -> None:
        settlement = self.suite.addresses.settlement
        if sender != settlement:
            raise ModelRevert("Flexbond_NotAllowed", sender, settlement)

    def _require_submitted(self, event_id: bytes) -> Check:
        check = self.check(event_id)
        if check.submitted_at == 0:
            raise ModelRevert("SpotChecks_NotSubmitted", event_id)
        return check

    def _require_committed(self, event_id: bytes, claim: Claim) -> None:
        computed = ids.commitment_of(claim)
        if computed != self.suite.measurement.commitments[event_id]:
            raise ModelRevert("SpotChecks_CommitmentDiffers", event_id, computed)

    def _require_demanded(self, event_id: bytes, place: int) -> Demand:
        demanded = self.demand_of(event_id, place)
        if demanded.until == 0 or demanded.met:
            raise ModelRevert("SpotChecks_NotDemanded", event_id, place)
        return demanded

    def _drawn(self, event_id: bytes, check: Check, block_hash: bytes, now: int, number: int) -> Check:
        """The check with its points drawn."""
        if number <= check.moment:
            raise ModelRevert("SpotChecks_TooEarlyToDraw", check.moment, number)
        if number > check.moment + sampling.DRAW_BLOCKS:
            raise ModelRevert("SpotChecks_TooLateToDraw", check.moment, number)
        seed = sampling.seed_of(block_hash, event_id)
        return replace(check, seed=seed, moment=now, drawn=True)

    def _open(self, key: EventKey, claim: Claim) -> Case:
        event_id = ids.event_id(key)
        check = self._require_submitted(event_id)
        self._require_committed(event_id, claim)
        state = self.suite.measurement.event_state(event_id)
        return Case(event_id=event_id, check=check, rule=self.suite.rulebook.rule(key.rule_id), state=state)

    def _open_to_challenge(self, key: EventKey, claim: Claim, now: int) -> Case:
        case = self._open(key, claim)
        self.require_before(case.check.submitted_at + case.rule.challenge_window, now)
        return case

    def _answers(
        self, context: Context, places: Sequence[int], shown: Sequence[Sequence[ShownRecord]]
    ) -> tuple[Answer, ...]:
        return self.suite.verifier.measure_all(
            context.key, places, shown, lookback=context.lookback, calls_from=context.calls_from
        )

    def _take_points(self, case: Case, claim: Claim, leaves: Sequence[Leaf]) -> int:
        """How many points are proven with these leaves, of which each takes as many as it holds."""
        points = points_of(claim, case.rule)
        scale = sampling.weight_scale(case.rule, len(claim.columns))
        drawn = sampling.draw(claim, case.check.seed, points, scale)
        following = case.check.points
        for leaf in leaves:
            if following == points:
                raise ModelRevert("SpotChecks_AllProven", points)
            require_in(case, claim, leaf)
            if not sampling.holds(leaf, *drawn[following]):
                raise ModelRevert("SpotChecks_PointElsewhere", following, *drawn[following], leaf.place)
            while following < points and sampling.holds(leaf, *drawn[following]):
                following += 1
        return following

    def _fault_of(self, case: Case, key: EventKey, claim: Claim, leaf: Leaf) -> Fault:
        devices = self.suite.devices
        entry = devices.entry(key.portfolio_id, leaf.place)
        return sampling.fault_of_leaf(
            rule=case.rule,
            question=self.suite.verifier.question(key),
            claim=claim,
            leaf=leaf,
            leaves=case.state.leaves,
            entry=entry,
            point=devices.metering_point(entry.metering_point),
        )

    def _are_own(
        self, case: Case, key: EventKey, metering_point: bytes, inclusions: Sequence[Inclusion], now: int
    ) -> bool:
        """Whether the provider anchored all that the records are under, and their device was stated at the reading deadline."""
        deadline = key.window_end + case.rule.reading_deadline
        scheme = self.suite.devices.signer_at(metering_point, deadline - 1).scheme
        if scheme in (SignerScheme.NONE, SignerScheme.SUSPENDED):
            return False
        provider = self.suite.devices.portfolio(key.portfolio_id).provider
        by = [self.suite.oracle.standing(inclusion.batch_root).anchored_by for inclusion in inclusions]
        may_act = self.suite.participants.may_act
        return bool(by) and all(who != ZERO_ADDRESS and may_act(provider, who, now=now) for who in by)

    def _demand(self, event_id: bytes, check: Check, rule: Rule, by: str, place: int, now: int) -> None:
        if self.demand_of(event_id, place).until:
            raise ModelRevert("SpotChecks_AlreadyDemanded", event_id, place)
        latest = check.submitted_at + rule.challenge_window - rule.proof_window
        if now > latest:
            raise ModelRevert("SpotChecks_TooLateToDemand", latest, now)
        self.demands[event_id, place] = Demand(by=by, until=now + rule.proof_window, met=False)
        self.checks[event_id] = replace(check, open=check.open + 1)
        here, key = self.suite.addresses.spot_checks, ids.demand_key(event_id, place)
        self.suite.escrow.lock(rule.currency, by, LockReason.DEMAND, key, rule.demand_fee, sender=here)

    def _refund(self, event_id: bytes, rule: Rule, by: str, place: int) -> None:
        del self.demands[event_id, place]
        self._pay_fee(event_id, rule, place, by)

    def _pay_fee(self, event_id: bytes, rule: Rule, place: int, to: str) -> None:
        here, key = self.suite.addresses.spot_checks, ids.demand_key(event_id, place)
        self.suite.escrow.pay(rule.currency, LockReason.DEMAND, key, to, rule.demand_fee, sender=here)

    def _reject(self, event_id: bytes, rule: Rule, challenger: str, fault: Fault, place: int) -> Rejection:
        """Ends the event as never measured; no challenger: empty."""
        here = self.suite.addresses.spot_checks
        bond = self.suite.escrow.locked(rule.currency, LockReason.BOND, event_id)
        reward, for_buyers = sampling.bond_parts(bond, rule.challenger_share_bps if challenger else 0)
        del self.checks[event_id]
        self.lost[event_id] = for_buyers
        self.suite.measurement.reject(event_id, sender=here)
        self.suite.escrow.pay(rule.currency, LockReason.BOND, event_id, challenger, reward, sender=here)
        return Rejection(fault=fault, place=place, reward=reward, for_buyers=for_buyers)

    @staticmethod
    def require_before(deadline: int, now: int) -> None:
        """The deadline, UTC seconds, has not come. Raises ModelRevert."""
        if now >= deadline:
            raise ModelRevert("SpotChecks_TooLate", deadline, now)


def is_in(leaf_hash: bytes, place: int, path: Sequence[bytes], root: bytes, leaves: int) -> bool:
    """Whether a hash stands in a leaf's place."""
    return trees.verify(root, leaves, leaf_hash, place, path)


def require_in(case: Case, claim: Claim, leaf: Leaf) -> None:
    """The leaf is in the tree of the claim, with a word for every column."""
    leaf_hash = trees.leaf(leaf.place, leaf.weight_word, keccak(leaf.columns))
    is_whole = len(leaf.columns) == WORD * len(claim.columns)
    if not is_whole or not is_in(leaf_hash, leaf.place, leaf.path, claim.root, case.state.leaves):
        raise ModelRevert("SpotChecks_NotInTree", leaf.place)


def require_true(leaf: Leaf, answer: Answer, records: Sequence[ShownRecord]) -> None:
    """A leaf is true if its records, or none, give its entries."""
    is_refused = answer.silence is not Silence.OK and bool(records)
    if is_refused or sampling.entries_of(leaf) != (*answer.columns, answer.weight):
        raise ModelRevert("SpotChecks_EntriesDiffer", leaf.place, int(answer.silence))


def points_of(claim: Claim, rule: Rule) -> int:
    return sampling.points_of(claim, rule.spot_checks, sampling.weight_scale(rule, len(claim.columns)))
