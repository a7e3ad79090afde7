"""DeliveryTree, `flexbond.trees` and the slow tree of tests/support: the same hashes at every size."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flexbond import trees
from flexbond.fleet.tree import FleetTree
from tests.support.evm import ANYONE, Evm
from tests.support.slow_trees import slow_hash, slow_leaf, slow_path, slow_root

if TYPE_CHECKING:
    from tests.support.evm import Contract

halves = st.integers(0, 2**128 - 1)


@pytest.fixture(scope="module")
def delivery_tree() -> Contract:
    """DeliveryTree."""
    return Evm().deploy("DeliveryTreeHarness", sender=ANYONE)


def leaves_of(count: int) -> list[bytes]:
    """Hashes that differ."""
    return [slow_hash(b"leaf" + number.to_bytes(4, "big")) for number in range(count)]


@pytest.mark.parametrize("count", range(1, 71))
def test_roots_frontiers_and_paths(delivery_tree: Contract, count: int) -> None:
    """Given a size, the contract's frontier and root are Python's, and each path leads to the root from its place."""
    leaves = leaves_of(count)
    frontier = trees.empty_frontier(count)
    for index, leaf in enumerate(leaves):
        frontier = trees.append(frontier, index, leaf)
    root = slow_root(leaves)
    assert delivery_tree.grow.call(leaves) == (frontier, root)
    assert delivery_tree.depth.call(count) == trees.depth_of(count)
    for index in {0, 1, count // 2, count - 2, count - 1} & set(range(count)):
        path = slow_path(leaves, index)
        assert delivery_tree.rootOf.call(leaves[index], index, path) == root
        for other in {index ^ 1, index ^ 2, 0, count - 1} - {index}:
            # Beyond the depth an index has no say: places are checked against the number of leaves first.
            if other < 1 << len(path):
                assert delivery_tree.rootOf.call(leaves[index], other, path) != root


@pytest.mark.parametrize("count", [1, 2, 3, 5, 8, 13, 33])
def test_runs(delivery_tree: Contract, count: int) -> None:
    """Given any run of neighbours, its path has the contract's length and leads to the root, from its place only."""
    leaves = leaves_of(count)
    tree, depth = trees.SubmissionTree.of(leaves), trees.depth_of(count)
    for first in range(count):
        for length in {1, 2, (count - first) // 2, count - first} & set(range(1, count - first + 1)):
            run, path = leaves[first : first + length], tree.run_path(first, length)
            assert delivery_tree.runSiblings.call(first, first + length - 1, depth) == len(path)
            assert delivery_tree.runRoot.call(run, first, depth, path) == tree.root
            assert trees.run_root(run, first, depth, path) == tree.root
            for other in {first - 2, first + 2} & set(range((1 << depth) - length + 1)):
                if delivery_tree.runSiblings.call(other, other + length - 1, depth) == len(path):
                    assert delivery_tree.runRoot.call(run, other, depth, path) != tree.root


def test_a_million_leaves(delivery_tree: Contract) -> None:
    """Given a tree of 2^20 leaves built in bulk, its paths lead to its root in the contract, from their place only."""
    rows = np.random.default_rng(5).integers(0, 256, (1 << 20, 32), dtype=np.uint8)
    tree = FleetTree.of(rows)
    for index in (0, 1, 12_345, (1 << 19) - 1, 1 << 19, (1 << 20) - 1):
        leaf, path = bytes(rows[index]), tree.path(index)
        assert len(path) == delivery_tree.depth.call(1 << 20) == 20
        assert delivery_tree.rootOf.call(leaf, index, path) == tree.root
        assert delivery_tree.rootOf.call(leaf, index ^ 1, path) != tree.root
        assert delivery_tree.rootOf.call(leaf, index ^ (1 << 19), path) != tree.root
        assert delivery_tree.runRoot.call([leaf], index, 20, path) == tree.root


@given(st.integers(0, 2**40 - 1), st.lists(st.tuples(halves, halves), min_size=1, max_size=97))
def test_leaves(delivery_tree: Contract, index: int, words: list[tuple[int, int]]) -> None:
    """Given any halves of any number of columns, the leaf is the slow one's; words that cannot be are hashed alike."""
    *columns, weight = [entry << 128 | prefix for entry, prefix in words]
    body = b"".join(word.to_bytes(32, "big") for word in columns)
    expected = slow_leaf(index, words)
    assert delivery_tree.word.call(*words[-1]) == weight
    assert delivery_tree.leaf.call(index, weight, slow_hash(body)) == expected
    assert trees.leaf(index, weight, trees.columns_hash(columns)) == expected
