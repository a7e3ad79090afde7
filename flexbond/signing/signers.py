"""The two signature schemes, both deterministic (RFC 6979) and with low s."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Final, Protocol

from coincurve import PrivateKey, PublicKey
from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.hazmat.primitives.hashes import SHA256

from flexbond.errors import FlexbondError
from flexbond.hashing import checksum_address, keccak
from flexbond.model.types import SignerScheme

SECP256K1_ORDER: Final = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
P256_ORDER: Final = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551

_DETERMINISTIC: Final = ec.ECDSA(utils.Prehashed(SHA256()), deterministic_signing=True)


class SignerError(FlexbondError):
    """A key or a signature that is none."""


class Signer(Protocol):
    """Who signs digests; the private key never leaves it."""

    @property
    def scheme(self) -> SignerScheme:
        """How it signs."""

    @property
    def address(self) -> str:
        """What the chain knows it by."""

    def sign(self, digest: bytes) -> bytes:
        """Signature of a digest of 32 bytes, as contracts take it in one piece; see the schemes."""


@dataclass(frozen=True)
class RecoverableSignature:
    """A secp256k1 signature from which the signer's address can be recovered."""

    r: bytes
    """32 bytes."""
    s: bytes
    """32 bytes, the lower of the two."""
    parity: int
    """0 or 1; `v` is 27 more."""

    @property
    def v(self) -> int:
        """27 or 28."""
        return 27 + self.parity

    @property
    def vs(self) -> bytes:
        """EIP-2098: s with the parity in its highest bit."""
        return bytes([self.s[0] | self.parity << 7]) + self.s[1:]

    @property
    def packed(self) -> bytes:
        """r, s and v: 65 bytes."""
        return self.r + self.s + bytes([self.v])


class Secp256k1Signer:
    """An account's or device's key on the curve of the chain."""

    scheme: Final = SignerScheme.SECP256K1

    def __init__(self, secret: bytes) -> None:
        _check_secret(secret, SECP256K1_ORDER)
        self._key = PrivateKey(secret)

    @cached_property
    def address(self) -> str:
        """The account's address."""
        return _address(self._key.public_key.format(compressed=False)[1:])

    def sign_recoverable(self, digest: bytes) -> RecoverableSignature:
        """Signature of a digest of 32 bytes."""
        _check_digest(digest)
        raw = self._key.sign_recoverable(digest, hasher=None)
        return RecoverableSignature(r=raw[:32], s=raw[32:64], parity=raw[64])

    def sign(self, digest: bytes) -> bytes:
        """Signature of a digest of 32 bytes: r, s, v, 65 bytes."""
        return self.sign_recoverable(digest).packed

    def secret(self) -> bytes:
        """The private key, for an account that sends transactions."""
        return self._key.secret

    def __repr__(self) -> str:
        return f"Secp256k1Signer({self.address})"


class P256Signer:
    """A device's key on the curve of secure elements and phones."""

    scheme: Final = SignerScheme.P256

    def __init__(self, secret: bytes) -> None:
        _check_secret(secret, P256_ORDER)
        self._key = ec.derive_private_key(int.from_bytes(secret, "big"), ec.SECP256R1())

    @cached_property
    def public_key(self) -> tuple[bytes, bytes]:
        """x and y, 32 bytes each."""
        numbers = self._key.public_key().public_numbers()
        return numbers.x.to_bytes(32, "big"), numbers.y.to_bytes(32, "big")

    @cached_property
    def address(self) -> str:
        """The low 20 bytes of keccak256(x, y)."""
        return _address(b"".join(self.public_key))

    def sign_pair(self, digest: bytes) -> tuple[bytes, bytes]:
        """Signature of a digest of 32 bytes: r and the lower s."""
        _check_digest(digest)
        r, s = utils.decode_dss_signature(self._key.sign(digest, _DETERMINISTIC))
        return r.to_bytes(32, "big"), min(s, P256_ORDER - s).to_bytes(32, "big")

    def sign(self, digest: bytes) -> bytes:
        """Signature of a digest of 32 bytes: r, s, x, y, 128 bytes."""
        return b"".join((*self.sign_pair(digest), *self.public_key))

    def __repr__(self) -> str:
        return f"P256Signer({self.address})"


def recover(digest: bytes, signature: RecoverableSignature) -> str:
    """The address that signed a digest. Raises SignerError if nobody did."""
    _check_digest(digest)
    raw = signature.r + signature.s + bytes([signature.parity])
    try:
        key = PublicKey.from_signature_and_message(raw, digest, hasher=None)
    except Exception as error:  # coincurve raises nothing more precise
        raise SignerError("The signature is none.", next_step="Ask for it again.") from error
    return _address(key.format(compressed=False)[1:])


def _address(public_key: bytes) -> str:
    return checksum_address("0x" + keccak(public_key)[-20:].hex())


def _check_secret(secret: bytes, order: int) -> None:
    if len(secret) != 32 or not 0 < int.from_bytes(secret, "big") < order:
        raise SignerError("The private key is not one of its curve.", next_step="Give 32 bytes of a generated key.")


def _check_digest(digest: bytes) -> None:
    if len(digest) != 32:
        raise SignerError(f"A digest of {len(digest)} bytes cannot be signed.", next_step="Give 32 bytes.")
