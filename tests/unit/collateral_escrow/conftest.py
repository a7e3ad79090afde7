"""An escrow on its own, with accounts in the place of the contracts that move its locks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import pytest

from flexbond.ids import lock_id
from flexbond.model.types import LockReason
from flexbond.signing.keys import development_signer

if TYPE_CHECKING:
    from flexbond.signing.signers import Secp256k1Signer
    from tests.support.evm import Contract, Evm

ADMIN: Final = development_signer(0)
ALICE: Final = development_signer(1)
BOB: Final = development_signer(2)
ATTACKER: Final = development_signer(3)
MOVERS: Final = tuple(development_signer(index) for index in range(4, 8))
MOVER: Final = MOVERS[0]
KEY: Final = bytes(31) + b"\x01"
OTHER_KEY: Final = bytes(31) + b"\x02"


@dataclass(frozen=True, kw_only=True)
class Vault:
    """The escrow with one listed token, of which Alice has deposited 1 000."""

    evm: Evm
    escrow: Contract
    token: Contract

    def give(self, token: Contract, account: Secp256k1Signer, amount: int) -> None:
        """Mints to the account and lets the escrow take it."""
        token.mint.send(account, amount, sender=account)
        token.approve.send(self.escrow.address, amount, sender=account)

    def deposit(self, token: Contract, account: Secp256k1Signer, amount: int) -> None:
        """Mints and deposits."""
        self.give(token, account, amount)
        self.escrow.deposit.send(token.address, account, amount, sender=account)

    def list_token(self, name: str) -> Contract:
        """Deploys a token and lists it."""
        token = self.evm.deploy(name, sender=ADMIN)
        self.escrow.listToken.send(token.address, True, sender=ADMIN)
        return token

    def lock(self, amount: int, *, owner: Secp256k1Signer = ALICE, key: bytes = KEY) -> bytes:
        """Locks the owner's money for rights; the lock's id."""
        self.escrow.lock.send(self.token.address, owner, LockReason.RIGHTS, key, amount, sender=MOVER)
        return lock_id(self.token.address, LockReason.RIGHTS, key)

    def free(self, account: Secp256k1Signer) -> int:
        """Free balance of the account."""
        return int(self.escrow.free.call(self.token.address, account))

    def assert_balanced(self, token: Contract | None = None) -> None:
        """No more is owed than is held."""
        held = token or self.token
        assert self.escrow.owed.call(held.address) <= held.balanceOf.call(self.escrow.address)


@pytest.fixture
def vault(evm: Evm) -> Vault:
    """The escrow, one token, and 1 000 of Alice's in it."""
    governance = evm.deploy("Governance", ADMIN.address, sender=ADMIN)
    movers = [mover.address for mover in MOVERS]
    escrow = evm.deploy("CollateralEscrow", governance.address, movers, sender=ADMIN)
    token = evm.deploy("MockStablecoin", sender=ADMIN)
    made = Vault(evm=evm, escrow=escrow, token=token)
    escrow.listToken.send(token.address, True, sender=ADMIN)
    made.deposit(token, ALICE, 1_000)
    return made
