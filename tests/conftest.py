"""Fixtures for all tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

from tests.support.evm import Evm
from tests.support.world import World

if TYPE_CHECKING:
    from collections.abc import Iterator

# The same cases on every run and machine, however slow it is; nothing is written beside the tests.
settings.register_profile("flexbond", deadline=None, derandomize=True, database=None)
settings.load_profile("flexbond")


@pytest.fixture
def evm() -> Evm:
    """An empty chain in the process, for contracts on their own."""
    return Evm()


@pytest.fixture(scope="session")
def deployed_world() -> World:
    """The suite, deployed once; use `world`, which undoes what a test does."""
    world = World()
    world.settle_in()
    return world


@pytest.fixture
def world(deployed_world: World) -> Iterator[World]:
    """The suite with its people, money, grid and default rule, the same for every test."""
    with deployed_world.evm.rollback():
        yield deployed_world
