"""Fixtures of the unit tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.unit.story import Story, tell

if TYPE_CHECKING:
    from tests.support.world import World


@pytest.fixture
def story(world: World) -> Story:
    """Four homes, one portfolio, a product under the default rule; nothing sold yet."""
    return tell(world)
