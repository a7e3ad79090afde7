"""CollateralEscrow.depositWithPermit."""

from __future__ import annotations

from flexbond.signing.eip712 import Domain
from flexbond.signing.messages import Permit
from flexbond.signing.sign import sign_permit
from flexbond.signing.signers import RecoverableSignature, Secp256k1Signer
from tests.support.evm import CHAIN_ID, reverts
from tests.unit.collateral_escrow.conftest import ADMIN, ALICE, ATTACKER, BOB, Vault


def permit(vault: Vault, owner: Secp256k1Signer, amount: int, deadline: int) -> RecoverableSignature:
    """The owner's permit for the escrow."""
    name = "Mock Dollar"
    message = Permit(
        owner=owner.address,
        spender=vault.escrow.address,
        value=amount,
        nonce=vault.token.nonces.call(owner),
        deadline=deadline,
    )
    return sign_permit(owner, Domain(name=name, chain_id=CHAIN_ID, contract=vault.token.address), message)


def test_deposits_without_an_allowance_before(vault: Vault) -> None:
    """Given a signed permit, when its owner deposits with it, the account is credited."""
    vault.token.mint.send(BOB, 50, sender=BOB)
    deadline = vault.evm.time + 10
    signed = permit(vault, BOB, 50, deadline)
    arguments = (vault.token.address, ALICE, 50, deadline, signed.v, signed.r, signed.s)
    event = vault.escrow.depositWithPermit.send(*arguments, sender=BOB).only("Deposited")
    assert (event.account, event.from_, event.amount) == (ALICE.address, BOB.address, 50)
    assert vault.free(ALICE) == 1_050


def test_a_permit_used_by_somebody_else_does_no_harm(vault: Vault) -> None:
    """Given a permit that an attacker brought to the token first, when its owner deposits with it, it succeeds."""
    vault.token.mint.send(BOB, 50, sender=BOB)
    deadline = vault.evm.time + 10
    signed = permit(vault, BOB, 50, deadline)
    parts = (deadline, signed.v, signed.r, signed.s)
    vault.token.permit.send(BOB, vault.escrow.address, 50, *parts, sender=ATTACKER)
    vault.escrow.depositWithPermit.send(vault.token.address, BOB, 50, *parts, sender=BOB)
    assert vault.free(BOB) == 50


def test_a_permit_does_not_serve_another(vault: Vault) -> None:
    """Given Bob's permit, when an attacker deposits with it for itself, nothing of Bob's moves."""
    vault.token.mint.send(BOB, 50, sender=BOB)
    deadline = vault.evm.time + 10
    signed = permit(vault, BOB, 50, deadline)
    arguments = (vault.token.address, ATTACKER, 50, deadline, signed.v, signed.r, signed.s)
    with reverts("ERC20InsufficientAllowance", vault.escrow, 0, 50):
        vault.escrow.depositWithPermit.send(*arguments, sender=ATTACKER)
    assert vault.token.balanceOf.call(BOB) == 50


def test_an_expired_permit_is_worth_nothing(vault: Vault) -> None:
    """Given a permit past its deadline and no allowance, the deposit is refused by the token."""
    vault.token.mint.send(BOB, 50, sender=BOB)
    deadline = vault.evm.time - 1
    signed = permit(vault, BOB, 50, deadline)
    arguments = (vault.token.address, BOB, 50, deadline, signed.v, signed.r, signed.s)
    with reverts("ERC20InsufficientAllowance", vault.escrow, 0, 50):
        vault.escrow.depositWithPermit.send(*arguments, sender=BOB)


def test_a_token_without_permit_needs_an_allowance(vault: Vault) -> None:
    """Given a token that knows no permit, an allowance serves; what is signed is ignored."""
    token = vault.list_token("RebasingToken")
    vault.give(token, BOB, 5)
    nothing = (vault.evm.time, 27, bytes(32), bytes(32))
    vault.escrow.depositWithPermit.send(token.address, BOB, 5, *nothing, sender=BOB)
    assert vault.escrow.free.call(token.address, BOB) == 5


def test_a_callback_token_cannot_reenter(vault: Vault) -> None:
    """Given a token that calls its sender back, when that one deposits or withdraws again within, all is undone."""
    token = vault.list_token("CallbackToken")
    wallet = vault.evm.deploy("MockWallet", BOB.address, sender=BOB)
    token.mint.send(wallet, 100, sender=BOB)
    wallet.execute.send(token.address, token.approve.encode(vault.escrow.address, 100), sender=BOB)
    nothing = (vault.evm.time, 27, bytes(32), bytes(32))
    deposit = vault.escrow.depositWithPermit.encode(token.address, wallet.address, 10, *nothing)
    wallet.execute.send(vault.escrow.address, deposit, sender=BOB)

    withdraw = vault.escrow.withdraw.encode(token.address, wallet.address, 10)
    plain = vault.escrow.deposit.encode(token.address, wallet.address, 10)
    for inner in (deposit, plain, withdraw):
        token.arm.send(wallet.address, wallet.execute.encode(vault.escrow.address, inner), sender=BOB)
        with reverts("ReentrancyGuardReentrantCall"):
            wallet.execute.send(vault.escrow.address, deposit, sender=BOB)
    assert vault.escrow.free.call(token.address, wallet.address) == 10


def test_refuses_a_token_that_is_not_listed(vault: Vault) -> None:
    """Given a token that is not listed, nothing of it is called."""
    token = vault.evm.deploy("CallbackToken", sender=ADMIN)
    nothing = (vault.evm.time, 27, bytes(32), bytes(32))
    with reverts("CollateralEscrow_TokenNotListed", token):
        vault.escrow.depositWithPermit.send(token.address, BOB, 5, *nothing, sender=BOB)
