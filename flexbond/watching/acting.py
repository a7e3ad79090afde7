"""What a watchtower does about one submission: challenges, demands, draws, and ends what is overdue."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from flexbond.chain.errors import ContractRevert, GasLimitError, InsufficientFundsError
from flexbond.model.sampling import DRAW_BLOCKS, points_of, weight_scale
from flexbond.operations.common import time_of, titled
from flexbond.watching.challenging import Challenger
from flexbond.watching.errors import BudgetError
from flexbond.watching.seen import demands_of
from flexbond.watching.state import Fate

if TYPE_CHECKING:
    from flexbond.chain.suite import Suite, Transaction
    from flexbond.model.types import Check, Rule
    from flexbond.operations.progress import Progress
    from flexbond.watching.findings import Judgement
    from flexbond.watching.judging import Case
    from flexbond.watching.seen import Seen
    from flexbond.watching.spending import ThriftySender
    from flexbond.watching.state import State

RETRY_SECONDS: Final = 60.0
"""After that long what was refused is tried again."""
FASTER: Final = frozenset(
    ("SpotChecks_NotSubmitted", "SpotChecks_AlreadyDrawn", "SpotChecks_AlreadyDemanded", "SpotChecks_NotDemanded")
)
"""What a contract says where somebody else has done it meanwhile."""


@dataclass(frozen=True, kw_only=True)
class Duties:
    """What a watchtower does, and how far it goes."""

    challenge: bool = True
    draw: bool = True
    draw_after: int = 32
    """Blocks after which it draws what nobody else drew."""
    fail: bool = True
    """Whether it ends what is overdue."""
    demands: int = 4
    """Most leaves of a submission demanded at a time."""
    demand_fees: int = 0
    """Base units that may be locked for demands or lost to them, altogether."""


@dataclass(kw_only=True)
class Deeds:
    """What was done about a submission, and what could not be."""

    done: list[str] = field(default_factory=list)
    blocked: list[str] = field(default_factory=list)
    has_ended: bool = False
    """Whether the submission was rejected by it."""


@dataclass(kw_only=True)
class Actor:
    """Acts for one account."""

    suite: Suite
    state: State
    sender: ThriftySender
    duties: Duties
    progress: Progress
    _tried: dict[tuple[bytes, str, int], float] = field(default_factory=dict)
    _refused: dict[tuple[bytes, str, int], tuple[float, str]] = field(default_factory=dict)
    """What could not be sent, when that was, and why."""

    def act(self, seen: Seen, rule: Rule, case: Case, judgement: Judgement) -> Deeds:
        """Does what is to be done about a submission that is under way."""
        deeds = Deeds()
        check: Check = self.suite.spot_checks.read("check", seen.event_id)
        if check.submitted_at == 0:
            return deeds
        now = time_of(self.suite)
        if self.duties.challenge and judgement.findings and now < seen.submitted_at + rule.challenge_window:
            self._challenge(seen, rule, case, judgement, deeds)
        if self.duties.fail and not deeds.has_ended:
            self._fail(seen, rule, check, now, deeds)
        if self.duties.draw and not deeds.has_ended:
            self._draw(seen, check, deeds)
        return deeds

    def refund(self) -> list[str]:
        """Takes back the fees of its own demands that were open when their submission was rejected."""
        deeds = Deeds()
        open_events = set(self.state.open_events())
        for one in demands_of(self.state):
            if one.is_open and one.by == self.sender.address and one.event_id not in open_events:
                key = self.state.logs("EventCalled", event_id=one.event_id)[-1].key
                transaction = self.suite.spot_checks.transaction("refund", key, one.place)
                self._send(
                    one.event_id, "refund", one.place, transaction, f"Take back the fee of leaf {one.place}", deeds
                )
        return deeds.done

    # ------------------------------------------------------------------ challenges

    def _challenge(self, seen: Seen, rule: Rule, case: Case, judgement: Judgement, deeds: Deeds) -> None:
        demanded = demands_of(self.state, seen.event_id)
        key = (seen.event_id, case.shelf.mark_of(seen.event_id), sum(one.is_met for one in demanded))
        if time.monotonic() - self._tried.get(key, -RETRY_SECONDS) < RETRY_SECONDS:
            return
        challenger = Challenger(
            case=case,
            key=seen.key,
            provider=seen.provider,
            deadline=seen.key.window_end + rule.reading_deadline,
            sender=self.sender,
        )
        best, refusals = challenger.at_once(judgement)
        challenges = [best] if best else []
        if best is None and case.is_prepared():
            places = frozenset(one.place for one in demanded)
            challenges, more = challenger.by_records(judgement, passed_over=places)
            refusals += more
        under_way = sum(one.is_open for one in demanded)
        for challenge in challenges:
            if challenge.is_demand and not self._may_demand(rule, under_way, deeds):
                break
            what = "demand" if challenge.is_demand else f"challenge {challenge.finding.fault.name}"
            title, place = challenge.transaction.title, challenge.finding.place
            if self._send(seen.event_id, what, place, challenge.transaction, title, deeds):
                under_way += challenge.is_demand
                deeds.has_ended = not challenge.is_demand
        self._tried[key] = time.monotonic()
        if not deeds.has_ended and not under_way:
            deeds.blocked += refusals

    def _may_demand(self, rule: Rule, under_way: int, deeds: Deeds) -> bool:
        if under_way >= self.duties.demands:
            return False
        mine = [one for one in demands_of(self.state) if one.by == self.sender.address and not one.is_refunded]
        known = {(one.event_id, one.place) for one in mine}
        # What was sent since the chain was last looked at.
        since = [
            one
            for one in self.state.sent(Fate.MINED, Fate.OPEN)
            if one.what == "demand"
            and (one.event_id, one.place) not in known
            and one.event_id in self.state.open_events()
        ]
        at_stake = sum(one.fee for one in mine) + len(since) * rule.demand_fee
        if at_stake + rule.demand_fee > self.duties.demand_fees:
            deeds.blocked.append(
                f"A demand locks {rule.demand_fee} base units, and {max(0, self.duties.demand_fees - at_stake)} are left of "
                f"--demand-fees {self.duties.demand_fees}."
            )
            return False
        return True

    # ------------------------------------------------------------------ clocks

    def _fail(self, seen: Seen, rule: Rule, check: Check, now: int, deeds: Deeds) -> None:
        checks, scale = self.suite.spot_checks, weight_scale(rule, len(seen.claim.columns))
        for one in demands_of(self.state, seen.event_id):
            if one.is_open and now >= one.until:
                transaction = checks.transaction("failDemand", seen.key, one.place)
                title = f"Reject the submission: leaf {one.place} was demanded and not proven"
                if self._send(seen.event_id, "failDemand", one.place, transaction, title, deeds):
                    deeds.has_ended = True
                    return
        if check.drawn:
            late = now >= check.moment + rule.proof_window and check.points < points_of(
                seen.claim, rule.spot_checks, scale
            )
            why = "drawn points were not proven"
        else:
            late, why = self.suite.rpc.block_number() > check.moment + DRAW_BLOCKS, "nobody drew its points"
        if late:
            transaction = checks.transaction("fail", seen.key, seen.claim)
            title = f"Reject the submission: {why}"
            deeds.has_ended = self._send(seen.event_id, "fail", 0, transaction, title, deeds)

    def _draw(self, seen: Seen, check: Check, deeds: Deeds) -> None:
        block = self.suite.rpc.block_number()
        # A node tries a call on its latest block.
        if not check.drawn and check.moment + max(1, self.duties.draw_after) <= block < check.moment + DRAW_BLOCKS:
            transaction = self.suite.spot_checks.transaction("draw", seen.event_id)
            self._send(seen.event_id, "draw", 0, transaction, "Draw the points, which nobody did", deeds)

    # ------------------------------------------------------------------ sending

    def _send(self, event_id: bytes, what: str, place: int, transaction: Transaction, title: str, deeds: Deeds) -> bool:
        """Tries it, pays for it, and says so; False if it was not done."""
        key = (event_id, what, place)
        at, why = self._refused.get(key, (-RETRY_SECONDS, ""))
        if time.monotonic() - at < RETRY_SECONDS:
            deeds.blocked.append(why)
            return False
        try:
            with self.sender.about(event_id, what, place):
                self.sender.recover()
                receipt = self.sender.send(titled(transaction, title))
        except (ContractRevert, GasLimitError, BudgetError, InsufficientFundsError) as error:
            if isinstance(error, ContractRevert) and error.name in FASTER:
                self.progress(f"Event 0x{event_id.hex()[:10]}: somebody else was faster ({title}).")
                return False
            self._refused[key] = time.monotonic(), f"{title}: {error}"
            deeds.blocked.append(self._refused[key][1])
            return False
        self.state.settle(receipt.transaction, Fate.MINED, block=receipt.block, fee_wei=receipt.fee_wei)
        deeds.done.append(f"{title} ({receipt.gas_used:,} gas).")
        self.progress(f"Event 0x{event_id.hex()[:10]}: {deeds.done[-1]}")
        return True
