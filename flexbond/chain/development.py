"""Who plays whom on a local chain: accounts of the mnemonic that everybody knows, never to hold anything of worth."""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cache
from typing import TYPE_CHECKING, Final

from flexbond.signing.keys import development_signer

if TYPE_CHECKING:
    from flexbond.signing.signers import Secp256k1Signer

FIRST_CUSTOMER: Final = 12
"""Index of the first customer's account; local chains give ether to the accounts 0 to 19."""


@dataclass(frozen=True, kw_only=True)
class DevelopmentAccounts:
    """In the order of the mnemonic's accounts."""

    deployer: Secp256k1Signer
    admin: Secp256k1Signer
    market_operator: Secp256k1Signer
    meter_operator: Secp256k1Signer
    guardian: Secp256k1Signer
    provider: Secp256k1Signer
    provider_operator: Secp256k1Signer
    """A key that acts for the provider and never withdraws."""
    buyer: Secp256k1Signer
    second_buyer: Secp256k1Signer
    relayer: Secp256k1Signer
    """Nobody's: brings what others signed."""
    attacker: Secp256k1Signer
    unclaimed: Secp256k1Signer
    """Gets what customers never collect."""


@cache
def development_accounts() -> DevelopmentAccounts:
    """The first accounts by their parts; `config/anvil.json` and `config/ganache.json` name the same."""
    names = (field.name for field in fields(DevelopmentAccounts))
    return DevelopmentAccounts(**{name: development_signer(index) for index, name in enumerate(names)})


def customer_signer(number: int) -> Secp256k1Signer:
    """The account of customer `number`, from 0."""
    return development_signer(FIRST_CUSTOMER + number)
