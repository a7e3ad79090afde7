"""CollateralEscrow.lock, purchase, divide, divideAll, pay, payMany and release: by movers alone, to the base unit."""

from __future__ import annotations

from typing import Any

import pytest

from flexbond.hashing import ZERO_ADDRESS
from flexbond.ids import lock_id
from flexbond.model.types import LockReason
from tests.support.evm import reverts
from tests.unit.collateral_escrow.conftest import ADMIN, ALICE, ATTACKER, BOB, KEY, MOVER, MOVERS, OTHER_KEY, Vault

RIGHTS, UTILISATION, POOL = LockReason.RIGHTS, LockReason.UTILISATION, LockReason.POOL
NO_LOCK = (ZERO_ADDRESS, 0)


def moves(vault: Vault, amount: int) -> list[tuple[str, tuple[Any, ...]]]:
    """Every function of movers with its arguments, for Alice's money."""
    token = vault.token.address
    return [
        ("lock", (token, ALICE, RIGHTS, KEY, amount)),
        ("purchase", (token, ALICE, ALICE, KEY, amount, amount, amount)),
        ("pay", (token, RIGHTS, KEY, BOB, amount)),
        ("payMany", (token, RIGHTS, KEY, [BOB.address, ADMIN.address], [0, amount])),
        ("divide", (token, RIGHTS, KEY, BOB, amount, 0, OTHER_KEY, 0)),
        ("divide", (token, RIGHTS, KEY, BOB, 0, amount, OTHER_KEY, 0)),
        ("divide", (token, RIGHTS, KEY, BOB, 0, 0, OTHER_KEY, amount)),
    ]


def moves_of_all(vault: Vault, reason: LockReason) -> list[tuple[str, tuple[Any, ...]]]:
    """Every function of movers that moves the whole of a lock."""
    token = vault.token.address
    return [("divideAll", (token, reason, KEY, BOB, 0, OTHER_KEY, 0)), ("release", (token, reason, KEY))]


def test_refuses_anyone_but_movers(vault: Vault) -> None:
    """Given money free and locked, when anyone but a mover moves it, even by nothing, it is refused."""
    vault.lock(500)
    for account in (ATTACKER, ALICE, ADMIN):
        for amount in (0, 1):
            for name, arguments in moves(vault, amount) + moves_of_all(vault, RIGHTS):
                with reverts("Flexbond_NotMover", account):
                    getattr(vault.escrow, name).send(*arguments, sender=account)


@pytest.mark.parametrize("place", range(4))
def test_every_mover_may_move(vault: Vault, place: int) -> None:
    """Given any of the four movers, all of its functions succeed."""
    vault.lock(500)
    for name, arguments in moves(vault, 1) + moves_of_all(vault, RIGHTS):
        getattr(vault.escrow, name).send(*arguments, sender=MOVERS[place])


def test_zero_does_nothing(vault: Vault) -> None:
    """Given an amount of zero, or all of a lock that is none, nothing happens and nothing is logged, whatever the rest says."""
    vault.lock(500)
    for name, arguments in moves(vault, 0) + moves_of_all(vault, UTILISATION):
        assert getattr(vault.escrow, name).send(*arguments, sender=MOVER).events == []
    vault.escrow.lock.send(vault.token.address, BOB, RIGHTS, KEY, 0, sender=MOVER)
    assert vault.escrow.lockOf.call(lock_id(vault.token.address, RIGHTS, KEY)) == (ALICE.address, 500)


def test_lock_takes_from_the_free_balance(vault: Vault) -> None:
    """Given 1 000 free, when 300 and then 200 are locked, the lock holds 500 of its owner's."""
    token = vault.token.address
    event = vault.escrow.lock.send(token, ALICE, RIGHTS, KEY, 300, sender=MOVER).only("Locked")
    identity = lock_id(token, RIGHTS, KEY)
    assert (event.lock_id, event.owner, event.reason) == (identity, ALICE.address, RIGHTS)
    assert (event.token, event.key, event.amount) == (token, KEY, 300)
    vault.lock(200)
    assert vault.escrow.lockOf.call(identity) == (ALICE.address, 500)
    assert vault.escrow.lockId.call(token, RIGHTS, KEY) == identity
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
    vault.escrow.pay.send(vault.token.address, RIGHTS, KEY, ALICE, 10, sender=MOVER)
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


def test_pay_gives_to_another(vault: Vault) -> None:
    """Given 300 locked, when 120 are paid to Bob, they are free of his."""
    identity = vault.lock(300)
    event = vault.escrow.pay.send(vault.token.address, RIGHTS, KEY, BOB, 120, sender=MOVER).only("Paid")
    assert (event.lock_id, event.to, event.amount) == (identity, BOB.address, 120)
    assert (vault.free(ALICE), vault.free(BOB)) == (700, 120)
    assert vault.escrow.lockOf.call(identity) == (ALICE.address, 180)
    assert vault.escrow.owed.call(vault.token.address) == 1_000


def test_pay_many_gives_to_each(vault: Vault) -> None:
    """Given 300 locked, when parts are paid to Bob, to nobody's profit, to Alice and again to Bob, each has its sum."""
    identity = vault.lock(300)
    to, amounts = [BOB.address, ATTACKER.address, ALICE.address, BOB.address], [120, 0, 30, 50]
    receipt = vault.escrow.payMany.send(vault.token.address, RIGHTS, KEY, to, amounts, sender=MOVER)
    assert [event.name for event in receipt.events] == ["PaidMany"]
    event = receipt.only("PaidMany")
    assert (event.lock_id, list(event.to), list(event.amounts)) == (identity, to, amounts)
    assert (vault.free(ALICE), vault.free(BOB), vault.free(ATTACKER)) == (730, 170, 0)
    assert vault.escrow.lockOf.call(identity) == (ALICE.address, 100)
    assert vault.escrow.owed.call(vault.token.address) == 1_000


def test_pay_many_of_the_whole_lock(vault: Vault) -> None:
    """Given all of a lock paid to many, the lock is none."""
    identity = vault.lock(300)
    to = [BOB.address, ATTACKER.address]
    vault.escrow.payMany.send(vault.token.address, RIGHTS, KEY, to, [299, 1], sender=MOVER)
    assert vault.escrow.lockOf.call(identity) == NO_LOCK


def test_pay_many_gives_all_or_nothing(vault: Vault) -> None:
    """Given 300 locked, when parts together are more, nobody gets anything."""
    identity = vault.lock(300)
    to = [BOB.address, ATTACKER.address]
    with reverts("CollateralEscrow_InsufficientLock", identity, 300, 301):
        vault.escrow.payMany.send(vault.token.address, RIGHTS, KEY, to, [300, 1], sender=MOVER)
    assert (vault.free(BOB), vault.free(ATTACKER)) == (0, 0)


@pytest.mark.parametrize("lengths", [(1, 2), (2, 1), (0, 1), (1, 0)])
def test_pay_many_needs_an_amount_for_each(vault: Vault, lengths: tuple[int, int]) -> None:
    """Given lists of different lengths, it is refused."""
    vault.lock(300)
    accounts, amounts = lengths
    with reverts("CollateralEscrow_LengthsDiffer", accounts, amounts):
        vault.escrow.payMany.send(
            vault.token.address, RIGHTS, KEY, [BOB.address] * accounts, [1] * amounts, sender=MOVER
        )


def test_pay_many_without_anyone(vault: Vault) -> None:
    """Given nobody, nothing happens."""
    vault.lock(300)
    assert vault.escrow.payMany.send(vault.token.address, RIGHTS, KEY, [], [], sender=MOVER).events == []


def test_a_purchase_pays_and_locks(vault: Vault) -> None:
    """Given a buyer and a provider, the premium is paid, and what both lock is in one lock, which is the provider's."""
    token = vault.token.address
    vault.deposit(vault.token, BOB, 100)
    arguments = (token, ALICE, BOB, KEY, 30, 20, 110)
    event = vault.escrow.purchase.send(*arguments, sender=MOVER).only("Purchased")
    identity = lock_id(token, RIGHTS, KEY)
    assert (event.lock_id, event.buyer, event.provider) == (identity, ALICE.address, BOB.address)
    assert (event.token, event.key) == (token, KEY)
    assert (event.premium, event.availability, event.collateral) == (30, 20, 110)
    assert (vault.free(ALICE), vault.free(BOB)) == (950, 20)
    assert vault.escrow.lockOf.call(identity) == (BOB.address, 130)
    assert vault.escrow.owed.call(token) == 1_100


def test_a_purchase_from_oneself(vault: Vault) -> None:
    """Given a provider that buys of itself, the premium changes nothing, and the rest is locked."""
    vault.escrow.purchase.send(vault.token.address, ALICE, ALICE, KEY, 900, 60, 40, sender=MOVER)
    assert vault.free(ALICE) == 900
    assert vault.escrow.lockOf.call(lock_id(vault.token.address, RIGHTS, KEY)) == (ALICE.address, 100)


def test_a_purchase_without_anything_to_lock(vault: Vault) -> None:
    """Given a premium alone, it is paid and there is no lock."""
    vault.escrow.purchase.send(vault.token.address, ALICE, BOB, KEY, 250, 0, 0, sender=MOVER)
    assert (vault.free(ALICE), vault.free(BOB)) == (750, 250)
    assert vault.escrow.lockOf.call(lock_id(vault.token.address, RIGHTS, KEY)) == NO_LOCK


@pytest.mark.parametrize("amounts", [(1_001, 0, 0), (0, 1_001, 0), (600, 401, 0)])
def test_a_purchase_needs_the_buyers_money(vault: Vault, amounts: tuple[int, ...]) -> None:
    """Given 1 000 free, when premium and availability together are more, it is refused."""
    with reverts("CollateralEscrow_InsufficientFree", vault.token, ALICE, 1_000, 1_001):
        vault.escrow.purchase.send(vault.token.address, ALICE, BOB, KEY, *amounts, sender=MOVER)


def test_a_purchase_needs_the_providers_money(vault: Vault) -> None:
    """Given collateral beyond what the provider has with its premium, it is refused; availability is no collateral."""
    arguments = (vault.token.address, ALICE, BOB, KEY, 30, 20)
    with reverts("CollateralEscrow_InsufficientFree", vault.token, BOB, 30, 31):
        vault.escrow.purchase.send(*arguments, 31, sender=MOVER)
    vault.escrow.purchase.send(*arguments, 30, sender=MOVER)
    assert vault.free(BOB) == 0


def test_a_purchase_refuses_a_lock_of_another(vault: Vault) -> None:
    """Given Alice's lock, when Bob sells under its key, it is refused."""
    identity = vault.lock(10)
    with reverts("CollateralEscrow_LockOwnerDiffers", identity, ALICE, BOB):
        vault.escrow.purchase.send(vault.token.address, ALICE, BOB, KEY, 0, 1, 0, sender=MOVER)


def test_a_purchase_refuses_what_no_slot_holds(vault: Vault) -> None:
    """Given more money than 96 bits, when a purchase locks it, it is refused."""
    vault.deposit(vault.token, BOB, 2**97)
    with reverts("Flexbond_Overflow", 2**96, 96):
        vault.escrow.purchase.send(vault.token.address, BOB, BOB, KEY, 0, 2**95, 2**95, sender=MOVER)


def test_divides_a_lock(vault: Vault) -> None:
    """Given 300 locked, a part goes to another, a part back to its owner, a part to a pool; the rest stays."""
    identity = vault.lock(300)
    token, payouts = vault.token.address, MOVERS[3].address
    receipt = vault.escrow.divide.send(token, RIGHTS, KEY, BOB, 120, 100, OTHER_KEY, 50, sender=MOVER)
    event = receipt.only("Divided")
    assert (event.lock_id, event.to) == (identity, BOB.address)
    assert (event.paid, event.unlocked, event.pool_id, event.pooled) == (120, 100, OTHER_KEY, 50)
    pool = lock_id(token, POOL, OTHER_KEY)
    assert vault.escrow.lockOf.call(identity) == (ALICE.address, 30)
    assert vault.escrow.lockOf.call(pool) == (payouts, 50)
    assert (vault.free(ALICE), vault.free(BOB)) == (800, 120)
    assert vault.escrow.owed.call(token) == 1_000


def test_a_lock_divided_whole_is_gone(vault: Vault) -> None:
    """Given 10 locked, when all is given back, the lock is none, and may be another's."""
    identity = vault.lock(10)
    receipt = vault.escrow.divide.send(vault.token.address, RIGHTS, KEY, BOB, 0, 10, OTHER_KEY, 0, sender=MOVER)
    assert [event.name for event in receipt.events] == ["Divided"]
    assert vault.escrow.lockOf.call(identity) == NO_LOCK
    assert vault.free(ALICE) == 1_000


def test_divides_all_of_a_lock(vault: Vault) -> None:
    """Given 300 locked, when 120 are paid and 50 pooled of all, the rest goes back to its owner, and the lock is none."""
    identity = vault.lock(300)
    token = vault.token.address
    receipt = vault.escrow.divideAll.send(token, RIGHTS, KEY, BOB, 120, OTHER_KEY, 50, sender=MOVER)
    assert receipt.value == 130
    assert [event.name for event in receipt.events] == ["Divided"]
    event = receipt.only("Divided")
    assert (event.lock_id, event.to) == (identity, BOB.address)
    assert (event.paid, event.unlocked, event.pool_id, event.pooled) == (120, 130, OTHER_KEY, 50)
    assert vault.escrow.lockOf.call(identity) == NO_LOCK
    assert vault.escrow.lockOf.call(lock_id(token, POOL, OTHER_KEY)) == (MOVERS[3].address, 50)
    assert (vault.free(ALICE), vault.free(BOB)) == (830, 120)


def test_divides_nothing_of_no_lock(vault: Vault) -> None:
    """Given no lock, when all of it is divided, nothing is unlocked; what is to be paid or pooled of it is refused."""
    arguments = (vault.token.address, UTILISATION, KEY, BOB)
    assert vault.escrow.divideAll.send(*arguments, 0, OTHER_KEY, 0, sender=MOVER).value == 0
    for paid, pooled in ((1, 0), (0, 1)):
        with reverts("CollateralEscrow_InsufficientLock", lock_id(vault.token.address, UTILISATION, KEY), 0, 1):
            vault.escrow.divideAll.send(*arguments, paid, OTHER_KEY, pooled, sender=MOVER)


def test_releases_a_lock(vault: Vault) -> None:
    """Given 300 locked, when the lock is released, all goes back to its owner, once."""
    identity = vault.lock(300)
    token = vault.token.address
    receipt = vault.escrow.release.send(token, RIGHTS, KEY, sender=MOVER)
    assert tuple(receipt.value) == (ALICE.address, 300)
    event = receipt.only("Paid")
    assert (event.lock_id, event.to, event.amount) == (identity, ALICE.address, 300)
    assert vault.escrow.lockOf.call(identity) == NO_LOCK
    assert vault.free(ALICE) == 1_000
    again = vault.escrow.release.send(token, RIGHTS, KEY, sender=MOVER)
    assert (tuple(again.value), again.events) == (NO_LOCK, [])


def test_a_pool_grows_no_further_than_its_slot(vault: Vault) -> None:
    """Given more than 96 bits for one pool, it is refused."""
    vault.deposit(vault.token, BOB, 2**97)
    vault.lock(2**96 - 1, owner=BOB)
    vault.lock(1, owner=BOB, key=OTHER_KEY)
    token = vault.token.address
    vault.escrow.divide.send(token, RIGHTS, KEY, BOB, 0, 0, KEY, 2**96 - 1, sender=MOVER)
    with reverts("Flexbond_Overflow", 2**96, 96):
        vault.escrow.divide.send(token, RIGHTS, OTHER_KEY, BOB, 0, 0, KEY, 1, sender=MOVER)


def test_no_lock_gives_more_than_it_holds(vault: Vault) -> None:
    """Given 300 locked, when 301 are paid or divided, or anything of a lock that is none, it is refused."""
    identity = vault.lock(300)
    for name, arguments in moves(vault, 301)[2:]:
        with reverts("CollateralEscrow_InsufficientLock", identity, 300, 301):
            getattr(vault.escrow, name).send(*arguments, sender=MOVER)
    token = vault.token.address
    with reverts("CollateralEscrow_InsufficientLock", identity, 300, 301):
        vault.escrow.divide.send(token, RIGHTS, KEY, BOB, 100, 100, OTHER_KEY, 101, sender=MOVER)
    with reverts("CollateralEscrow_InsufficientLock", identity, 300, 301):
        vault.escrow.divideAll.send(token, RIGHTS, KEY, BOB, 200, OTHER_KEY, 101, sender=MOVER)
    with reverts("CollateralEscrow_InsufficientLock", lock_id(token, UTILISATION, KEY), 0, 1):
        vault.escrow.pay.send(token, UTILISATION, KEY, BOB, 1, sender=MOVER)


def test_locks_of_different_tokens_do_not_mix(vault: Vault) -> None:
    """Given a lock in one token, the same reason and key in another token is another lock, and empty."""
    vault.lock(300)
    other = vault.list_token("MockStablecoin").address
    with reverts("CollateralEscrow_InsufficientLock", lock_id(other, RIGHTS, KEY), 0, 300):
        vault.escrow.pay.send(other, RIGHTS, KEY, BOB, 300, sender=MOVER)
