"""SpotChecks.challengeForm: what stands in a leaf's place has to be a leaf."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from flexbond.hashing import ZERO_HASH, keccak
from flexbond.model.types import Fault
from flexbond.trees import SubmissionTree
from flexbond.trees import leaf as leaf_hash
from tests.support.evm import reverts
from tests.unit.spot_checks.scene import HOMES, Scene, assert_rejected, assert_stands
from tests.unit.story import DAY

if TYPE_CHECKING:
    from tests.support.evm import Receipt
    from tests.support.sampled import Sampled


def body_of(claimed: Sampled, place: int, columns: bytes | None = None, index: int | None = None) -> bytes:
    """What the hash of a leaf is over, of other columns or another index perhaps."""
    leaf = claimed.leaf(place)
    stated = place if index is None else index
    words = stated.to_bytes(32, "big") + leaf.weight_word.to_bytes(32, "big")
    return words + keccak(leaf.columns if columns is None else columns)


def challenge(claimed: Sampled, place: int, body: bytes, columns: bytes = b"", path: Any = None) -> Receipt:
    """By anyone."""
    world, key = claimed.world, claimed.submission.key
    given = list(claimed.tree.path(place) if path is None else path)
    attacker = world.accounts.attacker
    return world.spot_checks.challengeForm.send(key, claimed.claim, place, body, columns, given, sender=attacker)


def forged(scene: Scene, place: int, body: bytes) -> Sampled:
    """Submitted, with the hash of this in a leaf's place; zero if it is empty."""
    lie = scene.honest.with_hashes({place: keccak(body) if body else ZERO_HASH})
    lie.submit()
    return lie


def upheld(scene: Scene, receipt: Receipt, place: int) -> None:
    """At once, and half of the bond is the challenger's."""
    attacker = scene.world.accounts.attacker
    assert_rejected(scene, receipt, Fault.MALFORMED, place, attacker)


@pytest.mark.parametrize("place", [0, 2, HOMES - 1])
def test_a_zero_leaf(scene: Scene, place: int) -> None:
    """Given zero in a leaf's place, it is shown with nothing."""
    lie = forged(scene, place, b"")
    upheld(scene, challenge(lie, place, b""), place)


@pytest.mark.parametrize("length", [1, 31, 64, 95, 97, 128])
def test_a_body_of_another_length(scene: Scene, length: int) -> None:
    """Given a hash over another number of bytes than a leaf's, a node's among them, it is shown."""
    body = (body_of(scene.honest, 3) + bytes(32))[:length]
    lie = forged(scene, 3, body)
    upheld(scene, challenge(lie, 3, body), 3)


@pytest.mark.parametrize("index", [0, 4, HOMES, 2**40 + 3, 2**256 - 1])
def test_a_body_of_another_place(scene: Scene, index: int) -> None:
    """Given a leaf that states another place than its own, it is shown."""
    body = body_of(scene.honest, 3, index=index)
    lie = forged(scene, 3, body)
    upheld(scene, challenge(lie, 3, body), 3)


@pytest.mark.parametrize("length", [0, 1, 32, 127, 129, 160])
def test_columns_of_another_length(scene: Scene, length: int) -> None:
    """Given a leaf over columns of another length, they are shown; without them, and with others, it stands."""
    columns = (scene.honest.leaf(1).columns + bytes(64))[:length]
    body = body_of(scene.honest, 1, columns=columns)
    lie = forged(scene, 1, body)
    with reverts("SpotChecks_NotContradicted", 1):
        challenge(lie, 1, body, columns + b"\1")
    upheld(scene, challenge(lie, 1, body, columns), 1)


def test_not_a_leaf_as_it_should_be(scene: Scene) -> None:
    """Given an honest leaf, neither its body nor its columns contradict it, nor what is no body of it."""
    honest = scene.honest
    honest.submit()
    body = body_of(honest, 2)
    for columns in (b"", honest.leaf(2).columns, b"\0" * 31):
        with reverts("SpotChecks_NotContradicted", 2):
            challenge(honest, 2, body, columns)
    for other in (b"", body[:64], body + b"\0", body_of(honest, 2, index=3)):
        with reverts("SpotChecks_NotInTree", 2):
            challenge(honest, 2, other)
    assert_stands(scene)


def test_neither_nodes_nor_padding(scene: Scene) -> None:
    """Given a node shown as a leaf by a shorter path, the padding behind the last leaf, or a place beyond it, nothing is shown."""
    honest = scene.honest
    honest.submit()
    level = honest.tree.levels[0]
    with reverts("SpotChecks_NotInTree", 0):
        challenge(honest, 0, level[0] + level[1], path=honest.tree.path(0)[1:])
    whole = SubmissionTree.of([*level, ZERO_HASH, ZERO_HASH, ZERO_HASH])
    assert whole.root == honest.tree.root
    for place in range(HOMES, 8):
        with reverts("SpotChecks_NotInTree", place):
            challenge(honest, place, b"", path=whole.path(place))
    with reverts("SpotChecks_NotInTree", 8):
        challenge(honest, 8, body_of(honest, 0), path=whole.path(0))
    assert_stands(scene)


def test_a_leaf_moved_to_another_place(scene: Scene) -> None:
    """Given two leaves that changed places, each states the other's."""
    level = scene.honest.tree.levels[0]
    lie = scene.honest.with_hashes({1: level[2], 2: level[1]})
    lie.submit()
    assert level[2] == leaf_hash(2, scene.honest.leaf(2).weight_word, keccak(scene.honest.leaf(2).columns))
    upheld(scene, challenge(lie, 1, body_of(scene.honest, 2)), 1)


def test_in_time_and_once(scene: Scene) -> None:
    """Given the last second of the challenge window, it is upheld; at its end it is not, nor a second time."""
    lie = forged(scene, 0, b"")
    evm, end = scene.world.evm, scene.world.evm.time + 3 * DAY
    evm.time = end
    with reverts("SpotChecks_TooLate", end, end):
        challenge(lie, 0, b"")
    evm.time = end - 1
    upheld(scene, challenge(lie, 0, b""), 0)
    with reverts("SpotChecks_NotSubmitted", scene.event):
        challenge(lie, 0, b"")


def test_only_the_submitted_claim(scene: Scene) -> None:
    """Given no submission, or another claim, nothing is challenged."""
    lie = scene.honest.with_hashes({0: ZERO_HASH})
    with reverts("SpotChecks_NotSubmitted", scene.event):
        challenge(lie, 0, b"")
    scene.honest.submit()
    with reverts("SpotChecks_CommitmentDiffers", scene.event, lie.commitment):
        challenge(lie, 0, b"")
    assert_stands(scene)
