"""Money in and out of the escrow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from flexbond.chain.errors import ContractRevert
from flexbond.operations.common import time_of, titled, token_at
from flexbond.operations.errors import OperationError
from flexbond.operations.progress import Progress, silent
from flexbond.signing.eip712 import Domain
from flexbond.signing.messages import Permit
from flexbond.signing.sign import sign_permit

if TYPE_CHECKING:
    from flexbond.chain.send import Sender
    from flexbond.chain.suite import Suite
    from flexbond.signing.signers import Secp256k1Signer

PERMIT_SECONDS = 3_600
"""How long a permit is good, s."""


@dataclass(frozen=True, kw_only=True)
class Moved:
    """Money that went in or out; base units."""

    token: str
    account: str
    amount: int
    """0 if there was nothing to do."""
    free: int
    """The account's free balance afterwards."""


def free_balance(suite: Suite, token: str, account: str) -> int:
    """Free balance of an account in the escrow, base units."""
    balance: int = suite.escrow.read("free", token, account)
    return balance


def deposit(
    suite: Suite,
    sender: Sender,
    owner: Secp256k1Signer,
    token: str,
    amount: int,
    *,
    account: str | None = None,
    up_to: bool = False,
    mint: bool = False,
    progress: Progress = silent,
) -> Moved:
    """Deposits base units of the owner's tokens for an account (its own by default), by permit where the token has that.

    With `up_to` only what is missing until the free balance is `amount`, so that doing it again does nothing. With `mint` a mock token
    is minted first as far as the owner lacks it. Raises OperationError if the owner has too few tokens.
    """
    receiver = account or owner.address
    before = free_balance(suite, token, receiver)
    missing = max(0, amount - before) if up_to else amount
    if missing == 0:
        progress("There is enough in the escrow already.")
        return Moved(token=token, account=receiver, amount=0, free=before)
    contract, named = suite.token(token), token_at(suite, token)
    held = contract.read("balanceOf", owner.address)
    if held < missing and mint:
        minted = contract.transaction("mint", owner.address, missing - held)
        sender.send(titled(minted, f"Mint {named.show(missing - held)} of play money"))
    elif held < missing:
        raise OperationError(
            f"{owner.address} has {named.show(held)} and {named.show(missing)} are to be deposited.",
            "Get more of the token, or deposit less.",
        )
    _deposit(suite, sender, owner, contract.address, receiver, missing, title=f"Deposit {named.show(missing)}")
    progress(f"Deposited {named.show(missing)} for {receiver}.")
    return Moved(token=token, account=receiver, amount=missing, free=free_balance(suite, token, receiver))


def withdraw(
    suite: Suite,
    sender: Sender,
    token: str,
    amount: int | None = None,
    *,
    to: str | None = None,
    progress: Progress = silent,
) -> Moved:
    """Withdraws base units of the sender's free balance, all of it by default, to an address (its own by default).

    Raises OperationError if there is less. Everything being withdrawn already, it does nothing.
    """
    account, receiver = sender.address, to or sender.address
    before, named = free_balance(suite, token, account), token_at(suite, token)
    wanted = before if amount is None else amount
    if wanted > before:
        raise OperationError(
            f"{account} has {named.show(before)} free and {named.show(wanted)} are to be withdrawn.",
            "Withdraw less; locked money is free once its dispatch or right is settled.",
        )
    if wanted:
        out = suite.escrow.transaction("withdraw", token, receiver, wanted)
        sender.send(titled(out, f"Withdraw {named.show(wanted)} to {receiver}"))
        progress(f"Withdrew {named.show(wanted)} to {receiver}.")
    else:
        progress("There is nothing to withdraw.")
    return Moved(token=token, account=account, amount=wanted, free=free_balance(suite, token, account))


def _deposit(
    suite: Suite, sender: Sender, owner: Secp256k1Signer, token: str, receiver: str, amount: int, *, title: str
) -> None:
    permit = _permit(suite, owner, token, amount)
    if permit is None:
        approval = suite.token(token).transaction("approve", suite.escrow.address, amount)
        sender.send(titled(approval, "Allow the escrow to take the deposit"))
        sender.send(titled(suite.escrow.transaction("deposit", token, receiver, amount), title))
        return
    signature = sign_permit(owner, permit[0], permit[1])
    by_permit = suite.escrow.transaction(
        "depositWithPermit",
        *(token, receiver, amount, permit[1].deadline),
        *(signature.v, signature.r, signature.s),
    )
    sender.send(titled(by_permit, title))


def _permit(suite: Suite, owner: Secp256k1Signer, token: str, amount: int) -> tuple[Domain, Permit] | None:
    """A permit for the escrow; None for a token without permits (ERC-2612) or without a domain to read (ERC-5267)."""
    contract = suite.token(token)
    try:
        nonce = contract.read("nonces", owner.address)
        said = contract.read("eip712Domain")
    except (ContractRevert, ValueError):
        return None
    domain = Domain(name=said.name, version=said.version, chain_id=said.chain_id, contract=said.verifying_contract)
    permit = Permit(
        owner=owner.address,
        spender=suite.escrow.address,
        value=amount,
        nonce=nonce,
        deadline=time_of(suite) + PERMIT_SECONDS,
    )
    return domain, permit
