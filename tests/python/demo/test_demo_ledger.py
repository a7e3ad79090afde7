"""The ledger that rebuilds everybody's money from the log."""

from __future__ import annotations

from collections import namedtuple
from typing import Any

import pytest

from flexbond.chain.events import EventRecord
from flexbond.demo.checks import Checks, DifferenceError
from flexbond.demo.ledger import Column, Ledger, LedgerError
from flexbond.model.types import LockReason

A, B, POOL = "0xA", "0xB", "0xP"


def record(name: str, transaction: str = "0x1", **args: Any) -> EventRecord:
    """An event of the escrow."""
    return EventRecord(
        contract="CollateralEscrow",
        name=name,
        address="0xE",
        args=namedtuple(name, args)(**args),
        block=1,
        transaction=transaction,
        log_index=0,
        timestamp=1,
    )


def deposited(account: str, amount: int) -> EventRecord:
    return record("Deposited", account=account, amount=amount)


def locked(owner: str, reason: LockReason, amount: int, lock_id: bytes = b"L") -> EventRecord:
    return record("Locked", lock_id=lock_id, owner=owner, reason=reason, amount=amount)


def test_a_penalty_goes_from_the_collateral_to_the_buyer() -> None:
    """Given collateral of 10, when 4 are paid and 6 released, then the penalty is 4 and nothing is locked."""
    ledger = Ledger.of(
        "0xT",
        [
            deposited(A, 10),
            locked(A, LockReason.COLLATERAL, 10),
            record("Paid", lock_id=b"L", to=B, amount=4),
            record("Unlocked", lock_id=b"L", amount=6),
        ],
    )
    assert ledger.accounts[A].moved[Column.PENALTIES] == -4
    assert ledger.accounts[B].moved[Column.PENALTIES] == 4
    assert (ledger.accounts[A].free, ledger.accounts[A].locked, ledger.accounts[B].free) == (6, 0, 4)


def test_a_credit_is_availability_if_it_is_locked_at_once_and_a_premium_else() -> None:
    """Given a purchase, when availability and premium are credited, then the log tells which is which."""
    ledger = Ledger.of(
        "0xT",
        [
            deposited(B, 10),
            record("Credited", from_=B, to=A, amount=3),
            locked(A, LockReason.AVAILABILITY, 3),
            record("Credited", from_=B, to=A, amount=2),
        ],
    )
    assert ledger.accounts[A].moved[Column.AVAILABILITY] == 3
    assert ledger.accounts[A].moved[Column.PREMIUMS] == 2
    assert (ledger.accounts[A].free, ledger.accounts[A].locked) == (2, 3)


def test_what_is_paid_to_a_locks_owner_stays_what_it_was() -> None:
    """Given availability locked for the provider, when it is paid to the provider, then nothing is received twice."""
    ledger = Ledger.of(
        "0xT",
        [deposited(A, 5), locked(A, LockReason.AVAILABILITY, 5), record("Paid", lock_id=b"L", to=A, amount=5)],
    )
    assert ledger.accounts[A].moved[Column.AVAILABILITY] == 0
    assert (ledger.accounts[A].free, ledger.accounts[A].locked) == (5, 0)


def test_a_pool_takes_in_and_gives_out() -> None:
    """Given utilisation of 9, when it is relocked to a pool and 7 are collected, then 2 stay locked there."""
    ledger = Ledger.of(
        "0xT",
        [
            deposited(B, 9),
            locked(B, LockReason.UTILISATION, 9),
            record("Relocked", from_lock_id=b"L", to_lock_id=b"M", to_owner=POOL, to_reason=LockReason.POOL, amount=9),
            record("Paid", lock_id=b"M", to=A, amount=7),
        ],
    )
    assert ledger.accounts[B].moved[Column.UTILISATION] == -9
    assert ledger.accounts[POOL].moved[Column.UTILISATION] == 9
    assert ledger.accounts[POOL].moved[Column.POOL] == -7
    assert ledger.accounts[POOL].locked == 2
    assert ledger.accounts[A].free == 7


@pytest.mark.parametrize(
    ("events", "message"),
    [
        ([record("Withdrawn", account=A, amount=1)], "does not have"),
        ([deposited(A, 1), locked(A, LockReason.POOL, 2)], "not in the lock"),
        ([record("Unlocked", lock_id=b"L", amount=1)], "never opened"),
        ([record("Burned", amount=1)], "does not know the event Burned"),
    ],
)
def test_a_log_that_cannot_be_is_refused(events: list[EventRecord], message: str) -> None:
    """Given a log that no escrow can have written, when it is read, then it is refused."""
    with pytest.raises(LedgerError, match=message):
        Ledger.of("0xT", events)


def test_checks_count_what_is_equal_and_stop_at_what_is_not() -> None:
    """Given comparisons, when two differ, then an error names them; else they are counted."""
    checks = Checks()
    checks.equal("Sums", 1, 1)
    checks.equal("Sums", 2, 2)
    assert [(check.text, check.count) for check in checks.lines()] == [("Sums", 2)]
    with pytest.raises(DifferenceError, match="Sums of the first: the chain has 1, and it must be 2"):
        checks.equal("Sums", 1, 2, of="the first")
