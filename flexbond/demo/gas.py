"""Gas of every action, from the receipts of all transactions of a run."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from flexbond.demo.result import GasLine
from flexbond.hashing import checksum_address

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from flexbond.chain.rpc import Rpc
    from flexbond.chain.suite import Suite

BATCH: Final = 200
"""Requests made at once."""


@dataclass(frozen=True, kw_only=True)
class Action:
    """One function called in a transaction of its own."""

    contract: str
    name: str
    gas: int


def actions(suite: Suite, blocks: Sequence[int]) -> list[Action]:
    """All that was called in some blocks, in their order."""
    known = {contract.address: contract for contract in map(suite.contract, suite.addresses)}
    found = []
    transactions = _transactions(suite.rpc, blocks)
    for transaction, receipt in zip(transactions, _receipts(suite.rpc, transactions), strict=True):
        contract = known.get(checksum_address(receipt["to"])) if receipt["to"] else None
        if contract is None:
            continue
        function = contract.abi.by_selector.get(bytes.fromhex(str(transaction["input"])[2:10]))
        if function is not None:
            found.append(Action(contract=contract.name, name=function.name, gas=int(receipt["gasUsed"], 16)))
    return found


def gas_lines(suite: Suite, found: Iterable[Action]) -> tuple[GasLine, ...]:
    """Every function, by contract."""
    used: dict[tuple[str, str], list[int]] = defaultdict(list)
    for action in found:
        used[action.contract, action.name].append(action.gas)
    order = {name: place for place, name in enumerate(suite.addresses)}
    return tuple(
        GasLine(
            contract=contract,
            action=action,
            transactions=len(gas),
            least=min(gas),
            most=max(gas),
            total=sum(gas),
        )
        for (contract, action), gas in sorted(used.items(), key=lambda item: (order[item[0][0]], item[0][1]))
    )


def gas_since(suite: Suite, first_block: int) -> tuple[GasLine, ...]:
    """Every function called from a block on."""
    return gas_lines(suite, actions(suite, range(first_block, suite.rpc.block_number() + 1)))


def _transactions(rpc: Rpc, blocks: Sequence[int]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for start in range(0, len(blocks), BATCH):
        part = blocks[start : start + BATCH]
        found += rpc.batch("eth_getBlockByNumber", [(hex(number), True) for number in part])
    return [transaction for block in found for transaction in block["transactions"]]


def _receipts(rpc: Rpc, transactions: list[dict[str, Any]]) -> list[dict[str, Any]]:
    receipts: list[dict[str, Any]] = []
    for start in range(0, len(transactions), BATCH):
        part = transactions[start : start + BATCH]
        receipts += rpc.batch("eth_getTransactionReceipt", [(item["hash"],) for item in part])
    return receipts
