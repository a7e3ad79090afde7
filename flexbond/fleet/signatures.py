"""Who signed each of many digests: one after the other, as there is nothing to share between signatures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from coincurve import PublicKey
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.hazmat.primitives.hashes import SHA256

from flexbond.fleet.keccak import keccak_rows
from flexbond.signing.signers import P256_ORDER, SECP256K1_ORDER

if TYPE_CHECKING:
    from numpy.typing import NDArray

SECP256K1_BYTES: Final = 64
P256_BYTES: Final = 128

_NOBODY: Final = bytes(64)
_HALF: Final = SECP256K1_ORDER // 2
_P256_HALF: Final = P256_ORDER // 2
_ECDSA: Final = ec.ECDSA(utils.Prehashed(SHA256()))


def signers_of(digests: NDArray[np.uint8], signatures: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The addresses `(n, 20)` that made the signatures `(n, 64)` (r, vs) or `(n, 128)` (P-256: r, s, x, y); zero: nobody.

    Only the lower of the two values of s is one, as on chain.
    """
    key_of = _p256_key if signatures.shape[1] == P256_BYTES else _secp256k1_key
    data, signed = digests.tobytes(), signatures.tobytes()
    length = signatures.shape[1]
    keys = [
        key_of(data[32 * row : 32 * row + 32], signed[length * row : length * (row + 1)]) for row in range(len(digests))
    ]
    public = np.frombuffer(b"".join(keys), dtype=np.uint8).reshape(-1, 64)
    addresses = keccak_rows(public, threads=1)[:, 12:]
    addresses[~public.any(axis=1)] = 0
    return addresses


def _secp256k1_key(digest: bytes, signature: bytes) -> bytes:
    parity = signature[32] >> 7
    s = bytes([signature[32] & 0x7F]) + signature[33:]
    if int.from_bytes(s, "big") > _HALF:
        return _NOBODY
    try:
        key = PublicKey.from_signature_and_message(signature[:32] + s + bytes([parity]), digest, hasher=None)
    except ValueError:
        return _NOBODY
    return key.format(compressed=False)[1:]


def _p256_key(digest: bytes, signature: bytes) -> bytes:
    r, s, x, y = (int.from_bytes(signature[at : at + 32], "big") for at in range(0, P256_BYTES, 32))
    if s > _P256_HALF:
        return _NOBODY
    try:
        key = ec.EllipticCurvePublicNumbers(x, y, ec.SECP256R1()).public_key()
        key.verify(utils.encode_dss_signature(r, s), digest, _ECDSA)
    except (ValueError, InvalidSignature):
        return _NOBODY
    return signature[64:]
