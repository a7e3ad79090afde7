"""The whole suite and its model, step by step through random walks: same results, same errors with their values."""

from __future__ import annotations

import random
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from tests.parity.mirror import Mirror
from tests.parity.walk import Walk

if TYPE_CHECKING:
    from tests.support.world import World

STEPS = 700
SEEDS = 14
GOAL = (
    "attest", "cancel", "cancelOffer", "collect", "collectByCapacity", "declareUnavailable", "deposit", "dispatch",
    "enrol", "excuse", "fail", "leave", "nominate", "prove", "prove past days", "release", "safeTransferFrom", "settle", "settleUncalled",
    "state", "stop", "submit", "sweep", "take", "voidStatement", "withdraw",
)  # fmt: skip

reached: Counter[str] = Counter()
walked: set[int] = set()


def walk_through(world: World, seed: int) -> None:
    """One walk, compared all along."""
    mirror = Mirror(world)
    walk = Walk(mirror, random.Random(seed))
    for step in range(STEPS):
        walk.step()
        mirror.compare(walk.accounts)
        if step % 25 == 0:
            mirror.compare_events()
    mirror.compare_events()
    reached.update(mirror.steps)
    walked.add(seed)


@pytest.mark.parametrize("seed", range(SEEDS))
def test_walk(world: World, seed: int) -> None:
    """Given any walk, chain and model agree after each step, and at the end on everything that is stored."""
    walk_through(world, seed)


def test_walks_get_everywhere(world: World) -> None:
    """Given all walks, each function went through at least once."""
    for seed in sorted(set(range(SEEDS)) - walked):
        with world.evm.rollback():
            walk_through(world, seed)
    assert [name for name in GOAL if not reached[name]] == []
