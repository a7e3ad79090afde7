"""The interface of the EVM of the process, on an Anvil node: here gas is what it costs on a chain.

Every account may send without a key, and every block has exactly the time that was set, so that a run costs the same to
the last digit whenever and wherever it happens, whatever hashes of blocks decide.
"""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from web3 import HTTPProvider, Web3

from flexbond.chain.codec import decode_revert
from flexbond.chain.plan import created_address
from flexbond.chain.rpc import Rpc, RpcError
from flexbond.hashing import checksum_address
from tests.support.evm import (
    CHAIN_ID,
    DEPLOY_GAS,
    GENESIS,
    TRANSACTION_GAS,
    Contract,
    Evm,
    Reverted,
    address_of,
    artifacts,
)
from tests.support.undoing import back_to, keep

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.evm import Method

RICH: Final = hex(10**24)
"""Ether of every sender, wei: no price of gas matters."""


class _Log:
    """A log as pyrevm gives it."""

    def __init__(self, entry: dict[str, Any]) -> None:
        self.address = str(entry["address"])
        self.data = ([_bytes(topic) for topic in entry["topics"]], _bytes(entry["data"]))


class _Result:
    """What a transaction did, as pyrevm says it."""

    def __init__(self, receipt: dict[str, Any]) -> None:
        self.gas_used = int(receipt["gasUsed"], 16)
        self.logs = [_Log(entry) for entry in receipt["logs"]]


class AnvilEvm(Evm):
    """One chain on a node."""

    def __init__(self, url: str) -> None:
        self._rpc = Rpc(Web3(HTTPProvider(url, request_kwargs={"timeout": 120}, exception_retry_configuration=None)))
        self._time = GENESIS
        self._result: _Result | None = None
        self._deployed: dict[str, int] = {}
        self._senders: set[str] = set()
        self._last = ""
        self.gas = 0
        """Of all transactions so far."""
        self._rpc.request("anvil_autoImpersonateAccount", True)
        self._rpc.request("anvil_setBlockTimestampInterval", 0)
        self.time = GENESIS

    @property
    def chain_id(self) -> int:
        """31337."""
        return CHAIN_ID

    @property
    def time(self) -> int:
        """Time of the latest block and of all to come, UTC seconds."""
        return self._time

    @time.setter
    def time(self, value: int) -> None:
        if value != int(self._rpc.request("eth_getBlockByNumber", "latest", False)["timestamp"], 16):
            self._rpc.request("evm_setNextBlockTimestamp", value)
            self._rpc.once("evm_mine")
        self._time = value

    @property
    def number(self) -> int:
        """Number of the latest block."""
        return int(self._rpc.request("eth_blockNumber"), 16)

    @number.setter
    def number(self, value: int) -> None:
        if missing := value - self.number:
            self._rpc.once("anvil_mine", hex(missing))

    @property
    def result(self) -> Any:
        """Of the last transaction."""
        return self._result

    def deploy(self, contract: str, *args: Any, sender: Any, value: int = 0) -> Contract:
        """Deploys a compiled contract with its constructor's arguments."""
        artifact = artifacts()[contract]
        address = created_address(address_of(sender), self._count(sender))
        code = artifact.bytecode + artifact.abi.constructor.encode_arguments(*args)
        self._send(address_of(sender), None, code, TRANSACTION_GAS)
        self._deployed[address_of(sender)] = self.nonce(sender) + 1
        return Contract(self, artifact.abi, address)

    def nonce(self, account: Any) -> int:
        """How many contracts the account deployed."""
        return self._deployed.get(address_of(account), 0)

    def code(self, address: str) -> bytes:
        """The code at an address, empty where there is none."""
        return self._rpc.code(address)

    def execute(
        self,
        sender: Any,
        to: str,
        data: bytes,
        *,
        value: int = 0,
        gas: int = TRANSACTION_GAS,
        is_static: bool = False,
    ) -> bytes:
        """One call with raw data; its raw result. Raises Reverted."""
        call = {"from": address_of(sender), "to": to, "data": "0x" + data.hex(), "gas": hex(DEPLOY_GAS)}
        try:
            output = _bytes(self._rpc.request("eth_call", call, "latest"))
        except RpcError as error:
            raise Reverted(decode_revert(error.revert_data or b"", artifacts().errors)) from None
        if not is_static:
            self._send(address_of(sender), to, data, min(gas, TRANSACTION_GAS))
        return output

    def snapshot(self) -> Any:
        """The present state, time included, for `revert`."""
        return keep(self._rpc), self._time

    def revert(self, snapshot: Any) -> None:
        """Back to a snapshot, which is used up, and with it all that were taken later."""
        taken, time = snapshot
        back_to(self._rpc, taken)
        self._senders.clear()
        self._time = time

    def word(self, address: str, slot: int) -> int:
        """What a slot of a contract holds."""
        return int(self._rpc.request("eth_getStorageAt", address, f"0x{slot:064x}", "latest"), 16)

    def put_word(self, address: str, slot: int, value: int) -> None:
        """Writes a slot of a contract."""
        self._rpc.request("anvil_setStorageAt", address, f"0x{slot:064x}", f"0x{value:064x}")

    def spent_within(self, method: Method) -> int:
        """Gas of the one call of a function within the last transaction, its own calls included."""
        (found,) = self.calls_within(method)
        return found

    def calls_within(self, method: Method) -> list[int]:
        """Gas of every call of a function within the last transaction, in order."""
        wanted = method.address.lower(), "0x" + method.function.selector.hex()

        def frames(call: dict[str, Any]) -> Iterator[dict[str, Any]]:
            yield call
            for inner in call.get("calls", ()):
                yield from frames(inner)

        top = self._rpc.request("debug_traceTransaction", self._last, {"tracer": "callTracer"})
        found = [call for call in frames(top) if (call["to"], call["input"][:10]) == wanted]
        return [int(call["gasUsed"], 16) for call in found]

    @contextmanager
    def impersonated(self, contract: Any) -> Iterator[str]:
        """Lets a contract's address send transactions itself: here every account may."""
        yield address_of(contract)

    def _trace(self, receipt: dict[str, Any]) -> str:
        """What became of a transaction, for who reads a failure."""
        top = self._rpc.request("debug_traceTransaction", receipt["transactionHash"], {"tracer": "callTracer"})
        latest = self._rpc.request("eth_blockNumber")
        return f"block {receipt['blockNumber']} of {latest}, {top.get('error')}, output {top.get('output')}"

    def _count(self, account: Any) -> int:
        return self._rpc.nonce(address_of(account))

    def _send(self, sender: str, to: str | None, data: bytes, gas: int) -> None:
        if sender not in self._senders:
            self._senders.add(sender)
            self._rpc.request("anvil_setBalance", sender, RICH)
        transaction = {"from": sender, "data": "0x" + data.hex(), "gas": hex(gas)}
        if to is not None:
            transaction["to"] = checksum_address(to)
        receipt = self._rpc.once("eth_sendTransactionSync", transaction)
        assert receipt["status"] == "0x1", f"a transaction of {sender} to {to} failed: {self._trace(receipt)}"
        self._last = receipt["transactionHash"]
        self._result = _Result(receipt)
        self.gas += self._result.gas_used


def _bytes(text: str) -> bytes:
    return bytes.fromhex(re.sub("^0x", "", text))
