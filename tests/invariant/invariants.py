"""The invariants of `docs/invariants.md`, asserted on what the contracts answer, with their ids."""

from __future__ import annotations

from collections import Counter, defaultdict
from itertools import combinations
from typing import TYPE_CHECKING

from flexbond import ids
from flexbond.model.settlement import availability_per_unit, collateral_per_unit, share_of_pool
from flexbond.model.suite.measurement import count_of
from flexbond.model.types import EventStatus, Funding, LockReason

if TYPE_CHECKING:
    from collections.abc import Iterable

    from flexbond.model.types import Entry, EventKey, Settled
    from tests.invariant.cast import Cast
    from tests.invariant.ghost import Called, Event, Ghost, Issued, Pool
    from tests.invariant.stage import Stage

EDGES = {
    (EventStatus.OPEN, EventStatus.CALLED),
    (EventStatus.CALLED, EventStatus.SUBMITTED),
    (EventStatus.CALLED, EventStatus.UNMEASURED),
    (EventStatus.SUBMITTED, EventStatus.MEASURED),
    (EventStatus.SUBMITTED, EventStatus.UNMEASURED),
}


class Invariants:
    """Looks at the contracts and at what happened."""

    def __init__(self, stage: Stage, cast: Cast, ghost: Ghost) -> None:
        self.stage = stage
        self.world = stage.world
        self.cast = cast
        self.ghost = ghost

    # ---------------------------------------------------------------- at single steps

    def at_settlement(self, call: Called, settled: Settled, units_collateral: int, units_availability: int) -> None:
        """How a dispatch ended."""
        escrowed = call.rule.funding is Funding.ESCROWED
        if escrowed:
            assert settled.pay + settled.utilisation_refund == call.locked, "INV-5: utilisation"
            assert settled.availability + settled.availability_refund == units_availability, "INV-5: availability"
        else:
            assert call.locked == 0, "INV-3: money of a buyer was locked"
            assert settled.utilisation_refund == settled.availability_refund == 0, "INV-3: a refund of nothing"
        assert settled.penalty + settled.released == units_collateral, "INV-5: collateral"
        assert call.settled is None, "INV-15: settled twice"
        status = self.ghost.events[ids.event_id(call.product.event_key)].status
        assert status in (EventStatus.MEASURED, EventStatus.UNMEASURED), "INV-15: settled before the event is final"

    def at_measurement(self, event: Event, responses: tuple[int, ...], proven: int, leaves: int) -> None:
        """An event was measured."""
        submitted = event.submitted
        assert submitted is not None, "INV-17: measured without submission"
        key = ids.event_id(event.key)
        kept = self.world.measurement.commitment.call(key)
        outcome = ids.outcome_hash(ids.commitment(submitted.root, submitted.totals), responses)
        assert kept == outcome, "INV-17: other totals than submitted"
        assert submitted.root == submitted.measured.tree.root, "INV-17: a root that does not follow from the records"
        assert submitted.totals == submitted.measured.totals, "INV-17: totals that do not follow from the records"
        assert responses == submitted.measured.responses_milli_wh, "INV-17: other responses than the records give"
        assert proven == leaves, "INV-17: not every leaf was proven"
        for period, response in enumerate(responses):
            calls = [(call, call.dispatch.orders_w[period]) for call in self.ghost.calls_of(key)]
            total = sum(order for _, order in calls)
            shares = sum(response * order // total for _, order in calls if order)
            assert not total or shares <= response, "INV-9: shares exceed the response"

    def at_collection(self, pool: Pool, index: int, amount: int, part: int, total: int) -> None:
        """A place collected its part of the whole."""
        assert index not in pool.collected, "INV-18: collected twice"
        assert amount == share_of_pool(pool.funded, part, total), "INV-18: the share depends on when it is collected"

    def at_issue(self, right: Issued) -> None:
        """Units were issued."""
        portfolio, start = right.product.portfolio_id, right.product.window_start
        promised = self.world.rights.window.call(portfolio, start)[2]
        assert promised <= self.world.devices.sums.call(portfolio).capacity_w, "INV-11: more promised than there is"

    # ---------------------------------------------------------------- after steps

    def of_event(self, event: bytes) -> None:
        """One event."""
        known = self.ghost.events[event]
        status = self.world.measurement.eventState.call(event).status
        if status is not known.status:
            assert (known.status, status) in EDGES, f"INV-14: from {known.status.name} to {status.name}"
            known.status = status
        self._keeps_call(known)
        calls = self.ghost.calls_of(event)
        pending = any(call.settled is None for call in calls)
        for period in range(count_of(known.key, known.rule)):
            found = self.world.settlement.orderedW.call(event, period)
            ordered = sum(call.dispatch.orders_w[period] for call in calls) if pending else 0
            assert found == ordered, f"INV-8: period {period}"

    def _keeps_call(self, event: Event) -> None:
        portfolio, start = event.key.portfolio_id, event.key.window_start
        (call,) = self.world.rights.callsFrom.call(portfolio, start, start + 1)
        found = (call.window_start, call.window_end, call.first_notice)
        assert found == (start, event.key.window_end, event.first_notice), "INV-23: another window or notice"
        assert call.called_bps >= max(1, event.called_bps), "INV-23: less was called than before"
        event.called_bps = call.called_bps

    def of_call(self, call: Called) -> None:
        """One dispatch."""
        held = self._locked(call.rule.currency, LockReason.UTILISATION, call.id)
        expected = 0 if call.settled else call.locked
        assert held == expected, f"INV-4: {held} locked for a dispatch, not {expected}"

    def of_right(self, right_id: bytes) -> None:
        """One right, and what backs it and the others of its event."""
        self._counts_units(right_id)
        self._is_backed(self.ghost.rights[right_id].product.event_key)

    def _counts_units(self, right_id: bytes) -> None:
        right = self.ghost.rights[right_id]
        held = sum(self.world.rights.balanceOf.call(who, ids.token_id(right_id)) for who in right.holders)
        gone = right.released + right.refunded + right.dispatched
        assert right.issued == held + gone, "INV-16: units appear or vanish"
        assert self.world.rights.right.call(right_id)[1] == held, "INV-16: open is not what is held"

    def _is_backed(self, key: EventKey) -> None:
        rights = {name: right for name, right in self.ghost.rights.items() if right.product.event_key == key}
        under_way: Counter[bytes] = Counter()
        for call in self.ghost.open_calls():
            under_way[call.dispatch.right_id] += call.dispatch.units
        expected = sum(_backing(right, under_way[right_id]) for right_id, right in rights.items())
        # One rule an event, and one currency a rule.
        token = next(iter(rights.values())).product.currency
        found = self._locked(token, LockReason.RIGHTS, ids.event_id(key))
        assert found == expected, f"INV-2: {found} locked for an event's rights, not {expected}"

    def of_pool(self, pool_id: bytes) -> None:
        """One pool."""
        pool = self.ghost.pools[pool_id]
        gone = sum(pool.collected.values()) + pool.swept
        held = self._locked(pool.rule.currency, LockReason.POOL, pool_id)
        assert held == pool.funded - gone, "INV-6: the lock is not what was funded less what was collected"
        assert gone <= pool.funded, "INV-6: more collected than funded"

    # ---------------------------------------------------------------- now and then

    def of_everything(self) -> None:
        """All that is conserved, and all single things."""
        self.of_money()
        self.of_windows()
        self.of_fleet()
        for event in self.ghost.events:
            self.of_event(event)
        for call in self.ghost.calls.values():
            self.of_call(call)
        for right in self.ghost.rights:
            self._counts_units(right)
        for key in {right.product.event_key for right in self.ghost.rights.values()}:
            self._is_backed(key)
        for pool in self.ghost.pools:
            self.of_pool(pool)

    def of_money(self) -> None:
        """All tokens."""
        escrow = self.world.escrow
        for token in self.cast.tokens:
            free = sum(escrow.free.call(token, account) for account in [*self.cast.everyone, *self.cast.contracts])
            locks = sum(escrow.lockOf.call(ids.lock_id(token, *place))[1] for place in self._places())
            owed = escrow.owed.call(token)
            assert owed == free + locks, "INV-1: owed is not the sum of all balances and locks"
            if token != self.cast.tokens[3]:  # the rebasing one may lose what it likes
                held = self.world.evm.at("MockStablecoin", token).balanceOf.call(escrow.address)
                assert owed <= held, "INV-1: more is owed than held"
            assert owed == self.ghost.deposited[token], "INV-7: money came or went otherwise"

    def of_windows(self) -> None:
        """All windows that were sold."""
        promised: dict[tuple[bytes, int], int] = defaultdict(int)
        for right in self.ghost.rights.values():
            product, gone = right.product, right.released + right.refunded
            promised[product.portfolio_id, product.window_start] += (right.issued - gone) * product.lot_w
        for (portfolio, start), power in promised.items():
            found = self.world.rights.window.call(portfolio, start)[2]
            assert found == power, f"INV-11: {found} W are promised, not {power}"
        for one, other in combinations(self.ghost.rights.values(), 2):
            keys = one.product.event_key, other.product.event_key
            if keys[0].portfolio_id == keys[1].portfolio_id and _overlap(*keys):
                assert keys[0] == keys[1], "INV-10: two events of a portfolio overlap"

    def of_fleet(self) -> None:
        """All portfolios."""
        devices, present = self.world.devices, set[bytes]()
        lists: dict[bytes, list[Entry]] = {}
        for portfolio in self.cast.portfolios:
            sums = devices.sums.call(portfolio)
            lists[portfolio] = [devices.entry.call(portfolio, index) for index in range(sums.entries)]
            inside = [entry for entry in lists[portfolio] if not entry.left_at]
            assert sums.capacity_w == sum(entry.capacity_w for entry in inside), "INV-12: capacity"
            assert sums.connection_w == sum(entry.connection_w for entry in inside), "INV-12: connections"
            points = [entry.metering_point for entry in inside]
            assert len({*points}) == len(points), "INV-12: a point is open twice in a portfolio"
            assert not present & {*points}, "INV-12: a point is open in two portfolios"
            present |= {*points}
            share = devices.portfolio.call(portfolio).customer_share_bps
            assert share >= self.ghost.shares.get(portfolio, 0), "INV-19: the customers' share fell"
            self.ghost.shares[portfolio] = share
        for rule in self.cast.rule_by_id:
            assert self.world.rulebook.isPublished.call(rule), "INV-19: a rule is gone"
        self._counted_once(lists)

    def _counted_once(self, lists: dict[bytes, list[Entry]]) -> None:
        for one, other in combinations(self.ghost.events.values(), 2):
            if _overlap(one.key, other.key):
                both = _counted(lists, one) & _counted(lists, other)
                assert not both, "INV-13: a metering point is counted in two events at once"

    # ---------------------------------------------------------------- reading

    def _places(self) -> Iterable[tuple[LockReason, bytes]]:
        for key in {right.product.event_key for right in self.ghost.rights.values()}:
            yield LockReason.RIGHTS, ids.event_id(key)
        for call in self.ghost.calls:
            yield LockReason.UTILISATION, call
        for pool in self.ghost.pools:
            yield LockReason.POOL, pool
        for event in self.ghost.bonds:
            yield LockReason.BOND, event
        for demand in self.ghost.demands:
            yield LockReason.DEMAND, demand

    def _locked(self, token: str, reason: LockReason, key: bytes) -> int:
        return int(self.world.escrow.lockOf.call(ids.lock_id(token, reason, key))[1])


def _backing(right: Issued, under_way: int) -> int:
    """Collateral and availability that a right's units have locked, base units."""
    product, rule = right.product, right.rule
    held = right.issued - right.released - right.refunded - right.dispatched
    backed = under_way + (0 if right.expired else held)
    # Once expired, only holders whose provider was unavailable have something to get back.
    refundable = held if right.unavailable else 0
    waiting = refundable if right.expired else held + right.released
    units = 0 if rule.funding is Funding.STATEMENT else under_way + waiting
    return backed * collateral_per_unit(product, rule.collateral_bps) + units * availability_per_unit(product)


def _overlap(one: EventKey, other: EventKey) -> bool:
    return one.window_start < other.window_end and other.window_start < one.window_end


def _counted(lists: dict[bytes, list[Entry]], event: Event) -> set[bytes]:
    entries = lists[event.key.portfolio_id]
    return {entry.metering_point for entry in entries if entry.was_in_before(event.first_notice)}
