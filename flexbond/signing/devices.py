"""A device's key: what signs its records and what salts them, both from one private key."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from flexbond.hashing import keccak
from flexbond.model.types import SignerScheme
from flexbond.records import MeterRecord
from flexbond.signing.keys import load_signer
from flexbond.signing.sign import sign_record, sign_record_p256
from flexbond.signing.signers import P256Signer, Secp256k1Signer

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from flexbond.model.types import P256Record, SignedRecord
    from flexbond.signing.eip712 import Domain


@dataclass(frozen=True, kw_only=True)
class DeviceKey:
    """What a device signs and salts its records with."""

    signer: Secp256k1Signer | P256Signer
    secret: bytes = field(repr=False)
    """32 bytes, from which the salts of its records come."""

    @classmethod
    def of(cls, private_key: bytes, scheme: SignerScheme) -> DeviceKey:
        """Both from one private key of 32 bytes: whoever keeps the key can open all records again. Raises SignerError."""
        signer = P256Signer(private_key) if scheme is SignerScheme.P256 else Secp256k1Signer(private_key)
        return cls(signer=signer, secret=keccak(b"Flexbond salt" + private_key))

    def sign(self, oracle: Domain, record: MeterRecord) -> SignedRecord | P256Record:
        """The record as the oracle takes it."""
        if isinstance(self.signer, P256Signer):
            return sign_record_p256(self.signer, oracle, record)
        return sign_record(self.signer, oracle, record)


def load_device(
    source: str,
    scheme: SignerScheme,
    *,
    environ: Mapping[str, str] | None = None,
    ask: Callable[[str], str] | None = None,
) -> DeviceKey:
    """The device key of a source as `flexbond.signing.keys` has them. Raises KeyUnavailableError, SignerError.

    A keystore does not say on which curve its key is: every key of P-256 is one of secp256k1 too.
    """
    return DeviceKey.of(load_signer(source, environ=environ, ask=ask).secret(), scheme)


def new_private_key() -> bytes:
    """A random private key of either curve."""
    while True:
        candidate = secrets.token_bytes(32)
        if 0 < int.from_bytes(candidate, "big") >> 224 < 0xFFFFFFFF:
            return candidate
