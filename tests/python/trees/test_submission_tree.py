"""The tree of a submission at every size up to 70 and at a million, and what must not pass for a leaf of it."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from sha3 import keccak_256

from flexbond import trees
from flexbond.fleet.keccak import keccak_rows
from flexbond.fleet.tree import FleetTree, leaf_hashes
from tests.support.slow_trees import slow_hash, slow_leaf, slow_levels, slow_path, slow_root

SIZES = range(1, 71)
"""One leaf, both sides of every power of two up to 64, all odd sizes between."""


def leaves_of(count: int) -> list[bytes]:
    """Hashes that differ."""
    return [slow_hash(b"leaf" + number.to_bytes(4, "big")) for number in range(count)]


@pytest.mark.parametrize("count", SIZES)
def test_both_trees_are_the_slow_one_at_every_level(count: int) -> None:
    """Given a size, every hash of every level is the slow tree's; what is not kept is padding."""
    leaves = leaves_of(count)
    tree = trees.SubmissionTree.of(leaves)
    fleet = FleetTree.of(np.frombuffer(b"".join(leaves), dtype=np.uint8).reshape(-1, 32))
    for height, expected in enumerate(slow_levels(leaves)):
        kept = list(tree.levels[height])
        assert kept == expected[: len(kept)] == [bytes(one) for one in fleet.levels[height]]
        assert set(expected[len(kept) :]) <= {trees.ZEROS[height]}


@pytest.mark.parametrize("count", SIZES)
def test_every_path_proves_its_leaf_and_no_other(count: int) -> None:
    """Given a size, each leaf's path is the slow tree's, and proves that leaf at that place only."""
    leaves = leaves_of(count)
    tree = trees.SubmissionTree.of(leaves)
    for index, leaf in enumerate(leaves):
        path = tree.path(index)
        assert list(path) == slow_path(leaves, index)
        assert [other for other in range(count) if trees.verify(tree.root, count, leaf, other, path)] == [index]
        assert [other for other in leaves if trees.verify(tree.root, count, other, index, path)] == [leaf]


@pytest.mark.parametrize("count", SIZES)
def test_padding_is_no_leaf(count: int) -> None:
    """Given a size, the zeros that fill the tree stand in it, but behind the last leaf: none can be shown."""
    leaves = leaves_of(count)
    tree = trees.SubmissionTree.of(leaves)
    width = len(slow_levels(leaves)[0])
    filled = leaves + [bytes(32)] * (width - count)
    assert trees.SubmissionTree.of(filled).root == tree.root
    for place in range(count, width):
        path = slow_path(leaves, place)
        assert trees.climb(bytes(32), place, path) == tree.root
        assert not trees.verify(tree.root, count, bytes(32), place, path)


@pytest.mark.parametrize("count", SIZES)
def test_no_path_of_another_length_proves_anything(count: int) -> None:
    """Given a size, an inner node with what is left of a path climbs to the root, and is refused as a leaf."""
    leaves = leaves_of(count)
    tree = trees.SubmissionTree.of(leaves)
    for index in {0, count // 2, count - 1}:
        path = tree.path(index)
        for height in range(1, len(path) + 1):
            node = slow_levels(leaves)[height][index >> height]
            assert trees.climb(node, index >> height, path[height:]) == tree.root
            assert not trees.verify(tree.root, count, node, index >> height, path[height:])
        assert not trees.verify(tree.root, count, leaves[index], index, (*path, tree.root))
        assert not trees.verify(tree.root, count, leaves[index], index, (*path, bytes(32)))


def test_two_leaves_that_change_places_change_the_root() -> None:
    """Given a size, exchanging any two leaves gives another root, also where their hashes are siblings."""
    leaves = leaves_of(19)
    root = slow_root(leaves)
    for first in range(19):
        for second in range(first + 1, 19):
            moved = leaves.copy()
            moved[first], moved[second] = moved[second], moved[first]
            assert trees.SubmissionTree.of(moved).root != root


def test_a_leaf_states_its_place() -> None:
    """Given the same words at another place, the leaf's hash is another one: it cannot be shown twice."""
    words = [(3, 10), (0, 7), (3, 17)]
    hashes = [slow_leaf(index, words) for index in range(70)]
    assert len(set(hashes)) == 70
    packed = [trees.word(entry, prefix) for entry, prefix in words]
    for index, expected in enumerate(hashes):
        assert trees.leaf(index, packed[-1], trees.columns_hash(packed[:-1])) == expected


def test_leaves_and_nodes_hash_other_lengths() -> None:
    """Given 64 bytes that are a node's, no leaf has them: a leaf hashes 96, and 64 would lack its columns."""
    left, right = leaves_of(2)
    node = trees.node(left, right)
    words = [(int.from_bytes(left[:16], "big"), int.from_bytes(left[16:], "big"))]
    assert node == slow_hash(left + right)
    for index in (0, int.from_bytes(left, "big")):
        assert trees.leaf(index, int.from_bytes(right, "big"), slow_hash(b"")) != node
        assert slow_leaf(index, words) != node
    # A tree over the inner nodes has the same root, but another depth: the number of leaves is the registry's.
    leaves = leaves_of(8)
    above = slow_levels(leaves)[1]
    assert trees.SubmissionTree.of(above).root == trees.SubmissionTree.of(leaves).root
    assert not trees.verify(slow_root(leaves), 8, above[0], 0, trees.SubmissionTree.of(above).path(0))


@pytest.mark.parametrize("missing", [0, 3])
def test_a_million_leaves_from_words_to_root(missing: int) -> None:
    """Given 2^20 leaves and a few fewer, the compiled tree is that of the plain hash on every level, padding aside."""
    count = (1 << 20) - missing
    words = np.zeros((count, 32), dtype=np.uint8)
    words[:, 12:16] = np.arange(count, dtype=">u4").view(np.uint8).reshape(-1, 4)
    words[:, 28:] = words[:, 12:16]
    tree = FleetTree.of(leaf_hashes(words, keccak_rows(words)))
    for index in (0, 1, 4_095, count // 2, count - 1):
        assert bytes(tree.levels[0][index]) == slow_leaf(index, [(index, index), (index, index)])
    for height, (below, above) in enumerate(pairwise(tree.levels)):
        assert len(above) == (len(below) + 1) // 2
        data = below.tobytes() + trees.ZEROS[height] * (len(below) % 2)
        starts = range(0, len(data), 64)
        assert above.tobytes() == b"".join([keccak_256(data[at : at + 64]).digest() for at in starts])
    for index in (0, 524_287, 524_288, count - 1):
        assert trees.verify(tree.root, count, bytes(tree.levels[0][index]), index, tree.path(index))
