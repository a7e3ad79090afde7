"""Fixtures of the tests of sampled submissions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.unit.spot_checks.scene import Scene, open_scene

if TYPE_CHECKING:
    from tests.support.world import World


@pytest.fixture
def scene(world: World) -> Scene:
    """Five homes, called; nothing submitted yet."""
    return open_scene(world)
