"""The trees against a second implementation, slow and written from the text of docs/encodings.md alone."""

from __future__ import annotations

import pytest
from Crypto.Hash import keccak as slow_keccak
from hypothesis import given
from hypothesis import strategies as st

from flexbond import trees
from flexbond.hashing import keccak

hashes = st.binary(min_size=32, max_size=32)


def slow(data: bytes) -> bytes:
    """keccak256 by another library."""
    return slow_keccak.new(digest_bits=256, data=data).digest()


def slow_root(leaves: list[bytes]) -> bytes:
    """Padded with zero leaves to a power of two, hashed in pairs."""
    size = 1
    while size < len(leaves):
        size *= 2
    level = leaves + [bytes(32)] * (size - len(leaves))
    while len(level) > 1:
        level = [slow(level[i] + level[i + 1]) for i in range(0, len(level), 2)]
    return level[0]


def slow_batch(leaves: list[bytes]) -> bytes:
    """Sorted pairs, an odd last one carried up."""
    if len(leaves) == 1:
        return leaves[0]
    above = []
    for i in range(0, len(leaves) - 1, 2):
        above.append(slow(b"".join(sorted(leaves[i : i + 2]))))
    if len(leaves) % 2:
        above.append(leaves[-1])
    return slow_batch(above)


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
        lambda: batch.path(1),
        lambda: trees.BatchTree.of([]),
        lambda: trees.append((slow(b"0"),), 1, slow(b"1")),
        lambda: trees.frontier_root((bytes(32),), 2),
    ):
        with pytest.raises(trees.TreeError):
            refused()
