"""How the demonstration brings tens of thousands of transactions to a chain of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from flexbond.chain.development import development_accounts
from flexbond.chain.errors import ChainError
from flexbond.chain.node import NodeKind
from flexbond.demo.fleet.sending import Bulk, stop_mining
from flexbond.demo.ground import break_ground, chain
from flexbond.operations.progress import silent

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.anvil


def test_many_transactions_at_once(tmp_path: Path) -> None:
    """Given some of many transactions that the node has already, when all are brought, then each happens once, and one too many is told."""
    with chain("anvil", 1_475_000_000) as node:
        ground = break_ground(node, tmp_path, silent)
        people, rpc, token = development_accounts(), ground.suite.rpc, ground.suite.token(ground.token.address)
        bulk = Bulk.of(ground, people.relayer, token, gas=100_000)
        mint = token.function("mint").encode(people.relayer.address, 7)
        signed = [bulk.sign(mint) for _ in range(20)]
        stop_mining(rpc, NodeKind.ANVIL)
        for raw in signed[:5]:
            rpc.request("eth_sendRawTransaction", raw)
        assert bulk.bring(signed) > 20 * 21_000
        assert token.read("balanceOf", people.relayer.address) == 7 * 20
        bulk.nonce += 1
        with pytest.raises(ChainError, match="Of 1 transactions 0 were mined"):
            bulk.bring([bulk.sign(mint)])
