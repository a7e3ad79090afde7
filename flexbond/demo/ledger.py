"""Who paid whom, rebuilt from the event log of the escrow alone."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

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
    WITHDRAWN = "withdrawn"


FOR: Final = {
    LockReason.COLLATERAL: Column.PENALTIES,
    LockReason.AVAILABILITY: Column.AVAILABILITY,
    LockReason.UTILISATION: Column.UTILISATION,
    LockReason.POOL: Column.POOL,
}
"""What money is for that leaves a lock for another owner."""


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


class Ledger:
    """Balances of one token after every event so far."""

    def __init__(self, token: str) -> None:
        self.token = token
        self.accounts: dict[str, Account] = defaultdict(Account)
        self.locks: dict[bytes, Lock] = {}

    @classmethod
    def of(cls, token: str, records: Iterable[EventRecord]) -> Ledger:
        """The ledger of a whole log. Raises LedgerError."""
        ledger = cls(token)
        escrow = [record for record in records if record.contract == "CollateralEscrow"]
        for record, after in zip(escrow, [*escrow[1:], None], strict=True):
            ledger.apply(record, after)
        return ledger

    def apply(self, record: EventRecord, after: EventRecord | None) -> None:
        """One event of the escrow; the one after it tells what a credit is for. Raises LedgerError."""
        args = record.args
        match record.name:
            case "Deposited":
                self._move(args.account, Column.DEPOSITED, args.amount)
            case "Withdrawn":
                self._move(args.account, Column.WITHDRAWN, -args.amount)
            case "Credited":
                column = Column.AVAILABILITY if _is_availability(record, after) else Column.PREMIUMS
                self._move(args.from_, column, -args.amount)
                self._move(args.to, column, args.amount)
            case "Locked":
                lock = self.locks.setdefault(args.lock_id, Lock(owner=args.owner, reason=LockReason(args.reason)))
                self._lock(lock, args.amount)
            case "Unlocked":
                self._lock(self._known(args.lock_id), -args.amount)
            case "Paid":
                lock = self._known(args.lock_id)
                self._lock(lock, -args.amount)
                self._transfer(lock, args.to, args.amount)
            case "Relocked":
                self._relock(args)
            case "TokenListed" | "AuthorityUpdated":
                pass
            case name:
                raise LedgerError(f"The ledger does not know the event {name}.", "Teach it what the event moves.")

    def _relock(self, args: Any) -> None:
        source = self._known(args.from_lock_id)
        target = self.locks.setdefault(args.to_lock_id, Lock(owner=args.to_owner, reason=LockReason(args.to_reason)))
        self._lock(source, -args.amount)
        self._transfer(source, target.owner, args.amount)
        self._lock(target, args.amount)

    def _transfer(self, lock: Lock, to: str, amount: int) -> None:
        """Free money that just left a lock goes to another; to the lock's owner it stays what it is."""
        if to != lock.owner:
            self._move(lock.owner, FOR[lock.reason], -amount)
            self._move(to, FOR[lock.reason], amount)

    def _move(self, account: str, column: Column, amount: int) -> None:
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


def _is_availability(record: EventRecord, after: EventRecord | None) -> bool:
    """Whether a credit is locked at once as the availability of what was bought; else it is the premium."""
    return (
        after is not None
        and after.name == "Locked"
        and after.transaction == record.transaction
        and after.args.reason == LockReason.AVAILABILITY
        and after.args.owner == record.args.to
        and after.args.amount == record.args.amount
    )
