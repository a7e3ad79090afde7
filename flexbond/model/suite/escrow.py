"""CollateralEscrow: free balances and locks, per token; and the tokens themselves, as plain ERC-20."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from flexbond import ids
from flexbond.hashing import ZERO_ADDRESS
from flexbond.model.suite.base import ModelRevert, Part, Role, Table, atomic, require_address
from flexbond.model.types import LockReason

if TYPE_CHECKING:
    from collections.abc import Sequence

    from flexbond.model.suite import Suite

UNLIMITED: Final = 2**256 - 1
"""An allowance that is not used up."""


@dataclass(frozen=True, kw_only=True)
class Lock:
    """Money of one owner, locked for one reason."""

    owner: str
    amount: int
    """Base units; never 0."""


class Tokens(Part):
    """ERC-20 tokens without fees: who holds what, base units."""

    def __init__(self, suite: Suite) -> None:
        super().__init__(suite)
        self.balances: Table[tuple[str, str], int] = self.table()
        self.allowances: Table[tuple[str, str, str], int] = self.table()

    def balance_of(self, token: str, account: str) -> int:
        """Base units."""
        return self.balances.get((token, account), 0)

    @atomic
    def mint(self, token: str, account: str, amount: int) -> None:
        """Makes money, base units."""
        self.balances[token, account] = self.balance_of(token, account) + amount

    @atomic
    def approve(self, token: str, spender: str, amount: int, *, sender: str) -> None:
        """Allows the spender to take so much, base units."""
        self.allowances[token, sender, spender] = amount

    @atomic
    def transfer(self, token: str, to: str, amount: int, *, sender: str) -> None:
        """Moves base units from the sender."""
        self._move(token, sender, to, amount)

    @atomic
    def transfer_from(self, token: str, owner: str, to: str, amount: int, *, sender: str) -> None:
        """Moves base units of the owner on its allowance."""
        allowed = self.allowances.get((token, owner, sender), 0)
        if allowed != UNLIMITED:
            if allowed < amount:
                raise ModelRevert("ERC20InsufficientAllowance", sender, allowed, amount)
            self.allowances[token, owner, sender] = allowed - amount
        self._move(token, owner, to, amount)

    def _move(self, token: str, owner: str, to: str, amount: int) -> None:
        held = self.balance_of(token, owner)
        if held < amount:
            raise ModelRevert("ERC20InsufficientBalance", owner, held, amount)
        self.balances[token, owner] = held - amount
        self.balances[token, to] = self.balance_of(token, to) + amount


class Escrow(Part):
    """All money of the suite."""

    def __init__(self, suite: Suite) -> None:
        super().__init__(suite)
        self.listed: Table[str, bool] = self.table()
        self.owed_of: Table[str, int] = self.table()
        self.balances: Table[tuple[str, str], int] = self.table()
        self.locks: Table[bytes, Lock] = self.table()

    # -------------------------------------------------------------- tokens in and out

    @atomic
    def list_token(self, token: str, listed: bool, *, sender: str) -> None:
        """Lists a token for deposits, or stops them."""
        self.require_role(Role.MARKET_OPERATOR, sender)
        require_address("token", token)
        self.listed[token] = listed

    @atomic
    def deposit(self, token: str, account: str, amount: int, *, sender: str) -> None:
        """From the sender to an account's free balance."""
        self._require_listed(token)
        require_address("account", account)
        if amount == 0:
            raise ModelRevert("CollateralEscrow_ZeroAmount", token)
        here = self.suite.addresses.escrow
        self.suite.tokens.transfer_from(token, sender, here, amount, sender=here)
        self.owed_of[token] = self.owed(token) + amount
        self._give(token, account, amount)

    @atomic
    def deposit_with_permit(self, token: str, account: str, amount: int, *, permitted: bool, sender: str) -> None:
        """The same with an ERC-2612 permit, which counts if it is valid and does no harm if it is not."""
        self._require_listed(token)
        if permitted:
            self.suite.tokens.approve(token, self.suite.addresses.escrow, amount, sender=sender)
        self.deposit(token, account, amount, sender=sender)

    @atomic
    def withdraw(self, token: str, to: str, amount: int, *, sender: str) -> None:
        """From the sender's free balance to an account of the token."""
        require_address("to", to)
        if amount == 0:
            raise ModelRevert("CollateralEscrow_ZeroAmount", token)
        self._take(token, sender, amount)
        self.owed_of[token] = self.owed(token) - amount
        self.suite.tokens.transfer(token, to, amount, sender=self.suite.addresses.escrow)

    # -------------------------------------------------------------- what movers do

    @atomic
    def lock(self, token: str, owner: str, reason: LockReason, key: bytes, amount: int, *, sender: str) -> None:
        """Free balance to a lock of the owner."""
        self._require_mover(sender)
        if amount:
            self._take(token, owner, amount)
            self._add(ids.lock_id(token, reason, key), owner, amount)

    @atomic
    def purchase(
        self,
        token: str,
        buyer: str,
        provider: str,
        key: bytes,
        premium: int,
        availability: int,
        collateral: int,
        *,
        sender: str,
    ) -> None:
        """Premium to the provider's free balance; availability of the buyer and collateral of the provider to a lock."""
        self._require_mover(sender)
        self._take(token, buyer, premium + availability)
        self._give(token, provider, premium)
        self._take(token, provider, collateral)
        if availability + collateral:
            self._add(ids.lock_id(token, LockReason.RIGHTS, key), provider, availability + collateral)

    @atomic
    def divide(
        self,
        token: str,
        reason: LockReason,
        key: bytes,
        to: str,
        paid: int,
        unlocked: int,
        pool_id: bytes,
        pooled: int,
        *,
        sender: str,
    ) -> None:
        """A part of a lock: to another's free balance, to its owner's, and to a pool of customers."""
        self._require_mover(sender)
        if paid + unlocked + pooled == 0:
            return
        owner = self._remove(ids.lock_id(token, reason, key), paid + unlocked + pooled)
        self._give(token, to, paid)
        self._give(token, owner, unlocked)
        if pooled:
            self._add(ids.lock_id(token, LockReason.POOL, pool_id), self.suite.addresses.payouts, pooled)

    @atomic
    def divide_all(
        self,
        token: str,
        reason: LockReason,
        key: bytes,
        to: str,
        paid: int,
        pool_id: bytes,
        pooled: int,
        *,
        sender: str,
    ) -> int:
        """The whole of a lock, as `divide`: what is neither paid nor pooled is its owner's, and returned."""
        self._require_mover(sender)
        held = self.locked(token, reason, key)
        if held < paid + pooled:
            identity = ids.lock_id(token, reason, key)
            raise ModelRevert("CollateralEscrow_InsufficientLock", identity, held, paid + pooled)
        unlocked = held - paid - pooled
        self.divide(token, reason, key, to, paid, unlocked, pool_id, pooled, sender=sender)
        return unlocked

    @atomic
    def release(self, token: str, reason: LockReason, key: bytes, *, sender: str) -> tuple[str, int]:
        """The whole of a lock to its owner's free balance: owner and amount, zeros if there is none."""
        self._require_mover(sender)
        held = self.locks.get(ids.lock_id(token, reason, key))
        if held is None:
            return ZERO_ADDRESS, 0
        self.pay(token, reason, key, held.owner, held.amount, sender=sender)
        return held.owner, held.amount

    @atomic
    def pay(self, token: str, reason: LockReason, key: bytes, to: str, amount: int, *, sender: str) -> None:
        """Lock to another's free balance."""
        self._require_mover(sender)
        if amount:
            self._remove(ids.lock_id(token, reason, key), amount)
            self._give(token, to, amount)

    @atomic
    def pay_many(
        self, token: str, reason: LockReason, key: bytes, to: Sequence[str], amounts: Sequence[int], *, sender: str
    ) -> None:
        """Lock to the free balances of many; zero amounts are passed over."""
        self._require_mover(sender)
        if len(to) != len(amounts):
            raise ModelRevert("CollateralEscrow_LengthsDiffer", len(to), len(amounts))
        if sum(amounts) == 0:
            return
        self._remove(ids.lock_id(token, reason, key), sum(amounts))
        for account, amount in zip(to, amounts, strict=True):
            if amount:
                self._give(token, account, amount)

    # -------------------------------------------------------------- views

    def free(self, token: str, account: str) -> int:
        """Free balance, base units."""
        return self.balances.get((token, account), 0)

    def owed(self, token: str) -> int:
        """Sum of all free balances and locks, base units."""
        return self.owed_of.get(token, 0)

    def locked(self, token: str, reason: LockReason, key: bytes) -> int:
        """What is in a lock, base units."""
        held = self.locks.get(ids.lock_id(token, reason, key))
        return held.amount if held else 0

    # -------------------------------------------------------------- inside

    def _require_listed(self, token: str) -> None:
        if not self.listed.get(token, False):
            raise ModelRevert("CollateralEscrow_TokenNotListed", token)

    def _require_mover(self, sender: str) -> None:
        if sender not in self.suite.addresses.movers:
            raise ModelRevert("Flexbond_NotMover", sender)

    def _take(self, token: str, account: str, amount: int) -> None:
        held = self.free(token, account)
        if held < amount:
            raise ModelRevert("CollateralEscrow_InsufficientFree", token, account, held, amount)
        self.balances[token, account] = held - amount

    def _give(self, token: str, account: str, amount: int) -> None:
        self.balances[token, account] = self.free(token, account) + amount

    def _remove(self, lock_id: bytes, amount: int) -> str:
        held = self.locks.get(lock_id)
        if held is None or held.amount < amount:
            raise ModelRevert("CollateralEscrow_InsufficientLock", lock_id, held.amount if held else 0, amount)
        if held.amount == amount:
            del self.locks[lock_id]
        else:
            self.locks[lock_id] = Lock(owner=held.owner, amount=held.amount - amount)
        return held.owner

    def _add(self, lock_id: bytes, owner: str, amount: int) -> None:
        held = self.locks.get(lock_id)
        if held is not None and held.owner != owner:
            raise ModelRevert("CollateralEscrow_LockOwnerDiffers", lock_id, held.owner, owner)
        total = amount + (held.amount if held else 0)
        if total >= 1 << 96:
            raise ModelRevert("Flexbond_Overflow", total, 96)
        self.locks[lock_id] = Lock(owner=owner, amount=total)
