"""MeterOracle.anchor and standing: roots of records that nobody has seen, and when they came."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flexbond.hashing import ZERO_ADDRESS, keccak
from flexbond.trees import BatchTree, climb_batch, history_leaf
from tests.support.evm import reverts

if TYPE_CHECKING:
    from tests.support.evm import Receipt
    from tests.support.world import World
    from tests.unit.meter_oracle.conftest import Meters


def anchor(world: World, root: bytes) -> Receipt:
    """Somebody anchors a root."""
    return world.oracle.anchor.send(root, sender=world.accounts.attacker)


def standing(world: World, root: bytes) -> tuple[int, int, str]:
    """When a root came, when it was attested, and who anchored it."""
    at, attested_at, anchored_by = world.oracle.standing.call(root)
    return at, attested_at, anchored_by


def test_keeps_a_root_with_its_time(world: World) -> None:
    """Given any root, when anyone anchors it, it is kept with the time and the sender, and logged; nothing under it is attested."""
    root = keccak(b"root")
    assert standing(world, root) == (0, 0, ZERO_ADDRESS)
    event = anchor(world, root).only("RecordsAnchored")
    assert (event.root, event.sender) == (root, world.accounts.attacker.address)
    assert standing(world, root) == (world.evm.time, 0, world.accounts.attacker.address)


def test_again_changes_nothing(world: World) -> None:
    """Given an anchored root, when somebody anchors it later, its time and sender stay, and nothing is logged."""
    root = keccak(b"root")
    anchor(world, root)
    since = world.evm.time
    world.evm.time += 100
    assert world.oracle.anchor.send(root, sender=world.accounts.relayer).events == []
    assert standing(world, root) == (since, 0, world.accounts.attacker.address)


def test_refuses_the_root_of_nothing(world: World) -> None:
    """Given zero, which is the root of nothing, it is refused."""
    with reverts("MeterOracle_EmptyBatch", 0):
        anchor(world, bytes(32))


def test_an_anchor_before_the_batch_harms_nobody(meters: Meters) -> None:
    """Given a root that somebody anchored first, when the batch is attested, it is so, and the earlier time and sender stay beside."""
    world = meters.world
    root = BatchTree.of([meters.record(home).struct_hash for home in meters.homes]).root
    anchor(world, root)
    first = world.evm.time
    world.evm.time += 100
    receipt = meters.attest(meters.signed(3))
    assert receipt.value == root
    assert receipt.only("RecordsAttested").batch_root == root
    assert standing(world, root) == (first, world.evm.time, world.accounts.attacker.address)
    world.evm.time += 100
    assert meters.attest(meters.signed(3)).events == []
    assert standing(world, root) == (first, world.evm.time - 100, world.accounts.attacker.address)


def test_an_anchor_after_the_batch_changes_nothing(meters: Meters) -> None:
    """Given an attested batch, when its root is anchored, it stays as it was: nobody anchored it."""
    world = meters.world
    root = meters.attest(meters.signed(2)).value
    since = world.evm.time
    world.evm.time += 100
    assert anchor(world, root).events == []
    assert standing(world, root) == (since, since, ZERO_ADDRESS)


def test_only_what_was_verified_is_under_an_attested_root(meters: Meters) -> None:
    """Given an attested batch, its nodes, and histories over its records, are under its root only as what they are."""
    leaves = [meters.record(home).struct_hash for home in meters.homes]
    tree = BatchTree.of(leaves)
    assert meters.attest(meters.signed(3)).value == tree.root
    for leaf in (history_leaf(leaves), *(history_leaf([leaf]) for leaf in leaves)):
        for place in range(3):
            path = tree.path(place)
            assert all(climb_batch(leaf, path[start:]) != tree.root for start in range(len(path) + 1))
    # A node is under the root, one step up; it is no record's struct hash, as that covers 224 bytes and not 64.
    assert climb_batch(tree.levels[1][0], tree.path(0)[1:]) == tree.root
    assert tree.levels[1][0] not in leaves
