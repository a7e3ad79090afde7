"""Rules of rights: offers taken by several buyers, passed on, given up, made worthless; and who may trade at all."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from flexbond import ids
from flexbond.hashing import ZERO_ADDRESS, keccak
from flexbond.model.types import Offer, Product
from tests.invariant.cast import VARIANTS
from tests.invariant.ghost import Issued
from tests.invariant.moves import Draws, Moves
from tests.support.evm import GENESIS
from tests.support.world import DAY, FOREVER

ODD_VARIANTS = 4
"""From this variant on, products mostly do not fit."""


class MarketMoves(Moves):
    """Rights come, move and go."""

    def take(self, number: int) -> None:
        """Part or all of an offer of one of the next windows."""
        draws = Draws(number)
        day = (self.now - GENESIS) // DAY
        portfolio = draws.below(2)
        # the second one's last window looks back on days, which needs most to come together
        window = draws.of(((0, 0, 1, 1, 3, 4, 4, 2), (0, 0, 1, 3, 4, 4, 4, 4))[portfolio])
        variant = draws.below(ODD_VARIANTS) if draws.below(6) else draws.below(len(VARIANTS))
        product = self.cast.product(portfolio, day, window, variant)
        if product.window_start < self.now + product.notice_seconds and draws.below(15):
            product = self.cast.product(portfolio, day + 1, window, variant)
        self._take(draws, product)

    def take_more(self, number: int) -> None:
        """Of a right that somebody has already."""
        draws = Draws(number)
        rights = list(self.ghost.rights.values())
        ahead = [right for right in rights if right.product.window_start > self.now]
        if ahead or (rights and draws.rarely(6)):
            self._take(draws, draws.of(ahead or rights).product)

    def _take(self, draws: Draws, product: Product) -> None:
        capacity = self.suite.devices.sums(product.portfolio_id).capacity_w
        full = max(1, capacity // product.lot_w)
        buyer = draws.of(self.cast.buyers)
        offer = Offer(
            product=product,
            units=draws.of((full, full, full, full + 1, 3)),
            premium_per_unit=draws.of((0, 50_000, 1)),
            buyer=draws.of([ZERO_ADDRESS] * 24 + [buyer, *self.cast.buyers]),
            expiry=product.window_start,
            nonce=draws.below(24) if draws.rarely(3) else 2**40 + draws.below(200),
        )
        units = draws.of((max(1, full // 3), max(1, full // 3), max(1, full // 2), 1, 2, full))
        if draws.rarely(25):
            units = draws.of((full + 1, 0))
        previous = self.suite.rights.previous_window(product.portfolio_id, product.window_start)
        if draws.rarely(15):
            previous = draws.of([0, product.window_start, previous + 1])
        provider = self.cast.signers[product.provider]
        claimed = draws.of([provider] * 35 + [self.people.provider_operator] * 3 + [self.people.attacker])
        signer = draws.of([claimed] * 35 + [self.people.attacker])
        self.send_take(offer, claimed, signer, buyer, units, previous, self.someone(draws, buyer))

    def send_take(
        self,
        offer: Offer,
        claimed: Any,
        signer: Any,
        buyer: str,
        units: int,
        previous: int,
        sender: str,
        within: Callable[[], Any] = lambda: None,
        then: Callable[[], Any] = lambda: None,
    ) -> None:
        """Takes an offer. `within`: what the model's receiver does as it gets the units; `then`: what to remember of it."""
        args = (offer, claimed.address, self.cast.sign_offer(signer, offer), buyer, units, previous)
        given = {"offer": offer, "signer": claimed.address, "buyer": buyer, "units": units, "previous_start": previous}
        method, signed = self.world.market.take, signer is claimed

        def model(**terms: Any) -> None:
            self.suite.market.take(**terms)
            within()

        result = self.act("take", method, args, sender, model, signed=signed, sender=sender, now=self.now, **given)
        if not result.ok:
            return
        right_id = ids.right_id(offer.product)
        terms = self.cast.rule_by_id[offer.product.rule_id]
        right = self.ghost.rights.setdefault(right_id, Issued(offer.product, terms))
        right.issued += units
        right.holders.add(buyer)
        then()
        self.checks.at_issue(right)
        self.checks.of_right(right_id)

    def cancel_offers(self, number: int) -> None:
        """One nonce, or all below one; neither comes back."""
        draws = Draws(number)
        provider = draws.of(self.cast.providers)
        sender = self.someone(draws, provider, 3)
        if draws.below(4):
            nonce = draws.of((draws.below(24), 2**40 + draws.below(9)))
            given = {"provider": provider, "nonce": nonce, "sender": sender, "now": self.now}
            method, model = self.world.market.cancel, self.suite.market.cancel
            self.act("cancel offer", method, (provider, nonce), sender, model, **given)
        else:
            below = draws.below(5)
            given = {"provider": provider, "below_nonce": below, "sender": sender, "now": self.now}
            method, model = self.world.market.cancelAll, self.suite.market.cancel_all
            self.act("cancelAll", method, (provider, below), sender, model, **given)

    def transfer(self, number: int) -> None:
        """To a qualified buyer or not, by the holder, by whom it approved, or by a thief."""
        draws = Draws(number)
        if not self.ghost.rights:
            return
        right_id, right = draws.of(list(self.ghost.rights.items()))
        owner = draws.of(sorted(right.holders))
        to = self.someone(draws, draws.of(self.cast.buyers), 5)
        held = self.suite.rights.balance_of(owner, right_id)
        units = draws.of((1, held, held // 2, held + 1, 0))
        sender = self.someone(draws, owner, 5)
        args = (owner, to, ids.token_id(right_id), units, b"")
        given = {"owner": owner, "to": to, "right_id": right_id, "units": units, "sender": sender, "now": self.now}
        model = self.suite.rights.safe_transfer_from
        if self.act("transfer", self.world.rights.safeTransferFrom, args, sender, model, **given).ok:
            right.holders.add(to)
            self.checks.of_right(right_id)

    def approve_holder(self, number: int) -> None:
        """ERC-1155's own operators."""
        draws = Draws(number)
        sender, operator = draws.of(self.cast.buyers), draws.of([*self.cast.everyone, ZERO_ADDRESS])
        approved = draws.below(2) == 0
        given = {"operator": operator, "approved": approved, "sender": sender}
        method, model = self.world.rights.setApprovalForAll, self.suite.rights.set_approval_for_all
        self.act("setApprovalForAll", method, (operator, approved), sender, model, **given)

    def release(self, number: int) -> None:
        """Part or all of what is held, before and after the provider is unavailable."""
        draws = Draws(number)
        if not self.ghost.rights:
            return
        right_id, right = draws.of(list(self.ghost.rights.items()))
        holder = draws.of([*sorted(right.holders), *sorted(right.holders), self.people.attacker.address])
        held = self.suite.rights.balance_of(holder, right_id)
        units = draws.of((1, 1, held // 3, held, held + 1, 0))
        sender = self.someone(draws, holder)
        args = (right.product, holder, units)
        given = {"product": right.product, "holder": holder, "units": units, "sender": sender, "now": self.now}
        if self.act("release", self.world.rights.release, args, sender, self.suite.rights.release, **given).ok:
            if right.unavailable:
                right.refunded += units
            else:
                right.released += units
            self.checks.of_right(right_id)

    def declare_unavailable(self, number: int) -> None:
        """Seldom; of a window that was sold, or of none."""
        draws = Draws(number)
        if not self.ghost.rights or draws.below(2):
            return
        product = draws.of(list(self.ghost.rights.values())).product
        start = product.window_start if draws.below(9) else product.window_end
        sender = self.someone(draws, product.provider, 6)
        key = replace(product.event_key, window_start=start)
        given = {"key": key, "sender": sender, "now": self.now}
        method, model = self.world.rights.declareUnavailable, self.suite.rights.declare_unavailable
        if self.act("declareUnavailable", method, (key,), sender, model, **given).ok:
            for right in self.ghost.rights.values():
                if right.product.event_key == key:
                    right.unavailable = True

    def qualify(self, number: int) -> None:
        """A participant loses its qualification and mostly gets it back: what is under way goes on."""
        draws = Draws(number)
        account = draws.of(self.cast.buyers + self.cast.providers)
        sender = draws.of([self.people.market_operator.address] * 4 + [self.people.attacker.address])
        full = (account in self.cast.buyers, account in self.cast.providers, FOREVER)
        terms = [draws.of(((False, False, 0), (*full[:2], self.now + 900), (*full[:2], self.now)))]
        for buyer, provider, expiry in terms + [full] * draws.of((0, 1, 1)):
            args = (account, buyer, provider, keccak(b"seen"), expiry)
            model = self.suite.participants.qualify
            names = ("account", "buyer", "provider", "credential_hash", "expiry")
            given = dict(zip(names, args, strict=True))
            method = self.world.participants.qualify
            self.act("qualify", method, args, sender, model, sender=sender, now=self.now, **given)

    def appoint_operator(self, number: int) -> None:
        """Anybody may appoint anybody for itself."""
        draws = Draws(number)
        sender, operator = draws.of(self.cast.everyone), draws.of(self.cast.everyone)
        until = draws.of((FOREVER, self.now, self.now + 1, 0, 0))
        method, model = self.world.participants.appointOperator, self.suite.participants.appoint_operator
        given = {"operator": operator, "until": until, "sender": sender}
        self.act("appointOperator", method, (operator, until), sender, model, **given)
