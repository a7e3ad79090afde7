"""CollateralEscrow.deposit, with friendly and hostile tokens."""

from __future__ import annotations

from flexbond.hashing import ZERO_ADDRESS
from tests.support.evm import reverts
from tests.unit.collateral_escrow.conftest import ADMIN, ALICE, ATTACKER, BOB, Vault


def test_credits_the_account(vault: Vault) -> None:
    """Given an allowance, when Bob deposits for Alice, her free balance and what is owed grow by the amount."""
    vault.give(vault.token, BOB, 70)
    receipt = vault.escrow.deposit.send(vault.token.address, ALICE, 70, sender=BOB)

    event = receipt.only("Deposited")
    assert (event.token, event.account, event.from_) == (vault.token.address, ALICE.address, BOB.address)
    assert event.amount == 70
    assert vault.free(ALICE) == 1_070
    assert vault.free(BOB) == 0
    assert vault.escrow.owed.call(vault.token.address) == 1_070
    vault.assert_balanced()


def test_refuses_a_token_that_is_not_listed(vault: Vault) -> None:
    """Given a token that is not listed, it is refused."""
    token = vault.evm.deploy("MockStablecoin", sender=ADMIN)
    vault.give(token, ALICE, 1)
    with reverts("CollateralEscrow_TokenNotListed", token):
        vault.escrow.deposit.send(token.address, ALICE, 1, sender=ALICE)


def test_refuses_nothing_and_nobody(vault: Vault) -> None:
    """Given an amount of zero, or the zero address as account, it is refused."""
    with reverts("CollateralEscrow_ZeroAmount", vault.token):
        vault.escrow.deposit.send(vault.token.address, ALICE, 0, sender=ALICE)
    with reverts("Flexbond_ZeroAddress", "account"):
        vault.escrow.deposit.send(vault.token.address, ZERO_ADDRESS, 1, sender=ALICE)


def test_refuses_more_than_was_allowed(vault: Vault) -> None:
    """Given an allowance of 5, when 6 are deposited, the token's own error comes through and nothing is credited."""
    vault.give(vault.token, BOB, 5)
    with reverts("ERC20InsufficientAllowance", vault.escrow, 5, 6):
        vault.escrow.deposit.send(vault.token.address, BOB, 6, sender=BOB)
    assert vault.free(BOB) == 0


def test_refuses_a_token_that_takes_a_fee(vault: Vault) -> None:
    """Given a listed token that keeps 1 %, when 1 000 are deposited, 990 would arrive, and it is refused."""
    token = vault.list_token("FeeToken")
    vault.give(token, ALICE, 1_000)
    with reverts("CollateralEscrow_ReceivedDiffers", token, 1_000, 990):
        vault.escrow.deposit.send(token.address, ALICE, 1_000, sender=ALICE)
    assert vault.escrow.owed.call(token.address) == 0


def test_a_rebasing_token_hurts_only_those_who_hold_it(vault: Vault) -> None:
    """Given a token that loses half its value, its first holder can withdraw, its last cannot, other tokens are whole."""
    token = vault.list_token("RebasingToken")
    for account in (ALICE, BOB):
        vault.deposit(token, account, 1_000)
    token.rebase.send(5_000, sender=ATTACKER)

    vault.escrow.withdraw.send(token.address, ALICE, 1_000, sender=ALICE)
    with reverts("ERC20InsufficientBalance", vault.escrow, 0, 2_000):
        vault.escrow.withdraw.send(token.address, BOB, 1_000, sender=BOB)
    vault.assert_balanced()
    vault.escrow.withdraw.send(vault.token.address, ALICE, 1_000, sender=ALICE)
    assert vault.token.balanceOf.call(ALICE) == 1_000


def test_what_a_rebasing_token_gains_is_nobodys(vault: Vault) -> None:
    """Given a token that doubles its value, nobody's balance grows by it."""
    token = vault.list_token("RebasingToken")
    vault.deposit(token, BOB, 1_000)
    token.rebase.send(20_000, sender=ATTACKER)
    assert vault.escrow.free.call(token.address, BOB) == 1_000
    with reverts("CollateralEscrow_InsufficientFree", token, BOB, 1_000, 1_001):
        vault.escrow.withdraw.send(token.address, BOB, 1_001, sender=BOB)


def test_a_callback_token_cannot_reenter_a_deposit(vault: Vault) -> None:
    """Given a token that calls its sender back, when that one deposits or withdraws again within, all is undone."""
    token = vault.list_token("CallbackToken")
    wallet = vault.evm.deploy("MockWallet", ATTACKER.address, sender=ATTACKER)
    token.mint.send(wallet, 100, sender=ATTACKER)
    allow = token.approve.encode(vault.escrow.address, 100)
    wallet.execute.send(token.address, allow, sender=ATTACKER)
    deposit = vault.escrow.deposit.encode(token.address, wallet.address, 10)
    wallet.execute.send(vault.escrow.address, deposit, sender=ATTACKER)

    withdraw = vault.escrow.withdraw.encode(token.address, wallet.address, 10)
    for inner in (deposit, withdraw):
        token.arm.send(wallet.address, wallet.execute.encode(vault.escrow.address, inner), sender=ATTACKER)
        with reverts("ReentrancyGuardReentrantCall"):
            wallet.execute.send(vault.escrow.address, deposit, sender=ATTACKER)
    assert vault.escrow.free.call(token.address, wallet.address) == 10
    vault.assert_balanced(token)


def test_a_callback_token_cannot_count_a_gift_as_a_deposit(vault: Vault) -> None:
    """Given a token that has more sent to the escrow within the transfer, the deposit differs from what arrived."""
    token = vault.list_token("CallbackToken")
    vault.give(token, ALICE, 10)
    token.arm.send(token.address, token.mint.encode(vault.escrow.address, 5), sender=ATTACKER)
    with reverts("CollateralEscrow_ReceivedDiffers", token, 10, 15):
        vault.escrow.deposit.send(token.address, ALICE, 10, sender=ALICE)
