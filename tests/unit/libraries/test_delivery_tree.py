"""DeliveryTree by hand: small trees, padding, positions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from flexbond.hashing import keccak
from tests.support.evm import reverts

if TYPE_CHECKING:
    from tests.support.evm import Contract

A, B, C = (bytes([value]) * 32 for value in (1, 2, 3))
ZERO = bytes(32)


def node(left: bytes, right: bytes) -> bytes:
    """Two neighbours."""
    return keccak(left + right)


@pytest.mark.parametrize(
    ("leaves", "depth"), [(0, 0), (1, 0), (2, 1), (3, 2), (4, 2), (5, 3), (17, 5), (1 << 20, 20), ((1 << 20) + 1, 21)]
)
def test_depth(delivery_tree: Contract, leaves: int, depth: int) -> None:
    """Given a number of leaves, the depth is its logarithm, rounded up."""
    assert delivery_tree.depth.call(leaves) == depth


def test_roots(delivery_tree: Contract) -> None:
    """Given up to five leaves, roots are padded with zero in order."""
    low = node(A, B)
    for leaves, root in (
        ([], ZERO),
        ([A], A),
        ([A, B], low),
        ([B, A], node(B, A)),
        ([A, B, C], node(low, node(C, ZERO))),
        ([A, B, C, A], node(low, node(C, A))),
        ([A, B, C, A, B], node(node(low, node(C, A)), node(node(B, ZERO), node(ZERO, ZERO)))),
    ):
        assert delivery_tree.grow.call(leaves)[1] == root


def test_frontier(delivery_tree: Contract) -> None:
    """Given leaves one after the other, the frontier holds the roots of full subtrees and zero elsewhere."""
    frontier = [ZERO, ZERO, ZERO]
    for index, (new, wanted) in enumerate(
        ((A, [A, ZERO, ZERO]), (B, [ZERO, node(A, B), ZERO]), (C, [C, node(A, B), ZERO]))
    ):
        frontier = list(delivery_tree.append.call(frontier, index, new))
        assert frontier == wanted
    full = list(delivery_tree.append.call(frontier, 3, A))
    assert full == [ZERO, ZERO, node(node(A, B), node(C, A))]
    with reverts("Panic", 0x32):
        delivery_tree.append.call(full, 7, A)


def test_positions(delivery_tree: Contract) -> None:
    """Given a path, left and right follow from the index."""
    assert delivery_tree.rootOf.call(A, 0, [B, C]) == node(node(A, B), C)
    assert delivery_tree.rootOf.call(A, 1, [B, C]) == node(node(B, A), C)
    assert delivery_tree.rootOf.call(A, 2, [B, C]) == node(C, node(A, B))
    assert delivery_tree.rootOf.call(A, 3, [B, C]) == node(C, node(B, A))


def test_leaf(delivery_tree: Contract) -> None:
    """Given a leaf, it hashes 96 bytes: index, weight, columns."""
    word = delivery_tree.word.call(7, 9)
    assert word == 7 << 128 | 9
    assert delivery_tree.leaf.call(5, word, C) == keccak((5).to_bytes(32, "big") + word.to_bytes(32, "big") + C)
