"""keccak256 over the rows of an array, compiled: a tree of a million leaves takes a second.

Many states go through the permutation side by side; rows are shared out among threads, since the compiled code needs no
interpreter.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final

import numpy as np
from numba import njit

if TYPE_CHECKING:
    from numpy.typing import NDArray

RATE: Final = 136
"""Bytes absorbed at a time."""
HASH: Final = 32

_SHARE: Final = 8_192
"""Rows padded and hashed at a time."""
_SIDE: Final = 32
"""Rows side by side; below 16 the compiler no longer uses vectors, which is half as fast."""


def _round_constants() -> NDArray[np.uint64]:
    """The 24 constants of the permutation, from the shift register that defines them (FIPS 202, algorithm 5)."""
    constants, register = [], 1
    for _ in range(24):
        constant = 0
        for power in range(7):
            if register & 1:
                constant |= 1 << ((1 << power) - 1)
            register = register << 1 ^ (0x171 if register & 0x80 else 0)
        constants.append(constant)
    return np.array(constants, dtype=np.uint64)


def _moves() -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.uint64]]:
    """Where rho and pi take each lane from and to, and by how many bits it is turned; lane 0 stays."""
    sources, targets, turns = [], [], []
    x, y = 1, 0
    for step in range(24):
        sources.append(x + 5 * y)
        targets.append(y + 5 * ((2 * x + 3 * y) % 5))
        turns.append((step + 1) * (step + 2) // 2 % 64)
        x, y = y, (2 * x + 3 * y) % 5
    return np.array(sources), np.array(targets), np.array(turns, dtype=np.uint64)


_CONSTANTS: Final = _round_constants()
_SOURCES, _TARGETS, _TURNS = _moves()


@njit(cache=True, nogil=True)
def _hash_rows(data: NDArray[np.uint64], out: NDArray[np.uint64], lanes: int) -> None:
    """Hashes rows of whole padded blocks, as many side by side as fill a processor's vectors: one instruction serves several."""
    (count, width), side = data.shape, _SIDE
    state = np.zeros((25, side), dtype=np.uint64)
    held = np.zeros((25, side), dtype=np.uint64)
    parity = np.zeros((5, side), dtype=np.uint64)
    for first in range(0, count, side):
        here = min(side, count - first)
        state[:] = 0
        for start in range(0, width, lanes):
            for row in range(here):
                for lane in range(lanes):
                    state[lane, row] ^= data[first + row, start + lane]
            for step in range(24):
                for x in range(5):
                    for k in range(side):
                        parity[x, k] = (
                            state[x, k] ^ state[x + 5, k] ^ state[x + 10, k] ^ state[x + 15, k] ^ state[x + 20, k]
                        )
                for x in range(5):
                    left, right = (x + 4) % 5, (x + 1) % 5
                    for k in range(side):
                        turned = parity[right, k]
                        mixed = parity[left, k] ^ (turned << np.uint64(1) | turned >> np.uint64(63))
                        state[x, k] ^= mixed
                        state[x + 5, k] ^= mixed
                        state[x + 10, k] ^= mixed
                        state[x + 15, k] ^= mixed
                        state[x + 20, k] ^= mixed
                for k in range(side):
                    held[0, k] = state[0, k]
                for at in range(24):
                    source, target = _SOURCES[at], _TARGETS[at]
                    up, down = _TURNS[at], np.uint64(64) - _TURNS[at]
                    for k in range(side):
                        moved = state[source, k]
                        held[target, k] = moved << up | moved >> down
                for y in range(0, 25, 5):
                    for k in range(side):
                        a, b, c, d, e = held[y, k], held[y + 1, k], held[y + 2, k], held[y + 3, k], held[y + 4, k]
                        state[y, k] = a ^ ~b & c
                        state[y + 1, k] = b ^ ~c & d
                        state[y + 2, k] = c ^ ~d & e
                        state[y + 3, k] = d ^ ~e & a
                        state[y + 4, k] = e ^ ~a & b
                for k in range(side):
                    state[0, k] ^= _CONSTANTS[step]
        for row in range(here):
            for lane in range(4):
                out[first + row, lane] = state[lane, row]


def keccak_rows(rows: NDArray[np.uint8], *, threads: int = 0) -> NDArray[np.uint8]:
    """keccak256 of every row of an array of bytes, `(n, length)`: `(n, 32)`. `threads` 0: as many as there are cores."""
    count, length = rows.shape
    width = (length // RATE + 1) * RATE
    out = np.empty((count, HASH), dtype=np.uint8)

    def share(first: int) -> None:
        part = slice(first, min(count, first + _SHARE))
        padded = np.zeros((part.stop - first, width), dtype=np.uint8)
        padded[:, :length] = rows[part]
        padded[:, length] = 1
        padded[:, -1] |= 0x80
        _hash_rows(padded.view(np.uint64), out[part].view(np.uint64), RATE // 8)

    firsts = range(0, count, _SHARE)
    if threads == 1 or len(firsts) < 2:
        for first in firsts:
            share(first)
    else:
        with ThreadPoolExecutor(threads or os.cpu_count()) as pool:
            list(pool.map(share, firsts))
    return out
