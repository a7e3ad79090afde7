"""keccak256, the hash of the chain, by the fastest implementation that is installed with the library."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from sha3 import keccak_256

ZERO_HASH: Final = bytes(32)
ZERO_ADDRESS: Final = "0x" + 40 * "0"


def keccak(data: bytes) -> bytes:
    """keccak256 of the bytes, 32 bytes."""
    digest: bytes = keccak_256(data).digest()
    return digest


@lru_cache(maxsize=65_536)
def checksum_address(address: str) -> str:
    """The EIP-55 spelling of an address given as 40 hexadecimal digits after `0x`, in any case.

    Raises ValueError for anything else. A wrong mixed-case spelling is not refused: what is hashed is the twenty bytes.
    """
    digits = address[2:].lower()
    if len(address) != 42 or address[:2] != "0x" or not set(digits) <= set("0123456789abcdef"):
        raise ValueError(f"{address!r} is not an address")
    nibbles = keccak(digits.encode("ascii")).hex()
    return "0x" + "".join(d.upper() if n > "7" else d for d, n in zip(digits, nibbles, strict=False))
