"""The called event that many cases begin with."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from flexbond.chain.node import NodeKind
from tests.integration.case import Case
from tests.integration.sampled import SampledCase, SampledStage
from tests.integration.stage import raised
from tests.support.undoing import undone

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.integration.stage import Stage


@pytest.fixture(scope="module")
def called(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Stage, bytes]]:
    """A called event with attested records, just after the reading deadline."""
    with raised(NodeKind.ANVIL, tmp_path_factory.mktemp("cases")) as stage:
        yield stage, stage.up_to_called()


@pytest.fixture
def case(called: tuple[Stage, bytes]) -> Iterator[Case]:
    """The same for every test."""
    stage, event = called
    book = stage.book_path.read_bytes()
    with undone(stage.rpc):
        yield Case(stage, event)
    stage.book_path.write_bytes(book)


@pytest.fixture(scope="module")
def sampled_called(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[SampledStage, bytes]]:
    """A called event of twelve homes whose submission is sampled."""
    with raised(NodeKind.ANVIL, tmp_path_factory.mktemp("sampled"), SampledStage) as stage:
        assert isinstance(stage, SampledStage)
        yield stage, stage.up_to_called()


@pytest.fixture
def sampled(sampled_called: tuple[SampledStage, bytes]) -> Iterator[SampledCase]:
    """The same for every test."""
    stage, event = sampled_called
    book = stage.book_path.read_bytes()
    with undone(stage.rpc):
        yield SampledCase(stage, event)
    stage.book_path.write_bytes(book)
