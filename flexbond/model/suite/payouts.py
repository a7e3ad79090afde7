"""Payouts: customers' pools, and who collected."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from flexbond import ids, trees
from flexbond.hashing import keccak
from flexbond.model.settlement import share_of_pool
from flexbond.model.suite.base import ModelRevert, Part, Table, atomic
from flexbond.model.types import LockReason

if TYPE_CHECKING:
    from collections.abc import Sequence

    from flexbond.model.suite import Suite
    from flexbond.model.types import CapacityClaim, EventKey, NeighboursClaim, Rule, WeightClaim


@dataclass(frozen=True, kw_only=True)
class Pool:
    """Customers' money of an event, or of a right never called."""

    amount: int = 0
    """What it held when it was opened, base units."""
    opened_at: int = 0
    """UTC seconds; 0: not open."""
    by_capacity: bool = False
    leaves: int = 0
    """Of the submission's tree; what pads it is nobody's."""

    @property
    def depth(self) -> int:
        """Of the submission's tree."""
        return trees.depth_of(self.leaves)


EMPTY: Final = Pool()


class Payouts(Part):
    """Pools."""

    def __init__(self, suite: Suite) -> None:
        super().__init__(suite)
        self.pools: Table[bytes, Pool] = self.table()
        self.event_of: Table[bytes, bytes] = self.table()
        self.collected: Table[tuple[bytes, int], bool] = self.table()

    @atomic
    def fund(self, pool_id: bytes, key: EventKey, amount: int, *, sender: str) -> None:  # noqa: ARG002  it is logged
        """Notes money that Settlement relocked to the pool; its lock holds it."""
        self._require_settlement(sender)

    @atomic
    def open(
        self,
        pool_id: bytes,
        key: EventKey,
        currency: str,
        last: int,  # noqa: ARG002  it is logged
        by_capacity: bool,
        *,
        sender: str,
        now: int,
    ) -> None:
        """Opens a pool for collection with all that its lock holds, what Settlement relocked last included."""
        self._require_settlement(sender)
        amount = self.suite.escrow.locked(currency, LockReason.POOL, pool_id)
        if amount == 0:
            return
        event_id = ids.event_id(key)
        leaves = 0 if by_capacity else self.suite.measurement.event_state(event_id).leaves
        self.pools[pool_id] = Pool(amount=amount, opened_at=now, by_capacity=by_capacity, leaves=leaves)
        if pool_id != event_id:
            self.event_of[pool_id] = event_id

    @atomic
    def collect(self, claim: WeightClaim) -> int:
        """Credits one leaf's share to its payee, base units."""
        pool_id = ids.event_id(claim.key)
        pool = self._require_open(pool_id)
        leaf = trees.leaf(claim.index, claim.weight_word, claim.columns_hash)
        root = trees.climb(leaf, claim.index, claim.path)
        fits = (
            not pool.by_capacity
            and len(claim.path) == pool.depth
            and claim.index < pool.leaves
            and self._is_committed(pool_id, root, claim.total_weight, claim.totals_hash, claim.responses_hash)
        )
        if not fits:
            raise ModelRevert("Payouts_BadProof", pool_id, claim.index)
        entry = self.suite.devices.entry(claim.key.portfolio_id, claim.index)
        weight = claim.weight_word >> 128
        amount = self._share(pool_id, claim.index, pool.amount, weight, claim.total_weight)
        self._pay_out(pool_id, claim.currency, claim.index, entry.payee, amount)
        return amount

    @atomic
    def collect_many(self, claims: Sequence[NeighboursClaim]) -> int:
        """Credits the shares of neighbouring leaves, of many events, base units; those that have nothing to collect are passed over."""
        return sum([self._collect_run(claim) for claim in claims])

    @atomic
    def collect_by_capacity(self, claim: CapacityClaim) -> int:
        """Credits one place's share by capacity to its payee, base units."""
        pool = self._require_open(claim.pool_id)
        weightless = claim.total_weight == 0 and self._is_committed(
            claim.pool_id, claim.root, claim.total_weight, claim.totals_hash, claim.responses_hash
        )
        if not self._is_of(claim.pool_id, claim.key) or not (pool.by_capacity or weightless):
            raise ModelRevert("Payouts_BadProof", claim.pool_id, claim.index)
        at, devices = claim.key.window_start, self.suite.devices
        entry = devices.entry(claim.key.portfolio_id, claim.index)
        capacity = entry.capacity_w if entry.was_in_before(at) else 0
        total = devices.sums_before(claim.key.portfolio_id, at).capacity_w
        amount = self._share(claim.pool_id, claim.index, pool.amount, capacity, total)
        self._pay_out(claim.pool_id, claim.currency, claim.index, entry.payee, amount)
        return amount

    @atomic
    def sweep(self, pool_id: bytes, key: EventKey, rule: Rule, *, now: int) -> int:
        """After the collection period: what is left goes to whom the rule names, base units."""
        pool = self._require_open(pool_id)
        if not self._is_of(pool_id, key):
            raise ModelRevert("Payouts_EventDiffers", pool_id)
        rule_id = ids.rule_id(rule)
        if rule_id != key.rule_id:
            raise ModelRevert("Payouts_RuleDiffers", rule_id)
        until = pool.opened_at + rule.collect_period
        if now < until:
            raise ModelRevert("Payouts_PeriodNotOver", until, now)
        left = self.suite.escrow.locked(rule.currency, LockReason.POOL, pool_id)
        del self.pools[pool_id]
        self.suite.escrow.pay(
            rule.currency, LockReason.POOL, pool_id, rule.unclaimed_to, left, sender=self.suite.addresses.payouts
        )
        return left

    def pool(self, pool_id: bytes) -> Pool:
        """A pool; empty if there is none."""
        return self.pools.get(pool_id, EMPTY)

    def has_collected(self, pool_id: bytes, index: int) -> bool:
        """Whether a place collected of a pool."""
        return self.collected.get((pool_id, index), False)

    # -------------------------------------------------------------- inside

    def _collect_run(self, claim: NeighboursClaim) -> int:
        pool_id = ids.event_id(claim.key)
        pool = self._require_open(pool_id)
        root = _root_of_run(claim, pool)
        fits = (
            root is not None
            and not pool.by_capacity
            and self._is_committed(pool_id, root, claim.total_weight, claim.totals_hash, claim.responses_hash)
        )
        if not fits:
            raise ModelRevert("Payouts_BadProof", pool_id, claim.first)
        places = range(claim.first, claim.first + len(claim.weight_words))
        payees = [self.suite.devices.entry(claim.key.portfolio_id, place).payee for place in places]
        amounts = [0] * len(places)
        for number, place in enumerate(places):
            if not self.has_collected(pool_id, place):
                amounts[number] = _part_of(pool.amount, claim.weight_words[number] >> 128, claim.total_weight)
            if amounts[number]:
                self.collected[pool_id, place] = True
        here = self.suite.addresses.payouts
        self.suite.escrow.pay_many(claim.currency, LockReason.POOL, pool_id, payees, amounts, sender=here)
        return sum(amounts)

    def _require_settlement(self, sender: str) -> None:
        settlement = self.suite.addresses.settlement
        if sender != settlement:
            raise ModelRevert("Flexbond_NotAllowed", sender, settlement)

    def _require_open(self, pool_id: bytes) -> Pool:
        pool = self.pool(pool_id)
        if pool.opened_at == 0:
            raise ModelRevert("Payouts_NotOpen", pool_id)
        return pool

    def _is_of(self, pool_id: bytes, key: EventKey) -> bool:
        event_id = ids.event_id(key)
        return pool_id == event_id or self.event_of.get(pool_id) == event_id

    def _is_committed(
        self, event_id: bytes, root: bytes, total_weight: int, totals_hash: bytes, responses_hash: bytes
    ) -> bool:
        shown = keccak(keccak(root + total_weight.to_bytes(32, "big") + totals_hash) + responses_hash)
        return shown == self.suite.measurement.commitments.get(event_id, bytes(32))

    def _share(self, pool_id: bytes, index: int, amount: int, part: int, total: int) -> int:
        if self.has_collected(pool_id, index):
            raise ModelRevert("Payouts_AlreadyCollected", pool_id, index)
        share = _part_of(amount, part, total)
        if share == 0:
            raise ModelRevert("Payouts_NothingToCollect", pool_id, index)
        return share

    def _pay_out(self, pool_id: bytes, currency: str, index: int, payee: str, amount: int) -> None:
        self.collected[pool_id, index] = True
        self.suite.escrow.pay(currency, LockReason.POOL, pool_id, payee, amount, sender=self.suite.addresses.payouts)


def _part_of(amount: int, part: int, total: int) -> int:
    """One place's part, base units; nothing of a total of nothing."""
    return share_of_pool(amount, part, total) if total else 0


def _root_of_run(claim: NeighboursClaim, pool: Pool) -> bytes | None:
    """The root that the claim's leaves lead to; None if they cannot stand side by side in the pool's tree."""
    count = len(claim.weight_words)
    if count != len(claim.columns_hashes) or claim.first + count > pool.leaves:
        return None
    pairs = zip(claim.weight_words, claim.columns_hashes, strict=True)
    leaves = [trees.leaf(claim.first + number, *pair) for number, pair in enumerate(pairs)]
    try:
        return trees.run_root(leaves, claim.first, pool.depth, claim.path)
    except trees.TreeError:
        return None
