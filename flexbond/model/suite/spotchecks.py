"""SpotChecks: submissions of which not every leaf is proven: bonds, draws, demands and challenges."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from flexbond import ids
from flexbond.hashing import ZERO_HASH, keccak
from flexbond.model import sampling
from flexbond.model.suite.base import ModelRevert, atomic
from flexbond.model.suite.submissions import (
    NO_CHECK,
    WORD,
    Rejection,
    Submissions,
    is_in,
    points_of,
    require_in,
    require_true,
)
from flexbond.model.types import Fault, LockReason, Silence

if TYPE_CHECKING:
    from collections.abc import Sequence

    from flexbond.model.openings import Inclusion
    from flexbond.model.shown import ShownRecord
    from flexbond.model.types import Answer, Claim, Context, EventKey, Leaf, Totals

ALL: Final = 2**16 - 1
"""In the place of a count: all holders accepted."""
BODY_BYTES: Final = 96
"""Of a leaf: place, word of the weight, hash of the columns."""


class SpotChecks(Submissions):
    """What anybody does to submissions."""

    # -------------------------------------------------------------- submitting and drawing

    @atomic
    def submit(self, key: EventKey, root: bytes, totals: Totals, *, sender: str, now: int, number: int) -> int:
        """Submits an event and locks the bond; the bond, base units. `number` is the block's."""
        event_id, here = ids.event_id(key), self.suite.addresses.spot_checks
        rule, provider, capacity_w = self.suite.measurement.submit_checked(
            key, sender, root, totals, sender=here, now=now
        )
        bond = sampling.bond_of(capacity_w, rule.bond_per_mw)
        draws = points_of(ids.claim_of(root, totals), rule) != 0
        moment = number + rule.draw_delay if draws else now
        self.checks[event_id] = replace(NO_CHECK, submitted_at=now, moment=moment, drawn=not draws)
        self.suite.escrow.lock(rule.currency, provider, LockReason.BOND, event_id, bond, sender=here)
        return bond

    @atomic
    def draw(self, event_id: bytes, *, block_hash: bytes, now: int, number: int) -> int:
        """Draws the points from the hash of the block that draws; the seed."""
        check = self._require_submitted(event_id)
        if check.drawn:
            raise ModelRevert("SpotChecks_AlreadyDrawn", event_id)
        self.checks[event_id] = self._drawn(event_id, check, block_hash, now, number)
        return self.checks[event_id].seed

    # -------------------------------------------------------------- proving

    @atomic
    def prove(
        self,
        context: Context,
        leaves: Sequence[Leaf],
        shown: Sequence[Sequence[ShownRecord]],
        *,
        block_hash: bytes,
        now: int,
        number: int,
    ) -> tuple[Answer, ...]:
        """Proves the next drawn points from the records shown for each leaf; what they gave. Draws them first if nobody did."""
        if len(shown) != len(leaves):
            raise ModelRevert("SpotChecks_ProofsLength", len(shown), len(leaves))
        case = self._open(context.key, context.claim)
        if not case.check.drawn:
            case = replace(case, check=self._drawn(case.event_id, case.check, block_hash, now, number))
        self.require_before(case.check.moment + case.rule.proof_window, now)
        points = self._take_points(case, context.claim, leaves)
        answers = self._answers(context, [leaf.place for leaf in leaves], shown)
        for leaf, answer, records in zip(leaves, answers, shown, strict=True):
            require_true(leaf, answer, records)
        self.checks[case.event_id] = replace(case.check, points=points)
        return answers

    @atomic
    def prove_demanded(self, context: Context, leaf: Leaf, shown: Sequence[ShownRecord], *, now: int) -> Answer:
        """Proves a demanded leaf; the fee is the provider's."""
        case = self._open(context.key, context.claim)
        demanded = self._require_demanded(case.event_id, leaf.place)
        self.require_before(demanded.until, now)
        require_in(case, context.claim, leaf)
        (answer,) = self._answers(context, [leaf.place], [shown])
        require_true(leaf, answer, shown)
        self.demands[case.event_id, leaf.place] = replace(demanded, met=True)
        self.checks[case.event_id] = replace(case.check, open=case.check.open - 1)
        provider = self.suite.devices.portfolio(context.key.portfolio_id).provider
        self._pay_fee(case.event_id, case.rule, leaf.place, provider)
        return answer

    # -------------------------------------------------------------- challenging

    @atomic
    def challenge_form(
        self,
        key: EventKey,
        claim: Claim,
        place: int,
        body: bytes,
        columns: bytes,
        path: Sequence[bytes],
        *,
        sender: str,
        now: int,
    ) -> Rejection:
        """Shows a hash in a leaf's place that is no leaf of it."""
        case = self._open_to_challenge(key, claim, now)
        if not is_in(keccak(body) if body else ZERO_HASH, place, path, claim.root, case.state.leaves):
            raise ModelRevert("SpotChecks_NotInTree", place)
        if not _is_malformed(body, place, columns, WORD * len(claim.columns)):
            raise ModelRevert("SpotChecks_NotContradicted", place)
        return self._reject(case.event_id, case.rule, sender, Fault.MALFORMED, place)

    @atomic
    def challenge_leaf(self, key: EventKey, claim: Claim, leaf: Leaf, *, sender: str, now: int) -> Rejection:
        """Shows a leaf that cannot be."""
        case = self._open_to_challenge(key, claim, now)
        require_in(case, claim, leaf)
        fault = self._fault_of(case, key, claim, leaf)
        if fault is Fault.NONE:
            raise ModelRevert("SpotChecks_NotContradicted", leaf.place)
        return self._reject(case.event_id, case.rule, sender, fault, leaf.place)

    @atomic
    def challenge_neighbours(
        self, key: EventKey, claim: Claim, left: Leaf, right: Leaf, *, sender: str, now: int
    ) -> Rejection:
        """Shows two neighbours whose prefixes do not follow."""
        case = self._open_to_challenge(key, claim, now)
        require_in(case, claim, left)
        require_in(case, claim, right)
        if not sampling.is_jump(left, right):
            raise ModelRevert("SpotChecks_NotContradicted", right.place)
        return self._reject(case.event_id, case.rule, sender, Fault.JUMP, right.place)

    @atomic
    def challenge_records(
        self,
        context: Context,
        leaf: Leaf,
        shown: Sequence[ShownRecord],
        inclusions: Sequence[Inclusion],
        *,
        sender: str,
        now: int,
    ) -> Rejection | None:
        """Shows records that give a leaf other entries: upheld if they are the provider's own, else it has to be proven (None)."""
        case = self._open_to_challenge(context.key, context.claim, now)
        require_in(case, context.claim, leaf)
        (answer,) = self._answers(context, [leaf.place], [shown])
        if answer.silence is not Silence.OK or not answer.is_complete:
            raise ModelRevert("SpotChecks_Inconclusive", leaf.place, int(answer.silence))
        if sampling.entries_of(leaf) == (*answer.columns, answer.weight):
            raise ModelRevert("SpotChecks_NotContradicted", leaf.place)
        if self._are_own(case, context.key, answer.metering_point, inclusions, now):
            return self._reject(case.event_id, case.rule, sender, Fault.OTHER_RESPONSE, leaf.place)
        entry = self.suite.devices.entry(context.key.portfolio_id, leaf.place)
        if sampling.entries_of(leaf) == sampling.silent_entries(case.rule, entry, len(context.claim.columns)):
            raise ModelRevert("SpotChecks_NotContradicted", leaf.place)
        self._demand(case.event_id, case.check, case.rule, sender, leaf.place, now)
        return None

    # -------------------------------------------------------------- demands and acceptance by buyers

    @atomic
    def demand(self, key: EventKey, by: str, place: int, *, sender: str, now: int) -> None:
        """Demands the proof of a leaf."""
        self._require_settlement(sender)
        event_id = ids.event_id(key)
        check = self._require_submitted(event_id)
        rule = self.suite.rulebook.rule(key.rule_id)
        if check.demands >= rule.max_demands:
            raise ModelRevert("SpotChecks_TooManyDemands", rule.max_demands)
        leaves = self.suite.measurement.event_state(event_id).leaves
        if place >= leaves:
            raise ModelRevert("SpotChecks_NoSuchLeaf", place, leaves)
        self._demand(event_id, replace(check, demands=check.demands + 1), rule, by, place, now)

    @atomic
    def accept(self, event_id: bytes, commitment: bytes, dispatches: int, *, sender: str) -> None:
        """Counts a dispatch whose holder accepts the submission."""
        self._require_settlement(sender)
        check = self._require_submitted(event_id)
        if commitment != self.suite.measurement.commitments[event_id]:
            raise ModelRevert("SpotChecks_CommitmentDiffers", event_id, commitment)
        accepted = check.accepted + 1
        self.checks[event_id] = replace(check, accepted=ALL if accepted >= dispatches else min(accepted, ALL - 1))

    # -------------------------------------------------------------- the end

    @atomic
    def finalise(self, key: EventKey, claim: Claim, schedule_milli_wh: Sequence[int], *, now: int) -> int:
        """Ends an event as measured; the bond that is free again, base units."""
        event_id, here = ids.event_id(key), self.suite.addresses.spot_checks
        check = self._require_submitted(event_id)
        if not check.drawn:
            raise ModelRevert("SpotChecks_NotDrawn", event_id)
        del self.checks[event_id]
        self.suite.measurement.conclude(key, claim, schedule_milli_wh, sender=here)
        rule = self.suite.rulebook.rule(key.rule_id)
        points = points_of(claim, rule)
        if check.points < points:
            raise ModelRevert("SpotChecks_PointsLeft", check.points, points)
        if check.open:
            raise ModelRevert("SpotChecks_DemandsOpen", check.open)
        earliest = check.submitted_at + rule.challenge_window
        if check.accepted != ALL and now < earliest:
            raise ModelRevert("SpotChecks_TooEarly", earliest, now)
        _, bond = self.suite.escrow.release(rule.currency, LockReason.BOND, event_id, sender=here)
        return bond

    @atomic
    def fail(self, key: EventKey, claim: Claim, *, now: int, number: int) -> Rejection:
        """Rejects a submission that was not drawn, or whose points were not proven, in time."""
        event_id = ids.event_id(key)
        check = self._require_submitted(event_id)
        self._require_committed(event_id, claim)
        rule = self.suite.rulebook.rule(key.rule_id)
        if check.drawn:
            left = points_of(claim, rule) - check.points
            is_late = left > 0 and now >= check.moment + rule.proof_window
        else:
            is_late = number > check.moment + sampling.DRAW_BLOCKS
        if not is_late:
            raise ModelRevert("SpotChecks_NotFailed", event_id)
        return self._reject(event_id, rule, "", Fault.NOT_PROVEN if check.drawn else Fault.NOT_DRAWN, 0)

    @atomic
    def fail_demand(self, key: EventKey, place: int, *, now: int) -> Rejection:
        """Rejects a submission of which a demanded leaf was not proven in time."""
        event_id = ids.event_id(key)
        self._require_submitted(event_id)
        unmet = self._require_demanded(event_id, place)
        if now < unmet.until:
            raise ModelRevert("SpotChecks_NotFailed", event_id)
        rule = self.suite.rulebook.rule(key.rule_id)
        rejection = self._reject(event_id, rule, unmet.by, Fault.DEMAND_NOT_MET, place)
        self._refund(event_id, rule, unmet.by, place)
        return rejection

    @atomic
    def refund(self, key: EventKey, place: int) -> None:
        """Gives back the fee of a demand that was open when the submission was rejected."""
        event_id = ids.event_id(key)
        unmet = self._require_demanded(event_id, place)
        if self.check(event_id).submitted_at:
            raise ModelRevert("SpotChecks_NotRejected", event_id)
        self._refund(event_id, self.suite.rulebook.rule(key.rule_id), unmet.by, place)


def _is_malformed(body: bytes, place: int, columns: bytes, columns_bytes: int) -> bool:
    """Whether what a hash is over is no leaf of a place."""
    if len(body) != BODY_BYTES or int.from_bytes(body[:WORD], "big") != place:
        return True
    return len(columns) != columns_bytes and keccak(columns) == body[2 * WORD :]
