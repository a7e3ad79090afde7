"""The engines, each opened once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from flexbond.metering.bulk import Engine, open_engine
from tests.support.java import java_home

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def duckdb() -> Iterator[Engine]:
    """DuckDB in this process."""
    with open_engine("duckdb", threads=2) as engine:
        yield engine


@pytest.fixture(scope="module")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """Spark with the packaged Java, on two threads."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JAVA_HOME", str(java_home(tmp_path_factory.mktemp("java"))))
        with open_engine("spark", threads=2, memory_mb=1_000) as engine:
            yield engine
