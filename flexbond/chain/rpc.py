"""Requests to a node, without double effects: what fails on the way is tried again, what the node refuses is a typed error."""

# JSON is anything.

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import requests
from web3 import HTTPProvider, Web3
from web3.exceptions import Web3Exception
from web3.types import RPCEndpoint

from flexbond.chain.errors import NodeUnreachableError, WrongChainError, revert_of
from flexbond.errors import FlexbondError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from flexbond.chain.errors import ContractRevert

TRIES: Final = 8
"""How often a request is made before giving up; the waits between add up to some 12 s."""
AT_ONCE: Final = 5_000
"""Most requests of a batch."""
FIRST_WAIT: Final = 0.1
"""s; each wait is twice the one before."""

_HERE: Final = ("127.0.0.1", "localhost", "::1")

_LOST: Final = (OSError, requests.RequestException, Web3Exception, ValueError)
"""What making a request raises when no answer came, or none that is JSON."""


class RpcError(FlexbondError):
    """The node answered with an error."""

    def __init__(self, method: str, error: Any) -> None:
        fields = error if isinstance(error, dict) else {"message": str(error)}
        self.code = fields.get("code")
        self.text = str(fields.get("message", ""))
        self.data = fields.get("data")
        super().__init__(f"The node refuses {method}: {self.text}.", next_step="Check the node and the arguments.")

    @property
    def revert_data(self) -> bytes | None:
        """The data of a revert, as the nodes give it in various places; None if this is no revert."""
        found = _hex_in(self.data)
        if found is not None:
            return found
        return b"" if "revert" in self.text.lower() else None


class RequestLostError(NodeUnreachableError):
    """A request whose answer did not arrive; whether it was done is not known."""


def _hex_in(data: Any) -> bytes | None:
    if isinstance(data, str) and data.startswith("0x"):
        return bytes.fromhex(data[2:])
    if isinstance(data, dict):  # Ganache
        for key in ("result", "data", "return"):
            found = _hex_in(data.get(key))
            if found is not None:
                return found
    return None


@dataclass(frozen=True)
class Rpc:
    """A node's JSON-RPC."""

    w3: Web3

    @classmethod
    def at(cls, url: str, *, timeout: float = 120.0) -> Rpc:
        """The node at an address."""
        session = requests.Session()
        # What the environment names as a proxy does not know the way to this machine.
        session.trust_env = urlsplit(url).hostname not in _HERE
        provider = HTTPProvider(
            url, request_kwargs={"timeout": timeout}, session=session, exception_retry_configuration=None
        )
        return cls(Web3(provider))

    def once(self, method: str, *parameters: Any) -> Any:
        """One try. Raises RpcError, or RequestLostError if nobody knows whether it was done."""
        try:
            response: Any = self.w3.provider.make_request(RPCEndpoint(method), list(parameters))
        except _LOST as error:
            raise RequestLostError(
                f"No answer from the node to {method} ({type(error).__name__}).",
                next_step="Check that it runs, and try again.",
            ) from error
        if "error" in response:
            raise RpcError(method, response["error"])
        return response.get("result")

    def request(self, method: str, *parameters: Any) -> Any:
        """As often as needed: for what may be asked twice. Raises RpcError, NodeUnreachableError."""
        wait = FIRST_WAIT
        for _ in range(TRIES - 1):
            try:
                return self.once(method, *parameters)
            except RequestLostError:
                time.sleep(wait)
                wait *= 2
        return self.once(method, *parameters)

    def batch(self, method: str, parameters: Sequence[Sequence[Any]]) -> list[Any]:
        """The same request with many parameters, in order. Raises RpcError, NodeUnreachableError."""
        if len(parameters) > AT_ONCE:
            parts = (parameters[start : start + AT_ONCE] for start in range(0, len(parameters), AT_ONCE))
            return [result for part in parts for result in self.batch(method, part)]
        provider = self.w3.provider
        if not isinstance(provider, HTTPProvider) or len(parameters) < 2:
            return [self.request(method, *item) for item in parameters]
        try:
            responses: Any = provider.make_batch_request([(RPCEndpoint(method), list(item)) for item in parameters])
        except _LOST:
            return [self.request(method, *item) for item in parameters]
        if not isinstance(responses, list) or len(responses) != len(parameters):
            return [self.request(method, *item) for item in parameters]
        for response in responses:
            if "error" in response:
                raise RpcError(method, response["error"])
        return [response["result"] for response in sorted(responses, key=lambda item: int(item["id"]))]

    # ---------------------------------------------------------------- what everybody asks

    def chain_id(self) -> int:
        """The chain's id."""
        return int(self.request("eth_chainId"), 16)

    def require_chain(self, chain_id: int) -> None:
        """Raises WrongChainError unless the node is of this chain."""
        found = self.chain_id()
        if found != chain_id:
            raise WrongChainError(
                f"The node is of chain {found}, not {chain_id}.", next_step="Choose another network or another node."
            )

    def block_number(self) -> int:
        """The latest block."""
        return int(self.request("eth_blockNumber"), 16)

    def nonce(self, address: str, block: str = "latest") -> int:
        """Transactions of an account up to a block, or with `pending` those still waiting too."""
        return int(self.request("eth_getTransactionCount", address, block), 16)

    def code(self, address: str) -> bytes:
        """The code at an address, empty if there is none."""
        return bytes.fromhex(str(self.request("eth_getCode", address, "latest"))[2:])

    def now(self) -> int:
        """Time of the latest block, UTC seconds."""
        return int(self.request("eth_getBlockByNumber", "latest", False)["timestamp"], 16)

    def call(self, transaction: dict[str, Any], *, block: str = "latest", doing: str = "") -> bytes:
        """What a call gives back, nothing is sent. Raises ContractRevert, RpcError, NodeUnreachableError."""
        try:
            return bytes.fromhex(str(self.request("eth_call", transaction, block))[2:])
        except RpcError as error:
            raise reverted(error, doing=doing) or error from error


def reverted(error: RpcError, *, doing: str = "") -> ContractRevert | None:
    """The revert in a node's error; None if it is none."""
    data = error.revert_data
    return None if data is None else revert_of(data, doing=doing)
