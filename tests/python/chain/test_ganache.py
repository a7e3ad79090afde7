"""The same on Ganache: old-style prices, other errors."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from flexbond.chain.config import load_config
from flexbond.chain.deploy import deploy, load_suite
from flexbond.chain.errors import ContractRevert, GasLimitError
from flexbond.chain.events import decode_logs, read_events
from flexbond.chain.node import LocalNode, NodeKind, NodeSettings
from flexbond.chain.rpc import Rpc
from flexbond.chain.send import Sender, SendSettings
from flexbond.chain.suite import Suite
from tests.python.chain.conftest import PEOPLE, ROOT

pytestmark = pytest.mark.ganache
CONFIG = load_config("ganache", ROOT / "config")
SETTINGS = SendSettings(gas_price_wei=CONFIG.gas_price_wei)


@pytest.fixture(scope="module")
def suite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Suite]:
    folder: Path = tmp_path_factory.mktemp("deployments")
    with LocalNode(NodeSettings(kind=NodeKind.GANACHE)) as node:
        rpc = Rpc.at(node.url)
        deploy(CONFIG, Sender(rpc, PEOPLE.deployer, SETTINGS), folder=folder)
        yield load_suite(rpc, folder)


def test_many_in_flight(suite: Suite) -> None:
    """Given several transactions, they happen in their order, and the log has them."""
    sender = Sender(suite.rpc, PEOPLE.market_operator, SETTINGS)
    transactions = [
        suite.participants.transaction("qualify", PEOPLE.buyer, True, False, number.to_bytes(32, "big"), 2**40 - 1)
        for number in range(5)
    ]
    receipts = sender.send_all(transactions)
    events = [event for receipt in receipts for event in decode_logs(suite, receipt.logs)]
    assert [int.from_bytes(event.credential_hash, "big") for event in events] == list(range(5))
    assert events == list(read_events(suite, name="ParticipantQualified"))


def test_reverts_are_named(suite: Suite) -> None:
    """Given a transaction that cannot be, the error is named: tried, estimated, or mined."""
    sender = Sender(suite.rpc, PEOPLE.market_operator, SETTINGS)
    wrong = suite.participants.transaction("qualify", PEOPLE.buyer, True, False, bytes(32), 5)
    for act in (sender.rehearse, sender.send, lambda item: sender.send(replace(item, gas=200_000))):
        with pytest.raises(ContractRevert) as caught:
            act(wrong)
        assert caught.value.name == "ParticipantRegistry_BadExpiry"
    with pytest.raises(ContractRevert, match="was never published"):
        suite.rulebook.read("terms", bytes(32))


def test_out_of_gas(suite: Suite) -> None:
    """Given too little gas, it says so, and the next transaction goes on."""
    sender = Sender(suite.rpc, PEOPLE.market_operator, SETTINGS)
    right = suite.participants.transaction("qualify", PEOPLE.buyer, True, False, bytes(32), 2**40 - 1)
    with pytest.raises(GasLimitError):
        sender.send(replace(right, gas=30_000))
    sender.send(right)
