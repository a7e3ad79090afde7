"""Rules of dispatches: called, stopped, cancelled, excused, settled; and of what nobody called."""

from __future__ import annotations

from dataclasses import replace

from flexbond import ids
from flexbond.hashing import keccak
from flexbond.model.settlement import availability_per_unit, collateral_per_unit
from flexbond.model.suite.measurement import count_of
from flexbond.model.types import BaselineMethod, Dispatch, DispatchKind, EventStatus, Funding, LockReason
from tests.invariant.ghost import Called, Event, Issued
from tests.invariant.moves import Draws, Moves


def _latest(right: Issued) -> int:
    """Last moment of a notice, UTC seconds: for the last period."""
    product = right.product
    return product.window_end - right.rule.period_seconds - product.notice_seconds - product.ramp_seconds


class CallMoves(Moves):
    """Dispatches begin, change and end."""

    # ---------------------------------------------------------------- calling

    def nominate(self, number: int) -> None:
        """A schedule, again and again until the gate."""
        draws = Draws(number)
        if not self.ghost.rights:
            return
        rights = list(self.ghost.rights.values())
        fitting = [right for right in rights if right.rule.baseline is BaselineMethod.NOMINATED]
        if not fitting and draws.below(6):
            return
        right = draws.of(fitting if fitting and draws.below(8) else rights)
        key, terms = right.product.event_key, right.rule
        periods = count_of(key, terms)
        level = draws.of((0, 250_000, 1_000_000, 2_000_000, 2_000_000, 3_000_000, -400_000, 2**40, 1))
        schedule = [level + period * 7 for period in range(draws.of((periods, periods, periods, periods + 1, 0)))]
        if draws.rarely(8):
            key = replace(key, rule_id=draws.of([*self.cast.rule_by_id, bytes(32)]))
        sender = self.someone(draws, right.product.provider)
        given = {"key": key, "schedule_milli_wh": schedule, "sender": sender, "now": self.now}
        args = (key, schedule)
        self.act("nominate", self.world.measurement.nominate, args, sender, self.suite.measurement.nominate, **given)

    def dispatch(self, number: int) -> None:
        """Any units of a right, mostly one that can be called now."""
        draws = Draws(number)
        rights = list(self.ghost.rights.items())
        ready = [
            (right_id, right)
            for right_id, right in rights
            if right.product.window_start - right.rule.gate_seconds <= self.now <= _latest(right)
            and any(self.suite.rights.balance_of(who, right_id) for who in right.holders)
        ]
        if not rights or (not ready and draws.below(6)):
            return
        right_id, right = draws.of(ready if ready and draws.below(12) else rights)
        product, terms = right.product, right.rule
        holders = sorted(right.holders)
        holder = draws.of([who for who in holders if self.suite.rights.balance_of(who, right_id)] or holders)
        held = self.suite.rights.balance_of(holder, right_id)
        units = draws.of((held, held, max(1, held // 2), max(1, held // 3), 1))
        if draws.rarely(15):
            units = draws.of((held + 1, 0))
        periods = count_of(product.event_key, terms)
        lead = self.now + product.notice_seconds + product.ramp_seconds - product.window_start
        first = min(max(0, -(-lead // terms.period_seconds)), periods - 1)
        orders = self._orders(draws, units * product.lot_w, first, periods)
        given_rule = terms if draws.below(15) else draws.of(self.cast.rules)
        sender = self.someone(draws, holder)
        kind = draws.of(tuple(DispatchKind))
        args = (product, given_rule, holder, units, orders, kind)
        names = ("product", "rule", "holder", "units", "orders_w", "kind")
        given = dict(zip(names, args, strict=True))
        model, method = self.suite.settlement.dispatch, self.world.settlement.dispatch
        result = self.act("dispatch", method, args, sender, model, sender=sender, now=self.now, **given)
        if result.ok:
            self.called(result.value, right_id)

    def _orders(self, draws: Draws, most: int, first: int, periods: int) -> list[int]:
        """Mostly from the first period that can still be called."""
        first = draws.of((first, first, first, first, periods - 1, 0))
        last = max(first + 1, draws.of((periods, periods, periods, first + 1, periods - 1)))
        order = draws.of((most, most, most, most // 2, max(1, most // 3), 1))
        orders = [order if first <= period < last else 0 for period in range(periods)]
        if draws.rarely(25):
            orders = draws.of(([*orders, order], orders[:-1], [most + 1] * periods, [0] * periods))
        return [min(order, 2**40 - 1) for order in orders]

    def called(self, dispatch_id: bytes, right_id: bytes) -> None:
        """Remembers a dispatch that was made."""
        right, dispatch = self.ghost.rights[right_id], self.suite.settlement.dispatches[dispatch_id]
        assert dispatch is not None
        assert self.world.settlement.dispatchHash.call(dispatch_id) == ids.dispatch_hash(dispatch)
        lock = ids.lock_id(right.product.currency, LockReason.UTILISATION, dispatch_id)
        locked = int(self.world.escrow.lockOf.call(lock)[1])
        assert dispatch_id not in self.ghost.calls, "INV-15: a dispatch took the place of another"
        self.ghost.calls[dispatch_id] = Called(right.product, right.rule, dispatch, locked)
        right.dispatched += dispatch.units
        key = right.product.event_key
        event = ids.event_id(key)
        if event not in self.ghost.events:
            self.ghost.events[event] = Event(key, right.rule, first_notice=self.now)
        self.checks.of_event(event)
        self.checks.of_right(right_id)

    # ---------------------------------------------------------------- changing

    def _some_call(self, draws: Draws) -> tuple[Called, Dispatch] | None:
        """A dispatch, mostly an open one, as it stands or as it stood."""
        calls = self.ghost.open_calls()
        if not calls or draws.rarely():
            calls = list(self.ghost.calls.values())
        if not calls:
            return None
        call = draws.of(calls)
        return call, draws.of(call.history) if call.history and draws.rarely(8) else call.dispatch

    def _changed(self, call: Called) -> None:
        call.history.append(call.dispatch)
        now = self.suite.settlement.dispatches[call.id]
        assert now is not None
        call.dispatch = now
        self.checks.of_event(ids.event_id(call.product.event_key))

    def change(self, number: int) -> None:
        """Stop, cancel or excuse."""
        draws = Draws(number)
        found = self._some_call(draws)
        if found is None:
            return
        call, dispatch = found
        chain, model = self.world.settlement, self.suite.settlement
        sender = self.someone(draws, dispatch.holder)
        common = {"dispatch": dispatch, "sender": sender, "now": self.now}
        given_rule = call.rule if draws.below(20) else draws.of(self.cast.rules)
        others = list(self.ghost.rights.values())
        product = call.product if draws.below(20) else draws.of(others).product
        periods = len(dispatch.orders_w)
        kind = draws.below(8)
        if kind < 3:
            last = draws.below(periods + 1)
            given = {"product": product, "rule": given_rule, "from_period": last, **common}
            args: tuple[object, ...] = (product, given_rule, dispatch, last)
            result = self.act("stop", chain.stop, args, sender, model.stop, **given)
        elif kind < 4:
            given = {"product": product, "rule": given_rule, **common}
            args = (product, given_rule, dispatch)
            result = self.act("cancel", chain.cancel, args, sender, model.cancel, **given)
        else:
            mask = draws.of((0, 1, 2, 3, 1 << periods - 1, 1 << periods))
            args = (product, dispatch, mask)
            given = {"product": product, "periods_mask": mask, **common}
            result = self.act("excuse", chain.excuse, args, sender, model.excuse, **given)
        if result.ok:
            self._changed(call)

    # ---------------------------------------------------------------- ending

    def settle(self, number: int) -> None:
        """Open dispatches of final events; too early, twice, with other results."""
        draws = Draws(number)
        final = {
            ids.event_id(event.key) for event in self.ghost.events_in(EventStatus.MEASURED, EventStatus.UNMEASURED)
        }
        ready = [call for call in self.ghost.open_calls() if ids.event_id(call.product.event_key) in final]
        if ready and draws.below(6):
            call = draws.of(ready)
            dispatch = draws.of(call.history) if call.history and draws.rarely(8) else call.dispatch
        else:
            found = self._some_call(draws)
            if found is None or draws.below(3):
                return
            call, dispatch = found
        self._settle(draws, call, dispatch)

    def _settle(self, draws: Draws, call: Called, dispatch: Dispatch) -> None:
        event = ids.event_id(call.product.event_key)
        results = self.suite.measurement.results.get(event, ())
        submitted = self.ghost.events[event].submitted
        commitment = bytes(32)
        if results and submitted is not None:
            commitment = ids.commitment(submitted.root, submitted.totals)
        if draws.rarely(20):
            commitment = self.suite.measurement.commitments.get(event, keccak(event))
        if draws.rarely():
            results = draws.of((results[:-1], (*results, 0), tuple(value + 1 for value in results)))
        given_rule = call.rule if draws.below(20) else draws.of(self.cast.rules)
        sender = draws.of(self.cast.everyone)
        args = (call.product, given_rule, dispatch, commitment, results)
        names = ("product", "rule", "dispatch", "commitment", "responses_milli_wh")
        given = dict(zip(names, args, strict=True))
        units = dispatch.units
        collateral = units * collateral_per_unit(call.product, call.rule.collateral_bps)
        availability = units * availability_per_unit(call.product)
        model, method = self.suite.settlement.settle, self.world.settlement.settle
        result = self.act("settle", method, args, sender, model, now=self.now, **given)
        if result.ok:
            settled = result.returned
            assert settled == result.value, f"settle returned {settled}, the model {result.value}"
            self.checks.at_settlement(call, settled, collateral, availability)
            call.settled = settled
            if call.rule.funding is Funding.ESCROWED:
                self.ghost.pool_of(event, call.product.event_key, call.rule).funded += settled.pool
                self.checks.of_pool(event)
            self.checks.of_call(call)
            self.checks.of_right(dispatch.right_id)

    def settle_uncalled(self, number: int) -> None:
        """What was never called, once its window is over."""
        draws = Draws(number)
        rights = list(self.ghost.rights.items())
        over = [item for item in rights if item[1].product.window_end <= self.now and not item[1].expired]
        if not rights or (not over and draws.below(4)):
            return
        right_id, right = draws.of(over if over and draws.below(6) else rights)
        given_rule = right.rule if draws.below(12) else draws.of(self.cast.rules)
        args, sender = (right.product, given_rule), draws.of(self.cast.everyone)
        given = {"product": right.product, "rule": given_rule, "now": self.now}
        model, method = self.suite.settlement.settle_uncalled, self.world.settlement.settleUncalled
        result = self.act("settleUncalled", method, args, sender, model, **given)
        if result.ok:
            right.expired = True
            logged = result.receipt.only("RightSettled") if result.receipt else None
            assert logged is not None
            assert (logged.availability, logged.pool, logged.released) == result.value, "RightSettled"
            if right.rule.funding is Funding.ESCROWED and logged.pool:
                self.ghost.pool_of(right_id, right.product.event_key, right.rule).funded += logged.pool
                self.checks.of_pool(right_id)
            self.checks.of_right(right_id)
