"""Gas of every action, from the receipts of all transactions of a run."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any, Final

from flexbond.demo.result import GasLine
from flexbond.hashing import checksum_address

if TYPE_CHECKING:
    from flexbond.chain.rpc import Rpc
    from flexbond.chain.suite import Suite

BATCH: Final = 200
"""Requests made at once."""


def gas_lines(suite: Suite, first_block: int) -> tuple[GasLine, ...]:
    """Every function called in a transaction of its own from a block on, by contract."""
    known = {contract.address: contract for contract in map(suite.contract, suite.addresses)}
    used: dict[tuple[str, str], list[int]] = defaultdict(list)
    transactions = _transactions(suite.rpc, first_block)
    for transaction, receipt in zip(transactions, _receipts(suite.rpc, transactions), strict=True):
        contract = known.get(checksum_address(receipt["to"])) if receipt["to"] else None
        if contract is None:
            continue
        function = contract.abi.by_selector.get(bytes.fromhex(str(transaction["input"])[2:10]))
        if function is not None:
            used[contract.name, function.name].append(int(receipt["gasUsed"], 16))
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


def _transactions(rpc: Rpc, first_block: int) -> list[dict[str, Any]]:
    numbers = range(first_block, rpc.block_number() + 1)
    blocks: list[dict[str, Any]] = []
    for start in range(0, len(numbers), BATCH):
        part = numbers[start : start + BATCH]
        blocks += rpc.batch("eth_getBlockByNumber", [(hex(number), True) for number in part])
    return [transaction for block in blocks for transaction in block["transactions"]]


def _receipts(rpc: Rpc, transactions: list[dict[str, Any]]) -> list[dict[str, Any]]:
    receipts: list[dict[str, Any]] = []
    for start in range(0, len(transactions), BATCH):
        part = transactions[start : start + BATCH]
        receipts += rpc.batch("eth_getTransactionReceipt", [(item["hash"],) for item in part])
    return receipts
