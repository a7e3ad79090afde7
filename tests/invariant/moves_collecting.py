"""Rules of customers' pools: collected in any order, twice, with false proofs, swept too early and in time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from flexbond import ids
from flexbond.model.types import CapacityClaim, Entry, EventKey, NeighboursClaim, WeightClaim
from tests.invariant.ghost import Pool, Submitted
from tests.invariant.moves import Draws, Moves


class CollectMoves(Moves):
    """Customers get their part."""

    def collect(self, number: int) -> None:
        """A leaf's part of an event's pool."""
        draws = Draws(number)
        found = self._some_pool(draws, is_event=True)
        if found is None:
            return
        pool_id, pool = found
        submitted = self.ghost.events[pool_id].submitted
        if submitted is None or not submitted.proofs:
            self._by_capacity(draws, pool_id, pool)
            return
        claim = self.claim(draws, pool, submitted)
        sender = draws.of(self.cast.everyone)
        method, model = self.world.payouts.collect, self.suite.payouts.collect
        result = self.act("collect", method, (claim,), sender, model, claim=claim)
        if result.ok:
            self._collected(pool_id, pool, claim.index, result.returned, claim.weight_word >> 128, claim.total_weight)
        elif submitted.measured.totals.weight == 0 and draws.below(2):
            self._by_capacity(draws, pool_id, pool)

    def relay(self, number: int) -> None:
        """Rows of neighbours of one or more pools in one call; whoever collected before, or has nothing, is passed over."""
        draws = Draws(number)
        events = [
            (pool_id, pool, submitted)
            for pool_id, pool in self.ghost.pools.items()
            if pool.is_event and (submitted := self.ghost.events[pool_id].submitted) and submitted.proofs
        ]
        if not events:
            return
        chosen = [draws.of(events) for _ in range(draws.of((1, 1, 2)))]
        claims = [self._run_claim(draws, pool, submitted) for _, pool, submitted in chosen]
        free = dict(self.suite.escrow.balances)
        method, model = self.world.payouts.collectMany, self.suite.payouts.collect_many
        result = self.act("collectMany", method, (claims,), draws.of(self.cast.everyone), model, claims=claims)
        if not result.ok:
            return
        assert result.receipt is not None
        credited = sum(self.suite.escrow.balances[key] - free.get(key, 0) for key in self.suite.escrow.balances)
        assert credited == result.returned == result.value, "INV-6: a relay credits other than it takes"
        for log in result.receipt.all("CollectedMany"):
            pool = self.ghost.pools[log.pool_id]
            submitted = self.ghost.events[log.pool_id].submitted
            assert submitted is not None
            for index, amount in enumerate(log.amounts, log.first):
                if amount:
                    part = submitted.measured.weight_words[index] >> 128
                    self.checks.at_collection(pool, index, amount, part, submitted.totals.weight)
                    pool.collected[index] = amount
        for pool_id, _, _ in chosen:
            self.checks.of_pool(pool_id)

    def _run_claim(self, draws: Draws, pool: Pool, submitted: Submitted) -> NeighboursClaim:
        """A row of leaves, mostly as they are."""
        measured, leaves = submitted.measured, len(submitted.proofs)
        first = draws.below(leaves)
        count = draws.of((leaves - first, 1 + draws.below(leaves - first)))
        claim = NeighboursClaim(
            key=pool.key,
            currency=pool.rule.currency,
            first=first,
            weight_words=measured.weight_words[first : first + count],
            columns_hashes=measured.columns_hashes[first : first + count],
            path=measured.tree.run_path(first, count),
            total_weight=submitted.totals.weight,
            totals_hash=ids.totals_hash(submitted.totals),
            responses_hash=ids.responses_hash(measured.responses_milli_wh),
        )
        if draws.below(4):
            return claim
        return draws.of(
            (
                replace(claim, first=first + 1),
                replace(claim, weight_words=claim.weight_words[:-1]),
                replace(claim, weight_words=(), columns_hashes=()),
                replace(claim, weight_words=(*claim.weight_words[:-1], claim.weight_words[-1] + (1 << 128))),
                replace(claim, path=(*claim.path, bytes(32))),
                replace(claim, path=claim.path[:-1]),
                replace(claim, currency=draws.of(self.cast.tokens)),
                replace(claim, total_weight=max(0, claim.total_weight - 1)),
            )
        )

    def claim(self, draws: Draws, pool: Pool, submitted: Submitted) -> WeightClaim:
        """A leaf's claim, mostly right."""
        measured = submitted.measured
        leaves = len(submitted.proofs)
        index = draws.below(leaves)
        waiting = [
            place for place, word in enumerate(measured.weight_words) if word >> 128 and place not in pool.collected
        ]
        if waiting and draws.below(6):
            index = draws.of(waiting)
        claim = WeightClaim(
            key=pool.key,
            currency=pool.rule.currency,
            index=index,
            weight_word=measured.weight_words[index],
            columns_hash=measured.columns_hashes[index],
            path=measured.tree.path(index),
            total_weight=submitted.totals.weight,
            totals_hash=ids.totals_hash(submitted.totals),
            responses_hash=ids.responses_hash(measured.responses_milli_wh),
        )
        if draws.below(5):
            return claim
        return draws.of(
            (
                replace(claim, index=index ^ 1),
                replace(claim, index=index + leaves),
                replace(claim, weight_word=claim.weight_word + (1 << 128)),
                replace(claim, path=(*claim.path, bytes(32))),
                replace(claim, path=claim.path[:-1]),
                replace(claim, total_weight=max(0, claim.total_weight - 1)),
                replace(claim, currency=draws.of(self.cast.tokens)),
                replace(claim, columns_hash=claim.totals_hash),
                replace(claim, responses_hash=claim.totals_hash),
            )
        )

    def collect_by_capacity(self, number: int) -> None:
        """A place's part of a pool that is split by capacity."""
        draws = Draws(number)
        found = self._some_pool(draws, is_event=draws.rarely(4))
        if found is not None:
            self._by_capacity(draws, *found)

    def _by_capacity(self, draws: Draws, pool_id: bytes, pool: Pool) -> None:
        event = self.ghost.events.get(pool_id)
        submitted = event.submitted if event else None
        entries = self.suite.devices.entries(pool.key.portfolio_id)
        claim = CapacityClaim(
            pool_id=pool_id,
            key=self._other_key(draws, pool) if draws.rarely() else pool.key,
            currency=pool.rule.currency if draws.below(15) else draws.of(self.cast.tokens),
            index=self._place(draws, pool, entries),
            root=submitted.root if submitted else bytes(32),
            total_weight=submitted.totals.weight if submitted and draws.below(9) else 0,
            totals_hash=ids.totals_hash(submitted.totals) if submitted else bytes(32),
            responses_hash=ids.responses_hash(submitted.measured.responses_milli_wh) if submitted else bytes(32),
        )
        sender = draws.of(self.cast.everyone)
        method, model = self.world.payouts.collectByCapacity, self.suite.payouts.collect_by_capacity
        result = self.act("collectByCapacity", method, (claim,), sender, model, claim=claim)
        if result.ok:
            start = pool.key.window_start
            entry = entries[claim.index]
            assert entry.was_in_before(start), "INV-18: a place that was not in the portfolio collects"
            total = self.world.devices.sumsBefore.call(pool.key.portfolio_id, start).capacity_w
            self._collected(pool_id, pool, claim.index, result.returned, entry.capacity_w, total)

    def _place(self, draws: Draws, pool: Pool, entries: Sequence[Entry]) -> int:
        """Mostly of a place that was in, and did not collect."""
        start = pool.key.window_start
        places = [
            place for place, entry in enumerate(entries) if entry.was_in_before(start) and place not in pool.collected
        ]
        return draws.of(places) if places and draws.below(5) else draws.below(len(entries) + 1)

    def _other_key(self, draws: Draws, pool: Pool) -> EventKey:
        return draws.of(list(self.ghost.pools.values())).key

    def _collected(self, pool_id: bytes, pool: Pool, index: int, amount: int, part: int, total: int) -> None:
        self.checks.at_collection(pool, index, amount, part, total)
        pool.collected[index] = amount
        self.checks.of_pool(pool_id)

    def _some_pool(self, draws: Draws, *, is_event: bool) -> tuple[bytes, Pool] | None:
        pools = [item for item in self.ghost.pools.items() if item[1].is_event == is_event]
        ready = [item for item in pools if self.suite.payouts.pool(item[0]).opened_at]
        if not pools or (not ready and draws.below(4)):
            return None
        return draws.of(ready if ready and draws.below(8) else pools)

    def sweep(self, number: int) -> None:
        """What is left, mostly too early."""
        draws = Draws(number)
        pools = list(self.ghost.pools.items())
        if not pools:
            return
        over = [
            (pool_id, pool)
            for pool_id, pool in pools
            if self.suite.payouts.pool(pool_id).opened_at
            and self.suite.payouts.pool(pool_id).opened_at + pool.rule.collect_period <= self.now + 1
        ]
        if not over and draws.below(4):
            return
        pool_id, pool = draws.of(over or pools)
        key = self._other_key(draws, pool) if draws.rarely(8) else pool.key
        given_rule = pool.rule if draws.below(12) else draws.of(self.cast.rules)
        given = {"pool_id": pool_id, "key": key, "rule": given_rule, "now": self.now}
        sender = draws.of(self.cast.everyone)
        method, model = self.world.payouts.sweep, self.suite.payouts.sweep
        result = self.act("sweep", method, (pool_id, key, given_rule), sender, model, **given)
        if result.ok:
            assert result.receipt is not None
            pool.swept += result.receipt.only("PoolSwept").amount
            self.checks.of_pool(pool_id)
