"""Rules of metering points and portfolios: statements, consents, leaving, payees, suspension."""

from __future__ import annotations

from typing import Any

from flexbond.hashing import ZERO_ADDRESS
from flexbond.model.types import Consent
from flexbond.signing.messages import PayeeChange
from tests.invariant.moves import Draws, Moves
from tests.support.world import FOREVER


class FleetMoves(Moves):
    """Metering points come, change and go."""

    def state(self, number: int) -> None:
        """A new statement: another capacity, customer or term, or one that must be refused."""
        draws = Draws(number)
        place = draws.below(len(self.cast.homes))
        home, operator = self.cast.homes[place], self.people.meter_operator
        changes: dict[str, Any] = draws.of(
            (
                *({}, {}, {}, {}),
                {"capacity_w": home.capacity_w // 2},
                {"capacity_w": home.capacity_w + 500},
                {"valid_until": self.now + draws.of((1, 7_200, 86_400))},
                {"customer": draws.of(self.cast.homes).customer.address},
                {"capacity_w": home.connection_w + 1},
                {"capacity_w": 0},
                {"customer": ZERO_ADDRESS},
                {"grid_id": 2},
                {"valid_until": self.now},
            )
        )
        sequence = self.ghost.sequences[place] + draws.of((1, 1, 1, 0))
        statement = self.cast.statement(home, sequence, **changes)
        claimed = draws.of([operator] * 9 + [self.people.attacker])
        signer = draws.of([claimed] * 9 + [self.people.attacker])
        device = draws.of([home.device] * 9 + [self.cast.homes[place - 1].device])
        proofs = (self.cast.sign_statement(signer, statement), self.cast.prove_key(device, statement))
        sender = draws.of(self.cast.everyone)
        given: dict[str, Any] = {
            "signed": signer is claimed,
            "key_proven": device is home.device,
            "sender": sender,
            "now": self.now,
        }
        given |= {"statement": statement, "meter_operator": claimed.address}
        args = (statement, claimed.address, *proofs)
        result = self.act("state", self.world.devices.state, args, sender, self.suite.devices.state, **given)
        if result.ok:
            self.ghost.sequences[place] = sequence

    def enrol(self, number: int) -> None:
        """On a fresh consent, on a used one, on somebody else's."""
        draws = Draws(number)
        portfolio, points = draws.below(2), self.suite.devices.points
        outside = [home for home in self.cast.homes if not any(points[home.metering_point].portfolio_id)]
        home = draws.of(outside if outside and draws.below(8) else self.cast.homes)
        customer = self.suite.devices.metering_point(home.metering_point).customer
        consent = Consent(
            metering_point=home.metering_point,
            portfolio_id=self.cast.portfolios[portfolio],
            customer=draws.of([customer] * 15 + [draws.of(self.cast.homes).customer.address]),
            payee=draws.of([customer] * 12 + [self.people.relayer.address] * 3 + [ZERO_ADDRESS]),
            customer_share_bps=draws.of((5_000, 5_000, 5_000, 5_000, 6_000, 6_001)),
            nonce=max(0, self.suite.devices.nonces(customer) - draws.rarely(15)),
            deadline=draws.of([FOREVER] * 12 + [self.now, self.now + 1]),
        )
        signer = draws.of([self.cast.signers[consent.customer]] * 15 + [self.people.attacker])
        sender = self.someone(draws, self.cast.providers[portfolio])
        self._enrol(consent, signer, sender)

    def _enrol(self, consent: Consent, signer: Any, sender: str) -> None:
        signed = signer.address == consent.customer
        args = (consent, self.cast.sign_consent(signer, consent))
        given = {"consent": consent, "signed": signed, "sender": sender, "now": self.now}
        if self.act("enrol", self.world.devices.enrol, args, sender, self.suite.devices.enrol, **given).ok:
            self.ghost.consents.append(consent)

    def replay_consent(self, number: int) -> None:
        """A consent counts once."""
        draws = Draws(number)
        if self.ghost.consents:
            consent = draws.of(self.ghost.consents)
            portfolio = self.cast.portfolios.index(consent.portfolio_id)
            self._enrol(consent, self.cast.signers[consent.customer], self.cast.providers[portfolio])

    def leave(self, number: int) -> None:
        """By the customer, the provider, or nobody who may; often to be enrolled again within the same second."""
        draws = Draws(number)
        home = draws.of(self.cast.homes)
        point = self.suite.devices.metering_point(home.metering_point)
        right = draws.of([point.customer, self._provider_of(point.portfolio_id)])
        sender = self.someone(draws, right, 8)
        given = {"point_id": home.metering_point, "sender": sender, "now": self.now}
        args = (home.metering_point,)
        left = self.act("leave", self.world.devices.leave, args, sender, self.suite.devices.leave, **given)
        if left.ok and draws.below(4):
            self.enrol(number + 1)

    def _provider_of(self, portfolio: bytes) -> str:
        known = self.suite.devices.portfolios.get(portfolio)
        return known.provider if known else self.people.attacker.address

    def change_payee(self, number: int) -> None:
        """By the payee itself or by its signature, fresh or replayed."""
        draws = Draws(number)
        portfolio = draws.of(self.cast.portfolios)
        entries = self.suite.devices.entries(portfolio)
        index = draws.below(len(entries) + 1)
        payee = draws.of([*self.cast.everyone, ZERO_ADDRESS])
        deadline = draws.of((FOREVER, FOREVER, self.now))
        present = entries[index].payee if index < len(entries) else self.people.buyer.address
        signer = draws.of([self.cast.signers.get(present), self.cast.signers.get(present), self.people.attacker])
        signature, signed = b"", False
        if signer is not None:
            nonce = max(0, self.suite.devices.nonces(present) - draws.of((0, 0, 0, 1)))
            change = PayeeChange(portfolio_id=portfolio, index=index, payee=payee, nonce=nonce, deadline=deadline)
            signature = self.cast.sign_payee_change(signer, change)
            signed = signer.address == present and nonce == self.suite.devices.nonces(present)
        sender = draws.of([present, self.people.relayer.address, self.people.relayer.address])
        given = {"portfolio_id": portfolio, "index": index, "payee": payee, "deadline": deadline}
        args = (portfolio, index, payee, deadline, signature)
        model = self.suite.devices.change_payee
        method = self.world.devices.changePayee
        self.act("changePayee", method, args, sender, model, signed=signed, sender=sender, now=self.now, **given)

    def void_or_suspend(self, number: int) -> None:
        """Seldom, as it ends what a home can do until it is stated anew."""
        draws = Draws(number)
        place = draws.below(len(self.cast.homes))
        home = self.cast.homes[place]
        point, args = home.metering_point, (home.metering_point,)
        may = [home.customer.address, self.people.meter_operator.address]
        sender = draws.of(self.cast.everyone if draws.below(3) else may)
        given = {"point_id": point, "sender": sender, "now": self.now}
        if draws.below(2):
            method, model = self.world.devices.voidStatement, self.suite.devices.void_statement
            self.act("voidStatement", method, args, sender, model, **given)
        else:
            self.act("suspend", self.world.devices.suspend, args, sender, self.suite.devices.suspend, **given)

    def raise_share(self, number: int) -> None:
        """Only ever up."""
        draws = Draws(number)
        place = draws.below(2)
        portfolio = self.cast.portfolios[place]
        share = self.suite.devices.portfolio(portfolio).customer_share_bps + draws.of((1, 1, 37, 0, -1, 5_000))
        sender = self.someone(draws, self.cast.providers[place], 4)
        given = {"portfolio_id": portfolio, "customer_share_bps": share, "sender": sender, "now": self.now}
        method, model = self.world.devices.raiseCustomerShare, self.suite.devices.raise_customer_share
        self.act("raiseCustomerShare", method, (portfolio, share), sender, model, **given)

    def pause(self, number: int) -> None:
        """Enrolment or issue, by the guardian or by nobody who may; mostly resumed at once."""
        draws = Draws(number)
        contract, part = draws.of(((self.world.devices, self.suite.devices), (self.world.rights, self.suite.rights)))
        paused = not part.paused if draws.below(6) else part.paused
        sender = draws.of([self.people.guardian.address] * 2 + self.cast.everyone[:3])
        for wanted in (paused, False) if draws.below(3) else (paused,):
            given = {"paused": wanted, "sender": sender, "now": self.now}
            self.act("setPaused", contract.setPaused, (wanted,), sender, part.set_paused, **given)
