"""Rules of time and of money in and out of the escrow."""

from __future__ import annotations

from abc import abstractmethod

from flexbond.signing.eip712 import Domain
from flexbond.signing.messages import Permit
from flexbond.signing.sign import sign_permit
from tests.invariant.moves import Draws, Moves
from tests.support.evm import CHAIN_ID
from tests.support.world import DAY, FOREVER

OFFSETS = (0, 0, 0, -1, 1)


class MoneyMoves(Moves):
    """Time, deposits, withdrawals."""

    @abstractmethod
    def wanted_slots(self) -> list[int]:
        """Slots of which records should come before time goes on."""

    def time_goes_on(self, number: int) -> None:
        """To the next deadline, exactly or one second off, or to a later one; or only a little."""
        draws = Draws(number)
        moments = self.ghost.deadlines(self.now)
        if (self.ghost.is_urgent(self.now) or self.wanted_slots()) and draws.below(4):
            self.evm.time += draws.of((0, 0, 1, 60))
            return
        if not moments or draws.rarely(8):
            self.evm.time += draws.of((1, 60, 900, 3_600, 7_200))
            return
        place = draws.of((0, 0, 0, 0, 1, 2, 3))
        moment = moments[min(place, len(moments) - 1)] + draws.of(OFFSETS)
        self.evm.time = max(self.now, moment)

    @abstractmethod
    def sweep(self, number: int) -> None:
        """What is left of a pool is asked for."""

    def long_time_goes_by(self, number: int) -> None:
        """To the end of a collection period, or a second off, if nothing else is waited for."""
        draws = Draws(number)
        open_pools = [self.suite.payouts.pool(pool) for pool in self.ghost.pools]
        opened = [pool.opened_at for pool in open_pools if pool.opened_at]
        if opened and not self.ghost.deadlines(self.now):
            moment = draws.of(opened) + 30 * DAY + draws.of(OFFSETS)
            self.evm.time = max(self.now, moment)
            self.sweep(number)

    def deposit(self, number: int) -> None:
        """For oneself or for others, of any token."""
        draws = Draws(number)
        token, sender = draws.of([self.cast.token, *self.cast.tokens]), draws.of(self.cast.everyone[:7])
        account = self.someone(draws, sender, 4)
        amount = self.amount(draws, self.suite.tokens.balance_of(token, sender))
        method, model = self.world.escrow.deposit, self.suite.escrow.deposit
        given = {"token": token, "account": account, "amount": amount, "sender": sender}
        if self.act("deposit", method, (token, account, amount), sender, model, **given).ok:
            self.ghost.deposited[token] += amount

    def deposit_with_permit(self, number: int) -> None:
        """Fresh, replayed, foreign and expired permits, which give an allowance or do no harm."""
        draws = Draws(number)
        owner = draws.of([self.people.buyer, self.people.second_buyer, self.cast.second_provider])
        signer = draws.of([owner, owner, owner, self.people.attacker])
        token, amount = self.cast.token, draws.of((0, 1, 10**6, 12_345))
        contract = self.evm.at("MockStablecoin", token)
        nonce = contract.nonces.call(owner)
        spent, deadline = draws.of((0, 0, 0, 1)), draws.of((FOREVER, FOREVER, self.now, self.now - 1))
        permit = Permit(
            owner=owner.address,
            spender=self.world.escrow.address,
            value=amount,
            nonce=max(0, nonce - spent),
            deadline=deadline,
        )
        domain = Domain(name="Mock Dollar", chain_id=CHAIN_ID, contract=token)
        signature = sign_permit(signer, domain, permit)
        permitted = signer is owner and permit.nonce == nonce and deadline >= self.now
        given = {"token": token, "account": owner.address, "amount": amount, "sender": owner.address}
        args = (token, owner, amount, deadline, signature.v, signature.r, signature.s)
        model = self.suite.escrow.deposit_with_permit
        method = self.world.escrow.depositWithPermit
        if self.act("depositWithPermit", method, args, owner.address, model, permitted=permitted, **given).ok:
            self.ghost.deposited[token] += amount

    def approve(self, number: int) -> None:
        """An allowance of any size."""
        draws = Draws(number)
        token, sender = draws.of(self.cast.tokens), draws.of(self.cast.everyone[:5])
        here, amount = self.world.escrow.address, draws.of((0, 10**6, 2**256 - 1, 2**256 - 1))
        method = self.evm.at("MockStablecoin", token).approve
        given = {"token": token, "spender": here, "amount": amount, "sender": sender}
        self.act("approve", method, (here, amount), sender, self.suite.tokens.approve, **given)

    def withdraw(self, number: int) -> None:
        """To oneself or another; operators find that they have nothing."""
        draws = Draws(number)
        sender = draws.of(self.cast.everyone[:-3])
        token = draws.of(self.cast.tokens)
        free = self.suite.escrow.free(token, sender)
        amount = self.amount(draws, free) if draws.rarely(3) else draws.of((1, 7, free + 1, min(free, 10**6)))
        to = draws.of([sender, *self.cast.everyone])
        method, model = self.world.escrow.withdraw, self.suite.escrow.withdraw
        given = {"token": token, "to": to, "amount": amount, "sender": sender}
        if self.act("withdraw", method, (token, to, amount), sender, model, **given).ok:
            self.ghost.deposited[token] -= amount
