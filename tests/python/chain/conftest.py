"""A node, a suite on it, and requests to it that fail when a test wants them to."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from flexbond.chain.config import NetworkConfig, load_config
from flexbond.chain.deploy import AddressBook, deploy
from flexbond.chain.development import development_accounts
from flexbond.chain.node import LocalNode, NodeKind, NodeSettings
from flexbond.chain.rpc import Rpc
from flexbond.chain.send import Sender
from flexbond.chain.suite import Suite
from tests.support.undoing import back_to, keep

ROOT = Path(__file__).resolve().parents[3]
PEOPLE = development_accounts()

Hook = Callable[[str, tuple[Any, ...]], None]


class WatchedRpc(Rpc):
    """Tells each request before and after it is made; what a hook raises comes in place of the answer."""

    def __init__(self, rpc: Rpc) -> None:
        super().__init__(rpc.w3)
        object.__setattr__(self, "before", lambda method, parameters: None)
        object.__setattr__(self, "after", lambda method, parameters: None)
        object.__setattr__(self, "made", [])

    before: Hook
    after: Hook
    made: list[str]

    def watch(self, *, before: Hook | None = None, after: Hook | None = None) -> None:
        if before:
            object.__setattr__(self, "before", before)
        if after:
            object.__setattr__(self, "after", after)

    def once(self, method: str, *parameters: Any) -> Any:
        self.made.append(method)
        self.before(method, parameters)
        result = super().once(method, *parameters)
        self.after(method, parameters)
        return result


@pytest.fixture(scope="session")
def anvil() -> Iterator[Rpc]:
    """A node that starts when it is first needed."""
    with LocalNode(NodeSettings(kind=NodeKind.ANVIL)) as node:
        yield Rpc.at(node.url)


@pytest.fixture(scope="session")
def config() -> NetworkConfig:
    return load_config("anvil", ROOT / "config")


@pytest.fixture(scope="session")
def deployed(anvil: Rpc, config: NetworkConfig, tmp_path_factory: pytest.TempPathFactory) -> AddressBook:
    return deploy(config, Sender(anvil, PEOPLE.deployer), folder=tmp_path_factory.mktemp("deployments"))


@pytest.fixture
def rpc(anvil: Rpc, deployed: AddressBook) -> Iterator[WatchedRpc]:
    """The node with the suite on it; whatever a test does is undone."""
    snapshot = keep(anvil)
    yield WatchedRpc(anvil)
    anvil.once("evm_setAutomine", True)
    back_to(anvil, snapshot)


@pytest.fixture
def suite(rpc: WatchedRpc, deployed: AddressBook) -> Suite:
    return Suite(rpc, deployed.addresses)
