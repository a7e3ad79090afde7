"""The people and devices of the demonstration. All keys come from public words and are worth nothing."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from flexbond.chain.development import customer_signer, development_accounts
from flexbond.demo.plan import Buyer
from flexbond.hashing import keccak
from flexbond.model.types import SignerScheme
from flexbond.signing.keys import (
    development_device,
    development_p256_device,
    development_secret,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from flexbond.signing.signers import P256Signer, Secp256k1Signer, Signer


NO_WALLETS: Final[Mapping[str, str]] = MappingProxyType({})


@dataclass(frozen=True, kw_only=True)
class WalletSigner:
    """A customer that is a contract: its owner signs, the contract says that the signature is its own (ERC-1271)."""

    address: str
    """Of the contract."""
    owner: Secp256k1Signer
    scheme: SignerScheme = SignerScheme.SECP256K1

    def sign(self, digest: bytes) -> bytes:
        """The owner's signature."""
        return self.owner.sign(digest)


@dataclass(frozen=True, kw_only=True)
class Home:
    """A home: its meter, and who lives there."""

    name: str
    metering_point: bytes
    """A pseudonym, 16 bytes."""
    device: Secp256k1Signer | P256Signer
    """The meter's key."""
    secret: bytes
    """What the meter's records are salted with."""
    key: Secp256k1Signer
    """The key of whoever lives there."""
    customer: Signer
    """Who consents and collects: the key itself, or a contract wallet of it."""


@dataclass(frozen=True, kw_only=True)
class Cast:
    """Everybody."""

    deployer: Secp256k1Signer
    market_operator: Secp256k1Signer
    meter_operator: Secp256k1Signer
    aggregator: Secp256k1Signer
    buyers: dict[Buyer, Secp256k1Signer]
    relayer: Secp256k1Signer
    """Brings records and collects for others; nobody's, and it cannot choose where money goes."""
    unclaimed: str
    """Address of the party that gets what customers never collect."""
    homes: tuple[Home, ...]


def cast(
    names: tuple[str, ...], *, seed: bytes, p256: Collection[str] = (), wallets: Mapping[str, str] = NO_WALLETS
) -> Cast:
    """The cast for these homes; the meters of those in `p256` sign on that curve, customers in `wallets` are contracts there.

    The keys of the devices are derived from `seed`.
    """
    people = development_accounts()
    return Cast(
        deployer=people.deployer,
        market_operator=people.market_operator,
        meter_operator=people.meter_operator,
        aggregator=people.provider,
        buyers={Buyer.DISTRIBUTION: people.buyer, Buyer.TRANSMISSION: people.second_buyer},
        relayer=people.relayer,
        unclaimed=people.unclaimed.address,
        homes=tuple(
            _home(seed, name, number, p256=name in p256, wallet=wallets.get(name, ""))
            for number, name in enumerate(names)
        ),
    )


def _home(seed: bytes, name: str, number: int, *, p256: bool, wallet: str) -> Home:
    key = customer_signer(number)
    return Home(
        name=name,
        metering_point=keccak(seed + name.encode("ascii"))[:16],
        device=development_p256_device(seed, number) if p256 else development_device(seed, number),
        secret=development_secret(seed, number),
        key=key,
        customer=WalletSigner(address=wallet, owner=key) if wallet else key,
    )
