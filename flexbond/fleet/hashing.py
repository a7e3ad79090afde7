"""Commitments and struct hashes of many records at once, as `flexbond.records` has them of one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from flexbond.fleet.keccak import HASH, keccak_rows
from flexbond.records import BLOCK, FLAG_BYTES, READING_BYTES, RECORD_TYPE_HASH

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


def commitments_of(salts: NDArray[np.uint8], values: NDArray[np.int64], flags: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Commitments of records from their salts `(n, 32)`, readings `(n, count)` in mWh, and flags of their blocks, `FLAG_BYTES` each."""
    count = values.shape[1]
    packed = big_endian(values.reshape(-1))[:, 8 - READING_BYTES :].reshape(len(values), -1)
    block_hashes = []
    for block in range(flags.shape[1] // FLAG_BYTES):
        number = np.full((len(values), 1), block, dtype=np.uint8)
        salt = keccak_rows(np.hstack((salts, number)), threads=1)
        part = packed[:, block * BLOCK * READING_BYTES : min(count, (block + 1) * BLOCK) * READING_BYTES]
        flagged = flags[:, block * FLAG_BYTES : (block + 1) * FLAG_BYTES]
        block_hashes.append(keccak_rows(np.hstack((salt, flagged, part)), threads=1))
    return keccak_rows(np.hstack(block_hashes), threads=1)


def struct_hashes(
    points: NDArray[np.uint8], numbers: Sequence[NDArray[np.int64]], commitments: NDArray[np.uint8]
) -> NDArray[np.uint8]:
    """EIP-712 struct hashes of records; `numbers` are slot start, period, readings and revision."""
    message = np.zeros((len(commitments), 7 * HASH), dtype=np.uint8)
    message[:, :HASH] = np.frombuffer(RECORD_TYPE_HASH, dtype=np.uint8)
    message[:, HASH : HASH + 16] = points
    for word, values in enumerate(numbers, start=2):
        message[:, (word + 1) * HASH - 8 : (word + 1) * HASH] = big_endian(values)
    message[:, 6 * HASH :] = commitments
    return keccak_rows(message, threads=1)


def big_endian(values: NDArray[np.int64]) -> NDArray[np.uint8]:
    """Each as eight bytes, `(n, 8)`."""
    return np.ascontiguousarray(values).astype(">i8").view(np.uint8).reshape(-1, 8)
