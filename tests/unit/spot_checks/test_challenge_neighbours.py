"""SpotChecks.challengeNeighbours: prefixes follow each other, as integers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from flexbond.model.types import Fault
from tests.support.evm import reverts
from tests.support.sampled import halves
from tests.unit.spot_checks.scene import HOMES, Scene, assert_rejected, assert_stands
from tests.unit.story import DAY

if TYPE_CHECKING:
    from tests.support.sampled import Sampled

MOST = 2**128 - 1


def upheld(scene: Scene, lie: Sampled, left: int) -> None:
    """Submitted, then shown by anyone."""
    with scene.world.evm.rollback():
        lie.submit()
        receipt = lie.challenge_neighbours(left, left + 1)
        assert_rejected(scene, receipt, Fault.JUMP, left + 1, scene.world.accounts.attacker)


def test_honest_neighbours(scene: Scene) -> None:
    """Given an honest submission, no two neighbours contradict each other."""
    scene.honest.submit()
    for left in range(HOMES - 1):
        with reverts("SpotChecks_NotContradicted", left + 1):
            scene.honest.challenge_neighbours(left, left + 1)
    assert_stands(scene)


@pytest.mark.parametrize("column", range(5))
@pytest.mark.parametrize("by", [1, -1, 10**12])
def test_a_jump(scene: Scene, column: int, by: int) -> None:
    """Given a prefix that is more or less than the one before and the entry, in a period or in the weight, both are shown."""
    honest = scene.honest
    prefix = max(0, honest.prefix(2, column) + by)
    lie = honest.with_words({(2, column): halves(honest.entry(2, column), prefix)})
    upheld(scene, lie, 1)
    upheld(scene, lie, 2)


def test_an_entry_without_support(scene: Scene) -> None:
    """Given an entry beyond what the prefixes leave room for, both are shown."""
    honest = scene.honest
    upheld(scene, honest.with_words({(3, 0): halves(honest.entry(3, 0) + 3_600, honest.prefix(3, 0))}), 2)


def test_a_prefix_that_wraps(scene: Scene) -> None:
    """Given a prefix that would follow only if 2^128 were zero, both are shown."""
    honest = scene.honest
    for entry, prefix in ((1, 0), (MOST, MOST - 1), (2**127, 2**127 - 1)):
        lie = honest.with_words({(1, 0): halves(0, MOST), (2, 0): halves(entry, prefix)})
        upheld(scene, lie, 1)


def test_only_neighbours(scene: Scene) -> None:
    """Given leaves that are no neighbours, in the wrong order or the same one twice, nothing is shown."""
    lie = scene.honest.with_words({(2, 0): halves(0, 0)})
    lie.submit()
    for left, right in ((0, 2), (2, 1), (2, 2), (3, 0)):
        with reverts("SpotChecks_NotContradicted", right):
            lie.challenge_neighbours(left, right)
    assert_stands(scene)


def test_only_leaves_of_the_tree(scene: Scene) -> None:
    """Given a leaf of another tree, on either side, it is refused."""
    honest = scene.honest
    lie = honest.with_words({(1, 0): halves(0, 0), (2, 0): halves(0, 1)})
    honest.submit()
    key, checks, attacker = honest.submission.key, scene.world.spot_checks, scene.world.accounts.attacker
    with reverts("SpotChecks_NotInTree", 1):
        checks.challengeNeighbours.send(key, honest.claim, lie.leaf(1), honest.leaf(2), sender=attacker)
    with reverts("SpotChecks_NotInTree", 2):
        checks.challengeNeighbours.send(key, honest.claim, honest.leaf(1), lie.leaf(2), sender=attacker)


def test_in_time(scene: Scene) -> None:
    """Given the end of the challenge window, a jump is not shown any more."""
    lie = scene.honest.with_words({(2, 0): halves(0, 0)})
    lie.submit()
    end = scene.world.evm.time + 3 * DAY
    scene.world.evm.time = end
    with reverts("SpotChecks_TooLate", end, end):
        lie.challenge_neighbours(1, 2)
