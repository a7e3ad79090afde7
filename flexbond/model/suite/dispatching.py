"""Settlement: dispatches and their money."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from flexbond import ids
from flexbond.hashing import ZERO_HASH
from flexbond.model.sampling import bond_share
from flexbond.model.settlement import (
    DispatchOutcome,
    availability_per_unit,
    collateral_per_unit,
    is_whole_milli_wh,
    pool_of,
    settle_dispatch,
    split_pool,
    utilisation_lock,
)
from flexbond.model.suite.base import ModelRevert, Part, Table, atomic
from flexbond.model.suite.measurement import count_of
from flexbond.model.types import Dispatch, DispatchKind, EventStatus, Funding, LockReason

if TYPE_CHECKING:
    from collections.abc import Sequence

    from flexbond.model.suite import Suite
    from flexbond.model.types import Product, Rule, Settled

MOST_DISPATCHES: Final = (1 << 16) - 1


class Settlement(Part):
    """Dispatches, by their id; None once settled."""

    def __init__(self, suite: Suite) -> None:
        super().__init__(suite)
        self.dispatches: Table[bytes, Dispatch | None] = self.table()
        self.orders: Table[bytes, tuple[int, ...]] = self.table()
        self.pendings: Table[bytes, int] = self.table()

    # -------------------------------------------------------------- calling

    @atomic
    def dispatch(
        self,
        product: Product,
        rule: Rule,
        holder: str,
        units: int,
        orders_w: Sequence[int],
        kind: DispatchKind,
        *,
        sender: str,
        now: int,
    ) -> bytes:
        """Calls units of a right; the dispatch's id."""
        self.require_acts_for(holder, sender, now)
        self._require_rule(product, rule)
        _require_orders(product, rule, units, orders_w)
        mask = _require_notice(product, rule, orders_w, now)
        right_id = ids.right_id(product)
        event_id = ids.event_id(product.event_key)
        number = self.pending(event_id)
        if number == MOST_DISPATCHES:
            raise ModelRevert("Flexbond_Overflow", number + 1, 16)
        called = Dispatch(
            right_id=right_id,
            holder=holder,
            units=units,
            number=number,
            kind=kind,
            notice_at=now,
            orders_w=tuple(orders_w),
            excused_mask=0,
        )
        _require_runs(product, rule, orders_w)
        dispatch_id = ids.dispatch_id(right_id, holder, number)
        self.dispatches[dispatch_id] = called
        totals = self._add_orders(event_id, orders_w)
        self.suite.rights.consume(
            right_id,
            product.portfolio_id,
            product.window_start,
            holder,
            units,
            rule.min_dispatch_bps,
            max(total for total, order in zip(totals, orders_w, strict=True) if order),
            sender=self.suite.addresses.settlement,
            now=now,
        )
        self.suite.measurement.call(product.event_key, mask, sender=self.suite.addresses.settlement, now=now)
        locked = utilisation_lock(product, rule, orders_w)
        self.suite.escrow.lock(
            rule.currency, holder, LockReason.UTILISATION, dispatch_id, locked, sender=self.suite.addresses.settlement
        )
        return dispatch_id

    # -------------------------------------------------------------- changing an order

    @atomic
    def stop(
        self, product: Product, rule: Rule, dispatch: Dispatch, from_period: int, *, sender: str, now: int
    ) -> None:
        """Takes back the order from a period on."""
        dispatch_id = self._require_changeable(product, rule, dispatch, sender, now)
        periods = len(dispatch.orders_w)
        if from_period >= periods:
            raise ModelRevert("Settlement_PeriodOutOfRange", from_period, periods)
        _require_not_begun(product, rule, from_period, now)
        self._take_back(product, rule, dispatch, dispatch_id, from_period)

    @atomic
    def cancel(self, product: Product, rule: Rule, dispatch: Dispatch, *, sender: str, now: int) -> None:
        """Takes back the whole order before its first period begins."""
        dispatch_id = self._require_changeable(product, rule, dispatch, sender, now)
        first = next((period for period, order in enumerate(dispatch.orders_w) if order), None)
        if first is None:
            raise ModelRevert("Settlement_NothingOrdered", dispatch.right_id)
        _require_not_begun(product, rule, first, now)
        self._take_back(product, rule, dispatch, dispatch_id, first)

    @atomic
    def excuse(self, product: Product, dispatch: Dispatch, periods_mask: int, *, sender: str, now: int) -> None:
        """Excuses periods: no penalty for them."""
        self.require_acts_for(dispatch.holder, sender, now)
        dispatch_id = self._require_open(dispatch)
        self._require_right(product, dispatch)
        periods = len(dispatch.orders_w)
        if periods_mask >> periods:
            raise ModelRevert("Settlement_PeriodOutOfRange", periods_mask.bit_length() - 1, periods)
        changed = replace(dispatch, excused_mask=dispatch.excused_mask | periods_mask)
        self.dispatches[dispatch_id] = changed

    # -------------------------------------------------------------- checking a submission

    @atomic
    def demand_proof(self, product: Product, dispatch: Dispatch, place: int, *, sender: str, now: int) -> None:
        """Demands the proof of a leaf of the event's submission."""
        self.require_acts_for(dispatch.holder, sender, now)
        self._require_open(dispatch)
        self._require_right(product, dispatch)
        if sum(dispatch.orders_w) == 0:
            raise ModelRevert("Settlement_NothingOrdered", dispatch.right_id)
        here = self.suite.addresses.settlement
        self.suite.spot_checks.demand(product.event_key, dispatch.holder, place, sender=here, now=now)

    @atomic
    def accept(self, product: Product, dispatch: Dispatch, commitment: bytes, *, sender: str, now: int) -> None:
        """Accepts the event's submission."""
        self.require_acts_for(dispatch.holder, sender, now)
        dispatch_id = self._require_open(dispatch)
        self._require_right(product, dispatch)
        if dispatch.accepted:
            raise ModelRevert("Settlement_AlreadyAccepted", dispatch_id)
        event_id = ids.event_id(product.event_key)
        self.dispatches[dispatch_id] = replace(dispatch, accepted=True)
        here = self.suite.addresses.settlement
        self.suite.spot_checks.accept(event_id, commitment, self.pending(event_id), sender=here)

    # -------------------------------------------------------------- settling

    @atomic
    def settle(
        self,
        product: Product,
        rule: Rule,
        dispatch: Dispatch,
        commitment: bytes,
        responses_milli_wh: Sequence[int],
        *,
        now: int,
    ) -> Settled:
        """Settles a dispatch of an event that is final."""
        dispatch_id = self._require_open(dispatch)
        self._require_right(product, dispatch)
        self._require_rule(product, rule)
        event_id = ids.event_id(product.event_key)
        measured = self._require_final(event_id, commitment, responses_milli_wh)
        outcome = self.outcome(product, rule, dispatch, responses_milli_wh if measured else None)
        settled = outcome.settled
        self.dispatches[dispatch_id] = None
        self.pendings[event_id] = self.pending(event_id) - 1
        ordered = self.orders[event_id]
        if self.pending(event_id) == 0:
            self.orders[event_id] = (0,) * len(ordered)
        self._pay(product, rule, dispatch, dispatch_id, event_id, settled)
        if not measured:
            self._share_bond(rule.currency, dispatch, event_id, sum(ordered))
        if rule.funding is Funding.ESCROWED:
            key, here = product.event_key, self.suite.addresses.settlement
            if self.pending(event_id) == 0:
                self.suite.payouts.open(event_id, key, rule.currency, settled.pool, not measured, sender=here, now=now)
            elif settled.pool:
                self.suite.payouts.fund(event_id, key, settled.pool, sender=here)
        return settled

    @atomic
    def settle_uncalled(self, product: Product, rule: Rule, *, now: int) -> tuple[int, int, int]:
        """Pays the availability of what was never called: availability, customers' part, collateral freed."""
        self._require_rule(product, rule)
        if now < product.window_end:
            raise ModelRevert("Settlement_TooEarly", product.window_end, now)
        right_id, here = ids.right_id(product), self.suite.addresses.settlement
        share = self.suite.devices.portfolio(product.portfolio_id).customer_share_bps
        backed, earning = self.suite.rights.expire(product, sender=here)
        availability = earning * availability_per_unit(product)
        pool = pool_of(availability, share)
        released = backed * collateral_per_unit(product, rule.collateral_bps)
        is_escrowed = rule.funding is Funding.ESCROWED
        pooled = pool if is_escrowed else 0
        earned = availability - pool if is_escrowed else 0
        self.suite.escrow.divide(
            *(rule.currency, LockReason.RIGHTS, ids.event_id(product.event_key), product.provider),
            *(0, released + earned, right_id, pooled),
            sender=here,
        )
        if pooled:
            self.suite.payouts.open(right_id, product.event_key, rule.currency, pool, True, sender=here, now=now)
        return availability, pool, released

    # -------------------------------------------------------------- views

    def pending(self, event_id: bytes) -> int:
        """Dispatches of the event not yet settled."""
        return self.pendings.get(event_id, 0)

    def ordered_w(self, event_id: bytes, period: int) -> int:
        """Power ordered of the event in a period by all its dispatches, W; 0 once all are settled."""
        orders = self.orders.get(event_id, ())
        return orders[period] if period < len(orders) else 0

    def outcome(
        self, product: Product, rule: Rule, dispatch: Dispatch, responses_milli_wh: Sequence[int] | None
    ) -> DispatchOutcome:
        """How a dispatch would end; None: unmeasured."""
        dispatch_id = ids.dispatch_id(dispatch.right_id, dispatch.holder, dispatch.number)
        return settle_dispatch(
            product=product,
            rule=rule,
            dispatch=dispatch,
            responses_milli_wh=responses_milli_wh,
            event_orders_w=self.orders[ids.event_id(product.event_key)],
            customer_share_bps=self.suite.devices.portfolio(product.portfolio_id).customer_share_bps,
            utilisation_locked=self.suite.escrow.locked(rule.currency, LockReason.UTILISATION, dispatch_id),
        )

    # -------------------------------------------------------------- inside

    def _add_orders(self, event_id: bytes, orders_w: Sequence[int]) -> tuple[int, ...]:
        """What is now ordered of the event, per period, W."""
        before = self.orders.get(event_id, (0,) * len(orders_w))
        after = tuple(a + b for a, b in zip(before, orders_w, strict=True))
        self.orders[event_id] = after
        self.pendings[event_id] = self.pending(event_id) + 1
        return after

    def _take_back(
        self, product: Product, rule: Rule, dispatch: Dispatch, dispatch_id: bytes, from_period: int
    ) -> None:
        kept = tuple(order if period < from_period else 0 for period, order in enumerate(dispatch.orders_w))
        event_id = ids.event_id(product.event_key)
        changes = zip(self.orders[event_id], dispatch.orders_w, kept, strict=True)
        self.orders[event_id] = tuple(total - before + after for total, before, after in changes)
        _require_runs(product, rule, kept)
        self.dispatches[dispatch_id] = replace(dispatch, orders_w=kept)

    def _require_rule(self, product: Product, rule: Rule) -> None:
        given = ids.rule_id(rule)
        if given != product.rule_id:
            raise ModelRevert("Settlement_RuleDiffers", given)

    def _require_right(self, product: Product, dispatch: Dispatch) -> None:
        given = ids.right_id(product)
        if given != dispatch.right_id:
            raise ModelRevert("Settlement_RightDiffers", given)

    def _require_open(self, dispatch: Dispatch) -> bytes:
        dispatch_id = ids.dispatch_id(dispatch.right_id, dispatch.holder, dispatch.number)
        if self.dispatches.get(dispatch_id) != dispatch:
            raise ModelRevert("Settlement_DispatchDiffers", dispatch_id)
        return dispatch_id

    def _require_changeable(self, product: Product, rule: Rule, dispatch: Dispatch, sender: str, now: int) -> bytes:
        self.require_acts_for(dispatch.holder, sender, now)
        dispatch_id = self._require_open(dispatch)
        self._require_right(product, dispatch)
        self._require_rule(product, rule)
        return dispatch_id

    def _require_final(self, event_id: bytes, commitment: bytes, responses_milli_wh: Sequence[int]) -> bool:
        measurement = self.suite.measurement
        if ids.outcome_hash(commitment, responses_milli_wh) == measurement.commitments.get(event_id):
            return True
        status = measurement.event_state(event_id).status
        if status not in (EventStatus.MEASURED, EventStatus.UNMEASURED):
            raise ModelRevert("Settlement_NotFinal", event_id, int(status))
        if status is EventStatus.MEASURED or commitment != ZERO_HASH or responses_milli_wh:
            raise ModelRevert("Measurement_ResultDiffers", event_id)
        return False

    def _pay(
        self,
        product: Product,
        rule: Rule,
        dispatch: Dispatch,
        dispatch_id: bytes,
        event_id: bytes,
        settled: Settled,
    ) -> None:
        """From the dispatch's locks to where it was earned; the customers' part comes out of the pay first."""
        escrow, here, holder = self.suite.escrow, self.suite.addresses.settlement, dispatch.holder
        earned = pooled = 0
        if rule.funding is Funding.ESCROWED:
            from_pay, pooled = split_pool(settled.pool, settled.pay)
            earned = settled.availability - pooled
            escrow.divide_all(
                *(rule.currency, LockReason.UTILISATION, dispatch_id, product.provider),
                *(settled.pay - from_pay, event_id, from_pay),
                sender=here,
            )
        escrow.divide(
            *(rule.currency, LockReason.RIGHTS, event_id, holder),
            *(settled.availability_refund + settled.penalty, earned + settled.released, event_id, pooled),
            sender=here,
        )

    def _share_bond(self, currency: str, dispatch: Dispatch, event_id: bytes, ordered_w: int) -> None:
        """The holder's part of what a rejected submission lost to the buyers; the last takes what rounding left."""
        for_buyers = self.suite.spot_checks.for_buyers(event_id)
        if for_buyers == 0:
            return
        if self.pending(event_id) == 0:
            share = self.suite.escrow.locked(currency, LockReason.BOND, event_id)
        else:
            share = bond_share(for_buyers, sum(dispatch.orders_w), ordered_w)
        here = self.suite.addresses.settlement
        self.suite.escrow.pay(currency, LockReason.BOND, event_id, dispatch.holder, share, sender=here)


def _require_orders(product: Product, rule: Rule, units: int, orders_w: Sequence[int]) -> None:
    periods = count_of(product.event_key, rule)
    if len(orders_w) != periods:
        raise ModelRevert("Settlement_OrdersLength", len(orders_w), periods)
    most = units * product.lot_w
    for period, order in enumerate(orders_w):
        if order > most:
            raise ModelRevert("Settlement_OrderTooLarge", period, order, most)
        if not is_whole_milli_wh(order, rule.period_seconds):
            raise ModelRevert("Settlement_OrderInexact", period, order)


def _require_notice(product: Product, rule: Rule, orders_w: Sequence[int], now: int) -> int:
    """From the gate's closing until notice and ramp before the first ordered period; the mask of ordered periods."""
    gate = product.window_start - rule.gate_seconds
    if now < gate:
        raise ModelRevert("Settlement_TooEarly", gate, now)
    ordered = [period for period, order in enumerate(orders_w) if order]
    if not ordered:
        raise ModelRevert("Settlement_NothingOrdered", ids.right_id(product))
    start = product.window_start + ordered[0] * rule.period_seconds
    latest = start - product.notice_seconds - product.ramp_seconds
    if now > latest:
        raise ModelRevert("Settlement_TooLate", max(0, latest), now)
    return sum(1 << period for period in ordered)


def _require_not_begun(product: Product, rule: Rule, period: int, now: int) -> None:
    start = product.window_start + period * rule.period_seconds
    if now >= start:
        raise ModelRevert("Settlement_TooLate", start, now)


def _require_runs(product: Product, rule: Rule, orders_w: Sequence[int]) -> None:
    """Every longest row of ordered periods is within the product's minimum and maximum run."""
    length = 0
    for period, order in enumerate((*orders_w, 0)):
        if order:
            length += 1
            continue
        seconds = length * rule.period_seconds
        if length and seconds < product.min_run_seconds:
            raise ModelRevert("Settlement_RunTooShort", period - length, seconds, product.min_run_seconds)
        if length and seconds > product.max_run_seconds:
            raise ModelRevert("Settlement_RunTooLong", period - length, seconds, product.max_run_seconds)
        length = 0
