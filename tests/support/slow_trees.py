"""A second implementation of the trees, from the text of docs/encodings.md alone: short, slow, by another library's hash."""

from __future__ import annotations

from Crypto.Hash import keccak


def slow_hash(data: bytes) -> bytes:
    """keccak256."""
    return keccak.new(digest_bits=256, data=data).digest()


def slow_levels(leaves: list[bytes]) -> list[list[bytes]]:
    """A submission's tree from its leaves to its root, padding written out: zero leaves up to a power of two."""
    size = 1
    while size < len(leaves):
        size *= 2
    levels = [leaves + [bytes(32)] * (size - len(leaves))]
    while len(levels[-1]) > 1:
        below = levels[-1]
        levels.append([slow_hash(below[i] + below[i + 1]) for i in range(0, len(below), 2)])
    return levels


def slow_root(leaves: list[bytes]) -> bytes:
    """A submission's root."""
    return slow_levels(leaves)[-1][0]


def slow_path(leaves: list[bytes], index: int) -> list[bytes]:
    """The siblings of a leaf, lowest first."""
    siblings = []
    for level in slow_levels(leaves)[:-1]:
        siblings.append(level[index - 1] if index % 2 else level[index + 1])
        index //= 2
    return siblings


def slow_leaf(index: int, words: list[tuple[int, int]]) -> bytes:
    """A leaf from the entry and prefix of each column, the weight last."""
    *columns, weight = [entry.to_bytes(16, "big") + prefix.to_bytes(16, "big") for entry, prefix in words]
    return slow_hash(index.to_bytes(32, "big") + weight + slow_hash(b"".join(columns)))


def slow_batch(leaves: list[bytes]) -> bytes:
    """The root over a batch of records: sorted pairs, an odd last one carried up."""
    if len(leaves) == 1:
        return leaves[0]
    above = [slow_hash(b"".join(sorted(leaves[i : i + 2]))) for i in range(0, len(leaves) - 1, 2)]
    if len(leaves) % 2:
        above.append(leaves[-1])
    return slow_batch(above)
