"""Who paid whom, rebuilt from the event log alone."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from flexbond import ids
from flexbond.errors import FlexbondError
from flexbond.model.types import LockReason

if TYPE_CHECKING:
    from collections.abc import Iterable

    from flexbond.chain.events import EventRecord


class LedgerError(FlexbondError):
    """An event log that no escrow can have written."""


class Column(StrEnum):
    """What a movement is for."""

    DEPOSITED = "deposited"
    PREMIUMS = "premiums"
    UTILISATION = "utilisation"
    AVAILABILITY = "availability"
    PENALTIES = "penalties"
    POOL = "pool"
    BONDS = "bonds"
    WITHDRAWN = "withdrawn"


FOR: Final = {
    LockReason.RIGHTS: Column.AVAILABILITY,
    LockReason.UTILISATION: Column.UTILISATION,
    LockReason.POOL: Column.POOL,
    LockReason.BOND: Column.BONDS,
    LockReason.DEMAND: Column.BONDS,
}
"""What money is for that leaves a lock for another owner; of a lock of rights, as far as it is no penalty."""


@dataclass
class Account:
    """One address; base units."""

    moved: dict[Column, int] = field(default_factory=lambda: defaultdict(int))
    """`+` received, `-` paid."""
    free: int = 0
    locked: int = 0


@dataclass
class Lock:
    """One lock; base units."""

    owner: str
    reason: LockReason
    amount: int = 0


@dataclass(frozen=True, kw_only=True)
class Movement:
    """Money that came to an account or left it; what only goes into a lock of its own or out of one is none."""

    record: EventRecord
    """The event that moved it."""
    account: str
    column: Column
    amount: int
    """Base units, `+` received, `-` paid; never zero."""


class Ledger:
    """Balances of one token after every event so far."""

    def __init__(self, token: str, pools: str) -> None:
        self.token = token
        self.pools = pools
        """Whose the pools' locks are: Payouts."""
        self.accounts: dict[str, Account] = defaultdict(Account)
        self.locks: dict[bytes, Lock] = {}
        self.movements: list[Movement] = []
        """In the order of the log."""
        self._penalty = 0
        """Of the dispatch that is being settled: part of what its holder gets from the lock of rights."""

    @classmethod
    def of(cls, token: str, records: Iterable[EventRecord]) -> Ledger:
        """The ledger of a whole log. Raises LedgerError."""
        told = list(records)
        # what is divided to a pool is told by Payouts too
        ledger = cls(token, next((record.address for record in told if record.contract == "Payouts"), ""))
        for record in told:
            if record.contract == "CollateralEscrow" or record.name == "DispatchSettled":
                ledger.apply(record)
        return ledger

    def apply(self, record: EventRecord) -> None:
        """One event of the escrow, or the end of a dispatch. Raises LedgerError."""
        args = record.args
        self._record = record
        match record.name:
            case "Deposited":
                self._move(args.account, Column.DEPOSITED, args.amount)
            case "Withdrawn":
                self._move(args.account, Column.WITHDRAWN, -args.amount)
            case "Purchased":
                self._purchase(args)
            case "Locked":
                lock = self.locks.setdefault(args.lock_id, Lock(owner=args.owner, reason=LockReason(args.reason)))
                self._lock(lock, args.amount)
            case "DispatchSettled":
                self._penalty = args.settled.penalty
            case "Divided":
                self._divide(args)
            case "Paid":
                lock = self._known(args.lock_id)
                self._lock(lock, -args.amount)
                self._transfer(lock, args.to, FOR[lock.reason], args.amount)
            case "PaidMany":
                lock = self._known(args.lock_id)
                self._lock(lock, -sum(args.amounts))
                for to, amount in zip(args.to, args.amounts, strict=True):
                    self._transfer(lock, to, FOR[lock.reason], amount)
            case "TokenListed" | "AuthorityUpdated":
                pass
            case name:
                raise LedgerError(f"The ledger does not know the event {name}.", "Teach it what the event moves.")

    def _purchase(self, args: Any) -> None:
        for column, amount in ((Column.PREMIUMS, args.premium), (Column.AVAILABILITY, args.availability)):
            self._move(args.buyer, column, -amount)
            self._move(args.provider, column, amount)
        lock = self.locks.setdefault(args.lock_id, Lock(owner=args.provider, reason=LockReason.RIGHTS))
        self._lock(lock, args.availability + args.collateral)

    def _divide(self, args: Any) -> None:
        lock = self._known(args.lock_id)
        self._lock(lock, -args.paid - args.unlocked - args.pooled)
        penalty = 0
        if lock.reason is LockReason.RIGHTS:
            penalty, self._penalty = self._penalty, 0
        self._transfer(lock, args.to, Column.PENALTIES, penalty)
        self._transfer(lock, args.to, FOR[lock.reason], args.paid - penalty)
        if args.pooled:
            if not self.pools:
                raise LedgerError(
                    "The log divides a lock to a pool, but not one event is of Payouts.", "Check the log."
                )
            self._transfer(lock, self.pools, FOR[lock.reason], args.pooled)
            pool_lock = ids.lock_id(self.token, LockReason.POOL, args.pool_id)
            self._lock(self.locks.setdefault(pool_lock, Lock(owner=self.pools, reason=LockReason.POOL)), args.pooled)

    def _transfer(self, lock: Lock, to: str, column: Column, amount: int) -> None:
        """Free money that just left a lock goes to another; to the lock's owner it stays what it is."""
        if to != lock.owner:
            self._move(lock.owner, column, -amount)
            self._move(to, column, amount)

    def _move(self, account: str, column: Column, amount: int) -> None:
        if not amount:
            return
        self.movements.append(Movement(record=self._record, account=account, column=column, amount=amount))
        held = self.accounts[account]
        held.moved[column] += amount
        held.free += amount
        if held.free < 0:
            raise LedgerError(
                f"The log has {account} pay {-amount} base units that it does not have.", "Check the log."
            )

    def _lock(self, lock: Lock, amount: int) -> None:
        owner = self.accounts[lock.owner]
        lock.amount += amount
        owner.locked += amount
        owner.free -= amount
        if lock.amount < 0 or owner.free < 0:
            raise LedgerError(f"The log moves {abs(amount)} base units that are not in the lock.", "Check the log.")

    def _known(self, lock_id: bytes) -> Lock:
        if lock_id not in self.locks:
            raise LedgerError(f"The log names the lock 0x{lock_id.hex()} that it never opened.", "Check the log.")
        return self.locks[lock_id]
