"""The trees against a second implementation, slow and written from the text of docs/encodings.md alone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flexbond import trees
from flexbond.hashing import keccak
from tests.support.slow_trees import slow_batch, slow_root
from tests.support.slow_trees import slow_hash as slow

hashes = st.binary(min_size=32, max_size=32)


@given(st.binary(max_size=300))
def test_keccak(data: bytes) -> None:
    """Given any bytes, both libraries hash them alike."""
    assert keccak(data) == slow(data)


@given(st.lists(hashes, min_size=1, max_size=40))
def test_submission_root_and_paths(leaves: list[bytes]) -> None:
    """Given any leaves, the root is that of the padded tree and every path leads to it, from its index only."""
    tree = trees.SubmissionTree.of(leaves)
    assert tree.root == slow_root(leaves)
    for index, leaf in enumerate(leaves):
        path = tree.path(index)
        assert len(path) == trees.depth_of(len(leaves))
        assert trees.verify(tree.root, len(leaves), leaf, index, path)
        assert not trees.verify(tree.root, len(leaves), slow(leaf), index, path)
        assert not trees.verify(tree.root, len(leaves), leaf, index, (*path, bytes(32)))
    assert not trees.verify(tree.root, len(leaves), leaves[0], len(leaves), tree.path(0))


@st.composite
def runs(draw: st.DrawFn) -> tuple[list[bytes], int, int]:
    """Leaves of a tree, and which of them: the first and how many."""
    leaves = draw(st.lists(hashes, min_size=1, max_size=40))
    first = draw(st.integers(0, len(leaves) - 1))
    return leaves, first, draw(st.integers(1, len(leaves) - first))


def slow_run_path(leaves: list[bytes], first: int, last: int) -> list[bytes]:
    """Per level, what is missing on the left and on the right of the run to make whole pairs."""
    path = []
    size = 1
    while size < len(leaves):
        low, high = first // size, last // size
        if low % 2 == 1:
            path.append(slow_subtree(leaves, low - 1, size))
        if high % 2 == 0:
            path.append(slow_subtree(leaves, high + 1, size))
        size *= 2
    return path


def slow_subtree(leaves: list[bytes], place: int, size: int) -> bytes:
    """Root of the leaves of a subtree, padded with zero leaves to its size."""
    held = leaves[place * size : (place + 1) * size]
    return slow_root(held + [bytes(32)] * (size - len(held)))


@given(runs())
def test_run_paths(run: tuple[list[bytes], int, int]) -> None:
    """Given any row of neighbours, its path has what is missing of whole pairs, and leads to the root."""
    leaves, first, count = run
    tree, depth = trees.SubmissionTree.of(leaves), trees.depth_of(len(leaves))
    path = tree.run_path(first, count)
    assert list(path) == slow_run_path(leaves, first, first + count - 1)
    assert trees.run_root(leaves[first : first + count], first, depth, path) == tree.root
    if count == 1:
        assert path == tree.path(first)
    if count == len(leaves) == 1 << depth:
        assert path == ()


@given(runs(), st.data())
def test_run_paths_bind_leaves_and_places(run: tuple[list[bytes], int, int], data: st.DataObject) -> None:
    """Given another leaf, another sibling, or another place with as many siblings, the root is another."""
    leaves, first, count = run
    tree, depth = trees.SubmissionTree.of(leaves), trees.depth_of(len(leaves))
    path = tree.run_path(first, count)
    shown = leaves[first : first + count]
    changed = data.draw(st.integers(0, count - 1))
    other = [slow(leaf) if place == changed else leaf for place, leaf in enumerate(shown)]
    assert trees.run_root(other, first, depth, path) != tree.root
    if path:
        changed = data.draw(st.integers(0, len(path) - 1))
        others = [slow(sibling) if place == changed else sibling for place, sibling in enumerate(path)]
        assert trees.run_root(shown, first, depth, others) != tree.root
    for wrong in (path[:-1], (*path, bytes(32))):
        if len(wrong) != len(path):
            with pytest.raises(trees.TreeError):
                trees.run_root(shown, first, depth, wrong)


def test_a_run_stands_in_its_place() -> None:
    """Given neighbours shown at another place whose path is as long, the root is another."""
    leaves = [slow(bytes([place])) for place in range(8)]
    tree = trees.SubmissionTree.of(leaves)
    assert len(tree.run_path(1, 2)) == len(tree.run_path(5, 2))
    assert trees.run_root(leaves[1:3], 5, 3, tree.run_path(1, 2)) != tree.root


@given(st.lists(hashes, min_size=1, max_size=40))
def test_frontier_gives_the_root(leaves: list[bytes]) -> None:
    """Given leaves appended one by one, each place of the frontier is a full subtree, and the root is the tree's."""
    frontier = trees.empty_frontier(len(leaves))
    for index, leaf in enumerate(leaves):
        frontier = trees.append(frontier, index, leaf)
        count, taken = index + 1, 0
        for place in reversed(range(len(frontier))):
            if count >> place & 1:
                assert frontier[place] == slow_root(leaves[taken : taken + 2**place])
                taken += 2**place
            else:
                assert frontier[place] == bytes(32)
    assert trees.frontier_root(frontier, len(leaves)) == slow_root(leaves)


@given(st.lists(hashes, min_size=1, max_size=40))
def test_batch_root_and_paths(leaves: list[bytes]) -> None:
    """Given any records, the batch's root is that of sorted pairs and every path leads to it."""
    tree = trees.BatchTree.of(leaves)
    assert tree.root == slow_batch(leaves)
    for index, leaf in enumerate(leaves):
        assert trees.climb_batch(leaf, tree.path(index)) == tree.root


@given(st.lists(hashes, min_size=1, max_size=trees.MAX_HISTORY))
def test_history_leaf(records: list[bytes]) -> None:
    """Given some records, their leaf is the ABI encoding of the tag and the list, hashed."""
    words = [(64).to_bytes(32, "big"), len(records).to_bytes(32, "big"), *records]
    assert trees.history_leaf(records) == slow(slow(b"Flexbond history of meter records") + b"".join(words))


def test_histories_have_a_size() -> None:
    """Given no records, or more than a leaf holds, there is no history leaf."""
    for count in (0, trees.MAX_HISTORY + 1):
        with pytest.raises(trees.TreeError):
            trees.history_leaf([bytes(32)] * count)


def test_leaf_and_words() -> None:
    """Given entries and prefixes, words and leaf are packed as the text says."""
    assert trees.word(3, 10) == 3 << 128 | 10
    words = [trees.word(1, 1), trees.word(0, 7)]
    columns = trees.columns_hash(words)
    assert columns == slow(words[0].to_bytes(32, "big") + words[1].to_bytes(32, "big"))
    assert trees.leaf(5, 9, columns) == slow((5).to_bytes(32, "big") + (9).to_bytes(32, "big") + columns)
    assert trees.columns_hash([]) == slow(b"")


@pytest.mark.parametrize(
    ("leaves", "depth"), [(0, 0), (1, 0), (2, 1), (3, 2), (4, 2), (5, 3), (1024, 10), (1025, 11), (2**40, 40)]
)
def test_depth(leaves: int, depth: int) -> None:
    """Given a number of leaves, the depth is its logarithm rounded up."""
    assert trees.depth_of(leaves) == depth


def test_empty_portfolio() -> None:
    """Given no leaves, the root is zero, by the tree and by its frontier."""
    assert trees.SubmissionTree.of([]).root == bytes(32)
    assert trees.frontier_root(trees.empty_frontier(0), 0) == bytes(32)


def test_what_is_no_tree() -> None:
    """Given what belongs to no tree, it is refused."""
    tree = trees.SubmissionTree.of([slow(b"0"), slow(b"1"), slow(b"2")])
    batch = trees.BatchTree.of([slow(b"0")])
    for refused in (
        lambda: trees.word(5, 4),
        lambda: trees.word(-1, 4),
        lambda: trees.word(0, 2**128),
        lambda: trees.depth_of(-1),
        lambda: trees.depth_of(2**40 + 1),
        lambda: tree.path(3),
        lambda: tree.path(-1),
        lambda: tree.run_path(0, 0),
        lambda: tree.run_path(-1, 1),
        lambda: tree.run_path(2, 2),
        lambda: trees.run_root([], 0, 2, ()),
        lambda: trees.run_root([slow(b"0")] * 2, 3, 2, ()),
        lambda: trees.run_root([slow(b"0")], 4, 2, (bytes(32), bytes(32))),
        lambda: batch.path(1),
        lambda: trees.BatchTree.of([]),
        lambda: trees.append((slow(b"0"),), 1, slow(b"1")),
        lambda: trees.frontier_root((bytes(32),), 2),
    ):
        with pytest.raises(trees.TreeError):
            refused()
