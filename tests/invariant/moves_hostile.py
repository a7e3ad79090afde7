"""Rules of those who attack the contracts themselves: receivers and tokens that call back, movers that are none."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from flexbond import ids
from flexbond.hashing import ZERO_ADDRESS
from flexbond.model.suite import ModelRevert
from flexbond.model.types import DispatchKind, LockReason, Offer, Totals
from tests.invariant.moves import Draws
from tests.invariant.moves_calls import CallMoves
from tests.invariant.moves_market import MarketMoves
from tests.invariant.odd_tokens import OddTokens
from tests.support.evm import Reverted

REENTERED = "ReentrancyGuardReentrantCall"


Answer = tuple[str, bytes, Callable[[], Any], Callable[[Any], Any]]
"""Target and data of a call from within, what the model does, and what is remembered of its result."""


def refuse() -> None:
    """What the model says of a call into a guarded function from within another."""
    raise ModelRevert(REENTERED)


class HostileMoves(MarketMoves, CallMoves):
    """Attacks on the contracts themselves."""

    @property
    def tokens(self) -> OddTokens:
        """All tokens of the model."""
        assert isinstance(self.suite.tokens, OddTokens)
        return self.suite.tokens

    # ---------------------------------------------------------------- a receiver that calls back

    def receive_and_reenter(self, number: int) -> None:
        """The hostile buyer takes units and, as it gets them, calls whatever it may like."""
        draws = Draws(number)
        rights = [right for right in self.ghost.rights.values() if right.product.window_start > self.now]
        if not rights:
            return
        product, hostile = draws.of(rights).product, self.cast.hostile
        offer = Offer(
            product=product,
            units=1_000_000,
            premium_per_unit=1,
            buyer=ZERO_ADDRESS,
            expiry=product.window_start,
            nonce=2**41 + draws.below(8),
        )
        provider = self.cast.signers[product.provider]
        previous = self.suite.rights.previous_window(product.portfolio_id, product.window_start)
        target, data, inner, after = draws.of(self._answers(draws, offer, provider, previous))
        hostile.arm.send(target, data, sender=self.people.attacker)
        before, ends = hostile.calls.call(), []

        def within() -> None:
            try:
                ends.append(("", inner()))
            except ModelRevert as error:
                ends.append((error.name, None))

        def then() -> None:
            error, value = ends[0]
            # a take from within is told as well, and tries once more in vain
            told = 2 if target == self.world.market.address and not error else 1
            assert hostile.calls.call() == before + told, "the receiver was not told"
            assert hostile.succeeded.call() == (not error), f"from within a purchase, the model says {error or 'done'}"
            self.stage.outcomes["call from a receiver", error] += 1
            if not error:
                after(value)

        buyer, units = hostile.address, draws.of((1, 2, 5))
        self.send_take(offer, provider, provider, buyer, units, previous, buyer, within, then)
        hostile.arm.send(ZERO_ADDRESS, b"", sender=self.people.attacker)

    def _answers(self, draws: Draws, offer: Offer, provider: Any, previous: int) -> list[Answer]:
        world, suite, hostile, now = self.world, self.suite, self.cast.hostile.address, self.now
        product, terms = offer.product, self.cast.rule_by_id[offer.product.rule_id]
        token, free = product.currency, suite.escrow.free(product.currency, hostile)
        right, buyer = ids.right_id(product), self.people.buyer.address
        again = replace(offer, units=1, nonce=2**42 + draws.below(2**10))
        signature = self.cast.sign_offer(provider, again)
        take = world.market.take.encode(again, provider.address, signature, hostile, 1, previous)
        periods = (product.window_end - product.window_start) // terms.period_seconds
        order = (product, terms, hostile, 1, [product.lot_w] * periods, DispatchKind.LIVE)
        out = draws.of((1, free, free // 2))
        passed_on = world.rights.safeTransferFrom.encode(hostile, buyer, ids.token_id(right), 1, b"")
        return [
            (
                *(world.market.address, take),
                lambda: suite.market.take(
                    *(again, provider.address, hostile, 1, previous), signed=True, sender=hostile, now=now
                ),
                lambda _: self._taken_within(right),
            ),
            (
                *(world.escrow.address, world.escrow.withdraw.encode(token, hostile, out)),
                lambda: suite.escrow.withdraw(token, hostile, out, sender=hostile),
                lambda _: self._out(token, out),
            ),
            (
                *(world.rights.address, passed_on),
                lambda: suite.rights.safe_transfer_from(hostile, buyer, right, 1, sender=hostile, now=now),
                lambda _: self.ghost.rights[right].holders.add(buyer),
            ),
            (
                *(world.rights.address, world.rights.release.encode(product, hostile, 1)),
                lambda: suite.rights.release(product, hostile, 1, sender=hostile, now=now),
                lambda _: self._given_up(right),
            ),
            (
                *(world.settlement.address, world.settlement.dispatch.encode(*order)),
                lambda: suite.settlement.dispatch(*order, sender=hostile, now=now),
                lambda called: self.called(called, right),
            ),
        ]

    def _out(self, token: str, amount: int) -> None:
        self.ghost.deposited[token] -= amount

    def _taken_within(self, right: bytes) -> None:
        self.ghost.rights[right].issued += 1

    def _given_up(self, right: bytes) -> None:
        known = self.ghost.rights[right]
        known.refunded += known.unavailable
        known.released += not known.unavailable

    # ---------------------------------------------------------------- a token that calls back

    def token_calls_back(self, number: int) -> None:
        """While the callback token moves, it calls the escrow again, or does what anyone may do."""
        draws = Draws(number)
        token, world, escrow = self.tokens.callback, self.world, self.suite.escrow
        sender = draws.of(self.cast.buyers[:2] + self.cast.providers)
        contract = self.evm.at("CallbackToken", token)
        calls: list[tuple[str, bytes, Callable[[], Any]]] = [
            (world.escrow.address, world.escrow.deposit.encode(token, sender, 1), refuse),
            (world.escrow.address, world.escrow.withdraw.encode(token, sender, 1), refuse),
            (world.oracle.address, world.oracle.attest.encode([]), lambda: self.suite.oracle.attest([], now=self.now)),
        ]
        target, data, inner = draws.of(calls)
        contract.arm.send(target, data, sender=self.people.attacker)
        self.tokens.armed = inner
        amount = draws.of((1, 10**6))
        given = {"token": token, "amount": amount, "sender": sender}
        if draws.below(2):
            args: tuple[Any, ...] = (token, sender, amount)
            model = escrow.deposit
            self.act("deposit, called back", world.escrow.deposit, args, sender, model, account=sender, **given)
        else:
            args, model = (token, sender, amount), escrow.withdraw
            self.act("withdraw, called back", world.escrow.withdraw, args, sender, model, to=sender, **given)
        contract.arm.send(ZERO_ADDRESS, b"", sender=self.people.attacker)
        self.tokens.armed = None

    def rebase(self, number: int) -> None:
        """The rebasing token gives or takes: only balances in that token may suffer."""
        index = Draws(number).of((10_000, 9_000, 11_000, 9_999, 10_001, 5_000))
        token = self.evm.at("RebasingToken", self.tokens.rebasing)
        sender = self.people.attacker
        self.act("rebase", token.rebase, (index,), sender, self.tokens.rebase, index_bps=index)

    # ---------------------------------------------------------------- movers that are none

    def play_mover(self, number: int) -> None:
        """Anybody calls what only the suite's own contracts may."""
        draws = Draws(number)
        sender = draws.of([who for who in self.cast.everyone if who not in self.stage.wallets])
        token, key = self.cast.token, draws.of([bytes(32), *self.ghost.rights, *self.ghost.calls])
        victim, reason = draws.of(self.cast.everyone), draws.of(tuple(LockReason))
        escrow, refused = self.world.escrow, ModelRevert("Flexbond_NotMover", sender)
        attempts: list[tuple[Any, tuple[Any, ...], ModelRevert]] = [
            (escrow.lock, (token, victim, reason, key, 1), refused),
            (escrow.purchase, (token, victim, sender, key, 1, 0, 0), refused),
            (escrow.divide, (token, reason, key, sender, 1, 0, key, 0), refused),
            (escrow.divideAll, (token, reason, key, sender, 1, key, 0), refused),
            (escrow.release, (token, reason, key), refused),
            (escrow.pay, (token, reason, key, sender, 1), refused),
            (escrow.payMany, (token, reason, key, [sender], [1]), refused),
        ]
        addresses = self.suite.addresses
        measurement, settlement = addresses.measurement, addresses.settlement
        if self.ghost.rights:
            product = draws.of(list(self.ghost.rights.values())).product
            event, rights = product.event_key, self.world.rights
            no_market = ModelRevert("Flexbond_NotAllowed", sender, addresses.market)
            issue = ModelRevert("EnforcedPause") if self.suite.rights.paused else no_market
            attempts += [
                (rights.issue, (product, 1, sender, 0, 0), issue),
                (rights.expire, (product,), ModelRevert("Flexbond_NotAllowed", sender, settlement)),
                (self.world.measurement.call, (event, 1), ModelRevert("Flexbond_NotAllowed", sender, settlement)),
                (
                    self.world.devices.commit,
                    (product.portfolio_id, 2**40 - 1),
                    ModelRevert("Flexbond_NotAllowed", sender, measurement),
                ),
                (self.world.payouts.fund, (key, event, 1), ModelRevert("Flexbond_NotAllowed", sender, settlement)),
            ]
            spot_checks = addresses.spot_checks
            not_checks = ModelRevert("Flexbond_NotAllowed", sender, spot_checks)
            totals = Totals(columns=(), weight=0, baseline_milli_wh=(), metered_milli_wh=())
            claim = ids.claim_of(key, totals)
            not_settlement = ModelRevert("Flexbond_NotAllowed", sender, settlement)
            attempts += [
                (self.world.measurement.submitChecked, (product.provider, (event, key, totals)), not_checks),
                (self.world.measurement.conclude, (event, claim, []), not_checks),
                (self.world.measurement.reject, (key,), not_checks),
                (self.world.spot_checks.demand, (event, sender, 0), not_settlement),
                (self.world.spot_checks.accept, (key, key, 0), not_settlement),
            ]
        method, args, error = draws.of(attempts)
        try:
            method.send(*args, sender=sender)
        except Reverted as found:
            assert error.matches(found.name, found.revert.args), f"INV-20: {found}, not {error}"
        else:
            raise AssertionError(f"INV-20: {sender} may call {method.function.name}")
        self.stage.outcomes["play mover", error.name] += 1
