"""The ledger that rebuilds everybody's money from the log."""

from __future__ import annotations

from collections import namedtuple
from types import SimpleNamespace
from typing import Any

import pytest

from flexbond.chain.events import EventRecord
from flexbond.demo.checks import Checks, DifferenceError
from flexbond.demo.ledger import Column, Ledger, LedgerError
from flexbond.ids import lock_id
from flexbond.model.types import LockReason

A, B, POOL = "0xA", "0xB", "0xP"
TOKEN = "0x" + "11" * 20
EVENT = b"event".ljust(32, b"\0")


def record(name: str, contract: str = "CollateralEscrow", **args: Any) -> EventRecord:
    """An event of the escrow, or of the pools."""
    return EventRecord(
        contract=contract,
        name=name,
        address=POOL if contract == "Payouts" else "0xE",
        args=namedtuple(name, args)(**args),
        block=1,
        transaction="0x1",
        log_index=0,
        timestamp=1,
    )


def deposited(account: str, amount: int) -> EventRecord:
    return record("Deposited", account=account, amount=amount)


def locked(owner: str, reason: LockReason, amount: int, lock_id: bytes = b"L") -> EventRecord:
    return record("Locked", lock_id=lock_id, owner=owner, reason=reason, amount=amount)


def purchased(premium: int, availability: int, collateral: int) -> EventRecord:
    """A purchase by B of A."""
    amounts = {"premium": premium, "availability": availability, "collateral": collateral}
    return record("Purchased", lock_id=b"L", buyer=B, provider=A, **amounts)


def divided(to: str, paid: int, unlocked: int, pooled: int = 0) -> EventRecord:
    return record("Divided", lock_id=b"L", to=to, paid=paid, unlocked=unlocked, pool_id=EVENT, pooled=pooled)


def settled(penalty: int) -> EventRecord:
    """A dispatch settled with a penalty."""
    return record("DispatchSettled", settled=SimpleNamespace(penalty=penalty))


def test_a_penalty_goes_from_the_collateral_to_the_buyer() -> None:
    """Given collateral of 10 and availability of 5, when 4 are penalised, 3 refunded and 8 released, the log tells which is which."""
    ledger = Ledger.of(
        TOKEN, [deposited(A, 10), deposited(B, 5), purchased(0, 5, 10), settled(4), divided(B, 4 + 3, 8)]
    )
    assert ledger.accounts[A].moved[Column.PENALTIES] == -4
    assert ledger.accounts[B].moved[Column.PENALTIES] == 4
    assert ledger.accounts[A].moved[Column.AVAILABILITY] == 5 - 3
    assert (ledger.accounts[A].free, ledger.accounts[A].locked, ledger.accounts[B].free) == (8, 0, 7)


def test_a_penalty_is_of_its_own_dispatch() -> None:
    """Given a dispatch settled with a penalty, what is divided later without one is availability."""
    ledger = Ledger.of(
        TOKEN,
        [deposited(A, 10), deposited(B, 5), purchased(0, 5, 10), settled(4), divided(B, 4, 0), divided(B, 2, 0)],
    )
    assert ledger.accounts[B].moved[Column.PENALTIES] == 4
    assert ledger.accounts[B].moved[Column.AVAILABILITY] == 2 - 5


def test_a_purchase_tells_availability_from_premium() -> None:
    """Given a purchase, premium and availability are the provider's, and collateral and availability are locked."""
    ledger = Ledger.of(TOKEN, [deposited(B, 10), purchased(2, 3, 1)])
    assert ledger.accounts[A].moved[Column.AVAILABILITY] == 3
    assert ledger.accounts[A].moved[Column.PREMIUMS] == 2
    assert ledger.accounts[B].moved[Column.PREMIUMS] == -2
    assert (ledger.accounts[A].free, ledger.accounts[A].locked, ledger.accounts[B].free) == (1, 4, 5)


def test_what_is_paid_to_a_locks_owner_stays_what_it_was() -> None:
    """Given utilisation locked by its holder, when it is paid to the holder, then nothing is received twice."""
    ledger = Ledger.of(
        TOKEN,
        [deposited(A, 5), locked(A, LockReason.UTILISATION, 5), record("Paid", lock_id=b"L", to=A, amount=5)],
    )
    assert ledger.accounts[A].moved[Column.UTILISATION] == 0
    assert (ledger.accounts[A].free, ledger.accounts[A].locked) == (5, 0)


def test_a_pool_takes_in_and_gives_out() -> None:
    """Given utilisation of 10, when 9 are divided to a pool and 7 of it collected, then 2 stay locked there."""
    ledger = Ledger.of(
        TOKEN,
        [
            deposited(B, 10),
            locked(B, LockReason.UTILISATION, 10),
            settled(3),
            divided(A, 1, 0, 9),
            record("PoolFunded", "Payouts", pool_id=EVENT, amount=9),
            record("Paid", lock_id=lock_id(TOKEN, LockReason.POOL, EVENT), to=A, amount=7),
        ],
    )
    assert ledger.accounts[B].moved[Column.UTILISATION] == -10
    assert ledger.accounts[B].moved[Column.PENALTIES] == 0
    assert ledger.accounts[POOL].moved[Column.UTILISATION] == 9
    assert ledger.accounts[POOL].moved[Column.POOL] == -7
    assert ledger.accounts[POOL].locked == 2
    assert ledger.accounts[A].free == 1 + 7


def test_a_lost_bond_is_divided() -> None:
    """Given a bond of 9, when it is lost, then the watchtower's part and the buyers' are told apart from pay."""
    ledger = Ledger.of(
        TOKEN,
        [
            deposited(A, 10),
            locked(A, LockReason.BOND, 9),
            record("Paid", lock_id=b"L", to=POOL, amount=4),
            record("PaidMany", lock_id=b"L", to=[B, POOL], amounts=[3, 2]),
        ],
    )
    assert [ledger.accounts[one].moved[Column.BONDS] for one in (A, B, POOL)] == [-9, 3, 6]
    assert (ledger.accounts[A].free, ledger.accounts[A].locked) == (1, 0)


def test_an_empty_log_is_a_ledger_of_nothing() -> None:
    """Given nothing that happened, then nobody has anything."""
    assert not Ledger.of(TOKEN, []).accounts


@pytest.mark.parametrize(
    ("events", "message"),
    [
        ([record("Withdrawn", account=A, amount=1)], "does not have"),
        ([deposited(A, 1), locked(A, LockReason.POOL, 2)], "not in the lock"),
        ([record("Paid", lock_id=b"L", to=A, amount=1)], "never opened"),
        ([deposited(B, 1), locked(B, LockReason.UTILISATION, 1), divided(A, 0, 0, 1)], "not one event is of Payouts"),
        ([record("Burned", amount=1)], "does not know the event Burned"),
    ],
)
def test_a_log_that_cannot_be_is_refused(events: list[EventRecord], message: str) -> None:
    """Given a log that no escrow can have written, when it is read, then it is refused."""
    with pytest.raises(LedgerError, match=message):
        Ledger.of(TOKEN, events)


def test_checks_count_what_is_equal_and_stop_at_what_is_not() -> None:
    """Given comparisons, when two differ, then an error names them; else they are counted."""
    checks = Checks()
    checks.equal("Sums", 1, 1)
    checks.equal("Sums", 2, 2)
    assert [(check.text, check.count) for check in checks.lines()] == [("Sums", 2)]
    with pytest.raises(DifferenceError, match="Sums of the first: the chain has 1, and it must be 2"):
        checks.equal("Sums", 1, 2, of="the first")
