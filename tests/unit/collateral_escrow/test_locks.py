"""CollateralEscrow.lock, unlock, pay, relock and credit: by movers alone, to the base unit."""

from __future__ import annotations

from typing import Any

import pytest

from flexbond.hashing import ZERO_ADDRESS
from flexbond.ids import lock_id
from flexbond.model.types import LockReason
from tests.support.evm import reverts
from tests.unit.collateral_escrow.conftest import ADMIN, ALICE, ATTACKER, BOB, KEY, MOVER, MOVERS, OTHER_KEY, Vault

COLLATERAL, POOL = LockReason.COLLATERAL, LockReason.POOL
NO_LOCK = (ZERO_ADDRESS, 0)


def moves(vault: Vault, amount: int) -> list[tuple[str, tuple[Any, ...]]]:
    """Every function of movers with its arguments, for Alice's money."""
    token = vault.token.address
    return [
        ("lock", (token, ALICE, COLLATERAL, KEY, amount)),
        ("unlock", (token, COLLATERAL, KEY, amount)),
        ("pay", (token, COLLATERAL, KEY, BOB, amount)),
        ("relock", (token, COLLATERAL, KEY, POOL, OTHER_KEY, BOB, amount)),
        ("credit", (token, ALICE, BOB, amount)),
    ]


def test_refuses_anyone_but_movers(vault: Vault) -> None:
    """Given money free and locked, when anyone but a mover moves it, even by nothing, it is refused."""
    vault.lock(500)
    for account in (ATTACKER, ALICE, ADMIN):
        for amount in (0, 1):
            for name, arguments in moves(vault, amount):
                with reverts("Flexbond_NotMover", account):
                    getattr(vault.escrow, name).send(*arguments, sender=account)


@pytest.mark.parametrize("place", range(4))
def test_every_mover_may_move(vault: Vault, place: int) -> None:
    """Given any of the four movers, all of its functions succeed."""
    vault.lock(500)
    for name, arguments in moves(vault, 1):
        getattr(vault.escrow, name).send(*arguments, sender=MOVERS[place])


def test_zero_does_nothing(vault: Vault) -> None:
    """Given an amount of zero, nothing happens and nothing is logged, whatever the rest says."""
    vault.lock(500)
    for name, arguments in moves(vault, 0):
        assert getattr(vault.escrow, name).send(*arguments, sender=MOVER).events == []
    vault.escrow.lock.send(vault.token.address, BOB, COLLATERAL, KEY, 0, sender=MOVER)
    assert vault.escrow.lockOf.call(lock_id(vault.token.address, COLLATERAL, KEY)) == (ALICE.address, 500)


def test_lock_takes_from_the_free_balance(vault: Vault) -> None:
    """Given 1 000 free, when 300 and then 200 are locked, the lock holds 500 of its owner's."""
    token = vault.token.address
    event = vault.escrow.lock.send(token, ALICE, COLLATERAL, KEY, 300, sender=MOVER).only("Locked")
    identity = lock_id(token, COLLATERAL, KEY)
    assert (event.lock_id, event.owner, event.reason) == (identity, ALICE.address, COLLATERAL)
    assert (event.token, event.key, event.amount) == (token, KEY, 300)
    vault.lock(200)
    assert vault.escrow.lockOf.call(identity) == (ALICE.address, 500)
    assert vault.escrow.lockId.call(token, COLLATERAL, KEY) == identity
    assert vault.free(ALICE) == 500
    assert vault.escrow.owed.call(token) == 1_000


def test_lock_refuses_more_than_is_free(vault: Vault) -> None:
    """Given 1 000 free, when 1 001 are locked, it is refused."""
    with reverts("CollateralEscrow_InsufficientFree", vault.token, ALICE, 1_000, 1_001):
        vault.lock(1_001)


def test_lock_refuses_another_owner(vault: Vault) -> None:
    """Given Alice's lock, when Bob's money is added to it, it is refused; once it is empty it may be his."""
    identity = vault.lock(10)
    vault.deposit(vault.token, BOB, 10)
    with reverts("CollateralEscrow_LockOwnerDiffers", identity, ALICE, BOB):
        vault.lock(10, owner=BOB)
    vault.escrow.unlock.send(vault.token.address, COLLATERAL, KEY, 10, sender=MOVER)
    vault.lock(10, owner=BOB)
    assert vault.escrow.lockOf.call(identity) == (BOB.address, 10)


def test_lock_refuses_what_no_slot_holds(vault: Vault) -> None:
    """Given more money than 96 bits, when it is locked in one lock, at once or bit by bit, it is refused."""
    vault.deposit(vault.token, BOB, 2**97)
    with reverts("Flexbond_Overflow", 2**96, 96):
        vault.lock(2**96, owner=BOB)
    vault.lock(2**96 - 1, owner=BOB)
    with reverts("Flexbond_Overflow", 2**96, 96):
        vault.lock(1, owner=BOB)


def test_unlock_gives_back_to_the_owner(vault: Vault) -> None:
    """Given 300 locked, when 100 and then the rest are unlocked, they are the owner's, and the lock is gone."""
    identity = vault.lock(300)
    event = vault.escrow.unlock.send(vault.token.address, COLLATERAL, KEY, 100, sender=MOVER).only("Unlocked")
    assert (event.lock_id, event.owner, event.amount) == (identity, ALICE.address, 100)
    assert vault.free(ALICE) == 800
    assert vault.escrow.lockOf.call(identity) == (ALICE.address, 200)
    vault.escrow.unlock.send(vault.token.address, COLLATERAL, KEY, 200, sender=MOVER)
    assert vault.escrow.lockOf.call(identity) == NO_LOCK
    assert vault.free(ALICE) == 1_000


def test_pay_gives_to_another(vault: Vault) -> None:
    """Given 300 locked, when 120 are paid to Bob, they are free of his."""
    identity = vault.lock(300)
    event = vault.escrow.pay.send(vault.token.address, COLLATERAL, KEY, BOB, 120, sender=MOVER).only("Paid")
    assert (event.lock_id, event.to, event.amount) == (identity, BOB.address, 120)
    assert (vault.free(ALICE), vault.free(BOB)) == (700, 120)
    assert vault.escrow.lockOf.call(identity) == (ALICE.address, 180)
    assert vault.escrow.owed.call(vault.token.address) == 1_000


def test_relock_moves_to_another_lock(vault: Vault) -> None:
    """Given 300 locked, when 120 are relocked for Bob, they are in a lock of his and in no free balance."""
    identity = vault.lock(300)
    token = vault.token.address
    other = lock_id(token, POOL, OTHER_KEY)
    arguments = (token, COLLATERAL, KEY, POOL, OTHER_KEY, BOB, 120)
    event = vault.escrow.relock.send(*arguments, sender=MOVER).only("Relocked")
    assert (event.from_lock_id, event.to_lock_id, event.to_owner) == (identity, other, BOB.address)
    assert (event.to_reason, event.to_key, event.amount) == (POOL, OTHER_KEY, 120)
    assert vault.escrow.lockOf.call(identity) == (ALICE.address, 180)
    assert vault.escrow.lockOf.call(other) == (BOB.address, 120)
    assert (vault.free(ALICE), vault.free(BOB)) == (700, 0)
    assert vault.escrow.owed.call(token) == 1_000


def test_relock_to_the_same_lock_changes_nothing(vault: Vault) -> None:
    """Given 300 locked, when all of it is relocked to itself, it is as before."""
    identity = vault.lock(300)
    arguments = (vault.token.address, COLLATERAL, KEY, COLLATERAL, KEY, ALICE, 300)
    vault.escrow.relock.send(*arguments, sender=MOVER)
    assert vault.escrow.lockOf.call(identity) == (ALICE.address, 300)


def test_relock_refuses_a_lock_of_another(vault: Vault) -> None:
    """Given Alice's lock as target, when money is relocked there for Bob, it is refused."""
    target = vault.lock(1)
    vault.lock(300, key=OTHER_KEY)
    arguments = (vault.token.address, COLLATERAL, OTHER_KEY, COLLATERAL, KEY, BOB, 1)
    with reverts("CollateralEscrow_LockOwnerDiffers", target, ALICE, BOB):
        vault.escrow.relock.send(*arguments, sender=MOVER)


def test_no_lock_gives_more_than_it_holds(vault: Vault) -> None:
    """Given 300 locked, when 301 are unlocked, paid or relocked, or anything of a lock that is none, it is refused."""
    identity = vault.lock(300)
    for name, arguments in moves(vault, 301)[1:4]:
        with reverts("CollateralEscrow_InsufficientLock", identity, 300, 301):
            getattr(vault.escrow, name).send(*arguments, sender=MOVER)
    token = vault.token.address
    with reverts("CollateralEscrow_InsufficientLock", lock_id(token, POOL, KEY), 0, 1):
        vault.escrow.unlock.send(token, POOL, KEY, 1, sender=MOVER)


def test_locks_of_different_tokens_do_not_mix(vault: Vault) -> None:
    """Given a lock in one token, the same reason and key in another token is another lock, and empty."""
    vault.lock(300)
    other = vault.list_token("MockStablecoin").address
    with reverts("CollateralEscrow_InsufficientLock", lock_id(other, COLLATERAL, KEY), 0, 300):
        vault.escrow.unlock.send(other, COLLATERAL, KEY, 300, sender=MOVER)


def test_credit_moves_between_free_balances(vault: Vault) -> None:
    """Given 1 000 free, when 250 are credited to Bob, they are his; more than is free is refused."""
    token = vault.token.address
    event = vault.escrow.credit.send(token, ALICE, BOB, 250, sender=MOVER).only("Credited")
    assert (event.token, event.from_, event.to, event.amount) == (token, ALICE.address, BOB.address, 250)
    assert (vault.free(ALICE), vault.free(BOB)) == (750, 250)
    with reverts("CollateralEscrow_InsufficientFree", vault.token, ALICE, 750, 751):
        vault.escrow.credit.send(token, ALICE, BOB, 751, sender=MOVER)
    vault.escrow.credit.send(token, ALICE, ALICE, 750, sender=MOVER)
    assert vault.free(ALICE) == 750
