"""CollateralEscrow.withdraw: by the owner, of what is free, to where it says."""

from __future__ import annotations

from flexbond.hashing import ZERO_ADDRESS
from tests.support.evm import Evm, reverts
from tests.support.world import World
from tests.unit.collateral_escrow.conftest import ADMIN, ALICE, ATTACKER, BOB, KEY, MOVER, MOVERS, Vault


def test_pays_out_to_another_address(vault: Vault) -> None:
    """Given 1 000 free, when Alice withdraws 400 to Bob, he has them and 600 stay owed to her."""
    receipt = vault.escrow.withdraw.send(vault.token.address, BOB, 400, sender=ALICE)
    event = receipt.only("Withdrawn")
    assert (event.token, event.account, event.to) == (vault.token.address, ALICE.address, BOB.address)
    assert event.amount == 400
    assert vault.token.balanceOf.call(BOB) == 400
    assert vault.free(ALICE) == 600
    assert vault.escrow.owed.call(vault.token.address) == 600
    vault.assert_balanced()


def test_refuses_what_is_locked(vault: Vault) -> None:
    """Given 300 of 1 000 locked, when 701 are withdrawn, they are refused, and 700 are not."""
    vault.lock(300)
    with reverts("CollateralEscrow_InsufficientFree", vault.token, ALICE, 700, 701):
        vault.escrow.withdraw.send(vault.token.address, ALICE, 701, sender=ALICE)
    vault.escrow.withdraw.send(vault.token.address, ALICE, 700, sender=ALICE)
    assert vault.escrow.owed.call(vault.token.address) == 300


def test_refuses_nothing_and_nobody(vault: Vault) -> None:
    """Given an amount of zero, or the zero address as receiver, it is refused."""
    with reverts("CollateralEscrow_ZeroAmount", vault.token):
        vault.escrow.withdraw.send(vault.token.address, ALICE, 0, sender=ALICE)
    with reverts("Flexbond_ZeroAddress", "to"):
        vault.escrow.withdraw.send(vault.token.address, ZERO_ADDRESS, 1, sender=ALICE)


def test_nobody_else_can_withdraw(vault: Vault) -> None:
    """Given Alice's money, an attacker and a mover have none of their own to withdraw."""
    for account in (ATTACKER, MOVER):
        with reverts("CollateralEscrow_InsufficientFree", vault.token, account, 0, 1):
            vault.escrow.withdraw.send(vault.token.address, account, 1, sender=account)


def test_an_operator_cannot_withdraw(world: World) -> None:
    """Given an operator who may act for the provider, it has nothing of the provider's to withdraw."""
    provider, operator = world.accounts.provider, world.accounts.provider_operator
    assert world.participants.mayAct.call(provider, operator)
    assert world.free(provider) > 0
    with reverts("CollateralEscrow_InsufficientFree", world.token, operator, 0, 1):
        world.escrow.withdraw.send(world.token.address, operator, 1, sender=operator)


def test_a_callback_token_cannot_withdraw_twice(vault: Vault) -> None:
    """Given a token that calls its receiver back, when that one withdraws again within, all is undone."""
    token = vault.list_token("CallbackToken")
    wallet = vault.evm.deploy("MockWallet", ATTACKER.address, sender=ATTACKER)
    vault.give(token, ATTACKER, 10)
    vault.escrow.deposit.send(token.address, wallet, 10, sender=ATTACKER)
    vault.deposit(token, BOB, 10)
    withdraw = vault.escrow.withdraw.encode(token.address, wallet.address, 10)
    token.arm.send(wallet.address, wallet.execute.encode(vault.escrow.address, withdraw), sender=ATTACKER)

    with reverts("ReentrancyGuardReentrantCall"):
        wallet.execute.send(vault.escrow.address, withdraw, sender=ATTACKER)
    assert vault.escrow.free.call(token.address, wallet) == 10
    assert token.balanceOf.call(vault.escrow) == 20


def test_effects_stand_before_the_token_is_called(evm: Evm) -> None:
    """Given a token that is itself a mover, when it moves the money once more while it is withdrawn, none is left."""
    governance = evm.deploy("Governance", ADMIN.address, sender=ADMIN)
    token = evm.deploy("CallbackToken", sender=ADMIN)
    movers = [token.address, *(mover.address for mover in MOVERS[1:])]
    escrow = evm.deploy("CollateralEscrow", governance.address, movers, sender=ADMIN)
    escrow.listToken.send(token.address, True, sender=ADMIN)
    vault = Vault(evm=evm, escrow=escrow, token=token)
    vault.deposit(token, BOB, 10)

    purchase = escrow.purchase.encode(token.address, BOB.address, ATTACKER.address, KEY, 10, 0, 0)
    token.arm.send(escrow.address, purchase, sender=ATTACKER)
    with reverts("CollateralEscrow_InsufficientFree", token, BOB, 0, 10):
        escrow.withdraw.send(token.address, BOB, 10, sender=BOB)
