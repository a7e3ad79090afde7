"""The compiled hash and the tree over arrays against second, slow implementations."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flexbond import trees
from flexbond.fleet.columns import Column, exact_sum
from flexbond.fleet.keccak import keccak_rows
from flexbond.fleet.tree import FleetTree, leaf_hashes
from flexbond.hashing import keccak

if TYPE_CHECKING:
    from pathlib import Path

sizes = st.integers(0, 70)


def rows(count: int, length: int, seed: int) -> np.ndarray:
    """Random bytes."""
    return np.random.default_rng(seed).integers(0, 256, (count, length), dtype=np.uint8)


def slow_root(leaves: list[bytes], depth: int) -> bytes:
    """The root from its definition, top down, padding hashed like anything else."""
    if depth == 0:
        return leaves[0] if leaves else bytes(32)
    half = 1 << (depth - 1)
    return keccak(slow_root(leaves[:half], depth - 1) + slow_root(leaves[half:], depth - 1))


@pytest.mark.parametrize("length", [0, 1, 32, 64, 96, 135, 136, 137, 271, 272, 273])
def test_every_row_is_hashed_as_alone(length: int) -> None:
    for count in (0, 1, 7, 8, 9, 8_193):
        data = rows(count, length, count)
        assert [bytes(one) for one in keccak_rows(data)] == [keccak(bytes(one)) for one in data]


@given(sizes, st.integers(0, 2**32))
@settings(max_examples=60, deadline=None)
def test_roots_and_paths_are_those_of_both_other_trees(count: int, seed: int) -> None:
    leaves = rows(count, 32, seed)
    tree, plain = FleetTree.of(leaves), [bytes(leaf) for leaf in leaves]
    reference = trees.SubmissionTree.of(plain)
    assert tree.root == reference.root == slow_root(plain, trees.depth_of(count))
    for index in range(count):
        path = tree.path(index)
        assert path == reference.path(index)
        assert trees.verify(tree.root, count, plain[index], index, path)


@given(st.integers(2, 70), st.integers(0, 2**32), st.data())
@settings(max_examples=60, deadline=None)
def test_a_leaf_is_bound_to_its_place(count: int, seed: int, data: st.DataObject) -> None:
    leaves = rows(count, 32, seed)
    tree = FleetTree.of(leaves)
    index = data.draw(st.integers(0, count - 1))
    other = data.draw(st.integers(0, count - 1).filter(lambda at: at != index))
    path = tree.path(index)
    assert not trees.verify(tree.root, count, bytes(leaves[index]), other, path)
    swapped = leaves.copy()
    swapped[[index, other]] = swapped[[other, index]]
    assert FleetTree.of(swapped).root != tree.root


def test_an_inner_node_passes_for_no_leaf() -> None:
    leaves = rows(8, 32, 1)
    tree = FleetTree.of(leaves)
    node = bytes(tree.levels[1][0])
    shorter = tree.path(0)[1:]
    assert trees.climb(node, 0, shorter) == tree.root
    assert not trees.verify(tree.root, 8, node, 0, shorter)
    # A leaf covers 96 bytes, a node 64: no words make one of the other.
    assert FleetTree.of(tree.levels[1]).root == tree.root
    assert not trees.verify(tree.root, 4, bytes(leaves[0]), 0, tree.path(0))


def test_a_million_leaves(tmp_path: Path) -> None:
    count = 1 << 20
    leaves = rows(count, 32, 7)
    tree = FleetTree.of(leaves)
    frontier = trees.empty_frontier(count)
    for index in (0, 1, count // 2 - 1, count - 1):
        assert trees.verify(tree.root, count, bytes(leaves[index]), index, tree.path(index))
    # Two halves, one of them appended leaf by leaf where it is small enough to be.
    small = 1 << 10
    for index in range(small):
        frontier = trees.append(frontier, index, bytes(leaves[index]))
    assert frontier[10] == bytes(tree.levels[10][0])
    tree.save(tmp_path / "tree.bin")
    kept = FleetTree.load(tmp_path / "tree.bin", count)
    assert (kept.root, kept.path(12_345)) == (tree.root, tree.path(12_345))


def test_a_file_of_another_tree_is_refused(tmp_path: Path) -> None:
    FleetTree.of(rows(5, 32, 1)).save(tmp_path / "tree.bin")
    with pytest.raises(trees.TreeError, match="does not hold the tree of 6 leaves"):
        FleetTree.load(tmp_path / "tree.bin", 6)
    with pytest.raises(trees.TreeError, match="has no leaf 5"):
        FleetTree.load(tmp_path / "tree.bin", 5).path(5)


@given(st.lists(st.one_of(st.integers(0, 100), st.integers(2**62, 2**63 - 1)), min_size=1, max_size=50))
@settings(max_examples=100, deadline=None)
def test_totals_beyond_64_bits_are_exact(entries: list[int]) -> None:
    column = Column.of(np.array(entries, dtype=np.int64))
    prefix = 0
    for entry, kept in zip(entries, column.words, strict=True):
        prefix += entry
        assert int.from_bytes(bytes(kept), "big") == trees.word(entry, prefix)
    assert column.total == sum(entries)
    signed = [entry if at % 3 else -entry for at, entry in enumerate(entries)]
    assert exact_sum(np.array(signed, dtype=np.int64)) == sum(signed)


def test_leaves_are_those_of_the_plain_tree() -> None:
    rng = random.Random(3)
    words = [[trees.word(5, rng.randint(5, 2**128 - 1)) for _ in range(3)] for _ in range(20)]
    made = np.array([[list(word.to_bytes(32, "big")) for word in row] for row in words], dtype=np.uint8)
    leaves = leaf_hashes(made[:, 0], keccak_rows(made[:, 1:].reshape(20, -1)))
    expected = [trees.leaf(at, row[0], trees.columns_hash(row[1:])) for at, row in enumerate(words)]
    assert [bytes(leaf) for leaf in leaves] == expected
